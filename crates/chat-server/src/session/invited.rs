//! From an invite to an account and its first session.

use std::sync::Arc;

use chat_protocol::codec::Incoming;
use chat_protocol::message::{ErrorCode, Refusal};
use chat_protocol::names::Alias;
use chat_protocol::text::{self, Login};
use chat_protocol::value::{Invite, Password};
use tokio::time::Instant;
use tracing::info;

use super::handshake::no_randomness;
use super::login::{insecure, refusal};
use super::{Ended, Flow, Person, Session, Transport};
use crate::accounts::{Account, check_password};
use crate::limits::{MAX_ADDRESS_DELAY, MAX_PASSWORD, MIN_PASSWORD};
use crate::log::{AuthorId, TokenHash};
use crate::secret::random;

/// Passwords that break the rules before the alias is asked for again.
const SLIPS: u32 = 3;

impl<S: Transport> Session<S> {
    /// Asks a person for an invite, and for the password that the account shall have.
    pub(super) async fn ask_invite(&mut self, alias: Alias, deadline: Instant) -> Flow<Result<Person, Refusal>> {
        if !self.peer.is_secure() {
            return Ok(Err(insecure("only people with an account can come in here, and ")));
        }
        let Some(invite) = self.ask(text::INVITE, deadline).await?.map(Invite::new) else {
            let words = "only people with an account can come in here; an invite makes one";
            return Ok(Err(Refusal::new(ErrorCode::InviteRequired, words)));
        };
        if let Err(refusal) = self.check_invite(&alias, &invite, deadline).await? {
            return Ok(Err(refusal));
        }
        self.notice(&format!(
            "choose a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters: from here on {alias} takes it"
        ));
        let mut slips = 0;
        let password = loop {
            let Some(password) = self.ask(text::PASSWORD, deadline).await?.map(Password::new) else {
                return Ok(Err(Refusal::new(ErrorCode::BadField, "no password, no account")));
            };
            let Err(bad) = check_password(&password, &alias) else { break password };
            let refusal = Refusal::new(ErrorCode::BadField, bad.to_string());
            slips += 1;
            if slips == SLIPS {
                return Ok(Err(refusal));
            }
            self.refuse(refusal);
        };
        let made = self.redeem(&alias, &invite, password, None, deadline).await?;
        Ok(made.map(|Account { alias, id: author, .. }| Person {
            alias,
            author,
            token: None,
            quiet: false,
            knows_password: true,
        }))
    }

    /// Makes the account of a program that brings an invite and a password, and lets it in.
    pub(super) async fn accept_invite(
        &mut self,
        alias: &Alias,
        invite: &Invite,
        password: Option<Password>,
        token: TokenHash,
        deadline: Instant,
    ) -> Flow<Result<Account, Refusal>> {
        let Some(password) = password else {
            let words = "an invite makes an account: give the password that it shall have, too";
            return Ok(Err(Refusal::new(ErrorCode::BadField, words)));
        };
        if let Err(refusal) = self.check_invite(alias, invite, deadline).await? {
            return Ok(Err(refusal));
        }
        self.redeem(alias, invite, password, Some(token), deadline).await
    }

    async fn check_invite(&mut self, alias: &Alias, invite: &Invite, deadline: Instant) -> Flow<Result<(), Refusal>> {
        self.flush().await?;
        let (hub, address, now) = (Arc::clone(&self.hub), self.peer.address, self.hub.clock.now());
        let checked = hub.accounts.check_invite(address, alias, invite.clone(), now, MAX_ADDRESS_DELAY);
        let checked = self.in_time(deadline, checked).await?;
        Ok(checked.map_err(|refused| {
            info!(connection = self.peer.id.0, address = %self.written_address(), %alias, %refused, "invite refused");
            refusal(&refused)
        }))
    }

    async fn redeem(
        &mut self,
        alias: &Alias,
        invite: &Invite,
        password: Password,
        token: Option<TokenHash>,
        deadline: Instant,
    ) -> Flow<Result<Account, Refusal>> {
        let id = match random() {
            Ok(id) => AuthorId(id),
            Err(error) => return Ok(Err(no_randomness(error))),
        };
        let (hub, address, now) = (Arc::clone(&self.hub), self.peer.address, self.hub.clock.now());
        let made = hub.accounts.redeem(address, id, alias.clone(), password, invite.clone(), now);
        match self.in_time(deadline, made).await? {
            Ok(account) => {
                info!(connection = self.peer.id.0, %alias, "registered by invite");
                self.enter_account(&account, token, deadline).await?;
                Ok(Ok(account))
            }
            Err(refused) => Ok(Err(refusal(&refused))),
        }
    }

    /// Asks a person for something secret; `None` where the line is empty or can't be read.
    pub(super) async fn ask(&mut self, question: &str, deadline: Instant) -> Flow<Option<String>> {
        self.out.push(question.as_bytes());
        self.out.push(b"\n");
        match self.next_item(deadline).await? {
            Incoming::Line(line) if text::parse_login(&line) == Login::Quit => Err(Ended::Quit(None)),
            Incoming::Line(line) => Ok(Some(line.trim()).filter(|line| !line.is_empty()).map(str::to_owned)),
            Incoming::Bad(_) => Ok(None),
            _ => Err(self.interrupted()),
        }
    }

    /// Waits for an answer of the accounts, for as long as the handshake may take.
    pub(super) async fn in_time<T>(&mut self, deadline: Instant, answer: impl Future<Output = T>) -> Flow<T> {
        tokio::select! {
            bye = self.peer.asked_to_end() => Err(Ended::Closed(bye)),
            () = tokio::time::sleep_until(deadline) => Err(self.timed_out()),
            answer = answer => Ok(answer),
        }
    }
}

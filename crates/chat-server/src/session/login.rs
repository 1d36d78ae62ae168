//! From an alias to the one who may have it: a guest, or the owner who knows its password.

use std::sync::Arc;

use chat_protocol::message::{Bye, ByeCode, ErrorCode, Hello, Refusal};
use chat_protocol::names::Alias;
use chat_protocol::text;
use chat_protocol::value::Password;
use tokio::time::Instant;

use super::handshake::no_randomness;
use super::{Ended, Flow, Person, Session, Transport};
use crate::accounts::{Account, AccountError, Refused};
use crate::directory::{InTheWay, Taken};
use crate::limits::MAX_ADDRESS_DELAY;
use crate::log::{AuthorId, TokenHash};
use crate::secret::{Secret, random};
use crate::written::Written;

impl<S: Transport> Session<S> {
    /// Takes an alias for a text connection; asks for the password where it is an account's.
    pub(super) async fn introduce(&mut self, name: &str, deadline: Instant) -> Flow<Result<Person, Refusal>> {
        let alias = match Alias::new(name) {
            Ok(alias) => alias,
            Err(error) => return Ok(Err(Refusal::new(ErrorCode::BadAlias, error.to_string()))),
        };
        if !self.is_accounts(&alias) {
            if self.hub.require_account {
                return self.ask_invite(alias, deadline).await;
            }
            return Ok(self.claim(alias));
        }
        if !self.peer.is_secure() {
            return Ok(Err(insecure(&format!("{alias} is an account's alias, and "))));
        }
        let Some(password) = self.ask(text::PASSWORD, deadline).await?.map(Password::new) else {
            return Ok(Err(Refusal::new(ErrorCode::WrongPassword, "no password, no login")));
        };
        let account = match self.log_in(&alias, password, None, deadline).await? {
            Ok(account) => account,
            Err(mut refusal) => {
                // What is typed next is an alias, which everybody sees: it had better not be the password once more.
                if refusal.code == ErrorCode::WrongPassword {
                    refusal.message.push_str("; the alias first, then the password");
                }
                return Ok(Err(refusal));
            }
        };
        let Account { alias, id: author, .. } = account;
        Ok(Ok(Person { alias, author, token: None, quiet: false, knows_password: true }))
    }

    fn is_accounts(&self, alias: &Alias) -> bool {
        self.hub.accounts.authenticator().owner(alias).is_some_and(|account| account.is_called(alias))
    }

    /// Takes an alias for a guest's text connection.
    fn claim(&self, alias: Alias) -> Result<Person, Refusal> {
        self.admit_guest()?;
        let author = AuthorId(random().map_err(no_randomness)?);
        self.hub.directory.claim(&alias, &self.peer).map_err(taken)?;
        Ok(Person { alias, author, token: None, quiet: false, knows_password: false })
    }

    /// Opens a JSON session: a guest's, or with a password an account's, which an invite makes.
    pub(super) async fn open(&mut self, hello: &Hello, deadline: Instant) -> Flow<Result<(Person, String), Refusal>> {
        let alias = match Alias::new(&hello.alias) {
            Ok(alias) => alias,
            Err(error) => return Ok(Err(Refusal::new(ErrorCode::BadAlias, error.to_string()))),
        };
        let secret = match Secret::generate() {
            Ok(secret) => secret,
            Err(error) => return Ok(Err(no_randomness(error))),
        };
        let token = secret.hash();
        let is_accounts = self.is_accounts(&alias);
        let person = match (&hello.invite, &hello.password) {
            (Some(_), _) | (_, Some(_)) if !self.peer.is_secure() => Err(insecure("")),
            // One that was used up by the same hello, whose answer was lost, is in nobody's way.
            (Some(invite), password) if !is_accounts => {
                let account = self.accept_invite(&alias, invite, password.clone(), token, deadline).await?;
                account.map(|Account { alias, id: author, .. }| (alias, author))
            }
            (_, Some(password)) => {
                let account = self.log_in(&alias, password.clone(), Some(token), deadline).await?;
                account.map(|Account { alias, id: author, .. }| (alias, author))
            }
            (_, None) if is_accounts => Err(Refusal::new(
                ErrorCode::WrongPassword,
                format!("{alias} is an account's alias, and takes its password"),
            )),
            (_, None) => self.admit_guest().and_then(|()| {
                let author = secret.author();
                self.hub.directory.open(&alias, &self.peer, token, author).map_err(taken)?;
                Ok((alias, author))
            }),
        };
        Ok(person.map(|(alias, author)| {
            let knows_password = hello.password.is_some();
            (
                Person { alias, author, token: Some(token.into()), quiet: hello.quiet, knows_password },
                secret.into_string(),
            )
        }))
    }

    /// Lets the connection in as one of the account's that has this alias and password.
    async fn log_in(
        &mut self,
        alias: &Alias,
        password: Password,
        token: Option<TokenHash>,
        deadline: Instant,
    ) -> Flow<Result<Account, Refusal>> {
        self.flush().await?;
        let hub = Arc::clone(&self.hub);
        let verified = hub.accounts.verify(self.peer.address, alias, password, MAX_ADDRESS_DELAY);
        let account = match self.in_time(deadline, verified).await? {
            Ok(account) => account,
            Err(refused) => {
                tracing::info!(connection = self.peer.id.0, address = %self.written_address(), %alias, %refused, "login refused");
                return Ok(Err(refusal(&refused)));
            }
        };
        self.enter_account(&account, token, deadline).await?;
        Ok(Ok(account))
    }

    pub(super) async fn enter_account(
        &mut self,
        account: &Account,
        token: Option<TokenHash>,
        deadline: Instant,
    ) -> Flow {
        while let Err(InTheWay(guests)) = self.hub.directory.enter(account, &self.peer, token) {
            self.send_away(guests, deadline).await?;
        }
        Ok(())
    }

    /// Where it comes from, as the log shows it.
    pub(super) fn written_address(&self) -> Written<std::net::IpAddr> {
        let nowhere = std::net::Ipv4Addr::UNSPECIFIED.into();
        self.hub.addresses.of(self.peer.address.unwrap_or(nowhere))
    }

    /// Closes the connections of guests who had an alias before it was an account's.
    pub(super) async fn send_away(&mut self, guests: Vec<Arc<crate::peer::Peer>>, deadline: Instant) -> Flow {
        for guest in guests {
            guest.end(Bye::new(ByeCode::Replaced, "this alias belongs to an account, whose owner has come"));
            tokio::select! {
                () = guest.until_gone() => {}
                bye = self.peer.asked_to_end() => return Err(Ended::Closed(bye)),
                () = tokio::time::sleep_until(deadline) => return Err(self.timed_out()),
            }
        }
        Ok(())
    }
}

fn taken(error: Taken) -> Refusal {
    Refusal::new(ErrorCode::AliasTaken, error.to_string())
}

/// Passwords aren't read from a connection that others can read, and sending one there is discouraged by words, not by silence.
pub(super) fn insecure(before: &str) -> Refusal {
    not_private(&format!("{before}passwords"))
}

/// The same for whatever else lets its bearer be somebody.
pub(super) fn not_private(what: &str) -> Refusal {
    let words = format!("{what} are only taken over TLS or on the server's own machine");
    Refusal::new(ErrorCode::Forbidden, words)
}

pub(super) fn refusal(refused: &Refused) -> Refusal {
    let code = match refused {
        Refused::Later(_) | Refused::Account(AccountError::TooMany) => ErrorCode::Limit,
        Refused::Account(AccountError::BadInvite) => ErrorCode::BadInvite,
        Refused::Account(AccountError::WrongPassword) => ErrorCode::WrongPassword,
        Refused::Account(AccountError::Taken(_)) => ErrorCode::AliasTaken,
        Refused::Account(AccountError::BadPassword(_)) => ErrorCode::BadField,
        Refused::Account(AccountError::Unavailable(_)) => ErrorCode::StorageFull,
        Refused::Account(_) => ErrorCode::Forbidden,
    };
    let mut refusal = Refusal::new(code, refused.to_string());
    if let Refused::Later(wait) = refused {
        refusal.retry_after_ms = u64::try_from(wait.as_millis()).ok();
    }
    refusal
}

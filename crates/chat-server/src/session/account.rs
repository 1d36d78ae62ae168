//! What somebody who is here may do about his own account.

use std::sync::Arc;

use chat_protocol::message::{Bye, ByeCode, ErrorCode, Refusal};
use chat_protocol::value::{MessageId, Password, Time};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{info, warn};

use super::handshake::no_randomness;
use super::login::{insecure, refusal};
use super::requests::Done;
use super::{Ended, Flow, Session, Transport};
use crate::accounts::{Account, check_password};
use crate::batch::Dialect;
use crate::hub::Hub;
use crate::limits::{DRAIN_DEADLINE, MAX_ALIAS_DELAY};
use crate::log::{AuthorId, Entry, KeptSession, TokenHash};
use crate::peer::Peer;
use crate::secret::random;

impl<S: Transport> Session<S> {
    /// Makes the alias this one's alone. What he said as a guest stays his: the account's id is the author he was.
    pub(super) async fn register(&mut self, password: Password, id: Option<MessageId>) -> Done {
        let person = self.person()?;
        let (alias, author) = (person.alias.clone(), person.author);
        if self.account().is_some() {
            let words = format!("{alias} has an account already; /password NEW changes its password");
            return Err(Refusal::new(ErrorCode::Forbidden, words).into());
        }
        self.check_new_password(&password)?;
        if let Err(other) = self.hub.directory.protect(&alias, &self.peer) {
            let words =
                format!("{other} is here and looks like {alias}, so that {alias} can't be an account's just now");
            return Err(Refusal::new(ErrorCode::AliasTaken, words).into());
        }
        let now = self.hub.clock.now();
        let made = self.hub.accounts.register(self.peer.address, author, alias.clone(), password, now);
        let made = self.unless_ended(made).await?;
        let account = made.as_ref().ok().map(|account| account.id);
        self.hub.directory.set_account(&alias, &self.peer, account);
        made.map_err(|refused| refusal(&refused))?;
        info!(connection = self.peer.id.0, %alias, "registered");
        if let Some(person) = &mut self.person {
            person.knows_password = true;
        }
        self.done(id, &format!("{alias} is yours now: from here on it takes your password"));
        Ok(())
    }

    pub(super) async fn change_password(
        &mut self,
        password: Option<Password>,
        new: Password,
        id: Option<MessageId>,
    ) -> Done {
        let account = self.own_account()?;
        self.check_new_password(&new)?;
        match password {
            Some(password) => self.prove(&account, password).await?,
            None if self.person()?.knows_password => {}
            None => {
                let words = "this connection came in without the password; give the one so far too";
                return Err(Refusal::new(ErrorCode::WrongPassword, words).into());
            }
        }
        let changed = self.hub.accounts.change_password(self.peer.address, account.id, new, self.hub.clock.now());
        let changed = self.unless_ended(changed).await?.map_err(|refused| refusal(&refused))?;
        info!(connection = self.peer.id.0, alias = %account.alias, "changed the password");
        let token = self.person()?.token.as_deref().copied();
        let others = end_sessions(&self.hub, account.id, Some((&self.peer, token.as_ref())));
        self.outlive(&changed, others).await?;
        if let Some(person) = &mut self.person {
            person.knows_password = true;
        }
        self.done(id, "your password is changed, and your other sessions are closed");
        Ok(())
    }

    pub(super) async fn unregister(&mut self, password: Password, id: Option<MessageId>) -> Done {
        let account = self.own_account()?;
        if !self.peer.is_secure() {
            return Err(insecure("").into());
        }
        self.prove(&account, password).await?;
        // From here on it is another author, who wouldn't recognise what is still on its way.
        self.settle_all().await?;
        self.mark_read();
        self.rooms.retain(|membership| membership.room.ends().is_none());
        let author = AuthorId(random().map_err(no_randomness)?);
        self.hub.accounts.unregister(account.id).await.map_err(|refused| refusal(&refused))?;
        info!(connection = self.peer.id.0, alias = %account.alias, "unregistered");
        if let Some(person) = &mut self.person {
            person.author = author;
            self.peer.set_author(author);
            if let Some(token) = &person.token {
                self.hub.directory.reassign(token, author);
            }
        }
        let others = end_sessions(&self.hub, account.id, Some((&self.peer, None)));
        self.outlive(&account, others).await?;
        self.hub.directory.set_account(&account.alias, &self.peer, None);
        if self.hub.require_account {
            self.done(id, &format!("{} is anybody's again", account.alias));
            let words = "you gave your account up, and only people with one may be here";
            return Err(Ended::Closed(Bye::new(ByeCode::Kicked, words)).into());
        }
        self.done(id, &format!("{} is anybody's again; you are a guest", account.alias));
        Ok(())
    }

    /// Makes an account's sessions worthless also to a later server, but for this one, whoever it is of now. The others have
    /// to be over before that: what one of them has under way would be kept with its session.
    async fn outlive(&self, account: &Account, others: Vec<Arc<Peer>>) -> Flow {
        let all_gone = futures::future::join_all(others.iter().map(|other| other.until_gone()));
        let _ = timeout(DRAIN_DEADLINE, all_gone).await;
        let keep = self.person.as_ref().and_then(|person| {
            // Later than the change also where both fall into one millisecond.
            let changed = Time::from_millis(account.sessions_from.as_millis().saturating_add(1));
            let last_used = self.hub.clock.now().max(changed);
            Some((
                person.token.as_deref().copied()?,
                KeptSession { author: person.author, alias: person.alias.clone(), last_used },
            ))
        });
        let (reply, answer) = oneshot::channel();
        let revoke = Entry::Revoke { author: account.id, keep, reply };
        self.hub.log.append(revoke).await.map_err(|_| Ended::storage())?;
        if answer.await != Ok(true) {
            warn!(connection = self.peer.id.0, "no room in the log to forget sessions that are worth nothing any more");
        }
        Ok(())
    }

    /// The account of this session, as it is now.
    pub(super) fn account(&self) -> Option<Account> {
        self.hub.accounts.authenticator().account(self.person.as_ref()?.author)
    }

    fn own_account(&self) -> Done<Account> {
        let alias = &self.person()?.alias;
        self.account().ok_or_else(|| {
            let words = format!("{alias} has no account; /register PASSWORD makes one");
            Refusal::new(ErrorCode::Forbidden, words).into()
        })
    }

    fn check_new_password(&self, password: &Password) -> Done {
        if !self.peer.is_secure() {
            return Err(insecure("").into());
        }
        let alias = &self.person()?.alias;
        check_password(password, alias).map_err(|bad| Refusal::new(ErrorCode::BadField, bad.to_string()))?;
        Ok(())
    }

    async fn prove(&self, account: &Account, password: Password) -> Done {
        let proof = self.hub.accounts.verify(self.peer.address, &account.alias, password, MAX_ALIAS_DELAY);
        self.unless_ended(proof).await?.map_err(|refused| refusal(&refused))?;
        Ok(())
    }

    /// Says that it is done: to a person in words, to a program that asked with an id.
    pub(super) fn done(&mut self, id: Option<MessageId>, words: &str) {
        match self.dialect {
            Dialect::Text => self.notice(words),
            Dialect::Json => self.acknowledge(id),
        }
    }
}

/// Closes the sessions of an account, which its password or its end has made worthless; `but` the one that asked for it.
/// Those that were open are returned, to be waited for.
pub(crate) fn end_sessions(hub: &Hub, account: AuthorId, but: Option<(&Peer, Option<&TokenHash>)>) -> Vec<Arc<Peer>> {
    hub.directory.forget_sessions(account, but.and_then(|(_, token)| token));
    let mut open = hub.directory.peers_of(account);
    open.retain(|peer| but.is_none_or(|(own, _)| own.id != peer.id));
    for peer in &open {
        peer.end(Bye::new(ByeCode::Kicked, "your account's password was changed, or the account given up"));
    }
    open
}

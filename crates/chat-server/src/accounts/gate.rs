//! The way to the authenticator: off the runtime's threads, few at a time, and slower for those who guess.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_protocol::names::Alias;
use chat_protocol::value::{Invite, Password, Time};
use tokio::sync::Semaphore;

use super::attempts::{Attempts, TooMany};
use super::{Account, AccountError, Authenticator};
use crate::hub::block;
use crate::limits::{GIVEN_UP, HASHES, MAX_ALIAS_DELAY};
use crate::log::AuthorId;

/// What sessions ask about accounts.
#[derive(Debug)]
pub(crate) struct Gate {
    authenticator: Arc<dyn Authenticator>,
    attempts: Mutex<Attempts>,
    hashes: Semaphore,
    /// The accounts that were given up last: their sessions are no guest's, where the log had no room to forget them.
    given_up: Mutex<VecDeque<AuthorId>>,
}

/// Why something about an account wasn't done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("too many attempts from your address; try again in {} s", .0.as_secs() + 1)]
    Later(Duration),
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl From<TooMany> for Refused {
    fn from(many: TooMany) -> Self {
        Self::Later(many.retry_after)
    }
}

impl Gate {
    pub(crate) fn new(authenticator: Arc<dyn Authenticator>) -> Self {
        Self {
            authenticator,
            attempts: Mutex::new(Attempts::new()),
            hashes: Semaphore::new(HASHES),
            given_up: Mutex::default(),
        }
    }

    pub(crate) const fn authenticator(&self) -> &Arc<dyn Authenticator> {
        &self.authenticator
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account of an alias, for its password. Waits for as long as earlier attempts make it, `most` at most.
    pub(crate) async fn verify(
        &self,
        address: Option<IpAddr>,
        alias: &Alias,
        password: Password,
        most: Duration,
    ) -> Result<Account, Refused> {
        let address = address.map(block);
        let key = alias.key();
        let wait = self.attempts().begin(address, key.folded(), most)?;
        tokio::time::sleep(wait).await;
        let asked = alias.clone();
        let account = self.hash(move |all| all.verify(&asked, &password)).await?;
        self.attempts().succeeded(address, key.folded());
        Ok(account)
    }

    /// Whether an invite can be used. Slowed as [`verify`](Self::verify) is: a guess is a guess.
    pub(crate) async fn check_invite(
        &self,
        address: Option<IpAddr>,
        alias: &Alias,
        invite: Invite,
        now: Time,
        most: Duration,
    ) -> Result<(), Refused> {
        let address = address.map(block);
        let key = alias.key();
        let wait = self.attempts().begin(address, key.folded(), most)?;
        tokio::time::sleep(wait).await;
        let asked = alias.clone();
        self.hash(move |all| all.check_invite(&asked, &invite, now)).await?;
        self.attempts().succeeded(address, key.folded());
        Ok(())
    }

    /// Makes an account by an invite.
    pub(crate) async fn redeem(
        &self,
        address: Option<IpAddr>,
        id: AuthorId,
        alias: Alias,
        password: Password,
        invite: Invite,
        now: Time,
    ) -> Result<Account, Refused> {
        self.spend(address).await?;
        Ok(self.hash(move |all| all.redeem(id, &alias, &password, &invite, now)).await?)
    }

    /// Makes an account.
    pub(crate) async fn register(
        &self,
        address: Option<IpAddr>,
        id: AuthorId,
        alias: Alias,
        password: Password,
        now: Time,
    ) -> Result<Account, Refused> {
        self.spend(address).await?;
        Ok(self.hash(move |all| all.register(id, &alias, &password, now)).await?)
    }

    pub(crate) async fn change_password(
        &self,
        address: Option<IpAddr>,
        id: AuthorId,
        new: Password,
        now: Time,
    ) -> Result<Account, Refused> {
        self.spend(address).await?;
        Ok(self.hash(move |all| all.change_password(id, &new, now)).await?)
    }

    pub(crate) async fn unregister(&self, id: AuthorId) -> Result<(), Refused> {
        self.ask(move |all| all.unregister(id)).await?;
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        if given_up.len() >= GIVEN_UP {
            given_up.pop_front();
        }
        given_up.push_back(id);
        Ok(())
    }

    /// Whether there was such an account until it was given up.
    pub(crate) fn is_given_up(&self, id: AuthorId) -> bool {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    async fn spend(&self, address: Option<IpAddr>) -> Result<(), Refused> {
        let Some(address) = address.map(block) else { return Ok(()) };
        let wait = self.attempts().register(address, MAX_ALIAS_DELAY)?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Asks what takes a hash: few at a time, as each takes memory and a core.
    async fn hash<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Authenticator) -> Result<T, AccountError> + Send + 'static,
    ) -> Result<T, AccountError> {
        let _permit = self.hashes.acquire().await.map_err(|error| AccountError::Unavailable(error.to_string()))?;
        self.ask(question).await
    }

    /// Asks what takes none, and so waits for nobody who logs in.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Authenticator) -> Result<T, AccountError> + Send + 'static,
    ) -> Result<T, AccountError> {
        let authenticator = Arc::clone(&self.authenticator);
        let answer = tokio::task::spawn_blocking(move || question(&*authenticator)).await;
        answer.map_err(|error| AccountError::Unavailable(error.to_string()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes for ever.
    struct Slow(Mutex<std::sync::mpsc::Receiver<()>>);

    impl Authenticator for Slow {
        fn owner(&self, _alias: &Alias) -> Option<Account> {
            None
        }

        fn account(&self, _id: AuthorId) -> Option<Account> {
            None
        }

        fn verify(&self, _alias: &Alias, _password: &Password) -> Result<Account, AccountError> {
            let _ = self.0.lock().expect("a lock").recv();
            Err(AccountError::WrongPassword)
        }

        fn register(&self, _: AuthorId, _: &Alias, _: &Password, _: Time) -> Result<Account, AccountError> {
            Err(AccountError::TooMany)
        }

        fn change_password(&self, _: AuthorId, _: &Password, _: Time) -> Result<Account, AccountError> {
            Err(AccountError::Unknown)
        }

        fn unregister(&self, _: AuthorId) -> Result<(), AccountError> {
            Err(AccountError::Unknown)
        }

        fn set_operator(&self, _: AuthorId, _: bool) -> Result<Account, AccountError> {
            Err(AccountError::Unknown)
        }
    }

    #[tokio::test]
    async fn what_takes_no_hash_waits_for_none() {
        let (end, ends) = std::sync::mpsc::channel();
        let gate = Arc::new(Gate::new(Arc::new(Slow(ends.into()))));
        for name in ["alice", "bob"] {
            let (gate, alias) = (Arc::clone(&gate), Alias::new(name).expect("an alias"));
            tokio::spawn(async move { gate.verify(None, &alias, Password::new("x"), MAX_ALIAS_DELAY).await });
        }
        while gate.hashes.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let asked = gate.ask(|all| all.refresh());
        let answer = tokio::time::timeout(Duration::from_secs(5), asked).await;
        drop(end);
        assert_eq!(answer.expect("an answer, though all logins wait"), Ok(Vec::new()));
    }
}

//! The way to the authenticator: off the runtime's threads, few at a time, and slower for those who guess.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_protocol::names::Alias;
use chat_protocol::value::{Invite, Password, Time};
use tokio::sync::Semaphore;

use super::attempts::{Attempts, TooMany};
use super::{Account, AccountError, Authenticator};
use crate::hub::block;
use crate::limits::{HASHES, MAX_ALIAS_DELAY};
use crate::log::AuthorId;

/// What sessions ask about accounts.
#[derive(Debug)]
pub(crate) struct Gate {
    authenticator: Arc<dyn Authenticator>,
    attempts: Mutex<Attempts>,
    hashes: Semaphore,
    /// Accounts that were given up while this server runs: their sessions are no guest's.
    given_up: Mutex<HashSet<AuthorId>>,
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
        let account = self.ask(move |all| all.verify(&asked, &password)).await?;
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
        self.ask(move |all| all.check_invite(&asked, &invite, now)).await?;
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
        Ok(self.ask(move |all| all.redeem(id, &alias, &password, &invite, now)).await?)
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
        Ok(self.ask(move |all| all.register(id, &alias, &password, now)).await?)
    }

    pub(crate) async fn change_password(
        &self,
        address: Option<IpAddr>,
        id: AuthorId,
        new: Password,
        now: Time,
    ) -> Result<Account, Refused> {
        self.spend(address).await?;
        Ok(self.ask(move |all| all.change_password(id, &new, now)).await?)
    }

    pub(crate) async fn unregister(&self, id: AuthorId) -> Result<(), Refused> {
        self.ask(move |all| all.unregister(id)).await?;
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
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

    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Authenticator) -> Result<T, AccountError> + Send + 'static,
    ) -> Result<T, AccountError> {
        let unavailable = |why: &dyn std::fmt::Display| AccountError::Unavailable(why.to_string());
        let _permit = self.hashes.acquire().await.map_err(|error| unavailable(&error))?;
        let authenticator = Arc::clone(&self.authenticator);
        let answer = tokio::task::spawn_blocking(move || question(&*authenticator)).await;
        answer.map_err(|error| unavailable(&error))?
    }
}

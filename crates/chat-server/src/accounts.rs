//! Accounts: aliases that have an owner, and how an owner proves to be one.
//!
//! [`Authenticator`] is the seam: a program that embeds the server may bring its own. [`Accounts`] is the one that is built
//! in: an index in memory over what is kept on disk, and Argon2id. An account's id is the author of what its sessions
//! say. It is the author that its first session was as a guest, so registering changes nothing about what was said before.

mod attempts;
mod gate;
mod hash;
mod index;
mod invites;

use chat_protocol::names::Alias;
use chat_protocol::value::{Invite, Password, Time};

pub use self::index::{Accounts, Keeper, KeptAccount};
pub use self::invites::KeptInvite;
pub use crate::book::put_on_record;

pub(crate) use self::gate::{Gate, Refused};

use crate::limits::{MAX_ACCOUNTS, MAX_INVITES, MAX_PASSWORD, MIN_PASSWORD};
use crate::log::AuthorId;

/// An alias that has an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The author of all that its sessions say.
    pub id: AuthorId,
    /// The alias, as its owner spelt it.
    pub alias: Alias,
    /// May moderate.
    pub operator: bool,
    /// When it was made.
    pub created: Time,
    /// Sessions that were last used before are worth nothing: the moment of the last change of the password.
    pub sessions_from: Time,
}

impl Account {
    /// A new account without any powers.
    #[must_use]
    pub const fn new(id: AuthorId, alias: Alias, created: Time) -> Self {
        Self { id, alias, operator: false, created, sessions_from: Time::from_millis(0) }
    }

    /// Whether the alias is the account's itself, and not only one that looks like it.
    #[must_use]
    pub fn is_called(&self, alias: &Alias) -> bool {
        self.alias.key().folded() == alias.key().folded()
    }
}

/// Why something about an account was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Not the account's password, or there is no such account: which of the two isn't told.
    #[error("that is not the password of that alias")]
    WrongPassword,
    /// Another account has this alias or one that looks like it.
    #[error("{0} looks like the alias of another account")]
    Taken(Alias),
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// The new password breaks the rules.
    #[error("{0}")]
    BadPassword(#[from] BadPassword),
    /// There are as many accounts as there may be.
    #[error("there are {MAX_ACCOUNTS} accounts already, the most there may be")]
    TooMany,
    /// No such invite, or none for this alias, or used already, or out of time: which of these isn't told.
    #[error("that invite can't be used: it is wrong, used already or out of time")]
    BadInvite,
    /// There are as many invites as there may be.
    #[error("there are {MAX_INVITES} open invites, the most there may be; each ends when it is used or out of time")]
    TooManyInvites,
    /// It can't be looked up or kept just now.
    #[error("the accounts can't be used: {0}")]
    Unavailable(String),
}

/// Why something can't be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPassword {
    /// Too easy to guess.
    #[error("a password has at least {MIN_PASSWORD} characters; this one has {0}")]
    Short(usize),
    /// Longer than anybody types.
    #[error("a password has at most {MAX_PASSWORD} characters; this one has {0}")]
    Long(usize),
    /// A program could send it, but nobody could type it.
    #[error("a password has no control characters, and doesn't begin or end with a blank")]
    Untypable,
    /// The first thing that somebody would try.
    #[error("a password is something else than the alias")]
    Alias,
}

/// Checks what is to be the password of an alias.
///
/// # Errors
///
/// [`BadPassword`].
pub fn check_password(password: &Password, alias: &Alias) -> Result<(), BadPassword> {
    let password = password.reveal();
    match password.chars().count() {
        count if count < MIN_PASSWORD => return Err(BadPassword::Short(count)),
        count if count > MAX_PASSWORD => return Err(BadPassword::Long(count)),
        _ => {}
    }
    // The text dialect can't carry these: it has commands with blanks around their arguments.
    if password.chars().any(char::is_control) || password.trim() != password {
        return Err(BadPassword::Untypable);
    }
    if password.to_lowercase() == alias.as_str().to_lowercase() {
        return Err(BadPassword::Alias);
    }
    Ok(())
}

/// Knows whose an alias is. One of it serves all sessions.
pub trait Authenticator: Send + Sync + 'static {
    /// The account whose alias this is, or could be mistaken for; the one that it is exactly, where there are both.
    ///
    /// Called at every wish for an alias, under a lock: from memory, without waiting.
    fn owner(&self, alias: &Alias) -> Option<Account>;

    /// The account with this id, as it is now. Called often, so from memory, without waiting.
    fn account(&self, id: AuthorId) -> Option<Account>;

    /// The account that has exactly this alias, if the password is its. May block; so may all that follow.
    ///
    /// # Errors
    ///
    /// [`AccountError::WrongPassword`], after the same time and work whether or not there is such an account.
    fn verify(&self, alias: &Alias, password: &Password) -> Result<Account, AccountError>;

    /// Makes an account with this id. The caller knows that no other session has an alias that looks like this one.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    fn register(&self, id: AuthorId, alias: &Alias, password: &Password, now: Time) -> Result<Account, AccountError>;

    /// Whether this invite makes an account with this alias, if it is used soon. Without an implementation there are no invites.
    ///
    /// # Errors
    ///
    /// [`AccountError::BadInvite`], in the same words whatever is wrong with it.
    fn check_invite(&self, alias: &Alias, invite: &Invite, now: Time) -> Result<(), AccountError> {
        let _ = (alias, invite, now);
        Err(AccountError::BadInvite)
    }

    /// Makes an account, as [`register`](Self::register) does, and uses the invite up: both or neither.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    fn redeem(
        &self,
        id: AuthorId,
        alias: &Alias,
        password: &Password,
        invite: &Invite,
        now: Time,
    ) -> Result<Account, AccountError> {
        let _ = (id, alias, password, invite, now);
        Err(AccountError::BadInvite)
    }

    /// Sets a new password. Sessions that were last used before `now` are worth nothing from then on.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    fn change_password(&self, id: AuthorId, new: &Password, now: Time) -> Result<Account, AccountError>;

    /// Makes the alias anybody's again.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    fn unregister(&self, id: AuthorId) -> Result<(), AccountError>;

    /// Gives an account the power to moderate, or takes it.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    fn set_operator(&self, id: AuthorId, operator: bool) -> Result<Account, AccountError>;

    /// Takes over what another process changed, and returns the ids of accounts whose sessions have to end: those that
    /// are gone and those that have a new password. Called twice a second.
    ///
    /// # Errors
    ///
    /// [`AccountError::Unavailable`].
    fn refresh(&self) -> Result<Vec<AuthorId>, AccountError> {
        Ok(Vec::new())
    }
}

impl std::fmt::Debug for dyn Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authenticator")
    }
}

#[cfg(test)]
mod tests;

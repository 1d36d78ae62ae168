//! Invites: each lets whoever has it make one account, with the alias that it was made for, until it is used or out of time.

use chat_protocol::names::Alias;
use chat_protocol::value::{Invite, Time};
use subtle::ConstantTimeEq as _;

use super::index::{Keeper, KeptAccount};
use super::{AccountError, Accounts, Authenticator as _};
use crate::limits::MAX_INVITES;
use crate::log::AuthorId;
use crate::secret::{Secret, hex, random};

/// An invite as it is kept.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptInvite {
    /// The hash of the secret.
    pub hash: [u8; 32],
    /// The alias of the account that it makes.
    pub alias: Alias,
    /// It is worth nothing from then on.
    pub expires: Time,
}

impl KeptInvite {
    /// An invite with this hash.
    #[must_use]
    pub const fn new(hash: [u8; 32], alias: Alias, expires: Time) -> Self {
        Self { hash, alias, expires }
    }
}

impl std::fmt::Debug for KeptInvite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptInvite").field("alias", &self.alias).field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl Accounts {
    /// Makes an invite for an account with this alias. It is shown here once, and kept as a hash.
    ///
    /// # Errors
    ///
    /// [`AccountError::Taken`] where an account has the alias or one that looks like it, [`AccountError::TooManyInvites`],
    /// [`AccountError::Unavailable`].
    pub fn invite(&self, alias: &Alias, expires: Time, now: Time) -> Result<Invite, AccountError> {
        let secret = hex(&random::<16>().map_err(|error| AccountError::Unavailable(error.to_string()))?);
        let mut shelf = self.shelf()?;
        if self.owner(alias).is_some() {
            return Err(AccountError::Taken(alias.clone()));
        }
        let kept = KeptInvite::new(Secret::hash_of(&secret).0, alias.clone(), expires);
        let open = shelf.keeper.invites().map_err(AccountError::Unavailable)?;
        if open.iter().filter(|invite| invite.expires > now).count() >= MAX_INVITES {
            return Err(AccountError::TooManyInvites);
        }
        shelf.keeper.save_invite(&kept, now).map_err(AccountError::Unavailable)?;
        Ok(Invite::new(secret))
    }
}

/// The one of these that lets this alias in.
pub(super) fn find(
    kept: Vec<KeptInvite>,
    alias: &Alias,
    invite: &Invite,
    now: Time,
) -> Result<KeptInvite, AccountError> {
    let hash = Secret::hash_of(&invite.reveal().trim().to_ascii_lowercase()).0;
    // All are compared, each in the same time wherever it differs.
    let same: Vec<KeptInvite> = kept.into_iter().filter(|kept| kept.hash.ct_eq(&hash).into()).collect();
    let is_for = |kept: &KeptInvite| kept.alias.key().folded() == alias.key().folded() && kept.expires > now;
    same.into_iter().find(is_for).ok_or(AccountError::BadInvite)
}

/// Keeps nothing that outlives the process: of accounts nothing at all, as they are in the index.
#[derive(Debug, Default)]
pub(super) struct Forgetful {
    invites: Vec<KeptInvite>,
}

impl Keeper for Forgetful {
    fn is_stale(&mut self) -> Result<bool, String> {
        Ok(false)
    }

    fn load(&mut self) -> Result<Vec<KeptAccount>, String> {
        Ok(Vec::new())
    }

    fn save(&mut self, _account: &KeptAccount) -> Result<(), String> {
        Ok(())
    }

    fn delete(&mut self, _id: AuthorId) -> Result<(), String> {
        Ok(())
    }

    fn invites(&mut self) -> Result<Vec<KeptInvite>, String> {
        Ok(self.invites.clone())
    }

    fn save_invite(&mut self, invite: &KeptInvite, now: Time) -> Result<(), String> {
        self.invites.retain(|kept| kept.expires > now);
        self.invites.push(invite.clone());
        Ok(())
    }

    fn redeem(&mut self, invite: &KeptInvite, _account: &KeptAccount) -> Result<bool, String> {
        let before = self.invites.len();
        self.invites.retain(|kept| kept.hash != invite.hash);
        Ok(self.invites.len() < before)
    }
}

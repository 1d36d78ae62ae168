//! The accounts of this house: all of them in memory, over what is kept on disk.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_protocol::names::{Alias, NameMap};
use chat_protocol::value::{Invite, Password, Time};

use super::hash::{Hash, waste};
use super::invites::{Forgetful, KeptInvite, find};
use super::{Account, AccountError, Authenticator, check_password};
use crate::book::Book;
use crate::limits::MAX_ACCOUNTS;
use crate::log::AuthorId;

/// Keeps accounts. Called from threads that may block, never twice at once.
pub trait Keeper: Send + 'static {
    /// Whether another process changed something since the last call of this or of [`load`](Self::load).
    ///
    /// # Errors
    ///
    /// A sentence with what is in the way; so for all that follow.
    fn is_stale(&mut self) -> Result<bool, String>;

    /// All accounts.
    ///
    /// # Errors
    ///
    /// See [`is_stale`](Self::is_stale).
    fn load(&mut self) -> Result<Vec<KeptAccount>, String>;

    /// Keeps an account, instead of what was kept under its id.
    ///
    /// # Errors
    ///
    /// See [`is_stale`](Self::is_stale).
    fn save(&mut self, account: &KeptAccount) -> Result<(), String>;

    /// Forgets an account.
    ///
    /// # Errors
    ///
    /// See [`is_stale`](Self::is_stale).
    fn delete(&mut self, id: AuthorId) -> Result<(), String>;

    /// All invites. Without an implementation of this and those that follow there are none.
    ///
    /// # Errors
    ///
    /// See [`is_stale`](Self::is_stale).
    fn invites(&mut self) -> Result<Vec<KeptInvite>, String> {
        Ok(Vec::new())
    }

    /// Keeps an invite, and forgets those that are out of time.
    ///
    /// # Errors
    ///
    /// See [`is_stale`](Self::is_stale).
    fn save_invite(&mut self, invite: &KeptInvite, now: Time) -> Result<(), String> {
        let _ = (invite, now);
        Err("invites aren't kept here".to_owned())
    }

    /// Keeps a new account and forgets the invite that made it, both or neither; whether there still was that invite.
    ///
    /// # Errors
    ///
    /// See [`is_stale`](Self::is_stale).
    fn redeem(&mut self, invite: &KeptInvite, account: &KeptAccount) -> Result<bool, String> {
        let _ = (invite, account);
        Ok(false)
    }
}

/// An account as it is kept.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptAccount {
    /// All that is no secret.
    pub account: Account,
    /// The password's hash: a PHC string.
    pub hash: String,
}

impl KeptAccount {
    /// An account and its password's hash.
    #[must_use]
    pub const fn new(account: Account, hash: String) -> Self {
        Self { account, hash }
    }
}

impl std::fmt::Debug for KeptAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeptAccount").field(&self.account).finish()
    }
}

/// The built-in [`Authenticator`].
#[derive(Default)]
pub struct Accounts {
    index: Mutex<Index>,
    /// Whoever changes an account holds this from reading the index to changing it.
    shelf: Mutex<Shelf>,
}

pub(super) struct Shelf {
    pub(super) keeper: Box<dyn Keeper>,
    /// Accounts whose sessions have to end for what another process did.
    revoked: Vec<AuthorId>,
}

impl Default for Shelf {
    /// Nothing outlives the process.
    fn default() -> Self {
        Self { keeper: Box::new(Forgetful::default()), revoked: Vec::new() }
    }
}

#[derive(Default)]
struct Index {
    names: NameMap<AuthorId>,
    accounts: HashMap<AuthorId, Entry>,
}

#[derive(Clone)]
struct Entry {
    account: Arc<Account>,
    hash: Hash,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("count", &self.index().accounts.len()).finish_non_exhaustive()
    }
}

impl Accounts {
    /// The accounts that a keeper has.
    ///
    /// # Errors
    ///
    /// [`AccountError::Unavailable`] where they can't be read.
    pub fn open(mut keeper: impl Keeper) -> Result<Self, AccountError> {
        let index = Index::of(keeper.load().map_err(AccountError::Unavailable)?);
        let shelf = Shelf { keeper: Box::new(keeper), revoked: Vec::new() };
        Ok(Self { index: Mutex::new(index), shelf: Mutex::new(shelf) })
    }

    /// The accounts in a data folder, which is made if need be. A server may be running on it.
    ///
    /// # Errors
    ///
    /// [`AccountError::Unavailable`] where they can't be read.
    pub fn in_folder(data: &Path) -> Result<Self, AccountError> {
        Self::open(Book::open(data).map_err(AccountError::Unavailable)?)
    }

    /// Writes the accounts, bans and the audit log of a data folder into a new file; a server may be running meanwhile.
    ///
    /// # Errors
    ///
    /// [`AccountError::Unavailable`], with what is in the way.
    pub fn backup(data: &Path, file: &Path) -> Result<(), AccountError> {
        Book::backup(data, file).map_err(AccountError::Unavailable)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        // What is done under this lock doesn't panic between two changes that belong together.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shelf, with the index up to date: what another process did isn't undone.
    pub(super) fn shelf(&self) -> Result<MutexGuard<'_, Shelf>, AccountError> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.keeper.is_stale().map_err(AccountError::Unavailable)? {
            let newer = Index::of(shelf.keeper.load().map_err(AccountError::Unavailable)?);
            let mut index = self.index();
            let revoked = index.revoked_by(&newer);
            *index = newer;
            drop(index);
            shelf.revoked.extend(revoked);
        }
        Ok(shelf)
    }

    /// Makes an account, by an invite or without: on disk first, so that nothing is in force that a restart would undo.
    fn make(&self, account: &Account, password: &Password, invite: Option<&Invite>) -> Result<Account, AccountError> {
        let Account { id, alias, created, .. } = account;
        check_password(password, alias)?;
        let hash = Hash::of(password)?;
        let mut shelf = self.shelf()?;
        {
            let index = self.index();
            if index.accounts.contains_key(id) || index.names.conflicts(&alias.key(), true).next().is_some() {
                return Err(AccountError::Taken(alias.clone()));
            }
            if index.accounts.len() >= MAX_ACCOUNTS {
                return Err(AccountError::TooMany);
            }
        }
        let kept = kept(account, &hash);
        match invite {
            None => shelf.keeper.save(&kept).map_err(AccountError::Unavailable)?,
            Some(invite) => {
                let invites = shelf.keeper.invites().map_err(AccountError::Unavailable)?;
                let invite = find(invites, alias, invite, *created)?;
                if !shelf.keeper.redeem(&invite, &kept).map_err(AccountError::Unavailable)? {
                    return Err(AccountError::BadInvite);
                }
            }
        }
        self.index().insert(account, hash);
        Ok(account.clone())
    }

    /// Changes an account: on disk first, so that nothing is in force that a restart would undo.
    fn change(&self, id: AuthorId, change: impl FnOnce(&mut Account, &mut Hash)) -> Result<Account, AccountError> {
        let mut shelf = self.shelf()?;
        let entry = self.index().accounts.get(&id).cloned().ok_or(AccountError::Unknown)?;
        let (mut account, mut hash) = (Account::clone(&entry.account), entry.hash);
        change(&mut account, &mut hash);
        shelf.keeper.save(&kept(&account, &hash)).map_err(AccountError::Unavailable)?;
        self.index().accounts.insert(id, Entry { account: Arc::new(account.clone()), hash });
        Ok(account)
    }
}

fn kept(account: &Account, hash: &Hash) -> KeptAccount {
    KeptAccount::new(account.clone(), hash.as_str().to_owned())
}

impl Index {
    fn of(kept: Vec<KeptAccount>) -> Self {
        let mut index = Self::default();
        for KeptAccount { account, hash } in kept {
            // Two that look alike to a newer table of Unicode are both kept: neither owner did anything wrong.
            if index.names.restore(account.alias.as_str(), account.alias.key(), true, account.id).is_ok() {
                let entry = Entry { account: Arc::new(account), hash: Hash::kept(hash) };
                index.accounts.insert(entry.account.id, entry);
            }
        }
        index
    }

    /// Puts an account in that is in nobody's way.
    fn insert(&mut self, account: &Account, hash: Hash) {
        let _ = self.names.insert(account.alias.as_str(), account.alias.key(), true, account.id);
        self.accounts.insert(account.id, Entry { account: Arc::new(account.clone()), hash });
    }

    fn remove(&mut self, id: AuthorId) {
        if let Some(entry) = self.accounts.remove(&id) {
            self.names.remove(&entry.account.alias.key());
        }
    }

    fn owner(&self, alias: &Alias) -> Option<&Entry> {
        let (_, id) = self.names.conflict(&alias.key())?;
        self.accounts.get(id)
    }

    /// The accounts here that are not, or not with this password, in `newer`.
    fn revoked_by(&self, newer: &Self) -> Vec<AuthorId> {
        let still = |entry: &Entry| {
            newer.accounts.get(&entry.account.id).is_some_and(|new| {
                new.account.alias == entry.account.alias && new.account.sessions_from == entry.account.sessions_from
            })
        };
        self.accounts.values().filter(|entry| !still(entry)).map(|entry| entry.account.id).collect()
    }
}

impl Authenticator for Accounts {
    fn owner(&self, alias: &Alias) -> Option<Account> {
        self.index().owner(alias).map(|entry| Account::clone(&entry.account))
    }

    fn account(&self, id: AuthorId) -> Option<Account> {
        self.index().accounts.get(&id).map(|entry| Account::clone(&entry.account))
    }

    fn verify(&self, alias: &Alias, password: &Password) -> Result<Account, AccountError> {
        let entry = self.index().owner(alias).filter(|entry| entry.account.is_called(alias)).cloned();
        let Some(Entry { account, hash }) = entry else {
            waste(password);
            return Err(AccountError::WrongPassword);
        };
        if hash.is_of(password) { Ok(Account::clone(&account)) } else { Err(AccountError::WrongPassword) }
    }

    fn register(&self, id: AuthorId, alias: &Alias, password: &Password, now: Time) -> Result<Account, AccountError> {
        self.make(&Account::new(id, alias.clone(), now), password, None)
    }

    fn check_invite(&self, alias: &Alias, invite: &Invite, now: Time) -> Result<(), AccountError> {
        let kept = self.shelf()?.keeper.invites().map_err(AccountError::Unavailable)?;
        find(kept, alias, invite, now).map(drop)
    }

    fn redeem(
        &self,
        id: AuthorId,
        alias: &Alias,
        password: &Password,
        invite: &Invite,
        now: Time,
    ) -> Result<Account, AccountError> {
        self.make(&Account::new(id, alias.clone(), now), password, Some(invite))
    }

    fn change_password(&self, id: AuthorId, new: &Password, now: Time) -> Result<Account, AccountError> {
        let alias = self.account(id).ok_or(AccountError::Unknown)?.alias;
        check_password(new, &alias)?;
        let new = Hash::of(new)?;
        self.change(id, |account, hash| {
            *hash = new;
            account.sessions_from = now;
        })
    }

    fn unregister(&self, id: AuthorId) -> Result<(), AccountError> {
        let mut shelf = self.shelf()?;
        if !self.index().accounts.contains_key(&id) {
            return Err(AccountError::Unknown);
        }
        shelf.keeper.delete(id).map_err(AccountError::Unavailable)?;
        self.index().remove(id);
        Ok(())
    }

    fn set_operator(&self, id: AuthorId, operator: bool) -> Result<Account, AccountError> {
        self.change(id, |account, _| account.operator = operator)
    }

    fn refresh(&self) -> Result<Vec<AuthorId>, AccountError> {
        Ok(std::mem::take(&mut self.shelf()?.revoked))
    }
}

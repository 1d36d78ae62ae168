//! Who has which alias, and which sessions may come back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_protocol::limits::RESERVATION;
use chat_protocol::names::{Alias, NameMap};
use tokio::time::Instant;

use crate::accounts::{Account, Authenticator};
use crate::limits::{MAX_RESERVED, MAX_SESSIONS, SESSION_LIFE};
use crate::log::{AuthorId, TokenHash};
use crate::peer::Peer;

/// All aliases that are held and all sessions that are known.
#[derive(Debug)]
pub(crate) struct Directory {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    accounts: Arc<dyn Authenticator>,
    holders: NameMap<Holder>,
    /// The reservations in the order in which they run out, those that were used or in somebody's way meanwhile among them.
    reserved: VecDeque<(Instant, Alias)>,
    sessions: HashMap<TokenHash, Session>,
    /// The sessions by the order of their last use.
    by_use: BTreeMap<u64, TokenHash>,
    uses: u64,
}

/// Who has an alias.
#[derive(Clone, Debug)]
enum Holder {
    /// Somebody who is here: a guest with one connection, or an account with any number.
    Here { alias: Alias, peers: Vec<Arc<Peer>>, account: Option<AuthorId> },
    /// A guest's session whose connection broke, until then.
    Reserved { session: TokenHash, until: Instant },
}

#[derive(Debug)]
struct Session {
    author: AuthorId,
    alias: Alias,
    /// The connection that continues it.
    peer: Option<Arc<Peer>>,
    use_number: u64,
    last_used: Instant,
}

/// The alias is somebody else's.
#[derive(Debug, thiserror::Error)]
#[error("{wanted} is taken; {free}")]
pub(crate) struct Taken {
    wanted: Alias,
    free: Suggestion,
}

/// A name that could be had instead.
#[derive(Debug)]
struct Suggestion(Option<Alias>);

impl std::fmt::Display for Suggestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(alias) => write!(f, "{alias} is free"),
            None => f.write_str("choose another name"),
        }
    }
}

/// What became of the wish to continue a session.
#[derive(Debug)]
pub(crate) enum Resumed {
    /// It goes on here, under this alias.
    Here { author: AuthorId, alias: Alias },
    /// Another connection has it; once that one is gone, ask again.
    Held(Arc<Peer>),
    /// Its account's alias is in the hands of guests; once these are gone, ask again.
    InTheWay(InTheWay),
    /// Its alias is somebody else's by now.
    Taken(Taken),
    /// There is no such session.
    Unknown,
}

/// Guests who have an account's alias, or one that looks like it, from before it was an account's.
#[derive(Debug)]
pub(crate) struct InTheWay(pub(crate) Vec<Arc<Peer>>);

impl Directory {
    /// Nobody is here, and guests may have what isn't an account's.
    pub(crate) fn new(accounts: Arc<dyn Authenticator>) -> Self {
        let state = State {
            accounts,
            holders: NameMap::new(),
            reserved: VecDeque::new(),
            sessions: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
        };
        Self { state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the alias to `peer`, a guest.
    pub(crate) fn claim(&self, alias: &Alias, peer: &Arc<Peer>) -> Result<(), Taken> {
        self.state().claim(alias, peer, None)
    }

    /// Gives the alias to `peer`, a guest, and opens a session of it.
    pub(crate) fn open(
        &self,
        alias: &Alias,
        peer: &Arc<Peer>,
        token: TokenHash,
        author: AuthorId,
    ) -> Result<(), Taken> {
        let mut state = self.state();
        state.claim(alias, peer, None)?;
        state.remember(token, author, alias.clone(), Some(Arc::clone(peer)));
        Ok(())
    }

    /// Lets `peer` in as one more connection of an account, with a new session where it has a token.
    pub(crate) fn enter(&self, account: &Account, peer: &Arc<Peer>, token: Option<TokenHash>) -> Result<(), InTheWay> {
        let mut state = self.state();
        state.enter(account, peer)?;
        if let Some(token) = token {
            state.remember(token, account.id, account.alias.clone(), Some(Arc::clone(peer)));
        }
        Ok(())
    }

    /// Makes the alias of `peer` one that nobody may have another that looks like it of, where nobody has; else who has.
    pub(crate) fn protect(&self, alias: &Alias, peer: &Peer) -> Result<(), Alias> {
        let mut state = self.state();
        let key = alias.key();
        let other = state.holders.conflicts(&key, true).find_map(|(_, holder)| match holder {
            Holder::Here { alias, .. } if !holder.is(peer) => Some(alias.clone()),
            _ => None,
        });
        if let Some(other) = other {
            return Err(other);
        }
        state.holders.set_protected(&key, true);
        Ok(())
    }

    /// Makes the alias that `peer` has its account's, or a guest's again. Of an account's other connections it is taken.
    pub(crate) fn set_account(&self, alias: &Alias, peer: &Arc<Peer>, account: Option<AuthorId>) {
        let mut state = self.state();
        let key = alias.key();
        if let Some(Holder::Here { peers, account: holder, .. }) = state.holders.get_mut(&key)
            && peers.iter().any(|other| other.id == peer.id)
        {
            *holder = account;
            if account.is_none() {
                *peers = vec![Arc::clone(peer)];
            }
            state.holders.set_protected(&key, account.is_some());
        }
    }

    /// The connections of an account that there is.
    pub(crate) fn connections(&self, account: &Account) -> Vec<Arc<Peer>> {
        match self.state().holders.get(&account.alias.key()) {
            Some(Holder::Here { peers, account: Some(id), .. }) if *id == account.id => peers.clone(),
            _ => Vec::new(),
        }
    }

    /// The connections of an account, also where that is gone by now.
    pub(crate) fn peers_of(&self, id: AuthorId) -> Vec<Arc<Peer>> {
        let state = self.state();
        let holders = state.holders.iter().filter_map(|(_, holder)| match holder {
            Holder::Here { peers, account: Some(account), .. } if *account == id => Some(peers.clone()),
            _ => None,
        });
        holders.flatten().collect()
    }

    /// Forgets the sessions of an account, but for one.
    pub(crate) fn forget_sessions(&self, author: AuthorId, but: Option<&TokenHash>) {
        let mut state = self.state();
        let of_author =
            state.sessions.iter().filter(|(token, session)| session.author == author && Some(*token) != but);
        let tokens: Vec<_> = of_author.map(|(token, _)| *token).collect();
        tokens.iter().for_each(|token| state.forget(token));
    }

    /// Makes a session somebody else's: a guest's that was an account's.
    pub(crate) fn reassign(&self, token: &TokenHash, author: AuthorId) {
        self.state().touch(token, |session| session.author = author);
    }

    /// Whose a session is, where it is remembered.
    pub(crate) fn author_of(&self, token: &TokenHash) -> Option<AuthorId> {
        self.state().sessions.get(token).map(|session| session.author)
    }

    /// Remembers a session that was kept elsewhere.
    pub(crate) fn remember(&self, token: TokenHash, author: AuthorId, alias: Alias) {
        let mut state = self.state();
        if !state.sessions.contains_key(&token) {
            state.remember(token, author, alias, None);
        }
    }

    /// Continues a session in the connection of `peer`.
    pub(crate) fn resume(&self, token: &TokenHash, peer: &Arc<Peer>) -> Resumed {
        let mut state = self.state();
        let Some(session) = state.sessions.get(token) else { return Resumed::Unknown };
        if session.last_used.elapsed() > SESSION_LIFE && session.peer.is_none() {
            state.forget(token);
            return Resumed::Unknown;
        }
        if let Some(holder) = &session.peer {
            return Resumed::Held(Arc::clone(holder));
        }
        let author = session.author;
        let alias = match state.accounts.account(author) {
            Some(account) => match state.enter(&account, peer) {
                Ok(()) => account.alias,
                Err(others) => return Resumed::InTheWay(others),
            },
            None => {
                let alias = session.alias.clone();
                if let Err(taken) = state.claim(&alias, peer, Some(token)) {
                    return Resumed::Taken(taken);
                }
                alias
            }
        };
        state.touch(token, |session| session.peer = Some(Arc::clone(peer)));
        Resumed::Here { author, alias }
    }

    /// Gives `peer`, a guest, another alias instead of its own, and calls `tell` before anybody can have the old one: what
    /// he does under it must come after the rooms were told.
    pub(crate) fn rename(
        &self,
        from: &Alias,
        to: &Alias,
        peer: &Arc<Peer>,
        token: Option<&TokenHash>,
        tell: impl FnOnce(),
    ) -> Result<(), Taken> {
        let mut state = self.state();
        // One's own alias is in nobody's way: `Alice` may become `alice`.
        state.holders.remove(&from.key());
        if let Err(taken) = state.claim(to, peer, token) {
            state.hold(from, peer, None);
            return Err(taken);
        }
        if let Some(token) = token {
            state.touch(token, |session| session.alias = to.clone());
        }
        tell();
        Ok(())
    }

    /// Gives the alias up; `reserve`: it stays the session's for a while.
    pub(crate) fn release(&self, alias: &Alias, peer: &Peer, token: Option<&TokenHash>, reserve: bool) {
        let mut state = self.state();
        state.end_reservations();
        let key = alias.key();
        let holder = state.holders.get_mut(&key).filter(|holder| holder.is(peer));
        if let Some(Holder::Here { peers, account, .. }) = holder {
            peers.retain(|other| other.id != peer.id);
            // An account's alias waits for nobody else anyway.
            let reserve = reserve && account.is_none();
            if peers.is_empty() {
                state.holders.remove(&key);
            }
            if let Some(token) = token.filter(|_| reserve) {
                state.reserve(alias, *token);
            }
        }
        if let Some(token) = token {
            state.touch(token, |session| session.peer = None);
        }
    }

    /// Who is here by this name, with all his connections.
    pub(crate) fn find(&self, alias: &Alias) -> Option<(Alias, Vec<Arc<Peer>>)> {
        match self.state().holders.get(&alias.key()) {
            Some(Holder::Here { alias, peers, .. }) => Some((alias.clone(), peers.clone())),
            _ => None,
        }
    }
}

impl State {
    fn claim(&mut self, alias: &Alias, peer: &Arc<Peer>, token: Option<&TokenHash>) -> Result<(), Taken> {
        self.end_reservations();
        if !self.is_free(alias, token) {
            let free = alias.suggestion(|other| self.is_free(other, token));
            return Err(Taken { wanted: alias.clone(), free: Suggestion(free) });
        }
        self.hold(alias, peer, None);
        Ok(())
    }

    /// Keeps the alias of a broken connection for its session for a while.
    fn reserve(&mut self, alias: &Alias, session: TokenHash) {
        let until = Instant::now() + RESERVATION;
        let holder = Holder::Reserved { session, until };
        if self.holders.insert(alias.as_str(), alias.key(), false, holder).is_ok() {
            self.reserved.push_back((until, alias.clone()));
        }
    }

    /// Ends the reservations that have run out, and the oldest where there are too many: nobody may ever ask for these names.
    fn end_reservations(&mut self) {
        let now = Instant::now();
        while self.reserved.front().is_some_and(|(until, _)| *until <= now || self.reserved.len() > MAX_RESERVED)
            && let Some((until, alias)) = self.reserved.pop_front()
        {
            let key = alias.key();
            // It may have been used since, and reserved once more.
            if matches!(self.holders.get(&key), Some(Holder::Reserved { until: its, .. }) if *its == until) {
                self.holders.remove(&key);
            }
        }
        if self.reserved.is_empty() {
            self.reserved = VecDeque::new();
        }
    }

    fn hold(&mut self, alias: &Alias, peer: &Arc<Peer>, account: Option<AuthorId>) {
        let holder = Holder::Here { alias: alias.clone(), peers: vec![Arc::clone(peer)], account };
        // Not `insert`: two accounts that look alike to a newer table of Unicode are both let in.
        let _ = self.holders.restore(alias.as_str(), alias.key(), account.is_some(), holder);
    }

    /// Adds a connection of an account. Reservations of guests end where they are in its way.
    fn enter(&mut self, account: &Account, peer: &Arc<Peer>) -> Result<(), InTheWay> {
        let key = account.alias.key();
        let mut guests = Vec::new();
        let mut over = Vec::new();
        for (name, holder) in self.holders.conflicts(&key, true) {
            match holder {
                Holder::Here { peers, account: None, .. } => guests.extend(peers.iter().cloned()),
                Holder::Here { .. } => {}
                Holder::Reserved { .. } => over.extend(Alias::new(name)),
            }
        }
        if !guests.is_empty() {
            return Err(InTheWay(guests));
        }
        over.iter().for_each(|name| drop(self.holders.remove(&name.key())));
        match self.holders.get_mut(&key) {
            Some(Holder::Here { peers, .. }) => peers.push(Arc::clone(peer)),
            _ => self.hold(&account.alias, peer, Some(account.id)),
        }
        Ok(())
    }

    /// Whether a guest may have this alias: nobody else has it or one that passes for it, here or as an account.
    /// Reservations that have run out end here.
    fn is_free(&mut self, alias: &Alias, token: Option<&TokenHash>) -> bool {
        let key = alias.key();
        let now = Instant::now();
        while let Some((name, holder)) = self.holders.conflict(&key) {
            let over = match holder {
                Holder::Here { .. } => false,
                Holder::Reserved { session, until } => *until <= now || token == Some(session),
            };
            let Ok(name) = Alias::new(name) else { return false };
            if !over {
                return false;
            }
            self.holders.remove(&name.key());
        }
        self.accounts.owner(alias).is_none()
    }

    fn remember(&mut self, token: TokenHash, author: AuthorId, alias: Alias, peer: Option<Arc<Peer>>) {
        if self.sessions.len() >= MAX_SESSIONS {
            let unused = self.by_use.values().find(|token| self.sessions.get(token).is_some_and(|s| s.peer.is_none()));
            if let Some(token) = unused.copied() {
                self.forget(&token);
            }
        }
        let session = Session { author, alias, peer, use_number: 0, last_used: Instant::now() };
        self.sessions.insert(token, session);
        self.touch(&token, |_| ());
    }

    fn touch(&mut self, token: &TokenHash, change: impl FnOnce(&mut Session)) {
        let Some(session) = self.sessions.get_mut(token) else { return };
        self.by_use.remove(&session.use_number);
        self.uses += 1;
        session.use_number = self.uses;
        session.last_used = Instant::now();
        change(session);
        self.by_use.insert(self.uses, *token);
    }

    fn forget(&mut self, token: &TokenHash) {
        if let Some(session) = self.sessions.remove(token) {
            self.by_use.remove(&session.use_number);
        }
    }
}

impl Holder {
    fn is(&self, peer: &Peer) -> bool {
        matches!(self, Self::Here { peers, .. } if peers.iter().any(|holder| holder.id == peer.id))
    }
}

#[cfg(test)]
mod tests;

//! Who has which alias, and which sessions may come back.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_protocol::limits::RESERVATION;
use chat_protocol::names::{Alias, NameKey, NameMap};
use tokio::time::Instant;

use crate::limits::{MAX_SESSIONS, SESSION_LIFE};
use crate::log::{AuthorId, TokenHash};
use crate::peer::Peer;

/// All aliases that are held and all sessions that are known.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    holders: NameMap<Holder>,
    sessions: HashMap<TokenHash, Session>,
    /// The sessions by the order of their last use.
    by_use: BTreeMap<u64, TokenHash>,
    uses: u64,
}

/// Who has an alias.
#[derive(Clone, Debug)]
enum Holder {
    /// Somebody who is here.
    Here { alias: Alias, peer: Arc<Peer> },
    /// A session whose connection broke, until then.
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
    /// Its alias is somebody else's by now.
    Taken(Taken),
    /// There is no such session.
    Unknown,
}

impl Directory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the alias to `peer`.
    pub(crate) fn claim(&self, alias: &Alias, peer: &Arc<Peer>) -> Result<(), Taken> {
        self.state().claim(alias, peer, None)
    }

    /// Gives the alias to `peer`, and opens a session of it.
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
        let (author, alias) = (session.author, session.alias.clone());
        if let Err(taken) = state.claim(&alias, peer, Some(token)) {
            return Resumed::Taken(taken);
        }
        state.touch(token, |session| session.peer = Some(Arc::clone(peer)));
        Resumed::Here { author, alias }
    }

    /// Gives `peer` another alias instead of its own, and calls `tell` before anybody can have the old one: what he
    /// does under it must come after the rooms were told.
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
            let holder = Holder::Here { alias: from.clone(), peer: Arc::clone(peer) };
            let _ = state.holders.insert(from.as_str(), from.key(), false, holder);
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
        let key = alias.key();
        if state.holders.get(&key).is_some_and(|holder| holder.is(peer)) {
            state.holders.remove(&key);
            if let Some(token) = token.filter(|_| reserve) {
                let holder = Holder::Reserved { session: *token, until: Instant::now() + RESERVATION };
                let _ = state.holders.insert(alias.as_str(), key, false, holder);
            }
        }
        if let Some(token) = token {
            state.touch(token, |session| session.peer = None);
        }
    }

    /// Who is here by this name.
    pub(crate) fn find(&self, alias: &Alias) -> Option<(Alias, Arc<Peer>)> {
        match self.state().holders.get(&alias.key()) {
            Some(Holder::Here { alias, peer }) => Some((alias.clone(), Arc::clone(peer))),
            _ => None,
        }
    }
}

impl State {
    fn claim(&mut self, alias: &Alias, peer: &Arc<Peer>, token: Option<&TokenHash>) -> Result<(), Taken> {
        let key = alias.key();
        if !self.is_free(&key, token) {
            let free = alias.suggestion(|other| self.is_free(&other.key(), token));
            return Err(Taken { wanted: alias.clone(), free: Suggestion(free) });
        }
        let holder = Holder::Here { alias: alias.clone(), peer: Arc::clone(peer) };
        let _ = self.holders.insert(alias.as_str(), key, false, holder);
        Ok(())
    }

    /// Whether nobody else has this alias or one that passes for it. Reservations that have run out end here.
    fn is_free(&mut self, key: &NameKey, token: Option<&TokenHash>) -> bool {
        let now = Instant::now();
        while let Some((name, holder)) = self.holders.conflict(key) {
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
        true
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
        matches!(self, Self::Here { peer: holder, .. } if holder.id == peer.id)
    }
}

#[cfg(test)]
mod tests;

//! The order of the house: who is banned or muted, what holds for everybody, and what operators did.
//!
//! All of it is in memory, where sessions look, and kept by a [`RuleKeeper`]. A change is kept first and in force then: nothing is in
//! force that a restart would undo. Who is allowed what is asked when it is done, so that a change needs no telling.

mod target;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chat_protocol::message::{AuditInfo, RuleInfo, RuleKind};
use chat_protocol::names::Alias;
use chat_protocol::value::Time;
use tokio::time::Instant;

pub(crate) use self::target::Target;

use crate::limits::{AUDIT_IN_MEMORY, AUDIT_WORDS, MAX_RULES, SLOW_TRACKED};
use crate::log::AuthorId;

/// A ban or a mute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The number of the audit log's entry with which it was made.
    pub(crate) number: u64,
    pub(crate) kind: RuleKind,
    pub(crate) target: Target,
    /// Whose alias it was then: it goes with him when he takes another one.
    pub(crate) author: Option<AuthorId>,
    pub(crate) until: Option<Time>,
    pub(crate) reason: Option<String>,
    pub(crate) by: Alias,
    pub(crate) time: Time,
}

/// What holds for everybody but operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Switches {
    /// People without an account may come in.
    pub(crate) guests: bool,
    /// Operators alone speak in rooms.
    pub(crate) announce_only: bool,
    /// Seconds between two messages of a person.
    pub(crate) slow: u64,
}

impl Default for Switches {
    fn default() -> Self {
        Self { guests: true, announce_only: false, slow: 0 }
    }
}

/// One of them, set. Alone, so that two who set different ones at the same time both get what they asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    Guests(bool),
    AnnounceOnly(bool),
    Slow(u64),
}

impl Switches {
    pub(crate) const fn set(&mut self, switch: Switch) {
        match switch {
            Switch::Guests(on) => self.guests = on,
            Switch::AnnounceOnly(on) => self.announce_only = on,
            Switch::Slow(seconds) => self.slow = seconds,
        }
    }
}

/// All that is kept, but for the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) rules: Vec<Arc<Rule>>,
    pub(crate) switches: Switches,
}

/// A change, made whole or not at all, together with its entry in the audit log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// Its number is that of the entry.
    pub(crate) add: Option<Rule>,
    pub(crate) remove: Vec<u64>,
    pub(crate) switch: Option<Switch>,
}

/// Keeps the order. Called from threads that may block. Errors are sentences.
pub(crate) trait RuleKeeper: Send + 'static {
    /// Whether another process changed something since the last call of this or of [`load`](Self::load).
    fn is_stale(&mut self) -> Result<bool, String>;
    fn load(&mut self) -> Result<Kept, String>;
    /// Keeps both, the entry under the next number, which it returns.
    fn record(&mut self, change: &Change, entry: &AuditInfo) -> Result<u64, String>;
    /// The newest entries before this one, newest first.
    fn audit(&mut self, before: u64, limit: usize) -> Result<Vec<AuditInfo>, String>;
}

/// Keeps nothing that outlives the process.
#[derive(Debug, Default)]
pub(crate) struct InMemory(VecDeque<AuditInfo>);

impl RuleKeeper for InMemory {
    fn is_stale(&mut self) -> Result<bool, String> {
        Ok(false)
    }

    fn load(&mut self) -> Result<Kept, String> {
        Ok(Kept::default())
    }

    fn record(&mut self, _change: &Change, entry: &AuditInfo) -> Result<u64, String> {
        let number = self.0.back().map_or(0, |last| last.number) + 1;
        if self.0.len() >= AUDIT_IN_MEMORY {
            self.0.pop_front();
        }
        self.0.push_back(AuditInfo { number, ..entry.clone() });
        Ok(number)
    }

    fn audit(&mut self, before: u64, limit: usize) -> Result<Vec<AuditInfo>, String> {
        Ok(self.0.iter().rev().filter(|entry| entry.number < before).take(limit).cloned().collect())
    }
}

/// The order in force.
pub(crate) struct Order {
    kept: RwLock<Kept>,
    /// Whether anybody may be kept from speaking: what every message asks first.
    watchful: AtomicBool,
    keeper: Mutex<Box<dyn RuleKeeper>>,
    /// When people spoke last, while that matters.
    spoke: Mutex<HashMap<AuthorId, Instant>>,
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order").field("kept", &self.kept()).finish_non_exhaustive()
    }
}

/// Why a change wasn't made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotChanged {
    #[error("there are {MAX_RULES} bans and mutes, the most there may be; /bans lists them")]
    TooMany,
    #[error("it can't be kept just now: {0}")]
    Unavailable(String),
}

impl Order {
    pub(crate) fn open(mut keeper: Box<dyn RuleKeeper>) -> Result<Self, String> {
        let kept = keeper.load()?;
        let order = Self {
            kept: RwLock::default(),
            watchful: AtomicBool::new(false),
            keeper: Mutex::new(keeper),
            spoke: Mutex::default(),
        };
        order.put(kept);
        Ok(order)
    }

    fn kept(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_mut(&self) -> RwLockWriteGuard<'_, Kept> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn keeper(&self) -> MutexGuard<'_, Box<dyn RuleKeeper>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, kept: Kept) {
        let mutes = kept.rules.iter().any(|rule| rule.kind == RuleKind::Mute);
        let watchful = mutes || kept.switches.announce_only || kept.switches.slow > 0;
        *self.kept_mut() = kept;
        self.watchful.store(watchful, Ordering::Release);
    }

    /// Makes a change; what ran out is taken out with it. May block.
    pub(crate) fn change(&self, mut change: Change, by: &Alias, now: Time, what: String) -> Result<(), NotChanged> {
        let mut keeper = self.keeper();
        let mut kept = self.kept().clone();
        let over = kept.rules.iter().filter(|rule| rule.until.is_some_and(|until| until <= now));
        change.remove.extend(over.map(|rule| rule.number));
        kept.rules.retain(|rule| !change.remove.contains(&rule.number));
        if change.add.is_some() && kept.rules.len() >= MAX_RULES {
            return Err(NotChanged::TooMany);
        }
        if let Some(switch) = change.switch {
            kept.switches.set(switch);
        }
        let entry = AuditInfo { number: 0, time: now, by: by.to_string(), what: short(what) };
        let number = keeper.record(&change, &entry).map_err(NotChanged::Unavailable)?;
        kept.rules.extend(change.add.map(|rule| Arc::new(Rule { number, ..rule })));
        self.put(kept);
        Ok(())
    }

    /// The newest entries of the audit log before this one. May block.
    pub(crate) fn audit(&self, before: u64, limit: usize) -> Result<Vec<AuditInfo>, String> {
        let mut entries = self.keeper().audit(before, limit)?;
        // Those of earlier versions may be longer.
        entries.iter_mut().for_each(|entry| entry.what = short(std::mem::take(&mut entry.what)));
        Ok(entries)
    }

    /// Takes over what another process changed; whether it did. May block.
    pub(crate) fn refresh(&self) -> Result<bool, String> {
        let mut keeper = self.keeper();
        if !keeper.is_stale()? {
            return Ok(false);
        }
        let kept = keeper.load()?;
        self.put(kept);
        Ok(true)
    }

    pub(crate) fn switches(&self) -> Switches {
        self.kept().switches
    }

    /// Whether anybody may be kept from speaking.
    pub(crate) fn is_watchful(&self) -> bool {
        self.watchful.load(Ordering::Acquire)
    }

    /// The ban of an address.
    pub(crate) fn ban_of_address(&self, address: std::net::IpAddr, now: Time) -> Option<Arc<Rule>> {
        self.find(now, |rule| rule.kind == RuleKind::Ban && rule.target.covers(address))
    }

    /// The ban or mute of a person.
    pub(crate) fn rule_of(&self, kind: RuleKind, alias: &Alias, author: AuthorId, now: Time) -> Option<Arc<Rule>> {
        if self.kept().rules.is_empty() {
            return None;
        }
        let key = alias.key();
        self.find(now, |rule| rule.kind == kind && (rule.author == Some(author) || rule.target.is_called(&key)))
    }

    fn find(&self, now: Time, matches: impl Fn(&Rule) -> bool) -> Option<Arc<Rule>> {
        let kept = self.kept();
        let in_force = kept.rules.iter().filter(|rule| rule.until.is_none_or(|until| until > now));
        in_force
            .filter(|rule| matches(rule))
            .max_by_key(|rule| rule.until.unwrap_or(Time::from_millis(i64::MAX)))
            .cloned()
    }

    /// The bans in force.
    pub(crate) fn bans(&self, now: Time) -> Vec<Arc<Rule>> {
        let kept = self.kept();
        let in_force = kept.rules.iter().filter(|rule| rule.until.is_none_or(|until| until > now));
        in_force.filter(|rule| rule.kind == RuleKind::Ban).cloned().collect()
    }

    /// The rules in force of this kind with this target.
    pub(crate) fn with_target(&self, kind: RuleKind, target: &Target) -> Vec<u64> {
        let kept = self.kept();
        kept.rules.iter().filter(|r| r.kind == kind && r.target.is_same(target)).map(|rule| rule.number).collect()
    }

    /// The rules in force after this one, and whether there are more.
    pub(crate) fn page(&self, after: u64, limit: usize, now: Time) -> (Vec<RuleInfo>, bool) {
        let kept = self.kept();
        let in_force = kept.rules.iter().filter(|rule| rule.until.is_none_or(|until| until > now));
        let mut rest = in_force.filter(|rule| rule.number > after);
        (rest.by_ref().take(limit).map(|rule| rule.info()).collect(), rest.next().is_some())
    }

    /// Lets somebody speak who hasn't for so many seconds; else how long he has to wait. `came`: when a guest did, who is a new author each
    /// time, so that coming again is no way to speak sooner.
    pub(crate) fn take_turn(&self, author: AuthorId, came: Option<Instant>, slow: u64) -> Result<(), Duration> {
        let slow = Duration::from_secs(slow);
        let now = Instant::now();
        let mut spoke = self.spoke.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = spoke.get(&author).copied().max(came)
            && let Some(wait) = slow.checked_sub(now.duration_since(last)).filter(|wait| !wait.is_zero())
        {
            return Err(wait);
        }
        if spoke.len() >= SLOW_TRACKED {
            spoke.retain(|_, last| now.duration_since(*last) < slow);
        }
        spoke.insert(author, now);
        Ok(())
    }
}

/// What was done, in as many words as the audit log keeps.
fn short(mut what: String) -> String {
    if what.len() > AUDIT_WORDS {
        what.truncate(what.floor_char_boundary(AUDIT_WORDS));
        what.push('…');
    }
    what
}

impl Rule {
    fn info(&self) -> RuleInfo {
        RuleInfo {
            number: self.number,
            kind: self.kind,
            target: self.target.to_string(),
            until: self.until,
            reason: self.reason.clone(),
            by: self.by.clone(),
            time: self.time,
        }
    }
}

#[cfg(test)]
mod tests;

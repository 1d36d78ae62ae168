//! Who is in a room, and what the room is told of comings and goings.
//!
//! Every change of a roster has a version. A session that enters gets the roster as of one version and skips what is
//! told later of changes up to it: so joins can be told late and merged, and a storm of N joins costs lines linear in N.

use std::collections::BTreeMap;
use std::time::Duration;

use chat_protocol::message::{Changes, Rename};
use chat_protocol::names::Alias;
use tokio::time::Instant;

use crate::limits::{BATCH_BYTES, COUNT_WINDOW, PRESENCE_WINDOW};
use crate::log::AuthorId;

/// A change of a roster. Whose the name is stands beside it: it may change hands before anybody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Joined(Alias, AuthorId),
    Left(Alias, AuthorId, Option<String>),
    Renamed(Rename),
}

/// What a room is told at once: several changes, no name in two of them; or, of who comes to a large room and goes, the count
/// alone.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Each with the version of the roster that it made.
    pub(crate) changes: Vec<(u64, Change)>,
    /// People there after them.
    pub(crate) count: u64,
}

impl Told {
    /// The changes after `version` as the wire has them; `None` where there are none.
    pub(crate) fn after(&self, version: u64) -> Option<Changes> {
        let mut all = Changes::default();
        for (_, change) in self.changes.iter().filter(|(made, _)| *made > version) {
            match change.clone() {
                Change::Joined(alias, _) => all.joined.push(alias),
                Change::Left(alias, _, reason) => {
                    if let Some(reason) = reason {
                        all.reasons.insert(alias.clone(), reason);
                    }
                    all.left.push(alias);
                }
                Change::Renamed(rename) => all.renamed.push(rename),
            }
        }
        (!all.is_empty()).then_some(all)
    }

    /// The versions of the first and the last change.
    pub(crate) fn versions(&self) -> Option<(u64, u64)> {
        Some((self.changes.first()?.0, self.changes.last()?.0))
    }

    /// An upper bound of the bytes that it takes in either dialect.
    pub(crate) fn bound(&self) -> usize {
        256 + self.changes.iter().map(|(_, change)| change.bound()).sum::<usize>()
    }
}

impl Change {
    fn concerns(&self, name: &Alias) -> bool {
        match self {
            Self::Joined(alias, _) | Self::Left(alias, ..) => alias == name,
            Self::Renamed(rename) => rename.from == *name || rename.to == *name,
        }
    }

    fn undoes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Joined(a, one), Self::Left(b, other, _)) | (Self::Left(a, one, _), Self::Joined(b, other)) => {
                (a, one) == (b, other)
            }
            _ => false,
        }
    }

    fn bound(&self) -> usize {
        match self {
            Self::Joined(alias, _) => alias.as_str().len() + 4,
            Self::Left(alias, _, None) => alias.as_str().len() + 24,
            Self::Left(alias, _, Some(reason)) => 2 * (alias.as_str().len() + reason.len()) + 40,
            Self::Renamed(rename) => rename.from.as_str().len() + rename.to.as_str().len() + 40,
        }
    }
}

/// The people in a room by name, and what the room hasn't been told yet.
#[derive(Debug)]
pub(crate) struct Roster {
    /// More people than this, and the room is told their count alone.
    most_named: usize,
    people: BTreeMap<Alias, Person>,
    /// Those whose presence the room knows of.
    announced: u64,
    version: u64,
    /// The version that somebody was given last: a change up to it can't be taken back in silence.
    seen: u64,
    untold: Vec<(u64, Change)>,
    count_untold: bool,
    /// Whether something untold may be told as soon as the window allows; else only once the window has passed.
    urgent: bool,
    /// When the oldest of it happened.
    since: Option<Instant>,
    /// When the room was told last.
    told: Option<Instant>,
}

#[derive(Debug, Default)]
struct Person {
    connections: u32,
    /// Those among them that came unannounced.
    quiet: u32,
}

impl Person {
    const fn announced(&self) -> bool {
        self.connections > self.quiet
    }
}

impl Roster {
    pub(crate) const fn new(most_named: usize) -> Self {
        Self {
            most_named,
            people: BTreeMap::new(),
            announced: 0,
            version: 0,
            seen: 0,
            untold: Vec::new(),
            count_untold: false,
            urgent: false,
            since: None,
            told: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// How many people the room knows of.
    pub(crate) const fn count(&self) -> u64 {
        self.announced
    }

    /// The version, and the first names of those whom the room knows of, as many as `most_named` and one line allow.
    pub(crate) fn snapshot(&mut self) -> (u64, Vec<Alias>) {
        self.seen = self.version;
        let mut bytes = 0;
        let announced = self.people.iter().filter(|(_, person)| person.announced()).map(|(name, _)| name);
        let fitting = announced.take(self.most_named).take_while(|name| {
            bytes += name.as_str().len() + 4;
            bytes < BATCH_BYTES - 4096
        });
        (self.version, fitting.cloned().collect())
    }

    /// The names after `after`, the unannounced ones too, at most `limit`; how many there are in all; whether more follow.
    pub(crate) fn page(&self, after: Option<&str>, limit: usize) -> (Vec<Alias>, u64, bool) {
        let mut names = self.people.keys().filter(|name| after.is_none_or(|after| name.as_str() > after));
        let page = names.by_ref().take(limit).cloned().collect();
        (page, self.people.len() as u64, names.next().is_some())
    }

    /// Adds a connection of somebody. Returns what has to be told before anything else is.
    pub(crate) fn add(&mut self, alias: &Alias, author: AuthorId, quiet: bool) -> Vec<Told> {
        let person = self.people.entry(alias.clone()).or_default();
        let before = person.announced();
        person.connections += 1;
        person.quiet += u32::from(quiet);
        if before || !person.announced() {
            return Vec::new();
        }
        self.announced += 1;
        self.note(Change::Joined(alias.clone(), author), true)
    }

    /// Takes a connection of somebody out. `abrupt`: he said no goodbye and may be back at once, which would be no news.
    pub(crate) fn remove(
        &mut self,
        alias: &Alias,
        author: AuthorId,
        reason: Option<String>,
        abrupt: bool,
    ) -> Vec<Told> {
        let Some(person) = self.people.get_mut(alias) else { return Vec::new() };
        let before = person.announced();
        person.connections -= 1;
        // Which of several connections of a person was the quiet one makes no difference to anybody.
        person.quiet = person.quiet.min(person.connections);
        let after = person.announced();
        if person.connections == 0 {
            self.people.remove(alias);
        }
        if !before || after {
            return Vec::new();
        }
        self.announced -= 1;
        self.note(Change::Left(alias.clone(), author, reason), !abrupt)
    }

    pub(crate) fn rename(&mut self, from: &Alias, to: &Alias) -> Vec<Told> {
        let Some(person) = self.people.remove(from) else { return Vec::new() };
        let news = person.announced();
        self.people.insert(to.clone(), person);
        if !news {
            return Vec::new();
        }
        self.note(Change::Renamed(Rename { from: from.clone(), to: to.clone() }), true)
    }

    fn note(&mut self, change: Change, urgent: bool) -> Vec<Told> {
        self.version += 1;
        let mut first = Vec::new();
        // Who speaks is known by his name, so that a large room hears of new names too.
        if self.announced > self.most_named as u64 && !matches!(change, Change::Renamed(_)) {
            self.count_untold = true;
        } else {
            let undone = self.untold.iter().position(|(made, earlier)| *made > self.seen && change.undoes(earlier));
            if let Some(i) = undone {
                self.untold.remove(i);
                if self.untold.is_empty() && !self.count_untold {
                    (self.urgent, self.since) = (false, None);
                }
                return first;
            }
            if self.untold.iter().any(|(_, earlier)| earlier.shares_a_name_with(&change)) {
                first = self.tell();
            }
            self.untold.push((self.version, change));
        }
        self.urgent |= urgent;
        self.since.get_or_insert_with(Instant::now);
        first
    }

    /// What has to be told before `speaker` may be heard.
    pub(crate) fn before_words_of(&mut self, speaker: &Alias) -> Vec<Told> {
        if self.untold.iter().any(|(_, change)| change.concerns(speaker)) { self.tell() } else { Vec::new() }
    }

    /// When something has to be told; `None` where nothing has.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let since = self.since?;
        let window: Duration = if self.announced > self.most_named as u64 { COUNT_WINDOW } else { PRESENCE_WINDOW };
        let after_last = self.told.map_or(now, |told| told + window);
        Some(if self.urgent { after_last } else { after_last.max(since + window) })
    }

    /// All that is untold, in parts that each fit into a line.
    pub(crate) fn tell(&mut self) -> Vec<Told> {
        let mut changes = std::mem::take(&mut self.untold);
        self.urgent = false;
        self.told = self.since.take().map(|_| Instant::now()).or(self.told);
        let count = self.announced;
        let mut by_count = std::mem::take(&mut self.count_untold);
        if count > self.most_named as u64 {
            let all = changes.len();
            changes.retain(|(_, change)| matches!(change, Change::Renamed(_)));
            by_count |= changes.len() < all;
        }
        let mut parts = Vec::new();
        if by_count {
            parts.push(Told { changes: Vec::new(), count });
        }
        for change in changes {
            match parts.last_mut() {
                Some(part) if !part.changes.is_empty() && part.bound() + change.1.bound() < BATCH_BYTES - 1024 => {
                    part.changes.push(change);
                }
                _ => parts.push(Told { changes: vec![change], count }),
            }
        }
        parts
    }
}

impl Change {
    fn shares_a_name_with(&self, other: &Self) -> bool {
        match other {
            Self::Joined(alias, _) | Self::Left(alias, ..) => self.concerns(alias),
            Self::Renamed(rename) => self.concerns(&rename.from) || self.concerns(&rename.to),
        }
    }
}

#[cfg(test)]
mod tests;

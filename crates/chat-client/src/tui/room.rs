//! A conversation as this screen holds it: a room, a private one, or a pane of answers.

mod folded;

use std::collections::VecDeque;

use chat_protocol::message::{Changes, Stored};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, Seq, Text, Time};

pub(crate) use self::folded::Folded;

/// Entries that a conversation keeps while its end is shown; older ones are read from the server again.
pub(crate) const KEPT: usize = 2000;

/// Entries that it keeps while somebody reads back in it.
pub(crate) const KEPT_READING: usize = 20_000;

/// Names that a conversation and a folded line of joins and leaves keep; beyond, they are counted or forgotten.
const NAMES_KEPT: usize = 100;

/// What a conversation is with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Everybody in a room.
    Room(RoomName),
    /// One person alone.
    Person(String),
    /// Nobody: answers to read.
    Pane(String),
}

/// A conversation.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) place: Place,
    pub(crate) topic: String,
    pub(crate) count: u64,
    pub(crate) members: Vec<Alias>,
    entries: VecDeque<Entry>,
    /// The number of the first entry. Numbers stand for entries as long as they are kept, wherever others are added.
    first: i64,
    /// What was typed and isn't stored; shown after the entries.
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) scroll: Scroll,
    pub(crate) unread: usize,
    pub(crate) mentions: usize,
    /// The first entry that was not read when the conversation was last left.
    pub(crate) marker: Option<i64>,
    pub(crate) older: Older,
    /// Messages up to here were said before we came: they are no news.
    pub(crate) quiet_until: Seq,
    /// Messages up to here ring for nobody: they came with the room.
    pub(crate) silent_until: Seq,
    /// Where it is kept, if it is: what can be read back and searched.
    pub(crate) kept: Option<RoomName>,
    /// How many came since somebody was here last, until that is told.
    pub(crate) since: Option<u64>,
    /// Who spoke, the last one first.
    pub(crate) speakers: Vec<Alias>,
    /// What was being typed when another conversation was turned to.
    pub(crate) draft: String,
}

/// What can be read of the time before the first entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Older {
    /// Nothing.
    None,
    /// More, from the server.
    There,
    /// It was asked for.
    Asked,
}

/// Which row stands at the bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scroll {
    /// The newest.
    Follow,
    /// This row of this entry.
    At(i64, usize),
}

/// Something that stands in a conversation.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) time: Time,
    pub(crate) what: What,
}

/// What an entry tells.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Said { from: Alias, text: Text, kind: Kind, seq: Option<Seq>, mention: bool },
    Presence(Folded),
    Notice(String),
    Error(String),
}

/// Something typed here whose fate is open, or which failed.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) number: u64,
    pub(crate) text: String,
    pub(crate) kind: Kind,
    pub(crate) time: Time,
    pub(crate) fate: Fate,
}

/// What is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Pending,
    /// It is stored; the message itself comes in its order.
    Stored(Seq),
    /// The client has ended; the next one sends it.
    Kept,
    Failed(String),
}

impl Room {
    pub(crate) const fn new(place: Place) -> Self {
        Self {
            place,
            topic: String::new(),
            count: 0,
            members: Vec::new(),
            entries: VecDeque::new(),
            first: 0,
            outgoing: Vec::new(),
            scroll: Scroll::Follow,
            unread: 0,
            mentions: 0,
            marker: None,
            older: Older::None,
            quiet_until: Seq::ZERO,
            silent_until: Seq::ZERO,
            since: None,
            kept: None,
            speakers: Vec::new(),
            draft: String::new(),
        }
    }

    /// The name with its sign.
    pub(crate) fn title(&self) -> String {
        match &self.place {
            Place::Room(name) => format!("#{name}"),
            Place::Person(name) => format!("@{name}"),
            Place::Pane(title) => title.clone(),
        }
    }

    pub(crate) const fn name(&self) -> Option<&RoomName> {
        if let Place::Room(name) = &self.place { Some(name) } else { None }
    }

    /// The room whose log has what was said here.
    pub(crate) fn log(&self) -> Option<&RoomName> {
        self.name().or(self.kept.as_ref())
    }

    /// The number of the first entry.
    pub(crate) const fn first(&self) -> i64 {
        self.first
    }

    /// The number behind the last entry: that of the first outgoing one.
    pub(crate) fn end(&self) -> i64 {
        self.first.saturating_add_unsigned(self.entries.len() as u64)
    }

    pub(crate) fn entry(&self, number: i64) -> Option<&Entry> {
        self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn push(&mut self, time: Time, what: What) {
        self.entries.push_back(Entry { time, what });
        self.trim();
    }

    /// Lets go of the oldest entries beyond the bound.
    pub(crate) fn trim(&mut self) {
        let most = if self.scroll == Scroll::Follow { KEPT } else { KEPT_READING };
        while self.entries.len() > most {
            self.entries.pop_front();
            self.first += 1;
            if self.older == Older::None && self.log().is_some() {
                self.older = Older::There;
            }
        }
        if self.marker.is_some_and(|marker| marker < self.first) {
            self.marker = None;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.first = self.end();
        self.entries.clear();
        self.marker = None;
        self.scroll = Scroll::Follow;
    }

    /// Puts a page of older messages before the first entry.
    pub(crate) fn prepend(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            self.entries.push_front(entry);
            self.first -= 1;
        }
    }

    /// The next entry before or after `from` for which `test` holds.
    pub(crate) fn seek(&self, from: i64, older: bool, test: impl Fn(&Entry) -> bool) -> Option<i64> {
        let mut numbered = (self.first..).zip(&self.entries);
        if older {
            numbered.take_while(|(number, _)| *number < from).filter(|(_, entry)| test(entry)).map(|(n, _)| n).last()
        } else {
            numbered.find(|(number, entry)| *number > from && test(entry)).map(|(number, _)| number)
        }
    }

    /// The place of the oldest message that is here.
    pub(crate) fn oldest(&self) -> Option<Seq> {
        self.entries.iter().find_map(Entry::seq)
    }

    pub(crate) fn has(&self, seq: Seq) -> bool {
        self.entries.iter().rev().filter_map(Entry::seq).take_while(|other| *other >= seq).any(|other| other == seq)
    }

    /// Settles what was typed here and now has come as a message.
    pub(crate) fn settle(&mut self, stored: &Stored) {
        let by_seq = self.outgoing.iter().position(|out| out.fate == Fate::Stored(stored.seq));
        let index = by_seq.or_else(|| {
            self.outgoing.iter().position(|out| {
                matches!(out.fate, Fate::Pending | Fate::Failed(_))
                    && out.kind == stored.kind
                    && Text::new(&out.text) == stored.text
            })
        });
        if let Some(index) = index {
            self.outgoing.remove(index);
        }
    }

    /// Takes the text of a message away.
    pub(crate) fn redact(&mut self, seq: Seq) {
        let entry = self.entries.iter_mut().rev().find(|entry| entry.seq() == Some(seq));
        if let Some(Entry { what: What::Said { text, mention, .. }, .. }) = entry {
            *text = Text::new("");
            *mention = false;
        }
    }

    /// Remembers who spoke last.
    pub(crate) fn spoke(&mut self, from: &Alias) {
        self.speakers.retain(|other| other != from);
        self.speakers.insert(0, from.clone());
        self.speakers.truncate(NAMES_KEPT);
    }

    /// Folds who came and went into the line before, where nobody spoke since, and keeps the list of members.
    pub(crate) fn presence(&mut self, time: Time, count: u64, changes: &Changes) {
        self.count = count;
        for rename in &changes.renamed {
            self.members.retain(|member| *member != rename.from);
            self.members.push(rename.to.clone());
        }
        self.members.retain(|member| !changes.left.contains(member));
        let new: Vec<_> = changes.joined.iter().filter(|alias| !self.members.contains(alias)).cloned().collect();
        self.members.extend(new);
        self.sort_members();
        let fresh = self.marker != Some(self.end());
        if !fresh || !matches!(self.entries.back(), Some(Entry { what: What::Presence(_), .. })) {
            self.push(time, What::Presence(Folded::default()));
        }
        if let Some(Entry { what: What::Presence(folded), .. }) = self.entries.back_mut() {
            folded.add(changes);
        }
    }

    pub(crate) fn sort_members(&mut self) {
        self.members.sort_by_cached_key(|member| member.as_str().to_lowercase());
    }
}

impl Entry {
    pub(crate) const fn seq(&self) -> Option<Seq> {
        if let What::Said { seq, .. } = &self.what { *seq } else { None }
    }

    pub(crate) fn said(stored: Stored, mention: bool) -> Self {
        let Stored { seq, time, from, text, kind, .. } = stored;
        Self { time, what: What::Said { from, text, kind, seq: Some(seq), mention } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(name: &str) -> Alias {
        Alias::new(name).unwrap()
    }

    fn joins(names: &[&str]) -> Changes {
        Changes { joined: names.iter().map(|name| alias(name)).collect(), ..Changes::default() }
    }

    #[test]
    fn who_comes_and_goes_is_one_line() {
        let mut room = Room::new(Place::Room(RoomName::new("lobby").unwrap()));
        room.presence(Time::default(), 2, &joins(&["dave"]));
        room.presence(Time::default(), 4, &joins(&["erin", "bob"]));
        room.presence(Time::default(), 3, &Changes { left: vec![alias("bob")], ..Changes::default() });
        room.presence(Time::default(), 3, &Changes { left: vec![alias("carol")], ..Changes::default() });
        assert_eq!(room.entries.len(), 1);
        let What::Presence(folded) = &room.entries[0].what else { panic!("it is of presence") };
        assert_eq!(folded.words(), "dave and erin joined; carol left");
        assert_eq!(room.members, [alias("dave"), alias("erin")]);
    }

    #[test]
    fn old_entries_are_let_go_and_numbers_stay() {
        let mut room = Room::new(Place::Room(RoomName::new("lobby").unwrap()));
        for n in 0..KEPT + 10 {
            room.push(Time::default(), What::Notice(n.to_string()));
        }
        assert_eq!((room.first(), room.entries.len(), room.older), (10, KEPT, Older::There));
        room.prepend(vec![Entry { time: Time::default(), what: What::Notice("before".to_owned()) }]);
        assert!(matches!(&room.entry(9).unwrap().what, What::Notice(text) if text == "before"));
        assert!(matches!(&room.entry(10).unwrap().what, What::Notice(text) if text == "10"));
    }
}

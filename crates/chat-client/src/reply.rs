//! Answers to requests.

use chat_protocol::message::{AuditInfo, RoomCount, RuleInfo, WhoisInfo};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Seq, Time};

use crate::event::Message;

/// A line is durable, at this place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Its room.
    pub room: RoomName,
    /// Its place there.
    pub seq: Seq,
    /// When it was stored.
    pub time: Time,
}

/// A private message reached the other's mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateAck {
    /// Whose.
    pub to: Alias,
    /// When.
    pub time: Time,
    /// Whether it is kept.
    pub durable: bool,
    /// Where: the conversation, and its place there.
    pub kept: Option<(RoomName, Seq)>,
}

/// Who is in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhoPage {
    /// Which.
    pub room: RoomName,
    /// How many there are.
    pub count: u64,
    /// The names of this page, in order.
    pub members: Vec<Alias>,
    /// Whether there are more after the last of them.
    pub more: bool,
}

/// Which rooms there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomList {
    /// The rooms of this page, in order. Their topics are as the server sent them, not cleaned.
    pub rooms: Vec<RoomCount>,
    /// Whether there are more after the last of them.
    pub more: bool,
}

/// Messages of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// From `history` oldest first, from `search` newest first.
    pub messages: Vec<Message>,
    /// Messages of the page that can't be had any more, as the first and the last of them.
    pub gaps: Vec<(Seq, Seq)>,
    /// Whether there is more in that direction.
    pub more: bool,
}

/// What an operator's request brought.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// It was done.
    Done,
    /// Bans and mutes that are in force, oldest first, and whether there are more.
    Bans(Vec<RuleInfo>, bool),
    /// Who somebody is.
    Whois(WhoisInfo),
    /// What operators did, newest first, and whether there is more.
    Audit(Vec<AuditInfo>, bool),
}

/// An answer of any kind; the handle picks out what it asked for.
#[derive(Debug)]
pub(crate) enum Reply {
    Done,
    Said(Ack),
    Private(PrivateAck),
    Who(WhoPage),
    Rooms(RoomList),
    Page(Page),
    Report(Report),
}

/// Each picks out one kind of answer.
impl Reply {
    pub(crate) fn done(self) -> Option<()> {
        matches!(self, Self::Done).then_some(())
    }

    pub(crate) fn said(self) -> Option<Ack> {
        if let Self::Said(ack) = self { Some(ack) } else { None }
    }

    pub(crate) fn private(self) -> Option<PrivateAck> {
        if let Self::Private(ack) = self { Some(ack) } else { None }
    }

    pub(crate) fn who(self) -> Option<WhoPage> {
        if let Self::Who(page) = self { Some(page) } else { None }
    }

    pub(crate) fn rooms(self) -> Option<RoomList> {
        if let Self::Rooms(list) = self { Some(list) } else { None }
    }

    pub(crate) fn report(self) -> Option<Report> {
        match self {
            Self::Done => Some(Report::Done),
            Self::Report(report) => Some(report),
            _ => None,
        }
    }

    pub(crate) fn page(self) -> Option<Page> {
        if let Self::Page(page) = self { Some(page) } else { None }
    }
}

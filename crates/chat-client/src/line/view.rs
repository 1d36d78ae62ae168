//! What a person sees: events and answers as lines, in the words of the server's text dialect.

mod said;
mod told;

use chat_client::{End, Event, Message};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text::{HELP, Input, OPERATOR_HELP, render};
use chat_protocol::value::Seq;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use self::told::{announcement, bye, dropped, invited, not_kept, rooms};
use super::request::Outcome;
use crate::args::Times;
use crate::kept::Read;

/// What is known of the conversation, as far as it decides what is shown.
#[derive(Debug)]
pub(crate) struct View {
    zone: TimeZone,
    times: Times,
    /// Messages wanted of a room that is entered.
    history: u32,
    read: Read,
    me: Option<Alias>,
    offline: bool,
    /// Where what is typed goes.
    current: Option<RoomName>,
    /// The room that a person is on the way to.
    expected: Option<RoomName>,
    /// There is no room for what is typed, and none is on its way.
    nowhere: bool,
    rooms: Vec<Room>,
    greeted: bool,
    /// The date that was shown last, and the minute.
    shown: Option<Date>,
    minute: Option<i64>,
    offset: Option<Offset>,
    /// The folded names of those whose words aren't shown.
    ignored: Vec<Box<str>>,
}

/// A room we are in, or a conversation in which something was said.
#[derive(Debug)]
struct Room {
    name: RoomName,
    topic: String,
    page: Option<HistoryPage>,
    /// Messages up to here were had before, or said before we came: nobody missed them.
    had_until: Seq,
    /// Messages up to here were had before, and more of them than are wanted come.
    hidden_until: Seq,
    /// The last message that was had before, and how many came since; until that is told.
    read_until: Option<(Seq, u64)>,
}

/// The page of history that comes first.
#[derive(Clone, Copy, Debug)]
struct HistoryPage {
    /// Its last message.
    until: Seq,
    /// Something of it came: all of it may be gone.
    begun: bool,
}

impl HistoryPage {
    /// The page up to `head`, unless it has no message.
    fn up_to(head: Seq) -> Option<Self> {
        (head > Seq::ZERO).then_some(Self { until: head, begun: false })
    }
}

impl View {
    pub(crate) fn new(zone: TimeZone, times: Times, history: u32, read: Read, current: Option<RoomName>) -> Self {
        Self {
            zone,
            times,
            history,
            read,
            me: None,
            offline: true,
            current,
            expected: None,
            nowhere: false,
            rooms: Vec::new(),
            greeted: false,
            shown: None,
            minute: None,
            offset: None,
            ignored: Vec::new(),
        }
    }

    /// Our alias, once the server gave us one.
    pub(crate) const fn me(&self) -> Option<&Alias> {
        self.me.as_ref()
    }

    pub(crate) const fn is_offline(&self) -> bool {
        self.offline
    }

    /// The room that what is typed goes to; `None` until the server has said which it is.
    pub(crate) const fn current(&self) -> Option<&RoomName> {
        self.current.as_ref()
    }

    /// Whether it is known where what is typed goes, if only that it goes nowhere.
    pub(crate) const fn is_placed(&self) -> bool {
        self.current.is_some() || self.nowhere
    }

    /// A person is on the way to this room.
    pub(crate) fn expect(&mut self, room: RoomName) {
        self.expected = Some(room);
    }

    /// The lines of an event.
    pub(crate) fn event(&mut self, event: &Event, now: Timestamp) -> String {
        let mut out = String::new();
        match event {
            Event::Connected(welcome) => self.connected(&mut out, welcome),
            Event::Disconnected { why, retry_in } => self.disconnected(&mut out, why, *retry_in),
            Event::Reconnected { resumed, resent, .. } => self.reconnected(&mut out, *resumed, *resent),
            // What comes of a conversation says itself whose it is.
            Event::Joined(joined) if joined.room.is_conversation() => {}
            Event::Joined(joined) => self.joined(&mut out, joined, now),
            Event::Message(Message { stored, .. }) => self.message(&mut out, stored, now),
            Event::Private(private) => self.private(&mut out, private),
            Event::Presence { room, changes: Some(changes), .. } => self.presence(&mut out, room, changes),
            Event::Topic { room, text, from } => self.topic(&mut out, room, text, from),
            Event::Redacted { room, seq, by } => self.redacted(&mut out, room, *seq, by),
            Event::Announcement { from, text, .. } => announcement(&mut out, from, text),
            Event::Gap { room, from, to } => self.gap(&mut out, room, (*from, *to), now),
            Event::Reset { room, head } => self.reset(&mut out, room, *head),
            Event::Disorder { room, expected, found } => self.disorder(&mut out, room, *expected, *found),
            Event::Left { room, reason } => self.left(&mut out, room, reason),
            Event::Invited { room, by } => invited(&mut out, room, by),
            Event::Refused(refusal) => self.refused(&mut out, refusal),
            Event::Renamed(alias) => self.me = Some(alias.clone()),
            Event::SessionLost { lines } => self.session_lost(&mut out, lines),
            Event::NotKept { why } => not_kept(&mut out, why),
            Event::Dropped { count } => dropped(&mut out, *count),
            Event::Ended(End::Bye(last)) => bye(&mut out, last),
            _ => {}
        }
        out
    }

    /// The lines of an answer.
    pub(crate) fn outcome(&mut self, outcome: &Outcome, now: Timestamp) -> String {
        let mut out = String::new();
        match outcome {
            Outcome::Private { ack, kind, text } => self.own_private(&mut out, ack, *kind, text),
            Outcome::Who(page) => render::who(&mut out, &page.room, page.count, &page.members),
            Outcome::Rooms(list) => rooms(&mut out, list),
            Outcome::Page { page, query } => self.page(&mut out, page, query.as_deref(), now),
            Outcome::Lines(lines) => lines.iter().for_each(|line| render::notice(&mut out, line)),
            Outcome::Said | Outcome::Done => {}
        }
        out
    }

    /// The lines of what is done here and not by the server.
    pub(crate) fn local(&mut self, input: &Input) -> String {
        let mut out = String::new();
        match input {
            Input::OperatorHelp => OPERATOR_HELP.iter().for_each(|line| render::notice(&mut out, line)),
            Input::Help => HELP.iter().for_each(|line| render::notice(&mut out, line)),
            Input::ShowTopic => self.show_topic(&mut out),
            Input::Ignore(name) => self.ignore(&mut out, name, true),
            Input::Unignore(name) => self.ignore(&mut out, name, false),
            _ => {}
        }
        out
    }

    fn room(&mut self, name: &RoomName) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.name == *name)
    }
}

#[cfg(test)]
mod tests;

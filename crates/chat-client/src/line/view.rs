//! What a person sees: events and answers as lines, in the words of the server's text dialect.

use chat_client::{End, Event, Joined, Lost, Message, Page, Private};
use chat_protocol::clean::clean_line;
use chat_protocol::message::{Changes, RoomCount, Stored};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text::{CONNECTED, HELP, Input, OPERATOR_HELP, render};
use chat_protocol::value::{Seq, Time};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use super::request::Outcome;
use super::words::excerpt;
use crate::args::Times;
use crate::kept::{self, Read};

/// Bytes of `[HH:MM:SS] `.
const STAMP: usize = 11;

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
    rooms: Vec<Room>,
    greeted: bool,
    /// The date that was shown last, and the minute.
    shown: Option<Date>,
    minute: Option<i64>,
    offset: Option<Offset>,
    /// The folded names of those whose words aren't shown.
    ignored: Vec<Box<str>>,
}

/// A room we are in.
#[derive(Debug)]
struct Room {
    name: RoomName,
    topic: String,
    /// The last message of the page of history that is being shown.
    page_until: Option<Seq>,
    /// Messages up to here were had before, and more of them than are wanted come.
    hidden_until: Seq,
    /// The last message that was had before, and how many came since; until that is told.
    read_until: Option<(Seq, u64)>,
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

    /// A person is on the way to this room.
    pub(crate) fn expect(&mut self, room: RoomName) {
        self.expected = Some(room);
    }

    /// The lines of an event.
    pub(crate) fn event(&mut self, event: &Event, now: Timestamp) -> String {
        let mut out = String::new();
        match event {
            Event::Connected(welcome) => {
                self.me = Some(welcome.alias.clone());
                self.read.keep_for(&welcome.log);
                self.offline = false;
                out = format!("{CONNECTED}\n");
            }
            Event::Disconnected { why, retry_in } => {
                let seconds = retry_in.as_secs_f64().ceil();
                let what = if self.offline { "still no connection" } else { "connection lost" };
                self.offline = true;
                // What a system says about a broken connection tells a person nothing; what the server says does.
                let why = if let Lost::Bye(_) | Lost::NotNow(_) = why { format!(" ({why})") } else { String::new() };
                render::notice(&mut out, &format!("{what}{why}; trying again in {seconds} s"));
            }
            Event::Reconnected { resumed, resent, .. } => {
                self.offline = false;
                render::notice(&mut out, &reconnected(*resumed, *resent));
            }
            // What comes of a conversation says itself whose it is.
            Event::Joined(joined) if joined.room.is_conversation() => {}
            Event::Joined(joined) => self.joined(&mut out, joined, now),
            Event::Message(Message { stored, .. }) => self.message(&mut out, stored, now),
            Event::Private(private) => self.private(&mut out, private),
            Event::Presence { room, changes: Some(changes), .. } => self.presence(&mut out, room, changes),
            Event::Topic { room, text, from } => self.topic(&mut out, room, text, from),
            Event::Redacted { room, seq, by } => {
                self.about(&mut out, room, |out| render::notice(out, &format!("{by} took away message {seq}")));
            }
            Event::Announcement { from, text, .. } => {
                for line in text.as_str().lines() {
                    render::notice(&mut out, &format!("{from} to everybody: {line}"));
                }
            }
            Event::Gap { room, from, to } => {
                self.about(&mut out, room, |out| render::missed(out, (to.get() + 1).saturating_sub(from.get())));
                self.page_seen(&mut out, room, *to, now);
            }
            Event::Reset { room, head } => {
                let until = (self.history > 0 && *head > Seq::ZERO).then_some(*head);
                if let Some(room) = self.room(room) {
                    room.page_until = until;
                }
                self.about(&mut out, room, |out| render::notice(out, "the server's messages begin anew"));
            }
            Event::Disorder { room, expected, found } => self.about(&mut out, room, |out| {
                render::error(out, &format!("the server's messages are out of order: {found} instead of {expected}"));
            }),
            Event::Refused(refusal) => render::error(&mut out, &clean_line(&refusal.message)),
            Event::Renamed(alias) => self.me = Some(alias.clone()),
            // Where nothing was said in it nobody has to know.
            Event::SessionLost { lines } if lines.is_empty() && self.me.is_none() => {}
            Event::SessionLost { .. } => render::notice(&mut out, "the server doesn't know this session any more"),
            Event::NotKept { why } => {
                let why = clean_line(why);
                render::error(&mut out, &format!("what you say is not kept on this machine any more: {why}"));
            }
            Event::Dropped { count } => {
                render::error(&mut out, &format!("{count} events came faster than they could be shown"));
            }
            Event::Ended(End::Bye(bye)) => {
                let bye = chat_protocol::message::Bye::new(bye.code, clean_line(&bye.reason));
                render::bye(&mut out, &bye);
            }
            _ => {}
        }
        out
    }

    /// The lines of an answer.
    pub(crate) fn outcome(&mut self, outcome: &Outcome, now: Timestamp) -> String {
        let mut out = String::new();
        match outcome {
            Outcome::Private { ack, kind, text } => {
                if let Some(me) = self.me.clone() {
                    let mut line = String::new();
                    render::private_to(&mut line, ack.time, &me, &ack.to, *kind, text, &self.zone);
                    self.spoken(&mut out, &line, ack.time, None);
                }
            }
            Outcome::Who(page) => render::who(&mut out, &page.room, page.count, &page.members),
            Outcome::Rooms(list) => {
                let clean =
                    |room: &RoomCount| RoomCount { topic: clean_line(&room.topic).into_owned(), ..room.clone() };
                let rooms: Vec<_> = list.rooms.iter().map(clean).collect();
                render::rooms(&mut out, &rooms, list.more);
            }
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
            Input::ShowTopic => {
                let topic = self.current.clone().and_then(|room| Some(self.room(&room)?.topic.clone()));
                render::topic(&mut out, &topic.unwrap_or_default());
            }
            Input::Ignore(name) => self.ignore(&mut out, name, true),
            Input::Unignore(name) => self.ignore(&mut out, name, false),
            _ => {}
        }
        out
    }

    fn joined(&mut self, out: &mut String, joined: &Joined, now: Timestamp) {
        let Joined { room, topic, count, members, head, .. } = joined;
        let key = room.key();
        let expected = self.expected.take_if(|expected| expected.key().is_same(&key, false)).is_some();
        let is_current = self.current.as_ref().is_none_or(|current| current.key().is_same(&key, false));
        if is_current || expected {
            self.current = Some(room.clone());
        }
        let known = self.room(room).is_some();
        if let Some(room) = self.room(room) {
            topic.clone_into(&mut room.topic);
        } else {
            let read = self.read.take(room).map(|seq| (seq, head.get().saturating_sub(seq.get())));
            let asked = self.history > 0 || read.is_some();
            let page_until = (asked && *head > Seq::ZERO).then_some(*head);
            let unwanted = Seq::new(head.get().saturating_sub(self.history.into()));
            let hidden_until = read.map_or(Seq::ZERO, |(seq, _)| seq.min(unwanted));
            let read_until = read.filter(|(_, count)| *count > 0);
            self.rooms.push(Room { name: room.clone(), topic: topic.clone(), page_until, hidden_until, read_until });
        }
        if known && !expected {
            return;
        }
        let others: Vec<_> = members.iter().filter(|alias| Some(*alias) != self.me.as_ref()).cloned().collect();
        let count = count.saturating_sub(1).max(others.len() as u64);
        let offset = self.zone.to_offset(now);
        match &self.me {
            Some(me) if !std::mem::replace(&mut self.greeted, true) => {
                render::greeting(out, me, room, &others, count, offset, false);
                self.offset = Some(offset);
            }
            _ if count == 0 && *head == Seq::ZERO => render::made(out, room),
            _ => render::entered(out, room, &others, count),
        }
        if !topic.is_empty() {
            render::topic(out, &clean_line(topic));
        }
        self.shown = Some(self.date(now));
    }

    fn message(&mut self, out: &mut String, stored: &Stored, now: Timestamp) {
        let room = self.room(&stored.room);
        let hidden = room.as_ref().is_some_and(|room| stored.seq <= room.hidden_until);
        let since = room.and_then(|room| room.read_until.take_if(|(read, _)| *read < stored.seq));
        if let Some((_, count)) = since {
            self.about(out, &stored.room, |out| render::notice(out, &kept::since(count)));
        }
        if !hidden && !self.is_ignored(&stored.from) {
            self.offset(out, now);
            self.day(out, stored.time);
            let mut lines = String::new();
            self.said(&mut lines, stored);
            let room = Some(&stored.room).filter(|room| !room.is_conversation());
            self.spoken(out, &lines, stored.time, room);
        }
        self.page_seen(out, &stored.room, stored.seq, now);
    }

    /// Something said in a room, or in a conversation with somebody.
    fn said(&self, lines: &mut String, stored: &Stored) {
        let Stored { time, from, text, kind, .. } = stored;
        match (stored.room.other().and_then(|other| Alias::new(other).ok()), &self.me) {
            (Some(other), Some(me)) if from == me => {
                render::private_to(lines, *time, me, &other, *kind, text, &self.zone);
            }
            (Some(_), _) => render::private_from(lines, *time, from, *kind, text, &self.zone),
            (None, _) => render::message(lines, stored, &self.zone),
        }
    }

    /// Ends a page of history where its last message was.
    fn page_seen(&mut self, out: &mut String, room: &RoomName, seq: Seq, now: Timestamp) {
        let Some(room) = self.room(room) else { return };
        if room.page_until.take_if(|until| *until <= seq).is_some() {
            let name = room.name.clone();
            self.about(out, &name, render::now);
            self.shown = Some(self.date(now));
        }
    }

    fn private(&mut self, out: &mut String, private: &Private) {
        let Private { time, from, text, kind, to, .. } = private;
        if self.is_ignored(from) {
            return;
        }
        self.day(out, *time);
        let mut lines = String::new();
        // The copy of what this account said elsewhere.
        if self.me.as_ref() == Some(from) {
            render::private_to(&mut lines, *time, from, to, *kind, text, &self.zone);
        } else {
            render::private_from(&mut lines, *time, from, *kind, text, &self.zone);
        }
        self.spoken(out, &lines, *time, None);
    }

    fn presence(&self, out: &mut String, room: &RoomName, changes: &Changes) {
        let mut changes = changes.clone();
        for reason in changes.reasons.values_mut() {
            *reason = clean_line(reason).into_owned();
        }
        self.about(out, room, |out| render::presence(out, &changes));
    }

    fn topic(&mut self, out: &mut String, room: &RoomName, text: &str, from: &Alias) {
        if let Some(room) = self.room(room) {
            text.clone_into(&mut room.topic);
        }
        self.about(out, room, |out| render::topic_set(out, from, &clean_line(text)));
    }

    fn page(&mut self, out: &mut String, page: &Page, query: Option<&str>, now: Timestamp) {
        if page.messages.is_empty() {
            let words = query.map_or_else(
                || "nothing was said here yet".to_owned(),
                |query| format!("nothing found for \"{}\"", excerpt(query)),
            );
            return render::notice(out, &words);
        }
        self.shown = Some(self.date(now));
        for Message { stored, .. } in &page.messages {
            self.day(out, stored.time);
            let mut lines = String::new();
            self.said(&mut lines, stored);
            self.spoken(out, &lines, stored.time, None);
        }
        render::now(out);
        self.shown = Some(self.date(now));
    }

    fn ignore(&mut self, out: &mut String, name: &str, on: bool) {
        let alias = match Alias::new(name) {
            Ok(alias) => alias,
            Err(error) => return render::error(out, &error.to_string()),
        };
        let folded: Box<str> = alias.key().folded().into();
        let known = self.ignored.contains(&folded);
        self.ignored.retain(|ignored| *ignored != folded);
        match (on, known) {
            (true, _) => {
                self.ignored.push(folded);
                render::notice(out, &format!("you don't see any more what {alias} says; /unignore {alias} ends this"));
            }
            (false, true) => render::notice(out, &format!("you see again what {alias} says")),
            (false, false) => render::error(out, &format!("you don't ignore {alias}")),
        }
    }

    fn is_ignored(&self, alias: &Alias) -> bool {
        !self.ignored.is_empty() && self.ignored.iter().any(|ignored| **ignored == *alias.key().folded())
    }

    fn room(&mut self, name: &RoomName) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.name == *name)
    }

    fn date(&self, now: Timestamp) -> Date {
        render::date(now.into(), &self.zone)
    }

    /// Says that the zone's offset from UTC has changed, where it has.
    fn offset(&mut self, out: &mut String, now: Timestamp) {
        let offset = self.zone.to_offset(now);
        if self.offset.replace(offset).is_some_and(|before| before != offset) {
            render::offset_changed(out, offset);
        }
    }

    /// The line before a message of another date than the last.
    fn day(&mut self, out: &mut String, time: Time) {
        let date = render::date(time, &self.zone);
        if self.shown.replace(date) != Some(date) {
            render::day(out, date);
        }
    }

    /// Lines that somebody said, with as much of their time and room as is wanted.
    fn spoken(&mut self, out: &mut String, lines: &str, time: Time, room: Option<&RoomName>) {
        let minute = time.as_millis().div_euclid(60_000);
        let elsewhere = room.filter(|room| self.current.as_ref() != Some(room));
        for line in lines.lines() {
            let (stamp, words) = line.split_at_checked(STAMP).unwrap_or(("", line));
            let shows = match self.times {
                Times::Always => true,
                Times::Changed => self.minute != Some(minute),
                Times::Never => false,
            };
            self.minute = Some(minute);
            if shows {
                out.push_str(stamp);
            }
            if let Some(room) = elsewhere {
                out.push('#');
                out.push_str(room.as_str());
                out.push(' ');
            }
            out.push_str(words);
            out.push('\n');
        }
    }

    /// Lines about a room, which they name where it isn't the current one.
    fn about(&self, out: &mut String, room: &RoomName, render: impl FnOnce(&mut String)) {
        let mut lines = String::new();
        render(&mut lines);
        if self.current.as_ref() == Some(room) {
            return out.push_str(&lines);
        }
        for line in lines.lines() {
            let (mark, words) = line.split_at_checked(4).unwrap_or(("", line));
            out.push_str(&format!("{mark}{}: {words}\n", room.shown()));
        }
    }
}

fn reconnected(resumed: bool, resent: usize) -> String {
    let again = match resent {
        0 => String::new(),
        1 => "; 1 line sent again".to_owned(),
        n => format!("; {n} lines sent again"),
    };
    let session = if resumed { "" } else { ", in a new session" };
    format!("connected again{session}{again}")
}

#[cfg(test)]
mod tests;

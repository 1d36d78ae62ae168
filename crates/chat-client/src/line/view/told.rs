//! What is told of the connection and of rooms.

use std::time::Duration;

use chat_client::{Joined, Lost, RoomList, Unsettled, Welcome};
use chat_protocol::clean::clean_line;
use chat_protocol::message::{Bye, Changes, Refusal, RoomCount};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text::{CONNECTED, render};
use chat_protocol::value::{Seq, Text};
use jiff::Timestamp;

use super::{HistoryPage, Room, View};
use crate::asked::NOWHERE;

impl View {
    pub(super) fn connected(&mut self, out: &mut String, welcome: &Welcome) {
        self.me = Some(welcome.alias.clone());
        self.read.keep_for(&welcome.log);
        self.offline = false;
        out.push_str(CONNECTED);
        out.push('\n');
    }

    pub(super) fn disconnected(&mut self, out: &mut String, why: &Lost, retry_in: Duration) {
        let seconds = retry_in.as_secs_f64().ceil();
        let what = if self.offline { "still no connection" } else { "connection lost" };
        self.offline = true;
        // What a system says about a broken connection tells a person nothing; what the server says does.
        let why = if let Lost::Bye(_) | Lost::NotNow(_) = why { format!(" ({why})") } else { String::new() };
        render::notice(out, &format!("{what}{why}; trying again in {seconds} s"));
    }

    pub(super) fn reconnected(&mut self, out: &mut String, resumed: bool, resent: usize) {
        self.offline = false;
        let again = match resent {
            0 => String::new(),
            1 => "; 1 line sent again".to_owned(),
            n => format!("; {n} lines sent again"),
        };
        let session = if resumed { "" } else { ", in a new session" };
        render::notice(out, &format!("connected again{session}{again}"));
    }

    pub(super) fn session_lost(&self, out: &mut String, lines: &[Unsettled]) {
        // Where nothing was said in it nobody has to know.
        if !lines.is_empty() || self.me.is_some() {
            render::notice(out, "the server doesn't know this session any more");
        }
    }

    pub(super) fn joined(&mut self, out: &mut String, joined: &Joined, now: Timestamp) {
        let Joined { room, topic, count, members, .. } = joined;
        let key = room.key();
        let expected = self.expected.take_if(|expected| expected.key().is_same(&key, false)).is_some();
        let is_current = self.current.as_ref().is_none_or(|current| current.key().is_same(&key, false));
        if is_current || expected {
            self.current = Some(room.clone());
            self.nowhere = false;
        }
        let known = self.room(room).is_some();
        if let Some(room) = self.room(room) {
            topic.clone_into(&mut room.topic);
        } else {
            self.add(joined);
        }
        if known && !expected {
            return;
        }
        let others: Vec<_> = members.iter().filter(|alias| Some(*alias) != self.me.as_ref()).cloned().collect();
        let count = count.saturating_sub(1).max(others.len() as u64);
        self.greet(out, joined, &others, count, now);
        if !topic.is_empty() {
            render::topic(out, &clean_line(topic));
        }
        self.shown = Some(self.date(now));
    }

    /// Holds a room from now on.
    fn add(&mut self, joined: &Joined) {
        let Joined { room, topic, head, .. } = joined;
        let read = self.read.take(room);
        let asked = self.history > 0 || read.is_some();
        let unwanted = Seq::new(head.get().saturating_sub(self.history.into()));
        let since = read.map(|seq| (seq, head.get().saturating_sub(seq.get())));
        self.rooms.push(Room {
            name: room.clone(),
            topic: topic.clone(),
            page: HistoryPage::up_to(*head).filter(|_| asked),
            had_until: read.unwrap_or(*head),
            hidden_until: read.map_or(Seq::ZERO, |seq| seq.min(unwanted)),
            read_until: since.filter(|(_, count)| *count > 0),
        });
    }

    /// Holds a conversation of which the message at `seq` is the first to come, if it is.
    pub(super) fn add_conversation(&mut self, name: &RoomName, seq: Seq) {
        if !name.is_conversation() || self.room(name).is_some() {
            return;
        }
        let read = self.read.take(name);
        let had_until = read.unwrap_or_else(|| seq.previous());
        // Its end comes at every start, with nothing to say that it isn't new.
        let hidden_until = read.unwrap_or(Seq::ZERO);
        let (name, topic) = (name.clone(), String::new());
        self.rooms.push(Room { name, topic, page: None, had_until, hidden_until, read_until: None });
    }

    /// Says who else is there; the first time also who we are.
    fn greet(&mut self, out: &mut String, joined: &Joined, others: &[Alias], count: u64, now: Timestamp) {
        let Joined { room, head, .. } = joined;
        let offset = self.zone.to_offset(now);
        match &self.me {
            Some(me) if !std::mem::replace(&mut self.greeted, true) => {
                render::greeting(out, me, room, others, count, offset, false);
                self.offset = Some(offset);
            }
            _ if count == 0 && *head == Seq::ZERO => render::made(out, room),
            _ => render::entered(out, room, others, count),
        }
    }

    /// The room is gone from here. Where what is typed goes stays as it is: whoever types has to be told before it goes elsewhere.
    pub(super) fn left(&mut self, out: &mut String, room: &RoomName, reason: &str) {
        self.rooms.retain(|held| held.name != *room);
        let words = format!("You are not in {} any more: {}", room.shown(), clean_line(reason));
        render::notice(out, &words);
    }

    /// Where a person was typing in this room, what he types goes to the next one.
    pub(crate) fn move_on(&mut self, room: &RoomName) -> String {
        let mut out = String::new();
        if self.current.as_ref() == Some(room) {
            self.current = self.rooms.iter().map(|room| &room.name).find(|name| !name.is_conversation()).cloned();
            self.nowhere = self.current.is_none();
            let words = match &self.current {
                Some(next) => format!("what you type goes to {} now", next.shown()),
                None => NOWHERE.to_owned(),
            };
            render::notice(&mut out, &words);
        }
        out
    }

    /// Something was refused that nobody typed: a room that was wanted.
    pub(super) fn refused(&mut self, out: &mut String, refusal: &Refusal) {
        self.nowhere |= refusal.room.is_some() && self.current.is_none();
        render::error(out, &clean_line(&refusal.message));
    }

    pub(super) fn presence(&self, out: &mut String, room: &RoomName, changes: &Changes) {
        let mut changes = changes.clone();
        for reason in changes.reasons.values_mut() {
            *reason = clean_line(reason).into_owned();
        }
        self.about(out, room, |out| render::presence(out, &changes));
    }

    pub(super) fn topic(&mut self, out: &mut String, room: &RoomName, text: &str, from: &Alias) {
        if let Some(room) = self.room(room) {
            text.clone_into(&mut room.topic);
        }
        self.about(out, room, |out| render::topic_set(out, from, &clean_line(text)));
    }

    pub(super) fn show_topic(&mut self, out: &mut String) {
        let topic = self.current.clone().and_then(|room| Some(self.room(&room)?.topic.clone()));
        render::topic(out, &topic.unwrap_or_default());
    }

    pub(super) fn redacted(&self, out: &mut String, room: &RoomName, seq: Seq, by: &Alias) {
        self.about(out, room, |out| render::notice(out, &format!("{by} took away message {seq}")));
    }

    /// Messages, the first of `range` to the last, can't be had any more. Missed are those that we would have had: what was
    /// said before we came was never ours.
    pub(super) fn gap(&mut self, out: &mut String, name: &RoomName, range: (Seq, Seq), now: Timestamp) {
        let (from, to) = range;
        self.add_conversation(name, to.next());
        let Some(room) = self.room(name) else { return };
        let missed = from.max(room.had_until.next()).count_to(to);
        room.had_until = room.had_until.max(to);
        if let Some((_, count)) = &mut room.read_until {
            *count = count.saturating_sub(missed);
        }
        room.read_until = room.read_until.filter(|(_, count)| *count > 0);
        if missed > 0 {
            self.about(out, name, |out| render::missed(out, missed));
        }
        self.page_over(out, name, to.next(), now);
    }

    pub(super) fn reset(&mut self, out: &mut String, name: &RoomName, head: Seq) {
        let page = HistoryPage::up_to(head).filter(|_| self.history > 0);
        if let Some(room) = self.room(name) {
            // What was known of places is of another log.
            *room = Room {
                name: room.name.clone(),
                topic: std::mem::take(&mut room.topic),
                page,
                had_until: head,
                hidden_until: Seq::ZERO,
                read_until: None,
            };
        }
        self.about(out, name, |out| render::notice(out, "the server's messages begin anew"));
    }

    pub(super) fn disorder(&self, out: &mut String, room: &RoomName, expected: Seq, found: Seq) {
        let words = format!("the server's messages are out of order: {found} instead of {expected}");
        self.about(out, room, |out| render::error(out, &words));
    }

    pub(super) fn ignore(&mut self, out: &mut String, name: &str, on: bool) {
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

    pub(super) fn is_ignored(&self, alias: &Alias) -> bool {
        !self.ignored.is_empty() && self.ignored.iter().any(|ignored| **ignored == *alias.key().folded())
    }

    /// Lines about a room, which they name where it isn't the current one.
    pub(super) fn about(&self, out: &mut String, room: &RoomName, render: impl FnOnce(&mut String)) {
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

pub(super) fn invited(out: &mut String, room: &RoomName, by: &Alias) {
    render::notice(out, &format!("{by} made you a member of {}; /join {room} goes there", room.shown()));
}

pub(super) fn announcement(out: &mut String, from: &Alias, text: &Text) {
    for line in text.as_str().lines() {
        render::notice(out, &format!("{from} to everybody: {line}"));
    }
}

pub(super) fn not_kept(out: &mut String, why: &str) {
    render::error(out, &format!("what you say is not kept on this machine any more: {}", clean_line(why)));
}

pub(super) fn dropped(out: &mut String, count: u64) {
    render::error(out, &format!("{count} events came faster than they could be shown"));
}

pub(super) fn bye(out: &mut String, bye: &Bye) {
    render::bye(out, &Bye::new(bye.code, clean_line(&bye.reason)));
}

pub(super) fn rooms(out: &mut String, list: &RoomList) {
    let clean = |room: &RoomCount| RoomCount { topic: clean_line(&room.topic).into_owned(), ..room.clone() };
    let rooms: Vec<_> = list.rooms.iter().map(clean).collect();
    render::rooms(out, &rooms, list.more);
}

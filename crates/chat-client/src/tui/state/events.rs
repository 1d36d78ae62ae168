//! What happens elsewhere.

use std::time::Duration;

use chat_client::{Event, Joined, Lost, Message, Welcome};
use chat_protocol::clean::clean_line;
use chat_protocol::message::Changes;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Seq, Text};
use jiff::SignedDuration;

use super::{Link, State};
use crate::tui::effect::Effect;
use crate::tui::room::{Older, Place, Room, What};
use crate::tui::settings::Alarm;

impl State {
    pub(crate) fn event(&mut self, event: Event) {
        match event {
            Event::Connected(welcome) => self.connected(&welcome),
            Event::Reconnected { welcome, .. } => self.online(welcome.alias.as_str()),
            Event::Disconnected { why, retry_in } => self.disconnected(&why, retry_in),
            Event::Joined(joined) => self.joined(joined),
            Event::Message(Message { stored, own }) => self.message(stored, own),
            Event::Said { stored, .. } => self.message(stored, true),
            Event::Private(private) => self.private(private),
            Event::Presence { room, count, changes } => self.presence(&room, count, changes.as_ref()),
            Event::Topic { room, text, from } => self.topic_set(&room, &text, &from),
            Event::Left { room, reason } => self.left(&room, &reason),
            Event::Invited { room, by } => self.invited(&room, &by),
            Event::Redacted { room, seq, .. } => self.redacted(&room, seq),
            Event::Announcement { from, text, .. } => self.announcement(&from, &text),
            Event::Gap { room, from, to } => self.gap(&room, from, to),
            Event::Reset { room, head } => self.reset(&room, head),
            Event::Disorder { room, expected, found } => {
                let words = format!("the server's messages are out of order: {found} instead of {expected}");
                self.about(&room, What::Error(words));
            }
            Event::Refused(refusal) => {
                self.nowhere = self.rooms.is_empty();
                if self.nowhere {
                    self.stay();
                }
                self.error(clean_line(&refusal.message));
            }
            Event::Renamed(alias) => self.renamed(&alias),
            Event::SessionLost { lines } if !lines.is_empty() => {
                self.notice(format!("the server forgot this session; the fate of {} lines is unknown", lines.len()));
            }
            Event::NotKept { why } => {
                let why = clean_line(&why);
                self.error(format!("what you say is not kept on this machine any more: {why}"));
            }
            Event::Dropped { count } => self.error(format!("{count} events came faster than they could be shown")),
            Event::Ended(end) => self.ended(end),
            _ => {}
        }
    }

    fn connected(&mut self, welcome: &Welcome) {
        self.read.keep_for(&welcome.log);
        self.online(welcome.alias.as_str());
        if self.look.settings.alias != self.look.me {
            self.look.settings.alias.clone_from(&self.look.me);
            self.effects.push(Effect::Save);
        }
    }

    pub(super) fn online(&mut self, alias: &str) {
        alias.clone_into(&mut self.look.me);
        self.link = Link::Online;
    }

    fn disconnected(&mut self, why: &Lost, retry_in: Duration) {
        let pause = SignedDuration::try_from(retry_in).unwrap_or(SignedDuration::from_secs(1));
        let until = self.look.now.checked_add(pause).unwrap_or(self.look.now);
        let why = match why {
            Lost::Bye(_) | Lost::NotNow(_) => why.to_string(),
            _ => String::new(),
        };
        self.link = Link::Waiting { until, why };
    }

    fn renamed(&mut self, alias: &Alias) {
        self.look.me = alias.to_string();
        self.notice(format!("you are {alias} now"));
    }

    fn announcement(&mut self, from: &Alias, text: &Text) {
        let words = format!("{from} to everybody: {}", clean_line(text.as_str()));
        if self.look.settings.notify != Alarm::Off {
            self.effects.push(Effect::Notify(words.chars().take(200).collect()));
        }
        let now = self.now();
        if let Some(room) = self.rooms.get_mut(self.current) {
            room.push(now, What::Error(words));
        }
    }

    fn presence(&mut self, room: &RoomName, count: u64, changes: Option<&Changes>) {
        let now = self.now();
        if let Some(room) = self.room_mut(room) {
            room.count = count;
            if let Some(changes) = changes {
                room.presence(now, count, changes);
            }
        }
    }

    fn topic_set(&mut self, room: &RoomName, text: &str, from: &Alias) {
        let topic = clean_line(text).into_owned();
        let words = if topic.is_empty() {
            format!("{from} cleared the topic")
        } else {
            format!("{from} set the topic: {topic}")
        };
        if let Some(room) = self.room_mut(room) {
            room.topic = topic;
        }
        self.about(room, What::Notice(words));
    }

    fn redacted(&mut self, room: &RoomName, seq: Seq) {
        if let Some(room) = self.room_mut(room) {
            room.redact(seq);
        }
    }

    /// What was said before we came can't be missed; `/history` and PageUp say what of it is gone.
    fn gap(&mut self, name: &RoomName, from: Seq, to: Seq) {
        let Some(room) = self.room_mut(name) else { return };
        let missed = from.max(room.quiet_until.next()).count_to(to);
        room.since = room.since.map(|since| since.saturating_sub(missed)).filter(|since| *since > 0);
        match missed {
            0 => {}
            1 => self.about(name, What::Notice("you missed 1 message, which can't be had any more".to_owned())),
            n => self.about(name, What::Notice(format!("you missed {n} messages, which can't be had any more"))),
        }
    }

    fn reset(&mut self, name: &RoomName, head: Seq) {
        if let Some(room) = self.room_mut(name) {
            room.clear();
            // What was known of places is of another log.
            (room.quiet_until, room.silent_until, room.since) = (head, head, None);
            room.older = if head > Seq::ZERO { Older::There } else { Older::None };
        }
        self.about(name, What::Notice("the server's messages begin anew".to_owned()));
    }

    fn about(&mut self, room: &RoomName, what: What) {
        let now = self.now();
        if let Some(room) = self.room_mut(room) {
            room.push(now, what);
        }
    }

    fn joined(&mut self, joined: Joined) {
        let Joined { room: name, topic, count, members, head } = joined;
        let key = name.key();
        let is_room = !name.is_conversation();
        let wanted = self.expected.take_if(|expected| expected.key().is_same(&key, false)).is_some();
        let index = self.room_index(&name).unwrap_or_else(|| {
            let place = name.other().map_or_else(|| Place::Room(name.clone()), |other| Place::Person(other.to_owned()));
            let mut room = Room::new(place);
            room.quiet_until = head;
            room.older = if head > Seq::ZERO { Older::There } else { Older::None };
            self.add(room)
        });
        let read = self.read.take(&name);
        if let Some(room) = self.rooms.get_mut(index) {
            if room.entries().next().is_none() {
                room.quiet_until = read.unwrap_or(head);
                room.silent_until = head;
                room.since = read.map(|read| head.get().saturating_sub(read.get())).filter(|count| *count > 0);
                room.older = if head > Seq::ZERO { Older::There } else { Older::None };
            }
            if name.is_conversation() {
                room.kept = Some(name);
            } else {
                room.place = Place::Room(name);
            }
            room.topic = clean_line(&topic).into_owned();
            room.count = count;
            room.members = members;
            room.sort_members();
        }
        // Before the first room there was nowhere to say it.
        let awaited = self.expected.is_none() && !self.waiting.is_empty() && is_room;
        if wanted || awaited {
            self.arrive(index);
        }
        self.nowhere = false;
        std::mem::take(&mut self.early).into_iter().for_each(|what| self.tell(what));
    }
}

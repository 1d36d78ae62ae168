//! What happens elsewhere.

use chat_client::{End, Event, Joined, Lost, Message, Private};
use chat_protocol::clean::clean_line;
use chat_protocol::message::{ByeCode, ErrorCode, Stored};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::Seq;
use jiff::SignedDuration;

use super::{Link, Phase, State, Trouble, Wanted, mentions};
use crate::kept;
use crate::line::words::no_connection;
use crate::tui::effect::Effect;
use crate::tui::room::{Entry, Older, Place, Room, Scroll, What};
use crate::tui::settings::Alarm;

impl State {
    pub(crate) fn event(&mut self, event: Event) {
        match event {
            Event::Connected(welcome) => {
                self.read.keep_for(&welcome.log);
                self.online(welcome.alias.as_str());
                if self.look.settings.alias != self.look.me {
                    self.look.settings.alias.clone_from(&self.look.me);
                    self.effects.push(Effect::Save);
                }
            }
            Event::Reconnected { welcome, .. } => self.online(welcome.alias.as_str()),
            Event::Disconnected { why, retry_in } => {
                let pause = SignedDuration::try_from(retry_in).unwrap_or(SignedDuration::from_secs(1));
                let until = self.look.now.checked_add(pause).unwrap_or(self.look.now);
                let why = match why {
                    Lost::Bye(_) | Lost::NotNow(_) => why.to_string(),
                    _ => String::new(),
                };
                self.link = Link::Waiting { until, why };
            }
            Event::Joined(joined) => self.joined(joined),
            Event::Message(Message { stored, own }) => self.message(stored, own),
            Event::Said { stored, .. } => self.message(stored, true),
            Event::Private(private) => self.private(private),
            Event::Presence { room, count, changes } => {
                let now = self.now();
                if let Some(room) = self.room_mut(&room) {
                    room.count = count;
                    if let Some(changes) = changes {
                        room.presence(now, count, &changes);
                    }
                }
            }
            Event::Topic { room, text, from } => {
                let topic = clean_line(&text).into_owned();
                let words = if topic.is_empty() {
                    format!("{from} cleared the topic")
                } else {
                    format!("{from} set the topic: {topic}")
                };
                if let Some(room) = self.room_mut(&room) {
                    room.topic = topic;
                }
                self.about(&room, What::Notice(words));
            }
            Event::Redacted { room, seq, .. } => {
                if let Some(room) = self.room_mut(&room) {
                    room.redact(seq);
                }
            }
            Event::Announcement { from, text, .. } => {
                let words = format!("{from} to everybody: {}", clean_line(text.as_str()));
                if self.look.settings.notify != Alarm::Off {
                    self.effects.push(Effect::Notify(words.chars().take(200).collect()));
                }
                let now = self.now();
                if let Some(room) = self.rooms.get_mut(self.current) {
                    room.push(now, What::Error(words));
                }
            }
            Event::Gap { room, from, to } => {
                let count = (to.get() + 1).saturating_sub(from.get());
                self.about(&room, What::Notice(format!("{count} messages can't be had any more")));
            }
            Event::Reset { room, .. } => {
                if let Some(room) = self.room_mut(&room) {
                    room.clear();
                }
                self.about(&room, What::Notice("the server's messages begin anew".to_owned()));
            }
            Event::Disorder { room, expected, found } => {
                let words = format!("the server's messages are out of order: {found} instead of {expected}");
                self.about(&room, What::Error(words));
            }
            Event::Refused(refusal) => self.error(clean_line(&refusal.message)),
            Event::Renamed(alias) => {
                self.look.me = alias.to_string();
                self.notice(format!("you are {alias} now"));
            }
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

    pub(super) fn online(&mut self, alias: &str) {
        alias.clone_into(&mut self.look.me);
        self.link = Link::Online;
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
        if wanted {
            self.turn_to(index);
        }
        std::mem::take(&mut self.early).into_iter().for_each(|what| self.tell(what));
    }

    fn message(&mut self, stored: Stored, own: bool) {
        let is_mine = own || stored.from.as_str() == self.look.me;
        let mention = !is_mine && !stored.room.is_conversation() && mentions(stored.text.as_str(), &self.look.me);
        let ignored = self.look.is_ignored(stored.from.as_str());
        let Some(index) = self.room_index(&stored.room) else { return };
        let Some(room) = self.rooms.get_mut(index) else { return };
        if room.has(stored.seq) {
            return;
        }
        if own {
            room.settle(&stored);
        }
        if stored.seq == Seq::ZERO.next() {
            room.older = Older::None;
        }
        let since = room.since.take_if(|_| stored.seq > room.quiet_until);
        if let Some(count) = since {
            room.marker = Some(room.end());
            room.push(stored.time, What::Notice(kept::since(count)));
        }
        let news = !is_mine && !ignored && stored.seq > room.quiet_until;
        let (from, text, seq) = (stored.from.clone(), stored.text.clone(), stored.seq);
        let number = room.end();
        room.spoke(&from);
        let Entry { time, what } = Entry::said(stored, mention);
        room.push(time, what);
        if news {
            let title = room.title();
            let calls = mention || self.rooms.get(index).is_some_and(|room| room.name().is_none());
            self.news(index, number, Some(seq), calls, &format!("{from} in {title}: {}", clean_line(text.as_str())));
        }
    }

    /// Counts what is new, and rings where that is wanted.
    fn news(&mut self, index: usize, number: i64, seq: Option<Seq>, mention: bool, words: &str) {
        let is_shown = index == self.current && self.pane.is_none();
        if let Some(room) = self.rooms.get_mut(index)
            && (!is_shown || room.scroll != Scroll::Follow)
        {
            if room.unread == 0 && room.marker.is_none() {
                room.marker = Some(number);
            }
            room.unread += 1;
            room.mentions += usize::from(mention);
        }
        let (bell, notify) = self.look.settings.alarms(&self.place(index));
        let rings = self.rooms.get(index).is_some_and(|room| seq.is_none_or(|seq| seq > room.silent_until));
        let wanted = |alarm| rings && (alarm == Alarm::All || alarm == Alarm::Mentions && mention);
        if wanted(bell) && !self.effects.contains(&Effect::Bell) {
            self.effects.push(Effect::Bell);
        }
        if wanted(notify) {
            self.effects.push(Effect::Notify(words.chars().take(200).collect()));
        }
    }

    fn private(&mut self, private: Private) {
        let Private { time, from, to, text, kind, own, kept } = private;
        let mine = own || from.as_str() == self.look.me;
        if self.look.is_ignored(from.as_str()) {
            return;
        }
        let other: &Alias = if mine { &to } else { &from };
        let index = self.person_index(other.as_str());
        let read = kept.as_ref().and_then(|(name, _)| self.read.take(name));
        let Some(room) = self.rooms.get_mut(index) else { return };
        if let Some((name, seq)) = kept {
            // Its state may not come before its messages.
            room.quiet_until = read.unwrap_or(room.quiet_until);
            if room.kept.replace(name.clone()).is_none() && room.older == Older::None && seq > Seq::ZERO.next() {
                room.older = Older::There;
            }
            return self.message(Stored { room: name, seq, time, from, text, kind }, own);
        }
        let words = format!("{from} -> you: {}", clean_line(text.as_str()));
        let number = room.end();
        room.spoke(&from);
        room.push(time, What::Said { from, text, kind, seq: None, mention: false });
        if !mine {
            self.news(index, number, None, true, &words);
        }
    }

    fn ended(&mut self, end: End) {
        if self.phase == Phase::Leaving {
            return;
        }
        self.pane = None;
        self.question = None;
        self.phase = match end {
            End::Refused(refusal) => {
                let words = clean_line(&refusal.message).into_owned();
                match refusal.code {
                    ErrorCode::AliasTaken | ErrorCode::BadAlias => self.ask_name(Some(words)),
                    ErrorCode::WrongPassword => self.ask_secret(Wanted::Password, Some(words)),
                    ErrorCode::InviteRequired | ErrorCode::BadInvite => self.ask_secret(Wanted::Invite, Some(words)),
                    _ => over(words, &["The server doesn't let you in; ask whoever keeps it."]),
                }
            }
            End::Unreachable { server, why } => {
                let words = no_connection(&server, &why);
                let is_untrusted = matches!(why, Lost::Untrusted(_));
                match words.split_once("; ") {
                    Some((title, step)) if !is_untrusted => over(title.to_owned(), &[step]),
                    _ if is_untrusted => over(
                        // Without its colons it is half as many rows, and is taken as well.
                        without_colons(&words),
                        &["Ask whoever keeps it for its CA (--ca FILE) or its fingerprint (--fingerprint SHA256)."],
                    ),
                    _ => over(words, &["Is the address right? Is the network there?"]),
                }
            }
            End::Bye(bye) => {
                let reason = clean_line(&bye.reason).into_owned();
                let step = match bye.code {
                    ByeCode::Banned => "You are banned; whoever keeps the server can lift it.",
                    ByeCode::Kicked => "You were asked to leave. You may come back, and better behave.",
                    ByeCode::Replaced => "This conversation goes on in another window.",
                    _ => "The server closed the connection.",
                };
                over(reason, &[step])
            }
            end => over(end.to_string(), &[]),
        };
    }

    pub(super) fn ask_name(&mut self, why: Option<String>) -> Phase {
        let name = self.look.me.clone();
        self.editor.set(name);
        Phase::Name(why)
    }
}

/// A text with its fingerprints, `AB:CD:…`, as digits alone.
fn without_colons(text: &str) -> String {
    let plain = |word: &str| {
        let digits = word.replace(':', "");
        let is_print = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_print { digits } else { word.to_owned() }
    };
    text.split(' ').map(plain).collect::<Vec<_>>().join(" ")
}

fn over(title: String, steps: &[&str]) -> Phase {
    Phase::Over(Trouble { title, steps: steps.iter().map(|step| (*step).to_owned()).collect() })
}

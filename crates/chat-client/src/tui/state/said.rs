//! What others say, and how it is made known.

use chat_client::Private;
use chat_protocol::clean::clean_line;
use chat_protocol::message::Stored;
use chat_protocol::names::Alias;
use chat_protocol::value::Seq;

use super::{State, mentions};
use crate::kept;
use crate::tui::effect::Effect;
use crate::tui::room::{Entry, Older, Scroll, What};
use crate::tui::settings::Alarm;

impl State {
    pub(super) fn message(&mut self, stored: Stored, own: bool) {
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

    pub(super) fn private(&mut self, private: Private) {
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
}

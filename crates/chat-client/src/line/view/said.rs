//! What is said: at its time, under its date, with its room.

use chat_client::{Message, Page, Private, PrivateAck};
use chat_protocol::message::Stored;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text::render;
use chat_protocol::value::{Kind, Seq, Text, Time};
use jiff::Timestamp;
use jiff::civil::Date;

use super::View;
use crate::args::Times;
use crate::kept;
use crate::line::words::excerpt;

/// Bytes of `[HH:MM:SS] `.
const STAMP: usize = 11;

impl View {
    pub(super) fn message(&mut self, out: &mut String, stored: &Stored, now: Timestamp) {
        self.add_conversation(&stored.room, stored.seq);
        self.page_over(out, &stored.room, stored.seq, now);
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
        if let Some(page) = self.room(&stored.room).and_then(|room| room.page.as_mut()) {
            page.begun = true;
        }
        self.page_over(out, &stored.room, stored.seq.next(), now);
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

    /// Ends a room's page of history where its next message, at `next`, is none of it; a page of which nothing came has no end.
    pub(super) fn page_over(&mut self, out: &mut String, name: &RoomName, next: Seq, now: Timestamp) {
        let Some(room) = self.room(name) else { return };
        if room.page.take_if(|page| page.until < next).is_some_and(|page| page.begun) {
            self.about(out, name, render::now);
            self.shown = Some(self.date(now));
        }
    }

    pub(super) fn private(&mut self, out: &mut String, private: &Private) {
        let Private { time, from, text, kind, to, kept, .. } = private;
        if let Some((room, seq)) = kept {
            self.add_conversation(room, *seq);
        }
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

    /// The sender's copy of a private message.
    pub(super) fn own_private(&mut self, out: &mut String, ack: &PrivateAck, kind: Kind, text: &Text) {
        if let Some(me) = self.me.clone() {
            let mut line = String::new();
            render::private_to(&mut line, ack.time, &me, &ack.to, kind, text, &self.zone);
            self.spoken(out, &line, ack.time, None);
        }
    }

    pub(super) fn page(&mut self, out: &mut String, page: &Page, query: Option<&str>, now: Timestamp) {
        if page.messages.is_empty() {
            let gone = page.gaps.iter().fold(0, |gone: u64, (from, to)| gone.saturating_add(from.count_to(*to)));
            let words = match (query, gone) {
                (Some(query), _) => format!("nothing found for \"{}\"", excerpt(query)),
                (None, 0) => "nothing was said here yet".to_owned(),
                (None, gone) => format!("what was said here can't be had any more: {gone} messages"),
            };
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

    pub(super) fn date(&self, now: Timestamp) -> Date {
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
}

//! What one commit put into one room, rendered once for each dialect and shared by all who read it.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use chat_protocol::json;
use chat_protocol::message::ServerMessage;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text::render;
use chat_protocol::value::Seq;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use crate::log::{AuthorId, Record};
use crate::peer::ConnId;
use crate::presence::Told;

/// One of the two languages of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Text,
    Json,
}

/// Something that happened in a room, at its place in the room's order.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// A message, and by which connection it came.
    Message { record: Arc<Record>, origin: Origin },
    /// Who came, went and changed name. Of a large room it has the count alone, and that is for programs.
    Presence(Told),
    /// A topic was set.
    Topic { from: Alias, topic: String },
    /// A message was removed; this is what is left of it.
    Redacted { record: Arc<Record>, by: Alias },
    /// A new day began. People are told; programs have full times.
    Day(Date),
    /// The server's offset from UTC changed.
    Offset(Offset),
}

/// The connection that sent a message, and which of its messages it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) connection: ConnId,
    pub(crate) ticket: u64,
}

/// Items of one room in their order, and their lines in each dialect, made on first use.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Its place among the batches of its room: 1, 2, 3 … for as long as the room is in memory.
    pub(crate) number: u64,
    pub(crate) room: RoomName,
    pub(crate) items: Vec<Item>,
    /// The seqs of its messages, dense from first to last; `None` where it holds notices alone.
    pub(crate) seqs: Option<(Seq, Seq)>,
    /// The version of the first change of the roster that it tells of.
    oldest_change: Option<u64>,
    /// The day that began in it, if one did.
    pub(crate) day: Option<Date>,
    /// Whose messages are in it, sorted: a session that is not among them writes the whole chunk.
    authors: Vec<AuthorId>,
    /// When it was published.
    pub(crate) published: Instant,
    text: OnceLock<Chunk>,
    json: OnceLock<Chunk>,
}

/// The lines of a batch, and where those of each item end.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Bytes,
    ends: Vec<u32>,
}

impl Batch {
    pub(crate) fn new(number: u64, room: RoomName, items: Vec<Item>) -> Self {
        let mut authors = Vec::new();
        let mut seqs = None;
        let mut day = None;
        let mut oldest_change = None;
        for item in &items {
            match item {
                Item::Message { record, .. } => {
                    authors.push(record.author);
                    let seq = record.stored.seq;
                    seqs = Some(seqs.map_or((seq, seq), |(first, _)| (first, seq)));
                }
                Item::Day(date) => day = Some(*date),
                Item::Presence(told) => {
                    oldest_change = oldest_change.or_else(|| told.versions().map(|(first, _)| first));
                }
                Item::Topic { .. } | Item::Redacted { .. } | Item::Offset(_) => {}
            }
        }
        authors.sort_unstable();
        authors.dedup();
        Self {
            number,
            room,
            items,
            seqs,
            oldest_change,
            day,
            authors,
            published: Instant::now(),
            text: OnceLock::new(),
            json: OnceLock::new(),
        }
    }

    /// How many messages are in it.
    pub(crate) fn messages(&self) -> u64 {
        self.seqs.map_or(0, |(first, last)| last.get() + 1 - first.get())
    }

    /// The same batch without the text of a message that was removed; `None` where it hasn't that message.
    pub(crate) fn redacted(&self, left: &Arc<Record>) -> Option<Self> {
        let (first, last) = self.seqs?;
        if left.stored.seq < first || left.stored.seq > last {
            return None;
        }
        let mut items = self.items.clone();
        items.iter_mut().for_each(|item| item.redact(left));
        Some(Self::new(self.number, self.room.clone(), items))
    }

    /// Whether a message of `author` is in it.
    pub(crate) fn has_author(&self, author: AuthorId) -> bool {
        self.authors.binary_search(&author).is_ok()
    }

    /// Whether all that it tells of the roster is news to somebody who was given this version of it.
    pub(crate) fn since_version(&self, version: u64) -> bool {
        self.oldest_change.is_none_or(|oldest| oldest > version)
    }

    /// Its lines in a dialect; times in `zone`, where the dialect shows local ones.
    pub(crate) fn chunk(&self, dialect: Dialect, zone: &TimeZone) -> &Chunk {
        match dialect {
            Dialect::Text => self.text.get_or_init(|| self.render_text(zone)),
            Dialect::Json => self.json.get_or_init(|| self.render_json()),
        }
    }

    fn render_text(&self, zone: &TimeZone) -> Chunk {
        let mut out = String::new();
        let mut ends = Vec::with_capacity(self.items.len());
        for item in &self.items {
            match item {
                Item::Message { record, .. } => render::message(&mut out, &record.stored, zone),
                Item::Presence(told) => {
                    if let Some(changes) = told.after(0) {
                        render::presence(&mut out, &changes);
                    }
                }
                Item::Topic { from, topic } => render::topic_set(&mut out, from, topic),
                Item::Redacted { record, by } => render::redacted(&mut out, by, &record.stored, zone),
                Item::Day(date) => render::day(&mut out, *date),
                Item::Offset(offset) => render::offset_changed(&mut out, *offset),
            }
            ends.push(end(out.len()));
        }
        Chunk { bytes: out.into(), ends }
    }

    fn render_json(&self) -> Chunk {
        let mut out = Vec::new();
        let mut ends = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let room = self.room.clone();
            let message = match item {
                Item::Message { record, .. } => {
                    Some(ServerMessage::Message { stored: record.stored.clone(), own: false, re: None })
                }
                Item::Presence(told) => {
                    Some(ServerMessage::Presence { room, count: told.count, changes: told.after(0) })
                }
                Item::Topic { from, topic } => {
                    Some(ServerMessage::Topic { room, text: topic.clone(), from: from.clone() })
                }
                Item::Redacted { record, by } => {
                    Some(ServerMessage::Redacted { room, seq: record.stored.seq, by: by.clone() })
                }
                Item::Day(_) | Item::Offset(_) => None,
            };
            if let Some(message) = message {
                json::render(&mut out, &message);
            }
            ends.push(end(out.len()));
        }
        Chunk { bytes: out.into(), ends }
    }
}

impl Chunk {
    /// The lines of the item at `index`.
    pub(crate) fn item(&self, index: usize) -> Bytes {
        let at = |i: usize| self.ends.get(i).map_or(self.bytes.len(), |end| *end as usize);
        let start = index.checked_sub(1).map_or(0, at);
        self.bytes.slice(start..at(index))
    }
}

impl Item {
    /// If this is the message of which `left` is left, it is that from now on.
    pub(crate) fn redact(&mut self, left: &Arc<Record>) {
        if let Self::Message { record, .. } = self
            && record.stored.seq == left.stored.seq
        {
            *record = Arc::clone(left);
        }
    }

    /// An upper bound of what it takes in either dialect, in bytes.
    pub(crate) fn bound(&self) -> usize {
        match self {
            Self::Message { record, .. } => {
                let stored = &record.stored;
                let text = stored.text.as_str();
                let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
                // JSON at worst doubles a text (quotes, backslashes, line ends); a line of text begins with time and alias.
                2 * text.len() + lines * (stored.from.as_str().len() + 16) + stored.room.as_str().len() + 160
            }
            Self::Presence(told) => told.bound(),
            Self::Topic { topic, .. } => 2 * topic.len() + 256,
            Self::Redacted { .. } | Self::Day(_) | Self::Offset(_) => 256,
        }
    }
}

/// A batch is split before it holds more than [`crate::limits::BATCH_BYTES`], so its ends fit.
fn end(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

//! What a journal says, in memory and as records.

use chat_protocol::json;
use chat_protocol::message::ClientMessage;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{MessageId, Seq};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::outbox::Answer;

/// The version of the file.
pub(super) const VERSION: u32 = 1;

/// Bytes of records beyond what is still true at which the file is written anew.
const MOST_PAST: usize = 1024 * 1024;

/// Rooms whose positions are kept: more than a session may be in.
const MOST_ROOMS: usize = 64;

/// Hexadecimal digits of a record's checksum.
const CHECKSUM: usize = 8;

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub(super) enum Record {
    /// The first one: who wrote it.
    Begin {
        v: u32,
        pid: u32,
    },
    Session {
        session: String,
        alias: Alias,
        log: String,
    },
    /// Something was said. `sent`: it may have been.
    Line {
        sent: bool,
        message: ClientMessage,
    },
    /// All lines so far may have been sent.
    Sending,
    /// A line has its answer.
    Done {
        id: MessageId,
    },
    /// We are in a room, and had its messages up to one.
    Room {
        room: RoomName,
        after: Option<Seq>,
    },
    Left {
        room: RoomName,
    },
}

impl Record {
    /// Appends its line: a checksum, a blank, JSON.
    fn render(&self, out: &mut Vec<u8>) {
        let mut line = Vec::new();
        json::render(&mut line, self);
        out.extend_from_slice(checksum(line.trim_ascii_end()).as_bytes());
        out.push(b' ');
        out.append(&mut line);
    }

    /// Reads a line, without its end; `None` where it isn't as it was written.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let (sum, json) = line.split_at_checked(CHECKSUM)?;
        let json = json.strip_prefix(b" ")?;
        if checksum(json).as_bytes() != sum {
            return None;
        }
        serde_json::from_slice(json).ok()
    }
}

fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(CHECKSUM / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// All that is true, and what of it isn't written yet.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) session: Option<Session>,
    /// In the order in which they were entered.
    pub(super) rooms: Vec<Room>,
    pub(super) lines: Vec<Line>,
    pending: Vec<u8>,
    sync: bool,
    /// Records put so far.
    number: u64,
    /// Bytes of the file, and of what in it was true when it was written anew.
    size: usize,
    true_size: usize,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) secret: String,
    pub(super) alias: Alias,
    pub(super) log: String,
}

#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: RoomName,
    pub(super) after: Option<Seq>,
    /// The position isn't written.
    moved: bool,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) message: ClientMessage,
    pub(super) sent: bool,
    /// Where the answer goes, for the next client.
    pub(super) answer: Option<Answer>,
}

/// What is to be written.
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    /// Something is sent only after it is on disk.
    pub(super) sync: bool,
    /// It is the whole file.
    pub(super) whole: bool,
    /// The number of its last record.
    pub(super) upto: u64,
}

impl Book {
    /// Takes a record in, to be written; its number.
    pub(super) fn put(&mut self, record: Record) -> u64 {
        record.render(&mut self.pending);
        self.sync |= matches!(record, Record::Line { .. } | Record::Sending);
        self.number += 1;
        self.apply(record);
        self.number
    }

    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::Begin { .. } => {}
            Record::Session { session: secret, alias, log } => {
                if self.session.as_ref().is_none_or(|session| session.log != log) {
                    self.rooms.iter_mut().for_each(|room| room.after = None);
                }
                self.session = Some(Session { secret, alias, log });
            }
            Record::Line { sent, message } => self.lines.push(Line { message, sent, answer: None }),
            Record::Sending => self.lines.iter_mut().for_each(|line| line.sent = true),
            Record::Done { id } => self.lines.retain(|line| line.message.id() != Some(&id)),
            Record::Room { room, after } => {
                if let Some(known) = self.room(&room) {
                    known.after = after;
                } else if self.rooms.len() < MOST_ROOMS {
                    self.rooms.push(Room { name: room, after, moved: false });
                }
            }
            Record::Left { room } => {
                if let Some(name) = self.room(&room).map(|room| room.name.clone()) {
                    self.rooms.retain(|room| room.name != name);
                }
            }
        }
    }

    /// A room, by whatever of its names.
    pub(super) fn room(&mut self, name: &RoomName) -> Option<&mut Room> {
        let exact = self.rooms.iter().position(|room| room.name == *name);
        let index = exact.or_else(|| {
            let key = name.key();
            self.rooms.iter().position(|room| room.name.key().is_same(&key, false))
        })?;
        self.rooms.get_mut(index)
    }

    /// Moves a position forward; whether it did.
    pub(super) fn advance(&mut self, log: &str, room: &RoomName, seq: Seq) -> bool {
        if self.session.as_ref().is_none_or(|session| session.log != log) {
            return false;
        }
        let Some(room) = self.room(room).filter(|room| room.after.is_none_or(|after| after < seq)) else {
            return false;
        };
        room.after = Some(seq);
        room.moved = true;
        true
    }

    /// What is to be written now.
    pub(super) fn take(&mut self) -> Batch {
        let upto = self.number;
        if self.size + self.pending.len() > self.true_size + MOST_PAST {
            return Batch { bytes: self.rewritten(), sync: true, whole: true, upto };
        }
        for room in self.rooms.iter_mut().filter(|room| room.moved) {
            room.moved = false;
            Record::Room { room: room.name.clone(), after: room.after }.render(&mut self.pending);
        }
        let bytes = std::mem::take(&mut self.pending);
        self.size += bytes.len();
        Batch { bytes, sync: std::mem::take(&mut self.sync), whole: false, upto }
    }

    /// The whole file, with nothing in it that isn't true any more.
    pub(super) fn rewritten(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        Record::Begin { v: VERSION, pid: std::process::id() }.render(&mut out);
        if let Some(Session { secret, alias, log }) = &self.session {
            let (session, alias, log) = (secret.clone(), alias.clone(), log.clone());
            Record::Session { session, alias, log }.render(&mut out);
        }
        for room in &mut self.rooms {
            room.moved = false;
            Record::Room { room: room.name.clone(), after: room.after }.render(&mut out);
        }
        for line in &self.lines {
            Record::Line { sent: line.sent, message: line.message.clone() }.render(&mut out);
        }
        self.pending.clear();
        self.sync = false;
        self.size = out.len();
        self.true_size = out.len();
        out
    }
}

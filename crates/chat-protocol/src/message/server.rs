//! What the server may say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AuditInfo, ByeCode, ErrorCode, RuleInfo, WhoisInfo};
use crate::names::{Alias, RoomName};
use crate::value::{Kind, MessageId, Seq, Text, Time};

/// A message from the server to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServerMessage {
    /// The answer to a `hello`.
    Welcome {
        /// The alias that this session has.
        alias: Alias,
        /// The secret that continues this session in a later `hello`.
        session: String,
        /// Names this log; positions learned under another name mean nothing here.
        log: String,
        /// The server program: `chat-server`.
        server: String,
        /// Its version.
        version: String,
        /// What it allows.
        limits: LimitsInfo,
        /// The session is an account's: what it and other accounts say to each other in private is kept. All else said in private
        /// is live only.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        account: bool,
    },
    /// The session is in this room; sent again after it has lagged.
    Joined {
        /// Which room.
        room: RoomName,
        /// Its topic; empty where none is set.
        topic: String,
        /// How many people are in it, this one included.
        count: u64,
        /// Their names, at most `--max-roster` and as many as a line holds; `who` pages through the rest.
        members: Vec<Alias>,
        /// The place of its newest message; 0 where there is none.
        head: Seq,
    },
    /// Something said in a room.
    Message {
        /// Which room, which place, when, by whom, what.
        #[serde(flatten)]
        stored: Stored,
        /// This session (or its account) sent it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        own: bool,
        /// The `id` of the `history` or `search` that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<MessageId>,
    },
    /// Closes the answer to a `history` or `search`.
    End {
        /// The request's `id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<MessageId>,
        /// Whether there is more in that direction.
        more: bool,
    },
    /// A request was carried out. For a `say`: the message is durable, at that place.
    Ack {
        /// The request's `id`.
        id: MessageId,
        /// Of a `say`, or of a `private` that is kept: its room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// Of a `say`, or of a `private` that is kept: its place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
        /// Of a `say` or `private`: when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time: Option<Time>,
        /// Of a `private`: to whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Alias>,
        /// Of a `private`: whether it is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        durable: Option<bool>,
    },
    /// Something said to this person alone.
    Private {
        /// When.
        time: Time,
        /// By whom.
        from: Alias,
        /// To whom.
        to: Alias,
        /// What.
        text: Text,
        /// How it is meant.
        #[serde(default)]
        kind: Kind,
        /// Where it is kept: the conversation, as this end calls it (`@bob`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
        /// Where it is kept: its place there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
        /// This session (or its account) sent it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        own: bool,
    },
    /// Who came, went and changed name. In a room of more than `--max-roster` the count alone.
    Presence {
        /// Which room.
        room: RoomName,
        /// How many people are in it now.
        count: u64,
        /// The changes.
        #[serde(flatten)]
        changes: Option<Changes>,
    },
    /// The answer to `who`.
    Who {
        /// Which room.
        room: RoomName,
        /// How many people are in it.
        count: u64,
        /// Their names, in order.
        members: Vec<Alias>,
        /// The request's `id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<MessageId>,
        /// Whether there are more: ask again with `after` the last one.
        more: bool,
    },
    /// The answer to `rooms`.
    Rooms {
        /// The rooms, in order.
        rooms: Vec<RoomCount>,
        /// The request's `id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<MessageId>,
        /// Whether there are more: ask again with `after` the last one.
        more: bool,
    },
    /// These messages cannot be had any more.
    Gap {
        /// Of which room.
        room: RoomName,
        /// The first of them.
        from: Seq,
        /// The last of them.
        to: Seq,
        /// The `id` of the `history` in whose answer this stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<MessageId>,
    },
    /// The position that `hello` gave is of another log or beyond its head; what follows starts at the beginning of `history`.
    Reset {
        /// Of which room.
        room: RoomName,
        /// The place of its newest message.
        head: Seq,
    },
    /// The text of a message was taken away. Read later, it is a message with an empty text, which no other has.
    Redacted {
        /// In which room.
        room: RoomName,
        /// Which message.
        seq: Seq,
        /// By whom.
        by: Alias,
    },
    /// A room's topic was set.
    Topic {
        /// Which room.
        room: RoomName,
        /// The topic; empty where it was cleared.
        text: String,
        /// By whom.
        from: Alias,
    },
    /// The session isn't in this room any more, without having asked to leave.
    Left {
        /// Which.
        room: RoomName,
        /// Why, in one sentence for a person.
        reason: String,
    },
    /// This session's account is a member of a private room now.
    Invited {
        /// Which.
        room: RoomName,
        /// By whom.
        by: Alias,
    },
    /// The bans and mutes that are in force, oldest first.
    Bans {
        /// They.
        bans: Vec<RuleInfo>,
        /// The request's `id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<MessageId>,
        /// Whether there are more: ask again with `after` the last one's number.
        more: bool,
    },
    /// Who somebody is.
    Whois {
        /// That.
        #[serde(flatten)]
        info: WhoisInfo,
        /// The request's `id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<MessageId>,
    },
    /// What operators did, newest first.
    Audit {
        /// That.
        entries: Vec<AuditInfo>,
        /// The request's `id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        re: Option<MessageId>,
        /// Whether there is more: ask again with `before` the last one's number.
        more: bool,
    },
    /// Said by an operator to everybody.
    Announcement {
        /// When.
        time: Time,
        /// By whom.
        from: Alias,
        /// What.
        text: Text,
    },
    /// Something was refused; it had no effect.
    Error(Refusal),
    /// The answer to a `ping`.
    Pong {
        /// The request's `id`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// The last line before the server closes.
    Bye(Bye),
    /// A type that this version doesn't know; clients ignore it.
    #[serde(other)]
    Unknown,
}

/// A message as a room keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its room.
    pub room: RoomName,
    /// Its place there.
    pub seq: Seq,
    /// When it was stored.
    pub time: Time,
    /// Who said it.
    pub from: Alias,
    /// What; empty where it was taken away.
    pub text: Text,
    /// How it is meant.
    #[serde(default)]
    pub kind: Kind,
}

/// What changed in a roster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Who came.
    pub joined: Vec<Alias>,
    /// Who went.
    pub left: Vec<Alias>,
    /// The reasons of those who gave one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<Alias, String>,
    /// Who changed name.
    pub renamed: Vec<Rename>,
}

impl Changes {
    /// Whether nothing changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty() && self.renamed.is_empty()
    }
}

/// A change of name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// The name before.
    pub from: Alias,
    /// The name now.
    pub to: Alias,
}

/// A room in a list of rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCount {
    /// Its name.
    pub room: RoomName,
    /// How many people are in it.
    pub count: u64,
    /// Its topic; empty where none is set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
}

/// What the server allows; sent in `welcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsInfo {
    /// Bytes of a message's text.
    pub max_text: usize,
    /// Bytes of a line, without its `\n`.
    pub max_line: usize,
    /// Lines of a message.
    pub max_lines: usize,
    /// Messages a second, beyond which the session is read more slowly.
    pub max_rate: u32,
    /// Messages at once before `max_rate` counts.
    pub burst: u32,
    /// Messages unacked at once.
    pub max_unacked: usize,
    /// Rooms that one session may be in.
    pub max_rooms: usize,
}

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The request's `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// The room that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// For programs; stable.
    pub code: ErrorCode,
    /// One sentence for a person.
    pub message: String,
    /// When trying again makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal that answers no request.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { id: None, room: None, code, message: message.into(), retry_after_ms: None }
    }

    /// As the answer to this request.
    #[must_use]
    pub fn to(mut self, id: Option<MessageId>) -> Self {
        self.id = id;
        self
    }

    /// About this room.
    #[must_use]
    pub fn about(mut self, room: RoomName) -> Self {
        self.room = Some(room);
        self
    }
}

/// Why the server closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// For programs; stable.
    pub code: ByeCode,
    /// For a person.
    pub reason: String,
    /// Where coming back makes sense: when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Bye {
    /// A closing with its reason in words.
    #[must_use]
    pub fn new(code: ByeCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), retry_after_ms: None }
    }

    /// Coming back makes sense after this many milliseconds.
    #[must_use]
    pub const fn retry_after_ms(mut self, millis: u64) -> Self {
        self.retry_after_ms = Some(millis);
        self
    }
}

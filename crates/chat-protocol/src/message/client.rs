//! What a client may say.

use serde::{Deserialize, Serialize};

use super::Moderation;
use crate::limits::VERSION;
use crate::names::RoomName;
use crate::value::{Invite, Kind, MessageId, Password, Seq};

/// A message from a client to the server.
///
/// Texts and aliases are carried as they came: what is wrong with one is told by the server in the words of
/// the operation (`bad_alias`, `limit`), not as a line that can't be read. `id` comes back in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientMessage {
    /// The first message of a connection.
    Hello(Hello),
    /// Says something in a room that the session is in.
    Say {
        /// Where.
        room: RoomName,
        /// What: up to `--max-text` bytes and `--max-lines` lines.
        text: String,
        /// Makes it safe to say again, and asks for an `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
        /// How it is meant.
        #[serde(default, skip_serializing_if = "is_say")]
        kind: Kind,
    },
    /// Says something to one person alone.
    Private {
        /// To whom.
        to: String,
        /// What, with the limits of `say`.
        text: String,
        /// Asks for an `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
        /// How it is meant.
        #[serde(default, skip_serializing_if = "is_say")]
        kind: Kind,
    },
    /// Enters a room, creating it if need be.
    Join {
        /// Which.
        #[serde(flatten)]
        start: RoomStart,
        /// Messages wanted where there is no `after`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<u32>,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Leaves a room.
    Leave {
        /// Which.
        room: RoomName,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Changes the alias.
    Nick {
        /// The new one.
        alias: String,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Makes the alias its owner's: from then on it takes this password, or a session of the account.
    Register {
        /// The password: 8 to 128 characters.
        password: Password,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Changes the password of this session's account, and closes its other sessions.
    Password {
        /// The one so far; may be left out where this connection gave it to log in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Password>,
        /// The one from now on.
        new: Password,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Gives this session's account up. The session goes on as a guest's.
    Unregister {
        /// The account's password.
        password: Password,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Asks who is in a room.
    Who {
        /// Which.
        room: RoomName,
        /// Go on after this name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// Names wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
        /// Comes back as `re`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Asks which rooms there are.
    Rooms {
        /// Go on after this name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// Names wanted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
        /// Comes back as `re`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Asks for a page of older messages.
    History {
        /// Of which room.
        room: RoomName,
        /// Which page.
        #[serde(flatten)]
        query: HistoryQuery,
        /// Comes back as `re`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Asks for the messages that contain all the words of a query, newest first.
    Search {
        /// In which room.
        room: RoomName,
        /// The words.
        query: String,
        /// Go on before this message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seq>,
        /// Messages wanted: at most 500.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
        /// Comes back as `re`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Sets a room's topic; an empty text clears it.
    Topic {
        /// Of which room.
        room: RoomName,
        /// The topic.
        text: String,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Takes the text of a message away: of one's own, and of anybody's for an operator. Its place stays, with an empty text.
    Redact {
        /// In which room.
        room: RoomName,
        /// Which message.
        #[serde(flatten)]
        which: Which,
        /// Why an operator removes what somebody else said: for the audit log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Makes a room its members': those with accounts who are in it. To everybody else there is no such room from then on. Its maker may
    /// do it, and an operator.
    MakePrivate {
        /// Which.
        room: RoomName,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Makes an account a member of a private room.
    Invite {
        /// Which room.
        room: RoomName,
        /// The account's alias.
        name: String,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Takes that back. Everybody may do it for himself.
    Uninvite {
        /// Which room.
        room: RoomName,
        /// The account's alias.
        name: String,
        /// Comes back in the `ack`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Something that operators alone may do.
    Moderate {
        /// What.
        #[serde(flatten)]
        act: Moderation,
        /// Comes back in the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Asks for a `pong`.
    Ping {
        /// Comes back in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
    /// Leaves. What was sent before is carried out first.
    Quit {
        /// Shown to the others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl ClientMessage {
    /// The id that comes back in the answer, where the request has one.
    #[must_use]
    pub const fn id(&self) -> Option<&MessageId> {
        match self {
            Self::Say { id, .. }
            | Self::Private { id, .. }
            | Self::Join { id, .. }
            | Self::Leave { id, .. }
            | Self::Nick { id, .. }
            | Self::Register { id, .. }
            | Self::Password { id, .. }
            | Self::Unregister { id, .. }
            | Self::Who { id, .. }
            | Self::Rooms { id, .. }
            | Self::History { id, .. }
            | Self::Search { id, .. }
            | Self::Topic { id, .. }
            | Self::Redact { id, .. }
            | Self::MakePrivate { id, .. }
            | Self::Invite { id, .. }
            | Self::Uninvite { id, .. }
            | Self::Moderate { id, .. }
            | Self::Ping { id } => id.as_ref(),
            Self::Hello(_) | Self::Quit { .. } => None,
        }
    }
}

/// The first message of a JSON connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The alias wanted. A `session` brings its own, and then this may be left out.
    #[serde(default)]
    pub alias: String,
    /// The version of the dialect: 1.
    #[serde(default = "version")]
    pub v: u32,
    /// The secret of an earlier `welcome`: continues that session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The `log` of the `welcome` in which the positions in `rooms` were learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The password of the alias's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
    /// Makes an account of the alias, with the `password` chosen for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<Invite>,
    /// The rooms aren't told of this one's coming and going.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// The rooms to be in, at most 32; without it the lobby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<RoomStart>>,
    /// Messages wanted for each room without `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<u32>,
}

impl Hello {
    /// A hello for an alias, with nothing else asked for.
    #[must_use]
    pub fn new(alias: impl Into<String>) -> Self {
        Self {
            alias: alias.into(),
            v: VERSION,
            session: None,
            log: None,
            password: None,
            invite: None,
            quiet: false,
            rooms: None,
            history: None,
        }
    }
}

/// A room to enter, and where in it to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomStart {
    /// Which room.
    pub room: RoomName,
    /// Every message after this one, then live; without it the last few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
}

/// Which page of a room's history: the newest before `before`, or the oldest after `after`, or the newest of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Messages before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    /// Messages after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// Messages wanted: at most 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Which message is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Which {
    /// The one at this place.
    At {
        /// Its seq.
        seq: Seq,
    },
    /// One of somebody's newest, of those whose text isn't gone: for people, who see no seqs.
    Newest {
        /// 1 for the newest.
        nth: u32,
        /// The alias that it was said under; without it one's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

const fn version() -> u32 {
    VERSION
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_say(kind: &Kind) -> bool {
    *kind == Kind::Say
}

//! The stable codes of refusals and closings.

use serde::{Deserialize, Serialize};

/// The stable codes of `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// A line that is not UTF-8.
    BadLine,
    /// A line of more than `--max-line` bytes.
    LineTooLong,
    /// A line that is not a JSON object.
    BadJson,
    /// An object whose `type` is missing or not known.
    UnknownType,
    /// A field that is missing or has a value that it can't have.
    BadField,
    /// A `hello` of a version that the server doesn't speak.
    BadVersion,
    /// Something else before `hello`.
    HelloFirst,
    /// A second `hello`.
    HelloTwice,
    /// An alias that breaks the rules.
    BadAlias,
    /// An alias that somebody else has.
    AliasTaken,
    /// A session that the server doesn't know.
    UnknownSession,
    /// A password that is not the account's.
    WrongPassword,
    /// Only people with an account can come in, and this one has neither an account nor an invite.
    InviteRequired,
    /// An invite that is wrong, used already or out of time.
    BadInvite,
    /// Nobody is here by that name.
    NoSuchAlias,
    /// There is no such room.
    NoSuchRoom,
    /// There is no such message, or none any more.
    NoSuchMessage,
    /// The session is not in that room.
    NotInRoom,
    /// The receiver has too much unread.
    MailboxFull,
    /// An id that was used for something else.
    IdConflict,
    /// The log has no room for more.
    StorageFull,
    /// Not allowed to this one.
    Forbidden,
    /// Not allowed to speak.
    Muted,
    /// More than a limit allows.
    Limit,
    /// A code that this version doesn't know.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// The code as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadLine => "bad_line",
            Self::LineTooLong => "line_too_long",
            Self::BadJson => "bad_json",
            Self::UnknownType => "unknown_type",
            Self::BadField => "bad_field",
            Self::BadVersion => "bad_version",
            Self::HelloFirst => "hello_first",
            Self::HelloTwice => "hello_twice",
            Self::BadAlias => "bad_alias",
            Self::AliasTaken => "alias_taken",
            Self::UnknownSession => "unknown_session",
            Self::WrongPassword => "wrong_password",
            Self::InviteRequired => "invite_required",
            Self::BadInvite => "bad_invite",
            Self::NoSuchAlias => "no_such_alias",
            Self::NoSuchRoom => "no_such_room",
            Self::NoSuchMessage => "no_such_message",
            Self::NotInRoom => "not_in_room",
            Self::MailboxFull => "mailbox_full",
            Self::IdConflict => "id_conflict",
            Self::StorageFull => "storage_full",
            Self::Forbidden => "forbidden",
            Self::Muted => "muted",
            Self::Limit => "limit",
            Self::Unknown => "unknown",
        }
    }
}

/// The stable codes of `bye`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ByeCode {
    /// The client left.
    Quit,
    /// The server stops.
    Shutdown,
    /// The session goes on in another connection.
    Replaced,
    /// An operator closed the connection.
    Kicked,
    /// An operator banned the person or address.
    Banned,
    /// The client took no byte for too long.
    Stalled,
    /// The client didn't introduce itself in time.
    Timeout,
    /// The server holds as many connections as it may.
    Full,
    /// The client went past a limit.
    Limit,
    /// The log can't be written.
    Storage,
    /// The server made a mistake that ended this connection alone.
    Failed,
    /// A code that this version doesn't know.
    #[serde(other)]
    Unknown,
}

impl ByeCode {
    /// The code as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::Shutdown => "shutdown",
            Self::Replaced => "replaced",
            Self::Kicked => "kicked",
            Self::Banned => "banned",
            Self::Stalled => "stalled",
            Self::Timeout => "timeout",
            Self::Full => "full",
            Self::Limit => "limit",
            Self::Storage => "storage",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

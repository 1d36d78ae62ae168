//! Every limit of the wire that is not the operator's to set, each with its unit and its reason.

use std::time::Duration;

/// The version of the JSON dialect that this crate speaks (`hello.v`).
pub const VERSION: u32 = 1;

/// Bytes of a message's `id`. Long enough for a UUID with a prefix; ids are kept as long as their messages.
pub const MAX_ID: usize = 64;

/// Bytes of one line that the server sends, its `\n` included. A client may read with a buffer of this size; what could be longer is paged.
pub const MAX_SERVER_LINE: usize = 64 * 1024;

/// Default for the bytes of one message's text.
pub const DEFAULT_MAX_TEXT: usize = 8192;

/// The largest text an operator may allow, in bytes: cleaning and JSON escapes make it three times as long at worst, and that has to fit into [`MAX_SERVER_LINE`].
pub const HIGHEST_MAX_TEXT: usize = 20_000;

/// Default for the bytes of one line from a client, without its `\n`.
pub const DEFAULT_MAX_LINE: usize = 32 * 1024;

/// Default for the lines of one message.
pub const DEFAULT_MAX_LINES: usize = 100;

/// Bytes of a room's topic: it stands in every `joined`.
pub const MAX_TOPIC: usize = 1024;

/// Bytes of the reason that somebody gives for leaving.
pub const MAX_REASON: usize = 256;

/// Messages that one `history` or `search` may ask for.
pub const MAX_PAGE: u32 = 500;

/// Messages shown on joining where the client doesn't say.
pub const DEFAULT_HISTORY: u32 = 50;

/// Rooms that one session may be in.
pub const MAX_ROOMS_PER_SESSION: usize = 32;

/// Messages that a client keeps unacked at most; the server reads no further than this many ahead of its acks.
pub const MAX_UNACKED: usize = 64;

/// Names in one page of `who` or `rooms`.
pub const MAX_NAMES_PER_PAGE: usize = 200;

/// Aliases that one connection may try before it is closed.
pub const MAX_ALIAS_TRIES: u32 = 10;

/// How long a JSON session's alias stays reserved for it after a connection that ended without a goodbye.
pub const RESERVATION: Duration = Duration::from_secs(120);

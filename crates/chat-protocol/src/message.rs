//! The one set of messages that both dialects carry: [`ClientMessage`] and [`ServerMessage`].

mod client;
mod codes;
mod moderation;
mod server;

pub use client::{ClientMessage, Hello, HistoryQuery, RoomStart, Which};
pub use codes::{ByeCode, ErrorCode};
pub use moderation::{AuditInfo, ConnectionInfo, Moderation, RuleInfo, RuleKind, WhoisInfo};
pub use server::{Bye, Changes, LimitsInfo, Refusal, Rename, RoomCount, ServerMessage, Stored};

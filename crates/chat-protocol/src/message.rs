//! The one set of messages that both dialects carry: [`ClientMessage`] and [`ServerMessage`].

mod client;
mod moderation;
mod server;

pub use client::{ClientMessage, Hello, HistoryQuery, RoomStart};
pub use moderation::{AuditInfo, ConnectionInfo, Moderation, RuleInfo, RuleKind, WhoisInfo};
pub use server::{Bye, ByeCode, Changes, ErrorCode, LimitsInfo, Refusal, Rename, RoomCount, ServerMessage, Stored};

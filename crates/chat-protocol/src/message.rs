//! The one set of messages that both dialects carry: [`ClientMessage`] and [`ServerMessage`].

mod client;
mod server;

pub use client::{ClientMessage, Hello, HistoryQuery, RoomStart};
pub use server::{Bye, ByeCode, Changes, ErrorCode, LimitsInfo, Refusal, Rename, RoomCount, ServerMessage, Stored};

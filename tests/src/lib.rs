//! What the scenarios are told with: servers in this process ([`TestServer`]) and as a program ([`ServerProcess`]),
//! people ([`TextClient`]) and programs ([`JsonClient`]) over real sockets, and a clock that is set by hand.
//!
//! Whatever waits has a deadline, and whatever fails shows the transcript of the connection that it failed on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a harness: what fails here fails the test, with its words"
)]

mod clock;
mod figures;
mod json;
mod process;
mod server;
mod text;
mod wire;

pub use clock::TestClock;
pub use figures::Figures;
pub use json::{JsonClient, Line};
pub use process::{Ended, ServerProcess};
pub use server::{Setup, TestServer};
pub use text::TextClient;
pub use wire::{DEADLINE, Wire};

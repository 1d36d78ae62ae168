//! The client against a scripted server, against the real one, and as a program.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where something is not as expected")]

mod fake;
#[cfg(unix)]
mod fate;
mod help;
mod house;
mod kept;
mod program;
mod real;
mod resume;
mod rooms;
mod screen;
mod slow;
mod window;

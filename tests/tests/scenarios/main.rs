//! Scenarios across real sockets and processes: what PROTOCOL promises, one story each.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests, and the functions that they share")]

mod accounts;
mod aliases;
mod backups;
mod bad_lines;
mod commands;
mod conversations;
mod crowds;
#[cfg(target_os = "linux")]
mod descriptors;
mod durable;
mod endings;
mod erase;
mod example;
mod fairness;
mod golden;
mod hostile;
mod invites;
mod limits;
mod metrics;
mod moderation;
mod order;
mod private_rooms;
mod process;
mod properties;
mod proxied;
mod redact;
#[cfg(unix)]
mod reload;
mod requests;
mod resume;
mod slow;
mod status;
mod strangers;
mod worthless;

//! Puts load on a chat server and checks that everybody got everything.
//!
//! - [`args`](Args): what can be typed.
//! - `wire`, `stamp`: what is said, and what the bytes of five protocols mean.
//! - `swarm`, `timer`: thousands of connections on one thread.
//! - `stage`, `load`, `tracker`, `latency`: everybody in the room; messages on their way; who got what, when.
//! - `modes`: the workloads. `compare`: the same one on several servers.
//! - `resume`: everybody comes back at once.
//! - `verify`: the delivery checker, which causes faults itself.
//! - `target`, `proc`, `usage`: servers, and what a run cost them.
//! - `report`, `plot`, `progress`: what is shown.
//!
//! It needs sockets and signals as Unix has them, and tells most on Linux, whose `/proc` it reads.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "its results are what it is for")]

mod args;
mod compare;
mod latency;
mod load;
mod modes;
mod plot;
mod proc;
mod progress;
mod random;
mod report;
mod resume;
mod stage;
mod stamp;
mod swarm;
mod target;
mod timer;
mod tracker;
mod usage;
mod verify;
mod wire;

use anyhow::Context as _;

pub use args::Args;
pub use target::Kind;

use crate::args::{Command, Common};
use crate::modes::{Setting, fanout, idle, paced, storm};
use crate::progress::Progress;
use crate::report::Report;

/// How a run ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What was printed is a result.
    Valid,
    /// Messages were lost, repeated or out of order, or connections closed.
    Invalid,
}

/// Carries out what was typed, and prints what it found.
///
/// # Errors
///
/// Why it couldn't be carried out.
pub fn run(args: Args) -> anyhow::Result<Outcome> {
    raise_descriptors();
    match args.command {
        Command::Fanout(args) => one(&args.common, |setting, progress| fanout::run(&args, setting, progress)),
        Command::Paced(args) => one(&args.common, |setting, progress| paced::run(&args, setting, progress)),
        Command::Chatter(args) => one(&args.common, |setting, progress| paced::chatter(&args, setting, progress)),
        Command::Idle(args) => one(&args.common, |setting, progress| idle::run(&args, setting, progress)),
        Command::Storm(args) => one(&args.common, |setting, progress| storm::run(&args, setting, progress)),
        Command::Resume(args) => resume::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Compare(args) => compare::run(&args),
    }
}

fn one(common: &Common, run: impl FnOnce(&Setting, &Progress) -> anyhow::Result<Report>) -> anyhow::Result<Outcome> {
    let setting = Setting::of(common)?;
    let report = run(&setting, &Progress::new())?;
    if common.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{}", report.text());
    }
    if !report.is_valid() {
        return Ok(Outcome::Invalid);
    }
    // What is no result is no picture either.
    if let Some(file) = &common.plot {
        plot::report(file, &report).with_context(|| format!("can't draw {}", file.display()))?;
    }
    Ok(Outcome::Valid)
}

/// As many descriptors as may be; servers that are started inherit it. A run that needs more will say so.
fn raise_descriptors() {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

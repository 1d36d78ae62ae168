//! Connections that do nothing: the server's memory for each.

use anyhow::Context as _;

use super::Setting;
use crate::args::Idle;
use crate::proc::resident_bytes;
use crate::progress::Progress;
use crate::report::{IdleFound, Report};
use crate::stage::assemble;

/// Connections made and left again before the first look, so that what the server needs once is there.
const FIRST: usize = 16;

/// One run.
pub(crate) fn run(args: &Idle, setting: &Setting, progress: &Progress) -> anyhow::Result<Report> {
    let pid = setting.target.pid.context("whose memory? Give the running server's --pid")?;
    let resident = || resident_bytes(pid).context("this system doesn't tell the memory of a process");
    let first = setting.audience(FIRST, 0, args.dialect, crate::stamp::LEN);
    let (few, _) = assemble(setting.target.address, &first, setting.seed + 1, progress)?;
    let before = resident()?;
    let cast = setting.audience(args.members, 0, args.dialect, crate::stamp::LEN);
    let (swarm, _) = assemble(setting.target.address, &cast, setting.seed, progress)?;
    let after = resident()?;
    drop((few, swarm));
    let mut report = Report::new("idle", setting.target.kind, args.members, 0, 0);
    let grown = after.saturating_sub(before) as f64;
    report.idle = Some(IdleFound {
        resident_before: before,
        resident_after: after,
        bytes_per_connection: grown / args.members.max(1) as f64,
    });
    Ok(report)
}

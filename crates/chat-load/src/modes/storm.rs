//! Everybody joins one room at once.

use super::Setting;
use crate::args::Storm;
use crate::proc::listen_overflows;
use crate::progress::Progress;
use crate::report::{Report, StormFound};
use crate::stage::{enter, settle};
use crate::swarm::Swarm;
use crate::usage::Mark;

/// One run.
pub(crate) fn run(args: &Storm, setting: &Setting, progress: &Progress) -> anyhow::Result<Report> {
    let cast = setting.audience(args.members, 0, args.dialect, crate::stamp::LEN);
    let mut swarm = Swarm::new(vec![cast.listener.clone(), cast.speaker.clone()])?;
    let before = listen_overflows();
    let mark = Mark::now(setting.target.pid);
    progress.phase("a storm of joins", args.members as u64);
    let begun = swarm.now();
    let mut arrivals = enter(&mut swarm, setting.target.address, &cast, usize::MAX, setting.seed, progress)?;
    settle(&mut swarm, &mut arrivals)?;
    let usage = mark.usage(setting.target.pid);
    let after = listen_overflows();

    let mut report = Report::new("storm", setting.target.kind, args.members, 0, 0);
    report.cost(&usage, 0, 0);
    report.storm = Some(StormFound {
        all_in_seconds: arrivals.last_ready.saturating_sub(begun) as f64 / 1e9,
        lines: swarm.read.items,
        bytes: swarm.read.bytes,
        listen_overflows: after.zip(before).map(|(after, before)| after.0 - before.0),
        listen_drops: after.zip(before).map(|(after, before)| after.1 - before.1),
    });
    Ok(report)
}

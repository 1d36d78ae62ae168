//! As fast as a bounded window lets the senders: what a delivery costs.

use anyhow::bail;

use super::Setting;
use crate::args::{Fanout, WindowBy};
use crate::load::Load;
use crate::progress::Progress;
use crate::report::Report;
use crate::stage::assemble;
use crate::swarm::Swarm;
use crate::usage::Mark;

/// Messages of each sender before anything is counted: connections, rings and caches get warm, slow starts end.
const WARM_UP: u32 = 50;

/// One run.
pub(crate) fn run(args: &Fanout, setting: &Setting, progress: &Progress) -> anyhow::Result<Report> {
    let senders = usize::from(args.burst.senders);
    let cast = setting.audience(args.members, senders, args.talk.dialect, args.talk.size);
    let by = match args.window_by {
        Some(WindowBy::Ack) if !cast.speaker.acks() => {
            bail!("{} doesn't answer its senders: use --window-by last", setting.target.kind.name())
        }
        Some(by) => by,
        None if cast.speaker.acks() => WindowBy::Ack,
        None => WindowBy::Last,
    };
    let (mut swarm, _) = assemble(setting.target.address, &cast, setting.seed, progress)?;
    let mut load = Load::new(cast);
    load.warm_up(&mut swarm, WARM_UP)?;

    progress.phase("fan-out", u64::from(args.burst.messages));
    let (messages, deliveries, reads) = (load.sent(), load.tracker.deliveries, swarm.read.reads);
    let mark = Mark::now(setting.target.pid);
    send(args, by, &mut load, &mut swarm, progress)?;
    let complete = load.drain(&mut swarm)?;
    let usage = mark.usage(setting.target.pid);

    let mut report = Report::new("fanout", setting.target.kind, args.members, senders, args.talk.size);
    report.window_by = Some(by);
    report.cost(&usage, load.sent() - messages, load.tracker.deliveries - deliveries);
    report.deliveries_per_read = report.deliveries as f64 / (swarm.read.reads - reads).max(1) as f64;
    report.faults = load.finish();
    report.problems = load.problems;
    if !complete {
        report.problems.push("given up after 10 s in which nothing came".to_owned());
    }
    Ok(report)
}

/// Keeps every sender's window full until all is sent, or the time is over.
fn send(args: &Fanout, by: WindowBy, load: &mut Load, swarm: &mut Swarm, progress: &Progress) -> anyhow::Result<()> {
    let end = swarm.now() + (args.seconds * 1e9) as u64;
    let warm = load.sent();
    let total = warm + u64::from(args.burst.messages);
    let mut left = total - warm;
    while left > 0 && swarm.now() < end {
        for sender in 0..load.flights.len() {
            let flight = &load.flights[sender];
            let settled = match by {
                WindowBy::Ack => flight.acked,
                WindowBy::Last => flight.done,
            };
            let room = args.burst.window.saturating_sub(flight.sent() - settled);
            let count = u64::from(room).min(left) as u32;
            if count > 0 {
                left -= u64::from(count);
                let now = swarm.now();
                load.say(swarm, sender, count, now);
            }
        }
        swarm.turn(swarm.now() + 100_000_000, load)?;
        progress.at(load.done() - warm);
        if load.is_stuck(swarm.now()) {
            break;
        }
    }
    Ok(())
}

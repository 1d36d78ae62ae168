//! Open loops: messages are sent when they are due, whatever became of those before, and every latency is counted
//! from when a message was due. A server that stalls is charged with all that would have been said meanwhile.

use super::Setting;
use crate::args::{Chatter, Paced};
use crate::load::{Load, Times};
use crate::progress::Progress;
use crate::random::Random;
use crate::report::Report;
use crate::stage::{Cast, assemble};
use crate::usage::Mark;

/// Lateness of the generator beyond which it says that it was the limit: the median of a quiet server's latency.
const LATE_MS: f64 = 1.0;

/// Who says something when, in nanoseconds from the beginning; in order.
type Plan = Vec<(u64, usize)>;

/// One sender at a rate.
pub(crate) fn run(args: &Paced, setting: &Setting, progress: &Progress) -> anyhow::Result<Report> {
    let cast = setting.audience(args.members, 1, args.talk.dialect, args.talk.size);
    let plan = steady(args.rate, 1.0 + args.seconds);
    let report = Report::new("paced", setting.target.kind, args.members, 1, args.talk.size);
    open_loop(cast, &plan, 1.0, setting, progress, report)
}

/// Everybody says one message a second.
pub(crate) fn chatter(args: &Chatter, setting: &Setting, progress: &Progress) -> anyhow::Result<Report> {
    let people = usize::from(args.people);
    let cast = setting.people(people, args.talk.dialect, args.talk.size);
    let plan = everybody(people, 2.0 + args.seconds, setting.seed);
    let report = Report::new("chatter", setting.target.kind, people, people, args.talk.size);
    open_loop(cast, &plan, 2.0, setting, progress, report)
}

fn steady(rate: f64, seconds: f64) -> Plan {
    let count = (rate * seconds).ceil() as u64;
    (0..count).map(|i| ((i as f64 / rate * 1e9) as u64, 0)).collect()
}

/// Each person speaks once in every second, at a moment of his own.
fn everybody(people: usize, seconds: f64, seed: u64) -> Plan {
    let mut random = Random::new(seed);
    let mut phases: Plan = (0..people).map(|person| (random.below(1_000_000_000), person)).collect();
    phases.sort_unstable();
    let rounds = (seconds.ceil()) as u64;
    (0..rounds).flat_map(|round| phases.iter().map(move |(at, person)| (round * 1_000_000_000 + at, *person))).collect()
}

/// Carries out a plan; what is due in its first `skipped` seconds isn't measured.
fn open_loop(
    cast: Cast,
    plan: &Plan,
    skipped: f64,
    setting: &Setting,
    progress: &Progress,
    mut report: Report,
) -> anyhow::Result<Report> {
    let (mut swarm, _) = assemble(setting.target.address, &cast, setting.seed, progress)?;
    let mut load = Load::new(cast);
    progress.phase("saying", plan.len() as u64);
    let begun = swarm.now() + 10_000_000;
    let from = begun + (skipped * 1e9) as u64;
    load.times = Some(Times { from, ..Times::default() });
    let mut marked = None;
    for (i, (at, sender)) in plan.iter().enumerate() {
        let due = begun + at;
        while swarm.now() < due {
            swarm.turn(due, &mut load)?;
        }
        if due >= from && marked.is_none() {
            marked = Some((Mark::now(setting.target.pid), load.sent(), load.tracker.deliveries, swarm.read.reads));
        }
        load.say(&mut swarm, *sender, 1, due);
        // What has come meanwhile is taken in between, also where there is no time left: the sender isn't the only one.
        swarm.turn(0, &mut load)?;
        progress.at(i as u64);
    }
    let complete = load.drain(&mut swarm)?;
    if let Some((mark, messages, deliveries, reads)) = marked {
        let usage = mark.usage(setting.target.pid);
        report.cost(&usage, load.sent() - messages, load.tracker.deliveries - deliveries);
        report.deliveries_per_read = report.deliveries as f64 / (swarm.read.reads - reads).max(1) as f64;
    }
    if let Some(times) = load.times.take() {
        report.each = times.each.percentiles();
        report.last = times.last.percentiles();
        report.lag = times.lag.percentiles();
        report.generator_limited |= report.lag.as_ref().is_some_and(|lag| lag.p99 > LATE_MS);
    }
    report.faults = load.finish();
    report.problems = load.problems;
    if !complete {
        report.problems.push("given up after 10 s in which nothing came".to_owned());
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_speaks_once_in_each_second() {
        let plan = everybody(50, 3.0, 1);
        assert_eq!(plan.len(), 150);
        assert!(plan.is_sorted());
        for round in 0..3 {
            let mut who: Vec<_> =
                plan.iter().filter(|(at, _)| at / 1_000_000_000 == round).map(|(_, person)| *person).collect();
            who.sort_unstable();
            assert_eq!(who, (0..50).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_steady_plan_keeps_its_rate() {
        assert_eq!(steady(4.0, 1.0), [(0, 0), (250_000_000, 0), (500_000_000, 0), (750_000_000, 0)]);
    }
}

//! The same workload on several servers in turn, interleaved and repeated. What else the machine does meanwhile meets
//! all of them alike; what is told are medians, and ratios of runs of the same round. A run with faults is no result, and
//! left out of both.

mod table;

use anyhow::Context as _;
use serde::Serialize;

use crate::Outcome;
use crate::args::{Chatter, Common, Compare, Fanout, Paced, Workload};
use crate::modes::{Setting, fanout, paced};
use crate::plot;
use crate::progress::Progress;
use crate::random::fresh_seed;
use crate::report::Report;
use crate::target::{Kind, Target};

/// All runs of one server with one number of members.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) target: Kind,
    pub(crate) members: usize,
    /// One for each round; `None` where the run couldn't be carried out.
    pub(crate) rounds: Vec<Option<Report>>,
}

/// Carries out all rounds and prints the table.
pub(crate) fn run(args: &Compare) -> anyhow::Result<Outcome> {
    let progress = Progress::new();
    let targets: Vec<_> = args.targets.iter().copied().filter(|kind| is_there(*kind)).collect();
    let mut all: Vec<Series> = Vec::new();
    for members in &args.members {
        all.extend(targets.iter().map(|target| Series { target: *target, members: *members, rounds: Vec::new() }));
    }
    for round in 1..=args.rounds {
        for series in &mut all {
            let what = format!("round {round} of {}: {}", args.rounds, series.target.name());
            progress.phase(what.clone(), 0);
            let report = once(args, series.target, series.members, &progress)
                .inspect_err(|error| eprintln!("{what}, {} members: {error:#}", series.members));
            series.rounds.push(report.ok());
        }
    }
    drop(progress);
    if args.json {
        println!("{}", serde_json::to_string(&all)?);
    } else {
        print!("{}", table::markdown(args.workload, &all));
    }
    if let Some(file) = &args.plot {
        let drawn = match args.workload {
            Workload::Fanout => plot::fanout(file, &all),
            Workload::Paced | Workload::Chatter => plot::latencies(file, &all),
        };
        drawn.with_context(|| format!("can't draw {}", file.display()))?;
    }
    Ok(outcome(&all))
}

/// Of the others a lost message is a finding, of ours a fault.
fn outcome(all: &[Series]) -> Outcome {
    let ours = |series: &&Series| matches!(series.target, Kind::Chat | Kind::ChatDurable);
    let valid = all.iter().filter(ours).flat_map(Series::results).all(|result| result.is_some());
    if valid { Outcome::Valid } else { Outcome::Invalid }
}

/// Whether a kind of server can be started here; says so where it can't.
fn is_there(kind: Kind) -> bool {
    match Target::spawn(kind, None) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("left out: {}: {error:#}", kind.name());
            false
        }
    }
}

fn once(args: &Compare, target: Kind, members: usize, progress: &Progress) -> anyhow::Result<Report> {
    let setting = Setting::fresh(target, None, fresh_seed())?;
    let common = Common { target, server: None, pid: None, program: None, json: false, plot: None, seed: None };
    let Compare { burst, window_by, talk, seconds, rate, .. } = *args;
    match args.workload {
        Workload::Fanout => {
            fanout::run(&Fanout { common, members, burst, window_by, seconds, talk }, &setting, progress)
        }
        Workload::Paced => paced::run(&Paced { common, members, rate, seconds, talk }, &setting, progress),
        Workload::Chatter => {
            let people = u16::try_from(members).context("so many people can't all talk here")?;
            paced::chatter(&Chatter { common, people, seconds, talk }, &setting, progress)
        }
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

impl Series {
    /// The runs that are a result, round by round; `None` for those that had faults or couldn't be carried out.
    pub(crate) fn results(&self) -> impl Iterator<Item = Option<&Report>> {
        self.rounds.iter().map(|round| round.as_ref().filter(|report| report.is_valid()))
    }

    /// The median of a figure over the results that have it.
    pub(crate) fn median(&self, figure: impl Fn(&Report) -> Option<f64>) -> Option<f64> {
        median(self.results().flatten().filter_map(figure))
    }

    /// The median of the ratios to `base`, over the rounds in which both have a result.
    pub(crate) fn ratio(&self, base: &Self, figure: impl Fn(&Report) -> Option<f64>) -> Option<f64> {
        let rounds = base.results().zip(self.results());
        median(rounds.filter_map(|(base, own)| {
            let (base, own) = (figure(base?)?, figure(own?)?);
            (own > 0.0).then_some(base / own)
        }))
    }

    /// What went wrong in all rounds together.
    pub(crate) fn wrong(&self) -> Wrong {
        let faults = |report: &Report| {
            let f = &report.faults;
            f.gaps + f.repeats + f.disorder + f.closed + f.refused
        };
        Wrong {
            faults: self.rounds.iter().flatten().map(faults).sum(),
            no_results: self.rounds.iter().flatten().filter(|report| !report.is_valid()).count(),
            failed: self.rounds.iter().filter(|round| round.is_none()).count(),
        }
    }
}

/// What went wrong in the rounds of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Messages that receivers didn't get, or not as they should.
    pub(crate) faults: u64,
    /// Rounds that had such.
    pub(crate) no_results: usize,
    /// Rounds that couldn't be carried out.
    pub(crate) failed: usize,
}

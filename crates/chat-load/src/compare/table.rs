//! The table of a comparison, in Markdown.

use std::fmt::Write as _;

use super::{Series, Wrong};
use crate::args::{WindowBy, Workload};
use crate::report::Report;

type Figure = fn(&Report) -> Option<f64>;

/// A column: its head, its figure, its decimals, and whether the ratio of the first server to this one stands beside it.
struct Column {
    head: &'static str,
    figure: Figure,
    decimals: usize,
    ratio: bool,
}

const CPU: Column = Column {
    head: "server CPU, s per million deliveries",
    figure: |report| report.server_cpu_seconds_per_million,
    decimals: 3,
    ratio: true,
};

const FANOUT: &[Column] = &[
    CPU,
    Column { head: "messages/s", figure: |report| Some(report.messages_per_second()), decimals: 0, ratio: false },
    Column {
        head: "million deliveries/s",
        figure: |report| Some(report.deliveries_per_second() / 1e6),
        decimals: 2,
        ratio: false,
    },
];

const LATENCY: &[Column] = &[
    Column { head: "each, median ms", figure: |report| Some(report.each.as_ref()?.p50), decimals: 2, ratio: true },
    Column { head: "each, 99 % ms", figure: |report| Some(report.each.as_ref()?.p99), decimals: 2, ratio: true },
    Column {
        head: "last member, median ms",
        figure: |report| Some(report.last.as_ref()?.p50),
        decimals: 2,
        ratio: true,
    },
    Column { head: "last member, 99 % ms", figure: |report| Some(report.last.as_ref()?.p99), decimals: 2, ratio: true },
    CPU,
];

/// A row for each server and number of members. A ratio is that of the first server in the table to the row's:
/// below 1 the first one is better.
pub(super) fn markdown(workload: Workload, all: &[Series]) -> String {
    let columns = match workload {
        Workload::Fanout => FANOUT,
        Workload::Paced | Workload::Chatter => LATENCY,
    };
    let mut out = String::from("| server | members |");
    for column in columns {
        let _ = write!(out, " {} |", column.head);
        if column.ratio {
            out.push_str(" ratio |");
        }
    }
    out.push_str(" faults |\n| --- | ---: |");
    let cells = columns.iter().map(|column| 1 + usize::from(column.ratio)).sum::<usize>();
    out.push_str(&" ---: |".repeat(cells));
    out.push_str(" --- |\n");
    for series in all {
        row(&mut out, columns, series, all.iter().find(|first| first.members == series.members));
    }
    footnotes(&mut out, all);
    out
}

fn row(out: &mut String, columns: &[Column], series: &Series, first: Option<&Series>) {
    let _ = write!(out, "| {} | {} |", series.target.name(), series.members);
    let shown =
        |value: Option<f64>, decimals| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"));
    for column in columns {
        let _ = write!(out, " {} |", shown(series.median(column.figure), column.decimals));
        if column.ratio {
            let ratio = first.and_then(|first| series.ratio(first, column.figure));
            let _ = write!(out, " {} |", shown(ratio, 2));
        }
    }
    let faults = faults(series);
    let _ = writeln!(out, " {faults} |");
}

fn faults(series: &Series) -> String {
    let (Wrong { faults, no_results, failed }, rounds) = (series.wrong(), series.rounds.len());
    let mut words = Vec::new();
    if no_results > 0 {
        let lost = format!("{faults} messages lost, repeated or out of order");
        words.push(format!("{no_results} of {rounds} rounds are no result: {lost}"));
    }
    if failed > 0 {
        words.push(format!("{failed} of {rounds} rounds failed"));
    }
    if words.is_empty() { "none".to_owned() } else { words.join("; ") }
}

fn footnotes(out: &mut String, all: &[Series]) {
    let rounds = all.first().map_or(0, |series| series.rounds.len());
    let first = all.first().map_or("the first", |series| series.target.name());
    let _ =
        writeln!(out, "\nMedians of {rounds} interleaved runs. Ratio: {first} to the row's server, in the same round.");
    if all.iter().any(|series| series.wrong().no_results > 0) {
        let _ = writeln!(out, "A run with faults is no result, and in no median and no ratio.");
    }
    windows(out, all);
    let limited: usize =
        all.iter().map(|series| series.rounds.iter().flatten().filter(|report| report.generator_limited).count()).sum();
    if limited > 0 {
        let _ = writeln!(out, "In {limited} runs the generator was the limit: their times say less than their CPU.");
    }
}

/// Says when messages left their senders' windows.
fn windows(out: &mut String, all: &[Series]) {
    let by = |rule| {
        let series = all.iter().filter(move |series| series.results().flatten().any(|run| run.window_by == Some(rule)));
        let mut names = Vec::new();
        for name in series.map(|series| series.target.name()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(", ")
    };
    let (answered, last) = (by(WindowBy::Ack), by(WindowBy::Last));
    if !answered.is_empty() {
        let _ = writeln!(out, "A message leaves its sender's window when the server has answered it: {answered}.");
    }
    if !last.is_empty() {
        let _ = writeln!(out, "A message leaves its sender's window when the last member has it: {last}.");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{median, outcome};
    use super::*;
    use crate::Outcome;
    use crate::target::Kind;

    fn series(target: Kind, cpu: &[Option<f64>]) -> Series {
        let report = |cpu| Report {
            server_cpu_seconds_per_million: Some(cpu),
            messages: 100,
            seconds: 1.0,
            ..Report::new("fanout", target, 10, 1, 64)
        };
        Series { target, members: 10, rounds: cpu.iter().map(|cpu| cpu.map(report)).collect() }
    }

    #[test]
    fn the_middle_one() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let ours = series(Kind::Chat, &[Some(1.0), Some(2.0), Some(10.0)]);
        let theirs = series(Kind::Redis, &[Some(2.0), Some(8.0), Some(20.0)]);
        let table = markdown(Workload::Fanout, &[ours, theirs]);
        assert!(table.contains("| chat-server, in memory | 10 | 2.000 | 1.00 | 100 | 0.00 | none |"), "{table}");
        assert!(table.contains("| redis-server | 10 | 8.000 | 0.50 | 100 | 0.00 | none |"), "{table}");
    }

    /// Has a round lose messages.
    fn lose(series: &mut Series, round: usize, messages: u64) {
        series.rounds[round].as_mut().expect("a run").faults.gaps = messages;
    }

    #[test]
    fn a_run_with_faults_is_in_no_median_and_no_ratio_and_called_so() {
        let mut ours = series(Kind::Chat, &[Some(1.0), Some(2.0), Some(9.0)]);
        let mut theirs = series(Kind::Minimal, &[Some(4.0), Some(80.0), Some(9.0), None]);
        lose(&mut theirs, 1, 7);
        assert_eq!(outcome(&[ours.clone(), theirs.clone()]), Outcome::Valid, "others may lose what they like");
        lose(&mut ours, 2, 1);
        assert_eq!(outcome(&[ours.clone(), theirs.clone()]), Outcome::Invalid);
        let table = markdown(Workload::Fanout, &[ours, theirs]);
        let lost = "messages lost, repeated or out of order";
        for row in [
            format!(
                "| chat-server, in memory | 10 | 1.500 | 1.00 | 100 | 0.00 | 1 of 3 rounds are no result: 1 {lost} |"
            ),
            format!(
                "| minimal | 10 | 6.500 | 0.25 | 100 | 0.00 | 1 of 4 rounds are no result: 7 {lost}; 1 of 4 rounds failed |"
            ),
            "A run with faults is no result, and in no median and no ratio.".to_owned(),
        ] {
            assert!(table.lines().any(|line| line == row), "{row} in {table}");
        }
    }

    #[test]
    fn where_nothing_is_a_result_there_is_no_figure() {
        let mut lossy = series(Kind::Minimal, &[Some(1.0)]);
        lose(&mut lossy, 0, 7);
        let table = markdown(Workload::Fanout, &[lossy]);
        assert!(table.contains("| minimal | 10 | – | – | – | – | 1 of 1 rounds are no result: 7 "), "{table}");
    }
}

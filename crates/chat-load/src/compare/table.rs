//! The table of a comparison, in Markdown.

use std::fmt::Write as _;

use super::Series;
use crate::args::Workload;
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
    let faults = match series.faults() {
        (0, 0) => "none".to_owned(),
        (0, failed) => format!("{failed} runs failed"),
        (lost, 0) => format!("no result: {lost} messages lost, repeated or out of order"),
        (lost, failed) => format!("no result: {lost} messages lost, repeated or out of order; {failed} runs failed"),
    };
    let _ = writeln!(out, " {faults} |");
}

fn footnotes(out: &mut String, all: &[Series]) {
    let rounds = all.first().map_or(0, |series| series.rounds.len());
    let first = all.first().map_or("the first", |series| series.target.name());
    let _ =
        writeln!(out, "\nMedians of {rounds} interleaved runs. Ratio: {first} to the row's server, in the same round.");
    let limited: usize =
        all.iter().map(|series| series.rounds.iter().flatten().filter(|report| report.generator_limited).count()).sum();
    if limited > 0 {
        let _ = writeln!(out, "In {limited} runs the generator was the limit: their times say less than their CPU.");
    }
}

#[cfg(test)]
mod tests {
    use super::super::median;
    use super::*;
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

    #[test]
    fn what_is_no_result_is_called_so() {
        let mut lossy = series(Kind::Minimal, &[Some(1.0), None]);
        if let Some(Some(report)) = lossy.rounds.first_mut() {
            report.faults.gaps = 7;
        }
        let table = markdown(Workload::Fanout, &[lossy]);
        assert!(table.contains("no result: 7 messages lost, repeated or out of order; 1 runs failed"), "{table}");
    }
}

//! Pictures, as SVG.

use std::path::Path;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::compare::Series;
use crate::latency::Percentiles;
use crate::report::Report;

const SIZE: (u32, u32) = (900, 420);
/// Colours that can also be told apart by those who see few, and on a light as on a dark page.
const COLOURS: [RGBColor; 5] =
    [RGBColor(0, 114, 178), RGBColor(86, 180, 233), RGBColor(230, 159, 0), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A line of a picture: its name and its points.
type Line = (String, Vec<(f64, f64)>);

/// The latencies of one run.
pub(crate) fn report(file: &Path, report: &Report) -> anyhow::Result<()> {
    let line = |name: &str, p: &Option<Percentiles>| p.as_ref().map(|p| (name.to_owned(), p.curve.clone()));
    let lines: Vec<_> =
        [line("each delivery", &report.each), line("the last member", &report.last)].into_iter().flatten().collect();
    if lines.is_empty() {
        return Err(anyhow!("{} has no latencies; `compare` draws what it has", report.mode));
    }
    with(file, |area| distribution(area, &format!("{} on {}", report.mode, report.target.name()), &lines))
}

/// Until the last member has a message, by server: of each the round whose median is in the middle.
pub(crate) fn latencies(file: &Path, all: &[Series]) -> anyhow::Result<()> {
    let lines: Vec<_> = all.iter().filter_map(typical).collect();
    with(file, |area| distribution(area, "until the last member has a message", &lines))
}

fn typical(series: &Series) -> Option<Line> {
    let mut rounds: Vec<_> = series.results().flatten().filter_map(|report| report.last.as_ref()).collect();
    rounds.sort_by(|a, b| a.p50.total_cmp(&b.p50));
    let middle = rounds.get(rounds.len() / 2)?;
    Some((format!("{}, {}", series.target.name(), series.members), middle.curve.clone()))
}

/// CPU for a delivery, and deliveries a second, against members.
pub(crate) fn fanout(file: &Path, all: &[Series]) -> anyhow::Result<()> {
    let cpu = by_members(all, |report| report.server_cpu_seconds_per_million);
    let rate = by_members(all, |report| Some(report.deliveries_per_second() / 1e6));
    with(file, |area| {
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        against_members(&left, "server CPU, s per million deliveries", &cpu, SeriesLabelPosition::MiddleRight)?;
        against_members(&right, "million deliveries a second", &rate, SeriesLabelPosition::UpperLeft)
    })
}

fn by_members(all: &[Series], figure: impl Fn(&Report) -> Option<f64> + Copy) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for series in all {
        let Some(value) = series.median(figure) else { continue };
        let point = (series.members as f64, value);
        match lines.iter_mut().find(|(name, _)| name == series.target.name()) {
            Some((_, points)) => points.push(point),
            None => lines.push((series.target.name().to_owned(), vec![point])),
        }
    }
    lines.iter_mut().for_each(|(_, points)| points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    lines
}

fn with(file: &Path, draw: impl FnOnce(&Area<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    draw(&area)?;
    area.present()?;
    Ok(())
}

/// Milliseconds over nines, both ways that tails show: 90 %, 99 %, 99.9 % at equal distances, and time by its logarithm.
fn distribution(area: &Area<'_>, title: &str, lines: &[Line]) -> anyhow::Result<()> {
    let (x, y) = ends(lines);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..x.1.max(1.0), (y.0.max(0.001)..y.1.max(0.01) * 1.2).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(6)
        .x_label_formatter(&|nines| percent(*nines))
        .y_desc("ms")
        .y_label_formatter(&|ms| format!("{ms}"))
        .draw()?;
    for (i, (name, points)) in lines.iter().enumerate() {
        let style = COLOURS[i % COLOURS.len()].stroke_width(2);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperLeft).border_style(BLACK).draw()?;
    Ok(())
}

/// `legend`: where lines of such a kind seldom go.
fn against_members(area: &Area<'_>, title: &str, lines: &[Line], legend: SeriesLabelPosition) -> anyhow::Result<()> {
    let (x, y) = ends(lines);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(50)
        .build_cartesian_2d((x.0.max(1.0) * 0.8..x.1.max(2.0) * 1.25).log_scale(), 0.0..y.1.max(0.001) * 1.1)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("members")
        .x_label_formatter(&|members| round_number(*members))
        .draw()?;
    for (i, (name, points)) in lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
        chart
            .draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?
            .label(name)
            .legend(move |(x, y)| Circle::new((x + 9, y), 3, colour.filled()));
    }
    chart.configure_series_labels().position(legend).background_style(WHITE.mix(0.8)).draw()?;
    Ok(())
}

/// What is written at a line of a logarithmic grid: 1, 2 and 5, and their tens. The others would run into each other.
fn round_number(value: f64) -> String {
    let digits = format!("{value}");
    let leading = digits.trim_end_matches('0');
    if matches!(leading, "1" | "2" | "5") { digits } else { String::new() }
}

/// The least and the greatest of each coordinate.
fn ends(lines: &[Line]) -> ((f64, f64), (f64, f64)) {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let of = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
    };
    if points().next().is_none() {
        return ((0.0, 1.0), (0.0, 1.0));
    }
    (of(&mut points().map(|point| point.0)), of(&mut points().map(|point| point.1)))
}

fn percent(nines: f64) -> String {
    let value = 100.0 * (1.0 - 0.1_f64.powf(nines));
    let decimals = (nines - 1.0).max(0.0).ceil() as usize;
    format!("{value:.decimals$} %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Kind;

    #[test]
    fn nines_are_shown_as_percents() {
        assert_eq!([0.0, 1.0, 2.0, 3.0].map(percent), ["0 %", "90 %", "99.0 %", "99.90 %"]);
    }

    #[test]
    fn round_numbers_are_written_at_the_grid() {
        assert_eq!([1.0, 20.0, 300.0, 500.0, 700.0, 1000.0].map(round_number), ["1", "20", "", "500", "", "1000"]);
    }

    #[test]
    fn a_run_with_faults_is_not_drawn() {
        let run = |p50, gaps| {
            let mut report = Report::new("paced", Kind::Chat, 10, 1, 64);
            report.last =
                Some(Percentiles { count: 1, p50, p90: p50, p99: p50, p999: p50, max: p50, curve: vec![(0.0, p50)] });
            (report.faults.gaps, report.server_cpu_seconds_per_million) = (gaps, Some(p50));
            Some(report)
        };
        let rounds = vec![run(1.0, 0), run(2.0, 7), run(3.0, 7), None];
        let all = [Series { target: Kind::Chat, members: 10, rounds }];
        let drawn = ("chat-server, in memory, 10".to_owned(), vec![(0.0, 1.0)]);
        assert_eq!(typical(&all[0]), Some(drawn));
        let points = by_members(&all, |report| report.server_cpu_seconds_per_million);
        assert_eq!(points, [("chat-server, in memory".to_owned(), vec![(10.0, 1.0)])]);
    }

    #[test]
    fn each_server_has_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("plot.svg");
        let series = |target, members| {
            let mut report = Report::new("fanout", target, members, 1, 64);
            report.server_cpu_seconds_per_million = Some(0.1);
            (report.deliveries, report.seconds) = (1_000_000, 1.0);
            Series { target, members, rounds: vec![Some(report)] }
        };
        let all = [series(Kind::Chat, 100), series(Kind::Chat, 1000), series(Kind::Redis, 100)];
        fanout(&file, &all).expect("a picture");
        let svg = std::fs::read_to_string(file).expect("a file");
        assert!(svg.contains("<svg") && svg.contains("redis-server") && svg.contains("chat-server, in memory"));
    }
}

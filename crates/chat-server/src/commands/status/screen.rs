//! The figures of a server, from Prometheus' text format to a screen for a person.

use std::fmt::Write as _;

use jiff::Timestamp;

/// All figures, in the order in which they came.
#[derive(Debug)]
pub(super) struct Figures(Vec<Figure>);

/// One line of the metrics.
#[derive(Debug)]
struct Figure {
    name: String,
    /// As they stand between the braces: `dialect="text",transport="tcp"`.
    labels: String,
    value: f64,
}

impl Figures {
    /// Lines that aren't figures of ours are left out.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(Figure::parse).collect())
    }

    pub(super) fn is_none_of_ours(&self) -> bool {
        self.find("connections").is_none()
    }

    /// The screen, for the server at `place`.
    pub(super) fn screen(&self, place: &str, now: Timestamp) -> String {
        let mut out = String::new();
        let version = self.named("build_info").next().map(|figure| figure.label("version")).unwrap_or_default();
        let up = now.as_second() as f64 - self.get("start_time_seconds");
        let state = if self.get("draining") > 0.0 { ", stopping" } else { "" };
        let _ = writeln!(out, "chat-server {version} at {place}, up for {}{state}", time(up));
        for (head, words) in [
            ("connections", self.connections()),
            ("sessions", self.listed("sessions", " over ")),
            ("rooms", number(self.get("rooms"))),
            ("messages", self.messages()),
            ("traffic", self.traffic()),
            ("commit", self.quantiles("commit_seconds")),
            ("delivery", format!("{}, from published to written", self.quantiles("publish_to_written_seconds"))),
            ("fell behind", self.behind()),
            ("log", self.log()),
            ("backup", self.backup(now)),
            ("certificate", self.certificate(now)),
            ("threads", self.threads(up)),
            ("closed", self.listed("closings_total", " ")),
            ("refused", self.listed("refused_total", " ")),
            ("limits met", self.listed("limits_met_total", " ")),
        ] {
            if !words.is_empty() {
                let _ = writeln!(out, "{head:12} {words}");
            }
        }
        out
    }

    fn connections(&self) -> String {
        let words = format!("{}, {} since the start", self.count("connections"), self.count("connections_total"));
        match self.get("blocked_writers") {
            0.0 => words,
            blocked => format!("{words}; {} take nothing just now", number(blocked)),
        }
    }

    fn messages(&self) -> String {
        let (messages, deliveries) = (self.count("messages_total"), self.count("deliveries_total"));
        let batches = self.get("batch_messages_count");
        let each = if batches > 0.0 { self.get("batch_messages_sum") / batches } else { 0.0 };
        format!("{messages} stored, {each:.1} a commit; {deliveries} delivered")
    }

    fn traffic(&self) -> String {
        format!("{} in, {} out", size(self.get("received_bytes_total")), size(self.get("sent_bytes_total")))
    }

    fn behind(&self) -> String {
        match (self.get("lags_total"), self.get("gap_messages_total")) {
            (0.0, 0.0) => String::new(),
            (lags, gaps) => format!("{} times; {} messages could not be had any more", number(lags), number(gaps)),
        }
    }

    fn log(&self) -> String {
        let mut words = size(self.get("log_bytes"));
        match self.find("data_free_bytes") {
            // What isn't known is the largest number there is.
            Some(free) if free < i64::MAX as f64 => {
                let _ = write!(words, ", {} free on its disk", size(free));
            }
            Some(_) => {}
            None => words.push_str(" in memory"),
        }
        let (waiting, busy) = (self.get("append_queue_entries"), self.get("log_busy_seconds"));
        if waiting > 0.0 {
            let _ = write!(words, "; {} entries wait", number(waiting));
        }
        if busy >= 1.0 {
            let _ = write!(words, "; one commit lasts {} already", time(busy));
        }
        if self.get("log_refusing") > 0.0 {
            words.push_str("; NO ROOM FOR MORE, messages are refused");
        }
        words
    }

    fn backup(&self, now: Timestamp) -> String {
        match self.find("last_backup_timestamp_seconds") {
            None => String::new(),
            Some(0.0) => "never; `chat-server backup FILE` makes one".to_owned(),
            Some(last) => format!("{} ago", time(now.as_second() as f64 - last)),
        }
    }

    fn certificate(&self, now: Timestamp) -> String {
        match self.find("certificate_expiry_timestamp_seconds") {
            None | Some(0.0) => String::new(),
            Some(end) if end < now.as_second() as f64 => format!("ENDED {} ago", time(now.as_second() as f64 - end)),
            Some(end) => format!("ends in {}", time(end - now.as_second() as f64)),
        }
    }

    fn threads(&self, up: f64) -> String {
        let (threads, busy) = (self.get("runtime_threads"), self.get("runtime_busy_seconds_total"));
        let share = 100.0 * busy / (up * threads).max(1.0);
        format!("{}, busy for {share:.1} % of the time", number(threads))
    }

    /// Half of the observations of a histogram, and 99 in 100, were at most so long.
    fn quantiles(&self, name: &str) -> String {
        let count = self.get(&format!("{name}_count"));
        if count == 0.0 {
            return "none yet".to_owned();
        }
        let bucket = format!("{name}_bucket");
        let bound = |share: f64| {
            let reached = self.named(&bucket).find(|figure| figure.value >= share * count);
            let bound = reached.and_then(|figure| figure.label("le").parse().ok()).unwrap_or(f64::INFINITY);
            if bound.is_finite() { format!("≤ {} ms", 1000.0 * bound) } else { "longer than told".to_owned() }
        };
        format!("median {}, 99 % {} (of {})", bound(0.5), bound(0.99), number(count))
    }

    /// What there is of a figure with labels: `12 text over tcp, 3 json over websocket`.
    fn listed(&self, name: &str, between: &str) -> String {
        let shown = self.named(name).filter(|figure| figure.value > 0.0);
        let words = shown.map(|figure| format!("{} {}", number(figure.value), figure.label_values().join(between)));
        words.collect::<Vec<_>>().join(", ")
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Figure> {
        self.0.iter().filter(move |figure| figure.name == name)
    }

    fn find(&self, name: &str) -> Option<f64> {
        self.named(name).next().map(|figure| figure.value)
    }

    fn get(&self, name: &str) -> f64 {
        self.find(name).unwrap_or_default()
    }

    fn count(&self, name: &str) -> String {
        number(self.get(name))
    }
}

impl Figure {
    /// `chat_name{labels} value`
    fn parse(line: &str) -> Option<Self> {
        let (series, value) = line.strip_prefix("chat_")?.rsplit_once(' ')?;
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}')?),
            None => (series, ""),
        };
        Some(Self { name: name.to_owned(), labels: labels.to_owned(), value: value.parse().ok()? })
    }

    /// Our labels' values are words: none has a quote or a comma in it.
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.split(',').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name, value.trim_matches('"')))
        })
    }

    fn label(&self, name: &str) -> &str {
        self.pairs().find(|(label, _)| *label == name).map_or("", |(_, value)| value)
    }

    fn label_values(&self) -> Vec<&str> {
        self.pairs().map(|(_, value)| value).collect()
    }
}

/// `1,234,567`
fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn size(bytes: f64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes / 1024.0;
    let mut unit = units[0];
    for larger in &units[1..] {
        if size < 10_000.0 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    format!("{} {unit}", number(size.ceil()))
}

/// The two largest units of a time.
fn time(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) if days < 10 => format!("{days} d {hours} h"),
        (days, ..) => format!("{} d", number(days as f64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# HELP chat_connections Connections held.
# TYPE chat_connections gauge
chat_connections 1234
chat_connections_total 99999
chat_blocked_writers 2
chat_build_info{version="0.1.0"} 1
chat_start_time_seconds 1000
chat_sessions{dialect="json",transport="websocket"} 3
chat_sessions{dialect="text",transport="tcp"} 12
chat_sessions{dialect="text",transport="tls"} 0
chat_messages_total 50
chat_batch_messages_sum 50
chat_batch_messages_count 20
chat_commit_seconds_bucket{le="0.0005"} 10
chat_commit_seconds_bucket{le="0.001"} 15
chat_commit_seconds_bucket{le="+Inf"} 20
chat_commit_seconds_count 20
chat_sent_bytes_total 20480
chat_log_bytes 4096
chat_data_free_bytes 107374182400
chat_last_backup_timestamp_seconds 3000
chat_certificate_expiry_timestamp_seconds 864000
chat_log_refusing 1
chat_runtime_threads 2
chat_runtime_busy_seconds_total 910
"#;

    #[test]
    fn a_screen_tells_what_the_metrics_do() {
        let screen = Figures::parse(METRICS).screen("127.0.0.1:9100", Timestamp::from_second(10_100).unwrap());
        for line in [
            "chat-server 0.1.0 at 127.0.0.1:9100, up for 2 h 31 min",
            "connections  1,234, 99,999 since the start; 2 take nothing just now",
            "sessions     3 json over websocket, 12 text over tcp",
            "messages     50 stored, 2.5 a commit; 0 delivered",
            "traffic      0 KiB in, 20 KiB out",
            "commit       median ≤ 0.5 ms, 99 % longer than told (of 20)",
            "log          4 KiB, 100 GiB free on its disk; NO ROOM FOR MORE, messages are refused",
            "backup       1 h 58 min ago",
            "certificate  ends in 9 d 21 h",
            "threads      2, busy for 5.0 % of the time",
        ] {
            assert!(screen.lines().any(|shown| shown == line), "{line} in\n{screen}");
        }
        assert!(!screen.contains("fell behind"), "{screen}");
    }

    #[test]
    fn what_others_serve_is_none_of_ours() {
        assert!(Figures::parse("<html>\nnode_load1 0.5\n").is_none_of_ours());
        assert!(!Figures::parse(METRICS).is_none_of_ours());
    }
}

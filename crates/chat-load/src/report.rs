//! What a run found, for people and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::args::WindowBy;
use crate::latency::Percentiles;
use crate::target::Kind;
use crate::tracker::Faults;
use crate::usage::Usage;

/// One run's result.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) mode: &'static str,
    pub(crate) target: Kind,
    pub(crate) members: usize,
    pub(crate) senders: usize,
    pub(crate) size: usize,
    /// Of a fan-out: when a message left its sender's window.
    pub(crate) window_by: Option<WindowBy>,
    /// Of the measured part.
    pub(crate) seconds: f64,
    pub(crate) messages: u64,
    pub(crate) deliveries: u64,
    /// Deliveries that one read of this program brought: how well the server, and the kernel, put them together.
    pub(crate) deliveries_per_read: f64,
    pub(crate) server_cpu_seconds: Option<f64>,
    pub(crate) server_cpu_seconds_per_million: Option<f64>,
    /// The share of a core that this program used.
    pub(crate) generator_cpu: f64,
    /// The run shows how fast this program is, not the server.
    pub(crate) generator_limited: bool,
    pub(crate) faults: Faults,
    pub(crate) problems: Vec<String>,
    /// Milliseconds from when a message was to be sent to when a receiver had it: all receivers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) each: Option<Percentiles>,
    /// The same to when the last receiver had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Percentiles>,
    /// Milliseconds by which messages were sent late, which is this program's fault and part of the latencies above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lag: Option<Percentiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idle: Option<IdleFound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storm: Option<StormFound>,
}

/// What connections that do nothing cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct IdleFound {
    pub(crate) resident_before: u64,
    pub(crate) resident_after: u64,
    pub(crate) bytes_per_connection: f64,
}

/// How a storm of joins went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct StormFound {
    /// Seconds from the first connect to the last one's being in.
    pub(crate) all_in_seconds: f64,
    /// Lines that the server sent, until nothing more came.
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    /// Connects that the kernel dropped meanwhile, of all listeners; `None` where it doesn't tell.
    pub(crate) listen_overflows: Option<u64>,
    pub(crate) listen_drops: Option<u64>,
}

impl Report {
    pub(crate) fn new(mode: &'static str, target: Kind, members: usize, senders: usize, size: usize) -> Self {
        Self {
            mode,
            target,
            members,
            senders,
            size,
            window_by: None,
            seconds: 0.0,
            messages: 0,
            deliveries: 0,
            deliveries_per_read: 0.0,
            server_cpu_seconds: None,
            server_cpu_seconds_per_million: None,
            generator_cpu: 0.0,
            generator_limited: false,
            faults: Faults::default(),
            problems: Vec::new(),
            each: None,
            last: None,
            lag: None,
            idle: None,
            storm: None,
        }
    }

    /// Takes in what the measured part cost, in which there were so many messages and deliveries.
    pub(crate) fn cost(&mut self, usage: &Usage, messages: u64, deliveries: u64) {
        self.seconds = usage.seconds;
        self.messages = messages;
        self.deliveries = deliveries;
        self.server_cpu_seconds = usage.server;
        self.server_cpu_seconds_per_million =
            usage.server.filter(|_| deliveries > 0).map(|cpu| cpu * 1e6 / deliveries as f64);
        self.generator_cpu = usage.own_share;
        self.generator_limited = usage.generator_limited();
    }

    pub(crate) fn messages_per_second(&self) -> f64 {
        self.messages as f64 / self.seconds.max(1e-9)
    }

    pub(crate) fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.seconds.max(1e-9)
    }

    /// Whether it is a result at all.
    pub(crate) const fn is_valid(&self) -> bool {
        !self.faults.any()
    }

    /// The result for a person.
    pub(crate) fn text(&self) -> String {
        let Self { mode, members, senders, .. } = self;
        let mut out = format!("{mode} on {}: {members} members, {senders} senders\n", self.target.name());
        for line in [self.traffic(), self.cpu(), self.latencies(), self.memory(), self.joins(), self.generator()] {
            out.extend(line);
        }
        if !self.is_valid() {
            self.faults(&mut out);
        }
        out
    }

    fn traffic(&self) -> Option<String> {
        (self.deliveries > 0).then(|| {
            format!(
                "  {} messages of {} bytes, {} deliveries in {:.2} s: {:.0} messages/s, {:.2} M deliveries/s\n",
                self.messages,
                self.size,
                self.deliveries,
                self.seconds,
                self.messages_per_second(),
                self.deliveries_per_second() / 1e6,
            )
        })
    }

    fn cpu(&self) -> Option<String> {
        let per = self.server_cpu_seconds_per_million.map(|per| format!("; {per:.4} s per million deliveries"));
        Some(format!("  server: {:.2} CPU seconds{}\n", self.server_cpu_seconds?, per.unwrap_or_default()))
    }

    fn latencies(&self) -> Option<String> {
        let all = [("each delivery", &self.each), ("the last member", &self.last), ("sent late by", &self.lag)];
        let shown = all.iter().filter_map(|(what, percentiles)| {
            let p = percentiles.as_ref()?;
            Some(format!(
                "  {what:16} ms: median {:.3}, 90 % {:.3}, 99 % {:.3}, 99.9 % {:.3}, worst {:.3}\n",
                p.p50, p.p90, p.p99, p.p999, p.max
            ))
        });
        Some(shown.collect())
    }

    fn memory(&self) -> Option<String> {
        let IdleFound { resident_before, resident_after, bytes_per_connection } = self.idle?;
        let (before, after) = (resident_before / 1024, resident_after / 1024);
        Some(format!(
            "  resident: {before} KiB before, {after} KiB after, {bytes_per_connection:.0} bytes per connection\n"
        ))
    }

    fn joins(&self) -> Option<String> {
        let StormFound { all_in_seconds, lines, bytes, listen_overflows, listen_drops } = self.storm?;
        let shown = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
        let (overflows, drops) = (shown(listen_overflows), shown(listen_drops));
        Some(format!(
            "  all in after {all_in_seconds:.3} s; {lines} lines, {bytes} bytes; ListenOverflows {overflows}, ListenDrops {drops}\n"
        ))
    }

    fn generator(&self) -> Option<String> {
        let (share, per_read) = (self.generator_cpu * 100.0, self.deliveries_per_read);
        let mut line = format!("  generator: {share:.0} % of a core, {per_read:.1} deliveries a read\n");
        if self.generator_limited {
            line.push_str("  The generator was the limit: the time says nothing about the server, its CPU does.\n");
        }
        Some(line)
    }

    fn faults(&self, out: &mut String) {
        let f = &self.faults;
        let _ = writeln!(
            out,
            "  NO RESULT: {} missing, {} repeated, {} out of order, {} connections closed, {} refusals",
            f.gaps, f.repeats, f.disorder, f.closed, f.refused
        );
        for problem in &self.problems {
            let _ = writeln!(out, "    {problem}");
        }
    }
}

//! What a run found, for people and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

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
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        let Self { mode, members, senders, .. } = self;
        let _ = writeln!(out, "{mode} on {}: {members} members, {senders} senders", self.target.name());
        if self.deliveries > 0 {
            let _ = writeln!(
                out,
                "  {} messages of {} bytes, {} deliveries in {:.2} s: {:.0} messages/s, {:.2} M deliveries/s",
                self.messages,
                self.size,
                self.deliveries,
                self.seconds,
                self.messages_per_second(),
                self.deliveries_per_second() / 1e6,
            );
        }
        if let Some(cpu) = self.server_cpu_seconds {
            let per = self.server_cpu_seconds_per_million.map(|per| format!("; {per:.4} s per million deliveries"));
            let _ = writeln!(out, "  server: {cpu:.2} CPU seconds{}", per.unwrap_or_default());
        }
        for (what, percentiles) in
            [("each delivery", &self.each), ("the last member", &self.last), ("sent late by", &self.lag)]
        {
            if let Some(p) = percentiles {
                let _ = writeln!(
                    out,
                    "  {what:16} ms: median {:.3}, 90 % {:.3}, 99 % {:.3}, 99.9 % {:.3}, worst {:.3}",
                    p.p50, p.p90, p.p99, p.p999, p.max
                );
            }
        }
        if let Some(idle) = &self.idle {
            let _ = writeln!(
                out,
                "  resident: {} KiB before, {} KiB after, {:.0} bytes per connection",
                idle.resident_before / 1024,
                idle.resident_after / 1024,
                idle.bytes_per_connection
            );
        }
        if let Some(storm) = &self.storm {
            let shown = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
            let _ = writeln!(
                out,
                "  all in after {:.3} s; {} lines, {} bytes; ListenOverflows {}, ListenDrops {}",
                storm.all_in_seconds,
                storm.lines,
                storm.bytes,
                shown(storm.listen_overflows),
                shown(storm.listen_drops)
            );
        }
        let _ = writeln!(
            out,
            "  generator: {:.0} % of a core, {:.1} deliveries a read",
            self.generator_cpu * 100.0,
            self.deliveries_per_read
        );
        if self.generator_limited {
            out.push_str("  The generator was the limit: the time says nothing about the server, its CPU does.\n");
        }
        if !self.is_valid() {
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
}

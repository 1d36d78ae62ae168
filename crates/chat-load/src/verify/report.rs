//! What the checker found, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::client::Shared;
use super::history::History;
use super::judge::Verdict;
use super::plan::Counts;
use crate::args::Verify;

/// The result of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) seed: u64,
    pub(crate) durable: bool,
    pub(crate) rooms: u8,
    pub(crate) writers: u16,
    pub(crate) readers: u16,
    pub(crate) seconds: f64,
    pub(crate) kills: u32,
    pub(crate) cuts: u32,
    pub(crate) stalls: u32,
    pub(crate) client_kills: u32,
    pub(crate) stops: u32,
    /// Messages sent at least once.
    pub(crate) attempted: usize,
    pub(crate) acked: usize,
    /// Places that clients got, messages and acks.
    pub(crate) received: usize,
    /// Messages in the final log.
    pub(crate) logged: usize,
    pub(crate) connects: u64,
    /// Reused ids that were refused, as they must be.
    pub(crate) conflicts: u64,
    /// Lines without an end that were sent.
    pub(crate) tails: u64,
    pub(crate) violations: u64,
    /// How often each rule was broken.
    pub(crate) by_rule: BTreeMap<String, u64>,
    /// The first violations.
    pub(crate) shown: Vec<String>,
}

impl Found {
    pub(crate) fn new(
        args: &Verify,
        seed: u64,
        counts: Counts,
        seconds: f64,
        shared: &Shared,
        history: &History,
        verdict: Verdict,
    ) -> Self {
        let Counts { kills, cuts, stalls, client_kills, stops } = counts;
        Self {
            seed,
            durable: !args.ephemeral,
            rooms: args.rooms,
            writers: args.writers,
            readers: args.readers,
            seconds,
            kills,
            cuts,
            stalls,
            client_kills,
            stops,
            attempted: history.attempts.len(),
            acked: history.acks.len(),
            received: history.streams.iter().map(|stream| stream.receipts.len()).sum(),
            logged: history.log.iter().map(Vec::len).sum(),
            connects: shared.connects.load(Ordering::Relaxed),
            conflicts: shared.conflicts.load(Ordering::Relaxed),
            tails: shared.tails.load(Ordering::Relaxed),
            violations: verdict.violations,
            by_rule: verdict.by_rule.iter().map(|(rule, count)| (format!("{rule:?}"), *count)).collect(),
            shown: verdict.shown,
        }
    }

    pub(crate) const fn is_good(&self) -> bool {
        self.violations == 0
    }

    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let Self { seed, rooms, writers, readers, seconds, .. } = self;
        let log = if self.durable { "durable" } else { "in memory" };
        let _ = writeln!(
            out,
            "verify, {log}, seed {seed}: {rooms} rooms, {writers} writers, {readers} readers, {seconds:.1} s"
        );
        let _ = writeln!(
            out,
            "  {} server kills, {} server stops, {} cuts, {} stalls, {} client kills; {} connections",
            self.kills, self.stops, self.cuts, self.stalls, self.client_kills, self.connects
        );
        let _ = writeln!(
            out,
            "  {} messages attempted, {} acked, {} in the log, {} receipts; {} reused ids refused, {} unended lines sent",
            self.attempted, self.acked, self.logged, self.received, self.conflicts, self.tails
        );
        let _ = writeln!(out, "  {} violations", self.violations);
        for (rule, count) in &self.by_rule {
            let _ = writeln!(out, "    {rule}: {count}");
        }
        for words in &self.shown {
            let _ = writeln!(out, "    {words}");
        }
        out
    }
}

//! Everybody comes back at once, far behind: a server with many members was started again.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chat_protocol::json;
use chat_protocol::message::ServerMessage;
use serde::Serialize;

use crate::Outcome;
use crate::args::Resume;
use crate::latency::{Latency, Percentiles};
use crate::proc::{peak_resident_bytes, resident_bytes};
use crate::progress::Progress;
use crate::random::{Random, fresh_seed};
use crate::stamp::Stamp;
use crate::swarm::{Handler, Swarm};
use crate::target::{Kind, Target};
use crate::usage::Mark;
use crate::wire::{Item, Scanner, Wire};

const ROOM: &str = "load";
/// Messages on their way while the room is filled.
const WINDOW: u64 = 64;
/// Nobody's position is the same as his neighbour's when a server dies: they differ by up to so many messages.
const SPREAD: u64 = 500;
/// Nanoseconds between two messages that are said meanwhile.
const PACE: u64 = 50_000_000;
/// Nanoseconds after which those who aren't live yet are given up.
const PATIENCE: u64 = 120_000_000_000;

/// The result of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Found {
    seed: u64,
    members: usize,
    behind: u64,
    size: usize,
    /// Seconds from the first connect until everybody had what was said before, and what was said meanwhile.
    live_seconds: f64,
    /// Milliseconds from the first connect until a member had what was said before.
    each: Option<Percentiles>,
    deliveries: u64,
    bytes: u64,
    server_cpu_seconds: Option<f64>,
    resident_before: Option<u64>,
    resident_peak: Option<u64>,
    generator_cpu: f64,
    gaps: u64,
    repeats: u64,
    closed: u64,
    refused: u64,
}

/// Where everybody stands.
struct Members {
    /// By connection: the seq that comes next.
    next: Vec<u64>,
    /// The newest seq when they came back.
    head: u64,
    /// The newest seq that they are to get.
    last: u64,
    came_back: usize,
    has_all: usize,
    times: Latency,
    found: Found,
}

/// Runs it and prints what it found.
pub(crate) fn run(args: &Resume) -> anyhow::Result<Outcome> {
    let found = resume(args, &Progress::new())?;
    if args.json {
        println!("{}", serde_json::to_string(&found)?);
    } else {
        print!("{}", found.text());
    }
    Ok(if found.is_good() { Outcome::Valid } else { Outcome::Invalid })
}

fn resume(args: &Resume, progress: &Progress) -> anyhow::Result<Found> {
    let folder = tempfile::tempdir().context("can't make a folder for the log")?;
    let start = || Target::spawn_on(Kind::ChatDurable, args.program.as_deref(), Some(folder.path()));
    let scanner = Scanner::new(Wire::Json, ROOM, args.size);
    let seed = args.seed.unwrap_or_else(fresh_seed);
    let head = args.behind + SPREAD;
    let log = {
        let server = start()?;
        progress.phase("filling the room", head);
        fill(server.address, &scanner, head, progress)?;
        log_name(server.address)?
    };
    let server = start()?;
    let found = Found {
        seed,
        members: args.members,
        behind: args.behind,
        size: args.size,
        resident_before: server.pid.and_then(resident_bytes),
        ..Found::default()
    };
    let mut random = Random::new(seed);
    let mut members = Members {
        next: (0..args.members).map(|_| random.below(SPREAD) + 1).collect(),
        head,
        last: u64::MAX,
        came_back: 0,
        has_all: 0,
        times: Latency::default(),
        found,
    };
    progress.phase("coming back", args.members as u64);
    let mark = Mark::now(server.pid);
    let swarm = members.come_back(server.address, &scanner, &log, progress)?;
    let usage = mark.usage(server.pid);
    let Members { mut found, times, .. } = members;
    found.live_seconds = usage.seconds;
    found.each = times.percentiles();
    found.server_cpu_seconds = usage.server;
    found.generator_cpu = usage.own_share;
    found.resident_peak = server.pid.and_then(peak_resident_bytes);
    found.bytes = swarm.read.bytes;
    Ok(found)
}

impl Members {
    /// Connects all, says something meanwhile and at last, and waits until everybody has everything.
    fn come_back(
        &mut self,
        server: SocketAddr,
        scanner: &Scanner,
        log: &str,
        progress: &Progress,
    ) -> anyhow::Result<Swarm> {
        let mut swarm = Swarm::new(vec![scanner.clone()])?;
        for (member, next) in self.next.iter().enumerate() {
            let (alias, after) = (format!("m{member:05}"), next - 1);
            let hello = format!(
                "{{\"type\":\"hello\",\"alias\":\"{alias}\",\"log\":\"{log}\",\"rooms\":[{{\"room\":\"{ROOM}\",\"after\":{after}}}]}}\n"
            );
            swarm.connect(server, 0, hello.into_bytes())?;
        }
        let speaker = swarm.connect(server, 0, scanner.hello("s00001", false))?;
        let (mut said, mut due) = (0, swarm.now() + PACE);
        while self.has_all < self.next.len() {
            let now = swarm.now();
            if now > PATIENCE || self.found.closed > 0 {
                break;
            }
            // The last one is said when all are back: that it arrives is what being live means.
            let is_last = self.came_back == self.next.len();
            if self.last == u64::MAX && (is_last || now >= due) {
                let mut bytes = Vec::new();
                scanner.say(&mut bytes, Stamp { sender: 1, number: said });
                swarm.send(speaker, &bytes);
                said += 1;
                due += PACE;
                if is_last {
                    self.last = self.head + u64::from(said);
                    self.has_all = self.next.iter().filter(|next| **next > self.last).count();
                }
            }
            swarm.turn(due.max(now + PACE / 10), self)?;
            progress.at(self.came_back as u64);
        }
        let missing = self.next.len() - self.has_all;
        if missing > 0 {
            bail!("{missing} of {} members never came to the end: {:?}", self.next.len(), self.found);
        }
        Ok(swarm)
    }
}

impl Handler for Members {
    fn item(&mut self, connection: usize, item: Item<'_>, at: u64) {
        // The speaker listens to nobody.
        let Some(next) = self.next.get_mut(connection) else { return };
        match item {
            Item::Delivery { seq: Some(seq), .. } => {
                self.found.deliveries += 1;
                if seq < *next {
                    self.found.repeats += 1;
                    return;
                }
                self.found.gaps += seq - *next;
                let before = std::mem::replace(next, seq + 1);
                if before <= self.head && seq >= self.head {
                    self.came_back += 1;
                    self.times.record(at);
                }
                self.has_all += usize::from(before <= self.last && seq >= self.last);
            }
            Item::Gap => self.found.gaps += 1,
            Item::Refused(_) => self.found.refused += 1,
            _ => {}
        }
    }

    fn closed(&mut self, _connection: usize) {
        self.found.closed += 1;
    }
}

impl Found {
    const fn is_good(&self) -> bool {
        self.gaps + self.repeats + self.closed + self.refused == 0
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let mib = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), |bytes| (bytes >> 20).to_string());
        let _ = writeln!(
            out,
            "resume, seed {}: {} members, {} messages of {} bytes behind, on a server started anew",
            self.seed, self.members, self.behind, self.size
        );
        let _ = writeln!(
            out,
            "  all live after {:.2} s; {} deliveries, {} MB",
            self.live_seconds,
            self.deliveries,
            self.bytes / 1_000_000
        );
        if let Some(p) = &self.each {
            let _ = writeln!(
                out,
                "  a member back after: median {:.0} ms, 99 % {:.0} ms, worst {:.0} ms",
                p.p50, p.p99, p.max
            );
        }
        let _ = writeln!(
            out,
            "  server: {:.2} CPU seconds; resident {} MiB before, {} MiB at most; generator: {:.0} % of a core",
            self.server_cpu_seconds.unwrap_or_default(),
            mib(self.resident_before),
            mib(self.resident_peak),
            self.generator_cpu * 100.0
        );
        if !self.is_good() {
            let _ = writeln!(
                out,
                "  NO RESULT: {} missing, {} repeated, {} connections closed, {} refusals",
                self.gaps, self.repeats, self.closed, self.refused
            );
        }
        out
    }
}

/// Acks of the one who fills the room.
#[derive(Default)]
struct Filled {
    ready: bool,
    acked: u64,
    problem: Option<String>,
}

impl Handler for Filled {
    fn item(&mut self, _connection: usize, item: Item<'_>, _at: u64) {
        match item {
            Item::Ready => self.ready = true,
            Item::Ack { .. } => self.acked += 1,
            Item::Refused(words) => self.problem = Some(String::from_utf8_lossy(words).into_owned()),
            _ => {}
        }
    }

    fn closed(&mut self, _connection: usize) {
        self.problem.get_or_insert_with(|| "the server closed".to_owned());
    }
}

/// Says so many messages.
fn fill(server: SocketAddr, scanner: &Scanner, count: u64, progress: &Progress) -> anyhow::Result<()> {
    let mut swarm = Swarm::new(vec![scanner.clone()])?;
    swarm.connect(server, 0, scanner.hello("s00000", true))?;
    let (mut filled, mut said) = (Filled::default(), 0);
    while filled.acked < count {
        let mut bytes = Vec::new();
        while filled.ready && said < count && said < filled.acked + WINDOW {
            scanner.say(&mut bytes, Stamp { sender: 0, number: said as u32 });
            said += 1;
        }
        swarm.send(0, &bytes);
        swarm.turn(swarm.now() + PACE, &mut filled)?;
        progress.at(filled.acked);
        if let Some(problem) = filled.problem {
            bail!("the room can't be filled: {problem}");
        }
    }
    Ok(())
}

/// What the server calls its log, without which no position means anything.
fn log_name(server: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(b"{\"type\":\"hello\",\"alias\":\"s00002\",\"quiet\":true}\n")?;
    for line in BufReader::new(stream).lines() {
        if let Ok(ServerMessage::Welcome { log, .. }) = json::parse_server(&line?) {
            return Ok(log);
        }
    }
    bail!("the server didn't say welcome")
}

//! Everybody connected and in the room, and nothing on its way any more.

use std::io;
use std::net::SocketAddr;

use anyhow::bail;

use crate::progress::Progress;
use crate::random::Random;
use crate::swarm::{Handler, Swarm};
use crate::wire::{Item, Scanner};

/// Connections that are on their way in at once, so that no server's queue of connects runs over.
const AT_ONCE: usize = 100;
/// Nanoseconds without a byte after which everything that was said of the joins has arrived.
const QUIET: u64 = 200 * MILLI;
/// Nanoseconds that getting in may take without anybody making it, and the quiet afterwards in all.
const PATIENCE: u64 = 60_000 * MILLI;
const MILLI: u64 = 1_000_000;

/// Who takes part: members who only listen, and speakers.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) members: usize,
    pub(crate) speakers: usize,
    /// The members are the speakers.
    pub(crate) all_speak: bool,
    pub(crate) listener: Scanner,
    pub(crate) speaker: Scanner,
}

impl Cast {
    pub(crate) const fn connections(&self) -> usize {
        if self.all_speak { self.members } else { self.members + self.speakers }
    }

    /// The connection that a sender speaks on.
    pub(crate) const fn connection_of(&self, sender: usize) -> usize {
        if self.all_speak { sender } else { self.members + sender }
    }

    const fn speaks(&self, connection: usize) -> Option<usize> {
        if self.all_speak { Some(connection) } else { connection.checked_sub(self.members) }
    }

    pub(crate) const fn listens(&self, connection: usize) -> bool {
        connection < self.members || self.speaker.speakers_listen()
    }

    /// Whether a connection is to get the messages of a sender.
    pub(crate) fn is_due(&self, connection: usize, sender: usize) -> bool {
        let own = self.speaks(connection) == Some(sender);
        self.listens(connection) && (!own || self.speaker.echoes())
    }

    /// How many connections are to get each message of a sender.
    pub(crate) fn audience(&self, sender: usize) -> u32 {
        (0..self.connections()).filter(|connection| self.is_due(*connection, sender)).count() as u32
    }
}

/// What came while people got in.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    ready: Vec<bool>,
    pub(crate) count: usize,
    /// When the last one got in, and when the last byte came.
    pub(crate) last_ready: u64,
    last_byte: u64,
    problem: Option<String>,
}

impl Handler for Arrivals {
    fn item(&mut self, connection: usize, item: Item<'_>, at: u64) {
        self.last_byte = at;
        match item {
            Item::Ready => {
                if self.ready.len() <= connection {
                    self.ready.resize(connection + 1, false);
                }
                if !std::mem::replace(&mut self.ready[connection], true) {
                    self.count += 1;
                    self.last_ready = at;
                }
            }
            Item::Refused(words) => self.problem(|| String::from_utf8_lossy(words).into_owned()),
            _ => {}
        }
    }

    fn closed(&mut self, connection: usize) {
        self.problem(|| format!("the server closed connection {connection}"));
    }
}

impl Arrivals {
    fn problem(&mut self, words: impl FnOnce() -> String) {
        self.problem.get_or_insert_with(words);
    }
}

/// Begins to connect all of `cast`, at most `at_once` at a time, and waits until all are in the room.
pub(crate) fn enter(
    swarm: &mut Swarm,
    server: SocketAddr,
    cast: &Cast,
    at_once: usize,
    seed: u64,
    progress: &Progress,
) -> anyhow::Result<Arrivals> {
    let total = cast.connections();
    let mut arrivals = Arrivals::default();
    let mut begun = 0;
    let mark = Random::new(seed).below(36 * 36);
    while arrivals.count < total {
        while begun < total && begun - arrivals.count < at_once {
            let speaks = cast.speaks(begun).is_some();
            let scanner = if speaks { &cast.speaker } else { &cast.listener };
            let hello = scanner.hello(&alias(mark, begun), cast.listens(begun));
            swarm.connect(server, usize::from(speaks), hello)?;
            begun += 1;
        }
        let before = (arrivals.count, swarm.now());
        while arrivals.count == before.0 && arrivals.problem.is_none() {
            if swarm.now() > before.1 + PATIENCE {
                bail!("{} of {total} got in, and for a minute nobody else did", arrivals.count);
            }
            swarm.turn(swarm.now() + 100 * MILLI, &mut arrivals)?;
        }
        if let Some(problem) = arrivals.problem.take() {
            bail!("{} of {total} got in; then: {problem}", arrivals.count);
        }
        progress.at(arrivals.count as u64);
    }
    Ok(arrivals)
}

/// Waits until nothing has come for a while: what the joins caused has been said.
pub(crate) fn settle(swarm: &mut Swarm, arrivals: &mut Arrivals) -> io::Result<()> {
    let begun = swarm.now();
    arrivals.last_byte = arrivals.last_byte.max(begun);
    while swarm.now() < arrivals.last_byte + QUIET && swarm.now() < begun + PATIENCE {
        swarm.turn(arrivals.last_byte + QUIET, arrivals)?;
    }
    Ok(())
}

/// Connects and settles, at the usual pace.
pub(crate) fn assemble(
    server: SocketAddr,
    cast: &Cast,
    seed: u64,
    progress: &Progress,
) -> anyhow::Result<(Swarm, Arrivals)> {
    progress.phase("connecting", cast.connections() as u64);
    let mut swarm = Swarm::new(vec![cast.listener.clone(), cast.speaker.clone()])?;
    let mut arrivals = enter(&mut swarm, server, cast, AT_ONCE, seed, progress)?;
    settle(&mut swarm, &mut arrivals)?;
    Ok((swarm, arrivals))
}

/// Six bytes, others for each of 46,656 connections, and mostly others than in the run before, whose names may still be kept.
fn alias(mark: u64, index: usize) -> String {
    let digit = |value: u64| char::from_digit((value % 36) as u32, 36).unwrap_or('0');
    let index = index as u64;
    ['x', digit(mark / 36), digit(mark), digit(index / 1296), digit(index / 36), digit(index)].iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::wire::Wire;

    fn cast(wire: Wire, all_speak: bool) -> Cast {
        let scanner = Scanner::new(wire, "load", 16);
        Cast {
            members: 10,
            speakers: if all_speak { 10 } else { 2 },
            all_speak,
            listener: scanner.clone(),
            speaker: scanner,
        }
    }

    #[test]
    fn an_audience_is_who_listens_and_did_not_say_it_himself() {
        // In a chat who speaks is a member too.
        assert_eq!(cast(Wire::Json, false).audience(0), 11);
        assert_eq!(cast(Wire::Json, true).audience(3), 9);
        // Publishers of redis and NATS needn't be subscribers.
        assert_eq!(cast(Wire::Redis, false).audience(1), 10);
        assert_eq!(cast(Wire::Redis, true).audience(1), 10);
        assert_eq!(cast(Wire::Nats, false).audience(1), 10);
    }

    #[test]
    fn aliases_have_six_bytes_and_differ() {
        let all: HashSet<_> = (0..20_000).map(|index| alias(1295, index)).collect();
        assert_eq!(all.len(), 20_000);
        assert!(all.iter().all(|alias| alias.len() == 6 && chat_protocol::names::Alias::new(alias).is_ok()));
    }
}

//! Messages on their way: who has sent which, who has still to get it, and how long it took.

use anyhow::bail;

use crate::latency::Latency;
use crate::stage::Cast;
use crate::stamp::Stamp;
use crate::swarm::{Handler, Swarm};
use crate::tracker::{Arrival, Faults, Tracker};
use crate::wire::Item;

/// Nanoseconds without any message arriving after which the rest is given up as lost.
const PATIENCE: u64 = 10_000_000_000;
/// Lines of what went wrong that are kept for the report.
const PROBLEMS: usize = 5;

/// All that a run says and hears.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) cast: Cast,
    pub(crate) tracker: Tracker,
    pub(crate) flights: Vec<Flight>,
    /// What the server said where it refused or said goodbye: the first few.
    pub(crate) problems: Vec<String>,
    pub(crate) times: Option<Times>,
    /// When the last message came.
    last: u64,
}

/// The messages of one sender.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    /// Messages that the server has answered.
    pub(crate) acked: u32,
    /// Messages that everybody has.
    pub(crate) done: u32,
    audience: u32,
    /// For each message, how many haven't got it.
    left: Vec<u32>,
    /// For each message, when it was to be sent.
    intended: Vec<u64>,
}

/// Latencies of an open loop.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// From when a message was to be sent to when a receiver read it: all receivers.
    pub(crate) each: Latency,
    /// The same to when the last receiver had it.
    pub(crate) last: Latency,
    /// How late messages were sent: the generator's own fault.
    pub(crate) lag: Latency,
    /// Messages sent before this moment aren't counted.
    pub(crate) from: u64,
}

impl Flight {
    pub(crate) fn sent(&self) -> u32 {
        self.left.len() as u32
    }
}

impl Load {
    pub(crate) fn new(cast: Cast) -> Self {
        let flight = |sender| Flight { audience: cast.audience(sender), ..Flight::default() };
        Self {
            flights: (0..cast.speakers).map(flight).collect(),
            tracker: Tracker::new(cast.connections(), cast.speakers),
            problems: Vec::new(),
            times: None,
            last: 0,
            cast,
        }
    }

    /// Sends the next `count` messages of a sender, meant to be sent at `intended`.
    pub(crate) fn say(&mut self, swarm: &mut Swarm, sender: usize, count: u32, intended: u64) {
        let mut bytes = Vec::with_capacity(count as usize * 160);
        let flight = &mut self.flights[sender];
        for _ in 0..count {
            let stamp = Stamp { sender: sender as u16, number: flight.sent() };
            self.cast.speaker.say(&mut bytes, stamp);
            flight.left.push(flight.audience);
            flight.intended.push(intended);
        }
        let now = swarm.now();
        if let Some(times) = &mut self.times
            && intended >= times.from
        {
            times.lag.record(now.saturating_sub(intended));
        }
        self.last = self.last.max(now);
        swarm.send(self.cast.connection_of(sender), &bytes);
    }

    /// Whether everybody has everything that was sent, and who is answered was.
    pub(crate) fn is_done(&self) -> bool {
        let acks = self.cast.speaker.acks();
        self.flights.iter().all(|flight| flight.done == flight.sent() && (!acks || flight.acked == flight.sent()))
    }

    pub(crate) fn done(&self) -> u64 {
        self.flights.iter().map(|flight| u64::from(flight.done)).sum()
    }

    pub(crate) fn sent(&self) -> u64 {
        self.flights.iter().map(|flight| u64::from(flight.sent())).sum()
    }

    /// Nothing has come for too long although something is due.
    pub(crate) fn is_stuck(&self, now: u64) -> bool {
        now > self.last + PATIENCE
    }

    /// Waits until everything has arrived, or nothing more does. Whether it has.
    pub(crate) fn drain(&mut self, swarm: &mut Swarm) -> anyhow::Result<bool> {
        while !self.is_done() {
            swarm.turn(swarm.now() + 100_000_000, self)?;
            if self.is_stuck(swarm.now()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts what is still missing, and returns all that went wrong.
    pub(crate) fn finish(&mut self) -> Faults {
        let sent: Vec<_> = self.flights.iter().map(Flight::sent).collect();
        let cast = &self.cast;
        self.tracker.finish(&sent, |connection, sender| cast.is_due(connection, sender));
        self.tracker.faults
    }

    /// Says one message of each sender and waits for it, so that the first measured one meets no cold start.
    pub(crate) fn warm_up(&mut self, swarm: &mut Swarm, messages: u32) -> anyhow::Result<()> {
        for _ in 0..messages {
            for sender in 0..self.cast.speakers {
                let now = swarm.now();
                self.say(swarm, sender, 1, now);
            }
            if !self.drain(swarm)? {
                bail!("the first messages didn't reach everybody: {:?} {:?}", self.finish(), self.problems);
            }
        }
        Ok(())
    }

    fn problem(&mut self, words: &[u8]) {
        self.tracker.faults.refused += 1;
        if self.problems.len() < PROBLEMS {
            self.problems.push(String::from_utf8_lossy(words).into_owned());
        }
    }
}

impl Handler for Load {
    #[inline]
    fn item(&mut self, connection: usize, item: Item<'_>, at: u64) {
        match item {
            Item::Delivery { stamp, seq } => {
                self.last = at;
                if self.tracker.delivery(connection, stamp, seq) == Arrival::Repeat {
                    return;
                }
                let flight = &mut self.flights[usize::from(stamp.sender)];
                let number = stamp.number as usize;
                let Some(left) = flight.left.get_mut(number) else { return };
                *left = left.saturating_sub(1);
                let everybody = *left == 0;
                flight.done += u32::from(everybody);
                if let Some(times) = &mut self.times {
                    let intended = flight.intended[number];
                    if intended >= times.from {
                        times.each.record(at.saturating_sub(intended));
                        if everybody {
                            times.last.record(at.saturating_sub(intended));
                        }
                    }
                }
            }
            Item::Ack { seq } => {
                self.last = at;
                if let Some(seq) = seq {
                    self.tracker.seq(connection, seq);
                }
                let sender =
                    if self.cast.all_speak { Some(connection) } else { connection.checked_sub(self.cast.members) };
                if let Some(flight) = sender.and_then(|sender| self.flights.get_mut(sender)) {
                    flight.acked = (flight.acked + 1).min(flight.sent());
                }
            }
            Item::Refused(words) => self.problem(words),
            // What is left out is found missing; a server that says so is no better than one that doesn't.
            Item::Gap | Item::Ready | Item::Ping(_) | Item::Other => {}
        }
    }

    fn closed(&mut self, connection: usize) {
        self.tracker.faults.closed += 1;
        if self.problems.len() < PROBLEMS {
            self.problems.push(format!("the server closed connection {connection}"));
        }
    }
}

//! What a run cost: time, and the CPU of the server and of this program.

use std::time::Instant;

use crate::proc;

/// The generator's share of a core from which on it is taken to be the limit.
const BUSY: f64 = 0.9;

/// A moment's readings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    at: Instant,
    server: Option<f64>,
    own: Option<f64>,
}

/// What was used between two moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    pub(crate) seconds: f64,
    /// CPU seconds of the server; `None` where its pid isn't known.
    pub(crate) server: Option<f64>,
    /// The share of one core that this program used.
    pub(crate) own_share: f64,
}

impl Mark {
    pub(crate) fn now(server: Option<u32>) -> Self {
        Self { at: Instant::now(), server: server.and_then(proc::cpu_seconds), own: proc::own_cpu_seconds() }
    }

    pub(crate) fn usage(&self, server: Option<u32>) -> Usage {
        let now = Self::now(server);
        let seconds = now.at.duration_since(self.at).as_secs_f64();
        let own = now.own.zip(self.own).map_or(0.0, |(now, then)| now - then);
        Usage {
            seconds,
            server: now.server.zip(self.server).map(|(now, then)| now - then),
            own_share: own / seconds.max(1e-9),
        }
    }
}

impl Usage {
    /// Whether the run shows how fast this program is, and not the server.
    pub(crate) fn generator_limited(&self) -> bool {
        self.own_share >= BUSY
    }
}

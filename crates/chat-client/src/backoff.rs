//! How long to wait before the next try.

use std::time::Duration;

use crate::id::random;
use crate::limits::{FIRST_PAUSE, LONGEST_ASKED_PAUSE, LONGEST_PAUSE};

/// Pauses that double from `FIRST_PAUSE` to `LONGEST_PAUSE`, each shortened by up to a half at random: a thousand clients that
/// lost the same server must not come back in the same moment.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The next pause, no shorter than the one the server asked for.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Duration {
        self.next_with(asked, random())
    }

    pub(crate) const fn reset(&mut self) {
        self.tries = 0;
    }

    fn next_with(&mut self, asked: Option<Duration>, random: u64) -> Duration {
        let full = FIRST_PAUSE.saturating_mul(1 << self.tries.min(16)).min(LONGEST_PAUSE);
        self.tries += 1;
        // The upper 32 bits as a fraction of 1.
        let half = full / 2;
        let part = Duration::from_secs_f64(half.as_secs_f64() * (random >> 32) as f64 / f64::from(u32::MAX));
        match asked {
            Some(asked) => asked.min(LONGEST_ASKED_PAUSE) + part,
            None => half + part,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..9).map(|_| backoff.next_with(None, u64::MAX).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        backoff.reset();
        assert_eq!(backoff.next_with(None, 0).as_millis(), 250, "the shortest is half of it");
        for _ in 0..100 {
            assert!(backoff.next(None) <= LONGEST_PAUSE);
        }
    }

    #[test]
    fn a_server_that_asks_for_a_pause_gets_it() {
        let mut backoff = Backoff::default();
        let asked = Some(Duration::from_secs(7));
        assert_eq!(backoff.next_with(asked, 0), Duration::from_secs(7));
        assert!(backoff.next_with(asked, u64::MAX) > Duration::from_secs(7));
        assert!(backoff.next_with(Some(Duration::MAX), 0) <= LONGEST_ASKED_PAUSE);
    }
}

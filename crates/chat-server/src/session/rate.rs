//! How fast a session is read.

use tokio::time::Instant;

use crate::limits::BURST;

/// A token bucket: a line costs one, and they come back at the rate.
#[derive(Debug)]
pub(super) struct Rate {
    tokens: f64,
    at: Instant,
    a_second: f64,
}

impl Rate {
    /// A full bucket that refills at so many a second; 0 is no limit.
    pub(super) fn new(a_second: u32) -> Self {
        Self { tokens: f64::from(BURST), at: Instant::now(), a_second: f64::from(a_second) }
    }

    pub(super) fn spend(&mut self) {
        if self.a_second > 0.0 {
            let now = Instant::now();
            let refill = now.duration_since(self.at).as_secs_f64() * self.a_second;
            self.tokens = (self.tokens + refill).min(f64::from(BURST)) - 1.0;
            self.at = now;
        }
    }

    /// Until when nothing more is read; `None` where more may be read now.
    pub(super) fn pause(&self) -> Option<Instant> {
        if self.tokens >= 0.0 {
            return None;
        }
        let until = self.at + std::time::Duration::from_secs_f64(-self.tokens / self.a_second);
        (until > Instant::now()).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paste_passes_at_once_and_then_the_rate_counts() {
        let mut rate = Rate::new(20);
        for _ in 0..BURST {
            assert_eq!(rate.pause(), None);
            rate.spend();
        }
        rate.spend();
        let wait = rate.pause().expect("a pause") - Instant::now();
        assert_eq!(wait, Duration::from_millis(50));
        tokio::time::advance(wait).await;
        assert_eq!(rate.pause(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn zero_is_no_limit() {
        let mut rate = Rate::new(0);
        (0..10 * BURST).for_each(|_| rate.spend());
        assert_eq!(rate.pause(), None);
    }
}

//! How fast a session is read.

use tokio::time::Instant;

use crate::limits::BURST;

/// A token bucket: a line costs one, and they come back at the rate.
#[derive(Debug)]
pub(super) struct Rate {
    tokens: f64,
    at: Instant,
    a_second: f64,
    /// Whoever sends was told that he is read more slowly.
    told: bool,
}

impl Rate {
    /// A full bucket that refills at so many a second; 0 is no limit.
    pub(super) fn new(a_second: u32) -> Self {
        Self { tokens: f64::from(BURST), at: Instant::now(), a_second: f64::from(a_second), told: false }
    }

    pub(super) fn spend(&mut self) {
        if self.a_second > 0.0 {
            let now = Instant::now();
            let refill = now.duration_since(self.at).as_secs_f64() * self.a_second;
            let tokens = (self.tokens + refill).min(f64::from(BURST));
            self.told &= tokens < f64::from(BURST / 2);
            self.tokens = tokens - 1.0;
            self.at = now;
        }
    }

    /// Whether the pause is one to be told of: the first, until half of the burst has come back.
    pub(super) const fn is_news(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
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
    async fn a_slowdown_is_news_once() {
        let mut rate = Rate::new(20);
        let mut news = 0;
        for _ in 0..2 * BURST {
            rate.spend();
            if let Some(until) = rate.pause() {
                news += u32::from(rate.is_news());
                tokio::time::sleep_until(until).await;
            }
        }
        assert_eq!(news, 1, "whoever goes on so knows it");
        tokio::time::advance(Duration::from_secs(10)).await;
        (0..=BURST).for_each(|_| rate.spend());
        assert!(rate.is_news(), "another one");
    }

    #[tokio::test(start_paused = true)]
    async fn zero_is_no_limit() {
        let mut rate = Rate::new(0);
        (0..10 * BURST).for_each(|_| rate.spend());
        assert_eq!(rate.pause(), None);
    }
}

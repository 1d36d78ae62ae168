//! A clock that is set by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chat_server::Clock;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time of a test. Clones share it.
#[derive(Clone, Debug)]
pub struct TestClock {
    millis: Arc<AtomicI64>,
    zone: TimeZone,
}

impl TestClock {
    /// Stands still at `now` (RFC 3339), in a place that is an hour east of UTC all year.
    #[must_use]
    pub fn at(now: &str) -> Self {
        Self::in_zone(now, TimeZone::fixed(jiff::tz::offset(1)))
    }

    /// Stands still at `now`, where summer time begins and ends as in most of Europe.
    #[must_use]
    pub fn european(now: &str) -> Self {
        Self::in_zone(now, TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone"))
    }

    fn in_zone(now: &str, zone: TimeZone) -> Self {
        let clock = Self { millis: Arc::default(), zone };
        clock.set(now);
        clock
    }

    /// Moves it to `now` (RFC 3339).
    pub fn set(&self, now: &str) {
        let now: Timestamp = now.parse().expect("a timestamp");
        self.millis.store(now.as_millisecond(), Ordering::SeqCst);
    }

    /// What a server takes.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.millis);
        let now = move || Timestamp::from_millisecond(millis.load(Ordering::SeqCst)).expect("a timestamp");
        Clock::new(now, self.zone.clone())
    }
}

impl Default for TestClock {
    /// 2026-11-22, 12:03:22.120 where people are.
    fn default() -> Self {
        Self::at("2026-11-22T11:03:22.120Z")
    }
}

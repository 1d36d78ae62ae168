//! What time it is, and how it is shown.

use std::fmt;
use std::sync::Arc;

use chat_protocol::value::Time;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

/// The clock that stamps messages and the zone in which the text dialect shows times.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    zone: TimeZone,
}

impl Clock {
    /// The system's clock and zone.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Timestamp::now, TimeZone::system())
    }

    /// A clock of one's own.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static, zone: TimeZone) -> Self {
        Self { now: Arc::new(now), zone }
    }

    pub(crate) fn now(&self) -> Time {
        (self.now)().into()
    }

    pub(crate) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub(crate) fn date(&self, time: Time) -> Date {
        chat_protocol::text::render::date(time, &self.zone)
    }

    pub(crate) fn offset(&self, time: Time) -> Offset {
        self.zone.to_offset(time.timestamp())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("zone", &self.zone).finish_non_exhaustive()
    }
}

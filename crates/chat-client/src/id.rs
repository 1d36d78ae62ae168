//! Ids of requests: no two are the same, neither of one client nor of two that share a session one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use chat_protocol::value::MessageId;

/// Makes ids: 128 random bits for each start of a client, and a counter. Clones share both.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    start: Arc<str>,
    next: Arc<AtomicU64>,
}

impl Ids {
    pub(crate) fn new() -> Self {
        let start = format!("{:016x}{:016x}-", random(), random());
        Self { start: start.into(), next: Arc::new(AtomicU64::new(1)) }
    }

    pub(crate) fn next(&self) -> MessageId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        #[expect(clippy::expect_used, reason = "33 bytes and a number of at most 20 digits are within 1 to 64")]
        MessageId::new(format!("{}{number}", self.start)).expect("a valid id")
    }
}

/// 64 random bits. A system that gives none gets the clock's and the process's: an id needs to be unlike others, not secret.
pub(crate) fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
        (u64::from(std::process::id()) << 32) ^ u64::from(nanos)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_within_a_start_and_between_two() {
        let (one, other) = (Ids::new(), Ids::new());
        let clone = one.clone();
        let ids = [one.next(), clone.next(), one.next(), other.next()];
        let mut unique = ids.to_vec();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), ids.len(), "{ids:?}");
    }
}

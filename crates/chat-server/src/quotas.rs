//! What one creator may take of what is everybody's: rooms, and the log's room. Counted by the day, as both stay when he has left.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{QUOTA_DAY, QUOTAS_TRACKED};
use crate::log::AuthorId;

/// Whom something is counted for: names are changed at will, addresses and accounts aren't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Creator {
    /// All guests of an address (IPv6: of a /64).
    Guests(IpAddr),
    Account(AuthorId),
}

/// What was taken of late.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    /// Rooms that were made.
    pub(crate) rooms: Quota,
    /// Bytes that were said.
    pub(crate) bytes: Quota,
}

/// How much of one thing each has taken, since when.
#[derive(Debug, Default)]
pub(crate) struct Quota(Mutex<HashMap<Creator, (Instant, u64)>>);

impl Quota {
    /// Takes so much, where that makes no more than `most` in a day; else how long it is until there is more.
    pub(crate) fn take(&self, creator: Creator, amount: u64, most: u64) -> Result<(), Duration> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= QUOTAS_TRACKED && !taken.contains_key(&creator) {
            taken.retain(|_, (since, _)| since.elapsed() < QUOTA_DAY);
            if taken.len() >= QUOTAS_TRACKED {
                // Of so many creators none is the one that fills the house.
                taken.clear();
            }
        }
        let (since, sum) = taken.entry(creator).or_insert_with(|| (Instant::now(), 0));
        if since.elapsed() >= QUOTA_DAY {
            (*since, *sum) = (Instant::now(), 0);
        }
        let wanted = sum.saturating_add(amount);
        if wanted > most {
            return Err(QUOTA_DAY.saturating_sub(since.elapsed()));
        }
        *sum = wanted;
        Ok(())
    }

    /// Gives back what was taken and not used.
    pub(crate) fn give_back(&self, creator: Creator, amount: u64) {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sum)) = taken.get_mut(&creator) {
            *sum = sum.saturating_sub(amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn guests(n: u32) -> Creator {
        Creator::Guests(IpAddr::V4(n.into()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_has_so_much_for_each() {
        let quota = Quota::default();
        quota.take(guests(1), 60, 100).expect("there is enough");
        advance(QUOTA_DAY / 2).await;
        assert_eq!(quota.take(guests(1), 60, 100), Err(QUOTA_DAY / 2));
        quota.take(guests(1), 40, 100).expect("what was refused didn't count");
        quota.take(guests(2), 100, 100).expect("somebody else");
        quota.give_back(guests(1), 10);
        quota.take(guests(1), 10, 100).expect("given back");
        advance(QUOTA_DAY / 2).await;
        quota.take(guests(1), 100, 100).expect("the next day");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let quota = Quota::default();
        for n in 0..3 * QUOTAS_TRACKED as u32 {
            quota.take(guests(n), 1, 1).expect("each has his own");
        }
        assert!(quota.0.lock().expect("a lock").len() <= QUOTAS_TRACKED);
    }
}

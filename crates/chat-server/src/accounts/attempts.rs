//! How long whoever tries passwords has to wait: longer and longer, and nobody for ever.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{
    ATTEMPTS_FREE, ATTEMPTS_MEMORY, ATTEMPTS_TRACKED, MAX_ADDRESS_DELAY, MAX_ALIAS_DELAY, OWNERS_MEMORY,
    REGISTRATIONS_FREE,
};

/// The attempts of late, by address and by alias.
#[derive(Debug)]
pub(super) struct Attempts {
    addresses: Recent<IpAddr>,
    aliases: Recent<Box<str>>,
    /// Those at an alias from where its owner has come in before: what his neighbours guess at others is not counted there.
    owners: Recent<(IpAddr, Box<str>)>,
    registrations: Recent<IpAddr>,
}

/// An attempt would have to wait for longer than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    pub(super) retry_after: Duration,
}

/// What is known of one address or alias.
#[derive(Clone, Copy, Debug)]
struct Count {
    attempts: u32,
    /// When the next may be made.
    next: Instant,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            addresses: Recent::new(ATTEMPTS_MEMORY),
            aliases: Recent::new(ATTEMPTS_MEMORY),
            owners: Recent::new(OWNERS_MEMORY),
            registrations: Recent::new(ATTEMPTS_MEMORY),
        }
    }

    /// Counts an attempt as one that failed, and returns how long it has to wait. One that would wait for longer than `most`
    /// isn't made and isn't counted.
    ///
    /// Counted before its outcome is known: whoever makes many connections makes many attempts at once, and whoever
    /// hangs up has guessed all the same. Those from one address stand in a queue. Those at one alias don't, as others
    /// could make that queue so long that its owner never came in; and for the same reason whoever comes from where the
    /// owner came in before stands in another queue than his neighbours behind one router.
    pub(super) fn begin(&mut self, address: Option<IpAddr>, alias: &str, most: Duration) -> Result<Duration, TooMany> {
        let of_alias = self.aliases.get(alias).map_or(0, |count| count.attempts);
        let of_alias = delay(of_alias, ATTEMPTS_FREE, MAX_ALIAS_DELAY);
        let of_address = match address {
            Some(address) => {
                let owner = (address, alias.into());
                match self.owners.get(&owner).is_some() {
                    true => self.owners.take_turn(owner, ATTEMPTS_FREE, most)?,
                    false => self.addresses.take_turn(address, ATTEMPTS_FREE, most)?,
                }
            }
            None => Duration::ZERO,
        };
        let _ = self.aliases.take_turn(alias.into(), u32::MAX, Duration::MAX);
        Ok(of_alias.max(of_address))
    }

    /// The attempt was the owner's. Other failures of his address stay counted: an account of one's own must not pay for guesses at others'.
    pub(super) fn succeeded(&mut self, address: Option<IpAddr>, alias: &str) {
        self.aliases.forget(alias);
        let Some(address) = address else { return };
        let owner = (address, alias.into());
        let is_known = self.owners.get(&owner).is_some();
        self.owners.clear(owner);
        if let Some(count) = self.addresses.get(&address).filter(|_| !is_known) {
            count.attempts = count.attempts.saturating_sub(1);
            count.next = count.next.min(Instant::now() + delay(count.attempts, ATTEMPTS_FREE, MAX_ADDRESS_DELAY));
        }
    }

    /// The same for an account that is to be made or changed, which costs as much work.
    pub(super) fn register(&mut self, address: IpAddr, most: Duration) -> Result<Duration, TooMany> {
        self.registrations.take_turn(address, REGISTRATIONS_FREE, most)
    }
}

/// No wait for the first few, which may be slips; then one second, twice as long each time.
fn delay(attempts: u32, free: u32, most: Duration) -> Duration {
    match attempts.checked_sub(free) {
        None => Duration::ZERO,
        Some(beyond) => Duration::from_secs(1 << beyond.min(16)).min(most),
    }
}

/// A map that forgets: what wasn't touched for one to two of its periods, and the older half when it is full.
#[derive(Debug)]
struct Recent<K> {
    young: HashMap<K, Count>,
    old: HashMap<K, Count>,
    since: Instant,
    period: Duration,
}

impl<K: Hash + Eq> Recent<K> {
    fn new(period: Duration) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), since: Instant::now(), period }
    }

    fn turn(&mut self) {
        let age = self.since.elapsed();
        if age >= self.period || self.young.len() >= ATTEMPTS_TRACKED {
            self.old = std::mem::take(&mut self.young);
            self.since = Instant::now();
        }
        if age >= 2 * self.period {
            self.old = HashMap::new();
        }
    }

    fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut Count>
    where
        K: Borrow<Q>,
    {
        self.turn();
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    /// Counts one more; how long it waits for its turn. The turn after it comes later the more there were.
    fn take_turn(&mut self, key: K, free: u32, most: Duration) -> Result<Duration, TooMany> {
        let now = Instant::now();
        let Count { attempts, next } = self.get(&key).copied().unwrap_or(Count { attempts: 0, next: now });
        let wait = next.saturating_duration_since(now);
        if wait > most {
            return Err(TooMany { retry_after: wait - most });
        }
        let attempts = attempts.saturating_add(1);
        let next = next.max(now) + delay(attempts, free, MAX_ADDRESS_DELAY);
        self.young.insert(key, Count { attempts, next });
        Ok(wait)
    }

    /// Remembers it, and nothing against it.
    fn clear(&mut self, key: K) {
        self.turn();
        self.young.insert(key, Count { attempts: 0, next: Instant::now() });
    }

    fn forget<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.young.remove(key);
        self.old.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)));

    fn address(n: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + n).into())
    }

    fn seconds(attempts: &mut Attempts, address: Option<IpAddr>, alias: &str) -> u64 {
        attempts.begin(address, alias, MAX_ADDRESS_DELAY).expect("a wait").as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn slips_are_free_and_guesses_wait_longer_and_longer() {
        let mut attempts = Attempts::new();
        let mut waits = Vec::new();
        for n in 0..12 {
            // Another alias each time: what counts here is the address.
            let wait = seconds(&mut attempts, HERE, &format!("alias{n}"));
            advance(Duration::from_secs(wait)).await;
            waits.push(wait);
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]);
        assert_eq!(seconds(&mut attempts, Some(address(1)), "alias0"), 0, "another address, and a slip at the alias");
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_at_once_from_one_address_queue_up_and_are_then_refused() {
        let mut attempts = Attempts::new();
        let waits: Vec<_> = (0..8).map(|_| attempts.begin(HERE, "bob", MAX_ADDRESS_DELAY)).collect();
        let seconds = |n| Ok(Duration::from_secs(n));
        assert_eq!(waits[..4], [seconds(0), seconds(0), seconds(0), seconds(1)]);
        assert_eq!(waits[7], Err(TooMany { retry_after: Duration::from_secs(1) }), "1 + 2 + 4 + 8 + 16 s");
        let refused = attempts.begin(HERE, "bob", Duration::from_secs(5)).expect_err("31 s");
        assert_eq!(refused.retry_after, Duration::from_secs(26), "what was refused didn't count");
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_guess_an_owner_waits_five_seconds() {
        let mut attempts = Attempts::new();
        for n in 0..1000 {
            seconds(&mut attempts, Some(address(n)), "alice");
        }
        assert_eq!(seconds(&mut attempts, HERE, "alice"), 5);
        attempts.succeeded(HERE, "alice");
        for _ in 0..100 {
            assert_eq!(seconds(&mut attempts, HERE, "alice"), 0, "whoever knows the password never waits");
            attempts.succeeded(HERE, "alice");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_owner_waits_for_no_neighbour() {
        let mut attempts = Attempts::new();
        seconds(&mut attempts, HERE, "alice");
        attempts.succeeded(HERE, "alice");
        for day in 0..3 {
            while attempts.begin(HERE, "bob", MAX_ADDRESS_DELAY).is_ok() {}
            assert_eq!(seconds(&mut attempts, HERE, "alice"), 0, "on day {day}");
            attempts.succeeded(HERE, "alice");
            attempts.begin(HERE, "carol", MAX_ADDRESS_DELAY).expect_err("no owner was seen here");
            attempts.begin(HERE, "bob", MAX_ADDRESS_DELAY).expect_err("nor has it helped the neighbour");
            advance(Duration::from_secs(24 * 3600)).await;
        }
        let guesses = (0..20).map_while(|_| attempts.begin(HERE, "alice", MAX_ADDRESS_DELAY).ok()).count();
        assert!(guesses < 10, "the owner's queue is one too: {guesses}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_doesnt_pay_for_guesses_at_others() {
        let mut attempts = Attempts::new();
        for _ in 0..6 {
            let _ = attempts.begin(HERE, "alice", MAX_ADDRESS_DELAY);
            let _ = attempts.begin(HERE, "mallory", MAX_ADDRESS_DELAY);
            attempts.succeeded(HERE, "mallory");
        }
        assert!(seconds(&mut attempts, HERE, "bob") > 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_class_may_register_at_once_and_nobody_thousands() {
        let mut attempts = Attempts::new();
        let waits: Vec<_> = (0..100).map_while(|_| attempts.register(address(1), MAX_ALIAS_DELAY).ok()).collect();
        assert!(waits[..REGISTRATIONS_FREE as usize].iter().all(Duration::is_zero));
        assert!(waits.len() < 60, "{}", waits.len());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_long_ago_is_forgotten_and_memory_is_bounded() {
        let mut attempts = Attempts::new();
        for _ in 0..7 {
            let _ = attempts.begin(HERE, "alice", MAX_ADDRESS_DELAY);
        }
        advance(2 * ATTEMPTS_MEMORY).await;
        assert_eq!(seconds(&mut attempts, HERE, "alice"), 0);
        for n in 0..3 * ATTEMPTS_TRACKED as u32 {
            seconds(&mut attempts, Some(address(n)), &n.to_string());
        }
        assert!(attempts.addresses.young.len() + attempts.addresses.old.len() <= 2 * ATTEMPTS_TRACKED);
        assert!(attempts.aliases.young.len() + attempts.aliases.old.len() <= 2 * ATTEMPTS_TRACKED);
        for n in 0..3 * ATTEMPTS_TRACKED as u32 {
            attempts.succeeded(Some(address(n)), "alice");
        }
        assert!(attempts.owners.young.len() + attempts.owners.old.len() <= 2 * ATTEMPTS_TRACKED);
    }
}

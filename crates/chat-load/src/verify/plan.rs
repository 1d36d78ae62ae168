//! The faults, and when each happens. A seed repeats the plan.

use std::time::Duration;

use crate::random::Random;

/// Messages that a stall lasts for at most. A room's tail and the kernel's buffers hold some 2,000.
const STALL_MESSAGES: u64 = 8000;

/// One thing that goes wrong. `pick` chooses whom it meets, among those who are there at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `kill -9` of the server, and a new one on the same data after a pause.
    Kill { pause: Duration },
    /// A connection is cut after some more bytes.
    Cut { pick: u64, after: usize, reset: bool },
    /// A connection carries nothing, in both directions or only towards the client, for this time and until so many
    /// messages more were acked: however slow the machine is, some stalls last until the server's memory has moved on.
    Stall { pick: u64, time: Duration, messages: u64, both: bool },
    /// A client dies with an unended line in its mouth, and a new one goes on with its session.
    ClientKill { pick: u64 },
    /// The server is stopped by SIGSTOP and goes on by SIGCONT.
    Stop { time: Duration },
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) kills: u32,
    pub(crate) cuts: u32,
    pub(crate) stalls: u32,
    pub(crate) client_kills: u32,
    pub(crate) stops: u32,
}

/// All faults in a random order, each with the number of acks after which it happens: spread evenly over the run, so
/// that after each there is something that it could break.
pub(crate) fn plan(seed: u64, acked: u64, counts: Counts) -> Vec<(u64, Fault)> {
    let mut random = Random::new(seed);
    let mut faults = Vec::new();
    let millis = |random: &mut Random, most| Duration::from_millis(random.below(most));
    for _ in 0..counts.kills {
        faults.push(Fault::Kill { pause: millis(&mut random, 200) });
    }
    for _ in 0..counts.cuts {
        let (pick, after) = (random.next(), random.below(2000) as usize);
        faults.push(Fault::Cut { pick, after, reset: random.below(2) == 0 });
    }
    for _ in 0..counts.stalls {
        let (pick, time, messages) = (random.next(), millis(&mut random, 3000), random.below(STALL_MESSAGES));
        faults.push(Fault::Stall { pick, time, messages, both: random.below(3) == 0 });
    }
    faults.extend((0..counts.client_kills).map(|_| Fault::ClientKill { pick: random.next() }));
    for _ in 0..counts.stops {
        faults.push(Fault::Stop { time: Duration::from_millis(50) + millis(&mut random, 700) });
    }
    for i in (1..faults.len()).rev() {
        faults.swap(i, random.below(i as u64 + 1) as usize);
    }
    let count = faults.len() as u64;
    faults.into_iter().enumerate().map(|(i, fault)| ((i as u64 + 1) * acked / (count + 1), fault)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_the_plan_and_nothing_is_left_out() {
        let counts = Counts { kills: 3, cuts: 5, stalls: 2, client_kills: 4, stops: 1 };
        let one = plan(7, 1000, counts);
        assert_eq!(one, plan(7, 1000, counts));
        assert_ne!(one, plan(8, 1000, counts));
        assert_eq!(one.len(), 15);
        assert_eq!(one.iter().filter(|(_, fault)| matches!(fault, Fault::Kill { .. })).count(), 3);
        assert!(one.is_sorted_by_key(|(at, _)| *at) && one.iter().all(|(at, _)| *at < 1000));
    }
}

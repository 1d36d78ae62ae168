//! What every receiver has had: gaps, repeats and disorder, counted while the messages arrive.

use std::collections::HashSet;

use serde::Serialize;

use crate::stamp::Stamp;

/// Single messages that are remembered as missing, so that a late one is told from a repeat. Beyond it all late ones
/// count as repeats: the run is no result either way.
const MISSING_KEPT: usize = 1 << 20;

/// What must not happen. A run in which any did is no result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Faults {
    /// Messages that a receiver never got although a later one of the same sender came, or the run was over.
    pub(crate) gaps: u64,
    /// Messages that came twice to one receiver.
    pub(crate) repeats: u64,
    /// Messages that came after a later one of the same sender, or with a seq that wasn't the next.
    pub(crate) disorder: u64,
    /// Connections that the server closed.
    pub(crate) closed: u64,
    /// Lines in which the server refused something or said goodbye.
    pub(crate) refused: u64,
}

impl Faults {
    pub(crate) const fn any(&self) -> bool {
        self.gaps + self.repeats + self.disorder + self.closed + self.refused > 0
    }
}

/// Every receiver's position with every sender.
#[derive(Debug)]
pub(crate) struct Tracker {
    senders: usize,
    /// The next number expected, by receiver and sender.
    next: Vec<u32>,
    /// The last seq, by receiver, where the wire has one.
    seqs: Vec<u64>,
    missing: HashSet<(u32, Stamp)>,
    pub(crate) faults: Faults,
    pub(crate) deliveries: u64,
}

/// What a delivery was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The receiver hadn't had this message.
    New,
    /// It had, or the message is none of this run's.
    Repeat,
}

impl Tracker {
    pub(crate) fn new(receivers: usize, senders: usize) -> Self {
        Self {
            senders,
            next: vec![0; receivers * senders],
            seqs: vec![0; receivers],
            missing: HashSet::new(),
            faults: Faults::default(),
            deliveries: 0,
        }
    }

    /// Takes in a message.
    #[inline]
    pub(crate) fn delivery(&mut self, receiver: usize, stamp: Stamp, seq: Option<u64>) -> Arrival {
        if let Some(seq) = seq {
            self.seq(receiver, seq);
        }
        if usize::from(stamp.sender) >= self.senders {
            self.faults.disorder += 1;
            return Arrival::Repeat;
        }
        self.deliveries += 1;
        let next = &mut self.next[receiver * self.senders + usize::from(stamp.sender)];
        if stamp.number == *next {
            *next += 1;
            return Arrival::New;
        }
        self.unexpected(receiver, stamp)
    }

    /// Takes in a seq of a message or an ack: each must be the one after the last.
    #[inline]
    pub(crate) fn seq(&mut self, receiver: usize, seq: u64) {
        let last = &mut self.seqs[receiver];
        // Where a receiver came in later than others, it begins where it begins.
        if *last != 0 && seq != *last + 1 {
            self.faults.disorder += 1;
        }
        *last = seq;
    }

    #[cold]
    fn unexpected(&mut self, receiver: usize, stamp: Stamp) -> Arrival {
        let next = &mut self.next[receiver * self.senders + usize::from(stamp.sender)];
        let who = receiver as u32;
        if stamp.number > *next {
            self.faults.gaps += u64::from(stamp.number - *next);
            for number in *next..stamp.number {
                if self.missing.len() == MISSING_KEPT {
                    break;
                }
                self.missing.insert((who, Stamp { number, ..stamp }));
            }
            *next = stamp.number + 1;
            return Arrival::New;
        }
        if self.missing.remove(&(who, stamp)) {
            self.faults.gaps -= 1;
            self.faults.disorder += 1;
            return Arrival::New;
        }
        self.faults.repeats += 1;
        self.deliveries -= 1;
        Arrival::Repeat
    }

    /// Counts what hasn't come by the end: `sent[s]` messages of each sender are due to the receivers for whom
    /// `is_due(receiver, sender)`.
    pub(crate) fn finish(&mut self, sent: &[u32], is_due: impl Fn(usize, usize) -> bool) {
        for (receiver, next) in self.next.chunks(self.senders).enumerate() {
            for (sender, (next, sent)) in next.iter().zip(sent).enumerate() {
                if is_due(receiver, sender) {
                    self.faults.gaps += u64::from(sent.saturating_sub(*next));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arrivals: &[(u16, u32)], sent: &[u32], expected: Faults) {
        let mut tracker = Tracker::new(2, sent.len());
        for (sender, number) in arrivals {
            tracker.delivery(1, Stamp { sender: *sender, number: *number }, None);
        }
        tracker.finish(sent, |receiver, _| receiver == 1);
        assert_eq!(tracker.faults, expected, "{arrivals:?}");
    }

    #[test]
    fn each_fault_is_counted_for_what_it_is() {
        let none = Faults::default();
        check(&[(0, 0), (0, 1), (1, 0), (0, 2)], &[3, 1], none);
        check(&[(0, 0), (0, 2)], &[3], Faults { gaps: 1, ..none });
        check(&[(0, 0), (0, 1)], &[4], Faults { gaps: 2, ..none });
        check(&[(0, 0), (0, 0), (0, 1)], &[2], Faults { repeats: 1, ..none });
        check(&[(0, 0), (0, 2), (0, 1)], &[3], Faults { disorder: 1, ..none });
        check(&[(0, 0), (0, 2), (0, 1), (0, 1)], &[3], Faults { disorder: 1, repeats: 1, ..none });
        check(&[(7, 0)], &[0], Faults { disorder: 1, ..none });
    }

    #[test]
    fn a_seq_must_be_the_next_one() {
        let mut tracker = Tracker::new(1, 1);
        for seq in [5, 6, 7] {
            tracker.seq(0, seq);
        }
        assert!(!tracker.faults.any());
        tracker.seq(0, 9);
        tracker.seq(0, 9);
        assert_eq!(tracker.faults.disorder, 2);
    }
}

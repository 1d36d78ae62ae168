//! The checks: a pure function of a history.

use std::collections::HashMap;
use std::fmt;

use super::history::{Ack, Body, History, Key, Oddity, Stream};

/// Violations that are told in words; the others are counted.
const SHOWN: usize = 20;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rule {
    /// Acked, and not in the log at that seq with that text.
    AckedLost,
    /// Acked twice, with two places.
    AckMoved,
    /// In the log twice.
    Twice,
    /// A room's seqs aren't 1, 2, 3 ….
    NotDense,
    /// In the log, or received, though nobody said it so.
    NotSaid,
    /// A line that never ended had an effect.
    Unended,
    /// An id was accepted for another text.
    ReusedId,
    /// A reader missed a place, or got places out of order.
    ReaderMissed,
    /// A reader got a place twice.
    ReaderRepeated,
    /// A reader got something else than the log has.
    ReaderDiffers,
    /// Sent after another one's ack, and before it in the log.
    Order,
    /// Not everything had arrived when the time after the faults was over.
    LeftBehind,
    /// A session or a position was forgotten, a gap was told, something allowed was refused.
    Promise,
}

/// The result of all checks.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) violations: u64,
    /// How often each rule was broken.
    pub(crate) by_rule: HashMap<Rule, u64>,
    /// The first violations, in words.
    pub(crate) shown: Vec<String>,
}

impl Verdict {
    fn add(&mut self, rule: Rule, words: fmt::Arguments<'_>) {
        self.violations += 1;
        let count = self.by_rule.entry(rule).or_default();
        *count += 1;
        // Some of each kind, so that one that is frequent doesn't hide the others.
        if *count <= 3 && self.shown.len() < SHOWN {
            self.shown.push(format!("{rule:?}: {words}"));
        }
    }
}

/// Where a message stands.
type Places = HashMap<Key, (u8, u64)>;

/// Checks everything.
pub(crate) fn check(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    let places = log(history, &mut verdict);
    acks(history, &places, &mut verdict);
    order(history, &places, &mut verdict);
    for stream in &history.streams {
        reader(history, stream, &mut verdict);
        arrived(history, stream, &mut verdict);
    }
    for oddity in &history.oddities {
        odd(oddity, &mut verdict);
    }
    verdict
}

/// The log by itself: dense, each message once, and each said by somebody.
fn log(history: &History, verdict: &mut Verdict) -> Places {
    let said: HashMap<Key, u8> = history.attempts.iter().map(|attempt| (attempt.key, attempt.room)).collect();
    let mut places = Places::with_capacity(said.len());
    for (room, entries) in history.log.iter().enumerate() {
        for (i, entry) in entries.iter().enumerate() {
            let expected = i as u64 + 1;
            if entry.seq != expected {
                verdict.add(Rule::NotDense, format_args!("room {room} has seq {} where {expected} belongs", entry.seq));
            }
            let key = match entry.body {
                Body::Said(key) => key,
                Body::Unended(key) => {
                    verdict.add(Rule::Unended, format_args!("room {room} seq {}: the line of {key}", entry.seq));
                    continue;
                }
                Body::Changed(key) => {
                    verdict.add(Rule::ReusedId, format_args!("room {room} seq {}: the id of {key}", entry.seq));
                    continue;
                }
                Body::Strange => {
                    verdict.add(Rule::NotSaid, format_args!("room {room} seq {}: a text that nobody sent", entry.seq));
                    continue;
                }
            };
            if said.get(&key).is_none_or(|said| usize::from(*said) != room) {
                verdict.add(Rule::NotSaid, format_args!("room {room} seq {}: {key} wasn't said there", entry.seq));
            }
            if let Some((first_room, first)) = places.insert(key, (room as u8, entry.seq)) {
                let seq = entry.seq;
                verdict
                    .add(Rule::Twice, format_args!("{key} at room {first_room} seq {first} and room {room} seq {seq}"));
            }
        }
    }
    places
}

fn acks(history: &History, places: &Places, verdict: &mut Verdict) {
    let mut first: HashMap<Key, &Ack> = HashMap::with_capacity(history.acks.len());
    for ack in &history.acks {
        let Ack { key, room, seq, .. } = ack;
        let earlier = first.entry(*key).or_insert(ack);
        if (earlier.room, earlier.seq) != (*room, *seq) {
            verdict.add(Rule::AckMoved, format_args!("{key} acked at seq {} and again at seq {seq}", earlier.seq));
        }
        // By place and not by key: a message that is there twice is another violation.
        let entry =
            history.log.get(usize::from(*room)).and_then(|log| log.get(usize::try_from(*seq).ok()?.checked_sub(1)?));
        if entry.is_none_or(|entry| entry.seq != *seq || entry.body != Body::Said(*key)) {
            let found =
                places.get(key).map_or_else(|| "nowhere".to_owned(), |(room, seq)| format!("at room {room} seq {seq}"));
            verdict.add(Rule::AckedLost, format_args!("{key} acked at room {room} seq {seq}; in the log {found}"));
        }
    }
}

/// If a was acked before b was first sent, a comes before b.
fn order(history: &History, places: &Places, verdict: &mut Verdict) {
    let mut attempts: Vec<_> = history.attempts.iter().collect();
    attempts.sort_unstable_by_key(|attempt| attempt.at);
    let mut acks: Vec<_> = history.acks.iter().collect();
    acks.sort_unstable_by_key(|ack| ack.at);
    let mut acks = acks.into_iter().peekable();
    // The greatest seq acked so far, by room.
    let mut highest: Vec<Option<&Ack>> = vec![None; history.log.len()];
    for attempt in attempts {
        while let Some(ack) = acks.next_if(|ack| ack.at < attempt.at) {
            if let Some(highest) = highest.get_mut(usize::from(ack.room))
                && highest.is_none_or(|highest| highest.seq < ack.seq)
            {
                *highest = Some(ack);
            }
        }
        let Some(Some(before)) = highest.get(usize::from(attempt.room)) else { continue };
        if let Some((room, seq)) = places.get(&attempt.key)
            && *room == attempt.room
            && *seq <= before.seq
            && before.key != attempt.key
        {
            let key = attempt.key;
            verdict.add(
                Rule::Order,
                format_args!(
                    "{key} was sent after {} was acked at room {room} seq {}, and has seq {seq}",
                    before.key, before.seq
                ),
            );
        }
    }
}

/// What a client got: each place after the one before, and what the log has there.
fn reader(history: &History, stream: &Stream, verdict: &mut Verdict) {
    let mut last = vec![0; history.log.len()];
    let name = &stream.name;
    for receipt in &stream.receipts {
        let (room, seq) = (usize::from(receipt.room), receipt.seq);
        let Some(last) = last.get_mut(room) else { continue };
        if seq <= *last {
            verdict.add(Rule::ReaderRepeated, format_args!("{name} got room {room} seq {seq} after seq {last}"));
        } else if seq > *last + 1 {
            verdict.add(Rule::ReaderMissed, format_args!("{name} got room {room} seq {seq} after seq {last}"));
        }
        *last = seq.max(*last);
        let entry = usize::try_from(seq).ok().and_then(|seq| history.log[room].get(seq.checked_sub(1)?));
        if entry.is_none_or(|entry| entry.body != receipt.body) {
            let (got, has) = (receipt.body, entry.map(|entry| entry.body));
            verdict.add(
                Rule::ReaderDiffers,
                format_args!("{name} got {got:?} as room {room} seq {seq}; the log has {has:?}"),
            );
        }
    }
}

fn arrived(history: &History, stream: &Stream, verdict: &mut Verdict) {
    let name = &stream.name;
    for (room, reached) in stream.reached.iter().enumerate() {
        let head = history.log.get(room).map_or(0, |log| log.len() as u64);
        if let Some(reached) = reached
            && *reached < head
        {
            verdict.add(Rule::LeftBehind, format_args!("{name} is at seq {reached} of {head} in room {room}"));
        }
    }
    if stream.unanswered > 0 {
        verdict.add(Rule::LeftBehind, format_args!("{name} waits for {} answers", stream.unanswered));
    }
}

fn odd(oddity: &Oddity, verdict: &mut Verdict) {
    match oddity {
        Oddity::ReusedIdAccepted(key) => {
            verdict.add(Rule::ReusedId, format_args!("another text under the id of {key} was acked"));
        }
        Oddity::GapTold { who, room, from, to } => {
            verdict.add(Rule::Promise, format_args!("{who} was told of a gap from {from} to {to} in room {room}"));
        }
        Oddity::Forgotten { who, what } => verdict.add(Rule::Promise, format_args!("{who}: {what} was forgotten")),
        Oddity::Refused { who, what } => verdict.add(Rule::Promise, format_args!("{who} was refused: {what}")),
    }
}

#[cfg(test)]
mod tests;

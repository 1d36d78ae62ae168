use super::super::history::{Attempt, Receipt};
use super::*;

const A: Key = Key::new(1, 1);
const B: Key = Key::new(2, 1);
const C: Key = Key::new(1, 2);

fn said(seq: u64, key: Key) -> Receipt {
    Receipt { room: 0, seq, body: Body::Said(key) }
}

/// a, then b, then c in one room; two readers who got it all.
fn good() -> History {
    let log = vec![said(1, A), said(2, B), said(3, C)];
    let stream =
        |name: &str| Stream { name: name.to_owned(), receipts: log.clone(), reached: vec![Some(3)], unanswered: 0 };
    let attempt = |at, key| Attempt { at, key, room: 0 };
    let ack = |at, key, seq| Ack { at, key, room: 0, seq };
    History {
        attempts: vec![attempt(1, A), attempt(2, B), attempt(20, C)],
        acks: vec![ack(10, A, 1), ack(11, B, 2), ack(30, C, 3)],
        streams: vec![stream("r0"), stream("r1")],
        log: vec![log],
        oddities: Vec::new(),
    }
}

#[track_caller]
fn check_rule(rule: Rule, spoil: impl FnOnce(&mut History)) {
    let mut history = good();
    spoil(&mut history);
    let verdict = check(&history);
    assert!(verdict.by_rule.contains_key(&rule), "{rule:?} isn't among {:?}", verdict.shown);
    assert!(!verdict.shown.is_empty());
}

#[test]
fn a_good_history_is_found_good() {
    let verdict = check(&good());
    assert_eq!(verdict.violations, 0, "{:?}", verdict.shown);
}

#[test]
fn a_message_that_was_not_acked_may_be_missing_or_there() {
    let mut history = good();
    history.attempts.push(Attempt { at: 40, key: Key::new(9, 9), room: 0 });
    assert_eq!(check(&history).violations, 0);
    history.acks.pop();
    assert_eq!(check(&history).violations, 0);
}

#[test]
fn an_acked_message_that_is_gone() {
    check_rule(Rule::AckedLost, |history| {
        history.log[0].pop();
        history.streams.iter_mut().for_each(|stream| stream.receipts.truncate(2));
    });
}

#[test]
fn an_acked_message_at_another_place_or_with_another_text() {
    check_rule(Rule::AckedLost, |history| {
        (history.log[0][1].body, history.log[0][2].body) = (Body::Said(C), Body::Said(B))
    });
    check_rule(Rule::AckedLost, |history| history.log[0][0].body = Body::Strange);
}

#[test]
fn two_acks_that_disagree() {
    check_rule(Rule::AckMoved, |history| history.acks.push(Ack { at: 40, key: A, room: 0, seq: 3 }));
}

#[test]
fn a_message_that_is_there_twice() {
    check_rule(Rule::Twice, |history| history.log[0].push(said(4, A)));
}

#[test]
fn a_hole_in_the_seqs() {
    check_rule(Rule::NotDense, |history| history.log[0][2].seq = 4);
}

#[test]
fn a_text_that_nobody_sent_or_sent_elsewhere() {
    check_rule(Rule::NotSaid, |history| history.log[0].push(Receipt { body: Body::Strange, ..said(4, A) }));
    check_rule(Rule::NotSaid, |history| history.log[0].push(said(4, Key::new(7, 7))));
    check_rule(Rule::NotSaid, |history| history.attempts[2].room = 1);
}

#[test]
fn a_line_that_never_ended() {
    check_rule(Rule::Unended, |history| history.log[0].push(Receipt { body: Body::Unended(A), ..said(4, A) }));
}

#[test]
fn a_reused_id() {
    check_rule(Rule::ReusedId, |history| history.log[0].push(Receipt { body: Body::Changed(A), ..said(4, A) }));
    check_rule(Rule::ReusedId, |history| history.oddities.push(Oddity::ReusedIdAccepted(A)));
}

#[test]
fn a_reader_that_missed_one() {
    check_rule(Rule::ReaderMissed, |history| {
        history.streams[1].receipts.remove(1);
    });
    // The first ones too: everybody began at the beginning.
    check_rule(Rule::ReaderMissed, |history| {
        history.streams[1].receipts.remove(0);
    });
}

#[test]
fn a_reader_that_got_one_twice() {
    check_rule(Rule::ReaderRepeated, |history| history.streams[0].receipts.push(said(3, C)));
}

#[test]
fn a_reader_that_got_something_else() {
    check_rule(Rule::ReaderDiffers, |history| history.streams[0].receipts[1].body = Body::Said(A));
    check_rule(Rule::ReaderDiffers, |history| {
        history.streams[0].receipts.push(said(4, Key::new(5, 5)));
    });
}

#[test]
fn one_sent_after_an_ack_and_stored_before_it() {
    check_rule(Rule::Order, |history| history.attempts[0].at = 15);
}

#[test]
fn somebody_left_behind() {
    check_rule(Rule::LeftBehind, |history| history.streams[0].reached[0] = Some(2));
    check_rule(Rule::LeftBehind, |history| history.streams[0].unanswered = 1);
}

#[test]
fn broken_promises() {
    let who = || "w1".to_owned();
    check_rule(Rule::Promise, |history| history.oddities.push(Oddity::GapTold { who: who(), room: 0, from: 1, to: 2 }));
    check_rule(Rule::Promise, |history| {
        history.oddities.push(Oddity::Forgotten { who: who(), what: "the session".to_owned() });
    });
    check_rule(Rule::Promise, |history| {
        history.oddities.push(Oddity::Refused { who: who(), what: "bad_json".to_owned() });
    });
}

use chat_client::{Joined, Page};
use chat_protocol::message::{Bye, ByeCode, RoomStart, Stored};
use chat_protocol::value::{Kind, Text};
use jiff::tz::Offset;

use super::*;

/// 2026-11-21 23:30:00 in the zone of the tests.
const NOW: i64 = 1_795_300_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).expect("a valid time")
}

fn view(times: Times) -> View {
    let mut view = View::new(TimeZone::fixed(Offset::constant(1)), times, 50, Read::default(), None);
    view.me = Alias::new("alice").ok();
    view.offline = false;
    view
}

fn room(name: &str) -> RoomName {
    RoomName::new(name).expect("a valid name")
}

fn alias(name: &str) -> Alias {
    Alias::new(name).expect("a valid name")
}

fn joined(name: &str, head: u64, members: &[&str]) -> Event {
    let members: Vec<_> = members.iter().map(|name| alias(name)).collect();
    let count = members.len() as u64;
    Event::Joined(Joined { room: room(name), topic: String::new(), count, members, head: Seq::new(head) })
}

fn said(name: &str, seq: u64, seconds: i64, text: &str) -> Event {
    let (room, from, text) = (room(name), alias("bob"), Text::new(text));
    let stored = Stored { room, seq: Seq::new(seq), time: at(seconds).into(), from, text, kind: Kind::Say };
    Event::Message(Message { stored, own: false })
}

/// What is shown of events that happen one after the other, at [`NOW`].
#[track_caller]
fn check(times: Times, events: &[Event], expected: &str) {
    let mut view = view(times);
    let shown: String = events.iter().map(|event| view.event(event, at(0))).collect();
    assert_eq!(shown, expected);
}

const GREETING: &str = "*** You are alice, in #lobby with bob. Times are UTC+01:00. /help lists the commands.\n";

#[test]
fn a_page_of_history_has_its_date_and_its_end() {
    let day = 24 * 3600;
    let events = [
        joined("lobby", 3, &["alice", "bob"]),
        said("lobby", 2, -day, "yesterday"),
        said("lobby", 3, 0, "today\nin two lines"),
        said("lobby", 4, 1800, "tomorrow"),
    ];
    let expected = format!(
        "{GREETING}*** -- 2026-11-20 --\n[23:30:00] bob: yesterday\n*** -- 2026-11-21 --\n[23:30:00] bob: today\n\
         [23:30:00] bob: in two lines\n*** -- now --\n*** -- 2026-11-22 --\n[00:00:00] bob: tomorrow\n"
    );
    check(Times::Always, &events, &expected);
}

#[test]
fn times_are_shown_as_often_as_is_wanted() {
    let events = [
        joined("lobby", 0, &["alice", "bob"]),
        said("lobby", 1, 1, "a"),
        said("lobby", 2, 59, "b"),
        said("lobby", 3, 60, "c"),
    ];
    let expected = format!("{GREETING}[23:30:01] bob: a\nbob: b\n[23:31:00] bob: c\n");
    check(Times::Changed, &events, &expected);
    check(Times::Never, &events, &format!("{GREETING}bob: a\nbob: b\nbob: c\n"));
}

#[test]
fn lines_of_another_room_name_it() {
    let events = [
        joined("lobby", 0, &["alice", "bob"]),
        joined("ops", 7, &["alice", "bob", "carol"]),
        said("ops", 7, 0, "a\nb"),
        said("lobby", 1, 0, "c"),
        Event::Topic { room: room("ops"), text: "lunch\n!!! now".to_owned(), from: alias("carol") },
        Event::Gap { room: room("ops"), from: Seq::new(8), to: Seq::new(9) },
    ];
    let expected = format!(
        "{GREETING}*** You are in #ops with bob and carol.\n[23:30:00] #ops bob: a\n[23:30:00] #ops bob: b\n\
         *** #ops: -- now --\n[23:30:00] bob: c\n*** #ops: carol set the topic: lunch !!! now\n\
         *** #ops: you missed 2 messages\n"
    );
    check(Times::Always, &events, &expected);
}

#[test]
fn no_number_of_the_server_is_too_large() {
    let events = [joined("lobby", 0, &["alice", "bob"]), gap(0, u64::MAX), gap(u64::MAX, u64::MAX)];
    let most = u64::MAX;
    let expected = format!("{GREETING}*** you missed {most} messages\n*** you missed 1 message\n");
    check(Times::Always, &events, &expected);
}

fn gap(from: u64, to: u64) -> Event {
    Event::Gap { room: room("lobby"), from: Seq::new(from), to: Seq::new(to) }
}

#[test]
fn nobody_missed_what_was_said_before_he_came() {
    let came = || joined("lobby", 39, &["alice", "bob"]);
    let now = "*** -- now --\n";
    let live = said("lobby", 40, 0, "live");
    let nothing_left = [came(), gap(1, 39), live.clone()];
    check(Times::Never, &nothing_left, &format!("{GREETING}bob: live\n"));
    let untold = [came(), live.clone()];
    check(Times::Never, &untold, &format!("{GREETING}bob: live\n"));
    let rest = [came(), gap(1, 38), said("lobby", 39, 0, "kept"), live];
    check(Times::Never, &rest, &format!("{GREETING}bob: kept\n{now}bob: live\n"));
    let later = [came(), gap(1, 39), said("lobby", 40, 0, "a"), gap(41, 42), said("lobby", 43, 0, "b")];
    check(Times::Never, &later, &format!("{GREETING}bob: a\n*** you missed 2 messages\nbob: b\n"));
    let away = [came(), gap(1, 45)];
    check(Times::Never, &away, &format!("{GREETING}*** you missed 6 messages\n"));
}

#[test]
fn who_comes_back_missed_what_came_since_and_is_gone() {
    let start = RoomStart { room: room("lobby"), after: Some(Seq::new(10)) };
    let read = Read::new("log1", vec![start]);
    let mut view = View { read, ..view(Times::Never) };
    let events = [joined("lobby", 39, &["alice", "bob"]), gap(1, 30), said("lobby", 31, 0, "kept")];
    let shown: String = events.iter().map(|event| view.event(event, at(0))).collect();
    let since = "*** 9 messages since you were here last\n";
    assert_eq!(shown, format!("{GREETING}*** you missed 20 messages\n{since}bob: kept\n"));
}

#[test]
fn what_was_read_of_a_conversation_is_not_shown_as_if_it_were_new() {
    let start = RoomStart { room: room("@bob"), after: Some(Seq::new(3)) };
    let mut view = View { read: Read::new("log1", vec![start]), ..view(Times::Never) };
    let events = [joined("lobby", 0, &["alice", "bob"]), said("@bob", 3, 0, "old"), said("@bob", 4, 0, "new")];
    let shown: String = events.iter().map(|event| view.event(event, at(0))).collect();
    assert_eq!(shown, format!("{GREETING}bob -> you: new\n"));
}

#[test]
fn a_log_that_begins_anew_hides_nothing() {
    let start = RoomStart { room: room("lobby"), after: Some(Seq::new(600)) };
    let read = Read::new("log1", vec![start]);
    let mut view = View { read, ..view(Times::Never) };
    let reset = Event::Reset { room: room("lobby"), head: Seq::ZERO };
    let events = [joined("lobby", 600, &["alice", "bob"]), reset, said("lobby", 1, 0, "new")];
    let shown: String = events.iter().map(|event| view.event(event, at(0))).collect();
    assert_eq!(shown, format!("{GREETING}*** the server's messages begin anew\nbob: new\n"));
}

#[test]
fn a_room_that_was_asked_for_becomes_the_current_one() {
    let mut view = view(Times::Never);
    view.event(&joined("lobby", 0, &["alice"]), at(0));
    view.expect(room("Ops"));
    assert_eq!(view.event(&joined("ops", 0, &["alice"]), at(0)), "*** You made #ops; nobody else is here.\n");
    assert_eq!(view.current(), Some(&room("ops")));
    assert_eq!(view.event(&joined("ops", 0, &["alice"]), at(0)), "", "the state told again after a lag is no news");
}

#[test]
fn a_history_of_which_nothing_is_left_is_not_one_of_nothing() {
    let history = |gaps| {
        let page = Page { gaps, ..Page::default() };
        view(Times::Never).outcome(&Outcome::Page { page, query: None }, at(0))
    };
    assert_eq!(history(vec![]), "*** nothing was said here yet\n");
    let gone = history(vec![(Seq::new(1), Seq::new(39))]);
    assert_eq!(gone, "*** what was said here can't be had any more: 39 messages\n");
}

#[test]
fn nobody_hears_who_is_ignored() {
    let mut view = view(Times::Never);
    view.event(&joined("lobby", 0, &["alice", "bob"]), at(0));
    let words = "*** you don't see any more what Bob says; /unignore Bob ends this\n";
    assert_eq!(view.local(&Input::Ignore("Bob".to_owned())), words);
    assert_eq!(view.event(&said("lobby", 1, 0, "hello?"), at(0)), "");
    view.local(&Input::Unignore("bob".to_owned()));
    assert_eq!(view.event(&said("lobby", 2, 0, "hello!"), at(0)), "bob: hello!\n");
}

#[test]
fn a_bye_that_ends_it_is_told_and_harmless() {
    let bye = Bye::new(ByeCode::Kicked, "be nice\n!!! or else");
    check(Times::Always, &[Event::Ended(End::Bye(bye))], "*** bye: be nice !!! or else\n");
}

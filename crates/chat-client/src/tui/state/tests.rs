//! Screens as text, at the smallest size and at the usual one, and what the keys do.

mod any;
mod picture;

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use chat_client::{Ack, End, Event, Joined, Lost, Message, Page, Private, RequestError};
use chat_protocol::message::{Bye, ByeCode, Changes, ClientMessage, ErrorCode, Refusal, Stored};
use chat_protocol::names::Alias;
use chat_protocol::value::{Kind, Seq, Text};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::tui::effect::Answer;
use crate::tui::room::{KEPT, KEPT_READING, Older};
use crate::tui::view;

fn alias(name: &str) -> Alias {
    Alias::new(name).unwrap()
}

fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

/// 12:00 of a day, and so many seconds.
fn at(seconds: i64) -> Timestamp {
    "2026-11-21T12:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(seconds)
}

fn stored(name: &str, seq: u64, seconds: i64, from: &str, text: &str) -> Stored {
    let (time, text) = (Time::from(at(seconds)), Text::new(text));
    Stored { room: room(name), seq: Seq::new(seq), time, from: alias(from), text, kind: Kind::Say }
}

fn said(state: &mut State, name: &str, seq: u64, seconds: i64, from: &str, text: &str) {
    state.event(Event::Message(Message { stored: stored(name, seq, seconds, from, text), own: false }));
}

fn joined(name: &str, members: &[&str], head: u64) -> Event {
    let members: Vec<_> = members.iter().map(|name| alias(name)).collect();
    let count = members.len() as u64;
    Event::Joined(Joined { room: room(name), topic: String::new(), count, members, head: Seq::new(head) })
}

fn new() -> State {
    State::new("127.0.0.1:5555".to_owned(), Some("alice".to_owned()), Settings::default(), TimeZone::UTC, at(600))
}

/// Somebody in the lobby with bob and carol.
fn talking() -> State {
    let mut state = new();
    state.online("alice");
    state.event(joined("lobby", &["alice", "bob", "carol"], 0));
    state.effects();
    state
}

fn press(state: &mut State, code: KeyCode, modifiers: KeyModifiers) {
    state.key(KeyEvent::new(code, modifiers));
}

fn enter(state: &mut State, line: &str) {
    line.chars().for_each(|c| press(state, KeyCode::Char(c), KeyModifiers::NONE));
    press(state, KeyCode::Enter, KeyModifiers::NONE);
}

/// The screen as text, the cursor's place below it.
fn screen(state: &mut State, width: u16, height: u16) -> String {
    state.resize(width, height);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(state, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for y in 0..height {
        let (mut row, mut skip) = (String::new(), 0);
        for x in 0..width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                row.push_str(symbol);
                skip = symbol.width().max(1);
            }
            skip -= 1;
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    let cursor = terminal.get_cursor_position().unwrap();
    format!("{out}cursor {},{}\n", cursor.x, cursor.y)
}

/// Compares both sizes with the file of that name; `GOLDEN=write` writes it.
#[track_caller]
fn check(name: &str, state: &mut State) {
    let both = [(40, 10), (80, 24)].map(|(w, h)| format!("== {w}x{h}\n{}", screen(state, w, h))).concat();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/tui/golden").join(format!("{name}.txt"));
    if env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &both).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(both == expected, "{}:\n{expected}\nis now:\n{both}", path.display());
}

#[test]
fn first_join() {
    check("first-join", &mut talking());
}

#[test]
fn busy_room() {
    let mut state = talking();
    state.event(joined("ops", &["alice", "dave"], 0));
    let topic = "lunch at noon".to_owned();
    state.event(Event::Topic { room: room("lobby"), text: topic, from: alias("bob") });
    said(&mut state, "lobby", 1, -86_400, "bob", "yesterday's words");
    said(&mut state, "lobby", 2, 0, "bob", "good morning, everybody who reads this long line in a narrow window");
    said(&mut state, "lobby", 3, 10, "carol", "hi bob");
    let changes = Changes { joined: vec![alias("dave"), alias("erin")], ..Changes::default() };
    state.event(Event::Presence { room: room("lobby"), count: 5, changes: Some(changes) });
    let changes = Changes { left: vec![alias("erin")], ..Changes::default() };
    state.event(Event::Presence { room: room("lobby"), count: 4, changes: Some(changes) });
    said(&mut state, "lobby", 4, 700, "dave", "hello Alice, are you there?");
    let mut action = stored("lobby", 5, 710, "carol", "waves");
    action.kind = Kind::Action;
    state.event(Event::Message(Message { stored: action, own: false }));
    said(&mut state, "ops", 1, 720, "dave", "the disk is full");
    said(&mut state, "ops", 2, 730, "dave", "alice: look at it");
    enter(&mut state, "on my way");
    check("busy-room", &mut state);
}

#[test]
fn private_conversation() {
    let mut state = talking();
    let (from, to) = (alias("bob"), alias("alice"));
    state.event(Event::Private(Private {
        time: Time::from(at(0)),
        from,
        to,
        text: Text::new("psst"),
        kind: Kind::Say,
        own: false,
        kept: None,
    }));
    assert_eq!(state.rooms[1].mentions, 1);
    press(&mut state, KeyCode::Char('a'), KeyModifiers::ALT);
    assert_eq!(state.rooms[1].mentions, 0);
    enter(&mut state, "what?");
    let effects = state.effects();
    assert!(
        matches!(&effects[..], [Effect::Whisper { to, text, .. }] if to == "bob" && text == "what?"),
        "{effects:?}"
    );
    check("private", &mut state);
}

#[test]
fn reconnecting() {
    let mut state = talking();
    said(&mut state, "lobby", 1, 0, "bob", "hello");
    state.event(Event::Disconnected { why: Lost::Closed, retry_in: Duration::from_millis(2500) });
    enter(&mut state, "one");
    enter(&mut state, "two");
    check("reconnecting", &mut state);
}

#[test]
fn failed_message() {
    let mut state = talking();
    enter(&mut state, "too fast");
    let refusal = Box::new(Refusal::new(ErrorCode::Muted, "you are muted here"));
    let effects = state.effects();
    let [Effect::Post { number, .. }] = effects[..] else { panic!("{effects:?}") };
    state.answer(Answer::Posted { number, result: Err(RequestError::Refused(refusal)) });
    check("failed", &mut state);
    press(&mut state, KeyCode::Char('r'), KeyModifiers::CONTROL);
    assert!(matches!(&state.effects()[..], [Effect::Post { text, .. }] if text == "too fast"));
    assert_eq!(state.unsent(), 1);
}

#[test]
fn search() {
    let mut state = talking();
    enter(&mut state, "/search lunch");
    assert!(matches!(&state.effects()[..], [Effect::Ask(_)]));
    let messages = [(9, 500, "bob", "lunch?"), (3, 0, "carol", "what about lunch")];
    let messages =
        messages.map(|(seq, s, from, text)| Message { stored: stored("lobby", seq, s, from, text), own: false });
    let page = Page { messages: messages.into(), gaps: Vec::new(), more: false };
    state.answer(Answer::Found { query: "lunch".to_owned(), result: Ok(page) });
    check("search", &mut state);
}

#[test]
fn help() {
    let mut state = talking();
    press(&mut state, KeyCode::F(1), KeyModifiers::NONE);
    check("help", &mut state);
}

#[test]
fn paste_question() {
    let mut state = talking();
    state.paste("1\r2\r3\r4\r5");
    assert_eq!(state.editor.text(), "1\n2\n3\n4\n5", "five lines need no question");
    press(&mut state, KeyCode::Char('c'), KeyModifiers::CONTROL);
    state.paste("one\ntwo\nthree\nfour\nfive\nsix\n");
    check("paste-question", &mut state);
    press(&mut state, KeyCode::Enter, KeyModifiers::NONE);
    assert!(matches!(&state.effects()[..], [Effect::Post { text, .. }] if text.lines().count() == 6));
}

#[test]
fn wide_characters() {
    let mut state = talking();
    said(&mut state, "lobby", 1, 0, "bob", "日本語の長い文章は二つの列を取るので、正しく折り返されなければならない");
    said(&mut state, "lobby", 2, 1, "carol", "e\u{301}a\u{308} 👩\u{200D}🔬🏴 zalgo\u{301}\u{302}");
    state.paste("日本語👍");
    check("wide", &mut state);
}

#[test]
fn a_url_over_several_rows_is_one_link_and_moves_nothing() {
    let mut state = talking();
    let url = format!("https://chat.example/{}", "path/".repeat(12));
    said(&mut state, "lobby", 1, 0, "bob", &format!("日本 {url}. Have a look"));
    state.resize(40, 10);
    let mut terminal = Terminal::new(TestBackend::new(40, 10)).unwrap();
    terminal.draw(|frame| view::draw(&state, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let (mut linked, mut rows) = (String::new(), std::collections::BTreeSet::new());
    for y in 0..10 {
        for x in 0..40 {
            let symbol = buffer[(x, y)].symbol();
            if let Some(rest) = symbol.strip_prefix("\x1b]8;") {
                let (target, rest) = rest.split_once("\x1b\\").unwrap();
                assert!(target.ends_with(&format!(";{url}")), "{target}");
                linked.push_str(rest.strip_suffix("\x1b]8;;\x1b\\").unwrap());
                rows.insert(y);
            }
        }
    }
    assert_eq!(linked, url);
    assert!(rows.len() >= 3, "{rows:?}");
}

#[test]
fn refusals() {
    let refused = |code, words: &str| Event::Ended(End::Refused(Box::new(Refusal::new(code, words))));
    let mut state = new();
    state.event(refused(ErrorCode::AliasTaken, "alice is taken; alice2 is free"));
    check("alias-taken", &mut state);
    enter(&mut state, "2");
    assert_eq!(state.effects().last(), Some(&Effect::Connect("alice2".to_owned())));
    let kind = std::io::ErrorKind::ConnectionRefused;
    let why = Lost::Connect { kind, message: "refused".to_owned() };
    state.event(Event::Ended(End::Unreachable { server: "127.0.0.1:5555".to_owned(), why }));
    check("no-server", &mut state);
    let mut state = new();
    state.event(Event::Ended(End::Bye(Bye::new(ByeCode::Banned, "you are banned until tomorrow"))));
    check("banned", &mut state);
    let mut state = new();
    let shown = "AB:".repeat(31) + "AB";
    let untrusted = format!(
        "nobody whom you trust vouches for its certificate; if it is self-signed, and only if whoever runs the server tells you this same fingerprint, connect with --fingerprint {shown}"
    );
    let why = Lost::Untrusted(untrusted);
    state.event(Event::Ended(End::Unreachable { server: "chat.example:5556".to_owned(), why }));
    check("certificate", &mut state);
    let mut state = State::new("127.0.0.1:5555".to_owned(), None, Settings::default(), TimeZone::UTC, at(0));
    check("first-name", &mut state);
}

#[test]
fn a_password_is_typed_without_being_shown() {
    let refused = |code, words: &str| Event::Ended(End::Refused(Box::new(Refusal::new(code, words))));
    let mut state = new();
    state.event(refused(ErrorCode::WrongPassword, "alice is an account's; its password is missing or wrong"));
    state.effects();
    "hunter22\u{7}".chars().for_each(|c| press(&mut state, KeyCode::Char(c), KeyModifiers::NONE));
    check("password", &mut state);
    press(&mut state, KeyCode::Backspace, KeyModifiers::NONE);
    state.paste("3\nmore");
    press(&mut state, KeyCode::Enter, KeyModifiers::NONE);
    assert_eq!(state.effects(), [Effect::Connect("alice".to_owned())]);
    let secrets = state.take_secrets().unwrap();
    assert_eq!(secrets.password.unwrap().reveal(), "hunter23");
    press(&mut state, KeyCode::Up, KeyModifiers::NONE);
    press(&mut state, KeyCode::Char('y'), KeyModifiers::CONTROL);
    assert_eq!(state.editor.text(), "", "it is neither in the history nor in what was cut");

    state.event(refused(ErrorCode::InviteRequired, "only people with an account or an invite can come in"));
    check("invite", &mut state);
    enter(&mut state, "inv1te");
    assert!(matches!(state.phase, Phase::Secret(Wanted::NewPassword, None)));
    enter(&mut state, "correct horse");
    let secrets = state.take_secrets().unwrap();
    assert_eq!((secrets.invite.unwrap().reveal(), secrets.password.unwrap().reveal()), ("inv1te", "correct horse"));
    state.event(refused(ErrorCode::BadInvite, "this invite isn't good"));
    press(&mut state, KeyCode::Enter, KeyModifiers::NONE);
    enter(&mut state, "2");
    assert!(state.take_secrets().unwrap().password.is_none(), "another name has other secrets");
}

#[test]
fn words_are_found_back_and_forth() {
    let mut state = talking();
    for seq in 1..=100 {
        let text = if seq % 30 == 0 { "Lunch at noon" } else { "x" };
        said(&mut state, "lobby", seq, 0, "bob", text);
    }
    let at = |state: &State| state.found.as_ref().map(|(_, number)| *number);
    enter(&mut state, "/find LUNCH at");
    assert_eq!(at(&state), Some(89));
    let shown = screen(&mut state, 80, 24);
    assert!(shown.lines().rev().nth(3).is_some_and(|row| row.contains("Lunch at noon")), "{shown}");
    let step = |state: &mut State, with| press(state, KeyCode::Char('s'), with);
    step(&mut state, KeyModifiers::CONTROL);
    step(&mut state, KeyModifiers::CONTROL);
    step(&mut state, KeyModifiers::CONTROL);
    assert_eq!(at(&state), Some(29), "it stays at the oldest");
    step(&mut state, KeyModifiers::ALT);
    assert_eq!(at(&state), Some(59));
    check("found", &mut state);
    press(&mut state, KeyCode::Esc, KeyModifiers::NONE);
    assert_eq!(at(&state), None);
    enter(&mut state, "/find nowhere");
    assert!(screen(&mut state, 80, 24).contains("nothing here says \"nowhere\""));
}

#[test]
fn mentions_are_gone_through_from_the_last_one_back() {
    let mut state = talking();
    for seq in 1..=100 {
        said(&mut state, "lobby", seq, 0, "bob", if [20, 70].contains(&seq) { "alice: look" } else { "x" });
    }
    let alt_m = |state: &mut State| {
        press(state, KeyCode::Char('m'), KeyModifiers::ALT);
        state.rooms[0].scroll
    };
    use crate::tui::room::Scroll;
    assert_eq!(alt_m(&mut state), Scroll::At(69, usize::MAX));
    assert_eq!(alt_m(&mut state), Scroll::At(19, usize::MAX));
    assert_eq!(alt_m(&mut state), Scroll::At(69, usize::MAX));
}

#[test]
fn the_wheel_scrolls_and_the_mouse_is_only_taken_on_request() {
    let mut state = talking();
    for seq in 1..=100 {
        said(&mut state, "lobby", seq, 0, "bob", &format!("number {seq}"));
    }
    state.effects();
    state.wheel(true);
    let shown = screen(&mut state, 80, 24);
    assert!(shown.contains("number 97 ") && !shown.contains("number 98 "), "{shown}");
    state.wheel(false);
    assert!(screen(&mut state, 80, 24).contains("number 100 "));
    assert_eq!(state.effects(), []);
    enter(&mut state, "/set mouse on");
    assert_eq!(state.effects(), [Effect::Save, Effect::Mouse(true)]);
}

#[test]
fn a_room_may_ring_otherwise_than_the_others() {
    let mut state = talking();
    state.event(joined("ops", &["alice", "dave"], 0));
    enter(&mut state, "/set bell all");
    enter(&mut state, "/set bell off here");
    state.effects();
    said(&mut state, "lobby", 1, 0, "bob", "alice: hi");
    assert_eq!(state.effects(), []);
    said(&mut state, "ops", 1, 0, "dave", "x");
    assert_eq!(state.effects(), [Effect::Bell]);
}

#[test]
fn own_messages_are_pending_until_they_come_in_their_order() {
    let mut state = talking();
    enter(&mut state, "one");
    enter(&mut state, "one");
    assert_eq!(state.unsent(), 2);
    let effects = state.effects();
    let [Effect::Post { number: first, .. }, Effect::Post { number: second, .. }] = effects[..] else {
        panic!("{effects:?}")
    };
    said(&mut state, "lobby", 1, 0, "bob", "first");
    let ack = |seq| Ack { room: room("lobby"), seq: Seq::new(seq), time: Time::from(at(1)) };
    // The answer may come before the message or after it.
    state.answer(Answer::Posted { number: first, result: Ok(ack(2)) });
    let id = chat_protocol::value::MessageId::new("x").unwrap();
    state.event(Event::Said { id: id.clone(), stored: stored("lobby", 2, 1, "alice", "one") });
    assert_eq!(state.rooms[0].outgoing.len(), 1);
    state.event(Event::Said { id, stored: stored("lobby", 3, 1, "alice", "one") });
    state.answer(Answer::Posted { number: second, result: Ok(ack(3)) });
    assert!(state.rooms[0].outgoing.is_empty());
    assert_eq!(state.rooms[0].len(), 3);
}

#[test]
fn reading_back_asks_for_older_messages_once_and_stays_where_it_is() {
    let mut state = new();
    state.online("alice");
    state.event(joined("lobby", &["alice"], 200));
    for seq in 151..=200 {
        said(&mut state, "lobby", seq, 0, "bob", &format!("number {seq}"));
    }
    assert_eq!(state.rooms[0].unread, 0, "history is no news");
    state.effects();
    for _ in 0..4 {
        press(&mut state, KeyCode::PageUp, KeyModifiers::NONE);
    }
    assert_eq!(state.effects(), [Effect::Older { room: room("lobby"), before: Seq::new(151) }]);
    let before = screen(&mut state, 80, 24);
    let messages =
        (51..151).map(|seq| Message { stored: stored("lobby", seq, 0, "bob", &format!("number {seq}")), own: false });
    let page = Page { messages: messages.collect(), gaps: Vec::new(), more: true };
    state.answer(Answer::Older { room: room("lobby"), result: Ok(page) });
    assert_eq!(state.rooms[0].older, Older::There);
    assert_eq!(first_message(&before), "number 151");
    let after = screen(&mut state, 80, 24);
    assert_eq!(first_message(&after), "number 151", "the rows stand still:\n{after}");
    said(&mut state, "lobby", 201, 5, "bob", "new");
    assert_eq!(first_message(&screen(&mut state, 80, 24)), "number 151");
    assert_eq!(state.rooms[0].unread, 1);
    press(&mut state, KeyCode::End, KeyModifiers::NONE);
    assert_eq!(state.rooms[0].unread, 0);
}

#[test]
fn a_command_right_after_esc_is_not_said_aloud() {
    let mut state = talking();
    press(&mut state, KeyCode::F(1), KeyModifiers::NONE);
    press(&mut state, KeyCode::Char('@'), KeyModifiers::ALT);
    assert!(state.pane.is_none());
    enter(&mut state, "bob psst");
    let effects = state.effects();
    assert!(matches!(&effects[..], [Effect::Whisper { to, .. }] if to == "bob"), "{effects:?}");
}

#[test]
fn who_leaves_a_room_is_in_another_room() {
    let mut state = talking();
    state.event(joined("ops", &["alice", "dave"], 0));
    enter(&mut state, "@bob hi");
    press(&mut state, KeyCode::Char('p'), KeyModifiers::CONTROL);
    assert_eq!(state.shown().map(Room::title), Some("#ops".to_owned()));
    state.event(Event::Left { room: room("ops"), reason: "it is closed".to_owned() });
    assert_eq!(state.shown().map(Room::title), Some("#lobby".to_owned()));
    check("put-out", &mut state);
}

#[test]
fn what_is_typed_on_the_way_to_a_room_is_for_that_room() {
    let mut state = talking();
    enter(&mut state, "/join ops");
    enter(&mut state, "for ops");
    "and more".chars().for_each(|c| press(&mut state, KeyCode::Char(c), KeyModifiers::NONE));
    let effects = state.effects();
    assert!(matches!(&effects[..], [Effect::Ask(join)] if matches!(**join, ClientMessage::Join { .. })), "{effects:?}");
    assert!(screen(&mut state, 80, 24).contains("on the way to #ops"));
    assert_eq!(state.not_stored(), [("for ops".to_owned(), false)]);
    state.event(joined("ops", &["alice", "dave"], 0));
    state.answer(Answer::Joined(Ok(())));
    let effects = state.effects();
    assert!(matches!(&effects[..], [Effect::Post { room: to, .. }] if *to == room("ops")), "{effects:?}");
    assert_eq!(state.editor.text(), "and more");

    state.editor.take();
    enter(&mut state, "/join secret");
    enter(&mut state, "for the secret room");
    state.effects();
    let refusal = Box::new(Refusal::new(ErrorCode::NoSuchRoom, "there is no room #secret"));
    state.answer(Answer::Joined(Err(RequestError::Refused(refusal))));
    assert_eq!(state.effects(), []);
    assert_eq!(state.editor.text(), "for the secret room", "it stays to be mended");
}

#[test]
fn nobody_missed_what_was_said_before_he_came() {
    let mut state = new();
    state.online("alice");
    state.event(joined("lobby", &["alice"], 39));
    let gap = |from, to| Event::Gap { room: room("lobby"), from: Seq::new(from), to: Seq::new(to) };
    state.event(gap(1, 39));
    assert_eq!(state.rooms[0].len(), 0);
    state.event(gap(38, 41));
    assert!(screen(&mut state, 80, 24).contains("you missed 2 messages"));
    // Another log: what comes in it is news, whatever its number.
    state.event(Event::Reset { room: room("lobby"), head: Seq::ZERO });
    enter(&mut state, "/set bell all");
    state.effects();
    said(&mut state, "lobby", 1, 0, "bob", "new");
    assert_eq!(state.effects(), [Effect::Bell]);
}

/// The words of the first message on a screen.
fn first_message(screen: &str) -> String {
    let line = screen.lines().find_map(|line| line.split_once("bob: ")).map(|(_, words)| words);
    line.unwrap_or_default().split("  ").next().unwrap_or_default().trim_end_matches([' ', '│']).to_owned()
}

#[test]
fn a_name_is_a_mention_only_as_a_word() {
    for text in ["alice", "Alice: hi", "hi, ALICE!", "(alice)", "see alice.", "for alice-"] {
        assert!(mentions(text, "alice"), "{text}");
    }
    for text in ["malice", "alices", "alice-bot", "alice.txt", "al ice", "", "pre-alice"] {
        assert!(!mentions(text, "alice"), "{text}");
    }
}

#[test]
fn ignored_words_are_not_shown_and_ring_no_bell() {
    let mut state = talking();
    enter(&mut state, "/set bell all");
    enter(&mut state, "/ignore Bob");
    assert_eq!(state.effects(), [Effect::Save, Effect::Save]);
    said(&mut state, "lobby", 1, 0, "bob", "spam");
    assert_eq!(state.effects(), []);
    assert!(!screen(&mut state, 80, 24).contains("spam"));
    said(&mut state, "lobby", 2, 0, "carol", "ham");
    assert_eq!(state.effects(), [Effect::Bell]);
    enter(&mut state, "/unignore bob");
    assert!(screen(&mut state, 80, 24).contains("spam"));
}

#[test]
fn tab_completes_those_who_spoke_last_first() {
    let mut state = talking();
    said(&mut state, "lobby", 1, 0, "carol", "x");
    state.event(joined("lobby", &["alice", "bob", "carol", "Casper"], 1));
    press(&mut state, KeyCode::Char('c'), KeyModifiers::NONE);
    press(&mut state, KeyCode::Tab, KeyModifiers::NONE);
    assert_eq!(state.editor.text(), "carol: ");
    press(&mut state, KeyCode::Tab, KeyModifiers::NONE);
    assert_eq!(state.editor.text(), "Casper: ");
    press(&mut state, KeyCode::Tab, KeyModifiers::NONE);
    assert_eq!(state.editor.text(), "c");
}

#[test]
fn a_million_messages_take_bounded_memory() {
    let mut state = talking();
    let words = Text::new("x");
    for seq in 1..=1_000_000 {
        let stored = Stored { text: words.clone(), ..stored_at(seq) };
        state.event(Event::Message(Message { stored, own: false }));
        assert!(state.rooms[0].len() <= KEPT);
    }
    // Somebody who reads back in them holds more, and no more than this.
    press(&mut state, KeyCode::PageUp, KeyModifiers::NONE);
    for seq in 1_000_001..=1_000_000 + 2 * KEPT_READING as u64 {
        let stored = Stored { text: words.clone(), ..stored_at(seq) };
        state.event(Event::Message(Message { stored, own: false }));
    }
    assert_eq!(state.rooms[0].len(), KEPT_READING);
}

fn stored_at(seq: u64) -> Stored {
    static ONE: std::sync::OnceLock<Stored> = std::sync::OnceLock::new();
    Stored { seq: Seq::new(seq), ..ONE.get_or_init(|| stored("lobby", 1, 0, "bob", "x")).clone() }
}

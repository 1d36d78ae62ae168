use jiff::tz::{Offset, TimeZone};
use proptest::prelude::*;

use super::*;
use crate::message::{Changes, ClientMessage, ErrorCode, Rename, RoomStart, Stored, Which};
use crate::names::{Alias, RoomName};
use crate::value::{Kind, Seq, Text, Time};

const GOLDEN: &str = include_str!("../../golden/text.txt");

fn room(name: &str) -> RoomName {
    RoomName::new(name).expect(name)
}

fn alias(name: &str) -> Alias {
    Alias::new(name).expect(name)
}

fn aliases(names: &[&str]) -> Vec<Alias> {
    names.iter().map(|name| alias(name)).collect()
}

fn input(line: &str) -> Input {
    parse(line, &room("lobby")).unwrap_or_else(|refusal| panic!("{line:?}: {refusal:?}"))
}

#[track_caller]
fn check_said(line: &str, expected: &str) {
    let Input::Message(ClientMessage::Say { text, kind: Kind::Say, room, id: None }) = input(line) else {
        panic!("{line:?} is not said: {:?}", input(line));
    };
    assert_eq!((text.as_str(), room.as_str()), (expected, "lobby"));
}

#[track_caller]
fn check_private(line: &str, name: &str, expected: &str) {
    let Input::Message(ClientMessage::Private { to, text, .. }) = input(line) else {
        panic!("{line:?} is not private: {:?}", input(line));
    };
    assert_eq!((to.as_str(), text.as_str()), (name, expected));
}

#[track_caller]
fn check_refused(line: &str, says: &str) {
    let refusal = parse(line, &room("lobby")).expect_err(line);
    assert_eq!(refusal.message, says);
}

#[test]
fn what_is_typed_is_said() {
    check_said("hello", "hello");
    check_said("  indented", "  indented");
    check_said("a /quit in the middle", "a /quit in the middle");
    check_said("//quit", "/quit");
    check_said(" @@bob hi", "@bob hi");
    for nothing in ["", "   ", "\t", "\u{feff}", "\u{200e} "] {
        assert_eq!(input(nothing), Input::Nothing, "{nothing:?}");
    }
}

#[test]
fn a_blank_does_not_publish_a_secret() {
    for before in ["", " ", "\t", "\u{a0}", "\u{3000}", "\u{200e}", "\u{feff}", "\u{200b} "] {
        check_private(&format!("{before}@bob psst"), "bob", "psst");
        check_private(&format!("{before}/msg bob  psst "), "bob", "psst");
    }
    check_private("@bob: psst", "bob", "psst");
    check_private("/MSG bob psst", "bob", "psst");
    check_private("/msg @bob psst", "bob", "psst");
    check_private("/msg bob: psst", "bob", "psst");
    check_private("/msg @bob: psst", "bob", "psst");
    check_refused("/msg @ psst", "a private message needs a name and a text: /msg bob hello");
    check_refused("@bob", "a private message needs a name and a text: @bob hello");
    check_private("@ bob psst", "bob", "psst");
    check_refused("/msg bob", "a private message needs a name and a text: /msg bob hello");
}

#[test]
fn commands() {
    let message = |message| Input::Message(message);
    let lobby = room("lobby");
    let say = |text: &str, kind| ClientMessage::Say { room: lobby.clone(), text: text.to_owned(), id: None, kind };
    assert_eq!(input("/me waves"), message(say("waves", Kind::Action)));
    assert_eq!(input("/nick al"), message(ClientMessage::Nick { alias: "al".to_owned(), id: None }));
    let start = RoomStart { room: room("ops"), after: None };
    assert_eq!(input("/join #ops"), message(ClientMessage::Join { start, history: None, id: None }));
    assert_eq!(input("/quit"), message(ClientMessage::Quit { reason: None }));
    assert_eq!(
        input("/quit gone for lunch"),
        message(ClientMessage::Quit { reason: Some("gone for lunch".to_owned()) })
    );
    assert_eq!(input("/topic"), Input::ShowTopic);
    assert_eq!(input("/ignore bob"), Input::Ignore("bob".to_owned()));
    assert_eq!(input("/unignore bob"), Input::Unignore("bob".to_owned()));
    assert_eq!(input("/help"), Input::Help);
    let Input::Message(ClientMessage::History { query, .. }) = input("/history 7") else { panic!("history") };
    assert_eq!(query.limit, Some(7));
    let Input::Message(ClientMessage::History { room: with, query, .. }) = input("/history @bob 7") else {
        panic!("history")
    };
    assert_eq!((with, query.limit), (room("@bob"), Some(7)));
    let Input::Message(ClientMessage::Search { room: with, query, .. }) = input("/search @bob two words") else {
        panic!("search")
    };
    assert_eq!((with, query.as_str()), (room("@bob"), "two words"));
    // What was said to @bob is looked for in the room.
    assert!(
        matches!(input("/search @bob"), Input::Message(ClientMessage::Search { query, room: here, .. }) if query == "@bob" && here == room("lobby"))
    );
    assert!(
        matches!(input("/search two words"), Input::Message(ClientMessage::Search { query, .. }) if query == "two words")
    );
    let redact = |room: &RoomName, nth, name: Option<&str>, reason: Option<&str>| {
        let which = Which::Newest { nth, name: name.map(str::to_owned) };
        message(ClientMessage::Redact { room: room.clone(), which, reason: reason.map(str::to_owned), id: None })
    };
    assert_eq!(input("/redact"), redact(&lobby, 1, None, None));
    assert_eq!(input("/redact @bob"), redact(&room("@bob"), 1, None, None));
    assert_eq!(input("/redact bob"), redact(&lobby, 1, Some("bob"), None));
    assert_eq!(input("/redact bob 3 an address"), redact(&lobby, 3, Some("bob"), Some("an address")));
    assert_eq!(input("/redact bob an address"), redact(&lobby, 1, Some("bob"), Some("an address")));
    assert!(matches!(input("/who"), Input::Message(ClientMessage::Who { .. })));
    assert!(matches!(input("/rooms"), Input::Message(ClientMessage::Rooms { .. })));
}

#[test]
fn a_command_that_is_wrong_is_not_said_aloud() {
    check_refused("/foo bar", "unknown command /foo; /help lists the commands");
    check_refused("/", "unknown command /; /help lists the commands");
    check_refused("/\u{1b}[31mx", "unknown command /\u{fffd}[31mx; /help lists the commands");
    check_refused("/history many", "/history takes a number from 1 to 500, not \"many\"");
    check_refused("/history 0", "/history takes a number from 1 to 500, not \"0\"");
    check_refused("/history 501", "/history takes a number from 1 to 500, not \"501\"");
    check_refused("/me", "/me needs to know what you do: /me waves");
    check_refused("/redact bob 0", "the newest message is number 1: /redact bob 1");
    check_refused("/who ops", "/who shows this room alone; to see another, /join it first");
    check_refused("/private ops", "/private makes this room its members' alone; for another, /join it first");
    check_refused("/rooms x", "/rooms shows all rooms and takes nothing after it; /join goes to one");
    check_refused("/nick", "/nick needs the new name: /nick al");
    check_refused("/join", "/join needs a room: /join ops");
    check_refused("/search", "/search needs words: /search lunch friday");
    check_refused("/history @bob many", "/history takes a number from 1 to 500, not \"many\"");
    check_refused("/join @bob", "nobody has to enter a conversation: @bob TEXT says it, /history @bob shows it");
    assert_eq!(parse("/join a b", &room("lobby")).expect_err("a blank in a name").code, ErrorCode::BadField);
}

#[test]
fn the_answer_to_alias() {
    assert_eq!(parse_login(" alice \r"), Login::Alias("alice".to_owned()));
    assert_eq!(parse_login("\u{feff}alice"), Login::Alias("alice".to_owned()));
    assert_eq!(parse_login("/help"), Login::Help);
    assert_eq!(parse_login("/quit now"), Login::Quit);
    assert_eq!(parse_login("/join x"), Login::Alias("/join x".to_owned()));
}

fn rendered(lines: impl FnOnce(&mut String)) -> String {
    let mut out = String::new();
    lines(&mut out);
    out
}

fn stored(text: &str, kind: Kind) -> Stored {
    // 2026-11-21T23:58:07Z
    let time = Time::from_millis(1_795_305_487_000);
    Stored { room: room("lobby"), seq: Seq::new(1), time, from: alias("bob"), text: Text::new(text), kind }
}

#[test]
fn messages_are_shown_with_the_time_of_the_zone() {
    let message = |text, kind, zone: &TimeZone| rendered(|out| render::message(out, &stored(text, kind), zone));
    let berlin = TimeZone::fixed(Offset::constant(1));
    assert_eq!(message("hello", Kind::Say, &TimeZone::UTC), "[23:58:07] bob: hello\n");
    assert_eq!(message("hello", Kind::Say, &berlin), "[00:58:07] bob: hello\n");
    assert_eq!(message("waves", Kind::Action, &TimeZone::UTC), "[23:58:07] * bob waves\n");
    assert_eq!(render::date(stored("", Kind::Say).time, &TimeZone::UTC).to_string(), "2026-11-21");
    assert_eq!(render::date(stored("", Kind::Say).time, &berlin).to_string(), "2026-11-22");
    let several = "one\n*** carol joined the chat!\n\n!!! x";
    let shown = message(several, Kind::Say, &TimeZone::UTC);
    assert_eq!(
        shown,
        "[23:58:07] bob: one\n[23:58:07] bob: *** carol joined the chat!\n[23:58:07] bob: \n[23:58:07] bob: !!! x\n"
    );
}

#[test]
fn private_messages_name_both_ends() {
    let (time, text, zone) = (stored("", Kind::Say).time, Text::new("psst"), TimeZone::UTC);
    let (alice, bob) = (alias("alice"), alias("bob"));
    let from = |kind| rendered(|out| render::private_from(out, time, &bob, kind, &text, &zone));
    let to = |kind| rendered(|out| render::private_to(out, time, &alice, &bob, kind, &text, &zone));
    assert_eq!(from(Kind::Say), "[23:58:07] bob -> you: psst\n");
    assert_eq!(to(Kind::Say), "[23:58:07] you -> bob: psst\n");
    assert_eq!(from(Kind::Action), "[23:58:07] bob -> you: * bob psst\n");
    assert_eq!(to(Kind::Action), "[23:58:07] you -> bob: * alice psst\n");
}

#[track_caller]
fn check_presence(changes: &Changes, expected: &str) {
    assert_eq!(rendered(|out| render::presence(out, changes)), expected);
}

#[test]
fn presence_is_merged() {
    let joined = |names: &[&str]| Changes { joined: aliases(names), ..Changes::default() };
    let left = |names: &[&str]| Changes { left: aliases(names), ..Changes::default() };
    check_presence(&joined(&["dave"]), "*** dave joined the chat!\n");
    check_presence(&joined(&["dave", "erin"]), "*** dave and erin joined the chat!\n");
    check_presence(&joined(&["dave", "erin", "fred"]), "*** dave, erin and fred joined the chat!\n");
    check_presence(&joined(&["dave", "erin", "fred", "gina"]), "*** dave, erin and 2 others joined the chat!\n");
    check_presence(&left(&["bob"]), "*** bob left the chat.\n");
    check_presence(&left(&["bob", "carol"]), "*** bob and carol left the chat.\n");
    let mut reason = left(&["bob", "carol"]);
    reason.reasons.insert(alias("bob"), "gone for lunch".to_owned());
    check_presence(&reason, "*** bob left the chat. (gone for lunch)\n*** carol left the chat.\n");
    let renamed = vec![Rename { from: alias("alice"), to: alias("al") }];
    check_presence(&Changes { renamed, ..Changes::default() }, "*** alice is now known as al\n");
}

#[test]
fn the_greeting_names_a_few_and_counts_the_rest() {
    let offset = Offset::constant(1);
    let greeting = |others: &[Alias], count| {
        rendered(|out| render::greeting(out, &alias("alice"), &room("lobby"), others, count, offset, false))
    };
    let end = "Times are UTC+01:00. /help lists the commands.\n";
    assert_eq!(greeting(&[], 0), format!("*** You are alice, in #lobby; nobody else is here. {end}"));
    let two = aliases(&["bob", "carol"]);
    assert_eq!(greeting(&two, 2), format!("*** You are alice, in #lobby with bob and carol. {end}"));
    let many: Vec<_> = (0..200).map(|i| alias(&format!("p{i}"))).collect();
    let shown = greeting(&many, 5000);
    assert_eq!(
        shown,
        format!("*** You are alice, in #lobby with p0, p1, p2, p3, p4, p5, p6, p7, p8 and 4991 others. {end}")
    );
    assert_eq!(rendered(|out| render::made(out, &room("ops"))), "*** You made #ops; nobody else is here.\n");
    // Where a room's names aren't told there are none but one's own.
    assert!(greeting(&[], 4).starts_with("*** You are alice, in #lobby with 4 others. "));
    assert!(greeting(&[], 1).starts_with("*** You are alice, in #lobby with 1 other. "));
}

#[test]
fn offsets_are_shown_as_people_write_them() {
    let changed =
        |seconds| rendered(|out| render::offset_changed(out, Offset::from_seconds(seconds).expect("an offset")));
    assert_eq!(changed(7200), "*** Times are now UTC+02:00.\n");
    assert_eq!(changed(-12_600), "*** Times are now UTC-03:30.\n");
    assert_eq!(changed(0), "*** Times are now UTC+00:00.\n");
}

/// Whether a line can be told to be the server's, as the reference promises of every one.
fn is_server_line(line: &str) -> bool {
    let bytes = line.as_bytes();
    let timed = bytes.len() > 10
        && bytes[0] == b'['
        && &bytes[9..11] == b"] "
        && bytes[1..9].iter().enumerate().all(|(i, b)| if i % 3 == 2 { *b == b':' } else { b.is_ascii_digit() });
    let asked = [ALIAS, PASSWORD, INVITE, CONNECTED].contains(&line);
    timed || asked || line.starts_with("*** ") || line.starts_with("!!! ")
}

#[test]
fn the_golden_lines_are_of_the_shapes_that_are_promised() {
    for golden in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
        let (who, golden) = golden.split_once(' ').expect("who says what");
        assert!(who.ends_with('>') || is_server_line(golden), "{golden}");
    }
}

proptest! {
    #[test]
    fn no_line_makes_parsing_panic(line in any::<String>()) {
        let _ = parse_login(&line);
        if let Err(refusal) = parse(&line, &room("lobby")) {
            prop_assert!(!refusal.message.contains(char::is_control));
        }
    }

    #[test]
    fn what_begins_like_a_command_is_never_said_as_it_stands(blank in "[ \t\u{a0}\u{200e}]{0,3}", sign in "[/@]", rest in "[^/@].*") {
        if let Ok(Input::Message(ClientMessage::Say { text, kind: Kind::Say, .. })) = parse(&format!("{blank}{sign}{rest}"), &room("lobby")) {
            prop_assert!(false, "said: {text}");
        }
    }

    #[test]
    fn no_text_makes_a_line_that_is_somebody_elses(raw in any::<String>(), kind in prop_oneof![Just(Kind::Say), Just(Kind::Action)]) {
        let shown = rendered(|out| render::message(out, &stored(&raw, kind), &TimeZone::UTC));
        let prefix = match kind { Kind::Say => "[23:58:07] bob: ", Kind::Action => "[23:58:07] * bob " };
        // A message without a text is one that was removed; it has no line.
        prop_assert!(shown.ends_with('\n') || raw.is_empty() && shown.is_empty());
        for line in shown.strip_suffix('\n').into_iter().flat_map(|lines| lines.split('\n')) {
            prop_assert!(line.starts_with(prefix), "{line:?}");
            prop_assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

#[test]
fn no_invisible_beginning_makes_a_command_public() {
    let room = RoomName::new("lobby").expect("a name");
    for beginning in
        ["", " ", "\u{8}", "\u{7f}", "\u{1b}[A", "\u{1b}[1;5C \u{1b}OB", "\u{202e}", "\u{2066}\t", "\u{1b}"]
    {
        let line = format!("{beginning}/msg bob a secret");
        let Ok(Input::Message(ClientMessage::Private { to, text, .. })) = parse(&line, &room) else {
            panic!("{line:?} is said aloud: {:?}", parse(&line, &room));
        };
        assert_eq!((to.as_str(), text.as_str()), ("bob", "a secret"));
    }
    for aloud in ["\u{1b}[A", "\u{7}", "\u{1b}[", "\u{1b}[Ahello /msg bob"] {
        let said = parse(aloud, &room);
        assert!(matches!(&said, Ok(Input::Message(ClientMessage::Say { text, .. })) if text == aloud), "{said:?}");
    }
}

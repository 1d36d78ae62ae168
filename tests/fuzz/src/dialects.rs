//! Any line in both dialects: what is understood is the same once it was written and read again, and nothing harmful is shown.
#![no_main]

use chat_protocol::message::ServerMessage;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, Text, Time};
use chat_protocol::{clean, json, text};
use libfuzzer_sys::fuzz_target;

fn is_harmless(shown: &str) -> bool {
    !shown.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

fn written(message: &impl serde::Serialize) -> String {
    let mut line = Vec::new();
    json::render(&mut line, message);
    let line = String::from_utf8(line).expect("UTF-8");
    let line = line.strip_suffix('\n').expect("a line has an end").to_owned();
    assert!(!line.contains('\n'));
    line
}

fuzz_target!(|data: &[u8]| {
    let Ok(line) = std::str::from_utf8(data) else { return };
    if let Ok(message) = json::parse_client(line) {
        assert_eq!(json::parse_client(&written(&message)).expect("understood again"), message);
    }
    if let Ok(message) = json::parse_server(line)
        && !matches!(message, ServerMessage::Unknown)
    {
        assert_eq!(json::parse_server(&written(&message)).expect("understood again"), message);
    }
    let _ = text::parse_login(line);
    let _ = text::parse(line, &RoomName::new("lobby").expect("a name"));
    if let Ok(alias) = Alias::new(line) {
        assert!(is_harmless(alias.as_str()));
        assert_eq!(Alias::new(alias.as_str()).as_ref().map(Alias::as_str), Ok(alias.as_str()), "a name stays one");
    }
    assert!(is_harmless(&clean::clean_line(line)));
    let said = Text::new(line);
    assert_eq!(Text::new(said.as_str()), said, "what is clean stays so");
    let (bob, alice) = (Alias::new("bob").expect("a name"), Alias::new("alice").expect("a name"));
    let mut out = String::new();
    let zone = jiff::tz::TimeZone::UTC;
    text::render::private_to(&mut out, Time::from_millis(0), &bob, &alice, Kind::Say, &said, &zone);
    assert!(out.ends_with('\n'));
    for line in out.split_terminator('\n') {
        assert!(is_harmless(line) && line.starts_with("[00:00:00] "), "{line:?}");
    }
});

mod any;
mod every;

use proptest::prelude::*;

use self::any::{client_message, moderation, server_message};
use self::every::{BYE_CODES, CLIENT_MESSAGES, ERROR_CODES, MODERATIONS, SERVER_MESSAGES};
use super::*;
use crate::limits::{MAX_SERVER_LINE, MAX_TOPIC};
use crate::message::*;
use crate::names::{Alias, RoomName};
use crate::value::{Kind, MessageId, Seq, Text, Time};

const GOLDEN: &str = include_str!("../../golden/json.txt");

fn line(message: &impl Serialize) -> String {
    let mut out = Vec::new();
    render(&mut out, message);
    let mut line = String::from_utf8(out).expect("UTF-8");
    assert_eq!(line.pop(), Some('\n'));
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn the_golden_lines_are_what_is_rendered() {
    let mut seen = [0, 0];
    for golden in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
        let (who, golden) = golden.split_once(' ').expect("who says what");
        if golden == "ALIAS?" {
            continue;
        }
        let golden = golden.replace("LOG", "00").replace("SESSION-", "00");
        if who.ends_with('<') {
            let message = parse_server(&golden).expect(&golden);
            assert_ne!(message, ServerMessage::Unknown, "{golden}");
            assert_eq!(line(&message), golden);
            seen[0] += 1;
        } else if let Ok(message) = parse_client(&golden) {
            let again = serde_json::from_str::<Value>(&line(&message)).expect("JSON");
            assert_eq!(again, serde_json::from_str::<Value>(&golden).expect("JSON"));
            seen[1] += 1;
        }
    }
    assert!(seen[0] > 25 && seen[1] > 10, "{seen:?}");
}

#[track_caller]
fn check_refused(line: &str, code: ErrorCode, id: Option<&str>, says: &str) {
    let refusal = parse_client(line).expect_err(line);
    assert_eq!((refusal.code, refusal.message.as_str()), (code, says), "{line}");
    assert_eq!(refusal.id.as_ref().map(MessageId::as_str), id, "{line}");
}

#[test]
fn a_bad_line_is_named() {
    check_refused("hello", ErrorCode::BadJson, None, "this line is not JSON: expected value (column 1)");
    check_refused("[1]", ErrorCode::BadJson, None, "a line is one JSON object: { … }");
    check_refused(
        "{\"type\":\"say\"",
        ErrorCode::BadJson,
        None,
        "this line is not JSON: EOF while parsing an object (column 13)",
    );
    check_refused("{}", ErrorCode::UnknownType, None, "the object has no \"type\"");
    check_refused(r#"{"type":"dance","id":"1"}"#, ErrorCode::UnknownType, Some("1"), "unknown type \"dance\"");
    check_refused(r#"{"type":7}"#, ErrorCode::UnknownType, None, "unknown type 7");
    check_refused(
        r#"{"type":"say","room":"lobby","id":"1"}"#,
        ErrorCode::BadField,
        Some("1"),
        "say: \"text\" is missing; it is a text",
    );
    check_refused(
        r#"{"type":"say","room":"lobby","text":"x","kind":"shout"}"#,
        ErrorCode::BadField,
        None,
        "say: \"kind\" is \"say\" or \"action\"",
    );
    check_refused(
        r#"{"type":"history","room":"lobby","limit":-1}"#,
        ErrorCode::BadField,
        None,
        "history: \"limit\" is a whole number from 0 to 4294967295",
    );
    check_refused(
        r#"{"type":"say","room":"lobby","text":"x","id":""}"#,
        ErrorCode::BadField,
        None,
        "say: \"id\" is a text of 1 to 64 bytes",
    );
}

#[test]
fn what_a_peer_sent_is_quoted_harmless_and_short() {
    let refusal = parse_client("{\"type\":\"\\u001b[31m\\n!!! you are banned\"}").expect_err("unknown");
    assert!(!refusal.message.contains(['\u{1b}', '\n']), "{refusal:?}");
    let long = format!("{{\"type\":\"{}\"}}", "x".repeat(30_000));
    assert!(parse_client(&long).expect_err("unknown").message.len() < 100);
}

#[test]
fn fields_and_types_that_are_not_known_are_ignored() {
    let message = parse_client(r#"{"type":"ping","id":"1","colour":"red"}"#).expect("a ping");
    assert_eq!(message, ClientMessage::Ping { id: MessageId::new("1").ok() });
    assert_eq!(parse_server(r#"{"type":"weather","sky":"blue"}"#).expect("known as unknown"), ServerMessage::Unknown);
    let error = parse_server(r#"{"type":"error","code":"brand_new","message":"m"}"#).expect("an error");
    assert_eq!(error, ServerMessage::Error(Refusal::new(ErrorCode::Unknown, "m")));
}

#[test]
fn every_type_has_its_place_in_the_list() {
    // A type that were missing there would be answered as unknown when a field of it is wrong.
    for kind in TYPES {
        let refusal = parse_client(&format!("{{\"type\":\"{kind}\",\"id\":7,\"reason\":7,\"v\":\"x\"}}"));
        assert_eq!(refusal.expect_err(kind).code, ErrorCode::BadField, "{kind}");
    }
}

/// No wildcard: a new message has to be put into the list, which those go through who ask for every way to do something.
fn type_of(message: &ClientMessage) -> &'static str {
    match message {
        ClientMessage::Hello(_) => "hello",
        ClientMessage::Say { .. } => "say",
        ClientMessage::Private { .. } => "private",
        ClientMessage::Join { .. } => "join",
        ClientMessage::Leave { .. } => "leave",
        ClientMessage::Nick { .. } => "nick",
        ClientMessage::Register { .. } => "register",
        ClientMessage::Password { .. } => "password",
        ClientMessage::Unregister { .. } => "unregister",
        ClientMessage::Who { .. } => "who",
        ClientMessage::Rooms { .. } => "rooms",
        ClientMessage::History { .. } => "history",
        ClientMessage::Search { .. } => "search",
        ClientMessage::Topic { .. } => "topic",
        ClientMessage::Redact { .. } => "redact",
        ClientMessage::MakePrivate { .. } => "make_private",
        ClientMessage::Invite { .. } => "invite",
        ClientMessage::Uninvite { .. } => "uninvite",
        ClientMessage::Moderate { .. } => "moderate",
        ClientMessage::Ping { .. } => "ping",
        ClientMessage::Quit { .. } => "quit",
    }
}

#[test]
fn any_message_is_any_of_all_there_are() {
    CLIENT_MESSAGES.assert_made(&client_message(), &[]);
    MODERATIONS.assert_made(&moderation(), &[]);
    // What a client can't read is not what a server sends.
    SERVER_MESSAGES.assert_made(&server_message(), &["Unknown"]);
}

#[test]
fn a_code_is_called_the_same_in_the_program_and_on_the_wire() {
    fn check<T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(code: T, name: &str) {
        assert_eq!(serde_json::to_value(&code).expect("JSON"), name);
        assert_eq!(serde_json::from_value::<T>(name.into()).expect(name), code);
    }
    ERROR_CODES.iter().for_each(|code| check(*code, code.as_str()));
    BYE_CODES.iter().for_each(|code| check(*code, code.as_str()));
}

#[test]
fn no_debug_shows_a_password() {
    let message = parse_client(r#"{"type":"hello","alias":"bob","password":"correct horse"}"#).expect("a hello");
    assert!(!format!("{message:?}").contains("horse"), "{message:?}");
}

proptest! {
    #[test]
    fn every_client_message_survives_the_wire(message in client_message()) {
        let kind = type_of(&message);
        let tag = serde_json::to_value(&message).expect("JSON")["type"].clone();
        prop_assert!(TYPES.contains(&kind));
        prop_assert_eq!(tag, kind);
        prop_assert_eq!(parse_client(&line(&message)).expect("a message"), message);
    }

    #[test]
    fn every_server_message_survives_the_wire(message in server_message()) {
        prop_assert_eq!(parse_server(&line(&message)).expect("a message"), message);
    }

    #[test]
    fn no_line_makes_parsing_panic(line in any::<String>()) {
        if let Err(refusal) = parse_client(&line) {
            prop_assert!(!refusal.message.contains('\n'));
        }
    }

    #[test]
    fn objects_of_any_shape_are_answered(kind in prop::sample::select(TYPES), value in any::<i64>(), words in any::<String>()) {
        let object = serde_json::json!({"type": kind, "room": words, "text": value, "alias": value, "id": words});
        let _ = parse_client(&object.to_string());
    }
}

#[test]
fn the_longest_message_fits_a_line() {
    use crate::limits::{HIGHEST_MAX_TEXT, MAX_ID};
    let widest = "\u{1}".repeat(HIGHEST_MAX_TEXT);
    let message = ServerMessage::Message {
        stored: Stored {
            room: RoomName::new(&"𐐀".repeat(32)).or_else(|_| RoomName::new(&"あ".repeat(32))).expect("a room"),
            seq: Seq::new(u64::MAX),
            time: Time::from_millis(0),
            from: Alias::new(&"あ".repeat(32)).expect("an alias"),
            text: Text::new(&widest),
            kind: Kind::Action,
        },
        own: true,
        re: MessageId::new("\"".repeat(MAX_ID)).ok(),
    };
    assert!(line(&message).len() < MAX_SERVER_LINE);
    let topic = ServerMessage::Topic {
        room: RoomName::new("lobby").expect("a room"),
        text: "\"".repeat(3 * MAX_TOPIC),
        from: Alias::new("bob").expect("an alias"),
    };
    assert!(line(&topic).len() < MAX_SERVER_LINE);
}

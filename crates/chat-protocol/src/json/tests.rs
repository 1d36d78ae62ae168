use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::limits::{MAX_SERVER_LINE, MAX_TOPIC};
use crate::message::*;
use crate::names::{Alias, RoomName};
use crate::value::{Invite, Kind, MessageId, Password, Seq, Text, Time};

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
fn no_debug_shows_a_password() {
    let message = parse_client(r#"{"type":"hello","alias":"bob","password":"correct horse"}"#).expect("a hello");
    assert!(!format!("{message:?}").contains("horse"), "{message:?}");
}

fn alias() -> impl Strategy<Value = Alias> {
    prop_oneof!["[a-z][a-z0-9_.-]{0,31}", "[あ-ん]{1,8}", Just("Zoë".to_owned())]
        .prop_filter_map("an alias", |name| Alias::new(&name).ok())
}

fn room() -> impl Strategy<Value = RoomName> {
    "[a-z0-9@][a-z0-9_.-]{0,31}".prop_filter_map("a room", |name| RoomName::new(&name).ok())
}

fn id() -> impl Strategy<Value = MessageId> {
    "\\PC{1,16}".prop_filter_map("an id", |id| MessageId::new(&id).ok())
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Say), Just(Kind::Action)]
}

fn seq() -> impl Strategy<Value = Seq> {
    any::<u64>().prop_map(Seq::new)
}

fn time() -> impl Strategy<Value = Time> {
    // Years 1 to 9999.
    (-62_135_596_800_000_i64..=253_402_214_400_000).prop_map(Time::from_millis)
}

fn text() -> impl Strategy<Value = Text> {
    any::<String>().prop_map(|raw| Text::new(&raw))
}

fn start() -> impl Strategy<Value = RoomStart> {
    (room(), option::of(seq())).prop_map(|(room, after)| RoomStart { room, after })
}

fn password() -> impl Strategy<Value = Password> {
    any::<String>().prop_map(Password::new)
}

fn hello() -> impl Strategy<Value = Hello> {
    let secrets = (option::of(any::<String>()), option::of(password()), option::of(any::<String>()));
    let rest = (
        any::<u32>(),
        option::of(any::<String>()),
        any::<bool>(),
        option::of(vec(start(), 0..4)),
        option::of(any::<u32>()),
    );
    (any::<String>(), secrets, rest).prop_map(
        |(alias, (session, password, invite), (v, log, quiet, rooms, history))| Hello {
            alias,
            v,
            session,
            log,
            password,
            invite: invite.map(Invite::new),
            quiet,
            rooms,
            history,
        },
    )
}

fn moderation() -> impl Strategy<Value = Moderation> {
    let words = || any::<String>();
    prop_oneof![
        (words(), option::of(words())).prop_map(|(name, reason)| Moderation::Kick { name, reason }),
        (words(), option::of(any::<u64>()), option::of(words()), any::<bool>())
            .prop_map(|(target, seconds, reason, sure)| Moderation::Ban { target, seconds, reason, sure }),
        words().prop_map(|target| Moderation::Unban { target }),
        option::of(any::<u64>()).prop_map(|after| Moderation::Bans { after }),
        (words(), option::of(any::<u64>())).prop_map(|(name, seconds)| Moderation::Mute { name, seconds }),
        words().prop_map(|name| Moderation::Op { name }),
        words().prop_map(|text| Moderation::Announce { text }),
        words().prop_map(|room| Moderation::Close { room }),
        words().prop_map(|room| Moderation::Open { room }),
        any::<bool>().prop_map(|on| Moderation::AnnounceOnly { on }),
        any::<u64>().prop_map(|seconds| Moderation::Slow { seconds }),
    ]
}

fn client_message() -> impl Strategy<Value = ClientMessage> {
    let query = (option::of(seq()), option::of(seq()), option::of(any::<u32>()))
        .prop_map(|(before, after, limit)| HistoryQuery { before, after, limit });
    let name = || option::of(any::<String>());
    prop_oneof![
        hello().prop_map(ClientMessage::Hello),
        (room(), any::<String>(), option::of(id()), kind()).prop_map(|(room, text, id, kind)| ClientMessage::Say {
            room,
            text,
            id,
            kind
        }),
        (any::<String>(), any::<String>(), option::of(id()), kind())
            .prop_map(|(to, text, id, kind)| ClientMessage::Private { to, text, id, kind }),
        (start(), option::of(any::<u32>()), option::of(id())).prop_map(|(start, history, id)| ClientMessage::Join {
            start,
            history,
            id
        }),
        (room(), option::of(id())).prop_map(|(room, id)| ClientMessage::Leave { room, id }),
        (any::<String>(), option::of(id())).prop_map(|(alias, id)| ClientMessage::Nick { alias, id }),
        (password(), option::of(id())).prop_map(|(password, id)| ClientMessage::Register { password, id }),
        (option::of(password()), password(), option::of(id()))
            .prop_map(|(password, new, id)| ClientMessage::Password { password, new, id }),
        (password(), option::of(id())).prop_map(|(password, id)| ClientMessage::Unregister { password, id }),
        (room(), name(), option::of(any::<u32>()), option::of(id()))
            .prop_map(|(room, after, limit, id)| ClientMessage::Who { room, after, limit, id }),
        (name(), option::of(any::<u32>()), option::of(id())).prop_map(|(after, limit, id)| ClientMessage::Rooms {
            after,
            limit,
            id
        }),
        (room(), query, option::of(id())).prop_map(|(room, query, id)| ClientMessage::History { room, query, id }),
        (room(), any::<String>(), option::of(seq()), option::of(any::<u32>()), option::of(id()))
            .prop_map(|(room, query, before, limit, id)| ClientMessage::Search { room, query, before, limit, id }),
        (room(), any::<String>(), option::of(id())).prop_map(|(room, text, id)| ClientMessage::Topic {
            room,
            text,
            id
        }),
        (room(), seq(), option::of(id())).prop_map(|(room, seq, id)| ClientMessage::Redact { room, seq, id }),
        (room(), option::of(id())).prop_map(|(room, id)| ClientMessage::MakePrivate { room, id }),
        (room(), any::<String>(), option::of(id())).prop_map(|(room, name, id)| ClientMessage::Invite {
            room,
            name,
            id
        }),
        (room(), any::<String>(), option::of(id())).prop_map(|(room, name, id)| ClientMessage::Uninvite {
            room,
            name,
            id
        }),
        (moderation(), option::of(id())).prop_map(|(act, id)| ClientMessage::Moderate { act, id }),
        option::of(id()).prop_map(|id| ClientMessage::Ping { id }),
        name().prop_map(|reason| ClientMessage::Quit { reason }),
    ]
}

fn changes() -> impl Strategy<Value = Changes> {
    let renamed = vec((alias(), alias()).prop_map(|(from, to)| Rename { from, to }), 0..3);
    let reasons = proptest::collection::btree_map(alias(), any::<String>(), 0..3);
    (vec(alias(), 0..4), vec(alias(), 0..4), reasons, renamed).prop_map(|(joined, left, reasons, renamed)| Changes {
        joined,
        left,
        reasons,
        renamed,
    })
}

fn rule() -> impl Strategy<Value = RuleInfo> {
    let words = (any::<String>(), option::of(any::<String>()));
    (any::<u64>(), any::<bool>(), words, option::of(time()), alias(), time()).prop_map(
        |(number, ban, (target, reason), until, by, time)| {
            let kind = if ban { RuleKind::Ban } else { RuleKind::Mute };
            RuleInfo { number, kind, target, until, reason, by, time }
        },
    )
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let limits = (any::<u32>(), any::<u32>()).prop_map(|(a, b)| LimitsInfo {
        max_text: a as usize,
        max_line: b as usize,
        max_lines: 3,
        max_rate: a,
        burst: b,
        max_unacked: 64,
        max_rooms: 32,
    });
    let stored = (room(), seq(), time(), alias(), text(), kind())
        .prop_map(|(room, seq, time, from, text, kind)| Stored { room, seq, time, from, text, kind });
    let refusal = (option::of(id()), option::of(room()), any::<String>(), option::of(any::<u64>())).prop_map(
        |(id, room, message, retry_after_ms)| Refusal { id, room, code: ErrorCode::Limit, message, retry_after_ms },
    );
    let ack = (
        id(),
        option::of(room()),
        option::of(seq()),
        option::of(time()),
        option::of(alias()),
        option::of(any::<bool>()),
    )
        .prop_map(|(id, room, seq, time, to, durable)| ServerMessage::Ack { id, room, seq, time, to, durable });
    let counts = vec((room(), any::<u64>(), any::<String>()), 0..3);
    prop_oneof![
        (alias(), any::<bool>(), any::<String>(), any::<String>(), limits).prop_map(
            |(alias, account, session, log, limits)| {
                ServerMessage::Welcome {
                    alias,
                    account,
                    session,
                    log,
                    server: "chat-server".to_owned(),
                    version: "0".to_owned(),
                    limits,
                }
            }
        ),
        (room(), any::<String>(), any::<u64>(), vec(alias(), 0..4), seq()).prop_map(
            |(room, topic, count, members, head)| ServerMessage::Joined { room, topic, count, members, head }
        ),
        (stored, any::<bool>(), option::of(id())).prop_map(|(stored, own, re)| ServerMessage::Message {
            stored,
            own,
            re
        }),
        (option::of(id()), any::<bool>()).prop_map(|(re, more)| ServerMessage::End { re, more }),
        ack,
        (time(), alias(), alias(), text(), kind(), option::of((room(), seq())), any::<bool>()).prop_map(
            |(time, from, to, text, kind, kept, own)| {
                let (room, seq) = kept.unzip();
                ServerMessage::Private { time, from, to, text, kind, room, seq, own }
            }
        ),
        (room(), any::<u64>(), option::of(changes())).prop_map(|(room, count, changes)| ServerMessage::Presence {
            room,
            count,
            changes
        }),
        (room(), any::<u64>(), vec(alias(), 0..4), option::of(id()), any::<bool>())
            .prop_map(|(room, count, members, re, more)| ServerMessage::Who { room, count, members, re, more }),
        (counts, option::of(id()), any::<bool>()).prop_map(|(rooms, re, more)| {
            let rooms = rooms.into_iter().map(|(room, count, topic)| RoomCount { room, count, topic }).collect();
            ServerMessage::Rooms { rooms, re, more }
        }),
        (room(), seq(), seq(), option::of(id())).prop_map(|(room, from, to, re)| ServerMessage::Gap {
            room,
            from,
            to,
            re
        }),
        (room(), seq()).prop_map(|(room, head)| ServerMessage::Reset { room, head }),
        (room(), seq(), alias()).prop_map(|(room, seq, by)| ServerMessage::Redacted { room, seq, by }),
        (room(), any::<String>()).prop_map(|(room, reason)| ServerMessage::Left { room, reason }),
        (room(), alias()).prop_map(|(room, by)| ServerMessage::Invited { room, by }),
        (room(), any::<String>(), alias()).prop_map(|(room, text, from)| ServerMessage::Topic { room, text, from }),
        (vec(rule(), 0..3), option::of(id()), any::<bool>()).prop_map(|(bans, re, more)| ServerMessage::Bans {
            bans,
            re,
            more
        }),
        (alias(), any::<bool>(), option::of(time()), option::of(id())).prop_map(|(name, account, created, re)| {
            let connections = vec![ConnectionInfo { address: Some("::1".to_owned()), seconds: 3 }];
            ServerMessage::Whois { info: WhoisInfo { name, account, operator: account, created, connections }, re }
        }),
        (any::<u64>(), time(), alias(), any::<String>()).prop_map(|(number, time, by, what)| {
            ServerMessage::Audit {
                entries: vec![AuditInfo { number, time, by: by.to_string(), what }],
                re: None,
                more: false,
            }
        }),
        (time(), alias(), text()).prop_map(|(time, from, text)| ServerMessage::Announcement { time, from, text }),
        refusal.prop_map(ServerMessage::Error),
        option::of(id()).prop_map(|id| ServerMessage::Pong { id }),
        any::<String>().prop_map(|reason| ServerMessage::Bye(Bye::new(ByeCode::Shutdown, reason).retry_after_ms(5))),
    ]
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

//! Rooms that are their members' alone, and every way by which somebody else could get at one, or at a conversation.

use chat_protocol::json::{ACTS, TYPES};
use chat_protocol::names::RoomName;
use chat_tests::{JsonClient, ServerProcess, TextClient};
use serde_json::{Value, json};

use crate::accounts::House;

const PASSWORD: &str = "correct horse";

async fn program(house: &House, alias: &str, rooms: &[&str]) -> JsonClient {
    let rooms: Vec<_> = rooms.iter().map(|room| json!({"room": room})).collect();
    let mut client = house.dial_json().await;
    client.say_hello(json!({"type": "hello", "alias": alias, "password": PASSWORD, "rooms": rooms})).await;
    client
}

async fn guest(house: &House, alias: &str) -> JsonClient {
    house.json(json!({"type": "hello", "alias": alias})).await
}

/// Alice, who made the private room `secret` and said something there.
async fn alice_in_secret(house: &House) -> JsonClient {
    let mut alice = program(house, "alice", &["secret"]).await;
    alice.request(json!({"type": "make_private", "room": "secret", "id": "p"})).await;
    alice.request(json!({"type": "say", "room": "secret", "text": "the launch code", "id": "1"})).await;
    alice.request(json!({"type": "topic", "room": "secret", "text": "launch", "id": "t"})).await;
    alice
}

/// What a message of this type can ask of a room. A type that isn't here yet has to be thought about: does it get at a room?
fn ways(kind: &str, room: &str) -> Vec<Value> {
    let requests = match kind {
        // Before anything else; asked for in a test of its own.
        "hello" => vec![],
        "say" => vec![json!({"text": "x"}), json!({"text": "x", "kind": "action"})],
        "leave" | "who" | "make_private" => vec![json!({})],
        "history" => vec![json!({}), json!({"after": 0}), json!({"before": 9, "limit": 500})],
        "search" => vec![json!({"query": "launch"}), json!({"query": "launch", "before": 9})],
        "topic" => vec![json!({"text": "x"}), json!({"text": ""})],
        "redact" => vec![json!({"seq": 1}), json!({"nth": 1}), json!({"nth": 1, "name": "alice", "reason": "x"})],
        "invite" | "uninvite" => ["eve", "alice", "nobody"].map(|name| json!({"name": name})).to_vec(),
        // To a non-existing room these two are something else: checked apart.
        "join" | "rooms" => vec![],
        "moderate" => ACTS.iter().map(|act| moderation(act)).collect(),
        // These name no room.
        "private" | "nick" | "register" | "password" | "unregister" | "ping" | "quit" => vec![],
        new => panic!("how does {new} get at a room? every way has its line here"),
    };
    let complete = |mut request: Value| {
        request["type"] = kind.into();
        request["room"] = room.into();
        request["id"] = "way".into();
        request
    };
    requests.into_iter().map(complete).collect()
}

/// What an operator can do, with a target where it takes one. An act that isn't here yet has to be thought about, too.
fn moderation(act: &str) -> Value {
    let mut request = match act {
        // The room is their target.
        "close" | "open" => json!({}),
        "kick" | "ban" | "unban" | "mute" | "unmute" | "op" | "deop" | "whois" => {
            json!({"target": "nobody-here", "name": "nobody-here"})
        }
        "announce" => json!({"text": "x"}),
        "guests" | "announce_only" => json!({"on": act == "guests"}),
        "slow" => json!({"seconds": 0}),
        "bans" | "audit" => json!({}),
        new => panic!("how does {new} get at a room? every act has its line here"),
    };
    request["do"] = act.into();
    request
}

/// All that `eve` is answered, with the room's name taken out.
async fn answers(eve: &mut JsonClient, request: Value, room: &str) -> String {
    eve.send(request).await;
    serde_json::to_string(&eve.so_far().await).expect("JSON").replace(room, "ROOM")
}

#[tokio::test]
async fn to_everybody_else_there_is_no_such_room_whatever_they_ask() {
    let house = House::open().await;
    for name in ["alice", "eve"] {
        house.add(name, PASSWORD);
    }
    let rooms = house.figures().get("rooms").await;
    let mut alice = alice_in_secret(&house).await;
    assert_eq!(house.figures().get("rooms").await, rooms, "no figure has it");
    assert!(!house.figures().ask("/metrics").await.contains("secret"));
    let mut count = 0;
    for mut eve in [program(&house, "eve", &["lobby"]).await, guest(&house, "mallory").await] {
        eve.so_far().await;
        for request in TYPES.iter().flat_map(|kind| ways(kind, "secret")) {
            let mut elsewhere = request.clone();
            elsewhere["room"] = "nowhere".into();
            let refused = answers(&mut eve, request.clone(), "secret").await;
            assert!(refused.contains("\"error\"") && !refused.contains("launch"), "{request}: {refused}");
            assert_eq!(refused, answers(&mut eve, elsewhere, "nowhere").await, "{request}");
            count += 1;
        }
        for room in ["secret", "SECRET", "#secret", "ѕесrеt"] {
            eve.send(json!({"type": "join", "room": room, "after": 0, "id": "way"})).await;
            let refusal = eve.receive().await;
            assert!(refusal["type"] == "error" && !refusal.to_string().contains("launch"), "{room}: {refusal}");
            assert!(["no_such_room", "bad_field"].contains(&refusal["code"].as_str().unwrap_or_default()), "{refusal}");
        }
        assert!(!answers(&mut eve, json!({"type": "rooms", "after": "s"}), "").await.contains("secret"));
        // Nor is anything of it live.
        alice.request(json!({"type": "say", "room": "secret", "text": "launch", "id": format!("l{count}")})).await;
        eve.expect_nothing().await;
        // A session that says from where it wants to go on is refused as well.
        let resumed =
            json!({"type": "hello", "session": eve.session, "log": eve.log, "rooms": [{"room": "secret", "after": 0}]});
        let mut again = house.dial_json().await;
        again.say_hello(resumed).await;
        assert_eq!(again.expect_error("no_such_room").await["message"], "there is no room #secret");
        again.expect_nothing().await;
    }
    assert!(count >= 30, "{count} ways");
    let mut person = house.text("trent").await;
    person.so_far().await;
    person.send_line("/join secret").await;
    person.expect("!!! there is no room #secret").await;
    person.send_line("/rooms").await;
    person.expect("*** #lobby (1)").await;
}

#[tokio::test]
async fn an_operator_who_is_no_member_reads_nothing_of_it_either() {
    let house = House::open().await;
    house.add("alice", PASSWORD);
    house.add_operator("olga", PASSWORD);
    let mut alice = alice_in_secret(&house).await;
    let mut olga = program(&house, "olga", &["lobby"]).await;
    olga.so_far().await;
    for request in TYPES.iter().flat_map(|kind| ways(kind, "secret")) {
        // Whose it is is his to change; that is in the audit log.
        let answered = answers(&mut olga, request.clone(), "secret").await;
        assert!(!answered.contains("launch"), "{request}: {answered}");
    }
    // They have closed it and opened it meanwhile; what was said is where it was, for its members.
    let hello = json!({"type": "hello", "session": alice.session, "rooms": [{"room": "secret", "after": 0}]});
    alice.send(json!({"type": "quit"})).await;
    let mut again = house.dial_json().await;
    again.say_hello(hello).await;
    let _ = again.receive().await;
    olga.send(json!({"type": "history", "room": "secret", "id": "way"})).await;
    assert_eq!(olga.next("error").await["code"], "no_such_room");
}

#[tokio::test]
async fn nobody_else_gets_at_a_conversation() {
    let house = House::open().await;
    let [one, other, _] = ["alice", "bob", "eve"].map(|name| house.add(name, PASSWORD));
    let kept = RoomName::between(one.0, other.0);
    let mut alice = program(&house, "alice", &["lobby"]).await;
    alice.request(json!({"type": "private", "to": "bob", "text": "the launch code", "id": "1"})).await;
    let mut count = 0;
    for mut eve in [program(&house, "eve", &["lobby"]).await, guest(&house, "mallory").await] {
        eve.so_far().await;
        // Whoever knows the ids of both ends gets no further than whoever asks by name.
        for room in [kept.as_str(), "@alice", "@bob"] {
            for request in TYPES.iter().flat_map(|kind| ways(kind, room)) {
                let answered = answers(&mut eve, request.clone(), room).await;
                assert!(!answered.contains("launch"), "{request}: {answered}");
                if room == kept.as_str() {
                    assert!(answered.contains("\"error\""), "{request}: {answered}");
                }
                count += 1;
            }
            let answered =
                answers(&mut eve, json!({"type": "join", "room": room, "after": 0, "id": "way"}), room).await;
            assert!(!answered.contains("launch"), "{answered}");
        }
        assert!(!answers(&mut eve, json!({"type": "rooms"}), "").await.contains('@'));
        let hello = json!({"type": "hello", "session": eve.session, "log": eve.log, "rooms": [
            {"room": kept.as_str(), "after": 0}, {"room": "@bob", "after": 0}, {"room": "@alice", "after": 0}
        ]});
        let mut again = house.dial_json().await;
        again.say_hello(hello).await;
        let all = serde_json::to_string(&again.so_far().await).expect("JSON");
        assert!(!all.contains("launch") && all.contains("no_such_room"), "{all}");
        alice.request(json!({"type": "private", "to": "bob", "text": "launch", "id": format!("l{count}")})).await;
        assert!(!serde_json::to_string(&again.so_far().await).expect("JSON").contains("launch"));
    }
    assert!(count >= 90, "{count} ways");
    let mut bob = program(&house, "bob", &["lobby"]).await;
    assert!(serde_json::to_string(&bob.so_far().await).expect("JSON").contains("launch"), "bob does");
}

#[tokio::test]
async fn members_come_and_go_as_its_maker_says() {
    let house = House::open().await;
    for name in ["alice", "bob"] {
        house.add(name, PASSWORD);
    }
    let mut alice = alice_in_secret(&house).await;
    let mut bob = program(&house, "bob", &["lobby"]).await;
    bob.so_far().await;
    alice.request(json!({"type": "invite", "room": "secret", "name": "BOB", "id": "i"})).await;
    assert_eq!(bob.receive().await, json!({"type": "invited", "room": "secret", "by": "alice"}));
    bob.send(json!({"type": "join", "room": "secret", "id": "j"})).await;
    assert_eq!(bob.receive().await["members"], json!(["alice", "bob"]));
    assert_eq!(bob.next("message").await["text"], "the launch code");
    bob.send(json!({"type": "rooms", "id": "r"})).await;
    assert_eq!(bob.next("rooms").await["rooms"][1]["room"], "secret");
    // A member alone says nothing about who else is one.
    for request in [json!({"type": "invite", "name": "bob"}), json!({"type": "uninvite", "name": "alice"})] {
        let mut request = request;
        (request["room"], request["id"]) = ("secret".into(), "f".into());
        bob.send(request).await;
        assert_eq!(bob.next("error").await["code"], "forbidden");
    }
    alice.send(json!({"type": "invite", "room": "secret", "name": "nobody", "id": "n"})).await;
    assert_eq!(alice.next("error").await["message"], "\"nobody\" has no account, which a member needs");

    alice.request(json!({"type": "uninvite", "room": "secret", "name": "bob", "id": "u"})).await;
    alice.request(json!({"type": "say", "room": "secret", "text": "he is gone", "id": "2"})).await;
    let left = bob.next("left").await;
    assert_eq!((&left["room"], &left["reason"]), (&json!("secret"), &json!("it isn't open to you any more")));
    bob.send(json!({"type": "history", "room": "secret", "id": "h"})).await;
    assert_eq!(bob.next("error").await["message"], "there is no room #secret");
    assert!(bob.so_far().await.is_empty(), "nothing more is heard");
    let mut again = house.dial_json().await;
    let hello = json!({"type": "hello", "session": bob.session, "rooms": [{"room": "secret", "after": 1}]});
    again.say_hello(hello).await;
    again.expect_error("no_such_room").await;
    again.expect_nothing().await;
    alice.send(json!({"type": "uninvite", "room": "secret", "name": "alice", "id": "u"})).await;
    assert_eq!(alice.next("error").await["code"], "forbidden");
}

#[tokio::test]
async fn guests_are_put_into_the_lobby_when_a_room_becomes_private() {
    let house = House::open().await;
    house.add("alice", PASSWORD);
    let mut alice = house.log_in("alice", PASSWORD).await;
    let mut guest = house.text("bob").await;
    alice.expect("*** bob joined the chat!").await;
    alice.send_line("/private").await;
    alice.expect("!!! only who made #lobby with an account may do that, or an operator").await;
    alice.send_line("/join den").await;
    alice.expect("*** You made #den; nobody else is here.").await;
    guest.expect("*** alice left the chat.").await;
    guest.send_line("/join den").await;
    guest.expect("*** You are in #den with alice.").await;
    guest.send_line("/private").await;
    guest.expect("!!! only who made #den with an account may do that, or an operator").await;
    alice.expect("*** bob joined the chat!").await;
    alice.send_line("/private").await;
    alice.expect("*** #den is its members' now; /invite NAME makes more of them").await;
    guest.expect("*** You are not in #den any more: it isn't open to you any more").await;
    guest.expect("*** You are in #lobby; nobody else is here.").await;
    alice.expect("*** bob left the chat.").await;
    alice.send_line("for us alone").await;
    guest.send_line("/who").await;
    guest.expect("*** 1 in #lobby: bob").await;
    alice.send_line("/invite bob").await;
    alice.expect("!!! \"bob\" has no account, which a member needs").await;
}

#[tokio::test]
async fn an_operator_closes_and_opens_rooms() {
    let house = House::open().await;
    house.add_operator("olga", PASSWORD);
    let mut olga = house.log_in("olga", PASSWORD).await;
    let mut bob = house.json(json!({"type": "hello", "alias": "bob", "rooms": [{"room": "ops"}]})).await;
    bob.request(json!({"type": "say", "room": "ops", "text": "hello", "id": "1"})).await;
    olga.send_line("/close ops").await;
    olga.expect("*** #ops is closed").await;
    assert_eq!(bob.next("left").await["room"], "ops");
    bob.send(json!({"type": "join", "room": "ops", "id": "j"})).await;
    bob.expect_error("no_such_room").await;
    olga.send_line("/rooms").await;
    olga.expect("*** #lobby (1)").await;
    for (line, answer) in [
        ("/close lobby", "!!! everybody starts in this room; it can't be closed"),
        ("/close nowhere", "!!! there is no room #nowhere"),
        ("/open nowhere", "!!! there is no room #nowhere"),
        ("/open lobby", "!!! #lobby isn't closed"),
        ("/open ops", "*** #ops is open to everybody again"),
    ] {
        olga.send_line(line).await;
        olga.expect(answer).await;
    }
    bob.send(json!({"type": "join", "room": "ops", "after": 0, "id": "j"})).await;
    assert_eq!(bob.next("message").await["text"], "hello");
    olga.send_line("/audit").await;
    assert!(olga.so_far().await.iter().any(|line| line.ends_with("olga: close #ops")));
}

#[tokio::test]
async fn a_private_room_that_is_opened_again_is_its_members_as_before() {
    let house = House::open().await;
    for name in ["alice", "eve"] {
        house.add(name, PASSWORD);
    }
    house.add_operator("olga", PASSWORD);
    let mut alice = alice_in_secret(&house).await;
    let mut olga = house.log_in("olga", PASSWORD).await;
    olga.send_line("/close secret").await;
    olga.expect("*** #secret is closed").await;
    assert_eq!(alice.next("left").await["room"], "secret");
    olga.send_line("/open secret").await;
    olga.expect("*** #secret is its members' again").await;
    for mut other in [program(&house, "eve", &["lobby"]).await, guest(&house, "mallory").await] {
        other.so_far().await;
        other.send(json!({"type": "join", "room": "secret", "after": 0, "id": "j"})).await;
        other.expect_error("no_such_room").await;
    }
    olga.send_line("/join secret").await;
    olga.until("!!! there is no room #secret").await;
    alice.send(json!({"type": "join", "room": "secret", "after": 0, "id": "j"})).await;
    assert_eq!(alice.next("ack").await["id"], "j");
    assert_eq!(alice.next("message").await["text"], "the launch code");
}

#[tokio::test]
async fn what_an_operator_does_to_the_room_of_another_is_on_record() {
    let house = House::open().await;
    house.add_operator("olga", PASSWORD);
    house.add("bob", PASSWORD);
    house.add("alice", PASSWORD);
    let _alice = program(&house, "alice", &["ops"]).await;
    let mut olga = program(&house, "olga", &["ops", "hers"]).await;
    for room in ["hers", "ops"] {
        olga.request(json!({"type": "make_private", "room": room, "id": "p"})).await;
        olga.request(json!({"type": "invite", "room": room, "name": "bob", "id": "i"})).await;
        olga.request(json!({"type": "uninvite", "room": room, "name": "bob", "id": "u"})).await;
    }
    olga.send(json!({"type": "moderate", "do": "audit", "id": "a"})).await;
    let audit = olga.next("audit").await;
    let entries: Vec<_> = audit["entries"].as_array().expect("entries").iter().map(|entry| &entry["what"]).collect();
    assert_eq!(entries, ["uninvite bob from #ops", "invite bob to #ops", "private #ops"]);
}

#[tokio::test]
async fn whose_a_room_is_outlives_the_server() {
    let data = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start_durable(data.path(), &[]);
    let mut alice = TextClient::enter("alice", server.address).await;
    for (line, answer) in [
        ("/register correct horse", "*** alice is yours now"),
        ("/join den", "*** You made #den"),
        ("/private", "*** #den is its members' now"),
    ] {
        alice.send_line(line).await;
        alice.expect_start(answer).await;
    }
    alice.send_line("for us alone").await;
    alice.expect_nothing().await;
    server.signal("TERM");
    assert_eq!(server.wait().1, Some(0));
    let server = ServerProcess::start_durable(data.path(), &[]);
    let mut bob = TextClient::enter("bob", server.address).await;
    bob.send_line("/join den").await;
    bob.expect("!!! there is no room #den").await;
    let mut alice = TextClient::dial("alice", server.address).await;
    for (question, line) in [("ALIAS?", "alice"), ("PASSWORD?", PASSWORD)] {
        alice.expect(question).await;
        alice.send_line(line).await;
    }
    alice.send_line("/join den").await;
    alice.until("*** You are in #den; nobody else is here.").await;
    alice.expect_said("alice: for us alone").await;
}

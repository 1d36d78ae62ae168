//! Messages taken away: by who said them, and by operators.

use serde_json::json;

use crate::accounts::House;

const PASSWORD: &str = "correct horse";

/// A house in which olga is an operator and alice has an account.
async fn open() -> House {
    let house = House::open().await;
    house.add_operator("olga", PASSWORD);
    house.add("alice", PASSWORD);
    house
}

#[tokio::test]
async fn an_operator_removes_what_others_said_and_it_is_on_record() {
    let house = open().await;
    let mut guest = house.json(json!({"type": "hello", "alias": "bob"})).await;
    let mut alice = house.json(json!({"type": "hello", "alias": "alice", "password": PASSWORD})).await;
    alice.request(json!({"type": "say", "room": "lobby", "text": "an address", "id": "1"})).await;
    let take = json!({"type": "redact", "room": "lobby", "seq": 1, "id": "r"});
    guest.send(take.clone()).await;
    assert_eq!(guest.next("error").await["code"], "forbidden");

    let mut olga = house.json(json!({"type": "hello", "alias": "olga", "password": PASSWORD})).await;
    olga.so_far().await;
    for reason in ["too private", "once more"] {
        let mut take = take.clone();
        take["reason"] = reason.into();
        assert_eq!(olga.request(take).await["type"], "ack", "{reason}");
    }
    let redacted = alice.next("redacted").await;
    assert_eq!(redacted, json!({"type": "redacted", "room": "lobby", "seq": 1, "by": "olga"}));
    alice.send(json!({"type": "history", "room": "lobby", "id": "h"})).await;
    assert_eq!(alice.next("message").await["text"], "");
    olga.send(json!({"type": "redact", "room": "lobby", "seq": 2, "id": "r"})).await;
    olga.expect_error("no_such_message").await;
    olga.send(json!({"type": "moderate", "do": "audit", "id": "a"})).await;
    let entries = olga.next("audit").await["entries"].clone();
    assert_eq!(entries[0]["what"], "redact 1 by alice in #lobby (too private)");
    assert_eq!(entries.as_array().map(Vec::len), Some(1), "what was gone already isn't removed again: {entries}");
}

#[tokio::test]
async fn an_operator_removes_nothing_where_he_is_no_member() {
    let house = open().await;
    let hello = json!({"type": "hello", "alias": "alice", "password": PASSWORD, "rooms": [{"room": "den"}]});
    let mut alice = house.json(hello).await;
    alice.request(json!({"type": "make_private", "room": "den", "id": "p"})).await;
    alice.request(json!({"type": "say", "room": "den", "text": "for us alone", "id": "1"})).await;
    let mut olga = house.json(json!({"type": "hello", "alias": "olga", "password": PASSWORD})).await;
    alice.request(json!({"type": "private", "to": "olga", "text": "between us", "id": "2"})).await;
    assert_eq!(olga.next("private").await["seq"], 1);
    for (room, code) in [("den", "no_such_room"), ("@alice", "forbidden")] {
        olga.send(json!({"type": "redact", "room": room, "seq": 1, "id": "r"})).await;
        olga.expect_error(code).await;
        olga.send(json!({"type": "redact", "room": room, "nth": 1, "name": "alice", "id": "r"})).await;
        olga.expect_error(code).await;
    }
    olga.send(json!({"type": "moderate", "do": "audit", "id": "a"})).await;
    assert_eq!(olga.next("audit").await["entries"], json!([]));
}

#[tokio::test]
async fn people_name_what_they_remove_by_who_said_it() {
    let house = open().await;
    let mut olga = house.log_in("olga", PASSWORD).await;
    let mut bob = house.text("bob").await;
    olga.expect("*** bob joined the chat!").await;
    for line in ["one", "two", "three"] {
        bob.send_line(line).await;
        olga.expect_said(&format!("bob: {line}")).await;
    }
    olga.send_line("mine").await;
    bob.expect_said("olga: mine").await;
    bob.send_line("/redact").await;
    bob.expect_start("*** bob removed a message said at ").await;
    for line in ["/redact olga", "/redact olga 1 too loud", "/redact bob 1 too loud"] {
        bob.send_line(line).await;
        let refused = bob.until_start("!!! ").await;
        assert!(refused.contains("operators"), "{line}: {refused}");
    }
    bob.send_line("/redact BOB 7").await;
    bob.expect("!!! there is no such message of yours among the last 2000 here").await;
    olga.until_start("*** bob removed a message said at ").await;
    olga.send_line("/redact bob 2 spam").await;
    olga.expect_start("*** olga removed the message that bob said at ").await;
    olga.send_line("/redact").await;
    olga.expect_start("*** olga removed a message said at ").await;
    olga.send_line("/redact bbo").await;
    olga.expect("!!! there is no such message of bbo's among the last 2000 here").await;
    olga.send_line("/history").await;
    let page = olga.until("*** -- now --").await;
    let said: Vec<_> = page.iter().filter_map(|line| line.split_once("] ")).map(|(_, said)| said).collect();
    assert_eq!(said, ["bob: two"]);
    olga.send_line("/audit").await;
    let entry = olga.until_start("*** 1. ").await;
    assert!(entry.ends_with("olga: redact 1 by bob in #lobby (spam)"), "{entry}");
}

#[tokio::test]
async fn a_name_that_somebody_had_before_is_no_leave_to_remove_what_he_said() {
    let house = open().await;
    let mut first = house.json(json!({"type": "hello", "alias": "bob"})).await;
    first.request(json!({"type": "say", "room": "lobby", "text": "the first one's", "id": "1"})).await;
    first.request(json!({"type": "nick", "alias": "bert", "id": "n"})).await;
    let mut second = house.json(json!({"type": "hello", "alias": "bob"})).await;
    let own = |name: Option<&str>| json!({"type": "redact", "room": "lobby", "nth": 1, "name": name, "id": "r"});
    second.send(own(Some("bob"))).await;
    assert_eq!(second.next("error").await["code"], "no_such_message");
    first.send(own(Some("bob"))).await;
    assert_eq!(first.next("redacted").await["seq"], 1);
}

//! Bad input of every kind: one error each, and the connection goes on with the next line.

use chat_tests::{JsonClient, TestServer};
use serde_json::{Value, json};

/// A program, and the line after a bad one is answered.
async fn goes_on(client: &mut JsonClient) {
    client.expect_nothing().await;
}

#[tokio::test]
async fn lines_that_cannot_be_read() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    for line in
        [&b"\xe9t\xe9\n"[..], b"{\"type\":\"ping\",\"id\":\"\xc3\"}\n", b"\xff\xfe\n", b"\xff\xff\n", b"\xff\xf4\n"]
    {
        bot.send_raw(line).await;
        let error = bot.expect_error("bad_line").await;
        assert!(error["message"].as_str().unwrap().contains("not UTF-8"), "{error}");
        goes_on(&mut bot).await;
    }
    for line in [
        "nonsense",
        "{",
        "[1]",
        "1",
        "null",
        "\"hello\"",
        "{} {}",
        "{\"type\":\"ping\"",
        "{\"type\":\"ping\",}",
        "{\"type\":\"ping\",\"id\":\"\\ud800\"}",
        "\u{1}",
    ] {
        bot.send_line(line).await;
        bot.expect_error("bad_json").await;
        goes_on(&mut bot).await;
    }
    bot.send_line(&"[".repeat(30_000)).await;
    bot.expect_error("bad_json").await;
    for line in [json!({}), json!({"id": "a"}), json!({"type": "dance"}), json!({"type": 5}), json!({"type": null})] {
        bot.send(line.clone()).await;
        let error = bot.expect_error("unknown_type").await;
        assert_eq!(error.get("id"), line.get("id"));
        goes_on(&mut bot).await;
    }
    bot.send_line("").await;
    bot.send_line("  ").await;
    goes_on(&mut bot).await;
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_would_be_telnet_commands_are_bytes_to_a_program_also_in_one_write() {
    let server = TestServer::start().await;
    let mut bot = server.dial_json("bot").await;
    bot.send_raw(b"{\"type\":\"hello\",\"alias\":\"bot\"}\n\xff\xfe\n{\"type\":\"ping\",\"id\":\"p\"}\n\xff\xf4\n")
        .await;
    bot.expect_type("welcome").await;
    bot.expect_type("joined").await;
    bot.expect_error("bad_line").await;
    bot.expect_json(json!({"type": "pong", "id": "p"})).await;
    bot.expect_error("bad_line").await;
    goes_on(&mut bot).await;
    server.stop().await;
}

#[tokio::test]
async fn lines_that_are_too_long() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    for len in [32_769, 100_000, 3_000_000] {
        bot.send_raw(&vec![b'x'; len]).await;
        bot.send_raw(b"\n").await;
        let error = bot.expect_error("line_too_long").await;
        assert_eq!(error["message"], format!("the line has {len} bytes; at most 32768 are allowed"));
        goes_on(&mut bot).await;
    }
    // As long as a line may be, and then it is only no JSON.
    bot.send_line(&"x".repeat(32_768)).await;
    bot.expect_error("bad_json").await;

    let mut alice = server.text("alice").await;
    alice.send_line(&"x".repeat(40_000)).await;
    alice.expect("!!! the line has 40000 bytes; at most 32768 are allowed").await;
    alice.send_line(&"x".repeat(8193)).await;
    alice.expect("!!! the message has 8193 bytes; at most 8192 are allowed").await;
    alice.send_raw(b"caf\xe9\n").await;
    let line = alice.line().await;
    assert!(line.starts_with("!!! the line is not UTF-8 (byte 0xe9 at position 4)"), "{line}");
    alice.expect_nothing().await;
    assert_eq!(bot.so_far().await.iter().filter(|line| line["type"] == "message").count(), 0);
    server.stop().await;
}

#[tokio::test]
async fn fields_that_are_missing_or_wrong() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let say = |field: &str, value: Value| {
        let mut line = json!({"type": "say", "room": "lobby", "text": "x", "id": "a"});
        line[field] = value;
        line
    };
    for line in [
        json!({"type": "say", "room": "lobby", "id": "a"}),
        json!({"type": "say", "text": "x", "id": "a"}),
        say("text", json!(5)),
        say("text", json!("")),
        say("text", json!(" \n ")),
        say("room", json!("not a room")),
        say("room", json!("")),
        say("kind", json!("shout")),
        json!({"type": "private", "text": "x", "id": "a"}),
        json!({"type": "join", "id": "a"}),
        json!({"type": "join", "room": "ops", "after": -1, "id": "a"}),
        json!({"type": "join", "room": "ops", "after": "1", "id": "a"}),
        json!({"type": "nick", "id": "a"}),
        json!({"type": "who", "id": "a"}),
        json!({"type": "who", "room": "lobby", "limit": -1, "id": "a"}),
        json!({"type": "history", "room": "lobby", "before": 1.5, "id": "a"}),
        json!({"type": "search", "room": "lobby", "id": "a"}),
        json!({"type": "search", "room": "lobby", "query": "  ", "id": "a"}),
        json!({"type": "topic", "room": "lobby", "id": "a"}),
    ] {
        bot.send(line.clone()).await;
        let error = bot.expect_error("bad_field").await;
        assert_eq!(error["id"], "a", "{line}: {error}");
        goes_on(&mut bot).await;
    }
    for id in [json!(""), json!("x".repeat(65)), json!(5), json!(["a"])] {
        bot.send(say("id", id)).await;
        let error = bot.expect_error("bad_field").await;
        assert_eq!(error.get("id"), None);
        goes_on(&mut bot).await;
    }
    // 64 bytes are an id, and fields that nobody knows are nothing.
    let id = "é".repeat(32);
    bot.request(json!({"type": "say", "room": "lobby", "text": "x", "id": id, "colour": "red"})).await;
    server.stop().await;
}

#[tokio::test]
async fn limits_state_themselves_and_what_came() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    for (text, words) in [
        ("x".repeat(8193), "the message has 8193 bytes; at most 8192 are allowed"),
        ("x\n".repeat(100), "the message has 101 lines; at most 100 are allowed"),
    ] {
        bot.send(json!({"type": "say", "room": "lobby", "text": text, "id": "a"})).await;
        bot.expect_json(json!({"type": "error", "id": "a", "code": "limit", "message": words})).await;
        bot.send(json!({"type": "private", "to": "bot", "text": text, "id": "a"})).await;
        bot.expect_json(json!({"type": "error", "id": "a", "code": "limit", "message": words})).await;
    }
    bot.send(json!({"type": "topic", "room": "lobby", "text": "x".repeat(1025), "id": "a"})).await;
    bot.expect_error("limit").await;
    for n in 1..32 {
        bot.request(json!({"type": "join", "room": format!("r{n}"), "id": "j"})).await;
    }
    bot.send(json!({"type": "join", "room": "r32", "id": "j"})).await;
    let error = bot.expect_error("limit").await;
    assert_eq!(error["id"], "j");
    goes_on(&mut bot).await;
    server.stop().await;
}

#[tokio::test]
async fn what_can_be_wrong_with_a_hello() {
    let server = TestServer::start().await;
    let _taken = server.text("taken").await;
    let mut bot = server.dial_json("bot").await;
    bot.send(json!({"type": "say", "room": "lobby", "text": "x", "id": "a"})).await;
    let error = bot.expect_error("hello_first").await;
    assert_eq!(error["id"], "a");
    bot.send(json!({"type": "hello", "alias": "bot", "v": 2})).await;
    bot.expect_error("bad_version").await;
    bot.send(json!({"type": "hello", "alias": "taken"})).await;
    let error = bot.expect_error("alias_taken").await;
    assert_eq!(error["message"], "taken is taken; taken2 is free");
    bot.send(json!({"type": "hello", "alias": ""})).await;
    bot.expect_error("bad_alias").await;
    bot.send(json!({"type": "hello", "alias": "bot", "session": "no such secret"})).await;
    bot.expect_error("unknown_session").await;
    let rooms: Vec<_> = (0..33).map(|n| json!({"room": format!("r{n}")})).collect();
    bot.send(json!({"type": "hello", "alias": "bot", "rooms": rooms})).await;
    bot.expect_error("bad_field").await;
    bot.send(json!({"type": "hello", "alias": "bot", "rooms": [{"room": "no room"}]})).await;
    bot.expect_error("bad_field").await;
    bot.say_hello(json!({"type": "hello", "alias": "bot"})).await;
    bot.expect_type("joined").await;
    bot.send(json!({"type": "hello", "alias": "bot2"})).await;
    bot.expect_error("hello_twice").await;
    goes_on(&mut bot).await;
    server.stop().await;
}

#[tokio::test]
async fn a_first_line_that_cannot_be_read_still_picks_the_dialect() {
    let server = TestServer::start().await;
    let mut bot = server.dial_json("bot").await;
    bot.send_raw(format!("{{\"type\":\"hello\",\"alias\":\"{}\"}}\n", "x".repeat(40_000)).as_bytes()).await;
    bot.expect_error("line_too_long").await;
    bot.send_raw(b"{\"type\":\"hello\",\"alias\":\"\xff\"}\n").await;
    bot.expect_error("bad_line").await;
    bot.say_hello(json!({"type": "hello", "alias": "bot"})).await;
    server.stop().await;
}

#[tokio::test]
async fn people_and_rooms_that_are_not_there() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut other = server.hello("other", json!({"type": "hello", "alias": "other", "rooms": [{"room": "ops"}]})).await;
    other.expect_type("joined").await;
    bot.send(json!({"type": "private", "to": "nobody", "text": "x", "id": "a"})).await;
    bot.expect_json(json!({
        "type": "error", "id": "a", "code": "no_such_alias", "message": "no one here is called \"nobody\""
    }))
    .await;
    for (room, code) in [("nowhere", "no_such_room"), ("ops", "not_in_room")] {
        for line in [
            json!({"type": "say", "text": "x"}),
            json!({"type": "leave"}),
            json!({"type": "who"}),
            json!({"type": "history"}),
            json!({"type": "search", "query": "x"}),
            json!({"type": "topic", "text": "x"}),
        ] {
            let mut line = line;
            (line["room"], line["id"]) = (json!(room), json!("a"));
            bot.send(line).await;
            let error = bot.expect_error(code).await;
            assert_eq!((&error["id"], &error["room"]), (&json!("a"), &json!(room)));
            goes_on(&mut bot).await;
        }
    }
    server.stop().await;
}

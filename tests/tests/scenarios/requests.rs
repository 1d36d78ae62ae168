//! Every request of the JSON dialect, and its answer with its exact fields.

use chat_tests::{JsonClient, TestServer};
use serde_json::{Value, json};

const TIME: &str = "2026-11-22T11:03:22.120Z";

fn joined(room: &str, members: &[&str], head: u64) -> Value {
    json!({"type": "joined", "room": room, "topic": "", "count": members.len(), "members": members, "head": head})
}

fn message(seq: u64, from: &str, text: &str) -> Value {
    json!({"type": "message", "room": "lobby", "seq": seq, "time": TIME, "from": from, "text": text, "kind": "say"})
}

fn presence(count: u64, joined: &[&str], left: &[&str]) -> Value {
    json!({"type": "presence", "room": "lobby", "count": count, "joined": joined, "left": left, "renamed": []})
}

fn with(mut line: Value, field: &str, value: impl Into<Value>) -> Value {
    line[field] = value.into();
    line
}

async fn say(client: &mut JsonClient, text: &str) -> u64 {
    let ack = client.request(json!({"type": "say", "room": "lobby", "text": text, "id": text})).await;
    ack["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn hello_and_welcome() {
    let server = TestServer::start().await;
    let mut bot = server.dial_json("bot").await;
    let mut welcome = bot.say_hello(json!({"type": "hello", "alias": "bot"})).await;
    assert!(bot.session.len() >= 32, "a secret that nobody guesses");
    assert!(!bot.log.is_empty());
    for field in ["session", "log", "version"] {
        assert!(welcome[field].is_string());
        welcome[field] = json!("");
    }
    let limits = json!({
        "max_text": 8192, "max_line": 32768, "max_lines": 100, "max_rate": 20, "burst": 200, "max_unacked": 64, "max_rooms": 32
    });
    assert_eq!(
        welcome,
        json!({
            "type": "welcome", "alias": "bot", "session": "", "log": "", "server": "chat-server", "version": "", "limits": limits
        })
    );
    bot.expect_json(joined("lobby", &["bot"], 0)).await;
    bot.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn saying_and_hearing() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut other = server.json("other").await;
    bot.expect_json(presence(2, &["other"], &[])).await;
    other.send(json!({"type": "say", "room": "lobby", "text": "hello", "id": "1"})).await;
    other.expect_json(json!({"type": "ack", "id": "1", "room": "lobby", "seq": 1, "time": TIME})).await;
    bot.expect_json(message(1, "other", "hello")).await;
    other.send(json!({"type": "say", "room": "#Lobby", "text": "a\tb\u{1b}\r\nc", "kind": "action"})).await;
    bot.expect_json(with(message(2, "other", "a b\u{fffd}\nc"), "kind", "action")).await;
    // Without an id there is no ack.
    other.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn private_messages() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut alice = server.text("alice").await;
    bot.expect_json(presence(2, &["alice"], &[])).await;
    bot.send(json!({"type": "private", "to": "ALICE", "text": "psst", "id": "1"})).await;
    bot.expect_json(json!({"type": "ack", "id": "1", "time": TIME, "to": "alice", "durable": false})).await;
    alice.expect("[12:03:22] bot -> you: psst").await;
    bot.send(json!({"type": "private", "to": "alice", "text": "one\ntwo", "kind": "action"})).await;
    alice.expect_all(&["[12:03:22] bot -> you: * bot one", "[12:03:22] bot -> you: * bot two"]).await;
    alice.send_line("@bot what?").await;
    bot.expect_json(json!({
        "type": "private", "time": TIME, "from": "alice", "to": "bot", "text": "what?", "kind": "say"
    }))
    .await;
    bot.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn joining_and_leaving() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut other = server.json("other").await;
    bot.expect_json(presence(2, &["other"], &[])).await;
    other.send(json!({"type": "join", "room": "ops", "id": "j"})).await;
    other.expect_json(joined("ops", &["other"], 0)).await;
    other.expect_json(json!({"type": "ack", "id": "j"})).await;
    other.send(json!({"type": "say", "room": "ops", "text": "first", "id": "s"})).await;
    other.expect_type("ack").await;
    bot.send(json!({"type": "join", "room": "#OPS"})).await;
    bot.expect_json(joined("ops", &["bot", "other"], 1)).await;
    bot.expect_json(with(message(1, "other", "first"), "room", "ops")).await;
    bot.send(json!({"type": "leave", "room": "ops", "id": "l"})).await;
    bot.expect_json(json!({"type": "ack", "id": "l"})).await;
    other.send(json!({"type": "leave", "room": "lobby", "id": "l"})).await;
    other.next("ack").await;
    bot.expect_json(presence(1, &[], &["other"])).await;
    // Whoever left hears nothing more.
    bot.request(json!({"type": "say", "room": "lobby", "text": "alone", "id": "s"})).await;
    let heard = other.so_far().await;
    assert!(heard.iter().all(|line| line["room"] == "ops"), "{heard:?}");
    server.stop().await;
}

#[tokio::test]
async fn several_rooms_from_the_start_and_none() {
    let server = TestServer::start().await;
    let rooms = json!([{"room": "ops"}, {"room": "lobby"}, {"room": "OPS"}]);
    let mut bot = server.hello("bot", json!({"type": "hello", "alias": "bot", "rooms": rooms})).await;
    bot.expect_json(joined("ops", &["bot"], 0)).await;
    bot.expect_json(joined("lobby", &["bot"], 0)).await;
    bot.expect_nothing().await;
    let mut lurker = server.hello("lurker", json!({"type": "hello", "alias": "lurker", "rooms": []})).await;
    lurker.expect_nothing().await;
    bot.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn quiet_ones_come_and_go_untold() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut cron = server.hello("cron", json!({"type": "hello", "alias": "cron", "quiet": true})).await;
    cron.expect_json(joined("lobby", &["bot"], 0)).await;
    say(&mut cron, "deployed").await;
    cron.send(json!({"type": "quit"})).await;
    cron.expect_type("bye").await;
    cron.expect_end().await;
    bot.expect_json(message(1, "cron", "deployed")).await;
    let alice = server.text("alice").await;
    bot.expect_json(presence(2, &["alice"], &[])).await;
    drop(alice);
    server.stop().await;
}

#[tokio::test]
async fn presence_has_names_reasons_and_renames() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut alice = server.json("alice").await;
    bot.expect_json(presence(2, &["alice"], &[])).await;
    alice.send(json!({"type": "nick", "alias": "al", "id": "n"})).await;
    bot.expect_json(with(presence(2, &[], &[]), "renamed", json!([{"from": "alice", "to": "al"}]))).await;
    let answer = [alice.receive().await, alice.receive().await];
    assert!(answer.contains(&json!({"type": "ack", "id": "n"})), "{answer:?}");
    alice.send(json!({"type": "quit", "reason": "gone\nfor \u{1b}lunch"})).await;
    bot.expect_json(with(presence(1, &[], &["al"]), "reasons", json!({"al": "gone for \u{fffd}lunch"}))).await;
    server.stop().await;
}

#[tokio::test]
async fn who_and_rooms_come_in_pages() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut others = Vec::new();
    for name in ["ann", "cat", "dan", "eve"] {
        others.push(server.json(name).await);
    }
    let who = |members: &[&str], more: bool| json!({"type": "who", "room": "lobby", "count": 5, "members": members, "re": "w", "more": more});
    bot.so_far().await;
    for (after, limit, members, more) in [
        (None, None, &["ann", "bot", "cat", "dan", "eve"][..], false),
        (None, Some(2), &["ann", "bot"], true),
        (Some("bot"), Some(2), &["cat", "dan"], true),
        (Some("dan"), Some(2), &["eve"], false),
        (Some("eve"), Some(2), &[], false),
        (Some("between"), Some(1), &["bot"], true),
    ] {
        bot.send(json!({"type": "who", "room": "lobby", "after": after, "limit": limit, "id": "w"})).await;
        bot.expect_json(who(members, more)).await;
    }
    for room in ["zoo", "ops"] {
        bot.request(json!({"type": "join", "room": room, "id": "j"})).await;
    }
    bot.request(json!({"type": "topic", "room": "ops", "text": "calm", "id": "t"})).await;
    bot.so_far().await;
    let all = [
        json!({"room": "lobby", "count": 5}),
        json!({"room": "ops", "count": 1, "topic": "calm"}),
        json!({"room": "zoo", "count": 1}),
    ];
    for (after, limit, rooms, more) in [
        (None, None, &all[..], false),
        (None, Some(2), &all[..2], true),
        (Some("ops"), Some(2), &all[2..], false),
        (Some("zoo"), None, &[], false),
    ] {
        bot.send(json!({"type": "rooms", "after": after, "limit": limit, "id": "r"})).await;
        bot.expect_json(json!({"type": "rooms", "rooms": rooms, "re": "r", "more": more})).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn history_comes_in_pages_from_either_side() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    for n in 1..=10 {
        assert_eq!(say(&mut bot, &n.to_string()).await, n);
    }
    for (query, seqs, more) in [
        (json!({}), 1..11, false),
        (json!({"limit": 3}), 8..11, true),
        (json!({"before": 8, "limit": 3}), 5..8, true),
        (json!({"before": 4, "limit": 3}), 1..4, false),
        (json!({"before": 1}), 1..1, false),
        (json!({"after": 0, "limit": 3}), 1..4, true),
        (json!({"after": 7, "limit": 3}), 8..11, false),
        (json!({"after": 10}), 1..1, false),
        (json!({"after": 99}), 1..1, false),
        (json!({"before": 99, "limit": 1}), 10..11, true),
        (json!({"after": 3, "before": 6}), 4..6, false),
    ] {
        let mut request = query.clone();
        (request["type"], request["room"], request["id"]) = (json!("history"), json!("lobby"), json!("h"));
        bot.send(request).await;
        for seq in seqs {
            let own = with(message(seq, "bot", &seq.to_string()), "own", true);
            bot.expect_json(with(own, "re", "h")).await;
        }
        bot.expect_json(json!({"type": "end", "re": "h", "more": more})).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_history_of_more_than_a_page_is_cut_at_500() {
    let server = TestServer::with().unhurried().start().await;
    let mut bot = server.json("bot").await;
    for n in 1..=510 {
        bot.send(json!({"type": "say", "room": "lobby", "text": "x".repeat(1000), "id": n.to_string()})).await;
    }
    while bot.next("ack").await["id"] != "510" {}
    bot.send(json!({"type": "history", "room": "lobby", "limit": 10_000, "id": "h"})).await;
    for seq in 11..=510 {
        assert_eq!(bot.expect_type("message").await["seq"], seq);
    }
    bot.expect_json(json!({"type": "end", "re": "h", "more": true})).await;
    server.stop().await;
}

#[tokio::test]
async fn search_goes_back_page_by_page() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    for text in ["red fish", "blue fish", "a bird", "Fish that is RED", "red"] {
        say(&mut bot, text).await;
    }
    let found = |seq: u64, text: &str| with(with(message(seq, "bot", text), "own", true), "re", "s");
    bot.send(json!({"type": "search", "room": "lobby", "query": "fish red", "limit": 1, "id": "s"})).await;
    bot.expect_json(found(4, "Fish that is RED")).await;
    bot.expect_json(json!({"type": "end", "re": "s", "more": true})).await;
    bot.send(json!({"type": "search", "room": "lobby", "query": "fish red", "before": 4, "id": "s"})).await;
    bot.expect_json(found(1, "red fish")).await;
    bot.expect_json(json!({"type": "end", "re": "s", "more": false})).await;
    bot.send(json!({"type": "search", "room": "lobby", "query": "whale", "id": "s"})).await;
    bot.expect_json(json!({"type": "end", "re": "s", "more": false})).await;
    server.stop().await;
}

#[tokio::test]
async fn topics_are_told() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut alice = server.text("alice").await;
    bot.expect_json(presence(2, &["alice"], &[])).await;
    bot.send(json!({"type": "topic", "room": "lobby", "text": "lunch\nat noon", "id": "t"})).await;
    let topic = json!({"type": "topic", "room": "lobby", "text": "lunch at noon", "from": "bot"});
    let ack = json!({"type": "ack", "id": "t"});
    let both = [bot.receive().await, bot.receive().await];
    assert!(both.contains(&topic) && both.contains(&ack), "{both:?}");
    alice.expect("*** bot set the topic: lunch at noon").await;
    let other = server.hello("other", json!({"type": "hello", "alias": "other"})).await.expect_type("joined").await;
    assert_eq!(other["topic"], "lunch at noon");
    bot.request(json!({"type": "topic", "room": "lobby", "text": "", "id": "t"})).await;
    alice.until("*** bot cleared the topic.").await;
    server.stop().await;
}

#[tokio::test]
async fn ping_and_quit() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    bot.send(json!({"type": "ping"})).await;
    bot.expect_json(json!({"type": "pong"})).await;
    bot.send(json!({"type": "ping", "id": "p"})).await;
    bot.expect_json(json!({"type": "pong", "id": "p"})).await;
    bot.send(json!({"type": "say", "room": "lobby", "text": "last", "id": "s"})).await;
    bot.send(json!({"type": "quit"})).await;
    bot.expect_json(json!({"type": "ack", "id": "s", "room": "lobby", "seq": 1, "time": TIME})).await;
    bot.expect_json(json!({"type": "bye", "code": "quit", "reason": "you left"})).await;
    bot.expect_end().await;
    server.stop().await;
}

#[tokio::test]
async fn history_wanted_on_joining() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    for n in 1..=60 {
        say(&mut bot, &n.to_string()).await;
    }
    for (wanted, first) in [(json!(null), 11), (json!(0), 61), (json!(3), 58), (json!(500), 1)] {
        let hello = json!({"type": "hello", "alias": "reader", "history": wanted});
        let mut reader = server.hello("reader", hello).await;
        reader.expect_type("joined").await;
        for seq in first..=60 {
            reader.expect_json(message(seq, "bot", &seq.to_string())).await;
        }
        reader.expect_nothing().await;
        reader.send(json!({"type": "quit"})).await;
        reader.expect_type("bye").await;
    }
    server.stop().await;
}

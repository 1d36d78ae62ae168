//! Every figure that an operator is told moves when what it counts happens.

use std::time::Duration;

use chat_tests::{Figures, JsonClient, Setup, TestServer, TextClient, Wire};
use serde_json::json;

/// Bytes of memory for messages: so little that who stalls misses some.
const KEPT: usize = 256 * 1024;
const SIZE: usize = 8000;

fn server() -> Setup {
    TestServer::with().unhurried().metrics()
}

async fn say(writer: &mut JsonClient, count: u64, first: u64) {
    for n in first..first + count {
        let text = "x".repeat(SIZE);
        writer.send(json!({"type": "say", "room": "lobby", "text": text, "id": n.to_string()})).await;
    }
    for _ in 0..count {
        writer.next("ack").await;
    }
}

async fn stalled(server: &TestServer) -> JsonClient {
    let mut stalled = JsonClient::over(Wire::connect_small("stalled", server.address).await).await;
    stalled.say_hello(json!({"type": "hello", "alias": "stalled"})).await;
    stalled
}

/// Has something said until somebody takes nothing any more; how many messages that took.
async fn until_blocked(writer: &mut JsonClient, figures: Figures) -> u64 {
    let mut said = 0;
    while figures.get("blocked_writers").await == 0.0 {
        say(writer, 16, said + 1).await;
        said += 16;
        assert!(said < 5000, "it takes everything");
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_who_falls_behind() {
    let server = server().keep(KEPT).start().await;
    let figures = server.figures();
    let mut writer = server.json("writer").await;
    let mut stalled = stalled(&server).await;
    for unmoved in ["messages_total", "lags_total", "gap_messages_total", "batch_messages_count"] {
        assert_eq!(figures.get(unmoved).await, 0.0, "{unmoved}");
    }
    let mut said = until_blocked(&mut writer, figures).await;
    assert_eq!(figures.get("blocked_writers").await, 1.0);
    // More than is kept, so that some of it can't be had any more.
    for _ in 0..4 {
        say(&mut writer, 40, said + 1).await;
        said += 40;
    }
    let (mut seq, mut missed) = (0, 0);
    while seq < said {
        let line = stalled.receive().await;
        if line["type"] == "gap" {
            missed += 1 + line["to"].as_u64().unwrap() - line["from"].as_u64().unwrap();
        }
        seq = line["seq"].as_u64().or_else(|| line["to"].as_u64()).unwrap_or(seq);
    }
    figures.until("blocked_writers", |blocked| blocked == 0.0).await;
    assert!(missed > 0 && figures.get("lags_total").await >= 1.0, "nobody fell behind");
    assert_eq!(figures.get("gap_messages_total").await, missed as f64);

    let said = said as f64;
    assert_eq!((figures.get("messages_total").await, figures.get("batch_messages_sum").await), (said, said));
    // Sent one behind the other, many were stored by one commit.
    assert!(figures.get("batch_messages_count").await < said);
    assert!(figures.get("batch_messages_bucket{le=\"1\"}").await < figures.get("batch_messages_count").await);
    assert!(figures.get("commit_seconds_count").await >= figures.get("batch_messages_count").await);
    assert!(figures.get("commit_seconds_sum").await > 0.0);
    // The writer has all of them, and the other what he didn't miss or catch up with.
    assert!(figures.get("deliveries_total").await >= said);
    figures.until("publish_to_written_seconds_count", |written| written > 0.0).await;
    assert!(figures.get("publish_to_written_seconds_sum").await > 0.0);
    assert!(figures.get("log_bytes").await > (KEPT / 2) as f64);
    let busy = figures.get("runtime_busy_seconds_total").await;
    assert!(busy > 0.0);
    drop(stalled);
    say(&mut writer, 40, 1_000_000).await;
    figures.until("runtime_busy_seconds_total", |later| later > busy).await;
    server.stop().await;
}

#[tokio::test]
async fn bytes_in_and_out() {
    let server = server().start().await;
    let figures = server.figures();
    let mut alice = server.text("alice").await;
    alice.expect_nothing().await;
    let names = ["received_bytes_total", "sent_bytes_total"];
    let question = "/so-far\n".len() as f64;
    let answer = "!!! unknown command /so-far; /help lists the commands\n".len() as f64;
    let began = "alice\n".len() as f64 + question;
    assert_eq!(figures.until(names[0], |bytes| bytes >= began).await, began);
    let sent = figures.get(names[1]).await;
    alice.expect_nothing().await;
    assert_eq!(figures.until(names[0], |bytes| bytes > began).await, began + question);
    assert_eq!(figures.until(names[1], |bytes| bytes > sent).await, sent + answer);
    server.stop().await;
}

/// What was counted once, and nothing else of its kind.
async fn once(figures: Figures, kind: &str, label: &str) {
    let all = figures.until(&format!("{kind}{{{label}}}"), |count| count > 0.0).await;
    assert_eq!(all, 1.0, "{label}");
}

async fn closed(figures: Figures, reason: &str) {
    once(figures, "closings_total", &format!("reason=\"{reason}\"")).await;
}

async fn met(figures: Figures, limit: &str) {
    once(figures, "limits_met_total", &format!("limit=\"{limit}\"")).await;
}

#[tokio::test]
async fn connections_end_for_many_reasons() {
    let server = server().start().await;
    let figures = server.figures();
    let mut bob = server.text("bob").await;
    bob.send_line("/quit").await;
    bob.rest().await;
    closed(figures, "quit").await;
    server.text("carol").await.into_wire().reset();
    closed(figures, "lost").await;
    let mut browser = server.wire("browser").await;
    browser.send_raw(b"GET / HTTP/1.1\r\n\r\n").await;
    browser.rest().await;
    closed(figures, "stranger").await;
    let mut old = server.json("bot").await;
    let session = old.session.clone();
    let new = server.hello("new", json!({"type": "hello", "session": session})).await;
    old.rest_json().await;
    closed(figures, "replaced").await;
    drop(new);
    figures.until("connections", |held| held == 0.0).await;
    assert_eq!(figures.get("connections_total").await, 5.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_end_for_taking_too_long() {
    let hasty = server().limits(|limits| limits.handshake = Duration::from_millis(100)).start().await;
    hasty.wire("silent").await.rest().await;
    closed(hasty.figures(), "timeout").await;
    hasty.stop().await;

    let server = server().limits(|limits| (limits.write, limits.max_backlog) = (Duration::from_millis(100), 0));
    let server = server.start().await;
    let mut writer = server.json("writer").await;
    let stalled = stalled(&server).await;
    let mut said = 0;
    while server.figures().get("limits_met_total{limit=\"max-backlog\"}").await == 0.0 {
        say(&mut writer, 16, said + 1).await;
        said += 16;
    }
    closed(server.figures(), "stalled").await;
    drop(stalled);
    server.stop().await;
}

#[tokio::test]
async fn whoever_is_turned_away_is_counted_with_the_limit() {
    let full = server().limits(|limits| limits.max_connections = 1).start().await;
    let alice = full.text("alice").await;
    let lines = full.wire("bob").await.rest().await;
    assert_eq!(lines.last().map(String::as_str), Some("*** bye: the server is full"));
    met(full.figures(), "max-connections").await;
    closed(full.figures(), "full").await;
    assert_eq!(full.figures().get("connections_total").await, 1.0);
    drop(alice);
    full.stop().await;

    let crowded = server().limits(|limits| limits.max_per_address = 1).start().await;
    let alice = crowded.text("alice").await;
    crowded.wire("bob").await.rest().await;
    met(crowded.figures(), "max-per-address").await;
    closed(crowded.figures(), "limit").await;
    drop(alice);
    crowded.stop().await;

    let proxied = server().configure(|config| config.proxy_protocol = true);
    let outside = proxied.configure(|config| config.trusted_proxies = vec!["192.0.2.9".parse().unwrap()]);
    let outside = outside.start().await;
    outside.wire("mallory").await.rest().await;
    closed(outside.figures(), "limit").await;
    outside.stop().await;
}

#[tokio::test]
async fn limits_that_are_met() {
    let server = server().limits(|limits| {
        (limits.max_text, limits.max_lines, limits.max_line) = (100, 2, 400);
        (limits.max_rooms, limits.max_guest_rooms) = (3, 1);
    });
    let server = server.start().await;
    let mut alice = server.json("alice").await;
    let refused = async |alice: &mut JsonClient, message| {
        alice.send(message).await;
        alice.next("error").await;
    };
    refused(&mut alice, json!({"type": "say", "room": "lobby", "text": "x".repeat(101)})).await;
    met(server.figures(), "max-text").await;
    refused(&mut alice, json!({"type": "say", "room": "lobby", "text": "1\n2\n3"})).await;
    met(server.figures(), "max-lines").await;
    refused(&mut alice, json!({"type": "say", "room": "lobby", "text": "x".repeat(500)})).await;
    met(server.figures(), "max-line").await;
    alice.request(json!({"type": "join", "room": "one", "id": "1"})).await;
    refused(&mut alice, json!({"type": "join", "room": "two", "id": "2"})).await;
    met(server.figures(), "max-guest-rooms").await;
    server.stop().await;
}

#[tokio::test]
async fn limits_of_all_together_and_of_one_in_a_hurry() {
    let server = TestServer::with().metrics().limits(|limits| (limits.max_rooms, limits.max_rate) = (1, 1));
    let server = server.start().await;
    let mut alice = TextClient::enter("alice", server.address).await;
    alice.send_line("/join two").await;
    alice.until_start("!!! ").await;
    met(server.figures(), "max-rooms").await;
    // More than the burst that a moment allows.
    alice.send_raw("/so-far\n".repeat(250).as_bytes()).await;
    server.figures().until("limits_met_total{limit=\"max-rate\"}", |count| count >= 1.0).await;
    let code = "refused_total{code=\"limit\"}";
    assert_eq!(server.figures().get(code).await, 1.0);
    server.stop().await;
}

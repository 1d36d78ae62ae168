//! Sessions that are somebody else's, or of long ago.

use chat_tests::{TestClock, TestServer};
use serde_json::json;

#[tokio::test]
async fn a_session_of_another_server_or_of_long_ago_is_unknown() {
    let clock = TestClock::at("2026-11-22T12:00:00Z");
    let (data, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let server = TestServer::with().clock(&clock).durable(data.path()).start().await;
    let mut bot = server.json("bot").await;
    bot.request(json!({"type": "say", "room": "lobby", "text": "hello", "id": "1"})).await;
    let hello = json!({"type": "hello", "session": bot.session});
    drop(bot);
    server.stop().await;

    let other = TestServer::with().clock(&clock).durable(elsewhere.path()).start().await;
    let mut thief = other.dial_json("thief").await;
    thief.send(hello.clone()).await;
    thief.expect_error("unknown_session").await;
    drop(thief);
    other.stop().await;

    clock.set("2027-02-20T11:00:00Z");
    let server = TestServer::with().clock(&clock).durable(data.path()).start().await;
    let mut late = server.dial_json("late").await;
    late.say_hello(hello.clone()).await;
    drop(late);
    server.stop().await;

    // Its use has made it last for 90 days more, and no longer.
    clock.set("2027-05-22T13:00:00Z");
    let server = TestServer::with().clock(&clock).durable(data.path()).start().await;
    let mut late = server.dial_json("late").await;
    late.send(hello).await;
    late.expect_error("unknown_session").await;
    drop(late);
    server.stop().await;
}

//! What everybody shares, and how much of it one may take.

use std::time::{Duration, Instant};

use chat_tests::{JsonClient, TestServer, TextClient, Wire};
use serde_json::json;

async fn refused_room(client: &mut JsonClient, room: &str, says: &str) {
    client.send(json!({"type": "join", "room": room, "id": "r"})).await;
    let refused = client.expect_error("limit").await;
    assert_eq!(refused["message"], says);
}

async fn made(client: &mut JsonClient, room: &str) {
    client.request(json!({"type": "join", "room": room, "id": "r"})).await;
}

#[tokio::test]
async fn rooms_are_so_many_in_all() {
    let server = TestServer::with().limits(|limits| limits.max_rooms = 3).start().await;
    let mut bot = server.json("bot").await;
    made(&mut bot, "one").await;
    made(&mut bot, "two").await;
    refused_room(&mut bot, "three", "there are as many rooms here as there may be, and no more are made").await;
    bot.request(json!({"type": "leave", "room": "two", "id": "l"})).await;
    // What is stored after the leaving was done after it.
    bot.request(json!({"type": "say", "room": "one", "text": "hello", "id": "s"})).await;
    made(&mut bot, "three").await;
    let mut alice = server.text("alice").await;
    alice.send_line("/join two").await;
    alice.expect("!!! there are as many rooms here as there may be, and no more are made").await;
    alice.send_line("/join one").await;
    alice.expect_start("*** You are in #one").await;
    server.stop().await;
}

#[tokio::test]
async fn private_rooms_are_among_those_that_there_may_be() {
    let server = TestServer::with().limits(|limits| limits.max_rooms = 3).start().await;
    let mut alice = server.json("alice").await;
    alice.send(json!({"type": "register", "password": "correct horse", "id": "r"})).await;
    alice.next("ack").await;
    for room in ["one", "two"] {
        made(&mut alice, room).await;
        alice.request(json!({"type": "make_private", "room": room, "id": "p"})).await;
    }
    let mut eve = server.json("eve").await;
    let says = "there are as many rooms here as there may be, and no more are made";
    refused_room(&mut eve, "three", says).await;
    server.stop().await;
}

#[tokio::test]
async fn an_address_makes_so_many_rooms_in_a_day_under_whatever_name() {
    let server =
        TestServer::with().limits(|limits| (limits.max_new_rooms, limits.max_guest_rooms) = (2, 2)).start().await;
    let mut bot = server.json("bot").await;
    made(&mut bot, "one").await;
    made(&mut bot, "two").await;
    bot.send(json!({"type": "join", "room": "0ne", "id": "r"})).await;
    bot.expect_error("limit").await;
    bot.send(json!({"type": "quit"})).await;
    bot.rest_json().await;
    let mut other = server.json("other").await;
    let says = "guests from your address made 2 rooms today, the most there may be; more in 24 h, or with an account";
    refused_room(&mut other, "three", says).await;
    // A room that is there is nobody's quota.
    let mut alice = server.json("alice").await;
    made(&mut alice, "lobby").await;
    alice.send(json!({"type": "register", "password": "correct horse", "id": "r"})).await;
    alice.expect_type("ack").await;
    made(&mut alice, "three").await;
    made(&mut alice, "four").await;
    refused_room(&mut alice, "five", "you made 2 rooms today, the most there may be; more in 24 h").await;
    server.stop().await;
}

#[tokio::test]
async fn a_session_is_in_so_many_rooms() {
    let server = TestServer::with().limits(|limits| limits.max_session_rooms = 2).start().await;
    let mut bot = server.dial_json("bot").await;
    bot.send(json!({"type": "hello", "alias": "bot", "rooms": [{"room": "a"}, {"room": "b"}, {"room": "c"}]})).await;
    assert_eq!(bot.expect_error("bad_field").await["message"], "rooms: at most 2 are allowed");
    let welcome =
        bot.say_hello(json!({"type": "hello", "alias": "bot", "rooms": [{"room": "a"}, {"room": "b"}]})).await;
    assert_eq!(welcome["limits"]["max_rooms"], 2);
    bot.so_far().await;
    refused_room(&mut bot, "c", "you are in 2 rooms, the most there may be; leave one first").await;
    server.stop().await;
}

#[tokio::test]
async fn guests_of_an_address_say_so_much_in_a_day() {
    let server = TestServer::with().limits(|limits| limits.max_guest_bytes = 100).configure(|config| {
        config.proxy_protocol = true;
    });
    let server = server.start().await;
    let enter = async |name: &str, address: &str| {
        let mut wire = server.wire(name).await;
        wire.send_raw(format!("PROXY TCP4 {address} 192.0.2.9 1000 5555\r\n").as_bytes()).await;
        let mut client = TextClient::over(wire);
        client.introduce(name).await;
        client.send_line(&"x".repeat(60)).await;
        client
    };
    let mut alice = enter("alice", "192.0.2.1").await;
    alice.expect_nothing().await;
    let mut eve = enter("eve", "192.0.2.1").await;
    let words = "guests from your address may say 100 bytes a day, and this would be more";
    eve.until(&format!("!!! {words}; again in 24 h, or with an account")).await;
    eve.send_line("forty bytes more are still within limits").await;
    eve.expect_nothing().await;
    let mut bob = enter("bob", "192.0.2.2").await;
    bob.until_start("*** -- now").await;
    bob.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn who_stalls_while_too_much_waits_already_is_closed_sooner() {
    let server = TestServer::with().unhurried().limits(|limits| limits.max_backlog = 0).start().await;
    let mut writer = server.json("writer").await;
    let mut stalled = Wire::connect_small("stalled", server.address).await;
    stalled.send_raw(b"{\"type\":\"hello\",\"alias\":\"stalled\"}\n").await;
    let text = "x".repeat(8000);
    let began = Instant::now();
    for n in 0.. {
        writer.request(json!({"type": "say", "room": "lobby", "text": text, "id": n.to_string()})).await;
        writer.send(json!({"type": "who", "room": "lobby", "id": "w"})).await;
        if writer.next("who").await["count"] == 1 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "long before the 30 s that it would have otherwise");
    }
    let mut last = String::new();
    while let Ok(Some(line)) = stalled.try_next_line().await {
        last = line;
    }
    let words = "you took nothing for 1 s, and no more may wait for those who take nothing";
    assert!(last.contains(words), "{last:.200}");
    server.stop().await;
}

#[tokio::test]
async fn a_connection_tries_so_often() {
    let server = TestServer::with().limits(|limits| limits.max_tries = 2).start().await;
    let mut alice = server.dial_text("alice").await;
    alice.expect("ALIAS?").await;
    alice.send_line("no such name").await;
    alice.expect_start("!!! ").await;
    alice.expect("ALIAS?").await;
    alice.send_line("no such name").await;
    alice.expect_start("!!! ").await;
    alice.expect("*** bye: 2 tries are enough; connect again to go on").await;
    alice.expect_end().await;
    server.stop().await;
}

#[tokio::test]
async fn whoever_says_much_is_told_once_that_it_is_taken_more_slowly() {
    const PASTE: usize = 200;
    let server = TestServer::start().await;
    let mut reader = server.json("reader").await;
    let mut alice = server.text("alice").await;
    alice.send_raw("a line\n".repeat(PASTE).as_bytes()).await;
    for _ in 0..PASTE {
        reader.next("message").await;
    }
    alice.expect_nothing().await;
    alice.send_raw("one more\n".repeat(10).as_bytes()).await;
    alice.expect("*** you say more than 20 messages a second; the rest is taken more slowly").await;
    for _ in 0..10 {
        assert_eq!(reader.next("message").await["text"], "one more");
    }
    alice.expect_nothing().await;
    server.stop().await;
}

//! Who may be called what, and for how long.

use std::time::Duration;

use chat_tests::{TestServer, TextClient};
use serde_json::json;

#[tokio::test]
async fn a_taken_alias_is_refused_with_one_that_is_free() {
    let server = TestServer::start().await;
    let _alice = server.text("alice").await;
    let mut other = server.dial_text("other").await;
    other.expect("ALIAS?").await;
    for same in ["alice", "Alice", "ALICE"] {
        other.send_line(same).await;
        other.expect(&format!("!!! {same} is taken; {same}2 is free")).await;
        other.expect("ALIAS?").await;
    }
    other.send_line("alice2").await;
    other.expect("You are now connected!").await;
    server.stop().await;
}

#[tokio::test]
async fn nobody_can_pass_for_somebody_else() {
    let server = TestServer::start().await;
    let _alice = server.text("alice").await;
    let mut other = server.dial_text("other").await;
    other.expect("ALIAS?").await;
    // A Cyrillic а, a full-width a, reserved names, what terminals act on, what can't be seen, what looks like the server.
    let bad = ["\u{430}lice", "\u{ff41}lice", "server", "You", "al\u{1b}[2Jice", "ali\u{200d}ce", "*** alice"];
    for name in bad {
        other.send_line(name).await;
        let line = other.line().await;
        assert!(line.starts_with("!!! ") && !line.contains('\u{1b}'), "{name:?}: {line}");
        other.expect("ALIAS?").await;
    }
    for welcome in ["田中さくら", "Zoë"] {
        let mut client = server.text(welcome).await;
        client.so_far().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn the_tenth_bad_alias_is_the_last() {
    let server = TestServer::start().await;
    let mut guesser = server.dial_text("guesser").await;
    guesser.expect("ALIAS?").await;
    for _ in 1..10 {
        guesser.send_line("not a name").await;
        assert!(guesser.line().await.starts_with("!!! a space cannot be in a name"));
        guesser.expect("ALIAS?").await;
    }
    guesser.send_line("not a name").await;
    assert!(guesser.line().await.starts_with("!!! "));
    assert!(guesser.line().await.starts_with("*** bye: "));
    guesser.expect_end().await;

    let mut program = server.dial_json("program").await;
    for _ in 0..10 {
        program.send(json!({"type": "hello", "alias": "not a name"})).await;
        program.expect_error("bad_alias").await;
    }
    let bye = program.expect_type("bye").await;
    assert_eq!(bye["code"], "limit");
    program.expect_end().await;
    server.stop().await;
}

#[tokio::test]
async fn bad_lines_and_help_are_no_aliases() {
    let server = TestServer::start().await;
    let mut slow_starter = server.dial_text("slow_starter").await;
    slow_starter.expect("ALIAS?").await;
    for _ in 0..12 {
        slow_starter.send_line("/help").await;
        assert!(slow_starter.line().await.starts_with("*** type the name"));
        slow_starter.expect_all(&["*** /quit leaves", "ALIAS?"]).await;
    }
    slow_starter.send_line("slow_starter").await;
    slow_starter.expect("You are now connected!").await;

    let mut program = server.dial_json("program").await;
    for _ in 0..12 {
        program.send_line("{").await;
        program.expect_error("bad_json").await;
    }
    program.send_line("").await;
    program.say_hello(json!({"type": "hello", "alias": "program"})).await;
    server.stop().await;
}

#[tokio::test]
async fn quitting_at_the_door_is_possible() {
    let server = TestServer::start().await;
    let mut shy = server.dial_text("shy").await;
    shy.expect("ALIAS?").await;
    shy.send_line("/quit").await;
    shy.expect("*** bye: you left").await;
    shy.expect_end().await;
    server.stop().await;
}

/// On one thread, as time is moved here.
#[tokio::test]
async fn after_an_abrupt_end_the_alias_is_kept_for_two_minutes_for_its_session_alone() {
    let server = TestServer::start().await;
    let mut watcher = server.text("watcher").await;
    let bot = server.json("bot").await;
    let session = bot.session.clone();
    watcher.expect("*** bot joined the chat!").await;
    bot.into_wire().reset();
    watcher.expect("*** bot left the chat.").await;

    let mut other = server.dial_text("other").await;
    other.expect("ALIAS?").await;
    other.send_line("bot").await;
    other.expect_all(&["!!! bot is taken; bot2 is free", "ALIAS?"]).await;

    let mut bot = server.hello("bot", json!({"type": "hello", "alias": "bot", "session": session})).await;
    bot.expect_type("joined").await;
    watcher.expect("*** bot joined the chat!").await;
    bot.into_wire().reset();
    watcher.expect("*** bot left the chat.").await;
    pass(Duration::from_secs(119)).await;
    let mut other = server.dial_text("other").await;
    other.expect("ALIAS?").await;
    other.send_line("bot").await;
    other.expect_all(&["!!! bot is taken; bot2 is free", "ALIAS?"]).await;
    pass(Duration::from_secs(2)).await;
    other.send_line("bot").await;
    other.expect("You are now connected!").await;
    // Now the session has to wait, but it is still known.
    let mut late = server.dial_json("late").await;
    late.send(json!({"type": "hello", "session": session})).await;
    let error = late.expect_error("alias_taken").await;
    assert_eq!(error["message"], "bot is taken; bot2 is free");
    server.stop().await;
}

#[tokio::test]
async fn after_a_goodbye_the_alias_is_free_at_once() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    bot.send(json!({"type": "quit", "reason": "done"})).await;
    bot.expect_json(json!({"type": "bye", "code": "quit", "reason": "you left"})).await;
    bot.expect_end().await;
    let person = server.text("bot").await;
    person.into_wire().reset();
    // A text connection that broke leaves nothing behind that would need its name.
    let mut again = server.dial_text("bot").await;
    loop {
        let line = again.line().await;
        match line.as_str() {
            "ALIAS?" => again.send_line("bot").await,
            "You are now connected!" => break,
            "!!! bot is taken; bot2 is free" => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => again.fail("an unexpected line"),
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_new_name_is_told_and_the_old_one_is_free() {
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;
    let mut bob = server.text("bob").await;
    alice.expect("*** bob joined the chat!").await;
    bob.send_line("/nick alice").await;
    bob.expect("!!! alice is taken; alice2 is free").await;
    bob.send_line("/nick a b").await;
    assert!(bob.line().await.starts_with("!!! a space cannot be in a name"));
    bob.send_line("/nick").await;
    bob.expect("!!! /nick needs the new name: /nick al").await;
    bob.send_line("/nick Bob").await;
    alice.expect("*** bob is now known as Bob").await;
    bob.send_line("/nick robert").await;
    alice.expect("*** Bob is now known as robert").await;
    bob.send_line("it is me").await;
    alice.expect_said("robert: it is me").await;
    let mut new_bob = TextClient::enter("bob", server.address).await;
    alice.expect("*** bob joined the chat!").await;
    new_bob.until("*** -- now --").await;
    new_bob.send_line("/who").await;
    new_bob.expect("*** 3 in #lobby: alice, bob, robert").await;
    server.stop().await;
}

/// Moves the time of this test's runtime.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

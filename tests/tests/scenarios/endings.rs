//! How connections end: by a goodbye, in half, abruptly, late, and for reasons of the server.

use std::time::Duration;

use chat_tests::{TestServer, TextClient};
use serde_json::json;

#[tokio::test]
async fn end_of_input_is_a_goodbye_and_whole_lines_before_it_are_carried_out() {
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;
    let mut bob = server.dial_text("bob").await;
    bob.send_raw(b"bob\nfirst\n/me waves\nlast\nunended").await;
    bob.half_close().await;
    let lines = bob.rest().await;
    assert_eq!(lines.last().map(String::as_str), Some("*** bye: you left"));
    alice
        .expect_all(&[
            "*** bob joined the chat!",
            "[12:03:22] bob: first",
            "[12:03:22] * bob waves",
            "[12:03:22] bob: last",
            "*** bob left the chat.",
        ])
        .await;
    alice.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn a_program_that_closes_half_gets_all_its_acks() {
    let server = TestServer::start().await;
    let mut bot = server.dial_json("bot").await;
    let mut lines = json!({"type": "hello", "alias": "bot"}).to_string() + "\n";
    for n in 1..=150 {
        lines += &(json!({"type": "say", "room": "lobby", "text": "x", "id": n.to_string()}).to_string() + "\n");
    }
    lines += &json!({"type": "say", "room": "lobby", "text": "unended", "id": "unended"}).to_string();
    bot.send_raw(lines.as_bytes()).await;
    bot.half_close().await;
    let answers = bot.rest_json().await;
    let acks: Vec<_> = answers.iter().filter(|line| line["type"] == "ack").collect();
    assert_eq!(acks.len(), 150);
    for (n, ack) in (1..).zip(acks) {
        assert_eq!((&ack["id"], &ack["seq"]), (&json!(n.to_string()), &json!(n)));
    }
    assert_eq!(answers.last(), Some(&json!({"type": "bye", "code": "quit", "reason": "you left"})));
    server.stop().await;
}

#[tokio::test]
async fn what_was_sent_before_a_hasty_close_is_carried_out() {
    // A script that writes its lines and closes without reading: the server's answers meet a reset.
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;
    for round in 0..20 {
        let mut script = server.wire("script").await;
        script.send_raw(format!("script{round}\nfirst {round}\nlast {round}\nunended").as_bytes()).await;
        script.close();
        alice.expect(&format!("*** script{round} joined the chat!")).await;
        alice.expect(&format!("[12:03:22] script{round}: first {round}")).await;
        alice.expect(&format!("[12:03:22] script{round}: last {round}")).await;
        alice.expect(&format!("*** script{round} left the chat.")).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_reset_is_a_leaving_and_its_unended_line_is_nothing() {
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;
    let mut bob = server.text("bob").await;
    alice.expect("*** bob joined the chat!").await;
    bob.send_raw(b"whole\nunended").await;
    alice.expect("[12:03:22] bob: whole").await;
    bob.into_wire().reset();
    alice.expect("*** bob left the chat.").await;
    let bob = server.text("bob").await;
    alice.expect("*** bob joined the chat!").await;
    drop(bob);
    server.stop().await;
}

#[tokio::test]
async fn the_reason_arrives_behind_much_unread_input() {
    let server = TestServer::start().await;
    for size in [100_000, 1_000_000] {
        let mut bot = server.dial_json("bot").await;
        let mut lines = format!("{}\n{}\n", json!({"type": "hello", "alias": "bot"}), json!({"type": "quit"}));
        lines += &(json!({"type": "ping"}).to_string() + "\n").repeat(size / 16);
        bot.send_raw(lines.as_bytes()).await;
        let lines = bot.rest_json().await;
        assert_eq!(lines.last().expect("a last line")["code"], "quit");
        assert!(!lines.iter().any(|line| line["type"] == "pong"));

        let mut guesser = server.dial_text("guesser").await;
        guesser.send_raw("no name\n".repeat(size / 8).as_bytes()).await;
        let lines = guesser.rest().await;
        assert!(lines.last().unwrap().starts_with("*** bye: 10 tries are enough"), "{lines:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_taken_over_connection_with_much_unread_input_learns_why() {
    let server = TestServer::with().limits(|limits| limits.max_rate = 1).start().await;
    let mut old = server.json("bot").await;
    let session = old.session.clone();
    // Far more than the burst, so that most of it is unread when the session moves.
    let pings = (json!({"type": "ping"}).to_string() + "\n").repeat(100_000 / 16);
    old.send_raw(pings.as_bytes()).await;
    let mut new = server.hello("new", json!({"type": "hello", "session": session})).await;
    new.expect_type("joined").await;
    let lines = old.rest_json().await;
    assert_eq!(lines.last().expect("a last line")["code"], "replaced");
    server.stop().await;
}

#[tokio::test]
async fn whoever_introduces_himself_too_late_is_told_what_was_missing() {
    let hurried = || TestServer::with().limits(|limits| limits.handshake = Duration::from_millis(300));
    let server = hurried().start().await;
    let mut hasty = server.dial_text("hasty").await;
    hasty.send_raw(b"alice").await;
    hasty
        .expect_all(&[
            "ALIAS?",
            "!!! got 5 bytes but no end of line; end each line with \\n",
            "*** bye: nobody introduced himself within 0 s",
        ])
        .await;
    hasty.expect_end().await;
    let mut laconic = server.dial_text("laconic").await;
    laconic.send_raw(b"a").await;
    laconic.expect_all(&["ALIAS?", "!!! got 1 byte but no end of line; end each line with \\n"]).await;
    let mut silent = server.dial_text("silent").await;
    silent.expect_all(&["ALIAS?", "*** bye: nobody introduced himself within 0 s"]).await;
    silent.expect_end().await;
    let mut program = server.dial_json("program").await;
    program.send(json!({"type": "ping"})).await;
    program.expect_error("hello_first").await;
    assert_eq!(program.expect_type("bye").await["code"], "timeout");
    program.expect_end().await;
    // Whoever did it in time may take his.
    let mut alice = server.text("alice").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    alice.expect_nothing().await;
    server.stop().await;
}

/// Lets time pass at once, and the server do what is due by then.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_handshake_has_sixty_seconds_and_no_more() {
    let server = TestServer::start().await;
    let mut silent = server.dial_text("silent").await;
    silent.expect("ALIAS?").await;
    let mut slow = server.dial_text("slow").await;
    slow.expect("ALIAS?").await;
    slow.send_raw(b"alice").await;
    pass(Duration::from_secs(59)).await;
    slow.send_raw(b"\n").await;
    slow.expect("You are now connected!").await;
    pass(Duration::from_secs(1)).await;
    // What was due is written by now, so that no busy machine delays it; what were due a second later comes too late.
    let bye = silent.expect("*** bye: nobody introduced himself within 60 s");
    tokio::time::timeout(Duration::from_millis(500), bye).await.expect("the end at 60 s");
    server.stop().await;
}

#[tokio::test]
async fn telnet_commands_are_no_words_and_its_interrupt_is_a_goodbye() {
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;
    // What a telnet negotiates, split at every byte, in the middle of a name and of words.
    let mut bob = server.dial_text("bob").await;
    for byte in b"\xff\xfd\x03\xff\xfb\x18bo\xff\xfa\x18\x00xterm\n\xff\xf0b\r\nhe\xff\xf1llo\r\n\xff\xfb\nwhole\r\n" {
        bob.send_raw(&[*byte]).await;
    }
    alice.expect_all(&["*** bob joined the chat!", "[12:03:22] bob: hello", "[12:03:22] bob: whole"]).await;
    bob.until("You are now connected!").await;
    bob.line().await;
    bob.send_raw(b"last words\r\n\xff\xf4\xff\xfd\x06").await;
    // Its client shows nothing more until its question about timing is answered.
    assert_eq!(bob.rest_raw().await, b"\xff\xfc\x06*** bye: you left\n");
    alice.expect_all(&["[12:03:22] bob: last words", "*** bob left the chat."]).await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_stores_and_acks_what_had_arrived() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut alice = server.text("alice").await;
    bot.so_far().await;
    // Beyond the burst, so that most lines wait to be read when the server stops.
    for n in 1..=400 {
        bot.send(json!({"type": "say", "room": "lobby", "text": n.to_string(), "id": n.to_string()})).await;
    }
    bot.send_raw(b"{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"unended\",\"id\":\"unended\"}").await;
    let stopping = server.begin_to_stop();
    let lines = bot.rest_json().await;
    let acked: Vec<_> = lines.iter().filter(|line| line["type"] == "ack").map(|ack| ack["seq"].clone()).collect();
    assert_eq!(acked, (1..=400).map(|seq| json!(seq)).collect::<Vec<_>>());
    let bye = lines.last().expect("a last line");
    assert_eq!((&bye["type"], &bye["code"]), (&json!("bye"), &json!("shutdown")));
    assert!(bye["retry_after_ms"].is_u64());
    assert_eq!(alice.rest().await.last().map(String::as_str), Some("*** bye: the server is shutting down"));
    stopping.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_goodbye_among_the_last_lines_still_acks_what_came_before_it() {
    let server = TestServer::with().limits(|limits| limits.max_rate = 1).start().await;
    let mut bot = server.json("bot").await;
    // The first lines use the burst up; the last ones are read when the server stops.
    for _ in 0..202 {
        bot.send(json!({"type": "ping"})).await;
    }
    for n in 1..=20 {
        bot.send(json!({"type": "say", "room": "lobby", "text": "x", "id": n.to_string()})).await;
    }
    bot.send(json!({"type": "quit"})).await;
    let stopping = server.begin_to_stop();
    let lines = bot.rest_json().await;
    assert_eq!(lines.iter().filter(|line| line["type"] == "ack").count(), 20, "{:?}", lines.last());
    assert_eq!(lines.last().expect("a last line")["type"], "bye");
    stopping.await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_new_is_let_in_while_the_server_stops() {
    let server = TestServer::start().await;
    let address = server.address;
    let alice = server.text("alice").await;
    let stopping = server.begin_to_stop();
    drop(alice);
    stopping.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    // And its address is free for the next one.
    let again = TestServer::start().await;
    TextClient::enter("alice", again.address).await;
    again.stop().await;
}

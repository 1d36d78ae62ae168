//! The example of the text dialect, line by line, and what else people see of the calendar.

use chat_tests::{TestClock, TestServer};

#[tokio::test]
async fn the_example_of_the_protocol_comes_byte_by_byte() {
    let clock = TestClock::at("2026-11-21T22:58:07Z");
    let server = TestServer::with().clock(&clock).start().await;
    let mut bob = server.text("bob").await;
    bob.send_line("anyone here?").await;
    // Whoever asks for history finds in it what he said before.
    bob.send_line("/history").await;
    bob.until("*** -- now --").await;

    clock.set("2026-11-22T11:03:00Z");
    let mut carol = server.text("carol").await;
    carol.until("*** -- now --").await;
    bob.expect_all(&["*** -- 2026-11-22 --", "*** carol joined the chat!"]).await;

    let mut alice = server.wire("alice").await;
    alice.send_raw(b"alice\n").await;
    bob.expect("*** alice joined the chat!").await;
    let dave = server.text("dave").await;
    bob.expect("*** dave joined the chat!").await;
    clock.set("2026-11-22T11:03:22Z");
    bob.send_line("hello alice").await;
    carol.until("[12:03:22] bob: hello alice").await;
    clock.set("2026-11-22T11:03:40Z");
    carol.send_line("/me waves").await;
    bob.expect("[12:03:40] * carol waves").await;
    clock.set("2026-11-22T11:04:02Z");
    bob.send_line("@alice psst").await;
    bob.expect("[12:04:02] you -> alice: psst").await;
    clock.set("2026-11-22T11:04:09Z");
    alice.send_raw(b"@bob what?\n").await;
    bob.expect("[12:04:09] alice -> you: what?").await;
    bob.send_line("/quit gone for lunch").await;
    bob.expect_all(&["*** bye: you left"]).await;
    carol.until("*** bob left the chat. (gone for lunch)").await;
    alice.send_raw(b"@bbo hi\n").await;
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|line: &String| line.starts_with("!!!")) {
        seen.push(alice.line().await);
    }
    server.stop().await;
    let words = String::from_utf8(alice.rest_raw().await).unwrap();

    let example = "\
ALIAS?
You are now connected!
*** You are alice, in #lobby with bob and carol. Times are UTC+01:00. /help lists the commands.
*** -- 2026-11-21 --
[23:58:07] bob: anyone here?
*** -- now --
*** dave joined the chat!
[12:03:22] bob: hello alice
[12:03:40] * carol waves
[12:04:02] bob -> you: psst
[12:04:09] you -> bob: what?
*** bob left the chat. (gone for lunch)
!!! no one here is called \"bbo\"
*** bye: the server is shutting down
";
    assert_eq!(seen.join("\n") + "\n" + &words, example);
    drop(dave);
}

#[tokio::test]
async fn a_new_day_is_told_to_all_before_what_is_said_on_it() {
    let clock = TestClock::at("2026-11-21T22:59:59Z");
    let server = TestServer::with().clock(&clock).start().await;
    let mut alice = server.text("alice").await;
    let mut bob = server.text("bob").await;
    alice.expect("*** bob joined the chat!").await;
    clock.set("2026-11-21T23:00:00Z");
    alice.send_line("happy new day").await;
    bob.expect_all(&["*** -- 2026-11-22 --", "[00:00:00] alice: happy new day"]).await;
    alice.expect("*** -- 2026-11-22 --").await;
    alice.expect_nothing().await;
    // A page that begins today needs no date; one that spans two days has it where it changes.
    bob.send_line("/history").await;
    bob.expect_all(&["[00:00:00] alice: happy new day", "*** -- now --"]).await;
    clock.set("2026-11-23T11:00:00Z");
    bob.send_line("lunch?").await;
    alice.expect_all(&["*** -- 2026-11-23 --", "[12:00:00] bob: lunch?"]).await;
    alice.send_line("/history").await;
    alice
        .expect_all(&[
            "*** -- 2026-11-22 --",
            "[00:00:00] alice: happy new day",
            "*** -- 2026-11-23 --",
            "[12:00:00] bob: lunch?",
            "*** -- now --",
        ])
        .await;
    server.stop().await;
}

#[tokio::test]
async fn the_end_of_summer_time_is_told() {
    let clock = TestClock::european("2026-10-25T00:30:00Z");
    let server = TestServer::with().clock(&clock).start().await;
    let mut alice = server.dial_text("alice").await;
    let greeting = alice.introduce("alice").await;
    assert!(greeting.contains("Times are UTC+02:00."), "{greeting}");
    let mut bob = server.text("bob").await;
    alice.expect("*** bob joined the chat!").await;
    bob.send_line("half past two").await;
    alice.expect("[02:30:00] bob: half past two").await;
    clock.set("2026-10-25T01:30:00Z");
    bob.send_line("half past two, again").await;
    alice.expect_all(&["*** Times are now UTC+01:00.", "[02:30:00] bob: half past two, again"]).await;
    server.stop().await;
}

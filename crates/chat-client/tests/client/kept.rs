//! What a person said and isn't stored, and what he missed, across kill -9 of the program.

use std::fs;
use std::process::Command;

use chat_client::protocol::value::{Kind, Seq};
use chat_client::{Client, Event, Journal, Options};

use crate::fake::{lobby, wait_for};
use crate::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_to_a_stopped_server_is_there_once_after_both_were_killed() {
    let mut house = House::new();
    let mut alice = house.open(&["alice"]);
    alice.see("alice connected");
    alice.press("zero\r");
    alice.see("alice: zero");
    house.wait_for_kept("\"done\"");
    // It takes what comes, and answers nothing: these are sent, and nobody knows more.
    house.signal("STOP");
    alice.press("one\rtwo\r");
    house.wait_for_kept("\"two\"");
    alice.kill();
    // They may be in the server's socket, and it may carry them out.
    house.signal("CONT");
    let mut alice = house.open(&["alice"]);
    alice.see("alice connected");
    alice.see("alice: two");
    alice.kill();
    house.kill_server();
    let mut alice = house.open(&["alice"]);
    alice.see("no server at");
    alice.press("q");
    alice.end();
    house.start_server();
    let mut alice = house.open(&["alice"]);
    alice.see("alice connected");
    alice.see("alice: two");
    alice.press("\x03");
    alice.end();
    assert_eq!(house.said().await, ["zero", "one", "two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_without_a_server_survives_a_kill_and_is_said_once() {
    let mut house = House::new();
    let mut alice = house.open(&["alice"]);
    alice.see("alice connected");
    house.kill_server();
    alice.see("reconnecting in");
    alice.press("one\rtwo\rthree\r");
    alice.see("3 unsent");
    house.wait_for_kept("\"three\"");
    alice.kill();
    // Without a server they stay, however often somebody looks.
    let mut alice = house.open(&["alice"]);
    alice.see("no server at");
    alice.press("q");
    assert_eq!(alice.end(), 1, "something isn't stored");
    alice.see("kept for the next start: three");
    house.start_server();
    let mut alice = house.open(&["alice"]);
    alice.see("alice: three");
    alice.wait("all are stored", |screen| !screen.contents().contains('…') && screen.contents().contains("F1 help"));
    alice.kill();
    let mut alice = house.open(&["alice"]);
    alice.see("alice: three");
    alice.press("\x03");
    assert_eq!(alice.end(), 0);
    assert_eq!(house.said().await, ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_while_a_killed_server_is_away_arrives_once() {
    let mut house = House::new();
    let mut alice = house.open(&["alice"]);
    alice.see("alice connected");
    alice.press("before\r");
    // What is only shown may still be on its way.
    house.wait_for_kept("\"done\"");
    house.kill_server();
    alice.see("reconnecting in");
    alice.press("one\rtwo\rthree\r");
    alice.see("3 unsent");
    house.start_server();
    alice.see("alice connected");
    alice.wait("all are stored", |screen| !screen.contents().contains('…'));
    alice.press("after\r");
    house.wait_for_said("after").await;
    assert_eq!(house.said().await, ["before", "one", "two", "three", "after"]);
    alice.press("\x03");
    assert_eq!(alice.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_mode_keeps_what_was_typed_and_shows_what_was_missed() {
    let mut house = House::new();
    let bob = house.bob().await;
    let mut alice = house.open(&["alice", "--plain"]);
    alice.see("You are alice");
    bob.say(&lobby(), "seen").await.unwrap();
    alice.see("bob: seen");
    house.wait_for_kept("\"after\":1");
    alice.kill();
    bob.say(&lobby(), "missed one").await.unwrap();
    bob.say(&lobby(), "missed two").await.unwrap();
    let mut alice = house.open(&["alice", "--plain"]);
    alice.see("2 messages since you were here last");
    alice.see("bob: missed two");
    let shown = alice.parser.screen().contents();
    let (before, after) = shown.split_once("*** 2 messages since").unwrap();
    assert!(before.contains("bob: seen") && after.contains("bob: missed one"), "{shown}");
    house.wait_for_kept("\"after\":3");
    house.kill_server();
    alice.see("connection lost");
    alice.press("typed\r");
    house.wait_for_kept("typed");
    alice.kill();
    house.start_server();
    let mut alice = house.open(&["alice", "--plain"]);
    alice.see("not stored when you were here last: typed");
    alice.see("stored now: typed");
    assert!(!alice.parser.screen().contents().contains("since you were here last:"));
    alice.press("/quit\r");
    assert_eq!(alice.wait_for_end(), 0);
    assert_eq!(house.said().await, ["seen", "missed one", "missed two", "typed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screen_shows_where_reading_was_left() {
    let house = House::new();
    let bob = house.bob().await;
    bob.say(&lobby(), "seen").await.unwrap();
    let mut alice = house.open(&["alice"]);
    alice.see("bob: seen");
    house.wait_for_kept("\"after\":1");
    alice.kill();
    bob.say(&lobby(), "missed").await.unwrap();
    let mut alice = house.open(&["alice"]);
    alice.see("1 message since you were here last");
    alice.see("bob: missed");
    alice.see("── new ──");
    alice.press("\x03");
    assert_eq!(alice.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_one_is_told_who_has_the_conversation() {
    let house = House::new();
    let mut first = house.open(&["alice"]);
    first.see("alice connected");
    let held = format!("from this machine already (process {})", first.pid());
    let mut second = house.open(&["alice"]);
    second.wait("who has it", |screen| {
        screen.contents().split_whitespace().collect::<Vec<_>>().join(" ").contains(&held)
    });
    second.press("n");
    second.see("What shall the others call you?");
    second.press("\x15alice3\r");
    second.see("alice3 connected");
    second.press("\x03");
    assert_eq!(second.end(), 0);
    let mut third = house.open(&["alice", "--plain"]);
    third.wait("who has it", |screen| screen.contents().replace('\n', "").contains(&held));
    assert_eq!(third.wait_for_end(), 1);
    first.press("\x03");
    assert_eq!(first.end(), 0);
    let mut fourth = house.open(&["alice"]);
    fourth.see("alice connected");
    fourth.press("\x03");
    assert_eq!(fourth.end(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_told_and_nothing_in_it_is_sent_again() {
    let mut house = House::new();
    let mut alice = house.open(&["alice", "--plain"]);
    alice.see("You are alice");
    alice.press("stored\r");
    house.wait_for_kept("\"done\"");
    house.kill_server();
    alice.see("connection lost");
    alice.press("typed\r");
    house.wait_for_kept("typed");
    alice.kill();
    let path = house.journal();
    let text = fs::read_to_string(&path).unwrap().replace("\"log\":", "\"lag\":");
    fs::write(&path, text).unwrap();
    house.start_server();
    let mut alice = house.open(&["alice", "--plain"]);
    alice.see("is damaged in line");
    alice.see("fate is unknown: typed");
    alice.see("You are alice");
    alice.press("/quit\r");
    assert_eq!(house.said().await, ["stored"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_the_server_forgot_is_told_with_the_lines_that_were_sent_in_it() {
    let mut house = House::new();
    let mut alice = house.open(&["alice", "--plain"]);
    alice.see("You are alice");
    house.signal("STOP");
    alice.press("sent, and then?\r");
    house.wait_for_kept("sent, and then?");
    alice.kill();
    house.kill_server();
    // Another house at the same address knows nobody.
    house.data = tempfile::tempdir().unwrap();
    house.start_server();
    let mut alice = house.open(&["alice", "--plain"]);
    alice.see("fate is unknown: sent, and then?");
    alice.see("You are alice");
    alice.press("/quit\r");
    assert_eq!(alice.wait_for_end(), 1);
    let mut alice = house.open(&["alice"]);
    alice.see("alice connected");
    assert!(!alice.shown().contains("sent, and then?"));
    alice.press("\x03");
    alice.end();
    assert_eq!(house.said().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_keeps_nothing() {
    let house = House::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-client"));
    let state = house.home.path().join("state");
    command.args(["bot", "--server", &house.address.to_string()]).env("CHAT_STATE", &state);
    command.stdin(std::process::Stdio::null());
    assert!(command.status().unwrap().success());
    assert!(!state.exists());
}

/// What a bot does: it goes on exactly where it was, however it ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_with_a_journal_misses_nothing_and_repeats_only_what_it_did_not_work_off() {
    let house = House::new();
    let bob = house.bob().await;
    let path = house.home.path().join("bot.journal");
    let connect = || {
        let journal = Journal::open(&path).unwrap();
        let options = Options { history: 0, journal: Some(journal), ..Options::new("bot") };
        Client::connect(house.address.to_string(), options)
    };
    let text = |event: &Event| match event {
        Event::Message(message) => Some((message.stored.seq, message.stored.text.as_str().to_owned())),
        _ => None,
    };
    let (bot, mut events) = connect();
    wait_for(&mut events, |event| matches!(event, Event::Joined(_)).then_some(())).await;
    for words in ["one", "two"] {
        bob.say(&lobby(), words).await.unwrap();
    }
    assert_eq!(wait_for(&mut events, text).await.1, "one");
    assert_eq!(wait_for(&mut events, text).await.1, "two");
    // Nobody asks for the next: the second one is not worked off.
    bot.quit(None).await;
    drop((bot, events));
    for n in 3..=700 {
        bob.post(&lobby(), n.to_string(), Kind::Say).await.unwrap().await.unwrap();
    }
    let (_bot, mut events) = connect();
    for n in 2..=700 {
        assert_eq!(wait_for(&mut events, text).await.0, Seq::new(n));
    }
}

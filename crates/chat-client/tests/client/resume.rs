//! A lost connection, and what comes after it.

use std::time::Duration;

use chat_client::protocol::message::{ByeCode, ErrorCode};
use chat_client::protocol::value::Kind;
use chat_client::{Cause, End, Event, FirstConnection, Lost, Options, RequestError};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::fake::{Peer, lobby, settle, start, wait_for};

fn options() -> Options {
    Options::new("alice")
}

/// The seqs of what was said, in the order of the events, own ones marked.
fn said(events: &[Event]) -> Vec<String> {
    let disorder = events.iter().find(|event| matches!(event, Event::Disorder { .. }));
    assert!(disorder.is_none(), "{disorder:?}");
    events
        .iter()
        .filter_map(|event| match event {
            Event::Message(message) if message.own => Some(format!("own {}", message.stored.seq)),
            Event::Message(message) => Some(message.stored.seq.to_string()),
            Event::Said { stored, .. } => Some(format!("said {}", stored.seq)),
            Event::Gap { from, to, .. } => Some(format!("gap {from}-{to}")),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn it_resumes_where_it_was_and_says_again_what_was_not_acked() {
    let (client, mut events, mut fake) = start(options());
    let (mut peer, hello) = fake.accept_live(5).await;
    assert_eq!((&hello["alias"], &hello["session"], &hello["rooms"]), (&json!("alice"), &json!(null), &json!(null)));
    let first = client.post(&lobby(), "one", Kind::Say).await.unwrap();
    let say = peer.expect("say").await;
    peer.ack(&say["id"], 6).await;
    peer.message(7, "hello", false).await;
    assert_eq!(first.await.unwrap().seq.get(), 6);
    let second = client.post(&lobby(), "two", Kind::Say).await.unwrap();
    let third = client.post(&lobby(), "three", Kind::Say).await.unwrap();
    let unacked = [peer.expect("say").await, peer.expect("say").await];
    drop(peer);

    // The server had stored the second line when the connection broke; the third never arrived.
    let mut peer = fake.accept().await;
    let hello = peer.expect("hello").await;
    assert_eq!(hello["session"], "s3cret");
    assert_eq!(hello["log"], "log1");
    assert_eq!(hello["rooms"], json!([{"room": "lobby", "after": 7}]));
    peer.welcome().await;
    peer.joined(9).await;
    peer.message(8, "two", true).await;
    peer.message(9, "hello again", false).await;
    let resent = [peer.expect("say").await, peer.expect("say").await];
    assert_eq!(resent, unacked, "the same lines with the same ids, in the same order");
    peer.ack(&resent[0]["id"], 8).await;
    peer.ack(&resent[1]["id"], 10).await;
    assert_eq!(second.await.unwrap().seq.get(), 8);
    assert_eq!(third.await.unwrap().seq.get(), 10);
    let seen = settle(&mut events).await;
    assert_eq!(said(&seen), ["said 6", "7", "own 8", "9", "said 10"]);
    assert!(seen.iter().any(|event| matches!(event, Event::Reconnected { resumed: true, resent: 2, .. })), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_history_that_was_cut_off_is_read_to_its_end() {
    let (_client, mut events, mut fake) = start(Options { history: 3, ..options() });
    let (mut peer, hello) = fake.accept_live(9).await;
    assert_eq!(hello["history"], 3);
    drop(peer);
    (peer, _) = fake.accept_live(9).await;
    drop(peer);
    let hello;
    (peer, hello) = fake.accept_live(9).await;
    assert_eq!(hello["rooms"], json!([{"room": "lobby", "after": 6}]), "nothing of the page had come");
    peer.message(7, "a", false).await;
    drop(peer);
    let hello;
    (peer, hello) = fake.accept_live(9).await;
    assert_eq!(hello["rooms"], json!([{"room": "lobby", "after": 7}]));
    peer.message(8, "b", false).await;
    peer.message(9, "c", false).await;
    assert_eq!(said(&settle(&mut events).await), ["7", "8", "9"]);
}

async fn bye(peer: &mut Peer, code: &str, retry_after_ms: Option<u64>) {
    peer.send(json!({"type": "bye", "code": code, "reason": "so", "retry_after_ms": retry_after_ms})).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_sent_away_does_not_come_back() {
    for code in ["replaced", "kicked", "banned", "quit"] {
        let (client, mut events, mut fake) = start(options());
        let (mut peer, _) = fake.accept_live(0).await;
        let line = client.post(&lobby(), "hello", Kind::Say).await.unwrap();
        peer.expect("say").await;
        bye(&mut peer, code, None).await;
        let end =
            wait_for(&mut events, |event| if let Event::Ended(end) = event { Some(end.clone()) } else { None }).await;
        assert!(matches!(&end, End::Bye(bye) if bye.reason == "so"), "{code}: {end:?}");
        assert_eq!(line.await, Err(RequestError::FateUnknown(Cause::Ended(end.clone()))));
        assert_eq!(client.say(&lobby(), "more").await, Err(RequestError::NotSent(end)));
        assert!(events.next().await.is_none());
        fake.expect_nobody().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_a_server_asks_for_is_kept() {
    let (_client, mut events, mut fake) = start(options());
    let (mut peer, _) = fake.accept_live(0).await;
    let before = Instant::now();
    bye(&mut peer, "shutdown", Some(7000)).await;
    drop(peer);
    let peer = fake.accept().await;
    assert!(peer.since - before >= Duration::from_secs(7), "{:?}", peer.since - before);
    let lost = |event: &Event| match event {
        Event::Disconnected { why: Lost::Bye(bye), retry_in } => Some((bye.code, *retry_in)),
        _ => None,
    };
    let (code, retry_in) = wait_for(&mut events, lost).await;
    assert_eq!(code, ByeCode::Shutdown);
    assert!(retry_in >= Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_asked_once_and_then_given_up() {
    let (_client, mut events, mut fake) = start(options());
    let (mut peer, _) = fake.accept_live(0).await;
    let start = Instant::now();
    peer.expect("ping").await;
    assert_eq!(start.elapsed().as_secs(), 30);
    peer.send(json!({"type": "pong"})).await;
    peer.expect("ping").await;
    assert_eq!(start.elapsed().as_secs(), 60, "an answer counts");
    assert_eq!(peer.next().await, None);
    assert_eq!(start.elapsed().as_secs(), 90);
    wait_for(&mut events, |event| matches!(event, Event::Disconnected { why: Lost::Silent, .. }).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_the_server_forgot_is_told_and_begun_anew() {
    let (client, mut events, mut fake) = start(options());
    let (mut peer, _) = fake.accept_live(0).await;
    let sent = client.post(&lobby(), "sent", Kind::Say).await.unwrap();
    peer.expect("say").await;
    drop(peer);
    let mut peer = fake.accept().await;
    assert_eq!(peer.expect("hello").await["session"], "s3cret");
    let unsent = client.post(&lobby(), "unsent", Kind::Say).await.unwrap();
    peer.send(json!({"type": "error", "code": "unknown_session", "message": "who?"})).await;
    let hello = peer.expect("hello").await;
    assert_eq!((&hello["session"], &hello["alias"]), (&json!(null), &json!("alice")));
    peer.welcome().await;
    peer.joined(0).await;
    let say = peer.expect("say").await;
    assert_eq!(say["text"], "unsent");
    peer.ack(&say["id"], 1).await;
    assert_eq!(sent.await, Err(RequestError::FateUnknown(Cause::SessionLost)));
    assert_eq!(unsent.await.unwrap().seq.get(), 1);
    let lines = wait_for(&mut events, |event| match event {
        Event::SessionLost { lines } => Some(lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(lines.await, ["sent"]);
    wait_for(&mut events, |event| matches!(event, Event::Reconnected { resumed: false, .. }).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_the_server_forgot_is_the_end_for_who_wants_no_other() {
    let (client, _events, mut fake) = start(Options { fresh_session: false, ..options() });
    let (peer, _) = fake.accept_live(0).await;
    drop(peer);
    let mut peer = fake.accept().await;
    peer.expect("hello").await;
    peer.send(json!({"type": "error", "code": "unknown_session", "message": "who?"})).await;
    assert!(matches!(client.ended().await, End::Refused(refusal) if refusal.code == ErrorCode::UnknownSession));
}

#[tokio::test(start_paused = true)]
async fn holes_and_repeats_in_the_order_are_told() {
    let (_client, mut events, mut fake) = start(options());
    let (mut peer, _) = fake.accept_live(0).await;
    for seq in [1, 2, 2, 5] {
        peer.message(seq, "x", false).await;
    }
    peer.send(json!({"type": "gap", "room": "lobby", "from": 6, "to": 8})).await;
    peer.message(9, "x", false).await;
    let story: Vec<_> = settle(&mut events)
        .await
        .into_iter()
        .filter_map(|event| match event {
            Event::Message(message) => Some(message.stored.seq.to_string()),
            Event::Disorder { expected, found, .. } => Some(format!("{found} for {expected}")),
            Event::Gap { from, to, .. } => Some(format!("gap {from}-{to}")),
            _ => None,
        })
        .collect();
    assert_eq!(story, ["1", "2", "2 for 3", "5 for 3", "5", "gap 6-8", "9"]);
}

#[tokio::test(start_paused = true)]
async fn something_else_than_a_chat_server_is_recognised() {
    let (client, _events, mut fake) = start(Options { first_connection: FirstConnection::Fail, ..options() });
    let mut peer = fake.accept().await;
    peer.expect("hello").await;
    peer.send_raw("HTTP/1.1 400 Bad \x1b[2JRequest\r\n").await;
    let end = client.ended().await;
    let End::Unreachable { why: Lost::NotAChatServer(words), .. } = end else { panic!("{end:?}") };
    assert_eq!(words, "HTTP/1.1 400 Bad \u{FFFD}[2JRequest");
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_when_its_time_is_over() {
    let time = Duration::from_secs(20);
    let (client, _events, fake) = start(Options { give_up_after: Some(time), ..options() });
    drop(fake);
    let (start, line) = (Instant::now(), client.post(&lobby(), "hello", Kind::Say).await.unwrap());
    let end = client.ended().await;
    assert!(matches!(&end, End::Unreachable { .. }), "{end:?}");
    assert_eq!(start.elapsed().as_secs(), 20);
    assert_eq!(line.await, Err(RequestError::NotSent(end)));
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_where_nothing_is_answered_and_goes_on_where_something_is() {
    let time = Duration::from_secs(20);
    let (client, _events, mut fake) = start(Options { give_up_after: Some(time), ping_after: time * 9, ..options() });
    let (mut peer, _) = fake.accept_live(0).await;
    // Nothing is asked for: a listener may listen for ever.
    sleep(time * 3).await;
    let posted = Instant::now();
    let mut lines = Vec::new();
    for n in 0..3 {
        lines.push(client.post(&lobby(), n.to_string(), Kind::Say).await.unwrap());
    }
    for seq in 1..=2 {
        let say = peer.expect("say").await;
        sleep(time - Duration::from_secs(1)).await;
        peer.ack(&say["id"], seq).await;
    }
    // A welcome is no answer to what was said.
    while posted.elapsed() < time * 2 {
        drop(peer);
        peer = fake.accept_live(2).await.0;
        sleep(Duration::from_secs(1)).await;
    }
    let end = client.ended().await;
    assert!(matches!(&end, End::Unanswered { .. }), "{end:?}");
    assert_eq!(posted.elapsed().as_secs(), 58, "two acks after 19 s each, and 20 s");
    let last = lines.pop().unwrap();
    assert_eq!(last.await, Err(RequestError::FateUnknown(Cause::Ended(end))));
}

#[tokio::test(start_paused = true)]
async fn its_time_bounds_the_handshake_too() {
    let time = Duration::from_secs(3);
    let (client, _events, mut fake) = start(Options { give_up_after: Some(time), ..options() });
    let (began, _peer) = (Instant::now(), fake.accept().await);
    let end = client.ended().await;
    assert!(matches!(&end, End::Unreachable { why: Lost::Silent, .. }), "{end:?}");
    assert_eq!(began.elapsed(), time);
}

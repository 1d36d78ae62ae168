//! Rooms that aren't everybody's: who is put out of one, and who is asked in.

use std::net::SocketAddr;

use chat_client::protocol::names::RoomName;
use chat_client::protocol::value::{Password, Seq};
use chat_client::{Client, Event, Events, Journal, Options};
use serde_json::json;

use crate::fake::{lobby, message, start, wait_for};
use crate::program::Conversation;
use crate::real::TestServer;
use crate::window::Window;

fn ops() -> RoomName {
    RoomName::new("ops").unwrap()
}

const PUT_OUT: &str = "it isn't open to you any more";

#[tokio::test(start_paused = true)]
async fn who_is_put_out_of_a_room_does_not_ask_for_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path().join("alice.journal")).unwrap();
    let (_client, mut events, mut fake) = start(Options { journal: Some(journal.clone()), ..Options::new("alice") });
    let (mut peer, _) = fake.accept_live(0).await;
    peer.send(json!({"type": "joined", "room": "ops", "topic": "", "count": 1, "members": ["alice"], "head": 0})).await;
    peer.send(json!({"type": "left", "room": "ops", "reason": PUT_OUT})).await;
    let left = wait_for(&mut events, |event| match event {
        Event::Left { room, reason } => Some((room.clone(), reason.clone())),
        _ => None,
    });
    assert_eq!(left.await, (ops(), PUT_OUT.to_owned()));
    drop(peer);
    let (mut peer, hello) = fake.accept_live(0).await;
    assert_eq!(hello["rooms"], json!([{"room": "lobby", "after": 0}]));
    let kept: Vec<_> = journal.resume().unwrap().rooms.into_iter().map(|start| start.room).collect();
    assert_eq!(kept, [lobby()]);
    peer.send(json!({"type": "invited", "room": "ops", "by": "bob"})).await;
    let by = wait_for(&mut events, |event| match event {
        Event::Invited { room, by } if *room == ops() => Some(by.clone()),
        _ => None,
    });
    assert_eq!(by.await.as_str(), "bob");
}

#[tokio::test(start_paused = true)]
async fn a_room_that_was_closed_while_there_was_no_connection_is_left() {
    let (_client, mut events, mut fake) = start(Options::new("alice"));
    let (peer, _) = fake.accept_live(0).await;
    drop(peer);
    let mut peer = fake.accept().await;
    peer.expect("hello").await;
    peer.welcome().await;
    // What was said in a conversation stays to be read where it is shown, whether it is kept or not.
    peer.send(json!({"type": "private", "room": "@bob", "seq": 1, "from": "bob", "to": "alice", "text": "psst",
                     "time": "2026-11-21T12:00:00Z"}))
        .await;
    peer.send(json!({"type": "error", "room": "@bob", "code": "no_such_room", "message": "it isn't kept"})).await;
    wait_for(&mut events, |event| {
        assert!(!matches!(event, Event::Left { .. }), "{event:?}");
        matches!(event, Event::Refused(refusal) if refusal.message == "it isn't kept").then_some(())
    })
    .await;
    let words = "there is no room #lobby";
    peer.send(json!({"type": "error", "room": "lobby", "code": "no_such_room", "message": words})).await;
    let reason = wait_for(&mut events, |event| match event {
        Event::Left { room, reason } if *room == lobby() => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason.await, words);
    drop(peer);
    assert_eq!(fake.accept().await.expect("hello").await["rooms"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_looked_at_before_a_room_was_left_is_told_as_a_gap() {
    const ALL: u64 = 2000;
    let (_client, mut events, mut fake) = start(Options { event_capacity: 256, history: 0, ..Options::new("alice") });
    let (mut peer, _) = fake.accept_live(0).await;
    let lines: Vec<_> = (1..=ALL).map(|seq| format!("{}\n", message(seq, "x", false))).collect();
    peer.send_raw(&lines.concat()).await;
    peer.send(json!({"type": "left", "room": "lobby", "reason": PUT_OUT})).await;
    // The client has taken them all in when it answers.
    peer.send(json!({"type": "bye", "code": "shutdown", "reason": "for now"})).await;
    fake.accept().await;
    let mut last = 0;
    wait_for(&mut events, |event| {
        match event {
            Event::Message(message) => last = message.stored.seq.get(),
            Event::Gap { from, to, .. } => {
                assert_eq!(*from, Seq::new(last + 1));
                last = to.get();
            }
            Event::Left { .. } => return Some(()),
            _ => {}
        }
        None
    })
    .await;
    assert_eq!(last, ALL);
}

/// Somebody with an account who has made #ops, and what he hears there.
async fn maker(server: &TestServer) -> (Client, Events) {
    let (alice, mut events) = server.connect("alice");
    alice.register(Password::new("battery staple")).await.unwrap();
    alice.join(&ops()).await.unwrap();
    wait_for(&mut events, |event| matches!(event, Event::Joined(joined) if joined.room == ops()).then_some(())).await;
    (alice, events)
}

/// The next thing that somebody else says, and where.
async fn heard(events: &mut Events) -> (RoomName, String) {
    wait_for(events, |event| match event {
        Event::Message(message) => Some((message.stored.room.clone(), message.stored.text.as_str().to_owned())),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_program_that_is_put_out_says_nothing_elsewhere() {
    let server = TestServer::start().await;
    let (alice, mut events) = maker(&server).await;
    let mut bob = Conversation::start(server.address, &["bob", "--plain", "--commands"]);
    bob.expect("You are now connected!").await;
    bob.expect("*** You are bob, in #lobby with alice. Times are UTC+00:00. /help lists the commands.").await;
    bob.type_line("/register correct horse").await;
    bob.expect("*** this alias is yours now: it takes the password, or this machine").await;
    bob.type_line("/join ops").await;
    bob.expect("*** You are in #ops with alice.").await;
    alice.make_private(&ops()).await.unwrap();
    alice.uninvite(&ops(), "bob").await.unwrap();
    bob.expect("*** You are not in #ops any more: it isn't open to you any more").await;
    bob.type_line("for #ops alone").await;
    bob.type_line("/rooms").await;
    bob.expect("*** #lobby (2)").await;
    alice.invite(&ops(), "bob").await.unwrap();
    bob.expect("*** alice made you a member of #ops; /join ops goes there").await;
    bob.type_line("/join ops").await;
    bob.expect("*** You are in #ops with alice.").await;
    bob.type_line("here again").await;
    assert_eq!(heard(&mut events).await, (ops(), "here again".to_owned()));
    assert_eq!(bob.end().await, Some(1), "one of its lines was not said");
    server.stop().await;
}

/// Bob on a terminal, who has joined #ops, which is its members' now.
async fn member(server: SocketAddr, (alice, events): &mut (Client, Events), args: &[&str]) -> Window {
    let mut bob = Window::open(server, args);
    bob.see("bob");
    bob.press("/register correct horse\r");
    bob.see("this alias is yours now");
    bob.press("/join ops\r");
    bob.see("#ops");
    bob.press("here I am\r");
    assert_eq!(heard(events).await, (ops(), "here I am".to_owned()));
    alice.make_private(&ops()).await.unwrap();
    bob
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_is_put_out_goes_on_in_the_next_room() {
    let server = TestServer::start().await;
    let mut maker = maker(&server).await;
    let mut bob = member(server.address, &mut maker, &["bob", "--plain"]).await;
    let (alice, mut events) = maker;
    alice.uninvite(&ops(), "bob").await.unwrap();
    bob.see("You are not in #ops any more: it isn't open to you any more");
    bob.see("what you type goes to #lobby now");
    bob.press("hello lobby\r");
    assert_eq!(heard(&mut events).await, (lobby(), "hello lobby".to_owned()));
    alice.invite(&ops(), "bob").await.unwrap();
    bob.see("alice made you a member of #ops; /join ops goes there");
    bob.press("/quit\r");
    assert_eq!(bob.wait_for_end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_being_typed_in_a_room_that_is_gone_is_said_nowhere_else() {
    let server = TestServer::start().await;
    let mut maker = maker(&server).await;
    let mut bob = member(server.address, &mut maker, &["bob"]).await;
    let (alice, mut events) = maker;
    bob.press("for #ops alone");
    bob.see("> for #ops alone");
    alice.uninvite(&ops(), "bob").await.unwrap();
    bob.see("you are not in #ops any more: it isn't");
    bob.wait("the room is gone", |screen| screen.rows(0, 80).next().is_some_and(|title| title.contains("#lobby")));
    bob.press("\rhello lobby\r");
    assert_eq!(heard(&mut events).await, (lobby(), "hello lobby".to_owned()));
    alice.invite(&ops(), "bob").await.unwrap();
    bob.see("alice made you a member of #ops");
    bob.press("/join ops\rback\r");
    assert_eq!(heard(&mut events).await, (ops(), "back".to_owned()));
    bob.press("\x03");
    assert_eq!(bob.end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_put_out_of_his_only_room_can_go_to_another() {
    for args in [&["bob", "--room", "ops"][..], &["bob", "--room", "ops", "--plain"]] {
        let server = TestServer::start().await;
        let mut maker = maker(&server).await;
        let mut bob = member(server.address, &mut maker, args).await;
        let (alice, mut events) = maker;
        alice.uninvite(&ops(), "bob").await.unwrap();
        bob.see("you are in no room; /join ROOM goes to one");
        bob.press("to nobody\r");
        bob.press(&format!("{}/join lobby\r", if args.contains(&"--plain") { "" } else { "\x15" }));
        bob.see("#lobby");
        bob.press("to all\r");
        assert_eq!(heard(&mut events).await, (lobby(), "to all".to_owned()));
        bob.kill();
        server.stop().await;
    }
}

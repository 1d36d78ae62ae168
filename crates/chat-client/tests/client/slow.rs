//! What is slow holds up nothing else: a server that doesn't read, one that doesn't ack, and a user that doesn't look.

use chat_client::protocol::message::ErrorCode;
use chat_client::protocol::value::Kind;
use chat_client::{Event, Options, RequestError};
use serde_json::json;

use crate::fake::{lobby, message, start, start_with_buffer, wait_for};

#[tokio::test(start_paused = true)]
async fn reads_never_wait_for_writes() {
    let (client, mut events, mut fake) = start_with_buffer(Options::new("alice"), 4096);
    let (mut peer, _) = fake.accept_live(0).await;
    // More than the pipe holds, to a server that reads none of it.
    for _ in 0..10 {
        drop(client.post(&lobby(), "x".repeat(2000), Kind::Say).await.unwrap());
    }
    for seq in 1..=100 {
        peer.message(seq, "still talking", false).await;
    }
    wait_for(&mut events, |event| {
        matches!(event, Event::Message(message) if message.stored.seq.get() == 100).then_some(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn lines_that_come_at_once_are_all_taken_in() {
    let (_client, mut events, mut fake) = start(Options { history: 0, ..Options::new("alice") });
    let (mut peer, _) = fake.accept_live(0).await;
    let lines: Vec<_> = (1..=1000).map(|seq| format!("{}\n", message(seq, "x", false))).collect();
    let lines = lines.concat();
    let send = peer.send_raw(&lines);
    let take = async {
        for n in 1..=1000 {
            let seq = wait_for(&mut events, |event| match event {
                Event::Message(message) => Some(message.stored.seq.get()),
                _ => None,
            });
            assert_eq!(seq.await, n);
        }
    };
    tokio::join!(send, take);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_64_lines_are_unacked() {
    let (client, _events, mut fake) = start(Options::new("alice"));
    let (mut peer, _) = fake.accept_live(0).await;
    for n in 0..70 {
        drop(client.post(&lobby(), n.to_string(), Kind::Say).await.unwrap());
    }
    let mut first = None;
    for n in 0..64 {
        let say = peer.expect("say").await;
        assert_eq!(say["text"], n.to_string());
        first.get_or_insert(say);
    }
    peer.expect_nothing().await;
    peer.ack(&first.unwrap()["id"], 1).await;
    assert_eq!(peer.expect("say").await["text"], "64");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_look_for_a_while_still_sees_everything_in_order() {
    const ALL: u64 = 2000;
    let (client, mut events, mut fake) = start(Options { event_capacity: 256, history: 0, ..Options::new("alice") });
    let (mut peer, _) = fake.accept_live(0).await;
    for seq in 1..=ALL {
        peer.message(seq, &seq.to_string(), false).await;
    }
    // A handler of events that waits for an answer must get it, though nobody takes events meanwhile.
    let ping = tokio::spawn(async move { client.ping().await });
    let id = peer.expect("ping").await["id"].clone();
    peer.send(json!({"type": "pong", "id": id})).await;
    ping.await.unwrap().unwrap();

    let serve = async {
        while let Some(request) = peer.next().await {
            let Some(after) = request["after"].as_u64() else { continue };
            let limit = request["limit"].as_u64().unwrap();
            let last = (after + limit).min(ALL);
            for seq in after + 1..=last {
                let mut line = message(seq, &seq.to_string(), false);
                line["re"] = request["id"].clone();
                peer.send(line).await;
            }
            peer.send(json!({"type": "end", "re": request["id"], "more": last < ALL})).await;
        }
    };
    let look = async {
        let mut expected = 1;
        while expected <= ALL {
            match events.next().await.unwrap() {
                Event::Message(message) => {
                    assert_eq!(message.stored.seq.get(), expected);
                    expected += 1;
                }
                Event::Disorder { .. } | Event::Dropped { .. } | Event::Gap { .. } => panic!("something is missing"),
                _ => {}
            }
        }
    };
    tokio::select! {
        () = look => {}
        () = serve => panic!("the client left"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_the_server_could_not_read_is_refused_here() {
    let (client, _events, mut fake) = start(Options::new("alice"));
    let (mut peer, _) = fake.accept_live(0).await;
    let long = client.say(&lobby(), "x".repeat(40_000)).await;
    assert!(matches!(&long, Err(RequestError::Refused(refusal)) if refusal.code == ErrorCode::LineTooLong), "{long:?}");
    drop(client.post(&lobby(), "short", Kind::Say).await.unwrap());
    assert_eq!(peer.expect("say").await["text"], "short");
}

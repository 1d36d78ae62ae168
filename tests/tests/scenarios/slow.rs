//! Readers that are slow, stall, or never read at all: they hold nobody up.

use std::time::Duration;

use chat_tests::{JsonClient, TestServer, TextClient, Wire};
use serde_json::json;
use tokio::time::{Instant, sleep};

/// More than what the kernel keeps for a connection that isn't read, by far.
const FLOOD: u64 = 500;
const SIZE: usize = 8000;

async fn flood(writer: &mut JsonClient, first: u64, count: u64) {
    let mut unacked = 0;
    for n in first..first + count {
        let text = format!("{n} {}", "x".repeat(SIZE));
        writer.send(json!({"type": "say", "room": "lobby", "text": text, "id": n.to_string()})).await;
        unacked += 1;
        if unacked == 64 {
            while unacked > 0 {
                writer.next("ack").await;
                unacked -= 1;
            }
        }
    }
    for _ in 0..unacked {
        writer.next("ack").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stalls_and_wakes_gets_everything_and_the_room_again() {
    let server = TestServer::with().unhurried().start().await;
    let mut sleeper = server.json("sleeper").await;
    let mut text_sleeper = server.text("text_sleeper").await;
    let mut writer = server.json("writer").await;
    flood(&mut writer, 1, FLOOD).await;
    let mut joined_again = 0;
    let mut seq = 0;
    while seq < FLOOD {
        let line = sleeper.receive().await;
        match line["type"].as_str() {
            Some("message") => {
                seq += 1;
                assert_eq!(line["seq"], seq);
            }
            Some("joined") => joined_again += 1,
            Some("presence") => {}
            _ => sleeper.fail("an unexpected line"),
        }
    }
    joined_again += sleeper.so_far().await.iter().filter(|line| line["type"] == "joined").count();
    assert!(joined_again > 0, "whoever has lagged gets the state of the room again");
    for n in 1..=FLOOD {
        let line = loop {
            let line = text_sleeper.line().await;
            if line.starts_with('[') {
                break line;
            }
        };
        assert!(line.starts_with(&format!("[12:03:22] writer: {n} x")), "{n}: {line:.100}");
    }
    text_sleeper.expect_nothing().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_dropped_meanwhile_is_a_gap_for_a_reader_that_wakes() {
    let server = TestServer::with().unhurried().keep(1 << 20).start().await;
    let mut sleeper = server.json("sleeper").await;
    let mut text_sleeper = server.text("text_sleeper").await;
    let mut writer = server.json("writer").await;
    flood(&mut writer, 1, FLOOD).await;
    let mut seq = 0;
    let mut gaps = 0;
    while seq < FLOOD {
        let line = sleeper.receive().await;
        match line["type"].as_str() {
            Some("message") => {
                seq += 1;
                assert_eq!(line["seq"], seq);
            }
            Some("gap") => {
                gaps += 1;
                assert_eq!(line["from"], seq + 1);
                seq = line["to"].as_u64().unwrap();
            }
            _ => {}
        }
    }
    assert!(gaps > 0);
    let mut n = 0;
    while n < FLOOD {
        let line = text_sleeper.line().await;
        if let Some(missed) = line.strip_prefix("*** you missed ") {
            n += missed.split(' ').next().unwrap().parse::<u64>().unwrap();
        } else if line.starts_with('[') {
            n += 1;
            assert!(line.starts_with(&format!("[12:03:22] writer: {n} x")), "{n}: {line:.100}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_reads_late_still_gets_its_acks_in_their_places() {
    let server = TestServer::with().unhurried().start().await;
    let mut sleeper = server.json("sleeper").await;
    let mut writer = server.json("writer").await;
    let say = |id: &str| json!({"type": "say", "room": "lobby", "text": id, "id": id});
    sleeper.request(say("early")).await;
    flood(&mut writer, 1, FLOOD).await;
    // One that was said before among those that are new: its answer comes another way.
    for id in ["a", "early", "b", "c"] {
        sleeper.send(say(id)).await;
    }
    flood(&mut writer, FLOOD + 1, 10).await;
    let mut last = 1;
    let mut acks = Vec::new();
    while acks.len() < 4 {
        let line = sleeper.receive().await;
        let seq = line["seq"].as_u64().unwrap_or(0);
        match line["type"].as_str() {
            Some("ack") if line["id"] == "early" => {
                assert_eq!(seq, 1);
                acks.push("early".to_owned());
            }
            Some(kind @ ("ack" | "message")) => {
                assert_eq!(seq, last + 1);
                last = seq;
                if kind == "ack" {
                    acks.push(line["id"].as_str().unwrap().to_owned());
                } else {
                    assert_eq!(line["from"], "writer");
                }
            }
            _ => {}
        }
    }
    acks.retain(|id| id != "early");
    assert_eq!(acks, ["a", "b", "c"]);
    // Nothing is left unacked: a goodbye waits for nothing.
    sleeper.send(json!({"type": "quit"})).await;
    let began = Instant::now();
    sleeper.next("bye").await;
    assert!(began.elapsed() < Duration::from_secs(2));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_reader_that_takes_nothing_is_closed_and_he_is_told_why() {
    let deadline = Duration::from_secs(1);
    let server = TestServer::with().unhurried().limits(|limits| limits.write = deadline).start().await;
    let mut stalled = JsonClient::over(Wire::connect_small("stalled", server.address).await).await;
    stalled.say_hello(json!({"type": "hello", "alias": "stalled"})).await;
    let mut slow = TextClient::over(Wire::connect_small("slow", server.address).await);
    slow.introduce("slow").await;
    // Somebody reads a little now and then, for much longer than the deadline, and is not closed.
    let reading = tokio::spawn(async move {
        let mut last = 0;
        while last < FLOOD {
            for _ in 0..10 {
                let line = slow.line().await;
                let number = line.strip_prefix("[12:03:22] writer: ").and_then(|rest| rest.split(' ').next());
                last = number.map_or(last, |number| number.parse().unwrap());
                if last == FLOOD {
                    break;
                }
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let mut writer = server.json("writer").await;
    flood(&mut writer, 1, FLOOD).await;
    let began = Instant::now();
    let mut here = json!(null);
    while here != json!(["slow", "writer"]) {
        sleep(Duration::from_millis(50)).await;
        writer.send(json!({"type": "who", "room": "lobby"})).await;
        here = writer.next("who").await["members"].clone();
        assert!(began.elapsed() < chat_tests::DEADLINE, "the stalled one is not closed, or the slow one is: {here}");
    }
    // Its words arrive where it wakes in time.
    let lines = stalled.rest_json().await;
    let bye = lines.last().expect("a last line");
    assert_eq!((&bye["type"], &bye["code"], bye["retry_after_ms"].is_u64()), (&json!("bye"), &json!("stalled"), true));
    reading.await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_far_behind_is_heard_before_he_has_caught_up() {
    let server = TestServer::with().unhurried().start().await;
    let mut slow = JsonClient::over(Wire::connect_small("slow", server.address).await).await;
    slow.say_hello(json!({"type": "hello", "alias": "slow"})).await;
    let mut text_slow = TextClient::over(Wire::connect_small("text_slow", server.address).await);
    text_slow.introduce("text_slow").await;
    let mut writer = server.json("writer").await;
    flood(&mut writer, 1, FLOOD).await;
    slow.send(json!({"type": "ping", "id": "there?"})).await;
    text_slow.send_line("/quit enough of this").await;
    let mut last = 0;
    loop {
        let line = slow.receive().await;
        match line["type"].as_str() {
            Some("message") => last = line["seq"].as_u64().unwrap(),
            Some("pong") => break,
            _ => {}
        }
    }
    // What the kernel holds for him comes first.
    assert!(last < FLOOD / 2, "his answer came behind {last} messages of {FLOOD}");
    let mut lines = 0;
    while !text_slow.line().await.starts_with("*** bye: ") {
        lines += 1;
    }
    assert!(lines < FLOOD / 2, "he had to take {lines} lines of {FLOOD} before he could go");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_reader_delays_nobody() {
    let server = TestServer::with().unhurried().start().await;
    let mut stalled = Vec::new();
    for n in 0..5 {
        let mut client = JsonClient::over(Wire::connect_small("stalled", server.address).await).await;
        client.say_hello(json!({"type": "hello", "alias": format!("stalled{n}")})).await;
        stalled.push(client);
    }
    let mut writer = server.json("writer").await;
    let mut reader = server.json("reader").await;
    flood(&mut writer, 1, FLOOD).await;
    while reader.next("message").await["seq"] != FLOOD {}
    let began = Instant::now();
    for n in 1..=100 {
        writer.request(json!({"type": "say", "room": "lobby", "text": "quick", "id": format!("q{n}")})).await;
        assert_eq!(reader.next("message").await["seq"], FLOOD + n);
    }
    // Were anybody waited for, it would be for seconds each time.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_that_is_full_takes_no_more() {
    let server = TestServer::with().unhurried().start().await;
    let mut stalled = JsonClient::over(Wire::connect_small("stalled", server.address).await).await;
    stalled.say_hello(json!({"type": "hello", "alias": "stalled"})).await;
    let mut writer = server.json("writer").await;
    let mut sent = Vec::new();
    let refused = loop {
        let text = format!("{} {}", sent.len(), "x".repeat(SIZE));
        writer.send(json!({"type": "private", "to": "stalled", "text": text, "id": "p"})).await;
        let answer = writer.receive().await;
        match answer["type"].as_str() {
            Some("ack") => sent.push(text),
            Some("error") => break answer,
            _ => {}
        }
        assert!(sent.len() < 5000, "it takes everything");
    };
    assert_eq!((&refused["code"], &refused["id"]), (&json!("mailbox_full"), &json!("p")));
    assert!(refused["retry_after_ms"].is_u64());
    // What was acked arrives, in order, and afterwards there is room again.
    for text in sent {
        assert_eq!(stalled.next("private").await["text"], text);
    }
    writer.request(json!({"type": "private", "to": "stalled", "text": "again", "id": "p"})).await;
    assert_eq!(stalled.next("private").await["text"], "again");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_stops_in_time_also_with_a_stalled_reader() {
    let server = TestServer::with().unhurried().start().await;
    let mut stalled = JsonClient::over(Wire::connect_small("stalled", server.address).await).await;
    stalled.say_hello(json!({"type": "hello", "alias": "stalled"})).await;
    let mut writer = server.json("writer").await;
    flood(&mut writer, 1, FLOOD).await;
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

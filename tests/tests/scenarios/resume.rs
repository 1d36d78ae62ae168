//! Going on where one was: positions, sessions, and messages said again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chat_tests::{JsonClient, Line, TestServer};
use serde_json::{Value, json};

async fn say(client: &mut JsonClient, text: &str) -> Line {
    client.request(json!({"type": "say", "room": "lobby", "text": text, "id": text})).await
}

fn hello_after(alias: &str, after: u64) -> Value {
    json!({"type": "hello", "alias": alias, "quiet": true, "rooms": [{"room": "lobby", "after": after}]})
}

/// Reads messages up to `last`, which have to go on after `after` without a hole or a repeat.
async fn expect_seqs(client: &mut JsonClient, after: u64, last: u64) {
    for seq in after + 1..=last {
        let line = client.receive().await;
        match line["type"].as_str() {
            Some("message") if line["seq"] == seq && line["text"] == json!(seq.to_string()) => {}
            _ => client.fail(&format!("expected seq {seq} instead of {line}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_seam_holds_at_every_position_while_others_write() {
    const LAST: u64 = 400;
    const WRITTEN: u64 = 800;
    let server = Arc::new(TestServer::with().unhurried().start().await);
    let written = Arc::new(AtomicU64::new(0));
    let mut writer = server.json("writer").await;
    let progress = Arc::clone(&written);
    let goal = Arc::new(AtomicU64::new(20));
    let allowed = Arc::clone(&goal);
    let writing = tokio::spawn(async move {
        let mut n = 0;
        while n < WRITTEN {
            // In bursts of many sizes, so that batches begin and end everywhere. It keeps ahead of those who join, not far.
            let burst = (n % 23 + 1).min(WRITTEN - n);
            let lines: String = (n + 1..=n + burst)
                .map(|n| {
                    json!({"type": "say", "room": "lobby", "text": n.to_string(), "id": n.to_string()}).to_string()
                        + "\n"
                })
                .collect();
            writer.send_raw(lines.as_bytes()).await;
            n += burst;
            while writer.next("ack").await["seq"] != n {}
            progress.store(n, Ordering::SeqCst);
            while n > allowed.load(Ordering::SeqCst) {
                tokio::time::sleep(std::time::Duration::from_micros(300)).await;
            }
        }
    });
    for after in 0..=LAST {
        goal.store((2 * after).max(20), Ordering::SeqCst);
        while written.load(Ordering::SeqCst) < after {
            assert!(!writing.is_finished(), "the writer has failed");
            tokio::task::yield_now().await;
        }
        let mut reader = server.hello("reader", hello_after("reader", after)).await;
        reader.expect_type("joined").await;
        expect_seqs(&mut reader, after, (2 * after).clamp(after + 2, WRITTEN)).await;
        reader.send(json!({"type": "quit"})).await;
        reader.next("bye").await;
    }
    goal.store(WRITTEN, Ordering::SeqCst);
    writing.await.unwrap();
    Arc::into_inner(server).unwrap().stop().await;
}

/// A program that loses its connection again and again, resumes, and says again what was not acked.
struct Restless {
    alias: String,
    session: Option<String>,
    /// Seq by seq the text, as it learned it from messages and acks.
    seen: BTreeMap<u64, String>,
    unacked: BTreeMap<u64, String>,
    next: u64,
}

impl Restless {
    async fn live(&mut self, server: &TestServer, lines: usize, each: u64, all: usize) {
        let after = self.seen.keys().next_back().copied().unwrap_or(0);
        let mut hello = json!({"type": "hello", "alias": self.alias, "rooms": [{"room": "lobby", "after": after}]});
        if let Some(session) = &self.session {
            hello["session"] = json!(session);
        }
        let mut client = server.hello(&self.alias, hello).await;
        self.session = Some(client.session.clone());
        for (id, text) in self.unacked.clone() {
            client.send(json!({"type": "say", "room": "lobby", "text": text, "id": id.to_string()})).await;
        }
        for _ in 0..lines {
            while self.unacked.len() < 20 && self.next < each {
                let text = format!("{}/{}", self.alias, self.next);
                client.send(json!({"type": "say", "room": "lobby", "text": text, "id": self.next.to_string()})).await;
                self.unacked.insert(self.next, text);
                self.next += 1;
            }
            if self.seen.len() == all {
                break;
            }
            let line = client.receive().await;
            self.learn(&client, &line);
        }
        client.into_wire().reset();
    }

    fn learn(&mut self, client: &JsonClient, line: &Line) {
        let seq = line["seq"].as_u64().unwrap_or(0);
        let text = match line["type"].as_str() {
            Some("message") => line["text"].as_str().unwrap().to_owned(),
            Some("ack") => {
                let id = line["id"].as_str().unwrap().parse().unwrap();
                let Some(text) = self.unacked.remove(&id) else {
                    // The answer to one said again that was also among what was missed.
                    return;
                };
                if self.seen.get(&seq) == Some(&text) {
                    return;
                }
                text
            }
            Some("error" | "gap" | "reset") => client.fail(&format!("unexpected {line}")),
            _ => return,
        };
        let expected = self.seen.keys().next_back().copied().unwrap_or(0) + 1;
        if seq != expected {
            client.fail(&format!("seq {seq} instead of {expected}: a miss or a repeat"));
        }
        self.seen.insert(seq, text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_break_and_resume_under_load_miss_and_repeat_nothing() {
    const PROGRAMS: u64 = 3;
    const EACH: u64 = 200;
    let server = Arc::new(TestServer::with().unhurried().start().await);
    let programs: Vec<_> = (0..PROGRAMS)
        .map(|n| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let mut program = Restless {
                    alias: format!("program{n}"),
                    session: None,
                    seen: BTreeMap::new(),
                    unacked: BTreeMap::new(),
                    next: 0,
                };
                let mut life = 5 + n as usize;
                let all = (PROGRAMS * EACH) as usize;
                while program.seen.len() < all {
                    program.live(&server, life, EACH, all).await;
                    life = life * 7 % 61 + 3;
                }
                program.seen
            })
        })
        .collect();
    let mut all = Vec::new();
    for program in programs {
        all.push(program.await.unwrap());
    }
    assert!(all.iter().all(|seen| *seen == all[0]));
    let mut texts: Vec<_> = all[0].values().collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len() as u64, PROGRAMS * EACH, "each message is stored once");
    Arc::into_inner(server).unwrap().stop().await;
}

#[tokio::test]
async fn own_messages_are_among_what_was_missed_and_marked() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut other = server.json("other").await;
    bot.so_far().await;
    say(&mut bot, "mine").await;
    say(&mut other, "yours").await;
    let session = bot.session.clone();
    let log = bot.log.clone();
    bot.into_wire().reset();
    let hello = json!({"type": "hello", "session": session, "log": log, "rooms": [{"room": "lobby", "after": 0}]});
    let mut bot = server.hello("bot", hello).await;
    assert_eq!(bot.session, session);
    bot.expect_type("joined").await;
    let mine = bot.expect_type("message").await;
    assert_eq!((&mine["text"], &mine["own"], &mine["from"]), (&json!("mine"), &json!(true), &json!("bot")));
    let yours = bot.expect_type("message").await;
    assert_eq!((&yours["text"], yours.get("own")), (&json!("yours"), None));
    bot.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn a_message_said_again_is_stored_once_and_its_id_means_nothing_else() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    let mut other = server.json("other").await;
    let mut alice = server.text("alice").await;
    bot.so_far().await;
    let first = say(&mut bot, "once").await;
    for _ in 0..2 {
        assert_eq!(say(&mut bot, "once").await, first);
    }
    // Both at once: one commit.
    let line = json!({"type": "say", "room": "lobby", "text": "twice", "id": "twice"}).to_string() + "\n";
    bot.send_raw(line.repeat(2).as_bytes()).await;
    let acks = [bot.expect_type("ack").await, bot.expect_type("ack").await];
    assert_eq!(acks[0], acks[1]);
    bot.request(json!({"type": "join", "room": "ops", "id": "join"})).await;
    for (room, text, kind) in [("ops", "once", "say"), ("lobby", "another", "say"), ("lobby", "once", "action")] {
        bot.send(json!({"type": "say", "room": room, "text": text, "kind": kind, "id": "once"})).await;
        let error = bot.next("error").await;
        assert_eq!((&error["code"], &error["id"]), (&json!("id_conflict"), &json!("once")));
    }
    // The ids of others are theirs.
    assert_ne!(say(&mut other, "once").await["seq"], first["seq"]);
    // And the session is who says it, also in another connection.
    let session = bot.session.clone();
    bot.into_wire().reset();
    let mut bot = server.hello("bot", json!({"type": "hello", "session": session})).await;
    assert_eq!(say(&mut bot, "once").await, first);
    alice.until("[12:03:22] other: once").await;
    alice.send_line("/history").await;
    let lines = alice.until("*** -- now --").await;
    let said: Vec<_> = lines.iter().filter(|line| line.starts_with('[')).collect();
    assert_eq!(said, ["[12:03:22] bot: once", "[12:03:22] bot: twice", "[12:03:22] other: once"]);
    server.stop().await;
}

#[tokio::test]
async fn a_session_that_is_still_open_is_taken_over_without_noise() {
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;
    let mut watcher = server.json("watcher").await;
    alice.expect("*** watcher joined the chat!").await;
    let mut old = server.json("bot").await;
    alice.expect("*** bot joined the chat!").await;
    watcher.expect_type("presence").await;
    for turn in 0..5 {
        let mut new = server.hello("bot", json!({"type": "hello", "alias": "bot", "session": old.session})).await;
        let bye = old.next("bye").await;
        assert_eq!(bye["code"], "replaced");
        assert_eq!(bye.get("retry_after_ms"), None);
        old.expect_end().await;
        assert_eq!(new.session, old.session);
        new.expect_type("joined").await;
        say(&mut new, &format!("still me, {turn}")).await;
        alice.expect(&format!("[12:03:22] bot: still me, {turn}")).await;
        assert_eq!(watcher.expect_type("message").await["from"], "bot");
        old = new;
    }
    alice.send_line("/who").await;
    alice.expect("*** 3 in #lobby: alice, bot, watcher").await;
    watcher.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn a_session_takes_its_alias_along() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    bot.request(json!({"type": "nick", "alias": "robot", "id": "n"})).await;
    let session = bot.session.clone();
    bot.into_wire().reset();
    let mut bot = server.dial_json("bot").await;
    let welcome = bot.say_hello(json!({"type": "hello", "alias": "other", "session": session})).await;
    assert_eq!(welcome["alias"], "robot");
    server.stop().await;
}

#[tokio::test]
async fn a_position_of_another_log_or_beyond_the_head_is_reset() {
    let server = TestServer::start().await;
    let mut bot = server.json("bot").await;
    for n in 1..=3 {
        say(&mut bot, &n.to_string()).await;
    }
    let log = bot.log.clone();
    for (log, after, reset) in
        [("another", 1, true), (log.as_str(), 4, true), (log.as_str(), 3, false), (log.as_str(), 1, false)]
    {
        let rooms = json!([{"room": "lobby", "after": after}]);
        let hello = json!({"type": "hello", "alias": "reader", "log": log, "rooms": rooms, "history": 2});
        let mut reader = server.hello("reader", hello).await;
        assert_eq!(reader.expect_type("joined").await["head"], 3);
        if reset {
            reader.expect_json(json!({"type": "reset", "room": "lobby", "head": 3})).await;
        }
        expect_seqs(&mut reader, if reset { 1 } else { after }, 3).await;
        reader.expect_nothing().await;
        reader.send(json!({"type": "quit"})).await;
        reader.rest().await;
        bot.so_far().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn another_server_knows_neither_session_nor_log() {
    let first = TestServer::start().await;
    let mut bot = first.json("bot").await;
    say(&mut bot, "1").await;
    let (session, log) = (bot.session.clone(), bot.log.clone());
    first.stop().await;
    let second = TestServer::start().await;
    let mut bot = second.dial_json("bot").await;
    bot.send(json!({"type": "hello", "alias": "bot", "session": session, "log": log})).await;
    bot.expect_error("unknown_session").await;
    let hello = json!({"type": "hello", "alias": "bot", "log": log, "rooms": [{"room": "lobby", "after": 1}]});
    bot.say_hello(hello).await;
    assert_ne!(bot.log, log);
    bot.expect_type("joined").await;
    bot.expect_json(json!({"type": "reset", "room": "lobby", "head": 0})).await;
    second.stop().await;
}

#[tokio::test]
async fn what_is_kept_no_longer_is_a_gap() {
    let server = TestServer::with().keep(10_000).unhurried().start().await;
    let mut bot = server.json("bot").await;
    for n in 1..=100 {
        let text = format!("{n:0>1000}");
        bot.request(json!({"type": "say", "room": "lobby", "text": text, "id": n.to_string()})).await;
    }
    let mut reader = server.hello("reader", hello_after("reader", 0)).await;
    reader.expect_type("joined").await;
    let gap = reader.expect_type("gap").await;
    assert_eq!((&gap["room"], &gap["from"]), (&json!("lobby"), &json!(1)));
    let to = gap["to"].as_u64().unwrap();
    assert!((88..100).contains(&to), "{gap}");
    for seq in to + 1..=100 {
        assert_eq!(reader.expect_type("message").await["seq"], seq);
    }
    reader.expect_nothing().await;
    // An id whose message is gone is free again.
    let again = bot.request(json!({"type": "say", "room": "lobby", "text": "new", "id": "1"})).await;
    assert_eq!(again["seq"], 101);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joining_a_room_by_request_has_the_same_seam() {
    let server = Arc::new(TestServer::with().unhurried().start().await);
    let stop = Arc::new(AtomicBool::new(false));
    let mut writer = server.json("writer").await;
    let ending = Arc::clone(&stop);
    let writing = tokio::spawn(async move {
        let mut n = 0;
        while !ending.load(Ordering::SeqCst) {
            n += 1;
            say(&mut writer, &n.to_string()).await;
        }
    });
    let mut reader =
        server.hello("reader", json!({"type": "hello", "alias": "reader", "rooms": [], "quiet": true})).await;
    let mut after = 0;
    for _ in 0..100 {
        reader.send(json!({"type": "join", "room": "lobby", "after": after})).await;
        reader.expect_type("joined").await;
        expect_seqs(&mut reader, after, after + 5).await;
        after += 5;
        reader.send(json!({"type": "leave", "room": "lobby", "id": "l"})).await;
        loop {
            let line = reader.receive().await;
            if line["type"] == "ack" {
                break;
            }
            after += 1;
            assert_eq!((&line["type"], &line["seq"]), (&json!("message"), &json!(after)));
        }
    }
    stop.store(true, Ordering::SeqCst);
    writing.await.unwrap();
    Arc::into_inner(server).unwrap().stop().await;
}

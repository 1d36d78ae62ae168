//! The durable log: what was acked is there afterwards, once, and what was removed is announced.

use std::collections::BTreeMap;
use std::path::Path;

use chat_server::Storage;
use chat_server::log::Durable;
use chat_tests::{JsonClient, ServerProcess, TestServer};
use serde_json::{Value, json};

fn say(id: &str, text: &str) -> Value {
    json!({"type": "say", "room": "lobby", "text": text, "id": id})
}

fn back(client: &JsonClient, after: u64) -> Value {
    json!({"type": "hello", "session": client.session, "log": client.log, "rooms": [{"room": "lobby", "after": after}]})
}

/// What a room's log holds: seq, text.
async fn everything(client: &mut JsonClient) -> Vec<(u64, String)> {
    client.send(json!({"type": "history", "room": "lobby", "after": 0, "limit": 500, "id": "all"})).await;
    let mut all = Vec::new();
    loop {
        let line = client.receive().await;
        match line["type"].as_str() {
            Some("message") if line["re"] == "all" => {
                all.push((line["seq"].as_u64().unwrap(), line["text"].as_str().unwrap().to_owned()));
            }
            Some("end") => return all,
            _ => {}
        }
    }
}

#[tokio::test]
async fn after_a_restart_a_session_comes_back_under_its_alias_and_an_id_is_still_known() {
    let data = tempfile::tempdir().unwrap();
    let server = TestServer::with().durable(data.path()).start().await;
    let mut alice = server.json("alice").await;
    assert_eq!(alice.request(say("1", "one")).await["seq"], 1);
    alice.request(json!({"type": "nick", "alias": "alicia", "id": "n"})).await;
    server.stop().await;

    let server = TestServer::with().durable(data.path()).start().await;
    let mut again = server.dial_json("alice again").await;
    let welcome = again.say_hello(back(&alice, 0)).await;
    assert_eq!((&welcome["alias"], &welcome["log"]), (&json!("alicia"), &json!(alice.log)));
    again.expect_type("joined").await;
    let message = again.expect_type("message").await;
    assert_eq!((&message["seq"], &message["text"], &message["own"]), (&json!(1), &json!("one"), &json!(true)));
    assert_eq!(again.request(say("1", "one")).await["seq"], 1);
    again.send(say("1", "another")).await;
    again.expect_error("id_conflict").await;
    assert_eq!(again.request(say("2", "two")).await["seq"], 2);
    server.stop().await;
}

#[tokio::test]
async fn what_was_acked_survives_kill_9() {
    let data = tempfile::tempdir().unwrap();
    let mut acked = BTreeMap::new();
    let mut session: Option<Value> = None;
    for round in 0..4 {
        let server = ServerProcess::start_durable(data.path(), &["--max-rate", "0"]);
        let hello = session.take().unwrap_or_else(|| json!({"type": "hello", "alias": "alice"}));
        let mut alice = JsonClient::hello("alice", server.address, hello).await;
        for i in 0..60 {
            let id = format!("{round}-{i}");
            alice.send(say(&id, &format!("text {id}"))).await;
        }
        // Killed while some of them are on their way.
        for _ in 0..20 {
            let ack = alice.next("ack").await;
            acked.insert(ack["seq"].as_u64().unwrap(), format!("text {}", ack["id"].as_str().unwrap()));
        }
        server.signal("KILL");
        server.wait();
        session = Some(json!({"type": "hello", "session": alice.session}));
    }
    let server = ServerProcess::start_durable(data.path(), &[]);
    let mut reader = JsonClient::hello("reader", server.address, json!({"type": "hello", "alias": "reader"})).await;
    let all = everything(&mut reader).await;
    assert!(all.iter().zip(1..).all(|((seq, _), n)| *seq == n), "dense: {all:?}");
    let texts: std::collections::BTreeSet<_> = all.iter().map(|(_, text)| text).collect();
    assert_eq!(texts.len(), all.len(), "nothing is there twice");
    let log: BTreeMap<_, _> = all.iter().cloned().collect();
    assert_eq!(acked.len(), 80);
    for (seq, text) in &acked {
        assert_eq!(log.get(seq), Some(text));
    }
}

#[tokio::test]
async fn a_takeover_with_appends_in_flight_says_everything_once() {
    let data = tempfile::tempdir().unwrap();
    for setup in [TestServer::with(), TestServer::with().durable(data.path())] {
        let server = setup.unhurried().start().await;
        let mut first = server.json("alice").await;
        for i in 0..50 {
            first.send(say(&format!("i{i}"), &format!("text {i}"))).await;
        }
        // Nothing of it was answered as far as the client knows.
        let mut second = server.dial_json("alice again").await;
        second.say_hello(back(&first, 0)).await;
        for i in 0..50 {
            second.send(say(&format!("i{i}"), &format!("text {i}"))).await;
        }
        let mut seqs = BTreeMap::new();
        while seqs.len() < 50 {
            let line = second.next("ack").await;
            seqs.insert(line["id"].as_str().unwrap().to_owned(), line["seq"].as_u64().unwrap());
        }
        let log = everything(&mut second).await;
        assert_eq!(log.len(), 50, "each once: {log:?}");
        for (id, seq) in &seqs {
            assert_eq!(log[usize::try_from(*seq).unwrap() - 1].1, format!("text {}", &id[1..]));
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_removed_message_is_told_of_and_never_served_again() {
    let data = tempfile::tempdir().unwrap();
    for setup in [TestServer::with(), TestServer::with().durable(data.path())] {
        let server = setup.start().await;
        let mut alice = server.json("alice").await;
        let mut bob = server.json("bob").await;
        let mut text = server.text("carol").await;
        alice.request(say("1", "first")).await;
        alice.request(say("2", "a secret")).await;
        bob.send(json!({"type": "redact", "room": "lobby", "seq": 2, "id": "r"})).await;
        while bob.receive().await["type"] != "error" {}
        bob.send(json!({"type": "redact", "room": "lobby", "seq": 9, "id": "r"})).await;
        assert_eq!(bob.expect_error("no_such_message").await["id"], "r");
        alice.request(json!({"type": "redact", "room": "lobby", "seq": 2, "id": "r"})).await;
        let redacted = bob.next("redacted").await;
        assert_eq!(redacted, json!({"type": "redacted", "room": "lobby", "seq": 2, "by": "alice"}));
        text.until("*** alice removed a message said at 12:03:22.").await;
        // From the tail, from the log, and for those who have to be told again.
        let mut dave = server.hello("dave", json!({"type": "hello", "alias": "dave"})).await;
        let mut erin = server.hello("erin", back_to_start(&alice, "erin")).await;
        for client in [&mut dave, &mut erin] {
            assert_eq!(client.next("message").await["text"], "first");
            let left = client.expect_type("message").await;
            assert_eq!((&left["seq"], &left["text"]), (&json!(2), &json!("")));
        }
        assert_eq!(everything(&mut bob).await, [(1, "first".to_owned()), (2, String::new())]);
        let mut frank = server.text("frank").await;
        let page = frank.until("*** -- now --").await;
        assert!(
            page.iter().any(|line| line.ends_with("alice: first")) && !format!("{page:?}").contains("secret"),
            "{page:?}"
        );
        assert_eq!(alice.request(say("2", "a secret")).await["seq"], 2, "said again it stays removed");
        assert_eq!(everything(&mut bob).await.len(), 2);
        server.stop().await;
    }
}

fn back_to_start(other: &JsonClient, alias: &str) -> Value {
    json!({"type": "hello", "alias": alias, "log": other.log, "rooms": [{"room": "lobby", "after": 0}]})
}

#[tokio::test]
async fn what_retention_removed_is_a_gap() {
    let data = tempfile::tempdir().unwrap();
    let server = TestServer::with().durable(data.path()).start().await;
    let mut alice = server.json("alice").await;
    for i in 1..=9 {
        alice.request(say(&i.to_string(), &format!("text {i}"))).await;
    }
    server.stop().await;

    let mut durable = Durable::new(data.path());
    durable.keep.messages = Some(3);
    let server = TestServer::with().storage(Storage::Sqlite(durable)).start().await;
    let mut again = server.dial_json("alice again").await;
    again.say_hello(back(&alice, 9)).await;
    // It is removed in the background; the deadline of a line ends this if it never is.
    let began = tokio::time::Instant::now();
    while everything(&mut again).await.len() > 3 {
        assert!(began.elapsed() < chat_tests::DEADLINE, "nothing is removed");
    }
    let mut bob = server.hello("bob", back_to_start(&alice, "bob")).await;
    bob.expect_type("joined").await;
    bob.expect_json(json!({"type": "gap", "room": "lobby", "from": 1, "to": 6})).await;
    assert_eq!(bob.expect_type("message").await["seq"], 7);
    again.send(json!({"type": "history", "room": "lobby", "before": 9, "limit": 4, "id": "h"})).await;
    assert_eq!(again.next("gap").await, json!({"type": "gap", "room": "lobby", "from": 5, "to": 6, "re": "h"}));
    assert_eq!(again.request(say("10", "ten")).await["seq"], 10);
    server.stop().await;
}

#[tokio::test]
async fn the_second_server_on_a_folder_is_told_who_has_it() {
    let data = tempfile::tempdir().unwrap();
    let first = ServerProcess::start_durable(data.path(), &[]);
    let ended = command(data.path(), &["--listen", "127.0.0.1:0", "--web", "off"]);
    assert_eq!(ended.code, Some(2));
    for part in [format!("pid {}", first.id()), "--data".to_owned(), "--ephemeral".to_owned()] {
        assert!(ended.stderr.contains(&part), "{part} in {}", ended.stderr);
    }
    first.signal("TERM");
    let (_, code, stderr) = first.wait();
    assert_eq!(code, Some(0));
    assert!(stderr.contains(&format!("messages are kept in {}", data.path().display())), "{stderr}");
}

fn command(data: &Path, arguments: &[&str]) -> chat_tests::Ended {
    let mut command = ServerProcess::command();
    command.args(arguments).arg("--data").arg(data);
    ServerProcess::run_to_end(command)
}

#[tokio::test]
async fn a_backup_and_an_export_are_made_while_the_server_runs() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = ServerProcess::start_durable(data.path(), &[]);
    let mut alice = JsonClient::hello("alice", server.address, json!({"type": "hello", "alias": "alice"})).await;
    alice.request(say("1", "one")).await;
    let file = other.path().join("backup").display().to_string();
    assert_eq!(command(data.path(), &["backup", &file]).code, Some(0));
    assert_eq!(command(data.path(), &["backup", &file]).code, Some(2), "it is there already");
    assert_eq!(command(data.path(), &["restore", &file]).code, Some(2), "a server has the folder");
    let export = command(data.path(), &["export"]);
    assert_eq!((export.code, export.stdout.lines().count()), (Some(0), 2), "{}", export.stderr);
    let lines = other.path().join("lines").display().to_string();
    std::fs::write(&lines, &export.stdout).unwrap();
    alice.request(say("2", "two")).await;

    for (how, from) in [("restore", &file), ("import", &lines)] {
        let folder = other.path().join(how);
        assert_eq!(command(&folder, &[how, from]).code, Some(0));
        assert_eq!(command(&folder, &[how, from]).code, Some(2), "the folder has a log");
        let copy = ServerProcess::start_durable(&folder, &[]);
        let hello =
            json!({"type": "hello", "alias": "bob", "log": alice.log, "rooms": [{"room": "lobby", "after": 2}]});
        let mut bob = JsonClient::hello("bob", copy.address, hello).await;
        assert_ne!(bob.log, alice.log, "a log of its own");
        assert_eq!(bob.next("reset").await["head"], 1, "whoever was ahead is told");
        assert_eq!(everything(&mut bob).await, [(1, "one".to_owned())]);
    }
    assert_eq!(command(&other.path().join("nothing"), &["export"]).code, Some(2));
}

/// Reads all of 900 after `after`: every seventh is alice's, and of the 14th nothing is left.
async fn expect_all(client: &mut JsonClient, after: u64, is_mine: fn(u64) -> bool) {
    client.expect_type("joined").await;
    for seq in after + 1..=900 {
        let line = client.receive().await;
        let text = if seq == 14 { String::new() } else { seq.to_string() };
        let from = if seq % 7 == 0 { "alice" } else { "bob" };
        let right = line["type"] == "message" && line["seq"] == seq && line["text"] == text && line["from"] == from;
        if !right || line["own"] == json!(true) && !is_mine(seq) || is_mine(seq) && line["own"] != json!(true) {
            client.fail(&format!("{line} isn't seq {seq}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_come_back_at_once_from_far_behind_get_everything_and_their_own_marked() {
    let data = tempfile::tempdir().unwrap();
    let server = TestServer::with().durable(data.path()).unhurried().start().await;
    let (mut alice, mut bob) = (server.json("alice").await, server.json("bob").await);
    for seq in 1..=900 {
        let speaker = if seq % 7 == 0 { &mut alice } else { &mut bob };
        speaker.request(say(&seq.to_string(), &seq.to_string())).await;
    }
    alice.request(json!({"type": "redact", "room": "lobby", "seq": 14, "id": "redact"})).await;
    let (mine, bobs) = (back(&alice, 0), back(&bob, 300));
    let other =
        |after| json!({"type": "hello", "alias": "x", "log": alice.log, "rooms": [{"room": "lobby", "after": after}]});
    server.stop().await;

    let server = TestServer::with().durable(data.path()).unhurried().start().await;
    let come_back = async |name: &str, mut hello: Value, after, is_mine| {
        if hello["session"].is_null() {
            hello["alias"] = json!(name);
        }
        hello["quiet"] = json!(true);
        let mut client = server.hello(name, hello).await;
        expect_all(&mut client, after, is_mine).await;
        client
    };
    let clients: [JsonClient; 6] = tokio::join!(
        come_back("alice", mine, 0, |seq| seq % 7 == 0),
        come_back("bob", bobs, 300, |seq| seq % 7 != 0),
        come_back("carol", other(0), 0, |_| false),
        come_back("dave", other(255), 255, |_| false),
        come_back("erin", other(256), 256, |_| false),
        come_back("frank", other(899), 899, |_| false),
    )
    .into();
    let [mut alice, others @ ..] = clients;
    assert_eq!(alice.request(say("live", "live")).await["seq"], 901);
    for mut client in others {
        assert_eq!(client.expect_type("message").await["seq"], 901);
    }
    server.stop().await;
}

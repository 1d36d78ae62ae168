//! Somebody is erased: what he said is empty, his private conversations too, on the disk as well.

use std::path::Path;

use chat_tests::{Ended, JsonClient, ServerProcess};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";

/// `chat-server …` on a data folder.
fn run(data: &Path, arguments: &[&str]) -> Ended {
    let mut command = ServerProcess::command();
    command.arg("--data").arg(data).args(arguments);
    ServerProcess::run_to_end(command)
}

/// Alice, an account, said things in the lobby and to bob; so did he.
async fn talk(server: &ServerProcess) -> [JsonClient; 2] {
    let mut people = Vec::new();
    for name in ["alice", "bob"] {
        let mut client = JsonClient::hello(name, server.address, json!({"type": "hello", "alias": name})).await;
        client.request(json!({"type": "register", "password": PASSWORD, "id": "r"})).await;
        people.push(client);
    }
    let [mut alice, mut bob]: [JsonClient; 2] = people.try_into().expect("two");
    alice.request(json!({"type": "say", "room": "lobby", "text": "zebracrossing", "id": "1"})).await;
    bob.request(json!({"type": "say", "room": "lobby", "text": "marmalade", "id": "1"})).await;
    alice.request(json!({"type": "private", "to": "bob", "text": "zebrasecret", "id": "2"})).await;
    bob.request(json!({"type": "private", "to": "alice", "text": "zebraanswer", "id": "2"})).await;
    [alice, bob]
}

/// Whether a word is anywhere in the files of the folder.
fn is_on_disk(data: &Path, word: &str) -> bool {
    let files = std::fs::read_dir(data).expect("a folder").map(|entry| entry.expect("a file").path());
    files.filter(|file| file.is_file()).any(|file| {
        let bytes = std::fs::read(&file).unwrap_or_default();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    })
}

/// What is left of the lobby, and what is found there, as bob sees it.
async fn check_what_is_left(server: &ServerProcess) {
    let hello = json!({"type": "hello", "alias": "bob", "password": PASSWORD});
    let mut bob = JsonClient::hello("bob", server.address, hello).await;
    let lines = bob.so_far().await;
    let messages: Vec<_> = lines.iter().filter(|line| line["type"] == "message").collect();
    let texts: Vec<_> = messages.iter().map(|line| (&line["seq"], &line["text"])).collect();
    assert_eq!(texts, [(&json!(1), &json!("")), (&json!(2), &json!("marmalade"))]);
    bob.send(json!({"type": "search", "room": "lobby", "query": "zebracrossing", "id": "s"})).await;
    assert_eq!(bob.receive().await, json!({"type": "end", "re": "s", "more": false}));
    bob.send(json!({"type": "history", "room": "@alice", "id": "h"})).await;
    bob.expect_error("no_such_room").await;
    let mut alice = JsonClient::dial("alice", server.address).await;
    alice.send(json!({"type": "hello", "alias": "alice", "password": PASSWORD})).await;
    alice.expect_error("wrong_password").await;
}

#[tokio::test]
async fn somebody_is_erased_where_no_server_runs() {
    let data = tempfile::tempdir().expect("a folder");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start_durable(data.path(), &[]);
    drop(talk(&server).await);
    server.signal("TERM");
    assert_eq!(server.wait().1, Some(0));
    let backup = elsewhere.path().join("before.db").display().to_string();
    assert_eq!(run(data.path(), &["backup", &backup]).code, Some(0));
    assert_eq!(run(data.path(), &["export"]).code, Some(0));
    assert!(is_on_disk(data.path(), "zebrasecret"));

    let unsure = run(data.path(), &["erase", "alice"]);
    assert_eq!(unsure.code, Some(2));
    assert!(unsure.stderr.contains("--yes says that it is meant"), "{}", unsure.stderr);
    assert_eq!(run(data.path(), &["erase", "@alice", "--yes"]).code, Some(2));
    let nothing = tempfile::tempdir().expect("a folder");
    assert_eq!(run(nothing.path(), &["erase", "alice", "--yes"]).code, Some(2));

    let erased = run(data.path(), &["erase", "alice", "--yes"]);
    assert_eq!(erased.code, Some(0), "{}", erased.stderr);
    assert!(erased.stderr.starts_with("alice is erased: 3 messages are empty now\n"), "{}", erased.stderr);
    assert!(erased.stderr.contains(&backup), "{}", erased.stderr);
    for named in ["these exports may still have what was said:\n  standard output, of 2", "topics of rooms are left"] {
        assert!(erased.stderr.contains(named), "{named}: {}", erased.stderr);
    }
    assert!(!erased.stderr.contains("guests said"), "{}", erased.stderr);
    for word in ["zebracrossing", "zebrasecret", "zebraanswer"] {
        assert!(!is_on_disk(data.path(), word), "{word}");
    }
    assert!(is_on_disk(data.path(), "marmalade"));
    let server = ServerProcess::start_durable(data.path(), &[]);
    check_what_is_left(&server).await;
}

#[tokio::test]
async fn somebody_is_erased_beside_a_running_server() {
    let data = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start_durable(data.path(), &[]);
    let [mut alice, mut bob] = talk(&server).await;
    bob.so_far().await;
    let path = data.path().to_owned();
    let erased = tokio::task::spawn_blocking(move || run(&path, &["erase", "ALICE", "--yes"])).await.expect("it ran");
    assert_eq!(erased.code, Some(0), "{}", erased.stderr);
    assert!(erased.stderr.starts_with("ALICE is erased, by the server that runs on "), "{}", erased.stderr);
    assert!(erased.stderr.contains("no backup or export is known"), "{}", erased.stderr);
    assert_eq!(alice.next("bye").await["code"], "kicked");
    // What the room serves from memory is as empty as what it serves from the disk.
    bob.send(json!({"type": "history", "room": "lobby", "limit": 1, "before": 2, "id": "h"})).await;
    assert_eq!(bob.next("message").await["text"], Value::from(""));
    check_what_is_left(&server).await;
    let mut again = JsonClient::dial("alice", server.address).await;
    again.send(json!({"type": "hello", "session": alice.session})).await;
    again.expect_error("unknown_session").await;
    server.signal("TERM");
    assert_eq!(server.wait().1, Some(0));
    for word in ["zebracrossing", "zebrasecret", "zebraanswer"] {
        assert!(!is_on_disk(data.path(), word), "{word}");
    }
}

/// A guest who says something and leaves; his session.
async fn passes_by(server: &ServerProcess, name: &str) -> String {
    let mut client = JsonClient::hello(name, server.address, json!({"type": "hello", "alias": name})).await;
    client.request(json!({"type": "say", "room": "lobby", "text": format!("words of {name}"), "id": "1"})).await;
    client.send(json!({"type": "quit"})).await;
    client.rest_json().await;
    client.session.clone()
}

async fn check_forgotten(server: &ServerProcess, session: &str, forgotten: bool) {
    let mut again = JsonClient::dial("again", server.address).await;
    again.send(json!({"type": "hello", "session": session})).await;
    if forgotten { drop(again.expect_error("unknown_session").await) } else { drop(again.expect_type("welcome").await) }
}

#[tokio::test]
async fn what_was_said_by_a_guest_is_erased_by_his_alias() {
    let data = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start_durable(data.path(), &[]);
    let (mallory, mallet) = (passes_by(&server, "mallory").await, passes_by(&server, "mallet").await);
    server.signal("TERM");
    assert_eq!(server.wait().1, Some(0));
    let erased = run(data.path(), &["erase", "Mallory", "--yes"]);
    assert!(erased.stderr.starts_with("Mallory is erased: 1 message is empty now\n"), "{}", erased.stderr);
    assert!(!is_on_disk(data.path(), "words of mallory") && is_on_disk(data.path(), "words of mallet"));
    let server = ServerProcess::start_durable(data.path(), &[]);
    check_forgotten(&server, &mallory, true).await;
    check_forgotten(&server, &mallet, false).await;
}

#[tokio::test]
async fn a_guest_who_has_left_is_erased_beside_a_running_server() {
    let data = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start_durable(data.path(), &[]);
    let (mallory, mallet) = (passes_by(&server, "mallory").await, passes_by(&server, "mallet").await);
    let path = data.path().to_owned();
    let erased = tokio::task::spawn_blocking(move || run(&path, &["erase", "Mallory", "--yes"])).await.expect("it ran");
    assert_eq!(erased.code, Some(0), "{}", erased.stderr);
    check_forgotten(&server, &mallory, true).await;
    check_forgotten(&server, &mallet, false).await;
}

#[tokio::test]
async fn what_guests_said_under_an_accounts_alias_is_named_and_can_be_erased() {
    let data = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start_durable(data.path(), &[]);
    passes_by(&server, "alice").await;
    server.signal("TERM");
    assert_eq!(server.wait().1, Some(0));
    let file = data.path().join("password");
    std::fs::write(&file, PASSWORD).expect("written");
    let added = run(data.path(), &["account", "add", "alice", "--password-file", &file.display().to_string()]);
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let first = run(data.path(), &["erase", "alice", "--yes"]);
    assert!(
        first.stderr.starts_with("alice is erased: 0 messages are empty now\n1 message that guests said as alice"),
        "{}",
        first.stderr
    );
    let second = run(data.path(), &["erase", "alice", "--yes"]);
    assert!(second.stderr.starts_with("alice is erased: 1 message is empty now\n"), "{}", second.stderr);
    assert!(!is_on_disk(data.path(), "words of alice"));
}

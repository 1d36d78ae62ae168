//! A log is brought back with its accounts, and never opens a room to everybody that was private.

use std::path::{Path, PathBuf};

use chat_tests::{Ended, JsonClient, ServerProcess};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";

fn run(data: &Path, arguments: &[&str]) -> Ended {
    let mut command = ServerProcess::command();
    command.args(arguments).arg("--data").arg(data);
    ServerProcess::run_to_end(command)
}

fn hello(alias: &str, room: &str) -> Value {
    json!({"type": "hello", "alias": alias, "rooms": [{"room": room, "after": 0}]})
}

/// A copy of the house below, which is made once: an account costs seconds where nothing is optimized.
async fn house() -> tempfile::TempDir {
    static MADE: tokio::sync::OnceCell<tempfile::TempDir> = tokio::sync::OnceCell::const_new();
    let copy = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(MADE.get_or_init(make_house).await).expect("a folder") {
        let path = entry.expect("a file").path();
        std::fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    copy
}

/// A house where alice has an account and the private room `den`, and bob said something in the public room `ops`; stopped.
async fn make_house() -> tempfile::TempDir {
    // Nobody removes what a static holds.
    let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let server = ServerProcess::start_durable(data.path(), &[]);
    let mut alice = JsonClient::hello("alice", server.address, json!({"type": "hello", "alias": "alice"})).await;
    for request in [
        json!({"type": "register", "password": PASSWORD}),
        json!({"type": "join", "room": "den"}),
        json!({"type": "make_private", "room": "den"}),
        json!({"type": "say", "room": "den", "text": "for us alone"}),
    ] {
        let mut request = request;
        request["id"] = "r".into();
        alice.request(request).await;
    }
    let mut bob = JsonClient::hello("bob", server.address, hello("bob", "ops")).await;
    bob.request(json!({"type": "say", "room": "ops", "text": "to everybody", "id": "1"})).await;
    server.signal("TERM");
    assert_eq!(server.wait().1, Some(0));
    data
}

/// What becomes of somebody who wants into a room as a guest: `joined`, or the code of the error.
async fn as_guest(server: &ServerProcess, room: &str) -> String {
    let mut client = JsonClient::dial("guest", server.address).await;
    client.send(hello(&format!("in-{room}"), room)).await;
    loop {
        let line = client.receive().await;
        match line["type"].as_str() {
            Some("joined") => return "joined".to_owned(),
            Some("error") => return line["code"].as_str().unwrap_or_default().to_owned(),
            _ => {}
        }
    }
}

fn path(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

#[tokio::test]
async fn a_backup_brings_back_accounts_and_whose_rooms_are() {
    let (data, other) = (house().await, tempfile::tempdir().expect("a folder"));
    let (file, restored) = (path(&other, "backup").display().to_string(), path(&other, "restored"));
    assert_eq!(run(data.path(), &["backup", &file]).code, Some(0));
    assert_eq!(run(&restored, &["restore", &file]).code, Some(0));
    let server = ServerProcess::start_durable(&restored, &[]);
    assert_eq!(as_guest(&server, "den").await, "no_such_room");
    let mut other = JsonClient::dial("other", server.address).await;
    other.send(hello("alice", "den")).await;
    other.expect_error("wrong_password").await;
    let mut alice_hello = hello("alice", "den");
    alice_hello["password"] = PASSWORD.into();
    let mut alice = JsonClient::hello("alice", server.address, alice_hello).await;
    assert_eq!(alice.next("message").await["text"], "for us alone");
}

#[tokio::test]
async fn without_its_accounts_a_backup_is_restored_closed_or_not_at_all() {
    let (data, other) = (house().await, tempfile::tempdir().expect("a folder"));
    let (file, restored) = (path(&other, "backup").display().to_string(), path(&other, "restored"));
    assert_eq!(run(data.path(), &["backup", &file]).code, Some(0));
    std::fs::remove_file(path(&other, "backup.accounts")).expect("lost");
    let refused = run(&restored, &["restore", &file]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("backup.accounts is missing"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--without-accounts") && !restored.exists(), "{}", refused.stderr);

    let insisted = run(&restored, &["restore", &file, "--without-accounts"]);
    assert_eq!(insisted.code, Some(0), "{}", insisted.stderr);
    assert!(insisted.stderr.contains("of the rooms #lobby alone is open: 2 are closed"), "{}", insisted.stderr);
    let server = ServerProcess::start_durable(&restored, &[]);
    for (room, fate) in [("den", "no_such_room"), ("ops", "no_such_room"), ("lobby", "joined")] {
        assert_eq!(as_guest(&server, room).await, fate, "{room}");
    }
}

#[tokio::test]
async fn a_log_is_not_opened_without_the_accounts_that_it_had() {
    let data = house().await;
    let aside = path(&data, "aside");
    std::fs::rename(path(&data, "accounts.db"), &aside).expect("moved");
    let missing = |ended: Ended| {
        assert!(ended.stderr.contains("accounts.db is missing") && ended.code != Some(0), "{}", ended.stderr);
    };
    missing(run(data.path(), &["--listen", "127.0.0.1:0", "--web", "off"]));
    for command in [&["account", "invite", "eve"][..], &["backup", "never"], &["export"], &["erase", "bob", "--yes"]] {
        missing(run(data.path(), command));
    }
    // Another house's don't do either.
    let stranger = tempfile::tempdir().expect("a folder");
    assert_eq!(run(stranger.path(), &["account", "invite", "eve"]).code, Some(0));
    std::fs::copy(path(&stranger, "accounts.db"), path(&data, "accounts.db")).expect("copied");
    let refused = run(data.path(), &["--listen", "127.0.0.1:0", "--web", "off"]);
    assert!(refused.stderr.contains("the accounts of another log") && refused.code == Some(2), "{}", refused.stderr);
    std::fs::rename(&aside, path(&data, "accounts.db")).expect("moved back");
    let server = ServerProcess::start_durable(data.path(), &[]);
    assert_eq!(as_guest(&server, "den").await, "no_such_room");
}

#[tokio::test]
async fn what_was_private_is_closed_after_an_import() {
    let (data, other) = (house().await, tempfile::tempdir().expect("a folder"));
    let export = run(data.path(), &["export"]);
    let (lines, imported) = (path(&other, "lines"), path(&other, "imported"));
    std::fs::write(&lines, &export.stdout).expect("written");
    assert_eq!(run(&imported, &["import", &lines.display().to_string()]).code, Some(0));
    let server = ServerProcess::start_durable(&imported, &[]);
    for (room, fate) in [("den", "no_such_room"), ("ops", "joined"), ("lobby", "joined")] {
        assert_eq!(as_guest(&server, room).await, fate, "{room}");
    }
}

/// The modes of all files with messages or hashes in a folder that others may look into.
#[cfg(unix)]
fn open_to_others(folder: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt as _;
    let files = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file"));
    let named =
        files.map(|file| (file.file_name().into_string().expect("a name"), file.metadata().expect("a file").mode()));
    let named = named.filter(|(name, mode)| (name.contains(".db") || name.starts_with("backup")) && mode & 0o077 != 0);
    named.map(|(name, mode)| format!("{name} {mode:o}")).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_on_the_machine_may_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = tempfile::tempdir().expect("a folder");
    // A folder that somebody made, with a file that an earlier server left open.
    std::fs::write(path(&data, "accounts.db"), "").expect("written");
    for (open, mode) in [(data.path().to_owned(), 0o755), (path(&data, "accounts.db"), 0o644)] {
        std::fs::set_permissions(open, std::fs::Permissions::from_mode(mode)).expect("set");
    }
    let server = ServerProcess::start_durable(data.path(), &[]);
    let mut bob = JsonClient::hello("bob", server.address, json!({"type": "hello", "alias": "bob"})).await;
    bob.request(json!({"type": "say", "room": "lobby", "text": "hi", "id": "1"})).await;
    assert_eq!(open_to_others(data.path()), Vec::<String>::new());
    let (file, restored) = (path(&data, "backup").display().to_string(), path(&data, "restored"));
    assert_eq!(run(data.path(), &["backup", &file]).code, Some(0));
    std::fs::create_dir(&restored).expect("made");
    assert_eq!(run(&restored, &["restore", &file]).code, Some(0));
    assert_eq!((open_to_others(data.path()), open_to_others(&restored)), (vec![], vec![]));
    assert!(restored.join("chat.db").exists() && restored.join("accounts.db").exists());
}

//! A server that is changed while it runs, and what a service manager hears of it.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use chat_tests::{DEADLINE, JsonClient, ServerProcess};
use serde_json::json;

/// A configuration file that is gone after the test.
struct File(PathBuf);

impl File {
    /// Takes the old one's place in one step: a server that is still reading for an earlier hangup never sees half a file.
    fn write(&self, contents: &str) {
        let new = self.0.with_extension("new");
        std::fs::write(&new, contents).unwrap();
        std::fs::rename(new, &self.0).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Connects until the server tells a new one that this is the limit of a text.
async fn until_max_text(server: &ServerProcess, expected: u64) -> JsonClient {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let began = Instant::now();
    loop {
        // An alias waits for a program that has gone without a word.
        let alias = format!("c{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut client = JsonClient::dial(&alias, server.address).await;
        let welcome = client.say_hello(json!({"type": "hello", "alias": alias, "v": 1})).await;
        if welcome["limits"]["max_text"] == expected {
            return client;
        }
        assert!(began.elapsed() < DEADLINE, "the limit is still {}", welcome["limits"]["max_text"]);
    }
}

#[tokio::test]
async fn a_hangup_puts_new_limits_in_force_for_new_connections() {
    let file = File(std::env::temp_dir().join(format!("chat-reload-{}.toml", std::process::id())));
    file.write("max-text = 100\n");
    let server = ServerProcess::start(&["--config", file.0.to_str().unwrap()]);
    let mut old = until_max_text(&server, 100).await;

    file.write("max-text = 50\nlobby = \"hall\"\n");
    server.signal("HUP");
    let mut new = until_max_text(&server, 50).await;
    let say = |id: &str| json!({"type": "say", "room": "lobby", "text": "x".repeat(80), "id": id});
    old.request(say("a")).await;
    new.send(say("b")).await;
    let refused = new.next("error").await;
    assert_eq!(refused["id"], "b");

    // A bad one changes nothing, and the one after it is read again.
    file.write("max-text = \"much\"\n");
    server.signal("HUP");
    file.write("max-txt = 5\n");
    server.signal("HUP");
    drop(until_max_text(&server, 50).await);
    file.write("max-text = 60\n");
    server.signal("HUP");
    drop(until_max_text(&server, 60).await);

    server.signal("TERM");
    let (_, code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    for words in ["setting=\"max-text\"", "in force only after a restart", "stays in force"] {
        assert!(log.contains(words), "no {words:?} in {log}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_service_manager_is_told_of_every_change() {
    let path = File(std::env::temp_dir().join(format!("chat-notify-{}", std::process::id())));
    let manager = UnixDatagram::bind(&path.0).unwrap();
    manager.set_read_timeout(Some(DEADLINE)).unwrap();
    let hears = |expected: &str| {
        let mut message = [0; 256];
        let length = manager.recv(&mut message).expect("a message in time");
        let message = String::from_utf8_lossy(&message[..length]).into_owned();
        assert!(message.lines().any(|line| line == expected), "no {expected} in {message:?}");
        message
    };
    let mut command = ServerProcess::command();
    command.args(["--listen", "127.0.0.1:0", "--web", "off", "--ephemeral"]).env("NOTIFY_SOCKET", &path.0);
    let server = ServerProcess::start_command(command);
    hears("READY=1");
    server.signal("HUP");
    let reloading = hears("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    hears("READY=1");
    server.signal("TERM");
    hears("STOPPING=1");
    assert_eq!(server.wait().1, Some(0));
}

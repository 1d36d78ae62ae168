//! What hostile peers send, what must come back, and what others must (not) see.
//!
//! [`BYTES`] is a table of bytes: each case has a server of its own, and somebody in its lobby who watches. What somebody *does* is in
//! the table of `behaviour`, against the program, as that is whose memory counts.

#[cfg(target_os = "linux")]
mod behaviour;
mod bytes;
mod sessions;

use std::time::{Duration, Instant};

use chat_tests::{JsonClient, TestServer};
use serde_json::{Value, json};

use self::bytes::{BYTES, Case, Sent};

/// How long a case of the table may take, on a busy machine too. All of them together take a second or two.
const TIME: Duration = Duration::from_secs(10);

/// Bytes that come back, at most, beside twice those that were sent: nobody is to be had for an echo.
const ANSWER: usize = 8 * 1024;

impl Case {
    fn bytes(&self) -> Vec<u8> {
        match self.sent {
            Sent::Bytes(bytes) => bytes.to_vec(),
            Sent::Times(count, bytes) => bytes.repeat(count),
            Sent::Between(before, count, bytes, after) => [before, &bytes.repeat(count), after].concat(),
        }
    }

    async fn check(&self) {
        let server = TestServer::with().unhurried().start().await;
        let mut watcher = watcher(&server).await;
        let began = Instant::now();
        let mut peer = server.wire(self.name).await;
        let sent = self.bytes();
        // It may be turned away before all of it is sent.
        let _ = peer.try_send_raw(&sent).await;
        let _ = peer.try_half_close().await;
        let came = peer.rest_raw().await;
        // The answer to telnet's interrupt is no UTF-8.
        let came = String::from_utf8_lossy(&came);
        let lines = once(came.lines());
        let heard = heard(&mut watcher).await;
        let fits = lines.len() == self.back.len()
            && lines.iter().zip(self.back).all(|(line, start)| line.starts_with(start))
            && heard == self.heard;
        if !fits {
            let shown: Vec<String> = lines.iter().map(|line| format!("{line:.150}")).collect();
            panic!(
                "{}: there came {shown:#?}\nand others heard {heard:.1000?}\ninstead of {:#?}\nand {:?}",
                self.name, self.back, self.heard
            );
        }
        assert!(came.len() <= ANSWER + 2 * sent.len(), "{}: {} bytes for {}", self.name, came.len(), sent.len());
        assert!(began.elapsed() < TIME, "{}: {:?}", self.name, began.elapsed());
        drop((peer, watcher));
        server.stop().await;
    }
}

/// The lines, but for those that are the same as one of the two before: a question and an error that come again and again.
fn once<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    lines.fold(Vec::new(), |mut all, line| {
        if !all[all.len().saturating_sub(2)..].contains(&line) {
            all.push(line);
        }
        all
    })
}

async fn watcher(server: &TestServer) -> JsonClient {
    let mut watcher = server.hello("watcher", json!({"type": "hello", "alias": "watcher", "quiet": true})).await;
    watcher.expect_type("joined").await;
    watcher
}

/// What was said in the lobby so far. Who comes and goes is passed over: it is told when it suits.
async fn heard(watcher: &mut JsonClient) -> Vec<String> {
    let said = |line: &Value| match line["type"].as_str() {
        Some("message" | "private") => line["text"].as_str().map(str::to_owned),
        Some("topic") => Some(format!("(topic) {}", line["text"].as_str().unwrap_or_default())),
        Some("presence" | "joined") => None,
        _ => Some(line.to_string()),
    };
    // What others sent has been stored before this is.
    watcher.send(json!({"type": "say", "room": "lobby", "text": "that was all", "id": "all"})).await;
    let mut all = Vec::new();
    loop {
        let line = watcher.receive().await;
        if line["type"] == "ack" && line["id"] == "all" {
            return all;
        }
        all.extend(said(&line));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_bytes_come() {
    const { assert!(BYTES.len() >= 60, "the table has 60 cases") };
    let mut failed = Vec::new();
    for case in BYTES {
        if let Err(error) = tokio::spawn(case.check()).await {
            let words = error.into_panic();
            failed.push(words.downcast_ref::<String>().cloned().unwrap_or_else(|| format!("{}: failed", case.name)));
        }
    }
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), BYTES.len(), failed.join("\n"));
}

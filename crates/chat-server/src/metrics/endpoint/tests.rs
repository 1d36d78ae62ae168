use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};

use crate::log::Durable;
use crate::server::ServeError;
use crate::{Config, Server};

const DEADLINE: Duration = Duration::from_secs(30);

/// A server, where its figures are, and how it is stopped.
struct Running {
    chat: SocketAddr,
    metrics: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn start(mut config: Config) -> Self {
        config.metrics = Some(local());
        let server = Server::bind(config).await.expect("a server");
        let (chat, metrics) = (server.addresses()[0], server.metrics_address().expect("an address"));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async { drop(stopped.await) }));
        Self { chat, metrics, stop, task }
    }

    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.metrics).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.metrics);
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    /// Asks until the answer has these words, as what it tells of happens in other tasks.
    async fn until(&self, path: &str, words: &str) -> String {
        let asked = async {
            loop {
                let answer = self.get(path).await;
                if answer.contains(words) {
                    return answer;
                }
            }
        };
        timeout(DEADLINE, asked).await.unwrap_or_else(|_| panic!("{path} never says {words:?}"))
    }

    /// Somebody who sends these lines, and whose kernel takes little of what he doesn't read.
    async fn person(&self, lines: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let mut stream = socket.connect(self.chat).await.expect("a connection");
        stream.write_all(lines.as_bytes()).await.expect("written");
        stream
    }
}

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn status(answer: &str) -> (&str, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer of HTTP");
    (head.split(' ').nth(1).expect("a status"), body)
}

#[tokio::test]
async fn what_happens_is_counted() {
    let server = Running::start(Config::ephemeral(local())).await;
    let mut person = server.person("alice\nhello\n/nonsense\n/who\n").await;
    let mut seen = String::new();
    while !seen.contains("1 in #lobby") {
        let mut buffer = [0; 1024];
        let n = person.read(&mut buffer).await.expect("lines");
        seen.push_str(std::str::from_utf8(&buffer[..n]).expect("UTF-8"));
    }
    assert_eq!(status(&server.get("/healthz").await), ("200", "ok\n"));
    assert_eq!(status(&server.get("/readyz").await), ("200", "ready\n"));
    // The message is stored by another thread than the one that answers the line behind it.
    let shown = server.until("/metrics", "chat_messages_total 1\n").await;
    for line in [
        "chat_connections 1",
        "chat_connections_total 1",
        "chat_sessions{dialect=\"text\",transport=\"tcp\"} 1",
        "chat_refused_total{code=\"unknown_type\"} 1",
        "chat_commit_seconds_count 1",
        "chat_log_refusing 0",
        "chat_draining 0",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
    drop((person, server.stop));
    server.task.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn nobody_new_is_sent_to_a_server_that_stops() {
    let mut config = Config::ephemeral(local());
    config.limits.max_rate = 0;
    let mut server = Running::start(config).await;
    // Answers that nobody takes, so that it doesn't stop before it was asked.
    let stalled = server.person(&format!("alice\n{}", "/help\n".repeat(2000))).await;
    server.until("/metrics", "chat_blocked_writers 1\n").await;
    assert_eq!(status(&server.get("/readyz").await), ("200", "ready\n"));
    drop(std::mem::replace(&mut server.stop, oneshot::channel().0));
    let answer = server.until("/readyz", "stopping").await;
    assert_eq!(status(&answer), ("503", "the server is stopping\n"));
    assert!(server.get("/metrics").await.contains("chat_draining 1\n"));
    // It serves whom it has, so that nobody has a reason to kill it.
    assert_eq!(status(&server.get("/healthz").await), ("200", "ok\n"));
    drop(stalled);
    server.task.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn nobody_new_is_sent_to_a_server_that_can_store_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    // No disk has so much free.
    let full = Durable { min_free: u64::MAX, ..Durable::new(folder.path()) };
    let mut config = Config::ephemeral(local());
    config.storage = crate::Storage::Sqlite(full);
    let server = Running::start(config).await;
    // As long as nobody says anything there is nothing to refuse.
    assert_eq!(status(&server.get("/readyz").await), ("200", "ready\n"));
    let person = server.person("alice\nhello\n").await;
    let answer = server.until("/readyz", "no room").await;
    assert_eq!(status(&answer), ("503", "the log has no room for more\n"));
    assert!(server.get("/metrics").await.contains("chat_log_refusing 1\n"));
    drop((person, server.stop));
    server.task.await.expect("no panic").expect("a clean end");
}

//! A server that does what a test says, at the other end of a pipe in memory, so that time can be paused.

use std::io;
use std::time::Duration;

use chat_client::protocol::names::RoomName;
use chat_client::{Client, Connector, Event, Events, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// A deadline for what must happen; with paused time it costs nothing to wait for.
const SOON: Duration = Duration::from_secs(300);

/// Hands the other end of each connection to the test.
struct Dial {
    calls: mpsc::Sender<DuplexStream>,
    buffer: usize,
}

impl Connector for Dial {
    type Stream = DuplexStream;

    async fn connect(&mut self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(self.buffer);
        self.calls.send(theirs).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(ours)
    }

    fn server(&self) -> String {
        "the fake".to_owned()
    }
}

/// Where the client calls.
pub(crate) struct Fake {
    calls: mpsc::Receiver<DuplexStream>,
}

/// One connection, seen from the server.
pub(crate) struct Peer {
    lines: BufReader<ReadHalf<DuplexStream>>,
    write: WriteHalf<DuplexStream>,
    /// When it was made.
    pub(crate) since: Instant,
}

pub(crate) fn start(options: Options) -> (Client, Events, Fake) {
    start_with_buffer(options, 64 * 1024)
}

pub(crate) fn start_with_buffer(options: Options, buffer: usize) -> (Client, Events, Fake) {
    let (sender, calls) = mpsc::channel(1);
    let (client, events) = Client::connect_with(Dial { calls: sender, buffer }, options);
    (client, events, Fake { calls })
}

pub(crate) fn lobby() -> RoomName {
    RoomName::new("lobby").unwrap()
}

impl Fake {
    /// The next connection.
    pub(crate) async fn accept(&mut self) -> Peer {
        let stream = timeout(SOON, self.calls.recv()).await.expect("the client connects in time").unwrap();
        let (read, write) = tokio::io::split(stream);
        let mut peer = Peer { lines: BufReader::new(read), write, since: Instant::now() };
        peer.send_raw("ALIAS?\n").await;
        peer
    }

    /// Makes sure that nobody connects any more.
    pub(crate) async fn expect_nobody(&mut self) {
        assert!(timeout(SOON, self.calls.recv()).await.is_ok_and(|call| call.is_none()), "the client came back");
    }

    /// A connection that has got as far as the lobby, whose newest message is `head`. Its hello comes with it.
    pub(crate) async fn accept_live(&mut self, head: u64) -> (Peer, Value) {
        let mut peer = self.accept().await;
        let hello = peer.expect("hello").await;
        peer.welcome().await;
        peer.joined(head).await;
        (peer, hello)
    }
}

impl Peer {
    pub(crate) async fn send_raw(&mut self, line: &str) {
        self.write.write_all(line.as_bytes()).await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_raw(&format!("{message}\n")).await;
    }

    pub(crate) async fn welcome(&mut self) {
        let limits = json!({"max_text": 8192, "max_line": 32768, "max_lines": 100, "max_rate": 20, "burst": 200,
                            "max_unacked": 64, "max_rooms": 32});
        self.send(json!({"type": "welcome", "alias": "alice", "session": "s3cret", "log": "log1", "server": "fake",
                         "version": "1", "limits": limits}))
            .await;
    }

    pub(crate) async fn joined(&mut self, head: u64) {
        self.send(
            json!({"type": "joined", "room": "lobby", "topic": "", "count": 1, "members": ["alice"], "head": head}),
        )
        .await;
    }

    pub(crate) async fn message(&mut self, seq: u64, text: &str, own: bool) {
        self.send(message(seq, text, own)).await;
    }

    pub(crate) async fn ack(&mut self, id: &Value, seq: u64) {
        self.send(json!({"type": "ack", "id": id, "room": "lobby", "seq": seq, "time": "2026-11-21T12:00:00Z"})).await;
    }

    /// The next line; `None` where the client has closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        let read = timeout(SOON, self.lines.read_line(&mut line)).await.expect("the client says something in time");
        (read.unwrap() > 0).then(|| serde_json::from_str(&line).unwrap())
    }

    /// The next line, which is of this type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let line = self.next().await.expect("the client is there");
        assert_eq!(line["type"], kind, "{line}");
        line
    }

    /// Makes sure that the client says nothing for a moment.
    pub(crate) async fn expect_nothing(&mut self) {
        let mut line = String::new();
        let read = timeout(Duration::from_secs(5), self.lines.read_line(&mut line)).await;
        assert!(read.is_err(), "{line}");
    }
}

pub(crate) fn message(seq: u64, text: &str, own: bool) -> Value {
    json!({"type": "message", "room": "lobby", "seq": seq, "time": "2026-11-21T12:00:00Z",
           "from": if own { "alice" } else { "bob" }, "text": text, "own": own})
}

/// The next event for which `pick` has something, with those before it left out.
pub(crate) async fn wait_for<T>(events: &mut Events, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    timeout(SOON, async {
        loop {
            let event = events.next().await.expect("the client goes on");
            if let Some(found) = pick(&event) {
                return found;
            }
            assert!(!matches!(event, Event::Ended(_)), "{event:?}");
        }
    })
    .await
    .expect("it happens in time")
}

/// What happens up to the moment at which the stream has nothing more to say.
pub(crate) async fn settle(events: &mut Events) -> Vec<Event> {
    let mut seen = Vec::new();
    while let Ok(Some(event)) = timeout(Duration::from_millis(100), events.next()).await {
        seen.push(event);
    }
    seen
}

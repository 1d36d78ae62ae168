//! A WebSocket client that can do everything wrong.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xA;

/// How long anything may take that is expected.
const DEADLINE: Duration = Duration::from_secs(10);

/// A request that ends its connection.
pub(super) fn request(path: &str, headers: &str) -> String {
    let close = if headers.contains("Connection:") { "" } else { "Connection: close\r\n" };
    format!("GET {path} HTTP/1.1\r\n{headers}{close}\r\n")
}

pub(super) struct Client {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    /// Lines of a frame that were not asked for yet.
    lines: Vec<String>,
    /// The control frames that came, with their payloads.
    pub(super) control: Vec<(u8, Vec<u8>)>,
}

impl Client {
    /// Connects with these headers besides those of every WebSocket.
    pub(super) async fn connect(address: SocketAddr, headers: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(timeout(DEADLINE, stream.read_u8()).await.expect("in time").expect("an answer"));
        }
        assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
        let (read, write) = stream.into_split();
        Self { read, write, lines: Vec::new(), control: Vec::new() }
    }

    pub(super) async fn bytes(&mut self, bytes: &[u8]) {
        self.write.write_all(bytes).await.expect("sent");
    }

    /// Sends a frame, masked.
    pub(super) async fn frame(&mut self, last: bool, opcode: u8, payload: &[u8]) {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let mut frame = vec![u8::from(last) << 7 | opcode];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len @ 126..=0xFFFF => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.bytes(&frame).await;
    }

    pub(super) async fn send(&mut self, message: &Value) {
        self.frame(true, TEXT, message.to_string().as_bytes()).await;
    }

    /// The next message of this type; others are skipped.
    pub(super) async fn expect(&mut self, kind: &str) -> Value {
        timeout(DEADLINE, self.find(kind)).await.unwrap_or_else(|_| panic!("no {kind} in time"))
    }

    async fn find(&mut self, kind: &str) -> Value {
        loop {
            while !self.lines.is_empty() {
                let message: Value = serde_json::from_str(&self.lines.remove(0)).expect("JSON");
                if message["type"] == kind {
                    return message;
                }
            }
            self.take_frame(kind).await;
        }
    }

    async fn take_frame(&mut self, awaited: &str) {
        let (opcode, payload) = self.read_frame().await.unwrap_or_else(|| panic!("the end instead of {awaited}"));
        if opcode == TEXT {
            let text = String::from_utf8(payload).expect("UTF-8");
            assert!(text.ends_with('\n'), "a frame is whole lines");
            self.lines.extend(text.lines().map(str::to_owned));
        } else {
            self.control.push((opcode, payload));
        }
    }

    /// The code of the close frame, after which nothing may come but the end.
    pub(super) async fn close_code(&mut self) -> u16 {
        let code = async {
            loop {
                if let Some((_, payload)) = self.control.iter().find(|(opcode, _)| *opcode == CLOSE) {
                    return u16::from_be_bytes([payload[0], payload[1]]);
                }
                self.take_frame("a close frame").await;
            }
        };
        timeout(DEADLINE, code).await.expect("a close frame in time")
    }

    async fn read_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.read.read_u8().await.ok()?;
        let len = match self.read.read_u8().await.ok()? {
            126 => u64::from(self.read.read_u16().await.ok()?),
            127 => self.read.read_u64().await.ok()?,
            len => u64::from(len),
        };
        let mut payload = vec![0; usize::try_from(len).ok()?];
        self.read.read_exact(&mut payload).await.ok()?;
        Some((first & 0x0F, payload))
    }
}

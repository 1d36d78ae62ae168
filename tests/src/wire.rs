//! One connection, its bytes and lines.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

/// After this a wait has failed. Long, as the machine may be busy with other things; nothing waits for it that passes.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Lines of the transcript that a failure shows.
const SHOWN: usize = 30;

/// A connection as its owner sees it: what he sent, and the lines that came.
#[derive(Debug)]
pub struct Wire {
    /// Whose it is, for failures.
    pub name: String,
    io: Option<TcpStream>,
    buffer: Vec<u8>,
    read_to: usize,
    transcript: Vec<String>,
}

impl Wire {
    /// Connects.
    pub async fn connect(name: &str, address: SocketAddr) -> Self {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.expect("a socket");
        Self::connect_by(name, address, socket).await
    }

    /// Connects with a receive buffer as small as can be had, so that the server soon feels that nothing is read.
    pub async fn connect_small(name: &str, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        Self::connect_by(name, address, socket).await
    }

    async fn connect_by(name: &str, address: SocketAddr, socket: TcpSocket) -> Self {
        let connected = timeout(DEADLINE, socket.connect(address)).await.expect("connects in time");
        let io = connected.unwrap_or_else(|error| panic!("{name} can't connect to {address}: {error}"));
        io.set_nodelay(true).expect("no delay");
        Self { name: name.to_owned(), io: Some(io), buffer: Vec::new(), read_to: 0, transcript: Vec::new() }
    }

    /// Fails the test with some words and what was sent and received.
    pub fn fail(&self, words: &str) -> ! {
        let skipped = self.transcript.len().saturating_sub(SHOWN);
        let rest = String::from_utf8_lossy(&self.buffer[self.read_to..]);
        let shown = self.transcript[skipped..].join("\n  ");
        panic!("{}: {words}\n  ({skipped} lines before)\n  {shown}\n  (not read yet: {rest:.300?})", self.name);
    }

    fn io(&mut self) -> &mut TcpStream {
        self.io.as_mut().expect("the connection is open")
    }

    /// This end of the connection.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.io.as_ref().expect("the connection is open").local_addr().expect("an address")
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_send_raw(bytes).await {
            self.fail(&format!("can't send: {error}"));
        }
    }

    /// Sends bytes to a server that may have closed.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub async fn try_send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.transcript.push(format!("-> {:.160}", String::from_utf8_lossy(bytes).trim_end()));
        match timeout(DEADLINE, self.io().write_all(bytes)).await {
            Ok(sent) => sent,
            Err(_) => self.fail("the server takes nothing"),
        }
    }

    /// Sends a line and its end.
    pub async fn send_line(&mut self, line: &str) {
        self.send_raw(format!("{line}\n").as_bytes()).await;
    }

    /// The next line without its `\n`; `None` at the end of the stream, where an unended line is a failure.
    pub async fn next_line(&mut self) -> Option<String> {
        match self.try_next_line().await {
            Ok(line) => line,
            Err(error) => self.fail(&format!("the connection broke: {error}")),
        }
    }

    /// As [`next_line`](Self::next_line), where the connection may break.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub async fn try_next_line(&mut self) -> std::io::Result<Option<String>> {
        let until = Instant::now() + DEADLINE;
        loop {
            let unread = &self.buffer[self.read_to..];
            if let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line = match String::from_utf8(unread[..end].to_vec()) {
                    Ok(line) => line,
                    Err(error) => self.fail(&format!("a line that is not UTF-8: {error}")),
                };
                self.read_to += end + 1;
                self.transcript.push(format!("<- {line:.160}"));
                return Ok(Some(line));
            }
            if self.read_some(until).await? == 0 {
                if self.read_to < self.buffer.len() {
                    self.fail("the stream ended inside a line");
                }
                return Ok(None);
            }
        }
    }

    async fn read_some(&mut self, until: Instant) -> std::io::Result<usize> {
        self.buffer.drain(..self.read_to);
        self.read_to = 0;
        let mut chunk = vec![0; 64 * 1024];
        let read = tokio::time::timeout_at(until, self.io().read(&mut chunk)).await;
        let Ok(read) = read else { self.fail("nothing came") };
        let read = read?;
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(read)
    }

    /// The next line.
    pub async fn line(&mut self) -> String {
        match self.next_line().await {
            Some(line) => line,
            None => self.fail("the server closed"),
        }
    }

    /// The next line has to be this one.
    pub async fn expect(&mut self, expected: &str) {
        let line = self.line().await;
        if line != expected {
            self.fail(&format!("expected {expected:?}\n  instead of {line:?}"));
        }
    }

    /// The next line has to begin so.
    pub async fn expect_start(&mut self, expected: &str) {
        let line = self.line().await;
        if !line.starts_with(expected) {
            self.fail(&format!("expected {expected:?} …\n  instead of {line:?}"));
        }
    }

    /// The next lines have to be these.
    pub async fn expect_all(&mut self, expected: &[&str]) {
        for line in expected {
            self.expect(line).await;
        }
    }

    /// All lines to the end of the stream.
    pub async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.next_line().await {
            lines.push(line);
        }
        lines
    }

    /// The stream ends here, in good order.
    pub async fn expect_end(&mut self) {
        if let Some(line) = self.next_line().await {
            self.fail(&format!("expected the end instead of {line:?}"));
        }
    }

    /// All bytes to the end of the stream, whatever they are; also where the connection breaks.
    pub async fn rest_raw(&mut self) -> Vec<u8> {
        let until = Instant::now() + DEADLINE;
        let mut all = self.buffer.split_off(self.read_to);
        self.buffer.clear();
        self.read_to = 0;
        while let Ok(1..) = self.read_some(until).await {
            all.append(&mut self.buffer);
        }
        all
    }

    /// Says that nothing more will be sent, and goes on receiving.
    pub async fn half_close(&mut self) {
        if let Err(error) = self.try_half_close().await {
            self.fail(&format!("can't close half: {error}"));
        }
    }

    /// As [`half_close`](Self::half_close), to a server that may have closed.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub async fn try_half_close(&mut self) -> std::io::Result<()> {
        self.transcript.push("-> (end of input)".to_owned());
        self.io().shutdown().await
    }

    /// Breaks the connection: the server sees a reset.
    pub fn reset(mut self) {
        let io = self.io.take().expect("the connection is open");
        socket2::SockRef::from(&io).set_linger(Some(Duration::ZERO)).expect("no lingering");
        drop(io);
    }

    /// Closes at once, whatever is unread. Where something is, the server sees a reset.
    pub fn close(mut self) {
        self.io = None;
    }
}

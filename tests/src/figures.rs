//! What a server tells an operator, asked for over HTTP.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::wire::DEADLINE;

/// Where a server's figures are served.
#[derive(Clone, Copy, Debug)]
pub struct Figures(pub SocketAddr);

impl Figures {
    /// The whole answer, its status line first.
    pub async fn ask(self, path: &str) -> String {
        let Self(address) = self;
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    /// The figure of this name, with its labels where it has some: `connections`, `closings_total{reason="quit"}`.
    pub async fn get(self, name: &str) -> f64 {
        let all = self.ask("/metrics").await;
        let value = all.lines().find_map(|line| line.strip_prefix("chat_")?.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {name} in {all}"));
        value.parse().expect("a number")
    }

    /// Waits until it is `as_expected`, as what is counted is so by other tasks than those that answer; returns it.
    pub async fn until(self, name: &str, as_expected: impl Fn(f64) -> bool) -> f64 {
        let until = Instant::now() + DEADLINE;
        loop {
            let value = self.get(name).await;
            if as_expected(value) {
                return value;
            }
            assert!(Instant::now() < until, "{name} stays at {value}");
        }
    }
}

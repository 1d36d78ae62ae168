//! A person with netcat.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use crate::wire::Wire;

/// A connection in the text dialect.
#[derive(Debug)]
pub struct TextClient {
    wire: Wire,
}

impl TextClient {
    /// Connects; the server's first line is still to come.
    pub async fn dial(name: &str, address: SocketAddr) -> Self {
        Self { wire: Wire::connect(name, address).await }
    }

    /// Connects and introduces himself. What comes after the greeting, such as history, is still to come.
    pub async fn enter(name: &str, address: SocketAddr) -> Self {
        let mut client = Self::dial(name, address).await;
        client.introduce(name).await;
        client
    }

    /// Over a connection that is there already.
    #[must_use]
    pub const fn over(wire: Wire) -> Self {
        Self { wire }
    }

    /// Answers `ALIAS?`, up to the greeting.
    pub async fn introduce(&mut self, name: &str) -> String {
        self.expect("ALIAS?").await;
        self.send_line(name).await;
        self.expect("You are now connected!").await;
        let greeting = self.line().await;
        if !greeting.starts_with(&format!("*** You are {name}, in #")) {
            self.fail("that is no greeting");
        }
        greeting
    }

    /// The next line has to be something said, at whatever time.
    pub async fn expect_said(&mut self, words: &str) {
        let line = self.line().await;
        if line.get(10..) != Some(&format!(" {words}")) || !is_timed(&line) {
            self.fail(&format!("expected somebody to say {words:?} instead of {line:?}"));
        }
    }

    /// Lines up to this one, which is the last.
    pub async fn until(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.line().await);
            if lines.last().is_some_and(|line| line == last) {
                return lines;
            }
        }
    }

    /// The first line that begins so; what comes before it is passed over.
    pub async fn until_start(&mut self, start: &str) -> String {
        loop {
            let line = self.line().await;
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// All that came so far: lines up to the answer to a line that means nothing. The request for it passes through
    /// the session, so whatever the session was due to write before is among them.
    pub async fn so_far(&mut self) -> Vec<String> {
        self.send_line("/so-far").await;
        let mut lines = self.until("!!! unknown command /so-far; /help lists the commands").await;
        lines.pop();
        lines
    }

    /// Nothing has come.
    pub async fn expect_nothing(&mut self) {
        let lines = self.so_far().await;
        if !lines.is_empty() {
            self.fail(&format!("expected nothing instead of {lines:?}"));
        }
    }

    /// For [`Wire::reset`] and [`Wire::close`].
    #[must_use]
    pub fn into_wire(self) -> Wire {
        self.wire
    }
}

fn is_timed(line: &str) -> bool {
    let pattern = |at: usize, byte: u8| match at {
        0 => byte == b'[',
        3 | 6 => byte == b':',
        9 => byte == b']',
        _ => byte.is_ascii_digit(),
    };
    line.len() >= 10 && line.bytes().take(10).enumerate().all(|(at, byte)| pattern(at, byte))
}

impl Deref for TextClient {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for TextClient {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

//! A program.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use crate::wire::Wire;

/// A line of the server, parsed.
pub type Line = Value;

/// A connection in the JSON dialect.
#[derive(Debug)]
pub struct JsonClient {
    wire: Wire,
    /// The secret that the welcome gave.
    pub session: String,
    /// The log that the welcome named.
    pub log: String,
}

impl JsonClient {
    /// Connects, and takes the server's `ALIAS?`.
    pub async fn dial(name: &str, address: SocketAddr) -> Self {
        Self::over(Wire::connect(name, address).await).await
    }

    /// Over a connection on which nothing was read yet.
    pub async fn over(wire: Wire) -> Self {
        let mut client = Self { wire, session: String::new(), log: String::new() };
        client.wire.expect("ALIAS?").await;
        client
    }

    /// Connects, says hello and takes the welcome; the first `joined` is still to come.
    pub async fn hello(name: &str, address: SocketAddr, hello: Value) -> Self {
        let mut client = Self::dial(name, address).await;
        client.say_hello(hello).await;
        client
    }

    /// Says hello, and returns the welcome.
    pub async fn say_hello(&mut self, hello: Value) -> Line {
        self.send(hello).await;
        let welcome = self.receive().await;
        if welcome["type"] != "welcome" {
            self.fail("that is no welcome");
        }
        let text = |field: &str| welcome[field].as_str().unwrap_or_default().to_owned();
        (self.session, self.log) = (text("session"), text("log"));
        welcome
    }

    /// Sends an object as a line.
    pub async fn send(&mut self, message: Value) {
        self.wire.send_line(&message.to_string()).await;
    }

    /// The next line.
    pub async fn receive(&mut self) -> Line {
        let line = self.wire.line().await;
        self.parse(&line)
    }

    fn parse(&self, line: &str) -> Line {
        match serde_json::from_str::<Value>(line) {
            Ok(value) if value["type"].is_string() => value,
            _ => self.fail("that is no JSON object with a type"),
        }
    }

    /// The next line has to be this object, with these fields and no others.
    pub async fn expect_json(&mut self, expected: Value) {
        let line = self.receive().await;
        if line != expected {
            self.fail(&format!("expected {expected}\n  instead of {line}"));
        }
    }

    /// The next line has to be of this type.
    pub async fn expect_type(&mut self, expected: &str) -> Line {
        let line = self.receive().await;
        if line["type"] != expected {
            self.fail(&format!("expected a {expected} instead of {line}"));
        }
        line
    }

    /// The next line has to be an error with this code, of a sentence; returns that.
    pub async fn expect_error(&mut self, code: &str) -> Line {
        let line = self.expect_type("error").await;
        if line["code"] != code || line["message"].as_str().is_none_or(|words| words.len() < 8 || words.contains('\n'))
        {
            self.fail(&format!("expected the error {code} instead of {line}"));
        }
        line
    }

    /// The next line of this type; what comes before it is passed over.
    pub async fn next(&mut self, kind: &str) -> Line {
        loop {
            let line = self.receive().await;
            if line["type"] == kind {
                return line;
            }
        }
    }

    /// Sends something and waits for the ack of its id; what comes before it is passed over.
    pub async fn request(&mut self, message: Value) -> Line {
        let id = message["id"].clone();
        self.send(message).await;
        loop {
            let line = self.receive().await;
            if line["id"] == id && line["type"] == "error" {
                self.fail("it was refused");
            }
            if line["id"] == id && line["type"] == "ack" {
                return line;
            }
        }
    }

    /// All that came so far: lines up to the answer to a ping.
    pub async fn so_far(&mut self) -> Vec<Line> {
        self.send(json!({"type": "ping", "id": "so far"})).await;
        let mut lines = Vec::new();
        loop {
            let line = self.receive().await;
            if line == json!({"type": "pong", "id": "so far"}) {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Nothing has come.
    pub async fn expect_nothing(&mut self) {
        let lines = self.so_far().await;
        if !lines.is_empty() {
            self.fail(&format!("expected nothing instead of {lines:?}"));
        }
    }

    /// All lines to the end of the stream.
    pub async fn rest_json(&mut self) -> Vec<Line> {
        let lines = self.wire.rest().await;
        lines.iter().map(|line| self.parse(line)).collect()
    }

    /// For [`Wire::reset`] and [`Wire::close`].
    #[must_use]
    pub fn into_wire(self) -> Wire {
        self.wire
    }
}

impl Deref for JsonClient {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for JsonClient {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

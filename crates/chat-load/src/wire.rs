//! The five wires: what a client sends, and what the bytes it gets mean.
//!
//! A scanner looks at bytes once and without allocating: it knows where a load message's stamp must stand, and only
//! what doesn't look like one is taken apart line by line. No wire here has a line end inside a load message.

mod chat;
mod nats;
mod redis;

use serde::Serialize;

use crate::stamp::Stamp;

/// The protocol of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Wire {
    /// The chat's text dialect.
    Text,
    /// The chat's JSON dialect.
    Json,
    /// `examples/minimal`: an alias, then lines.
    Minimal,
    /// Redis pub/sub, RESP3, which lets one connection do both.
    Redis,
    /// NATS without echo.
    Nats,
}

/// What the server said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// The connection is in the room.
    Ready,
    /// A load message; `seq` where the wire has one.
    Delivery { stamp: Stamp, seq: Option<u64> },
    /// The oldest message of this connection that wasn't answered yet has been taken; `seq` where the wire has one.
    Ack { seq: Option<u64> },
    /// The server admits that it left something out.
    Gap,
    /// The server asks whether this client lives, and wants this answer.
    Ping(&'static [u8]),
    /// The server refused something, or says goodbye.
    Refused(&'a [u8]),
    /// Anything else: notices, headers.
    Other,
}

/// How the connections of one kind talk in one run.
#[derive(Clone, Debug)]
pub(crate) struct Scanner {
    wire: Wire,
    room: String,
    /// Bytes of a load message.
    size: usize,
    /// What stands before a load message's stamp, as far as it is always the same.
    prefix: Vec<u8>,
}

impl Scanner {
    pub(crate) fn new(wire: Wire, room: &str, size: usize) -> Self {
        let prefix = match wire {
            Wire::Text | Wire::Minimal => b"[".to_vec(),
            Wire::Json => chat::json_prefix(room),
            Wire::Redis => redis::prefix(room, size),
            Wire::Nats => nats::prefix(room, size),
        };
        Self { wire, room: room.to_owned(), size, prefix }
    }

    /// What a connection sends to get in. `alias` has six bytes; `listens`: it wants the room's messages.
    pub(crate) fn hello(&self, alias: &str, listens: bool) -> Vec<u8> {
        match self.wire {
            Wire::Text => chat::text_hello(alias, &self.room),
            Wire::Json => chat::json_hello(alias, &self.room),
            Wire::Minimal => format!("{alias}\n").into_bytes(),
            Wire::Redis => redis::hello(&self.room, listens),
            Wire::Nats => nats::hello(&self.room, listens),
        }
    }

    /// Appends a load message as a connection sends it.
    pub(crate) fn say(&self, out: &mut Vec<u8>, stamp: Stamp) {
        match self.wire {
            Wire::Text | Wire::Minimal => {
                stamp.write(out, self.size);
                out.push(b'\n');
            }
            Wire::Json => chat::json_say(out, &self.room, stamp, self.size),
            Wire::Redis => redis::publish(out, &self.room, stamp, self.size),
            Wire::Nats => nats::publish(out, &self.room, stamp, self.size),
        }
    }

    /// Whether each message is answered to its sender.
    pub(crate) const fn acks(&self) -> bool {
        matches!(self.wire, Wire::Json | Wire::Redis | Wire::Nats)
    }

    /// Whether who speaks is a member whether he wants or not.
    pub(crate) const fn speakers_listen(&self) -> bool {
        matches!(self.wire, Wire::Text | Wire::Json | Wire::Minimal)
    }

    /// Whether a member gets back what he said himself as a message.
    pub(crate) const fn echoes(&self) -> bool {
        matches!(self.wire, Wire::Redis)
    }

    /// Takes all whole items out of `bytes`, in order, and returns how many bytes they were.
    pub(crate) fn scan(&self, bytes: &[u8], mut each: impl FnMut(Item<'_>)) -> usize {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            if let Some((item, len)) = self.fast(rest) {
                each(item);
                at += len;
                continue;
            }
            let Some(end) = memchr::memchr(b'\n', rest) else { return at };
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            each(self.line(line));
            at += end + 1;
        }
    }

    /// A load message at the beginning of `bytes`, where it has the usual shape, and its length.
    #[inline]
    fn fast(&self, bytes: &[u8]) -> Option<(Item<'static>, usize)> {
        let after = bytes.strip_prefix(&*self.prefix)?;
        match self.wire {
            Wire::Text | Wire::Minimal => chat::fast_text(bytes, self.size),
            Wire::Json => chat::fast_json(bytes, self.prefix.len(), self.size),
            Wire::Redis | Wire::Nats => {
                let stamp = Stamp::read(after)?;
                (after.get(self.size..self.size + 2)? == b"\r\n")
                    .then_some((Item::Delivery { stamp, seq: None }, self.prefix.len() + self.size + 2))
            }
        }
    }

    fn line<'a>(&self, line: &'a [u8]) -> Item<'a> {
        match self.wire {
            Wire::Text => chat::text_line(line, b"*** You are in #", b"*** You made #"),
            Wire::Minimal => chat::text_line(line, b"You are now connected!", b"You are now connected!"),
            Wire::Json => chat::json_line(line),
            Wire::Redis => redis::line(line),
            Wire::Nats => nats::line(line),
        }
    }
}

/// A decimal number at the beginning of `bytes`, and its digits.
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    let mut digits = 0;
    while let Some(digit) = bytes.get(digits).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        digits += 1;
    }
    (digits > 0).then_some((value, digits))
}

#[cfg(test)]
mod tests;

//! Bytes to lines and back: what stands between a connection and its dialect.
//!
//! [`ChatCodec`] takes telnet commands out of the bytes ([`telnet`](crate::telnet)), then cuts them into lines with
//! [`LinesCodec`]. It differs from `LinesCodec` alone where people meet it:
//!
//! | | `LinesCodec` | `ChatCodec` |
//! | --- | --- | --- |
//! | line over the limit | an error in its middle, and with it the end of a `Framed` stream | one [`BadLine::TooLong`] at its end, with its length |
//! | not UTF-8 | an error, the end too | one [`BadLine::NotUtf8`], with the place |
//! | last line without `\n` | a line | nothing |
//! | the limit | with the `\r` of `\r\n` | without it |
//!
//! So a stream of [`Incoming`] ends where the connection does, and an `Err` of it is one of the connection.
//!
//! **Units.** Lengths and positions are bytes of text, after telnet commands are taken out, without the `\n` and the one `\r`
//! before it.
//!
//! **Memory.** Once `decode` returned `None`, the buffer holds the line that has not ended, at most `max_line` + 1 bytes, and
//! maybe one byte of a telnet command. A longer line is dropped as it comes, and the memory that its beginning took
//! is given back. An empty buffer may be thrown away.
//!
//! **Cost.** For a line of 64 bytes 52 to 64 ns, of which `LinesCodec` is 36 to 42 (release build, the lines of a 4 KiB read and
//! one by one): little beside the read from the socket.
//!
//! **Cancel safety.** All state is in the codec and the buffer; nothing is lost when a future that reads into the buffer
//! is dropped between calls.

use std::io;

use bytes::{Buf, BytesMut};
use memchr::{memchr, memrchr};
use tokio_util::codec::{Decoder, Encoder, LinesCodec, LinesCodecError};

use crate::telnet::{Progress, TelnetFilter};

/// Room to read into that is left when a line got too long; what `Framed` begins with.
const KEPT_CAPACITY: usize = 8 * 1024;

/// The decoder and encoder of one connection; see the [module](self).
///
/// Use it with `Framed`, or call [`decode`](Decoder::decode) on a buffer of your own until it returns `None`, then
/// append to that buffer and go on. Between the calls the buffer belongs to the codec: only appending is
/// allowed, but if it is empty another may take its place.
#[derive(Clone, Debug)]
pub struct ChatCodec {
    max_line: usize,
    telnet: Option<TelnetFilter>,
    /// It is not known yet whether this is a program, as nothing but blanks has come.
    undecided: bool,
    /// The buffer is `[0, text)`: filtered; `[text, rest)`: refuse, only while an interrupt waits or has just been handed out;
    /// `[rest, len)`: not looked at.
    text: usize,
    rest: usize,
    /// No `\n` is in `[0, scanned)`.
    scanned: usize,
    /// How much of a line that is too long is dropped already; 0 if the line isn't known to be.
    discarded: usize,
    discarded_ends_in_cr: bool,
    /// An interrupt stands behind the lines in `[0, text)`.
    interrupt: bool,
}

/// What a connection brings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming {
    /// A line, without its end. May hold control characters.
    Line(String),
    /// A line that can't be used. It is over; the next one is not affected.
    Bad(BadLine),
    /// A person at a telnet pressed Ctrl-C or Ctrl-\; see [`INTERRUPT_ANSWER`](crate::telnet::INTERRUPT_ANSWER).
    /// What was typed of a line so far stays its beginning.
    Interrupt,
}

/// Why a line can't be used; the display is a sentence for the person who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// The line is not UTF-8.
    #[error("the line is not UTF-8 (byte {byte:#04x} at position {position}); set your terminal to UTF-8")]
    NotUtf8 {
        /// The first byte that doesn't fit, or the first of a sequence that is cut short.
        byte: u8,
        /// Where it is, in bytes; the first byte of the line is at 1.
        position: usize,
    },
    /// The line is longer than allowed.
    #[error("the line has {len} bytes; at most {max} are allowed")]
    TooLong {
        /// The length of the whole line, in bytes.
        len: usize,
        /// The limit that it exceeds.
        max: usize,
    },
}

impl ChatCodec {
    /// For a server's TCP and TLS connections: with the telnet filter, unless the first byte but for blanks is a `{`.
    /// That is a program, which speaks no telnet: a byte 0xFF in one of its lines is bad UTF-8 and must not swallow the
    /// line's end. Lines may have `max_line` bytes.
    #[must_use]
    pub fn new(max_line: usize) -> Self {
        Self { telnet: Some(TelnetFilter::new()), undecided: true, ..Self::without_telnet(max_line) }
    }

    /// Without the telnet filter: for WebSockets, and for clients that read a server.
    #[must_use]
    pub fn without_telnet(max_line: usize) -> Self {
        Self {
            max_line,
            telnet: None,
            undecided: false,
            text: 0,
            rest: 0,
            scanned: 0,
            discarded: 0,
            discarded_ends_in_cr: false,
            interrupt: false,
        }
    }

    /// How many bytes a line may have.
    #[must_use]
    pub const fn max_line(&self) -> usize {
        self.max_line
    }

    /// Whether this is a program's connection by its first byte, whatever became of its first line.
    #[must_use]
    pub const fn is_program(&self) -> bool {
        !self.undecided && self.telnet.is_none()
    }

    /// How many bytes came of the line that has not ended, dropped ones included, telnet commands not; 0 between lines.
    ///
    /// `buf` is the buffer that [`decode`](Decoder::decode) worked on. What was appended since is not counted. Ask
    /// before [`decode_eof`](Decoder::decode_eof), which drops that line.
    #[must_use]
    pub fn unended(&self, buf: &BytesMut) -> usize {
        let text = &buf[..self.text.min(buf.len())];
        match memrchr(b'\n', text) {
            Some(end) => text.len() - end - 1,
            None => self.discarded.saturating_add(text.len()),
        }
    }

    /// Filters what was appended, up to an interrupt.
    fn take_in(&mut self, buf: &mut BytesMut) {
        if self.undecided {
            self.decide(buf);
        }
        let Some(telnet) = &mut self.telnet else {
            (self.text, self.rest) = (buf.len(), buf.len());
            return;
        };
        let Progress { text, rest, interrupt } = telnet.filter(buf, self.text, self.rest);
        (self.text, self.rest, self.interrupt) = (text, rest, interrupt);
        if !interrupt && text < rest {
            buf.copy_within(rest.., text);
            buf.truncate(text + (buf.len() - rest));
            self.rest = text;
        }
    }

    /// Drops the telnet filter for a program. Nothing was taken out of `buf` so far, as it holds blanks alone.
    fn decide(&mut self, buf: &[u8]) {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | 0xEF | 0xBB | 0xBF);
        // Of what was looked at before nothing is else.
        if let Some(first) = buf.iter().skip(self.text).find(|byte| !blank(byte)) {
            self.undecided = false;
            if *first == b'{' {
                self.telnet = None;
            }
        }
    }

    /// Takes the line that ends at `end` out of the buffer.
    fn cut(&mut self, buf: &mut BytesMut, end: usize) -> io::Result<Incoming> {
        let cr = if end > 0 { buf[end - 1] == b'\r' } else { self.discarded_ends_in_cr };
        let len = self.discarded.saturating_add(end) - usize::from(cr);
        let bad = if len > self.max_line {
            Some(BadLine::TooLong { len, max: self.max_line })
        } else {
            // `LinesCodec` checks this too, but throws the line away before it can be asked where it is bad.
            not_utf8(&buf[..len])
        };
        let item = match bad {
            Some(bad) => {
                drop_front(buf, end + 1);
                Incoming::Bad(bad)
            }
            // After the checks above neither an error nor `None` is possible.
            None => match self.lines().decode(buf).map_err(io_error)? {
                Some(line) => Incoming::Line(line),
                None => return Err(io::ErrorKind::InvalidData.into()),
            },
        };
        self.text -= end + 1;
        self.rest -= end + 1;
        self.scanned = 0;
        self.discarded = 0;
        self.discarded_ends_in_cr = false;
        Ok(item)
    }

    /// Drops what there is of a line that is known to be too long.
    fn discard(&mut self, buf: &mut BytesMut) {
        // One byte more than a line may have is allowed for the `\r`.
        let begins = self.discarded == 0;
        if self.text == 0 || (begins && self.text <= self.max_line.saturating_add(1)) {
            return;
        }
        self.discarded_ends_in_cr = buf[self.text - 1] == b'\r';
        self.discarded = self.discarded.saturating_add(self.text);
        drop_front(buf, self.text);
        if begins {
            let mut smaller = BytesMut::with_capacity(KEPT_CAPACITY.max(buf.len()));
            smaller.extend_from_slice(buf);
            *buf = smaller;
        }
        self.rest -= self.text;
        self.text = 0;
        self.scanned = 0;
    }

    /// A `LinesCodec` for one line. It gets to see whole lines only, so it has nothing to remember between them, and an idle
    /// connection need not keep one.
    fn lines(&self) -> LinesCodec {
        LinesCodec::new_with_max_length(self.max_line.saturating_add(1))
    }
}

impl Decoder for ChatCodec {
    type Item = Incoming;
    type Error = io::Error;

    /// The next item, or `None` if more bytes are needed. No bytes make it fail.
    fn decode(&mut self, buf: &mut BytesMut) -> io::Result<Option<Incoming>> {
        if buf.len() < self.rest {
            // Not the buffer that we left: nothing is known of this one.
            (self.text, self.rest, self.scanned) = (0, 0, 0);
        }
        if !self.interrupt {
            self.take_in(buf);
        }
        if let Some(offset) = memchr(b'\n', &buf[self.scanned..self.text]) {
            return self.cut(buf, self.scanned + offset).map(Some);
        }
        self.scanned = self.text;
        self.discard(buf);
        let interrupt = std::mem::take(&mut self.interrupt);
        Ok(interrupt.then_some(Incoming::Interrupt))
    }

    /// The items that are left, then `None`. A line that has not ended is dropped: it has no effect.
    fn decode_eof(&mut self, buf: &mut BytesMut) -> io::Result<Option<Incoming>> {
        let item = self.decode(buf)?;
        if item.is_none() {
            buf.clear();
            let fresh = Self::without_telnet(self.max_line);
            *self = Self { telnet: self.telnet.take().map(|_| TelnetFilter::new()), ..fresh };
        }
        Ok(item)
    }
}

impl<T: AsRef<str>> Encoder<T> for ChatCodec {
    type Error = io::Error;

    /// Appends one line and its `\n`. UTF-8 holds no byte 0xFF, so a telnet needs nothing escaped.
    ///
    /// # Errors
    ///
    /// `InvalidInput`, and nothing is appended, if `line` holds a `\n` or ends in `\r`: the other side would read another line.
    fn encode(&mut self, line: T, buf: &mut BytesMut) -> io::Result<()> {
        let line = line.as_ref();
        if line.ends_with('\r') || memchr(b'\n', line.as_bytes()).is_some() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a line to send holds an end of line"));
        }
        self.lines().encode(line, buf).map_err(io_error)
    }
}

fn not_utf8(line: &[u8]) -> Option<BadLine> {
    let at = std::str::from_utf8(line).err()?.valid_up_to();
    line.get(at).map(|&byte| BadLine::NotUtf8 { byte, position: at + 1 })
}

/// Like `advance`, but an emptied buffer gets all of its capacity back at once.
fn drop_front(buf: &mut BytesMut, bytes: usize) {
    if bytes == buf.len() {
        buf.clear();
    } else {
        buf.advance(bytes);
    }
}

fn io_error(error: LinesCodecError) -> io::Error {
    match error {
        LinesCodecError::Io(error) => error,
        LinesCodecError::MaxLineLengthExceeded => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
    }
}

#[cfg(test)]
mod tests;

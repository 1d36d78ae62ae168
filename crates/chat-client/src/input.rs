//! Lines of standard input, read in a thread of its own: a terminal can't be asked without waiting.

use std::io::{self, Read};

use bytes::BytesMut;
use chat_protocol::codec::{BadLine, ChatCodec, Incoming};
use chat_protocol::limits::MAX_SERVER_LINE;
use tokio::sync::mpsc;
use tokio_util::codec::Decoder as _;

/// Lines read ahead. When nobody takes them nothing more is read, so a long pipe costs no memory.
const AHEAD: usize = 64;

/// Bytes of one line: more than any server allows, so that the server's words about its limit are heard.
const MAX_INPUT_LINE: usize = MAX_SERVER_LINE;

/// A line and its number, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) line: Result<String, BadLine>,
}

/// The lines of an input.
#[derive(Debug)]
pub(crate) struct Input {
    queue: mpsc::Receiver<io::Result<Numbered>>,
}

impl Input {
    /// Begins to read standard input. The thread ends with the program.
    pub(crate) fn stdin() -> Self {
        Self::spawn(io::stdin())
    }

    fn spawn(source: impl Read + Send + 'static) -> Self {
        let (sender, queue) = mpsc::channel(AHEAD);
        std::thread::spawn(move || {
            if let Err(error) = read(source, &sender) {
                let _ = sender.blocking_send(Err(error));
            }
        });
        Self { queue }
    }

    /// The next line; `None` at the end. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Numbered>> {
        self.queue.recv().await
    }
}

/// Reads to the end, or until nobody takes the lines any more.
///
/// A last line without an end is a line here, as in any file: whoever wrote it meant it, and no connection can have cut it short.
fn read(mut source: impl Read, lines: &mpsc::Sender<io::Result<Numbered>>) -> io::Result<()> {
    let mut codec = ChatCodec::without_telnet(MAX_INPUT_LINE);
    let mut buffer = BytesMut::new();
    let mut chunk = [0; 8 * 1024];
    let mut number = 0;
    loop {
        let read = match source.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        buffer.extend_from_slice(&chunk[..read]);
        if read == 0 && codec.unended(&buffer) > 0 {
            buffer.extend_from_slice(b"\n");
        }
        while let Some(item) = codec.decode(&mut buffer)? {
            number += 1;
            let line = match item {
                // Some shells mark what they pipe as UTF-8; the mark is not part of the text.
                Incoming::Line(line) if number == 1 => Ok(line.trim_start_matches('\u{FEFF}').to_owned()),
                Incoming::Line(line) => Ok(line),
                Incoming::Bad(bad) => Err(bad),
                _ => continue,
            };
            if lines.blocking_send(Ok(Numbered { number, line })).is_err() {
                return Ok(());
            }
        }
        if read == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(source: &'static [u8]) -> Vec<(u64, Result<String, BadLine>)> {
        let mut input = Input::spawn(source);
        let mut lines = Vec::new();
        while let Some(item) = input.next().await {
            let Numbered { number, line } = item.expect("bytes can be read");
            lines.push((number, line));
        }
        lines
    }

    #[tokio::test]
    async fn a_last_line_without_an_end_is_a_line() {
        let line = |number, line: &str| (number, Ok(line.to_owned()));
        assert_eq!(lines(b"a\nb").await, [line(1, "a"), line(2, "b")]);
        assert_eq!(lines(b"a\r\n\nb\n").await, [line(1, "a"), line(2, ""), line(3, "b")]);
        assert_eq!(lines(b"").await, []);
        assert_eq!(lines(b"\xEF\xBB\xBFa\n\xEF\xBB\xBFb\n").await, [line(1, "a"), line(2, "\u{FEFF}b")]);
    }

    #[tokio::test]
    async fn a_bad_line_is_named_and_the_next_one_is_not_affected() {
        let bad = BadLine::NotUtf8 { byte: 0xff, position: 2 };
        assert_eq!(lines(b"a\xff\nb\n").await, [(1, Err(bad)), (2, Ok("b".to_owned()))]);
    }
}

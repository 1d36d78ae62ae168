//! A WebSocket as a byte transport, so that a session runs over it as over TCP.
//!
//! **In.** A frame's bytes are a line; its end ends the line. A frame with `\n` inside is several lines, as `\n` ends a line
//! wherever it stands (in JSON it can only stand between two values). Text and binary frames are the same: it is the line
//! that has to be UTF-8, and one that isn't costs itself alone. Where the protocol of WebSockets itself demands the end of the
//! connection (a *text* frame that isn't UTF-8, an unmasked one), and where a frame is longer than [`FRAME_LINES`] lines may
//! be, the session is asked to end, the client is told why in a `bye` and in the close frame, and what else it sends is dropped.
//!
//! **Out.** A frame is one or more whole lines, their `\n` included: what a session hands over in one write, cut at the ends of
//! lines where it is long. A write is done when the system has taken the frame, so a tab that reads nothing looks to the session
//! like any client that reads nothing.
//!
//! **Time.** A silent client is asked for a sign of life, and the connection counts as lost without one. TCP's keep-alive
//! doesn't see this: behind a proxy it is the proxy that answers.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use chat_protocol::message::{Bye, ByeCode};
use futures::{Sink as _, Stream as _};
use memchr::{memchr, memrchr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use crate::limits::{FRAME_BUFFER, FRAME_BYTES, FRAME_LINES, PING_AFTER, PONG_WITHIN};
use crate::peer::Peer;
use crate::session::Transport;

/// The server's end of a WebSocket; see the [module](self).
///
/// A write that was pending has to be repeated with bytes that begin as before, which is what a session does.
#[derive(Debug)]
pub(super) struct WebSocketIo<S> {
    inner: WebSocketStream<S>,
    /// Asked to end when a frame can't be borne.
    peer: Arc<Peer>,
    /// What of a frame was not read yet.
    unread: Bytes,
    /// The end of that frame was not read yet.
    line_open: bool,
    /// The bytes of the frame that the system hasn't taken whole.
    writing: Option<usize>,
    state: State,
    silence: Pin<Box<Sleep>>,
    heard: Instant,
    asked: bool,
}

/// How far the end is.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The client broke the rules, and the close frame will say so.
    Broken(CloseCode, &'static str),
    /// The close frame was handed over.
    Closing {
        /// What still comes can't be told apart any more and is only dropped.
        broken: bool,
    },
}

impl<S: Transport> WebSocketIo<S> {
    /// Takes over a connection whose upgrade was answered; `begun` was read from it already.
    pub(super) async fn new(stream: S, begun: &[u8], peer: Arc<Peer>, max_line: usize) -> Self {
        let longest = max_line.saturating_mul(FRAME_LINES);
        let config = WebSocketConfig::default()
            .read_buffer_size(FRAME_BUFFER)
            .write_buffer_size(FRAME_BUFFER)
            .max_write_buffer_size(usize::MAX)
            .max_message_size(Some(longest))
            .max_frame_size(Some(longest));
        let inner = WebSocketStream::from_partially_read(stream, begun.to_vec(), Role::Server, Some(config)).await;
        Self {
            inner,
            peer,
            unread: Bytes::new(),
            line_open: false,
            writing: None,
            state: State::Open,
            silence: Box::pin(sleep(PING_AFTER)),
            heard: Instant::now(),
            asked: false,
        }
    }

    /// Gives what is left of a frame, and then the end of its line.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let n = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..n]);
        self.unread.advance(n);
        if self.unread.is_empty() {
            self.unread = Bytes::new();
            if self.line_open && buffer.remaining() > 0 {
                buffer.put_slice(b"\n");
                self.line_open = false;
            }
        }
    }

    /// Takes in a frame. Whether input ends with it.
    fn take(&mut self, message: Message) -> bool {
        self.heard = Instant::now();
        self.asked = false;
        let bytes = match message {
            Message::Text(text) => Bytes::from(text),
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return true,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return false,
        };
        self.line_open = bytes.last() != Some(&b'\n');
        self.unread = bytes;
        false
    }

    /// Has the session say good-bye for what the client did.
    fn broke(&mut self, error: &Error) {
        let (code, words) = match error {
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                (CloseCode::Size, format!("a frame has {size} bytes; at most {max_size} are allowed"))
            }
            Error::Capacity(_) => (CloseCode::Size, "a frame is too long".to_owned()),
            Error::Utf8(_) => (CloseCode::Invalid, "a text frame is not UTF-8".to_owned()),
            other => (CloseCode::Protocol, format!("that is not how WebSockets speak: {other}")),
        };
        let short = match code {
            CloseCode::Size => "frame too long",
            CloseCode::Invalid => "not UTF-8",
            _ => "protocol error",
        };
        self.state = State::Broken(code, short);
        self.peer.end(Bye::new(ByeCode::Limit, words));
    }

    /// Asks a silent client for a sign of life. Ready when there was none for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.silence.as_mut().poll(cx));
            if self.heard.elapsed() < PING_AFTER {
                let next = self.heard + PING_AFTER;
                self.silence.as_mut().reset(next);
            } else if self.asked {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "no answer to a ping"));
            } else {
                self.asked = true;
                self.silence.as_mut().reset(Instant::now() + PONG_WITHIN);
                // Where a ping can't be sent a write is stuck, and that has a deadline of its own.
                if let Poll::Ready(Ok(())) = Pin::new(&mut self.inner).poll_ready(cx) {
                    let _ = Pin::new(&mut self.inner).start_send(Message::Ping(Bytes::new()));
                    let _ = Pin::new(&mut self.inner).poll_flush(cx);
                }
            }
        }
    }
}

impl<S: Transport> AsyncRead for WebSocketIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.unread.is_empty() || this.line_open {
                this.give(buffer);
                return Poll::Ready(Ok(()));
            }
            match this.state {
                State::Closing { broken: true } => return Pin::new(this.inner.get_mut()).poll_read(cx, buffer),
                // The session has been asked to end, which wakes it.
                State::Broken(..) => return Poll::Pending,
                State::Open | State::Closing { broken: false } => {}
            }
            match Pin::new(&mut this.inner).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => {
                    if this.take(message) {
                        // Asking again sends the answer to the close frame.
                        let _ = Pin::new(&mut this.inner).poll_next(cx);
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Ready(Some(Err(Error::Io(error)))) => return Poll::Ready(Err(error)),
                Poll::Ready(Some(Err(error))) if this.state == State::Open => this.broke(&error),
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Ok(())),
                Poll::Pending => return this.poll_silence(cx).map(Err),
            }
        }
    }
}

impl<S: Transport> AsyncWrite for WebSocketIo<S> {
    /// Accepts whole lines only, and those once the system has taken them.
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let taken = match this.writing {
            Some(taken) => taken,
            None => {
                ready!(Pin::new(&mut this.inner).poll_ready(cx)).map_err(io_error)?;
                let (frame, taken) = frame(bytes)?;
                Pin::new(&mut this.inner).start_send(frame).map_err(io_error)?;
                this.writing = Some(taken);
                taken
            }
        };
        ready!(Pin::new(&mut this.inner).poll_flush(cx)).map_err(io_error)?;
        this.writing = None;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx).map_err(io_error)
    }

    /// Sends the close frame.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !matches!(this.state, State::Closing { .. }) {
            ready!(Pin::new(&mut this.inner).poll_ready(cx)).map_err(io_error)?;
            let (code, reason, broken) = match this.state {
                State::Broken(code, reason) => (code, reason, true),
                _ => (CloseCode::Normal, "", false),
            };
            this.state = State::Closing { broken };
            let frame = CloseFrame { code, reason: reason.into() };
            // It fails where the client has closed first, and then it has had its answer.
            let _ = Pin::new(&mut this.inner).start_send(Message::Close(Some(frame)));
        }
        ready!(Pin::new(&mut this.inner).poll_flush(cx)).map_err(io_error)?;
        match this.state {
            State::Closing { broken: true } => Pin::new(this.inner.get_mut()).poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }
}

/// The next frame of what is to be written, and its length there: as many whole lines as it holds, and one at least.
fn frame(bytes: &[u8]) -> io::Result<(Message, usize)> {
    let invalid = |words| io::Error::new(io::ErrorKind::InvalidInput, words);
    let most = &bytes[..bytes.len().min(FRAME_BYTES)];
    let end = memrchr(b'\n', most).or_else(|| memchr(b'\n', bytes)).ok_or_else(|| invalid("a line without its end"))?;
    let text = std::str::from_utf8(&bytes[..=end]).map_err(|_| invalid("a line that is not UTF-8"))?;
    Ok((Message::text(text), end + 1))
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests;

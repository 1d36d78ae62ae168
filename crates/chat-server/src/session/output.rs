//! Bytes out: what a session has collected and writes at once.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

/// What waits to be written. A single shared chunk is written as it stands; several pieces are put together first, as
/// one write of a contiguous buffer is cheaper than several or than a vectored one.
#[derive(Debug, Default)]
pub(super) struct Output {
    chunk: Bytes,
    /// What follows it; boxed, as most write shared chunks alone.
    rest: Option<Box<BytesMut>>,
    /// Something was written that the transport may still hold, as TLS does.
    unflushed: bool,
    /// Bytes written since they were counted.
    written: u64,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.chunk.len() + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    /// Whether all of it is with the kernel.
    pub(super) fn is_done(&self) -> bool {
        self.len() == 0 && !self.unflushed
    }

    /// Whether what is said next begins a line.
    pub(super) fn ends_a_line(&self) -> bool {
        let last = self.rest.as_ref().and_then(|rest| rest.last()).or_else(|| self.chunk.last());
        last.is_none_or(|last| *last == b'\n')
    }

    /// How many bytes were written since this was asked last.
    pub(super) fn take_count(&mut self) -> u64 {
        std::mem::take(&mut self.written)
    }

    /// Adds lines that others write too.
    pub(super) fn push_shared(&mut self, lines: Bytes) {
        if self.len() == 0 {
            self.chunk = lines;
        } else {
            self.push(&lines);
        }
    }

    /// Adds lines of this session alone.
    pub(super) fn push(&mut self, lines: &[u8]) {
        let rest = self.rest.get_or_insert_default();
        if !self.chunk.is_empty() {
            let mut joined = BytesMut::with_capacity(self.chunk.len() + rest.len() + lines.len());
            joined.extend_from_slice(&self.chunk);
            joined.extend_from_slice(rest);
            self.chunk = Bytes::new();
            **rest = joined;
        }
        rest.extend_from_slice(lines);
    }

    /// Writes some of it, or flushes where all was written. Cancel-safe: what was written is taken out, the rest stays.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub(super) async fn write_some<S: AsyncWrite + Unpin>(&mut self, io: &mut S) -> io::Result<()> {
        poll_fn(|cx| self.poll_write_some(io, cx)).await
    }

    /// The same without waiting: `None` where the connection takes nothing now. Nobody is woken for that.
    pub(super) fn write_now<S: AsyncWrite + Unpin>(&mut self, io: &mut S) -> Option<io::Result<()>> {
        match self.poll_write_some(io, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(written) => Some(written),
            Poll::Pending => None,
        }
    }

    fn poll_write_some<S: AsyncWrite + Unpin>(&mut self, io: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.len() == 0 {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
            return Poll::Ready(Ok(()));
        }
        let rest = self.rest.as_ref().map_or(&[][..], |rest| rest);
        let bytes: &[u8] = if self.chunk.is_empty() { rest } else { &self.chunk };
        let written = ready!(Pin::new(io).poll_write(cx, bytes))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unflushed = true;
        self.written += written as u64;
        match &mut self.rest {
            Some(rest) if self.chunk.is_empty() => {
                rest.advance(written);
                if rest.is_empty() {
                    self.rest = None;
                }
            }
            _ => self.chunk.advance(written),
        }
        Poll::Ready(Ok(()))
    }
}

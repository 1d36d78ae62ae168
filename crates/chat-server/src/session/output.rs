//! Bytes out: what a session has collected and writes at once.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

/// What waits to be written. A single shared chunk is written as it stands; several pieces are put together first, as
/// one write of a contiguous buffer is cheaper than several or than a vectored one.
#[derive(Debug, Default)]
pub(super) struct Output {
    chunk: Bytes,
    rest: BytesMut,
    /// Something was written that the transport may still hold, as TLS does.
    unflushed: bool,
    /// Bytes written since they were counted.
    written: u64,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.chunk.len() + self.rest.len()
    }

    /// Whether all of it is with the kernel.
    pub(super) fn is_done(&self) -> bool {
        self.len() == 0 && !self.unflushed
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
        if !self.chunk.is_empty() {
            let mut joined = BytesMut::with_capacity(self.len() + lines.len());
            joined.extend_from_slice(&self.chunk);
            joined.extend_from_slice(&self.rest);
            self.chunk = Bytes::new();
            self.rest = joined;
        }
        self.rest.extend_from_slice(lines);
    }

    /// Writes some of it, or flushes where all was written. Cancel-safe: what was written is taken out, the rest stays.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub(super) async fn write_some<S: AsyncWrite + Unpin>(&mut self, io: &mut S) -> io::Result<()> {
        poll_fn(|cx| self.poll_write_some(io, cx)).await
    }

    fn poll_write_some<S: AsyncWrite + Unpin>(&mut self, io: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.len() == 0 {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
            return Poll::Ready(Ok(()));
        }
        let bytes: &[u8] = if self.chunk.is_empty() { &self.rest } else { &self.chunk };
        let written = ready!(Pin::new(io).poll_write(cx, bytes))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unflushed = true;
        self.written += written as u64;
        if self.chunk.is_empty() {
            self.rest.advance(written);
            if self.rest.is_empty() {
                self.rest = BytesMut::new();
            }
        } else {
            self.chunk.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

//! Bytes out: what a session has collected and writes at once.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

/// What waits to be written. A single shared chunk is written as it stands; several pieces are put together first, as
/// one write of a contiguous buffer is cheaper than several or than a vectored one.
#[derive(Debug, Default)]
pub(super) struct Output {
    chunk: Bytes,
    rest: BytesMut,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.chunk.len() + self.rest.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunk.is_empty() && self.rest.is_empty()
    }

    /// Adds lines that others write too.
    pub(super) fn push_shared(&mut self, lines: Bytes) {
        if self.is_empty() {
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

    /// Writes some of it. Cancel-safe: what was written is taken out, the rest stays.
    pub(super) async fn write_some<S: AsyncWrite + Unpin>(&mut self, io: &mut S) -> io::Result<()> {
        poll_fn(|cx| self.poll_write_some(io, cx)).await
    }

    /// Writes some of it if that is possible without waiting.
    pub(super) fn poll_write_some<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes: &[u8] = if self.chunk.is_empty() { &self.rest } else { &self.chunk };
        if bytes.is_empty() {
            return Pin::new(io).poll_flush(cx);
        }
        match Pin::new(io).poll_write(cx, bytes) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(n)) => {
                if self.chunk.is_empty() {
                    self.rest.advance(n);
                    if self.rest.is_empty() {
                        self.rest = BytesMut::new();
                    }
                } else {
                    self.chunk.advance(n);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

//! Bytes in: whole lines of a connection, with no memory held while there is no part of one.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use chat_protocol::codec::{ChatCodec, Incoming};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::codec::Decoder;

use crate::limits::READ_BUFFER;
use crate::planted::{Bug, planted};
use crate::stranger::{self, Look, Stranger};

thread_local! {
    /// All sessions of a thread read into this one; what is left in it after a read is copied out at once.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER].into());
}

/// The reading half of a connection.
#[derive(Debug)]
pub(super) struct Input {
    codec: ChatCodec,
    /// What was read and isn't a whole line yet.
    buffer: BytesMut,
    ended: bool,
    /// Bytes read since they were counted.
    read: u64,
}

impl Input {
    pub(super) fn new(codec: ChatCodec) -> Self {
        Self { codec, buffer: BytesMut::new(), ended: false, read: 0 }
    }

    /// The next line; `None` at the end of input. Cancel-safe: what was read is kept in `self`.
    ///
    /// # Errors
    ///
    /// Those of the connection. What the peer sends is an item, never an error.
    pub(super) async fn next<S: AsyncRead + Unpin>(&mut self, io: &mut S) -> io::Result<Option<Incoming>> {
        poll_fn(|cx| self.poll_next(io, cx)).await
    }

    pub(super) fn poll_next<S: AsyncRead + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Incoming>>> {
        loop {
            if let Some(item) = self.buffered()? {
                return Poll::Ready(Ok(Some(item)));
            }
            if self.ended {
                if planted(Bug::UnendedTail) && !self.buffer.is_empty() {
                    let tail = self.buffer.split();
                    return Poll::Ready(Ok(Some(Incoming::Line(String::from_utf8_lossy(&tail).into_owned()))));
                }
                return Poll::Ready(Ok(None));
            }
            // Never more of a line than it may have and what ends it: past that it is dropped as it comes.
            let most = self.longest_part().saturating_sub(self.buffer.len()).max(1);
            ready!(self.poll_read(io, cx, most))?;
        }
    }

    /// Of a line that has not ended: as many bytes as it may have, `\r` and `\n`.
    fn longest_part(&self) -> usize {
        self.codec.max_line().saturating_add(2)
    }

    /// Waits until it can be told who begins to speak; what was read for that stays for [`next`](Self::next). For the
    /// time before it only. Cancel-safe.
    pub(super) async fn recognise<S: AsyncRead + Unpin>(&mut self, io: &mut S) -> io::Result<Option<Stranger>> {
        poll_fn(|cx| {
            loop {
                match stranger::look(&self.buffer) {
                    Look::Undecided if !self.ended => ready!(self.poll_read(io, cx, READ_BUFFER))?,
                    Look::Stranger(stranger) => return Poll::Ready(Ok(Some(stranger))),
                    Look::Undecided | Look::Chat => return Poll::Ready(Ok(None)),
                }
            }
        })
        .await
    }

    /// The next line among what was read already.
    pub(super) fn buffered(&mut self) -> io::Result<Option<Incoming>> {
        let item = self.codec.decode(&mut self.buffer)?;
        if self.buffer.is_empty() && self.buffer.capacity() > 0 {
            self.buffer = BytesMut::new();
        }
        Ok(item)
    }

    /// Waits for more, and reads all that has arrived then, but at most about `most` bytes. How many bytes that was; 0 at the
    /// end of input. Cancel-safe.
    pub(super) async fn read_arrived<S: AsyncRead + Unpin>(&mut self, io: &mut S, most: usize) -> usize {
        let before = self.buffer.len();
        poll_fn(|cx| {
            while self.buffer.len() < before + most && !self.ended {
                match self.poll_read(io, cx, READ_BUFFER) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => self.ended = true,
                    Poll::Pending if self.buffer.len() == before => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            Poll::Ready(())
        })
        .await;
        self.buffer.len() - before
    }

    /// Reads at most `most` bytes, and at most [`READ_BUFFER`].
    fn poll_read<S>(&mut self, io: &mut S, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<()>>
    where
        S: AsyncRead + Unpin,
    {
        SCRATCH.with_borrow_mut(|scratch| {
            let most = most.min(scratch.len());
            let mut read = ReadBuf::new(&mut scratch[..most]);
            ready!(Pin::new(io).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                self.ended = true;
            }
            self.read += read.filled().len() as u64;
            self.keep(read.filled());
            Poll::Ready(Ok(()))
        })
    }

    fn keep(&mut self, read: &[u8]) {
        let len = self.buffer.len() + read.len();
        if len > self.buffer.capacity() && len >= READ_BUFFER && len <= self.longest_part() {
            // A long line is under way. By itself the buffer would double until it is twice what the longest may have, and
            // hold the old one meanwhile.
            let mut larger = BytesMut::with_capacity((3 * len).min(self.longest_part()));
            larger.extend_from_slice(&self.buffer);
            self.buffer = larger;
        }
        self.buffer.extend_from_slice(read);
    }

    /// How many bytes were read since this was asked last.
    pub(super) fn take_count(&mut self) -> u64 {
        std::mem::take(&mut self.read)
    }

    /// Whether the first line began as one of JSON does.
    pub(super) const fn is_program(&self) -> bool {
        self.codec.is_program()
    }

    /// How many bytes of a line without an end were read.
    pub(super) fn unended(&self) -> usize {
        self.codec.unended(&self.buffer)
    }
}

//! The wire: how a connection is made, lines from it, bytes to it.

use std::future::Future;
use std::io;

use bytes::{Buf, BytesMut};
use chat_protocol::codec::{ChatCodec, Incoming};
use chat_protocol::limits::MAX_SERVER_LINE;
use futures::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_util::codec::FramedRead;

/// Makes connections to one server: [`Tcp`], or whatever else carries bytes both ways in order.
pub trait Connector: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + 'static;

    /// Makes a connection. The client drops the future when it takes too long.
    fn connect(&mut self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// What it connects to, for a person.
    fn server(&self) -> String;
}

/// Connects over plain TCP.
#[derive(Clone, Debug)]
pub struct Tcp {
    address: String,
}

impl Tcp {
    /// To `address`: a host name or number and a port, `chat.example:5555`. Names are looked up for each connection.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into() }
    }
}

impl Connector for Tcp {
    type Stream = TcpStream;

    async fn connect(&mut self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.address).await?;
        // Each write is all there is to say: waiting for more of it would only delay it.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn server(&self) -> String {
        self.address.clone()
    }
}

impl<T: Into<String>> From<T> for Tcp {
    fn from(address: T) -> Self {
        Self::new(address)
    }
}

/// Splits a connection, so that neither half waits for the other.
pub(crate) fn split<S: AsyncRead + AsyncWrite>(stream: S) -> (Lines<S>, Output<S>) {
    let (read, write) = tokio::io::split(stream);
    let codec = ChatCodec::without_telnet(MAX_SERVER_LINE);
    (Lines { lines: FramedRead::new(read, codec) }, Output { write, buffer: BytesMut::new(), flushed: true })
}

/// The lines of a server.
pub(crate) struct Lines<S> {
    lines: FramedRead<ReadHalf<S>, ChatCodec>,
}

impl<S: AsyncRead + AsyncWrite> Lines<S> {
    /// The next line; `None` at the end. Cancel-safe. Lines that can't be read are left out.
    pub(crate) async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            match self.lines.next().await {
                Some(Ok(Incoming::Line(line))) => return Ok(Some(line)),
                Some(Ok(Incoming::Bad(bad))) => tracing::warn!(%bad, "a line of the server can't be read"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(None),
            }
        }
    }

    /// The next line that is here already.
    pub(crate) fn ready(&mut self) -> Option<io::Result<Option<String>>> {
        self.next().now_or_never()
    }
}

/// What is to be written to a server.
pub(crate) struct Output<S> {
    write: WriteHalf<S>,
    pub(crate) buffer: BytesMut,
    flushed: bool,
}

impl<S: AsyncRead + AsyncWrite> Output<S> {
    pub(crate) fn is_done(&self) -> bool {
        self.buffer.is_empty() && self.flushed
    }

    /// Writes some of it, and what a layer below keeps back. Cancel-safe: what was written has left the buffer.
    pub(crate) async fn write_some(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            self.write.flush().await?;
            self.flushed = true;
            return Ok(());
        }
        let written = self.write.write(&self.buffer).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.flushed = false;
        self.buffer.advance(written);
        if self.buffer.is_empty() {
            // What a burst needed is given back.
            self.buffer = BytesMut::new();
        }
        Ok(())
    }

    /// Says that nothing more comes.
    pub(crate) async fn shutdown(&mut self) {
        let _ = self.write.shutdown().await;
    }
}

//! One descriptor kept for the day on which none is left.
//!
//! Without it nobody could even be told that the server is full: the kernel would go on to report a connection that
//! can't be accepted, and the loop would spin, or sleep while people wait.

use std::io;
use std::net::SocketAddr;

use futures::future::poll_immediate;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// A descriptor that is given up so that a connection can be accepted, to be refused.
#[derive(Debug)]
pub(crate) struct Spare(Option<Socket>);

/// A socket that isn't bound to anything needs no file system and disturbs nobody.
fn descriptor() -> Option<Socket> {
    Socket::new(Domain::IPV4, Type::STREAM, None).ok()
}

impl Spare {
    pub(crate) fn new() -> Self {
        Self(descriptor())
    }

    /// Accepts one connection with the spare descriptor, if one waits. That it doesn't wait itself matters: the kernel
    /// says that no descriptor is left even if nobody wants to connect.
    pub(crate) async fn accept(&mut self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
        self.0 = None;
        poll_immediate(listener.accept()).await?.ok()
    }

    /// Takes a descriptor again. Where another was quicker, the next time tries anew.
    pub(crate) fn restore(&mut self) {
        if self.0.is_none() {
            self.0 = descriptor();
        }
    }
}

/// Whether this error says that no descriptor is left, to the process or to the whole system.
pub(crate) fn is_needed(error: &io::Error) -> bool {
    /// ENFILE and EMFILE have these numbers on every Unix.
    #[cfg(unix)]
    const NUMBERS: [i32; 2] = [23, 24];
    /// WSAEMFILE.
    #[cfg(not(unix))]
    const NUMBERS: [i32; 1] = [10024];
    error.raw_os_error().is_some_and(|number| NUMBERS.contains(&number))
}

//! Thousands of connections on one thread: an epoll loop with one read buffer for all of them.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::timer::Timer;
use crate::wire::{Item, Scanner};

/// Bytes of one read. Large enough that a receiver that fell behind is drained in few calls.
const READ: usize = 256 * 1024;
/// Events of one turn.
const EVENTS: usize = 4096;
/// Connections from one source address: well below the 28,000 ports that Linux gives out by default, of which those of the
/// run before are still being forgotten.
const PER_ADDRESS: usize = 10_000;
/// The token of the timer.
const TIMER: Token = Token(usize::MAX);

/// What the owner of a swarm does with what arrives.
pub(crate) trait Handler {
    /// An item came on a connection; `at` is when its bytes were read, in nanoseconds since the swarm began.
    fn item(&mut self, connection: usize, item: Item<'_>, at: u64);
    /// The server closed a connection, or it broke.
    fn closed(&mut self, connection: usize);
}

/// All connections of a run.
#[derive(Debug)]
pub(crate) struct Swarm {
    poll: Poll,
    events: Events,
    timer: Timer,
    connections: Vec<Connection>,
    scanners: Vec<Scanner>,
    buffer: Box<[u8]>,
    began: Instant,
    pub(crate) read: Traffic,
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) bytes: u64,
    pub(crate) reads: u64,
    pub(crate) items: u64,
}

#[derive(Debug)]
struct Connection {
    /// `None` once it is closed.
    stream: Option<TcpStream>,
    scanner: usize,
    /// The beginning of an item whose rest hasn't come.
    partial: Vec<u8>,
    /// What the socket didn't take yet.
    unsent: Vec<u8>,
}

impl Swarm {
    /// A swarm without connections; each talks by one of these scanners.
    pub(crate) fn new(scanners: Vec<Scanner>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = Timer::new(poll.registry(), TIMER)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS),
            timer,
            connections: Vec::new(),
            scanners,
            buffer: vec![0; READ].into(),
            began: Instant::now(),
            read: Traffic::default(),
        })
    }

    /// Nanoseconds since the swarm began.
    pub(crate) fn now(&self) -> u64 {
        nanos(self.began)
    }

    /// Begins to connect, with what to send first, and returns the connection's index: 0, 1, 2 …
    pub(crate) fn connect(&mut self, server: SocketAddr, scanner: usize, hello: Vec<u8>) -> io::Result<usize> {
        let index = self.connections.len();
        let mut stream = open(server, index)?;
        self.poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        self.connections.push(Connection { stream: Some(stream), scanner, partial: Vec::new(), unsent: hello });
        Ok(index)
    }

    /// Sends as much as the socket takes now, the rest as soon as it does.
    pub(crate) fn send(&mut self, connection: usize, bytes: &[u8]) {
        let connection = &mut self.connections[connection];
        let waiting = !connection.unsent.is_empty();
        connection.unsent.extend_from_slice(bytes);
        if !waiting {
            connection.flush();
        }
    }

    /// Waits for events until `until` (nanoseconds since the beginning) at most, and gives all that came to `handler`.
    pub(crate) fn turn(&mut self, until: u64, handler: &mut impl Handler) -> io::Result<()> {
        let wait = until.saturating_sub(self.now());
        let timeout = self.timer.arm(Duration::from_nanos(wait))?;
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let polled = self.poll.poll(&mut events, timeout);
        match polled {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(()) => {
                for event in &events {
                    if event.token() != TIMER {
                        self.event(event, handler);
                    }
                }
            }
        }
        self.events = events;
        Ok(())
    }

    fn event(&mut self, event: &Event, handler: &mut impl Handler) {
        let index = event.token().0;
        if event.is_writable() {
            self.connections[index].flush();
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.receive(index, event.is_read_closed() || event.is_error(), handler);
        }
    }

    /// Reads all that is there. A read that doesn't fill the buffer has emptied the socket, so it needs no second one
    /// to say so, unless the end is known to follow.
    fn receive(&mut self, index: usize, ends: bool, handler: &mut impl Handler) {
        let connection = &mut self.connections[index];
        let scanner = &self.scanners[connection.scanner];
        while let Some(stream) = &mut connection.stream {
            let kept = connection.partial.len();
            self.buffer[..kept].copy_from_slice(&connection.partial);
            let read = match stream.read(&mut self.buffer[kept..]) {
                Ok(0) => 0,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            // What can't be an item any more is as bad as a broken connection.
            if read == 0 || kept > READ / 2 {
                connection.stream = None;
                handler.closed(index);
                return;
            }
            let at = nanos(self.began);
            let mut answers = Vec::new();
            let filled = &self.buffer[..kept + read];
            let taken = scanner.scan(filled, |item| {
                self.read.items += 1;
                match item {
                    Item::Ping(answer) => answers.extend_from_slice(answer),
                    item => handler.item(index, item, at),
                }
            });
            connection.partial.clear();
            connection.partial.extend_from_slice(&filled[taken..]);
            self.read.bytes += read as u64;
            self.read.reads += 1;
            if !answers.is_empty() {
                connection.unsent.extend_from_slice(&answers);
                connection.flush();
            }
            if kept + read < READ && !ends {
                return;
            }
        }
    }
}

impl Connection {
    /// Errors are left to the reading side, which sees them too.
    fn flush(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let mut sent = 0;
        while sent < self.unsent.len() {
            match stream.write(&self.unsent[sent..]) {
                Ok(0) => break,
                Ok(written) => sent += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.unsent.drain(..sent);
    }
}

fn open(server: SocketAddr, index: usize) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let IpAddr::V4(address) = server.ip()
        && address.is_loopback()
        && index >= PER_ADDRESS
    {
        let block = u8::try_from(index / PER_ADDRESS).unwrap_or(u8::MAX);
        let from = SocketAddr::from((Ipv4Addr::new(127, 0, block, 1), 0));
        socket.bind(&SockAddr::from(from))?;
    }
    match socket.connect(&server.into()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(IN_PROGRESS) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// `EINPROGRESS`: what a connect that doesn't wait says.
#[cfg(target_os = "linux")]
const IN_PROGRESS: i32 = 115;
#[cfg(not(target_os = "linux"))]
const IN_PROGRESS: i32 = 36;

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

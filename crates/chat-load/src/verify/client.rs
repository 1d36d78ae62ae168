//! A client of the checker's own: it remembers what it sent and where it stood, comes back, and sends again what wasn't
//! acked. It shares no code with chat-client, as the checker must not share its bugs.

mod incoming;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chat_protocol::json;
use chat_protocol::message::{ClientMessage, Hello, RoomStart};
use chat_protocol::names::RoomName;
use chat_protocol::value::{Kind, MessageId, Seq};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::history::{Ack, Attempt, Key, Oddity, Stream};
use super::text;
use crate::random::Random;

/// How long a write may take, and a connection may say nothing while there is something to answer.
const DEADLINE: Duration = Duration::from_secs(20);
/// One message in so many has its id used again for another text.
const PROBE: u64 = 500;

/// What all clients share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) proxy: SocketAddr,
    pub(crate) began: Instant,
    pub(crate) rooms: Vec<RoomName>,
    pub(crate) window: usize,
    /// Messages that are still to be sent, of all writers.
    pub(crate) budget: AtomicU64,
    /// Messages that are to be acked, and that have been.
    pub(crate) wanted: u64,
    pub(crate) acked: AtomicU64,
    /// Reused ids that were refused, as they must be.
    pub(crate) conflicts: AtomicU64,
    /// Unended lines that were sent.
    pub(crate) tails: AtomicU64,
    pub(crate) connects: AtomicU64,
}

impl Shared {
    fn now(&self) -> u64 {
        self.began.elapsed().as_nanos() as u64
    }

    fn take_budget(&self) -> bool {
        self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Where a client stands, for whoever waits for it.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) unanswered: AtomicUsize,
    /// By room; [`u64::MAX`] where it isn't in it.
    pub(crate) reached: Vec<AtomicU64>,
}

impl Status {
    pub(crate) fn new(rooms: usize, own: &[usize]) -> Self {
        let at = |room| AtomicU64::new(if own.contains(&room) { 0 } else { u64::MAX });
        Self { unanswered: AtomicUsize::new(0), reached: (0..rooms).map(at).collect() }
    }

    pub(crate) fn reached(&self) -> Vec<Option<u64>> {
        let at = |reached: &AtomicU64| Some(reached.load(Ordering::Relaxed)).filter(|seq| *seq != u64::MAX);
        self.reached.iter().map(at).collect()
    }
}

/// What a client saw and did.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) acks: Vec<Ack>,
    pub(crate) stream: Stream,
    pub(crate) oddities: Vec<Oddity>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    number: u32,
    room: usize,
    /// It was sent on an earlier connection already.
    resent: bool,
}

/// A client. What is in it outlives its connections, as a file of a real client's would.
#[derive(Debug)]
pub(crate) struct Client {
    shared: Arc<Shared>,
    status: Arc<Status>,
    name: String,
    index: u32,
    writes: bool,
    rooms: Vec<usize>,
    random: Random,
    session: Option<String>,
    log: Option<String>,
    /// How often its alias had to be changed, as one that it lost in the handshake is kept for it.
    names: u32,
    has_ack: bool,
    outbox: VecDeque<Pending>,
    next: u32,
    record: Record,
    /// What belongs to one connection.
    line: Connection,
}

#[derive(Debug, Default)]
struct Connection {
    welcomed: bool,
    /// The rooms that it has entered.
    joined: Vec<usize>,
    out: Vec<u8>,
    /// The number whose id was used for another text, until that is answered.
    probing: Option<u32>,
    /// A place that was taken by the ack of a resent message: the message itself may follow.
    acked_place: Option<(usize, u64)>,
}

impl Connection {
    const fn is_in(&self, rooms: usize) -> bool {
        self.joined.len() == rooms
    }
}

/// The connection is over.
#[derive(Debug)]
struct Over;

impl Client {
    pub(crate) fn new(
        shared: Arc<Shared>,
        status: Arc<Status>,
        index: u32,
        writes: bool,
        rooms: Vec<usize>,
        seed: u64,
    ) -> Self {
        let name = format!("{}{index}", if writes { "writer" } else { "reader" });
        let record = Record { stream: Stream { name: name.clone(), ..Stream::default() }, ..Record::default() };
        Self {
            shared,
            status,
            name,
            index,
            writes,
            rooms,
            random: Random::new(seed ^ u64::from(index)),
            session: None,
            log: None,
            names: 0,
            has_ack: false,
            outbox: VecDeque::new(),
            next: 0,
            record,
            line: Connection::default(),
        }
    }

    /// Connects again and again until it is told to stop. A kill order ends a connection with half a line sent.
    pub(crate) async fn run(mut self, mut kills: mpsc::Receiver<()>, mut stop: watch::Receiver<bool>) -> Record {
        while !*stop.borrow() {
            tokio::select! {
                Over = self.connection(&mut kills) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let pause = Duration::from_millis(10 + self.random.below(60));
            tokio::time::sleep(pause).await;
        }
        self.record
    }

    async fn connection(&mut self, kills: &mut mpsc::Receiver<()>) -> Over {
        self.shared.connects.fetch_add(1, Ordering::Relaxed);
        self.line = Connection::default();
        self.outbox.iter_mut().for_each(|pending| pending.resent = true);
        let Ok(Ok(mut stream)) = timeout(DEADLINE, TcpStream::connect(self.shared.proxy)).await else { return Over };
        let _ = stream.set_nodelay(true);
        self.hello();
        let mut input = Vec::with_capacity(64 * 1024);
        loop {
            let out = std::mem::take(&mut self.line.out);
            if !out.is_empty() && !matches!(timeout(DEADLINE, stream.write_all(&out)).await, Ok(Ok(()))) {
                return Over;
            }
            tokio::select! {
                read = timeout(DEADLINE, stream.read_buf(&mut input)) => match read {
                    Ok(Ok(1..)) => {}
                    Err(_) if self.line.welcomed && self.outbox.is_empty() => {}
                    _ => return Over,
                },
                Some(()) = kills.recv() => return self.die(&mut stream).await,
            }
            let mut taken = 0;
            while let Some(end) = memchr::memchr(b'\n', &input[taken..]) {
                let line = &input[taken..taken + end];
                taken += end + 1;
                if self.incoming(line).is_err() {
                    return Over;
                }
            }
            input.drain(..taken);
            self.fill_window();
            self.status.unanswered.store(self.outbox.len(), Ordering::Relaxed);
        }
    }

    fn hello(&mut self) {
        let start = |room: &usize| RoomStart {
            room: self.shared.rooms[*room].clone(),
            after: Some(Seq::new(self.status.reached[*room].load(Ordering::Relaxed))),
        };
        let mut hello = Hello::new(format!("{}x{}", self.name, self.names));
        hello.session = self.session.clone();
        hello.log = self.log.clone();
        hello.rooms = Some(self.rooms.iter().map(start).collect());
        json::render(&mut self.line.out, &ClientMessage::Hello(hello));
    }

    /// In its rooms: what wasn't acked goes out again, in order, before anything new.
    fn resend(&mut self) {
        for pending in self.outbox.clone() {
            self.say(pending.number, pending.room, text::said(self.key(pending.number)));
        }
    }

    fn fill_window(&mut self) {
        if !self.writes || !self.line.is_in(self.rooms.len()) {
            return;
        }
        while self.outbox.len() < self.shared.window && self.shared.take_budget() {
            let room = self.rooms[self.random.below(self.rooms.len() as u64) as usize];
            let (number, key) = (self.next, self.key(self.next));
            self.next += 1;
            self.record.attempts.push(Attempt { at: self.shared.now(), key, room: room as u8 });
            self.outbox.push_back(Pending { number, room, resent: false });
            self.say(number, room, text::said(key));
        }
    }

    /// Uses the id of an acked message for another text.
    fn probe(&mut self, pending: Pending) {
        if self.line.probing.is_none() && self.random.below(PROBE) == 0 {
            self.line.probing = Some(pending.number);
            self.say(pending.number, pending.room, text::changed(self.key(pending.number)));
        }
    }

    fn say(&mut self, number: u32, room: usize, text: String) {
        // An id made of a number is short enough.
        let id = MessageId::new(number.to_string()).ok();
        let say = ClientMessage::Say { room: self.shared.rooms[room].clone(), text, id, kind: Kind::Say };
        json::render(&mut self.line.out, &say);
    }

    const fn key(&self, number: u32) -> Key {
        Key::new(self.index, number)
    }

    /// Ends as a process does that is killed while it writes: a whole message, but not the end of its line.
    async fn die(&mut self, stream: &mut TcpStream) -> Over {
        if self.writes && self.line.is_in(self.rooms.len()) {
            let number = self.next;
            self.next += 1;
            self.line.out.clear();
            self.say(number, self.rooms[0], text::unended(self.key(number)));
            self.line.out.pop();
            if let Ok(Ok(())) = timeout(DEADLINE, stream.write_all(&self.line.out)).await {
                self.shared.tails.fetch_add(1, Ordering::Relaxed);
            }
        }
        Over
    }
}

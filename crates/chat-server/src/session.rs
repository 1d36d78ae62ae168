//! A session: one task per connection.
//!
//! It waits in one `select!` for a line, for its rooms, for its mailbox, for its turn to read on, and for the request
//! to end. When woken it collects what is ready up to a byte budget and writes once. While a write is blocked it lets
//! go of its rooms' channels, and comes back by way of their tails: nothing is held for a slow reader but its cursor.

mod access;
mod account;
mod close;
mod conversations;
mod cursor;
mod handshake;
mod heed;
mod input;
mod invited;
mod login;
mod membership;
mod moderation;
mod output;
mod places;
mod queries;
mod quota;
mod rate;
mod requests;
mod speak;
mod writing;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use chat_protocol::codec::{BadLine, ChatCodec, Incoming};
use chat_protocol::limits::MAX_UNACKED;
use chat_protocol::message::{Bye, ByeCode, ErrorCode, Refusal};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::telnet::INTERRUPT_ANSWER;
use chat_protocol::value::{MessageId, Text};
use futures::FutureExt as _;
use jiff::civil::Date;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{debug, error};

use crate::batch::Dialect;
use crate::config::Limits;
use crate::hub::Hub;
use crate::limits::LINES_PER_TURN;
use crate::log::{AuthorId, TokenHash};
use crate::metrics::Limit;
use crate::peer::{Fate, Letter, Peer};
use crate::stranger::Stranger;
use crate::turnstile::Turn;

pub(crate) use self::account::end_sessions;
use self::heed::{Heed, in_time};
use self::input::Input;
use self::membership::Membership;
pub(crate) use self::moderation::banned;
use self::output::Output;
use self::rate::Rate;

/// What a session needs of a connection.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// The server speaks first, the client's first line picks the dialect, and there may be a telnet at the other end.
    Tcp,
    /// The same, encrypted.
    Tls,
    /// JSON from the first line on.
    WebSocket,
}

/// Why a session is over.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The client said goodbye, or a person's input ended.
    Quit(Option<String>),
    /// A program's input ended without a goodbye: it may come back.
    Eof,
    /// The server closes, with these words.
    Closed(Bye),
    /// Whoever is there doesn't want to chat.
    Stranger(Stranger),
    /// The connection broke; nobody is there to hear why.
    Lost,
    /// The session itself did. Nothing more is done in its name.
    Failed,
}

impl Ended {
    /// For the metrics and the log: the code of the closing words, or that there were none to say.
    const fn code(&self) -> &'static str {
        match self {
            Self::Quit(_) | Self::Eof => ByeCode::Quit.as_str(),
            Self::Closed(bye) => bye.code.as_str(),
            Self::Lost => "lost",
            Self::Failed => "failed",
            Self::Stranger(_) => "stranger",
        }
    }

    /// What the log says of it: the words that are said, where there are some.
    fn reason(&self) -> &str {
        match self {
            Self::Quit(_) | Self::Eof => YOU_LEFT,
            Self::Closed(bye) => &bye.reason,
            Self::Lost => "the connection broke",
            Self::Failed => "the session panicked",
            Self::Stranger(_) => "not a chat client",
        }
    }

    fn storage() -> Self {
        Self::Closed(Bye::new(ByeCode::Storage, "the server can't keep messages any more"))
    }
}

/// The last words for those who said goodbye.
const YOU_LEFT: &str = "you left";

type Flow<T = ()> = Result<T, Ended>;

/// Who has been admitted.
#[derive(Debug)]
struct Person {
    alias: Alias,
    author: AuthorId,
    /// The session's secret, hashed; text connections have none, and shall not hold its place.
    token: Option<Box<TokenHash>>,
    /// Its coming and going isn't told.
    quiet: bool,
    /// This connection gave its account's password.
    knows_password: bool,
}

/// A message of this session whose fate it hasn't been told.
#[derive(Debug)]
struct Unacked {
    ticket: u64,
    room: RoomName,
    id: Option<MessageId>,
    text: Text,
}

/// What can happen to a waiting session.
enum Event {
    Line(std::io::Result<Option<Incoming>>),
    /// A letter, or something in a room.
    News,
    /// The pause in reading is over.
    Turn,
    End(Bye),
}

/// A connection and all that its task knows.
pub(crate) struct Session<S> {
    hub: Arc<Hub>,
    /// Those that were in force when it came.
    limits: Arc<Limits>,
    peer: Arc<Peer>,
    io: S,
    input: Input,
    out: Output,
    opening: Opening,
    dialect: Dialect,
    /// `None` until the handshake is done.
    person: Option<Person>,
    rooms: Vec<Membership>,
    unacked: VecDeque<Unacked>,
    tickets: u64,
    rate: Rate,
    /// The folded names of those whose words aren't shown.
    ignored: Vec<Box<str>>,
    /// The change of whose rooms are that it looked at last.
    access_seen: u64,
    /// The date that a text connection was shown last.
    shown: Date,
    /// When the oldest batch that is sampled and not written yet was published.
    published: Option<Instant>,
    /// Which requests to end it hears.
    heed: Heed,
    /// Nothing more is said in its name.
    silent: bool,
    /// The connection takes nothing any more.
    deaf: bool,
}

impl<S: Transport> Session<S> {
    pub(crate) fn new(hub: Arc<Hub>, peer: Arc<Peer>, io: S, opening: Opening) -> Self {
        let limits = hub.limits();
        let max_line = limits.max_line;
        let (codec, dialect) = match opening {
            Opening::Tcp | Opening::Tls => (ChatCodec::new(max_line), Dialect::Text),
            Opening::WebSocket => (ChatCodec::without_telnet(max_line), Dialect::Json),
        };
        let input = Input::new(codec);
        let rate = Rate::new(limits.max_rate);
        let shown = hub.clock.date(hub.clock.now());
        Self {
            hub,
            limits,
            peer,
            io,
            input,
            out: Output::default(),
            opening,
            dialect,
            person: None,
            rooms: Vec::new(),
            unacked: VecDeque::new(),
            tickets: 0,
            rate,
            ignored: Vec::new(),
            access_seen: 0,
            shown,
            published: None,
            heed: Heed::All,
            silent: false,
            deaf: false,
        }
    }

    /// Serves the connection to its end. Whatever happens inside, a panic included, the rooms are left and the alias is given up.
    pub(crate) async fn run(&mut self) {
        let turn = Turn::new(Arc::clone(&self.hub.rooms), Arc::clone(&self.peer));
        let mut life = pin!(self.live());
        poll_fn(|cx| {
            turn.pass_on();
            life.as_mut().poll(cx)
        })
        .await;
    }

    async fn live(&mut self) {
        let ended = AssertUnwindSafe(self.serve()).catch_unwind().await.unwrap_or(Ended::Failed);
        Box::pin(self.end(ended)).await;
    }

    async fn serve(&mut self) -> Ended {
        // Boxed, here and below, for the sake of the many sessions that just wait: a task is as large as the largest thing it
        // awaits, and these are rare or short.
        if let Err(ended) = Box::pin(self.handshake()).await {
            return ended;
        }
        loop {
            if let Err(ended) = self.turn().await {
                return ended;
            }
        }
    }

    async fn end(&mut self, ended: Ended) {
        if matches!(ended, Ended::Failed) {
            error!(connection = self.peer.id.0, "a session panicked");
        }
        debug!(connection = self.peer.id.0, ?ended, "session over");
        self.close(ended).await;
        self.hub.connections.unregister(&self.peer);
    }

    async fn turn(&mut self) -> Flow {
        self.collect().await?;
        self.flush().await?;
        self.let_silent_go();
        let line = match self.wait().await {
            Event::Line(line) => Box::pin(self.lines(line)),
            Event::News | Event::Turn => return Ok(()),
            Event::End(bye) => return Err(Ended::Closed(bye)),
        };
        line.await
    }

    /// Waits for something to happen. Cancel-safe: nothing is taken that isn't returned.
    ///
    /// By hand and not by `select!`, as this is what each delivery passes through. Whoever is woken is so by a batch mostly,
    /// and looks no further then. Before that everything else had its turn, so that no room can talk so much that a
    /// member isn't heard, nor told to end; so it has where he is behind, and there is no waiting for that.
    fn wait(&mut self) -> impl Future<Output = Event> {
        let mut pause = self.rate.pause().map(|until| Box::pin(tokio::time::sleep_until(until)));
        let mut woken = false;
        poll_fn(move |cx| {
            if std::mem::replace(&mut woken, true) && self.has_news() {
                return Poll::Ready(Event::News);
            }
            self.peer.register(cx);
            if let Some(bye) = self.heed.ending(&self.peer) {
                return Poll::Ready(Event::End(bye));
            }
            if self.peer.has_mail() {
                return Poll::Ready(Event::News);
            }
            if let Some(pause) = &mut pause {
                if pause.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Event::Turn);
                }
            } else if self.unacked.len() < MAX_UNACKED
                && let Poll::Ready(line) = self.input.poll_next(&mut self.io, cx)
            {
                return Poll::Ready(Event::Line(line));
            }
            if self.has_news() { Poll::Ready(Event::News) } else { Poll::Pending }
        })
    }

    fn has_news(&self) -> bool {
        self.rooms.iter().any(Membership::has_news)
    }

    /// Takes what is ready without waiting for more, until the budget is used.
    async fn collect(&mut self) -> Flow {
        let (letters, knocks) = self.peer.take_mail();
        // Boxed, as it is seldom: a place in a room was lost, or is to be taken.
        if knocks || !letters.is_empty() || self.access_seen != self.hub.rooms.access.version() || !self.take_batches()
        {
            Box::pin(self.collect_all(letters, knocks)).await?;
        }
        Ok(())
    }

    /// What the channels have; whether that is all, and there is none that ran away.
    fn take_batches(&mut self) -> bool {
        let mut index = 0;
        while index < self.rooms.len() && self.out.len() < self.limits.max_reader_backlog {
            match self.rooms[index].ready() {
                membership::Ready::Batch(batch) => self.batch(index, &batch),
                membership::Ready::Nothing => index += 1,
                membership::Ready::Behind => return false,
            }
        }
        self.pass_turn(index);
        true
    }

    /// A room that has used the budget up, the one at `index`, comes last the next time: however much is said there, the
    /// others are heard.
    fn pass_turn(&mut self, index: usize) {
        if index < self.rooms.len() {
            self.rooms.rotate_left(index + 1);
        }
    }

    /// The letters were taken before the rooms are looked at and are opened after: an answer to a repeat comes after the
    /// first one's ack.
    async fn collect_all(&mut self, letters: VecDeque<Letter>, knocks: bool) -> Flow {
        if knocks {
            self.hear_knocks().await?;
        }
        if self.access_seen != self.hub.rooms.access.version() {
            self.leave_closed().await?;
        }
        let mut index = 0;
        while index < self.rooms.len() && self.out.len() < self.limits.max_reader_backlog {
            match self.rooms[index].ready() {
                membership::Ready::Batch(batch) => self.batch(index, &batch),
                membership::Ready::Nothing => index += 1,
                membership::Ready::Behind => {
                    self.catch_up(index).await?;
                    // Where the way is long the others have their turn before it goes on.
                    if self.rooms[index].is_detached() && self.out.len() < self.limits.max_reader_backlog {
                        index += 1;
                    }
                }
            }
        }
        self.pass_turn(index);
        for letter in letters {
            self.letter(letter);
        }
        // Nothing more may come by which he would be woken, where what he waited for was the fate of what he said there.
        if self.access_seen != self.hub.rooms.access.version() {
            self.leave_closed().await?;
        }
        Ok(())
    }

    /// Most are in one room alone; a vector left to itself would begin with place for four.
    fn add_room(&mut self, membership: Membership) {
        self.rooms.reserve_exact(1);
        self.rooms.push(membership);
    }

    fn is_behind(&self) -> bool {
        self.rooms.iter().any(Membership::is_detached)
    }

    /// Carries out a line, and those that came with it.
    async fn lines(&mut self, first: std::io::Result<Option<Incoming>>) -> Flow {
        let mut item = match first {
            Ok(Some(item)) => item,
            Ok(None) => return Err(self.end_of_input()),
            Err(error) => {
                debug!(connection = self.peer.id.0, %error, "connection lost");
                return Err(Ended::Lost);
            }
        };
        // Whoever sends has taken in what he was sent, as far as can be known.
        self.mark_read();
        for left in (0..LINES_PER_TURN).rev() {
            self.rate.spend();
            self.whole(item).await?;
            if self.out.len() >= self.limits.max_reader_backlog {
                self.flush().await?;
            }
            // Looked at before the next line is taken out: one that is taken has to be carried out.
            if self.rate.pause().is_some() {
                self.hub.metrics.limit_met(Limit::Rate);
                self.slowed();
                break;
            }
            if self.unacked.len() >= MAX_UNACKED {
                break;
            }
            if left == 0 {
                // Whoever needn't wait for anything would go on for as long as the runtime lets a task: a hundred such turns.
                tokio::task::yield_now().await;
                break;
            }
            item = match self.input.buffered().map_err(|_| Ended::Lost)? {
                Some(item) => item,
                None => break,
            };
        }
        Ok(())
    }

    /// Those admitted of this dialect and transport.
    fn sessions(&self) -> prometheus::IntGauge {
        let dialect = match self.dialect {
            Dialect::Text => "text",
            Dialect::Json => "json",
        };
        let transport = match self.opening {
            Opening::Tcp => "tcp",
            Opening::Tls => "tls",
            Opening::WebSocket => "websocket",
        };
        self.hub.metrics.sessions.with_label_values(&[dialect, transport])
    }

    fn end_of_input(&self) -> Ended {
        match self.dialect {
            Dialect::Text => Ended::Quit(None),
            Dialect::Json => Ended::Eof,
        }
    }

    /// Carries out a line to its end: what follows it must not be where it isn't.
    async fn whole(&mut self, item: Incoming) -> Flow {
        let (hub, peer) = self.hold_out();
        let done = in_time(&hub, &peer, self.item(item)).await;
        self.give_in(done)
    }

    async fn item(&mut self, item: Incoming) -> Flow {
        match item {
            Incoming::Line(line) => match self.dialect {
                Dialect::Text => self.text_line(&line).await,
                Dialect::Json => self.json_line(&line).await,
            },
            Incoming::Bad(bad) => {
                self.bad_line(&bad);
                Ok(())
            }
            _ => Err(self.interrupted()),
        }
    }

    /// A person at a telnet wants to leave. The client shows nothing more until its question about timing is answered.
    fn interrupted(&mut self) -> Ended {
        self.out.push(&INTERRUPT_ANSWER);
        Ended::Quit(None)
    }

    fn bad_line(&mut self, bad: &BadLine) {
        let code = match bad {
            BadLine::TooLong { .. } => {
                self.hub.metrics.limit_met(Limit::Line);
                ErrorCode::LineTooLong
            }
            _ => ErrorCode::BadLine,
        };
        self.refuse(Refusal::new(code, bad.to_string()));
    }

    fn letter(&mut self, letter: Letter) {
        match letter {
            Letter::Fate { ticket, fate } => self.fate(ticket, fate),
            Letter::Private(private) => self.private_arrived(&private),
            Letter::Invited { room, by } => self.invited(room, by),
            Letter::Announcement(announcement) => self.announced(&announcement),
        }
    }

    /// Learns what became of a message of its own that isn't seen in the room.
    fn fate(&mut self, ticket: u64, fate: Fate) {
        let Some(position) = self.unacked.iter().position(|unacked| unacked.ticket == ticket) else { return };
        let Some(Unacked { id, room, .. }) = self.unacked.remove(position) else { return };
        let room = self.name_by(&room);
        match fate {
            Fate::Repeat(record) => self.ack(id, &record.stored),
            Fate::Conflict => {
                let words = "this id was used for another message; nothing was stored";
                self.refuse(Refusal::new(ErrorCode::IdConflict, words).to(id).about(room));
            }
            Fate::Full(why) => {
                let words = format!("not said, as the log has no room for more: {why}");
                self.refuse(Refusal::new(ErrorCode::StorageFull, words).to(id).about(room));
            }
            Fate::Refused(refusal) => self.refuse(refusal.to(id)),
        }
    }

    fn ack(&mut self, id: Option<MessageId>, stored: &chat_protocol::message::Stored) {
        let Some(id) = id.filter(|_| self.dialect == Dialect::Json) else { return };
        let ack = self.ack_of(id, stored);
        self.json(&ack);
    }
}

#[cfg(test)]
mod tests;

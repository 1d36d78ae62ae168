//! A session: one task per connection.
//!
//! It waits for a line, for its rooms, for its mailbox, for its turn to read on, and for the request to end: by hand, as
//! that is what every delivery passes through. When woken it collects what is ready up to a byte budget and writes once.
//! While a write is blocked it lets go of its rooms' channels, and comes back by way of their tails: nothing is held for
//! a slow reader but its cursor.

mod access;
mod account;
mod close;
mod collecting;
mod conversations;
mod cursor;
mod handshake;
mod heed;
mod input;
mod invited;
mod lines;
mod login;
mod membership;
mod moderation;
mod output;
mod pieces;
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

use chat_protocol::codec::{ChatCodec, Incoming};
use chat_protocol::limits::MAX_UNACKED;
use chat_protocol::message::{Bye, ByeCode};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{MessageId, Text};
use futures::FutureExt as _;
use jiff::civil::Date;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{debug, error};

use crate::batch::Dialect;
use crate::config::Limits;
use crate::hub::Hub;
use crate::log::{AuthorId, TokenHash};
use crate::peer::Peer;
use crate::stranger::Stranger;
use crate::turnstile::Turn;

pub(crate) use self::account::end_sessions;
use self::heed::Heed;
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
            Self::Failed => A_MISTAKE,
            Self::Stranger(_) => "not a chat client",
        }
    }

    fn storage() -> Self {
        Self::Closed(Bye::new(ByeCode::Storage, "the server can't keep messages any more"))
    }
}

/// The last words for those whose session panicked.
const A_MISTAKE: &str = "the server made a mistake here; what was acknowledged is kept";

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

    /// Most are in one room alone; a vector left to itself would begin with place for four.
    fn add_room(&mut self, membership: Membership) {
        self.rooms.reserve_exact(1);
        self.rooms.push(membership);
    }

    fn is_behind(&self) -> bool {
        self.rooms.iter().any(Membership::is_detached)
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
}

#[cfg(test)]
mod tests;

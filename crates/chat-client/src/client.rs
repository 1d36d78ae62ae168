//! The handle outside.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use chat_protocol::message::{ClientMessage, HistoryQuery, Moderation, RoomStart};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, MessageId, Password, Seq};
use tokio::sync::{mpsc, oneshot, watch};

use crate::actor::{Actor, Inbox};
use crate::connection::{Connector, Tcp};
use crate::delivery::Delivery;
use crate::error::{Cause, End, RequestError};
use crate::event::Events;
use crate::id::Ids;
use crate::limits::{COMMANDS, LEAST_EVENTS};
use crate::options::Options;
use crate::reply::{Ack, Page, PrivateAck, Reply, Report, RoomList, WhoPage};
use crate::state::{Command, State};

/// A handle to a client; clones are handles to the same one.
///
/// A request without a connection waits for the next one. When the last handle is dropped the client leaves, after what was asked for
/// before; [`Client::quit`] does the same and says when it is done.
#[derive(Clone, Debug)]
pub struct Client {
    ids: Ids,
    commands: mpsc::Sender<Command>,
    quit: mpsc::Sender<Option<String>>,
    status: watch::Receiver<Status>,
}

/// Where a client stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// There is no connection; there may be one.
    #[default]
    Offline,
    /// The server let us in. The alias is the one it did so with; [`Event::Renamed`](crate::Event::Renamed) tells of another.
    Online {
        /// Our alias.
        alias: Alias,
    },
    /// There won't be one any more.
    Ended(End),
}

impl Status {
    pub(crate) fn end(&self) -> End {
        match self {
            Self::Ended(end) => end.clone(),
            _ => End::Gone,
        }
    }
}

impl Client {
    /// Starts a client of the server at `server`, such as `"127.0.0.1:5555"`. It connects in a task of its own; has to be called within a Tokio runtime.
    #[must_use]
    pub fn connect(server: impl Into<Tcp>, options: Options) -> (Self, Events) {
        Self::connect_with(server.into(), options)
    }

    /// Starts a client that connects by way of `connector`.
    #[must_use]
    pub fn connect_with(connector: impl Connector, options: Options) -> (Self, Events) {
        let (commands, command_queue) = mpsc::channel(COMMANDS);
        let (quit, quit_queue) = mpsc::channel(1);
        let (events, event_queue) = mpsc::channel(options.event_capacity.max(LEAST_EVENTS));
        let (status, watched) = watch::channel(Status::default());
        let journal = options.journal.clone();
        let ids = Ids::new();
        let state = State::new(options, ids.clone(), Delivery::new(events));
        let inbox = Inbox { commands: command_queue, quit: quit_queue };
        tokio::spawn(Actor { connector, state, inbox, status }.run());
        (Self { ids, commands, quit, status: watched.clone() }, Events::new(event_queue, watched, journal))
    }

    /// Waits until there is a connection. Cancel-safe.
    ///
    /// # Errors
    ///
    /// [`End`] if there won't be one.
    pub async fn ready(&self) -> Result<Alias, End> {
        let mut status = self.status.clone();
        match status.wait_for(|status| *status != Status::Offline).await.as_deref() {
            Ok(Status::Online { alias }) => Ok(alias.clone()),
            Ok(status) => Err(status.end()),
            Err(_) => Err(End::Gone),
        }
    }

    /// Where the client stands now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits for the client's end. Cancel-safe.
    pub async fn ended(&self) -> End {
        let mut status = self.status.clone();
        match status.wait_for(|status| matches!(status, Status::Ended(_))).await.as_deref() {
            Ok(status) => status.end(),
            Err(_) => End::Gone,
        }
    }

    /// Says something in a room, and waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`RequestError`], as of all requests: it was refused, not sent, or nobody can tell.
    pub async fn say(&self, room: &RoomName, text: impl Into<String>) -> Result<Ack, RequestError> {
        self.post(room, text, Kind::Say).await?.await
    }

    /// Does something in a room (`/me waves`), and waits until it is durable.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn action(&self, room: &RoomName, text: impl Into<String>) -> Result<Ack, RequestError> {
        self.post(room, text, Kind::Action).await?.await
    }

    /// Queues something to be said in a room. It has its place in the order when this returns; the receipt tells its fate.
    ///
    /// # Errors
    ///
    /// [`RequestError::NotSent`] if the client has ended.
    pub async fn post(
        &self,
        room: &RoomName,
        text: impl Into<String>,
        kind: Kind,
    ) -> Result<Receipt<Ack>, RequestError> {
        let (room, text) = (room.clone(), text.into());
        self.request(|id| ClientMessage::Say { room, text, id, kind }, Reply::said).await
    }

    /// Says something to one person alone. It isn't said again when the connection is lost before its ack has come.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn private(
        &self,
        to: impl Into<String>,
        text: impl Into<String>,
        kind: Kind,
    ) -> Result<PrivateAck, RequestError> {
        self.post_private(to, text, kind).await?.await
    }

    /// Queues something to be said to one person alone, as [`Client::post`] does.
    ///
    /// # Errors
    ///
    /// [`RequestError::NotSent`] if the client has ended.
    pub async fn post_private(
        &self,
        to: impl Into<String>,
        text: impl Into<String>,
        kind: Kind,
    ) -> Result<Receipt<PrivateAck>, RequestError> {
        let (to, text) = (to.into(), text.into());
        self.request(|id| ClientMessage::Private { to, text, id, kind }, Reply::private).await
    }

    /// Enters a room, with as much of its history as the options say.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn join(&self, room: &RoomName) -> Result<(), RequestError> {
        self.enter(room, None).await
    }

    /// Enters a room and goes on after a known message of it.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn join_after(&self, room: &RoomName, after: Seq) -> Result<(), RequestError> {
        self.enter(room, Some(after)).await
    }

    async fn enter(&self, room: &RoomName, after: Option<Seq>) -> Result<(), RequestError> {
        let start = RoomStart { room: room.clone(), after };
        self.request(|id| ClientMessage::Join { start, history: None, id }, Reply::done).await?.await
    }

    /// Leaves a room, after what was said in it before.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn leave(&self, room: &RoomName) -> Result<(), RequestError> {
        let room = room.clone();
        self.request(|id| ClientMessage::Leave { room, id }, Reply::done).await?.await
    }

    /// Changes the alias.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn nick(&self, alias: impl Into<String>) -> Result<(), RequestError> {
        let alias = alias.into();
        self.request(|id| ClientMessage::Nick { alias, id }, Reply::done).await?.await
    }

    /// Who is in a room: a page of names, those after `after`.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn who(&self, room: &RoomName, after: Option<String>) -> Result<WhoPage, RequestError> {
        let room = room.clone();
        self.request(|id| ClientMessage::Who { room, after, limit: None, id }, Reply::who).await?.await
    }

    /// Which rooms there are: a page of them, those after `after`.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn rooms(&self, after: Option<String>) -> Result<RoomList, RequestError> {
        self.request(|id| ClientMessage::Rooms { after, limit: None, id }, Reply::rooms).await?.await
    }

    /// A page of a room's history, oldest message first; what was said before this call is in it.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn history(&self, room: &RoomName, query: HistoryQuery) -> Result<Page, RequestError> {
        let room = room.clone();
        self.request(|id| ClientMessage::History { room, query, id }, Reply::page).await?.await
    }

    /// The messages of a room that contain all words of `query`, newest first, those before `before`.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn search(
        &self,
        room: &RoomName,
        query: impl Into<String>,
        before: Option<Seq>,
        limit: Option<u32>,
    ) -> Result<Page, RequestError> {
        let (room, query) = (room.clone(), query.into());
        self.request(|id| ClientMessage::Search { room, query, before, limit, id }, Reply::page).await?.await
    }

    /// Sets a room's topic; an empty one clears it.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn topic(&self, room: &RoomName, text: impl Into<String>) -> Result<(), RequestError> {
        let (room, text) = (room.clone(), text.into());
        self.request(|id| ClientMessage::Topic { room, text, id }, Reply::done).await?.await
    }

    /// Makes the alias one's own: from then on it takes this password, or a session of the account.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn register(&self, password: Password) -> Result<(), RequestError> {
        self.request(|id| ClientMessage::Register { password, id }, Reply::done).await?.await
    }

    /// Changes the account's password, and closes its other sessions. The one so far may be left out where this connection gave it.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn change_password(&self, password: Option<Password>, new: Password) -> Result<(), RequestError> {
        self.request(|id| ClientMessage::Password { password, new, id }, Reply::done).await?.await
    }

    /// Gives the account up. The session goes on as a guest's, where the house has guests.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn unregister(&self, password: Password) -> Result<(), RequestError> {
        self.request(|id| ClientMessage::Unregister { password, id }, Reply::done).await?.await
    }

    /// Takes the text of a message away: one's own, or anybody's for an operator.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn redact(&self, room: &RoomName, seq: Seq) -> Result<(), RequestError> {
        let room = room.clone();
        self.request(|id| ClientMessage::Redact { room, seq, id }, Reply::done).await?.await
    }

    /// Does what operators alone may do.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn moderate(&self, act: Moderation) -> Result<Report, RequestError> {
        self.request(|id| ClientMessage::Moderate { act, id }, Reply::report).await?.await
    }

    /// Waits for the server to answer, after all that was asked for before.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn ping(&self) -> Result<(), RequestError> {
        self.request(|id| ClientMessage::Ping { id }, Reply::done).await?.await
    }

    /// Leaves, after what was asked for before, and waits until that is done: at most
    /// [`QUIT_DEADLINE`](crate::limits::QUIT_DEADLINE), and without a connection not at all. Dropped before it is done, it goes on.
    pub async fn quit(&self, reason: Option<String>) -> End {
        // Somebody else asked already, or the client has ended: either way the end comes.
        let _ = self.quit.try_send(reason);
        self.ended().await
    }

    async fn request<T>(
        &self,
        message: impl FnOnce(Option<MessageId>) -> ClientMessage,
        read: fn(Reply) -> Option<T>,
    ) -> Result<Receipt<T>, RequestError> {
        let id = self.ids.next();
        let (answer, receiver) = oneshot::channel();
        let command = Command { id: id.clone(), message: message(Some(id.clone())), answer };
        match self.commands.send(command).await {
            Ok(()) => Ok(Receipt::new(id, receiver, read)),
            Err(_) => Err(RequestError::NotSent(self.ended().await)),
        }
    }
}

/// The promise of an answer. Dropping it changes nothing but that nobody will know.
#[derive(Debug)]
#[must_use = "the fate of the request is only told to whoever waits for it"]
pub struct Receipt<T> {
    id: MessageId,
    answer: oneshot::Receiver<Result<Reply, RequestError>>,
    read: fn(Reply) -> Option<T>,
}

impl<T> Receipt<T> {
    pub(crate) const fn new(
        id: MessageId,
        answer: oneshot::Receiver<Result<Reply, RequestError>>,
        read: fn(Reply) -> Option<T>,
    ) -> Self {
        Self { id, answer, read }
    }

    /// The id of the request.
    #[must_use]
    pub const fn id(&self) -> &MessageId {
        &self.id
    }
}

impl<T> Future for Receipt<T> {
    type Output = Result<T, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        Poll::Ready(match answer {
            Ok(answer) => answer.and_then(|reply| (self.read)(reply).ok_or(RequestError::BadAnswer)),
            Err(_) => Err(RequestError::FateUnknown(Cause::Ended(End::Gone))),
        })
    }
}

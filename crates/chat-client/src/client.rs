//! The handle outside.

mod requests;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use chat_protocol::message::ClientMessage;
use chat_protocol::names::Alias;
use chat_protocol::value::MessageId;
use tokio::sync::{mpsc, oneshot, watch};

use crate::actor::{Actor, Inbox};
use crate::connection::{Connector, Tcp};
use crate::delivery::Delivery;
use crate::error::{Cause, End, RequestError};
use crate::event::Events;
use crate::id::Ids;
use crate::limits::{COMMANDS, LEAST_EVENTS};
use crate::options::Options;
use crate::reply::Reply;
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

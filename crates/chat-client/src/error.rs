//! What can go wrong: with a request, with a connection, with the client as a whole.

use std::io;
use std::time::Duration;

use chat_protocol::clean::clean_line;
use chat_protocol::message::{Bye, Refusal};

use crate::tls::Untrusted;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The server refused it: it had no effect. Its words are for a person and are not cleaned.
    #[error("{}", clean_line(&.0.message))]
    Refused(Box<Refusal>),
    /// It was not sent: it had no effect.
    #[error("not sent: {0}")]
    NotSent(End),
    /// It was sent, and nobody can tell any more whether it had an effect.
    #[error("fate is unknown: {0}")]
    FateUnknown(Cause),
    /// The server answered with something that is no answer to this request.
    #[error("the server's answer makes no sense")]
    BadAnswer,
}

/// Why a fate can't be learned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The client ended before the answer came.
    #[error("{0}")]
    Ended(End),
    /// The connection was lost, and saying it again might say it twice: a private message.
    #[error("the connection was lost before the answer came")]
    ConnectionLost,
    /// The server doesn't know the session any more in which it was sent.
    #[error("the server doesn't know the session any more in which it was sent")]
    SessionLost,
}

/// Why a client ended. It doesn't come back by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum End {
    /// It was asked to leave.
    #[error("the client left")]
    Quit,
    /// There is no connection, and the time or the tries that it had are used up.
    #[error("no connection to {server}: {why}")]
    Unreachable {
        /// What it tried to reach.
        server: String,
        /// What became of the last try.
        why: Lost,
    },
    /// The server let it in, and has answered nothing that it was asked for.
    #[error("{server} has answered nothing for {} s", .after.as_secs())]
    Unanswered {
        /// The server.
        server: String,
        /// The time that it had, [`give_up_after`](crate::Options::give_up_after).
        after: Duration,
    },
    /// The server doesn't let it in: the alias is taken, the password is wrong.
    #[error("{}", clean_line(&.0.message))]
    Refused(Box<Refusal>),
    /// The server closed, and not to have this client come back: replaced, kicked, banned.
    #[error("{}", clean_line(&.0.reason))]
    Bye(Bye),
    /// The client's task was stopped from outside, with its runtime.
    #[error("the client's task is gone")]
    Gone,
}

/// Why there is no connection at the moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// None could be made.
    #[error("{message}")]
    Connect {
        /// `ConnectionRefused`: nothing listens there.
        kind: io::ErrorKind,
        /// The system's words.
        message: String,
    },
    /// The server didn't prove who it is.
    #[error("{0}")]
    Untrusted(String),
    /// It broke.
    #[error("the connection broke: {0}")]
    Broke(String),
    /// The server closed it without a word.
    #[error("the server closed the connection")]
    Closed,
    /// Nothing came for too long, not even the answer to a ping.
    #[error("the server is silent")]
    Silent,
    /// Whatever answers there does not speak this protocol.
    #[error("what answers there is not a chat server; it said \"{0}\"")]
    NotAChatServer(String),
    /// The server closed with these words.
    #[error("{}", clean_line(&.0.reason))]
    Bye(Bye),
    /// The server doesn't let this client in just now, and said when to try again.
    #[error("{}", clean_line(&.0.message))]
    NotNow(Box<Refusal>),
}

/// The system's words, without the number that it has for them.
pub(crate) fn plain(error: &io::Error) -> String {
    let words = error.to_string();
    match words.rsplit_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}

impl Lost {
    pub(crate) fn connect(error: &io::Error) -> Self {
        match Untrusted::of(error) {
            Some(untrusted) => Self::Untrusted(untrusted.to_string()),
            None => Self::Connect { kind: error.kind(), message: plain(error) },
        }
    }

    /// The pause that the server asked for.
    pub(crate) fn asked(&self) -> Option<Duration> {
        match self {
            Self::Bye(bye) => bye.retry_after_ms,
            Self::NotNow(refusal) => refusal.retry_after_ms,
            _ => None,
        }
        .map(Duration::from_millis)
    }
}

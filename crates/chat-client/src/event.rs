//! What a client tells of.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chat_protocol::message::{Bye, Changes, LimitsInfo, Refusal, Stored};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, MessageId, Seq, Text, Time};
use tokio::sync::{mpsc, watch};

use crate::client::Status;
use crate::error::{End, Lost};
use crate::journal::Journal;

/// Something that happened. Names and texts in it are harmless; topics, reasons and other words of the server are as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The first connection is made and the server let us in.
    Connected(Welcome),
    /// The connection is lost, or the next one could not be made.
    Disconnected {
        /// Why.
        why: Lost,
        /// How long until the next try.
        retry_in: Duration,
    },
    /// There is a connection again.
    Reconnected {
        /// What the server said.
        welcome: Welcome,
        /// The session goes on; otherwise it is a fresh one.
        resumed: bool,
        /// Lines that are sent again, as their acks had not come.
        resent: usize,
    },
    /// We are in a room; also again after a lag or a new connection, with its state.
    Joined(Joined),
    /// Somebody said something. What this client said itself comes as [`Event::Said`]; here `own` messages are those of
    /// the same session that were said before, or that were stored while the connection was lost.
    Message(Message),
    /// What this client said is stored, and here is its place among the others' messages.
    Said {
        /// The id of its [`Receipt`](crate::Receipt).
        id: MessageId,
        /// The message as everybody sees it.
        stored: Stored,
    },
    /// Something was said to us alone. What is kept of a conversation and read later comes as [`Event::Message`] in its room,
    /// `@` and the other's alias; what this client says itself and is kept as [`Event::Said`] there.
    Private(Private),
    /// Who came, went and changed name.
    Presence {
        /// Which room.
        room: RoomName,
        /// How many people are in it now.
        count: u64,
        /// The changes; `None` in a crowd, which is told its count alone.
        changes: Option<Changes>,
    },
    /// We are not in this room any more, without having asked to leave; no later connection asks for it.
    Left {
        /// Which.
        room: RoomName,
        /// Why, in the server's words.
        reason: String,
    },
    /// Our account is a member of a private room now; [`Client::join`](crate::Client::join) enters it.
    Invited {
        /// Which.
        room: RoomName,
        /// By whom.
        by: Alias,
    },
    /// A room's topic was set.
    Topic {
        /// Which room.
        room: RoomName,
        /// The topic; empty where it was cleared.
        text: String,
        /// By whom.
        from: Alias,
    },
    /// The text of a message was taken away; who reads it later finds an empty one.
    Redacted {
        /// In which room.
        room: RoomName,
        /// Which message.
        seq: Seq,
        /// By whom.
        by: Alias,
    },
    /// An operator said something to everybody.
    Announcement {
        /// When.
        time: Time,
        /// By whom.
        from: Alias,
        /// What.
        text: Text,
    },
    /// These messages can't be had any more.
    Gap {
        /// Of which room.
        room: RoomName,
        /// The first of them.
        from: Seq,
        /// The last of them.
        to: Seq,
    },
    /// Our position in a room means nothing to this server; what follows starts at the beginning of `history`.
    Reset {
        /// Which room.
        room: RoomName,
        /// The place of its newest message.
        head: Seq,
    },
    /// The server broke its promise: the next message had to have another seq.
    Disorder {
        /// In which room.
        room: RoomName,
        /// What had to come.
        expected: Seq,
        /// What came. One that came before is not delivered again, one from beyond is.
        found: Seq,
    },
    /// The server refused something that was no request of ours, such as a room of the hello.
    Refused(Refusal),
    /// We are called otherwise now.
    Renamed(Alias),
    /// The server doesn't know our session any more. What was sent of these lines may or may not be stored.
    SessionLost {
        /// The lines.
        lines: Vec<Unsettled>,
    },
    /// The journal can't be written any more: what is said is sent all the same, but isn't kept.
    NotKept {
        /// Why: its file and the system's words.
        why: String,
    },
    /// So many events could not be kept until they were taken, and can't be read again.
    Dropped {
        /// How many.
        count: u64,
    },
    /// The server's last words on this connection.
    Bye(Bye),
    /// The client has ended: the last event.
    Ended(End),
}

/// What the server said when it let us in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Welcome {
    /// Our alias.
    pub alias: Alias,
    /// Continues this session in another client.
    pub session: Secret,
    /// The name of the log.
    pub log: String,
    /// The server program and its version.
    pub server: String,
    /// What it allows.
    pub limits: LimitsInfo,
}

/// The state of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Which.
    pub room: RoomName,
    /// Its topic; empty where none is set.
    pub topic: String,
    /// How many people are in it, this one included.
    pub count: u64,
    /// Some or all of their names.
    pub members: Vec<Alias>,
    /// The place of its newest message.
    pub head: Seq,
}

/// Something said in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which room, which place, when, by whom, what.
    pub stored: Stored,
    /// This session (or its account) said it.
    pub own: bool,
}

/// Something said to us alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Private {
    /// When.
    pub time: Time,
    /// By whom.
    pub from: Alias,
    /// To whom.
    pub to: Alias,
    /// What.
    pub text: Text,
    /// How it is meant.
    pub kind: Kind,
    /// This session's account said it, elsewhere.
    pub own: bool,
    /// Between accounts: the conversation in which it is kept, and its place there.
    pub kept: Option<(RoomName, Seq)>,
}

/// A line whose fate is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsettled {
    /// The id that it was sent with.
    pub id: MessageId,
    /// The room that it was said in; of a private message none.
    pub room: Option<RoomName>,
    /// The text as it was given.
    pub text: String,
}

/// Words that no log may show: `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `words` from `Debug`.
    #[must_use]
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// The words.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The stream of what happens; it ends after [`Event::Ended`].
///
/// Whoever takes the events too slowly loses nothing of a room: when [`event_capacity`](crate::Options::event_capacity) events wait,
/// the messages of a room are let go, and once there is place again they are read from the room's log, in order, followed by the room's state.
/// Presence and topics in between are contained in that state. Other events have a small place of their own; those
/// for which it is too small are counted by [`Event::Dropped`]. Dropping the stream discards all events and stops nothing.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<Event>,
    status: watch::Receiver<Status>,
    ended: bool,
    progress: Option<Progress>,
}

/// What was taken, for the journal.
#[derive(Debug)]
struct Progress {
    journal: Journal,
    /// The log that the events are of.
    log: String,
    /// The last message that was taken; whoever asks for the next event has worked it off.
    taken: Option<(RoomName, Seq)>,
}

impl Progress {
    fn worked_off(&mut self) {
        if let Some((room, seq)) = self.taken.take() {
            self.journal.worked_off(&self.log, &room, seq);
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Connected(welcome) | Event::Reconnected { welcome, .. } => self.log.clone_from(&welcome.log),
            Event::Message(Message { stored, .. }) | Event::Said { stored, .. } => {
                self.taken = Some((stored.room.clone(), stored.seq));
            }
            Event::Private(Private { kept: Some(kept), .. }) => self.taken = Some(kept.clone()),
            Event::Gap { room, to, .. } => self.taken = Some((room.clone(), *to)),
            Event::Reset { room, .. } => self.journal.reset(&self.log, room),
            _ => {}
        }
    }
}

impl Events {
    pub(crate) fn new(queue: mpsc::Receiver<Event>, status: watch::Receiver<Status>, journal: Option<Journal>) -> Self {
        let progress = journal.map(|journal| Progress { journal, log: String::new(), taken: None });
        Self { queue, status, ended: false, progress }
    }

    /// The next event; `None` after the last. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(progress) = &mut self.progress {
            progress.worked_off();
        }
        if let Some(event) = ready!(self.queue.poll_recv(cx)) {
            if let Some(progress) = &mut self.progress {
                progress.take(&event);
            }
            return Poll::Ready(Some(event));
        }
        // The end stands beside the queue, so that it can be told when the queue is full.
        self.ended = true;
        Poll::Ready(Some(Event::Ended(self.status.borrow().end())))
    }
}

impl futures::Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll(cx)
    }
}

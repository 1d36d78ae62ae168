//! What a client is told to do.

use std::time::Duration;

use chat_protocol::limits::DEFAULT_HISTORY;
use chat_protocol::message::RoomStart;
use chat_protocol::names::RoomName;

use crate::event::Secret;
use crate::journal::Journal;
use crate::limits::{CONNECT_DEADLINE, EVENTS, HANDSHAKE_DEADLINE, PING_AFTER, PONG_WITHIN};

/// All that a client needs to know beside where the server is. There will be more of it: `Options { quiet: true, ..Options::new("bot") }`
/// goes on to build.
#[derive(Clone, Debug)]
pub struct Options {
    /// The alias wanted.
    pub alias: String,
    /// The rooms to be in; none: the server's lobby.
    pub rooms: Vec<RoomName>,
    /// Messages wanted of each room that is entered; at most 500.
    pub history: u32,
    /// The rooms aren't told of this one's coming and going.
    pub quiet: bool,
    /// The password of the alias's account.
    pub password: Option<Secret>,
    /// An invite, where the house asks for one.
    pub invite: Option<Secret>,
    /// Goes on with an earlier session instead of opening one.
    pub resume: Option<Resume>,
    /// Keeps on disk what is said until it has its answer, and where we are. Without [`Options::resume`] it goes on where it says; lines
    /// that an earlier client left in it are sent again, see [`Journal::lines`].
    pub journal: Option<Journal>,
    /// What happens when the first connection can't be made.
    pub first_connection: FirstConnection,
    /// Opens a fresh session when the server doesn't know this one any more; the lines whose fate can't be learned are
    /// told by an event either way.
    pub fresh_session: bool,
    /// How long to go on while there is no connection, or something was asked for, and nothing is answered; `None`: for ever. It bounds
    /// connecting and the handshake too, but for [`crate::limits::LEAST_TRY`].
    pub give_up_after: Option<Duration>,
    /// The time in which a connection must be there.
    pub connect_deadline: Duration,
    /// The time in which the server must have answered the hello.
    pub handshake_deadline: Duration,
    /// The silence after which the server is asked whether it is there.
    pub ping_after: Duration,
    /// The time that it then has to say anything.
    pub pong_within: Duration,
    /// Events that may wait to be taken; at least [`crate::limits::LEAST_EVENTS`].
    pub event_capacity: usize,
}

/// What happens when the first connection can't be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstConnection {
    /// The client goes on trying, as it does later.
    #[default]
    Retry,
    /// The client ends.
    Fail,
}

/// Where an earlier client was: what its [`Welcome`](crate::Welcome) said, and the last seq it has had of each room.
#[derive(Clone, Debug)]
pub struct Resume {
    /// The secret of the session.
    pub session: Secret,
    /// The log in which the positions were learned.
    pub log: String,
    /// The rooms and positions.
    pub rooms: Vec<RoomStart>,
}

impl Options {
    /// The options of somebody who wants to be called `alias`, all others at their defaults.
    #[must_use]
    pub fn new(alias: impl Into<String>) -> Self {
        Self {
            alias: alias.into(),
            rooms: Vec::new(),
            history: DEFAULT_HISTORY,
            quiet: false,
            password: None,
            invite: None,
            resume: None,
            journal: None,
            first_connection: FirstConnection::default(),
            fresh_session: true,
            give_up_after: None,
            connect_deadline: CONNECT_DEADLINE,
            handshake_deadline: HANDSHAKE_DEADLINE,
            ping_after: PING_AFTER,
            pong_within: PONG_WITHIN,
            event_capacity: EVENTS,
        }
    }

    /// In this room too.
    #[must_use]
    pub fn room(mut self, room: RoomName) -> Self {
        self.rooms.push(room);
        self
    }
}

//! What the state wants to be done, and what became of it.

use chat_client::{Ack, Page, PrivateAck, RequestError, RoomList, Settled, WhoPage};
use chat_protocol::message::ClientMessage;
use chat_protocol::names::RoomName;
use chat_protocol::value::{Kind, Seq};

/// What the program has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Connect by this alias, as a new client.
    Connect(String),
    /// Say it in a room.
    Post { number: u64, room: RoomName, text: String, kind: Kind },
    /// Say it to one person.
    Whisper { number: u64, to: String, text: String, kind: Kind },
    /// Ask the server.
    Ask(Box<ClientMessage>),
    /// Read the page of history before this message.
    Older { room: RoomName, before: Seq },
    /// Take the mouse, or let it go.
    Mouse(bool),
    /// Ring.
    Bell,
    /// Show a notice on the desktop.
    Notify(String),
    /// Keep the settings.
    Save,
    /// Stop, to be continued by the shell.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Leave, for this reason.
    Quit(Option<String>),
}

/// What became of an [`Effect`].
#[derive(Debug)]
pub(crate) enum Answer {
    Posted {
        number: u64,
        result: Result<Ack, RequestError>,
    },
    Whispered {
        number: u64,
        result: Result<PrivateAck, RequestError>,
    },
    /// Of a line that an earlier client had left.
    Settled {
        number: u64,
        result: Result<Settled, RequestError>,
    },
    Older {
        room: RoomName,
        result: Result<Page, RequestError>,
    },
    Found {
        query: String,
        result: Result<Page, RequestError>,
    },
    Who(Result<WhoPage, RequestError>),
    Rooms(Result<RoomList, RequestError>),
    Left {
        room: RoomName,
        result: Result<(), RequestError>,
    },
    Joined(Result<(), RequestError>),
    Done(Result<(), RequestError>),
    Lines(Result<Vec<String>, RequestError>),
    Saved(Result<(), String>),
}

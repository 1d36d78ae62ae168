//! A client of the chat server: what bots, our own programs and tests talk through.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use chat_client::{Client, Event, Options};
//! use chat_client::protocol::names::RoomName;
//!
//! let (client, mut events) = Client::connect("127.0.0.1:5555", Options::new("greeter"));
//! client.ready().await?;
//! let lobby = RoomName::new("lobby")?;
//! while let Some(event) = events.next().await {
//!     if let Event::Message(message) = event
//!         && message.stored.text.as_str() == "hello"
//!     {
//!         let ack = client.say(&lobby, format!("hello {}", message.stored.from)).await?;
//!         println!("stored as message {}", ack.seq);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Outside is a handle, [`Client`], that can be cloned, and one stream of [`Event`]s. Inside is one task that owns the
//! connection, makes a new one when it is lost, and goes on where it was: what was missed is delivered, what was not acked is
//! sent again with its old id, so that it is stored once.
//!
//! # From one start to the next
//!
//! With a [`Journal`] what is said is on disk before it is sent, and the position in each room when its events are worked off: whatever
//! ends the program, the next one with the same journal says again what has no answer, once, and goes on where this one was.
//!
//! # Every queue is bounded
//!
//! | queue | bound | when it is full |
//! | --- | --- | --- |
//! | requests that aren't answered | [`limits::OUTBOX`] | the methods of [`Client`] wait for a place |
//! | messages unacked on the connection | what the server allows, 64 | the next ones stay in the outbox |
//! | the journal | what has no answer, and 1 MiB of what had | it is written anew |
//! | events nobody took | [`Options::event_capacity`] | messages are let go and read again from the room's log, in order, once there is place; see [`Events`] |
//!
//! Reading never waits for writing, nor for whoever takes the events: a handler of events may await the answer to what
//! it says.
//!
//! # Cancel safety
//!
//! A method of [`Client`] that is dropped before its request has a place in the outbox has no effect; dropped after, the
//! request is carried out, and only its answer is lost. [`Client::post`] tells the two apart: it returns when the line has its place.
//! [`Events::next`], [`Client::ready`] and [`Client::ended`] lose nothing when dropped.

mod actor;
mod backoff;
mod client;
mod connection;
mod delivery;
mod error;
mod event;
mod id;
mod journal;
pub mod limits;
mod options;
mod outbox;
mod place;
mod reply;
mod state;
mod tls;

pub use chat_protocol as protocol;
pub use client::{Client, Receipt, Status};
pub use connection::{Connector, Tcp};
pub use error::{Cause, End, Lost, RequestError};
pub use event::{Event, Events, Joined, Message, Private, Secret, Unsettled, Welcome};
pub use journal::{Journal, JournalError, Kept, Settled};
pub use options::{FirstConnection, Options, Resume};
pub use reply::{Ack, Page, PrivateAck, Report, RoomList, WhoPage};
pub use tls::{BadFingerprint, Fingerprint, Tls, TlsError, Trust};

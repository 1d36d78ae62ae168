//! From a line of somebody who was admitted to what it does, and the answer where it is refused.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use chat_protocol::json;
use chat_protocol::message::{ClientMessage, ErrorCode, Refusal, ServerMessage};
use chat_protocol::names::RoomName;
use chat_protocol::text::{self, render};
use chat_protocol::value::MessageId;

use super::membership::Membership;
use super::speak::short_reason;
use super::{Ended, Flow, Person, Session, Transport};
use crate::log::Entry;
use crate::room::Room;

/// Why a request is not carried out to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// It had no effect; the session goes on.
    Refused(Box<Refusal>),
    /// The session is over.
    Ended(Ended),
}

impl From<Ended> for Stop {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

pub(super) type Done<T = ()> = Result<T, Stop>;

impl<S: Transport> Session<S> {
    pub(super) async fn text_line(&mut self, line: &str) -> Flow {
        // A text connection is in exactly one room at a time.
        let place = self.rooms.iter().find(|membership| membership.room.ends().is_none());
        let Some(room) = place.map(|membership| Arc::clone(&membership.room)) else { return Ok(()) };
        match text::parse(line, &room.name) {
            Ok(text::Input::Message(message)) => return self.request(message).await,
            Ok(text::Input::Help) => text::HELP.iter().for_each(|line| self.notice(line)),
            Ok(text::Input::OperatorHelp) => text::OPERATOR_HELP.iter().for_each(|line| self.notice(line)),
            Ok(text::Input::ShowTopic) if self.may_see(&room) => {
                let topic = room.topic();
                self.text(|out| render::topic(out, &topic));
            }
            Ok(text::Input::ShowTopic) => self.refuse(no_such_room(&room.name)),
            Ok(text::Input::Ignore(name)) => self.ignore(&name, true),
            Ok(text::Input::Unignore(name)) => self.ignore(&name, false),
            Ok(_) => {}
            Err(refusal) => self.refuse(*refusal),
        }
        Ok(())
    }

    pub(super) async fn json_line(&mut self, line: &str) -> Flow {
        if line.trim().is_empty() {
            return Ok(());
        }
        match json::parse_client(line) {
            Ok(message) => self.request(message).await,
            Err(refusal) => {
                self.refuse(*refusal);
                Ok(())
            }
        }
    }

    async fn request(&mut self, message: ClientMessage) -> Flow {
        let id = message.id().cloned();
        match self.carry_out_request(message).await {
            Ok(()) => Ok(()),
            Err(Stop::Refused(refusal)) => {
                self.refuse(refusal.to(id));
                Ok(())
            }
            Err(Stop::Ended(ended)) => Err(ended),
        }
    }

    async fn carry_out_request(&mut self, message: ClientMessage) -> Done {
        match message {
            ClientMessage::Say { room, text, id, kind } => self.say(&room, &text, id, kind).await,
            ClientMessage::Private { to, text, id, kind } => self.private(&to, &text, id, kind).await,
            ClientMessage::Join { start, history, id } => self.join(start, history, id).await,
            ClientMessage::Leave { room, id } => self.leave(&room, id).await,
            ClientMessage::Nick { alias, id } => self.nick(&alias, id).await,
            ClientMessage::Register { password, id } => self.register(password, id).await,
            ClientMessage::Password { password, new, id } => self.change_password(password, new, id).await,
            ClientMessage::Unregister { password, id } => self.unregister(password, id).await,
            ClientMessage::Who { room, after, limit, id } => self.who(&room, after.as_deref(), limit, id),
            ClientMessage::Rooms { after, limit, id } => {
                self.list_rooms(after.as_deref(), limit, id);
                Ok(())
            }
            ClientMessage::History { room, query, id } => self.history(&room, query, id).await,
            ClientMessage::Search { room, query, before, limit, id } => {
                self.search(&room, query, before, limit, id).await
            }
            ClientMessage::Topic { room, text, id } => self.topic(&room, &text, id).await,
            ClientMessage::Redact { room, which, reason, id } => {
                Box::pin(self.redact(&room, which, reason.as_deref(), id)).await
            }
            ClientMessage::MakePrivate { room, id } => Box::pin(self.make_private(&room, id)).await,
            ClientMessage::Invite { room, name, id } => Box::pin(self.invite(&room, &name, id)).await,
            ClientMessage::Uninvite { room, name, id } => Box::pin(self.uninvite(&room, &name, id)).await,
            // Boxed, as it is rare and large.
            ClientMessage::Moderate { act, id } => Box::pin(self.moderate(act, id)).await,
            ClientMessage::Ping { id } => {
                self.json(&ServerMessage::Pong { id });
                Ok(())
            }
            ClientMessage::Quit { reason } => {
                // The rooms hear it: who may not speak goes without.
                let reason = reason.as_deref().and_then(short_reason).filter(|_| self.may_speak(true).is_ok());
                Err(Ended::Quit(reason).into())
            }
            ClientMessage::Hello(_) => {
                Err(Refusal::new(ErrorCode::HelloTwice, "this connection has said hello already").into())
            }
            _ => Err(Refusal::new(ErrorCode::UnknownType, "this server doesn't do that").into()),
        }
    }

    pub(super) fn person(&self) -> Result<&Person, Ended> {
        // Requests are only taken from those who were admitted.
        self.person.as_ref().ok_or(Ended::Lost)
    }

    /// The session's place in a room, or why it has none.
    pub(super) fn membership(&self, name: &RoomName) -> Done<usize> {
        if name.is_conversation() {
            return Err(no_such_room(name).into());
        }
        let known = self.rooms.iter().position(|membership| membership.room.name == *name);
        if let Some(index) = known.filter(|index| self.may_see(&self.rooms[*index].room)) {
            return Ok(index);
        }
        let Some(room) = self.hub.rooms.get(name).filter(|room| self.may_see(room)) else {
            return Err(no_such_room(name).into());
        };
        self.rooms.iter().position(|membership| membership.room.id == room.id).ok_or_else(|| {
            let words = format!("you are not in #{name}; join it first");
            Refusal::new(ErrorCode::NotInRoom, words).about(name.clone()).into()
        })
    }

    /// The room or conversation that this one may look into, or why not.
    pub(super) fn readable(&self, name: &RoomName) -> Done<Arc<Room>> {
        if name.other().is_some() {
            return self.conversation(name);
        }
        Ok(Arc::clone(&self.rooms[self.membership(name)?].room))
    }

    /// Answers a request that needs no more than that it was carried out.
    pub(super) fn acknowledge(&mut self, id: Option<MessageId>) {
        if let Some(id) = id {
            self.json(&ServerMessage::Ack { id, room: None, seq: None, time: None, to: None, durable: None });
        }
    }

    /// Waits for a place in the log's queue. The log never waits for a session, so this ends; the request to end is heard meanwhile.
    pub(super) async fn append(&self, entry: Entry) -> Flow {
        self.unless_ended(self.hub.log.append(entry)).await?.map_err(|_| Ended::storage())
    }

    /// Collects and writes until the fate of all that this session said is known.
    pub(super) async fn settle_all(&mut self) -> Flow {
        while !self.unacked.is_empty() {
            self.collect().await?;
            self.flush().await?;
            if !self.unacked.is_empty() {
                self.news().await?;
            }
        }
        Ok(())
    }

    /// Waits for a letter or for something in a room. Cancel-safe.
    async fn news(&self) -> Flow {
        poll_fn(|cx| {
            self.peer.register(cx);
            if let Some(bye) = self.heed.ending(&self.peer) {
                return Poll::Ready(Err(Ended::Closed(bye)));
            }
            if self.peer.has_mail() || self.rooms.iter().any(Membership::has_news) {
                return Poll::Ready(Ok(()));
            }
            Poll::Pending
        })
        .await
    }
}

/// What somebody is told of a room that there isn't, or isn't to him.
pub(super) fn no_such_room(name: &RoomName) -> Refusal {
    Refusal::new(ErrorCode::NoSuchRoom, format!("there is no room {}", name.shown())).about(name.clone())
}

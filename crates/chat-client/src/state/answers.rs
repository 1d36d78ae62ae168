//! What the server answers to what was asked for.

use chat_protocol::message::{ClientMessage, ErrorCode, Refusal, ServerMessage, Stored};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{MessageId, Seq, Text, Time};

use super::State;
use crate::error::RequestError;
use crate::event::{Event, Message};
use crate::outbox::Entry;
use crate::place::{Order, Position};
use crate::reply::{Ack, Page, PrivateAck, Reply, Report, RoomList, WhoPage};

impl State {
    /// Takes in an answer. One to nobody, or of a later version of the protocol, means nothing.
    pub(super) fn answered_by(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Ack { id, room, seq, time, to, durable } => self.ack(&id, room, seq, time, to, durable),
            ServerMessage::Error(refusal) => self.refused(refusal),
            ServerMessage::Pong { id: Some(id) } => self.answer(&id, Reply::Done),
            ServerMessage::Message { stored, own, re: Some(re) } => {
                self.page(&re, |page| page.messages.push(Message { stored, own }));
            }
            ServerMessage::Gap { from, to, re: Some(re), .. } => self.page(&re, |page| page.gaps.push((from, to))),
            ServerMessage::End { re: Some(re), more } => self.page_ended(&re, more),
            ServerMessage::Who { room, count, members, re: Some(re), more } => {
                self.answer(&re, Reply::Who(WhoPage { room, count, members, more }));
            }
            ServerMessage::Rooms { rooms, re: Some(re), more } => {
                self.answer(&re, Reply::Rooms(RoomList { rooms, more }));
            }
            ServerMessage::Bans { bans, re: Some(re), more } => {
                self.answer(&re, Reply::Report(Report::Bans(bans, more)));
            }
            ServerMessage::Whois { info, re: Some(re) } => self.answer(&re, Reply::Report(Report::Whois(info))),
            ServerMessage::Audit { entries, re: Some(re), more } => {
                self.answer(&re, Reply::Report(Report::Audit(entries, more)));
            }
            _ => {}
        }
    }

    fn ack(
        &mut self,
        id: &MessageId,
        room: Option<RoomName>,
        seq: Option<Seq>,
        time: Option<Time>,
        to: Option<Alias>,
        durable: Option<bool>,
    ) {
        let Some(entry) = self.outbox.take(id) else { return };
        match (&entry.message, room, seq, time, to) {
            (ClientMessage::Say { .. }, Some(room), Some(seq), Some(time), _) => {
                self.said(entry, Ack { room, seq, time });
            }
            (ClientMessage::Private { .. }, room, seq, Some(time), Some(to)) => {
                let durable = durable.unwrap_or(false);
                self.said_privately(entry, PrivateAck { to, time, durable, kept: room.zip(seq) });
            }
            (ClientMessage::Say { .. } | ClientMessage::Private { .. }, ..) => {
                entry.reply(Err(RequestError::BadAnswer));
            }
            (ClientMessage::Leave { room, .. }, ..) => {
                self.leave(room);
                entry.reply(Ok(Reply::Done));
            }
            (ClientMessage::Nick { alias, .. }, ..) => {
                self.renamed(alias);
                entry.reply(Ok(Reply::Done));
            }
            _ => entry.reply(Ok(Reply::Done)),
        }
    }

    fn renamed(&mut self, alias: &str) {
        if let Ok(alias) = Alias::new(alias)
            && self.alias.as_ref() != Some(&alias)
        {
            self.alias = Some(alias.clone());
            self.journal_session();
            self.tell(Event::Renamed(alias));
        }
    }

    /// A private message of ours arrived; where it is kept, here is its place.
    fn said_privately(&mut self, entry: Entry, ack: PrivateAck) {
        if let (Some((room, seq)), ClientMessage::Private { text, kind, .. }, Some(from)) =
            (ack.kept.clone(), &entry.message, self.alias.clone())
        {
            let stored = Stored { room: room.clone(), seq, time: ack.time, from, text: Text::new(text), kind: *kind };
            self.enter_conversation(&room, seq);
            if !matches!(self.advance(&room, seq, seq), Order::Repeat { .. }) {
                self.deliver(&room, seq, Event::Said { id: entry.id.clone(), stored });
            }
        }
        entry.reply(Ok(Reply::Private(ack)));
    }

    /// A line of ours is stored. Its ack stands where the message would, unless it was stored already when it was sent again:
    /// then it may come early or late, and the message itself stands, or stood, in its place.
    fn said(&mut self, entry: Entry, ack: Ack) {
        let Ack { room, seq, time } = ack.clone();
        let position = self.places.get_mut(&room).map_or(Position::Unknown, |place| place.position);
        let order = position.order(seq);
        if order == Order::Next || !entry.resent {
            self.advance(&room, seq, seq);
            if let Order::Hole { expected } | Order::Repeat { expected } = order {
                self.tell(Event::Disorder { room: room.clone(), expected, found: seq });
            }
            if let (ClientMessage::Say { text, kind, .. }, Some(from)) = (&entry.message, self.alias.clone()) {
                let stored = Stored { room: room.clone(), seq, time, from, text: Text::new(text), kind: *kind };
                self.deliver(&room, seq, Event::Said { id: entry.id.clone(), stored });
            }
        }
        entry.reply(Ok(Reply::Said(ack)));
    }

    fn answer(&mut self, re: &MessageId, reply: Reply) {
        if let Some(entry) = self.outbox.take(re) {
            entry.reply(Ok(reply));
        }
    }

    /// Adds to the page that answers a request.
    fn page(&mut self, re: &MessageId, add: impl FnOnce(&mut Page)) {
        if let Some(entry) = self.outbox.sent(re) {
            add(&mut entry.page);
        }
    }

    fn page_ended(&mut self, re: &MessageId, more: bool) {
        let Some(mut entry) = self.outbox.take(re) else { return };
        let mut page = std::mem::take(&mut entry.page);
        page.more = more;
        match (&entry.answer, &entry.message) {
            (None, ClientMessage::History { room, .. }) => self.caught_up(room, page),
            _ => entry.reply(Ok(Reply::Page(page))),
        }
    }

    /// Something was refused that is no request: a room of the hello. One that there isn't for us is not asked for again.
    fn refused_unasked(&mut self, refusal: Refusal) {
        if let (ErrorCode::NoSuchRoom, Some(room)) = (refusal.code, refusal.room.clone()) {
            let was_in = self.places.get_mut(&room).is_some_and(|place| place.position != Position::Unknown);
            if was_in && !room.is_conversation() {
                // While there was no connection it was closed to us.
                return self.put_out(room, refusal.message);
            }
            self.leave(&room);
        }
        self.tell(Event::Refused(refusal));
    }

    fn refused(&mut self, refusal: Refusal) {
        let entry = refusal.id.as_ref().and_then(|id| self.outbox.take(id));
        let Some(entry) = entry else { return self.refused_unasked(refusal) };
        match (&entry.answer, &entry.message) {
            (None, ClientMessage::History { room, .. }) => self.give_up(room),
            (_, ClientMessage::Leave { room, .. }) if refusal.code == ErrorCode::NotInRoom => self.leave(room),
            _ => {}
        }
        entry.reply(Err(RequestError::Refused(Box::new(refusal))));
    }
}

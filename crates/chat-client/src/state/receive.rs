//! What the server says, taken in.

use chat_protocol::message::{
    ByeCode, ClientMessage, ErrorCode, LimitsInfo, Refusal, RoomStart, ServerMessage, Stored,
};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{MessageId, Seq, Text, Time};

use super::{Phase, State, Step};
use crate::error::{End, Lost, RequestError};
use crate::event::{Event, Joined, Message, Private, Secret, Welcome};
use crate::outbox::Entry;
use crate::place::{Behind, Order, Position};
use crate::reply::{Ack, PrivateAck, Reply, Report, RoomList, WhoPage};

impl State {
    pub(super) fn receive(&mut self, message: ServerMessage) -> Step {
        match message {
            ServerMessage::Welcome { alias, session, log, server, version, limits, .. } => {
                let session = Secret::new(session);
                let server = format!("{server} {version}");
                return self.welcome(Welcome { alias, session, log, server, limits });
            }
            ServerMessage::Error(refusal) if !self.is_live() => return self.not_let_in(refusal),
            ServerMessage::Bye(bye) => {
                self.tell(Event::Bye(bye.clone()));
                return match bye.code {
                    ByeCode::Quit if self.quitting => Step::End(End::Quit),
                    ByeCode::Quit | ByeCode::Replaced | ByeCode::Kicked | ByeCode::Banned => Step::End(End::Bye(bye)),
                    _ => Step::Lost(Lost::Bye(bye)),
                };
            }
            _ if !self.is_live() => {}
            // A private conversation that is kept: its messages say all there is to know.
            ServerMessage::Joined { room, .. } if room.is_conversation() => {}
            ServerMessage::Joined { room, topic, count, members, head } => {
                self.joined(Joined { room, topic, count, members, head });
            }
            ServerMessage::Message { stored, own, re: None } => self.message(stored, own),
            ServerMessage::Message { stored, own, re: Some(re) } => {
                if let Some(entry) = self.outbox.sent(&re) {
                    entry.page.messages.push(Message { stored, own });
                }
            }
            ServerMessage::End { re: Some(re), more } => self.page_ended(&re, more),
            ServerMessage::Ack { id, room, seq, time, to, durable } => {
                self.ack(&id, room, seq, time, to, durable);
            }
            ServerMessage::Private { time, from, to, text, kind, room, seq, own } => {
                self.private(Private { time, from, to, text, kind, own, kept: room.zip(seq) });
            }
            ServerMessage::Presence { room, count, changes } => {
                let event = Event::Presence { room: room.clone(), count, changes };
                self.tell_of(&room, event);
            }
            ServerMessage::Topic { room, text, from } => {
                let event = Event::Topic { room: room.clone(), text, from };
                self.tell_of(&room, event);
            }
            ServerMessage::Who { room, count, members, re: Some(re), more } => {
                self.answer(&re, Reply::Who(WhoPage { room, count, members, more }));
            }
            ServerMessage::Rooms { rooms, re: Some(re), more } => {
                self.answer(&re, Reply::Rooms(RoomList { rooms, more }));
            }
            ServerMessage::Redacted { room, seq, by } => self.tell(Event::Redacted { room, seq, by }),
            ServerMessage::Announcement { time, from, text } => self.tell(Event::Announcement { time, from, text }),
            ServerMessage::Bans { bans, re: Some(re), more } => {
                self.answer(&re, Reply::Report(Report::Bans(bans, more)));
            }
            ServerMessage::Whois { info, re: Some(re) } => self.answer(&re, Reply::Report(Report::Whois(info))),
            ServerMessage::Audit { entries, re: Some(re), more } => {
                self.answer(&re, Reply::Report(Report::Audit(entries, more)));
            }
            ServerMessage::Gap { room, from, to, re: None } => self.gap(room, from, to),
            ServerMessage::Gap { from, to, re: Some(re), .. } => {
                if let Some(entry) = self.outbox.sent(&re) {
                    entry.page.gaps.push((from, to));
                }
            }
            ServerMessage::Reset { room, head } => {
                let wanted = self.options.history;
                if let Some(place) = self.places.get_mut(&room) {
                    place.position = Position::Start { head, wanted };
                    place.behind = None;
                }
                self.tell(Event::Reset { room, head });
            }
            ServerMessage::Error(refusal) => self.refused(refusal),
            ServerMessage::Pong { id: Some(id) } => self.answer(&id, Reply::Done),
            // A pong to nobody, an answer to nothing, or of a later version of the protocol.
            _ => {}
        }
        Step::Continue
    }

    fn welcome(&mut self, welcome: Welcome) -> Step {
        self.phase = Phase::Live;
        self.session = Some(welcome.session.clone());
        self.log = Some(welcome.log.clone());
        self.limits = Some(LimitsInfo { max_line: welcome.limits.max_line.max(1), ..welcome.limits });
        let renamed = self.alias.replace(welcome.alias.clone()).is_some_and(|before| before != welcome.alias);
        self.journal_session();
        if let Some(journal) = &self.options.journal {
            self.outbox.sending(journal);
        }
        let alias = welcome.alias.clone();
        if std::mem::replace(&mut self.was_live, true) {
            let resent = self.outbox.lines_to_repeat();
            self.tell(Event::Reconnected { welcome, resumed: self.resuming, resent });
        } else {
            self.tell(Event::Connected(welcome));
        }
        if renamed {
            self.tell(Event::Renamed(alias));
        }
        Step::Welcomed
    }

    fn journal_session(&self) {
        if let (Some(journal), Some(session), Some(alias), Some(log)) =
            (&self.options.journal, &self.session, &self.alias, &self.log)
        {
            journal.session(session, alias, log);
        }
    }

    fn not_let_in(&mut self, refusal: Refusal) -> Step {
        if refusal.code == ErrorCode::UnknownSession && self.resuming {
            let lines = self.outbox.session_lost();
            self.session = None;
            self.tell(Event::SessionLost { lines });
            if self.options.fresh_session {
                return Step::HelloAgain;
            }
        }
        if refusal.retry_after_ms.is_some() {
            Step::Lost(Lost::NotNow(Box::new(refusal)))
        } else {
            Step::End(End::Refused(Box::new(refusal)))
        }
    }

    fn joined(&mut self, joined: Joined) {
        self.entered = true;
        let wanted = self.options.history;
        if let Some(place) = self.places.get_mut(&joined.room) {
            place.room = joined.room.clone();
            if !std::mem::replace(&mut place.joined, true) && place.position == Position::Unknown {
                place.position = Position::Start { head: joined.head, wanted };
            }
        } else {
            let key = joined.room.key();
            let join = self.outbox.join_of(|room| *room == joined.room || room.key().is_same(&key, false));
            let start = |wanted| Position::Start { head: joined.head, wanted };
            let position = match join {
                Some(ClientMessage::Join { start: RoomStart { after: Some(after), .. }, .. }) => Position::At(*after),
                Some(ClientMessage::Join { history: Some(wanted), .. }) => start(*wanted),
                _ => start(wanted),
            };
            self.places.add(joined.room.clone(), position);
        }
        let room = joined.room.clone();
        self.journal_room(&room);
        self.tell_of(&room, Event::Joined(joined));
    }

    fn journal_room(&mut self, room: &RoomName) {
        let Some(journal) = &self.options.journal else { return };
        let after = match self.places.get_mut(room).map(|place| place.position) {
            // No page comes that would tell where we are.
            Some(Position::Start { head, wanted }) if wanted == 0 || head == Seq::ZERO => Some(head),
            _ => None,
        };
        journal.entered(room, after);
    }

    /// A message at its place in the room's stream.
    fn message(&mut self, stored: Stored, own: bool) {
        let (room, seq) = (stored.room.clone(), stored.seq);
        match self.advance(&room, seq, seq) {
            // Its ack came before it, or it has no other fate to tell.
            Order::Repeat { .. } if own || room.is_conversation() => return,
            // Who comes back is shown the end of a conversation, not all that he missed.
            Order::Hole { .. } if room.is_conversation() => {}
            Order::Repeat { expected } => return self.tell(Event::Disorder { room, expected, found: seq }),
            Order::Hole { expected } => self.tell(Event::Disorder { room: room.clone(), expected, found: seq }),
            Order::Next => {}
        }
        self.deliver(&room, seq, Event::Message(Message { stored, own }));
    }

    /// Something in a conversation that we are an end of: where it is kept, at its place in that room's stream.
    fn private(&mut self, private: Private) {
        let Some((room, seq)) = private.kept.clone() else { return self.tell(Event::Private(private)) };
        self.enter_conversation(&room, seq);
        if !matches!(self.advance(&room, seq, seq), Order::Repeat { .. }) {
            self.deliver(&room, seq, Event::Private(private));
        }
    }

    /// A conversation is there as soon as something is said in it.
    fn enter_conversation(&mut self, room: &RoomName, seq: Seq) {
        if self.places.get_mut(room).is_none() {
            self.places.add(room.clone(), Position::At(seq.previous()));
            if let Some(journal) = &self.options.journal {
                journal.entered(room, Some(seq.previous()));
            }
        }
    }

    fn gap(&mut self, room: RoomName, from: Seq, to: Seq) {
        self.advance(&room, from, to);
        self.deliver(&room, from, Event::Gap { room: room.clone(), from, to });
    }

    /// Moves the position of a room from before `first` to `last`, and says how that stands to the order.
    fn advance(&mut self, room: &RoomName, first: Seq, last: Seq) -> Order {
        let Some(place) = self.places.get_mut(room) else { return Order::Next };
        let order = place.position.order(first);
        if !matches!(order, Order::Repeat { .. }) || matches!(place.position, Position::At(at) if at < last) {
            place.position = Position::At(last);
        }
        order
    }

    /// Delivers what can be read again from the room's log, unless its queue is full: then it will be.
    fn deliver(&mut self, room: &RoomName, seq: Seq, event: Event) {
        let place = self.places.get_mut(room);
        if place.as_ref().is_some_and(|place| place.behind.is_some()) {
            return;
        }
        if !self.delivery.offer(event)
            && let Some(place) = place
        {
            place.behind = Some(Behind { delivered: seq.previous(), fetch: None });
        }
    }

    /// Tells of a change of a room's state. Where the room's messages are behind it is left out, as the state will be asked for.
    fn tell_of(&mut self, room: &RoomName, event: Event) {
        let behind = self.places.get_mut(room).is_some_and(|place| place.behind.is_some());
        if !behind {
            self.delivery.keep(event);
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
            (ClientMessage::Private { text, kind, .. }, room, seq, Some(time), Some(to)) => {
                let kept = room.zip(seq);
                if let (Some((room, seq)), Some(from)) = (kept.clone(), self.alias.clone()) {
                    let stored = Stored { room: room.clone(), seq, time, from, text: Text::new(text), kind: *kind };
                    self.enter_conversation(&room, seq);
                    if !matches!(self.advance(&room, seq, seq), Order::Repeat { .. }) {
                        self.deliver(&room, seq, Event::Said { id: entry.id.clone(), stored });
                    }
                }
                let durable = durable.unwrap_or(false);
                entry.reply(Ok(Reply::Private(PrivateAck { to, time, durable, kept })));
            }
            (ClientMessage::Say { .. } | ClientMessage::Private { .. }, ..) => {
                entry.reply(Err(RequestError::BadAnswer));
            }
            (ClientMessage::Leave { room, .. }, ..) => {
                self.leave(room);
                entry.reply(Ok(Reply::Done));
            }
            (ClientMessage::Nick { alias, .. }, ..) => {
                if let Ok(alias) = Alias::new(alias)
                    && self.alias.as_ref() != Some(&alias)
                {
                    self.alias = Some(alias.clone());
                    self.journal_session();
                    self.tell(Event::Renamed(alias));
                }
                entry.reply(Ok(Reply::Done));
            }
            _ => entry.reply(Ok(Reply::Done)),
        }
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

    fn page_ended(&mut self, re: &MessageId, more: bool) {
        let Some(mut entry) = self.outbox.take(re) else { return };
        let mut page = std::mem::take(&mut entry.page);
        page.more = more;
        match (&entry.answer, &entry.message) {
            (None, ClientMessage::History { room, .. }) => self.caught_up(room, page),
            _ => entry.reply(Ok(Reply::Page(page))),
        }
    }

    fn refused(&mut self, refusal: Refusal) {
        let entry = refusal.id.as_ref().and_then(|id| self.outbox.take(id));
        let Some(entry) = entry else { return self.tell(Event::Refused(refusal)) };
        match (&entry.answer, &entry.message) {
            (None, ClientMessage::History { room, .. }) => self.give_up(room),
            (_, ClientMessage::Leave { room, .. }) if refusal.code == ErrorCode::NotInRoom => self.leave(room),
            _ => {}
        }
        entry.reply(Err(RequestError::Refused(Box::new(refusal))));
    }
}

//! The stream of each room: what is said there, at its place.

use chat_protocol::message::Stored;
use chat_protocol::names::RoomName;
use chat_protocol::value::Seq;

use super::State;
use crate::event::{Event, Message, Private};
use crate::place::{Behind, Order, Position};

impl State {
    /// A message at its place in the room's stream.
    pub(super) fn message(&mut self, stored: Stored, own: bool) {
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
    pub(super) fn private(&mut self, private: Private) {
        let Some((room, seq)) = private.kept.clone() else { return self.tell(Event::Private(private)) };
        self.enter_conversation(&room, seq);
        if !matches!(self.advance(&room, seq, seq), Order::Repeat { .. }) {
            self.deliver(&room, seq, Event::Private(private));
        }
    }

    /// A conversation is there as soon as something is said in it.
    pub(super) fn enter_conversation(&mut self, room: &RoomName, seq: Seq) {
        if self.places.get_mut(room).is_none() {
            self.places.add(room.clone(), Position::At(seq.previous()));
            if let Some(journal) = &self.options.journal {
                journal.entered(room, Some(seq.previous()));
            }
        }
    }

    pub(super) fn gap(&mut self, room: RoomName, from: Seq, to: Seq) {
        self.advance(&room, from, to);
        self.deliver(&room, from, Event::Gap { room: room.clone(), from, to });
    }

    /// We are not in a room any more, without having asked to leave.
    pub(super) fn put_out(&mut self, room: RoomName, reason: String) {
        self.forgo(&room);
        self.leave(&room);
        self.tell(Event::Left { room, reason });
    }

    pub(super) fn reset(&mut self, room: RoomName, head: Seq) {
        let wanted = self.options.history;
        if let Some(place) = self.places.get_mut(&room) {
            place.position = Position::Start { head, wanted };
            place.behind = None;
        }
        self.tell(Event::Reset { room, head });
    }

    /// Moves the position of a room from before `first` to `last`, and says how that stands to the order.
    pub(super) fn advance(&mut self, room: &RoomName, first: Seq, last: Seq) -> Order {
        let Some(place) = self.places.get_mut(room) else { return Order::Next };
        let order = place.position.order(first);
        if !matches!(order, Order::Repeat { .. }) || matches!(place.position, Position::At(at) if at < last) {
            place.position = Position::At(last);
        }
        order
    }

    /// Delivers what can be read again from the room's log, unless its queue is full: then it will be.
    pub(super) fn deliver(&mut self, room: &RoomName, seq: Seq, event: Event) {
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
    pub(super) fn tell_of(&mut self, room: &RoomName, event: Event) {
        let behind = self.places.get_mut(room).is_some_and(|place| place.behind.is_some());
        if !behind {
            self.delivery.keep(event);
        }
    }
}

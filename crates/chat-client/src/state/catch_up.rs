//! Events that found no place in the queue, read again from their rooms' logs once there is place.

use std::collections::VecDeque;

use chat_protocol::message::{ClientMessage, HistoryQuery, RoomStart};
use chat_protocol::names::RoomName;
use chat_protocol::value::Seq;

use super::State;
use crate::event::{Event, Message};
use crate::limits::CATCH_UP_PAGE;
use crate::outbox::Entry;
use crate::place::{Place, Position};
use crate::reply::Page;

impl State {
    /// Whether place in the queue would be of use.
    pub(crate) fn wants_place(&self) -> bool {
        self.delivery.is_blocked() || (self.is_live() && self.places.are_behind())
    }

    /// There is place for a page.
    pub(crate) fn has_place(&mut self) {
        if !self.delivery.unblock() || !self.is_live() {
            return;
        }
        // One room at a time: the place is for one page.
        let next = self.places.iter_mut().find_map(|place| {
            let behind = place.behind.as_mut().filter(|behind| behind.fetch.is_none())?;
            let id = self.ids.next();
            behind.fetch = Some(id.clone());
            Some((id, place.room.clone(), behind.delivered))
        });
        if let Some((id, room, after)) = next {
            let query = HistoryQuery { before: None, after: Some(after), limit: Some(CATCH_UP_PAGE) };
            let message = ClientMessage::History { room, query, id: Some(id.clone()) };
            self.outbox.push(Entry::new(id, message, None));
        }
    }

    /// A page came of what was not delivered.
    pub(super) fn caught_up(&mut self, room: &RoomName, page: Page) {
        let Some((place, mut delivered, seen)) = self.behind(room) else { return };
        let (room, is_last) = (place.room.clone(), !page.more);
        let mut gaps = VecDeque::from(page.gaps);
        let mut events = Vec::new();
        for Message { stored, own } in page.messages {
            while let Some((from, to)) = gaps.front().copied().filter(|(_, to)| *to < stored.seq) {
                gaps.pop_front();
                events.push((to, Event::Gap { room: room.clone(), from, to }));
            }
            events.push((stored.seq, Event::Message(Message { stored, own })));
        }
        events.extend(gaps.into_iter().map(|(from, to)| (to, Event::Gap { room: room.clone(), from, to })));
        let mut has_place = true;
        for (last, event) in events {
            // What lies beyond `seen` is still on its way to us, and will be delivered from there.
            if last <= delivered || last > seen {
                continue;
            }
            has_place = self.delivery.offer(event);
            if !has_place {
                break;
            }
            delivered = last;
        }
        if has_place && is_last && delivered < seen {
            // The log has nothing there, and didn't say so.
            let event = Event::Gap { room: room.clone(), from: delivered.next(), to: seen };
            has_place = self.delivery.offer(event);
            delivered = if has_place { seen } else { delivered };
        }
        let Some(place) = self.places.get_mut(&room) else { return };
        if delivered >= seen {
            place.behind = None;
            self.ask_for_state(room);
        } else if let Some(behind) = &mut place.behind {
            behind.delivered = delivered;
            behind.fetch = None;
        }
    }

    /// The log can't be asked: what is missing is told as a gap.
    pub(super) fn give_up(&mut self, room: &RoomName) {
        if let Some(room) = self.forgo(room) {
            self.ask_for_state(room);
        }
    }

    /// What was not delivered of a room never will be: it is told as a gap. The room, if it was behind.
    pub(super) fn forgo(&mut self, room: &RoomName) -> Option<RoomName> {
        let (place, delivered, seen) = self.behind(room)?;
        place.behind = None;
        let room = place.room.clone();
        if delivered < seen {
            self.delivery.keep(Event::Gap { room: room.clone(), from: delivered.next(), to: seen });
        }
        Some(room)
    }

    fn behind(&mut self, room: &RoomName) -> Option<(&mut Place, Seq, Seq)> {
        let place = self.places.get_mut(room)?;
        let delivered = place.behind.as_ref()?.delivered;
        let seen = match place.position {
            Position::At(seq) => seq,
            _ => delivered,
        };
        Some((place, delivered, seen))
    }

    /// A join of a room that we are in is answered with its state.
    fn ask_for_state(&mut self, room: RoomName) {
        if room.is_conversation() {
            // It has no more state than its messages.
            return;
        }
        let id = self.ids.next();
        let message =
            ClientMessage::Join { start: RoomStart { room, after: None }, history: None, id: Some(id.clone()) };
        self.outbox.push(Entry::new(id, message, None));
    }
}

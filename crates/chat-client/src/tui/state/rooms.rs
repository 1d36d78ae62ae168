//! Which conversations there are, and which one is shown.

use chat_protocol::clean::clean_line;
use chat_protocol::names::{Alias, RoomName};

use super::{MOST_ROOMS, State};
use crate::tui::effect::Effect;
use crate::tui::room::{Place, Room, Scroll};
use crate::tui::settings::Alarm;

impl State {
    /// The conversation in a room, by whatever of its names.
    pub(super) fn room_index(&self, name: &RoomName) -> Option<usize> {
        if let Some(other) = name.other() {
            return self.person(other);
        }
        let exact = self.rooms.iter().position(|room| room.name() == Some(name));
        exact.or_else(|| {
            let key = name.key();
            self.rooms.iter().position(|room| room.name().is_some_and(|other| other.key().is_same(&key, false)))
        })
    }

    pub(super) fn room_mut(&mut self, name: &RoomName) -> Option<&mut Room> {
        let index = self.room_index(name)?;
        self.rooms.get_mut(index)
    }

    fn person(&self, name: &str) -> Option<usize> {
        let folded = name.to_lowercase();
        let is_he = |room: &Room| matches!(&room.place, Place::Person(other) if other.to_lowercase() == folded);
        self.rooms.iter().position(is_he)
    }

    /// The private conversation with somebody, made if need be.
    pub(super) fn person_index(&mut self, name: &str) -> usize {
        if let Some(index) = self.person(name) {
            return index;
        }
        self.add(Room::new(Place::Person(name.to_owned())))
    }

    /// Adds a conversation; rooms stand before persons. The one that is shown stays it.
    pub(super) fn add(&mut self, room: Room) -> usize {
        if self.rooms.len() >= MOST_ROOMS {
            let spare =
                |room: &Room| matches!(room.place, Place::Person(_)) && room.unread == 0 && room.outgoing.is_empty();
            let current = self.current;
            let index = self.rooms.iter().enumerate().position(|(i, room)| i != current && spare(room));
            if let Some(index) = index {
                self.remove(index);
            }
        }
        let index = match room.place {
            Place::Room(_) => self.rooms.iter().position(|room| room.name().is_none()).unwrap_or(self.rooms.len()),
            _ => self.rooms.len(),
        };
        if index <= self.current && !self.rooms.is_empty() {
            self.current += 1;
        }
        self.rooms.insert(index, room);
        index
    }

    pub(super) fn remove(&mut self, index: usize) {
        if index >= self.rooms.len() {
            return;
        }
        let was_shown = index == self.current;
        let was_room = self.rooms.remove(index).name().is_some();
        if index < self.current || self.current >= self.rooms.len() {
            self.current = self.current.saturating_sub(1);
        }
        if was_shown && was_room {
            // From a room to a room, if there is one: nobody was addressed by leaving.
            let last = self.rooms.iter().take(self.current + 1).rposition(|room| room.name().is_some());
            self.current = last.unwrap_or(self.current);
        }
        self.nowhere = self.rooms.is_empty();
        if was_shown {
            // What was being typed was not meant for the one that is shown now.
            self.typed();
            let draft = self.rooms.get_mut(self.current).map(|room| std::mem::take(&mut room.draft));
            self.editor.set(draft.unwrap_or_default());
        }
        self.read();
    }

    /// We are not in a room any more, without having asked to leave.
    pub(super) fn left(&mut self, name: &RoomName, reason: &str) {
        if let Some(index) = self.room_index(name) {
            self.remove(index);
        }
        self.error(format!("you are not in {} any more: {}", name.shown(), clean_line(reason)));
    }

    pub(super) fn invited(&mut self, room: &RoomName, by: &Alias) {
        let words = format!("{by} made you a member of {}; /join {room} goes there", room.shown());
        if self.look.settings.notify != Alarm::Off {
            self.effects.push(Effect::Notify(words.clone()));
        }
        self.error(words);
    }

    /// Turns to another conversation.
    pub(super) fn turn_to(&mut self, index: usize) {
        self.pane = None;
        self.found = None;
        self.completing = None;
        self.stay();
        if index == self.current || index >= self.rooms.len() {
            return;
        }
        let draft = self.editor.take();
        if let Some(room) = self.rooms.get_mut(self.current) {
            room.draft = draft;
            room.marker = None;
            room.scroll = Scroll::Follow;
            room.trim();
        }
        self.current = index;
        let draft = self.rooms.get_mut(index).map(|room| std::mem::take(&mut room.draft));
        self.editor.set(draft.unwrap_or_default());
        self.read();
    }

    /// What is shown has been read.
    pub(super) fn read(&mut self) {
        if let Some(room) = self.rooms.get_mut(self.current) {
            room.unread = 0;
            room.mentions = 0;
        }
    }
}

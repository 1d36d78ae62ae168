//! What is said here, until it is stored.

use chat_client::Kept;
use chat_protocol::value::Kind;

use super::{State, UNSENT};
use crate::kept::Read;
use crate::tui::effect::Effect;
use crate::tui::room::{Fate, Outgoing, Place, Room, Scroll};

impl State {
    /// Lines that are on their way.
    pub(crate) fn unsent(&self) -> usize {
        self.rooms.iter().flat_map(|room| &room.outgoing).filter(|out| out.fate == Fate::Pending).count()
    }

    /// Lines that were not stored, for whoever leaves, and whether they are kept for the next start.
    pub(crate) fn not_stored(&self) -> Vec<(String, bool)> {
        let lost = |out: &&Outgoing| !matches!(out.fate, Fate::Stored(_));
        let lost = self.rooms.iter().flat_map(|room| room.outgoing.iter().filter(lost));
        let lost = lost.map(|out| (out.text.clone(), out.fate == Fate::Kept));
        lost.chain(self.waiting.iter().map(|line| (line.clone(), false))).collect()
    }

    /// What an earlier client left on disk, about to be sent again; the numbers by which each one's fate will be told.
    pub(crate) fn kept<'a>(&mut self, read: Option<Read>, lines: impl IntoIterator<Item = &'a Kept>) -> Vec<u64> {
        self.keeps = read.is_some();
        self.read = read.unwrap_or_default();
        if self.keeps {
            self.rooms.iter_mut().for_each(|room| room.outgoing.retain(|out| out.fate != Fate::Kept));
        }
        let mut numbers = Vec::new();
        for line in lines {
            let index = match (&line.room, &line.to) {
                (Some(name), _) => {
                    self.room_index(name).unwrap_or_else(|| self.add(Room::new(Place::Room(name.clone()))))
                }
                (None, to) => self.person_index(to.as_deref().unwrap_or_default()),
            };
            self.number += 1;
            let (number, time) = (self.number, self.now());
            let Some(room) = self.rooms.get_mut(index) else { continue };
            room.outgoing.push(Outgoing {
                number,
                text: line.text.clone(),
                kind: line.kind,
                time,
                fate: Fate::Pending,
            });
            numbers.push(number);
        }
        numbers
    }

    /// Says something where it belongs, and shows it as pending.
    pub(super) fn say(&mut self, index: usize, text: String, kind: Kind) {
        if self.unsent() >= UNSENT {
            self.editor.set(text);
            return self.error(format!("{UNSENT} lines are unsent already"));
        }
        self.number += 1;
        let (number, time) = (self.number, self.now());
        let Some(room) = self.rooms.get_mut(index) else { return };
        let effect = match &room.place {
            Place::Room(name) => Effect::Post { number, room: name.clone(), text: text.clone(), kind },
            Place::Person(name) => Effect::Whisper { number, to: name.clone(), text: text.clone(), kind },
            Place::Pane(_) => return,
        };
        room.outgoing.push(Outgoing { number, text, kind, time, fate: Fate::Pending });
        room.scroll = Scroll::Follow;
        room.marker = None;
        self.effects.push(effect);
    }
}

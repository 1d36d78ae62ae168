//! What is ready for a session: from its rooms, each in its turn, and from its mailbox.

use std::collections::VecDeque;

use chat_protocol::message::{ErrorCode, Refusal, Stored};
use chat_protocol::value::MessageId;

use super::membership::Ready;
use super::{Flow, Session, Transport, Unacked};
use crate::batch::Dialect;
use crate::peer::{Fate, Letter};

impl<S: Transport> Session<S> {
    /// Takes what is ready without waiting for more, until the budget is used.
    pub(super) async fn collect(&mut self) -> Flow {
        let (letters, knocks) = self.peer.take_mail();
        // Boxed, as it is seldom: a place in a room was lost, or is to be taken.
        if knocks || !letters.is_empty() || self.access_seen != self.hub.rooms.access.version() || !self.take_batches()
        {
            Box::pin(self.collect_all(letters, knocks)).await?;
        }
        Ok(())
    }

    /// What the channels have; whether that is all, and there is none that ran away.
    fn take_batches(&mut self) -> bool {
        let mut index = 0;
        while index < self.rooms.len() && self.out.len() < self.limits.max_reader_backlog {
            match self.rooms[index].ready() {
                Ready::Batch(batch) => self.batch(index, &batch),
                Ready::Nothing => index += 1,
                Ready::Behind => return false,
            }
        }
        self.pass_turn(index);
        true
    }

    /// A room that has used the budget up, the one at `index`, comes last the next time: however much is said there, the
    /// others are heard.
    fn pass_turn(&mut self, index: usize) {
        if index < self.rooms.len() {
            self.rooms.rotate_left(index + 1);
        }
    }

    /// The letters were taken before the rooms are looked at and are opened after: an answer to a repeat comes after the
    /// first one's ack.
    async fn collect_all(&mut self, letters: VecDeque<Letter>, knocks: bool) -> Flow {
        if knocks {
            self.hear_knocks().await?;
        }
        if self.access_seen != self.hub.rooms.access.version() {
            self.leave_closed().await?;
        }
        let mut index = 0;
        while index < self.rooms.len() && self.out.len() < self.limits.max_reader_backlog {
            match self.rooms[index].ready() {
                Ready::Batch(batch) => self.batch(index, &batch),
                Ready::Nothing => index += 1,
                Ready::Behind => {
                    self.catch_up(index).await?;
                    // Where the way is long the others have their turn before it goes on.
                    if self.rooms[index].is_detached() && self.out.len() < self.limits.max_reader_backlog {
                        index += 1;
                    }
                }
            }
        }
        self.pass_turn(index);
        for letter in letters {
            self.letter(letter);
        }
        // Nothing more may come by which he would be woken, where what he waited for was the fate of what he said there.
        if self.access_seen != self.hub.rooms.access.version() {
            self.leave_closed().await?;
        }
        Ok(())
    }

    fn letter(&mut self, letter: Letter) {
        match letter {
            Letter::Fate { ticket, fate } => self.fate(ticket, fate),
            Letter::Private(private) => self.private_arrived(&private),
            Letter::Invited { room, by } => self.invited(room, by),
            Letter::Announcement(announcement) => self.announced(&announcement),
        }
    }

    /// Learns what became of a message of its own that isn't seen in the room.
    fn fate(&mut self, ticket: u64, fate: Fate) {
        let Some(position) = self.unacked.iter().position(|unacked| unacked.ticket == ticket) else { return };
        let Some(Unacked { id, room, .. }) = self.unacked.remove(position) else { return };
        let room = self.name_by(&room);
        match fate {
            Fate::Repeat(record) => self.ack(id, &record.stored),
            Fate::Conflict => {
                let words = "this id was used for another message; nothing was stored";
                self.refuse(Refusal::new(ErrorCode::IdConflict, words).to(id).about(room));
            }
            Fate::Full(why) => {
                let words = format!("not said, as the log has no room for more: {why}");
                self.refuse(Refusal::new(ErrorCode::StorageFull, words).to(id).about(room));
            }
            Fate::Refused(refusal) => self.refuse(refusal.to(id)),
        }
    }

    pub(super) fn ack(&mut self, id: Option<MessageId>, stored: &Stored) {
        let Some(id) = id.filter(|_| self.dialect == Dialect::Json) else { return };
        let ack = self.ack_of(id, stored);
        self.json(&ack);
    }
}

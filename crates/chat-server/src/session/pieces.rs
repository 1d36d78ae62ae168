//! Messages that are read one by one: pages of history, and what follows a cursor, with a `gap` for what is missing.

use std::sync::Arc;

use chat_protocol::message::{ServerMessage, Stored};
use chat_protocol::text::render;
use chat_protocol::value::{MessageId, Seq};

use super::{Session, Transport};
use crate::batch::Dialect;
use crate::log::{Record, holes};
use crate::room::{Piece, Room};

impl<S: Transport> Session<S> {
    /// A page that ends at `upto`: for people with its date before it and a line where it ends.
    ///
    /// Of what is kept no longer before the first message nothing is said: whoever comes in had no part in it.
    pub(super) fn page_of_history(&mut self, room: &Room, pieces: &[Piece], upto: Seq) {
        let Some(first) = pieces.first().and_then(Piece::record) else { return };
        match self.dialect {
            Dialect::Json => self.pieces(room, pieces, first.stored.seq.previous(), upto, None),
            Dialect::Text => self.text_page(pieces),
        }
    }

    /// Pieces for people, oldest first, and the line that tells them from what is live.
    pub(super) fn text_page(&mut self, pieces: &[Piece]) {
        if pieces.is_empty() {
            return;
        }
        self.shown = self.today();
        for piece in pieces {
            // Of a message that was removed there is nothing to show.
            let shown = |record: &&Arc<Record>| !record.stored.text.as_str().is_empty() && !self.ignores(record);
            if let Some(record) = piece.record().filter(shown) {
                self.day_before(&record.stored);
                self.text_piece(piece);
            }
        }
        self.text(render::now);
        self.shown = self.today();
    }

    /// Writes pieces, oldest first, and a `gap` for each hole in `after < seq ≤ upto`.
    pub(super) fn pieces(&mut self, room: &Room, pieces: &[Piece], after: Seq, upto: Seq, re: Option<&MessageId>) {
        let mut holes =
            holes(pieces.iter().filter_map(Piece::record).map(|record| &record.stored), after, upto).peekable();
        for piece in pieces {
            let Some(record) = piece.record().cloned() else { continue };
            while let Some((from, to)) = holes.next_if(|(_, to)| *to < record.stored.seq) {
                self.gap(room, from, to, re);
            }
            match self.dialect {
                Dialect::Json => self.json_piece(piece, &record, re),
                Dialect::Text if record.stored.room.is_conversation() => {
                    self.settle(&record);
                    self.day_before(&record.stored);
                    self.private_message(&record, false);
                }
                Dialect::Text => {
                    if !self.settle(&record) && !self.ignores(&record) && !record.stored.text.as_str().is_empty() {
                        self.day_before(&record.stored);
                        self.text_piece(piece);
                    }
                }
            }
        }
        for (from, to) in holes {
            self.gap(room, from, to, re);
        }
    }

    fn json_piece(&mut self, piece: &Piece, record: &Arc<Record>, re: Option<&MessageId>) {
        let own = self.is_own(record);
        match piece {
            Piece::Shared(batch, index) if !own && re.is_none() && !batch.room.is_conversation() => {
                let chunk = batch.chunk(Dialect::Json, self.hub.clock.zone());
                self.out.push(&chunk.item(*index));
            }
            // What was sent on this connection and not acked yet is acked at its place, also where it comes from the log.
            _ if own && re.is_none() && self.settle(record) => self.ack(record.id.clone(), &record.stored),
            _ => {
                let message = self.message_of(record, own, re);
                self.json(&message);
            }
        }
    }

    fn text_piece(&mut self, piece: &Piece) {
        match piece {
            piece if piece.record().is_some_and(|record| record.stored.room.is_conversation()) => {
                piece.record().into_iter().for_each(|record| self.private_line(record));
            }
            Piece::Shared(batch, index) => {
                let chunk = batch.chunk(Dialect::Text, self.hub.clock.zone());
                self.out.push(&chunk.item(*index));
            }
            Piece::Stored(record) => {
                let hub = Arc::clone(&self.hub);
                self.text(|out| render::message(out, &record.stored, hub.clock.zone()));
            }
        }
    }

    fn day_before(&mut self, stored: &Stored) {
        let date = self.hub.clock.date(stored.time);
        if date != self.shown {
            self.shown = date;
            self.text(|out| render::day(out, date));
        }
    }

    fn gap(&mut self, room: &Room, from: Seq, to: Seq, re: Option<&MessageId>) {
        // Whoever looks through what is old missed nothing.
        if re.is_none() {
            self.hub.metrics.gap_messages_total.inc_by(to.get() + 1 - from.get());
        }
        match self.dialect {
            Dialect::Json => {
                let room = self.name_of(room);
                self.json(&ServerMessage::Gap { room, from, to, re: re.cloned() });
            }
            Dialect::Text => self.text(|out| render::missed(out, to.get() + 1 - from.get())),
        }
    }

    fn today(&self) -> jiff::civil::Date {
        self.hub.clock.date(self.hub.clock.now())
    }
}

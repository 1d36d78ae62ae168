//! What a client makes of the server's lines.

use std::sync::atomic::Ordering;

use chat_protocol::json;
use chat_protocol::message::{ErrorCode, Refusal, ServerMessage, Stored};
use chat_protocol::names::RoomName;
use chat_protocol::value::{MessageId, Seq};

use super::super::history::{Ack, Body, Oddity, Receipt};
use super::super::text;
use super::{Client, Over};

impl Client {
    /// Takes in a line; an error where the connection is of no more use.
    pub(super) fn incoming(&mut self, line: &[u8]) -> Result<(), Over> {
        // What the server asks people comes first, also where the first line of this client is on its way.
        if line == b"ALIAS?" {
            return Ok(());
        }
        let message = std::str::from_utf8(line).ok().and_then(|line| json::parse_server(line).ok());
        match message {
            Some(ServerMessage::Welcome { session, log, .. }) => {
                self.line.welcomed = true;
                self.session = Some(session);
                self.log = Some(log);
            }
            Some(ServerMessage::Joined { room, .. }) => self.joined(&room),
            Some(ServerMessage::Message { stored, own, re: None }) => self.message(&stored, own),
            Some(ServerMessage::Ack { id, room: Some(room), seq: Some(seq), .. }) => self.ack(&id, &room, seq),
            Some(ServerMessage::Gap { room, from, to, .. }) => {
                let room = self.room(&room).unwrap_or_default() as u8;
                let (from, to) = (from.get(), to.get());
                self.record.oddities.push(Oddity::GapTold { who: self.name.clone(), room, from, to });
            }
            Some(ServerMessage::Reset { .. }) => self.forgotten("a position"),
            Some(ServerMessage::Error(refusal)) => return self.refused(refusal),
            Some(ServerMessage::Bye(_)) => return Err(Over),
            Some(_) => {}
            None => self.odd(format!("a line that is no message: {}", String::from_utf8_lossy(line))),
        }
        Ok(())
    }

    fn room(&self, name: &RoomName) -> Option<usize> {
        self.shared.rooms.iter().position(|room| room == name)
    }

    fn joined(&mut self, room: &RoomName) {
        let Some(room) = self.room(room) else { return self.odd(format!("a room of its own: {room}")) };
        // It is said again after a lag.
        if !self.line.joined.contains(&room) {
            self.line.joined.push(room);
            if self.line.is_in(self.rooms.len()) {
                self.resend();
            }
        }
    }

    fn message(&mut self, stored: &Stored, own: bool) {
        let Some(room) = self.room(&stored.room) else { return self.odd(format!("a message in {}", stored.room)) };
        let seq = stored.seq.get();
        // An answer to what was sent again may have come where the message stands, or before it.
        if own && self.line.acked_place.take() == Some((room, seq)) {
            return;
        }
        self.receipt(room, seq, text::read(stored.text.as_str()));
    }

    fn receipt(&mut self, room: usize, seq: u64, body: Body) {
        self.record.stream.receipts.push(Receipt { room: room as u8, seq, body });
        self.status.reached[room].fetch_max(seq, Ordering::Relaxed);
    }

    fn ack(&mut self, id: &MessageId, room: &RoomName, seq: Seq) {
        let at = self.shared.now();
        let (Some(room), Ok(number)) = (self.room(room), id.as_str().parse::<u32>()) else {
            return self.odd(format!("an ack of {} in {room}", id.as_str()));
        };
        let (key, seq) = (self.key(number), seq.get());
        let cursor = self.status.reached[room].load(Ordering::Relaxed);
        if self.line.probing == Some(number) {
            self.line.probing = None;
            self.record.oddities.push(Oddity::ReusedIdAccepted(key));
            if seq == cursor + 1 {
                self.receipt(room, seq, Body::Changed(key));
            }
            return;
        }
        self.record.acks.push(Ack { at, key, room: room as u8, seq });
        let Some(position) = self.outbox.iter().position(|pending| pending.number == number) else {
            return self.odd(format!("a second ack of {key} on one connection"));
        };
        let Some(pending) = self.outbox.remove(position) else { return };
        self.has_ack = true;
        self.shared.acked.fetch_add(1, Ordering::Relaxed);
        // An ack stands where the message would; only an answer to what was sent again may come at any place.
        if seq == cursor + 1 || !pending.resent {
            self.receipt(room, seq, Body::Said(key));
            self.line.acked_place = pending.resent.then_some((room, seq));
        }
        if !pending.resent {
            self.probe(pending);
        }
    }

    fn refused(&mut self, refusal: Refusal) -> Result<(), Over> {
        match refusal.code {
            ErrorCode::IdConflict if self.is_probed(refusal.id.as_ref()) => {
                self.line.probing = None;
                self.shared.conflicts.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            // Its welcome was lost, or its session wasn't kept because it never said anything.
            ErrorCode::AliasTaken => {
                self.names += 1;
                Err(Over)
            }
            ErrorCode::UnknownSession => {
                if self.has_ack {
                    self.forgotten("the session");
                }
                self.session = None;
                self.has_ack = false;
                // Under another session these ids would be others: their fate stays unknown, and others are sent instead.
                self.shared.budget.fetch_add(self.outbox.len() as u64, Ordering::Relaxed);
                self.outbox.clear();
                Err(Over)
            }
            code => {
                self.odd(format!("{code:?}: {}", refusal.message));
                Err(Over)
            }
        }
    }

    fn is_probed(&self, id: Option<&MessageId>) -> bool {
        self.line.probing.is_some_and(|number| id.is_some_and(|id| id.as_str() == number.to_string()))
    }

    fn forgotten(&mut self, what: &str) {
        self.record.oddities.push(Oddity::Forgotten { who: self.name.clone(), what: what.to_owned() });
    }

    fn odd(&mut self, what: String) {
        self.record.oddities.push(Oddity::Refused { who: self.name.clone(), what });
    }
}

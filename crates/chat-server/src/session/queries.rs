//! Questions: who is here, which rooms there are, what was said before.

use std::sync::Arc;

use chat_protocol::clean::clean_line;
use chat_protocol::limits::{DEFAULT_HISTORY, MAX_NAMES_PER_PAGE, MAX_PAGE};
use chat_protocol::message::{ErrorCode, HistoryQuery, Refusal, ServerMessage};
use chat_protocol::names::RoomName;
use chat_protocol::text::render;
use chat_protocol::value::{MessageId, Seq};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::requests::{Done, no_such_room};
use super::{Session, Transport};
use crate::batch::Dialect;
use crate::limits::{READ_WAIT, WRITE_BUDGET};
use crate::log::ReadError;
use crate::metrics::Limit;
use crate::room::{Piece, Room};

impl<S: Transport> Session<S> {
    pub(super) fn who(
        &mut self,
        room: &RoomName,
        after: Option<&str>,
        limit: Option<u32>,
        id: Option<MessageId>,
    ) -> Done {
        let room = self.readable(room)?;
        let name = self.name_of(&room);
        let (members, count, more) = room.who(after, page(limit));
        match self.dialect {
            Dialect::Text => self.text(|out| render::who(out, &name, count, &members)),
            Dialect::Json => self.json(&ServerMessage::Who { room: name, count, members, re: id, more }),
        }
        Ok(())
    }

    pub(super) fn list_rooms(&mut self, after: Option<&str>, limit: Option<u32>, id: Option<MessageId>) {
        let mut all = self.hub.rooms.all();
        all.retain(|room| self.may_see(room));
        all.retain(|room| after.is_none_or(|after| room.name.as_str() > after));
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let limit = page(limit);
        let mut rooms = Vec::new();
        let mut bytes = 0;
        for room in all.iter().take(limit) {
            let summary = room.summary();
            bytes += 2 * summary.topic.len() + summary.room.as_str().len() + 40;
            if bytes > WRITE_BUDGET - 4096 {
                break;
            }
            rooms.push(summary);
        }
        let more = rooms.len() < all.len();
        match self.dialect {
            Dialect::Text => self.text(|out| render::rooms(out, &rooms, more)),
            Dialect::Json => self.json(&ServerMessage::Rooms { rooms, re: id, more }),
        }
    }

    pub(super) async fn history(&mut self, room: &RoomName, query: HistoryQuery, id: Option<MessageId>) -> Done {
        let room = self.readable(room)?;
        // Whoever asks for history finds in it what he said before.
        self.settle_all().await?;
        let head = room.head();
        let limit = query.limit.unwrap_or(DEFAULT_HISTORY).min(MAX_PAGE);
        let wanted = u64::from(limit);
        // The page is the seqs in `first < seq ≤ last`, as many as are wanted; more lie beyond its far end.
        let (first, last, more) = match (query.before, query.after) {
            (None, Some(after)) => {
                let after = after.min(head);
                let last = Seq::new(after.get().saturating_add(wanted)).min(head);
                (after, last, last < head)
            }
            (before, floor) => {
                let last = before.map_or(head, |before| before.previous().min(head));
                let floor = floor.unwrap_or(Seq::ZERO).min(last);
                let first = Seq::new(last.get().saturating_sub(wanted)).max(floor);
                (first, last, first > floor)
            }
        };
        let turn = self.turn_to_read().await?;
        let records = match self.hub.log.after(&room.name, first, last, limit as usize).await {
            Ok(records) => records,
            Err(error) => return Err(self.cannot_read(&error).into()),
        };
        drop(turn);
        self.still_readable(&room)?;
        let pieces: Vec<_> = records.into_iter().map(Piece::Stored).collect();
        match self.dialect {
            Dialect::Text if pieces.is_empty() => self.notice("nothing was said here yet"),
            Dialect::Text => self.text_page(&pieces),
            Dialect::Json => {
                let mut from = first;
                // Written piece by piece, as a page may be larger than what a session may hold.
                for part in pieces.chunks(32) {
                    let to = part.last().and_then(Piece::record).map_or(from, |record| record.stored.seq);
                    self.answer(&room, part, from, to, id.as_ref());
                    from = to;
                    if self.out.len() >= self.limits.max_reader_backlog {
                        self.flush().await?;
                    }
                }
                self.answer(&room, &[], from, last, id.as_ref());
                self.json(&ServerMessage::End { re: id, more });
            }
        }
        Ok(())
    }

    /// Messages that answer a request, whether or not it has an id.
    fn answer(&mut self, room: &Room, pieces: &[Piece], after: Seq, upto: Seq, re: Option<&MessageId>) {
        let before = std::mem::take(&mut self.unacked);
        self.pieces(room, pieces, after, upto, re);
        self.unacked = before;
    }

    pub(super) async fn search(
        &mut self,
        room: &RoomName,
        query: String,
        before: Option<Seq>,
        limit: Option<u32>,
        id: Option<MessageId>,
    ) -> Done {
        let room = self.readable(room)?;
        if query.trim().is_empty() {
            return Err(Refusal::new(ErrorCode::BadField, "there are no words to search for").into());
        }
        self.settle_all().await?;
        let before = before.unwrap_or(Seq::new(u64::MAX)).min(room.head().next());
        let limit = limit.unwrap_or(DEFAULT_HISTORY).min(MAX_PAGE) as usize;
        let shown: String = clean_line(&query).chars().take(60).collect();
        let turn = self.turn_to_read().await?;
        let mut records = match self.hub.log.search(&room.name, query, before, limit + 1).await {
            Ok(records) => records,
            Err(error) => return Err(self.cannot_read(&error).into()),
        };
        drop(turn);
        self.still_readable(&room)?;
        let more = records.len() > limit;
        records.truncate(limit);
        match self.dialect {
            Dialect::Text if records.is_empty() => self.notice(&format!("nothing found for \"{shown}\"")),
            Dialect::Text => {
                let pieces: Vec<_> = records.into_iter().rev().map(Piece::Stored).collect();
                self.text_page(&pieces);
            }
            Dialect::Json => {
                for record in records {
                    let message = self.message_of(&record, self.is_own(&record), id.as_ref());
                    self.json(&message);
                    if self.out.len() >= self.limits.max_reader_backlog {
                        self.flush().await?;
                    }
                }
                self.json(&ServerMessage::End { re: id, more });
            }
        }
        Ok(())
    }

    /// Waits for a place among those whose wish for older messages is being carried out. Whoever has one keeps it until the read is over,
    /// whatever becomes of him: it goes on on its thread.
    async fn turn_to_read(&self) -> Done<OwnedSemaphorePermit> {
        let turn = timeout(READ_WAIT, Arc::clone(&self.hub.reads).acquire_owned());
        if let Ok(Ok(turn)) = self.unless_ended(turn).await? {
            return Ok(turn);
        }
        self.hub.metrics.limit_met(Limit::Reads);
        let words = "too many others are looking through older messages just now; try again in a moment";
        let mut refusal = Refusal::new(ErrorCode::Limit, words);
        refusal.retry_after_ms = u64::try_from(READ_WAIT.as_millis()).ok();
        Err(refusal.into())
    }

    /// Asked again once something was read: while that took its time he may have been put out.
    pub(super) fn still_readable(&self, room: &Room) -> Done {
        if self.may_see(room) {
            return Ok(());
        }
        Err(no_such_room(&room.name).into())
    }

    pub(super) fn cannot_read(&self, error: &ReadError) -> Refusal {
        tracing::error!(connection = self.peer.id.0, %error, "a request was refused");
        Refusal::new(ErrorCode::StorageFull, "the log can't be read just now; try again later")
    }
}

/// Names in a page: as many as are wanted, and no more than a line holds.
fn page(limit: Option<u32>) -> usize {
    limit.map_or(MAX_NAMES_PER_PAGE, |limit| limit as usize).clamp(1, MAX_NAMES_PER_PAGE)
}

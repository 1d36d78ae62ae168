//! The cursor: joining with history, catching up after a lag and resuming are one thing, reading from a seq to the live channel.

use std::sync::Arc;

use chat_protocol::limits::DEFAULT_HISTORY;
use chat_protocol::message::{Bye, ByeCode, Refusal, ServerMessage};
use chat_protocol::text::render;
use chat_protocol::value::Seq;

use super::{Ended, Flow, Session, Transport, Unacked};
use crate::batch::{Batch, Dialect, Item};
use crate::limits::{PAGE_MESSAGES, SAMPLED};
use crate::log::{ReadError, Record};
use crate::planted::{Bug, planted};
use crate::room::{Attachment, Piece, Room};

impl<S: Transport> Session<S> {
    /// Brings the room at `index` nearer to its channel. Returns early when enough was collected to be written first, or when
    /// a part of a long way was read: the session's other rooms, and its client, are heard in between.
    pub(super) async fn catch_up(&mut self, index: usize) -> Flow {
        while self.out.len() < self.limits.max_reader_backlog {
            let membership = &mut self.rooms[index];
            match membership.room.attach(membership.number, &self.peer) {
                Attachment::Live(place) => {
                    membership.go_live(place);
                    return Ok(());
                }
                Attachment::Replay(batches) => batches.iter().for_each(|batch| self.batch(index, batch)),
                Attachment::Behind => {
                    if !self.read_up(index).await? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads a batch of what has left the tail from the log. Once that was the last one tells the state of the room again;
    /// whether it was.
    async fn read_up(&mut self, index: usize) -> Flow<bool> {
        if self.rooms[index].begin_to_read(&self.hub.log) {
            self.hub.metrics.lags_total.inc();
        }
        let (room, cursor) = (Arc::clone(&self.rooms[index].room), self.rooms[index].cursor);
        let head = room.head();
        // A snapshot costs more than a look at the head, and is of no use while the way is longer than what is read at once.
        if head.get().saturating_sub(cursor.get()) > PAGE_MESSAGES && !planted(Bug::LagSwallowed) {
            self.read_on(index, cursor, head).await?;
            return Ok(false);
        }
        let snapshot = room.snapshot();
        if cursor < snapshot.head
            && !planted(Bug::LagSwallowed)
            && self.read_on(index, cursor, snapshot.head).await? < snapshot.head
        {
            return Ok(false);
        }
        let membership = &mut self.rooms[index];
        (membership.number, membership.cursor, membership.version) = (snapshot.number, snapshot.head, snapshot.version);
        // A conversation has no state to tell again: nobody joins it or leaves.
        if self.dialect == Dialect::Json && room.ends().is_none() && self.may_see(&room) {
            self.joined(&room, snapshot);
        }
        Ok(true)
    }

    /// Writes the messages of a room in `after < seq ≤ upto`, batch by batch, and a `gap` for each that can't be had.
    pub(super) async fn read_from_log(&mut self, index: usize, after: Seq, upto: Seq) -> Flow {
        let _reading = self.hub.log.reading();
        let mut cursor = after;
        while cursor < upto {
            cursor = self.read_on(index, cursor, upto).await?;
            self.flush().await?;
        }
        Ok(())
    }

    /// The next of the messages in `after < seq ≤ upto`, a batch of them, and a `gap` for those before that can't be had. How
    /// far that goes.
    async fn read_on(&mut self, index: usize, after: Seq, upto: Seq) -> Flow<Seq> {
        let room = Arc::clone(&self.rooms[index].room);
        let next = self.next_stored(&room, after, upto).await?;
        // Asked once it was read: while that took its time he may have been put out.
        let cursor = match next {
            Some(batch) if self.may_see(&room) => self.stored_batch(&room, &batch, after),
            Some(batch) => self.own_fates_in_log(&room, &batch, after),
            None if self.may_see(&room) => {
                self.pieces(&room, &[], after, upto, None);
                upto
            }
            None => {
                self.fates_unknown(&room);
                upto
            }
        };
        self.rooms[index].cursor = cursor;
        Ok(cursor)
    }

    /// The batch in which the first message stands that is kept in `after < seq ≤ upto`. Of the page around it nothing is
    /// held: what is written next may take long.
    async fn next_stored(&self, room: &Room, after: Seq, upto: Seq) -> Flow<Option<Arc<Batch>>> {
        let mut cursor = after;
        while cursor < upto {
            let page = match self.hub.log.page(room, cursor, upto).await {
                Ok(page) => page,
                // What can't be read is not gone. It is tried once more, and then left to a later connection to read on from here.
                Err(error) => {
                    self.unreadable(room, &error);
                    let again = self.hub.log.page(room, cursor, upto).await;
                    again.map_err(|error| {
                        self.unreadable(room, &error);
                        unreadable_now()
                    })?
                }
            };
            match page.after(cursor) {
                Ok(batch) => return Ok(Some(batch)),
                Err(empty) => cursor = empty,
            }
        }
        Ok(None)
    }

    /// Takes in what follows `after` of a batch that was read from the log; how far it goes.
    fn stored_batch(&mut self, room: &Room, batch: &Arc<Batch>, after: Seq) -> Seq {
        let Some((first, last)) = batch.seqs else { return after };
        self.hub.metrics.deliveries_total.inc_by(batch.items.len() as u64);
        let is_dense = first == after.next() && batch.messages() == batch.items.len() as u64;
        let mine = self.person.as_ref().is_some_and(|person| batch.has_author(person.author));
        // Each end of a conversation calls it by another name.
        let is_same_for_all = !mine && !batch.room.is_conversation() && self.ignored.is_empty();
        if self.dialect == Dialect::Json && is_dense && is_same_for_all {
            self.out.push_shared(batch.chunk(Dialect::Json, self.hub.clock.zone()).bytes.clone());
        } else {
            let is_next = |piece: &Piece| piece.record().is_some_and(|record| record.stored.seq > after);
            let pieces: Vec<_> =
                (0..batch.items.len()).map(|i| Piece::Shared(Arc::clone(batch), i)).filter(is_next).collect();
            self.pieces(room, &pieces, after, last, None);
        }
        last
    }

    /// The last messages of a room, for somebody who enters it.
    pub(super) async fn recent(&mut self, room: &Arc<Room>, head: Seq, limit: u32) -> Flow {
        let limit = limit as usize;
        let pieces = match room.recent(head, limit) {
            Some(pieces) => pieces,
            None => match self.stored_before(room, head.next(), limit).await {
                Ok(records) => records.into_iter().map(Piece::Stored).collect(),
                Err(refusal) => {
                    self.refuse(refusal.about(self.name_of(room)));
                    return Ok(());
                }
            },
        };
        if self.may_see(room) {
            self.page_of_history(room, &pieces, head);
        }
        Ok(())
    }

    /// The newest messages of a room with `seq < before`; what can't be read at once is tried once more.
    async fn stored_before(&self, room: &Room, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, Refusal> {
        match self.hub.log.before(&room.name, before, limit).await {
            Ok(records) => return Ok(records),
            Err(error) => self.unreadable(room, &error),
        }
        self.hub.log.before(&room.name, before, limit).await.map_err(|error| self.cannot_read(&error))
    }

    fn unreadable(&self, room: &Room, error: &ReadError) {
        tracing::error!(connection = self.peer.id.0, room = %room.name, %error, "messages can't be read");
    }

    /// Takes in a batch of the room at `index`: whole where nothing in it is this session's own.
    pub(super) fn batch(&mut self, index: usize, batch: &Batch) {
        let membership = &mut self.rooms[index];
        let (cursor, version) = (membership.cursor, membership.version);
        membership.number = batch.number;
        if let Some((_, last)) = batch.seqs {
            membership.cursor = last;
        }
        self.hub.metrics.deliveries_total.inc_by(batch.messages());
        // Each batch is sampled by some sessions, and each session samples some batches.
        if (batch.number ^ self.peer.id.0).is_multiple_of(SAMPLED) {
            self.published.get_or_insert(batch.published);
        }
        if batch.room.is_conversation() {
            return self.private_batch(batch, cursor);
        }
        if !self.may_see(&self.rooms[index].room) {
            return self.own_fates(batch);
        }
        let fresh = batch.seqs.is_none_or(|(first, _)| first > cursor) && batch.since_version(version);
        if let Some(date) = batch.day {
            self.shown = date;
        }
        let mine = self.person.as_ref().is_some_and(|person| batch.has_author(person.author));
        let chunk = batch.chunk(self.dialect, self.hub.clock.zone());
        if fresh && !mine && self.ignored.is_empty() {
            self.out.push_shared(chunk.bytes.clone());
            return;
        }
        for (i, item) in batch.items.iter().enumerate() {
            if let Item::Presence(told) = item {
                self.ignore_renamed(told);
            }
            match item {
                Item::Message { record, .. } if record.stored.seq <= cursor => {}
                Item::Message { record, origin } if origin.connection == self.peer.id => {
                    self.settle_ticket(origin.ticket);
                    self.ack(record.id.clone(), &record.stored);
                }
                Item::Message { record, .. } if self.dialect == Dialect::Json && self.is_own(record) => {
                    self.json(&ServerMessage::Message { stored: record.stored.clone(), own: true, re: None });
                }
                Item::Message { record, .. } if self.ignores(record) => {}
                Item::Presence(told) if told.versions().is_some_and(|(first, _)| first <= version) => {
                    self.presence(&batch.room, told, version);
                }
                _ => self.out.push(&chunk.item(i)),
            }
        }
    }

    /// The part of what is told that this session doesn't know from its snapshot.
    fn presence(&mut self, room: &chat_protocol::names::RoomName, told: &crate::presence::Told, version: u64) {
        let Some(changes) = told.after(version) else { return };
        match self.dialect {
            Dialect::Text => self.text(|out| render::presence(out, &changes)),
            Dialect::Json => {
                let room = room.clone();
                self.json(&ServerMessage::Presence { room, count: told.count, changes: Some(changes) });
            }
        }
    }

    /// Takes the message off those whose fate is unknown, if it was sent on this connection. Whether it was.
    pub(super) fn settle(&mut self, record: &Record) -> bool {
        let stored = &record.stored;
        if !self.is_own(record) {
            return false;
        }
        // Not only the oldest: before it may stand one whose answer is still to come, as it was said before or is refused.
        let is_it =
            |unacked: &Unacked| unacked.room == stored.room && unacked.id == record.id && unacked.text == stored.text;
        let Some(position) = self.unacked.iter().position(is_it) else { return false };
        self.unacked.remove(position);
        true
    }

    pub(super) fn settle_ticket(&mut self, ticket: u64) {
        if let Some(position) = self.unacked.iter().position(|unacked| unacked.ticket == ticket) {
            self.unacked.remove(position);
        }
    }

    pub(super) fn is_own(&self, record: &Record) -> bool {
        self.person.as_ref().is_some_and(|person| person.author == record.author)
    }

    pub(super) fn ignores(&self, record: &Record) -> bool {
        self.is_ignored(&record.stored.from)
    }

    /// Messages shown on joining where the client doesn't say, and at most as many as a page may have.
    pub(super) fn history_wanted(wanted: Option<u32>) -> u32 {
        wanted.unwrap_or(DEFAULT_HISTORY).min(chat_protocol::limits::MAX_PAGE)
    }
}

/// The messages are there, but can't be read: whoever comes back goes on where he was.
fn unreadable_now() -> Ended {
    let bye = Bye::new(ByeCode::Storage, "what was said here can't be read just now; nothing of it is lost");
    Ended::Closed(bye.retry_after_ms(1000))
}

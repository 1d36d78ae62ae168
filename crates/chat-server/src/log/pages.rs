//! Pages of the log that several sessions read at about the same time.
//!
//! After a restart everybody comes back at once, and the rooms' tails are empty: a thousand sessions that each read and
//! rendered the same ten thousand messages would take half a minute for what is one read and one rendering. A page is
//! a [`Batch`] or several, as live batches are, so whoever reads it writes the shared lines. Pages are kept for as long
//! as anybody reads any, within a bound of bytes; a page that isn't there any more is read again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chat_protocol::names::RoomName;
use chat_protocol::value::Seq;
use tokio::sync::OnceCell;

use super::Record;
use crate::batch::{Batch, Item, Origin};
use crate::limits::{BATCH_BYTES, PAGE_MESSAGES, PAGES_BYTES, PAGES_LIFE};
use crate::peer::ConnId;
use crate::room::RoomId;

/// Messages of a read.
pub(super) const LIMIT: usize = PAGE_MESSAGES as usize;

/// What is kept of `after < seq ≤ upto` in one room.
#[derive(Debug)]
pub(crate) struct Page {
    /// In order; none is rendered to more than [`BATCH_BYTES`] but one that holds a single message.
    batches: Vec<Arc<Batch>>,
    /// Nothing is kept between the last batch and the message after this one.
    upto: Seq,
}

/// Which page: the seqs after the first and up to the second.
type Key = (RoomId, Seq, Seq);

/// The pages that are being read.
#[derive(Debug, Default)]
pub(crate) struct Pages(Mutex<Shared>);

#[derive(Debug, Default)]
struct Shared {
    pages: HashMap<Key, Slot>,
    /// The keys of those that were read, oldest first.
    order: VecDeque<Key>,
    bytes: usize,
    readers: usize,
}

#[derive(Debug, Clone)]
struct Slot {
    /// Whoever comes first reads it, all others wait for that.
    page: Arc<OnceCell<Arc<Page>>>,
    since: Instant,
    /// 0 until it was read.
    bytes: usize,
}

/// Somebody who reads pages. With the last of them the pages go.
#[derive(Debug)]
pub(crate) struct Reading(Arc<Pages>);

impl Drop for Reading {
    fn drop(&mut self) {
        let mut shared = self.0.shared();
        shared.readers -= 1;
        if shared.readers == 0 {
            *shared = Shared::default();
        }
    }
}

impl Page {
    /// A page of what was read from `after` on, which may go beyond `end`: then what lies between is known to be empty.
    ///
    /// `upto`: how far was looked.
    pub(super) fn new(room: &RoomName, records: Vec<Arc<Record>>, end: Seq, upto: Seq) -> Self {
        let is_all = records.len() < LIMIT;
        let mut beyond = if is_all { upto } else { end };
        let mut parts: Vec<Vec<Item>> = Vec::new();
        let mut bytes = 0;
        for record in records {
            if record.stored.seq > end {
                beyond = record.stored.seq.previous();
                break;
            }
            let item = Item::Message { record, origin: Origin { connection: ConnId::NOBODY, ticket: 0 } };
            let bound = item.bound();
            match parts.last_mut() {
                Some(part) if bytes + bound <= BATCH_BYTES => part.push(item),
                _ => {
                    parts.push(vec![item]);
                    bytes = 0;
                }
            }
            bytes += bound;
        }
        // They are no batches of the room's channel and have no number there.
        let batches = parts.into_iter().map(|items| Arc::new(Batch::new(0, room.clone(), items))).collect();
        Self { batches, upto: beyond.max(end) }
    }

    /// The next messages after `cursor`; where there are none in this page, up to where there are none.
    pub(crate) fn after(&self, cursor: Seq) -> Result<Arc<Batch>, Seq> {
        let last = |batch: &Batch| batch.seqs.map_or(Seq::ZERO, |(_, last)| last);
        let index = self.batches.partition_point(|batch| last(batch) <= cursor);
        self.batches.get(index).cloned().ok_or(self.upto)
    }

    /// About what it takes: its records, and its lines in one dialect.
    fn bytes(&self) -> usize {
        size_of::<(Key, Slot, Self)>()
            + self.batches.iter().flat_map(|batch| &batch.items).map(|item| 2 * item.bound()).sum::<usize>()
    }
}

/// The page in which the message after `cursor` stands: its bounds, no further than `upto`.
pub(super) fn bounds(cursor: Seq, upto: Seq) -> (Seq, Seq) {
    let start = cursor.get() / PAGE_MESSAGES * PAGE_MESSAGES;
    (Seq::new(start), Seq::new(start.saturating_add(PAGE_MESSAGES)).min(upto))
}

impl Pages {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held by whoever reads pages for as long as that takes.
    pub(crate) fn reading(self: &Arc<Self>) -> Reading {
        self.shared().readers += 1;
        Reading(Arc::clone(self))
    }

    /// The page under `key`, read by `read` where nobody has or is about to.
    pub(super) async fn get<E>(&self, key: Key, read: impl Future<Output = Result<Page, E>>) -> Result<Arc<Page>, E> {
        let cell = self.shared().cell(key);
        let mut fresh = None;
        let page = cell.get_or_try_init(async || {
            let page = Arc::new(read.await?);
            fresh = Some(page.bytes());
            Ok(page)
        });
        let page = Arc::clone(page.await?);
        if let Some(bytes) = fresh {
            self.shared().add(key, &cell, bytes);
        }
        Ok(page)
    }

    /// Something in this room was changed: who asks from now on reads it anew, also where somebody is reading just now.
    pub(super) fn forget(&self, room: RoomId) {
        let mut shared = self.shared();
        let keys: Vec<_> = shared.pages.keys().filter(|key| key.0 == room).copied().collect();
        keys.iter().for_each(|key| shared.remove(key));
    }
}

impl Shared {
    fn cell(&mut self, key: Key) -> Arc<OnceCell<Arc<Page>>> {
        if self.pages.get(&key).is_some_and(|slot| slot.since.elapsed() > PAGES_LIFE) {
            self.remove(&key);
        }
        let fresh = || Slot { page: Arc::default(), since: Instant::now(), bytes: 0 };
        Arc::clone(&self.pages.entry(key).or_insert_with(fresh).page)
    }

    /// Counts a page that was read, and lets the oldest go for it.
    fn add(&mut self, key: Key, cell: &Arc<OnceCell<Arc<Page>>>, bytes: usize) {
        // It may have been forgotten meanwhile, and another one be in its place.
        let Some(slot) = self.pages.get_mut(&key).filter(|slot| Arc::ptr_eq(&slot.page, cell)) else { return };
        slot.bytes = bytes;
        self.bytes += bytes;
        self.order.push_back(key);
        while self.bytes > PAGES_BYTES
            && let Some(oldest) = self.order.front().copied()
        {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(slot) = self.pages.remove(key) {
            self.bytes -= slot.bytes;
        }
        self.order.retain(|other| other != key);
    }
}

#[cfg(test)]
mod tests;

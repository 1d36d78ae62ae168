//! The store of `--ephemeral`: a ring in memory, bounded in bytes over all rooms. The oldest message of all makes place.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_protocol::message::Stored;
use chat_protocol::names::RoomName;
use chat_protocol::value::{MessageId, Seq, Text, Time};

use super::search::Query;
use super::store::{
    AuthorId, CommitError, KeptRoom, KeptSession, NewMessage, Operation, Person, ReadError, Reader, Record, Space,
    Store, TokenHash, Verdict,
};

/// What a message costs beside its text: the record, its places in the indexes.
const OVERHEAD: usize = 256;

/// A bounded ring of messages. Clones share it: one is given to the appender as its [`Store`], the others are [`Reader`]s.
#[derive(Clone, Debug)]
pub struct Memory {
    log: Arc<str>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    rooms: HashMap<RoomName, Ring>,
    ids: HashMap<(AuthorId, MessageId), (RoomName, Seq)>,
    /// Rooms in the order of the messages kept, for making place.
    order: VecDeque<RoomName>,
    bytes: usize,
    most: usize,
}

#[derive(Debug, Default)]
struct Ring {
    head: Seq,
    records: VecDeque<Arc<Record>>,
}

impl Memory {
    /// A ring of at most `bytes` of messages, of the log named `log`.
    #[must_use]
    pub fn new(log: &str, bytes: usize) -> Self {
        let kept = Kept { rooms: HashMap::new(), ids: HashMap::new(), order: VecDeque::new(), bytes: 0, most: bytes };
        Self { log: log.into(), kept: Arc::new(Mutex::new(kept)) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing that runs under this lock can panic half-way through a change that a reader would trip over.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn commit(&mut self, now: Time, operations: &[Operation]) -> Result<Vec<Verdict>, CommitError> {
        let mut kept = self.kept();
        Ok(operations
            .iter()
            .map(|operation| match operation {
                Operation::Say(message) => kept.say(now, message),
                Operation::Known(message) => kept.known(message).unwrap_or(Verdict::Missing),
                // The room and the directory remember these for as long as this process lives.
                Operation::Topic { .. } | Operation::Session { .. } | Operation::Revoke { .. } => Verdict::Done,
                Operation::Redact { room, seq, author } => kept.redact(room, *seq, *author),
                Operation::Erase { person, .. } => kept.erase(person),
            })
            .collect())
    }
}

impl Kept {
    /// What is known of a message without storing anything: that it is a repeat of another, or in conflict with one.
    fn known(&self, message: &NewMessage) -> Option<Verdict> {
        let (room, seq) = self.ids.get(&(message.author, message.id.clone()?))?;
        let record = self.rooms.get(room)?.get(*seq)?;
        let stored = &record.stored;
        // Of a text that was taken away nothing is kept to compare with; to store it once more would undo the removal.
        let same_text = stored.text == message.text || stored.text.as_str().is_empty();
        let same = *room == message.room && stored.kind == message.kind && same_text;
        Some(if same { Verdict::Repeat(Arc::clone(record)) } else { Verdict::Conflict })
    }

    fn say(&mut self, now: Time, message: &NewMessage) -> Verdict {
        if let Some(known) = self.known(message) {
            return known;
        }
        let key = message.id.clone().map(|id| (message.author, id));
        let ring = self.rooms.entry(message.room.clone()).or_default();
        ring.head = ring.head.next();
        let record = Arc::new(Record {
            stored: Stored {
                room: message.room.clone(),
                seq: ring.head,
                time: now,
                from: message.from.clone(),
                text: message.text.clone(),
                kind: message.kind,
            },
            author: message.author,
            id: message.id.clone(),
        });
        ring.records.push_back(Arc::clone(&record));
        if let Some(key) = key {
            self.ids.insert(key, (message.room.clone(), record.stored.seq));
        }
        self.order.push_back(message.room.clone());
        self.bytes += cost(&record);
        self.make_place();
        Verdict::Stored(record)
    }

    fn redact(&mut self, room: &RoomName, seq: Seq, author: Option<AuthorId>) -> Verdict {
        let Some(record) = self.rooms.get_mut(room).and_then(|ring| ring.get_mut(seq)) else { return Verdict::Missing };
        if author.is_some_and(|author| record.author != author) {
            return Verdict::Forbidden;
        }
        if record.stored.text.as_str().is_empty() {
            return Verdict::Done;
        }
        let mut left = Record::clone(record);
        left.stored.text = Text::new("");
        self.bytes -= cost(record) - cost(&left);
        *record = Arc::new(left);
        Verdict::Redacted(Arc::clone(record))
    }

    fn erase(&mut self, person: &Person) -> Verdict {
        let is_meant = |record: &Record| match person {
            Person::Account(id) => {
                record.author == *id || record.stored.room.ends().is_some_and(|ends| ends.contains(&id.0))
            }
            Person::Guest(alias) => record.stored.from.key().folded() == alias.key().folded(),
        };
        let all = self.rooms.values().flat_map(|ring| &ring.records);
        let meant: Vec<_> = all.filter(|record| is_meant(record)).cloned().collect();
        let left = meant.iter().filter_map(|record| match self.redact(&record.stored.room, record.stored.seq, None) {
            Verdict::Redacted(left) => Some(left),
            _ => None,
        });
        Verdict::Erased { left: left.collect(), next: None }
    }

    fn make_place(&mut self) {
        while self.bytes > self.most
            && let Some(room) = self.order.pop_front()
        {
            let Some(record) = self.rooms.get_mut(&room).and_then(|ring| ring.records.pop_front()) else { continue };
            self.bytes -= cost(&record);
            if let Some(id) = &record.id {
                self.ids.remove(&(record.author, id.clone()));
            }
        }
    }
}

impl Ring {
    /// The seq of the oldest message kept; one beyond the head where none is.
    fn first(&self) -> u64 {
        self.head.get() + 1 - self.records.len() as u64
    }

    /// The index of the first message kept whose seq is not below `seq`.
    fn index(&self, seq: Seq) -> usize {
        let index = seq.get().saturating_sub(self.first());
        usize::try_from(index).map_or(self.records.len(), |index| index.min(self.records.len()))
    }

    fn get(&self, seq: Seq) -> Option<&Arc<Record>> {
        self.records.get(self.index(seq)).filter(|record| record.stored.seq == seq)
    }

    fn get_mut(&mut self, seq: Seq) -> Option<&mut Arc<Record>> {
        let index = self.index(seq);
        self.records.get_mut(index).filter(|record| record.stored.seq == seq)
    }
}

impl Reader for Memory {
    fn log(&self) -> &str {
        &self.log
    }

    fn is_immediate(&self) -> bool {
        true
    }

    fn space(&self) -> Space {
        Space { used: self.kept().bytes as u64, free: None }
    }

    fn rooms(&self) -> Result<Vec<KeptRoom>, ReadError> {
        let kept = self.kept();
        let room =
            |(name, ring): (&RoomName, &Ring)| KeptRoom { name: name.clone(), head: ring.head, topic: String::new() };
        Ok(kept.rooms.iter().map(room).collect())
    }

    fn after(&self, room: &RoomName, after: Seq, upto: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        let kept = self.kept();
        let Some(ring) = kept.rooms.get(room) else { return Ok(Vec::new()) };
        let records = ring.records.iter().skip(ring.index(after.next()));
        Ok(records.take_while(|record| record.stored.seq <= upto).take(limit).cloned().collect())
    }

    fn before(&self, room: &RoomName, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        let kept = self.kept();
        let Some(ring) = kept.rooms.get(room) else { return Ok(Vec::new()) };
        let end = ring.index(before);
        Ok(ring.records.range(end.saturating_sub(limit)..end).cloned().collect())
    }

    fn search(&self, room: &RoomName, query: &str, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        let query = Query::new(query);
        let records: Vec<_> = {
            let kept = self.kept();
            let Some(ring) = kept.rooms.get(room) else { return Ok(Vec::new()) };
            ring.records.range(..ring.index(before)).cloned().collect()
        };
        let found = |record: &Arc<Record>| query.matches(record.stored.text.as_str());
        Ok(records.into_iter().rev().filter(found).take(limit).collect())
    }

    fn session(&self, _token: &TokenHash) -> Result<Option<KeptSession>, ReadError> {
        // The directory remembers the sessions for as long as this process lives.
        Ok(None)
    }
}

fn cost(record: &Record) -> usize {
    record.stored.text.as_str().len() + OVERHEAD
}

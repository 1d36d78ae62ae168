//! A room: who is in it, its topic, the channel of what happens in it, and the recent end of its log.
//!
//! Only the appender changes a room, and it publishes what it changed under the same lock: whoever looks at a room
//! sees a roster, a head and a batch number that belong together.

mod crowd;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_protocol::message::RoomCount;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::Seq;
use tokio::sync::broadcast;
use tokio::time::Instant;

pub(crate) use self::crowd::{Crowd, Place};
use crate::batch::{Batch, Item};
use crate::limits::{BATCH_BYTES, CHANNEL_BATCHES, CONVERSATION_BATCHES, TAIL_BYTES};
use crate::log::{AuthorId, Record};
use crate::peer::Peer;
use crate::planted::{Bug, planted};
use crate::presence::{Roster, Told};

/// Tells rooms apart for as long as the process lives, also one that was made again under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RoomId(u64);

/// A room in memory.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) name: RoomName,
    /// The name by which it is looked up.
    pub(crate) folded: Box<str>,
    /// It isn't simply everybody's: [`Access`](crate::access::Access) knows whose.
    guarded: AtomicBool,
    ends: Option<Ends>,
    sender: broadcast::Sender<Arc<Batch>>,
    /// Who is to be woken by what is published.
    pub(crate) crowd: Crowd,
    /// The number of the batch published last; changed only under the state's lock, once the channel has that batch.
    number: AtomicU64,
    state: Mutex<State>,
}

/// The two whose private conversation a room is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Their ids, in order.
    pub(crate) ids: [AuthorId; 2],
    /// What each is called.
    pub(crate) aliases: [Alias; 2],
}

#[derive(Debug)]
struct State {
    head: Seq,
    topic: String,
    roster: Roster,
    tail: Tail,
}

/// Where a session that enters stands: all this belongs to the moment of one batch.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) number: u64,
    pub(crate) head: Seq,
    /// The version of the roster: what is told later of changes up to it is no news.
    pub(crate) version: u64,
    pub(crate) topic: String,
    pub(crate) count: u64,
    /// The first names of the roster, in order.
    pub(crate) members: Vec<Alias>,
}

/// How a session whose cursor stands after a batch goes on.
#[derive(Debug)]
pub(crate) enum Attachment {
    /// It has everything; from here on the channel.
    Live(Place),
    /// These come next, then it asks again.
    Replay(Vec<Arc<Batch>>),
    /// What it lacks has left the tail: the log has the messages, a snapshot the rest.
    Behind,
}

/// A recent message, in the batch that brought it or from the log.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Shared(Arc<Batch>, usize),
    Stored(Arc<Record>),
}

impl Piece {
    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Self::Stored(record) => Some(record),
            Self::Shared(batch, index) => match batch.items.get(*index) {
                Some(Item::Message { record, .. }) => Some(record),
                _ => None,
            },
        }
    }
}

impl Room {
    pub(crate) fn new(name: RoomName, head: Seq, topic: String, max_roster: usize) -> Self {
        let state = State {
            head,
            topic,
            roster: Roster::new(max_roster),
            tail: Tail { batches: VecDeque::new(), bytes: 0, before: head, removed: Seq::ZERO },
        };
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = RoomId(NEXT.fetch_add(1, Ordering::Relaxed));
        let (folded, guarded) = (name.key().folded().into(), AtomicBool::new(false));
        Self {
            id,
            name,
            folded,
            guarded,
            ends: None,
            sender: broadcast::Sender::new(CHANNEL_BATCHES),
            crowd: Crowd::default(),
            number: AtomicU64::new(0),
            state: Mutex::new(state),
        }
    }

    /// A private conversation. Nobody is ever entered in its roster, so it keeps no tail: who lags reads the log.
    pub(crate) fn conversation(name: RoomName, ends: Ends, head: Seq) -> Self {
        let room = Self::new(name, head, String::new(), 0);
        Self { ends: Some(ends), sender: broadcast::Sender::new(CONVERSATION_BATCHES), ..room }
    }

    /// Whether it is to be asked who may be in it.
    pub(crate) fn is_guarded(&self) -> bool {
        self.guarded.load(Ordering::Acquire)
    }

    pub(crate) fn set_guarded(&self, guarded: bool) {
        self.guarded.store(guarded, Ordering::Release);
    }

    /// Whose conversation it is, where it is one.
    pub(crate) const fn ends(&self) -> Option<&Ends> {
        self.ends.as_ref()
    }

    /// The other end of the conversation of which `one` is an end; oneself, where one talks to oneself.
    pub(crate) fn other(&self, one: AuthorId) -> Option<(AuthorId, &Alias)> {
        let Ends { ids, aliases } = self.ends.as_ref()?;
        let other = ids.iter().position(|id| *id == one).map(|index| 1 - index)?;
        Some((ids[other], &aliases[other]))
    }

    /// What `one` calls it.
    pub(crate) fn name_for(&self, one: Option<AuthorId>) -> RoomName {
        match one.and_then(|one| self.other(one)) {
            Some((_, alias)) => RoomName::with(alias),
            None => self.name.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The few lines that run under this lock don't panic; were one to, the rest of the server still needs the room.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the session of `peer` goes on that has had every batch up to `number`.
    pub(crate) fn attach(self: &Arc<Self>, number: u64, peer: &Arc<Peer>) -> Attachment {
        let state = self.state();
        if number == self.number() {
            return Attachment::Live(Place::new(self, peer));
        }
        match state.tail.since(number, BATCH_BYTES) {
            Some(batches) if planted(Bug::HoleAtSeam) => {
                Attachment::Replay(batches.into_iter().next_back().into_iter().collect())
            }
            Some(batches) => Attachment::Replay(batches),
            None => Attachment::Behind,
        }
    }

    /// Its channel, for whoever needs no turn: a benchmark.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Batch>> {
        self.sender.subscribe()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut state = self.state();
        state.snapshot(self.number())
    }

    /// The newest `limit` messages with `seq ≤ upto`, oldest first, where all of them are in the tail.
    ///
    /// A room whose tail reaches back to its first message has all there are.
    pub(crate) fn recent(&self, upto: Seq, limit: usize) -> Option<Vec<Piece>> {
        self.state().tail.recent(upto, limit)
    }

    /// The number of the batch published last.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    pub(crate) fn head(&self) -> Seq {
        self.state().head
    }

    pub(crate) fn topic(&self) -> String {
        self.state().topic.clone()
    }

    pub(crate) fn summary(&self) -> RoomCount {
        let state = self.state();
        RoomCount { room: self.name.clone(), count: state.roster.count(), topic: state.topic.clone() }
    }

    /// The names after `after`, the unannounced ones too, at most `limit`; how many there are in all; whether more follow.
    pub(crate) fn who(&self, after: Option<&str>, limit: usize) -> (Vec<Alias>, u64, bool) {
        self.state().roster.page(after, limit)
    }

    /// Whether nobody is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().roster.is_empty()
    }

    /// Whether nobody is in it and nothing is kept of it, so that forgetting it loses nothing.
    pub(crate) fn is_unused(&self) -> bool {
        let state = self.state();
        state.roster.is_empty() && state.head == Seq::ZERO && state.topic.is_empty()
    }

    /// Adds somebody; `quiet` ones are not announced. Returns where he stands, and what has to be told before.
    pub(crate) fn enter(&self, alias: &Alias, author: AuthorId, quiet: bool) -> (Snapshot, Vec<Told>) {
        let mut state = self.state();
        let told = state.roster.add(alias, author, quiet);
        (state.snapshot(self.number()), told)
    }

    /// Takes somebody out, and returns what has to be told before. See [`Roster::remove`].
    pub(crate) fn exit(&self, alias: &Alias, author: AuthorId, reason: Option<String>, abrupt: bool) -> Vec<Told> {
        let mut state = self.state();
        let told = state.roster.remove(alias, author, reason, abrupt);
        if state.roster.is_empty() {
            let head = state.head;
            state.tail.clear(head);
        }
        told
    }

    pub(crate) fn rename(&self, from: &Alias, to: &Alias) -> Vec<Told> {
        self.state().roster.rename(from, to)
    }

    pub(crate) fn set_topic(&self, topic: &str) {
        topic.clone_into(&mut self.state().topic);
    }

    /// From now on serves of this message what is left of it.
    pub(crate) fn redact(&self, left: &Arc<Record>) {
        for (batch, _) in &mut self.state().tail.batches {
            if let Some(redacted) = batch.redacted(left) {
                *batch = Arc::new(redacted);
            }
        }
    }

    /// From now on serves nothing with `seq ≤ upto`: it is kept no longer.
    pub(crate) fn removed(&self, upto: Seq) {
        self.state().tail.removed(upto);
    }

    /// What has to be told before `speaker` may be heard.
    pub(crate) fn before_words_of(&self, speaker: &Alias) -> Vec<Told> {
        self.state().roster.before_words_of(speaker)
    }

    /// What is to be told by `now`; where that is nothing yet, when to ask again.
    pub(crate) fn due(&self, now: Instant) -> (Vec<Told>, Option<Instant>) {
        let mut state = self.state();
        match state.roster.due(now) {
            Some(due) if due <= now => (state.roster.tell(), None),
            later => (Vec::new(), later),
        }
    }

    /// Publishes items as the next batches, split so that none is rendered to more than [`BATCH_BYTES`].
    pub(crate) fn publish(&self, items: Vec<Item>) {
        let mut rest = items.into_iter().peekable();
        while rest.peek().is_some() {
            let mut bytes = 0;
            let mut part = Vec::new();
            while let Some(item) = rest.next_if(|item| part.is_empty() || bytes + item.bound() <= BATCH_BYTES) {
                bytes += item.bound();
                part.push(item);
            }
            self.publish_one(part, bytes);
        }
    }

    fn publish_one(&self, items: Vec<Item>, bytes: usize) {
        let mut state = self.state();
        let number = self.number() + 1;
        let batch = Arc::new(Batch::new(number, self.name.clone(), items));
        if let Some((_, last)) = batch.seqs {
            state.head = last;
        }
        if state.roster.is_empty() {
            let head = state.head;
            state.tail.clear(head);
        } else {
            state.tail.push(Arc::clone(&batch), bytes);
        }
        // That nobody listens is no error: a room may hold messages and no people.
        let _ = self.sender.send(batch);
        self.number.store(number, Ordering::Release);
    }
}

impl State {
    fn snapshot(&mut self, number: u64) -> Snapshot {
        let (version, members) = self.roster.snapshot();
        let count = self.roster.count();
        Snapshot { number, head: self.head, version, topic: self.topic.clone(), count, members }
    }
}

/// The recent batches of a room, bounded in bytes.
#[derive(Debug)]
struct Tail {
    batches: VecDeque<(Arc<Batch>, usize)>,
    bytes: usize,
    /// The newest seq that is no longer in it.
    before: Seq,
    /// Nothing is kept up to this seq, neither here nor in the log.
    removed: Seq,
}

impl Tail {
    fn push(&mut self, batch: Arc<Batch>, bytes: usize) {
        self.bytes += bytes;
        self.batches.push_back((batch, bytes));
        while self.bytes > TAIL_BYTES
            && let Some((batch, bytes)) = self.batches.pop_front()
        {
            self.bytes -= bytes;
            if let Some((_, last)) = batch.seqs {
                self.before = last;
            }
        }
    }

    /// Lets go of the batches that hold nothing that is kept: who lags behind them reads the log, and is told of the gap.
    fn removed(&mut self, upto: Seq) {
        self.removed = self.removed.max(upto);
        let is_gone = |batch: &Batch| batch.seqs.is_none_or(|(_, last)| last <= upto);
        while self.batches.front().is_some_and(|(batch, _)| is_gone(batch))
            && let Some((batch, bytes)) = self.batches.pop_front()
        {
            self.bytes -= bytes;
            self.before = batch.seqs.map_or(self.before, |(_, last)| last);
        }
    }

    fn clear(&mut self, head: Seq) {
        self.batches = VecDeque::new();
        self.bytes = 0;
        self.before = head;
    }

    /// The batches after `number`, at least one and no more than `most` bytes; `None` where the next has left the tail.
    fn since(&self, number: u64, most: usize) -> Option<Vec<Arc<Batch>>> {
        let first = self.batches.front()?.0.number;
        let skip = usize::try_from((number + 1).checked_sub(first)?).ok()?;
        let mut taken = 0;
        let next = self.batches.iter().skip(skip).enumerate().take_while(|(i, (_, bytes))| {
            taken += bytes;
            *i == 0 || taken <= most
        });
        let batches: Vec<_> = next.map(|(_, (batch, _))| Arc::clone(batch)).collect();
        (!batches.is_empty()).then_some(batches)
    }

    fn recent(&self, upto: Seq, limit: usize) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        'batches: for (batch, _) in self.batches.iter().rev() {
            for (i, item) in batch.items.iter().enumerate().rev() {
                if pieces.len() == limit {
                    break 'batches;
                }
                if let Item::Message { record, .. } = item
                    && record.stored.seq <= upto
                    && record.stored.seq > self.removed
                {
                    pieces.push(Piece::Shared(Arc::clone(batch), i));
                }
            }
        }
        pieces.reverse();
        (pieces.len() == limit || self.before <= self.removed).then_some(pieces)
    }
}

#[cfg(test)]
mod tests;

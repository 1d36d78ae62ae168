//! A log that stands still while it is told to, or can't be read.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, Seq, Text, Time};

use super::{Lab, until};
use crate::batch::Origin;
use crate::hub::Hub;
use crate::limits::APPEND_QUEUE;
use crate::log::{
    AuthorId, CommitError, Entry, KeptRoom, KeptSession, Memory, NewMessage, Operation, ReadError, Reader, Record,
    Space, Store, TokenHash, Verdict,
};
use crate::peer::{ConnId, Peer};

/// A log in memory whose commits wait while the gate is closed.
#[derive(Clone)]
pub(super) struct Gate {
    state: Arc<(Mutex<State>, Condvar)>,
    /// So many reads fail from now on.
    pub(super) failures: Arc<AtomicU32>,
    /// Whoever reads panics.
    pub(super) breaks: Arc<AtomicBool>,
    pub(super) memory: Memory,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// A commit waits.
    waits: bool,
}

impl Gate {
    pub(super) async fn lab() -> (Lab, Self) {
        Self::lab_that_keeps(64 << 20).await
    }

    /// A server that keeps so many bytes of messages.
    pub(super) async fn lab_that_keeps(bytes: usize) -> (Lab, Self) {
        let memory = Memory::new("log", bytes);
        let gate = Self { state: Arc::default(), failures: Arc::default(), breaks: Arc::default(), memory };
        (Lab::over(Box::new(gate.clone()), Arc::new(gate.clone())).await, gate)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().expect("nobody panics with it")
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    pub(super) fn open(&self) {
        self.state().closed = false;
        self.state.1.notify_all();
    }

    /// Until the log stands still over what was sent to it.
    pub(super) async fn until_it_waits(&self) {
        until(|| self.state().waits).await;
    }

    /// Closes the gate, and has the log stand still over what has no effect: what is sent to it from now on is one round.
    pub(super) async fn hold(&self, hub: &Hub) {
        self.close();
        hub.log.append(nothing()).await.expect("a log");
        self.until_it_waits().await;
    }

    /// The same with the log's queue full.
    pub(super) async fn fill(&self, hub: &Hub) {
        self.hold(hub).await;
        for _ in 0..APPEND_QUEUE {
            hub.log.append(nothing()).await.expect("a log");
        }
    }

    /// Has somebody who isn't here say something in a room, so many times.
    pub(super) async fn say(&self, hub: &Hub, room: &str, text: &str, times: usize) {
        let room = hub.rooms.get(&RoomName::new(room).expect("a room")).expect("the room");
        let message = NewMessage {
            room: room.name.clone(),
            author: AuthorId([9; 16]),
            session: None,
            id: None,
            from: Alias::new("stranger").expect("an alias"),
            text: Text::new(text),
            kind: Kind::Say,
        };
        let peer = Arc::new(Peer::new(ConnId::NOBODY, None, true));
        let origin = Origin { connection: ConnId::NOBODY, ticket: 0 };
        for _ in 0..times {
            let (message, room, peer) = (message.clone(), Arc::clone(&room), Arc::clone(&peer));
            hub.log.append(Entry::Say { message, room, origin, peer, refused: None }).await.expect("a log");
        }
    }

    /// The newest seq of a room.
    pub(super) fn head(&self, room: &str) -> u64 {
        let kept = self.memory.rooms().expect("rooms");
        kept.iter().find(|kept| kept.name.as_str() == room).map_or(0, |kept| kept.head.get())
    }

    fn fails(&self) -> Result<(), ReadError> {
        assert!(!self.breaks.load(Ordering::Relaxed), "a test has a session panic");
        let fails = self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if fails.is_ok() { Err(ReadError("test".to_owned())) } else { Ok(()) }
    }

    /// The texts that were said in a room.
    pub(super) fn said(&self, room: &str) -> Vec<String> {
        let room = RoomName::new(room).expect("a room");
        let records = self.memory.after(&room, Seq::ZERO, Seq::new(u64::MAX), usize::MAX).expect("records");
        records.iter().map(|record| record.stored.text.as_str().to_owned()).collect()
    }
}

/// An entry without an effect.
pub(super) fn nothing() -> Entry {
    Entry::Session { token: TokenHash([0; 32]), alias: Alias::new("nobody").expect("an alias") }
}

impl Store for Gate {
    fn commit(&mut self, now: Time, operations: &[Operation]) -> Result<Vec<Verdict>, CommitError> {
        let mut state = self.state();
        while state.closed {
            state.waits = true;
            state = self.state.1.wait(state).expect("nobody panics with it");
        }
        state.waits = false;
        drop(state);
        self.memory.commit(now, operations)
    }
}

impl Reader for Gate {
    fn log(&self) -> &str {
        self.memory.log()
    }

    fn is_immediate(&self) -> bool {
        true
    }

    fn space(&self) -> Space {
        self.memory.space()
    }

    fn rooms(&self) -> Result<Vec<KeptRoom>, ReadError> {
        self.memory.rooms()
    }

    fn after(&self, room: &RoomName, after: Seq, upto: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        self.fails()?;
        self.memory.after(room, after, upto, limit)
    }

    fn before(&self, room: &RoomName, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        self.fails()?;
        self.memory.before(room, before, limit)
    }

    fn search(&self, room: &RoomName, query: &str, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        self.memory.search(room, query, before, limit)
    }

    fn session(&self, token: &TokenHash) -> Result<Option<KeptSession>, ReadError> {
        self.memory.session(token)
    }
}

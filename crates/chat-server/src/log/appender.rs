//! The appender: one thread, the only one that writes to the store and the only one that publishes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::Time;
use jiff::civil::Date;
use jiff::tz::Offset;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{error, warn};

use super::pages::Pages;
use super::store::{AuthorId, CommitError, Operation, Record, Store, Verdict};
use super::{Busy, CannotRedact, Entered, Entry, Failure};
use crate::batch::Item;
use crate::clock::Clock;
use crate::limits::{BUSY_ROUNDS, COMMIT_ENTRIES, REFUSING_EVERY, ROUND};
use crate::metrics::Metrics;
use crate::peer::{Fate, Peer};
use crate::presence::Told;
use crate::room::{Room, RoomId};
use crate::rooms::{CannotEnter, Rooms};

/// How often the appender looks at the calendar when nothing else wakes it.
const CALENDAR: Duration = Duration::from_secs(20);

/// The state of the appender between two commits.
pub(super) struct Appender<S> {
    store: S,
    rooms: Arc<Rooms>,
    pages: Arc<Pages>,
    clock: Clock,
    metrics: Metrics,
    busy: Arc<Busy>,
    today: Date,
    offset: Offset,
    /// Rooms that will have to be told of comings and goings, and when.
    due: HashMap<RoomId, (Instant, Arc<Room>)>,
    /// When the store has something to do besides; `None`: nothing until something is committed.
    tend: Option<Instant>,
    /// Rounds since it was asked.
    rounds: u32,
    /// When the last round began.
    began: std::time::Instant,
    /// When to try again whether there is room, while there was none.
    retry: Option<Instant>,
}

/// What a round publishes, room by room in the order in which they were first concerned.
#[derive(Default)]
struct Round {
    index: HashMap<RoomId, usize>,
    rooms: Vec<(Arc<Room>, Vec<Item>)>,
    /// Whose messages are in it.
    speakers: Vec<Arc<Peer>>,
    /// What single sessions are told once the rooms have been: an answer to a repeat comes after the first one's ack.
    fates: Vec<(Arc<Peer>, u64, Fate)>,
    /// The same for answers: whoever has his finds what he did in the room. He may be gone; what was done stays so.
    answers: Vec<Box<dyn FnOnce()>>,
}

/// Tells of the end of the log also where that is a panic: nobody waits for it for ever.
struct StopOnDrop(Arc<Failure>, bool);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if !self.1 {
            self.0.set("the log's thread panicked".to_owned());
        }
    }
}

/// Runs an appender on a thread of its own until all senders of `entries` are gone or the store fails.
pub(super) fn spawn<S: Store>(
    mut appender: Appender<S>,
    mut entries: mpsc::Receiver<Entry>,
    failure: Arc<Failure>,
    ended: oneshot::Sender<()>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        let mut guard = StopOnDrop(failure, false);
        if let Err(why) = runtime.block_on(appender.run(&mut entries)) {
            error!(%why, "the log can't be written any more");
            guard.0.set(why);
        }
        guard.1 = true;
        // Whoever waits for a place or an answer learns that none will come; then the store is closed.
        drop(entries);
        drop(appender);
        let _ = ended.send(());
    })?;
    Ok(())
}

impl<S: Store> Appender<S> {
    pub(super) fn new(
        store: S,
        rooms: Arc<Rooms>,
        pages: Arc<Pages>,
        clock: Clock,
        metrics: Metrics,
        busy: Arc<Busy>,
    ) -> Self {
        let now = clock.now();
        let (today, offset) = (clock.date(now), clock.offset(now));
        let (due, tend) = (HashMap::new(), Some(Instant::now()));
        let began = std::time::Instant::now();
        Self { store, rooms, pages, clock, metrics, busy, today, offset, due, tend, rounds: 0, began, retry: None }
    }

    async fn run(&mut self, entries: &mut mpsc::Receiver<Entry>) -> Result<(), String> {
        let mut waiting = Vec::new();
        loop {
            let wake = self.due.values().map(|(due, _)| *due).chain(self.tend).chain(self.retry).min();
            let calendar = Instant::now() + CALENDAR;
            tokio::select! {
                received = entries.recv_many(&mut waiting, COMMIT_ENTRIES) => {
                    if received == 0 {
                        return Ok(());
                    }
                }
                () = tokio::time::sleep_until(wake.map_or(calendar, |wake| wake.min(calendar))) => {}
            }
            self.gather(entries, &mut waiting);
            self.began = std::time::Instant::now();
            self.busy.set(Some(self.began));
            self.round(&mut waiting)?;
            self.look_for_room()?;
            self.tend(entries.is_empty())?;
            self.busy.set(None);
        }
    }

    /// While members are still being woken for the rounds before, lets more come together for this one: they would take it with
    /// the same writes, and each round is one more batch to carry. A store that has to wait for a disk does that by itself.
    fn gather(&self, entries: &mut mpsc::Receiver<Entry>, waiting: &mut Vec<Entry>) {
        let early = ROUND.saturating_sub(self.began.elapsed());
        if early.is_zero() || waiting.is_empty() || !self.rooms.turnstile.is_busy() {
            return;
        }
        // Not the runtime's timers, which count in milliseconds; nothing else runs on this thread.
        std::thread::sleep(early);
        while waiting.len() < COMMIT_ENTRIES
            && let Ok(entry) = entries.try_recv()
        {
            waiting.push(entry);
        }
    }

    /// Tries whether there is room again, though nobody says anything: until that is known nobody new is sent here who might.
    fn look_for_room(&mut self) -> Result<(), String> {
        if self.retry.is_none_or(|retry| Instant::now() < retry) {
            return Ok(());
        }
        let tried = self.store.commit(self.clock.now(), &[]);
        self.refuses(matches!(tried, Err(CommitError::Full { .. })));
        match tried {
            Err(CommitError::Failed(why)) => Err(why),
            _ => Ok(()),
        }
    }

    fn refuses(&mut self, refuses: bool) {
        self.metrics.log_refusing.set(i64::from(refuses));
        self.retry = refuses.then(|| Instant::now() + REFUSING_EVERY);
    }

    /// Lets the store do what can wait: when nobody does, and every now and then also while there is always somebody.
    fn tend(&mut self, idle: bool) -> Result<(), String> {
        self.rounds += 1;
        if !idle && self.rounds < BUSY_ROUNDS {
            return Ok(());
        }
        self.rounds = 0;
        let next = self.store.tend(self.clock.now()).map_err(|error| error.to_string())?;
        for (name, upto) in self.store.take_removed() {
            if let Some(room) = self.rooms.get(&name) {
                room.removed(upto);
                self.pages.forget(room.id);
            }
        }
        self.tend = next.map(|next| Instant::now() + next);
        Ok(())
    }

    /// Stores what is to be stored of the entries, then publishes them in their order.
    fn round(&mut self, entries: &mut Vec<Entry>) -> Result<(), String> {
        let now = self.clock.now();
        let mut round = Round::default();
        self.look_at_calendar(now, &mut round);
        let operations: Vec<_> = entries.iter().filter_map(operation).collect();
        let verdicts = if operations.is_empty() { Ok(Vec::new()) } else { self.commit(now, &operations) };
        let (verdicts, full) = match verdicts {
            Ok(verdicts) => (verdicts.into_iter().map(Some).collect(), None),
            Err(CommitError::Full { why, known }) => {
                warn!(%why, operations = operations.len(), "the log has no room for more; messages are refused");
                (known, Some(why))
            }
            Err(CommitError::Failed(why)) => return Err(why),
        };
        let full = full.unwrap_or_default();
        let mut verdicts = verdicts.into_iter();
        for entry in entries.drain(..) {
            self.apply(entry, &mut verdicts, &full, &mut round);
        }
        self.tell_what_is_due(&mut round);
        for (room, items) in &mut round.rooms {
            self.rooms.conversations.knock(room, items);
            room.publish(std::mem::take(items));
        }
        // Who said something hears first what became of it: he may wait for that before he says more.
        round.speakers.iter().for_each(|peer| peer.wake_early());
        round.rooms.iter().for_each(|(room, _)| self.rooms.turnstile.open(room));
        for (peer, ticket, fate) in round.fates {
            peer.tell(ticket, fate);
        }
        round.answers.into_iter().for_each(|answer| answer());
        Ok(())
    }

    fn commit(&mut self, now: Time, operations: &[Operation]) -> Result<Vec<Verdict>, CommitError> {
        let started = std::time::Instant::now();
        let verdicts = self.store.commit(now, operations);
        self.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        self.refuses(matches!(verdicts, Err(CommitError::Full { .. })));
        if let Ok(verdicts) = &verdicts {
            let stored = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Stored(_))).count();
            self.metrics.messages_total.inc_by(stored as u64);
            self.metrics.batch_messages.observe(stored as f64);
        }
        verdicts
    }

    /// `full`: why an operation without a verdict was not carried out.
    fn apply(&self, entry: Entry, verdicts: &mut impl Iterator<Item = Option<Verdict>>, full: &str, round: &mut Round) {
        match entry {
            Entry::Say { message, room, origin, peer, refused } => match verdicts.next().flatten() {
                Some(Verdict::Stored(record)) => {
                    round.say(&room, &message.from, Item::Message { record, origin });
                    if round.speakers.last().is_none_or(|last| last.id != peer.id) {
                        round.speakers.push(peer);
                    }
                }
                Some(Verdict::Repeat(record)) => round.fates.push((peer, origin.ticket, Fate::Repeat(record))),
                Some(Verdict::Conflict) => round.fates.push((peer, origin.ticket, Fate::Conflict)),
                _ => {
                    let fate = refused.map_or_else(|| Fate::Full(full.to_owned()), Fate::Refused);
                    round.fates.push((peer, origin.ticket, fate));
                }
            },
            Entry::Redact { room, by, reply, .. } => {
                let answer = self.redacted(&room, &by, verdicts.next().flatten(), full, round);
                round.answer(reply, answer);
            }
            Entry::Erase { reply, .. } => {
                let answer = self.emptied(verdicts.next().flatten(), full, round);
                round.answer(reply, answer);
            }
            Entry::Enter { room, alias, author, quiet, reply } => {
                let entered = self.entered(&room, &alias, author, quiet, round);
                // A session that was ended meanwhile doesn't take the answer, and nobody else would ever take it out.
                if let Err(Ok(Entered { room, .. })) = reply.send(entered) {
                    self.exit(&room, (&alias, author), None, false, round);
                }
            }
            Entry::Exit { room, alias, author, reason, abrupt } => {
                self.exit(&room, (&alias, author), reason, abrupt, round);
            }
            Entry::Session { .. } => drop(verdicts.next()),
            Entry::Revoke { reply, .. } => round.answer(reply, verdicts.next().flatten().is_some()),
            Entry::Rename { rooms, from, to, token, reply } => {
                if token.is_some() {
                    drop(verdicts.next());
                }
                for room in rooms {
                    let told = room.rename(&from, &to);
                    round.tell(&room, told);
                }
                round.answer(reply, ());
            }
            Entry::Topic { room, from, topic, reply } => {
                let answer = match verdicts.next().flatten() {
                    Some(_) => {
                        room.set_topic(&topic);
                        round.say(&room, &from.clone(), Item::Topic { from, topic });
                        Ok(())
                    }
                    None => Err(full.to_owned()),
                };
                round.answer(reply, answer);
            }
        }
    }

    fn redacted(
        &self,
        room: &Arc<Room>,
        by: &Alias,
        verdict: Option<Verdict>,
        full: &str,
        round: &mut Round,
    ) -> Result<(), CannotRedact> {
        match verdict {
            Some(Verdict::Redacted(record)) => {
                self.pages.forget(room.id);
                round.redact(room, by, record);
                Ok(())
            }
            Some(Verdict::Done) => Ok(()),
            Some(Verdict::Forbidden) => Err(CannotRedact::Forbidden),
            Some(_) => Err(CannotRedact::Missing),
            None => Err(CannotRedact::Full(full.to_owned())),
        }
    }

    /// How many messages a step of an erasure emptied, and where the next begins.
    fn emptied(&self, verdict: Option<Verdict>, full: &str, round: &mut Round) -> Result<(u64, Option<u64>), String> {
        let Some(Verdict::Erased { left, next }) = verdict else { return Err(full.to_owned()) };
        left.iter().for_each(|record| self.erased(record, round));
        Ok((left.len() as u64, next))
    }

    fn entered(
        &self,
        name: &RoomName,
        alias: &Alias,
        author: AuthorId,
        quiet: bool,
        round: &mut Round,
    ) -> Result<Entered, CannotEnter> {
        let (room, made) = self.rooms.get_or_make(name)?;
        // What was said before he came is history to him, also where both happen in one round.
        round.publish_what_was_said(&room);
        let (snapshot, told) = room.enter(alias, author, quiet);
        round.tell(&room, told);
        Ok(Entered { room, snapshot, made })
    }

    /// Serves no more of a message than what is left. Nobody is told: it may be one of thousands.
    fn erased(&self, left: &Arc<Record>, round: &mut Round) {
        let name = &left.stored.room;
        let Some(room) = self.rooms.get(name).or_else(|| self.rooms.conversations.attended(name)) else { return };
        self.pages.forget(room.id);
        room.redact(left);
        round.items(&room).iter_mut().for_each(|item| item.redact(left));
    }

    fn exit(
        &self,
        room: &Arc<Room>,
        (alias, author): (&Alias, AuthorId),
        reason: Option<String>,
        abrupt: bool,
        round: &mut Round,
    ) {
        let told = room.exit(alias, author, reason, abrupt);
        round.tell(room, told);
        self.rooms.forget_if_unused(room);
    }

    /// Adds what the rooms of this round, and those whose time has come, are to be told of comings and goings.
    fn tell_what_is_due(&mut self, round: &mut Round) {
        let now = Instant::now();
        let later = self.due.values().filter(|(due, _)| *due <= now).map(|(_, room)| Arc::clone(room));
        for room in later.collect::<Vec<_>>() {
            round.tell(&room, Vec::new());
        }
        for (room, items) in &mut round.rooms {
            let (told, due) = room.due(now);
            items.extend(told.into_iter().map(Item::Presence));
            match due {
                Some(due) => self.due.insert(room.id, (due, Arc::clone(room))),
                None => self.due.remove(&room.id),
            };
        }
    }

    /// Tells every room where people are of a new day, or of a new offset from UTC.
    fn look_at_calendar(&mut self, now: Time, round: &mut Round) {
        let (today, offset) = (self.clock.date(now), self.clock.offset(now));
        if (today, offset) == (self.today, self.offset) {
            return;
        }
        for room in self.rooms.all().into_iter().filter(|room| !room.is_empty()) {
            if today != self.today {
                round.push(&room, Item::Day(today));
            }
            if offset != self.offset {
                round.push(&room, Item::Offset(offset));
            }
        }
        (self.today, self.offset) = (today, offset);
    }
}

impl Round {
    fn items(&mut self, room: &Arc<Room>) -> &mut Vec<Item> {
        let index = *self.index.entry(room.id).or_insert_with(|| {
            self.rooms.push((Arc::clone(room), Vec::new()));
            self.rooms.len() - 1
        });
        &mut self.rooms[index].1
    }

    fn answer<T: 'static>(&mut self, reply: oneshot::Sender<T>, answer: T) {
        self.answers.push(Box::new(|| drop(reply.send(answer))));
    }

    fn publish_what_was_said(&mut self, room: &Arc<Room>) {
        let items = self.items(room);
        if items.iter().any(|item| matches!(item, Item::Message { .. })) {
            room.publish(std::mem::take(items));
        }
    }

    fn push(&mut self, room: &Arc<Room>, item: Item) {
        self.items(room).push(item);
    }

    fn tell(&mut self, room: &Arc<Room>, told: Vec<Told>) {
        self.items(room).extend(told.into_iter().map(Item::Presence));
    }

    /// Takes a message's text out of what the room serves, and out of what this round is about to publish; then tells of it.
    fn redact(&mut self, room: &Arc<Room>, by: &Alias, left: Arc<Record>) {
        room.redact(&left);
        for item in self.items(room) {
            item.redact(&left);
        }
        self.say(room, by, Item::Redacted { record: left, by: by.clone() });
    }

    /// Adds what somebody said or did; what is untold of him comes first, as nobody speaks before he joined.
    fn say(&mut self, room: &Arc<Room>, speaker: &Alias, item: Item) {
        let told = room.before_words_of(speaker);
        self.tell(room, told);
        self.push(room, item);
    }
}

fn operation(entry: &Entry) -> Option<Operation> {
    match entry {
        Entry::Say { message, refused: None, .. } => Some(Operation::Say(message.clone())),
        Entry::Say { message, .. } => Some(Operation::Known(message.clone())),
        Entry::Topic { room, topic, .. } => Some(Operation::Topic { room: room.name.clone(), topic: topic.clone() }),
        Entry::Redact { room, seq, author, .. } => {
            Some(Operation::Redact { room: room.name.clone(), seq: *seq, author: *author })
        }
        Entry::Erase { person, after, .. } => Some(Operation::Erase { person: person.clone(), after: *after }),
        Entry::Session { token, alias } => Some(Operation::Session { token: *token, alias: alias.clone() }),
        Entry::Revoke { author, keep, .. } => Some(Operation::Revoke { author: *author, keep: keep.clone() }),
        Entry::Rename { to, token, .. } => token.map(|token| Operation::Session { token, alias: to.clone() }),
        Entry::Enter { .. } | Entry::Exit { .. } => None,
    }
}

//! The fold, the same for all stores: each scenario runs against every one of them, and random operations get the same
//! verdicts from all.

use std::sync::Arc;

use chat_protocol::value::{Kind, MessageId, Text, Time};
use proptest::prelude::*;

use super::*;
use crate::metrics::Surroundings;

/// A store with its reader, and what has to live as long.
pub(crate) struct Kit {
    pub(crate) store: Box<dyn Store>,
    pub(crate) reader: Arc<dyn Reader>,
    _folder: Option<tempfile::TempDir>,
}

impl Kit {
    fn memory() -> Self {
        let memory = Memory::new("log", 1 << 20);
        Self { store: Box::new(memory.clone()), reader: Arc::new(memory), _folder: None }
    }

    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, reader) = Sqlite::open(&Durable::new(folder.path())).unwrap();
        Self { store: Box::new(store), reader: Arc::new(reader), _folder: Some(folder) }
    }

    fn commit(&mut self, operations: &[Operation]) -> Vec<Verdict> {
        self.store.commit(NOW, operations).unwrap()
    }

    fn one(&mut self, operation: Operation) -> Verdict {
        self.commit(&[operation]).remove(0)
    }

    fn seqs(&self, name: &str) -> Vec<u64> {
        let records = self.reader.after(&room(name), Seq::ZERO, Seq::new(1000), 1000).unwrap();
        records.iter().map(|record| record.stored.seq.get()).collect()
    }

    fn search(&self, name: &str, query: &str) -> Vec<u64> {
        let records = self.reader.search(&room(name), query, Seq::new(u64::MAX), 100).unwrap();
        records.iter().map(|record| record.stored.seq.get()).collect()
    }
}

const NOW: Time = Time::from_millis(1_700_000_000_000);

/// Runs a scenario against every store.
fn everywhere(scenario: impl Fn(&mut Kit)) {
    scenario(&mut Kit::memory());
    scenario(&mut Kit::sqlite());
}

pub(crate) fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

pub(crate) fn message(name: &str, author: u8, id: Option<&str>, text: &str) -> NewMessage {
    NewMessage {
        room: room(name),
        author: AuthorId([author; 16]),
        session: Some(TokenHash([author; 32])),
        id: id.map(|id| MessageId::new(id).unwrap()),
        from: Alias::new("alice").unwrap(),
        text: Text::new(text),
        kind: Kind::Say,
    }
}

pub(crate) fn say(name: &str, author: u8, id: Option<&str>, text: &str) -> Operation {
    Operation::Say(message(name, author, id, text))
}

pub(crate) fn redact(name: &str, seq: u64, author: u8) -> Operation {
    Operation::Redact { room: room(name), seq: Seq::new(seq), author: Some(AuthorId([author; 16])) }
}

/// A verdict in brief, for comparing: what, where, and with which text.
pub(crate) fn brief(verdict: &Verdict) -> String {
    let place = |record: &Record| {
        let stored = &record.stored;
        format!("{} {} {:?} {:?} {:?}", stored.room, stored.seq, stored.kind, stored.text, record.id)
    };
    match verdict {
        Verdict::Stored(record) => format!("stored {}", place(record)),
        Verdict::Repeat(record) => format!("repeat {}", place(record)),
        Verdict::Redacted(record) => format!("redacted {}", place(record)),
        other => format!("{other:?}"),
    }
}

#[test]
fn seqs_are_each_rooms_own_and_dense() {
    everywhere(|kit| {
        let verdicts = kit.commit(&[say("a", 1, None, "x"), say("b", 1, None, "y"), say("a", 2, None, "z")]);
        let brief: Vec<_> = verdicts.iter().map(brief).collect();
        assert_eq!(brief, ["stored a 1 Say \"x\" None", "stored b 1 Say \"y\" None", "stored a 2 Say \"z\" None"]);
        assert_eq!((kit.seqs("a"), kit.seqs("b"), kit.seqs("c")), (vec![1, 2], vec![1], vec![]));
    });
}

#[test]
fn the_same_id_is_a_repeat_within_one_batch_and_later() {
    everywhere(|kit| {
        let first =
            kit.commit(&[say("a", 1, Some("i"), "x"), say("a", 1, Some("i"), "x"), say("a", 2, Some("i"), "x")]);
        assert_eq!(brief(&first[1]), "repeat a 1 Say \"x\" Some(\"i\")");
        assert_eq!(brief(&first[2]), "stored a 2 Say \"x\" Some(\"i\")", "an id is its author's");
        assert_eq!(brief(&kit.one(say("a", 1, Some("i"), "x"))), "repeat a 1 Say \"x\" Some(\"i\")");
        assert_eq!(kit.seqs("a"), [1, 2]);
    });
}

#[test]
fn whether_an_id_is_known_is_told_without_storing_anything() {
    everywhere(|kit| {
        let ask = |kit: &mut Kit, id: &str, text: &str| kit.one(Operation::Known(message("a", 1, Some(id), text)));
        assert_eq!(ask(kit, "i", "x"), Verdict::Missing);
        kit.one(say("a", 1, Some("i"), "x"));
        assert_eq!(brief(&ask(kit, "i", "x")), "repeat a 1 Say \"x\" Some(\"i\")");
        assert_eq!(ask(kit, "i", "y"), Verdict::Conflict);
        assert_eq!(ask(kit, "j", "y"), Verdict::Missing);
        assert_eq!(kit.seqs("a"), [1]);
    });
}

#[test]
fn an_id_with_another_text_kind_or_room_is_a_conflict_and_stores_nothing() {
    everywhere(|kit| {
        kit.one(say("a", 1, Some("i"), "x"));
        assert_eq!(kit.one(say("a", 1, Some("i"), "y")), Verdict::Conflict);
        assert_eq!(kit.one(say("b", 1, Some("i"), "x")), Verdict::Conflict);
        let action = NewMessage { kind: Kind::Action, ..message("a", 1, Some("i"), "x") };
        assert_eq!(kit.one(Operation::Say(action)), Verdict::Conflict);
        assert_eq!((kit.seqs("a"), kit.seqs("b")), (vec![1], vec![]));
    });
}

#[test]
fn pages_before_and_after() {
    everywhere(|kit| {
        let all: Vec<_> = (0..30).map(|i| say("a", 1, None, &format!("text {i}"))).collect();
        kit.commit(&all);
        let seqs = |records: Vec<Arc<Record>>| records.iter().map(|r| r.stored.seq.get()).collect::<Vec<_>>();
        let reader = &kit.reader;
        let after =
            |after, upto, limit| seqs(reader.after(&room("a"), Seq::new(after), Seq::new(upto), limit).unwrap());
        assert_eq!(after(3, 30, 2), [4, 5]);
        assert_eq!(after(3, 5, 10), [4, 5]);
        assert_eq!(after(29, 30, 10), [30]);
        assert!(after(30, 99, 10).is_empty());
        let before = |before, limit| seqs(reader.before(&room("a"), Seq::new(before), limit).unwrap());
        assert_eq!(before(31, 3), [28, 29, 30]);
        assert_eq!(before(3, 9), [1, 2]);
        assert_eq!(before(u64::MAX, 1), [30]);
        assert!(before(1, 9).is_empty());
    });
}

#[test]
fn who_may_removes_a_message_and_its_place_and_id_stay() {
    everywhere(|kit| {
        kit.commit(&[say("a", 1, Some("i"), "secret words"), say("a", 1, None, "other")]);
        assert_eq!(kit.one(redact("a", 1, 2)), Verdict::Forbidden);
        assert_eq!(kit.one(redact("a", 3, 1)), Verdict::Missing);
        assert_eq!(kit.one(redact("b", 1, 1)), Verdict::Missing);
        assert_eq!(brief(&kit.one(redact("a", 1, 1))), "redacted a 1 Say \"\" Some(\"i\")");
        assert_eq!(kit.one(redact("a", 1, 1)), Verdict::Done, "it is removed already");
        let anybodys = Operation::Redact { room: room("a"), seq: Seq::new(2), author: None };
        assert_eq!(brief(&kit.one(anybodys)), "redacted a 2 Say \"\" None");
        assert_eq!(kit.seqs("a"), [1, 2]);
        assert!(kit.search("a", "secret").is_empty());
        assert_eq!(brief(&kit.one(say("a", 1, Some("i"), "secret words"))), "repeat a 1 Say \"\" Some(\"i\")");
        assert_eq!(kit.commit(&[say("a", 1, Some("j"), "at once"), redact("a", 3, 1)]).len(), 2);
        assert!(kit.search("a", "once").is_empty());
    });
}

#[test]
fn a_search_finds_all_words_newest_first_indexed_or_not() {
    everywhere(|kit| {
        let texts = ["Lunch at noon?", "no lunch today", "明日は東京都へ行きます", "lunch in 東京"];
        kit.commit(&texts.map(|text| say("a", 1, None, text)));
        kit.one(say("b", 1, None, "lunch elsewhere"));
        for _ in 0..2 {
            assert_eq!(kit.search("a", "lunch"), [4, 2, 1]);
            assert_eq!(kit.search("a", "LUNCH noon"), [1]);
            assert_eq!(kit.search("a", "東京"), [4, 3]);
            assert_eq!(kit.search("a", "京都"), [3]);
            assert_eq!(kit.search("a", "lun* OR"), Vec::<u64>::new());
            for query in ["\"", "*", "\0", "a\0b\"c", "NEAR(", "terms:lunch", "^lunch^ -", "", "\" OR 1"] {
                kit.search("a", query);
            }
            let before = kit.reader.search(&room("a"), "lunch", Seq::new(4), 1).unwrap();
            assert_eq!(before[0].stored.seq, Seq::new(2));
            settle(kit);
        }
    });
}

/// Has the store do all that can wait.
pub(crate) fn settle(kit: &mut Kit) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match kit.store.tend(NOW).unwrap() {
            Some(next) if next < Duration::from_secs(5) => std::thread::sleep(next),
            _ => return,
        }
        assert!(Instant::now() < end, "the store is never done");
    }
}

fn operations() -> impl Strategy<Value = Vec<Vec<Operation>>> {
    let text =
        prop_oneof!["[a-c]{1,2}", Just("東京都".to_owned()), Just("a\nb".to_owned()), Just("\u{1b}x".to_owned())];
    let say = ("[ab]", 1..4u8, proptest::option::of("[i-l]"), text)
        .prop_map(|(room, author, id, text)| say(&room, author, id.as_deref(), &text));
    let redact = ("[ab]", 0..12u64, 1..4u8).prop_map(|(room, seq, author)| redact(&room, seq, author));
    let topic = ("[abc]", "[xy]?").prop_map(|(name, topic)| Operation::Topic { room: room(&name), topic });
    let operation = prop_oneof![6 => say, 2 => redact, 1 => topic];
    proptest::collection::vec(proptest::collection::vec(operation, 1..8), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_stores_come_to_the_same(batches in operations()) {
        let (mut memory, mut sqlite) = (Kit::memory(), Kit::sqlite());
        for batch in &batches {
            let verdicts = [&mut memory, &mut sqlite].map(|kit| kit.commit(batch).iter().map(brief).collect::<Vec<_>>());
            prop_assert_eq!(&verdicts[0], &verdicts[1]);
        }
        for name in ["a", "b", "c"] {
            let all = |kit: &Kit| kit.reader.after(&room(name), Seq::ZERO, Seq::new(999), 999).unwrap();
            prop_assert_eq!(all(&memory), all(&sqlite));
            for query in ["a", "b c", "東京", "京"] {
                prop_assert_eq!(memory.search(name, query), sqlite.search(name, query));
            }
        }
    }
}

/// Has no room while it is told so.
struct Fickle(Memory, Arc<std::sync::atomic::AtomicBool>);

/// Says after every commit that nothing is kept any more up to the first message of the lobby.
struct Forgetful(Memory);

impl Store for Forgetful {
    fn commit(&mut self, now: Time, operations: &[Operation]) -> Result<Vec<Verdict>, CommitError> {
        self.0.commit(now, operations)
    }

    fn take_removed(&mut self) -> Vec<(RoomName, Seq)> {
        vec![(room("lobby"), Seq::new(1))]
    }
}

/// A disk whose searches last until they are let go.
struct Searched(Memory, Mutex<std::sync::mpsc::Receiver<()>>);

impl Reader for Searched {
    fn log(&self) -> &str {
        self.0.log()
    }

    fn is_immediate(&self) -> bool {
        false
    }

    fn space(&self) -> Space {
        self.0.space()
    }

    fn rooms(&self) -> Result<Vec<KeptRoom>, ReadError> {
        self.0.rooms()
    }

    fn after(&self, room: &RoomName, after: Seq, upto: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        self.0.after(room, after, upto, limit)
    }

    fn before(&self, room: &RoomName, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        self.0.before(room, before, limit)
    }

    fn search(&self, room: &RoomName, query: &str, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        let _let_go = self.1.lock().unwrap().recv();
        self.0.search(room, query, before, limit)
    }

    fn session(&self, token: &TokenHash) -> Result<Option<KeptSession>, ReadError> {
        self.0.session(token)
    }
}

#[tokio::test]
async fn those_who_search_hold_up_nobody_who_comes_in() {
    let memory = Memory::new("log", 1 << 20);
    let (let_go, held) = std::sync::mpsc::channel();
    let rooms = Arc::new(Rooms::of_lobby(&room("lobby")));
    let reader = Arc::new(Searched(memory.clone(), Mutex::new(held)));
    let metrics = Metrics::new(&Surroundings::default()).unwrap();
    let (log, _end) = Log::start(memory, reader, rooms, Clock::system(), metrics).unwrap();
    let log = Arc::new(log);
    let mut searches = tokio::task::JoinSet::new();
    for _ in 0..2 * READS {
        let log = Arc::clone(&log);
        searches.spawn(async move { log.search(&room("lobby"), "tea".to_owned(), Seq::new(9), 5).await.unwrap() });
    }
    // On this one thread all of them have asked by the time that this is answered.
    tokio::task::yield_now().await;
    let page = tokio::time::timeout(Duration::from_secs(20), log.before(&room("lobby"), Seq::new(9), 5)).await;
    assert!(page.expect("in time").unwrap().is_empty());
    drop(let_go);
    assert_eq!(searches.join_all().await.len(), 2 * READS);
}

/// A log with nobody in it yet.
fn start(store: impl Store, memory: Memory) -> (Log, Arc<Rooms>, Metrics) {
    let metrics = Metrics::new(&Surroundings::default()).unwrap();
    let rooms = Arc::new(Rooms::of_lobby(&room("lobby")));
    let (log, _end) =
        Log::start(store, Arc::new(memory), Arc::clone(&rooms), Clock::system(), metrics.clone()).unwrap();
    (log, rooms, metrics)
}

/// Sets a topic of the lobby; whether it was kept.
async fn topic(log: &Log, rooms: &Rooms) -> Result<(), String> {
    let (room, _) = rooms.get_or_make(&room("lobby")).unwrap();
    let (reply, answer) = oneshot::channel();
    let (from, topic) = (Alias::new("alice").unwrap(), "tea".to_owned());
    log.append(Entry::Topic { room, from, topic, reply }).await.unwrap();
    answer.await.unwrap()
}

#[tokio::test]
async fn what_retention_removes_is_not_served_from_memory_either() {
    let mut memory = Memory::new("log", 1 << 20);
    let (log, rooms, _) = start(Forgetful(memory.clone()), memory.clone());
    let (lobby, _) = rooms.get_or_make(&room("lobby")).unwrap();
    lobby.enter(&Alias::new("alice").unwrap(), AuthorId([1; 16]), false);
    for verdict in memory.commit(NOW, &[say("lobby", 1, None, "one"), say("lobby", 1, None, "two")]).unwrap() {
        let Verdict::Stored(record) = verdict else { panic!("{verdict:?}") };
        let origin = Origin { connection: crate::peer::ConnId(1), ticket: 0 };
        lobby.publish(vec![crate::batch::Item::Message { record, origin }]);
    }
    topic(&log, &rooms).await.unwrap();
    // Once the second is answered the first one's round is over, and what came after it.
    topic(&log, &rooms).await.unwrap();
    let pieces = lobby.recent(Seq::new(2), 50).unwrap();
    assert_eq!(pieces.iter().map(|piece| piece.record().unwrap().stored.seq.get()).collect::<Vec<_>>(), [2]);
}

impl Store for Fickle {
    fn commit(&mut self, now: Time, operations: &[Operation]) -> Result<Vec<Verdict>, CommitError> {
        match self.1.load(std::sync::atomic::Ordering::Relaxed) {
            true => Err(CommitError::Full { why: "test".to_owned(), known: Vec::new() }),
            false => self.0.commit(now, operations),
        }
    }
}

#[tokio::test]
async fn a_log_that_refused_says_that_it_has_room_again_though_nobody_says_anything() {
    let (memory, full) = (Memory::new("log", 1 << 20), Arc::new(true.into()));
    let (log, rooms, metrics) = start(Fickle(memory.clone(), Arc::clone(&full)), memory);
    assert_eq!(topic(&log, &rooms).await, Err("test".to_owned()));
    assert_eq!(metrics.log_refusing.get(), 1);
    full.store(false, std::sync::atomic::Ordering::Relaxed);
    let until = Instant::now() + Duration::from_secs(30);
    while metrics.log_refusing.get() != 0 {
        assert!(Instant::now() < until, "it refuses for ever");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

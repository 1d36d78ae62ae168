//! A damaged database: whatever it is opened as, it never says anything that was not said.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use chat_protocol::names::RoomName;
use chat_protocol::value::Seq;

use super::*;
use crate::log::Record;
use crate::log::store::Reader as _;
use crate::log::tests::{room, say};

const NOW: Time = Time::from_millis(1_700_000_000_000);

/// What was said, by room and seq.
type Said = HashMap<(RoomName, Seq), Arc<Record>>;

fn options(folder: &Path) -> Durable {
    Durable { min_free: 0, ..Durable::new(folder) }
}

/// Fills a log. `in_wal`: its newest messages are in the write-ahead log alone.
fn fill(folder: &Path, in_wal: bool) -> Said {
    let (mut store, reader) = Sqlite::open(&options(folder)).unwrap();
    let add = |store: &mut Sqlite, from: usize| {
        for i in from..from + 20 {
            let batch: Vec<_> = (0..10)
                .map(|n| {
                    say(
                        ["a", "b", "c"][n % 3],
                        1,
                        Some(&format!("id {i} {n}")),
                        &format!("text {i} {n} {}", "words ".repeat(i)),
                    )
                })
                .collect();
            store.commit(NOW, &batch).unwrap();
        }
    };
    add(&mut store, 0);
    store.tending.index_now();
    while store.tend(NOW).unwrap() == Some(Duration::ZERO) {}
    tend::checkpoint(&store.db, true).unwrap();
    if in_wal {
        add(&mut store, 20);
    }
    let said = ["a", "b", "c"].iter().flat_map(|name| all(&reader, name));
    let said: Said = said.map(|record| ((record.stored.room.clone(), record.stored.seq), record)).collect();
    assert_eq!(said.len(), if in_wal { 400 } else { 200 });
    // Closed as a kill closes it: what is in the write-ahead log stays there.
    store.failed = true;
    said
}

fn all(reader: &SqliteReader, name: &str) -> Vec<Arc<Record>> {
    reader.after(&room(name), Seq::ZERO, Seq::new(1000), 1000).unwrap_or_default()
}

/// Opens what is left and asks for everything in every way. Whether it opened, and how many messages there were.
fn look(folder: &Path, said: &Said) -> Option<usize> {
    let (mut store, reader) = match Sqlite::open(&options(folder)) {
        Ok(opened) => opened,
        Err(error) => {
            assert!(error.to_string().len() > 20, "a sentence: {error}");
            return None;
        }
    };
    let mut served = 0;
    for name in ["a", "b", "c"] {
        let mut records = all(&reader, name);
        assert!(records.is_sorted_by(|a, b| a.stored.seq < b.stored.seq), "in order, each once");
        served += records.len();
        records.extend(reader.before(&room(name), Seq::new(1000), 500).unwrap_or_default());
        records.extend(reader.search(&room(name), "words", Seq::new(1000), 500).unwrap_or_default());
        for record in records {
            let original = said.get(&(record.stored.room.clone(), record.stored.seq));
            assert_eq!(Some(&record), original, "never a changed message");
        }
        // What is said now comes after all that was said, or nobody is told that it is kept.
        if let Ok(verdicts) = store.commit(NOW, &[say(name, 9, Some(name), "new")]) {
            let Some(Verdict::Stored(new)) = verdicts.first() else { panic!("{verdicts:?}") };
            let newest = reader.after(&room(name), new.stored.seq.previous(), new.stored.seq, 1).unwrap_or_default();
            assert!(newest.iter().all(|record| record == new));
        }
    }
    let _ = store.tend(NOW);
    Some(served)
}

fn copy(from: &Path, to: &Path) {
    for name in ["chat.db", "chat.db-wal"] {
        let _ = fs::remove_file(to.join(name));
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
    let _ = fs::remove_file(to.join("chat.db-shm"));
}

/// Numbers that look random and are the same in every run.
fn scattered(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

#[test]
fn truncated_at_50_places_it_serves_what_is_unchanged_or_does_not_start() {
    let (folder, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let said = fill(folder.path(), true);
    let mut opened = 0;
    for i in 0..50 {
        copy(folder.path(), broken.path());
        let name = if i % 2 == 0 { "chat.db" } else { "chat.db-wal" };
        let file = fs::File::options().write(true).open(broken.path().join(name)).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length * i / 50 + i % 7).unwrap();
        drop(file);
        opened += usize::from(look(broken.path(), &said).is_some());
    }
    assert!(opened >= 25, "a write-ahead log that was cut costs its end alone: {opened} opened");
}

#[test]
fn with_a_bit_flipped_at_200_places_it_serves_what_is_unchanged_or_does_not_start() {
    let (folder, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let said = fill(folder.path(), true);
    let mut random = scattered(7);
    let (mut opened, mut served) = (0, 0);
    for i in 0..200 {
        copy(folder.path(), broken.path());
        let path = broken.path().join(if i % 4 == 3 { "chat.db-wal" } else { "chat.db" });
        let mut bytes = fs::read(&path).unwrap();
        let at = usize::try_from(random(bytes.len() as u64)).unwrap();
        bytes[at] ^= 1 << random(8);
        fs::write(&path, bytes).unwrap();
        if let Some(count) = look(broken.path(), &said) {
            opened += 1;
            served += count;
        }
    }
    assert!(opened > 100, "{opened} of 200 opened");
    assert!(served > opened * 200, "on average {} of 400 were served", served / opened.max(1));
}

#[test]
fn undamaged_all_is_served() {
    for in_wal in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let said = fill(folder.path(), in_wal);
        assert_eq!(look(folder.path(), &said), Some(said.len()));
    }
}

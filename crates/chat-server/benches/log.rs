//! What a message costs between its line in and its lines out: `cargo bench -p chat-server`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "what criterion's macros make, and a program for people who measure"
)]

use std::hint::black_box;
use std::sync::Arc;

use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, Seq, Text, Time};
use chat_server::Config;
use chat_server::bench::{Hall, House, Rendered};
use chat_server::log::{AuthorId, Durable, Memory, NewMessage, Operation, Reader, Record, Sqlite, Store};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const WORDS: &str = "has anybody seen the grant that was on the table by the window?";
const KEPT: usize = 64 << 20;

fn room() -> RoomName {
    RoomName::new("lobby").unwrap()
}

fn say() -> NewMessage {
    NewMessage {
        room: room(),
        author: AuthorId([1; 16]),
        session: None,
        id: None,
        from: Alias::new("alice").unwrap(),
        text: Text::new(WORDS),
        kind: Kind::Say,
    }
}

fn memory() -> (Box<dyn Store>, Arc<dyn Reader>) {
    let memory = Memory::new("log", KEPT);
    (Box::new(memory.clone()), Arc::new(memory))
}

fn sqlite(folder: &tempfile::TempDir) -> (Box<dyn Store>, Arc<dyn Reader>) {
    let (store, reader) = Sqlite::open(&Durable::new(folder.path())).unwrap();
    (Box::new(store), Arc::new(reader))
}

/// Stores `count` messages, a thousand to a transaction, and returns the last thousand.
fn fill(store: &mut dyn Store, reader: &dyn Reader, count: usize) -> Vec<Arc<Record>> {
    let operations = vec![Operation::Say(say()); 1000];
    for _ in 0..count / 1000 {
        store.commit(Time::from_millis(1_763_000_000_000), &operations).unwrap();
    }
    reader.before(&room(), Seq::new(u64::MAX >> 1), 1000).unwrap()
}

/// One transaction of so many messages.
fn commit(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    for (name, (mut store, _reader)) in [("memory", memory()), ("sqlite", sqlite(&folder))] {
        let mut group = c.benchmark_group(format!("commit, {name}"));
        for count in [1, 64] {
            let operations = vec![Operation::Say(say()); count];
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(format!("{count} messages"), |b| {
                b.iter(|| store.commit(Time::from_millis(1_763_000_000_000), black_box(&operations)).unwrap());
            });
        }
        group.finish();
    }
}

/// From the queue to what a member takes out of the room's channel, by way of the log's thread.
fn appender(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, (store, reader)) in [("memory", memory()), ("sqlite", sqlite(&folder))] {
        let mut hall = Hall::new(store, reader);
        let mut group = c.benchmark_group(format!("appender, {name}"));
        for count in [1, 64] {
            group.throughput(Throughput::Elements(count));
            group.bench_function(format!("{count} messages"), |b| {
                b.iter(|| runtime.block_on(hall.say(&say(), count)));
            });
        }
        group.finish();
    }
}

/// A batch of 64 messages made and rendered, as its first receiver does it for all others.
fn batch(c: &mut Criterion) {
    let (mut store, reader) = memory();
    let records: Vec<_> = fill(&mut *store, &*reader, 1000).into_iter().take(64).collect();
    let mut group = c.benchmark_group("batch of 64");
    group.throughput(Throughput::Elements(64));
    for dialect in [Rendered::Text, Rendered::Json] {
        group.bench_function(format!("{dialect:?}"), |b| {
            b.iter_batched(|| records.clone(), |records| dialect.of(&room(), records), BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// What the store alone takes for a page of 200 messages.
fn page(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = c.benchmark_group("store, a page of 200 of 100,000");
    group.throughput(Throughput::Elements(200));
    for (name, (mut store, reader)) in [("memory", memory()), ("sqlite", sqlite(&folder))] {
        fill(&mut *store, &*reader, 100_000);
        group.bench_function(name, |b| {
            b.iter(|| reader.after(&room(), Seq::new(50_000), Seq::new(100_000), 200).unwrap());
        });
    }
    group.finish();
}

/// All that it takes to send 200 messages to somebody who joins or comes back: a session from its hello by page, rendering
/// and going live to its goodbye.
fn cursor(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let local = "127.0.0.1:0".parse().unwrap();
    let mut group = c.benchmark_group("session, 200 of 10,000 messages");
    group.throughput(Throughput::Elements(200));
    for (name, config) in [("memory", Config::ephemeral(local)), ("sqlite", Config::durable(local, folder.path()))] {
        let house = runtime.block_on(House::open(config, &say(), 10_000));
        group.bench_function(format!("{name}, read for him alone"), |b| {
            b.iter(|| runtime.block_on(house.come_back(200)));
        });
        let others = house.others_read();
        group.bench_function(format!("{name}, pages that others read"), |b| {
            b.iter(|| runtime.block_on(house.come_back(200)));
        });
        drop(others);
        group.bench_function(format!("{name}, history from the room's tail"), |b| {
            b.iter(|| runtime.block_on(house.come_in(200)));
        });
    }
    group.finish();
}

criterion_group!(benches, commit, appender, batch, page, cursor);
criterion_main!(benches);

//! Figures of the durable log: a restart with a million messages, a page of history, and what an ack costs.
//!
//!     cargo run --release -p chat-server --example figures [MESSAGES] [FOLDER]
//!     cargo run --release -p chat-server --example figures acks WRITERS [FOLDER]
//!
//! The second measures the durable log's acks alone, for `strace -f -c --seccomp-bpf -e trace=fsync,fdatasync` to count its syncs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a program for people who measure")]

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, MessageId, Seq, Text, Time};
use chat_server::log::{AuthorId, Durable, NewMessage, Operation, Reader as _, Sqlite, Store as _};
use chat_server::{Config, Server, Storage};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Messages that a writer has unacked.
const IN_FLIGHT: usize = 32;
/// How long each rate is measured.
const SPAN: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    let writers = (first.as_deref() == Some("acks")).then(|| arguments.next().expect("a number of writers"));
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("chat-figures"), PathBuf::from);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    match writers {
        Some(writers) => {
            rate("durable", Some(folder.join("rate")), writers.parse().expect("a number of writers")).await;
        }
        None => all(first.map_or(1_000_000, |n| n.parse().expect("a number of messages")), &folder).await,
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

async fn all(messages: u64, folder: &Path) {
    sync_time(folder);
    fill(&folder.join("large"), messages);
    restart(&folder.join("large")).await;
    pages(&folder.join("large"), messages);
    for writers in [1, 10, 100] {
        rate("ephemeral", None, writers).await;
        rate("durable", Some(folder.join(format!("rate{writers}"))), writers).await;
    }
}

fn sync_time(folder: &Path) {
    let mut file = File::create(folder.join("sync")).unwrap();
    let mut times: Vec<_> = (0..200)
        .map(|_| {
            file.write_all(&[7; 4096]).unwrap();
            let began = Instant::now();
            file.sync_all().unwrap();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("one fsync after 4 KiB: {:?} at the median, {:?} at the 99th percentile", times[100], times[198]);
}

fn fill(folder: &Path, messages: u64) {
    let (mut store, _reader) = Sqlite::open(&Durable::new(folder)).unwrap();
    let began = Instant::now();
    let say = |i: u64| {
        Operation::Say(NewMessage {
            room: RoomName::new(["lobby", "ops", "random", "team"][usize::try_from(i % 4).unwrap()]).unwrap(),
            author: AuthorId([u8::try_from(i % 50).unwrap(); 16]),
            session: None,
            id: Some(MessageId::new(format!("{i}")).unwrap()),
            from: Alias::new("alice").unwrap(),
            text: Text::new(&format!("message {i} about lunch on day {} with {}", i % 365, i % 1013)),
            kind: Kind::Say,
        })
    };
    let mut next = 0;
    while next < messages {
        let batch: Vec<_> = (next..(next + 1000).min(messages)).map(say).collect();
        next += 1000;
        store.commit(Time::from_millis(1_700_000_000_000), &batch).unwrap();
    }
    let took = began.elapsed();
    println!("{messages} messages in transactions of 1000: {:.0} a second", messages as f64 / took.as_secs_f64());
    let began = Instant::now();
    while store.tend(Time::from_millis(1_700_000_000_000)).unwrap() == Some(Duration::ZERO) {}
    println!("indexed behind them: {:.0} a second", messages as f64 / began.elapsed().as_secs_f64());
}

async fn restart(folder: &Path) {
    let began = Instant::now();
    let server = Server::bind(Config::durable(SocketAddr::from(([127, 0, 0, 1], 0)), folder)).await.unwrap();
    println!("restart: ready after {:?}", began.elapsed());
    server.run(std::future::ready(())).await.unwrap();
}

fn pages(folder: &Path, messages: u64) {
    let (_store, reader) = Sqlite::open(&Durable::new(folder)).unwrap();
    let room = RoomName::new("lobby").unwrap();
    let mut state = 1u64;
    let time = |before: Seq| {
        let began = Instant::now();
        assert_eq!(reader.before(&room, before, 50).unwrap().len(), 50);
        began.elapsed()
    };
    let mut times: Vec<_> = (0..1000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let before = Seq::new(51 + (state >> 33) % (messages / 4 - 50));
            (time(before), before)
        })
        .collect();
    times.sort_unstable();
    // Where a page is slow by itself it is so again; what other programs took isn't.
    let again = times[990..].iter().map(|(_, before)| (0..5).map(|_| time(*before)).min().unwrap());
    println!(
        "a page of 50 by before, from anywhere: {:?} at the median, {:?} at worst of 1000; the ten slowest once more: {:?} at worst",
        times[500].0,
        times[999].0,
        again.max().unwrap()
    );
    for query in ["lunch", "lunch 365", "777 message", "nothing", "mess"] {
        let began = Instant::now();
        let found = reader.search(&room, query, Seq::new(u64::MAX), 51).unwrap().len();
        println!("search for {query:?}: {found} in {:?}", began.elapsed());
    }
}

async fn rate(name: &str, data: Option<PathBuf>, writers: usize) {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config::ephemeral(listen);
    if let Some(data) = &data {
        config.storage = Storage::Sqlite(Durable::new(data));
    }
    config.limits.max_rate = 0;
    config.metrics = Some(listen);
    let server = Server::bind(config).await.unwrap();
    let (address, metrics) = (server.addresses()[0], server.metrics_address().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { drop(stopped.await) }));
    let until = Instant::now() + SPAN;
    // Each in a room of his own, so that acks are measured and not the sending to others.
    let tasks: Vec<_> = (0..writers).map(|n| tokio::spawn(writer(address, n, until))).collect();
    let mut acked = 0;
    for task in tasks {
        acked += task.await.unwrap();
    }
    let commits = metric(metrics, "_commit_seconds_count").await;
    let busy = metric(metrics, "_commit_seconds_sum").await;
    println!(
        "{name}, {writers} writers, {IN_FLIGHT} in flight each: {acked} acked, {:.0} a second; {commits} commits, {:.1} in each, {:.2} ms each",
        acked as f64 / SPAN.as_secs_f64(),
        acked as f64 / commits.max(1.0),
        busy * 1000.0 / commits.max(1.0)
    );
    drop(stop);
    running.await.unwrap().unwrap();
}

async fn writer(address: SocketAddr, number: usize, until: Instant) -> usize {
    let (read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let mut lines = BufReader::new(read).lines();
    let hello = format!("{{\"type\":\"hello\",\"alias\":\"w{number}\",\"rooms\":[{{\"room\":\"r{number}\"}}]}}\n");
    write.write_all(hello.as_bytes()).await.unwrap();
    let (mut sent, mut acked) = (0, 0);
    while Instant::now() < until {
        let mut batch = String::new();
        while sent - acked < IN_FLIGHT {
            batch += &format!(
                "{{\"type\":\"say\",\"room\":\"r{number}\",\"id\":\"{sent}\",\"text\":\"sixty-four bytes of a message that somebody could have said\"}}\n"
            );
            sent += 1;
        }
        write.write_all(batch.as_bytes()).await.unwrap();
        let line = lines.next_line().await.unwrap().expect("the server goes on");
        acked += usize::from(line.starts_with("{\"type\":\"ack\""));
    }
    acked
}

async fn metric(address: SocketAddr, name: &str) -> f64 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    let value = all.lines().find_map(|line| {
        let (metric, value) = line.split_once(' ')?;
        metric.ends_with(name).then(|| value.parse().ok()).flatten()
    });
    value.unwrap_or(f64::NAN)
}

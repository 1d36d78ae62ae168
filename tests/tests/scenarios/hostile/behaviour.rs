//! What hostile peers do to the program: each case says how much memory it may cost for good, and in which time somebody new is served
//! while it goes on.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chat_tests::{JsonClient, ServerProcess, TextClient, Wire};
use futures::future::{BoxFuture, FutureExt as _, join_all};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// While it goes on somebody new is in the lobby within this.
const SERVED: Duration = Duration::from_secs(1);

const MIB: u64 = 1 << 20;

struct Behaviour {
    name: &'static str,
    /// What it may add to the server's memory, in the unoptimised build of the tests.
    memory: u64,
    act: fn(SocketAddr) -> BoxFuture<'static, Kept>,
}

/// What has to stay open while the others are looked after.
type Kept = Vec<Box<dyn Send>>;

const BEHAVIOURS: &[Behaviour] = &[
    Behaviour { name: "100 MB from one who never reads", memory: 8 * MIB, act: |at| never_reads(at).boxed() },
    Behaviour { name: "a million rooms", memory: 32 * MIB, act: |at| a_million_rooms(at).boxed() },
    Behaviour { name: "absurd histories", memory: 16 * MIB, act: |at| absurd_histories(at).boxed() },
    Behaviour { name: "a line of 50 MB", memory: 4 * MIB, act: |at| an_endless_line(at).boxed() },
    Behaviour { name: "byte by byte", memory: 4 * MIB, act: |at| byte_by_byte(at).boxed() },
    Behaviour { name: "a thousand resets", memory: 8 * MIB, act: |at| resets(at).boxed() },
    Behaviour { name: "a heap of private messages", memory: 8 * MIB, act: |at| private_heap(at).boxed() },
    Behaviour { name: "two who race for an alias", memory: 8 * MIB, act: |at| races(at).boxed() },
    // The last, as what it takes is given back to the allocator and not to the system: the next ones would have it for nothing.
    Behaviour { name: "slow handshakes", memory: 64 * MIB, act: |at| slow_handshakes(at).boxed() },
];

const SLOW: usize = 5000;

/// Both ends of each are descriptors, of two processes with the same limit.
async fn slow_handshakes(at: SocketAddr) -> Kept {
    let mut kept = Kept::new();
    for _ in 0..SLOW / 50 {
        let some = join_all((0..50).map(|_| async {
            let mut stream = TcpStream::connect(at).await.expect("connected");
            stream.write_all(b"sl").await.expect("sent");
            stream
        }));
        kept.extend(some.await.into_iter().map(|stream| Box::new(stream) as Box<dyn Send>));
    }
    kept
}

/// Writes for as long as the server takes it, up to so many bytes.
async fn push(stream: &mut TcpStream, bytes: &[u8], most: usize) -> usize {
    let mut sent = 0;
    while sent < most {
        match timeout(Duration::from_millis(500), stream.write(bytes)).await {
            Ok(Ok(n)) => sent += n,
            Ok(Err(_)) | Err(_) => break,
        }
    }
    sent
}

async fn never_reads(at: SocketAddr) -> Kept {
    let mut stream = TcpStream::connect(at).await.expect("connected");
    stream.write_all(b"deaf\n").await.expect("sent");
    let sent = push(&mut stream, &b"/help\n".repeat(10_000), 100_000_000).await;
    assert!(sent < 100_000_000, "whoever takes no answers is not read for ever");
    vec![Box::new(stream)]
}

/// What the guests of one address may make in a day, of this server.
const ROOMS: usize = 100;

/// A million rooms asked for by twenty at once, who don't wait for answers. Here it is a part of them, as the unoptimised server
/// takes a minute for all; `tests/million_rooms.sh` asks for them.
async fn a_million_rooms(at: SocketAddr) -> Kept {
    const ASKERS: usize = 20;
    let asked = std::env::var("CHAT_ROOMS_ASKED").map_or(20_000, |count| count.parse().expect("a number"));
    let askers = join_all((0..ASKERS).map(|asker| ask_for_rooms(at, asker, asked / ASKERS))).await;
    assert_eq!(askers.iter().sum::<usize>(), asked - ROOMS, "so many in a day, and no more");
    let mut client = JsonClient::hello("rooms", at, json!({"type": "hello", "alias": "rooms", "rooms": []})).await;
    client.send(json!({"type": "rooms", "id": "r"})).await;
    let rooms = client.next("rooms").await["rooms"].as_array().map_or(0, Vec::len);
    assert!(rooms <= 2, "{rooms} rooms are left of those that nobody is in");
    Kept::new()
}

/// Asks for so many rooms without waiting, leaving those that it gets; how many it didn't get.
async fn ask_for_rooms(at: SocketAddr, asker: usize, count: usize) -> usize {
    let (reader, mut writer) = TcpStream::connect(at).await.expect("connected").into_split();
    let asking = tokio::spawn(async move {
        let hello = format!("{{\"type\":\"hello\",\"alias\":\"asker{asker}\",\"rooms\":[]}}\n");
        writer.write_all(hello.as_bytes()).await.expect("sent");
        for n in 0..count {
            let room = format!("r{asker}x{n}");
            let ask =
                format!("{{\"type\":\"join\",\"room\":\"{room}\"}}\n{{\"type\":\"leave\",\"room\":\"{room}\"}}\n");
            writer.write_all(ask.as_bytes()).await.expect("sent");
        }
        writer.write_all(b"{\"type\":\"quit\"}\n").await.expect("sent");
        writer
    });
    let mut lines = BufReader::new(reader).lines();
    let mut refused = 0;
    while let Some(line) = lines.next_line().await.expect("a line") {
        refused += usize::from(line.contains("\"code\":\"limit\""));
    }
    drop(asking.await.expect("asked"));
    refused
}

async fn absurd_histories(at: SocketAddr) -> Kept {
    let mut client = JsonClient::hello("history", at, json!({"type": "hello", "alias": "history"})).await;
    for n in 0..20 {
        client.request(json!({"type": "say", "room": "lobby", "text": "something", "id": n.to_string()})).await;
    }
    let ask = "{\"type\":\"history\",\"room\":\"lobby\",\"limit\":4294967295}\n";
    client.send_raw(ask.repeat(1000).as_bytes()).await;
    let lines = client.so_far().await;
    assert_eq!(lines.iter().filter(|line| line["type"] == "end").count(), 1000);
    let too_large = "{\"type\":\"history\",\"room\":\"lobby\",\"limit\":4294967296}\n";
    client.send_raw(too_large.repeat(1000).as_bytes()).await;
    let lines = client.so_far().await;
    assert_eq!(lines.iter().filter(|line| line["code"] == "bad_field").count(), 1000);
    Kept::new()
}

async fn an_endless_line(at: SocketAddr) -> Kept {
    let mut client = TextClient::enter("endless", at).await;
    let megabyte = vec![b'x'; 1 << 20];
    for _ in 0..50 {
        client.send_raw(&megabyte).await;
    }
    client.send_line("").await;
    client.until("!!! the line has 52428800 bytes; at most 32768 are allowed").await;
    client.expect_nothing().await;
    Kept::new()
}

async fn byte_by_byte(at: SocketAddr) -> Kept {
    let mut client = TextClient::dial("drip", at).await;
    client.expect("ALIAS?").await;
    for byte in b"drip\n/who\n".repeat(20) {
        client.send_raw(&[byte]).await;
    }
    client.until_start("*** You are drip").await;
    let lines = client.so_far().await;
    assert_eq!(lines.iter().filter(|line| line.contains(" in #lobby: ")).count(), 20);
    Kept::new()
}

async fn resets(at: SocketAddr) -> Kept {
    for _ in 0..20 {
        join_all((0..50).map(|_| async {
            let mut wire = Wire::connect("reset", at).await;
            let _ = wire.try_send_raw(b"{\"type\":\"hello\",\"alias\":\"reset\"}\n").await;
            wire.reset();
        }))
        .await;
    }
    Kept::new()
}

async fn private_heap(at: SocketAddr) -> Kept {
    let mut deaf = Wire::connect_small("deaf", at).await;
    deaf.send_line("{\"type\":\"hello\",\"alias\":\"heap\",\"rooms\":[]}").await;
    deaf.expect("ALIAS?").await;
    deaf.expect_start("{\"type\":\"welcome\"").await;
    let mut client = JsonClient::dial("sender", at).await;
    client.say_hello(json!({"type": "hello", "alias": "sender", "rooms": []})).await;
    let line = json!({"type": "private", "to": "heap", "text": "x".repeat(8000)}).to_string() + "\n";
    let mut full = 0;
    for _ in 0..40 {
        client.send_raw(line.repeat(25).as_bytes()).await;
        full += client.so_far().await.iter().filter(|line| line["code"] == "mailbox_full").count();
    }
    assert!(full > 0, "8 MB fit nowhere");
    vec![Box::new(deaf)]
}

/// A thousand times two ask for the same alias at once, and one of them gets it.
async fn races(at: SocketAddr) -> Kept {
    let mut racers = Vec::new();
    for name in ["left", "right"] {
        let mut racer = JsonClient::dial(name, at).await;
        racer.say_hello(json!({"type": "hello", "alias": name, "rooms": []})).await;
        racers.push(racer);
    }
    for n in 0..1000 {
        let ask = json!({"type": "nick", "alias": format!("n{n}"), "id": "n"});
        join_all(racers.iter_mut().map(|racer| racer.send(ask.clone()))).await;
        let answers = join_all(racers.iter_mut().map(|racer| racer.receive())).await;
        let won = answers.iter().filter(|answer| answer["type"] == "ack").count();
        let lost = answers.iter().filter(|answer| answer["code"] == "alias_taken").count();
        assert_eq!((won, lost), (1, 1), "{answers:?}");
    }
    Kept::new()
}

/// Somebody new comes, again and again, until it is over and once after that: the longest time that one of them waited.
async fn served_until(mut over: watch::Receiver<()>, at: SocketAddr, number: usize) -> Duration {
    let mut longest = Duration::ZERO;
    for n in 0.. {
        let is_last = over.has_changed().is_err();
        let began = Instant::now();
        let name = format!("new{number}-{n}");
        // Unannounced, as those who are looked at count their lines.
        let hello = json!({"type": "hello", "alias": name, "quiet": true});
        let mut new = JsonClient::hello(&name, at, hello).await;
        new.expect_type("joined").await;
        longest = longest.max(began.elapsed());
        new.send(json!({"type": "quit"})).await;
        new.rest_json().await;
        if is_last {
            break;
        }
        let _ = timeout(Duration::from_millis(20), over.changed()).await;
    }
    longest
}

impl Behaviour {
    async fn check(&self, server: &ServerProcess, number: usize) {
        let before = server.resident();
        let began = Instant::now();
        let (going_on, over) = watch::channel(());
        let newcomers = tokio::spawn(served_until(over, server.address, number));
        let kept = (self.act)(server.address).await;
        let took = began.elapsed();
        drop(going_on);
        let served = newcomers.await.expect("served");
        assert!(served < SERVED, "{}: somebody new is served after {served:?}", self.name);
        let added = server.resident().saturating_sub(before);
        eprintln!("{}: {took:?}, somebody new after {served:?}, {} KiB", self.name, added / 1024);
        assert!(added <= self.memory, "{}: {} MiB more memory", self.name, added / MIB);
        drop(kept);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_somebody_does() {
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).expect("a limit");
    assert!(
        descriptors > SLOW as u64 + 200,
        "{SLOW} connections take more descriptors than {descriptors}; ulimit -Hn is theirs"
    );
    let server = ServerProcess::start(&["--max-rate", "0", "--max-guest-rooms", &ROOMS.to_string()]);
    for (number, behaviour) in BEHAVIOURS.iter().enumerate() {
        behaviour.check(&server, number).await;
    }
}

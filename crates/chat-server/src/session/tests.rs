mod crowd;
mod endings;
mod fairness;
mod gate;
mod placing;
mod reading;
mod stopping;

use chat_protocol::value::Password;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::hub::Hub;
use crate::limits::BATCH_BYTES;
use crate::log::{Reader, Store};
use crate::{Config, Server};

/// What a task of a session takes, in bytes. The rest of the memory of an idle connection is with the kernel and in the
/// directory; a future that grows unnoticed would soon be the larger part.
const TASK: usize = 1024;

#[tokio::test]
async fn a_waiting_session_is_small() {
    let server = Server::bind(Config::ephemeral("127.0.0.1:0".parse().expect("an address"))).await.expect("a server");
    let hub = Arc::clone(server.hub());
    let peer = hub.register(None, true).expect("a place");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let stream = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let mut session = Session::new(hub, peer, stream, Opening::Tcp);
    let size = size_of_val(&session) + size_of_val(&session.run());
    assert!(size <= TASK, "{size} bytes");
}

/// A server whose clients come from wherever they like.
struct Lab {
    server: Server,
}

impl Lab {
    async fn open() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut config = Config::ephemeral("127.0.0.1:0".parse().expect("an address"));
        change(&mut config.limits);
        Self::of(config).await
    }

    async fn of(config: Config) -> Self {
        Self { server: Server::bind(config).await.expect("a server") }
    }

    /// One with this log.
    async fn over(store: Box<dyn Store>, reader: Arc<dyn Reader>) -> Self {
        let config = Config::ephemeral("127.0.0.1:0".parse().expect("an address"));
        Self { server: Server::over(store, reader, Vec::new(), config).await.expect("a server") }
    }

    fn hub(&self) -> Arc<Hub> {
        Arc::clone(self.server.hub())
    }

    async fn account(&self, name: &str) -> AuthorId {
        let hub = self.hub();
        let mut id = [0; 16];
        id[..name.len()].copy_from_slice(name.as_bytes());
        let alias = Alias::new(name).expect("an alias");
        let made = hub.accounts.register(None, AuthorId(id), alias, Password::new("correct horse"), hub.clock.now());
        made.await.expect("an account").id
    }

    /// An operator who is here, on the server's machine.
    async fn operator(&self) -> BufReader<DuplexStream> {
        let id = self.account("olga").await;
        self.hub().accounts.ask(move |all| all.set_operator(id, true)).await.expect("an operator");
        let mut olga = self.connect("127.0.0.1").await;
        say(&mut olga, "olga\n").await;
        say(&mut olga, "correct horse\n").await;
        say(&mut olga, "").await;
        olga
    }

    /// A connection from an address, asked for its alias.
    async fn connect(&self, address: &str) -> BufReader<DuplexStream> {
        self.connect_by(address, 64 * 1024).await
    }

    /// The same by way of so many bytes.
    async fn connect_by(&self, address: &str, buffer: usize) -> BufReader<DuplexStream> {
        let hub = self.hub();
        let address: std::net::IpAddr = address.parse().expect("an address");
        let peer = hub.register(Some(address), address.is_loopback()).expect("a place");
        let (here, there) = tokio::io::duplex(buffer);
        let mut session = Session::new(hub, peer, there, Opening::Tcp);
        tokio::spawn(async move { session.run().await });
        let mut client = BufReader::new(here);
        assert_eq!(say(&mut client, "").await, "ALIAS?");
        client
    }

    /// A guest from an address, in the lobby.
    async fn guest(&self, name: &str, address: &str) -> BufReader<DuplexStream> {
        let mut client = self.connect(address).await;
        assert_eq!(say(&mut client, &format!("{name}\n")).await, "You are now connected!");
        say(&mut client, "").await;
        client
    }
}

/// Lets the others run until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + std::time::Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "it never comes to be so");
        tokio::task::yield_now().await;
    }
}

async fn tell(client: &mut BufReader<DuplexStream>, lines: &str) {
    client.write_all(lines.as_bytes()).await.expect("written");
}

/// The next line of the server after these.
async fn say(client: &mut BufReader<DuplexStream>, lines: &str) -> String {
    tell(client, lines).await;
    let mut line = String::new();
    let read = tokio::time::timeout(std::time::Duration::from_secs(20), client.read_line(&mut line)).await;
    read.expect("a line in time").expect("a line");
    line.trim_end().to_owned()
}

#[tokio::test]
async fn a_password_is_not_taken_where_others_can_read_it() {
    let lab = Lab::open().await;
    lab.account("bob").await;
    let mut client = lab.connect("192.0.2.1").await;
    let words = "passwords are only taken over TLS or on the server's own machine";
    let answer = say(&mut client, "bob\n").await;
    assert_eq!(answer, format!("!!! bob is an account's alias, and {words}"));
    assert_eq!(say(&mut client, "alice\n").await, "ALIAS?");
    assert_eq!(say(&mut client, "").await, "You are now connected!");
    assert!(say(&mut client, "").await.starts_with("*** You are alice"));
    assert_eq!(say(&mut client, "/register battery staple\n").await, format!("!!! {words}"));

    let mut client = lab.connect("192.0.2.1").await;
    let hello = "{\"type\":\"hello\",\"alias\":\"bob\",\"password\":\"correct horse\"}\n";
    let refused = format!("{{\"type\":\"error\",\"code\":\"forbidden\",\"message\":\"{words}\"}}");
    assert_eq!(say(&mut client, hello).await, refused);

    let mut client = lab.connect("::1").await;
    assert_eq!(say(&mut client, "bob\n").await, "PASSWORD?");
    assert_eq!(say(&mut client, "correct horse\n").await, "You are now connected!");
}

#[tokio::test]
async fn an_accounts_session_is_not_taken_where_others_can_read_it() {
    let lab = Lab::open().await;
    lab.account("bob").await;
    let mut owner = lab.connect("127.0.0.1").await;
    let welcome = say(&mut owner, "{\"type\":\"hello\",\"alias\":\"bob\",\"password\":\"correct horse\"}\n").await;
    let session = welcome.split("\"session\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a session");
    let resume = format!("{{\"type\":\"hello\",\"session\":\"{session}\"}}\n");
    let mut eve = lab.connect("192.0.2.1").await;
    let words = "sessions of accounts are only taken over TLS or on the server's own machine";
    let refused = format!("{{\"type\":\"error\",\"code\":\"forbidden\",\"message\":\"{words}\"}}");
    assert_eq!(say(&mut eve, &resume).await, refused);
    // The owner isn't put out by that, and comes back where nobody listens.
    tell(&mut owner, "{\"type\":\"ping\",\"id\":\"p\"}\n").await;
    skip_to(&mut owner, "{\"type\":\"pong\"").await;
    let mut again = lab.connect("::1").await;
    assert!(say(&mut again, &resume).await.starts_with("{\"type\":\"welcome\""));
}

/// Lines up to the one that begins so.
async fn skip_to(client: &mut BufReader<DuplexStream>, start: &str) -> String {
    loop {
        let line = say(client, "").await;
        assert!(!line.is_empty(), "the end came before {start:?}");
        if line.starts_with(start) {
            return line;
        }
    }
}

#[tokio::test]
async fn a_banned_address_is_closed_and_stays_out_until_the_ban_is_lifted() {
    let lab = Lab::open().await;
    let mut olga = lab.operator().await;
    let mut eve = lab.guest("eve", "192.0.2.7").await;
    let mut handshake = lab.connect("192.0.2.9").await;
    tell(&mut olga, "/ban 192.0.2.0/24 7d spam\n").await;
    let told = skip_to(&mut olga, "*** 192.0.2.0/24 is banned until ").await;
    assert!(told.ends_with("; 2 connections closed"), "{told}");
    let bye = skip_to(&mut eve, "*** bye: you are banned until ").await;
    assert!(bye.ends_with(": spam"), "{bye}");
    skip_to(&mut handshake, "*** bye: you are banned until ").await;

    let mut again = lab.connect("192.0.2.8").await;
    let bye = say(&mut again, "{\"type\":\"hello\",\"alias\":\"mallory\"}\n").await;
    assert!(bye.starts_with("{\"type\":\"bye\",\"code\":\"banned\",\"reason\":\"you are banned until "), "{bye}");
    lab.guest("bob", "192.0.3.7").await;

    tell(&mut olga, "/unban 192.0.2.0/24\n").await;
    skip_to(&mut olga, "*** 192.0.2.0/24 is no longer banned").await;
    lab.guest("mallory", "192.0.2.8").await;
}

#[tokio::test]
async fn a_ban_that_hits_many_asks_and_some_are_refused() {
    let lab = Lab::open().await;
    let mut olga = lab.operator().await;
    let mut guests = Vec::new();
    for n in 0..6 {
        guests.push(lab.guest(&format!("guest{n}"), &format!("192.0.2.{n}")).await);
    }
    tell(&mut olga, "/ban 192.0.2.0/24\n").await;
    skip_to(&mut olga, "!!! 192.0.2.0/24 hits 6 connections; /ban! 192.0.2.0/24 … goes on").await;
    tell(&mut olga, "/ban 127.0.0.0/8\n").await;
    skip_to(&mut olga, "!!! 127.0.0.0/8 has the server's own machine in it").await;
    tell(&mut olga, "/ban olga\n").await;
    skip_to(&mut olga, "!!! olga is an operator; /deop olga comes first").await;
    tell(&mut guests[0], "/nick somebody\n").await;
    skip_to(&mut guests[0], "*** guest0 is now known as somebody").await;
    tell(&mut olga, "/ban! 192.0.2.0/24\n").await;
    skip_to(&mut olga, "*** 192.0.2.0/24 is banned for good; 6 connections closed").await;
    for guest in &mut guests {
        skip_to(guest, "*** bye: you are banned for good").await;
    }
}

#[tokio::test]
async fn a_banned_person_is_out_under_any_name_with_the_session() {
    let lab = Lab::open().await;
    let mut olga = lab.operator().await;
    let mut eve = lab.connect("192.0.2.7").await;
    let welcome = say(&mut eve, "{\"type\":\"hello\",\"alias\":\"bob\"}\n").await;
    let session = welcome.split("\"session\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a session");
    let resume = format!("{{\"type\":\"hello\",\"session\":\"{session}\"}}\n");
    tell(&mut olga, "/ban bob 1h\n").await;
    let told = skip_to(&mut olga, "*** bob is banned until ").await;
    assert!(told.ends_with("; 1 connection closed; the address was 192.0.2.7"), "{told}");
    skip_to(&mut eve, "{\"type\":\"bye\",\"code\":\"banned\"").await;
    // The session itself, its alias from another address, and an alias that looks like it.
    for line in [resume.as_str(), "bob\n", "b0b\n"] {
        let mut again = lab.connect("198.51.100.1").await;
        let answer = say(&mut again, line).await;
        assert!(answer.contains("you are banned until "), "{answer}");
    }
}

#[tokio::test]
async fn whoever_waits_too_long_for_older_messages_is_told_so() {
    let lab = Lab::with(|limits| limits.max_reads = 2).await;
    let mut alice = lab.guest("alice", "192.0.2.1").await;
    // Two who look through all that there is.
    let places = Arc::clone(&lab.hub().reads).acquire_many_owned(2).await.expect("two places");
    tokio::time::pause();
    let words = "!!! too many others are looking through older messages just now; try again in a moment";
    assert_eq!(say(&mut alice, "/search tea\n").await, words);
    assert_eq!(say(&mut alice, "/history\n").await, words);
    tokio::time::resume();
    assert_eq!(lab.hub().metrics.limits_met_total.with_label_values(&["max-reads"]).get(), 2);
    lab.guest("bob", "192.0.2.2").await;
    drop(places);
    skip_to(&mut alice, "*** bob joined").await;
    assert_eq!(say(&mut alice, "/search tea\n").await, "*** nothing found for \"tea\"");
}

/// More than one message with what is around it, in bytes.
const MESSAGE: usize = 2100;

/// What waits for a client that took little of what was said, in bytes.
async fn waiting_for_one(limit: usize) -> usize {
    let lab = Lab::with(|limits| (limits.max_reader_backlog, limits.max_rate) = (limit, 0)).await;
    let mut stalled = lab.connect_by("192.0.2.1", 256).await;
    say(&mut stalled, "stalled\n").await;
    skip_to(&mut stalled, "*** You are stalled").await;
    let mut writer = lab.guest("writer", "192.0.2.2").await;
    for _ in 0..2 + limit / 2000 {
        // The search is answered once what was said before it is published, each in a batch of its own.
        tell(&mut writer, &format!("{}\n/search nothing\n", "x".repeat(2000))).await;
        skip_to(&mut writer, "*** nothing found").await;
    }
    // It wakes for what was under way when it fell behind, and what is collected for it then nobody takes.
    let hub = lab.hub();
    let waiting = || hub.backlog.load(std::sync::atomic::Ordering::Relaxed);
    let until = Instant::now() + std::time::Duration::from_secs(20);
    while waiting() < limit - MESSAGE {
        assert!(Instant::now() < until, "only {} bytes wait", waiting());
        if waiting() <= MESSAGE {
            say(&mut stalled, "").await;
        }
        tokio::task::yield_now().await;
    }
    waiting()
}

#[tokio::test]
async fn what_waits_for_one_who_takes_nothing_is_bounded_as_the_operator_says() {
    for limit in [8 << 10, 100 << 10] {
        let waiting = waiting_for_one(limit).await;
        assert!(waiting <= limit + BATCH_BYTES, "{waiting} of {limit}");
    }
}

//! The client and the real server, over TCP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chat_client::protocol::message::{ErrorCode, HistoryQuery, Moderation};
use chat_client::protocol::names::RoomName;
use chat_client::protocol::value::{Kind, Password, Seq};
use chat_client::{Client, End, Event, Events, Message, Options, RequestError, Secret};
use chat_server::{Config, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::fake::{lobby, wait_for};

/// A running server; it stops when the test ends.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let mut config = Config::ephemeral(address);
        config.limits.max_rate = 0;
        let server = Server::bind(config).await.unwrap();
        let address = server.addresses()[0];
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            server.run(stopped).await.unwrap();
        });
        Self { address, stop: Some(stop), task }
    }

    pub(crate) async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.task.await.unwrap();
    }

    pub(crate) fn connect(&self, alias: &str) -> (Client, Events) {
        Client::connect(self.address.to_string(), Options::new(alias))
    }
}

/// Passes bytes on to a server, and cuts each connection when so many bytes of the server's have passed.
struct CuttingProxy {
    address: SocketAddr,
    cuts: Arc<AtomicUsize>,
}

impl CuttingProxy {
    async fn start(server: SocketAddr, bytes: impl Fn(usize) -> Option<usize> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&cuts);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(server).await.unwrap();
                let budget = bytes(counter.load(Ordering::Relaxed));
                pass(client, server, budget.unwrap_or(usize::MAX)).await;
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { address, cuts }
    }
}

async fn pass(client: TcpStream, server: TcpStream, mut budget: usize) {
    let (mut client_read, mut client_write) = client.into_split();
    let (mut server_read, mut server_write) = server.into_split();
    let up = async {
        let _ = tokio::io::copy(&mut client_read, &mut server_write).await;
    };
    let down = async {
        let mut buffer = [0; 512];
        while let Ok(read @ 1..) = server_read.read(&mut buffer).await {
            let passed = read.min(budget);
            if client_write.write_all(&buffer[..passed]).await.is_err() {
                break;
            }
            budget -= passed;
            if budget == 0 {
                break;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

#[tokio::test]
async fn every_request_has_its_answer() {
    let server = TestServer::start().await;
    let (alice, mut alice_events) = server.connect("alice");
    let (bob, mut bob_events) = server.connect("bob");
    assert_eq!(alice.ready().await.unwrap().as_str(), "alice");
    assert_eq!(bob.ready().await.unwrap().as_str(), "bob");
    wait_for(&mut alice_events, |event| matches!(event, Event::Joined(_)).then_some(())).await;
    wait_for(&mut bob_events, |event| matches!(event, Event::Joined(_)).then_some(())).await;

    let ack = alice.say(&lobby(), "hello world").await.unwrap();
    assert_eq!((ack.room, ack.seq), (lobby(), Seq::new(1)));
    assert_eq!(bob.action(&lobby(), "waves").await.unwrap().seq, Seq::new(2));
    let kind = wait_for(&mut alice_events, |event| match event {
        Event::Message(message) => Some((message.stored.kind, message.own)),
        _ => None,
    });
    assert_eq!(kind.await, (Kind::Action, false));

    assert_eq!(bob.private("Alice", "psst", Kind::Say).await.unwrap().to.as_str(), "alice");
    let psst = wait_for(&mut alice_events, |event| match event {
        Event::Private(private) => Some(private.text.as_str().to_owned()),
        _ => None,
    });
    assert_eq!(psst.await, "psst");
    let nobody = bob.private("nobody", "psst", Kind::Say).await;
    assert!(matches!(nobody, Err(RequestError::Refused(refusal)) if refusal.code == ErrorCode::NoSuchAlias));

    let ops = RoomName::new("Ops").unwrap();
    alice.join(&ops).await.unwrap();
    assert_eq!(alice.say(&RoomName::new("OPS").unwrap(), "up").await.unwrap().room.as_str(), "Ops");
    alice.topic(&ops, "lunch").await.unwrap();
    let rooms = alice.rooms(None).await.unwrap();
    let rooms: Vec<_> = rooms.rooms.iter().map(|room| (room.room.as_str(), room.count, room.topic.as_str())).collect();
    assert_eq!(rooms, [("Ops", 1, "lunch"), ("lobby", 2, "")]);
    alice.leave(&ops).await.unwrap();
    let left = alice.say(&ops, "gone").await;
    assert!(matches!(left, Err(RequestError::Refused(refusal)) if refusal.code == ErrorCode::NotInRoom));

    alice.nick("al").await.unwrap();
    let who = bob.who(&lobby(), None).await.unwrap();
    assert_eq!(who.members.iter().map(|alias| alias.as_str()).collect::<Vec<_>>(), ["al", "bob"]);
    let page = bob.history(&lobby(), HistoryQuery::default()).await.unwrap();
    let page: Vec<_> = page.messages.iter().map(|message| (message.stored.text.as_str(), message.own)).collect();
    assert_eq!(page, [("hello world", false), ("waves", true)]);
    let found = bob.search(&lobby(), "world", None, None).await.unwrap();
    assert_eq!(found.messages.len(), 1);
    bob.ping().await.unwrap();
    assert_eq!(bob.quit(Some("lunch".to_owned())).await, End::Quit);
    let reason = wait_for(&mut alice_events, |event| match event {
        Event::Presence { changes: Some(changes), .. } => changes.reasons.values().next().cloned(),
        _ => None,
    });
    assert_eq!(reason.await, "lunch");
    server.stop().await;
}

#[tokio::test]
async fn an_alias_gets_an_owner_and_a_message_loses_its_text() {
    let server = TestServer::start().await;
    let (alice, mut alice_events) = server.connect("alice");
    let seq = alice.say(&lobby(), "a slip").await.unwrap().seq;
    alice.register(Password::new("correct horse")).await.unwrap();
    let (bob, mut bob_events) = server.connect("bob");
    bob.ready().await.unwrap();
    alice.redact(&lobby(), seq).await.unwrap();
    for events in [&mut alice_events, &mut bob_events] {
        let redacted = wait_for(events, |event| match event {
            Event::Redacted { seq, by, .. } => Some((*seq, by.to_string())),
            _ => None,
        });
        assert_eq!(redacted.await, (seq, "alice".to_owned()));
    }
    let kick = Moderation::Kick { name: "bob".to_owned(), reason: None };
    let refused = alice.moderate(kick).await;
    assert!(matches!(refused, Err(RequestError::Refused(refusal)) if refusal.code == ErrorCode::Forbidden));

    let (guest, _events) = server.connect("alice");
    let Err(End::Refused(refusal)) = guest.ready().await else { panic!("anybody is alice") };
    assert_eq!(refusal.code, ErrorCode::WrongPassword);
    let with = |password: &str| {
        let options = Options { password: Some(Secret::new(password)), ..Options::new("alice") };
        Client::connect(server.address.to_string(), options)
    };
    let (owner, _events) = with("correct horse");
    owner.ready().await.unwrap();
    owner.change_password(None, Password::new("battery staple")).await.unwrap();
    owner.quit(None).await;
    let (owner, _events) = with("battery staple");
    owner.ready().await.unwrap();
    owner.unregister(Password::new("battery staple")).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_conversation_of_two_accounts_is_gone_on_with_where_it_was() {
    let server = TestServer::start().await;
    let (alice, mut alice_events) = server.connect("alice");
    let (bob, _bob_events) = server.connect("bob");
    for client in [&alice, &bob] {
        client.register(Password::new("correct horse")).await.unwrap();
    }
    let with_bob = RoomName::new("@bob").unwrap();
    bob.private("alice", "one", Kind::Say).await.unwrap();
    let kept = |event: &Event| match event {
        Event::Private(private) => private.kept.clone().map(|kept| (kept, private.text.as_str().to_owned())),
        _ => None,
    };
    let (place, text) = wait_for(&mut alice_events, kept).await;
    assert_eq!((place, text.as_str()), ((with_bob.clone(), Seq::new(1)), "one"));
    let ack = alice.private("bob", "two", Kind::Say).await.unwrap();
    assert_eq!((ack.durable, ack.kept), (true, Some((with_bob.clone(), Seq::new(2)))));
    let said = wait_for(&mut alice_events, |event| match event {
        Event::Said { stored, .. } => Some((stored.room.clone(), stored.seq)),
        _ => None,
    });
    assert_eq!(said.await, (with_bob.clone(), Seq::new(2)));
    // A new connection of the same client goes on behind what it had.
    let page = alice.history(&with_bob, HistoryQuery::default()).await.unwrap();
    assert_eq!(page.messages.len(), 2);
    alice.quit(None).await;
    bob.private("alice", "three", Kind::Say).await.unwrap();
    let password = Some(Secret::new("correct horse"));
    let options = Options { password, ..Options::new("alice") };
    let (_alice, mut events) = Client::connect(server.address.to_string(), options);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|(seq, _)| *seq < 3) {
        seen.push(
            wait_for(&mut events, |event| match event {
                Event::Message(Message { stored, .. }) if stored.room == with_bob => {
                    Some((stored.seq.get(), stored.text.as_str().to_owned()))
                }
                Event::Private(_) => kept(event).map(|((_, seq), text)| (seq.get(), text)),
                Event::Disorder { .. } => panic!("{event:?}"),
                _ => None,
            })
            .await,
        );
    }
    assert_eq!(seen.last(), Some(&(3, "three".to_owned())), "{seen:?}");
    assert!(seen.is_sorted(), "{seen:?}");
    server.stop().await;
}

#[tokio::test]
async fn through_cut_connections_every_line_arrives_once_and_in_order() {
    const LINES: u64 = 250;
    const CUTS: usize = 5;
    let server = TestServer::start().await;
    // Cut after an ever different number of bytes: within a line, within a welcome, between two acks.
    let proxy = CuttingProxy::start(server.address, |n| (n < CUTS).then(|| 2000 + n * 1777)).await;
    let (listener, mut events) = server.connect("listener");
    listener.ready().await.unwrap();
    let (talker, mut talker_events) = Client::connect(proxy.address.to_string(), Options::new("talker"));
    let said = tokio::spawn(async move {
        let mut receipts = Vec::new();
        for n in 1..=LINES {
            receipts.push(talker.post(&lobby(), n.to_string(), Kind::Say).await.unwrap());
        }
        for (receipt, n) in receipts.into_iter().zip(1..) {
            assert_eq!(receipt.await.unwrap().seq, Seq::new(n));
        }
        talker.quit(None).await;
    });
    for n in 1..=LINES {
        let (seq, text) = wait_for(&mut events, |event| match event {
            Event::Message(message) => Some((message.stored.seq, message.stored.text.as_str().to_owned())),
            _ => None,
        })
        .await;
        assert_eq!((seq, text), (Seq::new(n), n.to_string()));
    }
    timeout(Duration::from_secs(60), said).await.unwrap().unwrap();
    // The talker's own stream of the room has every place too, whether as what it said or as what it learned later.
    let mut next = 1;
    while let Some(event) = talker_events.next().await {
        let seq = match event {
            Event::Said { stored, .. } => stored.seq,
            Event::Message(message) => message.stored.seq,
            Event::Disorder { .. } | Event::Gap { .. } => panic!("{event:?}"),
            _ => continue,
        };
        assert_eq!(seq, Seq::new(next));
        next += 1;
    }
    assert_eq!(next, LINES + 1);
    assert_eq!(proxy.cuts.load(Ordering::Relaxed).min(CUTS), CUTS, "the test cuts as often as it means to");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_starts_again_is_found_again() {
    let server = TestServer::start().await;
    let address = server.address;
    let (client, mut events) = server.connect("alice");
    client.say(&lobby(), "one").await.unwrap();
    server.stop().await;
    let line = client.post(&lobby(), "two", Kind::Say).await.unwrap();
    let server = TestServer::start_at(address).await;
    assert_eq!(line.await.unwrap().seq, Seq::new(1), "what was not sent is said to the new server");
    wait_for(&mut events, |event| matches!(event, Event::Reset { .. } | Event::SessionLost { .. }).then_some(())).await;
    server.stop().await;
}

#[tokio::test]
async fn an_alias_that_is_taken_ends_the_client_with_a_suggestion() {
    let server = TestServer::start().await;
    let (first, _events) = server.connect("alice");
    first.ready().await.unwrap();
    let (second, _events) = server.connect("alice");
    let Err(End::Refused(refusal)) = second.ready().await else { panic!("two are called alice") };
    assert_eq!((refusal.code, refusal.message.as_str()), (ErrorCode::AliasTaken, "alice is taken; alice2 is free"));
    server.stop().await;
}

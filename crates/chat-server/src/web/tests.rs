//! The gateway against browsers and against what pretends to be one, over real sockets.

mod raw;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Weak;
use std::time::Duration;

use chat_protocol::message::RuleKind;
use chat_protocol::names::Alias;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use self::raw::{BINARY, CLOSE, CONTINUATION, Client, PING, PONG, TEXT, request};
use super::WebConfig;
use crate::config::Config;
use crate::hub::Hub;
use crate::limits::HTTP_PER_ADDRESS;
use crate::moderation::{Change, Rule, Target};
use crate::server::{Server, StartError};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server with a page, and the way to stop it.
struct Running {
    web: SocketAddr,
    tcp: SocketAddr,
    hub: Weak<Hub>,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::ephemeral(LOOPBACK);
        config.web = Some(WebConfig::new(LOOPBACK));
        change(&mut config);
        let server = Server::bind(config).await.expect("a server");
        let (tcp, web) = (server.addresses()[0], server.web_address().expect("the page's address"));
        let hub = server.control().hub;
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(async move {
            server.run(async { drop(stopped.await) }).await.expect("a server that ends well");
        });
        Self { web, tcp, hub, stop, ended }
    }

    /// The status, the headers and the body that answer a request with these headers.
    async fn get(&self, path: &str, headers: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.web).await.expect("a connection");
        stream.write_all(request(path, headers).as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    async fn connect(&self) -> Client {
        Client::connect(self.web, "").await
    }

    async fn join(&self, alias: &str) -> Client {
        let mut client = self.connect().await;
        client.send(&json!({"type": "hello", "alias": alias})).await;
        client.expect("welcome").await;
        client.expect("joined").await;
        client
    }
}

#[tokio::test]
async fn a_browser_talks_with_a_netcat_user() {
    let server = Running::start().await;
    let mut netcat = BufReader::new(TcpStream::connect(server.tcp).await.expect("a connection")).lines();
    netcat.get_mut().get_mut().write_all(b"bob\n").await.expect("sent");
    let mut until = async |words: &str| loop {
        let line = netcat.next_line().await.expect("a line").expect("no end");
        if line.contains(words) {
            return;
        }
    };
    until("You are bob").await;
    let mut alice = server.join("alice").await;
    until("alice joined").await;
    alice.send(&json!({"type": "say", "room": "lobby", "text": "from a browser", "id": "1"})).await;
    assert_eq!(alice.expect("ack").await["seq"], 1);
    until("alice: from a browser").await;
    netcat.get_mut().get_mut().write_all(b"from netcat\n").await.expect("sent");
    assert_eq!(alice.expect("message").await["text"], "from netcat");
}

#[tokio::test]
async fn a_frame_is_a_line_however_it_comes() {
    let server = Running::start().await;
    let mut client = server.connect().await;
    client.frame(false, TEXT, br#"{"type":"hel"#).await;
    client.frame(true, PING, b"?").await;
    client.frame(false, CONTINUATION, br#"lo","ali"#).await;
    client.frame(true, CONTINUATION, br#"as":"alice"}"#).await;
    client.expect("welcome").await;
    assert!(client.control.contains(&(PONG, b"?".to_vec())));
    // Two lines in one frame, the second ended; then one in a binary frame.
    client.frame(true, TEXT, b"{\"type\":\"ping\",\"id\":\"1\"}\n{\"type\":\"ping\",\"id\":\"2\"}\n").await;
    client.frame(true, BINARY, br#"{"type":"ping","id":"3"}"#).await;
    for id in ["1", "2", "3"] {
        assert_eq!(client.expect("pong").await["id"], id);
    }
}

#[tokio::test]
async fn a_bad_line_costs_itself_alone() {
    let server = Running::start().await;
    let mut client = server.join("alice").await;
    client.frame(true, BINARY, b"\xff\xfe").await;
    assert_eq!(client.expect("error").await["code"], "bad_line");
    client.frame(true, TEXT, b"not json").await;
    assert_eq!(client.expect("error").await["code"], "bad_json");
    client.frame(true, TEXT, &vec![b'x'; 40_000]).await;
    assert_eq!(client.expect("error").await["code"], "line_too_long");
    client.send(&json!({"type": "ping", "id": "still here"})).await;
    assert_eq!(client.expect("pong").await["id"], "still here");
}

#[tokio::test]
async fn a_frame_over_the_limit_is_refused_with_words_that_arrive() {
    let server = Running::start().await;
    let mut client = server.join("alice").await;
    // More than the sockets' buffers hold: the words must not be lost in a reset while the rest is under way.
    client.frame(true, TEXT, &vec![b'x'; 1 << 20]).await;
    let bye = client.expect("bye").await;
    assert_eq!(bye["code"], "limit");
    assert!(bye["reason"].as_str().expect("words").contains("1048576 bytes; at most 65536"), "{bye}");
    assert_eq!(client.close_code().await, 1009);
}

#[tokio::test]
async fn fragments_add_up_to_the_limit() {
    let server = Running::start().await;
    let mut client = server.join("alice").await;
    client.frame(false, TEXT, &[b'x'; 30_000]).await;
    client.frame(false, CONTINUATION, &[b'x'; 30_000]).await;
    client.frame(false, CONTINUATION, &[b'x'; 30_000]).await;
    assert_eq!(client.expect("bye").await["code"], "limit");
    assert_eq!(client.close_code().await, 1009);
}

#[tokio::test]
async fn what_breaks_the_protocol_is_told_so() {
    let server = Running::start().await;
    let mut bad_text = server.join("alice").await;
    bad_text.frame(true, TEXT, b"\xff").await;
    assert_eq!(bad_text.expect("bye").await["code"], "limit");
    assert_eq!(bad_text.close_code().await, 1007);

    let mut unmasked = server.join("bob").await;
    unmasked.bytes(&[0x81, 0x02, b'h', b'i']).await;
    assert_eq!(unmasked.expect("bye").await["code"], "limit");
    assert_eq!(unmasked.close_code().await, 1002);

    let mut reserved = server.join("carol").await;
    reserved.frame(true, 0x3, b"").await;
    assert_eq!(reserved.expect("bye").await["code"], "limit");
    assert_eq!(reserved.close_code().await, 1002);
}

#[tokio::test]
async fn a_tab_that_closes_leaves() {
    let server = Running::start().await;
    let mut alice = server.join("alice").await;
    let mut bob = server.join("bob").await;
    alice.expect("presence").await;
    bob.frame(true, CLOSE, &1001_u16.to_be_bytes()).await;
    assert_eq!(bob.close_code().await, 1001);
    assert_eq!(alice.expect("presence").await["left"], json!(["bob"]));
    drop(bob);
    // A connection that breaks off in the middle of a frame has said nothing.
    let mut carol = server.join("carol").await;
    alice.expect("presence").await;
    carol.bytes(&[0x81, 0xfe, 0x10]).await;
    drop(carol);
    assert_eq!(alice.expect("presence").await["left"], json!(["carol"]));
}

#[tokio::test]
async fn who_says_nothing_is_closed() {
    let server = Running::start_with(|config| config.limits.handshake = Duration::from_millis(50)).await;
    let mut client = server.connect().await;
    assert_eq!(client.expect("bye").await["code"], "timeout");
    assert_eq!(client.close_code().await, 1000);
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_is_cut_off() {
    let server = Running::start().await;
    let mut stream = TcpStream::connect(server.web).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the connection stayed open");
}

#[tokio::test]
async fn idle_sockets_are_in_nobodys_way() {
    // Both ends are in this process, whose soft limit is often 1,024.
    let limit = rlimit::increase_nofile_limit(4096).expect("a limit");
    assert!(limit >= 2_200, "the limit of open files is {limit}");
    let server = Running::start().await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(server.connect().await);
    }
    let mut client = server.join("alice").await;
    client.send(&json!({"type": "say", "room": "lobby", "text": "hello", "id": "1"})).await;
    client.expect("ack").await;
    // Not even when the server stops: all are told so.
    server.stop.send(()).expect("running");
    for mut client in idle {
        assert_eq!(client.expect("bye").await["code"], "shutdown");
    }
}

#[tokio::test]
async fn strangers_are_refused_and_told_what_to_do() {
    let server = Running::start().await;
    let upgrade = "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let host = server.web;
    let (status, _, words) =
        server.get("/ws", &format!("Host: {host}\r\nOrigin: https://evil.example\r\n{upgrade}")).await;
    assert_eq!(status, 403);
    assert!(words.contains("--web-origin https://evil.example"), "{words}");

    // A name that was made to point here has the same origin as what it fetches.
    for path in ["/ws", "/", "/main.js"] {
        let rebound =
            format!("Host: evil.example:{port}\r\nOrigin: http://evil.example:{port}\r\n", port = host.port());
        let (status, _, words) = server.get(path, &format!("{rebound}{upgrade}")).await;
        assert_eq!((status, words.contains("--web-origin")), (403, true), "{path}: {words}");
    }
    let (status, ..) = server.get("/ws", &format!("Host: {host}\r\n")).await;
    assert_eq!(status, 400, "no WebSocket was asked for");
}

#[tokio::test]
async fn a_named_origin_may_connect() {
    let named = |config: &mut Config| {
        let mut web = WebConfig::new(LOOPBACK);
        web.origins.push("https://chat.example".parse().expect("an origin"));
        config.web = Some(web);
    };
    let server = Running::start_with(named).await;
    let mut client = Client::connect(server.web, "Origin: https://chat.example\r\n").await;
    client.send(&json!({"type": "hello", "alias": "alice"})).await;
    client.expect("welcome").await;
}

#[tokio::test]
async fn the_page_is_locked_down_and_cached() {
    let server = Running::start().await;
    let host = format!("Host: {}\r\n", server.web);
    let (status, head, body) = server.get("/", &host).await;
    assert_eq!(status, 200);
    assert!(body.contains("<title>"));
    assert!(head.contains("default-src 'none'; script-src 'self'"), "{head}");
    assert!(!head.contains("unsafe"), "{head}");
    for header in ["frame-ancestors 'none'", "x-content-type-options: nosniff", "referrer-policy: no-referrer"] {
        assert!(head.contains(header), "{header} in {head}");
    }
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag");
    let (status, _, body) = server.get("/", &format!("{host}If-None-Match: {tag}\r\n")).await;
    assert_eq!((status, body.as_str()), (304, ""));
    let (status, head, _) = server.get("/../Cargo.toml", &host).await;
    assert_eq!(status, 404);
    assert!(head.contains("default-src 'none'"), "{head}");
}

#[tokio::test]
async fn the_limits_count_browsers_and_who_is_behind_a_proxy() {
    let limited = |config: &mut Config| {
        config.limits.max_per_address = 1;
        config.trusted_proxies.push("127.0.0.0/8".parse().expect("a block"));
    };
    let server = Running::start_with(limited).await;
    let _first = Client::connect(server.web, "X-Forwarded-For: 192.0.2.1\r\n").await;
    let mut other = Client::connect(server.web, "X-Forwarded-For: 192.0.2.2\r\n").await;
    other.send(&json!({"type": "hello", "alias": "alice"})).await;
    other.expect("welcome").await;
    let mut second = Client::connect(server.web, "X-Forwarded-For: 192.0.2.1\r\n").await;
    let bye = second.expect("bye").await;
    assert_eq!(bye["code"], "limit");
    assert_eq!(bye["retry_after_ms"], 30_000);
    assert_eq!(second.close_code().await, 1000);
}

/// A connection to the page from this address of loopback, which has many.
async fn from(address: [u8; 4], web: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((address, 0).into()).expect("an address");
    socket.connect(web).await.expect("a connection")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_peer_that_holds_connections_keeps_nobody_else_from_the_page() {
    let _ = rlimit::increase_nofile_limit(4096);
    let server = Running::start().await;
    let mut held = Vec::new();
    let refused = loop {
        let mut stream = from([127, 0, 0, 2], server.web).await;
        // Half of a request's head, and the rest never comes; whoever is refused needs none to be answered.
        stream.write_all(b"GET / HTTP/1.1\r\n").await.expect("sent");
        if held.len() == HTTP_PER_ADDRESS {
            break stream;
        }
        held.push(stream);
    };
    let mut answer = String::new();
    BufReader::new(refused).read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\n"), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\ntoo many connections from your address; try again in half a minute\n"),
        "{answer}"
    );
    let host = format!("Host: localhost:{}\r\nConnection: close\r\n", server.web.port());
    assert_eq!(server.get("/", &host).await.0, 200);
}

#[tokio::test]
async fn whoever_comes_from_a_banned_address_holds_no_place() {
    let one = |config: &mut Config| {
        config.limits.max_connections = 1;
        config.proxy_protocol = true;
        config.trusted_proxies.push("127.0.0.0/8".parse().expect("a block"));
    };
    let server = Running::start_with(one).await;
    let hub = server.hub.upgrade().expect("a hub");
    let ban = Rule {
        number: 0,
        kind: RuleKind::Ban,
        target: Target::parse("192.0.2.0/24").expect("a block"),
        author: None,
        until: None,
        reason: Some("spam".to_owned()),
        by: Alias::new("olga").expect("an alias"),
        time: hub.clock.now(),
    };
    let by = ban.by.clone();
    hub.order
        .change(Change { add: Some(ban), ..Change::default() }, &by, hub.clock.now(), String::new())
        .expect("a ban");

    // None of them says a word, at either door.
    let mut silent = Vec::new();
    for n in 1..=3 {
        let mut stream = TcpStream::connect(server.tcp).await.expect("a connection");
        let header = format!("PROXY TCP4 192.0.2.{n} 192.0.2.9 1000 5555\r\n");
        stream.write_all(header.as_bytes()).await.expect("sent");
        silent.push(stream);
        let mut browser = Client::connect(server.web, &format!("X-Forwarded-For: 192.0.2.{n}\r\n")).await;
        let bye = browser.expect("bye").await;
        assert_eq!((&bye["code"], &bye["reason"]), (&json!("banned"), &json!("you are banned for good: spam")));
    }
    let mut place = Client::connect(server.web, "X-Forwarded-For: 192.0.3.1\r\n").await;
    place.send(&json!({"type": "hello", "alias": "alice"})).await;
    place.expect("welcome").await;
    for mut stream in silent {
        let mut said = String::new();
        stream.read_to_string(&mut said).await.expect("words");
        assert_eq!(said, "*** bye: you are banned for good: spam\n");
    }
    assert_eq!(hub.metrics.closings_total.with_label_values(&["banned"]).get(), 6);
}

/// Gives a password on a connection with these headers, which is taken (`ack`) or refused (`error`).
async fn register(server: &Running, headers: &str, alias: &str, answer: &str) {
    let mut client = Client::connect(server.web, headers).await;
    client.send(&json!({"type": "hello", "alias": alias, "rooms": []})).await;
    client.expect("welcome").await;
    client.send(&json!({"type": "register", "password": "correct horse", "id": "1"})).await;
    let answer = client.expect(answer).await;
    assert!(answer["type"] == "ack" || answer["code"] == "forbidden", "{answer}");
}

#[tokio::test]
async fn passwords_are_taken_where_the_browser_speaks_https_to_a_trusted_proxy() {
    let server = Running::start_with(|config| {
        config.trusted_proxies.push("127.0.0.0/8".parse().expect("a block"));
    })
    .await;
    let client = "X-Forwarded-For: 192.0.2.1\r\n";
    register(&server, client, "alice", "error").await;
    register(&server, "X-Forwarded-For: 127.0.0.1\r\n", "bob", "error").await;
    register(&server, &format!("{client}X-Forwarded-Proto: http\r\n"), "carol", "error").await;
    register(&server, &format!("{client}X-Forwarded-Proto: https\r\n"), "dave", "ack").await;

    let server = Running::start().await;
    // A browser on this machine, and a proxy there that nobody trusts.
    register(&server, "", "alice", "ack").await;
    register(&server, "X-Forwarded-Proto: https\r\n", "bob", "error").await;
}

#[tokio::test]
async fn a_stopping_server_says_goodbye_to_browsers() {
    let server = Running::start().await;
    let mut alice = server.join("alice").await;
    alice.send(&json!({"type": "say", "room": "lobby", "text": "last words", "id": "1"})).await;
    server.stop.send(()).expect("running");
    alice.expect("ack").await;
    assert_eq!(alice.expect("bye").await["code"], "shutdown");
    assert_eq!(alice.close_code().await, 1000);
    drop(alice);
    tokio::time::timeout(Duration::from_secs(5), server.ended).await.expect("in time").expect("no panic");
}

#[tokio::test]
async fn a_busy_address_ends_the_start_unless_the_page_is_optional() {
    let taken = std::net::TcpListener::bind(LOOPBACK).expect("an address");
    let address = taken.local_addr().expect("an address");
    let mut config = Config::ephemeral(LOOPBACK);
    config.web = Some(WebConfig::new(address));
    assert!(
        matches!(Server::bind(config.clone()).await, Err(StartError::Listen { address: named, .. }) if named == address)
    );
    config.web = Some(WebConfig::new(address).optional());
    assert_eq!(Server::bind(config).await.expect("a server without the page").web_address(), None);
}

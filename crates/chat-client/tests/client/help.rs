//! Whatever the help offers does something: it reaches the server, or somebody is told. A new line of the help is tried here by itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chat_client::protocol::text::{HELP, OPERATOR_HELP};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::program::program;
use crate::real::TestServer;
use crate::window::{SOON, Window};

/// The lines that the help offers, with as little after them as they take.
fn commands() -> Vec<String> {
    let lines = HELP.iter().chain(OPERATOR_HELP).skip(1);
    let commands = lines.flat_map(|line| line.split([',', ';']).flat_map(|part| part.split("  "))).map(str::trim);
    let says = |line: &&str| line.starts_with("//") || line.starts_with("@@");
    let commands = commands.filter(|line| line.starts_with(['/', '@'])).filter(|line| !says(line));
    commands.map(shortest).chain(["/help operators".to_owned()]).collect()
}

/// Without what may be left out, and with the first of what may stand for something.
fn shortest(usage: &str) -> String {
    let needed = usage.split_once(" [").map_or(usage, |(needed, _)| needed);
    needed.split(' ').map(|word| word.split_once('|').map_or(word, |(first, _)| first)).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_help_is_understood() {
    let commands = commands();
    for expected in ["@bob text", "/who", "/history", "/invite NAME", "/ban NAME", "/slow 30s", "/quit", "/audit"] {
        assert!(commands.iter().any(|command| command == expected), "{expected} of {commands:#?}");
    }
    // The last line is about texts that look like commands.
    let lines = HELP.iter().chain(OPERATOR_HELP).filter(|line| !line.contains("//"));
    let slashes = lines.flat_map(|line| line.split(' ')).filter(|word| word.starts_with('/')).count();
    let found = commands.iter().filter(|command| command.starts_with('/')).count();
    assert_eq!(found, slashes + 1, "none is left out: {commands:#?}");
}

/// Stands between a client and a server, and sees what the client asks for.
struct Tap {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    news: Arc<Notify>,
}

impl Tap {
    async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, news) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (seen, tell) = (Arc::clone(&asked), Arc::clone(&news));
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            let (read, mut write) = client.into_split();
            let (mut from_server, mut to_server) = TcpStream::connect(server).await.unwrap().into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut write).await });
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let kind = serde_json::from_str::<Value>(&line).unwrap()["type"].as_str().unwrap().to_owned();
                if !["hello", "ping"].contains(&&*kind) {
                    seen.lock().unwrap().push(kind);
                    tell.notify_one();
                }
                to_server.write_all(format!("{line}\n").as_bytes()).await.unwrap();
            }
        });
        Self { address, asked, news }
    }

    fn was_asked(&self) -> bool {
        !self.asked.lock().unwrap().is_empty()
    }
}

#[tokio::test]
async fn every_line_of_the_help_does_something_in_plain_lines() {
    for line in commands() {
        let server = TestServer::start().await;
        let tap = Tap::start(server.address).await;
        let mut child = program(tap.address, &["alice", "--plain", "--commands"]).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
        while !out.next_line().await.unwrap().unwrap().starts_with("*** You are alice") {}
        child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let something = async {
            tokio::select! {
                line = out.next_line() => assert!(line.unwrap().is_some()),
                line = err.next_line() => assert!(line.unwrap().is_some()),
                () = tap.news.notified() => {}
            }
        };
        timeout(SOON, something).await.unwrap_or_else(|_| panic!("{line} does something"));
        child.kill().await.unwrap();
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_the_help_does_something_on_the_whole_screen() {
    for line in commands() {
        let server = TestServer::start().await;
        let tap = Tap::start(server.address).await;
        let mut window = Window::open(tap.address, &["alice"]);
        window.see("alice connected");
        window.see("Nothing was said here yet");
        let before = messages(&window);
        window.press(&format!("{line}\r"));
        let deadline = Instant::now() + SOON;
        while !tap.was_asked() && messages(&window) == before {
            assert!(Instant::now() < deadline, "{line} does something; the screen is\n{}", window.shown());
            if let Ok(bytes) = window.output.recv_timeout(Duration::from_millis(20)) {
                window.parser.process(&bytes);
            }
        }
        window.kill();
        server.stop().await;
    }
}

/// The rows of the screen above the status and the input, which change as somebody types.
fn messages(window: &Window) -> Vec<String> {
    window.parser.screen().rows(0, 80).take(22).collect()
}

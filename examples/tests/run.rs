//! Every example is run, talked to, and asked to end.
#![allow(clippy::expect_used, reason = "what is unexpected here fails a test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine; only a test that fails waits for it.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running example. It is killed where a test fails before its end.
struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    fn start(path: &str, args: &[&str]) -> Self {
        let mut child = Command::new(path)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("its output is text");
        line.trim_end().to_owned()
    }

    /// The address after `listening on tcp://`.
    fn address(&mut self) -> String {
        let line = self.line();
        line.strip_prefix("listening on tcp://").unwrap_or_else(|| panic!("an address, not {line:?}")).to_owned()
    }

    #[cfg(unix)]
    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    }

    /// Waits for it to end well; what it still had to say.
    fn ended(mut self) -> String {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                break status;
            }
            assert!(start.elapsed() < DEADLINE, "it doesn't end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("its output is text");
        assert!(status.success(), "{status}, after {rest:?}");
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // That it has ended already is what a test hopes for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server for bots, and its address.
fn server() -> (Program, String) {
    let mut server = Program::start(env!("CARGO_BIN_EXE_embed"), &["1000000", "127.0.0.1:0"]);
    let address = server.address();
    (server, address)
}

/// Somebody on netcat.
struct Person(BufReader<TcpStream>);

impl Person {
    fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        Self(BufReader::new(stream))
    }

    fn join(address: &str, alias: &str) -> Self {
        let mut person = Self::connect(address);
        person.sees("ALIAS?");
        person.types(alias);
        person.sees("You are now connected!");
        person
    }

    fn types(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).expect("it takes a line");
    }

    /// Reads on to the first line that ends so, and returns the lines up to it.
    fn sees(&mut self, end: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).unwrap_or_else(|error| panic!("no {end:?} in {lines:#?}: {error}"));
            assert!(read > 0, "closed without {end:?} in {lines:#?}");
            lines.push(line.trim_end().to_owned());
            if line.trim_end().ends_with(end) {
                return lines;
            }
        }
    }
}

#[test]
#[cfg(unix)]
fn minimal_lets_two_people_talk() {
    let mut server = Program::start(env!("CARGO_BIN_EXE_minimal"), &["127.0.0.1:0"]);
    let address = server.address();
    let mut alice = Person::join(&address, "alice");
    let mut bob = Person::join(&address, "bob");
    assert_eq!(alice.sees("joined the chat!"), ["*** bob joined the chat!"]);

    bob.types("hello alice");
    alice.sees("] bob: hello alice");
    alice.types("hello bob");
    // The sender filter: bob's own line isn't before it.
    assert_eq!(bob.sees("] alice: hello bob").len(), 1);

    drop(bob);
    alice.sees("*** bob left the chat.");
    server.interrupt();
    server.ended();
}

#[test]
fn embed_serves_while_it_counts_and_says_goodbye() {
    let mut program = Program::start(env!("CARGO_BIN_EXE_embed"), &["2", "127.0.0.1:0"]);
    let address = program.address();
    let mut alice = Person::join(&address, "alice");
    alice.sees("*** bye: the server is shutting down");
    let rest = program.ended();
    assert!(rest.ends_with("2\nstopped\n"), "{rest:?}");
}

#[test]
#[cfg(unix)]
fn embed_ends_at_an_interrupt() {
    let (mut program, address) = server();
    let mut alice = Person::join(&address, "alice");
    // It listens for signals since before it began to wait for its second number.
    while program.line() != "2" {}
    program.interrupt();
    alice.sees("*** bye: the server is shutting down");
    assert!(program.ended().ends_with("stopped\n"));
}

#[test]
fn embed_says_what_it_does_not_understand() {
    let output = Command::new(env!("CARGO_BIN_EXE_embed")).arg("far").output().expect("it runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("how far shall I count?"));
}

#[test]
#[cfg(unix)]
fn echo_bot_says_back_what_is_said_to_it() {
    let (_server, address) = server();
    let mut alice = Person::join(&address, "alice");
    let mut bot = Program::start(env!("CARGO_BIN_EXE_echo_bot"), &[&address]);
    alice.sees("*** echobot joined the chat!");

    alice.types("not to it");
    alice.types("echobot: hello");
    assert_eq!(alice.sees("] echobot: hello").len(), 1);
    alice.types("@echobot psst");
    alice.sees("] echobot -> you: psst");

    assert_eq!(bot.line(), "connected");
    bot.interrupt();
    bot.ended();
    alice.sees("*** echobot left the chat. (its owner pressed Ctrl-C)");
}

#[test]
fn echo_bot_says_why_it_cannot() {
    let (_server, address) = server();
    let _taken = Person::join(&address, "echobot");
    let output = Command::new(env!("CARGO_BIN_EXE_echo_bot")).arg(&address).output().expect("it runs");
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("echobot is taken"), "{words}");
}

#[test]
fn standup_ends_when_everybody_has_told_something() {
    let (_server, address) = server();
    let mut alice = Person::join(&address, "alice");
    let mut bob = Person::join(&address, "bob");
    let standup = Program::start(env!("CARGO_BIN_EXE_standup"), &["lobby", "60", &address]);

    alice.sees("@standup TEXT (60 min)");
    for told in ["the README", "and the examples"] {
        alice.types(&format!("@standup {told}"));
        alice.sees("standup -> you: thank you");
    }
    bob.types("/nick bobby");
    alice.sees("*** bob is now known as bobby");
    bob.types("@standup tests");

    let seen = alice.sees("standup: bobby: tests");
    let said: Vec<_> = seen.iter().filter_map(|line| line.split_once("] ").map(|(_, words)| words)).collect();
    assert_eq!(said, ["standup: alice: the README", "standup: and the examples", "standup: bobby: tests"]);
    standup.ended();
    // Unannounced, as a bot that comes and goes every day should be.
    alice.types("/history");
    let seen = alice.sees("*** -- now --");
    assert!(!seen.iter().any(|line| line.contains("standup joined") || line.contains("standup left")), "{seen:?}");
}

#[test]
fn standup_says_all_of_many_lines() {
    let (_server, address) = server();
    let mut alice = Person::join(&address, "alice");
    let mut bob = Person::join(&address, "bob");
    let standup = Program::start(env!("CARGO_BIN_EXE_standup"), &["lobby", "60", &address]);
    bob.sees("@standup TEXT (60 min)");
    // More lines than a message may have.
    let lines: Vec<_> = (1..=150).map(|n| n.to_string()).collect();
    for line in &lines {
        alice.types(&format!("@standup {line}"));
    }
    for _ in &lines {
        alice.sees("standup -> you: thank you");
    }
    bob.types("@standup tests");
    let seen = alice.sees("standup: bob: tests");
    let said = seen.iter().filter_map(|line| line.split_once("] standup: ").map(|(_, words)| words));
    let said: Vec<_> = said.map(|line| line.strip_prefix("alice: ").unwrap_or(line)).collect();
    assert_eq!(said, lines.iter().map(String::as_str).chain(["bob: tests"]).collect::<Vec<_>>());
    standup.ended();
}

/// A server on which two have told the standup something, and which refuses the first of what it makes of that. What was said to it.
fn refusing(listener: &std::net::TcpListener) -> Vec<String> {
    let (stream, _) = listener.accept().expect("somebody calls");
    let mut write = stream.try_clone().expect("another handle");
    let mut said = Vec::new();
    let time = r#""time":"2026-11-21T12:00:00Z""#;
    for line in BufReader::new(stream).lines() {
        let line = line.expect("a line");
        let field = |name: &str| line.split(&format!(r#""{name}":""#)).nth(1).and_then(|rest| rest.split('"').next());
        let id = field("id").unwrap_or_default();
        let told =
            |from: &str| format!(r#"{{"type":"private",{time},"from":"{from}","to":"standup","text":"of {from}"}}"#);
        let ack = format!(r#"{{"type":"ack","id":"{id}","room":"lobby","seq":{},{time}}}"#, said.len() + 1);
        let answer = match (field("type").expect("a type"), said.len()) {
            ("hello", _) => WELCOME.to_owned(),
            ("say", 0) => format!("{ack}\n{}\n{}", told("alice"), told("bob")),
            ("say", 1) => format!(r#"{{"type":"error","id":"{id}","code":"muted","message":"it is quiet now"}}"#),
            ("say", _) => ack,
            ("private", _) => format!(r#"{{"type":"ack","id":"{id}","to":"alice",{time},"durable":false}}"#),
            ("quit", _) => r#"{"type":"bye","code":"quit","reason":"you left"}"#.to_owned(),
            _ => continue,
        };
        if field("type") == Some("say") {
            said.push(field("text").expect("a text").to_owned());
        }
        writeln!(write, "{answer}").expect("it listens");
    }
    said
}

const WELCOME: &str = concat!(
    r#"{"type":"welcome","alias":"standup","session":"s","log":"l","server":"fake","version":"1","limits":"#,
    r#"{"max_text":30,"max_line":32768,"max_lines":100,"max_rate":20,"burst":200,"max_unacked":64,"max_rooms":32}}"#,
    "\n",
    r#"{"type":"joined","room":"lobby","topic":"","count":6,"members":["alice","bob","carol","dave","erin"],"#,
    r#""head":0}"#,
);

#[test]
fn standup_keeps_to_the_limits_and_goes_on_after_a_refusal_which_it_names() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let server = std::thread::spawn(move || refusing(&listener));
    let output =
        Command::new(env!("CARGO_BIN_EXE_standup")).args(["lobby", "0.05", &address]).output().expect("it runs");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(words.contains("not said, as it is quiet now: alice: of alice"), "{words}");
    let said = server.join().expect("the server ends with the client");
    assert_eq!(said[1..], ["alice: of alice", "bob: of bob", "not heard from: carol, dave", "not heard from: erin"]);
}

#[test]
fn standup_names_the_silent_when_the_time_is_up() {
    let (_server, address) = server();
    let mut alice = Person::join(&address, "alice");
    let standup = Program::start(env!("CARGO_BIN_EXE_standup"), &["lobby", "0.01", &address]);
    alice.sees("standup: not heard from: alice");
    standup.ended();
}

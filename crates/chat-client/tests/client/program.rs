//! The program: its input, output, standard error and exit code.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use chat_client::protocol::names::RoomName;
use chat_client::protocol::value::Password;
use chat_client::{Client, Event, Options};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::fake::{lobby, wait_for};
use crate::real::TestServer;

const SOON: Duration = Duration::from_secs(30);

/// What a run of the program came to.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

pub(crate) fn program(server: SocketAddr, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-client"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CHAT_") || name == "RUST_LOG") {
        command.env_remove(name);
    }
    command.env("TZ", "UTC").args(args).arg("--server").arg(server.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn run(server: SocketAddr, args: &[&str], input: &[u8]) -> Ran {
    let mut child = program(server, args).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let write = async {
        // A program that refuses its arguments doesn't read its input.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let (output, ()) = timeout(SOON, async { tokio::join!(child.wait_with_output(), write) }).await.expect("it ends");
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A port on which nothing listens.
async fn nowhere() -> SocketAddr {
    let server = TestServer::start().await;
    let address = server.address;
    server.stop().await;
    address
}

#[tokio::test]
async fn a_script_says_its_lines_unannounced_and_exits_0() {
    let server = TestServer::start().await;
    let ops = RoomName::new("ops").unwrap();
    let (_client, mut events) = Client::connect(server.address.to_string(), Options::new("alice").room(ops));
    wait_for(&mut events, |event| matches!(event, Event::Joined(_)).then_some(())).await;
    let ran = run(server.address, &["bot", "--room", "ops"], b"deployed\r\n\n  /me is not a command\n@all done").await;
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    for expected in ["deployed", "  /me is not a command", "@all done"] {
        let text = wait_for(&mut events, |event| match event {
            Event::Message(message) => Some(message.stored.text.as_str().to_owned()),
            Event::Presence { changes: Some(changes), .. } => panic!("it was announced: {changes:?}"),
            _ => None,
        });
        assert_eq!(text.await, expected);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_long_pipe_arrives_whole_and_in_order() {
    const LINES: usize = 3000;
    let server = TestServer::start().await;
    let (_client, mut events) = server.connect("alice");
    wait_for(&mut events, |event| matches!(event, Event::Joined(_)).then_some(())).await;
    let input: String = (1..=LINES).map(|n| format!("{n}\n")).collect();
    let watch = async {
        for n in 1..=LINES {
            let text = wait_for(&mut events, |event| match event {
                Event::Message(message) => Some(message.stored.text.as_str().to_owned()),
                _ => None,
            });
            assert_eq!(text.await, n.to_string());
        }
    };
    let (ran, ()) = tokio::join!(run(server.address, &["bot"], input.as_bytes()), watch);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    server.stop().await;
}

#[tokio::test]
async fn a_script_names_the_lines_that_can_not_be_said_and_says_the_others() {
    let server = TestServer::start().await;
    let (_client, mut events) = server.connect("alice");
    wait_for(&mut events, |event| matches!(event, Event::Joined(_)).then_some(())).await;
    let long = "x".repeat(9000);
    let ran = run(server.address, &["bot"], [b"one\nt\xffo\n", long.as_bytes(), b"\nfour\n"].concat().as_slice()).await;
    assert_eq!(ran.code, 1);
    let lines: Vec<_> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.err);
    assert!(
        lines[0].starts_with("chat-client: not sent: line 2: the line is not UTF-8 (byte 0xff at position 2)"),
        "{}",
        lines[0]
    );
    assert!(lines[1].starts_with("chat-client: not sent: line 3 \"xxx"), "{}", lines[1]);
    assert!(lines[1].ends_with("the message has 9000 bytes; at most 8192 are allowed"), "{}", lines[1]);
    for expected in ["one", "four"] {
        let text = wait_for(&mut events, |event| match event {
            Event::Message(message) => Some(message.stored.text.as_str().to_owned()),
            _ => None,
        });
        assert_eq!(text.await, expected);
    }
    server.stop().await;
}

#[tokio::test]
async fn without_a_server_a_script_gives_up_and_says_how_to_start_one() {
    let address = nowhere().await;
    let ran = run(address, &["bot", "--timeout", "1", "--room", "ops"], b"one\ntwo\n").await;
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    let start = format!(
        "chat-client: no server at {address}; start one with: cargo run -p chat-server -- --listen {address}  \
         (or: chat-server --listen {address})\n"
    );
    assert!(ran.err.starts_with(&start), "{}", ran.err);
    for line in ["not sent: line 1 \"one\"", "not sent: line 2 \"two\""] {
        assert!(ran.err.contains(line), "{}", ran.err);
    }
}

#[tokio::test]
async fn an_input_that_nobody_reads_is_named_line_by_line_and_an_empty_one_not_at_all() {
    let address = nowhere().await;
    let ran = run(address, &["bot", "--timeout", "0"], b"").await;
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{}", ran.err);
    assert!(!ran.err.contains("os error"), "{}", ran.err);
    let ran = run(address, &["bot", "--timeout", "0"], b"one\n\nthree\n").await;
    let named: Vec<_> = ran.err.lines().skip(1).map(ToOwned::to_owned).collect();
    let expected = [(1, "one"), (3, "three")];
    let expected = expected.map(|(n, text)| format!("chat-client: not sent: line {n} \"{text}\""));
    assert_eq!((ran.code, named), (1, expected.into()), "{}", ran.err);
    let ran = run(address, &["bot", "--timeout", "0", "--room", "ops"], b"").await;
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "a room that is known changes nothing: {}", ran.err);
}

/// The lines of standard error, but for the program's name.
fn complaints(ran: &Ran) -> Vec<&str> {
    ran.err.lines().map(|line| line.strip_prefix("chat-client: ").unwrap()).collect()
}

#[tokio::test]
async fn lines_are_named_in_their_order_as_they_were_typed() {
    let server = TestServer::start().await;
    let (text, line) = ("x".repeat(9000), "y".repeat(40_000));
    let ran = run(server.address, &["bot"], format!("one\n{text}\n{line}\nfour\n").as_bytes()).await;
    let named: Vec<_> = complaints(&ran).iter().map(|line| line[..17].to_owned()).collect();
    assert_eq!(
        (ran.code, named),
        (1, vec!["not sent: line 2 ".to_owned(), "not sent: line 3 ".to_owned()]),
        "{}",
        ran.err
    );

    let input = b"one\n@nobody x\n/nick a b\n/quit\nfive\n\n/who\n";
    let ran = run(server.address, &["bot", "--commands"], input).await;
    let expected = [
        "not sent: line 2 \"@nobody x\": no one here is called \"nobody\"",
        "not sent: line 3 \"/nick a b\": a space cannot be in a name; letters and digits can, and _ . -",
        "not sent: line 5 \"five\": it comes after /quit",
        "not sent: line 7 \"/who\": it comes after /quit",
    ];
    assert_eq!((ran.code, complaints(&ran)), (1, expected.to_vec()));
    let ran = run(server.address, &["bot", "--commands"], b"one\n/quit\n").await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    server.stop().await;
}

#[tokio::test]
async fn what_a_script_may_not_do_with_a_room_is_named() {
    let server = TestServer::start().await;
    let ran =
        run(server.address, &["bot", "--commands", "--room", "ops"], b"/private\n/invite bob\n/uninvite bob\n").await;
    let maker = "only who made #ops with an account may do that, or an operator";
    let expected = [
        format!("not sent: line 1 \"/private\": {maker}"),
        format!("not sent: line 2 \"/invite bob\": {maker}"),
        "not sent: line 3 \"/uninvite bob\": \"bob\" has no account, which a member needs".to_owned(),
    ];
    assert_eq!((ran.code, complaints(&ran)), (1, expected.iter().map(String::as_str).collect()));
    server.stop().await;
}

const WELCOME: &str = concat!(
    r#"{"type":"welcome","alias":"bot","session":"s3cret","log":"log1","server":"fake","version":"1","limits":"#,
    r#"{"max_text":8192,"max_line":32768,"max_lines":100,"max_rate":20,"burst":200,"max_unacked":64,"max_rooms":32}}"#,
    "\n",
    r#"{"type":"joined","room":"lobby","topic":"","count":1,"members":["bot"],"head":0}"#,
    "\n",
);

/// A server that is one in name only, on the port that is returned.
async fn in_name_only(greets: bool, last_words: Option<&'static str>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_in_name_only(stream, greets, last_words));
        }
    });
    address
}

async fn serve_in_name_only(stream: tokio::net::TcpStream, greets: bool, last_words: Option<&str>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if greets && line.contains(r#""type":"hello""#) {
            write.write_all(WELCOME.as_bytes()).await.unwrap();
        }
        if let Some(words) = last_words.filter(|_| line.contains(r#""type":"say""#)) {
            return write.write_all(words.as_bytes()).await.unwrap();
        }
    }
}

/// None of these lets a script wait for longer than it said.
#[tokio::test]
async fn a_script_ends_in_its_time_whatever_the_server_does() {
    let storage = "{\"type\":\"bye\",\"code\":\"storage\",\"reason\":\"the disk is broken\"}\n";
    let cases = [
        (true, Some(""), "fate is unknown", "the server closed the connection"),
        (true, Some(storage), "fate is unknown", "the disk is broken"),
        (true, None, "fate is unknown", "has answered nothing for 2 s"),
        (false, None, "not sent", "the server is silent"),
    ];
    for (greets, last_words, fate, why) in cases {
        let address = in_name_only(greets, last_words).await;
        let started = std::time::Instant::now();
        let ran = run(address, &["bot", "--timeout", "2"], b"x\ny\n").await;
        // Half a minute is the deadline of a handshake, and a quarter what a busy machine may take.
        assert!(started.elapsed() < Duration::from_secs(15), "{why}: {:?}", started.elapsed());
        let complaints = complaints(&ran);
        assert_eq!((ran.code, complaints.len()), (1, 3), "{}", ran.err);
        assert!(complaints[0].ends_with(why), "{}", ran.err);
        assert_eq!(complaints[1], format!("{fate}: line 1 \"x\""));
        assert!(complaints[2].ends_with(": line 2 \"y\""), "{}", ran.err);
    }
}

#[tokio::test]
async fn a_script_waits_for_a_server_that_starts() {
    let address = nowhere().await;
    let mut child = program(address, &["bot"]).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"one\n").await.unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = timeout(SOON, err.next_line()).await.expect("it complains in time").unwrap().unwrap();
    assert!(first.starts_with("chat-client: no server at "), "{first}");
    let server = TestServer::start_at(address).await;
    assert_eq!(timeout(SOON, child.wait()).await.expect("it ends").unwrap().code(), Some(0));
    server.stop().await;
}

#[tokio::test]
async fn bad_usage_exits_2() {
    let address = "127.0.0.1:1".parse().unwrap();
    for args in [&[][..], &["bot", "--room", "a b"], &["bot", "--history", "501"], &["bot", "--times", "often"]] {
        let ran = run(address, args, b"").await;
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{args:?}: {}", ran.err);
    }
    let mut command = program(address, &["bot"]);
    let output = command.arg("--server=nowhere").output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn a_taken_alias_exits_1_with_the_servers_suggestion() {
    let server = TestServer::start().await;
    let (client, _events) = server.connect("bot");
    client.ready().await.unwrap();
    let ran = run(server.address, &["bot"], b"one\n").await;
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("chat-client: bot is taken; bot2 is free\n"), "{}", ran.err);
    server.stop().await;
}

/// A program in a conversation.
pub(crate) struct Conversation {
    child: Child,
    out: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Conversation {
    pub(crate) fn start(server: SocketAddr, args: &[&str]) -> Self {
        let mut child = program(server, args).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, out }
    }

    pub(crate) async fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn next(&mut self) -> String {
        timeout(SOON, self.out.next_line()).await.expect("a line in time").unwrap().expect("not the end")
    }

    /// The next line, which looks like this; `T` stands for a time.
    pub(crate) async fn expect(&mut self, expected: &str) {
        let line = self.next().await;
        let shown = if line.starts_with('[') { format!("T{}", &line[10..]) } else { line };
        assert_eq!(shown, expected);
    }

    pub(crate) async fn end(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        timeout(SOON, self.child.wait()).await.expect("it ends").unwrap().code()
    }
}

#[tokio::test]
async fn a_conversation_in_plain_lines() {
    let server = TestServer::start().await;
    let (alice, mut events) = server.connect("alice");
    alice.say(&lobby(), "before").await.unwrap();
    let mut bob = Conversation::start(server.address, &["bob", "--plain", "--commands"]);
    bob.expect("You are now connected!").await;
    bob.expect("*** You are bob, in #lobby with alice. Times are UTC+00:00. /help lists the commands.").await;
    bob.expect("T alice: before").await;
    bob.expect("*** -- now --").await;

    bob.type_line("hello").await;
    wait_for(&mut events, |event| matches!(event, Event::Message(_)).then_some(())).await;
    alice.say(&lobby(), "two\nlines \x1b[2J").await.unwrap();
    bob.expect("T alice: two").await;
    bob.expect("T alice: lines \u{FFFD}[2J").await;
    bob.type_line("@alice psst").await;
    bob.expect("T you -> alice: psst").await;
    bob.type_line("/foo").await;
    // The words are on standard error, as the input is not a terminal; what follows shows that the line had no effect.
    bob.type_line("/who").await;
    bob.expect("*** 2 in #lobby: alice, bob").await;
    bob.type_line("/join ops").await;
    bob.type_line("said in ops").await;
    bob.expect("*** You made #ops; nobody else is here.").await;
    bob.type_line("/history").await;
    bob.expect("T bob: said in ops").await;
    bob.expect("*** -- now --").await;
    alice.say(&lobby(), "elsewhere").await.unwrap();
    bob.expect("T #lobby alice: elsewhere").await;
    alice.nick("al").await.unwrap();
    bob.expect("*** #lobby: alice is now known as al").await;
    bob.type_line("/topic lunch").await;
    bob.expect("*** bob set the topic: lunch").await;
    bob.type_line("/quit").await;
    assert_eq!(bob.end().await, Some(1), "one of its lines was not sent: /foo");
    server.stop().await;
}

#[tokio::test]
async fn a_room_is_made_its_members_in_plain_lines() {
    let server = TestServer::start().await;
    let (bob, _events) = server.connect("bob");
    bob.register(Password::new("correct horse")).await.unwrap();
    let mut alice = Conversation::start(server.address, &["alice", "--plain", "--commands"]);
    alice.expect("You are now connected!").await;
    alice.expect("*** You are alice, in #lobby with bob. Times are UTC+00:00. /help lists the commands.").await;
    for (line, answer) in [
        ("/register battery staple", "*** this alias is yours now: it takes the password, or this machine"),
        ("/join ops", "*** You made #ops; nobody else is here."),
        ("/private", "*** #ops is its members' now; /invite NAME makes more of them"),
        ("/invite bob", "*** bob is a member of #ops now"),
        ("/uninvite bob", "*** bob is no member of #ops any more"),
    ] {
        alice.type_line(line).await;
        alice.expect(answer).await;
    }
    assert_eq!(alice.end().await, Some(0));
    server.stop().await;
}

#[tokio::test]
async fn a_conversation_survives_a_restart_of_the_server() {
    let server = TestServer::start().await;
    let address = server.address;
    let mut bob = Conversation::start(address, &["bob", "--plain"]);
    bob.expect("You are now connected!").await;
    bob.expect("*** You are bob, in #lobby; nobody else is here. Times are UTC+00:00. /help lists the commands.").await;
    server.stop().await;
    let lost = bob.next().await;
    assert!(lost.starts_with("*** connection lost (the server is shutting down); trying again in "), "{lost}");
    bob.type_line("while you were out").await;
    let server = TestServer::start_at(address).await;
    while bob.next().await != "*** connected again, in a new session" {}
    assert_eq!(bob.end().await, Some(0), "the line was stored");
    server.stop().await;
}

#[test]
fn shells_complete_its_flags() {
    let printed =
        std::process::Command::new(env!("CARGO_BIN_EXE_chat-client")).args(["--completions", "bash"]).output();
    let printed = printed.unwrap();
    assert!(printed.status.success());
    let script = String::from_utf8(printed.stdout).unwrap();
    assert!(script.contains("complete -F") && script.contains("--fingerprint"), "{script}");
}

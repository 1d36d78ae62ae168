//! The program: its command line, its signals, its memory, its sockets.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use chat_tests::{Ended, JsonClient, ServerProcess, TextClient, Wire};
use serde_json::json;

fn run(arguments: &[&str]) -> Ended {
    let mut command = ServerProcess::command();
    command.args(arguments);
    ServerProcess::run_to_end(command)
}

/// It ended with exit code 2 and one sentence that names what is wrong.
#[track_caller]
fn check_refused(ended: &Ended, named: &[&str]) {
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "one sentence: {}", ended.stderr);
    for name in named {
        assert!(lines[0].contains(name), "{name:?} is not named: {}", ended.stderr);
    }
}

/// What a server says that is started with these arguments, up to its end.
fn said_at_start(arguments: &[&str]) -> String {
    let data = tempfile::tempdir().unwrap();
    let mut command = ServerProcess::command();
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(data.path()).args(arguments);
    let server = ServerProcess::start_command(command);
    server.signal("TERM");
    server.wait().2
}

#[tokio::test]
async fn whoever_is_read_on_the_way_is_warned_once() {
    let all = ["--listen", "0.0.0.0:0", "--listen", "0.0.0.0:0", "--web", "0.0.0.0:0"];
    let said = said_at_start(&all);
    let warnings: Vec<_> = said.lines().filter(|line| line.contains("without TLS")).collect();
    assert_eq!(warnings.len(), 1, "{said}");
    assert_eq!(warnings[0].matches("tcp://0.0.0.0:").count(), 2, "{said}");
    assert_eq!(warnings[0].matches("http://0.0.0.0:").count(), 1, "{said}");
    for quiet in
        [&["--web", "127.0.0.1:0"][..], &["--web", "0.0.0.0:0", "--tls-listen", "0.0.0.0:0", "--tls-self-signed"]]
    {
        let said = said_at_start(quiet);
        assert!(!said.contains("without TLS"), "{quiet:?}: {said}");
    }
}

/// A configuration file that is gone when this is.
struct ConfigFile(PathBuf);

impl ConfigFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("chat-tests-{}-{name}.toml", std::process::id()));
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn it_says_where_it_listens_and_serves_there() {
    let server = ServerProcess::start(&["--lobby", "hall"]);
    assert_ne!(server.address.port(), 0);
    let mut alice = TextClient::dial("alice", server.address).await;
    let greeting = alice.introduce("alice").await;
    assert!(greeting.starts_with("*** You are alice, in #hall; nobody else is here. Times are UTC"), "{greeting}");
}

#[tokio::test]
async fn it_serves_on_where_nobody_reads_its_log_any_more() {
    let mut command = ServerProcess::command();
    command.args(["--ephemeral", "--web", "off", "--listen", "127.0.0.1:0"]);
    let mut child = command.spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    drop(child.stderr.take());
    let address = line.trim().strip_prefix("listening on tcp://").unwrap().parse().unwrap();
    let mut alice = TextClient::dial("alice", address).await;
    alice.introduce("alice").await;
    let mut bob = TextClient::dial("bob", address).await;
    bob.introduce("bob").await;
    bob.send_line("hello").await;
    alice.expect("*** bob joined the chat!").await;
    alice.expect_said("bob: hello").await;
    child.kill().unwrap();
    child.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn it_stops_when_the_terminal_is_closed_in_which_it_was_started() {
    use std::io::{BufRead as _, BufReader};

    let pair = portable_pty::native_pty_system().openpty(portable_pty::PtySize::default()).unwrap();
    let mut command = portable_pty::CommandBuilder::new(ServerProcess::command().get_program());
    command.args(["--ephemeral", "--web", "off", "--listen", "127.0.0.1:0"]);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut output = BufReader::new(pair.master.try_clone_reader().unwrap());
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        output.read_line(&mut line).unwrap();
    }
    drop((output, pair.master));
    let mut killer = child.clone_killer();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait().unwrap().exit_code()));
    let code = ended.recv_timeout(Duration::from_secs(20));
    let _ = killer.kill();
    assert_eq!(code, Ok(0), "as by Ctrl-C");
}

#[test]
fn several_addresses_are_said_one_a_line() {
    let mut command = ServerProcess::command();
    command.args(["--ephemeral", "--web", "off", "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    let mut child = command.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let addresses: Vec<_> = (0..2).map(|_| lines.next().unwrap().unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(addresses.iter().all(|line| line.starts_with("listening on tcp://127.0.0.1:")), "{addresses:?}");
    assert_ne!(addresses[0], addresses[1]);
}

#[test]
fn an_address_in_use_is_named() {
    let first = ServerProcess::start(&[]);
    let address = first.address.to_string();
    check_refused(&run(&["--ephemeral", "--web", "off", "--listen", &address]), &[&address, "in use"]);
}

#[test]
fn a_configuration_is_checked_and_shown_without_a_server() {
    let file = ConfigFile::new("good", "max-text = 100\nephemeral = true\n");
    let config = ["--config", file.path()];
    let of = |more: &[&str]| run(&[&config[..], more].concat());
    let checked = of(&["check-config"]);
    assert_eq!(
        (checked.code, checked.stdout.as_str()),
        (Some(0), "the configuration makes sense\n"),
        "{}",
        checked.stderr
    );
    let shown = of(&["--max-rate", "7", "config"]).stdout;
    let line =
        |key: &str| shown.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key} in {shown}"));
    assert!(line("max-text = 100 ").contains(file.path()), "{shown}");
    assert!(line("max-rate = 7 ").ends_with("# flag") && line("max-stall = 30 ").ends_with("# default"), "{shown}");
    // What it shows is a file that says the same.
    let again = ConfigFile::new("again", &shown);
    assert_eq!(run(&["--config", again.path(), "check-config"]).code, Some(0));

    let no_certificate =
        ["--tls-listen", "127.0.0.1:0", "--tls-cert", "/no/cert.pem", "--tls-key", "/no/key.pem", "check-config"];
    check_refused(&of(&no_certificate), &["/no/cert.pem"]);
    check_refused(&of(&["--max-stall", "60", "check-config"]), &["--max-stall 60", "32"]);
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert!(script.code == Some(0) && script.stdout.contains("max-stall"), "{shell}: {}", script.stderr);
    }
}

#[test]
fn bad_values_are_named() {
    for (arguments, named) in [
        (&["--max-rate", "many"][..], &["--max-rate", "many"][..]),
        (&["--listen", "nowhere"], &["--listen", "nowhere"]),
        (&["--no-such-flag"], &["--no-such-flag"]),
        (&["surplus"], &["surplus"]),
        (&["--log-format", "xml"], &["--log-format", "xml"]),
        (&["--lobby", "not a room"], &["--lobby", "not a room"]),
        (&["--max-text", "0"], &["--max-text", "0"]),
        (&["--max-text", "-1"], &["--max-text", "-1"]),
        (&["--max-connections", "-3"], &["--max-connections", "-3"]),
        (&["--ephemeral", "--keep", "x"], &["--ephemeral", "--keep"]),
        (&["--ephemeral", "--keep-messages", "10"], &["--ephemeral", "--keep-messages"]),
        (&["--listen", "localhst"], &["--listen", "localhst", "127.0.0.1:5555"]),
        (&["--max-text", "20001"], &["--max-text", "20001", "20000"]),
        (&["--max-line", "1"], &["--max-line", "1"]),
        (&["--max-lines", "0"], &["--max-lines", "0"]),
        (&["--config", "/no/such/file.toml"], &["/no/such/file.toml"]),
    ] {
        check_refused(&run(arguments), named);
    }
    let mut command = ServerProcess::command();
    command.env("CHAT_MAX_RATE", "many");
    check_refused(&ServerProcess::run_to_end(command), &["many"]);
}

#[test]
fn what_is_wrong_in_the_configuration_file_is_named_with_its_line() {
    for (name, text, named) in [
        ("unknown", "lobby = \"hall\"\nmax-rat = 5\n", &["max-rat", "line 2"][..]),
        ("value", "max-rate = \"many\"\n", &["max-rate", "line 1"]),
        ("address", "listen = [\"nowhere\"]\n", &["listen", "line 1"]),
        ("syntax", "lobby = \n", &["line 1"]),
    ] {
        let file = ConfigFile::new(name, text);
        check_refused(&run(&["--config", file.path()]), &[&[file.path()], named].concat());
    }
}

#[tokio::test]
async fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let file = ConfigFile::new(
        "order",
        "lobby = \"file\"\nmax-text = 10\nmax-lines = 2\nweb = \"off\"\nlisten = \"127.0.0.1:0\"\nephemeral = true\n",
    );
    let mut command = ServerProcess::command();
    command.args(["--config", file.path(), "--lobby", "flag"]);
    command.env("CHAT_LOBBY", "environment").env("CHAT_MAX_TEXT", "20");
    let server = ServerProcess::start_command(command);
    let mut bot = JsonClient::dial("bot", server.address).await;
    let welcome = bot.say_hello(json!({"type": "hello", "alias": "bot"})).await;
    assert_eq!(welcome["limits"]["max_text"], 20);
    assert_eq!(welcome["limits"]["max_lines"], 2);
    assert_eq!(bot.expect_type("joined").await["room"], "flag");
}

#[test]
fn a_switch_in_the_environment_is_on_or_off_as_people_write_it() {
    for (value, on) in [("1", true), ("true", true), ("yes", true), ("0", false), ("false", false)] {
        let data = tempfile::tempdir().unwrap();
        let mut command = ServerProcess::command();
        command
            .args(["--listen", "127.0.0.1:0", "--web", "off", "--data"])
            .arg(data.path())
            .env("CHAT_EPHEMERAL", value);
        let server = ServerProcess::start_command(command);
        server.signal("TERM");
        let (_, _, stderr) = server.wait();
        assert_eq!(stderr.contains("messages are kept in memory"), on, "{value}: {stderr}");
    }
}

#[tokio::test]
async fn at_a_signal_it_stores_and_acks_what_had_arrived_and_says_goodbye() {
    for signal in ["TERM", "INT"] {
        let server = ServerProcess::start(&[]);
        let mut bot = JsonClient::hello("bot", server.address, json!({"type": "hello", "alias": "bot"})).await;
        bot.expect_type("joined").await;
        let mut alice = TextClient::enter("alice", server.address).await;
        for n in 1..=300 {
            bot.send(json!({"type": "say", "room": "lobby", "text": "x", "id": n.to_string()})).await;
        }
        server.signal(signal);
        let lines = bot.rest_json().await;
        let acks = lines.iter().filter(|line| line["type"] == "ack").count();
        assert_eq!(acks, 300);
        assert_eq!(lines.last().expect("a last line")["code"], "shutdown");
        let shown = alice.rest().await;
        assert_eq!(shown.last().map(String::as_str), Some("*** bye: the server is shutting down"));
        let (took, code, _) = server.wait();
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[tokio::test]
async fn what_is_stored_while_it_stops_is_heard_by_the_others() {
    const SAID: usize = 3000;
    let server = ServerProcess::start(&["--max-rate", "0"]);
    let mut alice = TextClient::enter("alice", server.address).await;
    alice.so_far().await;
    let mut bot = JsonClient::hello("bot", server.address, json!({"type": "hello", "alias": "bot"})).await;
    let mut writer = JsonClient::hello("writer", server.address, json!({"type": "hello", "alias": "writer"})).await;
    let lines: String = (1..=SAID)
        .map(|n| format!("{{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"{n}\",\"id\":\"{n}\"}}\n"))
        .collect();
    writer.send_raw(lines.as_bytes()).await;
    writer.next("ack").await;
    server.signal("TERM");
    let is = |kind: &'static str| move |line: &&serde_json::Value| line["type"] == kind;
    let lines = writer.rest_json().await;
    let acked = 1 + lines.iter().filter(is("ack")).count();
    assert_eq!(acked, SAID, "{:?}", lines.last());
    assert_eq!(bot.rest_json().await.iter().filter(is("message")).count(), acked);
    let shown = alice.rest().await;
    assert_eq!(shown.iter().filter(|line| line.contains("] writer: ")).count(), acked);
    assert_eq!(shown.last().map(String::as_str), Some("*** bye: the server is shutting down"));
    let (took, code, _) = server.wait();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn it_stops_within_five_seconds_also_for_somebody_who_does_not_read() {
    let server = ServerProcess::start(&["--max-rate", "0"]);
    let mut stalled = JsonClient::over(Wire::connect_small("stalled", server.address).await).await;
    stalled.say_hello(json!({"type": "hello", "alias": "stalled"})).await;
    let mut writer = JsonClient::hello("writer", server.address, json!({"type": "hello", "alias": "writer"})).await;
    for n in 1..=2000 {
        writer.request(json!({"type": "say", "room": "lobby", "text": "x".repeat(8000), "id": n.to_string()})).await;
    }
    server.signal("TERM");
    let (took, code, _) = server.wait();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let server = ServerProcess::start(&["--max-rate", "0"]);
    // Somebody for whom the server would wait.
    let mut stalled = JsonClient::over(Wire::connect_small("stalled", server.address).await).await;
    stalled.say_hello(json!({"type": "hello", "alias": "stalled"})).await;
    let mut writer = JsonClient::hello("writer", server.address, json!({"type": "hello", "alias": "writer"})).await;
    for n in 1..=2000 {
        writer.request(json!({"type": "say", "room": "lobby", "text": "x".repeat(8000), "id": n.to_string()})).await;
    }
    server.signal("TERM");
    writer.next("bye").await;
    server.signal("TERM");
    let (took, code, _) = server.wait();
    assert!(took < Duration::from_millis(700), "{took:?}");
    assert_ne!(code, Some(0));
}

#[test]
fn a_signal_right_after_the_start_is_one_to_stop() {
    for _ in 0..5 {
        let server = ServerProcess::start(&[]);
        server.signal("TERM");
        let (_, code, stderr) = server.wait();
        assert_eq!(code, Some(0), "{stderr}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_mebibyte_without_an_end_of_line_takes_no_memory() {
    const CONNECTIONS: u64 = 8;
    let server = ServerProcess::start(&[]);
    // What a first conversation needs, code included, is there before it is measured.
    for name in ["first", "second"] {
        let mut client = TextClient::enter(name, server.address).await;
        client.send_line(&"x".repeat(40_000)).await;
        client.line().await;
        client.send_line("/quit").await;
        client.rest().await;
    }
    let before = server.resident();
    let mut clients = Vec::new();
    for n in 0..CONNECTIONS {
        let mut client = TextClient::enter(&format!("person{n}"), server.address).await;
        client.so_far().await;
        client.send_raw(&vec![b'x'; 1 << 20]).await;
        clients.push(client);
    }
    // All of it has been read once each is told of its length.
    let mut peak = 0;
    for client in &mut clients {
        peak = peak.max(server.resident());
        client.send_raw(b"\n").await;
        client.until("!!! the line has 1048576 bytes; at most 32768 are allowed").await;
    }
    let grown = server.resident().max(peak).saturating_sub(before);
    assert!(grown <= CONNECTIONS * 64 * 1024, "{CONNECTIONS} connections took {} KiB", grown / 1024);
}

/// What the kernel says of the server's end of a connection: that its keep-alive timer runs, and how long it has.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_asks_whether_a_silent_peer_is_still_there() {
    let server = ServerProcess::start(&[]);
    let mut alice = TextClient::enter("alice", server.address).await;
    alice.so_far().await;
    let port = |address: std::net::SocketAddr| format!(":{:04X}", address.port());
    let (here, there) = (port(server.address), port(alice.local_address()));
    let until = std::time::Instant::now() + chat_tests::DEADLINE;
    let left = loop {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let row: Vec<String> = table
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .find(|row| row[1].ends_with(&here) && row[2].ends_with(&there))
            .expect("the connection");
        // `tr:tm->when`: 02 is the keep-alive timer; what it waits is in hundredths of a second.
        if let Some(("02", left)) = row[5].split_once(':') {
            break u64::from_str_radix(left, 16).unwrap();
        }
        assert!(std::time::Instant::now() < until, "no keep-alive timer: {row:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(left <= 1500, "{left}");
}

#[test]
fn help_and_version_are_no_errors() {
    for argument in ["--help", "--version"] {
        let ended = run(&[argument]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.contains("chat-server"), "{}", ended.stdout);
    }
}

/// Logs say who came and went, and nothing of what was said.
#[tokio::test]
async fn no_words_and_no_raw_bytes_are_in_the_log() {
    let server = ServerProcess::start(&["--log-format", "json"]);
    let mut alice = TextClient::enter("alice", server.address).await;
    alice.send_line("the secret word").await;
    alice.send_line("/quit with \u{1b}[2J").await;
    alice.rest().await;
    let mut bad = TextClient::dial("bad", server.address).await;
    bad.expect("ALIAS?").await;
    bad.send_raw(b"\x1b[2J\x07\n\xe9\n").await;
    bad.line().await;
    drop(bad);
    server.signal("TERM");
    let (_, _, log) = server.wait();
    assert!(log.contains("alice"), "{log}");
    assert!(!log.contains("secret") && !log.contains('\u{1b}') && !log.contains('\u{7}'), "{log}");
    for line in log.lines().filter(|line| line.starts_with('{')) {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

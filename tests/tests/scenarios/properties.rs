//! What holds for whatever anybody sends: no line of it is the server's or somebody else's, and it makes no difference
//! in how many pieces it comes.

use chat_protocol::clean::clean_text;
use chat_protocol::names::{Alias, RoomName};
use chat_tests::{JsonClient, TestServer, TextClient};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Text that tries to be something else.
fn forged() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "*** bye: the server is shutting down",
        "*** alice joined the chat!",
        "!!! no one here is called \"bob\"",
        "[12:03:22] alice: I owe you money",
        "[12:03:22] alice -> you: psst",
        "ALIAS?",
        "PASSWORD?",
        "You are now connected!",
        "{\"type\":\"bye\",\"code\":\"kicked\",\"reason\":\"x\"}",
        "\",\"from\":\"alice\",\"x\":\"",
        "\u{1b}[2J\u{1b}[H",
        "\u{202e}drawkcab",
        "a) joined the chat!",
    ]);
    let end = prop::sample::select(vec![
        "\n", "\r\n", "\r", "\u{85}", "\u{2028}", "\u{2029}", "\u{b}", "\u{c}", "\\n", "\0", "\u{feff}", " ",
        "\u{9b}1E",
    ]);
    let any = prop::collection::vec(any::<char>(), 0..6).prop_map(String::from_iter);
    let part = prop_oneof![3 => line.prop_map(str::to_owned), 4 => end.prop_map(str::to_owned), 1 => any];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// All that a program can put somewhere, in every field that takes words.
async fn say_everywhere(mallory: &mut JsonClient, words: &str) {
    for line in [
        json!({"type": "say", "room": "lobby", "text": words}),
        json!({"type": "say", "room": "lobby", "text": words, "kind": "action"}),
        json!({"type": "private", "to": "reader", "text": words}),
        json!({"type": "private", "to": "program", "text": words, "kind": "action"}),
        json!({"type": "private", "to": words, "text": words}),
        json!({"type": "topic", "room": "lobby", "text": words}),
        json!({"type": "search", "room": "lobby", "query": words, "id": words}),
        json!({"type": "who", "room": words, "after": words, "id": words}),
        json!({"type": words, "id": words}),
        json!({"type": "leave", "room": words}),
    ] {
        mallory.send(line).await;
    }
    if Alias::new(words).is_err() {
        mallory.send(json!({"type": "nick", "alias": words})).await;
    }
    if RoomName::new(words).is_err() {
        mallory.send(json!({"type": "join", "room": words})).await;
    }
}

/// All that a person can type, and his own view of it.
async fn type_everywhere(eve: &mut TextClient, words: &str) {
    let words = words.replace('\n', " ");
    let is_command = words.trim_start_matches(|c: char| !c.is_ascii_graphic()).starts_with(['/', '@']);
    for start in [
        "",
        "x",
        "/me ",
        "@reader ",
        "/msg program ",
        "/topic ",
        "@",
        "/",
        "//",
        "@@",
        "/search ",
        "/history ",
        "/ignore ",
    ] {
        if start.len() > 1 || start == "x" || !is_command && !words.trim().is_empty() {
            eve.send_line(&format!("{start}{words}")).await;
        }
    }
    if Alias::new(words.trim()).is_err() {
        eve.send_line(&format!("/nick {words}")).await;
    }
    for line in eve.so_far().await {
        let begins = ["*** ", "!!! ", "[12:03:22] "].iter().any(|start| line.starts_with(start));
        if !begins || clean_text(&line) != line {
            eve.fail(&format!("a line of its own: {line:?}"));
        }
    }
}

/// Of what `name` did, as people see it.
fn is_of(line: &str, name: &str) -> bool {
    let starts = [
        format!("[12:03:22] {name}: "),
        format!("[12:03:22] * {name} "),
        format!("[12:03:22] {name} -> you: "),
        format!("*** {name} set the topic: "),
        format!("*** {name} left the chat. ("),
    ];
    let whole = [
        format!("*** {name} cleared the topic."),
        format!("*** {name} left the chat."),
        format!("*** {name} joined the chat!"),
    ];
    clean_text(line) == line && (starts.iter().any(|start| line.starts_with(start)) || whole.contains(&line.to_owned()))
}

fn is_of_json(line: &Value, name: &str) -> bool {
    let text = line["text"].as_str().unwrap_or_default();
    match line["type"].as_str() {
        Some("message" | "private" | "topic") => line["from"] == name && clean_text(text) == text,
        Some("presence") => {
            let reason = line["reasons"][name].as_str().unwrap_or_default();
            let names = |field: &str| line[field] == json!([name]) || line[field] == json!([]);
            names("joined") && names("left") && clean_text(reason) == reason && !reason.contains('\n')
        }
        _ => false,
    }
}

async fn check_forgery(words: &[String]) {
    let server = TestServer::with().unhurried().start().await;
    let mut reader = server.text("reader").await;
    let mut program = server.json("program").await;
    reader.expect("*** program joined the chat!").await;
    for words in words {
        let mut mallory = server.json("mallory").await;
        say_everywhere(&mut mallory, words).await;
        mallory.send(json!({"type": "quit", "reason": words})).await;
        mallory.rest_json().await;
        see(&mut reader, &mut program, "mallory").await;
        let mut eve = server.text("eve").await;
        type_everywhere(&mut eve, words).await;
        eve.send_line(&format!("/quit {}", words.replace('\n', " "))).await;
        eve.rest().await;
        see(&mut reader, &mut program, "eve").await;
    }
    drop((reader, program));
    server.stop().await;
}

/// All that was seen of somebody until he left is his.
async fn see(reader: &mut TextClient, program: &mut JsonClient, name: &str) {
    loop {
        let line = reader.line().await;
        if !is_of(&line, name) {
            reader.fail(&format!("not a line of {name}: {line:?}"));
        }
        if line.starts_with(&format!("*** {name} left the chat.")) {
            break;
        }
    }
    loop {
        let line = program.receive().await;
        if !is_of_json(&line, name) {
            program.fail(&format!("not a line of {name}: {line}"));
        }
        if line["left"] == json!([name]) {
            break;
        }
    }
}

/// The lines that a connection gets back for these bytes, sorted as answers from the log may overtake others, and what
/// another one hears of them.
async fn outcome(bytes: &[u8], sizes: &[usize]) -> (Vec<String>, Vec<String>) {
    let server = TestServer::with().unhurried().start().await;
    let mut reader = server.text("reader").await;
    let mut sender = server.wire("sender").await;
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, more) = rest.split_at(rest.len().min(*size));
        // A server that has said goodbye need not take the rest.
        if sender.try_send_raw(piece).await.is_err() || more.is_empty() {
            break;
        }
        rest = more;
        tokio::task::yield_now().await;
    }
    let _ = sender.try_send_raw(b"\n/quit\n{\"type\":\"quit\"}\n").await;
    let got = without_secrets(&sender.rest_raw().await);
    let mut got: Vec<String> = got.lines().map(str::to_owned).collect();
    got.sort_unstable();
    let stopping = server.begin_to_stop();
    let mut heard = reader.rest().await;
    // When he is told of a coming and going depends on how long it took, and private words have no place among the others.
    heard.retain(|line| line.starts_with('['));
    heard.sort_by_key(|line| line.contains(" -> you: "));
    drop(reader);
    stopping.await.unwrap().unwrap();
    (got, heard)
}

fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![
        &b"sender\n"[..],
        b"sender\r\n",
        b"\xff\xfd\x03sender\r\n",
        b"sen",
        b" {",
        b"{\"type\":\"hello\",\"alias\":\"sender\"}\n",
    ]);
    let part = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..12),
        2 => prop::sample::select(vec![
            &b"hello\n"[..], b"/me waves\r\n", b"@reader psst\n", b"/who\n", b"/join ops\n", b"\xff\xf4", b"\xff\xfb\x0a", b"\xff\xfa\x18\x00x\xff\xf0", b"\r\x00",
            b"{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"hi\",\"id\":\"1\"}\n", b"{\"type\":\"ping\"}\n", b"\n", b"\xc3", b"\xa9\n",
        ]).prop_map(<[u8]>::to_vec),
    ];
    (start, prop::collection::vec(part, 0..12)).prop_map(|(start, parts)| [start.to_vec(), parts.concat()].concat())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Secrets and names of logs differ from server to server.
fn without_secrets(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for field in ["\"session\":\"", "\"log\":\""] {
        if let Some(start) = text.find(field).map(|at| at + field.len())
            && let Some(end) = text[start..].find('"')
        {
            text.replace_range(start..start + end, "");
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_sent_is_a_line_of_the_server_or_of_another(words in prop::collection::vec(forged(), 1..4)) {
        block_on(check_forgery(&words));
    }

    #[test]
    fn bytes_have_the_same_effect_in_whatever_pieces_they_come(
        bytes in hostile_bytes(),
        sizes in prop::collection::vec(1..20_usize, 1..10),
    ) {
        let whole = block_on(outcome(&bytes, &[usize::MAX]));
        let split = block_on(outcome(&bytes, &sizes));
        prop_assert_eq!(whole, split);
    }
}

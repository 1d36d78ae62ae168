//! The transcripts in the protocol's reference, replayed against a real server byte for byte.

use std::collections::HashMap;

use chat_tests::{TestClock, TestServer, Wire};

const TEXT: &str = include_str!("../../../crates/chat-protocol/golden/text.txt");
const JSON: &str = include_str!("../../../crates/chat-protocol/golden/json.txt");

/// The value of a string field in a line of JSON.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let start = line.find(&format!("\"{name}\":\""))? + name.len() + 4;
    line[start..].split('"').next()
}

/// Plays a transcript: a line with `>` is sent, one with `<` must come next. What the server chooses takes the place of its stand-in.
async fn replay(transcript: &str, now: &str) {
    let clock = TestClock::at(now);
    let server = TestServer::with().clock(&clock).start().await;
    let mut people: HashMap<&str, Wire> = HashMap::new();
    let mut chosen: HashMap<String, String> = HashMap::new();
    for line in transcript.lines().filter(|line| !line.starts_with('#')) {
        let (who, words) = line.split_once(' ').expect("who says what");
        let (name, direction) = who.split_at(who.len() - 1);
        if !people.contains_key(name) {
            people.insert(name, server.wire(name).await);
        }
        let wire = people.get_mut(name).expect("connected");
        if direction == ">" {
            wire.send_line(words).await;
            continue;
        }
        let got = wire.line().await;
        for (stand_in, name) in [("LOG", "log"), ("SESSION-1", "session"), ("SESSION-2", "session")] {
            if words.contains(&format!("\"{stand_in}\"")) {
                chosen.insert(stand_in.to_owned(), field(&got, name).expect("what the server chose").to_owned());
            }
        }
        let expected = chosen.iter().fold(words.to_owned(), |line, (stand_in, value)| line.replace(stand_in, value));
        assert_eq!(got, expected, "{name} in the transcript");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_text_transcript_is_what_happens() {
    replay(TEXT, "2026-11-21T11:00:00Z").await;
}

#[tokio::test]
async fn the_json_transcript_is_what_happens() {
    replay(JSON, "2026-11-21T12:00:00Z").await;
}

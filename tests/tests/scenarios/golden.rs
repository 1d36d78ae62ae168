//! The transcripts in the protocol's reference, replayed against a real server byte for byte.

use std::collections::HashMap;
use std::sync::Arc;

use chat_protocol::names::Alias;
use chat_server::accounts::Accounts;
use chat_tests::{Setup, TestClock, TestServer, Wire};

const TEXT: &str = include_str!("../../../crates/chat-protocol/golden/text.txt");
const JSON: &str = include_str!("../../../crates/chat-protocol/golden/json.txt");
const INVITES: &str = include_str!("../../../crates/chat-protocol/golden/invites.txt");

const PRIVATE: &str = include_str!("../../../crates/chat-protocol/golden/private.txt");

/// The value of a string field in a line of JSON.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let start = line.find(&format!("\"{name}\":\""))? + name.len() + 4;
    line[start..].split('"').next()
}

/// Plays a transcript: a line with `>` is sent, one with `<` must come next. What the server chooses takes the place of its stand-in.
async fn replay(transcript: &str, setup: Setup, mut chosen: HashMap<String, String>) {
    let server = setup.start().await;
    let mut people: HashMap<&str, Wire> = HashMap::new();
    for line in transcript.lines().filter(|line| !line.starts_with('#')) {
        let (who, words) = line.split_once(' ').expect("who says what");
        let (name, direction) = who.split_at(who.len() - 1);
        if !people.contains_key(name) {
            people.insert(name, server.wire(name).await);
        }
        let wire = people.get_mut(name).expect("connected");
        if direction == ">" {
            wire.send_line(&filled(words, &chosen)).await;
            continue;
        }
        let got = wire.line().await;
        for (stand_in, name) in [("LOG", "log"), ("SESSION-1", "session"), ("SESSION-2", "session")] {
            if words.contains(&format!("\"{stand_in}\"")) {
                chosen.insert(stand_in.to_owned(), field(&got, name).expect("what the server chose").to_owned());
            }
        }
        assert_eq!(got, filled(words, &chosen), "{name} in the transcript");
    }
    server.stop().await;
}

fn filled(words: &str, chosen: &HashMap<String, String>) -> String {
    chosen.iter().fold(words.to_owned(), |line, (stand_in, value)| line.replace(stand_in, value))
}

fn at(now: &str) -> Setup {
    TestServer::with().clock(&TestClock::at(now))
}

#[tokio::test]
async fn the_text_transcript_is_what_happens() {
    replay(TEXT, at("2026-11-21T11:00:00Z"), HashMap::new()).await;
}

#[tokio::test]
async fn the_json_transcript_is_what_happens() {
    replay(JSON, at("2026-11-21T12:00:00Z"), HashMap::new()).await;
}

#[tokio::test]
async fn the_transcript_of_what_is_private_is_what_happens() {
    replay(PRIVATE, at("2026-11-21T12:00:00Z"), HashMap::new()).await;
}

#[tokio::test]
async fn the_transcript_of_a_house_with_invites_is_what_happens() {
    let accounts = Arc::new(Accounts::default());
    let time = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").into();
    let invite = |name: &str| {
        let (alias, now) = (Alias::new(name).expect("an alias"), time("2026-11-21T12:00:00Z"));
        let invite = accounts.invite(&alias, time("2026-11-28T12:00:00Z"), now).expect("an invite");
        invite.reveal().to_owned()
    };
    let chosen =
        [("INVITE-1", "alice"), ("INVITE-2", "bot")].map(|(stand_in, name)| (stand_in.to_owned(), invite(name)));
    let setup = at("2026-11-21T12:00:00Z").authenticator(accounts.clone());
    replay(INVITES, setup.configure(|config| config.require_account = true), chosen.into()).await;
}

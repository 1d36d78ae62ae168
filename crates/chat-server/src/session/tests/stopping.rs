//! Lines that are being carried out when the server stops.

use chat_protocol::message::{Bye, ByeCode};

use super::gate::{Gate, nothing};
use super::*;
use crate::limits::{ARRIVAL, DRAIN_DEADLINE};

/// Has the server stop, and lets the sessions see it while the log still stands still.
async fn stop(lab: &Lab) {
    lab.hub().connections.end_all(&Bye::new(ByeCode::Shutdown, "the server is shutting down"));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// Waits until sessions have met the full queue so many times.
async fn until_the_queue_was_met(lab: &Lab, times: u64) {
    until(|| met(lab) >= times).await;
}

fn met(lab: &Lab) -> u64 {
    lab.hub().metrics.limits_met_total.with_label_values(&["append-queue"]).get()
}

async fn rest(client: &mut BufReader<DuplexStream>) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        match say(client, "").await {
            line if line.is_empty() => return lines,
            line => lines.push(line),
        }
    }
}

#[tokio::test]
async fn a_line_that_waits_for_the_log_is_carried_out_as_those_after_it_are() {
    let (lab, gate) = Gate::lab().await;
    let mut bot = lab.connect("192.0.2.1").await;
    say(&mut bot, "{\"type\":\"hello\",\"alias\":\"bot\"}\n").await;
    assert!(say(&mut bot, "").await.starts_with("{\"type\":\"joined\""));
    let mut text = lab.guest("text", "192.0.2.2").await;
    gate.fill(&lab.hub()).await;
    let before = met(&lab);
    for n in 1..=100 {
        tell(&mut bot, &format!("{{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"{n}\",\"id\":\"{n}\"}}\n")).await;
    }
    tell(&mut text, "first\nsecond\nthird\n").await;
    until_the_queue_was_met(&lab, before + 2).await;
    stop(&lab).await;
    gate.open();
    let lines = rest(&mut bot).await;
    let acked: Vec<_> = lines.iter().filter(|line| line.starts_with("{\"type\":\"ack\"")).collect();
    assert_eq!(acked.len(), 100, "{lines:?}");
    for (n, ack) in (1..).zip(acked) {
        assert!(ack.starts_with(&format!("{{\"type\":\"ack\",\"id\":\"{n}\",")), "{n}: {ack}");
    }
    assert!(lines.last().expect("a bye").contains("\"code\":\"shutdown\""), "{lines:?}");
    rest(&mut text).await;
    let mut said = gate.said("lobby");
    said.retain(|text| text.parse::<u64>().is_err());
    assert_eq!(said, ["first", "second", "third"]);
}

#[tokio::test]
async fn what_follows_a_join_is_said_in_the_room_that_was_joined() {
    let (lab, gate) = Gate::lab().await;
    let mut alice = lab.guest("alice", "192.0.2.1").await;
    gate.close();
    tell(&mut alice, "aloud\n/join ops\nsecret\n").await;
    // The session waits for the fate of the first line: it takes in the next one at once.
    gate.until_it_waits().await;
    stop(&lab).await;
    gate.open();
    let lines = rest(&mut alice).await;
    assert_eq!(lines, ["*** You made #ops; nobody else is here.", "*** bye: the server is shutting down"]);
    assert_eq!((gate.said("lobby"), gate.said("ops")), (vec!["aloud".to_owned()], vec!["secret".to_owned()]));
}

#[tokio::test]
async fn whoever_goes_at_once_has_said_where_he_meant_to() {
    let (lab, gate) = Gate::lab().await;
    let mut bob = lab.guest("bob", "192.0.2.2").await;
    let mut script = lab.guest("script", "192.0.2.1").await;
    gate.close();
    tell(&mut script, "aloud\n/join ops\nsecret\n").await;
    gate.until_it_waits().await;
    // What the session has to write while it joins finds nobody.
    tell(&mut bob, "is anybody there?\n").await;
    drop(script);
    gate.open();
    until(|| !gate.said("ops").is_empty() || gate.said("lobby").len() == 3).await;
    assert_eq!(gate.said("ops"), ["secret"], "{:?}", gate.said("lobby"));
}

#[tokio::test]
async fn a_line_that_is_never_done_ends_with_those_after_it_undone() {
    let (lab, gate) = Gate::lab().await;
    let mut alice = lab.guest("alice", "192.0.2.1").await;
    gate.close();
    tell(&mut alice, "aloud\n/join ops\nsecret\n").await;
    gate.until_it_waits().await;
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    stop(&lab).await;
    assert_eq!(rest(&mut alice).await, ["*** bye: the server is shutting down"]);
    let took = began.elapsed();
    assert!(took >= DRAIN_DEADLINE && took < DRAIN_DEADLINE + ARRIVAL, "{took:?}");
    tokio::time::resume();
    gate.open();
    lab.hub().log.append(nothing()).await.expect("a log");
    until(|| lab.hub().log.load().0 == 0).await;
    assert_eq!((gate.said("ops"), gate.said("lobby").len()), (vec![], 1));
}

#[tokio::test]
async fn whoever_is_asked_to_leave_does_so_in_the_middle_of_a_line() {
    let (lab, gate) = Gate::lab().await;
    let mut alice = lab.guest("alice", "192.0.2.1").await;
    gate.close();
    tell(&mut alice, "aloud\n/join ops\nsecret\n").await;
    gate.until_it_waits().await;
    let (_, peers) = lab.hub().directory.find(&Alias::new("alice").expect("an alias")).expect("alice");
    peers.iter().for_each(|peer| peer.end(Bye::new(ByeCode::Kicked, "olga asked you to leave")));
    assert_eq!(rest(&mut alice).await, ["*** bye: olga asked you to leave"]);
    gate.open();
}

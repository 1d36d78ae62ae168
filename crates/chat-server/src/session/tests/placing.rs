//! Places in rooms that are lost while something else is under way.

use super::gate::Gate;
use super::*;
use crate::limits::{BATCH_BYTES, CHANNEL_BATCHES, TAIL_BYTES, WRITE_BUDGET};

/// Closes a room, as an operator's session does, but for that its people are told to look.
fn close(lab: &Lab, name: &str) {
    let (hub, name) = (lab.hub(), RoomName::new(name).expect("a room"));
    let closed = hub.rooms.change_access(&name, |guarded| {
        guarded.closed = true;
        Ok::<_, crate::access::NotChanged>(())
    });
    closed.expect("closed");
}

/// A program in these rooms.
async fn program(lab: &Lab, rooms: &[&str]) -> BufReader<DuplexStream> {
    let mut bot = lab.connect("192.0.2.1").await;
    let list = rooms.iter().map(|room| format!("{{\"room\":\"{room}\"}}")).collect::<Vec<_>>().join(",");
    say(&mut bot, &format!("{{\"type\":\"hello\",\"alias\":\"bot\",\"rooms\":[{list}]}}\n")).await;
    for _ in rooms {
        assert!(say(&mut bot, "").await.starts_with("{\"type\":\"joined\""));
    }
    bot
}

/// A program that lagged in a room, said something there, which was the first or the last that was said, and then the room was closed.
async fn lagging_in_a_closed_room(lab: &Lab, gate: &Gate, is_last: bool) -> BufReader<DuplexStream> {
    let mut bot = program(lab, &["den"]).await;
    gate.hold(&lab.hub()).await;
    // More than the room's channel and its tail hold.
    let [before, after] = if is_last { [2 * CHANNEL_BATCHES, 0] } else { [0, 2 * CHANNEL_BATCHES] };
    gate.say(&lab.hub(), "den", &"x".repeat(BATCH_BYTES / 3), before).await;
    tell(&mut bot, "{\"type\":\"say\",\"room\":\"den\",\"text\":\"mine\",\"id\":\"1\"}\n").await;
    until(|| lab.hub().log.load().0 > before).await;
    gate.say(&lab.hub(), "den", &"x".repeat(BATCH_BYTES / 3), after).await;
    close(lab, "den");
    gate.open();
    bot
}

#[tokio::test]
async fn whoever_lagged_in_a_room_that_was_closed_learns_his_own_fates_and_nothing_else() {
    let (lab, gate) = Gate::lab().await;
    let mut bot = lagging_in_a_closed_room(&lab, &gate, true).await;
    let ack = say(&mut bot, "").await;
    assert!(ack.starts_with("{\"type\":\"ack\",\"id\":\"1\",\"room\":\"den\",\"seq\":129"), "{ack}");
    assert!(say(&mut bot, "").await.starts_with("{\"type\":\"left\",\"room\":\"den\""));
    assert_eq!(say(&mut bot, "{\"type\":\"ping\"}\n").await, "{\"type\":\"pong\"}");
}

#[tokio::test]
async fn whoever_lagged_there_waits_for_no_fate_that_can_not_be_told() {
    let (lab, gate) = Gate::lab_that_keeps(100_000).await;
    let mut bot = lagging_in_a_closed_room(&lab, &gate, false).await;
    let refusal = say(&mut bot, "").await;
    assert!(
        refusal.starts_with("{\"type\":\"error\",\"id\":\"1\",\"room\":\"den\",\"code\":\"no_such_room\""),
        "{refusal}"
    );
    assert!(say(&mut bot, "").await.starts_with("{\"type\":\"left\",\"room\":\"den\""));
    assert_eq!(say(&mut bot, "{\"type\":\"ping\"}\n").await, "{\"type\":\"pong\"}");
}

#[tokio::test]
async fn a_room_in_which_much_is_said_leaves_the_others_their_turn() {
    let (lab, gate) = Gate::lab().await;
    let mut bot = program(&lab, &["loud", "soft"]).await;
    gate.hold(&lab.hub()).await;
    // Rendered they are as long as they may be, so that the batches are about as many bytes as they count for.
    let bytes = TAIL_BYTES / 4 * 3;
    gate.say(&lab.hub(), "loud", &"\"".repeat(8000), bytes / 16_000).await;
    gate.say(&lab.hub(), "soft", "psst", 1).await;
    gate.open();
    let mut before = 0;
    loop {
        let line = say(&mut bot, "").await;
        if line.contains("psst") {
            break;
        }
        before += line.len();
    }
    assert!(before <= WRITE_BUDGET + BATCH_BYTES, "{before} bytes of another room come before");
    assert!(before > 0 && bytes > WRITE_BUDGET + BATCH_BYTES);
}

#[tokio::test]
async fn whoever_is_put_out_of_one_room_while_he_leaves_another_leaves_the_right_one() {
    let (lab, gate) = Gate::lab().await;
    let mut bot = program(&lab, &["one", "two", "three"]).await;
    for left in ["two", "three"] {
        gate.close();
        let words = format!("{{\"type\":\"say\",\"room\":\"{left}\",\"text\":\"goodbye\",\"id\":\"1{left}\"}}\n");
        tell(&mut bot, &format!("{words}{{\"type\":\"leave\",\"room\":\"{left}\",\"id\":\"2\"}}\n")).await;
        gate.until_it_waits().await;
        if left == "two" {
            close(&lab, "one");
        }
        gate.open();
        if left == "two" {
            assert!(say(&mut bot, "").await.starts_with("{\"type\":\"left\",\"room\":\"one\""));
        }
        assert!(say(&mut bot, "").await.starts_with(&format!("{{\"type\":\"ack\",\"id\":\"1{left}\"")));
        assert_eq!(say(&mut bot, "").await, "{\"type\":\"ack\",\"id\":\"2\"}");
    }
    assert_eq!(say(&mut bot, "{\"type\":\"ping\"}\n").await, "{\"type\":\"pong\"}");
}

#[tokio::test]
async fn whoever_is_about_to_be_put_out_is_not_shown_the_topic() {
    let (lab, _) = Gate::lab().await;
    let mut alice = lab.guest("alice", "192.0.2.1").await;
    say(&mut alice, "/join den\n").await;
    assert_eq!(say(&mut alice, "/topic launch\n").await, "*** alice set the topic: launch");
    close(&lab, "den");
    assert_eq!(say(&mut alice, "/topic\n").await, "!!! there is no room #den");
    assert!(say(&mut alice, "").await.starts_with("*** You are not in #den any more"));
}

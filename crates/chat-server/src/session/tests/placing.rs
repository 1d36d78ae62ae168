//! Places in rooms that are lost while something else is under way.

use super::gate::Gate;
use super::*;
use crate::access::Rule;

/// Closes a room, as an operator's session does, but for that its people are told to look.
fn close(lab: &Lab, name: &str) {
    let (hub, name) = (lab.hub(), RoomName::new(name).expect("a room"));
    let closed = hub.rooms.access.change(&name, |guarded| {
        guarded.rule = Rule::Closed;
        Ok::<_, crate::access::NotChanged>(())
    });
    closed.expect("closed");
    hub.rooms.access.guard(&hub.rooms.get(&name).expect("the room"));
}

#[tokio::test]
async fn whoever_is_put_out_of_one_room_while_he_leaves_another_leaves_the_right_one() {
    let (lab, gate) = Gate::lab().await;
    let mut bot = lab.connect("192.0.2.1").await;
    let rooms = "[{\"room\":\"one\"},{\"room\":\"two\"},{\"room\":\"three\"}]";
    say(&mut bot, &format!("{{\"type\":\"hello\",\"alias\":\"bot\",\"rooms\":{rooms}}}\n")).await;
    for _ in 0..3 {
        assert!(say(&mut bot, "").await.starts_with("{\"type\":\"joined\""));
    }
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

//! What a person in line mode is told of the fate of what he said.

use std::time::{Duration, Instant};

use crate::house::House;

/// How often these words stand on a screen.
fn count(screen: &str, words: &str) -> usize {
    screen.matches(words).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_late_is_told_and_then_that_it_is_there() {
    let house = House::new();
    let mut alice = house.open(&["alice", "--plain"]);
    alice.see("You are alice");
    alice.press("in time\r");
    house.wait_for_kept("\"done\"");
    // Its answer comes after whatever the ack would have brought.
    alice.press("/who\r");
    alice.see("*** 1 in #lobby: alice");
    let shown = alice.shown();
    let after = shown.split_once("lists the commands.").map(|(_, after)| after.trim());
    assert_eq!(after, Some("in time\n/who\n*** 1 in #lobby: alice"), "the terminal's echo and the answer alone");

    house.signal("STOP");
    let said = Instant::now();
    alice.press("too late\r");
    alice.see("!!! not stored yet: too late");
    assert!(said.elapsed() >= Duration::from_secs(2), "it had its time: {:?}", said.elapsed());
    house.signal("CONT");
    alice.see("*** stored now: too late");
    alice.press("/who\r");
    alice.wait("the second answer", |screen| count(&screen.contents(), "1 in #lobby: alice") == 2);
    let shown = alice.shown();
    for (words, times) in [("not stored yet", 1), ("stored now", 1), ("alice: ", 0)] {
        assert_eq!(count(&shown, words), times, "{words:?} in\n{shown}");
    }
    alice.press("/quit\r");
    assert_eq!(alice.wait_for_end(), 0);
    assert_eq!(house.said().await, ["in time", "too late"]);
}

//! What can't be read, or is kept no longer.

use std::sync::atomic::Ordering;

use super::gate::Gate;
use super::*;

const HELLO: &str = "{\"type\":\"hello\",\"alias\":\"bot\"}\n";
const BACK: &str = "{\"type\":\"hello\",\"alias\":\"bot\",\"rooms\":[{\"room\":\"lobby\",\"after\":0}]}\n";

/// Says hello, and takes the welcome and the `joined`.
async fn come(lab: &Lab, hello: &str) -> BufReader<DuplexStream> {
    let mut bot = lab.connect("192.0.2.1").await;
    assert!(say(&mut bot, hello).await.starts_with("{\"type\":\"welcome\""));
    assert!(say(&mut bot, "").await.starts_with("{\"type\":\"joined\""));
    bot
}

async fn rest(mut bot: BufReader<DuplexStream>) -> Vec<String> {
    tell(&mut bot, "{\"type\":\"quit\"}\n").await;
    let mut lines = Vec::new();
    loop {
        lines.push(say(&mut bot, "").await);
        if lines.last().is_some_and(|line| line.starts_with("{\"type\":\"bye\"")) {
            return lines;
        }
    }
}

async fn a_log_of(gate: &Gate, lab: &Lab, messages: usize) {
    gate.say(&lab.hub(), "lobby", &"x".repeat(8000), messages).await;
    until(|| gate.head("lobby") == messages as u64).await;
}

#[tokio::test]
async fn what_can_not_be_read_at_once_is_read_again_and_is_no_gap() {
    let (lab, gate) = Gate::lab().await;
    a_log_of(&gate, &lab, 3).await;
    gate.failures.store(1, Ordering::Relaxed);
    let lines = rest(come(&lab, BACK).await).await;
    assert_eq!(lines.iter().filter(|line| line.starts_with("{\"type\":\"message\"")).count(), 3, "{lines:?}");
    gate.failures.store(2, Ordering::Relaxed);
    let lines = rest(come(&lab, BACK).await).await;
    let words = "what was said here can't be read just now; nothing of it is lost";
    let bye = format!("{{\"type\":\"bye\",\"code\":\"storage\",\"reason\":\"{words}\",\"retry_after_ms\":1000}}");
    assert_eq!(lines, [bye]);
    let lines = rest(come(&lab, BACK).await).await;
    assert_eq!(lines.len(), 4, "the messages are there: {lines:?}");
    // Whoever only comes in can stay without.
    gate.failures.store(2, Ordering::Relaxed);
    let lines = rest(come(&lab, HELLO).await).await;
    assert!(lines[0].starts_with("{\"type\":\"error\",\"room\":\"lobby\",\"code\":\"storage_full\""), "{lines:?}");
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn whoever_comes_in_has_missed_nothing() {
    let (lab, gate) = Gate::lab_that_keeps(20_000).await;
    a_log_of(&gate, &lab, 9).await;
    let gaps = || lab.hub().metrics.gap_messages_total.get();
    let kinds =
        |lines: &[String]| lines.iter().map(|line| line.split('"').nth(3).unwrap_or("").to_owned()).collect::<Vec<_>>();
    let lines = rest(come(&lab, HELLO).await).await;
    assert_eq!((kinds(&lines), gaps()), (["message", "message", "bye"].map(str::to_owned).to_vec(), 0));
    // Somebody who asks for what is old is told what is kept no longer; that is nothing that he missed.
    let mut bot = come(&lab, HELLO).await;
    tell(&mut bot, "{\"type\":\"history\",\"room\":\"lobby\",\"id\":\"h\"}\n").await;
    let lines = rest(bot).await;
    assert_eq!(kinds(&lines[2..]), ["gap", "message", "message", "end", "bye"]);
    assert_eq!(gaps(), 0);
    // Whoever was here before is told, and it is counted.
    let lines = rest(come(&lab, BACK).await).await;
    assert_eq!((kinds(&lines), gaps()), (["gap", "message", "message", "bye"].map(str::to_owned).to_vec(), 7));
}

#[tokio::test]
async fn a_session_that_panics_says_so_and_is_gone() {
    let (lab, gate) = Gate::lab().await;
    let mut bot = come(&lab, HELLO).await;
    gate.breaks.store(true, Ordering::Relaxed);
    let words = "the server made a mistake here; what was acknowledged is kept";
    let bye = format!("{{\"type\":\"bye\",\"code\":\"failed\",\"reason\":\"{words}\",\"retry_after_ms\":1000}}");
    let lines = "{\"type\":\"ping\"}\n{\"type\":\"history\",\"room\":\"lobby\"}\n{\"type\":\"ping\"}\n";
    assert_eq!(say(&mut bot, lines).await, "{\"type\":\"pong\"}");
    assert_eq!(say(&mut bot, "").await, bye);
    assert_eq!(say(&mut bot, "").await, "", "that was all");
    let lobby = lab.hub().rooms.get(&lab.hub().lobby).expect("the lobby");
    until(|| lobby.is_empty()).await;
}

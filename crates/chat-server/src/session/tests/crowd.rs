//! A message for thousands is a turn for each of them, with those of everybody else in between: all on one thread, so that
//! nobody is served beside the others but only before them.

use futures::FutureExt as _;
use tokio::io::{AsyncBufReadExt as _, BufReader, DuplexStream};
use tokio::task::unconstrained;

use super::{Lab, say, tell};

/// Members of the lobby. To tell all of them takes a thread many times as long as anything else here.
const CROWD: usize = 3000;

/// Of these, most have to go well: a machine may forget one of the two threads for so long that everybody has been told.
const ROUNDS: usize = 8;

type Client = BufReader<DuplexStream>;

struct Crowd {
    lab: Lab,
    speaker: Client,
    members: Vec<Client>,
    /// The line that is said to all ends so.
    said: String,
    /// Who hasn't got it.
    waiting: Vec<usize>,
}

impl Crowd {
    async fn gather() -> Self {
        let lab = Lab::open().await;
        let speaker = lab.guest("speaker", "127.0.0.1").await;
        let mut members = Vec::new();
        for n in 0..CROWD {
            members.push(lab.guest(&format!("guest{n}"), "127.0.0.1").await);
        }
        Self { lab, speaker, members, said: String::new(), waiting: Vec::new() }
    }

    /// Somebody in a room of its own.
    async fn elsewhere(&self, name: &str) -> Client {
        let mut client = self.lab.guest(name, "127.0.0.1").await;
        tell(&mut client, "/join elsewhere\n").await;
        while !say(&mut client, "").await.contains("#elsewhere") {}
        client
    }

    /// Has something said to all.
    async fn speak(&mut self, words: &str) {
        self.said = format!("speaker: {words}");
        self.waiting = (0..CROWD).collect();
        tell(&mut self.speaker, &format!("{words}\n")).await;
    }

    /// Waits until the first ones have it.
    async fn under_way(&mut self) {
        while self.still_wait() == CROWD {
            tokio::task::yield_now().await;
        }
    }

    /// How many haven't got it yet.
    fn still_wait(&mut self) -> usize {
        let (members, said) = (&mut self.members, &self.said);
        self.waiting.retain(|index| !has(&mut members[*index], said));
        self.waiting.len()
    }

    async fn all_have_it(&mut self) {
        for index in std::mem::take(&mut self.waiting) {
            until(&mut self.members[index], &self.said).await;
        }
    }
}

/// Lines up to one that ends so.
async fn until(client: &mut Client, end: &str) {
    while !say(client, "").await.ends_with(end) {}
}

/// Whether a line that ends so has come.
fn has(client: &mut Client, end: &str) -> bool {
    let mut line = String::new();
    // Looking takes no turn, so that nothing happens while so many are looked at.
    while let Some(Ok(1..)) = unconstrained(client.read_line(&mut line)).now_or_never() {
        if line.trim_end().ends_with(end) {
            return true;
        }
        line.clear();
    }
    false
}

#[tokio::test]
async fn others_are_served_while_thousands_are_told() {
    let mut crowd = Crowd::gather().await;
    let mut bob = crowd.elsewhere("bob").await;
    let mut carol = crowd.elsewhere("carol").await;
    until(&mut bob, "carol joined the chat!").await;
    let (mut other_rooms, mut newcomers, mut answers) = (0, 0, 0);
    for round in 0..ROUNDS {
        crowd.speak(&format!("one {round}")).await;
        tell(&mut bob, &format!("hello {round}\n")).await;
        until(&mut carol, &format!("bob: hello {round}")).await;
        other_rooms += usize::from(crowd.still_wait() > 0);
        crowd.all_have_it().await;

        crowd.speak(&format!("two {round}")).await;
        crowd.under_way().await;
        crowd.lab.guest(&format!("newcomer{round}"), "127.0.0.1").await;
        newcomers += usize::from(crowd.still_wait() > 0);
        crowd.all_have_it().await;

        crowd.speak(&format!("three {round}")).await;
        crowd.under_way().await;
        tell(&mut bob, "/nonsense\n").await;
        until(&mut bob, "/help lists the commands").await;
        answers += usize::from(crowd.still_wait() > 0);
        crowd.all_have_it().await;
    }
    let served = [other_rooms, newcomers, answers];
    assert!(served.iter().all(|rounds| *rounds > ROUNDS / 2), "of {ROUNDS} rounds each: {served:?}");
}

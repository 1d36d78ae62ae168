//! A standup without a meeting: it asks, collects what people tell it alone, and says it all together once everybody has
//! told something or the time is up.
//! `cargo run --bin standup -- ROOM MINUTES [HOST:PORT]`, from cron for instance:
//!
//! ```text
//! 30 9 * * 1-5  standup team 15 chat.example.org:5555
//! ```
//!
//! Its exit code is 0 only if all of the result is stored, so that cron's mail tells what isn't.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chat_client::protocol::message::LimitsInfo;
use chat_client::protocol::names::{Alias, RoomName};
use chat_client::protocol::value::Kind;
use chat_client::{Client, End, Event, Options, RequestError};
use tokio::time::{Instant, timeout_at};

/// Bytes that one person may tell: a standup is no report.
const MOST: usize = 1000;

/// Who told what, and who is there.
#[derive(Default)]
struct Standup {
    told: BTreeMap<Alias, String>,
    there: BTreeSet<Alias>,
    /// What the server allows; known before anything is told.
    limits: Option<LimitsInfo>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [room, minutes, server @ ..] = args.as_slice() else { bail!("usage: standup ROOM MINUTES [HOST:PORT]") };
    let room = RoomName::new(room).context("ROOM")?;
    let time = Duration::try_from_secs_f64(60.0 * minutes.parse::<f64>().context("MINUTES")?).context("MINUTES")?;
    ensure!(time <= Duration::from_secs(24 * 3600), "MINUTES: a day is the most");
    let server = server.first().map_or("127.0.0.1:5555", String::as_str);

    let mut options = Options::new("standup").room(room.clone());
    options.history = 0;
    // Nobody needs to be told that a bot came and went.
    options.quiet = true;
    options.give_up_after = Some(Duration::from_secs(60));
    let (client, mut events) = Client::connect(server, options);
    let question =
        format!("Standup! Tell me what you do today, and what is in your way: @standup TEXT ({minutes} min)");
    client.say(&room, question).await?;

    let mut standup = Standup::default();
    let end = Instant::now() + time;
    while !standup.is_complete()
        && let Ok(Some(event)) = timeout_at(end, events.next()).await
    {
        standup.take(&client, event).await?;
    }
    let refused = say_all(&client, &room, standup.result()).await?;
    match client.quit(None).await {
        End::Quit => ensure!(refused == 0, "{refused} of the messages of the result were refused"),
        end => return Err(end.into()),
    }
    Ok(())
}

/// Says one message after the other, whatever becomes of those before; how many were refused.
async fn say_all(client: &Client, room: &RoomName, messages: Vec<String>) -> anyhow::Result<usize> {
    let mut refused = 0;
    for message in messages {
        match client.say(room, message.as_str()).await {
            Ok(_) => {}
            Err(RequestError::Refused(refusal)) => {
                refused += 1;
                eprintln!("standup: not said, as {}: {message}", refusal.message);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(refused)
}

impl Standup {
    /// Takes in what happened; whoever told something gets a word back.
    async fn take(&mut self, client: &Client, event: Event) -> anyhow::Result<()> {
        match event {
            Event::Connected(welcome) | Event::Reconnected { welcome, .. } => self.limits = Some(welcome.limits),
            Event::Joined(joined) => self.there.extend(joined.members),
            Event::Presence { changes: Some(changes), .. } => {
                self.there.extend(changes.joined);
                self.there.retain(|who| !changes.left.contains(who));
                for rename in changes.renamed {
                    self.rename(&rename.from, rename.to);
                }
            }
            Event::Private(private) => {
                let reply = self.hear(&private.from, private.text.as_str());
                // He may have left by now; what he told counts all the same.
                let _ = client.private(private.from.as_str(), reply, Kind::Say).await;
            }
            Event::Ended(end) => return Err(end.into()),
            _ => {}
        }
        Ok(())
    }

    fn hear(&mut self, from: &Alias, text: &str) -> &'static str {
        let told = self.told.entry(from.clone()).or_default();
        if told.len() + text.len() > MOST {
            return "that is too much for a standup; I keep what you told me before";
        }
        if !told.is_empty() {
            told.push('\n');
        }
        told.push_str(text);
        "thank you"
    }

    fn rename(&mut self, from: &Alias, to: Alias) {
        if let Some(told) = self.told.remove(from) {
            self.told.insert(to.clone(), told);
        }
        self.there.remove(from);
        self.there.insert(to);
    }

    /// Those who are there and told nothing.
    fn silent(&self) -> Vec<&str> {
        self.there.iter().filter(|who| !self.told.contains_key(*who)).map(Alias::as_str).collect()
    }

    fn is_complete(&self) -> bool {
        !self.told.is_empty() && self.silent().is_empty()
    }

    /// What is said in the end: a message for each person, or as many as the server's limits make of it.
    fn result(&self) -> Vec<String> {
        let (most_bytes, most_lines) =
            self.limits.map_or((usize::MAX, usize::MAX), |max| (max.max_text, max.max_lines));
        let told = self.told.iter().flat_map(|(who, told)| {
            let head = format!("{who}: ");
            let lines = told.lines().flat_map(|line| cut(line, most_bytes.saturating_sub(head.len())));
            pack(&head, lines, "\n", most_bytes, most_lines)
        });
        let silent = pack("not heard from: ", self.silent(), ", ", most_bytes, usize::MAX);
        told.chain(silent).collect()
    }
}

/// Puts parts into as few messages as hold so many bytes and parts, each with the same head.
fn pack<'a>(
    head: &str,
    parts: impl IntoIterator<Item = &'a str>,
    between: &str,
    most_bytes: usize,
    most_parts: usize,
) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let mut count = 0;
    for part in parts {
        match messages.last_mut() {
            Some(last) if count < most_parts && last.len() + between.len() + part.len() <= most_bytes => {
                last.push_str(between);
                last.push_str(part);
                count += 1;
            }
            _ => {
                messages.push(format!("{head}{part}"));
                count = 1;
            }
        }
    }
    messages
}

/// A line in pieces of at most so many bytes, but of a character at least.
fn cut(line: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (piece, after) = rest.split_at(rest.floor_char_boundary(most).max(first.len_utf8()));
        rest = after;
        Some(piece)
    })
}

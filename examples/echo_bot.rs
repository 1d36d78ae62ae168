//! A bot that says back what is said to it: alone, or in the room after its name (`echobot: hello`).
//! `cargo run --bin echo_bot -- 127.0.0.1:5555`; Ctrl-C ends it.
//!
//! Nothing here is about connections: the client makes them, and after a lost one it goes on where it was. What was said
//! meanwhile is answered then, and an answer whose ack was lost is sent again with its old id, so that it is said once.
#![allow(clippy::print_stdout, reason = "it tells what becomes of its connection")]

use chat_client::protocol::value::Kind;
use chat_client::{Client, End, Event, Events, Options, RequestError};

const ALIAS: &str = "echobot";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5555".to_owned());
    let mut options = Options::new(ALIAS);
    // What was said before it came was not said to it.
    options.history = 0;
    let (client, mut events) = Client::connect(server, options);
    tokio::select! {
        ended = answer(&client, &mut events) => ended,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            // Answers that are under way are waited for.
            match client.quit(Some("its owner pressed Ctrl-C".to_owned())).await {
                End::Quit => Ok(()),
                end => Err(end.into()),
            }
        }
    }
}

/// Answers until the client has ended: it was refused, or sent away.
async fn answer(client: &Client, events: &mut Events) -> anyhow::Result<()> {
    while let Some(event) = events.next().await {
        match event {
            Event::Message(message) if !message.own => {
                if let Some(words) = addressed(message.stored.text.as_str()) {
                    report(client.say(&message.stored.room, words).await);
                }
            }
            Event::Private(private) => {
                report(client.private(private.from.as_str(), private.text.as_str(), Kind::Say).await);
            }
            Event::Connected(_) => println!("connected"),
            Event::Disconnected { why, retry_in } => println!("{why}; next try in {} ms", retry_in.as_millis()),
            Event::Reconnected { resent, .. } => println!("connected again; {resent} answers sent again"),
            Event::Ended(end) => return Err(end.into()),
            _ => {}
        }
    }
    Ok(())
}

/// What follows the bot's name.
fn addressed(text: &str) -> Option<&str> {
    let words = text.strip_prefix(ALIAS)?.strip_prefix([':', ','])?.trim_start();
    (!words.is_empty()).then_some(words)
}

/// An answer that is refused, such as one to somebody who has left, is no reason to stop.
fn report<T>(answered: Result<T, RequestError>) {
    if let Err(error) = answered {
        println!("no answer: {error}");
    }
}

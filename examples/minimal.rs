//! The textbook chat server: `LinesCodec`, a task for each connection, `broadcast`, a sender filter. Try it with
//! `cargo run --bin minimal -- 127.0.0.1:5555` and `nc 127.0.0.1 5555` in two other terminals; Ctrl-C ends it.
//!
//! `chat-server` has the same shape. Each *Lacks* below is something that goes wrong here, with the file under
//! `crates/chat-server/src` that deals with it. And texts reach terminals raw (`chat-protocol/src/clean.rs`),
//! nothing is kept or acked (`log.rs`), there is but one room (`rooms.rs`).
#![allow(clippy::print_stdout, reason = "it tells where it listens")]

use futures::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{Sender, error::RecvError};
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

/// Who sent a line, so that it isn't sent back to him; and the line.
type Said = (u64, String);
type Lines = Framed<TcpStream, LinesCodec>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5555".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on tcp://{}", listener.local_addr()?);
    // Lacks: here each receiver clones each line (`batch.rs`: they share one chunk of many lines).
    let room = Sender::new(1024);
    let mut connections = 0;
    loop {
        let stream = tokio::select! {
            // Lacks: an error, such as no descriptor left, ends the server (`accept.rs`).
            accepted = listener.accept() => accepted?.0,
            // Lacks: everybody is cut off, in the middle of a line perhaps (`server.rs`, `run`).
            stop = tokio::signal::ctrl_c() => return stop,
        };
        connections += 1;
        // The handshake is in the task: nobody waits for it here. Lacks: a limit on connections (`hub.rs`).
        tokio::spawn(welcome(connections, stream, room.clone()));
    }
}

async fn welcome(id: u64, stream: TcpStream, room: Sender<Said>) -> Result<(), LinesCodecError> {
    // `LinesCodec::new` has no maximum: one long line could fill the memory.
    let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(32 * 1024));
    lines.send("ALIAS?").await?;
    // Lacks: a deadline (`session/handshake.rs`), and a look at the name: it may be empty, or be or look like
    // somebody else's (`directory.rs`, `chat-protocol/src/names.rs`).
    let Some(alias) = lines.next().await.transpose()? else { return Ok(()) };
    // A send fails only where nobody listens. Lacks: who is here, what was said before (`room.rs`).
    let _ = room.send((id, format!("*** {alias} joined the chat!")));
    let ended = converse(id, &alias, &mut lines, &room).await;
    let _ = room.send((id, format!("*** {alias} left the chat.")));
    ended
}

async fn converse(id: u64, alias: &str, lines: &mut Lines, room: &Sender<Said>) -> Result<(), LinesCodecError> {
    let mut said = room.subscribe();
    lines.send("You are now connected!").await?;
    loop {
        // Both arms only receive, and are cancel-safe: no line is lost when the other one is taken.
        tokio::select! {
            line = lines.next() => match line {
                // Lacks: a rate (`session/rate.rs`), and commands (`session/requests.rs`).
                Some(Ok(text)) => {
                    let _ = room.send((id, format!("[{}] {alias}: {text}", jiff::Zoned::now().strftime("%T"))));
                }
                // Lacks: whoever sends a line that is too long or not UTF-8 is thrown out, telnet's commands are
                // such lines, and a last line that has no end counts (`chat-protocol/src/codec.rs`).
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            line = said.recv() => match line {
                Ok((from, _)) if from == id => {} // the sender filter
                // Lacks: one write for many lines (`session.rs`, `collect`), and a deadline for who takes none (`session/writing.rs`).
                Ok((_, line)) => lines.send(line).await?,
                // Lacks: what was missed is lost (`session/cursor.rs`: it is read from the log).
                Err(RecvError::Lagged(n)) => lines.send(format!("*** you missed {n} messages")).await?,
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

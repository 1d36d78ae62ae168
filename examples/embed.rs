//! A chat inside a program of one's own: here one that counts, and whose operators can talk while it does.
//! `cargo run --bin embed` and then `nc 127.0.0.1 5555`; it ends at Ctrl-C, or when it has counted to its argument.
//!
//! The library installs nothing global: no logger, no signal handler, no runtime. It gets addresses and a future
//! that tells it when to stop; the rest is the program's.
#![allow(clippy::print_stdout, reason = "it tells where it listens, and what it counts")]

use std::time::Duration;

use anyhow::Context as _;
use chat_server::{Config, Server};
use tokio::sync::oneshot;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let most = std::env::args().nth(1).map_or(Ok(u64::MAX), |most| most.parse()).context("how far shall I count?")?;
    let address = std::env::args().nth(2).unwrap_or_else(|| "127.0.0.1:5555".to_owned());
    let mut config = Config::ephemeral(address.parse().context("where shall I listen?")?);
    config.limits.max_connections = 100;

    // After `bind` the port is open; a start that fails does so here, and not in a task that nobody looks at.
    let server = Server::bind(config).await?;
    for address in server.addresses() {
        println!("listening on tcp://{address}");
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(server.run(async {
        // An error only says that the sender is gone: whichever way the program ends, the chat ends too.
        let _ = stopped.await;
    }));

    tokio::select! {
        () = count(most) => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        // A chat that can't keep what is said stops by itself; here the program stops with it.
        ended = &mut serving => return Ok(ended??),
    }

    // Whoever is in the chat is told, what he has said is kept first; that takes 5 s at most.
    drop(stop);
    serving.await??;
    println!("stopped");
    Ok(())
}

/// What the program is really for.
async fn count(most: u64) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    for n in 1..=most {
        second.tick().await;
        println!("{n}");
    }
}

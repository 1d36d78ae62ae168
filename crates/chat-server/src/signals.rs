//! The signals that ask the program to stop.

use std::process::exit;

/// The exit code of a program that an interrupt ended, as shells have it.
const INTERRUPTED: i32 = 130;

/// Catches what asks to stop, from the moment that it is made.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Interrupt and terminate. Without them the server can still be ended by killing it, which loses nothing that was acked.
    #[cfg(unix)]
    caught: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn catch() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let caught = signal(SignalKind::interrupt()).ok().zip(signal(SignalKind::terminate()).ok());
        Self { caught }
    }

    #[cfg(not(unix))]
    pub(crate) fn catch() -> Self {
        Self {}
    }

    /// Resolves at the first one. A second one ends the program at once.
    pub(crate) async fn stop(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            exit(INTERRUPTED);
        });
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        match &mut self.caught {
            Some((interrupt, terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            None => std::future::pending().await,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

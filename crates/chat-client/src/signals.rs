//! Ctrl-C, and the system's wish that the program end.

use tokio::sync::mpsc;

/// A queue that gets an item at the first signal to leave. The second one ends the program at once.
pub(crate) fn interrupts() -> mpsc::Receiver<()> {
    let (sender, queue) = mpsc::channel(1);
    tokio::spawn(async move {
        next_signal().await;
        let _ = sender.send(()).await;
        next_signal().await;
        std::process::exit(130);
    });
    queue
}

#[cfg(unix)]
async fn next_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(not(unix))]
async fn next_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

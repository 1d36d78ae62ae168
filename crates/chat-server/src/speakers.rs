//! Who may still say something: while the server stops, whoever has said all stays until the others have.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The sessions that may still say something.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    count: AtomicUsize,
    silence: Notify,
}

impl Speakers {
    pub(crate) fn come(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn go(&self) {
        // Only the last one wakes those who wait: ten thousand that stop would wake each other otherwise.
        if self.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.silence.notify_waiters();
        }
    }

    pub(crate) fn are_silent(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Waits until nobody is left. Cancel-safe.
    pub(crate) async fn silence(&self) {
        let silence = self.silence.notified();
        if !self.are_silent() {
            silence.await;
        }
    }
}

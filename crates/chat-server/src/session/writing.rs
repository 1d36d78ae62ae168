//! What a session says, and how it gets to the client.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chat_protocol::json;
use chat_protocol::message::{Bye, ByeCode, Refusal, ServerMessage};
use chat_protocol::text::render;
use prometheus::IntGauge;
use tokio::time::timeout;
use tracing::debug;

use super::heed::{Heed, asked_to_end};
use super::membership::Membership;
use super::output::Output;
use super::{Ended, Flow, Session, Transport};
use crate::batch::Dialect;
use crate::hub::Hub;
use crate::limits::CROWDED_DEADLINE;
use crate::metrics::Limit;

impl<S: Transport> Session<S> {
    /// Says in the dialect that something had no effect.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.hub.metrics.refused_total.with_label_values(&[refusal.code.as_str()]).inc();
        match self.dialect {
            Dialect::Text => self.text(|out| render::error(out, &refusal.message)),
            Dialect::Json => self.json(&ServerMessage::Error(refusal)),
        }
    }

    pub(super) fn json(&mut self, message: &ServerMessage) {
        let mut line = Vec::new();
        json::render(&mut line, message);
        self.out.push(&line);
    }

    pub(super) fn text(&mut self, lines: impl FnOnce(&mut String)) {
        let mut out = String::new();
        lines(&mut out);
        self.out.push(out.as_bytes());
    }

    pub(super) fn notice(&mut self, words: &str) {
        self.text(|out| render::notice(out, words));
    }

    /// Tells a person that he is read more slowly, once. For programs there is no message that says so; they wait for acks.
    pub(super) fn slowed(&mut self) {
        if self.rate.is_news() && self.dialect == Dialect::Text {
            let most = self.limits.max_rate;
            let messages = if most == 1 { "message" } else { "messages" };
            self.notice(&format!("you say more than {most} {messages} a second; the rest is taken more slowly"));
        }
    }

    /// Writes all that was collected: once, where the connection takes it.
    ///
    /// Where it doesn't, the channels are let go, and the write races the deadline and the request to end.
    pub(super) async fn flush(&mut self) -> Flow {
        while !self.flush_now()? {
            // Boxed, as what waits here is seldom, and its size would be every session's.
            let written = Box::pin(self.blocked_write()).await?;
            self.written(written)?;
        }
        self.count_traffic();
        Ok(())
    }

    /// Writes what the connection takes at once; whether that was all.
    fn flush_now(&mut self) -> Flow<bool> {
        while !self.out.is_done() {
            if self.deaf {
                self.out = Output::default();
                break;
            }
            match self.out.write_now(&mut self.io) {
                Some(written) => self.written(written)?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// A connection that breaks ends the session, unless it still carries out what had arrived.
    fn written(&mut self, written: std::io::Result<()>) -> Flow {
        let Err(error) = written else { return Ok(()) };
        debug!(connection = self.peer.id.0, %error, "connection lost");
        self.deaf = true;
        if self.heed == Heed::All { Err(Ended::Lost) } else { Ok(()) }
    }

    /// Writes some to a client that takes nothing just now.
    async fn blocked_write(&mut self) -> Flow<std::io::Result<()>> {
        self.rooms.iter_mut().for_each(Membership::let_go);
        let _blocked = Blocked::new(&self.hub.metrics.blocked_writers);
        let waiting = Waiting::new(Arc::clone(&self.hub), self.out.len());
        let crowded = waiting.in_all > self.limits.max_backlog;
        let most = if crowded { self.limits.write.min(CROWDED_DEADLINE) } else { self.limits.write };
        tokio::select! {
            bye = asked_to_end(&self.peer, self.heed) => Err(Ended::Closed(bye)),
            written = timeout(most, self.out.write_some(&mut self.io)) => {
                written.map_err(|_| self.stalled(most, crowded))
            }
        }
    }

    /// Adds to the metrics what came in and went out since the last time.
    fn count_traffic(&mut self) {
        let metrics = &self.hub.metrics;
        let (received, sent) = (self.input.take_count(), self.out.take_count());
        if received > 0 {
            metrics.received_bytes_total.inc_by(received);
        }
        if sent > 0 {
            metrics.sent_bytes_total.inc_by(sent);
        }
        if let Some(published) = self.published.take() {
            metrics.publish_to_written_seconds.observe(published.elapsed().as_secs_f64());
        }
    }

    fn stalled(&self, after: Duration, crowded: bool) -> Ended {
        let seconds = after.as_secs();
        let mut words = format!("you took nothing for {seconds} s");
        if crowded {
            self.hub.metrics.limit_met(Limit::Backlog);
            words.push_str(", and no more may wait for those who take nothing");
        }
        Ended::Closed(Bye::new(ByeCode::Stalled, words).retry_after_ms(1000))
    }
}

/// Counts the bytes that wait for a session for as long as it lives.
struct Waiting {
    hub: Arc<Hub>,
    bytes: usize,
    /// With those of all others, when it began.
    in_all: usize,
}

impl Waiting {
    fn new(hub: Arc<Hub>, bytes: usize) -> Self {
        let in_all = hub.backlog.fetch_add(bytes, Ordering::Relaxed) + bytes;
        Self { hub, bytes, in_all }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.hub.backlog.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Counts a session as blocked for as long as it lives, however its wait ends.
struct Blocked(IntGauge);

impl Blocked {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.0.dec();
    }
}

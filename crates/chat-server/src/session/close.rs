//! The end of a session: what is due is written, the rooms are left, and the last words arrive.

use std::sync::Arc;
use std::time::Duration;

use chat_protocol::limits::MAX_UNACKED;
use chat_protocol::message::{Bye, ByeCode, ServerMessage};
use chat_protocol::names::Alias;
use chat_protocol::text::render;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, info};

use super::heed::{Heed, drained_by};
use super::membership::Membership;
use super::{A_MISTAKE, Ended, Flow, Session, Transport, YOU_LEFT};
use crate::batch::Dialect;
use crate::limits::{
    ARRIVAL, BYE_DEADLINE, DRAIN_BYTES, DRAIN_DEADLINE, HEAR_DEADLINE, LINGER, LINGER_BYTES, READ_BUFFER,
    STALLED_BYE_DEADLINE,
};

fn is_stopping(ended: &Ended) -> bool {
    matches!(ended, Ended::Closed(bye) if bye.code == ByeCode::Shutdown)
}

impl<S: Transport> Session<S> {
    /// Leaves the rooms, gives the alias up, says why, and closes so that the words arrive.
    pub(super) async fn close(&mut self, ended: Ended) {
        if self.person.is_some() {
            self.see_out(&ended).await;
        }
        let alias = self.leave_all(&ended).await;
        self.peer.set_gone();
        self.record(&ended, alias.as_ref());
        let bye = match ended {
            Ended::Lost => return,
            // In the middle of a line the words would be a part of it.
            Ended::Failed if !self.out.ends_a_line() => return,
            Ended::Failed => Bye::new(ByeCode::Failed, A_MISTAKE).retry_after_ms(1000),
            Ended::Quit(_) | Ended::Eof => Bye::new(ByeCode::Quit, YOU_LEFT),
            Ended::Closed(bye) => bye,
            Ended::Stranger(stranger) => {
                self.out.push(&stranger.answer(self.hub.page.as_deref()));
                return self.say_last(BYE_DEADLINE).await;
            }
        };
        self.find_dialect();
        let deadline = if bye.code == ByeCode::Stalled { STALLED_BYE_DEADLINE } else { BYE_DEADLINE };
        match self.dialect {
            Dialect::Text => self.text(|out| render::bye(out, &bye)),
            Dialect::Json => self.json(&ServerMessage::Bye(bye)),
        }
        self.say_last(deadline).await;
    }

    /// Carries out what was received, and lets the others be heard who had said something too.
    async fn see_out(&mut self, ended: &Ended) {
        if !is_stopping(ended) {
            let _ = timeout(DRAIN_DEADLINE, self.carry_out(ended)).await;
            return;
        }
        // Counted from when the server began to stop: a line that was under way then has taken of that time already. Where it
        // has taken all, it isn't done, and what follows it is not carried out.
        let by = drained_by(&self.hub);
        if Instant::now() < by {
            let _ = timeout_at(by, self.carry_out(ended)).await;
        }
        self.hear_out(by - DRAIN_DEADLINE + HEAR_DEADLINE).await;
    }

    /// Counts the end and writes it down, under the code and with the words that the person is told.
    fn record(&self, ended: &Ended, alias: Option<&Alias>) {
        let (connection, code, reason) = (self.peer.id.0, ended.code(), ended.reason());
        self.hub.metrics.closings_total.with_label_values(&[code]).inc();
        match (alias, ended) {
            (Some(alias), _) => info!(connection, %alias, code, reason, "left"),
            (None, Ended::Closed(_) | Ended::Failed) => {
                info!(connection, address = %self.written_address(), code, reason, "turned away");
            }
            // Whoever looks whether there is a server does so every few seconds. A stranger has a line of his own.
            (None, _) => debug!(connection, code, reason, "gone before he introduced himself"),
        }
    }

    async fn say_last(&mut self, deadline: Duration) {
        let _ = timeout(deadline, self.write_all()).await;
        self.linger().await;
    }

    /// What was received before the end is carried out, and its fate told.
    async fn carry_out(&mut self, ended: &Ended) -> Flow {
        match ended {
            Ended::Quit(_) | Ended::Eof => {
                // That the server stops as well is no reason to leave him without his acks.
                self.heed = Heed::AllButTheStop;
                self.settle_all().await?;
                // Of what he did last, what is said of it.
                self.collect().await
            }
            Ended::Closed(bye) if bye.code == ByeCode::Shutdown => self.carry_out_arrived().await,
            // Nobody hears the answers, but a script that wrote its lines and closed at once has said them.
            Ended::Lost => {
                self.deaf = true;
                self.carry_out_arrived().await
            }
            Ended::Closed(_) | Ended::Stranger(_) | Ended::Failed => Ok(()),
        }
    }

    /// Carries out the whole lines that have arrived, at whatever rate.
    async fn carry_out_arrived(&mut self) -> Flow {
        self.heed = Heed::Nothing;
        let mut most = DRAIN_BYTES;
        loop {
            while let Ok(Some(item)) = self.input.buffered() {
                match self.item(item).await {
                    // A goodbye ends the lines, and what was said before it is acked all the same.
                    Err(Ended::Quit(_)) => return self.settle_all().await,
                    other => other?,
                }
                if self.unacked.len() >= MAX_UNACKED {
                    self.settle_all().await?;
                }
            }
            // The runtime learns of what has arrived only when it looks, so it is given a moment to.
            let read = timeout(ARRIVAL, self.input.read_arrived(&mut self.io, most)).await.unwrap_or(0);
            most = most.saturating_sub(read);
            if read == 0 || most == 0 {
                return self.settle_all().await;
            }
        }
    }

    /// When the server stops: hears until `deadline` what the others said that had arrived. Who can't is told how much he missed.
    async fn hear_out(&mut self, deadline: Instant) {
        self.falls_silent();
        let heard = timeout_at(deadline, self.hear_all()).await;
        if matches!(heard, Ok(Ok(()))) || self.dialect == Dialect::Json {
            // A program finds the rest by its position when it comes back.
            return;
        }
        let missed = |membership: &Membership| membership.room.head().get().saturating_sub(membership.cursor.get());
        let missed: u64 = self.rooms.iter().map(missed).sum();
        if missed > 0 {
            self.text(|out| render::missed(out, missed));
        }
    }

    async fn hear_all(&mut self) -> Flow {
        let hub = Arc::clone(&self.hub);
        loop {
            // Asked before the rooms are looked at: what is said after they were is looked for once more.
            let silent = hub.speakers.are_silent();
            self.collect().await?;
            self.flush().await?;
            if self.is_behind() {
                continue;
            }
            let has_all = self.rooms.iter().all(|membership| membership.number == membership.room.number());
            match (has_all, silent) {
                (true, true) => return Ok(()),
                (true, false) => hub.speakers.silence().await,
                // It is in the channel.
                (false, _) => {}
            }
        }
    }

    /// Nothing more is said in the name of this session.
    fn falls_silent(&mut self) {
        if !std::mem::replace(&mut self.silent, true) {
            self.hub.speakers.go();
        }
    }

    /// Whoever was here gives up his rooms and his alias, which is returned.
    async fn leave_all(&mut self, ended: &Ended) -> Option<Alias> {
        let (reason, abrupt) = match ended {
            Ended::Quit(reason) => (reason.clone(), false),
            Ended::Closed(bye) => (None, matches!(bye.code, ByeCode::Replaced | ByeCode::Stalled)),
            Ended::Eof | Ended::Lost | Ended::Stranger(_) | Ended::Failed => (None, true),
        };
        let stopping = is_stopping(ended);
        if !abrupt && !self.deaf {
            self.mark_read();
        }
        for left in std::mem::take(&mut self.rooms) {
            // When the server stops everybody leaves, and nobody stays to be told.
            if !stopping && self.exit(left.room, reason.clone(), abrupt).await.is_err() {
                break;
            }
        }
        let person = self.person.take()?;
        self.sessions().dec();
        self.falls_silent();
        let reserve = abrupt && self.dialect == Dialect::Json;
        self.hub.directory.release(&person.alias, &self.peer, person.token.as_deref(), reserve);
        Some(person.alias)
    }

    async fn write_all(&mut self) -> std::io::Result<()> {
        while !self.out.is_done() {
            self.out.write_some(&mut self.io).await?;
        }
        self.io.shutdown().await
    }

    /// Reads on for a moment: closing over unread input would be a reset, which takes the last words back.
    async fn linger(&mut self) {
        let mut dropped = 0;
        let mut buffer = vec![0; READ_BUFFER];
        let _ = timeout(LINGER, async {
            while dropped < LINGER_BYTES {
                match self.io.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(n) => dropped += n,
                }
            }
        })
        .await;
    }
}

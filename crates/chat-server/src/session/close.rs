//! The end of a session: what is due is written, the rooms are left, and the last words arrive.

use std::time::Duration;

use chat_protocol::limits::MAX_UNACKED;
use chat_protocol::message::{Bye, ByeCode, ServerMessage};
use chat_protocol::text::render;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tracing::info;

use super::{Ended, Flow, Session, Transport};
use crate::batch::Dialect;
use crate::limits::{
    ARRIVAL, BYE_DEADLINE, DRAIN_BYTES, DRAIN_DEADLINE, LINGER, LINGER_BYTES, READ_BUFFER, STALLED_BYE_DEADLINE,
};

impl<S: Transport> Session<S> {
    /// Leaves the rooms, gives the alias up, says why, and closes so that the words arrive.
    pub(super) async fn close(&mut self, ended: Ended) {
        if self.person.is_some() {
            let _ = timeout(DRAIN_DEADLINE, self.carry_out(&ended)).await;
        }
        self.leave_all(&ended).await;
        self.peer.set_gone();
        self.hub.metrics.closings_total.with_label_values(&[ended.reason()]).inc();
        let bye = match ended {
            Ended::Lost | Ended::Failed => return,
            Ended::Quit(_) | Ended::Eof => Bye::new(ByeCode::Quit, "you left"),
            Ended::Closed(bye) => bye,
            Ended::Stranger(stranger) => {
                self.out.push(&stranger.answer(self.hub.page.as_deref()));
                return self.say_last(BYE_DEADLINE).await;
            }
        };
        let deadline = if bye.code == ByeCode::Stalled { STALLED_BYE_DEADLINE } else { BYE_DEADLINE };
        match self.dialect {
            Dialect::Text => self.text(|out| render::bye(out, &bye)),
            Dialect::Json => self.json(&ServerMessage::Bye(bye)),
        }
        self.say_last(deadline).await;
    }

    async fn say_last(&mut self, deadline: Duration) {
        let _ = timeout(deadline, self.write_all()).await;
        self.linger().await;
    }

    /// What was received before the end is carried out, and its fate told.
    async fn carry_out(&mut self, ended: &Ended) -> Flow {
        match ended {
            Ended::Quit(_) | Ended::Eof => self.settle_all().await,
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
        self.draining = true;
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

    async fn leave_all(&mut self, ended: &Ended) {
        let (reason, abrupt) = match ended {
            Ended::Quit(reason) => (reason.clone(), false),
            Ended::Closed(bye) => (None, matches!(bye.code, ByeCode::Replaced | ByeCode::Stalled)),
            Ended::Eof | Ended::Lost | Ended::Stranger(_) | Ended::Failed => (None, true),
        };
        let stopping = matches!(ended, Ended::Closed(bye) if bye.code == ByeCode::Shutdown);
        if !abrupt && !self.deaf {
            self.mark_read();
        }
        for left in std::mem::take(&mut self.rooms) {
            // When the server stops everybody leaves, and nobody stays to be told.
            if !stopping && self.exit(left.room, reason.clone(), abrupt).await.is_err() {
                break;
            }
        }
        if let Some(person) = self.person.take() {
            self.sessions().dec();
            let reserve = abrupt && self.dialect == Dialect::Json;
            self.hub.directory.release(&person.alias, &self.peer, person.token.as_ref(), reserve);
            info!(connection = self.peer.id.0, alias = %person.alias, "left");
        }
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

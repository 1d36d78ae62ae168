//! Lines as they come: taken out, carried out in their order, and a few at a time.

use chat_protocol::codec::{BadLine, Incoming};
use chat_protocol::limits::MAX_UNACKED;
use chat_protocol::message::{ErrorCode, Refusal};
use chat_protocol::telnet::INTERRUPT_ANSWER;
use tracing::debug;

use super::heed::in_time;
use super::{Ended, Flow, Session, Transport};
use crate::batch::Dialect;
use crate::limits::LINES_PER_TURN;
use crate::metrics::Limit;

impl<S: Transport> Session<S> {
    /// Carries out a line, and those that came with it.
    pub(super) async fn lines(&mut self, first: std::io::Result<Option<Incoming>>) -> Flow {
        let mut item = match first {
            Ok(Some(item)) => item,
            Ok(None) => return Err(self.end_of_input()),
            Err(error) => {
                debug!(connection = self.peer.id.0, %error, "connection lost");
                return Err(Ended::Lost);
            }
        };
        // Whoever sends has taken in what he was sent, as far as can be known.
        self.mark_read();
        for left in (0..LINES_PER_TURN).rev() {
            self.rate.spend();
            self.whole(item).await?;
            if self.out.len() >= self.limits.max_reader_backlog {
                self.flush().await?;
            }
            // Looked at before the next line is taken out: one that is taken has to be carried out.
            if self.rate.pause().is_some() {
                self.hub.metrics.limit_met(Limit::Rate);
                self.slowed();
                break;
            }
            if self.unacked.len() >= MAX_UNACKED {
                break;
            }
            if left == 0 {
                // Whoever needn't wait for anything would go on for as long as the runtime lets a task: a hundred such turns.
                tokio::task::yield_now().await;
                break;
            }
            item = match self.input.buffered().map_err(|_| Ended::Lost)? {
                Some(item) => item,
                None => break,
            };
        }
        Ok(())
    }

    pub(super) fn end_of_input(&self) -> Ended {
        match self.dialect {
            Dialect::Text => Ended::Quit(None),
            Dialect::Json => Ended::Eof,
        }
    }

    /// Carries out a line to its end: what follows it must not be where it isn't.
    async fn whole(&mut self, item: Incoming) -> Flow {
        let (hub, peer) = self.hold_out();
        let done = in_time(&hub, &peer, self.item(item)).await;
        self.give_in(done)
    }

    pub(super) async fn item(&mut self, item: Incoming) -> Flow {
        match item {
            Incoming::Line(line) => match self.dialect {
                Dialect::Text => self.text_line(&line).await,
                Dialect::Json => self.json_line(&line).await,
            },
            Incoming::Bad(bad) => {
                self.bad_line(&bad);
                Ok(())
            }
            _ => Err(self.interrupted()),
        }
    }

    /// A person at a telnet wants to leave. The client shows nothing more until its question about timing is answered.
    pub(super) fn interrupted(&mut self) -> Ended {
        self.out.push(&INTERRUPT_ANSWER);
        Ended::Quit(None)
    }

    pub(super) fn bad_line(&mut self, bad: &BadLine) {
        let code = match bad {
            BadLine::TooLong { .. } => {
                self.hub.metrics.limit_met(Limit::Line);
                ErrorCode::LineTooLong
            }
            _ => ErrorCode::BadLine,
        };
        self.refuse(Refusal::new(code, bad.to_string()));
    }
}

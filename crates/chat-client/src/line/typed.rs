//! What is typed, and what became of it.

use std::io;

use chat_protocol::message::{ClientMessage, Refusal};
use chat_protocol::text::Input as Meant;
use chat_protocol::value::Kind;
use jiff::Timestamp;
use tokio::time::Instant;

use super::request::{self, Done, Outcome};
use super::words::{excerpt, notice};
use super::{LATE, Talk, Waiting, print};
use crate::asked;
use crate::input::Numbered;

impl Talk<'_> {
    /// Carries out a line of the input. Whether more are wanted.
    pub(super) async fn line(&mut self, line: Numbered) -> io::Result<bool> {
        let Numbered { number, line } = line;
        self.number = number;
        let line = match line {
            Ok(line) => line,
            Err(bad) => {
                self.not_sent(number, "", &bad.to_string())?;
                return Ok(true);
            }
        };
        if line.trim().is_empty() {
            return Ok(true);
        }
        match self.meant(&line) {
            Ok(Meant::Message(ClientMessage::Quit { reason })) => {
                self.reason = reason;
                self.left = true;
                return Ok(false);
            }
            Ok(Meant::Message(message)) => self.request(number, line, message).await,
            Ok(meant) => {
                let words = self.view.local(&meant);
                print(&words)?;
            }
            Err(refusal) => self.not_sent(number, &line, &refusal.message)?,
        }
        Ok(true)
    }

    fn meant(&self, line: &str) -> Result<Meant, Box<Refusal>> {
        match self.view.current() {
            room if self.config.commands => asked::meant(line, room),
            Some(room) => {
                let (room, text) = (room.clone(), line.to_owned());
                Ok(Meant::Message(ClientMessage::Say { room, text, id: None, kind: Kind::Say }))
            }
            None => Err(asked::nowhere()),
        }
    }

    async fn request(&mut self, number: u64, typed: String, message: ClientMessage) {
        match &message {
            ClientMessage::Say { text, .. } | ClientMessage::Private { text, .. } => {
                let (text, late_at) = (text.clone(), Instant::now() + LATE);
                self.waiting.insert(number, Waiting { text, late_at, named: false });
            }
            ClientMessage::Join { start, .. } => self.view.expect(start.room.clone()),
            _ => {}
        }
        self.held += usize::from(request::holds(&message));
        self.requests.push(request::start(&self.client, number, typed, message).await);
    }

    pub(super) fn answered(&mut self, done: Option<Done>) -> io::Result<()> {
        done.map_or(Ok(()), |done| self.done(done))
    }

    /// Shows what became of a request.
    pub(super) fn done(&mut self, done: Done) -> io::Result<()> {
        self.held -= usize::from(done.held);
        let waited = self.waiting.remove(&done.number);
        let shown = match done.result {
            Ok(Outcome::Said) => match waited {
                Some(line) if line.named => print(&notice(&format!("stored now: {}", excerpt(&line.text)))),
                _ => Ok(()),
            },
            Ok(outcome) => print(&self.view.outcome(&outcome, Timestamp::now())),
            Err(error) => self.request_failed(done.number, &done.typed, waited.is_some(), &error),
        };
        self.name_in_order();
        shown
    }
}

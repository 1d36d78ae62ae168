//! What people say: in a room, to one person alone, as a topic; and whom they don't want to hear.

use std::sync::Arc;

use chat_protocol::clean::clean_line;
use chat_protocol::limits::{MAX_REASON, MAX_TOPIC};
use chat_protocol::message::{ErrorCode, Refusal, Rename, ServerMessage};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text::render;
use chat_protocol::value::{Kind, MessageId, Text};
use tokio::sync::oneshot;

use super::requests::{Done, Stop};
use super::{Ended, Person, Session, Transport, Unacked};
use crate::batch::{Dialect, Origin};
use crate::log::{Entry, NewMessage};
use crate::metrics::Limit;
use crate::peer::Private;
use crate::presence::{Change, Told};

/// Names that one text connection may ignore: each of its lines is compared with them.
const MAX_IGNORED: usize = 100;

/// Something to be said.
pub(super) struct Words {
    pub(super) text: Text,
    pub(super) id: Option<MessageId>,
    pub(super) kind: Kind,
    /// Why it may not be said, unless it was before.
    pub(super) refused: Option<Box<Refusal>>,
}

/// Why something may not be said any more. Under an id it may have been said before, and all have seen it then: that is found out
/// first.
fn unless_known(allowed: Done, id: Option<&MessageId>) -> Done<Option<Box<Refusal>>> {
    match allowed {
        Err(Stop::Refused(refusal)) if id.is_some() => Ok(Some(refusal)),
        other => other.map(|()| None),
    }
}

impl<S: Transport> Session<S> {
    pub(super) fn checked_text(&self, raw: &str) -> Done<Text> {
        let limits = &self.limits;
        let lines = memchr::memchr_iter(b'\n', raw.as_bytes()).count() + 1;
        if raw.len() > limits.max_text {
            self.hub.metrics.limit_met(Limit::Text);
            let words = format!("the message has {} bytes; at most {} are allowed", raw.len(), limits.max_text);
            return Err(Refusal::new(ErrorCode::Limit, words).into());
        }
        if lines > limits.max_lines {
            self.hub.metrics.limit_met(Limit::Lines);
            let words = format!("the message has {lines} lines; at most {} are allowed", limits.max_lines);
            return Err(Refusal::new(ErrorCode::Limit, words).into());
        }
        let text = Text::new(raw);
        if text.is_blank() {
            return Err(Refusal::new(ErrorCode::BadField, "the message is empty").into());
        }
        Ok(text)
    }

    pub(super) async fn say(&mut self, room: &RoomName, raw: &str, id: Option<MessageId>, kind: Kind) -> Done {
        if let Some(other) = room.other() {
            return self.private(other, raw, id, kind).await;
        }
        let index = self.membership(room)?;
        let text = self.checked_text(raw)?;
        let allowed = self.may_speak(true).and_then(|()| self.may_add(raw.len()));
        let refused = unless_known(allowed, id.as_ref())?;
        self.say_at(index, Words { text, id, kind, refused }).await
    }

    /// Says something in the room at `index`, whatever that is.
    pub(super) async fn say_at(&mut self, index: usize, words: Words) -> Done {
        let Words { text, id, kind, refused } = words;
        let room = Arc::clone(&self.rooms[index].room);
        let person = self.person()?;
        let message = NewMessage {
            room: room.name.clone(),
            author: person.author,
            session: person.token.as_deref().copied(),
            id: id.clone(),
            from: person.alias.clone(),
            text: text.clone(),
            kind,
        };
        self.tickets += 1;
        let ticket = self.tickets;
        let origin = Origin { connection: self.peer.id, ticket };
        let unacked = Unacked { ticket, room: room.name.clone(), id, text };
        self.append(Entry::Say { message, room, origin, peer: Arc::clone(&self.peer), refused }).await?;
        // Only what is in the queue has a fate to wait for.
        self.unacked.push_back(unacked);
        Ok(())
    }

    pub(super) async fn private(&mut self, to: &str, raw: &str, id: Option<MessageId>, kind: Kind) -> Done {
        let text = self.checked_text(raw)?;
        let refused = unless_known(self.may_speak(false), id.as_ref())?;
        let alias = Alias::new(to).ok();
        if let Some(room) = alias.as_ref().and_then(|alias| self.kept_conversation(alias)) {
            return self.say_in(room, Words { text, id, kind, refused }).await;
        }
        if let Some(refusal) = refused {
            return Err(Stop::Refused(refusal));
        }
        let found = alias.and_then(|alias| self.hub.directory.find(&alias));
        let Some((to, peers)) = found else {
            let shown: String = clean_line(to).chars().take(40).collect();
            return Err(Refusal::new(ErrorCode::NoSuchAlias, format!("no one here is called \"{shown}\"")).into());
        };
        let Some(Person { alias: from, .. }) = &self.person else { return Ok(()) };
        let (from, time) = (from.clone(), self.hub.clock.now());
        let private = Private { time, from: from.clone(), to: to.clone(), text: text.clone(), kind, copy: false };
        // Of several sessions of one account the one that has no room misses it; who sent it isn't told, as it did arrive.
        let arrived = peers.iter().filter(|peer| peer.send(private.clone()).is_ok()).count();
        if arrived == 0 {
            let mut refusal =
                Refusal::new(ErrorCode::MailboxFull, format!("{to} has too much unread; try again later"));
            refusal.retry_after_ms = Some(1000);
            return Err(refusal.into());
        }
        self.copy_to_own_sessions(private);
        match self.dialect {
            Dialect::Text => {
                let hub = Arc::clone(&self.hub);
                self.text(|out| render::private_to(out, time, &from, &to, kind, &text, hub.clock.zone()));
            }
            Dialect::Json => {
                if let Some(id) = id {
                    let (time, to, durable) = (Some(time), Some(to), Some(false));
                    self.json(&ServerMessage::Ack { id, room: None, seq: None, time, to, durable });
                }
            }
        }
        Ok(())
    }

    /// What somebody says to another is seen in all sessions of his account.
    fn copy_to_own_sessions(&self, mut private: Private) {
        if self.account().is_none() || private.from == private.to {
            return;
        }
        private.copy = true;
        let (_, peers) = self.hub.directory.find(&private.from).unwrap_or_else(|| (private.from.clone(), Vec::new()));
        for peer in peers.iter().filter(|peer| peer.id != self.peer.id) {
            // A session with so much unread may miss what it said itself elsewhere.
            let _ = peer.send(private.clone());
        }
    }

    pub(super) fn private_arrived(&mut self, private: &Private) {
        let Private { time, from, to, text, kind, copy } = private;
        if self.is_ignored(from) {
            return;
        }
        let Some(Person { alias, .. }) = &self.person else { return };
        // Between the sending and now he may have got another name.
        let to = if *copy { to.clone() } else { alias.clone() };
        match self.dialect {
            Dialect::Text => {
                let hub = Arc::clone(&self.hub);
                self.text(|out| match copy {
                    true => render::private_to(out, *time, from, &to, *kind, text, hub.clock.zone()),
                    false => render::private_from(out, *time, from, *kind, text, hub.clock.zone()),
                });
            }
            Dialect::Json => self.json(&ServerMessage::Private {
                time: *time,
                from: from.clone(),
                to,
                text: text.clone(),
                kind: *kind,
                room: None,
                seq: None,
                own: *copy,
            }),
        }
    }

    pub(super) async fn topic(&mut self, room: &RoomName, raw: &str, id: Option<MessageId>) -> Done {
        if let Some(other) = room.other() {
            let words = format!("a conversation has no topic; tell {other}");
            return Err(Refusal::new(ErrorCode::BadField, words).into());
        }
        let index = self.membership(room)?;
        if raw.len() > MAX_TOPIC {
            let words = format!("the topic has {} bytes; at most {MAX_TOPIC} are allowed", raw.len());
            return Err(Refusal::new(ErrorCode::Limit, words).into());
        }
        self.may_speak(true)?;
        let topic = clean_line(raw).trim().to_owned();
        let room = Arc::clone(&self.rooms[index].room);
        let from = self.person()?.alias.clone();
        let (reply, answer) = oneshot::channel();
        self.append(Entry::Topic { room, from, topic, reply }).await?;
        match answer.await {
            Ok(Ok(())) => {
                self.acknowledge(id);
                Ok(())
            }
            Ok(Err(why)) => {
                let words = format!("not set, as the log has no room for more: {why}");
                Err(Refusal::new(ErrorCode::StorageFull, words).into())
            }
            Err(_) => Err(Ended::storage().into()),
        }
    }

    pub(super) fn is_ignored(&self, alias: &Alias) -> bool {
        !self.ignored.is_empty() && self.ignored.iter().any(|ignored| **ignored == *alias.key().folded())
    }

    /// Whoever isn't listened to isn't so under a new name either.
    pub(super) fn ignore_renamed(&mut self, told: &Told) {
        for (_, change) in &told.changes {
            if let Change::Renamed(Rename { from, to }) = change
                && self.is_ignored(from)
                && !self.is_ignored(to)
                && self.ignored.len() < MAX_IGNORED
            {
                self.ignored.push(to.key().folded().into());
            }
        }
    }

    pub(super) fn ignore(&mut self, name: &str, on: bool) {
        let alias = match Alias::new(name) {
            Ok(alias) => alias,
            Err(error) => return self.refuse(Refusal::new(ErrorCode::BadAlias, error.to_string())),
        };
        let known = self.is_ignored(&alias);
        match (on, known) {
            (true, false) if self.ignored.len() >= MAX_IGNORED => {
                let words = format!("you ignore {MAX_IGNORED} people, the most there may be; /unignore somebody first");
                self.refuse(Refusal::new(ErrorCode::Limit, words));
            }
            (true, _) => {
                if !known {
                    self.ignored.push(alias.key().folded().into());
                }
                self.notice(&format!("you don't see any more what {alias} says; /unignore {alias} ends this"));
            }
            (false, true) => {
                self.ignored.retain(|ignored| **ignored != *alias.key().folded());
                self.notice(&format!("you see again what {alias} says"));
            }
            (false, false) => self.refuse(Refusal::new(ErrorCode::NoSuchAlias, format!("you don't ignore {alias}"))),
        }
    }
}

/// A reason for leaving, harmless and of one line; `None` where nothing is left of it.
pub(super) fn short_reason(raw: &str) -> Option<String> {
    let clean = clean_line(raw);
    let mut reason = clean.trim().to_owned();
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    (!reason.is_empty()).then_some(reason)
}

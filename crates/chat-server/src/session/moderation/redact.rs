//! Messages taken away: one's own, and in rooms anybody's by an operator.

use std::sync::Arc;

use chat_protocol::limits::MAX_PAGE;
use chat_protocol::message::{ErrorCode, Refusal, Which};
use chat_protocol::names::RoomName;
use chat_protocol::value::{MessageId, Seq};
use tokio::sync::oneshot;

use super::super::requests::Done;
use super::super::speak::short_reason;
use super::super::{Ended, Session, Transport};
use super::{alias, in_brackets, unavailable};
use crate::limits::REDACT_LOOK;
use crate::log::{AuthorId, CannotRedact, Entry, ReadError, Record};
use crate::moderation::NotChanged;
use crate::room::Room;

impl<S: Transport> Session<S> {
    pub(in crate::session) async fn redact(
        &mut self,
        name: &RoomName,
        which: Which,
        reason: Option<&str>,
        id: Option<MessageId>,
    ) -> Done {
        let room = self.readable(name)?;
        let seq = match which {
            Which::At { seq } => seq,
            Which::Newest { nth, name } => self.nth_newest(&room, nth, name.as_deref()).await?,
        };
        let author = self.whose_to_redact(&room, seq, reason).await?;
        let by = self.person()?.alias.clone();
        let (reply, answer) = oneshot::channel();
        self.append(Entry::Redact { room, seq, author, by, reply }).await?;
        match answer.await {
            Ok(Ok(())) => {
                self.acknowledge(id);
                Ok(())
            }
            Ok(Err(why)) => Err(refusal(why, seq).into()),
            Err(_) => Err(Ended::storage().into()),
        }
    }

    /// Whose the message has to be for this one to remove it. What an operator removes of others is put on record here.
    async fn whose_to_redact(&self, room: &Arc<Room>, seq: Seq, reason: Option<&str>) -> Done<Option<AuthorId>> {
        let me = self.person()?.author;
        let reason = reason.and_then(short_reason);
        // A conversation is its two ends': an operator is one of them there, and no more than the other.
        let operator = self.account().filter(|account| account.operator && room.ends().is_none());
        let Some(operator) = operator else {
            if reason.is_some() {
                let words = "a reason is for operators who remove what somebody else said in a room";
                return Err(Refusal::new(ErrorCode::Forbidden, words).into());
            }
            return Ok(Some(me));
        };
        let found = self.hub.log.before(&room.name, seq.next(), 1).await.map_err(|error| unreadable(&error))?;
        self.still_readable(room)?;
        let Some(record) = found.first().filter(|record| record.stored.seq == seq) else {
            // What isn't there yet when it is looked for could be said and removed with nothing on record.
            return Err(refusal(CannotRedact::Missing, seq).into());
        };
        if record.author != me && !record.stored.text.as_str().is_empty() {
            let from = &record.stored.from;
            let what = format!("redact {seq} by {from} in {}{}", room.name.shown(), in_brackets(reason.as_deref()));
            self.on_audit_record(&operator.alias, what).await?;
        }
        Ok(None)
    }

    /// The place of one of the newest messages that this one means and may remove.
    async fn nth_newest(&mut self, room: &Room, nth: u32, name: Option<&str>) -> Done<Seq> {
        let person = self.person()?;
        let (me, own) = (person.author, person.alias.key());
        let operator = self.account().is_some_and(|account| account.operator);
        let wanted = name.map(alias).transpose()?.map(|alias| alias.key());
        // By one's own name one means oneself, and not who had it before.
        let wanted = wanted.filter(|key| key.folded() != own.folded());
        let is_meant = |record: &Record| match &wanted {
            None => record.author == me,
            Some(key) => (operator || record.author == me) && record.stored.from.key().folded() == key.folded(),
        };
        // Whoever takes back what he said last has it said before.
        self.settle_all().await?;
        let found = self.look_back(room, nth, is_meant).await?;
        self.still_readable(room)?;
        found.ok_or_else(|| match name.filter(|_| wanted.is_some()) {
            Some(_) if !operator => {
                Refusal::new(ErrorCode::Forbidden, "only operators remove what somebody else said").into()
            }
            name => {
                let whose = name.map_or_else(|| "yours".to_owned(), |name| format!("{name}'s"));
                let words = format!("there is no such message of {whose} among the last {REDACT_LOOK} here");
                Refusal::new(ErrorCode::NoSuchMessage, words).into()
            }
        })
    }

    /// The `nth` of those newest messages whose text isn't gone that are meant, a page of them at a time.
    async fn look_back(&self, room: &Room, nth: u32, is_meant: impl Fn(&Record) -> bool) -> Done<Option<Seq>> {
        let mut before = room.head().next();
        let last = Seq::new(before.get().saturating_sub(REDACT_LOOK));
        let mut left = nth.max(1);
        while before > last {
            let page = self.hub.log.before(&room.name, before, MAX_PAGE as usize).await;
            let page = page.map_err(|error| unreadable(&error))?;
            let Some(first) = page.first() else { break };
            for record in page.iter().rev().filter(|record| record.stored.seq >= last) {
                if !record.stored.text.as_str().is_empty() && is_meant(record) {
                    left -= 1;
                    if left == 0 {
                        return Ok(Some(record.stored.seq));
                    }
                }
            }
            before = first.stored.seq;
        }
        Ok(None)
    }
}

fn unreadable(error: &ReadError) -> Refusal {
    unavailable(&NotChanged::Unavailable(error.to_string()))
}

fn refusal(why: CannotRedact, seq: Seq) -> Refusal {
    match why {
        CannotRedact::Missing => {
            Refusal::new(ErrorCode::NoSuchMessage, format!("there is no message {seq} here, or none any more"))
        }
        CannotRedact::Forbidden => Refusal::new(ErrorCode::Forbidden, format!("message {seq} is somebody else's")),
        CannotRedact::Full(why) => {
            let words = format!("not removed, as the log has no room for the change: {why}");
            Refusal::new(ErrorCode::StorageFull, words)
        }
    }
}

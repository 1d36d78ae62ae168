//! What was asked for and isn't answered yet, in the order in which it was asked for.
//!
//! It is in memory and ends with its client; what of it has to outlive that is in the [`Journal`].

use std::collections::VecDeque;

use chat_protocol::message::ClientMessage;
use chat_protocol::names::RoomName;
use chat_protocol::value::MessageId;
use tokio::sync::oneshot;

use crate::error::{Cause, End, RequestError};
use crate::event::Unsettled;
use crate::journal::Journal;
use crate::limits::OUTBOX;
use crate::reply::{Page, Reply};

/// Where an answer goes.
pub(crate) type Answer = oneshot::Sender<Result<Reply, RequestError>>;

/// A request and what is known of it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The id that is in `message`; a `quit` has one too, which the server never sees.
    pub(crate) id: MessageId,
    pub(crate) message: ClientMessage,
    /// `None`: the client's own doing.
    pub(crate) answer: Option<Answer>,
    /// What came of a page so far.
    pub(crate) page: Page,
    /// It was sent on an earlier connection.
    pub(crate) resent: bool,
    /// Where it is crossed out with its answer, and the record that has to be on disk before it is sent.
    pub(crate) kept: Option<(Journal, u64)>,
}

impl Entry {
    pub(crate) fn new(id: MessageId, message: ClientMessage, answer: Option<Answer>) -> Self {
        Self { id, message, answer, page: Page::default(), resent: false, kept: None }
    }

    /// Answers it for good. Whoever asked may be gone: then nobody misses the answer.
    pub(crate) fn reply(self, answer: Result<Reply, RequestError>) {
        if let Some((journal, _)) = &self.kept {
            journal.done(&self.id);
        }
        self.leave(answer);
    }

    /// Answers it for this client; the next one finds it in the journal.
    fn leave(self, answer: Result<Reply, RequestError>) {
        if let Some(to) = self.answer {
            let _ = to.send(answer);
        }
    }

    /// Whether the server counts it among the unacked.
    pub(crate) const fn is_counted(&self) -> bool {
        matches!(self.message, ClientMessage::Say { .. } | ClientMessage::Private { .. })
    }

    fn unsettled(&self) -> Option<Unsettled> {
        let (room, text) = match &self.message {
            ClientMessage::Say { room, text, .. } => (Some(room.clone()), text.clone()),
            ClientMessage::Private { text, .. } => (None, text.clone()),
            _ => return None,
        };
        Some(Unsettled { id: self.id.clone(), room, text })
    }
}

/// The queue. Its front was sent on this connection, its rest was not.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: VecDeque<Entry>,
    /// How many of the front were sent.
    sent: usize,
    /// How many of those the server counts.
    unacked: usize,
    answered: u64,
}

impl Outbox {
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= OUTBOX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many the server has answered.
    pub(crate) const fn answered(&self) -> u64 {
        self.answered
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
    }

    /// The next one to send, if the server counts fewer than `window` unacked or doesn't count it, and the journal has it. What was
    /// asked for later waits behind it: a `leave` must not overtake what is said before.
    pub(crate) fn next(&self, window: usize) -> Option<&Entry> {
        let is_kept = |entry: &Entry| entry.kept.as_ref().is_none_or(|(journal, record)| *record <= journal.upto());
        self.entries
            .get(self.sent)
            .filter(|entry| self.unacked < window || !entry.is_counted())
            .filter(|entry| is_kept(entry))
    }

    /// Those that weren't sent are about to be: what the journal has to say about them before.
    pub(crate) fn sending(&mut self, journal: &Journal) {
        let unsent = self.entries.iter_mut().skip(self.sent).filter(|entry| !entry.resent);
        let mut unsent = unsent.filter_map(|entry| entry.kept.as_mut()).peekable();
        if unsent.peek().is_some() {
            let record = journal.sending();
            unsent.for_each(|(_, kept)| *kept = record);
        }
    }

    /// Takes out the private messages that may have been sent before: nobody can tell, and they must not be sent twice.
    pub(crate) fn forget_private(&mut self) {
        let (lost, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|entry| entry.resent && matches!(entry.message, ClientMessage::Private { .. }));
        self.entries = kept.into();
        lost.into_iter().for_each(|entry| entry.reply(Err(RequestError::FateUnknown(Cause::ConnectionLost))));
    }

    /// The next one is sent.
    pub(crate) fn mark_sent(&mut self) {
        if let Some(entry) = self.entries.get(self.sent) {
            self.unacked += usize::from(entry.is_counted());
            self.sent += 1;
        }
    }

    /// The next one can't be sent at all.
    pub(crate) fn take_next(&mut self) -> Option<Entry> {
        self.entries.remove(self.sent)
    }

    /// Takes out the one that is answered.
    pub(crate) fn take(&mut self, id: &MessageId) -> Option<Entry> {
        let index = self.sent_index(id)?;
        let entry = self.entries.remove(index)?;
        self.sent -= 1;
        self.answered += 1;
        self.unacked -= usize::from(entry.is_counted());
        Some(entry)
    }

    /// The one whose answer has begun.
    pub(crate) fn sent(&mut self, id: &MessageId) -> Option<&mut Entry> {
        let index = self.sent_index(id)?;
        self.entries.get_mut(index)
    }

    /// The `join` of a room that was sent and isn't answered.
    pub(crate) fn join_of(&self, is_room: impl Fn(&RoomName) -> bool) -> Option<&ClientMessage> {
        self.entries
            .iter()
            .take(self.sent)
            .map(|entry| &entry.message)
            .find(|message| matches!(message, ClientMessage::Join { start, .. } if is_room(&start.room)))
    }

    /// The connection is lost: all is to be sent again, but for what must not be repeated or is moot. The rooms that
    /// were being left are returned.
    pub(crate) fn connection_lost(&mut self) -> Vec<RoomName> {
        let mut left = Vec::new();
        let sent = std::mem::take(&mut self.sent);
        self.unacked = 0;
        for (index, mut entry) in std::mem::take(&mut self.entries).into_iter().enumerate() {
            if index < sent {
                entry.resent = true;
                entry.page = Page::default();
                match &entry.message {
                    // The server doesn't know private messages by their ids, and would deliver it twice.
                    ClientMessage::Private { .. } => {
                        entry.reply(Err(RequestError::FateUnknown(Cause::ConnectionLost)));
                        continue;
                    }
                    ClientMessage::Leave { room, .. } => {
                        left.push(room.clone());
                        entry.reply(Ok(Reply::Done));
                        continue;
                    }
                    _ => {}
                }
            }
            self.entries.push_back(entry);
        }
        left
    }

    /// How many lines are to be sent again.
    pub(crate) fn lines_to_repeat(&self) -> usize {
        self.entries.iter().filter(|entry| entry.resent && entry.is_counted()).count()
    }

    /// The session is lost in which they were sent: takes out the lines that can't be sent again safely.
    pub(crate) fn session_lost(&mut self) -> Vec<Unsettled> {
        let (lost, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.entries).into_iter().partition(|entry| entry.resent && entry.is_counted());
        self.entries = kept.into();
        let lines = lost.iter().filter_map(Entry::unsettled).collect();
        for entry in lost {
            entry.reply(Err(RequestError::FateUnknown(Cause::SessionLost)));
        }
        lines
    }

    /// Tells everybody who waits that no answer will come.
    pub(crate) fn end(&mut self, end: &End) {
        let sent = std::mem::take(&mut self.sent);
        for (index, entry) in std::mem::take(&mut self.entries).into_iter().enumerate() {
            let error = if index < sent || entry.resent {
                RequestError::FateUnknown(Cause::Ended(end.clone()))
            } else {
                RequestError::NotSent(end.clone())
            };
            entry.leave(Err(error));
        }
    }

    fn sent_index(&self, id: &MessageId) -> Option<usize> {
        self.entries.iter().take(self.sent).position(|entry| entry.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use chat_protocol::value::Kind;

    use super::*;

    fn id(name: &str) -> MessageId {
        MessageId::new(name).expect("a valid id")
    }

    fn lobby() -> RoomName {
        RoomName::new("lobby").expect("a valid name")
    }

    fn say(name: &str) -> (Entry, oneshot::Receiver<Result<Reply, RequestError>>) {
        let (answer, receiver) = oneshot::channel();
        let message = ClientMessage::Say { room: lobby(), text: name.to_owned(), id: Some(id(name)), kind: Kind::Say };
        (Entry::new(id(name), message, Some(answer)), receiver)
    }

    fn send_all(outbox: &mut Outbox, window: usize) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(entry) = outbox.next(window) {
            sent.push(entry.id.as_str().to_owned());
            outbox.mark_sent();
        }
        sent
    }

    #[test]
    fn the_window_holds_back_what_comes_after_in_order() {
        let mut outbox = Outbox::default();
        for name in ["a", "b", "c"] {
            outbox.push(say(name).0);
        }
        let leave = ClientMessage::Leave { room: lobby(), id: Some(id("leave")) };
        outbox.push(Entry::new(id("leave"), leave, None));
        assert_eq!(send_all(&mut outbox, 2), ["a", "b"]);
        assert!(outbox.take(&id("c")).is_none(), "what was not sent can't be answered");
        assert!(outbox.take(&id("b")).is_some());
        assert_eq!(send_all(&mut outbox, 2), ["c", "leave"], "a leave is not counted, but waits for its turn");
    }

    #[test]
    fn after_a_lost_connection_lines_go_again_and_private_ones_do_not() {
        let mut outbox = Outbox::default();
        outbox.push(say("a").0);
        let (answer, mut private) = oneshot::channel();
        let message = ClientMessage::Private {
            to: "bob".to_owned(),
            text: "psst".to_owned(),
            id: Some(id("p")),
            kind: Kind::Say,
        };
        outbox.push(Entry::new(id("p"), message, Some(answer)));
        assert_eq!(send_all(&mut outbox, 64), ["a", "p"]);
        outbox.push(say("b").0);
        outbox.connection_lost();
        assert!(matches!(private.try_recv(), Ok(Err(RequestError::FateUnknown(Cause::ConnectionLost)))));
        assert_eq!(outbox.lines_to_repeat(), 1);
        assert_eq!(send_all(&mut outbox, 64), ["a", "b"]);
    }

    #[test]
    fn an_end_tells_apart_what_was_sent() {
        let mut outbox = Outbox::default();
        let (sent, mut sent_answer) = say("sent");
        let (waiting, mut waiting_answer) = say("waiting");
        outbox.push(sent);
        assert_eq!(send_all(&mut outbox, 64), ["sent"]);
        outbox.push(waiting);
        outbox.end(&End::Quit);
        assert!(matches!(sent_answer.try_recv(), Ok(Err(RequestError::FateUnknown(Cause::Ended(End::Quit))))));
        assert!(matches!(waiting_answer.try_recv(), Ok(Err(RequestError::NotSent(End::Quit)))));
    }

    #[test]
    fn a_lost_session_gives_up_what_was_sent_in_it_alone() {
        let mut outbox = Outbox::default();
        outbox.push(say("sent").0);
        send_all(&mut outbox, 64);
        outbox.push(say("waiting").0);
        outbox.connection_lost();
        let lines = outbox.session_lost();
        assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["sent"]);
        assert_eq!(send_all(&mut outbox, 64), ["waiting"]);
    }
}

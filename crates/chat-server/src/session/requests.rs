//! What a client asks for, once it is admitted.

use std::sync::Arc;

use chat_protocol::clean::clean_line;
use chat_protocol::json;
use chat_protocol::limits::{
    DEFAULT_HISTORY, MAX_NAMES_PER_PAGE, MAX_PAGE, MAX_REASON, MAX_ROOMS_PER_SESSION, MAX_TOPIC, MAX_UNACKED,
};
use chat_protocol::message::{ClientMessage, ErrorCode, HistoryQuery, Refusal, RoomStart, ServerMessage};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text::{self, render};
use chat_protocol::value::{Kind, MessageId, Seq, Text};
use tokio::sync::oneshot;
use tracing::info;

use super::membership::Membership;
use super::{Ended, Flow, Person, Session, Transport, Unacked, asked_to_end};
use crate::batch::{Dialect, Origin};
use crate::limits::WRITE_BUDGET;
use crate::log::{Entered, Entry, NewMessage};
use crate::peer::Private;
use crate::room::{Piece, Room, Snapshot};
use crate::rooms::CannotEnter;

/// Names that one text connection may ignore: each of its lines is compared with them.
const MAX_IGNORED: usize = 100;

/// Why a request has no effect.
type Refused = Box<Refusal>;

impl<S: Transport> Session<S> {
    pub(super) async fn text_line(&mut self, line: &str) -> Flow {
        // A text connection is in exactly one room at a time.
        let Some(room) = self.rooms.first().map(|membership| Arc::clone(&membership.room)) else { return Ok(()) };
        match text::parse(line, &room.name) {
            Ok(text::Input::Message(message)) => self.request(message).await,
            Ok(text::Input::Help) => {
                text::HELP.iter().for_each(|line| self.notice(line));
                Ok(())
            }
            Ok(text::Input::ShowTopic) => {
                let topic = room.topic();
                self.text(|out| render::topic(out, &topic));
                Ok(())
            }
            Ok(text::Input::Ignore(name)) => {
                self.ignore(&name, true);
                Ok(())
            }
            Ok(text::Input::Unignore(name)) => {
                self.ignore(&name, false);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(refusal) => {
                self.refuse(*refusal);
                Ok(())
            }
        }
    }

    pub(super) async fn json_line(&mut self, line: &str) -> Flow {
        if line.trim().is_empty() {
            return Ok(());
        }
        match json::parse_client(line) {
            Ok(message) => self.request(message).await,
            Err(refusal) => {
                self.refuse(*refusal);
                Ok(())
            }
        }
    }

    async fn request(&mut self, message: ClientMessage) -> Flow {
        let done = match message {
            ClientMessage::Say { room, text, id, kind } => {
                self.say(&room, &text, id.clone(), kind).await?.map_err(|r| (r, id))
            }
            ClientMessage::Private { to, text, id, kind } => {
                self.private(&to, &text, id.clone(), kind).map_err(|r| (r, id))
            }
            ClientMessage::Join { start, history, id } => {
                self.join(start, history, id.clone()).await?.map_err(|r| (r, id))
            }
            ClientMessage::Leave { room, id } => self.leave(&room, id.clone()).await?.map_err(|r| (r, id)),
            ClientMessage::Nick { alias, id } => self.nick(&alias, id.clone()).await?.map_err(|r| (r, id)),
            ClientMessage::Who { room, after, limit, id } => {
                self.who(&room, after.as_deref(), limit, id.clone()).map_err(|r| (r, id))
            }
            ClientMessage::Rooms { after, limit, id } => {
                self.list_rooms(after.as_deref(), limit, id);
                Ok(())
            }
            ClientMessage::History { room, query, id } => {
                self.history(&room, query, id.clone()).await?.map_err(|r| (r, id))
            }
            ClientMessage::Search { room, query, before, limit, id } => {
                self.search(&room, query, before, limit, id.clone()).await?.map_err(|r| (r, id))
            }
            ClientMessage::Topic { room, text, id } => self.topic(&room, &text, id.clone()).await?.map_err(|r| (r, id)),
            ClientMessage::Ping { id } => {
                self.json(&ServerMessage::Pong { id });
                Ok(())
            }
            ClientMessage::Quit { reason } => return Err(Ended::Quit(reason.as_deref().and_then(short_reason))),
            ClientMessage::Hello(_) => {
                Err((refusal(ErrorCode::HelloTwice, "this connection has said hello already"), None))
            }
            _ => Err((refusal(ErrorCode::UnknownType, "this server doesn't do that"), None)),
        };
        if let Err((refusal, id)) = done {
            self.refuse(refusal.to(id));
        }
        Ok(())
    }

    fn person(&self) -> Result<&Person, Ended> {
        // Requests are only taken from those who were admitted.
        self.person.as_ref().ok_or(Ended::Lost)
    }

    /// The session's place in a room, or why it has none.
    fn membership(&self, name: &RoomName) -> Result<usize, Refused> {
        if let Some(index) = self.rooms.iter().position(|membership| membership.room.name == *name) {
            return Ok(index);
        }
        let Some(room) = self.hub.rooms.get(name) else {
            return Err(Box::new(
                Refusal::new(ErrorCode::NoSuchRoom, format!("there is no room #{name}")).about(name.clone()),
            ));
        };
        self.rooms.iter().position(|membership| membership.room.id == room.id).ok_or_else(|| {
            let words = format!("you are not in #{name}; join it first");
            Box::new(Refusal::new(ErrorCode::NotInRoom, words).about(name.clone()))
        })
    }

    fn checked_text(&self, raw: &str) -> Result<Text, Refused> {
        let limits = &self.hub.limits;
        let lines = memchr::memchr_iter(b'\n', raw.as_bytes()).count() + 1;
        if raw.len() > limits.max_text {
            let words = format!("the message has {} bytes; at most {} are allowed", raw.len(), limits.max_text);
            return Err(refusal(ErrorCode::Limit, words));
        }
        if lines > limits.max_lines {
            let words = format!("the message has {lines} lines; at most {} are allowed", limits.max_lines);
            return Err(refusal(ErrorCode::Limit, words));
        }
        let text = Text::new(raw);
        if text.is_blank() {
            return Err(refusal(ErrorCode::BadField, "the message is empty"));
        }
        Ok(text)
    }

    async fn say(
        &mut self,
        room: &RoomName,
        raw: &str,
        id: Option<MessageId>,
        kind: Kind,
    ) -> Flow<Result<(), Refused>> {
        let checked = self.membership(room).and_then(|index| Ok((index, self.checked_text(raw)?)));
        let (index, text) = match checked {
            Ok(checked) => checked,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let room = Arc::clone(&self.rooms[index].room);
        let person = self.person()?;
        let message = NewMessage {
            room: room.name.clone(),
            author: person.author,
            session: person.token,
            id: id.clone(),
            from: person.alias.clone(),
            text: text.clone(),
            kind,
        };
        self.tickets += 1;
        let ticket = self.tickets;
        self.unacked.push_back(Unacked { ticket, room: room.name.clone(), id, text });
        let origin = Origin { connection: self.peer.id, ticket };
        self.append(Entry::Say { message, room, origin, peer: Arc::clone(&self.peer) }).await?;
        Ok(Ok(()))
    }

    /// Waits for a place in the log's queue. The log never waits for a session, so this ends; the request to end is heard meanwhile.
    async fn append(&self, entry: Entry) -> Flow {
        tokio::select! {
            biased;
            appended = self.hub.log.append(entry) => appended.map_err(|_| Ended::storage()),
            bye = asked_to_end(&self.peer, self.draining) => Err(Ended::Closed(bye)),
        }
    }

    fn private(&mut self, to: &str, raw: &str, id: Option<MessageId>, kind: Kind) -> Result<(), Refused> {
        let text = self.checked_text(raw)?;
        let found = Alias::new(to).ok().and_then(|alias| self.hub.directory.find(&alias));
        let Some((to, peer)) = found else {
            let shown: String = clean_line(to).chars().take(40).collect();
            return Err(refusal(ErrorCode::NoSuchAlias, format!("no one here is called \"{shown}\"")));
        };
        let Some(Person { alias: from, .. }) = &self.person else { return Ok(()) };
        let (from, time) = (from.clone(), self.hub.clock.now());
        let private = Private { time, from: from.clone(), text: text.clone(), kind };
        if peer.send(private).is_err() {
            let mut refusal = refusal(ErrorCode::MailboxFull, format!("{to} has too much unread; try again later"));
            refusal.retry_after_ms = Some(1000);
            return Err(refusal);
        }
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

    pub(super) fn private_arrived(&mut self, private: &Private) {
        let Private { time, from, text, kind } = private;
        if self.is_ignored(from) {
            return;
        }
        let Some(Person { alias, .. }) = &self.person else { return };
        let to = alias.clone();
        match self.dialect {
            Dialect::Text => {
                let hub = Arc::clone(&self.hub);
                self.text(|out| render::private_from(out, *time, from, *kind, text, hub.clock.zone()));
            }
            Dialect::Json => self.json(&ServerMessage::Private {
                time: *time,
                from: from.clone(),
                to,
                text: text.clone(),
                kind: *kind,
            }),
        }
    }

    /// Has the session entered in a room's roster; where it stands then.
    pub(super) async fn enter(&mut self, name: RoomName) -> Flow<Result<Entered, CannotEnter>> {
        let person = self.person()?;
        let (alias, quiet) = (person.alias.clone(), person.quiet);
        let (reply, mut answer) = oneshot::channel();
        self.append(Entry::Enter { room: name, alias, quiet, reply }).await?;
        tokio::select! {
            biased;
            entered = &mut answer => entered.map_err(|_| Ended::storage()),
            bye = asked_to_end(&self.peer, self.draining) => {
                // Entered or not: what was done for this session has to be undone by it.
                answer.close();
                if let Ok(Ok(Entered { room, snapshot, .. })) = answer.try_recv() {
                    self.rooms.push(Membership::new(room, &snapshot));
                }
                Err(Ended::Closed(bye))
            }
        }
    }

    async fn join(
        &mut self,
        start: RoomStart,
        history: Option<u32>,
        id: Option<MessageId>,
    ) -> Flow<Result<(), Refused>> {
        if let Ok(index) = self.membership(&start.room) {
            let room = Arc::clone(&self.rooms[index].room);
            self.show_room(&room, room.snapshot(), false);
            self.acknowledge(id);
            return Ok(Ok(()));
        }
        if self.dialect == Dialect::Json && self.rooms.len() >= MAX_ROOMS_PER_SESSION {
            let words = format!("you are in {MAX_ROOMS_PER_SESSION} rooms, the most there may be; leave one first");
            return Ok(Err(refusal(ErrorCode::Limit, words)));
        }
        let entered = match self.enter(start.room.clone()).await? {
            Ok(entered) => entered,
            Err(error) => return Ok(Err(cannot_enter(&error, start.room))),
        };
        if self.dialect == Dialect::Text {
            for left in std::mem::take(&mut self.rooms) {
                self.exit(left.room, None, false).await?;
            }
        }
        let known = start.after.is_some();
        self.entered(entered, start.after, known, history, id).await?;
        Ok(Ok(()))
    }

    /// Shows a room to the session that entered it: its state, then its messages from where the session wants them.
    ///
    /// `same_log`: the position `after` was learned in this log.
    pub(super) async fn entered(
        &mut self,
        entered: Entered,
        after: Option<Seq>,
        same_log: bool,
        history: Option<u32>,
        id: Option<MessageId>,
    ) -> Flow {
        let Entered { room, snapshot, made } = entered;
        let head = snapshot.head;
        self.rooms.push(Membership::new(Arc::clone(&room), &snapshot));
        let index = self.rooms.len() - 1;
        self.show_room(&room, snapshot, made);
        self.acknowledge(id);
        match after {
            Some(after) if same_log && after <= head => self.read_from_log(index, after, head).await,
            Some(_) => {
                self.json(&ServerMessage::Reset { room: room.name.clone(), head });
                self.recent(&room, head, Self::history_wanted(history)).await
            }
            None => self.recent(&room, head, Self::history_wanted(history)).await,
        }
    }

    fn show_room(&mut self, room: &Arc<Room>, snapshot: Snapshot, made: bool) {
        match self.dialect {
            Dialect::Json => self.joined(room, snapshot),
            Dialect::Text => {
                let (others, count) = self.others(&snapshot);
                self.text(|out| {
                    if made {
                        render::made(out, &room.name);
                    } else {
                        render::entered(out, &room.name, &others, count);
                    }
                    if !snapshot.topic.is_empty() {
                        render::topic(out, &snapshot.topic);
                    }
                });
            }
        }
    }

    /// The others of a snapshot: some names, and how many they are.
    pub(super) fn others(&self, snapshot: &Snapshot) -> (Vec<Alias>, u64) {
        let me = self.person.as_ref().map(|person| &person.alias);
        let others: Vec<_> = snapshot.members.iter().filter(|alias| Some(*alias) != me).cloned().collect();
        let quiet = self.person.as_ref().is_some_and(|person| person.quiet);
        (others, snapshot.count.saturating_sub(u64::from(!quiet)))
    }

    pub(super) fn joined(&mut self, room: &Room, snapshot: Snapshot) {
        let Snapshot { head, topic, count, members, .. } = snapshot;
        self.json(&ServerMessage::Joined { room: room.name.clone(), topic, count, members, head });
    }

    fn acknowledge(&mut self, id: Option<MessageId>) {
        if let Some(id) = id {
            self.json(&ServerMessage::Ack { id, room: None, seq: None, time: None, to: None, durable: None });
        }
    }

    async fn leave(&mut self, room: &RoomName, id: Option<MessageId>) -> Flow<Result<(), Refused>> {
        let index = match self.membership(room) {
            Ok(index) => index,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // What it said there is acked there: its fate has to be seen before it looks away.
        self.settle_all().await?;
        let left = self.rooms.remove(index);
        self.exit(left.room, None, false).await?;
        self.acknowledge(id);
        Ok(Ok(()))
    }

    /// Collects and writes until the fate of all that this session said is known.
    pub(super) async fn settle_all(&mut self) -> Flow {
        while !self.unacked.is_empty() {
            self.collect().await?;
            self.flush().await?;
            if self.unacked.is_empty() || self.is_behind() {
                continue;
            }
            tokio::select! {
                (index, batch) = super::any_batch(&mut self.rooms) => match batch {
                    Some(batch) => self.batch(index, &batch),
                    None => self.rooms[index].let_go(),
                },
                () = self.peer.mail_arrived() => {}
                bye = asked_to_end(&self.peer, self.draining) => return Err(Ended::Closed(bye)),
            }
        }
        Ok(())
    }

    pub(super) async fn exit(&self, room: Arc<Room>, reason: Option<String>, abrupt: bool) -> Flow {
        let alias = self.person()?.alias.clone();
        self.hub.log.append(Entry::Exit { room, alias, reason, abrupt }).await.map_err(|_| Ended::storage())
    }

    async fn nick(&mut self, wanted: &str, id: Option<MessageId>) -> Flow<Result<(), Refused>> {
        let to = match Alias::new(wanted) {
            Ok(to) => to,
            Err(error) => return Ok(Err(refusal(ErrorCode::BadAlias, error.to_string()))),
        };
        let person = self.person()?;
        let from = person.alias.clone();
        if from != to {
            if let Err(taken) = self.hub.directory.rename(&from, &to, &self.peer, person.token.as_ref()) {
                return Ok(Err(refusal(ErrorCode::AliasTaken, taken.to_string())));
            }
            info!(connection = self.peer.id.0, %from, %to, "renamed");
            if let Some(person) = &mut self.person {
                person.alias = to.clone();
            }
            let rooms = self.rooms.iter().map(|membership| Arc::clone(&membership.room)).collect();
            self.hub.log.append(Entry::Rename { rooms, from, to }).await.map_err(|_| Ended::storage())?;
        }
        self.acknowledge(id);
        Ok(Ok(()))
    }

    fn who(
        &mut self,
        room: &RoomName,
        after: Option<&str>,
        limit: Option<u32>,
        id: Option<MessageId>,
    ) -> Result<(), Refused> {
        let index = self.membership(room)?;
        let room = Arc::clone(&self.rooms[index].room);
        let (members, count, more) = room.who(after, page(limit));
        match self.dialect {
            Dialect::Text => self.text(|out| render::who(out, &room.name, count, &members)),
            Dialect::Json => self.json(&ServerMessage::Who { room: room.name.clone(), count, members, re: id, more }),
        }
        Ok(())
    }

    fn list_rooms(&mut self, after: Option<&str>, limit: Option<u32>, id: Option<MessageId>) {
        let mut all = self.hub.rooms.all();
        all.retain(|room| after.is_none_or(|after| room.name.as_str() > after));
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let limit = page(limit);
        let mut rooms = Vec::new();
        let mut bytes = 0;
        for room in all.iter().take(limit) {
            let summary = room.summary();
            bytes += 2 * summary.topic.len() + summary.room.as_str().len() + 40;
            if bytes > WRITE_BUDGET - 4096 {
                break;
            }
            rooms.push(summary);
        }
        let more = rooms.len() < all.len();
        match self.dialect {
            Dialect::Text => self.text(|out| render::rooms(out, &rooms, more)),
            Dialect::Json => self.json(&ServerMessage::Rooms { rooms, re: id, more }),
        }
    }

    async fn history(
        &mut self,
        room: &RoomName,
        query: HistoryQuery,
        id: Option<MessageId>,
    ) -> Flow<Result<(), Refused>> {
        let index = match self.membership(room) {
            Ok(index) => index,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // Whoever asks for history finds in it what he said before.
        self.settle_all().await?;
        let room = Arc::clone(&self.rooms[index].room);
        let head = room.head();
        let limit = query.limit.unwrap_or(DEFAULT_HISTORY).min(MAX_PAGE);
        let wanted = u64::from(limit);
        // The page is the seqs in `first < seq ≤ last`, as many as are wanted; more lie beyond its far end.
        let (first, last, more) = match (query.before, query.after) {
            (None, Some(after)) => {
                let after = after.min(head);
                let last = Seq::new(after.get().saturating_add(wanted)).min(head);
                (after, last, last < head)
            }
            (before, floor) => {
                let last = before.map_or(head, |before| before.previous().min(head));
                let floor = floor.unwrap_or(Seq::ZERO).min(last);
                let first = Seq::new(last.get().saturating_sub(wanted)).max(floor);
                (first, last, first > floor)
            }
        };
        let records = match self.hub.log.after(&room.name, first, last, limit as usize).await {
            Ok(records) => records,
            Err(error) => return Ok(Err(self.cannot_read(&error))),
        };
        let pieces: Vec<_> = records.into_iter().map(Piece::Stored).collect();
        match self.dialect {
            Dialect::Text if pieces.is_empty() => self.notice("nothing was said here yet"),
            Dialect::Text => self.text_page(&pieces),
            Dialect::Json => {
                let mut from = first;
                // Written piece by piece, as a page may be larger than what a session may hold.
                for part in pieces.chunks(32) {
                    let to = part.last().and_then(Piece::record).map_or(from, |record| record.stored.seq);
                    self.answer(&room, part, from, to, id.as_ref());
                    from = to;
                    if self.out.len() >= WRITE_BUDGET {
                        self.flush().await?;
                    }
                }
                self.answer(&room, &[], from, last, id.as_ref());
                self.json(&ServerMessage::End { re: id, more });
            }
        }
        Ok(Ok(()))
    }

    /// Messages that answer a request, whether or not it has an id.
    fn answer(&mut self, room: &Room, pieces: &[Piece], after: Seq, upto: Seq, re: Option<&MessageId>) {
        let before = std::mem::take(&mut self.unacked);
        self.pieces(room, pieces, after, upto, re);
        self.unacked = before;
    }

    async fn search(
        &mut self,
        room: &RoomName,
        query: String,
        before: Option<Seq>,
        limit: Option<u32>,
        id: Option<MessageId>,
    ) -> Flow<Result<(), Refused>> {
        let index = match self.membership(room) {
            Ok(index) => index,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if query.trim().is_empty() {
            return Ok(Err(refusal(ErrorCode::BadField, "there are no words to search for")));
        }
        self.settle_all().await?;
        let room = Arc::clone(&self.rooms[index].room);
        let before = before.unwrap_or(Seq::new(u64::MAX)).min(room.head().next());
        let limit = limit.unwrap_or(DEFAULT_HISTORY).min(MAX_PAGE) as usize;
        let shown: String = clean_line(&query).chars().take(60).collect();
        let mut records = match self.hub.log.search(&room.name, query, before, limit + 1).await {
            Ok(records) => records,
            Err(error) => return Ok(Err(self.cannot_read(&error))),
        };
        let more = records.len() > limit;
        records.truncate(limit);
        match self.dialect {
            Dialect::Text if records.is_empty() => self.notice(&format!("nothing found for \"{shown}\"")),
            Dialect::Text => {
                let pieces: Vec<_> = records.into_iter().rev().map(Piece::Stored).collect();
                self.text_page(&pieces);
            }
            Dialect::Json => {
                for record in records {
                    let own = self.person()?.author == record.author;
                    self.json(&ServerMessage::Message { stored: record.stored.clone(), own, re: id.clone() });
                    if self.out.len() >= WRITE_BUDGET {
                        self.flush().await?;
                    }
                }
                self.json(&ServerMessage::End { re: id, more });
            }
        }
        Ok(Ok(()))
    }

    fn cannot_read(&self, error: &crate::log::ReadError) -> Refused {
        tracing::error!(connection = self.peer.id.0, %error, "a request was refused");
        refusal(ErrorCode::StorageFull, "the log can't be read just now; try again later")
    }

    async fn topic(&mut self, room: &RoomName, raw: &str, id: Option<MessageId>) -> Flow<Result<(), Refused>> {
        let index = match self.membership(room) {
            Ok(index) => index,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if raw.len() > MAX_TOPIC {
            let words = format!("the topic has {} bytes; at most {MAX_TOPIC} are allowed", raw.len());
            return Ok(Err(refusal(ErrorCode::Limit, words)));
        }
        let topic = clean_line(raw).trim().to_owned();
        let room = Arc::clone(&self.rooms[index].room);
        let from = self.person()?.alias.clone();
        let (reply, answer) = oneshot::channel();
        self.append(Entry::Topic { room, from, topic, reply }).await?;
        match answer.await {
            Ok(Ok(())) => {
                self.acknowledge(id);
                Ok(Ok(()))
            }
            Ok(Err(why)) => {
                let words = format!("not set, as the log has no room for more: {why}");
                Ok(Err(refusal(ErrorCode::StorageFull, words)))
            }
            Err(_) => Err(Ended::storage()),
        }
    }

    pub(super) fn is_ignored(&self, alias: &Alias) -> bool {
        !self.ignored.is_empty() && self.ignored.iter().any(|ignored| **ignored == *alias.key().folded())
    }

    fn ignore(&mut self, name: &str, on: bool) {
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

fn refusal(code: ErrorCode, words: impl Into<String>) -> Refused {
    Box::new(Refusal::new(code, words))
}

pub(super) fn cannot_enter(error: &CannotEnter, room: RoomName) -> Refused {
    let code = match error {
        CannotEnter::LooksLike { .. } => ErrorCode::BadField,
        CannotEnter::TooMany => ErrorCode::Limit,
    };
    Box::new(Refusal::new(code, error.to_string()).about(room))
}

/// Names in a page: as many as are wanted, and no more than a line holds.
fn page(limit: Option<u32>) -> usize {
    limit.map_or(MAX_NAMES_PER_PAGE, |limit| limit as usize).clamp(1, MAX_NAMES_PER_PAGE)
}

/// A reason for leaving, harmless and of one line; `None` where nothing is left of it.
fn short_reason(raw: &str) -> Option<String> {
    let clean = clean_line(raw);
    let mut reason = clean.trim().to_owned();
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    (!reason.is_empty()).then_some(reason)
}

const _: () = assert!(MAX_UNACKED > 0, "a session that may have nothing unacked could never say anything");

//! Private conversations: who may have one, what is said in them, and how they are shown to each end.

use std::sync::Arc;

use chat_protocol::message::{ErrorCode, Refusal, RoomStart, ServerMessage, Stored};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text::render;
use chat_protocol::value::{MessageId, Seq};

use super::membership::Membership;
use super::requests::Done;
use super::speak::Words;
use super::{Flow, Session, Transport};
use crate::accounts::Account;
use crate::batch::{Batch, Dialect, Item};
use crate::conversations::Unread;
use crate::limits::{ATTENDED, MAX_CONVERSATIONS, WAITING_CONVERSATIONS, WAITING_MESSAGES};
use crate::log::{AuthorId, Record};
use crate::marks::Mark;
use crate::room::{Piece, Room};

impl<S: Transport> Session<S> {
    /// The conversation with `other` that is kept; `None` where one of the two has no account.
    pub(super) fn kept_conversation(&self, other: &Alias) -> Option<Arc<Room>> {
        let me = self.account()?;
        let other = self.hub.accounts.authenticator().owner(other).filter(|account| account.is_called(other))?;
        // A guest may still have the alias, from before it was an account's.
        let guest = |(_, peers): (Alias, Vec<Arc<crate::peer::Peer>>)| {
            peers.iter().any(|peer| peer.author().is_some_and(|author| author != other.id))
        };
        if self.hub.directory.find(&other.alias).is_some_and(guest) {
            return None;
        }
        Some(self.hub.rooms.conversations.room(&me, &other))
    }

    /// The conversation of this name, or why there is none for this one: in the same words, whoever asks for whom.
    pub(super) fn conversation(&self, name: &RoomName) -> Done<Arc<Room>> {
        let other = name.other().and_then(|other| Alias::new(other).ok());
        other.and_then(|other| self.kept_conversation(&other)).ok_or_else(|| {
            let words = format!("there is no conversation {name}; one is kept between two people with accounts");
            Refusal::new(ErrorCode::NoSuchRoom, words).about(name.clone()).into()
        })
    }

    /// Says something in a conversation that is kept.
    pub(super) async fn say_in(&mut self, room: Arc<Room>, words: Words) -> Done {
        let author = self.person()?.author;
        if let Some((other, _)) = room.other(author)
            && self.hub.rooms.conversations.may_begin(author, other).is_err()
        {
            let words = format!("you have {MAX_CONVERSATIONS} conversations, the most there may be");
            return Err(Refusal::new(ErrorCode::Limit, words).into());
        }
        let index = self.attend(&room).await?;
        self.say_at(index, words).await
    }

    /// The conversation's place among the rooms of this session, taken if need be: all that is new to it comes from here on.
    async fn attend(&mut self, room: &Arc<Room>) -> Flow<usize> {
        if let Some(index) = self.place_in(room) {
            let knock = self.take_knock(room);
            self.rooms[index].expect(knock);
            return Ok(index);
        }
        let (index, knock) = self.take_place(room);
        let head = self.rooms[index].cursor;
        let after = knock.map_or(head, Seq::previous).min(head);
        self.rooms[index].marked = after;
        self.read_from_log(index, after, head).await?;
        Ok(index)
    }

    /// Takes a place at the end of a conversation; its index, and the first message that was knocked for.
    fn take_place(&mut self, room: &Arc<Room>) -> (usize, Option<Seq>) {
        // What the snapshot has was knocked for before it was published, so that the knock is looked for after this.
        let mut membership = Membership::new(Arc::clone(room), &room.snapshot());
        let knock = self.take_knock(room);
        membership.expect(knock);
        self.rooms.push(membership);
        (self.rooms.len() - 1, knock)
    }

    fn take_knock(&self, room: &Room) -> Option<Seq> {
        self.peer.take_knock(room.ends()?.ids)
    }

    fn place_in(&self, room: &Room) -> Option<usize> {
        self.rooms.iter().position(|membership| membership.room.id == room.id)
    }

    /// Attends the conversations that were knocked for.
    pub(super) async fn hear_knocks(&mut self) -> Flow {
        while let Some(ends) = self.peer.first_knock() {
            match self.knocked_for(ends) {
                Some(room) => drop(self.attend(&room).await?),
                // One of the two was given up since.
                None => drop(self.peer.take_knock(ends)),
            }
        }
        Ok(())
    }

    fn knocked_for(&self, [one, other]: [AuthorId; 2]) -> Option<Arc<Room>> {
        let me = self.account().filter(|me| me.id == one || me.id == other)?;
        let accounts = self.hub.accounts.authenticator();
        let other = accounts.account(if me.id == one { other } else { one })?;
        Some(self.hub.rooms.conversations.room(&me, &other))
    }

    /// Lets go of conversations that have gone silent, where there are many; a knock brings each back.
    pub(super) fn let_silent_go(&mut self) {
        let attended = self.rooms.iter().filter(|membership| membership.room.ends().is_some()).count();
        for _ in ATTENDED..attended {
            let is_silent = |m: &Membership| {
                m.room.ends().is_some() && m.is_up_to_date() && !self.unacked.iter().any(|u| u.room == m.room.name)
            };
            let Some(index) = self.rooms.iter().position(is_silent) else { return };
            // A knock for what came by the channel is no news; one for what is to come means that it isn't silent.
            let knock = self.take_knock(&self.rooms[index].room);
            self.rooms[index].expect(knock);
            if self.rooms[index].is_up_to_date() {
                self.mark_read();
                self.rooms.remove(index);
            }
        }
    }

    /// Remembers that what this session was given of its conversations was taken in.
    pub(super) fn mark_read(&mut self) {
        let Some(person) = self.person.as_ref().filter(|person| !person.quiet) else { return };
        for membership in &mut self.rooms {
            if let Some((other, _)) = membership.room.other(person.author)
                && membership.marked < membership.cursor
            {
                membership.marked = membership.cursor;
                let mark = Mark { reader: person.author, other, seq: membership.cursor };
                self.hub.rooms.conversations.read(mark);
            }
        }
    }

    /// Enters a conversation as a program does that names it: from where it says, or with the last messages.
    pub(super) async fn open_conversation(&mut self, start: &RoomStart, same_log: bool, history: Option<u32>) -> Done {
        let room = self.conversation(&start.room)?;
        if let Some(index) = self.place_in(&room) {
            self.attended(&self.rooms[index].room.clone(), room.head());
            return Ok(());
        }
        // What was knocked for is in what is read now, or comes by the channel.
        let (index, _) = self.take_place(&room);
        let head = self.rooms[index].cursor;
        self.attended(&room, head);
        match start.after {
            Some(after) if same_log && after <= head => self.read_from_log(index, after, head).await?,
            Some(_) => {
                self.json(&ServerMessage::Reset { room: start.room.clone(), head });
                self.recent(&room, head, Self::history_wanted(history)).await?;
            }
            None => self.recent(&room, head, Self::history_wanted(history)).await?,
        }
        Ok(())
    }

    /// Tells a program that it is in a conversation.
    pub(super) fn attended(&mut self, room: &Room, head: Seq) {
        let Some(ends) = room.ends() else { return };
        let mut members = ends.aliases.to_vec();
        members.sort();
        members.dedup();
        let room = self.name_of(room);
        self.json(&ServerMessage::Joined { room, topic: String::new(), count: members.len() as u64, members, head });
    }

    /// Shows what was said to somebody in private while nobody of his account was here, unless the client asked for it itself.
    pub(super) async fn show_waiting(&mut self, history: Option<u32>) -> Flow {
        let Some(me) = self.account().filter(|_| self.person.as_ref().is_some_and(|person| !person.quiet)) else {
            return Ok(());
        };
        let mut more = Vec::new();
        let mut shown = 0;
        for Unread { other, read, .. } in self.hub.rooms.conversations.unread(me.id) {
            let Some(other) = self.hub.accounts.authenticator().account(other) else { continue };
            let room = self.hub.rooms.conversations.room(&me, &other);
            if self.place_in(&room).is_some() {
                continue;
            }
            if shown >= WAITING_CONVERSATIONS {
                more.push(other.alias);
                continue;
            }
            shown += 1;
            let wanted = match self.dialect {
                Dialect::Text => WAITING_MESSAGES,
                Dialect::Json => Self::history_wanted(history),
            };
            self.show_waiting_in(&room, read, wanted).await?;
            self.flush().await?;
        }
        if !more.is_empty() && self.dialect == Dialect::Text {
            let words = render::list(&more, 3);
            self.notice(&format!("You also missed private messages with {words}; /history @NAME shows them"));
        }
        Ok(())
    }

    async fn show_waiting_in(&mut self, room: &Arc<Room>, read: Seq, wanted: u32) -> Flow {
        let (index, _) = self.take_place(room);
        let head = self.rooms[index].cursor;
        let missed = head.get().saturating_sub(read.get());
        let first = read.max(Seq::new(head.get().saturating_sub(u64::from(wanted))));
        let records = self.hub.log.after(&room.name, first, head, wanted as usize).await.unwrap_or_default();
        let author = self.person()?.author;
        self.rooms[index].marked = read;
        // What he said himself elsewhere is no news.
        if records.iter().all(|record| record.author == author) {
            return Ok(());
        }
        let pieces: Vec<_> = records.into_iter().map(Piece::Stored).collect();
        match self.dialect {
            Dialect::Json => {
                self.attended(room, head);
                self.pieces(room, &pieces, first, head, None);
            }
            Dialect::Text => {
                let name = self.name_of(room);
                let what =
                    if missed == 1 { "a private message".to_owned() } else { format!("{missed} private messages") };
                let rest = match missed.saturating_sub(u64::from(wanted)) {
                    0 => String::new(),
                    _ => format!("; these are the last {wanted}, /history {name} shows more"),
                };
                self.notice(&format!("You missed {what} with {}{rest}", name.other().unwrap_or_default()));
                self.text_page(&pieces);
            }
        }
        Ok(())
    }

    /// What this session calls a room.
    pub(super) fn name_of(&self, room: &Room) -> RoomName {
        room.name_for(self.person.as_ref().map(|person| person.author))
    }

    /// What this session calls the room of a message.
    pub(super) fn name_by(&self, kept: &RoomName) -> RoomName {
        self.other_end(kept).map_or_else(|| kept.clone(), |other| RoomName::with(&other))
    }

    /// Whom this session talks with in the conversation that is kept under this name.
    fn other_end(&self, kept: &RoomName) -> Option<Alias> {
        let [one, other] = kept.ends()?.map(AuthorId);
        let author = self.person.as_ref()?.author;
        let attended = self.rooms.iter().find(|membership| membership.room.name == *kept);
        if let Some((_, alias)) = attended.and_then(|membership| membership.room.other(author)) {
            return Some(alias.clone());
        }
        let other = if one == author { other } else { one };
        self.hub.accounts.authenticator().account(other).map(|Account { alias, .. }| alias)
    }

    /// A message for a program: in the room where it was said, or as something private where that is live or caught up with.
    pub(super) fn message_of(&self, record: &Record, own: bool, re: Option<&MessageId>) -> ServerMessage {
        let stored = &record.stored;
        let Some(other) = self.other_end(&stored.room) else {
            return ServerMessage::Message { stored: stored.clone(), own, re: re.cloned() };
        };
        let room = RoomName::with(&other);
        if re.is_some() {
            return ServerMessage::Message { stored: Stored { room, ..stored.clone() }, own, re: re.cloned() };
        }
        let me = self.person.as_ref().map_or_else(|| other.clone(), |person| person.alias.clone());
        ServerMessage::Private {
            time: stored.time,
            from: stored.from.clone(),
            to: if own { other } else { me },
            text: stored.text.clone(),
            kind: stored.kind,
            room: Some(room),
            seq: Some(stored.seq),
            own,
        }
    }

    /// The ack of a message in a room, or in a conversation.
    pub(super) fn ack_of(&self, id: MessageId, stored: &Stored) -> ServerMessage {
        let other = self.other_end(&stored.room);
        ServerMessage::Ack {
            id,
            room: Some(other.as_ref().map_or_else(|| stored.room.clone(), RoomName::with)),
            seq: Some(stored.seq),
            time: Some(stored.time),
            durable: other.is_some().then_some(true),
            to: other,
        }
    }

    /// A message of a conversation as a person sees it.
    pub(super) fn private_line(&mut self, record: &Record) {
        let Some(other) = self.other_end(&record.stored.room) else { return };
        let own = self.person.as_ref().is_some_and(|person| person.author == record.author);
        let hub = Arc::clone(&self.hub);
        let Stored { time, from, text, kind, .. } = &record.stored;
        if !text.as_str().is_empty() {
            self.text(|out| match own {
                true => render::private_to(out, *time, from, &other, *kind, text, hub.clock.zone()),
                false => render::private_from(out, *time, from, *kind, text, hub.clock.zone()),
            });
        }
    }

    /// Takes in a batch of a conversation: its lines are different for each end, so they aren't shared.
    pub(super) fn private_batch(&mut self, batch: &Batch, cursor: Seq) {
        for item in &batch.items {
            match item {
                Item::Message { record, .. } if record.stored.seq <= cursor => {}
                Item::Message { record, origin } => {
                    let here = origin.connection == self.peer.id;
                    if here {
                        self.settle_ticket(origin.ticket);
                    }
                    self.private_message(record, here);
                }
                Item::Redacted { record, by } => {
                    let hub = Arc::clone(&self.hub);
                    match self.dialect {
                        Dialect::Text => self.text(|out| render::redacted(out, by, &record.stored, hub.clock.zone())),
                        Dialect::Json => {
                            let (room, seq, by) = (self.name_by(&batch.room), record.stored.seq, by.clone());
                            self.json(&ServerMessage::Redacted { room, seq, by });
                        }
                    }
                }
                Item::Presence(_) | Item::Topic { .. } | Item::Day(_) | Item::Offset(_) => {}
            }
        }
    }

    /// Shows a message of a conversation; `here`: it was said on this connection.
    pub(super) fn private_message(&mut self, record: &Record, here: bool) {
        let own = self.is_own(record);
        match self.dialect {
            Dialect::Json if here => self.ack(record.id.clone(), &record.stored),
            Dialect::Json => {
                let message = self.message_of(record, own, None);
                self.json(&message);
            }
            Dialect::Text if !own && self.is_ignored(&record.stored.from) => {}
            Dialect::Text => self.private_line(record),
        }
    }
}

//! Rooms that aren't everybody's: who makes them so, and what becomes of those who may not be in one any more.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use chat_protocol::clean::clean_line;
use chat_protocol::message::{ErrorCode, Refusal, ServerMessage};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{MessageId, Seq};
use tracing::error;

use super::requests::Done;
use super::{Flow, Session, Transport, Unacked};
use crate::access::{Guarded, NotChanged, Rule};
use crate::accounts::Account;
use crate::batch::{Batch, Dialect, Item};
use crate::log::AuthorId;
use crate::peer::Letter;
use crate::room::Room;

impl<S: Transport> Session<S> {
    /// Whether this one may be in a room that there is, or know that there is one.
    pub(super) fn may_see(&self, room: &Room) -> bool {
        !room.is_guarded() || self.hub.rooms.access.is_open_to(&room.folded, self.author())
    }

    /// The same of a room that may only be on record.
    pub(super) fn may_enter(&self, name: &RoomName) -> bool {
        match self.hub.rooms.get(name) {
            Some(room) => self.may_see(&room),
            None => self.hub.rooms.access.is_open_to(name.key().folded(), self.author()),
        }
    }

    fn author(&self) -> Option<AuthorId> {
        self.person.as_ref().map(|person| person.author)
    }

    /// Of a batch of a room that it may not be in any more a session learns what became of its own messages.
    pub(super) fn own_fates(&mut self, batch: &Batch) {
        for item in &batch.items {
            if let Item::Message { record, origin } = item
                && origin.connection == self.peer.id
            {
                self.settle_ticket(origin.ticket);
                self.ack(record.id.clone(), &record.stored);
            }
        }
    }

    /// The same of what is read from the log after `after`; where that ends.
    pub(super) fn own_fates_in_log(&mut self, room: &Room, batch: &Batch, after: Seq) -> Seq {
        let Some((first, last)) = batch.seqs else { return after };
        for item in &batch.items {
            if let Item::Message { record, .. } = item
                && self.settle(record)
            {
                self.ack(record.id.clone(), &record.stored);
            }
        }
        if first > after.next() || batch.messages() > batch.items.len() as u64 {
            self.fates_unknown(room);
        }
        last
    }

    /// Messages of a room that isn't open to this one any more are kept no longer. What he said there may have been among
    /// them: he isn't left to wait for it, as he couldn't leave then.
    pub(super) fn fates_unknown(&mut self, room: &Room) {
        let unacked = std::mem::take(&mut self.unacked);
        let (lost, rest): (VecDeque<_>, _) = unacked.into_iter().partition(|unacked| unacked.room == room.name);
        self.unacked = rest;
        for Unacked { id, .. } in lost {
            let words = format!("you are not in {} any more, and what became of this can't be told", room.name.shown());
            self.refuse(Refusal::new(ErrorCode::NoSuchRoom, words).to(id).about(room.name.clone()));
        }
    }

    /// Puts down who made a room, where he has an account: he may make it private.
    pub(super) async fn record_maker(&self, room: &Arc<Room>) {
        let Some(maker) = self.account() else { return };
        let made = self.change_access(&room.name, move |guarded| {
            // A private room is its maker's also after it was empty.
            if guarded.is_everybodys() {
                guarded.maker = Some(maker.id);
            }
            Ok(())
        });
        if let Err(super::requests::Stop::Refused(refusal)) = made.await {
            error!(room = %room.name, why = %refusal.message, "who made a room can't be kept");
        }
    }

    pub(super) async fn make_private(&mut self, name: &RoomName, id: Option<MessageId>) -> Done {
        let (room, me) = self.governed(name)?;
        if self.hub.rooms.is_lobby(&room) {
            return Err(Refusal::new(ErrorCode::Forbidden, "everybody starts in this room; it can't be private").into());
        }
        self.on_record_unless_own(&room, &me, format!("private {}", room.name.shown())).await?;
        let members = self.accounts_in(&room);
        let done = self.change_access(&room.name, move |guarded| {
            if let Rule::Open = guarded.rule {
                let mut members: BTreeSet<_> = members.into_iter().chain([me.id]).collect();
                members.insert(*guarded.maker.get_or_insert(me.id));
                guarded.rule = Rule::Members(members);
            }
            Ok(())
        });
        done.await?;
        self.put_in_force(&room);
        self.done(id, &format!("{} is its members' now; /invite NAME makes more of them", room.name.shown()));
        Ok(())
    }

    pub(super) async fn invite(&mut self, name: &RoomName, whom: &str, id: Option<MessageId>) -> Done {
        let (room, me) = self.governed(name)?;
        // Whom he invites is told the room's name.
        self.may_speak(false)?;
        let other = self.member_to_be(whom)?;
        self.on_record_unless_own(&room, &me, format!("invite {} to {}", other.alias, room.name.shown())).await?;
        let member = other.id;
        let done = self.change_access(&room.name, move |guarded| match &mut guarded.rule {
            Rule::Members(members) => {
                members.insert(member);
                Ok(())
            }
            _ => Err(Refused(Box::new(not_private(&guarded.name)))),
        });
        done.await?;
        for peer in self.hub.directory.connections(&other) {
            let _ = peer.post(Letter::Invited { room: room.name.clone(), by: me.alias.clone() });
        }
        self.done(id, &format!("{} is a member of {} now", other.alias, room.name.shown()));
        Ok(())
    }

    pub(super) async fn uninvite(&mut self, name: &RoomName, whom: &str, id: Option<MessageId>) -> Done {
        let room = self.readable(name)?;
        let other = self.member_to_be(whom)?;
        if Some(other.id) != self.author() {
            let (_, me) = self.governed(name)?;
            self.on_record_unless_own(&room, &me, format!("uninvite {} from {}", other.alias, room.name.shown()))
                .await?;
        }
        let member = other.id;
        let words = format!("{} is no member of {}", other.alias, room.name.shown());
        let done = self.change_access(&room.name, move |guarded| {
            let maker = guarded.maker;
            let Rule::Members(members) = &mut guarded.rule else {
                return Err(Refused(Box::new(not_private(&guarded.name))));
            };
            if maker == Some(member) {
                let words = "the room's maker stays a member; an operator can /close the room";
                return Err(Refused(Box::new(Refusal::new(ErrorCode::Forbidden, words))));
            }
            if !members.remove(&member) {
                return Err(Refused(Box::new(Refusal::new(ErrorCode::NoSuchAlias, words))));
            }
            Ok(())
        });
        done.await?;
        self.put_in_force(&room);
        self.done(id, &format!("{} is no member of {} any more", other.alias, room.name.shown()));
        Ok(())
    }

    /// Closes a room, or opens it again. Called of operators alone.
    pub(super) async fn set_closed(&mut self, by: &Alias, typed: &str, closed: bool, id: Option<MessageId>) -> Done {
        let name = RoomName::new(typed).map_err(|error| Refusal::new(ErrorCode::BadField, error.to_string()))?;
        let record = self.hub.rooms.access.get(name.key().folded());
        let room = self.hub.rooms.get(&name);
        let Some(name) =
            room.as_ref().map(|room| &room.name).or_else(|| record.as_ref().map(|record| &record.name)).cloned()
        else {
            let words = format!("there is no room {}", name.shown());
            return Err(Refusal::new(ErrorCode::NoSuchRoom, words).about(name).into());
        };
        if closed && room.as_ref().is_some_and(|room| self.hub.rooms.is_lobby(room)) {
            return Err(Refusal::new(ErrorCode::Forbidden, "everybody starts in this room; it can't be closed").into());
        }
        let is_closed = record.as_ref().is_some_and(|record| record.closed);
        if !closed && !is_closed {
            return Err(Refusal::new(ErrorCode::NoSuchRoom, format!("{} isn't closed", name.shown())).into());
        }
        let what = format!("{} {}", if closed { "close" } else { "open" }, name.shown());
        self.on_audit_record(by, what).await?;
        let done = self.change_access(&name, move |guarded| {
            guarded.closed = closed;
            Ok(())
        });
        done.await?;
        if let Some(room) = &room {
            self.put_in_force(room);
        }
        let is_private = record.is_some_and(|record| record.rule != Rule::Open);
        let what = match (closed, is_private) {
            (true, _) => "closed",
            (false, false) => "open to everybody again",
            (false, true) => "its members' again",
        };
        self.done(id, &format!("{} is {what}", name.shown()));
        Ok(())
    }

    /// The room, if this one is in it and may say whose it is, and his account.
    fn governed(&self, name: &RoomName) -> Done<(Arc<Room>, Account)> {
        if name.is_conversation() {
            let words = format!("{name} is private already, and always has two ends");
            return Err(Refusal::new(ErrorCode::BadField, words).into());
        }
        let room = self.readable(name)?;
        let maker = self.hub.rooms.access.get(&room.folded).and_then(|guarded| guarded.maker);
        let me = self.account().filter(|me| me.operator || maker == Some(me.id));
        let me = me.ok_or_else(|| {
            let words = format!("only who made {} with an account may do that, or an operator", room.name.shown());
            Refusal::new(ErrorCode::Forbidden, words)
        })?;
        Ok((room, me))
    }

    fn member_to_be(&self, name: &str) -> Done<Account> {
        let alias = Alias::new(name).ok();
        let owner =
            |alias: &Alias| self.hub.accounts.authenticator().owner(alias).filter(|account| account.is_called(alias));
        alias.as_ref().and_then(owner).ok_or_else(|| {
            let shown: String = clean_line(name).chars().take(40).collect();
            let words = format!("\"{shown}\" has no account, which a member needs");
            Refusal::new(ErrorCode::NoSuchAlias, words).into()
        })
    }

    /// The accounts of those who are in a room.
    fn accounts_in(&self, room: &Room) -> Vec<AuthorId> {
        let (people, _, _) = room.who(None, usize::MAX);
        let accounts = self.hub.accounts.authenticator();
        let account = |alias: &Alias| accounts.owner(alias).filter(|account| account.is_called(alias));
        people.iter().filter_map(account).map(|account| account.id).collect()
    }

    async fn change_access(
        &self,
        name: &RoomName,
        change: impl FnOnce(&mut Guarded) -> Result<(), Refused> + Send + 'static,
    ) -> Done {
        let (rooms, name) = (Arc::clone(&self.hub.rooms), name.clone());
        let changed = tokio::task::spawn_blocking(move || rooms.change_access(&name, change)).await;
        let unavailable = |error: tokio::task::JoinError| Err(NotChanged::Unavailable(error.to_string()).into());
        changed.unwrap_or_else(unavailable).map_err(|Refused(refusal)| super::requests::Stop::Refused(refusal))
    }

    /// Has those who are in a room look whether they still may be.
    fn put_in_force(&self, room: &Room) {
        let (people, _, _) = room.who(None, usize::MAX);
        for alias in people {
            let peers = self.hub.directory.find(&alias).map(|(_, peers)| peers).unwrap_or_default();
            peers.iter().for_each(|peer| peer.wake());
        }
    }

    /// Leaves the rooms that this one may not be in any more, once the fate of what he said there is known.
    pub(super) async fn leave_closed(&mut self) -> Flow {
        let version = self.hub.rooms.access.version();
        if self.access_seen == version || self.person.is_none() {
            return Ok(());
        }
        let mut all_left = true;
        let mut index = 0;
        while index < self.rooms.len() {
            let room = Arc::clone(&self.rooms[index].room);
            if self.may_see(&room) {
                index += 1;
            } else if self.unacked.iter().any(|unacked| unacked.room == room.name) {
                all_left = false;
                index += 1;
            } else {
                self.rooms.remove(index);
                self.exit(Arc::clone(&room), None, false).await?;
                self.put_out(&room).await?;
            }
        }
        if all_left {
            self.access_seen = version;
        }
        Ok(())
    }

    async fn put_out(&mut self, room: &Room) -> Flow {
        let reason = "it isn't open to you any more".to_owned();
        if self.dialect == Dialect::Json {
            self.json(&ServerMessage::Left { room: room.name.clone(), reason });
            return Ok(());
        }
        self.notice(&format!("You are not in {} any more: {reason}", room.name.shown()));
        let lobby = self.hub.lobby.clone();
        match self.enter(lobby.clone()).await? {
            Ok(entered) => self.entered(entered, None, false, None, None).await,
            Err(error) => Err(super::Ended::Closed(chat_protocol::message::Bye::new(
                chat_protocol::message::ByeCode::Limit,
                error.to_string(),
            ))),
        }
    }

    pub(super) fn invited(&mut self, room: RoomName, by: Alias) {
        match self.dialect {
            Dialect::Text => {
                self.notice(&format!("{by} made you a member of {}; /join {room} goes there", room.shown()))
            }
            Dialect::Json => self.json(&ServerMessage::Invited { room, by }),
        }
    }
}

/// Why a change of a room's members is refused.
struct Refused(Box<Refusal>);

impl From<NotChanged> for Refused {
    fn from(error: NotChanged) -> Self {
        let code = match error {
            NotChanged::TooManyMembers | NotChanged::TooManyRooms => ErrorCode::Limit,
            NotChanged::Unavailable(_) => ErrorCode::StorageFull,
        };
        Self(Box::new(Refusal::new(code, error.to_string())))
    }
}

fn not_private(room: &RoomName) -> Refusal {
    Refusal::new(ErrorCode::Forbidden, format!("{} is everybody's; /private makes it its members'", room.shown()))
}

//! Rooms entered and left, and names changed.

use std::sync::Arc;

use chat_protocol::message::{ErrorCode, Refusal, RoomStart, ServerMessage};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text::render;
use chat_protocol::value::{MessageId, Seq};
use tokio::sync::oneshot;
use tracing::info;

use super::heed::asked_to_end;
use super::membership::Membership;
use super::requests::Done;
use super::{Ended, Flow, Session, Transport};
use crate::batch::Dialect;
use crate::log::{Entered, Entry};
use crate::planted::{Bug, planted};
use crate::room::{Room, Snapshot};
use crate::rooms::CannotEnter;

impl<S: Transport> Session<S> {
    pub(super) async fn join(&mut self, start: RoomStart, history: Option<u32>, id: Option<MessageId>) -> Done {
        if start.room.other().is_some() {
            if self.dialect == Dialect::Json {
                self.open_conversation(&start, true, history).await?;
            }
            self.acknowledge(id);
            return Ok(());
        }
        if let Ok(index) = self.membership(&start.room) {
            let room = Arc::clone(&self.rooms[index].room);
            self.show_room(&room, room.snapshot(), false);
            self.acknowledge(id);
            return Ok(());
        }
        if self.dialect == Dialect::Json && self.places() >= self.limits.max_session_rooms {
            let words = format!("you are in {} rooms, the most there may be; leave one first", self.places());
            return Err(Refusal::new(ErrorCode::Limit, words).into());
        }
        if self.dialect == Dialect::Text {
            // What was said in the room is on its way there; its fate has to be seen before the session looks away.
            self.settle_all().await?;
        }
        let entered = match self.enter(start.room.clone()).await? {
            Ok(entered) => entered,
            Err(error) => return Err(cannot_enter(&error, start.room).into()),
        };
        if self.dialect == Dialect::Text {
            for left in self.rooms.extract_if(.., |membership| membership.room.ends().is_none()).collect::<Vec<_>>() {
                self.exit(left.room, None, false).await?;
            }
        }
        let known = start.after.is_some();
        self.entered(entered, start.after, known, history, id).await?;
        Ok(())
    }

    /// Has the session entered in a room's roster; where it stands then.
    pub(super) async fn enter(&mut self, name: RoomName) -> Flow<Result<Entered, CannotEnter>> {
        if !self.may_enter(&name) {
            return Ok(Err(CannotEnter::NoSuchRoom(name)));
        }
        let person = self.person()?;
        let (alias, author, quiet) = (person.alias.clone(), person.author, person.quiet);
        let taken = match self.may_make(&name) {
            Ok(taken) => taken,
            Err(error) => return Ok(Err(error)),
        };
        let (reply, mut answer) = oneshot::channel();
        self.append(Entry::Enter { room: name.clone(), alias, author, quiet, reply }).await?;
        let entered = tokio::select! {
            biased;
            entered = &mut answer => {
                let entered = entered.map_err(|_| Ended::storage())?;
                if !entered.as_ref().is_ok_and(|entered| entered.made) {
                    taken.into_iter().for_each(|creator| self.hub.quotas.rooms.give_back(creator, 1));
                }
                entered
            }
            bye = asked_to_end(&self.peer, self.heed) => {
                // Entered or not: what was done for this session has to be undone by it.
                answer.close();
                if let Ok(Ok(Entered { room, snapshot, .. })) = answer.try_recv() {
                    self.add_room(Membership::new(room, &snapshot));
                }
                return Err(Ended::Closed(bye));
            }
        };
        match entered {
            // That another room looks like it would tell that there is this one.
            Err(CannotEnter::LooksLike { existing, .. }) if !self.may_enter(&existing) => {
                Ok(Err(CannotEnter::NoSuchRoom(name)))
            }
            Ok(entered) if !self.may_see(&entered.room) => {
                self.exit(entered.room, None, false).await?;
                Ok(Err(CannotEnter::NoSuchRoom(name)))
            }
            Ok(entered) if entered.made => {
                Box::pin(self.record_maker(&entered.room)).await;
                Ok(Ok(entered))
            }
            other => Ok(other),
        }
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
        self.add_room(Membership::new(Arc::clone(&room), &snapshot));
        let index = self.rooms.len() - 1;
        self.show_room(&room, snapshot, made);
        self.acknowledge(id);
        match after {
            Some(after) if planted(Bug::ResumeOffByOne) && after < head => {
                self.read_from_log(index, after.next(), head).await
            }
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

    /// How many rooms it is in, conversations not counted.
    fn places(&self) -> usize {
        self.rooms.iter().filter(|membership| membership.room.ends().is_none()).count()
    }

    pub(super) fn joined(&mut self, room: &Room, snapshot: Snapshot) {
        let Snapshot { head, topic, count, members, .. } = snapshot;
        if room.ends().is_some() {
            return self.attended(room, head);
        }
        self.json(&ServerMessage::Joined { room: room.name.clone(), topic, count, members, head });
    }

    pub(super) async fn leave(&mut self, room: &RoomName, id: Option<MessageId>) -> Done {
        if room.other().is_some() {
            let words = format!("{room} is a conversation, which nobody leaves");
            return Err(Refusal::new(ErrorCode::BadField, words).into());
        }
        self.membership(room)?;
        // What it said there is acked there: its fate has to be seen before it looks away.
        self.settle_all().await?;
        // Looked for again: meanwhile he may have been put out of this room, or of one before it.
        let index = self.membership(room)?;
        let left = self.rooms.remove(index);
        self.exit(left.room, None, false).await?;
        self.acknowledge(id);
        Ok(())
    }

    pub(super) async fn exit(&self, room: Arc<Room>, reason: Option<String>, abrupt: bool) -> Flow {
        if room.ends().is_some() {
            return Ok(());
        }
        let person = self.person()?;
        let (alias, author) = (person.alias.clone(), person.author);
        self.hub.log.append(Entry::Exit { room, alias, author, reason, abrupt }).await.map_err(|_| Ended::storage())
    }

    pub(super) async fn nick(&mut self, wanted: &str, id: Option<MessageId>) -> Done {
        let to = Alias::new(wanted).map_err(|error| Refusal::new(ErrorCode::BadAlias, error.to_string()))?;
        let person = self.person()?;
        let from = person.alias.clone();
        if from == to {
            if self.dialect == Dialect::Text {
                self.notice(&format!("you are {from} already"));
            }
            self.acknowledge(id);
            return Ok(());
        }
        if self.account().is_some() {
            let words =
                format!("{from} is your account's alias, which it keeps; /quit and come as a guest for another");
            return Err(Refusal::new(ErrorCode::Forbidden, words).into());
        }
        // The rooms are told of it.
        self.may_speak(true)?;
        self.may_be_called(&to)?;
        let rooms = self.rooms.iter().map(|membership| Arc::clone(&membership.room)).collect();
        let place = self.hub.log.place().await.map_err(|_| Ended::storage())?;
        let (reply, renamed) = oneshot::channel();
        let entry =
            Entry::Rename { rooms, from: from.clone(), to: to.clone(), token: person.token.as_deref().copied(), reply };
        let tell = || place.send(entry);
        if let Err(taken) = self.hub.directory.rename(&from, &to, &self.peer, person.token.as_deref(), tell) {
            return Err(Refusal::new(ErrorCode::AliasTaken, taken.to_string()).into());
        }
        info!(connection = self.peer.id.0, %from, %to, "renamed");
        if let Some(person) = &mut self.person {
            person.alias = to;
        }
        // A ban that was made meanwhile looked for him under the old name.
        self.admit_person()?;
        // Whoever asks who is here after the ack finds the new name.
        renamed.await.map_err(|_| Ended::storage())?;
        self.acknowledge(id);
        Ok(())
    }
}

pub(super) fn cannot_enter(error: &CannotEnter, room: RoomName) -> Refusal {
    let code = match error {
        CannotEnter::LooksLike { .. } => ErrorCode::BadField,
        CannotEnter::NoSuchRoom(_) => ErrorCode::NoSuchRoom,
        CannotEnter::TooMany | CannotEnter::Limit(_) => ErrorCode::Limit,
    };
    Refusal::new(code, error.to_string()).about(room)
}

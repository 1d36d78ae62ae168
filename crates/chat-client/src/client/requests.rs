//! What may be asked for.

use chat_protocol::message::{ClientMessage, HistoryQuery, Moderation, RoomStart, Which};
use chat_protocol::names::RoomName;
use chat_protocol::value::{Kind, Password, Seq};

use super::{Client, Receipt};
use crate::error::RequestError;
use crate::reply::{Ack, Page, PrivateAck, Reply, Report, RoomList, WhoPage};

impl Client {
    /// Says something in a room, and waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`RequestError`], as of all requests: it was refused, not sent, or nobody can tell.
    pub async fn say(&self, room: &RoomName, text: impl Into<String>) -> Result<Ack, RequestError> {
        self.post(room, text, Kind::Say).await?.await
    }

    /// Does something in a room (`/me waves`), and waits until it is durable.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn action(&self, room: &RoomName, text: impl Into<String>) -> Result<Ack, RequestError> {
        self.post(room, text, Kind::Action).await?.await
    }

    /// Queues something to be said in a room. It has its place in the order when this returns; the receipt tells its fate.
    ///
    /// # Errors
    ///
    /// [`RequestError::NotSent`] if the client has ended.
    pub async fn post(
        &self,
        room: &RoomName,
        text: impl Into<String>,
        kind: Kind,
    ) -> Result<Receipt<Ack>, RequestError> {
        let (room, text) = (room.clone(), text.into());
        self.request(|id| ClientMessage::Say { room, text, id, kind }, Reply::said).await
    }

    /// Says something to one person alone. It isn't said again when the connection is lost before its ack has come.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn private(
        &self,
        to: impl Into<String>,
        text: impl Into<String>,
        kind: Kind,
    ) -> Result<PrivateAck, RequestError> {
        self.post_private(to, text, kind).await?.await
    }

    /// Queues something to be said to one person alone, as [`Client::post`] does.
    ///
    /// # Errors
    ///
    /// [`RequestError::NotSent`] if the client has ended.
    pub async fn post_private(
        &self,
        to: impl Into<String>,
        text: impl Into<String>,
        kind: Kind,
    ) -> Result<Receipt<PrivateAck>, RequestError> {
        let (to, text) = (to.into(), text.into());
        self.request(|id| ClientMessage::Private { to, text, id, kind }, Reply::private).await
    }

    /// Enters a room, with as much of its history as the options say.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn join(&self, room: &RoomName) -> Result<(), RequestError> {
        self.enter(room, None).await
    }

    /// Enters a room and goes on after a known message of it.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn join_after(&self, room: &RoomName, after: Seq) -> Result<(), RequestError> {
        self.enter(room, Some(after)).await
    }

    async fn enter(&self, room: &RoomName, after: Option<Seq>) -> Result<(), RequestError> {
        let start = RoomStart { room: room.clone(), after };
        self.request(|id| ClientMessage::Join { start, history: None, id }, Reply::done).await?.await
    }

    /// Leaves a room, after what was said in it before.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn leave(&self, room: &RoomName) -> Result<(), RequestError> {
        let room = room.clone();
        self.request(|id| ClientMessage::Leave { room, id }, Reply::done).await?.await
    }

    /// Changes the alias.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn nick(&self, alias: impl Into<String>) -> Result<(), RequestError> {
        let alias = alias.into();
        self.request(|id| ClientMessage::Nick { alias, id }, Reply::done).await?.await
    }

    /// Who is in a room: a page of names, those after `after`.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn who(&self, room: &RoomName, after: Option<String>) -> Result<WhoPage, RequestError> {
        let room = room.clone();
        self.request(|id| ClientMessage::Who { room, after, limit: None, id }, Reply::who).await?.await
    }

    /// Which rooms there are: a page of them, those after `after`.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn rooms(&self, after: Option<String>) -> Result<RoomList, RequestError> {
        self.request(|id| ClientMessage::Rooms { after, limit: None, id }, Reply::rooms).await?.await
    }

    /// A page of a room's history, oldest message first; what was said before this call is in it.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn history(&self, room: &RoomName, query: HistoryQuery) -> Result<Page, RequestError> {
        let room = room.clone();
        self.request(|id| ClientMessage::History { room, query, id }, Reply::page).await?.await
    }

    /// The messages of a room that contain all words of `query`, newest first, those before `before`.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn search(
        &self,
        room: &RoomName,
        query: impl Into<String>,
        before: Option<Seq>,
        limit: Option<u32>,
    ) -> Result<Page, RequestError> {
        let (room, query) = (room.clone(), query.into());
        self.request(|id| ClientMessage::Search { room, query, before, limit, id }, Reply::page).await?.await
    }

    /// Sets a room's topic; an empty one clears it.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn topic(&self, room: &RoomName, text: impl Into<String>) -> Result<(), RequestError> {
        let (room, text) = (room.clone(), text.into());
        self.request(|id| ClientMessage::Topic { room, text, id }, Reply::done).await?.await
    }

    /// Makes the alias one's own: from then on it takes this password, or a session of the account.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn register(&self, password: Password) -> Result<(), RequestError> {
        self.request(|id| ClientMessage::Register { password, id }, Reply::done).await?.await
    }

    /// Changes the account's password, and closes its other sessions. The one so far may be left out where this connection gave it.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn change_password(&self, password: Option<Password>, new: Password) -> Result<(), RequestError> {
        self.request(|id| ClientMessage::Password { password, new, id }, Reply::done).await?.await
    }

    /// Gives the account up. The session goes on as a guest's, where the house has guests.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn unregister(&self, password: Password) -> Result<(), RequestError> {
        self.request(|id| ClientMessage::Unregister { password, id }, Reply::done).await?.await
    }

    /// Takes the text of a message away: one's own, or anybody's for an operator.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn redact(&self, room: &RoomName, seq: Seq) -> Result<(), RequestError> {
        self.redact_which(room, Which::At { seq }, None).await
    }

    /// The same of a message that may be told by whose it is, with a reason for the audit log.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn redact_which(
        &self,
        room: &RoomName,
        which: Which,
        reason: Option<String>,
    ) -> Result<(), RequestError> {
        let room = room.clone();
        self.request(|id| ClientMessage::Redact { room, which, reason, id }, Reply::done).await?.await
    }

    /// Makes a room its members' alone: those with accounts who are in it. To everybody else there is no such room from then on.
    /// Who made it may do that, and an operator.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn make_private(&self, room: &RoomName) -> Result<(), RequestError> {
        let room = room.clone();
        self.request(|id| ClientMessage::MakePrivate { room, id }, Reply::done).await?.await
    }

    /// Makes an account a member of a private room.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn invite(&self, room: &RoomName, name: impl Into<String>) -> Result<(), RequestError> {
        let (room, name) = (room.clone(), name.into());
        self.request(|id| ClientMessage::Invite { room, name, id }, Reply::done).await?.await
    }

    /// Takes that back. Everybody may do it for himself.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn uninvite(&self, room: &RoomName, name: impl Into<String>) -> Result<(), RequestError> {
        let (room, name) = (room.clone(), name.into());
        self.request(|id| ClientMessage::Uninvite { room, name, id }, Reply::done).await?.await
    }

    /// Does what operators alone may do.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn moderate(&self, act: Moderation) -> Result<Report, RequestError> {
        self.request(|id| ClientMessage::Moderate { act, id }, Reply::report).await?.await
    }

    /// Waits for the server to answer, after all that was asked for before.
    ///
    /// # Errors
    ///
    /// As [`Client::say`].
    pub async fn ping(&self) -> Result<(), RequestError> {
        self.request(|id| ClientMessage::Ping { id }, Reply::done).await?.await
    }
}

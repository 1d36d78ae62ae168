//! From a message that a line means to its outcome.

use chat_client::{Client, Page, PrivateAck, RequestError, RoomList, WhoPage};
use chat_protocol::message::ClientMessage;
use chat_protocol::value::{Kind, Text};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Done {
    /// The number of its line.
    pub(crate) number: u64,
    pub(crate) result: Result<Outcome, RequestError>,
}

/// What a request brought.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is stored.
    Said,
    /// A private message arrived; this is the sender's copy.
    Private {
        ack: PrivateAck,
        kind: Kind,
        text: Text,
    },
    Who(WhoPage),
    Rooms(RoomList),
    /// Messages, oldest first; for a search, with its words.
    Page {
        page: Page,
        query: Option<String>,
    },
    /// Events tell the rest.
    Done,
}

/// Sends a request. What is said has its place in the order when this returns; the future that is returned waits for the answer.
pub(crate) async fn start(client: &Client, number: u64, message: ClientMessage) -> BoxFuture<'static, Done> {
    if let ClientMessage::Say { room, text, kind, .. } = message {
        let posted = client.post(&room, text, kind).await;
        return async move {
            let result = match posted {
                Ok(receipt) => receipt.await.map(|_| Outcome::Said),
                Err(error) => Err(error),
            };
            Done { number, result }
        }
        .boxed();
    }
    let client = client.clone();
    async move { Done { number, result: carry_out(&client, message).await } }.boxed()
}

async fn carry_out(client: &Client, message: ClientMessage) -> Result<Outcome, RequestError> {
    Ok(match message {
        ClientMessage::Private { to, text, kind, .. } => {
            let shown = Text::new(&text);
            let ack = client.private(to, text, kind).await?;
            Outcome::Private { ack, kind, text: shown }
        }
        ClientMessage::Join { start, .. } => client.join(&start.room).await.map(|()| Outcome::Done)?,
        ClientMessage::Nick { alias, .. } => client.nick(alias).await.map(|()| Outcome::Done)?,
        ClientMessage::Topic { room, text, .. } => client.topic(&room, text).await.map(|()| Outcome::Done)?,
        ClientMessage::Who { room, .. } => Outcome::Who(client.who(&room, None).await?),
        ClientMessage::Rooms { .. } => Outcome::Rooms(client.rooms(None).await?),
        ClientMessage::History { room, query, .. } => {
            Outcome::Page { page: client.history(&room, query).await?, query: None }
        }
        ClientMessage::Search { room, query, limit, .. } => {
            let mut page = client.search(&room, &query, None, limit).await?;
            page.messages.reverse();
            Outcome::Page { page, query: Some(query) }
        }
        _ => Outcome::Done,
    })
}

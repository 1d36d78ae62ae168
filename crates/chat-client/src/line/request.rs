//! From a message that a line means to its outcome.

use chat_client::{Client, Kept, Page, PrivateAck, Receipt, RequestError, RoomList, Settled, WhoPage};
use chat_protocol::message::ClientMessage;
use chat_protocol::value::{Kind, Text};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::asked;

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Done {
    /// The number of its line.
    pub(crate) number: u64,
    /// The line, as it was typed.
    pub(crate) typed: String,
    /// The next line waited for it.
    pub(crate) held: bool,
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
    /// Words of this program.
    Lines(Vec<String>),
    /// Messages, oldest first; for a search, with its words.
    Page {
        page: Page,
        query: Option<String>,
    },
    /// Events tell the rest.
    Done,
}

/// Whether the next line has to wait for it: what that one means depends on the room and on who says it.
pub(crate) const fn holds(message: &ClientMessage) -> bool {
    matches!(
        message,
        ClientMessage::Join { .. }
            | ClientMessage::Nick { .. }
            | ClientMessage::Topic { .. }
            | ClientMessage::Redact { .. }
    )
}

/// Sends a request. What is said has its place in the order when this returns; the future that is returned waits for the answer.
pub(crate) async fn start(
    client: &Client,
    number: u64,
    typed: String,
    message: ClientMessage,
) -> BoxFuture<'static, Done> {
    let held = holds(&message);
    match message {
        ClientMessage::Say { room, text, kind, .. } => {
            let posted = client.post(&room, text, kind).await;
            async move { Done { number, typed, held, result: answer(posted, |_| Outcome::Said).await } }.boxed()
        }
        ClientMessage::Private { to, text, kind, .. } => {
            let shown = Text::new(&text);
            let posted = client.post_private(to, text, kind).await;
            let outcome = move |ack| Outcome::Private { ack, kind, text: shown };
            async move { Done { number, typed, held, result: answer(posted, outcome).await } }.boxed()
        }
        message => {
            let client = client.clone();
            async move { Done { number, typed, held, result: carry_out(&client, message).await } }.boxed()
        }
    }
}

/// What becomes of a line of the last start.
pub(crate) fn settle(number: u64, line: Kept) -> BoxFuture<'static, Done> {
    let (kind, text) = (line.kind, Text::new(&line.text));
    let typed = line.text;
    let outcome = async move {
        line.receipt.await.map(|settled| match settled {
            Settled::Private(ack) => Outcome::Private { ack, kind, text },
            _ => Outcome::Said,
        })
    };
    async move { Done { number, typed, held: false, result: outcome.await } }.boxed()
}

async fn answer<T>(
    posted: Result<Receipt<T>, RequestError>,
    outcome: impl FnOnce(T) -> Outcome,
) -> Result<Outcome, RequestError> {
    posted?.await.map(outcome)
}

async fn carry_out(client: &Client, message: ClientMessage) -> Result<Outcome, RequestError> {
    Ok(match message {
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
        message => Outcome::Lines(asked::carry_out(client, message).await?),
    })
}

//! What the server itself says the rooms hold: read page by page, on a connection that nothing disturbs.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chat_protocol::json;
use chat_protocol::message::{ClientMessage, Hello, HistoryQuery, RoomStart, ServerMessage};
use chat_protocol::names::RoomName;
use chat_protocol::value::{MessageId, Seq};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::history::Receipt;
use super::text;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Messages of one page.
const PAGE: u32 = 500;

struct Auditor {
    lines: Lines<BufReader<TcpStream>>,
    heads: Vec<u64>,
}

/// The newest seq of each room.
pub(super) async fn heads(server: SocketAddr, rooms: &[RoomName]) -> anyhow::Result<Vec<u64>> {
    Ok(Auditor::enter(server, rooms).await?.heads)
}

/// All messages of each room, from the first on, as the server gives them.
pub(super) async fn read_all(server: SocketAddr, rooms: &[RoomName]) -> anyhow::Result<Vec<Vec<Receipt>>> {
    let mut auditor = Auditor::enter(server, rooms).await?;
    let mut all = Vec::new();
    for (room, name) in rooms.iter().enumerate() {
        all.push(auditor.room(room as u8, name).await?);
    }
    Ok(all)
}

impl Auditor {
    async fn enter(server: SocketAddr, rooms: &[RoomName]) -> anyhow::Result<Self> {
        let stream = timeout(DEADLINE, TcpStream::connect(server)).await??;
        let mut auditor = Self { lines: BufReader::new(stream).lines(), heads: vec![0; rooms.len()] };
        // Another name each time, as the one before may not be free yet.
        let mut hello = Hello::new(format!("auditor{:x}", crate::random::fresh_seed() as u32));
        hello.history = Some(0);
        hello.quiet = true;
        hello.rooms = Some(rooms.iter().map(|room| RoomStart { room: room.clone(), after: None }).collect());
        auditor.send(&ClientMessage::Hello(hello)).await?;
        let mut entered = 0;
        while entered < rooms.len() {
            if let ServerMessage::Joined { room, head, .. } = auditor.next().await? {
                let index = rooms.iter().position(|name| *name == room).context("a room that wasn't asked for")?;
                auditor.heads[index] = head.get();
                entered += 1;
            }
        }
        Ok(auditor)
    }

    async fn room(&mut self, room: u8, name: &RoomName) -> anyhow::Result<Vec<Receipt>> {
        let mut all: Vec<Receipt> = Vec::new();
        loop {
            let after = Some(all.last().map_or(Seq::ZERO, |last| Seq::new(last.seq)));
            let query = HistoryQuery { before: None, after, limit: Some(PAGE) };
            let id = MessageId::new("page").ok();
            self.send(&ClientMessage::History { room: name.clone(), query, id }).await?;
            let before = all.len();
            loop {
                match self.next().await? {
                    ServerMessage::Message { stored, re: Some(_), .. } => {
                        let body = text::read(stored.text.as_str());
                        all.push(Receipt { room, seq: stored.seq.get(), body });
                    }
                    ServerMessage::End { more: true, .. } if all.len() > before => break,
                    ServerMessage::End { .. } => return Ok(all),
                    ServerMessage::Error(refusal) => bail!("refused: {}", refusal.message),
                    _ => {}
                }
            }
        }
    }

    async fn send(&mut self, message: &ClientMessage) -> anyhow::Result<()> {
        let mut line = Vec::new();
        json::render(&mut line, message);
        timeout(DEADLINE, self.lines.get_mut().get_mut().write_all(&line)).await??;
        Ok(())
    }

    async fn next(&mut self) -> anyhow::Result<ServerMessage> {
        loop {
            let line = timeout(DEADLINE, self.lines.next_line()).await??.context("the server closed")?;
            if line != "ALIAS?" {
                return Ok(json::parse_server(&line)?);
            }
        }
    }
}

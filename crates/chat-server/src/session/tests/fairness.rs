//! Whoever floods a room is served no more than others wait for, in that room and in every other one.
//!
//! All sessions are on one thread, and that of whoever wants to say something is polled by hand: between the look at what was
//! published last and the moment at which the message is in the log no other session runs. So what stands before it is what
//! the others had unacked by then, exactly, however busy the machine is.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_protocol::limits::MAX_UNACKED;
use chat_protocol::names::RoomName;
use futures::future::{Either, poll_immediate, select};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::task::unconstrained;

use super::super::{Opening, Session};
use super::{Lab, say, tell};
use crate::log::Durable;
use crate::room::Room;
use crate::{Config, Storage};

const FLOODERS: usize = 3;
const ROUNDS: u64 = 30;
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody whose session does nothing but when it is told to.
struct ByHand {
    session: Pin<Box<dyn Future<Output = ()>>>,
    client: BufReader<DuplexStream>,
}

impl ByHand {
    /// In a room, without a look at its history.
    async fn enter(lab: &Lab, name: &str, room: &str) -> Self {
        let peer = lab.hub().register(None, true).expect("a place");
        let (here, there) = tokio::io::duplex(1 << 20);
        let mut session = Session::new(lab.hub(), peer, there, Opening::WebSocket);
        let session = Box::pin(async move { session.run().await });
        let mut one = Self { session, client: BufReader::new(here) };
        let hello = format!(r#"{{"type":"hello","alias":"{name}","rooms":[{{"room":"{room}"}}],"history":0}}"#);
        tell(&mut one.client, &(hello + "\n")).await;
        one.until(r#"{"type":"joined""#).await;
        one
    }

    /// Lets the session run until a line came that begins so.
    async fn until(&mut self, start: &str) {
        let Self { session, client } = self;
        loop {
            let line = std::pin::pin!(say(client, ""));
            match select(session.as_mut(), line).await {
                Either::Left(_) => panic!("the session is over before {start:?}"),
                Either::Right((line, _)) if line.starts_with(start) => return,
                Either::Right(_) => {}
            }
        }
    }

    /// Says something, and keeps this thread, on which all sessions are, until it stands in the room's log. How many messages were
    /// published in `flooded` from before it was carried out until then.
    async fn waits_behind(&mut self, id: u64, room: &Room, flooded: &Room) -> u64 {
        let name = &room.name;
        let line = format!(r#"{{"type":"say","room":"{name}","text":"me too","id":"{id}"}}"#);
        tell(&mut self.client, &(line + "\n")).await;
        let before = flooded.head().get();
        let mine = room.head();
        let until = Instant::now() + PATIENCE;
        while room.head() == mine {
            // More than once, as it may be behind, and read on in the log before it looks at what it was sent; and without the
            // runtime's budget, which this task uses up as it never yields.
            let session = unconstrained(self.session.as_mut());
            assert!(poll_immediate(session).await.is_none(), "the session is over");
            assert!(Instant::now() < until, "it is never stored");
            std::thread::yield_now();
        }
        let behind = flooded.head().get() - before;
        self.until(&format!(r#"{{"type":"ack","id":"{id}""#)).await;
        behind
    }
}

/// Says more and more in the lobby, as fast as it is taken, for as long as the test lasts.
async fn flood(lab: &Lab, name: &str) {
    let (mut reader, mut writer) = tokio::io::split(lab.guest(name, "127.0.0.1").await.into_inner());
    tokio::spawn(async move { while reader.read(&mut [0; 16 * 1024]).await.is_ok_and(|read| read > 0) {} });
    let lines = "more of the same\n".repeat(1000);
    tokio::spawn(async move { while writer.write_all(lines.as_bytes()).await.is_ok() {} });
}

/// A lobby that is flooded, on a disk that takes long enough to be behind.
async fn flooded(folder: &std::path::Path) -> (Lab, Arc<Room>) {
    let mut config = Config::ephemeral("127.0.0.1:0".parse().expect("an address"));
    config.storage = Storage::Sqlite(Durable { min_free: 0, ..Durable::new(folder) });
    config.limits.max_rate = 0;
    let lab = Lab::of(config).await;
    for n in 0..FLOODERS {
        flood(&lab, &format!("flooder{n}")).await;
    }
    let lobby = room(&lab, "lobby");
    (lab, lobby)
}

fn room(lab: &Lab, name: &str) -> Arc<Room> {
    lab.hub().rooms.get(&RoomName::new(name).expect("a name")).expect("a room")
}

/// What a message waits for that is said in `place` while the lobby is flooded: at most what each flooder may have unacked.
async fn check(place: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let (lab, lobby) = flooded(folder.path()).await;
    let mut quiet = ByHand::enter(&lab, "quiet", place).await;
    let place = room(&lab, place);
    let own = u64::from(place.id == lobby.id);
    let (mut most, each, mut id) = (0, MAX_UNACKED as u64, 0);
    let until = Instant::now() + PATIENCE;
    // On a machine that is busy with other things it may take its time until it is a flood.
    while id < ROUNDS || (most <= each && Instant::now() < until) {
        most = most.max(quiet.waits_behind(id, &place, &lobby).await - own);
        id += 1;
    }
    assert!(most <= FLOODERS as u64 * each, "{most} messages stood before one; at most {each} of each flooder may");
    assert!(most > each, "that is no flood: {most} messages at most stood before one");
    lab.hub().connections.end_all(&super::Bye::new(super::ByeCode::Shutdown, "the test is over"));
}

#[tokio::test]
async fn a_message_waits_for_no_more_than_what_each_flooder_has_unacked() {
    check("lobby").await;
}

#[tokio::test]
async fn a_message_in_another_room_waits_for_no_more_than_that_either() {
    check("elsewhere").await;
}

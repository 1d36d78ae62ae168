//! Whoever floods a room is served no more than others wait for: what stands before somebody's message is bounded by what
//! each member may have unacked, and newcomers get in meanwhile.

use std::net::SocketAddr;

use chat_protocol::limits::MAX_UNACKED;
use chat_tests::{JsonClient, TestServer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const FLOODERS: u64 = 3;

/// What stands before a message in the log is what each flooder has unacked when it is carried out, one window of each; the
/// server's own tests of fairness count that, and find no more. A client counts from the answer to what it asked before, and so sees
/// also what was published while its session waited for its turn, of which it hadn't been told: another window of each.
const SEEN: u64 = 2 * FLOODERS * MAX_UNACKED as u64;

/// Somebody who writes as fast as the server takes it, and reads what comes; for ever.
async fn flood(name: String, address: SocketAddr) -> std::io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let (mut reader, mut writer) = stream.into_split();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while reader.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    });
    writer.write_all(format!("{name}\n").as_bytes()).await?;
    let lines = "more of the same\n".repeat(1000);
    loop {
        writer.write_all(lines.as_bytes()).await?;
    }
}

struct Flood(Vec<JoinHandle<std::io::Result<()>>>);

impl Flood {
    /// Begins a flood of the lobby, and waits until `member` sees it.
    async fn begin(server: &TestServer, member: &mut JsonClient) -> Self {
        let flooders = (1..=FLOODERS).map(|n| tokio::spawn(flood(format!("flooder{n}"), server.address)));
        let flood = Self(flooders.collect());
        for _ in 0..200 {
            member.next("message").await;
        }
        flood
    }

    fn assert_goes_on(&self) {
        assert!(self.0.iter().all(|task| !task.is_finished()), "the flood has ended");
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// How many messages of the flood get their place after the server has read a request, and before what it asks for happens:
/// by the places themselves, so that neither a busy machine nor a slow reader changes the count.
async fn waits_behind(client: &mut JsonClient, id: &str) -> u64 {
    // To a member this tells how far the room is.
    client.send(json!({"type": "join", "room": "lobby", "id": format!("{id} begins")})).await;
    client.send(json!({"type": "say", "room": "lobby", "text": "me too", "id": id})).await;
    let (mut head, mut begins) = (0, None);
    loop {
        let line = client.receive().await;
        match line["type"].as_str() {
            Some("joined") => head = line["head"].as_u64().expect("a head"),
            Some("ack") if line["id"] == format!("{id} begins") => begins = Some(head),
            Some("ack") if line["id"] == *id => {
                return line["seq"].as_u64().expect("a seq") - begins.expect("it began") - 1;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_message_waits_behind_what_others_may_have_unacked_and_no_more() {
    let server = TestServer::with().unhurried().start().await;
    let mut quiet = server.json("quiet").await;
    let flood = Flood::begin(&server, &mut quiet).await;
    for round in 0..50 {
        let waited = waits_behind(&mut quiet, &format!("m{round}")).await;
        assert!(waited <= SEEN, "{waited} messages of the flood came before this one; at most {SEEN} may");
    }
    flood.assert_goes_on();
    drop(flood);
    server.stop().await;
}

#[tokio::test]
async fn newcomers_get_in_while_a_room_is_flooded() {
    let server = TestServer::with().unhurried().start().await;
    let mut watcher = server.json("watcher").await;
    let flood = Flood::begin(&server, &mut watcher).await;
    for n in 0..20 {
        let mut newcomer = server.text(&format!("newcomer{n}")).await;
        // It is a flood that he came into.
        for _ in 0..200 {
            newcomer.until_start("[").await;
        }
    }
    flood.assert_goes_on();
    drop(flood);
    server.stop().await;
}

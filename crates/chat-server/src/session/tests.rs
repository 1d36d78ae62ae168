use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{Config, Server};

/// What a task of a session takes, in bytes. The rest of the memory of an idle connection is with the kernel and in the
/// directory; a future that grows unnoticed would soon be the larger part.
const TASK: usize = 1024;

#[tokio::test]
async fn a_waiting_session_is_small() {
    let server = Server::bind(Config::ephemeral("127.0.0.1:0".parse().expect("an address"))).await.expect("a server");
    let hub = Arc::clone(server.hub());
    let peer = hub.register(None).expect("a place");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let stream = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let mut session = Session::new(hub, peer, stream, Opening::Tcp);
    let size = size_of_val(&session) + size_of_val(&session.run());
    assert!(size <= TASK, "{size} bytes");
}

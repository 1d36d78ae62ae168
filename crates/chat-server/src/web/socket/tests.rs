use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::peer::ConnId;

type Browser = WebSocketStream<DuplexStream>;

/// Both ends, over a pipe that holds this many bytes.
async fn pair(bytes: usize) -> (WebSocketIo<DuplexStream>, Browser) {
    let (server, client) = duplex(bytes);
    let peer = Arc::new(Peer::new(ConnId::NOBODY, None, true));
    let io = WebSocketIo::new(server, b"", peer, 32 * 1024).await;
    (io, WebSocketStream::from_raw_socket(client, Role::Client, None).await)
}

fn line(len: usize) -> String {
    format!("{}\n", "x".repeat(len - 1))
}

#[tokio::test]
async fn frames_are_cut_at_the_ends_of_lines() {
    let (mut io, mut browser) = pair(1 << 20).await;
    let lines = [line(FRAME_BYTES / 2), line(FRAME_BYTES / 2), line(10), line(3 * FRAME_BYTES), line(10)];
    io.write_all(lines.concat().as_bytes()).await.expect("written");
    for expected in [lines[..2].concat(), lines[2].clone(), lines[3].clone(), lines[4].clone()] {
        assert_eq!(browser.next().await.expect("a frame").expect("no error"), Message::text(expected));
    }
}

#[tokio::test]
async fn a_frame_that_is_longer_than_a_read_comes_in_parts() {
    let (mut io, mut browser) = pair(1 << 20).await;
    browser.send(Message::text("abcde")).await.expect("sent");
    browser.send(Message::text("")).await.expect("sent");
    let mut bytes = [0; 7];
    for part in bytes.chunks_mut(2) {
        io.read_exact(part).await.expect("read");
    }
    assert_eq!(&bytes, b"abcde\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_tab_that_reads_nothing_keeps_the_writer_waiting() {
    let (mut io, mut browser) = pair(1024).await;
    let text = line(8 * 1024);
    let stuck = tokio::time::timeout(Duration::from_secs(45), io.write_all(text.as_bytes())).await;
    assert!(stuck.is_err(), "8 KiB went into a pipe of 1 KiB");
    // The frame goes on where it was, also if the write was given up and more was added meanwhile.
    let both = format!("{text}{}", line(5));
    let (written, first) = tokio::join!(io.write_all(both.as_bytes()), browser.next());
    written.expect("written");
    assert_eq!(first.expect("a frame").expect("no error"), Message::text(text));
    assert_eq!(browser.next().await.expect("a frame").expect("no error"), Message::text(line(5)));
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_asked_and_then_given_up() {
    let (mut io, browser) = pair(1024).await;
    let start = Instant::now();
    let error = io.read_u8().await.expect_err("nobody is there");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 60);
    drop(browser);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_stays() {
    let (mut io, mut browser) = pair(1024).await;
    // Reading is what makes a browser answer.
    let answering = tokio::spawn(async move {
        let first = browser.next().await;
        while browser.next().await.is_some() {}
        first
    });
    let read = tokio::time::timeout(Duration::from_secs(3600), io.read_u8()).await;
    assert!(read.is_err(), "given up: {read:?}");
    drop(io);
    assert!(matches!(answering.await.expect("no panic"), Some(Ok(Message::Ping(_)))));
}

//! Browsers, TLS and SSH clients at the port of the chat: turned away before anything of theirs is taken for words.

use chat_tests::{TestServer, Wire};

/// Lines that would be said in the room by whoever gave an alias before them.
const WORDS: &str = "mallory\nhello from a web page\n/topic mine now\n";

#[tokio::test]
async fn a_request_of_a_browser_says_nothing_in_the_room() {
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;
    for request in [
        "GET / HTTP/1.1",
        "POST / HTTP/1.1",
        "POST /?x HTTP/1.0",
        "HEAD / HTTP/1.1",
        "OPTIONS / HTTP/1.1",
        "PUT / HTTP/1.1",
        "CONNECT chat:5555 HTTP/1.1",
        "BREW / HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        let mut browser = server.wire("browser").await;
        browser.expect("ALIAS?").await;
        let whole = format!("{request}\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{WORDS}", WORDS.len());
        browser.send_raw(whole.as_bytes()).await;
        let answer = browser.rest().await.join("\n");
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{request}: {answer}");
        assert!(!answer.contains("connected"), "{request}: {answer}");
    }
    alice.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_one_too() {
    let server = TestServer::start().await;
    let mut browser = server.wire("browser").await;
    browser.expect("ALIAS?").await;
    for byte in b"GET /" {
        browser.send_raw(&[*byte]).await;
    }
    assert!(browser.rest().await.join("\n").contains("400 Bad Request"));
    server.stop().await;
}

#[tokio::test]
async fn tls_and_ssh_at_the_plain_port_are_turned_away() {
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;

    let mut tls = server.wire("tls").await;
    tls.expect("ALIAS?").await;
    tls.send_raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\nmallory\nhello\n").await;
    assert_eq!(tls.rest_raw().await, b"");

    let mut ssh = server.wire("ssh").await;
    ssh.expect("ALIAS?").await;
    ssh.send_raw(b"SSH-2.0-OpenSSH_9.2p1\r\nmallory\nhello\n").await;
    let answer = ssh.rest().await;
    assert_eq!(answer, ["!!! this is a chat server, not one of SSH; join it with nc, telnet or chat-client"]);

    alice.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn people_may_be_called_like_methods() {
    let server = TestServer::start().await;
    for name in ["GET", "POST", "SSH", "G"] {
        let mut wire: Wire = server.wire(name).await;
        wire.expect("ALIAS?").await;
        wire.send_line(name).await;
        wire.expect("You are now connected!").await;
    }
    server.stop().await;
}

//! A balancer in front, which says for whom it speaks.

use std::sync::Arc;

use chat_protocol::names::Alias;
use chat_protocol::value::{Password, Time};
use chat_server::accounts::{Accounts, Authenticator as _};
use chat_server::log::AuthorId;
use chat_tests::{Setup, TestServer, TextClient};

const UNKNOWN: &[u8] = b"PROXY UNKNOWN\r\n";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn proxied() -> Setup {
    TestServer::with().configure(|config| config.proxy_protocol = true)
}

/// Whoever the header says.
async fn dial(server: &TestServer, header: &[u8]) -> TextClient {
    let mut wire = server.wire("balancer").await;
    wire.send_raw(header).await;
    TextClient::over(wire)
}

#[tokio::test]
async fn connections_count_for_the_address_that_the_balancer_tells() {
    let server = proxied().limits(|limits| limits.max_per_address = 1).start().await;
    let mut kept = Vec::new();
    for (header, let_in) in [
        (&b"PROXY TCP4 192.0.2.1 192.0.2.9 1000 5555\r\n"[..], true),
        (b"PROXY TCP4 192.0.2.1 192.0.2.9 1001 5555\r\n", false),
        (b"PROXY TCP4 192.0.2.2 192.0.2.9 1002 5555\r\n", true),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x09\x03\xeb\x15\xb3", false),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x03\xc0\0\x02\x09\x03\xeb\x15\xb3", true),
    ] {
        let mut wire = dial(&server, header).await;
        let first =
            if let_in { "ALIAS?" } else { "!!! too many connections from your address; try again in half a minute" };
        wire.expect(first).await;
        kept.push(wire);
    }
}

#[tokio::test]
async fn whatever_a_balancer_says_its_way_to_the_client_is_not_private() {
    let server = proxied().start().await;
    for header in [UNKNOWN, LOCAL, b"PROXY TCP4 127.0.0.1 127.0.0.1 1000 5555\r\n", b"PROXY TCP6 ::1 ::1 1000 5555\r\n"]
    {
        let mut alice = dial(&server, header).await;
        alice.introduce("alice").await;
        alice.send_line("/register correct horse").await;
        alice.until("!!! passwords are only taken over TLS or on the server's own machine").await;
        alice.send_line("/quit").await;
        alice.rest().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn an_invite_is_not_asked_for_where_no_password_is_taken() {
    let server = proxied().configure(|config| config.require_account = true).start().await;
    let mut alice = dial(&server, UNKNOWN).await;
    alice.expect("ALIAS?").await;
    alice.send_line("alice").await;
    let words = "passwords are only taken over TLS or on the server's own machine";
    alice.expect(&format!("!!! only people with an account can come in here, and {words}")).await;
    alice.expect("ALIAS?").await;
    server.stop().await;
}

#[tokio::test]
async fn a_connection_without_a_header_is_not_served() {
    let server = proxied().start().await;
    let mut wire = server.wire("mallory").await;
    let _ = wire.try_send_raw(b"mallory\nhello\n").await;
    assert!(wire.rest_raw().await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn only_trusted_proxies_say_for_whom_they_speak() {
    let server = proxied().configure(|config| config.trusted_proxies.push("192.0.2.9".parse().expect("a block")));
    let server = server.start().await;
    let mut mallory = dial(&server, b"PROXY TCP4 192.0.2.1 192.0.2.9 1000 5555\r\nmallory\n").await;
    mallory.expect("!!! this port is for the balancer in front of it alone; come by way of that").await;
    mallory.expect("*** bye: this port is for the balancer in front of it alone; come by way of that").await;
    mallory.expect_end().await;
    server.stop().await;
}

#[tokio::test]
async fn a_proxy_that_others_come_by_is_not_banned() {
    let accounts = Arc::new(Accounts::default());
    let olga = Alias::new("olga").expect("an alias");
    let made = accounts.register(AuthorId([1; 16]), &olga, &Password::new("correct horse"), Time::from_millis(0));
    accounts.set_operator(made.expect("an account").id, true).expect("an operator");
    let server = TestServer::with()
        .authenticator(accounts)
        .configure(|config| config.trusted_proxies.push("192.0.2.0/28".parse().expect("a block")))
        .start()
        .await;
    let mut olga = server.dial_text("olga").await;
    olga.send_line("olga").await;
    olga.send_line("correct horse").await;
    olga.until_start("*** You are olga").await;
    for target in ["192.0.2.7", "192.0.2.0/24", "128.0.0.0/1"] {
        olga.send_line(&format!("/ban {target}")).await;
        let answer = olga.line().await;
        assert!(answer.starts_with("!!! ") && answer.ends_with("which can't be banned"), "{answer}");
    }
    olga.send_line("/ban 192.0.2.16").await;
    olga.expect("*** 192.0.2.16 is banned for good; 0 connections closed").await;
}

#[tokio::test]
async fn without_the_flag_a_header_is_nothing_special() {
    let server = TestServer::start().await;
    let mut wire = server.wire("mallory").await;
    wire.expect("ALIAS?").await;
    wire.send_raw(b"PROXY TCP4 192.0.2.1 192.0.2.9 1000 5555\r\n").await;
    let answer = wire.line().await;
    assert!(answer.starts_with("!!! "), "{answer}");
}

//! A balancer in front, which says for whom it speaks.

use chat_tests::TestServer;

#[tokio::test]
async fn connections_count_for_the_address_that_the_balancer_tells() {
    let server =
        TestServer::with().configure(|config| config.proxy_protocol = true).limits(|limits| limits.max_per_address = 1);
    let server = server.start().await;
    let mut kept = Vec::new();
    for (header, let_in) in [
        (&b"PROXY TCP4 192.0.2.1 192.0.2.9 1000 5555\r\n"[..], true),
        (b"PROXY TCP4 192.0.2.1 192.0.2.9 1001 5555\r\n", false),
        (b"PROXY TCP4 192.0.2.2 192.0.2.9 1002 5555\r\n", true),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x09\x03\xeb\x15\xb3", false),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x03\xc0\0\x02\x09\x03\xeb\x15\xb3", true),
    ] {
        let mut wire = server.wire("balancer").await;
        wire.send_raw(header).await;
        let first =
            if let_in { "ALIAS?" } else { "!!! too many connections from your address; try again in half a minute" };
        wire.expect(first).await;
        kept.push(wire);
    }
}

#[tokio::test]
async fn whoever_comes_past_the_balancer_is_not_served() {
    let server = TestServer::with().configure(|config| config.proxy_protocol = true).start().await;
    let mut wire = server.wire("mallory").await;
    let _ = wire.try_send_raw(b"mallory\nhello\n").await;
    assert!(wire.rest_raw().await.is_empty());
    server.stop().await;
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

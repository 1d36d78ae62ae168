use super::*;

/// What is made of these bytes, and what is left of them.
async fn check(bytes: &[u8]) -> (Result<Source, String>, Vec<u8>) {
    let mut stream = bytes;
    let source = read(&mut stream).await.map_err(|error| error.to_string());
    (source, stream.to_vec())
}

fn client(address: &str) -> Result<Source, String> {
    Ok(Source::Client(address.parse().expect("an address")))
}

fn malformed(why: &str) -> Result<Source, String> {
    Err(format!("its PROXY header is malformed: {why}"))
}

const MISSING: &str = "it doesn't begin with a header of the PROXY protocol";
const ENDED: &str = "it ended inside its PROXY header";

#[tokio::test]
async fn version_1_is_one_strict_line() {
    let cases = [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", client("192.0.2.1:56324")),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", client("[2001:db8::1]:1")),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", client("255.255.255.255:65535")),
        ("PROXY UNKNOWN\r\n", Ok(Source::Balancer)),
        ("PROXY UNKNOWN whatever may stand here\r\n", Ok(Source::Balancer)),
        ("PROXY UNKNOWNS\r\n", malformed("a part is missing")),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", malformed("a part is missing")),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", malformed("there is a part too many")),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", malformed("there is a part too many")),
        ("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", malformed("a port is no number")),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", malformed("a port is no number")),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", malformed("a port is no number")),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", malformed("a port is no number")),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n", malformed("a port is no number")),
        ("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n", malformed("an address is none of its family")),
        ("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", malformed("an address is none of its family")),
        ("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", malformed("an address is none of its family")),
        ("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", malformed("it is for neither TCP4 nor TCP6")),
        ("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n", malformed("it is for neither TCP4 nor TCP6")),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n\r\n", malformed("a port is no number")),
        ("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", Err(MISSING.to_owned())),
        ("alice\n", Err(MISSING.to_owned())),
        ("PROXIMA\n", Err(MISSING.to_owned())),
        ("PROXY", Err(ENDED.to_owned())),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2", Err(ENDED.to_owned())),
        ("", Err(ENDED.to_owned())),
    ];
    for (bytes, expected) in cases {
        let (source, left) = check(bytes.as_bytes()).await;
        assert_eq!(source, expected, "{bytes:?}");
        let (source, _) = check(format!("{bytes}alice\n").as_bytes()).await;
        if expected.is_ok() {
            assert_eq!((source, &left[..]), (expected, &b""[..]), "{bytes:?}");
        }
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE_BYTES));
    assert_eq!(check(long.as_bytes()).await.0, malformed("the line is too long"));
    assert_eq!(check(b"PROXY TCP4 \xff\xff\r\n").await.0, malformed("the line is not ASCII"));
}

/// A header of version 2.
fn version_2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a length").to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, body].concat()
}

#[tokio::test]
async fn version_2_is_binary() {
    let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 0x04, 0x01, 0xbb];
    let v6: Vec<u8> = [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]; 2].concat();
    let v6 = [&v6[..], &[0, 1, 0, 2]].concat();
    let with_extension = [&v4[..], &[4, 0, 1, 0]].concat();
    let cases = [
        (version_2(0x21, 0x11, &v4), client("192.0.2.1:56324")),
        (version_2(0x21, 0x11, &with_extension), client("192.0.2.1:56324")),
        (version_2(0x21, 0x21, &v6), client("[2001:db8::1]:1")),
        (version_2(0x20, 0x00, &[]), Ok(Source::Balancer)),
        (version_2(0x20, 0x11, &v4), Ok(Source::Balancer)),
        (version_2(0x21, 0x00, &[]), Ok(Source::Balancer)),
        (version_2(0x21, 0x31, &[0; 216]), Ok(Source::Balancer)),
        (version_2(0x21, 0x12, &v4), malformed("it is for another protocol than TCP")),
        (version_2(0x21, 0x11, &v4[..11]), malformed("its addresses are cut short")),
        (version_2(0x21, 0x11, &[]), malformed("its addresses are cut short")),
        (version_2(0x21, 0x21, &v4), malformed("its addresses are cut short")),
        (version_2(0x11, 0x11, &v4), malformed("its version or command is unknown")),
        (version_2(0x22, 0x11, &v4), malformed("its version or command is unknown")),
        (version_2(0x21, 0x11, &[0; BODY_BYTES as usize + 1]), malformed("it is too long")),
        (version_2(0x21, 0x11, &v4)[..27].to_vec(), Err(ENDED.to_owned())),
        (SIGNATURE[..11].to_vec(), Err(ENDED.to_owned())),
        (b"\r\n\r\nalice\n".to_vec(), Err(MISSING.to_owned())),
    ];
    for (bytes, expected) in cases {
        let whole = [&bytes[..], b"alice\n"].concat();
        let (source, left) = check(&whole).await;
        if expected.is_ok() {
            assert_eq!((source, &left[..]), (expected, &b"alice\n"[..]), "{bytes:?}");
        } else {
            assert_eq!(check(&bytes).await.0, expected, "{bytes:?}");
        }
    }
}

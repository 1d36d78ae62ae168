use super::*;

fn show(wire: Wire, bytes: &str) -> (Vec<String>, usize) {
    let mut items = Vec::new();
    let taken = Scanner::new(wire, "load", 16).scan(bytes.as_bytes(), |item| {
        items.push(match item {
            Item::Delivery { stamp, seq: Some(seq) } => format!("{}.{}@{seq}", stamp.sender, stamp.number),
            Item::Delivery { stamp, seq: None } => format!("{}.{}", stamp.sender, stamp.number),
            Item::Ack { seq: Some(seq) } => format!("ack@{seq}"),
            Item::Refused(words) => format!("refused {}", String::from_utf8_lossy(words)),
            other => format!("{other:?}").split(['(', ' ']).next().unwrap_or_default().to_lowercase(),
        });
    });
    (items, taken)
}

fn check(wire: Wire, bytes: &str, expected: &[&str]) {
    let (items, taken) = show(wire, bytes);
    assert_eq!(items, expected, "{bytes}");
    assert_eq!(taken, bytes.len(), "{bytes}");
    // However the bytes are cut in two, the same comes out.
    for cut in 0..bytes.len() {
        let (mut items, taken) = show(wire, &bytes[..cut]);
        items.extend(show(wire, &bytes[taken..]).0);
        let deliveries = |items: &[String]| items.iter().filter(|item| *item != "other").cloned().collect::<Vec<_>>();
        let whole: Vec<_> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(deliveries(&items), deliveries(&whole), "{bytes} cut at {cut}");
    }
}

const A: &str = "~aaaaaaabaaac~..";

#[test]
fn text() {
    check(
        Wire::Text,
        "ALIAS?\nYou are now connected!\n*** You are in #load with m00001.\n",
        &["other", "other", "ready"],
    );
    check(
        Wire::Text,
        &format!("*** You made #load; nobody else is here.\n[12:03:22] s00001: {A}\n"),
        &["ready", "2.1"],
    );
    check(Wire::Text, &format!("[12:03:22] longer-alias: {A}\n[12:03:22] s00001: hello\n"), &["2.1", "other"]);
    check(
        Wire::Text,
        "*** you missed 3 messages\n!!! no\n*** bye: full\n",
        &["gap", "refused !!! no", "refused *** bye: full"],
    );
}

#[test]
fn minimal() {
    check(
        Wire::Minimal,
        &format!("ALIAS?\nYou are now connected!\n[12:03:22] s00001: {A}\n"),
        &["other", "ready", "2.1"],
    );
}

#[test]
fn json() {
    let usual = format!(
        "{{\"type\":\"message\",\"room\":\"load\",\"seq\":17,\"time\":\"2026-11-23T12:34:21.654Z\",\"from\":\"s00001\",\"text\":\"{A}\",\"kind\":\"say\"}}\n"
    );
    let unusual = format!("{{\"type\":\"message\",\"room\":\"load\",\"seq\":18,\"from\":\"x\",\"text\":\"{A}\"}}\n");
    let ack = "{\"type\":\"ack\",\"id\":\"1\",\"room\":\"load\",\"seq\":19,\"time\":\"2026-11-23T12:34:21.654Z\"}\n";
    check(Wire::Json, &format!("{usual}{unusual}{ack}"), &["2.1@17", "2.1@18", "ack@19"]);
    check(
        Wire::Json,
        "{\"type\":\"welcome\"}\n{\"type\":\"joined\",\"room\":\"load\"}\n{\"type\":\"gap\"}\n",
        &["other", "ready", "gap"],
    );
    check(Wire::Json, "{\"type\":\"error\"}\n", &["refused {\"type\":\"error\"}"]);
}

#[test]
fn redis() {
    check(Wire::Redis, ">3\r\n$9\r\nsubscribe\r\n$4\r\nload\r\n", &["other", "other", "ready", "other", "other"]);
    let (items, _) =
        show(Wire::Redis, &format!(">3\r\n$7\r\nmessage\r\n$4\r\nload\r\n$16\r\n{A}\r\n:7\r\n-ERR no\r\n"));
    assert_eq!(items, ["2.1", "ack", "refused -ERR no"]);
}

#[test]
fn nats() {
    check(
        Wire::Nats,
        &format!("INFO {{}}\r\nPONG\r\nMSG load 1 16\r\n{A}\r\nPING\r\n"),
        &["other", "ready", "2.1", "ping"],
    );
}

#[test]
fn a_load_message_cut_anywhere_is_found_once() {
    for (wire, bytes) in [
        (Wire::Redis, format!(">3\r\n$7\r\nmessage\r\n$4\r\nload\r\n$16\r\n{A}\r\n")),
        (Wire::Nats, format!("MSG load 1 16\r\n{A}\r\n")),
    ] {
        for cut in 0..bytes.len() {
            let (mut items, taken) = show(wire, &bytes[..cut]);
            items.extend(show(wire, &bytes[taken..]).0);
            items.retain(|item| item != "other");
            assert_eq!(items, ["2.1"], "{bytes:?} cut at {cut}");
        }
    }
}

//! NATS core.

use super::Item;
use crate::stamp::Stamp;

pub(super) fn hello(room: &str, listens: bool) -> Vec<u8> {
    let subscribe = if listens { format!("SUB {room} 1\r\n") } else { String::new() };
    // Who speaks is told `+OK` for each message; of those who listen nobody is told more than he has to be.
    let verbose = !listens;
    format!("CONNECT {{\"verbose\":{verbose},\"pedantic\":false,\"echo\":false}}\r\n{subscribe}PING\r\n").into_bytes()
}

pub(super) fn publish(out: &mut Vec<u8>, room: &str, stamp: Stamp, size: usize) {
    out.extend_from_slice(format!("PUB {room} {size}\r\n").as_bytes());
    stamp.write(out, size);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn prefix(room: &str, size: usize) -> Vec<u8> {
    format!("MSG {room} 1 {size}\r\n").into_bytes()
}

pub(super) fn line(line: &[u8]) -> Item<'_> {
    match line {
        b"PONG" => Item::Ready,
        // One answers CONNECT, before anything was said.
        b"+OK" => Item::Ack { seq: None },
        b"PING" => Item::Ping(b"PONG\r\n"),
        [b'~', ..] => Stamp::read(line).map_or(Item::Other, |stamp| Item::Delivery { stamp, seq: None }),
        [b'-', ..] => Item::Refused(line),
        _ => Item::Other,
    }
}

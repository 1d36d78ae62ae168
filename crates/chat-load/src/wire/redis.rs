//! Redis pub/sub.

use super::Item;
use crate::stamp::Stamp;

pub(super) fn hello(room: &str, listens: bool) -> Vec<u8> {
    // A connection that only publishes is ready when its PING is answered.
    let then = if listens { format!("SUBSCRIBE {room}\r\n") } else { "PING\r\n".to_owned() };
    format!("HELLO 3\r\n{then}").into_bytes()
}

pub(super) fn publish(out: &mut Vec<u8>, room: &str, stamp: Stamp, size: usize) {
    let head = format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{room}\r\n${size}\r\n", room.len());
    out.extend_from_slice(head.as_bytes());
    stamp.write(out, size);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn prefix(room: &str, size: usize) -> Vec<u8> {
    format!(">3\r\n$7\r\nmessage\r\n${}\r\n{room}\r\n${size}\r\n", room.len()).into_bytes()
}

pub(super) fn line(line: &[u8]) -> Item<'_> {
    match line {
        b"subscribe" | b"+PONG" => Item::Ready,
        // An array's end of HELLO's answer and SUBSCRIBE's count are numbers too; they come before anything was said.
        [b':', ..] => Item::Ack { seq: None },
        [b'-', ..] => Item::Refused(line),
        [b'~', ..] => Stamp::read(line).map_or(Item::Other, |stamp| Item::Delivery { stamp, seq: None }),
        _ => Item::Other,
    }
}

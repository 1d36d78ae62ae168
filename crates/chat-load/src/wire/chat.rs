//! The chat's two dialects, and `examples/minimal`, whose lines look like the text dialect's.

use memchr::memmem;

use super::{Item, number};
use crate::stamp::Stamp;

/// Bytes before the stamp in `[12:03:22] m00001: ~…`: all aliases of a run have six bytes.
const TEXT_PREFIX: usize = "[12:03:22] m00001: ".len();
/// Bytes between a seq and the stamp in JSON.
const JSON_MIDDLE: usize = r#","time":"2026-11-23T12:34:21.654Z","from":"s00000","text":""#.len();
/// What follows a load message in JSON.
const JSON_END: &[u8] = b"\",\"kind\":\"say\"}\n";

pub(super) fn text_hello(alias: &str, room: &str) -> Vec<u8> {
    format!("{alias}\n/join {room}\n").into_bytes()
}

pub(super) fn json_hello(alias: &str, room: &str) -> Vec<u8> {
    format!("{{\"type\":\"hello\",\"alias\":\"{alias}\",\"history\":0,\"rooms\":[{{\"room\":\"{room}\"}}]}}\n")
        .into_bytes()
}

pub(super) fn json_say(out: &mut Vec<u8>, room: &str, stamp: Stamp, size: usize) {
    out.extend_from_slice(b"{\"type\":\"say\",\"room\":\"");
    out.extend_from_slice(room.as_bytes());
    out.extend_from_slice(b"\",\"id\":\"");
    out.extend_from_slice(stamp.number.to_string().as_bytes());
    out.extend_from_slice(b"\",\"text\":\"");
    stamp.write(out, size);
    out.extend_from_slice(b"\"}\n");
}

pub(super) fn json_prefix(room: &str) -> Vec<u8> {
    format!("{{\"type\":\"message\",\"room\":\"{room}\",\"seq\":").into_bytes()
}

#[inline]
pub(super) fn fast_text(bytes: &[u8], size: usize) -> Option<(Item<'static>, usize)> {
    let end = TEXT_PREFIX + size;
    if *bytes.get(end)? != b'\n' {
        return None;
    }
    let stamp = Stamp::read(&bytes[TEXT_PREFIX..])?;
    Some((Item::Delivery { stamp, seq: None }, end + 1))
}

#[inline]
pub(super) fn fast_json(bytes: &[u8], prefix: usize, size: usize) -> Option<(Item<'static>, usize)> {
    let (seq, digits) = number(&bytes[prefix..])?;
    let start = prefix + digits + JSON_MIDDLE;
    let end = start + size + JSON_END.len();
    if bytes.get(start + size..end)? != JSON_END {
        return None;
    }
    let stamp = Stamp::read(&bytes[start..])?;
    Some((Item::Delivery { stamp, seq: Some(seq) }, end))
}

pub(super) fn text_line<'a>(line: &'a [u8], ready: &[u8], or: &[u8]) -> Item<'a> {
    if line.starts_with(b"[") {
        return said(line, None);
    }
    if line.starts_with(ready) || line.starts_with(or) {
        return Item::Ready;
    }
    match line {
        [b'*', b'*', b'*', b' ', rest @ ..] if rest.starts_with(b"you missed ") => Item::Gap,
        [b'*', b'*', b'*', b' ', rest @ ..] if rest.starts_with(b"bye: ") => Item::Refused(line),
        [b'!', b'!', b'!', ..] => Item::Refused(line),
        _ => Item::Other,
    }
}

pub(super) fn json_line(line: &[u8]) -> Item<'_> {
    let Some(kind) = line.strip_prefix(b"{\"type\":\"") else { return Item::Other };
    let kind = &kind[..memchr::memchr(b'"', kind).unwrap_or(kind.len())];
    match kind {
        b"message" => said(line, field(line, b"\"seq\":")),
        b"ack" => Item::Ack { seq: field(line, b"\"seq\":") },
        b"joined" => Item::Ready,
        b"gap" | b"reset" => Item::Gap,
        b"error" | b"bye" => Item::Refused(line),
        _ => Item::Other,
    }
}

fn field(line: &[u8], name: &[u8]) -> Option<u64> {
    let start = memmem::find(line, name)? + name.len();
    number(&line[start..]).map(|(value, _)| value)
}

/// A line of somebody's: a load message wherever its stamp stands.
fn said(line: &[u8], seq: Option<u64>) -> Item<'_> {
    memchr::memchr_iter(b'~', line)
        .find_map(|at| Stamp::read(&line[at..]))
        .map_or(Item::Other, |stamp| Item::Delivery { stamp, seq })
}

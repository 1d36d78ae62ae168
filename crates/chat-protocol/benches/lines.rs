//! What a line costs on its way in and out, in both dialects: `cargo bench -p chat-protocol`.

#![allow(
    missing_docs,
    clippy::expect_used,
    reason = "what criterion's macros make, and a program for people who measure"
)]

use std::hint::black_box;

use bytes::BytesMut;
use chat_protocol::codec::ChatCodec;
use chat_protocol::message::{ServerMessage, Stored};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, Seq, Text, Time};
use chat_protocol::{json, limits, text};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use tokio_util::codec::Decoder as _;

const WORDS: &str = "has anybody seen the grant that was on the table by the window?";

fn room() -> RoomName {
    RoomName::new("lobby").expect("a name")
}

fn stored() -> Stored {
    Stored {
        room: room(),
        seq: Seq::new(123_456),
        time: Time::from_millis(1_763_000_000_000),
        from: Alias::new("alice").expect("a name"),
        text: Text::new(WORDS),
        kind: Kind::Say,
    }
}

/// Lines as they come in: from the bytes of a read to what is asked for.
fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    let (room, say) = (room(), format!(r#"{{"type":"say","room":"lobby","id":"m-123456","text":"{WORDS}"}}"#));
    group.throughput(Throughput::Elements(1));
    group.bench_function("text", |b| b.iter(|| text::parse(black_box(WORDS), &room)));
    group.bench_function("json", |b| b.iter(|| json::parse_client(black_box(&say))));
    let read = format!("{WORDS}\n").repeat(64);
    group.throughput(Throughput::Elements(64));
    group.bench_function("64 lines out of one read", |b| {
        b.iter(|| {
            let (mut codec, mut buffer) = (ChatCodec::new(limits::DEFAULT_MAX_LINE), BytesMut::from(read.as_bytes()));
            while let Ok(Some(line)) = codec.decode(&mut buffer) {
                black_box(line);
            }
        });
    });
    group.finish();
}

/// Messages as they go out, once for each dialect.
fn render(c: &mut Criterion) {
    let mut group = c.benchmark_group("render");
    let (stored, zone) = (stored(), TimeZone::UTC);
    group.throughput(Throughput::Elements(1));
    group.bench_function("text", |b| {
        let mut out = String::new();
        b.iter(|| {
            out.clear();
            text::render::message(&mut out, black_box(&stored), &zone);
        });
    });
    let message = ServerMessage::Message { stored, own: false, re: None };
    group.bench_function("json", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            json::render(&mut out, black_box(&message));
        });
    });
    group.finish();
}

criterion_group!(benches, parse, render);
criterion_main!(benches);

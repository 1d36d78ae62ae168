use bytes::BytesMut;
use futures::{FutureExt, StreamExt};
use proptest::prelude::*;
use tokio_util::codec::{Decoder, Encoder, FramedRead, LinesCodec, LinesCodecError};

use super::{BadLine, ChatCodec, Incoming, KEPT_CAPACITY};
use crate::telnet::MAX_SUBNEGOTIATION;

const MAX: usize = 8;

fn line(text: &str) -> Incoming {
    Incoming::Line(text.to_owned())
}

fn too_long(len: usize) -> Incoming {
    Incoming::Bad(BadLine::TooLong { len, max: MAX })
}

fn not_utf8(byte: u8, position: usize) -> Incoming {
    Incoming::Bad(BadLine::NotUtf8 { byte, position })
}

/// What a session does: append what a read brought, take the items, let go of the buffer if it is empty.
fn decode<'a>(mut codec: ChatCodec, reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Incoming> {
    let mut buf = BytesMut::new();
    let mut items = Vec::new();
    for read in reads {
        buf.extend_from_slice(read);
        while let Some(item) = codec.decode(&mut buf).unwrap() {
            items.push(item);
        }
        assert!(buf.len() <= codec.max_line.saturating_add(2), "{} bytes are kept", buf.len());
        if buf.is_empty() {
            buf = BytesMut::new();
        }
    }
    while let Some(item) = codec.decode_eof(&mut buf).unwrap() {
        items.push(item);
    }
    assert!(buf.is_empty());
    items
}

/// What a program that uses `Framed` sees, with reads of `capacity` bytes.
fn decode_framed(codec: ChatCodec, bytes: &[u8], capacity: usize) -> Vec<Incoming> {
    let items = FramedRead::with_capacity(bytes, codec, capacity).map(Result::unwrap).collect();
    items.now_or_never().expect("reading a slice never waits")
}

fn check(bytes: &[u8], expected: &[Incoming]) {
    let codec = || ChatCodec::new(MAX);
    assert_eq!(decode(codec(), [bytes]), expected, "{bytes:02x?} in one read");
    assert_eq!(decode(codec(), bytes.chunks(1)), expected, "{bytes:02x?} byte by byte");
    for at in 0..bytes.len() {
        assert_eq!(decode(codec(), [&bytes[..at], &bytes[at..]]), expected, "{bytes:02x?} split at {at}");
    }
    assert_eq!(decode_framed(codec(), bytes, 3), expected, "{bytes:02x?} framed");
}

#[test]
fn lines_end_at_newlines() {
    check(b"", &[]);
    check(b"a\nbc\n\n", &[line("a"), line("bc"), line("")]);
    check(b"a\r\n\r\nb\r\r\nc\rd\n", &[line("a"), line(""), line("b\r"), line("c\rd")]);
    check("grüß\n👋\n".as_bytes(), &[line("grüß"), line("👋")]);
}

#[test]
fn an_unended_line_has_no_effect() {
    check(b"a\nb", &[line("a")]);
    check(b"a\nb\r", &[line("a")]);
    check(b"123456789012345678901234567890", &[]);
    check(b"a\nb\xff", &[line("a")]);
    check(b"\xff\xf4b", &[Incoming::Interrupt]);
}

#[test]
fn a_line_of_the_maximum_passes() {
    check(b"12345678\n12345678\r\n", &[line("12345678"), line("12345678")]);
    check(b"123456789\n123456789\r\n", &[too_long(9), too_long(9)]);
    check(b"12345678\r\r\n", &[too_long(9)]);
    check(b"12345678\r9\n", &[too_long(10)]);
    check("1234567ü\n123456ü\n".as_bytes(), &[too_long(9), line("123456ü")]);
}

#[test]
fn an_overlong_line_is_one_item_with_its_length() {
    for len in [9, 10, 11, 16, 17, 18, 19, 100, 1000] {
        for end in ["\n", "\r\n"] {
            let bytes = format!("a\n{}{end}b\n", "x".repeat(len));
            check(bytes.as_bytes(), &[line("a"), too_long(len), line("b")]);
        }
    }
    check(b"123456789\n123456789\n\n", &[too_long(9), too_long(9), line("")]);
    check(b"\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\nb\n", &[too_long(9), line("b")]);
}

#[test]
fn a_line_that_is_not_utf8_is_one_item_with_the_place() {
    check(b"a\nab\xffc\nb\n", &[line("a"), not_utf8(0xff, 3), line("b")]);
    check(b"\xe9t\xe9\r\nb\n", &[not_utf8(0xe9, 1), line("b")]);
    check(b"ab\xc3\nb\n", &[not_utf8(0xc3, 3), line("b")]);
    check(b"ab\xc3\r\nb\n", &[not_utf8(0xc3, 3), line("b")]);
    check("ü\u{10ffff}".as_bytes(), &[]);
    // "прямо" in Windows-1251; the FF EC in it is the telnet command EOF, and taken out.
    check(b"\xef\xf0\xff\xec\xee\n", &[not_utf8(0xef, 1)]);
}

#[test]
fn telnet_commands_are_no_text() {
    // The option 0x0A is a byte of the command, and so is what stands in a subnegotiation.
    check(b"a\xff\xfd\nb\n", &[line("ab")]);
    check(b"a\xff\xfa\x1f\0\n\0\n\xff\xf0b\n", &[line("ab")]);
    check(b"12345678\xff\xf1\n", &[line("12345678")]);
    check(b"1234567\xff\xf18\r\xff\xf1\n", &[line("12345678")]);
    check(b"123456789\xff\xfd\n0\n", &[too_long(10)]);
    check(b"ab\xff\xffc\n", &[not_utf8(0xff, 3)]);
    check(b"\xff\xfd\x03x\r\0y\r\0", &[line("x"), line("y")]);
}

#[test]
fn an_interrupt_comes_after_the_lines_before_it() {
    check(b"a\nb\n\xff\xf4c\n", &[line("a"), line("b"), Incoming::Interrupt, line("c")]);
    check(b"a\xff\xf4b\n", &[Incoming::Interrupt, line("ab")]);
    check(b"\xff\xf4\xff\xf4\xff\xf1\xff\xf4", &[Incoming::Interrupt, Incoming::Interrupt, Incoming::Interrupt]);
    check(b"1234567890\xff\xf41\nb\n", &[Incoming::Interrupt, too_long(11), line("b")]);
    check(b"\xff\xf4", &[Incoming::Interrupt]);
}

#[test]
fn without_telnet_0xff_is_a_bad_byte() {
    let bytes = b"a\xff\xf1\nb\n";
    let expected = [not_utf8(0xff, 2), line("b")];
    assert_eq!(decode(ChatCodec::without_telnet(MAX), [&bytes[..]]), expected);
    assert_eq!(decode(ChatCodec::without_telnet(MAX), bytes.chunks(1)), expected);
    assert_eq!(decode_framed(ChatCodec::without_telnet(MAX), bytes, 3), expected);
}

#[test]
fn a_program_speaks_no_telnet() {
    check(b"{}\n\xff\xfe\nb\n", &[line("{}"), not_utf8(0xff, 1), line("b")]);
    check(b" \t{\xff\xf4}\n\xff\xf4\n", &[not_utf8(0xff, 4), not_utf8(0xff, 1)]);
    check("\u{feff}{}\n\0".as_bytes(), &[line("\u{feff}{}")]);
    check(b"\xff\xf1{}\n\xff\xfe\nb\n", &[line("{}"), line("b")]);
    check(b"\n{\xff\xf1}\n", &[line(""), line("{}")]);
}

#[test]
fn limits_at_the_ends_of_their_range() {
    assert_eq!(
        decode(ChatCodec::new(0), [&b"\n\r\na\n"[..]]),
        [line(""), line(""), Incoming::Bad(BadLine::TooLong { len: 1, max: 0 })]
    );
    assert_eq!(decode(ChatCodec::new(usize::MAX), [&b"a\n"[..]]), [line("a")]);
}

/// Why there is a wrapper.
#[test]
fn lines_codec_alone_would_lose_people() {
    let alone = |bytes: &'static [u8]| {
        let lines = FramedRead::new(bytes, LinesCodec::new_with_max_length(MAX));
        lines.take_while(|line| std::future::ready(line.is_ok())).count().now_or_never()
    };
    assert_eq!(alone(b"a\nb\n"), Some(2));
    assert_eq!(alone(b"a\n123456789\nb\n"), Some(1), "an overlong line ends the stream");
    assert_eq!(alone(b"a\n\xfc\nb\n"), Some(1), "so does one that is not UTF-8");
    assert_eq!(alone(b"a\n\xff\xf1\nb\n"), Some(1), "and a telnet that says hello");
    assert_eq!(alone(b"a\nb"), Some(2), "a torn line has an effect");
    assert_eq!(alone(b"12345678\r\n"), Some(0), "the limit is another one with CR LF");

    let mut codec = LinesCodec::new_with_max_length(MAX);
    let mut buf = BytesMut::from(&b"123456789"[..]);
    assert!(matches!(codec.decode(&mut buf), Err(LinesCodecError::MaxLineLengthExceeded)));
    buf.extend_from_slice(b"\nb");
    assert!(codec.decode(&mut buf).unwrap().is_none());
    assert_eq!(&buf[..], b"b", "how long the line was is forgotten");

    let same = [line("a"), too_long(9), line("b")];
    assert_eq!(decode_framed(ChatCodec::new(MAX), b"a\n123456789\nb\n", 8), same);
}

#[test]
fn bad_lines_are_explained() {
    let explained = |bad: BadLine| bad.to_string();
    assert_eq!(
        explained(BadLine::TooLong { len: 40_000, max: 32_768 }),
        "the line has 40000 bytes; at most 32768 are allowed"
    );
    assert_eq!(
        explained(BadLine::NotUtf8 { byte: 0xff, position: 3 }),
        "the line is not UTF-8 (byte 0xff at position 3); set your terminal to UTF-8"
    );
    assert!(explained(BadLine::NotUtf8 { byte: 5, position: 1 }).contains("byte 0x05 "));
}

#[test]
fn unended_counts_the_line_that_has_not_ended() {
    let mut codec = ChatCodec::new(MAX);
    let mut buf = BytesMut::new();
    let mut after = |read: &[u8]| {
        buf.extend_from_slice(read);
        while codec.decode(&mut buf).unwrap().is_some() {}
        codec.unended(&buf)
    };
    assert_eq!(after(b""), 0);
    assert_eq!(after(b"\xff\xfd\x03"), 0);
    assert_eq!(after(b"alice"), 5);
    assert_eq!(after(b"\xff\xf4"), 5);
    assert_eq!(after(b"\n"), 0);
    assert_eq!(after(b"bo\nb"), 1);
    assert_eq!(after(b"1234567"), 8);
    assert_eq!(after(&[b'x'; 100]), 108);
    assert_eq!(after(b"y"), 109);
    assert_eq!(after(b"\n12"), 2);
}

#[test]
fn unended_sees_past_lines_not_taken_yet() {
    let mut codec = ChatCodec::new(MAX);
    let mut buf = BytesMut::from(&b"a\nb\ncde"[..]);
    assert_eq!(codec.decode(&mut buf).unwrap(), Some(line("a")));
    assert_eq!(codec.unended(&buf), 3);
    assert_eq!(codec.unended(&BytesMut::new()), 0);
}

#[test]
fn an_ended_input_leaves_nothing_behind() {
    for begun in [&b"abc"[..], b"123456789012", b"a\xff", b"\xff\xfd", b"\xff\xfa", b"a\r"] {
        let mut codec = ChatCodec::new(MAX);
        let mut buf = BytesMut::from(begun);
        assert_eq!(codec.decode_eof(&mut buf).unwrap(), None);
        assert_eq!(codec.unended(&buf), 0);
        buf.extend_from_slice(b"de\n\xff\xf1");
        assert_eq!(codec.decode(&mut buf).unwrap(), Some(line("de")), "after {begun:02x?}");
        assert_eq!(codec.decode(&mut buf).unwrap(), None);
    }
}

#[test]
fn a_shorter_buffer_is_a_new_one() {
    let mut codec = ChatCodec::new(MAX);
    assert_eq!(codec.decode(&mut BytesMut::from(&b"abc"[..])).unwrap(), None);
    assert_eq!(codec.decode(&mut BytesMut::from(&b"d\n"[..])).unwrap(), Some(line("d")));

    let mut buf = BytesMut::from(&b"a\nb\xff\xf4"[..]);
    assert_eq!(codec.decode(&mut buf).unwrap(), Some(line("a")));
    let mut other = BytesMut::from(&b"c\n"[..]);
    assert_eq!(codec.decode(&mut other).unwrap(), Some(Incoming::Interrupt));
    assert_eq!(codec.decode(&mut other).unwrap(), Some(line("c")));
}

#[test]
fn no_byte_is_searched_twice() {
    let mut codec = ChatCodec::new(1000);
    let mut buf = BytesMut::from(&b"a\n"[..]);
    assert_eq!(codec.decode(&mut buf).unwrap(), Some(line("a")));
    for read in [&b"b"[..], b"c\xff", b"\xf1d"] {
        buf.extend_from_slice(read);
        assert_eq!(codec.decode(&mut buf).unwrap(), None);
        assert_eq!(codec.scanned, codec.text);
    }
    assert_eq!((codec.scanned, &buf[..]), (3, &b"bcd"[..]));
}

#[test]
fn an_overlong_line_takes_no_memory() {
    let max = 32 * 1024;
    let mut codec = ChatCodec::new(max);
    let mut buf = BytesMut::new();
    let read = vec![b'x'; KEPT_CAPACITY];
    let mut largest = 0;
    for sent in (0..1000).map(|reads| (reads + 1) * read.len()) {
        buf.extend_from_slice(&read);
        assert_eq!(codec.decode(&mut buf).unwrap(), None);
        assert_eq!(codec.unended(&buf), sent);
        largest = largest.max(buf.len());
        if sent > max + 1 {
            assert!(buf.is_empty());
            assert!(buf.capacity() <= KEPT_CAPACITY, "{} are still held", buf.capacity());
        }
    }
    assert!(largest <= max + 1, "{largest}");
    buf.extend_from_slice(b"\nb\n");
    let len = 1000 * read.len();
    assert_eq!(codec.decode(&mut buf).unwrap(), Some(Incoming::Bad(BadLine::TooLong { len, max })));
    assert_eq!(codec.decode(&mut buf).unwrap(), Some(line("b")));
}

#[test]
fn what_is_no_text_takes_no_memory() {
    let mut codec = ChatCodec::new(MAX);
    let mut buf = BytesMut::new();
    for _ in 0..1000 {
        buf.extend_from_slice(b"\xff\xfd\x01\xff\xfa\x18abc\xff\xf0\xff\xf1");
        assert_eq!(codec.decode(&mut buf).unwrap(), None);
        assert!(buf.is_empty());
    }
}

#[test]
fn a_connection_keeps_little() {
    assert!(size_of::<ChatCodec>() <= 64, "{}", size_of::<ChatCodec>());
}

#[test]
fn an_encoded_line_ends_once() {
    let mut codec = ChatCodec::new(MAX);
    let mut buf = BytesMut::new();
    codec.encode("grüß", &mut buf).unwrap();
    codec.encode(String::new(), &mut buf).unwrap();
    // The limit is one for what comes in.
    codec.encode("123456789\r0", &mut buf).unwrap();
    let good = "grüß\n\n123456789\r0\n".as_bytes();
    assert_eq!(&buf[..], good);
    for bad in ["a\nb", "a\n", "\n", "a\r"] {
        let error = codec.encode(bad, &mut buf).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert_eq!(&buf[..], good);
    }
}

/// The slow and obvious way: all at once, at every `\n`.
#[derive(Default)]
struct Naive {
    line: Vec<u8>,
    items: Vec<Incoming>,
}

impl Naive {
    fn text(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            self.items.push(match std::str::from_utf8(line) {
                _ if line.len() > MAX => too_long(line.len()),
                Ok(text) => Incoming::Line(text.to_owned()),
                Err(error) => not_utf8(line[error.valid_up_to()], error.valid_up_to() + 1),
            });
        }
    }
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Vec<u8>),
    Command(Vec<u8>),
    Interrupt(u8),
}

/// Text without 0xFF, with many line ends, and lines about as long as the limit.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(b'\n'), 2 => Just(b'\r'), 10 => b'a'..=b'z', 2 => 1..0xff_u8];
    prop_oneof![
        3 => prop::collection::vec(byte, 0..40),
        1 => (MAX - 2..MAX * 4).prop_map(|len| vec![b'x'; len]),
        1 => "[a-zäöüß日本語👋]{0,6}\r?\n".prop_map(String::into_bytes),
    ]
}

fn piece() -> impl Strategy<Value = Piece> {
    let without_effect = vec![236, 237, 239, 241, 242, 245, 246, 247, 248, 249];
    let inside = prop::collection::vec(any::<u8>(), 0..40);
    let long = prop::collection::vec(any::<u8>(), 0..usize::from(MAX_SUBNEGOTIATION) / 2);
    let subnegotiation = |inside: Vec<u8>| {
        let escaped = inside.iter().flat_map(|&byte| vec![byte; if byte == 0xff { 2 } else { 1 }]);
        Piece::Command([0xff, 0xfa].into_iter().chain(escaped).chain([0xff, 0xf0]).collect())
    };
    prop_oneof![
        8 => text().prop_map(Piece::Text),
        2 => (251..=254_u8, any::<u8>()).prop_map(|(verb, option)| Piece::Command(vec![0xff, verb, option])),
        1 => (251..=254_u8).prop_map(|verb| Piece::Command(vec![0xff, verb, b'\n'])),
        1 => inside.prop_map(subnegotiation),
        1 => long.prop_map(subnegotiation),
        1 => prop::sample::select(without_effect).prop_map(|command| Piece::Command(vec![0xff, command])),
        1 => prop::sample::select(vec![238, 243, 244]).prop_map(Piece::Interrupt),
    ]
}

/// Any byte, but mostly those that mean something.
fn hostile_byte() -> impl Strategy<Value = u8> {
    let end = prop::sample::select(vec![b'\n', b'\n', b'\r', 0]);
    prop_oneof![2 => 236_u8.., 4 => end, 5 => any::<u8>()]
}

/// Cuts a stream into reads of these sizes, over and over.
fn reads<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut reads = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (read, more) = bytes.split_at(bytes.len().min(*size));
        reads.push(read);
        bytes = more;
    }
    reads
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1..5_usize, 1..60_usize], 1..30)
}

proptest! {
    #[test]
    fn any_bytes_in_any_split_give_the_same_items(
        bytes in prop::collection::vec(hostile_byte(), 0..400),
        sizes in sizes(),
        capacity in 1..40_usize,
    ) {
        let whole = decode(ChatCodec::new(MAX), [&bytes[..]]);
        prop_assert_eq!(&decode(ChatCodec::new(MAX), reads(&bytes, &sizes)), &whole);
        prop_assert_eq!(&decode_framed(ChatCodec::new(MAX), &bytes, capacity), &whole);
    }

    #[test]
    fn text_is_split_at_newlines(
        text in prop::collection::vec(prop_oneof![text(), Just(b"\r\0".to_vec())], 0..10),
        sizes in sizes(),
    ) {
        let text = text.concat();
        let mut naive = Naive::default();
        naive.text(&text);
        prop_assert_eq!(&decode(ChatCodec::new(MAX), reads(&text, &sizes)), &naive.items);
        prop_assert_eq!(&decode(ChatCodec::without_telnet(MAX), reads(&text, &sizes)), &naive.items);
        prop_assert_eq!(&decode_framed(ChatCodec::new(MAX), &text, sizes[0]), &naive.items);
    }

    #[test]
    fn telnet_commands_anywhere_change_no_line(pieces in prop::collection::vec(piece(), 0..20), sizes in sizes()) {
        let mut naive = Naive::default();
        let mut bytes = Vec::new();
        for piece in &pieces {
            match piece {
                Piece::Text(text) => {
                    naive.text(text);
                    bytes.extend_from_slice(text);
                }
                Piece::Command(command) => bytes.extend_from_slice(command),
                Piece::Interrupt(command) => {
                    naive.items.push(Incoming::Interrupt);
                    bytes.extend_from_slice(&[0xff, *command]);
                }
            }
        }
        // That would be a program.
        prop_assume!(bytes.first() != Some(&b'{'));
        prop_assert_eq!(&decode(ChatCodec::new(MAX), reads(&bytes, &sizes)), &naive.items);
        prop_assert_eq!(&decode_framed(ChatCodec::new(MAX), &bytes, sizes[0]), &naive.items);
    }

    #[test]
    fn a_sent_line_arrives(line in "[^\r\n]{0,40}") {
        let mut buf = BytesMut::new();
        ChatCodec::new(MAX).encode(&line, &mut buf).unwrap();
        for codec in [ChatCodec::new(1000), ChatCodec::without_telnet(1000)] {
            prop_assert_eq!(decode(codec, [&buf[..]]), [Incoming::Line(line.clone())]);
        }
    }
}

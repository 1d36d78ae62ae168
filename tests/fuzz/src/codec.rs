//! Any bytes, however they are cut: the same lines come out, and no more than a line is held.
#![no_main]

use bytes::BytesMut;
use chat_protocol::codec::{ChatCodec, Incoming};
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::Decoder as _;

fn lines(mut codec: ChatCodec, max_line: usize, pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<Incoming> {
    let mut buffer = BytesMut::new();
    let mut all = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece.as_ref());
        while let Some(item) = codec.decode(&mut buffer).expect("what a peer sends is no error") {
            let over = matches!(item, Incoming::Interrupt);
            all.push(item);
            if over {
                return all;
            }
        }
        assert!(buffer.len() <= max_line + 2, "{} bytes are held", buffer.len());
    }
    all
}

fuzz_target!(|data: &[u8]| {
    let [kind, step, data @ ..] = data else { return };
    let max_line = 16 << (kind & 7);
    let codec = if kind & 8 == 0 { ChatCodec::new(max_line) } else { ChatCodec::without_telnet(max_line) };
    let at_once = lines(codec.clone(), max_line, std::iter::once(data));
    let step = usize::from(*step).max(1);
    assert_eq!(at_once, lines(codec.clone(), max_line, data.chunks(step)), "in pieces of {step}");
    for item in at_once {
        if let Incoming::Line(line) = item {
            assert!(line.len() <= max_line && !line.contains('\n'), "{line:?}");
        }
    }
});

//! What is said: texts that follow from their key, so that one that was changed shows.

use super::history::{Body, Key};
use crate::random::Random;

/// Pieces that go wrong where somebody escapes, counts or cuts carelessly.
const PIECES: [&str; 8] = [
    "plain words",
    "quotes \" and \\ slashes",
    "two\nlines",
    "grüße",
    "日本語",
    "🦀🦀",
    "/not a command",
    "{\"type\":\"say\"}",
];

/// What is said under a key.
pub(crate) fn said(key: Key) -> String {
    write("m", key)
}

/// Another text under the same id.
pub(crate) fn changed(key: Key) -> String {
    write("c", key)
}

/// The text of a line that never ends.
pub(crate) fn unended(key: Key) -> String {
    write("u", key)
}

/// What a text is, every byte of it compared.
pub(crate) fn read(text: &str) -> Body {
    let parse = || {
        let (head, _) = text.split_once(' ')?;
        let (kind, key) = head.split_at_checked(1)?;
        let key = Key(u64::from_str_radix(key, 16).ok()?);
        let body = match kind {
            "m" => Body::Said(key),
            "c" => Body::Changed(key),
            "u" => Body::Unended(key),
            _ => return None,
        };
        (write(kind, key) == text).then_some(body)
    };
    parse().unwrap_or(Body::Strange)
}

fn write(kind: &str, key: Key) -> String {
    let mut random = Random::new(key.0);
    let mut text = format!("{kind}{:x} ", key.0);
    for _ in 0..=random.below(4) {
        text.push_str(PIECES[random.below(PIECES.len() as u64) as usize]);
        text.push(' ');
    }
    text.push_str(&format!("{:x}", random.next()));
    text
}

#[cfg(test)]
mod tests {
    use chat_protocol::value::Text;

    use super::*;

    #[test]
    fn a_text_tells_its_key_and_every_change_of_it() {
        for n in 0..200 {
            let key = Key::new(3, n);
            assert_eq!(read(&said(key)), Body::Said(key));
            assert_eq!(read(&changed(key)), Body::Changed(key));
            assert_eq!(read(&unended(key)), Body::Unended(key));
            // The server has nothing to clean in it.
            assert_eq!(Text::new(&said(key)).as_str(), said(key));
            let mut cut = said(key);
            cut.pop();
            assert_eq!(read(&cut), Body::Strange);
        }
        assert_eq!(read("hello"), Body::Strange);
    }
}

//! Sentences that the program says by itself.

use std::io;

use chat_client::{End, Lost};
use chat_protocol::clean::clean_line;
use chat_protocol::text::render;

/// What is wrong where there is no connection, and what helps.
pub(crate) fn no_connection(server: &str, why: &Lost) -> String {
    match why {
        Lost::Connect { kind: io::ErrorKind::ConnectionRefused, .. } => {
            let listen = if server == "127.0.0.1:5555" { String::new() } else { format!(" --listen {server}") };
            let cargo = if listen.is_empty() { String::new() } else { format!(" --{listen}") };
            format!("no server at {server}; start one with: cargo run -p chat-server{cargo}  (or: chat-server{listen})")
        }
        why => format!("no connection to {server}: {why}"),
    }
}

/// Why a line has no fate, in few words: the long ones were said before.
pub(super) fn brief(end: &End) -> String {
    match end {
        End::Unreachable { server, .. } => format!("no connection to {server}"),
        end => end.to_string(),
    }
}

/// `*** ` and these words.
pub(super) fn notice(words: &str) -> String {
    let mut out = String::new();
    render::notice(&mut out, words);
    out
}

/// `!!! ` and these words.
pub(super) fn error(words: &str) -> String {
    let mut out = String::new();
    render::error(&mut out, words);
    out
}

/// The beginning of a text, on one line.
pub(super) fn excerpt(text: &str) -> String {
    const MOST: usize = 60;
    let clean = clean_line(text);
    let mut chars = clean.chars();
    let mut shown: String = chars.by_ref().take(MOST).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_door_is_told_with_what_opens_it() {
        let refused = Lost::Connect { kind: io::ErrorKind::ConnectionRefused, message: "refused".to_owned() };
        assert_eq!(
            no_connection("127.0.0.1:5555", &refused),
            "no server at 127.0.0.1:5555; start one with: cargo run -p chat-server  (or: chat-server)"
        );
        assert_eq!(no_connection("10.0.0.1:1", &Lost::Silent), "no connection to 10.0.0.1:1: the server is silent");
    }

    #[test]
    fn an_excerpt_is_one_harmless_line() {
        assert_eq!(excerpt("a\nb\x1b[2J"), "a b\u{FFFD}[2J");
        assert_eq!(excerpt(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}

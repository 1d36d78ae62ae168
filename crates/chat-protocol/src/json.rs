//! The JSON dialect: one object a line, tagged by `type`.
//!
//! Pure functions, one line to one message and back. Unknown fields are ignored in both directions; an unknown
//! `type` is [`ServerMessage::Unknown`] to a client and the error `unknown_type` to the server.

mod fields;

pub use self::fields::ACTS;

use serde::Serialize;
use serde_json::Value;

use crate::message::{ClientMessage, ErrorCode, Refusal, ServerMessage};
use crate::value::MessageId;

/// Reads a client's line.
///
/// # Errors
///
/// A [`Refusal`] with the code `bad_json`, `unknown_type` or `bad_field`, and the line's `id` where it has one.
pub fn parse_client(line: &str) -> Result<ClientMessage, Box<Refusal>> {
    match serde_json::from_str(line) {
        // An alias that is left out isn't one that is bad.
        Ok(ClientMessage::Hello(hello)) if hello.alias.is_empty() && hello.session.is_none() => {
            let object = serde_json::from_str(line).unwrap_or_default();
            match fields::complaint("hello", &object) {
                Some(words) => Err(Box::new(Refusal::new(ErrorCode::BadField, words))),
                None => Ok(ClientMessage::Hello(hello)),
            }
        }
        read => read.map_err(|error| Box::new(diagnose(line, &error))),
    }
}

/// Reads a server's line.
///
/// # Errors
///
/// What is wrong with it, for a person.
pub fn parse_server(line: &str) -> Result<ServerMessage, serde_json::Error> {
    serde_json::from_str(line)
}

/// Appends a message as one line, its `\n` included.
pub fn render(out: &mut Vec<u8>, message: &impl Serialize) {
    let start = out.len();
    // Our messages have string keys only and no map that can fail; a `Vec` takes all that is written.
    if serde_json::to_writer(&mut *out, message).is_err() {
        out.truncate(start);
        return;
    }
    out.push(b'\n');
}

/// Finds the words for a line that is no [`ClientMessage`]. Only a line that was refused is read a second time.
fn diagnose(line: &str, error: &serde_json::Error) -> Refusal {
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return Refusal::new(ErrorCode::BadJson, format!("this line is not JSON: {}", brief(error)));
    };
    let Value::Object(object) = value else {
        return Refusal::new(ErrorCode::BadJson, "a line is one JSON object: { … }");
    };
    let id = object.get("id").and_then(Value::as_str).and_then(|id| MessageId::new(id).ok());
    let refusal = match object.get("type") {
        None => Refusal::new(ErrorCode::UnknownType, "the object has no \"type\""),
        Some(Value::String(kind)) if TYPES.contains(&kind.as_str()) => {
            let words = fields::complaint(kind, &object);
            Refusal::new(ErrorCode::BadField, words.unwrap_or_else(|| format!("{kind}: {}", brief(error))))
        }
        Some(kind) => {
            let mut shown = crate::clean::clean_line(&kind.to_string()).into_owned();
            shorten(&mut shown, 60);
            Refusal::new(ErrorCode::UnknownType, format!("unknown type {shown}"))
        }
    };
    refusal.to(id)
}

/// The `type`s that a client may send.
pub const TYPES: &[&str] = &[
    "hello",
    "say",
    "private",
    "join",
    "leave",
    "nick",
    "register",
    "password",
    "unregister",
    "who",
    "rooms",
    "history",
    "search",
    "topic",
    "redact",
    "make_private",
    "invite",
    "uninvite",
    "moderate",
    "ping",
    "quit",
];

/// serde's words, harmless and short: they may quote what the peer sent.
fn brief(error: &serde_json::Error) -> String {
    let mut words = crate::clean::clean_line(&error.to_string()).into_owned();
    if let Some(position) = words.rfind(" at line 1 column ") {
        let column = words.split_off(position).split_off(" at line 1 ".len());
        if column != "column 0" {
            words = format!("{words} ({column})");
        }
    }
    shorten(&mut words, 200);
    words
}

fn shorten(words: &mut String, most: usize) {
    if words.len() > most {
        words.truncate(words.floor_char_boundary(most));
        words.push('…');
    }
}

#[cfg(test)]
mod tests;

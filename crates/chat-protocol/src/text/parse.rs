//! From a person's line to what it does.

use super::command;
use crate::message::{ClientMessage, ErrorCode, Refusal};
use crate::names::RoomName;
use crate::value::Kind;

/// What a line in the text dialect does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// An empty line.
    Nothing,
    /// A message that JSON has too.
    Message(ClientMessage),
    /// `/topic` without a text.
    ShowTopic,
    /// `/ignore NAME`.
    Ignore(String),
    /// `/unignore NAME`.
    Unignore(String),
    /// `/help`.
    Help,
    /// `/help operators`.
    OperatorHelp,
}

/// What a line does while the server asks for an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Login {
    /// An alias to try.
    Alias(String),
    /// `/help`.
    Help,
    /// `/quit`.
    Quit,
}

/// Reads the answer to `ALIAS?`. A byte order mark, which some shells put in front of what they pipe, is dropped.
#[must_use]
pub fn parse_login(line: &str) -> Login {
    let line = line.trim_start_matches(is_blank).trim_end();
    match line.split_whitespace().next().map(str::to_ascii_lowercase).as_deref() {
        Some("/help") => Login::Help,
        Some("/quit") => Login::Quit,
        _ => Login::Alias(line.to_owned()),
    }
}

/// Reads a line of somebody who is in `room`.
///
/// # Errors
///
/// A [`Refusal`] in words for the person; the line had no effect.
pub fn parse(line: &str, room: &RoomName) -> Result<Input, Box<Refusal>> {
    let start = start_of(line);
    let say = |text: &str| {
        Ok(Input::Message(ClientMessage::Say { room: room.clone(), text: text.to_owned(), id: None, kind: Kind::Say }))
    };
    if start.is_empty() {
        Ok(Input::Nothing)
    } else if start.starts_with("//") || start.starts_with("@@") {
        say(&start[1..])
    } else if let Some(rest) = start.strip_prefix('@') {
        let (name, text) = split(rest);
        command::private(name, text, "@bob hello")
    } else if let Some(rest) = start.strip_prefix('/') {
        command::parse(rest, room)
    } else {
        say(line)
    }
}

/// The first word, and what follows it without the blanks around.
pub(super) fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim_start()))
}

pub(super) fn needed<'a>(argument: &'a str, otherwise: &str) -> Result<&'a str, Box<Refusal>> {
    if argument.is_empty() { Err(refuse(ErrorCode::BadField, otherwise)) } else { Ok(argument) }
}

pub(super) fn refuse(code: ErrorCode, message: impl Into<String>) -> Box<Refusal> {
    Box::new(Refusal::new(code, message))
}

/// The line from its first character that is seen. A blank before a command must not publish what was meant for one person alone;
/// nor may an invisible mark, or the escape sequence of an arrow key that was pressed in netcat.
fn start_of(line: &str) -> &str {
    let mut start = line;
    loop {
        let rest = start.trim_start_matches(|c: char| is_blank(c) || (c.is_control() && c != ESCAPE) || is_bidi(c));
        match rest.strip_prefix(ESCAPE) {
            Some(sequence) => start = after_sequence(sequence),
            // A line of nothing else is no command, and shows that something was sent.
            None if rest.is_empty() => return line.trim_start_matches(is_blank),
            None => return rest,
        }
    }
}

/// What follows an escape sequence of a terminal (ECMA-48), whose escape character is gone already.
fn after_sequence(sequence: &str) -> &str {
    let Some(parameters) = sequence.strip_prefix(['[', 'O']) else { return sequence };
    parameters.trim_start_matches(|c| matches!(c, ' '..='?')).strip_prefix(|c| matches!(c, '@'..='~')).unwrap_or("")
}

const ESCAPE: char = '\u{1B}';

/// A character that turns the direction of what follows.
const fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// White space, and what is as invisible as white space: joiners, direction marks, the byte order mark.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{061C}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}')
}

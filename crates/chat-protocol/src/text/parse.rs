//! From a person's line to what it does.

use crate::limits::MAX_PAGE;
use crate::message::{ClientMessage, ErrorCode, HistoryQuery, Refusal, RoomStart};
use crate::names::RoomName;
use crate::value::{Kind, Password};

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
        private(name, text, "@bob hello")
    } else if let Some(rest) = start.strip_prefix('/') {
        command(rest, room)
    } else {
        say(line)
    }
}

fn command(rest: &str, room: &RoomName) -> Result<Input, Box<Refusal>> {
    let (name, argument) = split(rest);
    let room = room.clone();
    let message = |message| Ok(Input::Message(message));
    match name.to_ascii_lowercase().as_str() {
        "msg" => {
            let (to, text) = split(argument);
            private(to.strip_prefix('@').unwrap_or(to), text, "/msg bob hello")
        }
        "me" => {
            let text = needed(argument, "/me needs to know what you do: /me waves")?;
            message(ClientMessage::Say { room, text: text.to_owned(), id: None, kind: Kind::Action })
        }
        "nick" => {
            let alias = needed(argument, "/nick needs the new name: /nick al")?.to_owned();
            message(ClientMessage::Nick { alias, id: None })
        }
        "register" => {
            let password = Password::new(needed(argument, "/register needs a password: /register PASSWORD")?);
            message(ClientMessage::Register { password, id: None })
        }
        "password" => {
            let new = Password::new(needed(argument, "/password needs the new password: /password PASSWORD")?);
            message(ClientMessage::Password { password: None, new, id: None })
        }
        "unregister" => {
            let password = Password::new(needed(argument, "/unregister needs the password: /unregister PASSWORD")?);
            message(ClientMessage::Unregister { password, id: None })
        }
        "who" => {
            nothing(argument, "/who shows this room alone; to see another, /join it first")?;
            message(ClientMessage::Who { room, after: None, limit: None, id: None })
        }
        "rooms" => {
            nothing(argument, "/rooms shows all rooms and takes nothing after it; /join goes to one")?;
            message(ClientMessage::Rooms { after: None, limit: None, id: None })
        }
        "join" => {
            let name = needed(argument, "/join needs a room: /join ops")?;
            let room = RoomName::new(name).map_err(|error| refuse(ErrorCode::BadField, error.to_string()))?;
            if room.is_conversation() {
                let words =
                    format!("nobody has to enter a conversation: {name} TEXT says it, /history {name} shows it");
                return Err(refuse(ErrorCode::BadField, words));
            }
            message(ClientMessage::Join { start: RoomStart { room, after: None }, history: None, id: None })
        }
        "history" => {
            let (room, argument) = conversation(argument)?.unwrap_or((room, argument));
            let limit = history_limit(argument)?;
            message(ClientMessage::History { room, query: HistoryQuery { limit, ..HistoryQuery::default() }, id: None })
        }
        "search" => {
            // People look for what was said to @bob too: only what follows his name makes it the conversation with him.
            let talk = conversation(argument).ok().flatten().filter(|(_, words)| !words.is_empty());
            let (room, argument) = talk.unwrap_or((room, argument));
            let query = needed(argument, "/search needs words: /search lunch friday")?.to_owned();
            message(ClientMessage::Search { room, query, before: None, limit: None, id: None })
        }
        "private" => {
            nothing(argument, "/private makes this room its members' alone; for another, /join it first")?;
            message(ClientMessage::MakePrivate { room, id: None })
        }
        "invite" => {
            let name = needed(argument, "/invite needs a name: /invite bob")?.to_owned();
            message(ClientMessage::Invite { room, name, id: None })
        }
        "uninvite" => {
            let name = needed(argument, "/uninvite needs a name: /uninvite bob")?.to_owned();
            message(ClientMessage::Uninvite { room, name, id: None })
        }
        "topic" if argument.is_empty() => Ok(Input::ShowTopic),
        "topic" => message(ClientMessage::Topic { room, text: argument.to_owned(), id: None }),
        "ignore" => Ok(Input::Ignore(needed(argument, "/ignore needs a name: /ignore bob")?.to_owned())),
        "unignore" => Ok(Input::Unignore(needed(argument, "/unignore needs a name: /unignore bob")?.to_owned())),
        "help" if argument == "operators" => Ok(Input::OperatorHelp),
        "help" => Ok(Input::Help),
        "quit" => message(ClientMessage::Quit { reason: (!argument.is_empty()).then(|| argument.to_owned()) }),
        name => {
            if let Some(act) = super::moderate::command(name, argument) {
                return message(ClientMessage::Moderate { act: act?, id: None });
            }
            let shown: String = crate::clean::clean_line(name).chars().take(40).collect();
            Err(refuse(ErrorCode::UnknownType, format!("unknown command /{shown}; /help lists the commands")))
        }
    }
}

fn private(to: &str, text: &str, example: &str) -> Result<Input, Box<Refusal>> {
    let to = to.strip_suffix(':').unwrap_or(to);
    if to.is_empty() || text.is_empty() {
        return Err(refuse(ErrorCode::BadField, format!("a private message needs a name and a text: {example}")));
    }
    Ok(Input::Message(ClientMessage::Private { to: to.to_owned(), text: text.to_owned(), id: None, kind: Kind::Say }))
}

/// The conversation whose name an argument begins with, and the rest.
fn conversation(argument: &str) -> Result<Option<(RoomName, &str)>, Box<Refusal>> {
    let (name, rest) = split(argument);
    if !name.starts_with('@') {
        return Ok(None);
    }
    let room = RoomName::new(name).map_err(|error| refuse(ErrorCode::BadField, error.to_string()))?;
    Ok(Some((room, rest)))
}

fn history_limit(argument: &str) -> Result<Option<u32>, Box<Refusal>> {
    if argument.is_empty() {
        return Ok(None);
    }
    match argument.parse() {
        Ok(limit @ 1..=MAX_PAGE) => Ok(Some(limit)),
        _ => {
            let shown: String = crate::clean::clean_line(argument).chars().take(40).collect();
            Err(refuse(ErrorCode::BadField, format!("/history takes a number from 1 to {MAX_PAGE}, not \"{shown}\"")))
        }
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

/// What is ignored in silence would be taken for heeded.
fn nothing(argument: &str, otherwise: &str) -> Result<(), Box<Refusal>> {
    if argument.is_empty() { Ok(()) } else { Err(refuse(ErrorCode::BadField, otherwise)) }
}

pub(super) fn refuse(code: ErrorCode, message: impl Into<String>) -> Box<Refusal> {
    Box::new(Refusal::new(code, message))
}

/// White space, and what is as invisible as white space: joiners, direction marks, the byte order mark.
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

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{061C}' | '\u{2060}' | '\u{FEFF}' | '\u{00AD}')
}

//! The lines that begin with `/`, by what they are about.

use super::parse::{Input, needed, refuse, split};
use crate::clean::clean_line;
use crate::limits::MAX_PAGE;
use crate::message::{ClientMessage, ErrorCode, HistoryQuery, Refusal, RoomStart, Which};
use crate::names::RoomName;
use crate::value::{Kind, Password};

/// Characters of what somebody typed that a refusal says back.
const MOST_SHOWN: usize = 40;

type Meant = Result<Input, Box<Refusal>>;

/// Reads what follows the `/` of somebody who is in `room`.
pub(super) fn parse(rest: &str, room: &RoomName) -> Meant {
    let (name, argument) = split(rest);
    let name = name.to_ascii_lowercase();
    talk(&name, argument, room)
        .or_else(|| account(&name, argument))
        .or_else(|| places(&name, argument, room))
        .or_else(|| reading(&name, argument, room))
        .or_else(|| here(&name, argument))
        .or_else(|| {
            super::moderate::command(&name, argument)
                .map(|act| message(ClientMessage::Moderate { act: act?, id: None }))
        })
        .unwrap_or_else(|| {
            let words = format!("unknown command /{}; /help lists the commands", excerpt(&name));
            Err(refuse(ErrorCode::UnknownType, words))
        })
}

/// What is said, and leave taken.
fn talk(name: &str, argument: &str, room: &RoomName) -> Option<Meant> {
    Some(match name {
        "msg" => {
            let (to, text) = split(argument);
            private(to.strip_prefix('@').unwrap_or(to), text, "/msg bob hello")
        }
        "me" => needed(argument, "/me needs to know what you do: /me waves").and_then(|text| {
            let (room, text) = (room.clone(), text.to_owned());
            message(ClientMessage::Say { room, text, id: None, kind: Kind::Action })
        }),
        "quit" => message(ClientMessage::Quit { reason: (!argument.is_empty()).then(|| argument.to_owned()) }),
        _ => return None,
    })
}

/// Whose an alias is.
fn account(name: &str, argument: &str) -> Option<Meant> {
    let password = |otherwise: &str| needed(argument, otherwise).map(Password::new);
    Some(match name {
        "nick" => needed(argument, "/nick needs the new name: /nick al")
            .and_then(|alias| message(ClientMessage::Nick { alias: alias.to_owned(), id: None })),
        "register" => password("/register needs a password: /register PASSWORD")
            .and_then(|password| message(ClientMessage::Register { password, id: None })),
        "password" => password("/password needs the new password: /password PASSWORD")
            .and_then(|new| message(ClientMessage::Password { password: None, new, id: None })),
        "unregister" => password("/unregister needs the password: /unregister PASSWORD")
            .and_then(|password| message(ClientMessage::Unregister { password, id: None })),
        _ => return None,
    })
}

/// Where one is, and whose that room is.
fn places(name: &str, argument: &str, room: &RoomName) -> Option<Meant> {
    let room = room.clone();
    Some(match name {
        "join" => join(argument),
        "topic" if argument.is_empty() => Ok(Input::ShowTopic),
        "topic" => message(ClientMessage::Topic { room, text: argument.to_owned(), id: None }),
        "private" => nothing(argument, "/private makes this room its members' alone; for another, /join it first")
            .and_then(|()| message(ClientMessage::MakePrivate { room, id: None })),
        "invite" => needed(argument, "/invite needs a name: /invite bob")
            .and_then(|name| message(ClientMessage::Invite { room, name: name.to_owned(), id: None })),
        "uninvite" => needed(argument, "/uninvite needs a name: /uninvite bob")
            .and_then(|name| message(ClientMessage::Uninvite { room, name: name.to_owned(), id: None })),
        _ => return None,
    })
}

/// Who is there, what was said, and what is taken back of it.
fn reading(name: &str, argument: &str, room: &RoomName) -> Option<Meant> {
    let room = room.clone();
    Some(match name {
        "who" => nothing(argument, "/who shows this room alone; to see another, /join it first")
            .and_then(|()| message(ClientMessage::Who { room, after: None, limit: None, id: None })),
        "rooms" => nothing(argument, "/rooms shows all rooms and takes nothing after it; /join goes to one")
            .and_then(|()| message(ClientMessage::Rooms { after: None, limit: None, id: None })),
        "history" => history(argument, room),
        "search" => search(argument, room),
        "redact" => redact(argument, room),
        _ => return None,
    })
}

/// What is done at this end.
fn here(name: &str, argument: &str) -> Option<Meant> {
    let named = |otherwise: &str| needed(argument, otherwise).map(str::to_owned);
    Some(match name {
        "ignore" => named("/ignore needs a name: /ignore bob").map(Input::Ignore),
        "unignore" => named("/unignore needs a name: /unignore bob").map(Input::Unignore),
        "help" if argument == "operators" => Ok(Input::OperatorHelp),
        "help" => Ok(Input::Help),
        _ => return None,
    })
}

/// Something said to one person alone.
pub(super) fn private(to: &str, text: &str, example: &str) -> Meant {
    let to = to.strip_suffix(':').unwrap_or(to);
    if to.is_empty() || text.is_empty() {
        return Err(refuse(ErrorCode::BadField, format!("a private message needs a name and a text: {example}")));
    }
    message(ClientMessage::Private { to: to.to_owned(), text: text.to_owned(), id: None, kind: Kind::Say })
}

fn join(argument: &str) -> Meant {
    let name = needed(argument, "/join needs a room: /join ops")?;
    let room = RoomName::new(name).map_err(|error| refuse(ErrorCode::BadField, error.to_string()))?;
    if room.is_conversation() {
        let words = format!("nobody has to enter a conversation: {name} TEXT says it, /history {name} shows it");
        return Err(refuse(ErrorCode::BadField, words));
    }
    message(ClientMessage::Join { start: RoomStart { room, after: None }, history: None, id: None })
}

fn history(argument: &str, room: RoomName) -> Meant {
    let (room, argument) = conversation(argument)?.unwrap_or((room, argument));
    let limit = history_limit(argument)?;
    message(ClientMessage::History { room, query: HistoryQuery { limit, ..HistoryQuery::default() }, id: None })
}

fn search(argument: &str, room: RoomName) -> Meant {
    // People look for what was said to @bob too: only what follows his name makes it the conversation with him.
    let talk = conversation(argument).ok().flatten().filter(|(_, words)| !words.is_empty());
    let (room, argument) = talk.unwrap_or((room, argument));
    let query = needed(argument, "/search needs words: /search lunch friday")?.to_owned();
    message(ClientMessage::Search { room, query, before: None, limit: None, id: None })
}

/// What is to be removed: somebody's newest message or an earlier one, and why: `bob 2 spam`.
fn redact(argument: &str, room: RoomName) -> Meant {
    let (room, argument) = conversation(argument)?.unwrap_or((room, argument));
    let (name, rest) = split(argument);
    let (word, after) = split(rest);
    // What is no number is the beginning of the reason.
    let (nth, reason) = word.parse().map_or((1, rest), |nth| (nth, after));
    if nth == 0 {
        return Err(refuse(ErrorCode::BadField, "the newest message is number 1: /redact bob 1"));
    }
    let some = |words: &str| (!words.is_empty()).then(|| words.to_owned());
    let which = Which::Newest { nth, name: some(name) };
    message(ClientMessage::Redact { room, which, reason: some(reason), id: None })
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
            let words = format!("/history takes a number from 1 to {MAX_PAGE}, not \"{}\"", excerpt(argument));
            Err(refuse(ErrorCode::BadField, words))
        }
    }
}

const fn message(message: ClientMessage) -> Meant {
    Ok(Input::Message(message))
}

/// What is ignored in silence would be taken for heeded.
fn nothing(argument: &str, otherwise: &str) -> Result<(), Box<Refusal>> {
    if argument.is_empty() { Ok(()) } else { Err(refuse(ErrorCode::BadField, otherwise)) }
}

fn excerpt(typed: &str) -> String {
    clean_line(typed).chars().take(MOST_SHOWN).collect()
}

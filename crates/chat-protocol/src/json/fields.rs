//! Which fields the types of a client's lines have, as far as it takes to say in a sentence what is wrong with one.
//!
//! serde decides what is read; its words about what it can't read are for whoever wrote the types.

use serde_json::{Map, Value};

use self::Need::{Given, May, Must};
use self::Shape::{Act, Flag, Id, Kind, Room, Rooms, Text, Whole32, Whole64};
use crate::limits::MAX_ID;
use crate::names::RoomName;

type Object = Map<String, Value>;

/// What a field holds.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Room,
    Id,
    Whole32,
    Whole64,
    Flag,
    Kind,
    Rooms,
    Act,
}

/// Whether it has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Must,
    /// It may be left out or `null`.
    May,
    /// It may be left out, but not `null`.
    Given,
}

type Field = (&'static str, Shape, Need);

/// What an operator may `do` in a `moderate`.
pub const ACTS: &[&str] = &[
    "kick",
    "ban",
    "unban",
    "bans",
    "mute",
    "unmute",
    "op",
    "deop",
    "announce",
    "whois",
    "guests",
    "slow",
    "announce_only",
    "audit",
    "close",
    "open",
];

const ID: Field = ("id", Id, May);
const ROOM: Field = ("room", Room, Must);

fn fields(kind: &str, object: &Object) -> &'static [Field] {
    match kind {
        "hello" => {
            const AGAIN: &[Field] = &[
                ("v", Whole32, Given),
                ("session", Text, May),
                ("log", Text, May),
                ("password", Text, May),
                ("invite", Text, May),
                ("quiet", Flag, Given),
                ("rooms", Rooms, May),
                ("history", Whole32, May),
                ("alias", Text, Given),
            ];
            if object.contains_key("alias") || object.get("session").is_some_and(Value::is_string) {
                AGAIN
            } else {
                &[("alias", Text, Must)]
            }
        }
        "say" => &[ROOM, ("text", Text, Must), ID, ("kind", Kind, Given)],
        "private" => &[("to", Text, Must), ("text", Text, Must), ID, ("kind", Kind, Given)],
        "join" => &[ROOM, ("after", Whole64, May), ("history", Whole32, May), ID],
        "leave" | "make_private" => &[ROOM, ID],
        "invite" | "uninvite" => &[ROOM, ("name", Text, Must), ID],
        "nick" => &[("alias", Text, Must), ID],
        "register" | "unregister" => &[("password", Text, Must), ID],
        "password" => &[("password", Text, May), ("new", Text, Must), ID],
        "who" => &[ROOM, ("after", Text, May), ("limit", Whole32, May), ID],
        "rooms" => &[("after", Text, May), ("limit", Whole32, May), ID],
        "history" => &[ROOM, ("before", Whole64, May), ("after", Whole64, May), ("limit", Whole32, May), ID],
        "search" => &[ROOM, ("query", Text, Must), ("before", Whole64, May), ("limit", Whole32, May), ID],
        "topic" => &[ROOM, ("text", Text, Must), ID],
        "redact" if object.contains_key("nth") && !object.contains_key("seq") => {
            &[ROOM, ("nth", Whole32, Must), ("name", Text, May), ("reason", Text, May), ID]
        }
        "redact" => &[ROOM, ("seq", Whole64, Must), ("reason", Text, May), ID],
        "moderate" => &[("do", Act, Must), ID],
        "ping" => &[ID],
        "quit" => &[("reason", Text, May)],
        _ => &[],
    }
}

/// The further fields of a `moderate`.
fn of_act(act: &str) -> &'static [Field] {
    const NAME: Field = ("name", Text, Must);
    match act {
        "kick" => &[NAME, ("reason", Text, May)],
        "ban" => &[("target", Text, Must), ("seconds", Whole64, May), ("reason", Text, May), ("sure", Flag, Given)],
        "unban" => &[("target", Text, Must)],
        "bans" => &[("after", Whole64, May)],
        "mute" => &[NAME, ("seconds", Whole64, May)],
        "unmute" | "op" | "deop" | "whois" => &[NAME],
        "announce" => &[("text", Text, Must)],
        "guests" | "announce_only" => &[("on", Flag, Must)],
        "slow" => &[("seconds", Whole64, Must)],
        "close" | "open" => &[("room", Text, Must)],
        "audit" => &[("before", Whole64, May), ("limit", Whole32, May)],
        _ => &[],
    }
}

/// What is wrong with the first field that is wrong, or missing, of a line of this type.
pub(super) fn complaint(kind: &str, object: &Object) -> Option<String> {
    let act = object.get("do").and_then(Value::as_str).filter(|_| kind == "moderate");
    let further = act.map_or(&[][..], of_act);
    let mut all = fields(kind, object).iter().chain(further);
    all.find_map(|field| wrong(object, field)).map(|what| format!("{kind}: {what}"))
}

fn wrong(object: &Object, (name, shape, need): &Field) -> Option<String> {
    match object.get(*name) {
        None if *need == Must => Some(format!("\"{name}\" is missing; it is {}", shape.words(&Value::Null))),
        None => None,
        Some(Value::Null) if *need == May => None,
        Some(value) if shape.fits(value) => None,
        Some(Value::Array(rooms)) if matches!(shape, Rooms) && rooms.iter().all(Value::is_object) => {
            let start = [ROOM, ("after", Whole64, May)];
            let mut rooms = rooms.iter().filter_map(Value::as_object);
            rooms
                .find_map(|room| start.iter().find_map(|field| wrong(room, field)))
                .map(|what| format!("in \"{name}\" {what}"))
        }
        Some(Value::String(room)) if matches!(shape, Room) => {
            RoomName::new(room).err().map(|why| format!("\"{name}\" is no name of a room: {why}"))
        }
        Some(value) => Some(format!("\"{name}\" is {}", shape.words(value))),
    }
}

impl Shape {
    fn fits(self, value: &Value) -> bool {
        match self {
            Text => value.is_string(),
            Room => value.as_str().is_some_and(|name| RoomName::new(name).is_ok()),
            Id => value.as_str().is_some_and(|id| (1..=MAX_ID).contains(&id.len())),
            Whole32 => value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()),
            Whole64 => value.is_u64(),
            Flag => value.is_boolean(),
            Kind => value.as_str().is_some_and(|kind| ["say", "action"].contains(&kind)),
            Act => value.as_str().is_some_and(|act| ACTS.contains(&act)),
            // Its parts are looked at one by one.
            Rooms => false,
        }
    }

    /// What it is, with the range where a number came that is outside of it.
    fn words(self, value: &Value) -> String {
        match self {
            Text => "a text".to_owned(),
            Room => "the name of a room".to_owned(),
            Id => format!("a text of 1 to {MAX_ID} bytes"),
            Whole32 if value.is_number() => format!("a whole number from 0 to {}", u32::MAX),
            Whole64 if value.is_number() => format!("a whole number from 0 to {}", u64::MAX),
            Whole32 | Whole64 => "a whole number".to_owned(),
            Flag => "true or false".to_owned(),
            Kind => "\"say\" or \"action\"".to_owned(),
            Rooms => "a list such as [{\"room\": \"lobby\", \"after\": 41}]".to_owned(),
            Act => format!("one of {}", ACTS.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests;

//! What owners of an alias or a room and operators ask for, and the answers in words; the same in both modes.

use chat_client::protocol::clean::clean_line;
use chat_client::protocol::message::{
    AuditInfo, ClientMessage, ConnectionInfo, ErrorCode, Moderation, Refusal, RuleInfo, RuleKind, WhoisInfo,
};
use chat_client::protocol::names::RoomName;
use chat_client::protocol::text::{self, Input};
use chat_client::protocol::value::Time;
use chat_client::{Client, Report, RequestError};
use jiff::tz::TimeZone;

/// Where somebody is who is in no room, and the next step.
pub(crate) const NOWHERE: &str = "you are in no room; /join ROOM goes to one, /rooms lists them";

/// Reads a line of somebody who may be in no room.
///
/// # Errors
///
/// A refusal in words for the person.
pub(crate) fn meant(line: &str, room: Option<&RoomName>) -> Result<Input, Box<Refusal>> {
    if let Some(room) = room {
        return text::parse(line, room);
    }
    // The parser needs one, which then isn't used.
    let stand_in = RoomName::new("lobby").map_err(|_| nowhere())?;
    match text::parse(line, &stand_in)? {
        Input::Message(message) if needs_room(&message) => Err(nowhere()),
        Input::ShowTopic => Err(nowhere()),
        input => Ok(input),
    }
}

pub(crate) fn nowhere() -> Box<Refusal> {
    Box::new(Refusal::new(ErrorCode::NotInRoom, NOWHERE))
}

/// Whether a message is about the room where it was typed.
fn needs_room(message: &ClientMessage) -> bool {
    match message {
        ClientMessage::Say { .. }
        | ClientMessage::Who { .. }
        | ClientMessage::Topic { .. }
        | ClientMessage::MakePrivate { .. }
        | ClientMessage::Invite { .. }
        | ClientMessage::Uninvite { .. } => true,
        ClientMessage::History { room, .. } | ClientMessage::Search { room, .. } => !room.is_conversation(),
        _ => false,
    }
}

/// Carries out what is none of the everyday requests; the lines of its answer.
pub(crate) async fn carry_out(client: &Client, message: ClientMessage) -> Result<Vec<String>, RequestError> {
    let done = |words: &str| vec![clean_line(words).into_owned()];
    Ok(match message {
        ClientMessage::Register { password, .. } => {
            client.register(password).await?;
            done("this alias is yours now: it takes the password, or this machine")
        }
        ClientMessage::Password { password, new, .. } => {
            client.change_password(password, new).await?;
            done("the password is changed, and your other sessions are closed")
        }
        ClientMessage::Unregister { password, .. } => {
            client.unregister(password).await?;
            done("this alias is anybody's again; you are a guest")
        }
        ClientMessage::MakePrivate { room, .. } => {
            client.make_private(&room).await?;
            done(&format!("{} is its members' now; /invite NAME makes more of them", room.shown()))
        }
        ClientMessage::Invite { room, name, .. } => {
            client.invite(&room, &*name).await?;
            done(&format!("{name} is a member of {} now", room.shown()))
        }
        ClientMessage::Uninvite { room, name, .. } => {
            client.uninvite(&room, &*name).await?;
            done(&format!("{name} is no member of {} any more", room.shown()))
        }
        ClientMessage::Redact { room, which, reason, .. } => {
            client.redact_which(&room, which, reason).await?;
            Vec::new()
        }
        ClientMessage::Moderate { act, .. } => {
            // What it says is seen by everybody, its operator included.
            let is_seen = matches!(act, Moderation::Announce { .. });
            let lines = words(client.moderate(act).await?, &TimeZone::system());
            if is_seen { Vec::new() } else { lines }
        }
        // The protocol may come to have more than this program knows how to ask for.
        _ => return Err(unknown()),
    })
}

/// What is not asked for must not look as if it was done.
fn unknown() -> RequestError {
    let words = "this program doesn't know how to ask for that";
    RequestError::Refused(Box::new(Refusal::new(ErrorCode::UnknownType, words)))
}

fn words(report: Report, zone: &TimeZone) -> Vec<String> {
    let date = |time: Time| zone.to_datetime(time.timestamp()).strftime("%F %H:%M").to_string();
    let and_more = |more: bool, words: String| more.then_some(words);
    let lines = match report {
        Report::Bans(bans, _) if bans.is_empty() => vec!["nobody is banned or muted".to_owned()],
        Report::Bans(bans, more) => {
            let last = bans.last().map_or(0, |ban| ban.number);
            let lines = bans.into_iter().map(|RuleInfo { kind, target, until, reason, by, .. }| {
                let what = if kind == RuleKind::Mute { "muted" } else { "banned" };
                let until = until.map_or_else(|| "for good".to_owned(), |until| format!("until {}", date(until)));
                let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                format!("{target} is {what} {until} by {by}{reason}")
            });
            lines.chain(and_more(more, format!("and more: /bans {last}"))).collect()
        }
        Report::Whois(WhoisInfo { name, operator, created, connections, .. }) => {
            let who = match created {
                Some(created) => {
                    let what = if operator { "an operator" } else { "an account" };
                    format!("{name} is {what}, made on {}", date(created))
                }
                None => format!("{name} is a guest"),
            };
            let from = connections.into_iter().map(|ConnectionInfo { address, seconds }| {
                let address = address.unwrap_or_else(|| "an address that isn't kept".to_owned());
                format!("  from {address}, for {} min", seconds / 60)
            });
            [who].into_iter().chain(from).collect()
        }
        Report::Audit(entries, _) if entries.is_empty() => vec!["operators did nothing before that".to_owned()],
        Report::Audit(entries, more) => {
            let first = entries.last().map_or(0, |entry| entry.number);
            let lines = entries.into_iter().rev();
            let lines =
                lines.map(|AuditInfo { number, time, by, what }| format!("{number}. {} {by}: {what}", date(time)));
            and_more(more, format!("and more: /audit {first}")).into_iter().chain(lines).collect()
        }
        _ => vec!["done".to_owned()],
    };
    lines.into_iter().map(|line| clean_line(&line).into_owned()).collect()
}

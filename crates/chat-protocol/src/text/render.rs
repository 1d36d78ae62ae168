//! From the server's messages to lines for people.
//!
//! Each function appends whole lines, each ended by `\n`. Names, texts, topics and reasons are harmless already
//! (their types see to it), so none of them can hold a line's end but a text, whose lines each get the prefix.

use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use crate::message::{Bye, Changes, RoomCount, Stored};
use crate::names::{Alias, RoomName};
use crate::value::{Kind, Text, Time};

/// Names that a line of people shows before it counts the rest.
const NAMES_SHOWN: usize = 3;
/// Bytes after which a list of names goes on in a new line.
const LIST_WIDTH: usize = 400;

/// The date of a moment in a time zone.
#[must_use]
pub fn date(time: Time, zone: &TimeZone) -> Date {
    zone.to_datetime(time.timestamp()).date()
}

/// `[12:03:22] bob: hello`, a line for each line of the text; none for a message that was removed.
pub fn message(out: &mut String, message: &Stored, zone: &TimeZone) {
    if message.text.as_str().is_empty() {
        return;
    }
    let who = match message.kind {
        Kind::Say => format!("{}:", message.from),
        Kind::Action => format!("* {}", message.from),
    };
    spoken(out, message.time, zone, &who, &message.text);
}

/// `[12:04:02] bob -> you: psst`, to the one whom it was said to.
pub fn private_from(out: &mut String, time: Time, from: &Alias, kind: Kind, text: &Text, zone: &TimeZone) {
    let act = action(from.as_str(), kind);
    spoken(out, time, zone, &format!("{from} -> you:{act}"), text);
}

/// `[12:04:09] you -> bob: what?`, to the one who said it; `me` is his alias.
pub fn private_to(out: &mut String, time: Time, me: &Alias, to: &Alias, kind: Kind, text: &Text, zone: &TimeZone) {
    let act = action(me.as_str(), kind);
    spoken(out, time, zone, &format!("you -> {to}:{act}"), text);
}

fn action(who: &str, kind: Kind) -> String {
    match kind {
        Kind::Say => String::new(),
        Kind::Action => format!(" * {who}"),
    }
}

fn spoken(out: &mut String, time: Time, zone: &TimeZone, who: &str, text: &Text) {
    let clock = zone.to_datetime(time.timestamp()).time();
    for line in text.as_str().split('\n') {
        let _ = writeln!(out, "[{:02}:{:02}:{:02}] {who} {line}", clock.hour(), clock.minute(), clock.second());
    }
}

/// `*** You are alice, in #lobby with bob and carol. Times are UTC+01:00. /help lists the commands.`
///
/// `others` are some of those who are there too, and `count` is how many. `account`: whether he has one, so that he is told which of
/// his private messages are kept.
pub fn greeting(
    out: &mut String,
    me: &Alias,
    room: &RoomName,
    others: &[Alias],
    count: u64,
    offset: Offset,
    account: bool,
) {
    let _ = write!(out, "*** You are {me}, in {}", room.shown());
    company(out, others, count);
    let _ = write!(out, " Times are UTC{}. /help lists the commands.", Shown(offset));
    if account {
        out.push_str(" Private messages are kept between people with accounts; with a guest they are live only.");
    }
    out.push('\n');
}

/// `*** You are in #ops with bob.`, after `/join`.
pub fn entered(out: &mut String, room: &RoomName, others: &[Alias], count: u64) {
    let _ = write!(out, "*** You are in {}", room.shown());
    company(out, others, count);
    out.push('\n');
}

/// `*** You made #ops; nobody else is here.`
pub fn made(out: &mut String, room: &RoomName) {
    let _ = writeln!(out, "*** You made {}; nobody else is here.", room.shown());
}

fn company(out: &mut String, others: &[Alias], count: u64) {
    if count == 0 {
        out.push_str("; nobody else is here.");
    } else {
        out.push_str(" with ");
        names(out, others, count, 10);
        out.push('.');
    }
}

/// `dave`, `dave and erin`, `dave, erin and frank`, `dave, erin and 12 others`.
fn names(out: &mut String, some: &[Alias], count: u64, shown: usize) {
    let all = usize::try_from(count).unwrap_or(usize::MAX);
    let named = if all <= shown && all <= some.len() { all } else { some.len().min((shown - 1).max(1)) };
    let rest = all.saturating_sub(named);
    for (i, name) in some.iter().take(named).enumerate() {
        let between = match i {
            0 => "",
            _ if i + 1 == named && rest == 0 => " and ",
            _ => ", ",
        };
        let _ = write!(out, "{between}{name}");
    }
    if rest > 0 {
        // Of a large room there may be no names but one's own.
        let (and, s) = (if named == 0 { "" } else { " and " }, if rest == 1 { "" } else { "s" });
        let _ = write!(out, "{and}{rest} other{s}");
    }
}

/// `dave, erin and 12 others`: at most so many names.
#[must_use]
pub fn list(people: &[Alias], shown: usize) -> String {
    let mut out = String::new();
    names(&mut out, people, people.len() as u64, shown);
    out
}

/// `*** dave joined the chat!`, `*** bob left the chat. (gone for lunch)`, `*** alice is now known as al`.
pub fn presence(out: &mut String, changes: &Changes) {
    for rename in &changes.renamed {
        let _ = writeln!(out, "*** {} is now known as {}", rename.from, rename.to);
    }
    let merged = |out: &mut String, some: &[Alias], what: &str| {
        if !some.is_empty() {
            out.push_str("*** ");
            names(out, some, some.len() as u64, NAMES_SHOWN);
            let _ = writeln!(out, " {what}");
        }
    };
    merged(out, &changes.joined, "joined the chat!");
    // Of a few who leave each reason is told; in a crowd the reasons would be longer than the news.
    if changes.left.len() <= NAMES_SHOWN && !changes.reasons.is_empty() {
        for alias in &changes.left {
            let _ = write!(out, "*** {alias} left the chat.");
            if let Some(reason) = changes.reasons.get(alias) {
                let _ = write!(out, " ({reason})");
            }
            out.push('\n');
        }
    } else {
        merged(out, &changes.left, "left the chat.");
    }
}

/// `*** bob set the topic: lunch at noon`
pub fn topic_set(out: &mut String, from: &Alias, topic: &str) {
    let _ = if topic.is_empty() {
        writeln!(out, "*** {from} cleared the topic.")
    } else {
        writeln!(out, "*** {from} set the topic: {topic}")
    };
}

/// `*** The topic is: lunch at noon`
pub fn topic(out: &mut String, topic: &str) {
    let _ = if topic.is_empty() {
        writeln!(out, "*** No topic is set; /topic TEXT sets one.")
    } else {
        writeln!(out, "*** The topic is: {topic}")
    };
}

/// `*** alice removed the message that bob said at 12:03:22.`; of one's own: `*** alice removed a message said at 12:03:22.`
pub fn redacted(out: &mut String, by: &Alias, message: &Stored, zone: &TimeZone) {
    let clock = zone.to_datetime(message.time.timestamp()).time();
    let time = format!("{:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second());
    let _ = if *by == message.from {
        writeln!(out, "*** {by} removed a message said at {time}.")
    } else {
        writeln!(out, "*** {by} removed the message that {} said at {time}.", message.from)
    };
}

/// `*** -- 2026-11-22 --`
pub fn day(out: &mut String, date: Date) {
    let _ = writeln!(out, "*** -- {date} --");
}

/// `*** -- now --`, after a page of history.
pub fn now(out: &mut String) {
    out.push_str("*** -- now --\n");
}

/// `*** Times are now UTC+02:00.`
pub fn offset_changed(out: &mut String, offset: Offset) {
    let _ = writeln!(out, "*** Times are now UTC{}.", Shown(offset));
}

/// `*** you missed 12 messages`
pub fn missed(out: &mut String, count: u64) {
    let _ = if count == 1 {
        writeln!(out, "*** you missed 1 message")
    } else {
        writeln!(out, "*** you missed {count} messages")
    };
}

/// `*** 3 in #lobby: alice, bob, carol`, in several lines where the names are many.
pub fn who(out: &mut String, room: &RoomName, count: u64, members: &[Alias]) {
    let _ = write!(out, "*** {count} in {}:", room.shown());
    let mut width = 0;
    for (i, alias) in members.iter().enumerate() {
        if width > LIST_WIDTH {
            out.push_str("\n***  ");
            width = 0;
        }
        let _ = write!(out, " {alias}{}", if i + 1 < members.len() { "," } else { "" });
        width += alias.as_str().len() + 2;
    }
    let rest = count.saturating_sub(members.len() as u64);
    if rest > 0 {
        let _ = write!(out, " and {rest} more");
    }
    out.push('\n');
}

/// `*** #lobby (3): lunch at noon`, a line for each room.
pub fn rooms(out: &mut String, rooms: &[RoomCount], more: bool) {
    for RoomCount { room, count, topic } in rooms {
        let _ = write!(out, "*** {} ({count})", room.shown());
        if !topic.is_empty() {
            let _ = write!(out, ": {topic}");
        }
        out.push('\n');
    }
    if more {
        out.push_str("*** and more rooms\n");
    }
}

/// `*** ` and words of the server.
pub fn notice(out: &mut String, words: &str) {
    let _ = writeln!(out, "*** {words}");
}

/// `!!! ` and what was refused.
pub fn error(out: &mut String, words: &str) {
    let _ = writeln!(out, "!!! {words}");
}

/// `*** bye: the server is shutting down`
pub fn bye(out: &mut String, bye: &Bye) {
    let _ = writeln!(out, "*** bye: {}", bye.reason);
}

/// An offset as people write it: `+01:00`, with seconds only where there are some.
struct Shown(Offset);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let seconds = seconds.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
        match seconds % 60 {
            0 => Ok(()),
            odd => write!(f, ":{odd:02}"),
        }
    }
}

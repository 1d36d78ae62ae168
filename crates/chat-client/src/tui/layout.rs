//! Entries as rows, and the rows that a window shows. Only what is shown is laid out.

use chat_protocol::value::{Kind, Time};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::links::{self, Link, Url};
use super::room::{Entry, Fate, Outgoing, Place, Room, Scroll, What};
use super::settings::{Clock, Settings, Switch, Theme};
use super::theme;
use super::wrap::{Piece, wrap};

/// Columns below which times are left out.
const NARROWEST_WITH_TIMES: usize = 20;

/// What decides how entries look.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) zone: TimeZone,
    pub(crate) now: Timestamp,
    pub(crate) me: String,
    pub(crate) settings: Settings,
    /// The environment asks for no colours, whatever was chosen.
    pub(crate) no_colour: bool,
}

impl Look {
    pub(crate) const fn theme(&self) -> Theme {
        if self.no_colour { Theme::Mono } else { self.settings.theme }
    }

    pub(crate) fn is_ignored(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.settings.ignored.iter().any(|other| other.to_lowercase() == name)
    }

    fn local(&self, time: Time) -> DateTime {
        self.zone.to_datetime(time.timestamp())
    }

    /// A time in the width of its column.
    fn clock(&self, time: Time) -> String {
        let local = self.local(time);
        match self.settings.time {
            Clock::Day => format!("{:02}:{:02} ", local.hour(), local.minute()),
            Clock::Half => {
                let hour = (local.hour() + 11) % 12 + 1;
                format!("{hour:2}:{:02}{} ", local.minute(), if local.hour() < 12 { "am" } else { "pm" })
            }
            Clock::Off => String::new(),
        }
    }
}

/// A row, and the links in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) line: Line<'static>,
    pub(crate) links: Vec<Link>,
}

impl From<Line<'static>> for Row {
    fn from(line: Line<'static>) -> Self {
        Self { line, links: Vec::new() }
    }
}

/// The rows of an entry, or of an outgoing one; none for what isn't shown.
pub(crate) fn rows(look: &Look, room: &Room, number: i64, width: usize) -> Vec<Row> {
    let before = room.entry(number - 1);
    let mut urls = Vec::new();
    let (time, pieces) = if let Some(entry) = room.entry(number) {
        (entry.time, pieces(look, entry, &mut urls))
    } else {
        let index = usize::try_from(number - room.end()).unwrap_or(usize::MAX);
        let Some(outgoing) = room.outgoing.get(index) else { return Vec::new() };
        (outgoing.time, outgoing_pieces(look, outgoing))
    };
    if pieces.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::new();
    let day = look.local(time).date();
    let shown = before.map_or_else(|| look.zone.to_datetime(look.now).date(), |before| look.local(before.time).date());
    if day != shown {
        out.push(rule(&day.to_string(), width).into());
    }
    if room.marker == Some(number) {
        out.push(rule("new", width).into());
    }
    let minute = |time: Time| time.as_millis().div_euclid(60_000);
    let is_new_minute = day != shown || before.is_none_or(|before| minute(before.time) != minute(time));
    // Answers that nobody said have no time.
    let timeless =
        matches!(room.place, Place::Pane(_)) && room.entry(number).is_some_and(|entry| entry.seq().is_none());
    let stamp = if timeless || width < NARROWEST_WITH_TIMES { String::new() } else { look.clock(time) };
    let column = stamp.len();
    let hang = if width < NARROWEST_WITH_TIMES { 0 } else { 2 };
    let body = wrap(&pieces, width.saturating_sub(column), width.saturating_sub(column + hang));
    let first = out.len();
    for (i, mut row) in body.into_iter().enumerate() {
        let margin = match i {
            0 if is_new_minute => stamp.clone(),
            0 => " ".repeat(column),
            _ => " ".repeat(column + hang),
        };
        row.spans.insert(0, Span::styled(margin, theme::dim()));
        out.push(row.into());
    }
    if !urls.is_empty() {
        links::place(&mut out[first..], &urls);
    }
    out
}

/// `── new ──`
fn rule(words: &str, width: usize) -> Line<'static> {
    let side = "─".repeat(width.saturating_sub(words.chars().count() + 2) / 2);
    Line::styled(format!("{side} {words} {side}"), theme::dim())
}

fn pieces(look: &Look, entry: &Entry, urls: &mut Vec<Url>) -> Vec<Piece> {
    match &entry.what {
        What::Said { from, .. } if look.is_ignored(from.as_str()) => Vec::new(),
        What::Said { text, .. } if text.as_str().is_empty() => {
            vec![("(a message was removed)".to_owned(), theme::dim())]
        }
        What::Said { from, text, kind, mention, .. } => {
            let style = if *mention { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
            let mut pieces = speaker(look, from.as_str(), *kind);
            if *mention {
                // A sign, as not everybody sees the difference of styles.
                pieces.insert(0, ("» ".to_owned(), theme::alert(look.theme())));
            }
            links::split(text.as_str(), style, &mut pieces, urls);
            pieces
        }
        What::Presence(_) if look.settings.joins == Switch::Off => Vec::new(),
        What::Presence(folded) => {
            let words = folded.words();
            if words.is_empty() { Vec::new() } else { vec![(words, theme::dim())] }
        }
        What::Notice(words) => vec![(words.clone(), theme::dim())],
        What::Error(words) => vec![(format!("! {words}"), theme::alert(look.theme()))],
    }
}

fn speaker(look: &Look, name: &str, kind: Kind) -> Vec<Piece> {
    let alias = (name.to_owned(), theme::alias(look.theme(), name));
    match kind {
        Kind::Say => vec![alias, (": ".to_owned(), Style::new())],
        Kind::Action => vec![("* ".to_owned(), Style::new()), alias, (" ".to_owned(), Style::new())],
    }
}

fn outgoing_pieces(look: &Look, outgoing: &Outgoing) -> Vec<Piece> {
    let text = chat_protocol::clean::clean_text(&outgoing.text).into_owned();
    let mut pieces = speaker(look, &look.me, outgoing.kind);
    match &outgoing.fate {
        Fate::Pending => {
            pieces.push((text, theme::dim()));
            pieces.push((" …".to_owned(), theme::dim()));
        }
        Fate::Stored(_) => pieces.push((text, Style::new())),
        Fate::Kept => {
            pieces.push((text, theme::dim()));
            pieces.push((" [kept, sent with the next connection]".to_owned(), theme::dim()));
        }
        Fate::Failed(why) => {
            pieces.push((text, Style::new()));
            pieces.push((format!(" [not sent: {why}; ^R again, ^X drop]"), theme::alert(look.theme())));
        }
    }
    pieces
}

/// Numbers behind which there is nothing: entries and outgoing.
fn end(room: &Room) -> i64 {
    room.end().saturating_add_unsigned(room.outgoing.len() as u64)
}

/// The last row that is shown, made one that exists.
fn bottom(look: &Look, room: &Room, width: usize) -> (i64, usize) {
    match room.scroll {
        Scroll::At(number, row) if number < end(room) => {
            let number = number.max(room.first());
            (number, row.min(rows(look, room, number, width).len().saturating_sub(1)))
        }
        _ => {
            let last = end(room) - 1;
            (last, rows(look, room, last, width).len().saturating_sub(1))
        }
    }
}

/// The rows of a window, the first one on top; fewer than `height` where there are fewer. The one that was looked for and found stands out.
pub(crate) fn window(look: &Look, room: &Room, found: Option<i64>, width: usize, height: usize) -> Vec<Row> {
    let (mut number, row) = bottom(look, room, width);
    let mut shown: Vec<Row> = Vec::new();
    let mut take = row + 1;
    while number >= room.first() && shown.len() < height {
        let mut lines = rows(look, room, number, width);
        if found == Some(number) {
            lines.iter_mut().for_each(|row| row.line.style = row.line.style.add_modifier(Modifier::REVERSED));
        }
        let missing = height - shown.len();
        shown.extend(lines.into_iter().take(take).rev().take(missing));
        take = usize::MAX;
        number -= 1;
    }
    shown.reverse();
    shown
}

/// The scroll after moving up by so many rows, and whether the beginning was reached. The window stays full.
pub(crate) fn up(look: &Look, room: &Room, size: (usize, usize), by: usize) -> (Scroll, bool) {
    let (width, height) = size;
    let (start, start_row) = bottom(look, room, width);
    // Rows at and above the bottom, up to what is needed to know whether all of it can be moved.
    let needed = by.saturating_add(height);
    let (mut above, mut number, mut counted) = (Vec::new(), start, 0);
    while number >= room.first() && counted < needed {
        let count = rows(look, room, number, width).len();
        let count = if number == start { count.min(start_row + 1) } else { count };
        above.push((number, count));
        counted += count;
        number -= 1;
    }
    let reached = counted < needed;
    let mut left = by.min(counted.saturating_sub(height.max(1)));
    if left == 0 {
        return (room.scroll, reached);
    }
    for (number, count) in above {
        if left < count {
            return (Scroll::At(number, count - 1 - left), reached);
        }
        left -= count;
    }
    (room.scroll, reached)
}

/// The scroll after moving down by so many rows.
pub(crate) fn down(look: &Look, room: &Room, width: usize, by: usize) -> Scroll {
    if room.scroll == Scroll::Follow {
        return Scroll::Follow;
    }
    let (mut number, row) = bottom(look, room, width);
    let mut left = row + by;
    while number < end(room) {
        let count = rows(look, room, number, width).len();
        let is_last = number + 1 == end(room) && left + 1 >= count;
        if left < count && !is_last {
            return Scroll::At(number, left);
        }
        left = left.saturating_sub(count);
        number += 1;
    }
    Scroll::Follow
}

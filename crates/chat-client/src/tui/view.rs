//! The state as a picture. Pure, and without a panic on any screen.

use chat_protocol::clean::clean_line;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::areas::{PROMPT, input_width};
use super::room::{Fate, Older, Room, Scroll, What};
use super::state::{Link, Phase, State, Trouble, Wanted};
use super::wrap::{cut, wrap};
use super::{layout, links, theme};
use crate::asked::NOWHERE;

/// Draws everything.
pub(crate) fn draw(state: &State, frame: &mut Frame<'_>) {
    match &state.phase {
        Phase::Name(why) => draw_name(state, why.as_deref(), frame),
        Phase::Secret(wanted, why) => draw_secret(state, *wanted, why.as_deref(), frame),
        Phase::Over(trouble) => draw_over(trouble, frame),
        Phase::Talk | Phase::Leaving => draw_talk(state, frame),
    }
}

fn draw_talk(state: &State, frame: &mut Frame<'_>) {
    let areas = state.areas();
    let buffer = frame.buffer_mut();
    bar(buffer, areas.title, &title(state));
    rooms(state, buffer, areas.rooms);
    messages(state, buffer, areas.messages);
    if let Some(room) = state.shown() {
        members(state, room, buffer, areas.members);
    }
    status(state, buffer, areas.status);
    input(state, areas.input, frame);
}

/// Writes a line into a row of an area, if there is such a row.
fn put(buffer: &mut Buffer, area: Rect, row: usize, line: &Line<'_>) {
    let area = area.intersection(buffer.area);
    if let Ok(row) = u16::try_from(row)
        && row < area.height
    {
        buffer.set_line(area.x, area.y + row, line, area.width);
    }
}

fn bar(buffer: &mut Buffer, area: Rect, text: &str) {
    let area = area.intersection(buffer.area);
    buffer.set_style(area, theme::bar());
    put(buffer, area, 0, &Line::styled(cut(text, usize::from(area.width)), theme::bar()));
}

fn title(state: &State) -> String {
    let Some(room) = state.shown() else { return format!(" {}", state.server) };
    let mut title = format!(" {}", room.title());
    if room.name().is_some() {
        title.push_str(&format!(" ({})", room.count));
    }
    if state.pane.is_some() {
        let more = if room.scroll == Scroll::Follow { "" } else { "PageDown: more; " };
        title.push_str(&format!(" - {more}Esc goes back"));
    } else if !room.topic.is_empty() {
        title.push_str(&format!(" - {}", room.topic));
    }
    title
}

/// `3` unread, `!2` mentions.
fn counts(room: &Room) -> String {
    match (room.unread, room.mentions) {
        (0, _) => String::new(),
        (unread, 0) => format!(" {}", unread.min(999)),
        (unread, mentions) => format!(" {} !{}", unread.min(999), mentions.min(99)),
    }
}

fn rooms(state: &State, buffer: &mut Buffer, area: Rect) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    if width == 0 || height == 0 {
        return;
    }
    // The one that is shown is always among them.
    let skipped = (state.current + 1).saturating_sub(height);
    for (row, (index, room)) in state.rooms.iter().enumerate().skip(skipped).take(height).enumerate() {
        let style = match (index == state.current, room.mentions > 0, room.unread > 0) {
            (true, ..) => Style::new().add_modifier(Modifier::REVERSED),
            (_, true, _) => theme::alert(state.look.theme()),
            (_, _, true) => Style::new().add_modifier(Modifier::BOLD),
            _ => Style::new(),
        };
        let counts = counts(room);
        let name = cut(&room.title(), width.saturating_sub(counts.width()));
        let blanks = " ".repeat(width.saturating_sub(name.width() + counts.width()));
        put(buffer, area, row, &Line::styled(format!("{name}{blanks}{counts}"), style));
    }
    side(buffer, Rect::new(area.right(), area.y, 1, area.height));
}

fn side(buffer: &mut Buffer, area: Rect) {
    for row in 0..usize::from(area.height) {
        put(buffer, area, row, &Line::styled("│", theme::dim()));
    }
}

fn members(state: &State, room: &Room, buffer: &mut Buffer, area: Rect) {
    let height = usize::from(area.height);
    if area.width == 0 || height == 0 {
        return;
    }
    side(buffer, Rect::new(area.x.saturating_sub(1), area.y, 1, area.height));
    let width = usize::from(area.width);
    let total = usize::try_from(room.count).unwrap_or(usize::MAX).max(room.members.len());
    let shown = if total > height { height - 1 } else { height };
    for (row, member) in room.members.iter().take(shown).enumerate() {
        let style = theme::alias(state.look.theme(), member.as_str());
        put(buffer, area, row, &Line::styled(cut(member.as_str(), width), style));
    }
    let rest = total.saturating_sub(room.members.len().min(shown));
    if rest > 0 {
        put(buffer, area, room.members.len().min(shown), &Line::styled(format!("and {rest} more"), theme::dim()));
    }
}

fn messages(state: &State, buffer: &mut Buffer, area: Rect) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    if width == 0 || height == 0 {
        return;
    }
    if let Some(text) = &state.question {
        return question(text, buffer, area);
    }
    let Some(room) = state.shown() else { return nowhere(state, buffer, area) };
    let found = state.found.as_ref().map(|(_, number)| *number);
    let rows = layout::window(&state.look, room, found, width, height);
    // The first lines stand at the bottom, beside the input, as later ones will; a pane is read from its top.
    let from = if state.pane.is_some() { 0 } else { height.saturating_sub(rows.len()) };
    for (row, shown) in rows.iter().enumerate() {
        put(buffer, area, from + row, &shown.line);
        links::draw(buffer, area, from + row, &shown.links);
    }
    if state.pane.is_none() && room.entries().next().is_none() && room.outgoing.is_empty() {
        let words = "Nothing was said here yet. Type and press Enter; F1 shows the keys.";
        let lines = wrap(&[(words.to_owned(), theme::dim())], width, width);
        lines.iter().enumerate().for_each(|(row, line)| put(buffer, area, row, line));
    }
}

/// What stands where there is no conversation.
fn nowhere(state: &State, buffer: &mut Buffer, area: Rect) {
    let (words, style) = match &state.link {
        _ if state.nowhere => (NOWHERE, theme::alert(state.look.theme())),
        Link::Waiting { .. } => ("No connection yet.", theme::dim()),
        _ => ("Connecting …", theme::dim()),
    };
    let mut pieces = vec![(words.to_owned(), style)];
    pieces.extend(state.early.iter().filter_map(|what| match what {
        What::Notice(words) => Some((words.clone(), Style::new())),
        What::Error(words) => Some((format!("! {words}"), theme::alert(state.look.theme()))),
        _ => None,
    }));
    let width = usize::from(area.width);
    let lines = pieces.iter().flat_map(|piece| wrap(std::slice::from_ref(piece), width, width));
    lines.enumerate().for_each(|(row, line)| put(buffer, area, row, &line));
}

fn question(text: &str, buffer: &mut Buffer, area: Rect) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let count = text.trim_end().lines().count();
    let words =
        format!("You pasted {count} lines. Enter sends them as one message, e edits them first, Esc drops them.");
    let mut lines = wrap(&[(words, Style::new().add_modifier(Modifier::BOLD))], width, width);
    lines.push(Line::default());
    for line in text.lines().take(height) {
        lines.push(Line::styled(format!("  {}", cut(line, width.saturating_sub(2))), theme::dim()));
    }
    lines.iter().enumerate().for_each(|(row, line)| put(buffer, area, row, line));
}

fn status(state: &State, buffer: &mut Buffer, area: Rect) {
    let width = usize::from(area.width);
    let mut parts = Vec::new();
    match &state.link {
        Link::Connecting => parts.push("connecting".to_owned()),
        Link::Online if state.phase == Phase::Leaving => parts.push("leaving".to_owned()),
        Link::Online => {}
        Link::Waiting { until, why } => {
            let seconds = until.duration_since(state.look.now).as_secs_f64().max(0.0).ceil();
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            parts.push(format!("reconnecting in {seconds} s{why}"));
        }
    }
    if let Some(room) = &state.expected {
        parts.push(format!("on the way to {}", room.shown()));
    }
    if let Some(name) = state.only_to() {
        parts.push(format!("only {} will see this", clean_line(&name)));
    }
    if let Some((words, _)) = &state.found {
        parts.push(format!("\"{}\": ^S older, Alt-S newer, Esc ends", clean_line(words)));
    }
    let unsent = state.unsent();
    if unsent > 0 && state.link != Link::Online {
        parts.push(format!("{unsent} unsent"));
    }
    let failed = state.rooms.iter().flat_map(|room| &room.outgoing).filter(|out| matches!(out.fate, Fate::Failed(_)));
    let failed = failed.count();
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    let reading = state.pane.is_none() && state.shown().is_some_and(|room| room.scroll != Scroll::Follow);
    if reading {
        let unread = state.shown().map_or(0, |room| room.unread);
        let more = if unread > 0 { format!(", {unread} new below") } else { String::new() };
        let asked = state.shown().is_some_and(|room| room.older == Older::Asked);
        let what = if asked { "reading older messages" } else { "reading back" };
        parts.push(format!("{what}{more}: End returns"));
    }
    // Where the rooms have no place of their own, those with something new are told here.
    if state.areas().rooms.width == 0 {
        let others = state.rooms.iter().enumerate().filter(|(i, room)| *i != state.current && room.unread > 0);
        parts.extend(others.map(|(_, room)| format!("{}{}", room.title(), counts(room))));
    }
    if state.link == Link::Online {
        parts.push(format!("{} connected", state.look.me));
        parts.push("F1 help".to_owned());
    }
    bar(buffer, area, &format!(" {}", cut(&parts.join(" · "), width.saturating_sub(1))));
}

/// The input with the real cursor in it.
fn input(state: &State, area: Rect, frame: &mut Frame<'_>) {
    let width = input_width(area.width);
    let (rows, (row, column)) = state.editor.rows(width);
    let height = usize::from(area.height);
    let skipped = (row + 1).saturating_sub(height);
    for (i, text) in rows.iter().skip(skipped).take(height).enumerate() {
        let prompt = if i == 0 { PROMPT } else { "  " };
        let line = Line::from(vec![Span::styled(prompt, theme::dim()), Span::raw(text.as_str())]);
        put(frame.buffer_mut(), area, i, &line);
    }
    let x = area.x + u16::try_from(PROMPT.len() + column).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    let y = area.y + u16::try_from(row - skipped).unwrap_or(0).min(area.height.saturating_sub(1));
    if area.width > 0 && area.height > 0 {
        frame.set_cursor_position(Position::new(x, y));
    }
}

/// Lines of a screen of words; how many rows they took.
fn page(buffer: &mut Buffer, lines: &[(String, Style)]) -> usize {
    let area = buffer.area;
    let margin = u16::from(area.width >= 30) * 2;
    let top = u16::from(area.height >= 12);
    let area = Rect::new(margin, top, area.width.saturating_sub(2 * margin), area.height.saturating_sub(top));
    let mut row = 0;
    for piece in lines {
        for line in wrap(std::slice::from_ref(piece), usize::from(area.width), usize::from(area.width)) {
            put(buffer, area, row, &line);
            row += 1;
        }
    }
    row + usize::from(top)
}

fn draw_name(state: &State, why: Option<&str>, frame: &mut Frame<'_>) {
    let theme = state.look.theme();
    let mut lines = vec![(format!("The chat at {}", state.server), Style::new().add_modifier(Modifier::BOLD))];
    if let Some(why) = why {
        lines.push((format!("! {why}"), theme::alert(theme)));
    }
    lines.push(("What shall the others call you? Type a name and press Enter; Esc leaves.".to_owned(), Style::new()));
    if frame.area().height >= 9 {
        let plain =
            "For a screen reader: chat-client --plain writes lines and moves no cursor; /set plain on keeps that.";
        lines.push((plain.to_owned(), theme::dim()));
    }
    let used = page(frame.buffer_mut(), &lines);
    let area = frame.area();
    let y = u16::try_from(used + 1).unwrap_or(u16::MAX).min(area.height.saturating_sub(1));
    let margin = u16::from(area.width >= 30) * 2;
    let area = Rect::new(margin, y, area.width.saturating_sub(margin), area.height.saturating_sub(y).min(1));
    input(state, area, frame);
}

fn draw_secret(state: &State, wanted: Wanted, why: Option<&str>, frame: &mut Frame<'_>) {
    let me = clean_line(&state.look.me);
    let question = match wanted {
        Wanted::Password => {
            format!("The password of {me}? What you type is not shown; Enter alone takes another name.")
        }
        Wanted::Invite => format!("The invite for {me}? What you type is not shown; Enter alone takes another name."),
        Wanted::NewPassword => {
            format!("Choose a password for {me}, of 8 to 128 characters. What you type is not shown.")
        }
    };
    let mut lines = vec![(format!("The chat at {}", state.server), Style::new().add_modifier(Modifier::BOLD))];
    lines.extend(why.map(|why| (format!("! {why}"), theme::alert(state.look.theme()))));
    lines.push((question, Style::new()));
    lines.push(blank());
    lines.push((PROMPT.to_owned(), theme::dim()));
    let rows = page(frame.buffer_mut(), &lines);
    let area = frame.area();
    let margin = u16::from(area.width >= 30) * 2;
    let x = (margin + u16::try_from(PROMPT.len()).unwrap_or(0)).min(area.width.saturating_sub(1));
    let y = u16::try_from(rows.saturating_sub(1)).unwrap_or(u16::MAX).min(area.height.saturating_sub(1));
    frame.set_cursor_position(Position::new(x, y));
}

fn draw_over(trouble: &Trouble, frame: &mut Frame<'_>) {
    let mut lines = vec![(format!("! {}", trouble.title), Style::new().add_modifier(Modifier::BOLD)), blank()];
    lines.extend(trouble.steps.iter().map(|step| (step.clone(), Style::new())));
    let used = page(frame.buffer_mut(), &lines);
    // Whatever there is no room for, the way out is shown.
    let area = frame.area();
    let keys = if area.width < 56 { "Enter: again, n: new name, q: leave" } else { KEYS_WHEN_OVER };
    let row = u16::try_from(used + 1).unwrap_or(u16::MAX).min(area.height.saturating_sub(1));
    let margin = u16::from(area.width >= 30) * 2;
    let width = area.width.saturating_sub(margin);
    let area =
        Rect::new(margin, row, width, area.height.saturating_sub(row).min(1)).intersection(frame.buffer_mut().area);
    if !area.is_empty() {
        frame.buffer_mut().set_string(area.x, area.y, " ".repeat(usize::from(area.width)), Style::new());
    }
    put(frame.buffer_mut(), area, 0, &Line::raw(cut(keys, usize::from(area.width))));
}

const KEYS_WHEN_OVER: &str = "Enter tries again, n takes another name, q leaves.";

const fn blank() -> (String, Style) {
    (String::new(), Style::new())
}

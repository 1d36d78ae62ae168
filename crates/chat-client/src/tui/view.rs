//! The state as a picture. Pure, and without a panic on any screen.

mod alone;
mod status;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::areas::{PROMPT, input_width};
use super::room::{Room, Scroll, What};
use super::state::{Link, Phase, State};
use super::wrap::{cut, wrap};
use super::{layout, links, theme};
use crate::asked::NOWHERE;

/// Draws everything.
pub(crate) fn draw(state: &State, frame: &mut Frame<'_>) {
    match &state.phase {
        Phase::Name(why) => alone::name(state, why.as_deref(), frame),
        Phase::Secret(wanted, why) => alone::secret(state, *wanted, why.as_deref(), frame),
        Phase::Over(trouble) => alone::over(trouble, frame),
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
    let width = usize::from(areas.status.width).saturating_sub(1);
    bar(buffer, areas.status, &format!(" {}", cut(&status::parts(state).join(" · "), width)));
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

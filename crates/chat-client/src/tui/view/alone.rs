//! What stands alone on the screen: what is asked before the conversation, and why there is none.

use chat_protocol::clean::clean_line;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::{input, put};
use crate::tui::areas::PROMPT;
use crate::tui::state::{State, Trouble, Wanted};
use crate::tui::theme;
use crate::tui::wrap::{cut, wrap};

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

pub(super) fn name(state: &State, why: Option<&str>, frame: &mut Frame<'_>) {
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

pub(super) fn secret(state: &State, wanted: Wanted, why: Option<&str>, frame: &mut Frame<'_>) {
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

pub(super) fn over(trouble: &Trouble, frame: &mut Frame<'_>) {
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

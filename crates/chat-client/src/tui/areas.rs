//! What stands where on a screen of any size.

use ratatui::layout::Rect;

use super::state::State;

/// Columns from which the rooms are shown at the side.
const WIDTH_WITH_ROOMS: u16 = 60;
/// Columns from which the members are shown too.
const WIDTH_WITH_MEMBERS: u16 = 78;
/// Columns of the rooms at the side, and of the members.
const ROOMS: u16 = 15;
const MEMBERS: u16 = 14;
/// Rows that the input grows to.
const MOST_INPUT_ROWS: usize = 6;
/// What stands before the input.
pub(crate) const PROMPT: &str = "> ";

/// The places; what there is no room for is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Areas {
    pub(crate) title: Rect,
    pub(crate) rooms: Rect,
    pub(crate) messages: Rect,
    pub(crate) members: Rect,
    pub(crate) status: Rect,
    pub(crate) input: Rect,
}

impl Areas {
    /// The input comes first, then messages, the status, the title.
    pub(crate) fn new(width: u16, height: u16, state: &State) -> Self {
        let most = MOST_INPUT_ROWS.min(usize::from(height / 3)).max(1);
        let rows = state.editor.rows(input_width(width)).0.len().min(most);
        let input = u16::try_from(rows).unwrap_or(1).min(height);
        let status = u16::from(height >= input + 2);
        let title = u16::from(height >= input + 3);
        let messages = height.saturating_sub(input + status + title);
        let left = if width >= WIDTH_WITH_ROOMS { ROOMS } else { 0 };
        let is_room = state.pane.is_none() && state.shown().is_some_and(|room| room.name().is_some());
        let right = if width >= WIDTH_WITH_MEMBERS && is_room { MEMBERS } else { 0 };
        // A column on each side keeps the lists from the words.
        let gap = u16::from(left > 0);
        let right_gap = u16::from(right > 0);
        let middle = width.saturating_sub(left + gap + right + right_gap);
        Self {
            title: Rect::new(0, 0, width, title),
            rooms: Rect::new(0, title, left, messages),
            messages: Rect::new(left + gap, title, middle, messages),
            members: Rect::new(width.saturating_sub(right), title, right, messages),
            status: Rect::new(0, title + messages, width, status),
            input: Rect::new(0, height - input, width, input),
        }
    }
}

/// Columns that the input's text has.
pub(crate) fn input_width(width: u16) -> usize {
    usize::from(width).saturating_sub(PROMPT.len())
}

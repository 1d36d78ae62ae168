//! The line being typed: several lines, readline's keys, and a history that keeps the draft.

use std::collections::VecDeque;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Bytes that may be typed or pasted: twice what a server takes by default, so that its refusal can be read and the text cut.
pub(crate) const MOST_INPUT: usize = 16 * 1024;

/// Lines that the history keeps.
const MOST_HISTORY: usize = 500;

/// A text, a cursor in it, and what was typed before. The cursor always stands between two graphemes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Editor {
    text: String,
    at: usize,
    killed: String,
    history: VecDeque<String>,
    /// The place in the history that is shown, and the draft that was being typed.
    browsing: Option<(usize, String)>,
}

impl Editor {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The cursor, as a byte of the text.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Puts another text in place, with the cursor behind it.
    pub(crate) fn set(&mut self, text: String) {
        self.at = text.len();
        self.text = text;
        self.browsing = None;
    }

    /// Takes the text for another use, without keeping it in the history.
    pub(crate) fn take(&mut self) -> String {
        self.at = 0;
        self.browsing = None;
        std::mem::take(&mut self.text)
    }

    /// Takes the text as something that was said.
    pub(crate) fn submit(&mut self) -> String {
        let text = self.take();
        if !text.is_empty() && self.history.back() != Some(&text) {
            self.history.push_back(text.clone());
            if self.history.len() > MOST_HISTORY {
                self.history.pop_front();
            }
        }
        text
    }

    /// Inserts at the cursor; whether there was room for it.
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        if self.text.len() + text.len() > MOST_INPUT {
            return false;
        }
        self.text.insert_str(self.at, text);
        self.at += text.len();
        // A combining mark joins what stands before it.
        self.at = self.boundary_from(self.at);
        true
    }

    /// Puts `text` in place of the bytes from `from` to the cursor.
    pub(crate) fn replace_from(&mut self, from: usize, text: &str) {
        if from <= self.at && self.text.is_char_boundary(from) {
            self.text.replace_range(from..self.at, text);
            self.at = self.boundary_from(from + text.len());
        }
    }

    pub(crate) fn left(&mut self) {
        self.at = self.before();
    }

    pub(crate) fn right(&mut self) {
        self.at = self.after();
    }

    pub(crate) fn word_left(&mut self) {
        self.at = self.word_before();
    }

    pub(crate) fn word_right(&mut self) {
        self.at = self.word_after();
    }

    /// To the start of the line.
    pub(crate) fn home(&mut self) {
        self.at = self.line_start();
    }

    /// To the end of the line.
    pub(crate) fn end(&mut self) {
        self.at = self.line_end();
    }

    pub(crate) fn backspace(&mut self) {
        let from = self.before();
        self.cut(from, self.at);
    }

    pub(crate) fn delete(&mut self) {
        let to = self.after();
        self.cut(self.at, to);
    }

    pub(crate) fn kill_to_end(&mut self) {
        let end = self.line_end();
        // At a line's end its newline goes, as in other editors.
        let to = if end == self.at { self.after() } else { end };
        self.killed = self.cut(self.at, to);
    }

    pub(crate) fn kill_to_start(&mut self) {
        let from = self.line_start();
        self.killed = self.cut(from, self.at);
    }

    /// Back to the blank before (Ctrl-W).
    pub(crate) fn kill_back(&mut self) {
        let head = self.text[..self.at].trim_end();
        let from = head.char_indices().rev().find(|(_, c)| c.is_whitespace()).map_or(0, |(i, c)| i + c.len_utf8());
        self.killed = self.cut(from, self.at);
    }

    /// Back to the start of the word (Alt-Backspace).
    pub(crate) fn kill_word_back(&mut self) {
        let from = self.word_before();
        self.killed = self.cut(from, self.at);
    }

    pub(crate) fn kill_word(&mut self) {
        let to = self.word_after();
        self.killed = self.cut(self.at, to);
    }

    pub(crate) fn yank(&mut self) {
        let killed = self.killed.clone();
        self.insert(&killed);
    }

    /// A line up, and from the first one into the history.
    pub(crate) fn up(&mut self) {
        let start = self.line_start();
        if start > 0 {
            let column = self.text[start..self.at].width();
            self.at = start - 1;
            let above = self.line_start();
            self.at = self.column(above, start - 1, column);
            return;
        }
        let place = self.browsing.as_ref().map_or(self.history.len(), |(place, _)| *place);
        let Some(earlier) = place.checked_sub(1).and_then(|place| self.history.get(place)).cloned() else { return };
        let draft = self.browsing.take().map_or_else(|| self.text.clone(), |(_, draft)| draft);
        self.set(earlier);
        self.browsing = Some((place - 1, draft));
    }

    /// A line down, and from the last one back out of the history.
    pub(crate) fn down(&mut self) {
        let end = self.line_end();
        if end < self.text.len() {
            let column = self.text[self.line_start()..self.at].width();
            self.at = end + 1;
            let to = self.line_end();
            self.at = self.column(end + 1, to, column);
            return;
        }
        let Some((place, draft)) = self.browsing.take() else { return };
        match self.history.get(place + 1).cloned() {
            Some(later) => {
                self.set(later);
                self.browsing = Some((place + 1, draft));
            }
            None => self.set(draft),
        }
    }

    /// The text in rows of at most `width` columns, and the cursor's row and column among them.
    pub(crate) fn rows(&self, width: usize) -> (Vec<String>, (usize, usize)) {
        // The cursor needs a column of its own behind the last character.
        let width = width.max(2);
        let (mut rows, mut row, mut column, mut cursor) = (Vec::new(), String::new(), 0, (0, 0));
        for (i, grapheme) in self.text.grapheme_indices(true) {
            let wide = grapheme.width();
            if grapheme != "\n" && column + wide > width {
                rows.push(std::mem::take(&mut row));
                column = 0;
            }
            if i == self.at {
                cursor = (rows.len(), column);
            }
            if grapheme == "\n" {
                rows.push(std::mem::take(&mut row));
                column = 0;
            } else {
                row.push_str(grapheme);
                column += wide;
            }
        }
        if self.at == self.text.len() {
            if column >= width {
                rows.push(std::mem::take(&mut row));
                column = 0;
            }
            cursor = (rows.len(), column);
        }
        rows.push(row);
        (rows, cursor)
    }

    fn cut(&mut self, from: usize, to: usize) -> String {
        let cut: String = self.text.drain(from..to).collect();
        self.at = self.boundary_from(from);
        self.browsing = None;
        cut
    }

    /// The first boundary of graphemes at or after `at`: what stands next to a cut or an insertion may have grown together.
    fn boundary_from(&self, at: usize) -> usize {
        self.text.grapheme_indices(true).map(|(i, _)| i).find(|i| *i >= at).unwrap_or(self.text.len())
    }

    fn before(&self) -> usize {
        self.text[..self.at].grapheme_indices(true).next_back().map_or(0, |(i, _)| i)
    }

    fn after(&self) -> usize {
        self.text[self.at..].graphemes(true).next().map_or(self.at, |grapheme| self.at + grapheme.len())
    }

    fn word_before(&self) -> usize {
        let head = self.text[..self.at].trim_end_matches(|c: char| !c.is_alphanumeric());
        head.char_indices().rev().find(|(_, c)| !c.is_alphanumeric()).map_or(0, |(i, c)| i + c.len_utf8())
    }

    fn word_after(&self) -> usize {
        let tail = &self.text[self.at..];
        let skipped = tail.len() - tail.trim_start_matches(|c: char| !c.is_alphanumeric()).len();
        let word = tail[skipped..].find(|c: char| !c.is_alphanumeric());
        self.boundary_from(word.map_or(self.text.len(), |word| self.at + skipped + word))
    }

    fn line_start(&self) -> usize {
        self.text[..self.at].rfind('\n').map_or(0, |i| i + 1)
    }

    fn line_end(&self) -> usize {
        self.text[self.at..].find('\n').map_or(self.text.len(), |i| self.at + i)
    }

    fn column(&self, from: usize, to: usize, column: usize) -> usize {
        let mut width = 0;
        for (i, grapheme) in self.text[from..to].grapheme_indices(true) {
            if width >= column {
                return from + i;
            }
            width += grapheme.width();
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        editor.insert(text);
        editor
    }

    #[test]
    fn words_are_killed_and_yanked() {
        let mut editor = typed("one two-three four");
        editor.kill_back();
        assert_eq!(editor.text(), "one two-three ");
        editor.kill_word_back();
        assert_eq!(editor.text(), "one two-");
        editor.home();
        editor.yank();
        assert_eq!(editor.text(), "three one two-");
        editor.kill_to_end();
        editor.kill_to_start();
        editor.yank();
        assert_eq!(editor.text(), "three ");
    }

    #[test]
    fn the_history_keeps_the_draft() {
        let mut editor = typed("first");
        assert_eq!(editor.submit(), "first");
        editor.insert("draft");
        editor.up();
        assert_eq!(editor.text(), "first");
        editor.up();
        assert_eq!(editor.text(), "first", "there is nothing before it");
        editor.down();
        assert_eq!(editor.text(), "draft");
    }

    #[test]
    fn the_cursor_moves_by_what_a_person_sees() {
        let mut editor = typed("e\u{301}日👩\u{200D}🔬");
        assert_eq!(editor.rows(20), (vec!["e\u{301}日👩\u{200D}🔬".to_owned()], (0, 5)));
        editor.left();
        editor.left();
        assert_eq!(editor.rows(20).1, (0, 1));
        editor.backspace();
        assert_eq!(editor.text(), "日👩\u{200D}🔬");
    }

    #[test]
    fn long_lines_go_on_in_the_next_row_with_the_cursor() {
        assert_eq!(typed("abcd").rows(4), (vec!["abcd".to_owned(), String::new()], (1, 0)));
        assert_eq!(typed("ab\nc").rows(4), (vec!["ab".to_owned(), "c".to_owned()], (1, 1)));
        assert_eq!(typed("日日日").rows(5), (vec!["日日".to_owned(), "日".to_owned()], (1, 2)));
    }

    #[test]
    fn up_and_down_move_within_several_lines_first() {
        let mut editor = typed("long line\nab");
        editor.up();
        assert_eq!(editor.at(), 2);
        editor.down();
        assert_eq!(editor.at(), 12);
    }

    proptest! {
        #[test]
        fn no_sequence_of_keys_leaves_the_graphemes(keys in prop::collection::vec((0_u8..18, "\\PC{0,3}"), 0..60)) {
            let mut editor = Editor::default();
            for (key, text) in keys {
                match key {
                    0..=4 => { editor.insert(&text); }
                    5 => { editor.insert("\n"); }
                    6 => editor.left(),
                    7 => editor.right(),
                    8 => editor.word_left(),
                    9 => editor.word_right(),
                    10 => editor.backspace(),
                    11 => editor.delete(),
                    12 => editor.kill_word(),
                    13 => editor.kill_back(),
                    14 => editor.yank(),
                    15 => editor.up(),
                    16 => editor.down(),
                    _ => { editor.submit(); }
                }
                prop_assert!(editor.text.is_char_boundary(editor.at));
                let (rows, (row, column)) = editor.rows(7);
                prop_assert!(row < rows.len() && column <= 7);
            }
        }
    }
}

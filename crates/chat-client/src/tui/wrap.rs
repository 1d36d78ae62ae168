//! Styled words into rows of so many columns.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// A piece of text in one style.
pub(crate) type Piece = (String, Style);

/// Breaks pieces into rows: the first of at most `first` columns, the others of at most `rest`. A row ends at `\n`, at the last blank
/// that fits, beside a wide character, or within a word that is longer than a row; never within a grapheme. There is always at least one row.
pub(crate) fn wrap(pieces: &[Piece], first: usize, rest: usize) -> Vec<Line<'static>> {
    let atoms: Vec<(&str, Style, usize)> = pieces
        .iter()
        .flat_map(|(text, style)| text.graphemes(true).map(|grapheme| (grapheme, *style, grapheme.width())))
        .collect();
    let mut rows = Vec::new();
    let mut start = 0;
    loop {
        let limit = if rows.is_empty() { first } else { rest }.max(1);
        let (end, next) = row_end(&atoms[start..], limit);
        rows.push(line(&atoms[start..start + end]));
        match next {
            Some(next) => start += next,
            None => return rows,
        }
    }
}

/// How many atoms the row holds, and where the next row starts, if there is one.
fn row_end(atoms: &[(&str, Style, usize)], limit: usize) -> (usize, Option<usize>) {
    let mut width = 0;
    let mut last_break = None;
    for (i, (grapheme, _, wide)) in atoms.iter().enumerate() {
        if *grapheme == "\n" {
            return (i, Some(i + 1));
        }
        if width + wide > limit {
            return match last_break {
                _ if *grapheme == " " && i > 0 => (i, Some(i + 1)),
                _ if *wide > 1 && i > 0 => (i, Some(i)),
                Some((end, next)) => (end, Some(next)),
                // One that is wider than the row stands alone in it.
                None => (i.max(1), Some(i.max(1)).filter(|next| *next < atoms.len())),
            };
        }
        if *grapheme == " " && i > 0 {
            last_break = Some((i, i + 1));
        } else if *wide > 1 && i > 0 {
            // Writing in wide characters has no blanks between its words.
            last_break = Some((i, i));
        }
        width += wide;
    }
    (atoms.len(), None)
}

fn line(atoms: &[(&str, Style, usize)]) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    for (grapheme, style, _) in atoms {
        match spans.last_mut() {
            Some(span) if span.style == *style => span.content.to_mut().push_str(grapheme),
            _ => spans.push(Span::styled((*grapheme).to_owned(), *style)),
        }
    }
    Line::from(spans)
}

/// As much of a text's beginning as fits, with `…` where it was cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 1;
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used > width {
            break;
        }
        shown.push_str(grapheme);
    }
    if width > 0 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, width: usize, rows: &[&str]) {
        let wrapped = wrap(&[(text.to_owned(), Style::new())], width, width);
        let shown: Vec<_> = wrapped.iter().map(ToString::to_string).collect();
        assert_eq!(shown, rows, "{text:?} in {width}");
    }

    #[test]
    fn rows() {
        check("", 5, &[""]);
        check("one two", 7, &["one two"]);
        check("one two", 6, &["one", "two"]);
        check("one two", 3, &["one", "two"]);
        check("abcdefg", 3, &["abc", "def", "g"]);
        check("a\n\nb", 9, &["a", "", "b"]);
        check("日本語", 5, &["日本", "語"]);
        check("ab: 日本語", 7, &["ab: 日", "本語"]);
        check("日本ab", 5, &["日", "本ab"]);
        check("日本", 1, &["日", "本"]);
        check("e\u{301}e\u{301}", 1, &["e\u{301}", "e\u{301}"]);
        check("👩\u{200D}🔬 x", 2, &["👩\u{200D}🔬", "x"]);
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("lobby", 5), "lobby");
        assert_eq!(cut("lobby", 4), "lob…");
        assert_eq!(cut("日本", 3), "日…");
        assert_eq!(cut("lobby", 0), "");
    }
}

//! Links that the terminal can open (OSC 8), made of what is a URL in a message and of nothing else.

use std::num::NonZeroU16;
use std::ops::Range;
use std::sync::Arc;

use linkify::{LinkFinder, LinkKind};
use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr as _;

use super::layout::Row;
use super::wrap::Piece;

/// Bytes of the longest URL that becomes a link: it is written with each of its cells.
const LONGEST: usize = 512;

/// A part of a row that is a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    columns: Range<usize>,
    url: Arc<str>,
}

/// A URL of a text.
#[derive(Debug)]
pub(crate) struct Url {
    target: Arc<str>,
    /// Bytes of it as it is shown.
    shown: usize,
}

/// Splits a text into pieces, those of its URLs underlined, and appends the URLs.
pub(crate) fn split(text: &str, style: Style, pieces: &mut Vec<Piece>, urls: &mut Vec<Url>) {
    let mut at = 0;
    for (range, url) in find(text) {
        pieces.push((text[at..range.start].to_owned(), style));
        pieces.push((text[range.clone()].to_owned(), style.add_modifier(Modifier::UNDERLINED)));
        urls.push(Url { target: url, shown: range.len() });
        at = range.end;
    }
    pieces.push((text[at..].to_owned(), style));
}

/// The URLs of a text that a terminal may be given.
fn find(text: &str) -> Vec<(Range<usize>, Arc<str>)> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]).url_must_have_scheme(true);
    let found = finder.links(text).filter_map(|link| Some((link.start()..link.end(), target(link.as_str())?)));
    found.collect()
}

/// What stands in the escape sequence: printable ASCII alone, which can't end it. Other characters of a path are encoded; other ones of a host,
/// which may look like what they aren't, make it no link.
fn target(url: &str) -> Option<Arc<str>> {
    let lower = url.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next()?;
    if host.is_empty() || !host.is_ascii() || host.contains('@') {
        return None;
    }
    let mut out = String::new();
    for byte in url.bytes() {
        match byte {
            0x21..=0x7e => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    (out.len() <= LONGEST).then(|| out.into())
}

/// Finds the links of the rows that an entry was broken into: what is underlined there, one URL after the other.
pub(crate) fn place(rows: &mut [Row], urls: &[Url]) {
    let mut urls = urls.iter();
    let mut current: Option<(&Url, usize)> = None;
    for row in rows {
        let mut column = 0;
        for span in &row.line.spans {
            let width = span.content.width();
            if span.style.add_modifier.contains(Modifier::UNDERLINED) {
                current = current.or_else(|| urls.next().map(|url| (url, url.shown)));
                if let Some((url, left)) = current {
                    row.links.push(Link { columns: column..column + width, url: Arc::clone(&url.target) });
                    let left = left.saturating_sub(span.content.len());
                    current = (left > 0).then_some((url, left));
                }
            }
            column += width;
        }
    }
}

/// Makes cells that are drawn already links. Each carries the whole sequence, as any of them may be drawn alone.
pub(crate) fn draw(buffer: &mut Buffer, area: Rect, row: usize, links: &[Link]) {
    let area = area.intersection(buffer.area);
    let Some(y) = u16::try_from(row).ok().filter(|row| *row < area.height).map(|row| area.y + row) else { return };
    for Link { columns, url } in links {
        // Parts with the same id light up together.
        let id = url.bytes().fold(0xcbf2_9ce4_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let mut column = columns.start;
        while column < columns.end.min(usize::from(area.width)) {
            let Some(cell) = u16::try_from(column).ok().and_then(|x| buffer.cell_mut((area.x + x, y))) else { break };
            let width = cell.symbol().width().max(1);
            let symbol = format!("\x1b]8;id={id:08x};{url}\x1b\\{}\x1b]8;;\x1b\\", cell.symbol());
            cell.set_symbol(&symbol);
            if let Some(width) = u16::try_from(width).ok().and_then(NonZeroU16::new) {
                cell.set_diff_option(CellDiffOption::ForcedWidth(width));
            }
            column += width;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, urls: &[&str]) {
        let found: Vec<_> = find(text).into_iter().map(|(_, url)| url.to_string()).collect();
        assert_eq!(found, urls, "{text}");
    }

    #[test]
    fn only_what_is_a_url_is_one() {
        check("see https://chat.example/a?b=c#d, or not", &["https://chat.example/a?b=c#d"]);
        check("(http://a.example/x) HTTPS://B.example.", &["http://a.example/x", "HTTPS://B.example"]);
        check("chat.example file:///etc/passwd javascript:alert(1) ssh://host mailto:a@b.example", &[]);
        check("https://a.example/日本", &["https://a.example/%E6%97%A5%E6%9C%AC"]);
        check("https://аpple.example/", &[]);
        check("https://bank.example@evil.example/", &[]);
        check("http://", &[]);
        check(&format!("https://a.example/{}", "x".repeat(LONGEST)), &[]);
        check("https://a.example/\u{FFFD}]8;;evil", &["https://a.example/%EF%BF%BD"]);
    }
}

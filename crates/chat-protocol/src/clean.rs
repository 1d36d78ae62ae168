//! Text made harmless where it enters, so that nothing downstream has to be careful.
//!
//! What somebody says is written to other people's terminals, pages, logs and files. A character in it must not
//! move a cursor, start a line that looks like the server's, or turn the reading order of the words around it.
//! Each one that could is replaced by U+FFFD, the replacement character: the text stays, and it shows that
//! something stood there.
//!
//! | in | out | why |
//! | --- | --- | --- |
//! | `\n` | stays; a space in [`clean_line`] | a message has lines, a topic or a reason is one |
//! | `\r\n` | as `\n` | one end of line, whoever typed it |
//! | tab | a space | its width depends on what stands before it |
//! | C0, DEL, C1 (with ESC, a lone CR, NEL, CSI) | U+FFFD | terminals act on them |
//! | U+2028, U+2029 | U+FFFD | some viewers break the line there |
//! | U+202A–202E, U+2066–2069 | U+FFFD | embeddings, overrides, isolates: "Trojan Source" |
//! | U+206A–206F, U+FFF9–FFFB, U+FEFF | U+FFFD | deprecated format characters, annotations, byte order mark |
//! | tags, U+E0000–E00FF | U+FFFD | they hide text, except in the flag of a subdivision (🏴 + tags, UTS 51 ED-14a) |
//! | noncharacters | U+FFFD | not for interchange |
//!
//! Everything else stays as it is, ZWJ, ZWNJ, LRM, RLM, ALM and variation selectors among it, as scripts and emoji need
//! them in texts. (Names are stricter, see [`crate::names`].)
//!
//! Cleaning is idempotent, never fails, and borrows where nothing changes. A control character is one byte and its
//! replacement three, so a cleaned text can have up to three times the bytes that came in: whoever limits bytes limits the
//! cleaned ones.

use std::borrow::Cow;

/// The cleaned text of a message: several lines, ended by `\n`.
#[must_use]
pub fn clean_text(text: &str) -> Cow<'_, str> {
    clean(text, '\n')
}

/// The cleaned text of a topic, a reason, or whatever else must stay on one line: an end of line becomes a space.
#[must_use]
pub fn clean_line(text: &str) -> Cow<'_, str> {
    clean(text, ' ')
}

fn clean(text: &str, newline: char) -> Cow<'_, str> {
    let keeps_newlines = newline == '\n';
    if is_plain(text.as_bytes(), keeps_newlines) {
        return Cow::Borrowed(text);
    }
    let Some(first) = next_change(text, keeps_newlines) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    let mut next = Some(first);
    while let Some((at, c)) = next {
        out.push_str(&rest[..at]);
        rest = &rest[at + c.len_utf8()..];
        out.push(match c {
            '\r' if rest.starts_with('\n') => {
                rest = &rest[1..];
                newline
            }
            '\n' => newline,
            '\t' => ' ',
            _ => char::REPLACEMENT_CHARACTER,
        });
        next = next_change(rest, keeps_newlines);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Whether all of it is printable ASCII (and kept newlines), which most text is. The folding over whole blocks, without a
/// way out in the middle, is what lets the compiler look at many bytes at once.
fn is_plain(bytes: &[u8], keeps_newlines: bool) -> bool {
    bytes.chunks(64).all(|block| {
        block
            .iter()
            .fold(true, |plain, &byte| plain & (matches!(byte, b' '..=b'~') | (keeps_newlines & (byte == b'\n'))))
    })
}

/// Where the first character is that does not stay, and which.
fn next_change(text: &str, keeps_newlines: bool) -> Option<(usize, char)> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' if keeps_newlines => {}
            BLACK_FLAG => {
                let flag = flag_tags(chars.as_str());
                if flag > 0 {
                    chars.by_ref().take(flag).for_each(drop);
                }
            }
            _ if is_harmful(c) => return Some((at, c)),
            _ => {}
        }
    }
    None
}

const BLACK_FLAG: char = '\u{1F3F4}';
const CANCEL_TAG: char = '\u{E007F}';

/// How many tag characters after a black flag make it the flag of a subdivision, such as Scotland's `gbsct`: three to
/// six letters and digits (a region, and a part of it: Unicode's subdivision codes), then the cancel tag.
/// 0 where they don't, and then each of them is harmful by itself.
fn flag_tags(after: &str) -> usize {
    let is_tag = |c: &char| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}');
    let letters = after.chars().take_while(is_tag).take(7).count();
    let ended = after.chars().nth(letters) == Some(CANCEL_TAG);
    if ended && (3..=6).contains(&letters) { letters + 1 } else { 0 }
}

fn is_harmful(c: char) -> bool {
    let noncharacter = matches!(c, '\u{FDD0}'..='\u{FDEF}') || u32::from(c) & 0xFFFE == 0xFFFE;
    noncharacter
        || c.is_control()
        || matches!(
            c,
            '\u{2028}'..='\u{202E}'
                | '\u{2066}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E00FF}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(input: &str, text: &str, line: &str) {
        assert_eq!(clean_text(input), text, "the text of {input:?}");
        assert_eq!(clean_line(input), line, "the line of {input:?}");
    }

    #[track_caller]
    fn check_kept(input: &str) {
        check(input, input, input);
        assert!(matches!(clean_text(input), Cow::Borrowed(_)), "{input:?}");
        assert!(matches!(clean_line(input), Cow::Borrowed(_)), "{input:?}");
    }

    #[test]
    fn ends_of_lines() {
        check("a\nb", "a\nb", "a b");
        check("a\r\nb\r\n", "a\nb\n", "a b ");
        check("a\rb", "a\u{FFFD}b", "a\u{FFFD}b");
        check("a\r", "a\u{FFFD}", "a\u{FFFD}");
        check("a\r\r\nb", "a\u{FFFD}\nb", "a\u{FFFD} b");
        check("a\n\n\nb", "a\n\n\nb", "a   b");
        check("\u{85}*** bye: you are out", "\u{FFFD}*** bye: you are out", "\u{FFFD}*** bye: you are out");
        check("a\u{2028}b\u{2029}c", "a\u{FFFD}b\u{FFFD}c", "a\u{FFFD}b\u{FFFD}c");
        check("a\u{B}b\u{C}c", "a\u{FFFD}b\u{FFFD}c", "a\u{FFFD}b\u{FFFD}c");
        assert!(matches!(clean_text("a\nb"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_terminals_act_on() {
        check("a\tb", "a b", "a b");
        check("\x1b[2J", "\u{FFFD}[2J", "\u{FFFD}[2J");
        check("\x1b]0;t\x07", "\u{FFFD}]0;t\u{FFFD}", "\u{FFFD}]0;t\u{FFFD}");
        check("\u{9b}2J\0\x08\x7f", "\u{FFFD}2J\u{FFFD}\u{FFFD}\u{FFFD}", "\u{FFFD}2J\u{FFFD}\u{FFFD}\u{FFFD}");
    }

    #[test]
    fn what_turns_the_reading_order_or_hides() {
        let one_each = "\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\u{2066}\u{2067}\u{2068}\u{2069}\u{206A}\u{206F}\
                        \u{FEFF}\u{FFF9}\u{FFFB}\u{FFFE}\u{FDD0}\u{10FFFF}\u{E0001}\u{E0041}\u{E007F}";
        for c in one_each.chars() {
            check(&format!("é{c}x"), "é\u{FFFD}x", "é\u{FFFD}x");
        }
    }

    #[test]
    fn what_scripts_and_emoji_need_stays() {
        check_kept("");
        check_kept("plain ~ ASCII!");
        check_kept("Zoë, 田中さくら, أحمد, नमस्ते");
        check_kept("می\u{200C}خواهم");
        check_kept("👩\u{200D}🚀 ❤\u{FE0F} 葛\u{E0100}");
        check_kept("abc\u{200E}אבג\u{200F}\u{61C}");
        check_kept("\u{FFFD}\u{2027}\u{202F}\u{2065}\u{2070}");
    }

    #[test]
    fn only_a_whole_subdivision_flag_keeps_its_tags() {
        let tags =
            |text: &str| -> String { text.chars().filter_map(|c| char::from_u32(0xE0000 + u32::from(c))).collect() };
        let scotland = format!("🏴{}\u{E007F}", tags("gbsct"));
        check_kept(&scotland);
        check_kept(&format!("{scotland}🏴{scotland}!"));
        check_kept("🏴\u{200D}☠\u{FE0F}");
        let unended = format!("🏴{}", tags("gbsct"));
        check(&unended, "🏴\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}", "🏴\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}");
        let of_nothing = format!("x{}\u{E007F}", tags("us"));
        check(&of_nothing, "x\u{FFFD}\u{FFFD}\u{FFFD}", "x\u{FFFD}\u{FFFD}\u{FFFD}");
        let secret = format!("🏴{}\u{E007F}", tags("asecret"));
        assert_eq!(clean_text(&secret).matches('\u{FFFD}').count(), 8);
        let upper = format!("🏴{}\u{E007F}", tags("GBSCT"));
        assert_eq!(clean_text(&upper).matches('\u{FFFD}').count(), 6);
    }

    #[test]
    fn a_change_far_behind_plain_blocks_is_found() {
        for len in [0, 1, 63, 64, 65, 200] {
            let plain = "x".repeat(len);
            check(&format!("{plain}\x1b"), &format!("{plain}\u{FFFD}"), &format!("{plain}\u{FFFD}"));
            check_kept(&plain);
        }
    }

    /// Text that is rich in what cleaning is about; `any::<String>()` alone hardly ever hits it.
    fn nasty() -> impl Strategy<Value = String> {
        let pick = prop::sample::select(vec![
            '\r',
            '\n',
            '\t',
            '\x1b',
            '\x7f',
            '\u{85}',
            'a',
            'é',
            '🏴',
            '\u{E0067}',
            '\u{E0062}',
            '\u{E007F}',
            '\u{200D}',
            '\u{202E}',
            '\u{2028}',
            '\u{FEFF}',
            '\u{FFFD}',
        ]);
        prop::collection::vec(prop_oneof![4 => pick, 1 => any::<char>()], 0..40).prop_map(String::from_iter)
    }

    /// The promise by its own list, and without the flags' exception: those are taken out first.
    fn forbidden(text: &str) -> Vec<char> {
        let mut text = text.to_owned();
        while let Some(end) = text.find(CANCEL_TAG) {
            let start = text[..end].rfind(BLACK_FLAG).expect("tags end only what a flag began");
            text.replace_range(start..end + CANCEL_TAG.len_utf8(), "");
        }
        text.chars()
            .filter(|&c| match u32::from(c) {
                0xA => false,
                0..=0x1F | 0x7F..=0x9F | 0x2028..=0x202E | 0x2066..=0x206F => true,
                0xFEFF | 0xFFF9..=0xFFFB | 0xFDD0..=0xFDEF | 0xE0000..=0xE00FF => true,
                other => other % 0x10000 >= 0xFFFE,
            })
            .collect()
    }

    proptest! {
        #[test]
        fn nothing_forbidden_is_left(text in nasty()) {
            prop_assert_eq!(forbidden(&clean_text(&text)), Vec::<char>::new());
            prop_assert_eq!(forbidden(&clean_line(&text)), Vec::<char>::new());
            prop_assert!(!clean_line(&text).contains('\n'));
        }

        #[test]
        fn cleaning_twice_changes_nothing_more(text in nasty()) {
            let once = clean_text(&text).into_owned();
            prop_assert!(matches!(clean_text(&once), Cow::Borrowed(same) if same == once));
            let line = clean_line(&text).into_owned();
            prop_assert!(matches!(clean_line(&line), Cow::Borrowed(same) if same == line));
            prop_assert_eq!(clean_line(&once), clean_line(&text));
        }

        #[test]
        fn lines_stay_as_many(text in nasty()) {
            prop_assert_eq!(clean_text(&text).matches('\n').count(), text.matches('\n').count());
        }
    }
}

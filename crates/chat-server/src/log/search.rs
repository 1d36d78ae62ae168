//! What it means that a message contains the words of a query: one definition for all stores.
//!
//! Text and query are brought to one form (NFKC, lower case) and cut into words: runs of letters, digits and marks.
//! In writing that has no blanks between words (Han, Kana, Hangul, Thai and others), and for emoji, a run is found
//! wherever it stands inside another; elsewhere a word is found as a whole, and, from `PREFIX` letters on, as the
//! beginning of a longer one. Everything else in a query (quotes, operators, `*`, NUL) only separates words.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Letters from which on a word of a query is also found as the beginning of a word. Shorter ones begin too many.
const PREFIX: usize = 3;

/// Characters of a word that an index keeps; longer ones are told apart by the text itself.
const INDEXED_CHARS: usize = 40;

/// Words of a query that an index is asked for. All are compared with the text afterwards.
const ASKED: usize = 32;

/// The words somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    words: Vec<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// Between blanks.
    Spaced(String),
    /// Of writing without blanks.
    Dense(String),
}

/// How the characters of a word stand together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Separator,
    Spaced,
    Dense,
    /// Belongs to whatever stands before it.
    Mark,
}

impl Query {
    /// Reads a query; every text is one.
    #[must_use]
    pub fn new(query: &str) -> Self {
        let mut words = words(query);
        words.dedup();
        Self { words }
    }

    /// Whether there is nothing in it to look for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether `text` contains all the words.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let there = words(text);
        !self.words.is_empty() && self.words.iter().all(|word| there.iter().any(|other| word.is_in(other)))
    }

    /// The query for an index of [`terms`] as FTS5 has it: what it finds is all that matches, and perhaps more.
    pub(super) fn fts5(&self) -> String {
        let mut asked: Vec<String> = Vec::new();
        for word in &self.words {
            match word {
                // A term holds letters, digits and marks alone, so that none can end the quotes.
                Word::Spaced(word) => {
                    let whole = word.chars().count() < PREFIX;
                    asked.push(format!("\"{}\"{}", shortened(word), if whole { "" } else { " *" }));
                }
                Word::Dense(run) => {
                    let chars: Vec<char> = run.chars().collect();
                    match &chars[..] {
                        [one] => asked.push(format!("\"{one}\"")),
                        more => asked.extend(more.windows(2).map(|pair| format!("\"{}{}\"", pair[0], pair[1]))),
                    }
                }
            }
        }
        asked.sort_unstable();
        asked.dedup();
        asked.truncate(ASKED);
        asked.join(" AND ")
    }
}

impl Word {
    fn is_in(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dense(run), Self::Dense(other)) => other.contains(run.as_str()),
            (Self::Spaced(word), Self::Spaced(other)) => {
                word == other || (other.starts_with(word.as_str()) && word.chars().count() >= PREFIX)
            }
            _ => false,
        }
    }
}

/// What an index keeps of a text, with blanks between: whole words, and of dense writing all single characters and pairs.
pub(super) fn terms(text: &str) -> String {
    let mut terms: Vec<String> = Vec::new();
    for word in words(text) {
        match word {
            Word::Spaced(word) => terms.push(shortened(&word).to_owned()),
            Word::Dense(run) => {
                let chars: Vec<char> = run.chars().collect();
                terms.extend(chars.iter().map(char::to_string));
                terms.extend(chars.windows(2).map(|pair| pair.iter().collect()));
            }
        }
    }
    terms.sort_unstable();
    terms.dedup();
    terms.join(" ")
}

fn shortened(word: &str) -> &str {
    word.char_indices().nth(INDEXED_CHARS).map_or(word, |(end, _)| &word[..end])
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut run = String::new();
    let mut kind = Class::Separator;
    for c in text.nfkc().flat_map(char::to_lowercase).nfc() {
        let class = match class(c) {
            Class::Mark => kind,
            class => class,
        };
        if class != kind {
            end_word(&mut words, &mut run, kind);
            kind = class;
        }
        if class != Class::Separator {
            run.push(c);
        }
    }
    end_word(&mut words, &mut run, kind);
    words
}

fn end_word(words: &mut Vec<Word>, run: &mut String, kind: Class) {
    if run.is_empty() {
        return;
    }
    let run = std::mem::take(run);
    words.push(if kind == Class::Dense { Word::Dense(run) } else { Word::Spaced(run) });
}

fn class(c: char) -> Class {
    match c {
        // Thai and Lao, Myanmar, Hangul (its particles cling to words), Khmer, Kana and Han, and emoji.
        '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{11FF}' | '\u{1780}'..='\u{17FF}'
            if c.is_alphanumeric() || is_combining_mark(c) =>
        {
            Class::Dense
        }
        '\u{2600}'..='\u{27BF}' | '\u{1F000}'..='\u{1FAFF}' => Class::Dense,
        '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30FF}'
        | '\u{3100}'..='\u{31FF}'
        | '\u{3400}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}'
            if c != '\u{30FB}' =>
        {
            Class::Dense
        }
        // What only joins emoji or picks their look.
        '\u{200D}' | '\u{FE00}'..='\u{FE0F}' => Class::Separator,
        _ if c.is_alphanumeric() => Class::Spaced,
        _ if is_combining_mark(c) => Class::Mark,
        _ => Class::Separator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, query: &str, expected: bool) {
        assert_eq!(Query::new(query).matches(text), expected, "{query:?} in {text:?}");
    }

    #[test]
    fn words_of_any_script() {
        check("Lunch on Friday?", "friday lunch", true);
        check("Lunch on Friday?", "friday dinner", false);
        check("we deployed it", "deploy", true);
        check("a blue sky", "sk", false);
        check("a blue sky", "lue", false);
        check("Straße und Café", "CAFÉ", true);
        check("cafe\u{301}", "café", true);
        check("обед в пятницу", "ПЯТНИЦУ", true);
        check("ｗｉｄｅ", "wide", true);
        check("हिन्दी में लिखो", "हिन्दी", true);
        check("غداء اليوم", "اليوم", true);
    }

    #[test]
    fn two_characters_inside_a_sentence_without_blanks() {
        check("明日は東京都へ行きます", "東京", true);
        check("明日は東京都へ行きます", "京都", true);
        check("明日は東京都へ行きます", "都京", false);
        check("我们星期五吃午饭吧", "午饭", true);
        check("我们星期五吃午饭吧", "饭", true);
        check("한국어는 어렵다", "한국", true);
        check("กินข้าวกลางวัน", "ข้าว", true);
        check("iPhoneを買った", "iphone 買", true);
        check("done 🎉🎉", "🎉", true);
    }

    #[test]
    fn any_query_is_safe() {
        for query in
            ["\"", "*", "a OR b", "NEAR(a b)", "\0", "-", "text:x", "a\"b", "((((", "^", "{a}", "' OR 1=1 --", ""]
        {
            let query = Query::new(query);
            let fts = query.fts5();
            assert_eq!(fts.matches('"').count() % 2, 0, "{fts}");
            assert!(!fts.contains('\0'));
        }
        assert!(Query::new("\" * \0 -").is_empty());
        check("a or b", "a OR b", true);
        check("a b", "a OR b", false);
    }

    #[test]
    fn an_index_has_every_term_that_a_matching_query_asks_for() {
        let text = "Lunch 東京都 at noon 🎉 supercalifragilisticexpialidociousandfarbeyondthat";
        let terms = terms(text);
        for term in ["lunch", "東京", "京都", "東", "noon", "🎉"] {
            assert!(terms.split(' ').any(|other| other == term), "{term} in {terms}");
        }
        assert!(terms.split(' ').all(|term| term.chars().count() <= INDEXED_CHARS));
    }
}

//! Why a name was refused, said to the person who typed it.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::mixed_script::AugmentedScriptSet;

use super::rules::{self, MAX_CHARS};

/// Why something cannot be a name. `Display` is one sentence for a person, without a capital or a full stop, so that
/// it can follow a `!!! `; it shows no character that could do harm where it is printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is nothing.
    #[error("a name has 1 to {MAX_CHARS} characters; this one is empty")]
    Empty,

    /// There is too much.
    #[error("a name has 1 to {MAX_CHARS} characters; this one has {chars}")]
    TooLong {
        /// How many characters it has in NFC.
        chars: usize,
    },

    /// A character that no name has.
    #[error("{} cannot be in a name; letters and digits can, and _ . -{}", Shown(*.found), Instead(*.found))]
    BadCharacter {
        /// The first such character.
        found: char,
    },

    /// It begins with `.` or `-`.
    #[error("a name cannot begin with {}; it can begin with a letter, a digit or _", Shown(*.found))]
    BadStart {
        /// What it begins with.
        found: char,
    },

    /// A mark at the beginning, or after something that is not a letter.
    #[error("the mark {} does not stand on a letter; a name can have marks only on letters", Shown(*.mark))]
    LooseMark {
        /// The mark.
        mark: char,
    },

    /// More marks on one letter than its script needs.
    #[error("there are more than {limit} marks on {}; a name can have at most {limit} on this letter", Shown(*.letter))]
    TooManyMarks {
        /// The letter that carries them.
        letter: char,
        /// How many it could carry.
        limit: usize,
    },

    /// A mark that cannot be seen, as it falls on what the letter has already.
    #[error("the mark {} cannot be seen on {}, which has it already; leave it out", Shown(*.mark), Shown(*.letter))]
    HiddenMark {
        /// The letter.
        letter: char,
        /// The mark.
        mark: char,
    },

    /// Scripts that look too much like one another to be mixed.
    #[error(
        "a name keeps to one script, or joins Latin with Chinese, Japanese or Korean; this one has {} beside {}",
        WithScript(*.first), WithScript(*.other)
    )]
    MixedScripts {
        /// A character of the one script.
        first: char,
        /// The first one that does not go with it.
        other: char,
    },

    /// Right-to-left letters with something that would be shown in another place than where it stands.
    #[error(
        "a name with right-to-left letters begins with a letter, ends with a letter or digit, and keeps to one kind of digits; \
         this one does not"
    )]
    Direction,

    /// One of [`RESERVED`](super::RESERVED), or too much like it. Only people cannot be called so.
    #[error("{}; choose another name", Taken(.name, .word))]
    Reserved {
        /// The name as it was asked for, in NFC.
        name: Box<str>,
        /// The reserved word.
        word: &'static str,
    },
}

/// A character for a person: itself in quotes where it is safe to print, and its number where it might be another than it seems.
struct Shown(char);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.0;
        let number = u32::from(c);
        match c {
            ' ' => f.write_str("a space"),
            '"' => f.write_str("'\"'"),
            '!'..='~' => write!(f, "\"{c}\""),
            _ if is_printable(c) => write!(f, "\"{c}\" (U+{number:04X})"),
            _ => write!(f, "U+{number:04X}"),
        }
    }
}

/// A mark is not: by itself it would land on the quote. Nor is an invisible letter such as the Hangul filler,
/// which the skeleton of UTS 39 drops.
fn is_printable(c: char) -> bool {
    matches!(
        c.general_category_group(),
        GeneralCategoryGroup::Letter
            | GeneralCategoryGroup::Number
            | GeneralCategoryGroup::Punctuation
            | GeneralCategoryGroup::Symbol
    ) && unicode_security::skeleton(c.encode_utf8(&mut [0; 4])).next().is_some()
}

struct WithScript(char);

impl fmt::Display for WithScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scripts = AugmentedScriptSet::for_char(self.0).base;
        match scripts.iter().next() {
            Some(script) if scripts.len() == 1 => {
                write!(f, "{} {}", script.full_name().replace('_', " "), Shown(self.0))
            }
            _ => Shown(self.0).fmt(f),
        }
    }
}

/// The plain form of a full-width, superscript or otherwise styled character, if that is one for names.
struct Instead(char);

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain: String = std::iter::once(self.0).nfkc().collect();
        if rules::check(&plain).is_ok() {
            write!(f, ", and so can \"{plain}\"")?;
        }
        Ok(())
    }
}

struct Taken<'a>(&'a str, &'static str);

impl fmt::Display for Taken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, word) = self;
        if name == word {
            write!(f, "{word} is reserved")
        } else {
            write!(f, "{name} is too much like {word}, which is reserved")
        }
    }
}

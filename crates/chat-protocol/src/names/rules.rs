//! What may be a name; see the parent for the rules in words.

use std::borrow::Cow;

use precis_core::profile::Rules;
use precis_profiles::UsernameCasePreserved;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::{GeneralSecurityProfile, RestrictionLevel, RestrictionLevelDetection, skeleton};

use super::NameError;

/// How many characters a name has at most, counted in NFC. 32 is more than nearly all people's full names need, and
/// less than half of a terminal's line.
pub const MAX_CHARS: usize = 32;

/// Marks on one letter in scripts where they are accents. Vietnamese, the heaviest user, has two, and NFC composes those.
const MAX_ACCENTS: usize = 2;

/// Marks on one letter in scripts that spell with them: the bound that UTS 39, section 5.4, gives for nonspacing ones.
/// Burmese `လှိုင်` (Hlaing) has three.
const MAX_SPELLING_MARKS: usize = 4;

/// The name in NFC, if it keeps the rules that aliases and rooms share.
pub(super) fn check(name: &str) -> Result<Cow<'_, str>, NameError> {
    let name = if name.is_ascii() { Cow::Borrowed(name) } else { Cow::Owned(name.nfc().collect()) };
    let chars = name.chars().count();
    if chars > MAX_CHARS {
        return Err(NameError::TooLong { chars });
    }
    let first = name.chars().next().ok_or(NameError::Empty)?;
    if let Some(found) = name.chars().find(|&c| !is_allowed(c)) {
        return Err(NameError::BadCharacter { found });
    }
    if matches!(first, '.' | '-') {
        return Err(NameError::BadStart { found: first });
    }
    if !name.is_ascii() {
        check_marks(&name)?;
        check_hidden_dots(&name)?;
        check_scripts(&name)?;
        check_direction(&name)?;
    }
    Ok(name)
}

fn is_allowed(c: char) -> bool {
    match c {
        '_' | '-' | '.' => true,
        _ => (is_letter(c) || is_mark(c) || is_digit(c)) && usual(c).identifier_allowed(),
    }
}

/// The character by which UTS 39's tables judge `c`: itself, but for letters of everyday names that
/// they leave out and we do not. Thai and Lao AM stand for AA, which they are written with, and the Han characters outside
/// of the first plane for a common one.
fn usual(c: char) -> char {
    match c {
        '\u{E33}' => '\u{E32}',
        '\u{EB3}' => '\u{EB2}',
        '\u{20000}'..='\u{3FFFD}' => '一',
        _ => c,
    }
}

/// U+3007, the Han zero, is a number letter by its category.
fn is_letter(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Letter || c == '〇'
}

pub(super) fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

fn is_digit(c: char) -> bool {
    c.general_category() == GeneralCategory::DecimalNumber
}

fn check_marks(name: &str) -> Result<(), NameError> {
    let mut letter = None;
    let mut marks: Vec<char> = Vec::new();
    for c in name.chars() {
        if !is_mark(c) {
            letter = is_letter(c).then_some(c);
            marks.clear();
            continue;
        }
        let Some(letter) = letter else {
            return Err(NameError::LooseMark { mark: c });
        };
        if marks.contains(&c) {
            return Err(NameError::HiddenMark { letter, mark: c });
        }
        marks.push(c);
        let limit = if spells_with_marks(letter) { MAX_SPELLING_MARKS } else { MAX_ACCENTS };
        // A spacing mark stands beside its letter, and cannot pile up into the lines above and below.
        let piled = marks.iter().filter(|&&mark| mark.general_category() != GeneralCategory::SpacingMark);
        if piled.count() > limit {
            return Err(NameError::TooManyMarks { letter, limit });
        }
    }
    Ok(())
}

/// Devanagari to Myanmar (with Thai, Lao and Tibetan), and Khmer.
fn spells_with_marks(letter: char) -> bool {
    matches!(letter, '\u{900}'..='\u{109F}' | '\u{1780}'..='\u{17FF}')
}

/// A dot above `i`, or above what looks like it, is where the letter's own is: `ali̇ce` must not stand beside `alice`
/// (UTS 39, section 5.4). Capital `İ` shows its dot.
fn check_hidden_dots(name: &str) -> Result<(), NameError> {
    let mut letter = None;
    for c in name.nfd() {
        match canonical_combining_class(c) {
            0 => letter = Some(c),
            230 => {
                if let Some(letter) = letter.take().filter(|&l| c == '\u{307}' && is_dotted(l)) {
                    return Err(NameError::HiddenMark { letter, mark: c });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `l` and the dotless letters too: with a dot they are taken for the dotted ones.
fn is_dotted(letter: char) -> bool {
    let shape = || skeleton(letter.encode_utf8(&mut [0; 4])).collect::<String>();
    letter.is_lowercase() && matches!(shape().as_str(), "i" | "j" | "l" | "ı" | "ȷ")
}

fn check_scripts(name: &str) -> Result<(), NameError> {
    let chars: Vec<char> = name.chars().collect();
    if go_together(&chars) {
        return Ok(());
    }
    let pairs = chars.iter().enumerate().flat_map(|(at, &other)| chars[..at].iter().map(move |&first| (first, other)));
    let (first, other) = pairs
        .clone()
        .find(|&(first, other)| !go_together(&[first, other]))
        .or_else(|| pairs.last())
        .unwrap_or((chars[0], chars[0]));
    Err(NameError::MixedScripts { first, other })
}

fn go_together(chars: &[char]) -> bool {
    let name: String = chars.iter().map(|&c| usual(c)).collect();
    name.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

/// The bidi rule gives marks (NSM) no say but that they may follow anything, so they are left out: precis-profiles 0.2 refuses
/// any letter after a mark, and with it every vocalized Arabic name.
fn check_direction(name: &str) -> Result<(), NameError> {
    let letters: String = name.chars().filter(|&c| !is_mark(c)).collect();
    match UsernameCasePreserved::new().directionality_rule(letters) {
        Ok(_) => Ok(()),
        Err(_) => Err(NameError::Direction),
    }
}

//! What else somebody could be called whose name is taken.

use super::Alias;
use super::rules::{self, MAX_CHARS};

/// So many numbers are tried one after the other; beyond, the search doubles its steps and then halves them: 10,000 programs
/// that all want to be `bot` must not try 10,000 names each.
const ONE_BY_ONE: u32 = 100;

/// How often the step is doubled: up to 100 million of one name.
const DOUBLINGS: u32 = 20;

/// A number in a name beyond this (a date, a telephone number) is part of the name rather than its count.
const LARGEST: u32 = 999_999;

impl Alias {
    /// The next name like this one for which `is_free` says yes: `alice2`, `alice3`, … after `alice`, and `alice8` after
    /// `alice7`. A name that would grow too long loses letters before the number. After 99 that are taken it is *a* next
    /// one, whose predecessor is taken, rather than the first.
    ///
    /// `None` where no such name can be had: all are taken, or the name's own digits do not go with 0 to 9.
    pub fn suggestion(&self, mut is_free: impl FnMut(&Self) -> bool) -> Option<Self> {
        let numbered = Numbered::parse(self.as_str());
        let mut free = |step: u32| numbered.plus(step).filter(|alias| is_free(alias));

        if let Some(alias) = (1..ONE_BY_ONE).find_map(&mut free) {
            return Some(alias);
        }
        let mut taken = ONE_BY_ONE - 1;
        let (mut step, mut found) = (0..=DOUBLINGS).map(|power| ONE_BY_ONE << power).find_map(|step| {
            let alias = free(step);
            if alias.is_none() {
                taken = step;
            }
            Some((step, alias?))
        })?;
        while step - taken > 1 {
            let middle = taken + (step - taken) / 2;
            match free(middle) {
                Some(alias) => (step, found) = (middle, alias),
                None => taken = middle,
            }
        }
        Some(found)
    }
}

/// A name as the one that has this number among those that begin with `stem`. `alice` is the first, and doesn't say so.
struct Numbered<'a> {
    stem: &'a str,
    separator: &'static str,
    number: u32,
}

impl<'a> Numbered<'a> {
    fn parse(name: &'a str) -> Self {
        let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &name[letters.len()..];
        // Of `007` the stem keeps `00`.
        let value = match digits.trim_start_matches('0') {
            "" => &digits[digits.len().saturating_sub(1)..],
            value => value,
        };
        let (stem, separator, number) = match value.parse() {
            Ok(number) if number <= LARGEST => (&name[..name.len() - value.len()], "", number),
            Ok(_) | Err(_) if !digits.is_empty() => (name, "-", 1),
            _ => (name, "", 1),
        };
        Self { stem, separator, number }
    }

    fn plus(&self, step: u32) -> Option<Alias> {
        let end = format!("{}{}", self.separator, self.number + step);
        let mut kept: Vec<char> = self.stem.chars().collect();
        while kept.len() + end.len() > MAX_CHARS {
            // A letter goes with its marks, as without them it would be another.
            while kept.pop().is_some_and(rules::is_mark) {}
        }
        Alias::new(&(String::from_iter(kept) + &end)).ok()
    }
}

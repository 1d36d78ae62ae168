//! Names of rooms, and of private conversations, which are rooms of two.

use std::fmt;
use std::sync::Arc;

use super::{Alias, NameError, rules};

/// What stands before the two ends of a conversation as it is kept.
const KEPT: &str = "@@";

/// Hexadecimal digits of one end.
const DIGITS: usize = 32;

/// What a room is called, without the `#` that it is shown with: a checked name, shared, so that a clone is cheap.
///
/// A private conversation of two accounts is a room of two. Each end calls it `@` and the other's alias; it is kept under a name
/// made of the two accounts' ids ([`between`](Self::between)), which is nobody's to say and the same whatever they are called.
///
/// It compares by its exact characters; [`RoomName::key`] has what decides whether two are the same room.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(pub(super) Arc<str>);

impl RoomName {
    /// Checks `name`: that of a room, without the one `#` that may stand before it, or that of a conversation.
    ///
    /// # Errors
    ///
    /// [`NameError`] with the rule that it does not keep.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if parse_ends(name).is_some() {
            return Ok(Self(name.into()));
        }
        if let Some(alias) = name.strip_prefix('@') {
            let alias = rules::check(alias)?;
            return Ok(Self(format!("@{alias}").into()));
        }
        let name = rules::check(name.strip_prefix('#').unwrap_or(name))?;
        Ok(Self(name.into()))
    }

    /// The conversation with `other`, as its other end calls it: `@bob`.
    #[must_use]
    pub fn with(other: &Alias) -> Self {
        Self(format!("@{other}").into())
    }

    /// The conversation of two accounts, as it is kept. The order of the two doesn't matter.
    #[must_use]
    pub fn between(one: [u8; 16], other: [u8; 16]) -> Self {
        let (first, second) = (one.min(other), one.max(other));
        let number = |id| u128::from_be_bytes(id);
        Self(format!("{KEPT}{:032x}{:032x}", number(first), number(second)).into())
    }

    /// With whom, where this is a conversation as one end calls it. What it gives may be no alias of anybody.
    #[must_use]
    pub fn other(&self) -> Option<&str> {
        self.0.strip_prefix('@').filter(|rest| !rest.starts_with('@'))
    }

    /// Between which accounts, where this is a conversation as it is kept. No client may use such a name.
    #[must_use]
    pub fn ends(&self) -> Option<[[u8; 16]; 2]> {
        parse_ends(&self.0)
    }

    /// Whether this is a private conversation, by whichever name.
    #[must_use]
    pub fn is_conversation(&self) -> bool {
        self.0.starts_with('@')
    }

    /// As people see it: `#lobby`, `@bob`.
    #[must_use]
    pub fn shown(&self) -> impl fmt::Display + use<'_> {
        let mark = if self.is_conversation() { "" } else { "#" };
        format!("{mark}{self}")
    }
}

fn parse_ends(name: &str) -> Option<[[u8; 16]; 2]> {
    let digits = name.strip_prefix(KEPT)?;
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digits.len() != 2 * DIGITS || !digits.bytes().all(lower) {
        return None;
    }
    let (first, second) = digits.split_at(DIGITS);
    let id = |digits| u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes);
    let (first, second) = (id(first)?, id(second)?);
    (first <= second).then_some([first, second])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_has_a_name_for_each_end_and_one_to_be_kept_by() {
        let (one, other) = ([7; 16], [9; 16]);
        let kept = RoomName::between(one, other);
        assert_eq!(kept, RoomName::between(other, one));
        assert_eq!((kept.ends(), kept.other(), kept.is_conversation()), (Some([one, other]), None, true));
        assert_eq!(RoomName::new(kept.as_str()), Ok(kept));
        let with = RoomName::new("@bob").unwrap();
        assert_eq!(with, RoomName::with(&Alias::new("bob").unwrap()));
        assert_eq!((with.ends(), with.other(), with.shown().to_string()), (None, Some("bob"), "@bob".to_owned()));
        let room = RoomName::new("#bob").unwrap();
        assert_eq!((room.other(), room.is_conversation(), room.shown().to_string()), (None, false, "#bob".to_owned()));
    }

    #[test]
    fn what_only_begins_like_one_is_no_name() {
        let digits = "0".repeat(64);
        for name in ["@", "@@", "@@bob", "#@bob", "@#bob", "@ bob", "@a/b", &format!("@@{}", &digits[1..])] {
            assert!(RoomName::new(name).is_err(), "{name}");
        }
        let (low, high) = ("0".repeat(32), "F".repeat(32));
        assert!(RoomName::new(&format!("@@{low}{high}")).is_err(), "capitals");
        assert!(RoomName::new(&format!("@@{}{low}", "f".repeat(32))).is_err(), "the wrong way round");
        assert!(RoomName::new(&format!("@@{digits}")).is_ok());
    }
}

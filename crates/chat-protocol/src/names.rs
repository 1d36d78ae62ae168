//! Names of people and rooms: what may be one, and when two are the same.
//!
//! A name is shown to people, who decide by it whom they believe. So it is checked once, where it enters, into an
//! [`Alias`] or a [`RoomName`]; whoever holds one of these needs no check any more.
//!
//! # What may be a name
//!
//! - 1 to 32 characters (Unicode scalar values), counted after normalization to NFC. Nothing else is changed
//!   or trimmed; a [`RoomName`] drops one leading `#`.
//! - Letters, digits and marks that [UTS 39] recommends for identifiers, `_`, `-` and `.`; the first is not `.` or `-`.
//!   Two everyday vowel signs that UTS 39 leaves out for their compatibility decomposition (Thai U+0E33, Lao U+0EB3) and the
//!   rarer Han characters (𠮷 of 𠮷田) are letters here too. No joiners, direction marks or other invisible characters.
//! - Scripts that *highly restrictive* ([UTS 39], restriction level detection) allows together: one script, or Latin with Japanese, Chinese
//!   or Korean writing.
//! - Marks stand on a letter: at most two, in the scripts of South and South-East Asia, which spell with them, at most four
//!   that take no room of their own; none of them twice, and no dot above a letter that has one.
//! - A name with right-to-left letters keeps the bidi rule ([RFC 5893], which [RFC 8265] asks for): it
//!   begins with a letter and ends with a letter or digit, or else two different names would look alike.
//! - An [`Alias`] is none of the [`RESERVED`] words, nor the same as one.
//!
//! [`NameError`] says which of these was not kept, in one sentence for the person who typed the name.
//!
//! # When two names are the same
//!
//! [`NameKey`] holds what decides. Two names are the same if
//!
//! 1. their *folded* forms are equal (case mapping of [RFC 8265], then NFC): `Alice` and `alice`; or
//! 2. they look alike (a [UTS 39] skeleton of one equals one of the other) and either not both are plain ASCII,
//!    or one of the two is *protected*, which an account's and a reserved name are. So `сосо` in Cyrillic
//!    never stands beside `coco`; `bob` and `b0b` may, as long as neither belongs to an account.
//!
//! This relation is symmetric, but it is not transitive (`b0b` and `bob` are two names, and both are the same as `ЬоЬ`), so it
//! has no one key to look up. [`NameMap`] answers by it without looking at every entry.
//!
//! [UTS 39]: https://www.unicode.org/reports/tr39/
//! [RFC 5893]: https://www.rfc-editor.org/rfc/rfc5893#section-2
//! [RFC 8265]: https://www.rfc-editor.org/rfc/rfc8265#section-3.3

mod error;
mod key;
mod map;
mod room;
mod rules;
mod suggest;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::error::NameError;
pub use self::key::NameKey;
pub use self::map::NameMap;
pub use self::room::RoomName;
pub use self::rules::MAX_CHARS;

/// What no person may be called: each would be read as the server's voice, as the reader, or as all of them.
/// Rooms may have these names.
pub const RESERVED: [&str; 7] = ["server", "system", "you", "everyone", "here", "admin", "operator"];

/// What a person is called: a checked name, shared, so that a clone is cheap. The [module](self) has the rules.
///
/// It compares by its exact characters; [`Alias::key`] has what decides whether two are the same person's.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alias(Arc<str>);

impl Alias {
    /// Checks `name`.
    ///
    /// # Errors
    ///
    /// [`NameError`] with the rule that it does not keep, among them [`NameError::Reserved`].
    pub fn new(name: &str) -> Result<Self, NameError> {
        let name = rules::check(name)?;
        match reserved_as(&name) {
            Some(word) => Err(NameError::Reserved { name: name.into(), word }),
            None => Ok(Self(name.into())),
        }
    }
}

/// The reserved word that `name` is the same as.
fn reserved_as(name: &str) -> Option<&'static str> {
    static KEYS: LazyLock<Vec<(&str, NameKey)>> =
        LazyLock::new(|| RESERVED.map(|word| (word, NameKey::of(word))).into());
    let key = NameKey::of(name);
    KEYS.iter().find(|(_, reserved)| key.is_same(reserved, true)).map(|(word, _)| *word)
}

macro_rules! name_impls {
    ($name:ident) => {
        impl $name {
            /// The characters of the name, in NFC.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// What decides whether this name is the same as another. Computed by each call, in one to two microseconds.
            #[must_use]
            pub fn key(&self) -> NameKey {
                NameKey::of(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for Arc<str> {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                Self::new(&name).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_impls!(Alias);
name_impls!(RoomName);

#[cfg(test)]
mod tests;

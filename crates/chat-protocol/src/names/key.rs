//! What decides whether two names are the same.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

/// What decides whether a name is the same as another: what is left of it when case and looks are taken away.
/// [`Alias::key`](super::Alias::key) and [`RoomName::key`](super::RoomName::key) make one; a clone is cheap.
///
/// It does not implement `Eq`, on purpose: equality of which part would be the question. Use [`is_same`](Self::is_same), a
/// [`NameMap`](super::NameMap), or [`folded`](Self::folded).
#[derive(Debug, Clone)]
pub struct NameKey {
    folded: Arc<str>,
    looks: [Arc<str>; 2],
    ascii: bool,
}

impl NameKey {
    pub(super) fn of(name: &str) -> Self {
        let folded = fold(name);
        // A name is shown as it was typed, but found in any case, so both are looked at: `аlісе` by its folded form, and
        // `AIice`, which only its capital i makes a look-alike, by what it looks like before folding. Each look is folded and taken
        // again, so that the two can be compared: `M` has a capital's prototype, and folded, `m` has `rn`.
        let of_folded = look(&folded);
        let of_typed = look(name);
        let looks = if of_folded == of_typed {
            let look = Arc::<str>::from(of_folded);
            [Arc::clone(&look), look]
        } else {
            [of_folded.into(), of_typed.into()]
        };
        Self { folded: folded.into(), looks, ascii: name.is_ascii() }
    }

    /// `name`, where it is its folded form without memory of its own: most names are.
    pub(super) fn share(&self, name: Arc<str>) -> Arc<str> {
        if *name == *self.folded { Arc::clone(&self.folded) } else { name }
    }

    /// The name in lower case (RFC 8265), in NFC: what it is looked up by, and stored under. Not always a name by itself, as a
    /// few letters (`İ`) may stand in names only as capitals.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Whether the name has only ASCII characters.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// Whether the two are one name: folded equal, or alike while not both plain ASCII or one of the two is `protected`.
    #[must_use]
    pub fn is_same(&self, other: &Self, protected: bool) -> bool {
        let strict = protected || !self.ascii || !other.ascii;
        self.folded == other.folded || (strict && self.looks.iter().any(|look| other.looks.contains(look)))
    }

    pub(super) fn shared_folded(&self) -> &Arc<str> {
        &self.folded
    }

    /// The different ones of its looks: one or two.
    pub(super) fn looks(&self) -> &[Arc<str>] {
        let [one, two] = &self.looks;
        let count = if one == two { 1 } else { 2 };
        &self.looks[..count]
    }
}

/// The case mapping of RFC 8265 (`toLowerCase`, here for each character by itself), then NFC. It is not `precis_profiles`'s,
/// whose 0.2 leaves titlecase letters (`ᾼ`) as they are. A final sigma is a sigma, as all are in capitals.
fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let sigma = |c| if c == 'ς' { 'σ' } else { c };
    name.chars().flat_map(char::to_lowercase).map(sigma).nfc().collect()
}

fn look(name: &str) -> String {
    skeleton(&fold(&skeleton(name)))
}

fn skeleton(name: &str) -> String {
    unicode_security::skeleton(name).collect()
}

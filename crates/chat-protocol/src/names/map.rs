//! A map that knows when two names are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::NameKey;

/// A map from names to `V` that tells for any name which entry is the *same* by the rule of the [module](super).
///
/// Finding, inserting and removing take time in the logarithm of the entries (below a microsecond among 100,000). Sorted
/// trees rather than hash tables, so that lists of names can be paged (`after`) and nobody can choose names that collide.
///
/// A name changed by its own holder meets itself: remove it and insert the new one, or look among [`conflicts`](Self::conflicts) for
/// any that is somebody else's.
#[derive(Debug, Clone)]
pub struct NameMap<V> {
    /// Boxed: the nodes of a tree are half empty where names come in order, and the room for an entry would be too.
    entries: BTreeMap<Arc<str>, Box<Entry<V>>>,
    looks: BTreeSet<Look>,
}

impl<V> NameMap<V> {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: BTreeMap::new(), looks: BTreeSet::new() }
    }

    /// The entry with exactly this name but for case: whom a message to `Alice` goes to.
    #[must_use]
    pub fn get(&self, key: &NameKey) -> Option<&V> {
        self.entries.get(key.folded()).map(|entry| &entry.value)
    }

    /// As [`get`](Self::get), to change the value.
    pub fn get_mut(&mut self, key: &NameKey) -> Option<&mut V> {
        self.entries.get_mut(key.folded()).map(|entry| &mut entry.value)
    }

    /// An entry, with its name as it was inserted, that a newcomer called `key` who is not protected would be the same as.
    #[must_use]
    pub fn conflict(&self, key: &NameKey) -> Option<(&str, &V)> {
        self.conflicts(key, false).next()
    }

    /// All entries that a newcomer called `key` would be the same as, the one with equal folded form first.
    /// `protected`: whether the newcomer is an account's.
    pub fn conflicts(&self, key: &NameKey, protected: bool) -> impl Iterator<Item = (&str, &V)> {
        let lenient = key.is_ascii() && !protected;
        let equal = self.entries.get(key.folded()).map(|entry| &**entry);
        let folded = Arc::clone(key.shared_folded());
        let alike = self.looking_like(key, lenient).filter(move |entry| entry.key.folded() != &*folded);
        equal.into_iter().chain(alike).map(|entry| (&*entry.name, &entry.value))
    }

    /// Adds an entry under `key`, the key of `name`; `name` is what it will be shown as. `protected`: an account's.
    ///
    /// # Errors
    ///
    /// Gives the value back where the name is the same as that of an entry.
    pub fn insert(&mut self, name: impl Into<Arc<str>>, key: NameKey, protected: bool, value: V) -> Result<(), V> {
        if self.conflicts(&key, protected).next().is_some() {
            return Err(value);
        }
        self.restore(name, key, protected, value)
    }

    /// As [`insert`](Self::insert), but looks do not matter: for what was stored before. Two names
    /// that were different once can look alike by the tables of a later Unicode, and neither may be lost for it.
    ///
    /// # Errors
    ///
    /// Gives the value back where an entry has the same folded form.
    pub fn restore(&mut self, name: impl Into<Arc<str>>, key: NameKey, protected: bool, value: V) -> Result<(), V> {
        if self.entries.contains_key(key.folded()) {
            return Err(value);
        }
        self.looks.extend(Look::all(&key, protected));
        let name = key.share(name.into());
        let folded = Arc::clone(key.shared_folded());
        self.entries.insert(folded, Box::new(Entry { name, key, protected, value }));
        Ok(())
    }

    /// Takes out the entry with exactly this name but for case.
    pub fn remove(&mut self, key: &NameKey) -> Option<V> {
        let entry = self.entries.remove(key.folded())?;
        for look in Look::all(&entry.key, entry.protected) {
            self.looks.remove(&look);
        }
        Some(entry.value)
    }

    /// Makes an entry an account's, or no longer one; false where there is no such entry. Those that look like it and are
    /// here already stay: ask [`conflicts`](Self::conflicts) first whether there are any.
    pub fn set_protected(&mut self, key: &NameKey, protected: bool) -> bool {
        let Some(entry) = self.entries.get_mut(key.folded()) else {
            return false;
        };
        for look in Look::all(&entry.key, entry.protected) {
            self.looks.remove(&look);
        }
        entry.protected = protected;
        self.looks.extend(Look::all(&entry.key, protected));
        true
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries with their names as they were inserted, in the order of the folded names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.entries.values().map(|entry| (&*entry.name, &entry.value))
    }

    /// The entries that come after `key` in that order, whether or not it is here (still): the next page.
    pub fn iter_after(&self, key: &NameKey) -> impl Iterator<Item = (&str, &V)> {
        use std::ops::Bound::{Excluded, Unbounded};

        self.entries.range::<str, _>((Excluded(key.folded()), Unbounded)).map(|(_, entry)| (&*entry.name, &entry.value))
    }

    /// The entries that share a look with `key`, each once; only the strict ones where the newcomer is `lenient`.
    fn looking_like(&self, key: &NameKey, lenient: bool) -> impl Iterator<Item = &Entry<V>> {
        let looks: Vec<Arc<str>> = key.looks().to_vec();
        (0..looks.len()).flat_map(move |nth| {
            let look = Arc::clone(&looks[nth]);
            let seen: Vec<Arc<str>> = looks[..nth].to_vec();
            self.looks
                .range(Look::least(&look)..)
                .take_while(move |found| found.look == look && !(lenient && found.lenient))
                .filter_map(|found| self.entries.get(&found.folded).map(|entry| &**entry))
                .filter(move |entry| !seen.iter().any(|look| entry.key.looks().contains(look)))
        })
    }
}

impl<V> Default for NameMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug, Clone)]
struct Entry<V> {
    name: Arc<str>,
    key: NameKey,
    protected: bool,
    value: V,
}

/// One look of one entry. In their order those of one look stand together, and first among them those (`lenient` is false)
/// that tolerate nobody else of that look; so one search finds what a lenient newcomer or a strict one would meet,
/// however many share the look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    look: Arc<str>,
    lenient: bool,
    folded: Arc<str>,
}

impl Look {
    fn all(key: &NameKey, protected: bool) -> impl Iterator<Item = Self> {
        key.looks().iter().map(move |look| Self {
            look: Arc::clone(look),
            lenient: key.is_ascii() && !protected,
            folded: Arc::clone(key.shared_folded()),
        })
    }

    /// What comes before every entry's that has this look.
    fn least(look: &Arc<str>) -> Self {
        Self { look: Arc::clone(look), lenient: false, folded: Arc::default() }
    }
}

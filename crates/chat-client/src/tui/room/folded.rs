//! Who came and went, in one line.

use chat_protocol::message::Changes;
use chat_protocol::names::Alias;

use super::NAMES_KEPT;

/// Who came and went without a word between.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folded {
    pub(crate) came: Vec<Alias>,
    pub(crate) went: Vec<Alias>,
    pub(crate) renamed: Vec<(Alias, Alias)>,
    /// Changes that were only counted.
    pub(crate) more: usize,
}

impl Folded {
    pub(super) fn add(&mut self, changes: &Changes) {
        // Who went and is back was here all the time, as far as the reader is concerned; and who came and is gone was not.
        for alias in &changes.joined {
            self.more += note(&mut self.came, &mut self.went, alias);
        }
        for alias in &changes.left {
            self.more += note(&mut self.went, &mut self.came, alias);
        }
        for rename in &changes.renamed {
            if self.renamed.len() < NAMES_KEPT {
                self.renamed.push((rename.from.clone(), rename.to.clone()));
            } else {
                self.more += 1;
            }
        }
    }

    /// In words: `dave, erin and 12 others joined; bob left`; empty where nothing is left to tell.
    pub(crate) fn words(&self) -> String {
        let mut parts = Vec::new();
        if !self.came.is_empty() {
            parts.push(format!("{} joined", names(&self.came)));
        }
        if !self.went.is_empty() {
            parts.push(format!("{} left", names(&self.went)));
        }
        parts.extend(self.renamed.iter().take(3).map(|(from, to)| format!("{from} is now known as {to}")));
        let more = self.more + self.renamed.len().saturating_sub(3);
        if more > 0 {
            parts.push(format!("{more} more came, went or changed name"));
        }
        parts.join("; ")
    }
}

/// Puts a name among those who did something, or takes it from those who did the opposite; 1 where there is no place for it.
fn note(those: &mut Vec<Alias>, opposite: &mut Vec<Alias>, alias: &Alias) -> usize {
    if let Some(index) = opposite.iter().position(|other| other == alias) {
        opposite.remove(index);
    } else if those.len() < NAMES_KEPT {
        those.push(alias.clone());
    } else {
        return 1;
    }
    0
}

fn names(list: &[Alias]) -> String {
    match list {
        [] => String::new(),
        [one] => one.to_string(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} others", rest.len()),
    }
}

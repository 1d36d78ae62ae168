//! What Tab puts in place of a word's beginning.

/// What can be completed.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Those who may be meant, the likeliest first.
    pub(crate) people: Vec<String>,
    /// Rooms, without their sign.
    pub(crate) rooms: Vec<String>,
}

/// A round of completions: Tab again shows the next.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    /// Where the word begins.
    pub(crate) from: usize,
    /// What may stand there, the word as it was typed at the end.
    choices: Vec<String>,
    next: usize,
}

/// Commands, as they are completed.
const COMMANDS: &[&str] = &[
    "close",
    "find",
    "help",
    "history",
    "ignore",
    "invite",
    "join",
    "leave",
    "me",
    "msg",
    "nick",
    "password",
    "private",
    "quit",
    "redact",
    "register",
    "rooms",
    "search",
    "servers",
    "set",
    "topic",
    "unignore",
    "uninvite",
    "unregister",
    "who",
];

impl Round {
    /// The completions of the word before the cursor; `None` where there are none.
    pub(crate) fn start(text: &str, at: usize, names: &Names) -> Option<Self> {
        let head = text.get(..at)?;
        let from =
            head.rfind(char::is_whitespace).map_or(0, |i| i + head[i..].chars().next().map_or(1, char::len_utf8));
        let word = &head[from..];
        let choices = choices(head, from, word, names);
        if choices.is_empty() {
            return None;
        }
        Some(Self { from, choices: choices.into_iter().chain([word.to_owned()]).collect(), next: 0 })
    }

    /// The next choice.
    pub(crate) fn next(&mut self) -> String {
        let choice = self.choices.get(self.next).cloned().unwrap_or_default();
        self.next = (self.next + 1) % self.choices.len().max(1);
        choice
    }
}

fn choices(head: &str, from: usize, word: &str, names: &Names) -> Vec<String> {
    let folded = |word: &str| word.to_lowercase();
    let begins = |name: &&String, word: &str| folded(name).starts_with(&folded(word));
    let people = |word: &str, before: &str, after: &str| -> Vec<String> {
        names.people.iter().filter(|name| begins(name, word)).map(|name| format!("{before}{name}{after}")).collect()
    };
    let rooms = |word: &str, before: &str| -> Vec<String> {
        names.rooms.iter().filter(|name| begins(name, word)).map(|name| format!("{before}{name} ")).collect()
    };
    let command = head.split_whitespace().next().unwrap_or_default();
    if from == 0 {
        if let Some(word) = word.strip_prefix('/') {
            let found = COMMANDS.iter().filter(|name| name.starts_with(&folded(word)));
            return found.map(|name| format!("/{name} ")).collect();
        }
    } else if ["/join", "/leave"].contains(&command) {
        return rooms(word.strip_prefix('#').unwrap_or(word), "");
    } else if ["/msg", "/ignore", "/unignore", "/invite", "/uninvite"].contains(&command) {
        return people(word, "", " ");
    }
    if let Some(word) = word.strip_prefix('#') {
        return rooms(word, "#");
    }
    if let Some(word) = word.strip_prefix('@') {
        return people(word, "@", " ");
    }
    if word.is_empty() { Vec::new() } else { people(word, "", if from == 0 { ": " } else { " " }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let names = Names {
            people: ["bob", "Barbara", "carol"].map(str::to_owned).into(),
            rooms: ["ops", "lobby"].map(str::to_owned).into(),
        };
        let mut round = Round::start(text, text.len(), &names);
        let mut found = Vec::new();
        if let Some(round) = &mut round {
            for _ in 1..round.choices.len() {
                found.push(round.next());
            }
            assert!(text.ends_with(&round.next()), "the last one is what was typed");
        }
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn names_rooms_and_commands() {
        check("b", &["bob: ", "Barbara: "]);
        check("hello b", &["bob ", "Barbara "]);
        check("@b", &["@bob ", "@Barbara "]);
        check("/j", &["/join "]);
        check("/join o", &["ops "]);
        check("see #l", &["#lobby "]);
        check("/msg c", &["carol "]);
        check("/invite c", &["carol "]);
        check("x", &[]);
        check("", &[]);
    }

    #[test]
    fn every_command_of_the_help_is_completed() {
        // Its last line is about texts that look like commands.
        for line in chat_protocol::text::HELP.iter().filter(|line| !line.contains("//")) {
            let commands = line.split([' ', ',', ';']).filter_map(|word| word.strip_prefix('/'));
            for command in commands.filter(|command| command.chars().all(char::is_alphabetic)) {
                assert!(COMMANDS.contains(&command), "/{command}");
            }
        }
    }
}

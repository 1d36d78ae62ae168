//! A person is erased from a data folder.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use chat_protocol::names::Alias;
use chat_server::accounts::put_on_record;
use chat_server::backups;
use chat_server::erase::{EraseError, erase, said_under, whom};
use chat_server::log::Person;
use jiff::Timestamp;

use super::Failed;

impl From<EraseError> for Failed {
    fn from(error: EraseError) -> Self {
        let code = if matches!(error, EraseError::Open(_)) { crate::BAD_START } else { 1 };
        Self { sentence: error.to_string(), code }
    }
}

pub(super) fn run(name: &str, yes: bool, data: &Path) -> Result<(), Failed> {
    let alias = Alias::new(name).map_err(|error| Failed::at_start(error.to_string()))?;
    let person = whom(data, &alias)?;
    let what = match &person {
        Person::Account(_) => {
            format!("the account {alias}, everything it said, its private conversations and its sessions")
        }
        Person::Guest(_) => format!("everything that was said under the alias {alias}, which has no account"),
    };
    if !yes {
        confirm(&what)?;
    }
    let count = erase(data, &person, &alias)?;
    match count {
        Some(1) => eprintln!("{alias} is erased: 1 message is empty now"),
        Some(count) => eprintln!("{alias} is erased: {count} messages are empty now"),
        None => eprintln!("{alias} is erased, by the server that runs on {}", data.display()),
    }
    put_on_record(data, "somebody was erased", Timestamp::now().into())
        .map_err(|error| Failed { sentence: format!("that is done, but not in the audit log: {error}"), code: 1 })?;
    tell_what_is_left(data, &person, &alias);
    Ok(())
}

fn confirm(what: &str) -> Result<(), Failed> {
    if !io::stdin().is_terminal() {
        return Err(Failed::at_start(format!("this would erase {what}; --yes says that it is meant")));
    }
    eprint!("This erases {what}, for good. Type yes to go on: ");
    let mut answer = String::new();
    let read = io::stderr().flush().and_then(|()| io::stdin().lock().read_line(&mut answer));
    match read {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err(Failed::at_start("nothing was erased".to_owned())),
    }
}

/// What isn't in this program's hands, or isn't known to be his.
fn tell_what_is_left(data: &Path, person: &Person, alias: &Alias) {
    if let (Person::Account(_), Ok(count @ 1..)) = (person, said_under(data, alias)) {
        let (messages, are) = if count == 1 { ("message", "is") } else { ("messages", "are") };
        eprintln!(
            "{count} {messages} that guests said as {alias}, before it was an account's, {are} left; the same command again empties what they said"
        );
    }
    tell_of_copies(data);
    eprintln!(
        "topics of rooms are left, as nobody knows who set them; bans and the audit log name people by alias, and the server's own log may have addresses (--log-addresses off)"
    );
}

fn tell_of_copies(data: &Path) {
    let (backups, exports) = (backups::known(data), backups::exports(data));
    if !backups.is_empty() {
        eprintln!("these backups still have it all; make a new one, and delete them:");
        backups.iter().for_each(|file| eprintln!("  {0}\n  {0}.accounts", file.display()));
    }
    if !exports.is_empty() {
        eprintln!("these exports may still have what was said:");
        exports.iter().for_each(|(when, place)| eprintln!("  {place}, of {when}"));
    }
    match (backups.is_empty(), exports.is_empty()) {
        (true, true) => eprintln!("no backup or export is known to be left; one made by other means still has it all"),
        _ => eprintln!("so does every copy of them, and what was copied by other means"),
    }
}

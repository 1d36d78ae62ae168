//! Emptying a data folder of a person: his account, his sessions, what he said, his private conversations, how far he read.
//!
//! The log has one writer. So a wish is put into the book first, where it stands until it is carried out: by the server that
//! has the log, within seconds and piece by piece between its commits, or here, where none runs. A crash on the way only delays it.

use std::path::Path;
use std::time::{Duration, Instant};

use chat_protocol::names::Alias;
use chat_protocol::value::Time;

use crate::accounts::{Accounts, Authenticator as _};
use crate::book::Book;
use crate::log::{Durable, FolderError, OpenError, Operation, Person, Sqlite, Store as _, Verdict};
use crate::marks::Marks;

/// How long a running server is waited for.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(200);

/// Why somebody wasn't erased, or not yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// There is no log in the folder.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It can't be read or written.
    #[error("{0}")]
    Failed(String),
    /// The server on the folder didn't do it in time.
    #[error("the server on this folder has not done it yet; it will, as the request is kept")]
    Later,
}

/// Who would be erased: the account with this alias, or where there is none whoever used the alias as a guest.
///
/// # Errors
///
/// [`EraseError::Failed`] where that can't be found out.
pub fn whom(data: &Path, alias: &Alias) -> Result<Person, EraseError> {
    let path = data.join("chat.db");
    if !path.exists() {
        return Err(OpenError::Nothing { folder: data.to_owned() }.into());
    }
    let accounts = Accounts::in_folder(data).map_err(|error| EraseError::Failed(error.to_string()))?;
    let account = accounts.owner(alias).filter(|account| account.is_called(alias));
    Ok(account.map_or_else(|| Person::Guest(alias.clone()), |account| Person::Account(account.id)))
}

/// How many messages there still are that were said under an alias: of an account that is erased, those that guests said who had the
/// alias before it was an account's, and of whom nobody knows whether they were its owner.
///
/// # Errors
///
/// [`EraseError::Failed`] where that can't be found out.
pub fn said_under(data: &Path, alias: &Alias) -> Result<u64, EraseError> {
    crate::log::said_under(data, alias).map_err(|error| EraseError::Failed(error.to_string()))
}

/// Erases somebody from a data folder; a server may be running on it. Blocks until it is done. How many messages were emptied, where that is known:
/// a server that does it tells its log.
///
/// # Errors
///
/// [`EraseError`]. Once the account is gone the rest follows, now or with the next server.
pub fn erase(data: &Path, person: &Person, alias: &Alias) -> Result<Option<u64>, EraseError> {
    let mut book = Book::open(data).map_err(EraseError::Failed)?;
    let number = book.ask_to_erase(person, alias).map_err(EraseError::Failed)?;
    let mut options = Durable::new(data);
    // Emptying needs no room to speak of, and a full disk is no reason to keep it.
    options.min_free = 0;
    let until = Instant::now() + PATIENCE;
    loop {
        match Sqlite::open(&options) {
            Ok((mut log, reader)) => {
                drop(reader);
                let count = empty(&mut log, person)?;
                drop(log);
                if let Person::Account(id) = person {
                    Marks::open(data).and_then(|(marks, _)| marks.forget(*id)).map_err(EraseError::Failed)?;
                }
                book.erased(number).map_err(EraseError::Failed)?;
                return Ok(Some(count));
            }
            Err(OpenError::Folder(FolderError::InUse { .. })) => {}
            Err(error) => return Err(error.into()),
        }
        let asked = book.erasures().map_err(EraseError::Failed)?;
        if !asked.iter().any(|(other, _)| *other == number) {
            return Ok(None);
        }
        if Instant::now() > until {
            return Err(EraseError::Later);
        }
        std::thread::sleep(LOOK);
    }
}

/// Empties a log that nobody else has open, its write-ahead log included.
fn empty(log: &mut Sqlite, person: &Person) -> Result<u64, EraseError> {
    let failed = |error: crate::log::CommitError| EraseError::Failed(error.to_string());
    let now: Time = jiff::Timestamp::now().into();
    let (mut after, mut count) = (0, 0);
    loop {
        let operation = Operation::Erase { person: person.clone(), after };
        let verdicts = log.commit(now, &[operation]).map_err(failed)?;
        let Some(Verdict::Erased { left, next }) = verdicts.into_iter().next() else { break };
        count += left.len() as u64;
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    // The first thing that is tended to is what was taken away.
    log.tend(now).map_err(failed)?;
    Ok(count)
}

//! A data folder made from a backup: the log, and what belongs beside it.

use std::path::Path;

use chat_protocol::names::RoomName;
use rusqlite::Connection;

use super::transfer::{TransferError, copy, empty};
use super::{OpenError, folder, row, schema};
use crate::book::Book;

/// Where the accounts of a restored log come from, and with them whose its private rooms are.
#[derive(Clone, Copy, Debug)]
pub enum Beside<'a> {
    /// The file that was written beside the backup.
    Accounts(&'a Path),
    /// Nowhere: all rooms are closed but this one, as nobody knows any more which of them were private.
    Lost(&'a RoomName),
}

/// Makes a data folder's log from a backup, and its accounts. The folder must have neither. How many rooms were closed for want of accounts.
///
/// # Errors
///
/// [`TransferError`]; then the folder has still no log, or one that isn't opened without its accounts.
pub fn restore(file: &Path, data: &Path, beside: Beside<'_>) -> Result<usize, TransferError> {
    let from = schema::open_for_reading(file).map_err(|error| OpenError::of(file, &error))?;
    schema::check(&from, file)?;
    if let Beside::Accounts(accounts) = beside {
        if !accounts.exists() {
            return Err(TransferError::NoAccounts(accounts.to_owned()));
        }
        Book::check_belongs(accounts, schema::mark(&from).as_deref()).map_err(TransferError::Accounts)?;
    }
    let folder = empty(data)?;
    Book::check_absent(data).map_err(TransferError::Accounts)?;
    let path = folder.database();
    let new = folder::beside(&path, ".new");
    copy(&from, &new)?;
    let db = Connection::open(&new)?;
    schema::rename_log(&db, &path)?;
    let closed = match beside {
        Beside::Accounts(_) => 0,
        Beside::Lost(lobby) => begin_without(&db, data, lobby)?,
    };
    drop(db);
    schema::put_in_place(&new, &path)?;
    if let Beside::Accounts(accounts) = beside {
        Book::restore(accounts, data).map_err(TransferError::Accounts)?;
    }
    Ok(closed)
}

fn begin_without(db: &Connection, data: &Path, lobby: &RoomName) -> Result<usize, TransferError> {
    schema::set_mark(db, None)?;
    let path = folder::database(data);
    let rooms = row::read_rooms(db).map_err(|why| OpenError::Damaged { path, why })?;
    let rooms = rooms.into_iter().map(|(name, _)| name);
    let closed: Vec<_> =
        rooms.filter(|name| name.ends().is_none() && !name.key().is_same(&lobby.key(), false)).collect();
    Book::close_rooms(data, &closed).map_err(TransferError::Accounts)?;
    Ok(closed.len())
}

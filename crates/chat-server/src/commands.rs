//! What the program does besides serving: taking a log elsewhere, telling about itself.

mod about;
mod accounts;
mod erase;
mod status;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use chat_server::accounts::Accounts;
use chat_server::backups;
use chat_server::log::{self, TransferError};

use crate::BAD_START;
use crate::args::{Command, Typed};
use crate::settings::{data_folder, selection};

/// One sentence, and the exit code: 2 where nothing was begun, 1 for a failure on the way.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) sentence: String,
    pub(crate) code: u8,
}

impl From<TransferError> for Failed {
    fn from(error: TransferError) -> Self {
        Self { code: if error.is_refusal() { BAD_START } else { 1 }, sentence: error.to_string() }
    }
}

impl Failed {
    fn at_start(sentence: String) -> Self {
        Self { sentence, code: BAD_START }
    }
}

pub(crate) fn run(command: &Command, typed: &Typed) -> Result<(), Failed> {
    match command {
        Command::CheckConfig => about::check_config(typed),
        Command::Config => about::config(typed),
        Command::Completions { shell } => about::completions(*shell),
        Command::Man => about::manual(),
        Command::Status => status::run(typed),
        Command::Erase { alias, yes } => erase::run(alias, *yes, &data_folder(&typed.args).map_err(Failed::at_start)?),
        Command::Account(command) => accounts::run(command, &data_folder(&typed.args).map_err(Failed::at_start)?),
        Command::Backup { .. } | Command::Restore { .. } | Command::Export { .. } | Command::Import { .. } => {
            transfer(command, &data_folder(&typed.args).map_err(Failed::at_start)?)
        }
    }
}

fn transfer(command: &Command, data: &Path) -> Result<(), Failed> {
    match command {
        Command::Backup { file } => {
            log::backup(data, file)?;
            Accounts::backup(data, &beside(file))?;
            if let Err(error) = backups::note(data, file) {
                eprintln!("the backup is complete, but `chat-server status` won't know of it: {error}");
            }
            eprintln!("everything in {} is now in {}, too", data.display(), file.display());
        }
        Command::Restore { file } => {
            log::restore(file, data)?;
            Accounts::restore(&beside(file), data)?;
            eprintln!("the log in {} is what {} holds; clients begin anew", data.display(), file.display());
        }
        Command::Export { room, since } => {
            let selection = selection(room.as_deref(), since.as_deref()).map_err(Failed::at_start)?;
            let count = log::export(data, &selection, &mut BufWriter::new(io::stdout().lock()))?;
            eprintln!("{count} messages written");
        }
        Command::Import { file } => {
            let count = log::import(&mut *input(file)?, data)?;
            eprintln!("{count} messages are now in {}", data.display());
        }
        Command::Account(_)
        | Command::Erase { .. }
        | Command::CheckConfig
        | Command::Config
        | Command::Completions { .. }
        | Command::Man
        | Command::Status => {}
    }
    Ok(())
}

/// Where the accounts of a backup are: a file of their own, as they have beside the log.
fn beside(backup: &Path) -> PathBuf {
    let mut name = backup.as_os_str().to_owned();
    name.push(".accounts");
    name.into()
}

fn input(file: &Path) -> Result<Box<dyn BufRead>, Failed> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened =
        File::open(file).map_err(|error| Failed::at_start(format!("can't read {}: {error}", file.display())))?;
    Ok(Box::new(BufReader::new(opened)))
}

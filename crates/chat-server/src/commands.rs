//! What the program does besides serving: taking a log elsewhere, telling about itself.

mod about;
mod accounts;
mod erase;
mod status;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use chat_protocol::names::RoomName;
use chat_server::accounts::Accounts;
use chat_server::backups;
use chat_server::log::{self, Beside, TransferError};

use crate::BAD_START;
use crate::args::{Command, Typed};
use crate::settings::{data_folder, lobby, selection};

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
        Command::Restore { file, without_accounts } => {
            let lobby = lobby(&typed.args).map_err(Failed::at_start)?;
            restore(file, &data_folder(&typed.args).map_err(Failed::at_start)?, without_accounts.then_some(&lobby))
        }
        Command::Backup { .. } | Command::Export { .. } | Command::Import { .. } => {
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
            let (data, file) = (data.display(), file.display());
            eprintln!("everything in {data} is now in {file} and {file}.accounts, too; keep the two together");
        }
        Command::Export { room, since } => {
            let selection = selection(room.as_deref(), since.as_deref()).map_err(Failed::at_start)?;
            let count = log::export(data, &selection, &mut BufWriter::new(io::stdout().lock()))?;
            eprintln!("{count} messages written");
            if let Err(error) = backups::note_export(data, written_to().as_deref()) {
                eprintln!("the export is complete, but `chat-server erase` won't know of it: {error}");
            }
        }
        Command::Import { file } => {
            let count = log::import(&mut *input(file)?, data)?;
            eprintln!("{count} messages are now in {}", data.display());
        }
        Command::Account(_)
        | Command::Restore { .. }
        | Command::Erase { .. }
        | Command::CheckConfig
        | Command::Config
        | Command::Completions { .. }
        | Command::Man
        | Command::Status => {}
    }
    Ok(())
}

/// `without`: the accounts are lost, and this is the room that stays open.
fn restore(file: &Path, data: &Path, without: Option<&RoomName>) -> Result<(), Failed> {
    let accounts = beside(file);
    let closed = log::restore(file, data, without.map_or(Beside::Accounts(&accounts), Beside::Lost))?;
    eprintln!("the log in {} is what {} holds; clients begin anew", data.display(), file.display());
    if let Some(lobby) = without {
        eprintln!(
            "there are no accounts, and of the rooms #{lobby} alone is open: {closed} are closed, as some may have been private;"
        );
        eprintln!("`chat-server account add NAME --operator` makes an operator, who can /open them");
    }
    Ok(())
}

/// Where the accounts of a backup are: a file of their own, as they have beside the log.
fn beside(backup: &Path) -> PathBuf {
    let mut name = backup.as_os_str().to_owned();
    name.push(".accounts");
    name.into()
}

/// The file that standard output is, where it is one and the system tells which.
fn written_to() -> Option<PathBuf> {
    let link = std::fs::read_link("/proc/self/fd/1").ok()?;
    link.is_file().then_some(link)
}

fn input(file: &Path) -> Result<Box<dyn BufRead>, Failed> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened =
        File::open(file).map_err(|error| Failed::at_start(format!("can't read {}: {error}", file.display())))?;
    Ok(Box::new(BufReader::new(opened)))
}

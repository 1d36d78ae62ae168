//! Accounts, made and changed without a session: the first operator, and a password that was forgotten.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read, Write as _};
use std::path::Path;

use chat_protocol::names::Alias;
use chat_protocol::value::{Password, Time};
use chat_server::accounts::{Account, AccountError, Accounts, Authenticator as _, check_password, put_on_record};
use chat_server::log::AuthorId;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Failed;
use crate::args::AccountCommand;
use crate::settings::duration;

/// Bytes of a password file that are looked at: its first line.
const FIRST_LINE: u64 = 4096;

impl From<AccountError> for Failed {
    fn from(error: AccountError) -> Self {
        let code = if matches!(error, AccountError::Unavailable(_)) { 1 } else { crate::BAD_START };
        Self { sentence: error.to_string(), code }
    }
}

pub(super) fn run(command: &AccountCommand, data: &Path) -> Result<(), Failed> {
    let accounts = Accounts::in_folder(data)?;
    let done = match command {
        AccountCommand::Add { name, operator, password_file } => {
            let alias = free(&accounts, name)?;
            let password = password(password_file.as_deref(), &alias)?;
            let id = AuthorId(random()?);
            let account = accounts.register(id, &alias, &password, now())?;
            if *operator {
                accounts.set_operator(account.id, true)?;
            }
            format!("{alias} has an account now{}", if *operator { ", an operator's" } else { "" })
        }
        AccountCommand::Invite { name, expires } => invite(&accounts, name, expires)?,
        AccountCommand::Passwd { name, password_file } => {
            let account = existing(&accounts, name)?;
            let password = password(password_file.as_deref(), &account.alias)?;
            accounts.change_password(account.id, &password, now())?;
            format!("{} has a new password, and no sessions", account.alias)
        }
        AccountCommand::Operator { name, off } => {
            let account = existing(&accounts, name)?;
            accounts.set_operator(account.id, !off)?;
            format!("{} {}", account.alias, if *off { "is no operator any more" } else { "is an operator now" })
        }
    };
    eprintln!("{done}");
    put_on_record(data, &done, now())
        .map_err(|error| Failed { sentence: format!("that is done, but not in the audit log: {error}"), code: 1 })
}

/// Prints an invite; what is said of it besides.
fn invite(accounts: &Accounts, name: &str, expires: &str) -> Result<String, Failed> {
    let alias = free(accounts, name)?;
    let life = duration(expires).map_err(|why| Failed::at_start(format!("--expires {expires:?}: {why}")))?;
    let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
    let until = Time::from_millis(now().as_millis().saturating_add(life));
    let invite = accounts.invite(&alias, until, now())?;
    let failed = |error: io::Error| Failed { sentence: format!("can't write to standard output: {error}"), code: 1 };
    writeln!(io::stdout(), "{}", invite.reveal()).map_err(failed)?;
    let until = until.timestamp().to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M UTC%:z").to_string();
    Ok(format!("{alias} is invited, once, until {until}"))
}

/// An alias that no account has, nor one that looks like it.
fn free(accounts: &Accounts, name: &str) -> Result<Alias, Failed> {
    let alias = alias(name)?;
    match accounts.owner(&alias) {
        Some(owner) if owner.is_called(&alias) => Err(Failed::at_start(format!("{alias} has an account already"))),
        Some(_) => Err(Failed::at_start(format!("{alias} looks like an account's alias"))),
        None => Ok(alias),
    }
}

fn alias(name: &str) -> Result<Alias, Failed> {
    Alias::new(name).map_err(|error| Failed::at_start(error.to_string()))
}

fn existing(accounts: &Accounts, name: &str) -> Result<Account, Failed> {
    let alias = alias(name)?;
    let account = accounts.owner(&alias).filter(|account| account.is_called(&alias));
    // What is suggested has to work where nobody can be asked.
    let file = if io::stdin().is_terminal() { "" } else { " --password-file FILE" };
    let words = || format!("{alias} has no account; `chat-server account add {alias}{file}` makes one");
    account.ok_or_else(|| Failed::at_start(words()))
}

fn now() -> Time {
    Timestamp::now().into()
}

fn random() -> Result<[u8; 16], Failed> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failed { sentence: error.to_string(), code: 1 })?;
    Ok(bytes)
}

fn password(file: Option<&Path>, alias: &Alias) -> Result<Password, Failed> {
    let password = match file {
        Some(file) => from_file(file)?,
        None if io::stdin().is_terminal() => asked(alias)?,
        None => {
            let words = "give the password with --password-file FILE, or --password-file - for standard input";
            return Err(Failed::at_start(words.to_owned()));
        }
    };
    check_password(&password, alias).map_err(|bad| Failed::at_start(bad.to_string()))?;
    Ok(password)
}

fn from_file(file: &Path) -> Result<Password, Failed> {
    let failed = |error: io::Error| Failed::at_start(format!("can't read {}: {error}", file.display()));
    let input: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file).map_err(failed)?) };
    let mut line = String::new();
    BufReader::new(input).take(FIRST_LINE).read_line(&mut line).map_err(failed)?;
    Ok(Password::new(line.trim_end_matches(['\r', '\n'])))
}

fn asked(alias: &Alias) -> Result<Password, Failed> {
    let ask = |words: &str| rpassword::prompt_password(words).map_err(|error| Failed::at_start(error.to_string()));
    let first = ask(&format!("password for {alias}: "))?;
    if ask("the same again: ")? != first {
        return Err(Failed::at_start("the two differ; nothing was changed".to_owned()));
    }
    Ok(Password::new(first))
}

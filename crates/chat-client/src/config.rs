//! What was typed, understood.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chat_client::{Client, Events, FirstConnection, Journal, JournalError, Options, Resume, Secret, Tls, Trust};
use chat_protocol::limits::{MAX_PAGE, MAX_ROOMS_PER_SESSION};
use chat_protocol::message::RoomStart;
use chat_protocol::names::RoomName;

use crate::args::{Args, Times};
use crate::kept;
use crate::tui::settings::Server;

/// Where a server listens that was told nothing.
const DEFAULT_SERVER: &str = "127.0.0.1:5555";

/// What the program is to do.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) server: String,
    /// The server as it is remembered, once it let us in.
    pub(crate) place: Server,
    /// The way there, where it isn't plain TCP.
    pub(crate) tls: Option<Tls>,
    /// Empty where a person is to be asked.
    pub(crate) alias: String,
    /// What the arguments say about line mode.
    pub(crate) plain: Option<bool>,
    /// The whole screen is wanted, as far as the arguments and the terminal say.
    pub(crate) full_screen: bool,
    pub(crate) rooms: Vec<RoomName>,
    pub(crate) history: u32,
    pub(crate) times: Times,
    /// `/` and `@` mean something.
    pub(crate) commands: bool,
    pub(crate) manner: Manner,
    /// Where a person's conversations are kept, if they are.
    pub(crate) state: Option<PathBuf>,
    pub(crate) password: Option<Secret>,
    pub(crate) invite: Option<Secret>,
    timeout: Duration,
}

/// Who types, and who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A person at a terminal.
    Person,
    /// A program that talks and listens: its input is a pipe, and it asked for lines out.
    Program,
    /// A script that only says something.
    Script,
}

impl Config {
    /// # Errors
    ///
    /// One sentence about what makes no sense.
    pub(crate) fn new(mut args: Args, known: &[Server]) -> Result<Self, String> {
        let is_terminal = std::io::stdin().is_terminal();
        if is_terminal {
            args = reopened(args, known)?;
        }
        let server = args.server.clone().unwrap_or_else(|| DEFAULT_SERVER.to_owned());
        check_server(&server)?;
        let rooms = args.room.iter().filter(|name| !name.is_empty());
        let rooms: Result<Vec<_>, _> =
            rooms.map(|name| RoomName::new(name).map_err(|error| format!("--room {name:?}: {error}"))).collect();
        let rooms = rooms?;
        if rooms.len() > MAX_ROOMS_PER_SESSION {
            return Err(format!("--room: at most {MAX_ROOMS_PER_SESSION} may be given"));
        }
        if args.history > MAX_PAGE {
            return Err(format!("--history {}: at most {MAX_PAGE} are allowed", args.history));
        }
        let manner = match (is_terminal, args.plain) {
            (true, _) => Manner::Person,
            (false, Some(true)) => Manner::Program,
            (false, _) => Manner::Script,
        };
        let alias = args.alias.clone().unwrap_or_default();
        if alias.is_empty() && manner != Manner::Person {
            return Err("it takes the name of who speaks: chat-client ALIAS".to_owned());
        }
        let is_screen = is_terminal && std::io::stdout().is_terminal();
        let keeps = manner == Manner::Person;
        Ok(Self {
            tls: tls(&args, &server)?,
            place: Server {
                address: server.clone(),
                alias: String::new(),
                tls: args.tls == Some(true),
                ca: args.ca.clone(),
                fingerprint: args.fingerprint.map(|fingerprint| fingerprint.to_string()),
            },
            password: args.password_file.as_deref().map(|path| secret("--password-file", path)).transpose()?,
            invite: args.invite_file.as_deref().map(|path| secret("--invite-file", path)).transpose()?,
            state: keeps.then(|| kept::folder(args.state)).flatten(),
            server,
            alias,
            full_screen: is_screen && args.plain != Some(true),
            plain: args.plain,
            rooms,
            history: args.history,
            times: args.times,
            commands: args.commands.unwrap_or(is_terminal),
            manner,
            timeout: Duration::from_secs(args.timeout.into()),
        })
    }

    /// Starts a client, by the way there that was asked for.
    pub(crate) fn connect(&self, journal: Option<&Journal>) -> (Client, Events) {
        match &self.tls {
            Some(tls) => Client::connect_with(tls.clone(), self.options(journal)),
            None => Client::connect(&self.server, self.options(journal)),
        }
    }

    /// Opens the journal of the alias.
    ///
    /// # Errors
    ///
    /// Somebody else has it, and this is what to do.
    pub(crate) fn open_journal(&self) -> Result<Opened, String> {
        let Some(folder) = &self.state else { return Ok(Opened::default()) };
        match kept::open(folder, &self.server, &self.alias) {
            Ok(journal) => {
                let trouble = journal.as_ref().and_then(Journal::trouble).map(ToOwned::to_owned);
                Ok(Opened { journal, trouble })
            }
            Err(JournalError::Held { pid, .. }) => Err(kept::held(&self.alias, &self.server, pid)),
            Err(error) => Ok(Opened {
                journal: None,
                trouble: Some(format!("what you say is not kept on this machine: {error}")),
            }),
        }
    }

    /// What the library needs to know.
    fn options(&self, journal: Option<&Journal>) -> Options {
        let mut options = Options::new(&self.alias);
        options.password.clone_from(&self.password);
        options.invite.clone_from(&self.invite);
        options.rooms.clone_from(&self.rooms);
        match self.manner {
            // A person sees that there is no server, and starts one.
            Manner::Person => options.first_connection = FirstConnection::Fail,
            Manner::Program | Manner::Script => options.give_up_after = Some(self.timeout),
        }
        options.quiet = self.manner == Manner::Script;
        options.history = if self.manner == Manner::Script { 0 } else { self.history };
        if let Some(resume) = journal.and_then(Journal::resume) {
            // A person sees the last page and is told what came since; all that a month brought is more than anybody reads.
            if resume.rooms.iter().any(|start| start.after.is_some()) {
                options.history = MAX_PAGE;
            }
            let rooms = resume.rooms.into_iter().filter(|_| self.rooms.is_empty());
            let rooms = rooms.map(|start| RoomStart { after: None, ..start }).collect();
            options.resume = Some(Resume { rooms, ..resume });
        }
        options.journal = journal.cloned();
        options
    }
}

/// A conversation's journal, if it has one, and what is to be said about it.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) journal: Option<Journal>,
    pub(crate) trouble: Option<String>,
}

/// The first line of a file that nobody else should read.
fn secret(flag: &str, path: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{flag} {}: {}", path.display(), without_number(&error)))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(format!("{flag} {}: its first line is empty", path.display())),
    }
}

/// The system's words, without the number that it has for them.
pub(crate) fn without_number(error: &std::io::Error) -> String {
    let words = error.to_string();
    words.rsplit_once(" (os error ").map_or(words.as_str(), |(words, _)| words).to_owned()
}

/// Arguments that name neither a server nor an alias mean the last ones.
fn reopened(args: Args, known: &[Server]) -> Result<Args, String> {
    let is_alone = args.alias.is_none() && args.server.is_none() && args.ca.is_none() && args.fingerprint.is_none();
    let Some(last) = known.first().filter(|_| is_alone && args.tls.is_none()) else { return Ok(args) };
    let fingerprint = last.fingerprint.as_deref().map(str::parse).transpose();
    let fingerprint = fingerprint.map_err(|error| format!("the fingerprint kept for {}: {error}", last.address))?;
    Ok(Args {
        alias: Some(last.alias.clone()),
        server: Some(last.address.clone()),
        tls: last.tls.then_some(true),
        ca: last.ca.clone(),
        fingerprint,
        ..args
    })
}

/// Whoever says how a server proves itself wants it proved.
fn tls(args: &Args, server: &str) -> Result<Option<Tls>, String> {
    let trust = match (&args.fingerprint, &args.ca) {
        (Some(_), _) | (_, Some(_)) if args.tls == Some(false) => {
            return Err("--tls=false contradicts --ca and --fingerprint, which ask for TLS".to_owned());
        }
        (Some(fingerprint), _) => Trust::Fingerprint(*fingerprint),
        (None, Some(path)) => {
            Trust::ca_file(path).map_err(|error| format!("--ca {}: {}", path.display(), without_number(&error)))?
        }
        (None, None) if args.tls == Some(true) => Trust::System,
        (None, None) => return Ok(None),
    };
    let flag = args.ca.as_ref().map_or_else(|| "--tls".to_owned(), |path| format!("--ca {}", path.display()));
    Tls::new(server, trust).map(Some).map_err(|error| format!("{flag}: {error}"))
}

fn check_server(server: &str) -> Result<(), String> {
    let port = server.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(1..)) => Ok(()),
        _ => Err(format!("--server {server:?}: it takes a host and a port, such as 127.0.0.1:5555")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn who_names_nothing_goes_where_he_was() {
        let last = Server {
            address: "chat.example:1".to_owned(),
            alias: "alice".to_owned(),
            tls: true,
            ca: None,
            fingerprint: Some("AB".repeat(32)),
        };
        let parse = |args: &[&str]| Args::try_parse_from([&["chat-client"], args].concat()).unwrap();
        let known = [last];
        let args = reopened(parse(&["--history", "7"]), &known).unwrap();
        assert_eq!(
            (args.alias.as_deref(), args.server.as_deref(), args.history),
            (Some("alice"), Some("chat.example:1"), 7)
        );
        assert!(args.fingerprint.is_some());
        for named in [&["bob"][..], &["--server", "other.example:1"], &["--tls"]] {
            assert_ne!(reopened(parse(named), &known).unwrap().alias.as_deref(), Some("alice"), "{named:?}");
        }
        let broken = [Server { fingerprint: Some("AB".to_owned()), ..known[0].clone() }];
        assert!(reopened(parse(&[]), &broken).unwrap_err().contains("chat.example:1"));
    }

    #[test]
    fn servers() {
        for good in ["127.0.0.1:5555", "[::1]:1", "chat.example:65535"] {
            assert_eq!(check_server(good), Ok(()), "{good}");
        }
        for bad in ["", "chat.example", ":5555", "chat.example:", "chat.example:0", "chat.example:65536", "a:b"] {
            assert!(check_server(bad).is_err(), "{bad}");
        }
    }
}

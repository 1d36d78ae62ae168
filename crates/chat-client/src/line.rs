//! Line mode: lines in, lines out, append-only. For people, for programs that listen, and for scripts that only say something.

mod ask;
mod echo;
mod fate;
mod request;
mod typed;
mod view;
pub(crate) mod words;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use chat_client::{Client, End, Event, Events, Journal, Lost};
use chat_protocol::value::Text;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::ask::{ask_alias, ask_other, ask_secrets};
use self::request::Done;
use self::view::View;
use self::words::{excerpt, no_connection, notice};
use crate::config::{Config, Manner, without_number};
use crate::input::Input;
use crate::kept::Read;
use crate::signals::interrupts;

/// Requests that are unanswered before the next line is read. Less than the library's outbox takes, so that it never has to wait.
const IN_FLIGHT: usize = 128;

/// How long a line may take to be stored before a person is told that it isn't.
const LATE: Duration = Duration::from_secs(2);

/// Failed tries of which a person is told; a night without a server must not fill the screen.
const TRIES_TOLD: u32 = 6;

/// How a conversation ended.
enum Over {
    /// With this exit code.
    Exit(u8),
    /// The alias can't be had; a person may choose another.
    AskAgain,
    /// The alias takes a password, or the house an invite and a password for the account that it makes.
    AskSecret { invite: bool },
}

/// Holds the conversation that the arguments ask for; its exit code.
pub(crate) async fn run(mut config: Config) -> u8 {
    let mut source = Source { input: Input::stdin(), interrupts: interrupts() };
    if config.alias.is_empty() {
        match ask_alias(&mut source).await {
            Some(alias) => config.alias = alias,
            None => return 1,
        }
    }
    loop {
        let opened = match config.open_journal() {
            Ok(opened) => opened,
            Err(words) => {
                eprintln!("!!! {words}");
                return 1;
            }
        };
        if let Some(words) = &opened.trouble {
            eprintln!("!!! {words}");
        }
        let (talk, events) = Talk::start(&config, opened.journal.as_ref());
        match talk.run(&mut source, events).await {
            Over::Exit(code) => return code,
            Over::AskAgain => {
                if !ask_other(&mut config, &mut source).await {
                    return 1;
                }
            }
            Over::AskSecret { invite } => {
                let asked = ask_secrets(&mut source, invite).await;
                match asked {
                    Some(Some((invite, password))) => {
                        config.invite = invite;
                        config.password = Some(password);
                    }
                    // An empty one means another alias.
                    Some(None) if ask_other(&mut config, &mut source).await => {}
                    _ => return 1,
                }
            }
        }
    }
}

/// Where a person's wishes come from.
struct Source {
    input: Input,
    interrupts: mpsc::Receiver<()>,
}

/// A line that was said and isn't stored yet.
#[derive(Debug)]
struct Waiting {
    text: String,
    late_at: Instant,
    /// A person was told that it isn't stored.
    named: bool,
}

/// A conversation.
struct Talk<'a> {
    config: &'a Config,
    client: Client,
    view: View,
    /// Requests that aren't answered.
    requests: FuturesUnordered<BoxFuture<'static, Done>>,
    /// The lines among them, by number.
    waiting: BTreeMap<u64, Waiting>,
    /// The number of the last line that was read.
    number: u64,
    /// There may be more lines.
    open: bool,
    /// A line asked to leave.
    left: bool,
    /// Requests that the next line waits for.
    held: usize,
    /// A line was refused or its fate is unknown.
    failed: bool,
    /// What a script is told of its lines, by number, until those before them have their fate.
    named: BTreeMap<u64, String>,
    /// A script was told that there is no connection.
    told: bool,
    /// The end was told.
    has_ended: bool,
    /// Tries since there was a connection.
    tries: u32,
    reason: Option<String>,
    /// What is said is on disk until it is stored.
    keeps: bool,
}

impl<'a> Talk<'a> {
    fn start(config: &'a Config, journal: Option<&Journal>) -> (Self, Events) {
        let keeps = journal.is_some();
        let read = journal.map(Read::of).unwrap_or_default();
        let lines = journal.map(Journal::lines).unwrap_or_default();
        let view = View::new(TimeZone::system(), config.times, config.history, read, config.rooms.first().cloned());
        let requests = FuturesUnordered::new();
        let mut waiting = BTreeMap::new();
        // Their numbers are beyond those of any line of the input.
        for (line, back) in lines.into_iter().rev().zip(0..) {
            let number = u64::MAX - back;
            waiting.insert(number, Waiting { text: line.text.clone(), late_at: Instant::now(), named: true });
            requests.push(request::settle(number, line));
        }
        let (client, events) = config.connect(journal);
        let talk = Self {
            config,
            client,
            view,
            requests,
            waiting,
            number: 0,
            open: true,
            left: false,
            held: 0,
            failed: false,
            named: BTreeMap::new(),
            told: false,
            has_ended: false,
            tries: 0,
            reason: None,
            keeps,
        };
        (talk, events)
    }

    async fn run(mut self, source: &mut Source, mut events: Events) -> Over {
        for line in self.waiting.values() {
            let words = notice(&format!("not stored when you were here last: {}", excerpt(&line.text)));
            if print(&words).is_err() {
                break;
            }
        }
        let talked = self.talk(source, &mut events).await;
        if let Ok(Some(end)) = &talked
            && let Some(over) = self.ended(end)
        {
            return over;
        }
        let end = self.client.quit(self.reason.take()).await;
        // Each request has its answer now, if only that there is none.
        while let Some(done) = self.requests.next().await {
            if self.done(done).is_err() {
                break;
            }
        }
        let lost = matches!(talked, Ok(Some(_)));
        self.name_the_rest(source, lost, &end).await;
        match talked {
            // Whoever read our output has gone: there is nothing left to do, and nothing wrong.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Over::Exit(0),
            Err(error) => {
                self.complain(&format!("standard input or output failed: {}", without_number(&error)));
                Over::Exit(1)
            }
            Ok(_) => Over::Exit(u8::from(self.failed || lost)),
        }
    }

    /// Talks until the input ends, somebody wants to leave (`None`), or the client ends.
    async fn talk(&mut self, source: &mut Source, events: &mut Events) -> io::Result<Option<End>> {
        loop {
            // A script without a line has still asked whether the server is there.
            if !self.open && (self.is_person() || (self.requests.is_empty() && self.view.me().is_some())) {
                return Ok(None);
            }
            let reads = self.open && self.held == 0 && self.view.is_placed() && self.requests.len() < IN_FLIGHT;
            let late = self.waiting.values().find(|line| !line.named).map(|line| line.late_at);
            tokio::select! {
                event = events.next() => match event {
                    Some(event @ Event::Ended(_)) => return self.last(event),
                    Some(event) => self.event(&event)?,
                    None => return Ok(Some(End::Gone)),
                },
                done = self.requests.next(), if !self.requests.is_empty() => {
                    // What happened before the answer is shown before it, and decides what the next line means.
                    while let Some(Some(event)) = events.next().now_or_never() {
                        if let Event::Ended(_) = event {
                            self.answered(done)?;
                            return self.last(event);
                        }
                        self.event(&event)?;
                    }
                    self.answered(done)?;
                }
                line = source.input.next(), if reads => match line {
                    Some(line) => self.open = self.line(line?).await?,
                    None => self.open = false,
                },
                () = sleep_until(late.unwrap_or_else(Instant::now)), if late.is_some() && self.is_person() => self.late()?,
                _ = source.interrupts.recv() => return Ok(None),
            }
        }
    }

    /// Shows the last event.
    fn last(&mut self, event: Event) -> io::Result<Option<End>> {
        self.event(&event)?;
        Ok(if let Event::Ended(end) = event { Some(end) } else { None })
    }

    fn is_person(&self) -> bool {
        self.config.manner == Manner::Person
    }

    /// Shows an event, to those who want to see any.
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Disconnected { why, .. } => self.tries += u32::from(!matches!(why, Lost::Bye(_)) || self.tries == 0),
            Event::Connected(_) | Event::Reconnected { .. } => (self.tries, self.told) = (0, false),
            _ => {}
        }
        let is_echo = matches!(event, Event::Message(message) if message.own && self.is_waiting(&message.stored.text));
        let mut words = self.view.event(event, Timestamp::now());
        // What a program says is meant for the room that it chose: there the server refuses it.
        if let (Event::Left { room, .. }, true) = (event, self.is_person()) {
            words.push_str(&self.view.move_on(room));
        }
        match event {
            Event::Disconnected { why, .. } if self.view.me().is_none() => {
                if self.tries == 1 && !self.is_person() {
                    self.told = true;
                    self.complain(&no_connection(&self.config.server, why));
                }
                Ok(())
            }
            _ if is_echo || self.config.manner == Manner::Script || self.tries > TRIES_TOLD => Ok(()),
            _ => print(&words),
        }
    }

    /// Whether a message is one that the terminal shows already, as it was typed there.
    fn is_waiting(&self, text: &Text) -> bool {
        self.waiting.values().any(|line| Text::new(&line.text) == *text)
    }
}

fn print(words: &str) -> io::Result<()> {
    if words.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(words.as_bytes())?;
    out.flush()
}

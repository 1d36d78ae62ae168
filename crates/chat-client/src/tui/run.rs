//! The loop: keys, events, answers and time in; the screen and requests out.

use std::io;
use std::time::Duration;

use chat_client::{Client, Event, Events, Journal, RequestError};
use chat_protocol::message::ClientMessage;
use crossterm::event::{Event as Input, EventStream, KeyCode, KeyModifiers, MouseEventKind};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::effect::{Answer, Effect};
use super::keeper::Keeper;
use super::settings::{self, Plain, Server, Settings};
use super::state::{Secrets, State};
use super::terminal::{Screen, Signal, ask_to_stop, signals};
use crate::asked;
use crate::config::{Config, Opened, without_number};
use crate::kept::Read;

/// The time between two pictures: 60 a second are as many as are seen.
const FRAME: Duration = Duration::from_millis(16);

/// The time between two pictures where a key was pressed: what somebody types has to be there at once.
const KEY_FRAME: Duration = Duration::from_millis(4);

/// Events that are taken in before a key gets a turn.
const EVENTS_PER_TURN: usize = 256;

/// Messages in a page of older ones.
const OLDER_PAGE: u32 = 100;

/// Holds the conversation on the whole screen; its exit code.
pub(crate) async fn run(config: Config, settings: Settings, trouble: Option<String>) -> u8 {
    let lost = match Program::new(config, settings, trouble) {
        Ok(mut program) => {
            let result = program.run().await;
            let lost = program.leave().await;
            drop(program);
            result.map(|()| lost)
        }
        Err(error) => Err(error),
    };
    match lost {
        Ok(lost) => {
            for (text, kept) in &lost {
                let what = if *kept { "kept for the next start" } else { "not sent" };
                eprintln!("!!! {what}: {}", chat_protocol::clean::clean_line(text));
            }
            u8::from(!lost.is_empty())
        }
        Err(error) => {
            eprintln!("chat-client: the terminal failed: {}", without_number(&error));
            1
        }
    }
}

/// Everything that is not the state.
struct Program {
    config: Config,
    keeper: Keeper,
    screen: Screen,
    state: State,
    keys: EventStream,
    signals: mpsc::Receiver<Signal>,
    link: Option<(Client, Events)>,
    journal: Option<Journal>,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    reason: Option<String>,
}

impl Program {
    fn new(config: Config, settings: Settings, trouble: Option<String>) -> io::Result<Self> {
        let alias = config.alias.clone();
        let alias = (!alias.is_empty()).then_some(alias);
        let mut state = State::new(config.server.clone(), alias, settings, TimeZone::system(), Timestamp::now());
        state.look.no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if let Some(words) = trouble {
            state.answer(Answer::Saved(Err(words)));
        }
        let signals = signals()?;
        let mut screen = Screen::open()?;
        if state.look.settings.mouse == Plain::On {
            screen.capture_mouse(true)?;
        }
        let (width, height) = screen.size()?;
        state.resize(width, height);
        Ok(Self {
            config,
            keeper: Keeper::new(settings::path()),
            screen,
            state,
            keys: EventStream::new(),
            signals,
            link: None,
            journal: None,
            answers: FuturesUnordered::new(),
            reason: None,
        })
    }

    async fn run(&mut self) -> io::Result<()> {
        self.typed_ahead()?;
        let mut drawn_at = Instant::now();
        let mut draw_at = Some(drawn_at);
        let mut tick_at = drawn_at + Duration::from_secs(1);
        loop {
            for effect in self.state.effects() {
                if self.carry_out(effect).await? {
                    return Ok(());
                }
            }
            tokio::select! {
                biased;
                wish = self.signals.recv() => match wish {
                    Some(Signal::Stop) => self.screen.suspend()?,
                    Some(Signal::Continued) => self.screen.clear()?,
                    Some(Signal::Leave) | None => return Ok(()),
                },
                input = self.keys.next() => match input {
                    Some(input) => {
                        self.input(input?);
                        draw_at = Some(draw_at.unwrap_or(drawn_at + FRAME).min(drawn_at + KEY_FRAME));
                    }
                    None => return Ok(()),
                },
                () = sleep_until(draw_at.unwrap_or(tick_at)), if draw_at.is_some() => {
                    self.state.tick(Timestamp::now());
                    self.screen.draw(&self.state)?;
                    drawn_at = Instant::now();
                    draw_at = None;
                    continue;
                }
                event = next_event(&mut self.link) => self.events(event),
                Some(answer) = self.answers.next(), if !self.answers.is_empty() => {
                    // What happened before the answer is taken in before it.
                    self.events_that_wait();
                    self.state.answer(answer);
                }
                () = sleep_until(tick_at), if self.state.counts_down() => {
                    tick_at = Instant::now() + Duration::from_millis(250);
                }
            }
            self.state.tick(Timestamp::now());
            draw_at = draw_at.or(Some(drawn_at + FRAME));
        }
    }

    /// Takes in what was typed while this program started. The terminal, which wasn't ours yet, made a line feed of each Enter
    /// then: taken for one that is meant, it would put lines together, and a command or a private message into what is said aloud.
    fn typed_ahead(&mut self) -> io::Result<()> {
        while crossterm::event::poll(Duration::ZERO)? {
            let input = match crossterm::event::read()? {
                Input::Key(key) if key.code == KeyCode::Char('j') && key.modifiers == KeyModifiers::CONTROL => {
                    Input::Key(KeyCode::Enter.into())
                }
                other => other,
            };
            self.input(input);
        }
        Ok(())
    }

    fn input(&mut self, input: Input) {
        self.state.tick(Timestamp::now());
        match input {
            Input::Key(key) => self.state.key(key),
            Input::Paste(text) => self.state.paste(&text),
            Input::Mouse(mouse) => match mouse.kind {
                MouseEventKind::ScrollUp => self.state.wheel(true),
                MouseEventKind::ScrollDown => self.state.wheel(false),
                _ => {}
            },
            Input::Resize(width, height) => self.state.resize(width, height),
            _ => {}
        }
    }

    fn events(&mut self, event: Option<Event>) {
        self.state.tick(Timestamp::now());
        match event {
            Some(event) => {
                if let Event::Connected(welcome) = &event {
                    let alias = welcome.alias.to_string();
                    self.state.remember(Server { alias, ..self.config.place.clone() });
                }
                self.state.event(event);
            }
            None => self.link = None,
        }
        self.events_that_wait();
    }

    fn events_that_wait(&mut self) {
        let Some((_, events)) = &mut self.link else { return };
        for _ in 0..EVENTS_PER_TURN {
            match events.next().now_or_never() {
                Some(Some(event)) => self.state.event(event),
                _ => return,
            }
        }
    }

    /// Whether it was the last.
    async fn carry_out(&mut self, effect: Effect) -> io::Result<bool> {
        match effect {
            Effect::Connect(alias) => self.connect(alias),
            Effect::Mouse(on) => self.screen.capture_mouse(on)?,
            Effect::Bell => self.screen.bell()?,
            Effect::Notify(words) => self.screen.notify(&words)?,
            Effect::Save => {
                self.keeper.take(self.state.look.settings.clone());
                let keeper = self.keeper.clone();
                let saved = tokio::task::spawn_blocking(move || keeper.write());
                self.answers.push(async move { Answer::Saved(saved.await.unwrap_or(Ok(()))) }.boxed());
            }
            Effect::Suspend => ask_to_stop(),
            Effect::Redraw => self.screen.clear()?,
            Effect::Quit(reason) => {
                self.reason = reason;
                return Ok(true);
            }
            Effect::Post { .. } | Effect::Whisper { .. } | Effect::Ask(_) | Effect::Older { .. } => {
                self.request(effect).await;
            }
        }
        Ok(false)
    }

    /// Starts a client, with what the last one under this alias left.
    fn connect(&mut self, alias: String) {
        self.link = None;
        if let Some(Secrets { password, invite }) = self.state.take_secrets() {
            self.config.password = password;
            self.config.invite = invite;
        }
        if self.journal.is_none() || self.config.alias != alias {
            self.config.alias = alias;
            self.journal = None;
            match self.config.open_journal() {
                Ok(Opened { journal, trouble }) => {
                    self.journal = journal;
                    if let Some(words) = trouble {
                        self.state.answer(Answer::Saved(Err(words)));
                    }
                }
                Err(words) => return self.state.held(words),
            }
        }
        let lines = self.journal.as_ref().map(Journal::lines).unwrap_or_default();
        let numbers = self.state.kept(self.journal.as_ref().map(Read::of), &lines);
        for (number, line) in numbers.into_iter().zip(lines) {
            self.answers.push(async move { Answer::Settled { number, result: line.receipt.await } }.boxed());
        }
        self.link = Some(self.config.connect(self.journal.as_ref()));
    }

    /// Sends a request. The state sees to it that there is always a place for it, so that this doesn't hold up the keys.
    async fn request(&self, effect: Effect) {
        let Some((client, _)) = &self.link else { return };
        let client = client.clone();
        let answer = match effect {
            Effect::Post { number, room, text, kind } => {
                let posted = client.post(&room, text, kind).await;
                async move { Answer::Posted { number, result: settle(posted).await } }.boxed()
            }
            Effect::Whisper { number, to, text, kind } => {
                let posted = client.post_private(to, text, kind).await;
                async move { Answer::Whispered { number, result: settle(posted).await } }.boxed()
            }
            Effect::Older { room, before } => async move {
                let query = chat_protocol::message::HistoryQuery {
                    before: Some(before),
                    limit: Some(OLDER_PAGE),
                    ..Default::default()
                };
                let result = client.history(&room, query).await;
                Answer::Older { room, result }
            }
            .boxed(),
            Effect::Ask(message) => ask(client, *message).boxed(),
            _ => return,
        };
        self.answers.push(answer);
    }

    /// Leaves in good order; what was not stored.
    async fn leave(&mut self) -> Vec<(String, bool)> {
        // Another client may have been replaced by none: then there is nothing to leave.
        if let Some((client, _)) = &self.link {
            client.quit(self.reason.take()).await;
        }
        while let Some(Some(answer)) = self.answers.next().now_or_never() {
            self.state.answer(answer);
        }
        self.state.not_stored()
    }
}

async fn settle<T>(posted: Result<chat_client::Receipt<T>, RequestError>) -> Result<T, RequestError> {
    posted?.await
}

async fn ask(client: Client, message: ClientMessage) -> Answer {
    match message {
        ClientMessage::Join { start, .. } => Answer::Joined(client.join(&start.room).await),
        ClientMessage::Leave { room, .. } => Answer::Left { result: client.leave(&room).await, room },
        ClientMessage::Nick { alias, .. } => Answer::Done(client.nick(alias).await),
        ClientMessage::Topic { room, text, .. } => Answer::Done(client.topic(&room, text).await),
        ClientMessage::Who { room, .. } => Answer::Who(client.who(&room, None).await),
        ClientMessage::Rooms { .. } => Answer::Rooms(client.rooms(None).await),
        ClientMessage::Search { room, query, .. } => {
            let result = client.search(&room, &query, None, Some(OLDER_PAGE)).await;
            Answer::Found { query, result }
        }
        message => Answer::Lines(asked::carry_out(&client, message).await),
    }
}

/// The next event of whoever there is.
async fn next_event(link: &mut Option<(Client, Events)>) -> Option<Event> {
    match link {
        Some((_, events)) => events.next().await,
        None => std::future::pending().await,
    }
}

//! All that the screen shows, and how keys and events change it. Pure: no IO, no clock; what is to be done comes out as effects.

mod answers;
mod commands;
mod ended;
mod events;
mod keys;
mod outgoing;
mod reading;
mod rooms;
mod said;
mod secrets;
#[cfg(test)]
mod tests;

use chat_client::Secret;
use chat_protocol::names::RoomName;
use chat_protocol::value::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::areas::Areas;
use super::complete::Round;
use super::effect::Effect;
use super::input::Editor;
use super::layout::Look;
use super::room::{Place, Room, What};
use super::settings::{Server, Settings};
use crate::kept::Read;

/// Lines that may be unsent before more are refused. Less than the library's outbox takes, so that asking it never waits.
const UNSENT: usize = 128;

/// Conversations that are held at once; beyond, the first private one without unread messages is closed.
const MOST_ROOMS: usize = 100;

/// Words that wait for the next conversation, the last of them.
const MOST_EARLY: usize = 8;

/// The title of the pane of keys and commands.
const HELP: &str = "Help";

/// What stands on the screen as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A name is asked for, perhaps because of this.
    Name(Option<String>),
    /// Something is asked for that isn't shown as it is typed, perhaps because of this.
    Secret(Wanted, Option<String>),
    /// The conversation.
    Talk,
    /// There is none, and this is why and what helps.
    Over(Trouble),
    /// On the way out.
    Leaving,
}

/// What must not be seen by whoever looks over a shoulder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The password of the alias's account.
    Password,
    Invite,
    /// The one that the account shall have that the invite makes.
    NewPassword,
}

/// What somebody typed to be let in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    pub(crate) password: Option<Secret>,
    pub(crate) invite: Option<Secret>,
}

/// What went wrong, with the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) title: String,
    pub(crate) steps: Vec<String>,
}

/// How we stand with the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Connecting,
    Online,
    /// The next try is at this time.
    Waiting {
        until: Timestamp,
        why: String,
    },
}

/// Everything.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) server: String,
    pub(crate) look: Look,
    pub(crate) phase: Phase,
    pub(crate) link: Link,
    pub(crate) rooms: Vec<Room>,
    /// The conversation that is shown.
    pub(crate) current: usize,
    /// Answers that are read instead of it.
    pub(crate) pane: Option<Room>,
    pub(crate) editor: Editor,
    /// A pasted text that may not have been meant.
    pub(crate) question: Option<String>,
    /// What is being typed and isn't shown.
    hidden: String,
    /// What was typed so for the next connection; `None`: what the arguments say.
    secrets: Option<Secrets>,
    /// The words that are looked for, and where they were found last.
    pub(crate) found: Option<(String, i64)>,
    /// The room that a person is on the way to.
    pub(crate) expected: Option<RoomName>,
    /// Lines that were entered since: they are for that room.
    waiting: Vec<String>,
    /// Words for which there is no place yet.
    pub(crate) early: Vec<What>,
    /// We are in no room, and on the way to none.
    pub(crate) nowhere: bool,
    completing: Option<Round>,
    number: u64,
    /// How far was read at the last start, and whether what is said is on disk until it is stored.
    read: Read,
    keeps: bool,
    size: (u16, u16),
    effects: Vec<Effect>,
}

impl State {
    pub(crate) fn new(
        server: String,
        alias: Option<String>,
        settings: Settings,
        zone: TimeZone,
        now: Timestamp,
    ) -> Self {
        let look = Look { zone, now, me: alias.clone().unwrap_or_default(), settings, no_colour: false };
        let mut state = Self {
            server,
            look,
            phase: Phase::Name(None),
            link: Link::Connecting,
            rooms: Vec::new(),
            current: 0,
            pane: None,
            editor: Editor::default(),
            question: None,
            hidden: String::new(),
            secrets: None,
            found: None,
            expected: None,
            waiting: Vec::new(),
            early: Vec::new(),
            nowhere: false,
            completing: None,
            number: 0,
            read: Read::default(),
            keeps: false,
            size: (80, 24),
            effects: Vec::new(),
        };
        match alias {
            Some(alias) => state.connect(alias),
            None => state.editor.set(state.look.settings.alias.clone()),
        }
        state
    }

    /// What is to be done since this was asked last.
    pub(crate) fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        if self.pane.as_ref().is_some_and(|pane| pane.place == Place::Pane(HELP.to_owned())) {
            self.help();
        }
    }

    /// What was typed to be let in, if anything was since it was asked last.
    pub(crate) const fn take_secrets(&mut self) -> Option<Secrets> {
        self.secrets.take()
    }

    /// The server let us in here.
    pub(crate) fn remember(&mut self, server: Server) {
        if self.look.settings.remember(server) {
            self.effects.push(Effect::Save);
        }
    }

    pub(crate) const fn tick(&mut self, now: Timestamp) {
        self.look.now = now;
    }

    /// Whether something on the screen changes with time alone.
    pub(crate) const fn counts_down(&self) -> bool {
        matches!(self.link, Link::Waiting { .. })
    }

    pub(crate) fn areas(&self) -> Areas {
        Areas::new(self.size.0, self.size.1, self)
    }

    /// The conversation that is shown, be it a pane.
    pub(crate) fn shown(&self) -> Option<&Room> {
        self.pane.as_ref().or_else(|| self.rooms.get(self.current))
    }

    pub(crate) fn shown_mut(&mut self) -> Option<&mut Room> {
        match &mut self.pane {
            Some(pane) => Some(pane),
            None => self.rooms.get_mut(self.current),
        }
    }

    /// The journal can't be had, as somebody else has it.
    pub(crate) fn held(&mut self, why: String) {
        self.phase = Phase::Over(Trouble { title: why, steps: Vec::new() });
    }

    /// The only one who will see what is typed.
    pub(crate) fn only_to(&self) -> Option<String> {
        let text = self.editor.text().trim_start();
        if let Some(rest) = text.strip_prefix('@').filter(|rest| !rest.starts_with('@')) {
            let (name, _) = rest.split_once(char::is_whitespace)?;
            return Some(name.strip_suffix(':').unwrap_or(name).to_owned()).filter(|name| !name.is_empty());
        }
        if let Some(rest) = text.strip_prefix("/msg ") {
            let name = rest.split_whitespace().next()?;
            return Some(name.to_owned());
        }
        match &self.rooms.get(self.current)?.place {
            Place::Person(name) => Some(name.clone()),
            _ => None,
        }
    }

    fn connect(&mut self, alias: String) {
        if alias != self.look.me && !self.look.me.is_empty() {
            // What let one in lets in nobody else.
            self.secrets.get_or_insert_default();
        }
        self.phase = Phase::Talk;
        self.link = Link::Connecting;
        // Another client is not on the way there.
        self.stay();
        self.look.me.clone_from(&alias);
        // What was held belongs to another client's positions; what wasn't stored stays to be sent again.
        self.rooms.iter_mut().for_each(Room::clear);
        self.effects.push(Effect::Connect(alias));
    }

    /// The name of a conversation in the settings.
    fn place(&self, index: usize) -> String {
        let title = self.rooms.get(index).map(|room| room.title().to_lowercase()).unwrap_or_default();
        format!("{} {title}", self.server)
    }

    fn now(&self) -> Time {
        Time::from(self.look.now)
    }

    /// Words for the person, in what is shown.
    fn notice(&mut self, words: impl Into<String>) {
        self.tell(What::Notice(words.into()));
    }

    fn error(&mut self, words: impl Into<String>) {
        self.tell(What::Error(words.into()));
    }

    fn tell(&mut self, what: What) {
        let now = self.now();
        self.pane = None;
        if let Some(room) = self.rooms.get_mut(self.current) {
            return room.push(now, what);
        }
        if self.early.len() >= MOST_EARLY {
            self.early.remove(0);
        }
        self.early.push(what);
    }
}

/// Whether a text calls somebody by name: the whole word, in whatever case.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + name.len()..].chars();
        let ends = match after.next() {
            Some('-' | '.') => !after.next().is_some_and(joins),
            Some(c) => !joins(c),
            None => true,
        };
        ends && !before.is_some_and(|c| joins(c) || c == '-')
    })
}

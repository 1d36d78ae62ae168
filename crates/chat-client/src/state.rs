//! What a client knows and decides, without IO and without a clock: lines in, lines and events out.

mod answers;
mod catch_up;
mod receive;
mod stream;

use bytes::BytesMut;
use chat_protocol::clean::clean_line;
use chat_protocol::json;
use chat_protocol::message::{ClientMessage, ErrorCode, Hello, LimitsInfo, Refusal, RoomStart};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::text;
use chat_protocol::value::{Invite, MessageId, Password};
use tokio::sync::watch;

use crate::delivery::Delivery;
use crate::error::{End, Lost, RequestError};
use crate::event::{Event, Secret};
use crate::id::Ids;
use crate::journal::{Again, Journal, Progress};
use crate::limits::WRITE_BUDGET;
use crate::options::Options;
use crate::outbox::{Answer, Entry, Outbox};
use crate::place::Places;

/// A request on its way from a handle.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) id: MessageId,
    pub(crate) message: ClientMessage,
    pub(crate) answer: Answer,
}

/// What a line of the server means for the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Continue,
    /// We were let in: on a connection for the first time.
    Welcomed,
    /// Another hello has to follow on this connection.
    HelloAgain,
    /// The connection is over, and there may be another.
    Lost(Lost),
    /// The client is over.
    End(End),
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Offline,
    /// The hello was sent, and nothing of JSON has come.
    Greeting,
    Live,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct State {
    options: Options,
    ids: Ids,
    outbox: Outbox,
    places: Places,
    delivery: Delivery,
    phase: Phase,
    session: Option<Secret>,
    log: Option<String>,
    alias: Option<Alias>,
    /// What the server allows; known once it is live.
    limits: Option<LimitsInfo>,
    /// There was a connection before.
    was_live: bool,
    /// The hello that is being answered asks to go on with a session.
    resuming: bool,
    quitting: bool,
    /// The server has said on this connection which room we are in.
    entered: bool,
    /// The journal failed, and that was told.
    unkept: bool,
}

impl State {
    pub(crate) fn new(mut options: Options, ids: Ids, delivery: Delivery) -> Self {
        let start = |room| RoomStart { room, after: None };
        let journal = options.journal.clone();
        let resume = options.resume.take().or_else(|| journal.as_ref()?.resume());
        let (session, log, known) = match resume {
            Some(resume) => (Some(resume.session), Some(resume.log), resume.rooms),
            None => (None, None, Vec::new()),
        };
        let places = Places::new(known.into_iter().chain(options.rooms.iter().cloned().map(start)));
        Self {
            options,
            ids,
            outbox: journal.as_ref().map_or_else(Outbox::default, |journal| again(journal, session.is_some())),
            places,
            delivery,
            phase: Phase::Offline,
            session,
            log,
            alias: None,
            limits: None,
            was_live: false,
            resuming: false,
            quitting: false,
            entered: false,
            unkept: false,
        }
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) const fn alias(&self) -> Option<&Alias> {
        self.alias.as_ref()
    }

    pub(crate) fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Whether nothing is waited for: we are in, and all that was asked for is answered.
    pub(crate) fn is_idle(&self) -> bool {
        let knows_where = self.entered || self.places.are_none();
        self.is_live() && knows_where && self.outbox.is_empty()
    }

    /// How many requests the server has answered.
    pub(crate) const fn answered(&self) -> u64 {
        self.outbox.answered()
    }

    /// Whether another request has to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.outbox.is_full()
    }

    /// Takes a request into the outbox.
    pub(crate) fn submit(&mut self, command: Command) {
        let Command { id, message, answer } = command;
        let mut entry = Entry::new(id, message, Some(answer));
        if let Some(journal) = self.options.journal.as_ref().filter(|_| entry.is_counted()) {
            // It may have to wait for others, but nothing more is written when it goes.
            let record = journal.line(&entry.message, self.is_live());
            entry.kept = Some((journal.clone(), record));
        }
        self.outbox.push(entry);
    }

    /// How far the journal has come, if there is one.
    pub(crate) fn progress(&self) -> Option<watch::Receiver<Progress>> {
        let mut progress = self.options.journal.as_ref()?.progress();
        // It may have failed while nobody looked.
        progress.mark_changed();
        Some(progress)
    }

    /// The journal has come further, or to its end.
    pub(crate) fn kept(&mut self, progress: Progress) {
        if let Some(why) = progress.failed
            && !std::mem::replace(&mut self.unkept, true)
        {
            self.tell(Event::NotKept { why });
        }
    }

    /// Leaves, after what was asked for before.
    pub(crate) fn quit(&mut self, reason: Option<String>) {
        if !self.quitting {
            self.quitting = true;
            self.outbox.push(Entry::new(self.ids.next(), ClientMessage::Quit { reason }, None));
        }
    }

    /// A connection is there: introduces the client.
    pub(crate) fn connected(&mut self, out: &mut BytesMut) {
        self.phase = Phase::Greeting;
        self.hello(out);
    }

    pub(crate) fn hello(&mut self, out: &mut BytesMut) {
        self.resuming = self.session.is_some();
        let alias = self.alias.as_ref().map_or_else(|| self.options.alias.clone(), |alias| alias.as_str().to_owned());
        let reveal = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.reveal().to_owned());
        let hello = Hello {
            session: reveal(&self.session),
            log: self.log.clone(),
            password: reveal(&self.options.password).map(Password::new),
            invite: reveal(&self.options.invite).map(Invite::new),
            quiet: self.options.quiet,
            rooms: self.places.starts(),
            history: Some(self.options.history),
            ..Hello::new(alias)
        };
        render(out, &ClientMessage::Hello(hello));
    }

    /// Appends what may be sent now.
    pub(crate) fn fill(&mut self, out: &mut BytesMut) {
        let Some(limits) = self.limits.filter(|_| self.is_live()) else { return };
        while out.len() < WRITE_BUDGET {
            let Some(entry) = self.outbox.next(limits.max_unacked.max(1)) else { break };
            let before = out.len();
            render(out, &entry.message);
            let len = (out.len() - before).saturating_sub(1);
            if len <= limits.max_line {
                self.outbox.mark_sent();
                continue;
            }
            // The server would answer without the id, which it doesn't look for in such a line.
            out.truncate(before);
            let words = format!("the line has {len} bytes; at most {} are allowed", limits.max_line);
            let refusal = Refusal::new(ErrorCode::LineTooLong, words);
            if let Some(entry) = self.outbox.take_next() {
                entry.reply(Err(RequestError::Refused(Box::new(refusal))));
            }
        }
    }

    /// Asks the server whether it is there.
    pub(crate) fn ping(&self, out: &mut BytesMut) {
        // Before it has let us in the deadline of the handshake counts.
        if self.is_live() {
            render(out, &ClientMessage::Ping { id: None });
        }
    }

    /// Takes in a line of the server.
    pub(crate) fn line(&mut self, line: &str) -> Step {
        match json::parse_server(line) {
            Ok(message) => self.receive(message),
            Err(_) if self.phase == Phase::Greeting && line == text::ALIAS => Step::Continue,
            Err(_) if self.phase == Phase::Greeting => Step::Lost(Lost::NotAChatServer(excerpt(line))),
            Err(error) => {
                tracing::warn!(%error, "a line of the server can't be read");
                Step::Continue
            }
        }
    }

    /// A connection is lost, or could not be made.
    pub(crate) fn disconnected(&mut self) {
        self.phase = Phase::Offline;
        self.entered = false;
        for room in self.outbox.connection_lost() {
            self.leave(&room);
        }
        self.places.disconnected();
    }

    /// We are not in a room any more.
    fn leave(&mut self, room: &RoomName) {
        self.places.remove(room);
        if let Some(journal) = &self.options.journal {
            journal.left(room);
        }
    }

    /// Nothing will be answered any more.
    pub(crate) fn end(&mut self, end: &End) {
        self.outbox.end(end);
    }

    /// Delivers an event that can't be read again.
    pub(crate) fn tell(&mut self, event: Event) {
        self.delivery.keep(event);
    }

    pub(crate) const fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}

/// An outbox with the lines that an earlier client left. What may have been sent is sent again only in its session.
fn again(journal: &Journal, has_session: bool) -> Outbox {
    let mut outbox = Outbox::default();
    for Again { id, message, sent, answer } in journal.again() {
        let kept = Some((journal.clone(), 0));
        outbox.push(Entry { resent: sent, kept, ..Entry::new(id, message, answer) });
    }
    outbox.forget_private();
    if !has_session {
        outbox.session_lost();
    }
    outbox
}

fn render(out: &mut BytesMut, message: &ClientMessage) {
    let mut line = Vec::new();
    json::render(&mut line, message);
    out.extend_from_slice(&line);
}

/// The beginning of a line from who knows where, harmless.
fn excerpt(line: &str) -> String {
    clean_line(line).chars().take(60).collect()
}

//! The task inside: it owns the connection, and makes a new one when it is lost.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::backoff::Backoff;
use crate::client::Status;
use crate::connection::{Connector, Lines, Output, split};
use crate::delivery::has_place;
use crate::error::{End, Lost, plain};
use crate::event::Event;
use crate::journal::Progress;
use crate::limits::{LEAST_TRY, LINES_PER_TURN, QUIT_DEADLINE};
use crate::options::FirstConnection;
use crate::state::{Command, State, Step};

/// How a connection came to its end.
enum Over {
    Lost(Lost),
    End(End),
}

/// What the handles ask for.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) quit: mpsc::Receiver<Option<String>>,
}

/// All that the task has.
pub(crate) struct Actor<C> {
    pub(crate) connector: C,
    pub(crate) state: State,
    pub(crate) inbox: Inbox,
    pub(crate) status: watch::Sender<Status>,
}

impl<C: Connector> Actor<C> {
    pub(crate) async fn run(mut self) {
        let journal = self.state.options().journal.clone();
        let end = match &journal {
            Some(journal) => tokio::select! {
                end = self.live() => end,
                never = journal.write_on() => match never {},
            },
            None => self.live().await,
        };
        tracing::debug!(%end, "the client has ended");
        self.inbox.close(&mut self.state);
        self.state.end(&end);
        if let Some(journal) = journal {
            // Whoever sees the end may end the program.
            journal.flush().await;
        }
        self.status.send_replace(Status::Ended(end));
    }

    async fn live(&mut self) -> End {
        let mut backoff = Backoff::default();
        let mut trying = Trying::new();
        let mut was_live = false;
        loop {
            let least = Instant::now() + LEAST_TRY;
            let over = match self.open(trying.until(&self.state), least).await {
                Ok(stream) => self.converse(stream, &mut trying, least).await,
                Err(over) => over,
            };
            if self.state.is_live() {
                was_live = true;
                backoff.reset();
            }
            self.state.disconnected();
            trying.look(&self.state);
            let why = match over {
                Over::Lost(lost) => lost,
                Over::End(end) => return end,
            };
            tracing::debug!(%why, "no connection");
            // Trying again makes nobody trustworthy.
            let hopeless = matches!(why, Lost::Untrusted(_));
            let fails = !was_live && (hopeless || self.state.options().first_connection == FirstConnection::Fail);
            let deadline = trying.until(&self.state);
            if fails || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return End::Unreachable { server: self.connector.server(), why };
            }
            let mut retry_in = backoff.next(why.asked());
            if let Some(deadline) = deadline {
                retry_in = retry_in.min(deadline - Instant::now());
            }
            self.status.send_replace(Status::Offline);
            self.state.tell(Event::Disconnected { why, retry_in });
            if let Err(end) = self.inbox.during(&mut self.state, sleep(retry_in)).await {
                return end;
            }
        }
    }

    async fn open(&mut self, until: Option<Instant>, least: Instant) -> Result<C::Stream, Over> {
        let deadline = Instant::now() + self.state.options().connect_deadline;
        let deadline = until.map_or(deadline, |until| deadline.min(until.max(least)));
        let connecting = timeout_at(deadline, self.connector.connect());
        match self.inbox.during(&mut self.state, connecting).await {
            Ok(Ok(Ok(stream))) => Ok(stream),
            Ok(Ok(Err(error))) => Err(Over::Lost(Lost::connect(&error))),
            Ok(Err(_)) => Err(Over::Lost(Lost::connect(&std::io::ErrorKind::TimedOut.into()))),
            Err(end) => Err(Over::End(end)),
        }
    }

    async fn converse(&mut self, stream: C::Stream, trying: &mut Trying, least: Instant) -> Over {
        let (mut lines, mut output) = split(stream);
        self.state.connected(&mut output.buffer);
        let over = self.exchange(&mut lines, &mut output, trying, least).await;
        let leaving = matches!(over, Over::End(End::Quit));
        if leaving {
            let _ = timeout(Duration::from_millis(200), output.shutdown()).await;
        }
        over
    }

    /// Carries a connection to its end. Each arm of the `select!` is cancel-safe, and none waits for another.
    async fn exchange(
        &mut self,
        lines: &mut Lines<C::Stream>,
        output: &mut Output<C::Stream>,
        trying: &mut Trying,
        least: Instant,
    ) -> Over {
        let mut patience = Patience::new(&self.state);
        let queue = self.state.delivery().queue();
        let mut progress = self.state.progress();
        let mut quit_until = None;
        loop {
            self.state.fill(&mut output.buffer);
            trying.look(&self.state);
            let give_up = trying.until(&self.state).map(|until| until.max(least));
            let deadline = [quit_until, give_up].into_iter().flatten().fold(patience.until, Instant::min);
            let is_full = self.state.is_full();
            let wants_place = self.state.wants_place();
            tokio::select! {
                line = lines.next() => {
                    if let Err(over) = self.take_in(line, lines, output) {
                        return unless_leaving(quit_until.is_some(), over);
                    }
                    patience.heard(&self.state);
                }
                written = output.write_some(), if !output.is_done() => {
                    if let Err(error) = written {
                        // The server's last words may still be there to be read.
                        return unless_leaving(quit_until.is_some(), self.last_words(lines, error).await);
                    }
                }
                command = self.inbox.commands.recv(), if !is_full && quit_until.is_none() => match command {
                    Some(command) => self.state.submit(command),
                    None => quit_until = Some(self.leave(None)),
                },
                reason = self.inbox.quit.recv(), if quit_until.is_none() => {
                    quit_until = Some(self.leave(reason.flatten()));
                }
                () = has_place(&queue), if wants_place => self.state.has_place(),
                kept = next_progress(&mut progress) => self.state.kept(kept),
                () = sleep_until(deadline) => {
                    if quit_until.is_some_and(|until| until <= Instant::now()) {
                        return Over::End(End::Quit);
                    }
                    if give_up.is_some_and(|until| until <= Instant::now()) {
                        return unless_leaving(quit_until.is_some(), self.give_up());
                    }
                    if !patience.ask(&self.state) {
                        return unless_leaving(quit_until.is_some(), Over::Lost(Lost::Silent));
                    }
                    self.state.ping(&mut output.buffer);
                }
            }
        }
    }

    /// The time is over, on a connection.
    fn give_up(&self) -> Over {
        match self.state.options().give_up_after.filter(|_| self.state.is_live()) {
            Some(after) => Over::End(End::Unanswered { server: self.connector.server(), after }),
            None => Over::Lost(Lost::Silent),
        }
    }

    /// Takes in a line and those that came with it.
    fn take_in(
        &mut self,
        first: std::io::Result<Option<String>>,
        lines: &mut Lines<C::Stream>,
        output: &mut Output<C::Stream>,
    ) -> Result<(), Over> {
        let mut first = Some(first);
        for _ in 0..LINES_PER_TURN {
            // Taken only where it is worked off: another turn finds the rest.
            let Some(next) = first.take().or_else(|| lines.ready()) else { break };
            let line = match next {
                Ok(Some(line)) => line,
                Ok(None) => return Err(Over::Lost(Lost::Closed)),
                Err(error) => return Err(Over::Lost(Lost::Broke(plain(&error)))),
            };
            match self.state.line(&line) {
                Step::Continue => {}
                Step::Welcomed => {
                    if let Some(alias) = self.state.alias() {
                        self.status.send_replace(Status::Online { alias: alias.clone() });
                    }
                }
                Step::HelloAgain => self.state.hello(&mut output.buffer),
                Step::Lost(lost) => return Err(Over::Lost(lost)),
                Step::End(end) => return Err(Over::End(end)),
            }
        }
        Ok(())
    }

    /// After a failed write: what the server had said before it closed.
    async fn last_words(&mut self, lines: &mut Lines<C::Stream>, error: std::io::Error) -> Over {
        let words = async {
            while let Ok(Some(line)) = lines.next().await {
                match self.state.line(&line) {
                    Step::Lost(lost) => return Over::Lost(lost),
                    Step::End(end) => return Over::End(end),
                    _ => {}
                }
            }
            Over::Lost(Lost::Broke(plain(&error)))
        };
        let silent = || Over::Lost(Lost::Broke("nothing can be written".to_owned()));
        timeout(Duration::from_secs(1), words).await.unwrap_or_else(|_| silent())
    }

    /// Asks to leave; until when that may take.
    fn leave(&mut self, reason: Option<String>) -> Instant {
        // What was asked for before comes before.
        while let Ok(command) = self.inbox.commands.try_recv() {
            self.state.submit(command);
        }
        self.state.quit(reason);
        Instant::now() + QUIT_DEADLINE
    }
}

/// Whoever was leaving has left, however the connection ended.
fn unless_leaving(leaving: bool, over: Over) -> Over {
    if leaving { Over::End(End::Quit) } else { over }
}

impl Inbox {
    /// Carries `work` to its end, taking requests meanwhile. To be asked to leave ends it: there is nobody to take leave of.
    async fn during<F: Future>(&mut self, state: &mut State, work: F) -> Result<F::Output, End> {
        let mut work = pin!(work);
        let queue = state.delivery().queue();
        let mut progress = state.progress();
        loop {
            let (is_full, wants_place) = (state.is_full(), state.wants_place());
            tokio::select! {
                output = &mut work => return Ok(output),
                command = self.commands.recv(), if !is_full => match command {
                    Some(command) => state.submit(command),
                    None => return Err(End::Quit),
                },
                _ = self.quit.recv() => return Err(End::Quit),
                () = has_place(&queue), if wants_place => state.has_place(),
                kept = next_progress(&mut progress) => state.kept(kept),
            }
        }
    }

    /// Takes the last requests, so that each gets its answer, and no more.
    fn close(&mut self, state: &mut State) {
        self.commands.close();
        self.quit.close();
        while let Ok(command) = self.commands.try_recv() {
            state.submit(command);
        }
    }
}

/// The next news of the journal; none where there is none. Cancel-safe.
async fn next_progress(progress: &mut Option<watch::Receiver<Progress>>) -> Progress {
    if let Some(progress) = progress
        && progress.changed().await.is_ok()
    {
        return progress.borrow_and_update().clone();
    }
    std::future::pending().await
}

/// Since when nothing has got on: a welcome alone is not what anybody waits for.
struct Trying {
    since: Instant,
    answered: u64,
    was_idle: bool,
}

impl Trying {
    fn new() -> Self {
        Self { since: Instant::now(), answered: 0, was_idle: false }
    }

    /// Sees whether something was answered, or there was nothing to wait for.
    fn look(&mut self, state: &State) {
        let (is_idle, answered) = (state.is_idle(), state.answered());
        if is_idle || self.was_idle || answered != self.answered {
            self.since = Instant::now();
        }
        (self.was_idle, self.answered) = (is_idle, answered);
    }

    /// When to give up; `None`: as far as can be seen, never.
    fn until(&self, state: &State) -> Option<Instant> {
        state.options().give_up_after.filter(|_| !state.is_idle()).map(|time| self.since + time)
    }
}

/// How long a silence may last.
struct Patience {
    until: Instant,
    asked: bool,
}

impl Patience {
    fn new(state: &State) -> Self {
        Self { until: Instant::now() + state.options().handshake_deadline, asked: true }
    }

    fn heard(&mut self, state: &State) {
        // Whoever sends lines but no welcome isn't a server.
        if state.is_live() {
            *self = Self { until: Instant::now() + state.options().ping_after, asked: false };
        }
    }

    /// The silence has lasted: whether to ask; if that was done before, the peer is gone.
    fn ask(&mut self, state: &State) -> bool {
        let asks = !self.asked;
        if asks {
            *self = Self { until: Instant::now() + state.options().pong_within, asked: true };
        }
        asks
    }
}

//! From the first byte to a person in a room.

use std::sync::Arc;

use chat_protocol::codec::Incoming;
use chat_protocol::json;
use chat_protocol::limits::VERSION;
use chat_protocol::message::{Bye, ByeCode, ClientMessage, ErrorCode, Hello, Refusal, RoomStart, ServerMessage};
use chat_protocol::text::{self, Login, render};
use tokio::time::Instant;
use tracing::info;

use super::heed::in_time;
use super::login::not_private;
use super::requests::Stop;
use super::{Ended, Flow, Opening, Person, Session, Transport};
use crate::batch::Dialect;
use crate::directory::{InTheWay, Resumed};
use crate::limits::{HANDSHAKE_LINES, SESSION_LIFE};
use crate::log::{Entry, KeptSession, TokenHash};
use crate::secret::Secret;

impl<S: Transport> Session<S> {
    /// Asks who is there until somebody is admitted and in a room.
    pub(super) async fn handshake(&mut self) -> Flow {
        let deadline = Instant::now() + self.limits.handshake;
        if self.opening == Opening::WebSocket {
            let mut lines = 0;
            let first = self.next_line(&mut lines, deadline).await?;
            self.admit_address()?;
            return Box::pin(self.json_login(first, lines, deadline)).await;
        }
        self.out.push(text::ALIAS.as_bytes());
        self.out.push(b"\n");
        self.flush().await?;
        self.keep_out_strangers(deadline).await?;
        let mut lines = 0;
        let first = self.next_line(&mut lines, deadline).await?;
        // The first line that is one decides on the dialect.
        let start = first.trim_start_matches(['\u{FEFF}', ' ', '\t']);
        if start.starts_with('{') {
            self.dialect = Dialect::Json;
        }
        self.admit_address()?;
        if self.dialect == Dialect::Json {
            Box::pin(self.json_login(start.to_owned(), lines, deadline)).await
        } else {
            self.text_login(first, lines, deadline).await
        }
    }

    /// Lets whoever may be a person or a program for chats go on to speak.
    async fn keep_out_strangers(&mut self, deadline: Instant) -> Flow {
        let recognised = tokio::select! {
            bye = self.peer.asked_to_end() => return Err(Ended::Closed(bye)),
            () = tokio::time::sleep_until(deadline) => {
                // A beginning without an end of line holds no line, but is counted by this.
                let _ = self.input.buffered();
                return Err(self.timed_out());
            }
            recognised = self.input.recognise(&mut self.io) => recognised,
        };
        match recognised {
            Ok(None) => Ok(()),
            Ok(Some(stranger)) => {
                let address = self.written_address();
                info!(
                    connection = self.peer.id.0,
                    %address,
                    ?stranger,
                    "not a chat client; nothing it sends is carried out"
                );
                Err(Ended::Stranger(stranger))
            }
            Err(_) => Err(Ended::Lost),
        }
    }

    /// The next line that is one.
    async fn next_line(&mut self, lines: &mut u32, deadline: Instant) -> Flow<String> {
        loop {
            if *lines >= HANDSHAKE_LINES {
                return Err(too_many(HANDSHAKE_LINES, "lines"));
            }
            *lines += 1;
            match self.next_item(deadline).await? {
                Incoming::Line(line) => return Ok(line),
                Incoming::Bad(bad) => {
                    // A first line that can't be read picks the dialect too.
                    if self.input.is_program() {
                        self.dialect = Dialect::Json;
                    }
                    self.bad_line(&bad);
                    self.ask_again();
                }
                _ => return Err(self.interrupted()),
            }
        }
    }

    /// Writes what is due and waits for what comes next.
    pub(super) async fn next_item(&mut self, deadline: Instant) -> Flow<Incoming> {
        self.flush().await?;
        let item = tokio::select! {
            bye = self.peer.asked_to_end() => return Err(Ended::Closed(bye)),
            () = tokio::time::sleep_until(deadline) => return Err(self.timed_out()),
            item = self.input.next(&mut self.io) => item,
        };
        match item {
            Ok(Some(item)) => Ok(item),
            Ok(None) => Err(self.end_of_input()),
            Err(_) => Err(Ended::Lost),
        }
    }

    pub(super) fn timed_out(&mut self) -> Ended {
        let unended = self.input.unended();
        if unended > 0 && self.dialect == Dialect::Text {
            let bytes = if unended == 1 { "byte" } else { "bytes" };
            let words = format!("got {unended} {bytes} but no end of line; end each line with \\n");
            self.text(|out| render::error(out, &words));
        }
        let seconds = self.limits.handshake.as_secs();
        Ended::Closed(Bye::new(ByeCode::Timeout, format!("nobody introduced himself within {seconds} s")))
    }

    fn ask_again(&mut self) {
        if self.dialect == Dialect::Text {
            self.out.push(text::ALIAS.as_bytes());
            self.out.push(b"\n");
        }
    }

    async fn text_login(&mut self, first: String, mut lines: u32, deadline: Instant) -> Flow {
        let mut line = first;
        let mut tries = 0;
        loop {
            match text::parse_login(&line) {
                Login::Quit => return Err(Ended::Quit(None)),
                Login::Help => text::LOGIN_HELP.iter().for_each(|line| self.notice(line)),
                Login::Alias(name) => match self.introduce(&name, deadline).await? {
                    Ok(person) => {
                        let (hub, peer) = self.hold_out();
                        let admitted = in_time(&hub, &peer, self.admit_to_lobby(person)).await;
                        return self.give_in(admitted);
                    }
                    Err(refusal) => {
                        self.refuse(refusal);
                        tries += 1;
                    }
                },
                _ => {}
            }
            if tries >= self.limits.max_tries {
                return Err(too_many(tries, "tries"));
            }
            self.ask_again();
            line = self.next_line(&mut lines, deadline).await?;
        }
    }

    async fn admit_to_lobby(&mut self, person: Person) -> Flow {
        info!(connection = self.peer.id.0, alias = %person.alias, dialect = "text", "admitted");
        let alias = person.alias.clone();
        self.person = Some(person);
        self.sessions().inc();
        self.hub.speakers.come();
        self.admit_person()?;
        self.out.push(text::CONNECTED.as_bytes());
        self.out.push(b"\n");
        let lobby = self.hub.lobby.clone();
        let entered = match self.enter(lobby).await? {
            Ok(entered) => entered,
            Err(error) => {
                return Err(Ended::Closed(Bye::new(ByeCode::Limit, error.to_string())));
            }
        };
        let snapshot = &entered.snapshot;
        let (others, count) = self.others(snapshot);
        let offset = self.hub.clock.offset(self.hub.clock.now());
        let account = self.account().is_some();
        self.text(|out| {
            render::greeting(out, &alias, &entered.room.name, &others, count, offset, account);
            if !snapshot.topic.is_empty() {
                render::topic(out, &snapshot.topic);
            }
        });
        let (room, head) = (Arc::clone(&entered.room), snapshot.head);
        self.add_room(super::Membership::new(entered.room, &entered.snapshot));
        self.recent(&room, head, Self::history_wanted(None)).await?;
        self.show_waiting(None).await
    }

    async fn json_login(&mut self, first: String, mut lines: u32, deadline: Instant) -> Flow {
        let mut line = first;
        let mut tries = 0;
        loop {
            match json::parse_client(&line) {
                Ok(ClientMessage::Hello(hello)) => match self.hello(&hello, deadline).await? {
                    Ok((person, secret)) => {
                        let (hub, peer) = self.hold_out();
                        let admitted = in_time(&hub, &peer, self.admit(person, &secret, hello)).await;
                        return self.give_in(admitted);
                    }
                    Err(refusal) => {
                        self.refuse(refusal);
                        tries += 1;
                    }
                },
                Ok(ClientMessage::Quit { .. }) => return Err(Ended::Quit(None)),
                Ok(other) => {
                    self.refuse(Refusal::new(ErrorCode::HelloFirst, "say hello first").to(other.id().cloned()));
                }
                Err(_) if line.trim().is_empty() => {}
                Err(refusal) => self.refuse(*refusal),
            }
            if tries >= self.limits.max_tries {
                return Err(too_many(tries, "tries"));
            }
            line = self.next_line(&mut lines, deadline).await?;
        }
    }

    /// Opens a session, or continues one.
    async fn hello(&mut self, hello: &Hello, deadline: Instant) -> Flow<Result<(Person, String), Refusal>> {
        if hello.v != VERSION {
            let words = format!("this server speaks version {VERSION}, not {}", hello.v);
            return Ok(Err(Refusal::new(ErrorCode::BadVersion, words)));
        }
        if hello.rooms.as_ref().is_some_and(|rooms| rooms.len() > self.limits.max_session_rooms) {
            let words = format!("rooms: at most {} are allowed", self.limits.max_session_rooms);
            return Ok(Err(Refusal::new(ErrorCode::BadField, words)));
        }
        match &hello.session {
            Some(secret) => self.resume(secret, hello.quiet, deadline).await,
            None => self.open(hello, deadline).await,
        }
    }

    /// Continues a session; a connection that has it is closed first.
    async fn resume(
        &mut self,
        secret: &str,
        quiet: bool,
        deadline: Instant,
    ) -> Flow<Result<(Person, String), Refusal>> {
        let token = Secret::hash_of(secret);
        let mut looked_up = false;
        loop {
            // Before it is taken: whoever has read the secret on the way mustn't even put its owner out.
            if !self.peer.is_secure() && self.is_an_accounts(&token) {
                return Ok(Err(not_private("sessions of accounts")));
            }
            match self.hub.directory.resume(&token, &self.peer) {
                Resumed::Here { author, alias } => {
                    if self.hub.accounts.authenticator().account(author).is_none()
                        && let Err(refusal) = self.admit_guest()
                    {
                        self.hub.directory.release(&alias, &self.peer, Some(&token), true);
                        return Ok(Err(refusal));
                    }
                    let used = Entry::Session { token, alias: alias.clone() };
                    self.hub.log.append(used).await.map_err(|_| Ended::storage())?;
                    let person = Person { alias, author, token: Some(token.into()), quiet, knows_password: false };
                    return Ok(Ok((person, secret.to_owned())));
                }
                Resumed::Taken(taken) => {
                    return Ok(Err(Refusal::new(ErrorCode::AliasTaken, taken.to_string())));
                }
                Resumed::InTheWay(InTheWay(guests)) => self.send_away(guests, deadline).await?,
                Resumed::Held(other) => {
                    other.end(Bye::new(ByeCode::Replaced, "this session goes on in another connection"));
                    tokio::select! {
                        () = other.until_gone() => {}
                        bye = self.peer.asked_to_end() => return Err(Ended::Closed(bye)),
                        () = tokio::time::sleep_until(deadline) => return Err(self.timed_out()),
                    }
                }
                Resumed::Unknown if !looked_up => {
                    looked_up = true;
                    self.look_up(token).await;
                }
                Resumed::Unknown => {
                    let words = "this server doesn't know that session; say hello without it to begin a new one";
                    return Ok(Err(Refusal::new(ErrorCode::UnknownSession, words)));
                }
            }
        }
    }

    fn is_an_accounts(&self, token: &TokenHash) -> bool {
        let author = self.hub.directory.author_of(token);
        author.is_some_and(|author| self.hub.accounts.authenticator().account(author).is_some())
    }

    /// Brings a session back that an earlier server kept.
    async fn look_up(&self, token: TokenHash) {
        match self.hub.log.session(token).await {
            Ok(Some(kept)) => {
                let life = i64::try_from(SESSION_LIFE.as_millis()).unwrap_or(i64::MAX);
                let unused = self.hub.clock.now().as_millis().saturating_sub(kept.last_used.as_millis());
                if unused <= life && !self.is_revoked(&kept) {
                    self.hub.directory.remember(token, kept.author, kept.alias);
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(connection = self.peer.id.0, %error, "a session can't be looked up"),
        }
    }

    /// Whether the session is of an account whose password was changed since, or that was given up.
    fn is_revoked(&self, kept: &KeptSession) -> bool {
        if self.hub.accounts.is_given_up(kept.author) {
            return true;
        }
        let account = self.hub.accounts.authenticator().account(kept.author);
        account.is_some_and(|account| kept.last_used <= account.sessions_from)
    }

    async fn admit(&mut self, person: Person, secret: &str, hello: Hello) -> Flow {
        info!(connection = self.peer.id.0, alias = %person.alias, dialect = "json", "admitted");
        let alias = person.alias.clone();
        self.person = Some(person);
        self.sessions().inc();
        self.hub.speakers.come();
        self.admit_person()?;
        let log = self.hub.log.name().to_owned();
        let same_log = hello.log.as_ref().is_none_or(|known| *known == log);
        self.json(&ServerMessage::Welcome {
            alias,
            session: secret.to_owned(),
            log,
            server: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            limits: self.limits.info(),
            account: self.account().is_some(),
        });
        let lobby = || vec![RoomStart { room: self.hub.lobby.clone(), after: None }];
        for start in hello.rooms.unwrap_or_else(lobby) {
            if start.room.other().is_some() {
                match self.open_conversation(&start, same_log, hello.history).await {
                    Ok(()) => {}
                    Err(Stop::Refused(refusal)) => self.refuse(*refusal),
                    Err(Stop::Ended(ended)) => return Err(ended),
                }
                continue;
            }
            if self.hub.rooms.get(&start.room).is_some_and(|room| self.rooms.iter().any(|m| m.room.id == room.id)) {
                continue;
            }
            match self.enter(start.room.clone()).await? {
                Ok(entered) => self.entered(entered, start.after, same_log, hello.history, None).await?,
                Err(error) => self.refuse(super::places::cannot_enter(&error, start.room)),
            }
        }
        self.show_waiting(hello.history).await
    }
}

fn too_many(most: u32, what: &str) -> Ended {
    Ended::Closed(Bye::new(ByeCode::Limit, format!("{most} {what} are enough; connect again to go on")))
}

pub(super) fn no_randomness(error: getrandom::Error) -> Refusal {
    tracing::error!(%error, "the system gives no random bytes; nobody can be admitted");
    Refusal::new(ErrorCode::Limit, "the server can't admit anybody just now; try again later")
}

//! What the server says, taken in.

use chat_protocol::message::{Bye, ByeCode, ClientMessage, ErrorCode, LimitsInfo, Refusal, RoomStart, ServerMessage};
use chat_protocol::names::RoomName;
use chat_protocol::value::Seq;

use super::{Phase, State, Step};
use crate::error::{End, Lost};
use crate::event::{Event, Joined, Private, Secret, Welcome};
use crate::place::Position;

impl State {
    pub(super) fn receive(&mut self, message: ServerMessage) -> Step {
        match message {
            ServerMessage::Welcome { alias, session, log, server, version, limits, .. } => {
                let session = Secret::new(session);
                let server = format!("{server} {version}");
                return self.welcome(Welcome { alias, session, log, server, limits });
            }
            ServerMessage::Error(refusal) if !self.is_live() => return self.not_let_in(refusal),
            ServerMessage::Bye(bye) => return self.bye(bye),
            message if self.is_live() => self.happened(message),
            _ => {}
        }
        Step::Continue
    }

    /// Something that happens in a room or to us; all else is an answer.
    fn happened(&mut self, message: ServerMessage) {
        match message {
            // A private conversation that is kept: its messages say all there is to know.
            ServerMessage::Joined { room, .. } if room.is_conversation() => {}
            ServerMessage::Joined { room, topic, count, members, head } => {
                self.joined(Joined { room, topic, count, members, head });
            }
            ServerMessage::Message { stored, own, re: None } => self.message(stored, own),
            ServerMessage::Private { time, from, to, text, kind, room, seq, own } => {
                self.private(Private { time, from, to, text, kind, own, kept: room.zip(seq) });
            }
            ServerMessage::Presence { room, count, changes } => {
                let event = Event::Presence { room: room.clone(), count, changes };
                self.tell_of(&room, event);
            }
            ServerMessage::Topic { room, text, from } => {
                let event = Event::Topic { room: room.clone(), text, from };
                self.tell_of(&room, event);
            }
            ServerMessage::Left { room, reason } => self.put_out(room, reason),
            ServerMessage::Invited { room, by } => self.tell(Event::Invited { room, by }),
            ServerMessage::Redacted { room, seq, by } => self.tell(Event::Redacted { room, seq, by }),
            ServerMessage::Announcement { time, from, text } => self.tell(Event::Announcement { time, from, text }),
            ServerMessage::Gap { room, from, to, re: None } => self.gap(room, from, to),
            ServerMessage::Reset { room, head } => self.reset(room, head),
            message => self.answered_by(message),
        }
    }

    /// The server's last words.
    fn bye(&mut self, bye: Bye) -> Step {
        self.tell(Event::Bye(bye.clone()));
        match bye.code {
            ByeCode::Quit if self.quitting => Step::End(End::Quit),
            ByeCode::Quit | ByeCode::Replaced | ByeCode::Kicked | ByeCode::Banned => Step::End(End::Bye(bye)),
            _ => Step::Lost(Lost::Bye(bye)),
        }
    }

    fn welcome(&mut self, welcome: Welcome) -> Step {
        self.phase = Phase::Live;
        self.session = Some(welcome.session.clone());
        self.log = Some(welcome.log.clone());
        self.limits = Some(LimitsInfo { max_line: welcome.limits.max_line.max(1), ..welcome.limits });
        let renamed = self.alias.replace(welcome.alias.clone()).is_some_and(|before| before != welcome.alias);
        self.journal_session();
        if let Some(journal) = &self.options.journal {
            self.outbox.sending(journal);
        }
        let alias = welcome.alias.clone();
        if std::mem::replace(&mut self.was_live, true) {
            let resent = self.outbox.lines_to_repeat();
            self.tell(Event::Reconnected { welcome, resumed: self.resuming, resent });
        } else {
            self.tell(Event::Connected(welcome));
        }
        if renamed {
            self.tell(Event::Renamed(alias));
        }
        Step::Welcomed
    }

    pub(super) fn journal_session(&self) {
        if let (Some(journal), Some(session), Some(alias), Some(log)) =
            (&self.options.journal, &self.session, &self.alias, &self.log)
        {
            journal.session(session, alias, log);
        }
    }

    fn not_let_in(&mut self, refusal: Refusal) -> Step {
        if refusal.code == ErrorCode::UnknownSession && self.resuming {
            let lines = self.outbox.session_lost();
            self.session = None;
            self.tell(Event::SessionLost { lines });
            if self.options.fresh_session {
                return Step::HelloAgain;
            }
        }
        if refusal.retry_after_ms.is_some() {
            Step::Lost(Lost::NotNow(Box::new(refusal)))
        } else {
            Step::End(End::Refused(Box::new(refusal)))
        }
    }

    fn joined(&mut self, joined: Joined) {
        self.entered = true;
        let wanted = self.options.history;
        if let Some(place) = self.places.get_mut(&joined.room) {
            place.room = joined.room.clone();
            if !std::mem::replace(&mut place.joined, true) && place.position == Position::Unknown {
                place.position = Position::Start { head: joined.head, wanted };
            }
        } else {
            let key = joined.room.key();
            let join = self.outbox.join_of(|room| *room == joined.room || room.key().is_same(&key, false));
            let start = |wanted| Position::Start { head: joined.head, wanted };
            let position = match join {
                Some(ClientMessage::Join { start: RoomStart { after: Some(after), .. }, .. }) => Position::At(*after),
                Some(ClientMessage::Join { history: Some(wanted), .. }) => start(*wanted),
                _ => start(wanted),
            };
            self.places.add(joined.room.clone(), position);
        }
        let room = joined.room.clone();
        self.journal_room(&room);
        self.tell_of(&room, Event::Joined(joined));
    }

    fn journal_room(&mut self, room: &RoomName) {
        let Some(journal) = &self.options.journal else { return };
        let after = match self.places.get_mut(room).map(|place| place.position) {
            // No page comes that would tell where we are.
            Some(Position::Start { head, wanted }) if wanted == 0 || head == Seq::ZERO => Some(head),
            _ => None,
        };
        journal.entered(room, after);
    }
}

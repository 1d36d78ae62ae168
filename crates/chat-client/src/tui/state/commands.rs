//! What a line means when Enter is pressed.

use chat_protocol::message::ClientMessage;
use chat_protocol::names::RoomName;
use chat_protocol::text::{self, Input};
use chat_protocol::value::Kind;

use super::{State, UNSENT};
use crate::asked;
use crate::tui::effect::Effect;
use crate::tui::room::{Place, What};
use crate::tui::settings::Plain;

impl State {
    pub(super) fn enter(&mut self) {
        if self.editor.text().trim().is_empty() {
            self.editor.take();
            return self.leave_pane();
        }
        if self.is_on_the_way() && self.waiting.len() >= UNSENT {
            // No more is kept for a room that doesn't come: it stays.
            return;
        }
        let line = self.typed();
        self.leave_pane();
        self.entered(line);
    }

    /// Whether the room where something is to be said is still to come: the first one, or one that was asked for.
    fn is_on_the_way(&self) -> bool {
        self.expected.is_some() || (self.rooms.is_empty() && !self.nowhere)
    }

    /// Carries out a line, or keeps it for the room that a person is on the way to: he means it for that one.
    fn entered(&mut self, line: String) {
        if self.is_on_the_way() && !line.trim_start().starts_with("/quit") {
            self.waiting.push(line);
        } else if !self.local(&line) {
            self.carry_out(line);
        }
    }

    /// The room that a person was on the way to is there: what he has typed since comes along.
    pub(super) fn arrive(&mut self, index: usize) {
        let typed = self.editor.take();
        let waiting = std::mem::take(&mut self.waiting);
        self.turn_to(index);
        if !typed.is_empty() {
            self.editor.set(typed);
        }
        waiting.into_iter().for_each(|line| self.entered(line));
    }

    /// A person isn't on the way to another room any more; what he has typed for it stays to be mended.
    pub(super) fn stay(&mut self) {
        self.expected = None;
        if !self.waiting.is_empty() {
            let typed = self.editor.take();
            let lines = self.waiting.drain(..).chain((!typed.is_empty()).then_some(typed));
            let text = lines.collect::<Vec<_>>().join("\n");
            self.editor.set(text);
        }
    }

    /// Takes what was typed out of the input; it can be called back, but for what is secret.
    pub(super) fn typed(&mut self) -> String {
        if holds_secret(self.editor.text()) { self.editor.take() } else { self.editor.submit() }
    }

    fn leave_pane(&mut self) {
        self.pane = None;
        if let Some(room) = self.rooms.get_mut(self.current) {
            room.scroll = super::super::room::Scroll::Follow;
        }
        self.read();
    }

    /// Carries out what only this program knows; whether it was that.
    fn local(&mut self, line: &str) -> bool {
        let mut words = line.split_whitespace();
        let command = words.next().unwrap_or_default().to_lowercase();
        let rest: Vec<_> = words.collect();
        match (command.as_str(), rest.as_slice()) {
            ("/set", rest) => self.set(rest),
            ("/find", []) => self.error("/find takes the words to look for"),
            ("/find", _) => self.find(line.trim_start().get(5..).unwrap_or_default().trim()),
            ("/servers", []) => self.servers(),
            ("/leave" | "/close" | "/part", []) => self.close(),
            ("/leave" | "/part", [name, ..]) => match RoomName::new(name) {
                Ok(room) => self.leave(room),
                Err(error) => self.error(error.to_string()),
            },
            ("/msg", [name]) => {
                let index = self.person_index(name);
                self.turn_to(index);
            }
            (name, []) if name.len() > 1 && name.starts_with('@') && !name.starts_with("@@") => {
                let index = self.person_index(&line.trim()[1..]);
                self.turn_to(index);
            }
            _ => return false,
        }
        true
    }

    fn set(&mut self, words: &[&str]) {
        match words {
            [] => self.notice(self.look.settings.shown()),
            [name, value] => match self.look.settings.set(name, value) {
                Ok(()) => {
                    self.notice(self.look.settings.shown());
                    self.effects.push(Effect::Save);
                    if *name == "mouse" {
                        self.effects.push(Effect::Mouse(self.look.settings.mouse == Plain::On));
                    }
                }
                Err(words) => self.error(words),
            },
            [name, value, "here"] => {
                let place = self.place(self.current);
                match self.look.settings.set_here(&place, name, value) {
                    Ok(()) => {
                        self.notice(format!("{name} is {value} here"));
                        self.effects.push(Effect::Save);
                    }
                    Err(words) => self.error(words),
                }
            }
            _ => self.error("/set takes a name and a value: /set bell mentions"),
        }
    }

    fn servers(&mut self) {
        let servers = &self.look.settings.servers;
        let lines: Vec<_> = servers.iter().map(|server| format!("{} as {}", server.address, server.alias)).collect();
        let how = "chat-client --server HOST:PORT opens one; without arguments, the first".to_owned();
        self.show("Servers", lines.into_iter().chain([how]).map(What::Notice));
    }

    fn close(&mut self) {
        match self.rooms.get(self.current).map(|room| room.place.clone()) {
            Some(Place::Room(room)) => self.leave(room),
            Some(_) => {
                let index = self.current;
                self.remove(index);
            }
            None => {}
        }
    }

    fn leave(&mut self, room: RoomName) {
        self.effects.push(Effect::Ask(Box::new(ClientMessage::Leave { room, id: None })));
    }

    fn carry_out(&mut self, line: String) {
        let current = self.rooms.get(self.current);
        let is_room = current.is_some_and(|current| current.log().is_some());
        let meant = match current {
            // In a private conversation the parser needs a room, which then isn't used.
            Some(current) => {
                let room = current.log().or_else(|| self.rooms.iter().find_map(super::Room::name)).cloned();
                let Some(room) = room.or_else(|| RoomName::new("lobby").ok()) else { return };
                text::parse(&line, &room)
            }
            None => asked::meant(&line, None),
        };
        match meant {
            Ok(Input::Message(message)) => self.meant(message, line, is_room),
            Ok(Input::Help) => self.help(),
            Ok(Input::OperatorHelp) => {
                let lines = text::OPERATOR_HELP.iter().map(|line| What::Notice((*line).to_owned()));
                self.show("Operators", lines);
            }
            Ok(Input::ShowTopic) => {
                let topic = self.rooms.get(self.current).map(|room| room.topic.clone()).unwrap_or_default();
                let words = if topic.is_empty() { "no topic is set; /topic TEXT sets one".to_owned() } else { topic };
                self.notice(words);
            }
            Ok(Input::Ignore(name)) => self.ignore(name, true),
            Ok(Input::Unignore(name)) => self.ignore(name, false),
            Ok(_) => {}
            Err(refusal) => {
                // What was typed stays to be mended.
                self.editor.set(line);
                // That stands there already.
                if !(self.nowhere && refusal.message == asked::NOWHERE) {
                    self.error(refusal.message);
                }
            }
        }
    }

    fn meant(&mut self, message: ClientMessage, line: String, is_room: bool) {
        match message {
            ClientMessage::Say { text, kind, .. } => self.say(self.current, text, kind),
            ClientMessage::Private { to, text, .. } => {
                let index = self.person_index(&to);
                self.turn_to(index);
                self.say(index, text, Kind::Say);
            }
            ClientMessage::Quit { reason } => self.quit(reason),
            ClientMessage::Join { start, .. } => {
                if let Some(index) = self.room_index(&start.room) {
                    return self.turn_to(index);
                }
                self.expected = Some(start.room.clone());
                self.effects.push(Effect::Ask(Box::new(ClientMessage::Join { start, history: None, id: None })));
            }
            ClientMessage::History { .. } => self.notice("PageUp reads back, as far as the server keeps"),
            message @ (ClientMessage::Register { .. }
            | ClientMessage::Password { .. }
            | ClientMessage::Unregister { .. }
            | ClientMessage::Moderate { .. }
            | ClientMessage::Nick { .. }
            | ClientMessage::Rooms { .. }) => {
                self.effects.push(Effect::Ask(Box::new(message)));
            }
            ClientMessage::Topic { .. } if self.only_to().is_some() => {
                self.editor.set(line);
                self.error("a private conversation has no topic");
            }
            ClientMessage::Redact { ref room, .. } if !is_room && !room.is_conversation() => {
                self.editor.set(line);
                self.error("what you said here isn't kept, so that it can't be taken back");
            }
            message @ ClientMessage::Redact { .. } => self.effects.push(Effect::Ask(Box::new(message))),
            message if is_room => self.effects.push(Effect::Ask(Box::new(message))),
            _ => {
                self.editor.set(line);
                self.error("that needs a room; this is a private conversation");
            }
        }
    }

    fn ignore(&mut self, name: String, on: bool) {
        let known = self.look.is_ignored(&name);
        let folded = name.to_lowercase();
        let words = match (on, known) {
            (true, true) => format!("{name} is ignored already"),
            (true, false) => {
                self.look.settings.ignored.push(name.clone());
                format!("you don't see what {name} says; /unignore {name} ends that")
            }
            (false, true) => {
                self.look.settings.ignored.retain(|other| other.to_lowercase() != folded);
                format!("you see what {name} says again")
            }
            (false, false) => format!("{name} was not ignored"),
        };
        self.notice(words);
        if on != known {
            self.effects.push(Effect::Save);
        }
    }
}

/// Whether a line is one that no history may show again.
fn holds_secret(line: &str) -> bool {
    let command = line.split_whitespace().next().unwrap_or_default().to_lowercase();
    ["/register", "/password", "/unregister"].contains(&command.as_str())
}

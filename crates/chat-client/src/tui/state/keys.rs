//! What the keys do.

use chat_protocol::clean::clean_text;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{Phase, State};
use crate::tui::complete::{Names, Round};
use crate::tui::effect::Effect;
use crate::tui::room::{Fate, Outgoing, Place};

/// Lines of a pasted text that are put into the input without a question.
const LINES_PASTED: usize = 5;

impl State {
    pub(crate) fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('z') if control => return self.effects.push(Effect::Suspend),
            KeyCode::Char('l') if control => return self.effects.push(Effect::Redraw),
            KeyCode::Char('c') if control => return self.interrupt(),
            KeyCode::Char('d') if control && self.editor.text().is_empty() => return self.quit(None),
            _ => {}
        }
        match &self.phase {
            Phase::Name(_) => self.name_key(key),
            Phase::Secret(wanted, _) => self.secret_key(*wanted, key),
            Phase::Over(_) => self.over_key(key),
            Phase::Leaving => {}
            Phase::Talk if self.question.is_some() => self.question_key(key),
            Phase::Talk => self.talk_key(key),
        }
    }

    /// Takes in a pasted text.
    pub(crate) fn paste(&mut self, text: &str) {
        // Terminals send what is pasted with the carriage returns of the Enter key.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = clean_text(&text).into_owned();
        match self.phase {
            Phase::Talk if text.trim_end().lines().count() > LINES_PASTED => self.question = Some(text),
            Phase::Talk => self.insert(text.trim_end_matches('\n')),
            Phase::Name(_) => self.insert(text.lines().next().unwrap_or_default()),
            Phase::Secret(..) => self.hide(text.lines().next().unwrap_or_default()),
            _ => {}
        }
    }

    pub(super) fn quit(&mut self, reason: Option<String>) {
        self.phase = Phase::Leaving;
        self.effects.push(Effect::Quit(reason));
    }

    fn insert(&mut self, text: &str) {
        self.completing = None;
        if !self.editor.insert(text) {
            self.error("that is too long for one message");
        }
    }

    /// Ctrl-C drops what is typed, and leaves where nothing is.
    fn interrupt(&mut self) {
        self.pane = None;
        if self.question.take().is_some() {
            return;
        }
        if self.editor.text().is_empty() || self.phase != Phase::Talk {
            return self.quit(None);
        }
        self.editor.take();
    }

    fn name_key(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Enter => {
                let name = self.editor.text().trim().to_owned();
                if !name.is_empty() {
                    self.editor.take();
                    self.connect(name);
                }
            }
            KeyCode::Esc => self.quit(None),
            _ => self.edit(key),
        }
    }

    fn over_key(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Enter => self.connect(self.look.me.clone()),
            KeyCode::Char('n') => {
                self.editor.set(self.look.me.clone());
                self.phase = Phase::Name(None);
            }
            KeyCode::Esc | KeyCode::Char('q') => self.quit(None),
            _ => {}
        }
    }

    fn question_key(&mut self, key: KeyEvent) {
        match key.code {
            KeyCode::Enter | KeyCode::Char('y') => {
                if let Some(text) = self.question.take() {
                    self.insert(text.trim_end_matches('\n'));
                    self.enter();
                }
            }
            KeyCode::Char('e') => {
                if let Some(text) = self.question.take() {
                    self.insert(text.trim_end_matches('\n'));
                }
            }
            KeyCode::Esc | KeyCode::Char('n') => self.question = None,
            _ => {}
        }
    }

    fn talk_key(&mut self, key: KeyEvent) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        if key.code != KeyCode::Tab {
            self.completing = None;
        }
        match key.code {
            KeyCode::Enter if alt || key.modifiers.contains(KeyModifiers::SHIFT) => self.insert("\n"),
            KeyCode::Char('j') if control => self.insert("\n"),
            KeyCode::Enter => self.enter(),
            KeyCode::Tab => self.complete(),
            KeyCode::F(1) => self.help(),
            KeyCode::Esc => self.escape(),
            // Esc and the beginning of a line, so quickly one after the other that they look like one key. Without its sign
            // what was meant for one person would be said aloud.
            KeyCode::Char(c @ ('/' | '@')) if alt => {
                self.escape();
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            KeyCode::PageUp => self.page_up(),
            KeyCode::PageDown => self.page_down(),
            KeyCode::Home if self.editor.text().is_empty() || control => self.scroll_up(usize::MAX / 2),
            KeyCode::End if self.editor.text().is_empty() || control => self.follow(),
            KeyCode::Up if alt => self.turn(-1),
            KeyCode::Down if alt => self.turn(1),
            KeyCode::Char('p') if control => self.turn(-1),
            KeyCode::Char('n') if control => self.turn(1),
            KeyCode::Char('a') if alt => self.seek_unread(),
            KeyCode::Char('m') if alt => self.seek_mention(),
            KeyCode::Char('s') if control => self.find_again(true),
            KeyCode::Char('s') if alt => self.find_again(false),
            KeyCode::Char('r') if control => self.again(),
            KeyCode::Char('x') if control => self.drop_failed(),
            _ => self.edit(key),
        }
    }

    fn escape(&mut self) {
        self.pane = None;
        self.found = None;
    }

    fn edit(&mut self, key: KeyEvent) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let editor = &mut self.editor;
        match key.code {
            KeyCode::Left if control || alt => editor.word_left(),
            KeyCode::Right if control || alt => editor.word_right(),
            KeyCode::Left => editor.left(),
            KeyCode::Right => editor.right(),
            KeyCode::Up => editor.up(),
            KeyCode::Down => editor.down(),
            KeyCode::Home => editor.home(),
            KeyCode::End => editor.end(),
            KeyCode::Backspace if alt || control => editor.kill_word_back(),
            KeyCode::Backspace => editor.backspace(),
            KeyCode::Delete => editor.delete(),
            KeyCode::Char(c) if control => match c {
                'a' => editor.home(),
                'e' => editor.end(),
                'b' => editor.left(),
                'f' => editor.right(),
                'd' => editor.delete(),
                'h' => editor.backspace(),
                'w' => editor.kill_back(),
                'u' => editor.kill_to_start(),
                'k' => editor.kill_to_end(),
                'y' => editor.yank(),
                _ => {}
            },
            KeyCode::Char(c) if alt => match c {
                'b' => editor.word_left(),
                'f' => editor.word_right(),
                'd' => editor.kill_word(),
                _ => {}
            },
            KeyCode::Char(c) => {
                let text = clean_text(c.encode_utf8(&mut [0; 4])).into_owned();
                self.insert(&text);
            }
            _ => {}
        }
    }

    fn complete(&mut self) {
        if self.completing.is_none() {
            let names = self.names();
            self.completing = Round::start(self.editor.text(), self.editor.at(), &names);
        }
        if let Some(round) = &mut self.completing {
            let (from, choice) = (round.from, round.next());
            self.editor.replace_from(from, &choice);
        }
    }

    /// Those who spoke last come first, then the others who are here.
    fn names(&self) -> Names {
        let mut people: Vec<String> = Vec::new();
        if let Some(room) = self.rooms.get(self.current) {
            people.extend(room.speakers.iter().chain(&room.members).map(ToString::to_string));
            if let Place::Person(name) = &room.place {
                people.push(name.clone());
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        people.retain(|name| *name != self.look.me && seen.insert(name.clone()));
        let rooms = self.rooms.iter().filter_map(|room| room.name().map(ToString::to_string)).collect();
        Names { people, rooms }
    }

    /// Sends again what failed here.
    fn again(&mut self) {
        let index = self.current;
        let Some(room) = self.rooms.get_mut(index) else { return };
        let is_failed = |out: &Outgoing| matches!(out.fate, Fate::Failed(_));
        let failed: Vec<_> = room.outgoing.iter().filter(|out| is_failed(out)).cloned().collect();
        room.outgoing.retain(|out| !is_failed(out));
        for out in failed {
            self.say(index, out.text, out.kind);
        }
    }

    fn drop_failed(&mut self) {
        if let Some(room) = self.rooms.get_mut(self.current) {
            room.outgoing.retain(|out| !matches!(out.fate, Fate::Failed(_)));
        }
    }
}

//! Moving about: back and forth in a conversation, from one to another, and to the help.

use chat_protocol::clean::clean_line;

use super::{HELP, Phase, State};
use crate::tui::effect::Effect;
use crate::tui::layout;
use crate::tui::room::{Entry, KEPT_READING, Older, Room, Scroll, What};

/// Rows that the mouse's wheel moves by.
const WHEEL: usize = 3;

/// The keys, for `F1`.
const KEYS: &[&str] = &[
    "Keys",
    "  Enter sends; Alt-Enter or ^J starts a new line",
    "  Tab completes names, #rooms and /commands",
    "  Alt-Up, Alt-Down or ^P, ^N: other rooms; Alt-A: to what is unread; Alt-M: to who mentioned you",
    "  PageUp, PageDown, Home, End: read back, and to the end",
    "  Up, Down: what you typed before",
    "  ^R sends again what failed; ^X drops it",
    "  ^A ^E ^W ^U ^K ^Y, Alt-B Alt-F Alt-D: as in a shell",
    "  Esc closes this; ^L draws anew; ^Z stops; ^C in an empty line leaves",
    "Commands",
    "  /close closes a private conversation; /leave leaves a room",
    "  /find WORDS looks in what is loaded, ^S for older ones, Alt-S for newer; /search on the server",
    "  /set shows the settings; /set bell mentions changes one, /set bell off here in this room alone",
    "  /set mouse on: the wheel scrolls; /servers: where you have been",
    "  /set plain on: lines without a moving cursor, as a screen reader needs them, from the next start",
];

impl State {
    fn size_of_messages(&self) -> (usize, usize) {
        let area = self.areas().messages;
        (usize::from(area.width), usize::from(area.height))
    }

    pub(super) fn page_up(&mut self) {
        let by = self.size_of_messages().1.saturating_sub(1).max(1);
        self.scroll_up(by);
    }

    pub(super) fn scroll_up(&mut self, by: usize) {
        let size = self.size_of_messages();
        let Some(room) = self.shown() else { return };
        let (scroll, reached) = layout::up(&self.look, room, size, by);
        let Some(room) = self.shown_mut() else { return };
        room.scroll = scroll;
        if !reached || room.older != Older::There || room.len() >= KEPT_READING {
            return;
        }
        if let (Some(name), Some(before)) = (room.log().cloned(), room.oldest()) {
            room.older = Older::Asked;
            self.effects.push(Effect::Older { room: name, before });
        }
    }

    pub(super) fn page_down(&mut self) {
        let by = self.size_of_messages().1.saturating_sub(1).max(1);
        self.scroll_down(by);
    }

    fn scroll_down(&mut self, by: usize) {
        let width = self.size_of_messages().0;
        let Some(room) = self.shown() else { return };
        let scroll = layout::down(&self.look, room, width, by);
        if scroll == Scroll::Follow {
            return self.follow();
        }
        if let Some(room) = self.shown_mut() {
            room.scroll = scroll;
        }
    }

    pub(super) fn follow(&mut self) {
        if let Some(room) = self.shown_mut() {
            room.scroll = Scroll::Follow;
            room.trim();
        }
        if self.pane.is_none() {
            self.read();
        }
    }

    pub(super) fn turn(&mut self, by: isize) {
        let count = self.rooms.len();
        if count > 0 {
            let index = (self.current + count).wrapping_add_signed(by) % count;
            self.turn_to(index);
        }
    }

    /// To the next conversation with a mention, or else with anything unread; in this one, to where reading was left.
    pub(super) fn seek_unread(&mut self) {
        let others = (1..self.rooms.len()).map(|i| (self.current + i) % self.rooms.len());
        let others: Vec<_> = others.collect();
        let with = |test: fn(&Room) -> bool| others.iter().copied().find(|i| test(&self.rooms[*i]));
        if let Some(index) = with(|room| room.mentions > 0).or_else(|| with(|room| room.unread > 0)) {
            return self.turn_to(index);
        }
        if let Some(room) = self.rooms.get_mut(self.current)
            && let Some(marker) = room.marker
        {
            room.scroll = Scroll::At(marker, usize::MAX);
        }
    }

    /// Looks for words in what is here, from the newest message back.
    pub(super) fn find(&mut self, words: &str) {
        self.found = Some((words.to_lowercase(), i64::MAX));
        self.find_again(true);
    }

    /// The next older message with the words, or the next newer one.
    pub(super) fn find_again(&mut self, older: bool) {
        let Some((words, at)) = self.found.clone() else {
            return self.notice("/find WORDS looks for words; ^S then finds older ones, Alt-S newer ones");
        };
        let has = |entry: &Entry| match &entry.what {
            What::Said { text, from, .. } => {
                !self.look.is_ignored(from.as_str()) && text.as_str().to_lowercase().contains(&words)
            }
            _ => false,
        };
        let Some(room) = self.shown() else { return };
        match room.seek(at, older, has) {
            Some(number) => {
                self.found = Some((words, number));
                self.scroll_to(number);
            }
            None if at == i64::MAX => {
                self.found = None;
                let more = "/search looks on the server; PageUp loads more";
                self.error(format!("nothing here says \"{}\"; {more}", clean_line(&words)));
            }
            // It stays at the last one.
            None => {}
        }
    }

    /// To the mention before what is shown at the bottom; from the first one to the last.
    pub(super) fn seek_mention(&mut self) {
        let mentions = |entry: &Entry| matches!(entry.what, What::Said { mention: true, .. });
        let Some(room) = self.shown() else { return };
        let from = match room.scroll {
            Scroll::Follow => i64::MAX,
            Scroll::At(number, _) => number,
        };
        match room.seek(from, true, mentions).or_else(|| room.seek(i64::MAX, true, mentions)) {
            Some(number) => self.scroll_to(number),
            None => self.notice("nobody has mentioned you here, as far as it is loaded"),
        }
    }

    /// Makes an entry the last one on the screen.
    fn scroll_to(&mut self, number: i64) {
        if let Some(room) = self.shown_mut() {
            room.scroll = Scroll::At(number, usize::MAX);
        }
    }

    /// The mouse's wheel.
    pub(crate) fn wheel(&mut self, up: bool) {
        if self.phase != Phase::Talk {
            return;
        }
        if up { self.scroll_up(WHEEL) } else { self.scroll_down(WHEEL) }
    }

    pub(super) fn help(&mut self) {
        let lines = chat_protocol::text::HELP.iter().skip(1).filter(|line| !line.contains("/help, /quit"));
        let lines: Vec<_> = KEYS.iter().chain(lines).map(|line| What::Notice((*line).to_owned())).collect();
        self.show(HELP, lines);
        // What comes first is read first.
        if let Some(pane) = &mut self.pane {
            pane.scroll = Scroll::At(pane.first(), 0);
        }
        let (width, height) = self.size_of_messages();
        if let Some(pane) = &self.pane {
            let scroll = layout::down(&self.look, pane, width, height.saturating_sub(1));
            if let Some(pane) = &mut self.pane {
                pane.scroll = scroll;
            }
        }
    }
}

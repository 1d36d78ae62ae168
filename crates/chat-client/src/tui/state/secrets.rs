//! Passwords and invites, typed without being shown.

use chat_client::Secret;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Phase, Secrets, State, Wanted};

/// Characters of the longest one; a password has at most 128.
const LONGEST: usize = 256;

impl State {
    /// Asks for something that isn't shown.
    pub(super) fn ask_secret(&mut self, wanted: Wanted, why: Option<String>) -> Phase {
        self.hidden.clear();
        Phase::Secret(wanted, why)
    }

    pub(super) fn secret_key(&mut self, wanted: Wanted, key: KeyEvent) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter if self.hidden.is_empty() => self.phase = self.ask_name(None),
            KeyCode::Enter => self.secret_typed(wanted),
            KeyCode::Esc => self.phase = self.ask_name(None),
            KeyCode::Backspace => {
                self.hidden.pop();
            }
            KeyCode::Char('u') if control => self.hidden.clear(),
            KeyCode::Char(c) if !control => self.hide(c.encode_utf8(&mut [0; 4])),
            _ => {}
        }
    }

    /// Takes more of it in.
    pub(super) fn hide(&mut self, text: &str) {
        let room = LONGEST.saturating_sub(self.hidden.chars().count());
        self.hidden.extend(text.chars().filter(|c| !c.is_control()).take(room));
    }

    fn secret_typed(&mut self, wanted: Wanted) {
        let typed = Some(Secret::new(std::mem::take(&mut self.hidden)));
        match wanted {
            Wanted::Password => self.secrets = Some(Secrets { password: typed, invite: None }),
            Wanted::Invite => {
                self.secrets = Some(Secrets { password: None, invite: typed });
                self.phase = self.ask_secret(Wanted::NewPassword, None);
                return;
            }
            Wanted::NewPassword => self.secrets.get_or_insert_default().password = typed,
        }
        self.connect(self.look.me.clone());
    }
}

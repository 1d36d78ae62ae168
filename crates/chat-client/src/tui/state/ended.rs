//! The end of a conversation: why, and the next step.

use chat_client::{End, Lost};
use chat_protocol::clean::clean_line;
use chat_protocol::message::{Bye, ByeCode, ErrorCode, Refusal};

use super::{Phase, State, Trouble, Wanted};
use crate::line::words::no_connection;

impl State {
    pub(super) fn ended(&mut self, end: End) {
        if self.phase == Phase::Leaving {
            return;
        }
        self.pane = None;
        self.question = None;
        self.phase = match end {
            End::Refused(refusal) => self.refused(&refusal),
            End::Unreachable { server, why } => unreachable(&server, &why),
            End::Bye(bye) => closed(&bye),
            end => over(end.to_string(), &[]),
        };
    }

    fn refused(&mut self, refusal: &Refusal) -> Phase {
        let words = clean_line(&refusal.message).into_owned();
        match refusal.code {
            ErrorCode::AliasTaken | ErrorCode::BadAlias => self.ask_name(Some(words)),
            ErrorCode::WrongPassword => self.ask_secret(Wanted::Password, Some(words)),
            ErrorCode::InviteRequired | ErrorCode::BadInvite => self.ask_secret(Wanted::Invite, Some(words)),
            _ => over(words, &["The server doesn't let you in; ask whoever keeps it."]),
        }
    }

    pub(super) fn ask_name(&mut self, why: Option<String>) -> Phase {
        let name = self.look.me.clone();
        self.editor.set(name);
        Phase::Name(why)
    }
}

fn unreachable(server: &str, why: &Lost) -> Phase {
    let words = no_connection(server, why);
    let is_untrusted = matches!(why, Lost::Untrusted(_));
    match words.split_once("; ") {
        Some((title, step)) if !is_untrusted => over(title.to_owned(), &[step]),
        _ if is_untrusted => over(
            // Without its colons it is half as many rows, and is taken as well.
            without_colons(&words),
            &["Ask whoever keeps it for its CA (--ca FILE) or its fingerprint (--fingerprint SHA256)."],
        ),
        _ => over(words, &["Is the address right? Is the network there?"]),
    }
}

/// The server has said goodbye.
fn closed(bye: &Bye) -> Phase {
    let step = match bye.code {
        ByeCode::Banned => "You are banned; whoever keeps the server can lift it.",
        ByeCode::Kicked => "You were asked to leave. You may come back, and better behave.",
        ByeCode::Replaced => "This conversation goes on in another window.",
        _ => "The server closed the connection.",
    };
    over(clean_line(&bye.reason).into_owned(), &[step])
}

/// A text with its fingerprints, `AB:CD:…`, as digits alone.
fn without_colons(text: &str) -> String {
    let plain = |word: &str| {
        let digits = word.replace(':', "");
        let is_print = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_print { digits } else { word.to_owned() }
    };
    text.split(' ').map(plain).collect::<Vec<_>>().join(" ")
}

fn over(title: String, steps: &[&str]) -> Phase {
    Phase::Over(Trouble { title, steps: steps.iter().map(|step| (*step).to_owned()).collect() })
}

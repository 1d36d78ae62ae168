//! What became of the lines, and of the conversation, where it wasn't what was wanted.

use std::io;
use std::time::Duration;

use chat_client::{Cause, End, RequestError};
use chat_protocol::clean::clean_line;
use chat_protocol::message::ErrorCode;
use chat_protocol::text::render;
use tokio::time::{Instant, timeout};

use super::words::{brief, error, excerpt, no_connection};
use super::{Over, Source, Talk, print};
use crate::config::Manner;
use crate::input::Numbered;

/// Lines nobody read that are named one by one.
const MOST_NAMED: usize = 64;

/// How long the thread that reads the input may take to see what is there.
const MORE_WITHIN: Duration = Duration::from_millis(200);

impl Talk<'_> {
    /// `said`: the line was one to be stored.
    pub(super) fn request_failed(
        &mut self,
        number: u64,
        text: &str,
        said: bool,
        error: &RequestError,
    ) -> io::Result<()> {
        match error {
            RequestError::Refused(refusal) => self.not_sent(number, text, &refusal.message),
            RequestError::NotSent(end) | RequestError::FateUnknown(Cause::Ended(end)) if self.keeps && said => {
                self.name_line("kept for the next start", number, text, &brief(end))
            }
            RequestError::NotSent(end) => {
                let why = self.why(end);
                self.not_sent(number, text, &why)
            }
            RequestError::FateUnknown(cause) => {
                let why = match cause {
                    Cause::Ended(end) => self.why(end),
                    cause => cause.to_string(),
                };
                self.name_line("fate is unknown", number, text, &why)
            }
            error => self.name_line("fate is unknown", number, text, &error.to_string()),
        }
    }

    /// Why a line has no fate. A script is told why there is an end before, once for all its lines.
    fn why(&mut self, end: &End) -> String {
        if self.config.manner != Manner::Script || *end == End::Quit {
            return brief(end);
        }
        self.ended(end);
        String::new()
    }

    pub(super) fn not_sent(&mut self, number: u64, text: &str, why: &str) -> io::Result<()> {
        self.name_line("not sent", number, text, why)
    }

    /// Says that something went wrong with a line: a person knows which, others are told its number.
    fn name_line(&mut self, what: &str, number: u64, text: &str, why: &str) -> io::Result<()> {
        self.failed = true;
        let (why, text) = (clean_line(why), excerpt(text));
        if !self.is_person() {
            let shown = if text.is_empty() { String::new() } else { format!(" \"{text}\"") };
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            self.named.insert(number, format!("{what}: line {number}{shown}{why}"));
            self.name_in_order();
            return Ok(());
        }
        // A refusal is the answer to what was just typed; anything else needs to name it.
        let is_answer = what == "not sent" && !self.view.is_offline();
        print(&if is_answer || text.is_empty() { error(&why) } else { error(&format!("{what}: {text} ({why})")) })
    }

    /// Tells a script of its lines up to the first that has no fate yet.
    pub(super) fn name_in_order(&mut self) {
        let open = self.waiting.first_key_value().map_or(u64::MAX, |(number, _)| *number);
        while let Some(line) = self.named.first_entry().filter(|line| *line.key() < open) {
            let words = line.remove();
            self.complain(&words);
        }
    }

    /// Names the lines that should be stored by now.
    pub(super) fn late(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let mut out = String::new();
        for line in self.waiting.values_mut().filter(|line| !line.named && line.late_at <= now) {
            line.named = true;
            render::error(&mut out, &format!("not stored yet: {}", excerpt(&line.text)));
        }
        print(&out)
    }

    /// What the client's end means where it was not asked for; `None`: the usual.
    pub(super) fn ended(&mut self, end: &End) -> Option<Over> {
        if std::mem::replace(&mut self.has_ended, true) {
            return None;
        }
        match end {
            End::Refused(refusal) => {
                self.complain(&clean_line(&refusal.message));
                let can_choose = matches!(refusal.code, ErrorCode::AliasTaken | ErrorCode::BadAlias);
                if self.is_person() && self.view.me().is_none() {
                    match refusal.code {
                        ErrorCode::WrongPassword => return Some(Over::AskSecret { invite: false }),
                        ErrorCode::InviteRequired | ErrorCode::BadInvite => {
                            return Some(Over::AskSecret { invite: true });
                        }
                        _ => {}
                    }
                }
                let begun = self.view.me().is_some() || !self.is_person();
                (can_choose && !begun).then_some(Over::AskAgain)
            }
            End::Unreachable { server, why } => {
                // Others may have been told at the first try.
                if !self.told {
                    self.complain(&no_connection(server, why));
                }
                None
            }
            // Those who see events have seen this one.
            End::Bye(_) if self.config.manner != Manner::Script => None,
            End::Quit => None,
            end => {
                self.complain(&end.to_string());
                None
            }
        }
    }

    /// Says on standard error that something is wrong.
    pub(super) fn complain(&self, words: &str) {
        let prefix = if self.is_person() { "!!!" } else { "chat-client:" };
        eprintln!("{prefix} {words}");
    }

    /// Names to a script what nobody carried out of its input: the connection is `lost`, or it asked to leave before.
    pub(super) async fn name_the_rest(&mut self, source: &mut Source, lost: bool, end: &End) {
        let why = match self.left {
            _ if self.is_person() => return,
            true if self.config.manner == Manner::Script => "it comes after /quit".to_owned(),
            _ if lost && self.open => self.why(end),
            _ => return,
        };
        for _ in 0..MOST_NAMED {
            match timeout(MORE_WITHIN, source.input.next()).await {
                Ok(Some(Ok(Numbered { number, line }))) => {
                    self.number = number;
                    if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                        continue;
                    }
                    // Standard error, which `not_sent` writes to for all but people, doesn't fail.
                    let _ = self.not_sent(number, &line.unwrap_or_default(), &why);
                }
                Ok(None) => return,
                // There may never be any more.
                Err(_) if self.left => return,
                _ => break,
            }
        }
        let rest = match self.number {
            0 => "the input".to_owned(),
            number => format!("what comes after line {number}"),
        };
        self.complain(&format!("not sent: {rest}"));
    }
}

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
    pub(super) fn request_failed(&mut self, number: u64, text: &str, error: &RequestError) -> io::Result<()> {
        match error {
            RequestError::Refused(refusal) => self.not_sent(number, text, &refusal.message),
            RequestError::NotSent(end) | RequestError::FateUnknown(Cause::Ended(end)) if self.is_kept(text) => {
                self.name_line("kept for the next start", number, text, &brief(end))
            }
            RequestError::NotSent(end) => self.not_sent(number, text, &brief(end)),
            RequestError::FateUnknown(cause) => {
                let why = match cause {
                    Cause::Ended(end) => brief(end),
                    cause => cause.to_string(),
                };
                self.name_line("fate is unknown", number, text, &why)
            }
            error => self.name_line("fate is unknown", number, text, &error.to_string()),
        }
    }

    /// Whether what was said is on disk, to be sent by the next client.
    fn is_kept(&self, text: &str) -> bool {
        self.keeps && !text.is_empty()
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
            self.complain(&format!("{what}: line {number}{shown}: {why}"));
            return Ok(());
        }
        // A refusal is the answer to what was just typed; anything else needs to name it.
        let is_answer = what == "not sent" && !self.view.is_offline();
        print(&if is_answer || text.is_empty() { error(&why) } else { error(&format!("{what}: {text} ({why})")) })
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
    pub(super) fn ended(&self, end: &End) -> Option<Over> {
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
                // Others were told at the first try.
                if self.is_person() || self.tries == 0 {
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

    /// Names what nobody read of the input.
    pub(super) async fn name_the_rest(&mut self, source: &mut Source, why: &str) {
        for _ in 0..MOST_NAMED {
            match timeout(MORE_WITHIN, source.input.next()).await {
                Ok(Some(Ok(Numbered { number, line }))) => {
                    self.number = number;
                    if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                        continue;
                    }
                    // Standard error, which `not_sent` writes to for all but people, doesn't fail.
                    let _ = self.not_sent(number, &line.unwrap_or_default(), why);
                }
                Ok(None) => return,
                _ => break,
            }
        }
        let rest = match self.number {
            0 => "the input".to_owned(),
            number => format!("what comes after line {number}"),
        };
        self.complain(&format!("not sent: {rest}: {why}"));
    }
}

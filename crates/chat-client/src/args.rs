//! What can be typed: flags and environment variables.

use std::path::PathBuf;

use chat_client::Fingerprint;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, ValueEnum};

/// Talk in a chat, from a terminal or a script.
///
/// In a terminal it takes the whole screen; what you type is said in the room, and F1 lists keys and commands. When standard input is not a terminal each of its
/// lines is said as it stands, nobody is told of the coming and going, and the exit code is 0 once all are stored.
#[derive(Debug, Parser)]
#[command(name = "chat-client", version, max_term_width = 100)]
pub(crate) struct Args {
    /// The name that others shall see [default: a person is asked]
    pub(crate) alias: Option<String>,

    /// Where the server is [default: 127.0.0.1:5555; without an alias too, the one that you talked to last]
    #[arg(long, value_name = "HOST:PORT", env = "CHAT_SERVER")]
    pub(crate) server: Option<String>,

    /// Speak TLS, with a server that the system's certificates vouch for
    #[arg(long, env = "CHAT_TLS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) tls: Option<bool>,

    /// Speak TLS, with a server that this CA vouches for (PEM)
    #[arg(long, value_name = "FILE", env = "CHAT_CA")]
    pub(crate) ca: Option<PathBuf>,

    /// Speak TLS, with the server whose certificate has this fingerprint
    #[arg(long, value_name = "SHA256", env = "CHAT_FINGERPRINT", conflicts_with = "ca")]
    pub(crate) fingerprint: Option<Fingerprint>,

    /// The room to be in; may be given more than once, and what is said goes to the first [default: the server's lobby]
    #[arg(long, value_name = "NAME", env = "CHAT_ROOM", value_delimiter = ',')]
    pub(crate) room: Vec<String>,

    /// Messages to show on joining, 0 to 500
    #[arg(long, value_name = "N", env = "CHAT_HISTORY", default_value_t = 50, allow_hyphen_values = true)]
    pub(crate) history: u32,

    /// Lines in, lines out, append-only [default: when standard input or output is not a terminal]
    ///
    /// Given with input that is not a terminal, it makes a conversation of it: others' messages are written to standard output.
    #[arg(long, env = "CHAT_PLAIN", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) plain: Option<bool>,

    /// Whether a message shows its time: `changed` where its minute is another than that of the one before
    #[arg(long, value_name = "WHEN", env = "CHAT_TIMES", default_value = "always")]
    pub(crate) times: Times,

    /// Whether / and @ at the start of a line mean anything [default: when standard input is a terminal]
    #[arg(long, env = "CHAT_COMMANDS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) commands: Option<bool>,

    /// Where a conversation in a terminal keeps what you said and isn't stored, and how far you have read; `off`: nowhere [default: the
    /// platform's folder for state + chat-client]
    #[arg(long, value_name = "DIR", env = "CHAT_STATE")]
    pub(crate) state: Option<PathBuf>,

    /// The file that holds the invite, where the server asks for one
    #[arg(long, value_name = "FILE", env = "CHAT_INVITE_FILE")]
    pub(crate) invite_file: Option<PathBuf>,

    /// The file that holds the password of the alias's account [default: a person is asked]
    #[arg(long, value_name = "FILE", env = "CHAT_PASSWORD_FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// For a script: how long to go on trying while no line of it gets stored; each that does begins it anew
    #[arg(long, value_name = "SECONDS", env = "CHAT_TIMEOUT", default_value_t = 30, allow_hyphen_values = true)]
    pub(crate) timeout: u32,

    /// Print a script with which this shell completes what is typed of this command, and do nothing else
    #[arg(long, value_name = "SHELL", exclusive = true)]
    pub(crate) completions: Option<clap_complete::Shell>,
}

/// When a message shows its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Times {
    /// On each line.
    #[default]
    Always,
    /// Where its minute is another than that of the line before.
    Changed,
    /// Never.
    Never,
}

/// What was wrong with what was typed, in one sentence.
pub(crate) fn sentence(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg).and_then(|flag| flag.split([' ', '=', '[']).next());
    if let (Some(flag), Some(value)) = (flag, text(ContextKind::InvalidValue).filter(|value| !value.is_empty())) {
        if let Some(ContextValue::Strings(possible)) = error.get(ContextKind::ValidValue) {
            return format!("{flag} {value:?}: it is none of {}", possible.join(", "));
        }
        if error.kind() == ErrorKind::ValueValidation {
            // What a type says of itself tells nobody what to write.
            let why = std::error::Error::source(error).filter(|_| !["--history", "--timeout"].contains(&flag));
            let why = why.map_or_else(|| "it takes a whole number".to_owned(), ToString::to_string);
            return format!("{flag} {value:?}: {why}");
        }
    }
    let words = error.to_string();
    let told =
        words.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let told: Vec<_> = told.filter(|line| !line.is_empty()).collect();
    let told = told.join(" ").replace(" tip: ", "; ");
    format!("{}; --help lists what there is", told.trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn what_is_wrong_is_one_sentence_that_names_the_flag() {
        for (words, expected) in [
            (&["--history", "-1"][..], "--history \"-1\": it takes a whole number"),
            (&["--timeout=soon"], "--timeout \"soon\": it takes a whole number"),
            (&["--times", "often"], "--times \"often\": it is none of always, changed, never"),
            (&["--tls=maybe"], "--tls \"maybe\": it is none of true, false"),
            (&["--room"], "a value is required for '--room <NAME>' but none was supplied; --help lists what there is"),
            (
                &["--rom", "x"],
                "unexpected argument '--rom' found; a similar argument exists: '--room'; --help lists what there is",
            ),
        ] {
            let error = Args::try_parse_from(["chat-client", "bob"].iter().chain(words)).expect_err("it is wrong");
            assert_eq!(sentence(&error), expected);
        }
        let error = Args::try_parse_from(["chat-client", "bob", "--fingerprint", "x"]).expect_err("it is wrong");
        let sentence = sentence(&error);
        assert!(sentence.starts_with("--fingerprint \"x\": ") && !sentence.contains('\n'), "{sentence}");
    }

    #[test]
    fn the_command_is_sound_and_every_flag_has_its_variable() {
        let command = Args::command();
        command.clone().debug_assert();
        for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
            let long = arg.get_long().unwrap_or_default();
            // These are asked for, not set.
            if ["completions", "help", "version"].contains(&long) {
                continue;
            }
            let variable = format!("CHAT_{}", long.replace('-', "_").to_uppercase());
            assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(variable.as_str()));
        }
    }
}

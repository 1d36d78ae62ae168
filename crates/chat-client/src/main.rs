//! The chat client's program: arguments, conversation, exit code.

mod args;
mod asked;
mod config;
mod input;
mod kept;
mod line;
mod signals;
mod tui;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::Shell;
use tracing_subscriber::EnvFilter;

use crate::args::Args;
use crate::config::Config;
use crate::tui::settings::{Plain, Settings};

/// The exit code for what was typed wrongly.
const BAD_USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(help) if !help.use_stderr() => help.exit(),
        Err(error) => return fail(&args::sentence(&error), BAD_USAGE),
    };
    if let Some(shell) = args.completions {
        return completions(shell);
    }
    let (settings, trouble) = kept_settings();
    let config = match Config::new(args, &settings.servers) {
        Ok(config) => config,
        Err(sentence) => return fail(&sentence, BAD_USAGE),
    };
    let full_screen = config.full_screen && (config.plain.is_some() || settings.plain == Plain::Off);
    if !full_screen {
        start_log();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("can't start: {error}"), 1),
    };
    let code = runtime.block_on(async {
        if full_screen { tui::run(config, settings, trouble).await } else { line::run(config).await }
    });
    // A name that is being looked up must not hold up the end.
    runtime.shutdown_background();
    ExitCode::from(code)
}

fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "chat-client", &mut script);
    match std::io::stdout().write_all(&script) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("can't write to standard output: {error}"), 1),
    }
}

/// What a person chose before, and what is wrong with the file that holds it.
fn kept_settings() -> (Settings, Option<String>) {
    match tui::settings::path().map(|path| Settings::load(&path)) {
        Some(Ok(settings)) => (settings, None),
        Some(Err(sentence)) => (Settings::default(), Some(sentence)),
        None => (Settings::default(), None),
    }
}

/// Logs go to standard error, and only where somebody asks for them: it is the screen of a conversation.
fn start_log() {
    if let Ok(filter) = EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .log_internal_errors(false)
            .init();
    }
}

fn fail(sentence: &str, code: u8) -> ExitCode {
    eprintln!("chat-client: {sentence}");
    ExitCode::from(code)
}

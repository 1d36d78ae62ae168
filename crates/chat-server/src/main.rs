//! The chat server's program: arguments, log, server, signals, exit code.

mod args;
mod settings;

use std::io::Write as _;
use std::process::ExitCode;

use chat_server::Server;
use clap::Parser as _;
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::args::{Args, LogFormat};
use crate::settings::Settings;

/// The exit code of a start that failed for what was typed or for an address in use.
const BAD_START: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Args::parse().completed().and_then(Settings::new) {
        Ok(settings) => settings,
        Err(sentence) => return fail(&sentence, BAD_START),
    };
    start_log(settings.log_format);
    let server = match Server::bind(settings.server).await {
        Ok(server) => server,
        Err(error) => return fail(&error.to_string(), BAD_START),
    };
    if let Err(error) = announce(&server) {
        return fail(&format!("can't write to standard output: {error}"), 1);
    }
    match server.run(stop_signal()).await {
        Ok(()) => {
            info!("stopped");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string(), 1),
    }
}

/// Says where the server listens: on standard output for programs and people alike, one a line.
fn announce(server: &Server) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for address in server.addresses() {
        writeln!(out, "listening on tcp://{address}")?;
    }
    if let Some(address) = server.web_address() {
        writeln!(out, "listening on http://{address}/")?;
    }
    if let Some(address) = server.metrics_address() {
        writeln!(out, "listening on http://{address}/metrics")?;
    }
    out.flush()
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Resolves at the first signal to stop. A second one ends the program at once.
async fn stop_signal() {
    next_signal().await;
    tokio::spawn(async {
        next_signal().await;
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn next_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        // Without signals the server can still be ended by killing it, which loses nothing that was acked.
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn next_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn fail(sentence: &str, code: u8) -> ExitCode {
    eprintln!("chat-server: {sentence}");
    ExitCode::from(code)
}

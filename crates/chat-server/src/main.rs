//! The chat server's program: arguments, log, server, signals, exit code.

mod args;
mod around;
mod commands;
mod settings;
mod signals;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use chat_server::reach::reachable;
use chat_server::{Server, Storage};
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, Problem, Typed};
use crate::around::{Moment, notify, raise_descriptor_limit, reload_at_hangup};
use crate::settings::Settings;
use crate::signals::Signals;

/// The exit code of a start that failed for what was typed or for an address in use.
pub(crate) const BAD_START: u8 = 2;

fn main() -> ExitCode {
    let typed = match Typed::read() {
        Ok(typed) => typed,
        Err(Problem::CommandLine(help)) if !help.use_stderr() => help.exit(),
        Err(Problem::CommandLine(error)) => return fail(&args::sentence(&error), BAD_START),
        Err(Problem::Sentence(sentence)) => return fail(&sentence, BAD_START),
    };
    if let Some(command) = &typed.args.command {
        start_log(typed.args.log_format.unwrap_or_default());
        return match commands::run(command, &typed) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => fail(&failure.sentence, failure.code),
        };
    }
    let settings = match Settings::new(typed.args.clone()) {
        Ok(settings) => settings,
        Err(sentence) => return fail(&typed.trace(sentence), BAD_START),
    };
    start_log(settings.log_format);
    match tokio::runtime::Builder::new_multi_thread().worker_threads(settings.threads).enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(settings, typed)),
        Err(error) => fail(&format!("can't start {} threads: {error}", settings.threads), 1),
    }
}

async fn serve(settings: Settings, typed: Typed) -> ExitCode {
    raise_descriptor_limit(settings.server.limits.max_connections);
    let storage = settings.server.storage.clone();
    let server = match Server::bind(settings.server).await {
        Ok(server) => server,
        Err(error) => return fail(&error.to_string(), BAD_START),
    };
    let terminal_closed = reload_at_hangup(server.control(), typed);
    tell_where_messages_are(&storage);
    introduce(&server);
    tell_where_others_reach_it(&server);
    // Before anybody is told that it runs, as from then on it may be asked to stop.
    let signals = Signals::catch();
    if let Err(error) = announce(&server) {
        return fail(&format!("can't write to standard output: {error}"), 1);
    }
    notify(Moment::Ready);
    let asked_to_stop = async {
        tokio::select! {
            () = signals.stop() => {}
            () = terminal_closed => {}
        }
        notify(Moment::Stopping);
    };
    match server.run(asked_to_stop).await {
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
    for address in server.tls_addresses() {
        writeln!(out, "listening on tls://{address}")?;
    }
    if let (Some(scheme), Some(address)) = (server.web_scheme(), server.web_address()) {
        writeln!(out, "listening on {scheme}://{address}/")?;
    }
    if let Some(address) = server.metrics_address() {
        writeln!(out, "listening on http://{address}/metrics")?;
    }
    out.flush()
}

fn tell_where_messages_are(storage: &Storage) {
    match storage {
        Storage::Sqlite(durable) => {
            let data = std::path::absolute(&durable.data).unwrap_or_else(|_| durable.data.clone());
            eprintln!("messages are kept in {}", data.display());
        }
        _ => eprintln!("messages are kept in memory alone, and gone when this server stops"),
    }
}

/// Says for people how those can tell this server from another one who have no other way.
fn introduce(server: &Server) {
    let Some(fingerprint) = server.own_fingerprint() else { return };
    eprintln!("the certificate is self-signed; its SHA-256 fingerprint is {fingerprint}");
    for address in server.tls_addresses() {
        for place in places(address, reachable(address)) {
            eprintln!("join with: chat-client ALIAS --server {place} --tls --fingerprint {fingerprint}");
        }
    }
}

/// Where clients find what listens on an address. On a machine without a network that is this machine, under a name that its certificate has.
fn places(bound: SocketAddr, reached: Vec<SocketAddr>) -> Vec<String> {
    if reached.is_empty() {
        return vec![format!("localhost:{}", bound.port())];
    }
    reached.iter().map(SocketAddr::to_string).collect()
}

/// Says where others on the network find what listens on all addresses, which is no address that anybody could type.
fn tell_where_others_reach_it(server: &Server) {
    let chat = server.addresses().into_iter().map(|address| ("tcp", "", address));
    let tls = server.tls_addresses().into_iter().map(|address| ("tls", "", address));
    let page = server.web_scheme().zip(server.web_address()).map(|(scheme, address)| (scheme, "/", address));
    for (scheme, path, address) in chat.chain(tls).chain(page).filter(|(.., address)| address.ip().is_unspecified()) {
        for reached in reachable(address) {
            eprintln!("others on the network can use {scheme}://{reached}{path}");
        }
    }
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // A log that can't be written any more would be told of by a panic, and that would end the session that has something to say.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    match format {
        LogFormat::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
}

fn fail(sentence: &str, code: u8) -> ExitCode {
    // Where nobody can read it there is nobody to be told.
    let _ = writeln!(std::io::stderr(), "chat-server: {sentence}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_place_to_join_at() {
        let bound = SocketAddr::from(([0, 0, 0, 0], 5556));
        assert_eq!(places(bound, Vec::new()), ["localhost:5556"]);
        let reached = vec![SocketAddr::from(([192, 0, 2, 7], 5556))];
        assert_eq!(places(bound, reached), ["192.0.2.7:5556"]);
    }
}

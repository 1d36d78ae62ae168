//! What can be typed: flags, environment variables and the keys of the configuration file, one type for the three.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use serde::Deserialize;

/// A chat server that people join with netcat, telnet or chat-client.
#[derive(Debug, Default, Parser, Deserialize)]
#[command(
    name = "chat-server",
    version,
    about,
    max_term_width = 100,
    after_help = "Exit codes: 0 done or stopped as asked; 1 a failure on the way, such as a disk that can't be written; \
                  2 nothing was begun: what was typed, an address or a data folder in use, a log that can't be opened."
)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Args {
    /// Plain TCP address to listen on; may be given more than once [default: 127.0.0.1:5555]
    #[arg(long, value_name = "ADDR", env = "CHAT_LISTEN", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) listen: Option<Vec<SocketAddr>>,

    /// Address of the page for browsers; off for none [default: 127.0.0.1:5580]
    #[arg(long, value_name = "ADDR", env = "CHAT_WEB")]
    pub(crate) web: Option<String>,

    /// Where else the page is reached, such as https://chat.example.org behind a reverse proxy; may be given more than once
    #[arg(long, value_name = "URL", env = "CHAT_WEB_ORIGIN", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) web_origin: Option<Vec<String>>,

    /// Addresses of a reverse proxy whose X-Forwarded-For is believed; may be given more than once
    #[arg(long, value_name = "CIDR", env = "CHAT_TRUSTED_PROXY", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_more")]
    pub(crate) trusted_proxy: Option<Vec<String>>,

    /// Address of /metrics (Prometheus), /healthz and /readyz [default: none]
    #[arg(long, value_name = "ADDR", env = "CHAT_METRICS")]
    pub(crate) metrics: Option<SocketAddr>,

    /// Address for the same over TLS; may be given more than once
    #[arg(long, value_name = "ADDR", env = "CHAT_TLS_LISTEN", value_delimiter = ',')]
    pub(crate) tls_listen: Option<Vec<SocketAddr>>,

    /// The certificate for TLS, in PEM, with those that lead to its root after it; read again when it changes
    #[arg(long, value_name = "FILE", env = "CHAT_TLS_CERT")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", env = "CHAT_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Make a certificate for TLS; clients are told its fingerprint
    #[arg(long, env = "CHAT_TLS_SELF_SIGNED", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) tls_self_signed: Option<bool>,

    /// A TCP balancer is in front and says for whom it speaks (PROXY protocol, 1 or 2); others must not reach the ports then
    #[arg(long, env = "CHAT_PROXY_PROTOCOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) proxy_protocol: Option<bool>,

    /// The folder for the log, accounts and bans [default: the platform's data folder + chat-server]
    #[arg(long, value_name = "DIR", env = "CHAT_DATA", global = true)]
    pub(crate) data: Option<PathBuf>,

    /// Bytes that stay free on the disk of the data folder: messages that would take of them are refused; 0 for none [default: 64MiB]
    #[arg(long, value_name = "SIZE", env = "CHAT_MIN_FREE")]
    pub(crate) min_free: Option<String>,

    /// Remove messages after this time: 90d, 12h, 30m [default: for ever]
    #[arg(long, value_name = "TIME", env = "CHAT_KEEP")]
    pub(crate) keep: Option<String>,

    /// Keep the newest so many messages of each room [default: all]
    #[arg(long, value_name = "N", env = "CHAT_KEEP_MESSAGES")]
    pub(crate) keep_messages: Option<u64>,

    /// Remove the oldest messages once the log is larger than this: 10GiB [default: all]
    #[arg(long, value_name = "SIZE", env = "CHAT_KEEP_SIZE")]
    pub(crate) keep_size: Option<String>,

    /// Keep nothing on disk: a bounded ring of messages in memory
    #[arg(long, env = "CHAT_EPHEMERAL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) ephemeral: Option<bool>,

    /// The room that everybody starts in [default: lobby]
    #[arg(long, value_name = "NAME", env = "CHAT_LOBBY")]
    pub(crate) lobby: Option<String>,

    /// Connections in all; 0 for no limit [default: 10000]
    #[arg(long, value_name = "N", env = "CHAT_MAX_CONNECTIONS")]
    pub(crate) max_connections: Option<usize>,

    /// Connections from one address (IPv6: from one /64); 0 for no limit [default: 0]
    #[arg(long, value_name = "N", env = "CHAT_MAX_PER_ADDRESS")]
    pub(crate) max_per_address: Option<usize>,

    /// Bytes of one message's text [default: 8192]
    #[arg(long, value_name = "BYTES", env = "CHAT_MAX_TEXT")]
    pub(crate) max_text: Option<usize>,

    /// Bytes of one message's line on the wire [default: 32768]
    #[arg(long, value_name = "BYTES", env = "CHAT_MAX_LINE")]
    pub(crate) max_line: Option<usize>,

    /// Lines of one message [default: 100]
    #[arg(long, value_name = "N", env = "CHAT_MAX_LINES")]
    pub(crate) max_lines: Option<usize>,

    /// Messages a second of one session, with a burst of 200; beyond it the session is read more slowly; 0 for no limit [default: 20]
    #[arg(long, value_name = "N", env = "CHAT_MAX_RATE")]
    pub(crate) max_rate: Option<u32>,

    /// People in a room that is told of each who comes and goes; a larger one is told their count [default: 200]
    #[arg(long, value_name = "N", env = "CHAT_MAX_ROSTER")]
    pub(crate) max_roster: Option<usize>,

    /// How logs are written to standard error; RUST_LOG filters them [default: text]
    #[arg(long, value_name = "FORMAT", env = "CHAT_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// A TOML file with the names of these flags as keys; flags and environment variables go before it
    #[arg(long, value_name = "FILE", env = "CHAT_CONFIG", global = true)]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,

    /// What to do instead of serving.
    #[command(subcommand)]
    #[serde(skip)]
    pub(crate) command: Option<Command>,
}

/// What the program can do besides serving; each works on the folder of `--data`.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Write everything that is kept into one new file; a server may be running meanwhile
    Backup {
        /// The file
        file: PathBuf,
    },
    /// Make a log from a backup, in a data folder that has none; it gets a name of its own, so that clients begin anew
    Restore {
        /// The backup
        file: PathBuf,
    },
    /// Write messages to standard output as JSON, one a line; a server may be running meanwhile
    Export {
        /// This room alone
        #[arg(long, value_name = "NAME")]
        room: Option<String>,
        /// Messages from this time on: 2026-11-21, 2026-11-21T12:00:00Z, or 7d for the last seven days
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
    },
    /// Make a log from the lines of an export, in a data folder that has none; seqs, times and ids stay as they were
    Import {
        /// The file; - for standard input
        file: PathBuf,
    },
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Args {
    /// What was typed, completed from the configuration file.
    pub(crate) fn completed(self) -> Result<Self, String> {
        let Some(path) = &self.config else { return Ok(self) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("can't read the configuration file {}: {error}", path.display()))?;
        let file: Self = toml::from_str(&text).map_err(|error| in_file(path, &text, &error))?;
        Ok(Self {
            listen: self.listen.or(file.listen),
            web: self.web.or(file.web),
            web_origin: self.web_origin.or(file.web_origin),
            trusted_proxy: self.trusted_proxy.or(file.trusted_proxy),
            metrics: self.metrics.or(file.metrics),
            tls_listen: self.tls_listen.or(file.tls_listen),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            tls_self_signed: self.tls_self_signed.or(file.tls_self_signed),
            proxy_protocol: self.proxy_protocol.or(file.proxy_protocol),
            data: self.data.or(file.data),
            min_free: self.min_free.or(file.min_free),
            keep: self.keep.or(file.keep),
            keep_messages: self.keep_messages.or(file.keep_messages),
            keep_size: self.keep_size.or(file.keep_size),
            ephemeral: self.ephemeral.or(file.ephemeral),
            lobby: self.lobby.or(file.lobby),
            max_connections: self.max_connections.or(file.max_connections),
            max_per_address: self.max_per_address.or(file.max_per_address),
            max_text: self.max_text.or(file.max_text),
            max_line: self.max_line.or(file.max_line),
            max_lines: self.max_lines.or(file.max_lines),
            max_rate: self.max_rate.or(file.max_rate),
            max_roster: self.max_roster.or(file.max_roster),
            log_format: self.log_format.or(file.log_format),
            config: self.config,
            command: self.command,
        })
    }
}

/// What was wrong with what was typed, in one sentence.
pub(crate) fn sentence(error: &clap::Error) -> String {
    let words = error.to_string();
    let told =
        words.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let told: Vec<_> = told.filter(|line| !line.is_empty()).collect();
    format!("{}; --help lists what there is", told.join(" ").trim_start_matches("error: "))
}

/// What was wrong in the file, with the line that it is in, in one sentence.
fn in_file(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let number = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
    let line: String = text.lines().nth(number - 1).unwrap_or_default().trim().chars().take(80).collect();
    let message = error.message().replace('\n', ", ");
    format!("in the configuration file {}, line {number}, `{line}`: {message}", path.display())
}

/// A list, or its only entry by itself.
fn one_or_more<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "this is neither a value of the right kind nor a list of such")]
    enum OneOrMore<T> {
        One(T),
        More(Vec<T>),
    }
    Ok(Some(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(only) => vec![only],
        OneOrMore::More(list) => list,
    }))
}

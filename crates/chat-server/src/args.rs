//! What can be typed: flags, environment variables and the keys of the configuration file, one type for the three.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde::Deserialize;

/// A chat server that people join with netcat, telnet or chat-client.
#[derive(Debug, Default, Parser, Deserialize)]
#[command(name = "chat-server", version, about, max_term_width = 100)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Args {
    /// Plain TCP address to listen on; may be given more than once [default: 127.0.0.1:5555]
    #[arg(long, value_name = "ADDR", env = "CHAT_LISTEN", value_delimiter = ',')]
    pub(crate) listen: Option<Vec<SocketAddr>>,

    /// Address of the page for browsers; off for none [default: 127.0.0.1:5580]
    #[arg(long, value_name = "ADDR", env = "CHAT_WEB")]
    pub(crate) web: Option<String>,

    /// Where else the page is reached, such as https://chat.example.org behind a reverse proxy; may be given more than once
    #[arg(long, value_name = "URL", env = "CHAT_WEB_ORIGIN", value_delimiter = ',')]
    pub(crate) web_origin: Option<Vec<String>>,

    /// Addresses of a reverse proxy whose X-Forwarded-For is believed; may be given more than once
    #[arg(long, value_name = "CIDR", env = "CHAT_TRUSTED_PROXY", value_delimiter = ',')]
    pub(crate) trusted_proxy: Option<Vec<String>>,

    /// Address of /metrics (Prometheus), /healthz and /readyz [default: none]
    #[arg(long, value_name = "ADDR", env = "CHAT_METRICS")]
    pub(crate) metrics: Option<SocketAddr>,

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
    #[arg(long, value_name = "FILE", env = "CHAT_CONFIG")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
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
        let file: Self = toml::from_str(&text).map_err(|error| {
            format!("in the configuration file {}: {}", path.display(), error.to_string().trim_end())
        })?;
        Ok(Self {
            listen: self.listen.or(file.listen),
            web: self.web.or(file.web),
            web_origin: self.web_origin.or(file.web_origin),
            trusted_proxy: self.trusted_proxy.or(file.trusted_proxy),
            metrics: self.metrics.or(file.metrics),
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
        })
    }
}

//! What can be typed: flags, environment variables (`CHAT_` and the flag's name) and keys of the configuration file, one type for the three.

mod sources;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use self::sources::{Problem, Setting, Typed, command};

/// A chat server that people join with netcat, telnet or chat-client.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "chat-server",
    version,
    about,
    max_term_width = 100,
    after_help = "Exit codes: 0 done or stopped as asked; 1 a failure on the way, such as a disk that can't be written; \
                  2 nothing was begun: what was typed, an address or a data folder in use, a log that can't be opened."
)]
pub(crate) struct Args {
    /// Plain TCP address to listen on; may be given more than once [default: 127.0.0.1:5555]
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_parser = address)]
    pub(crate) listen: Option<Vec<SocketAddr>>,

    /// Address of the page for browsers; off for none [default: 127.0.0.1:5580]
    #[arg(long, value_name = "ADDR")]
    pub(crate) web: Option<String>,

    /// Where else the page is reached, such as https://chat.example.org behind a reverse proxy; may be given more than once
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub(crate) web_origin: Option<Vec<String>>,

    /// Addresses of proxies whose word is taken: X-Forwarded-For and X-Forwarded-Proto of a reverse proxy, and the header of --proxy-protocol (there, loopback unless others are named); may be given more than once
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) trusted_proxy: Option<Vec<String>>,

    /// Address of /metrics (Prometheus), /healthz and /readyz [default: none]
    #[arg(long, value_name = "ADDR", global = true, value_parser = address)]
    pub(crate) metrics: Option<SocketAddr>,

    /// Address for the same over TLS; may be given more than once
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_parser = address)]
    pub(crate) tls_listen: Option<Vec<SocketAddr>>,

    /// The certificate for TLS, in PEM, with those that lead to its root after it; read again when it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Make a certificate for TLS; clients are told its fingerprint
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) tls_self_signed: Option<bool>,

    /// A TCP balancer is in front and says for whom it speaks (PROXY protocol, 1 or 2); whoever isn't --trusted-proxy is turned away
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) proxy_protocol: Option<bool>,

    /// The folder for the log, accounts and bans [default: the platform's data folder + chat-server]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) data: Option<PathBuf>,

    /// Bytes that stay free on the disk of the data folder: messages that would take of them are refused; 0 for none [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) min_free: Option<String>,

    /// Remove messages after this time: 90d, 12h, 30m [default: for ever]
    #[arg(long, value_name = "TIME")]
    pub(crate) keep: Option<String>,

    /// Keep the newest so many messages of each room [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) keep_messages: Option<u64>,

    /// Remove the oldest messages once the log is larger than this: 10GiB [default: all]
    #[arg(long, value_name = "SIZE")]
    pub(crate) keep_size: Option<String>,

    /// Keep nothing on disk: a bounded ring of messages in memory
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) ephemeral: Option<bool>,

    /// The room that everybody starts in [default: lobby]
    #[arg(long, value_name = "NAME")]
    pub(crate) lobby: Option<String>,

    /// Let in only people with an account, which an invite makes: chat-server account invite NAME
    #[arg(long, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) require_account: Option<bool>,

    /// Connections in all; 0 for no limit [default: 10000]
    #[arg(long, value_name = "N")]
    pub(crate) max_connections: Option<usize>,

    /// Connections from one address (IPv6: from one /64); 0 for no limit [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) max_per_address: Option<usize>,

    /// Bytes of one message's text [default: 8192]
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_text: Option<usize>,

    /// Bytes of one message's line on the wire [default: 32768]
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_line: Option<usize>,

    /// Lines of one message [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) max_lines: Option<usize>,

    /// Messages a second of one session, with a burst of 200; beyond it the session is read more slowly; 0 for no limit [default: 20]
    #[arg(long, value_name = "N")]
    pub(crate) max_rate: Option<u32>,

    /// Seconds in which a client has to introduce itself [default: 60]
    #[arg(long, value_name = "N")]
    pub(crate) max_handshake: Option<u64>,

    /// Seconds in which a client has to come to terms on TLS, before that [default: 15]
    #[arg(long, value_name = "N")]
    pub(crate) max_tls_handshake: Option<u64>,

    /// Aliases, passwords and invites that one connection may try [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) max_tries: Option<u32>,

    /// Rooms in all; those that are kept, private or closed among them [default: 10000]
    #[arg(long, value_name = "N")]
    pub(crate) max_rooms: Option<usize>,

    /// Rooms that one account may make in a day [default: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) max_new_rooms: Option<u64>,

    /// Rooms that the guests of one address may make in a day [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) max_guest_rooms: Option<u64>,

    /// Rooms of one JSON session [default: 32]
    #[arg(long, value_name = "N")]
    pub(crate) max_session_rooms: Option<usize>,

    /// What the guests of one address may say in a day; 0 for no limit [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_guest_bytes: Option<String>,

    /// Requests for history and searches that are answered at once, of all sessions; the others wait, and for 10 s at most [default: 4]
    #[arg(long, value_name = "N")]
    pub(crate) max_reads: Option<usize>,

    /// Seconds in which a client may take nothing while there is something for it; then it is closed [default: 30]
    #[arg(long, value_name = "N")]
    pub(crate) max_stall: Option<u64>,

    /// What is collected in memory for one who takes nothing just now; the rest waits in the log [default: 64KiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_reader_backlog: Option<String>,

    /// What may wait in memory for all who take nothing just now; beyond that they are closed after a second [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_backlog: Option<String>,

    /// People in a room that is told of each who comes and goes; a larger one is told their count [default: 200]
    #[arg(long, value_name = "N")]
    pub(crate) max_roster: Option<usize>,

    /// Threads that serve connections, beside the log's own [default: one less than there are cores, and one at least]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,

    /// How logs are written to standard error; RUST_LOG filters them [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// Write addresses of people down: in the log, in the audit log, for operators; off: nowhere [default: on]
    #[arg(long, value_name = "ON|OFF", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) log_addresses: Option<bool>,

    /// A TOML file with the names of these flags as keys; flags and environment variables go before it
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// What to do instead of serving.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the program can do besides serving; what is about messages works on the folder of `--data`.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Write everything that is kept into two new files, FILE and FILE.accounts; a server may be running meanwhile
    Backup {
        /// The file of the messages
        file: PathBuf,
    },
    /// Make a log and its accounts from a backup, in a data folder that has none; it gets a name of its own, so that clients begin anew
    Restore {
        /// The backup; its accounts are in FILE.accounts
        file: PathBuf,
        /// Restore the messages though the accounts are lost: all rooms but the lobby are closed, as some may have been private
        #[arg(long)]
        without_accounts: bool,
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
    /// Make a log from the lines of an export, in a data folder that has none; seqs, times and ids stay as they were. Rooms that were private are closed
    Import {
        /// The file; - for standard input
        file: PathBuf,
    },
    /// Empty everything that somebody said, and his private conversations; his account and sessions go too. A server may be running meanwhile
    Erase {
        /// The account's alias; where there is none, whoever used it as a guest
        alias: String,
        /// Don't ask whether that is meant
        #[arg(long)]
        yes: bool,
    },
    /// Show how a running server is: the one on the data folder, or the one at --metrics. Exit code 1: it is not ready; 2: none answers
    Status,
    /// Say whether the configuration makes sense, the certificate's files included, and do nothing
    CheckConfig,
    /// Print all settings as they are in force, as a configuration file that says where each comes from
    Config,
    /// Print a script that completes what is typed of this command
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Make or change an account; a server may be running meanwhile, and heeds it within a second
    #[command(subcommand)]
    Account(AccountCommand),
}

/// What is done to an account. Passwords are asked for without an echo, or read from a file; never typed as arguments.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account
    Add {
        /// Its alias
        name: String,
        /// May moderate
        #[arg(long)]
        operator: bool,
        /// The password is the first line of this file; - for standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Print an invite, with which one person makes the account of this alias, and chooses its password
    Invite {
        /// The alias of the account
        name: String,
        /// It is worth nothing after this time: 12h, 7d, 4w
        #[arg(long, value_name = "TIME", default_value = "7d")]
        expires: String,
    },
    /// Set a new password; sessions of the account are closed
    Passwd {
        /// The account's alias
        name: String,
        /// The password is the first line of this file; - for standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Let an account moderate
    Operator {
        /// The account's alias
        name: String,
        /// Take that back
        #[arg(long)]
        off: bool,
    },
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// An address to listen at.
///
/// # Errors
///
/// What one looks like.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric.parse().map_err(|_| {
        format!("{text:?} is no address to listen at; write IP:PORT, such as 127.0.0.1:5555, or 0.0.0.0:5555 for all")
    })
}

/// What was wrong with what was typed, in one sentence.
pub(crate) fn sentence(error: &clap::Error) -> String {
    if let Some(key) = sources::key_of(error) {
        return format!("--{key}: {}", sources::explain(error));
    }
    let words = error.to_string();
    let told =
        words.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let told: Vec<_> = told.filter(|line| !line.is_empty()).collect();
    let told = told.join(" ").replace(" tip: ", "; ");
    format!("{}; --help lists what there is", told.trim_start_matches("error: "))
}

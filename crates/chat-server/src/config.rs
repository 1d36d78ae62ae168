//! What a server is told to do.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use chat_protocol::limits::{
    DEFAULT_MAX_LINE, DEFAULT_MAX_LINES, DEFAULT_MAX_TEXT, MAX_ALIAS_TRIES, MAX_NAMES_PER_PAGE, MAX_ROOMS_PER_SESSION,
    MAX_UNACKED,
};
use chat_protocol::message::LimitsInfo;
use chat_protocol::names::RoomName;

use crate::accounts::Authenticator;
use crate::clock::Clock;
use crate::limits::{
    BURST, HANDSHAKE_DEADLINE, MAX_READS, MAX_ROOMS, MEMORY_BYTES, TLS_DEADLINE, WRITE_BUDGET, WRITE_DEADLINE,
};
use crate::log::Durable;
use crate::tls::TlsConfig;
use crate::trust::Cidr;
use crate::web::WebConfig;

/// All that [`crate::Server::bind`] needs to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Addresses for plain TCP; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// The page and its WebSocket; `None` for neither.
    pub web: Option<WebConfig>,
    /// A balancer is in front of TCP, plain and with TLS, and says for whom it speaks by the PROXY protocol. Nobody else is served there then.
    pub proxy_protocol: bool,
    /// Who is believed for whom he speaks: balancers (where this is empty, those on this machine) and reverse proxies of the page.
    pub trusted_proxies: Vec<Cidr>,
    /// The same over TLS, where that is wanted.
    pub tls: Option<TlsConfig>,
    /// The room that everybody starts in.
    pub lobby: RoomName,
    /// Where messages are kept.
    pub storage: Storage,
    /// Where Prometheus' metrics and the health of the server are asked for.
    pub metrics: Option<SocketAddr>,
    /// Only people with an account come in; an invite makes one.
    pub require_account: bool,
    /// Addresses of people are written down: in the log, in the audit log, for operators.
    pub log_addresses: bool,
    /// What peers may do.
    pub limits: Limits,
    /// The time, and the zone in which people see it.
    pub clock: Clock,
    /// Knows whose an alias is; `None`: the built-in [`Accounts`](crate::accounts::Accounts), kept where the messages are.
    pub authenticator: Option<Arc<dyn Authenticator>>,
}

/// Where messages are kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Storage {
    /// In memory alone: this many bytes of the newest messages of all rooms.
    Memory {
        /// Bytes.
        bytes: usize,
    },
    /// In a data folder: what was acknowledged outlives this process and its machine's power.
    Sqlite(Durable),
}

/// What peers may do. See [`crate::limits`] for what isn't the operator's to set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections in all; 0 for no limit.
    pub max_connections: usize,
    /// Connections from one address (IPv6: from one /64); 0 for no limit.
    pub max_per_address: usize,
    /// Bytes of a message's text.
    pub max_text: usize,
    /// Bytes of a line from a client.
    pub max_line: usize,
    /// Lines of a message.
    pub max_lines: usize,
    /// Messages a second of one session.
    pub max_rate: u32,
    /// Rooms in all; those that are kept, private or closed among them.
    pub max_rooms: usize,
    /// Rooms that one account may make in a day.
    pub max_new_rooms: u64,
    /// The same for all guests of one address, of which there are more to be had than of accounts.
    pub max_guest_rooms: u64,
    /// Rooms of one JSON session.
    pub max_session_rooms: usize,
    /// Bytes that the guests of one address may say in a day; 0 for no limit. Those on the server's machine may say any.
    pub max_guest_bytes: u64,
    /// Requests for history and searches that are answered at once, of all sessions. Fixed when the server starts.
    pub max_reads: usize,
    /// Bytes that are collected for one client before they are written: what may wait for it, and 64 KiB of a room besides.
    pub max_reader_backlog: usize,
    /// Bytes that may wait, in all, for clients that take nothing just now; beyond that they are closed sooner.
    pub max_backlog: usize,
    /// Aliases that one connection may try.
    pub max_tries: u32,
    /// People in a room that is told of each by name.
    pub max_roster: usize,
    /// How long a client may take to introduce itself.
    pub handshake: std::time::Duration,
    /// How long a client may take, before that, to come to terms on TLS.
    pub tls_handshake: std::time::Duration,
    /// How long a client may take no byte while there is something for it.
    pub write: std::time::Duration,
}

impl Config {
    /// A server that listens on `listen` and keeps its messages in memory, without the page.
    #[must_use]
    pub fn ephemeral(listen: SocketAddr) -> Self {
        Self::with(listen, Storage::Memory { bytes: MEMORY_BYTES })
    }

    /// A server that listens on `listen` and keeps its messages, for ever, in the folder `data`.
    #[must_use]
    pub fn durable(listen: SocketAddr, data: impl Into<PathBuf>) -> Self {
        Self::with(listen, Storage::Sqlite(Durable::new(data)))
    }

    fn with(listen: SocketAddr, storage: Storage) -> Self {
        Self {
            listen: vec![listen],
            web: None,
            proxy_protocol: false,
            trusted_proxies: Vec::new(),
            tls: None,
            lobby: lobby(),
            storage,
            metrics: None,
            require_account: false,
            log_addresses: true,
            limits: Limits::default(),
            clock: Clock::system(),
            authenticator: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_per_address: 0,
            max_text: DEFAULT_MAX_TEXT,
            max_line: DEFAULT_MAX_LINE,
            max_lines: DEFAULT_MAX_LINES,
            max_rate: 20,
            max_rooms: MAX_ROOMS,
            max_new_rooms: 1000,
            max_guest_rooms: 100,
            max_session_rooms: MAX_ROOMS_PER_SESSION,
            max_guest_bytes: 64 << 20,
            max_reads: MAX_READS,
            max_reader_backlog: WRITE_BUDGET,
            max_backlog: 256 << 20,
            max_tries: MAX_ALIAS_TRIES,
            max_roster: MAX_NAMES_PER_PAGE,
            handshake: HANDSHAKE_DEADLINE,
            tls_handshake: TLS_DEADLINE,
            write: WRITE_DEADLINE,
        }
    }
}

impl Limits {
    pub(crate) const fn info(&self) -> LimitsInfo {
        LimitsInfo {
            max_text: self.max_text,
            max_line: self.max_line,
            max_lines: self.max_lines,
            max_rate: self.max_rate,
            burst: BURST,
            max_unacked: MAX_UNACKED,
            max_rooms: self.max_session_rooms,
        }
    }
}

/// The lobby's name where the operator gives none.
pub(crate) fn lobby() -> RoomName {
    #[expect(clippy::expect_used, reason = "a constant; the tests of names would fail first")]
    RoomName::new("lobby").expect("a valid name")
}

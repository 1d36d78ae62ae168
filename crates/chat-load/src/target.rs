//! The servers that load is put on: started here, or running already.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use serde::Serialize;

use crate::wire::Wire;

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(20);

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// chat-server --ephemeral
    Chat,
    /// chat-server with its log on disk, in a folder that is deleted afterwards
    ChatDurable,
    /// The textbook server of examples/minimal.rs
    Minimal,
    /// redis-server, pub/sub
    Redis,
    /// nats-server, core
    Nats,
}

/// A server under load.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    /// Whose CPU and memory are counted.
    pub(crate) pid: Option<u32>,
    child: Option<Child>,
    /// Held for its end: it is deleted after the child has ended.
    folder: Option<tempfile::TempDir>,
}

impl Kind {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat-server, in memory",
            Self::ChatDurable => "chat-server, durable",
            Self::Minimal => "minimal",
            Self::Redis => "redis-server",
            Self::Nats => "nats-server",
        }
    }

    /// The wires of those who only listen and of those who speak, where `json` members are wanted or not.
    pub(crate) const fn wires(self, json: bool) -> (Wire, Wire) {
        match self {
            Self::Chat | Self::ChatDurable if json => (Wire::Json, Wire::Json),
            Self::Chat | Self::ChatDurable => (Wire::Text, Wire::Json),
            Self::Minimal => (Wire::Minimal, Wire::Minimal),
            Self::Redis => (Wire::Redis, Wire::Redis),
            Self::Nats => (Wire::Nats, Wire::Nats),
        }
    }

    const fn is_chat(self) -> bool {
        matches!(self, Self::Chat | Self::ChatDurable)
    }
}

impl Target {
    /// A server that runs already.
    pub(crate) const fn running(kind: Kind, address: SocketAddr, pid: Option<u32>) -> Self {
        Self { kind, address, pid, child: None, folder: None }
    }

    /// Starts one on a free port of loopback. `program` is its file, where it isn't the usual one.
    pub(crate) fn spawn(kind: Kind, program: Option<&Path>) -> anyhow::Result<Self> {
        let folder = match kind {
            Kind::ChatDurable => Some(tempfile::tempdir().context("can't make a folder for the log")?),
            _ => None,
        };
        let mut target = Self::spawn_on(kind, program, folder.as_ref().map(tempfile::TempDir::path))?;
        target.folder = folder;
        Ok(target)
    }

    /// Starts one whose data, where the kind has any, are in a folder that outlives it.
    pub(crate) fn spawn_on(kind: Kind, program: Option<&Path>, folder: Option<&Path>) -> anyhow::Result<Self> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => find(kind)?,
        };
        let port = free_port()?;
        let mut command = Command::new(&program);
        arguments(&mut command, kind, port, folder);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command.stdout(if speaks(kind) { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().with_context(|| format!("can't start {}", program.display()))?;
        match listening(&mut child, kind, port) {
            Ok(address) => Ok(Self { kind, address, pid: Some(child.id()), child: Some(child), folder: None }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error.context(format!("{} doesn't listen", program.display())))
            }
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether the kind tells its address on standard output.
const fn speaks(kind: Kind) -> bool {
    kind.is_chat() || matches!(kind, Kind::Minimal)
}

fn arguments(command: &mut Command, kind: Kind, port: u16, folder: Option<&Path>) {
    let port = port.to_string();
    if kind.is_chat() {
        // The page isn't wanted, and a log line for each admission would be a good part of a storm's cost.
        command.env("CHAT_WEB", "off").env("RUST_LOG", "warn");
        command.args(["--listen", "127.0.0.1:0", "--max-rate", "0", "--max-connections", "0"]);
    }
    match (kind, folder) {
        (Kind::ChatDurable, Some(folder)) => command.arg("--data").arg(folder),
        (Kind::Chat | Kind::ChatDurable, _) => command.arg("--ephemeral"),
        (Kind::Minimal, _) => command.arg("127.0.0.1:0"),
        (Kind::Redis, _) => command.args([
            // Nothing on disk, and nobody thrown out for reading slowly: a lost member would be no result.
            "--bind",
            "127.0.0.1",
            "--port",
            &port,
            "--save",
            "",
            "--appendonly",
            "no",
            "--maxclients",
            "60000",
            "--tcp-backlog",
            "4096",
            "--client-output-buffer-limit",
            "pubsub 0 0 0",
        ]),
        (Kind::Nats, _) => command.args(["-a", "127.0.0.1", "-p", &port]),
    };
}

/// Waits until the server takes connections, and returns where.
fn listening(child: &mut Child, kind: Kind, port: u16) -> anyhow::Result<SocketAddr> {
    if speaks(kind) {
        return announced(child);
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("it ended with {status}");
        }
        if begun.elapsed() > START {
            bail!("nothing answers on {address}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(address)
}

fn announced(child: &mut Child) -> anyhow::Result<SocketAddr> {
    let out = child.stdout.take().context("it has no standard output")?;
    let (found, address) = mpsc::sync_channel(1);
    // Reads on, so that the server never waits for somebody to take what it prints.
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("listening on tcp://").and_then(|address| address.parse().ok()) {
                let _ = found.try_send(address);
            }
        }
    });
    address.recv_timeout(START).context("it said no address")
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The program of a kind: ours beside this one, others in the `PATH`.
fn find(kind: Kind) -> anyhow::Result<PathBuf> {
    let (name, hint) = match kind {
        Kind::Chat | Kind::ChatDurable => ("chat-server", "cargo build --release -p chat-server"),
        Kind::Minimal => ("minimal", "cargo build --release -p chat-examples --bin minimal"),
        Kind::Redis => ("redis-server", "apt-get install redis-server"),
        Kind::Nats => ("nats-server", "apt-get install nats-server"),
    };
    let own = std::env::current_exe()?;
    // The tests' programs are in a folder below the one where cargo puts the others.
    let beside = own.parent().into_iter().chain(own.parent().and_then(Path::parent)).map(Path::to_owned);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    let folders: Vec<_> = if speaks(kind) { beside.collect() } else { elsewhere.collect() };
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("{name} is not installed here; get it by `{hint}`"))
}

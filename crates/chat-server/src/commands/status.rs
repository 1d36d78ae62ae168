//! How a running server is: its metrics, on one screen.

mod screen;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chat_server::STATUS_SOCKET;
use jiff::Timestamp;

use super::{Failed, about};
use crate::args::Typed;
use crate::settings::data_folder;

use self::screen::Figures;

/// How long the server may take for anything.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of an answer. All figures take some ten thousand.
const LONGEST: u64 = 4 << 20;

/// Prints the screen.
///
/// # Errors
///
/// Exit code 2 where no server answers, 1 where one does that isn't ready.
pub(super) fn run(typed: &Typed) -> Result<(), Failed> {
    let place = match typed.args.metrics {
        Some(address) => Place::Address(reachable(address)),
        None => Place::Socket(data_folder(&typed.args).map_err(Failed::at_start)?.join(STATUS_SOCKET)),
    };
    let (ok, metrics) = place.ask("/metrics").map_err(|error| Failed::at_start(place.no_answer(&error)))?;
    let (ready, why) = place.ask("/readyz").map_err(|error| Failed::at_start(place.no_answer(&error)))?;
    let figures = Figures::parse(&metrics);
    if !ok || figures.is_none_of_ours() {
        return Err(Failed::at_start(format!("what answers at {place} is no chat-server's --metrics")));
    }
    about::print(&figures.screen(&place.to_string(), Timestamp::now()))?;
    match ready {
        true => Ok(()),
        false => Err(Failed { sentence: format!("the server is not ready: {}", why.trim_end()), code: 1 }),
    }
}

/// Where the server is asked.
#[derive(Debug)]
enum Place {
    Address(SocketAddr),
    Socket(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Socket(path) => write!(f, "{}", path.parent().unwrap_or(path).display()),
        }
    }
}

impl Place {
    fn no_answer(&self, error: &io::Error) -> String {
        match self {
            Self::Address(address) => {
                format!(
                    "no server answers at {address} ({error}); --metrics takes the address that the server was given"
                )
            }
            Self::Socket(_) => format!(
                "no server runs on the data folder {self} ({error}); another is named by --data DIR, and a server with \
                 --ephemeral by its --metrics ADDR"
            ),
        }
    }

    /// Whether the answer was 200 OK, and its body.
    fn ask(&self, path: &str) -> io::Result<(bool, String)> {
        match self {
            Self::Address(address) => {
                let stream = TcpStream::connect_timeout(address, PATIENCE)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                exchange(stream, path)
            }
            Self::Socket(file) => ask_socket(file, path),
        }
    }
}

#[cfg(unix)]
fn ask_socket(file: &Path, path: &str) -> io::Result<(bool, String)> {
    let stream = std::os::unix::net::UnixStream::connect(file)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    exchange(stream, path)
}

#[cfg(not(unix))]
fn ask_socket(_: &Path, _: &str) -> io::Result<(bool, String)> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "on this system only --metrics ADDR can be asked"))
}

fn exchange(mut stream: impl Read + Write, path: &str) -> io::Result<(bool, String)> {
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .filter(|(head, _)| head.starts_with("HTTP/1."))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it doesn't speak HTTP"))?;
    Ok((head.split(' ').nth(1) == Some("200"), body.to_owned()))
}

/// A server that listens on all addresses is found at this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

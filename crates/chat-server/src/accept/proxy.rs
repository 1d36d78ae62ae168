//! The header in which a balancer for TCP says for whom it speaks: the PROXY protocol, versions 1 and 2.
//!
//! Whoever sends it may claim any address. So it is taken from trusted proxies alone and read strictly, and a connection
//! without it is closed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes that begin a header of version 2.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, its end included.
const LINE_BYTES: usize = 107;

/// Bytes of the addresses and extensions of version 2 that are taken. Balancers add some dozens, certificates of clients at most a few hundred.
const BODY_BYTES: u16 = 4096;

/// For whom a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// For somebody at this address.
    Client(SocketAddr),
    /// For the balancer itself, or for somebody of whom it doesn't tell.
    Balancer,
}

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadHeader {
    #[error("it doesn't begin with a header of the PROXY protocol")]
    Missing,
    #[error("its PROXY header is malformed: {0}")]
    Malformed(&'static str),
    #[error("it ended inside its PROXY header")]
    Io(#[from] io::Error),
}

/// Reads a header, and not one byte more.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Source, BadHeader> {
    // The shortest header there is has 15 bytes, so this much can be read before it is known which it will be.
    let mut start = [0; SIGNATURE.len()];
    let mut filled = 0;
    while filled < start.len() {
        let n = stream.read(&mut start[filled..]).await?;
        if n == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        filled += n;
        if !could_begin(&start[..filled]) {
            return Err(BadHeader::Missing);
        }
    }
    if start == SIGNATURE { version_2(stream).await } else { version_1(&start, stream).await }
}

fn could_begin(start: &[u8]) -> bool {
    let is_1 = start.iter().zip(b"PROXY ").all(|(a, b)| a == b);
    is_1 || SIGNATURE.starts_with(start)
}

async fn version_1(start: &[u8], stream: &mut (impl AsyncRead + Unpin)) -> Result<Source, BadHeader> {
    let mut line = start.to_vec();
    // Byte by byte, as what follows the line is the client's.
    while !line.ends_with(b"\r\n") {
        if line.len() >= LINE_BYTES {
            return Err(BadHeader::Malformed("the line is too long"));
        }
        line.push(stream.read_u8().await?);
    }
    let line = line.strip_suffix(b"\r\n").unwrap_or_default();
    parse_line(std::str::from_utf8(line).map_err(|_| BadHeader::Malformed("the line is not ASCII"))?)
}

fn parse_line(line: &str) -> Result<Source, BadHeader> {
    let rest = line.strip_prefix("PROXY ").ok_or(BadHeader::Missing)?;
    if rest == "UNKNOWN" || rest.starts_with("UNKNOWN ") {
        return Ok(Source::Balancer);
    }
    let mut words = rest.split(' ');
    let mut word = || words.next().ok_or(BadHeader::Malformed("a part is missing"));
    let (family, from, to) = (word()?, word()?, word()?);
    let (from_port, _) = (port(word()?)?, port(word()?)?);
    if words.next().is_some() {
        return Err(BadHeader::Malformed("there is a part too many"));
    }
    // The destination isn't used, but a header with a bad one is no header.
    let (from, _) = match family {
        "TCP4" => (IpAddr::V4(ip(from)?), IpAddr::V4(ip(to)?)),
        "TCP6" => (IpAddr::V6(ip(from)?), IpAddr::V6(ip(to)?)),
        _ => return Err(BadHeader::Malformed("it is for neither TCP4 nor TCP6")),
    };
    Ok(Source::Client(SocketAddr::new(from, from_port)))
}

fn ip<T: std::str::FromStr>(word: &str) -> Result<T, BadHeader> {
    word.parse().map_err(|_| BadHeader::Malformed("an address is none of its family"))
}

/// A number from 0 to 65535 without zeros before it.
fn port(word: &str) -> Result<u16, BadHeader> {
    let bad = BadHeader::Malformed("a port is no number");
    if word.starts_with('+') || (word.len() > 1 && word.starts_with('0')) {
        return Err(bad);
    }
    word.parse().map_err(|_| bad)
}

async fn version_2(stream: &mut (impl AsyncRead + Unpin)) -> Result<Source, BadHeader> {
    let (command, family, length) = (stream.read_u8().await?, stream.read_u8().await?, stream.read_u16().await?);
    if length > BODY_BYTES {
        return Err(BadHeader::Malformed("it is too long"));
    }
    let mut body = vec![0; length.into()];
    stream.read_exact(&mut body).await?;
    match command {
        0x20 => Ok(Source::Balancer),
        0x21 => address(family, &body),
        _ => Err(BadHeader::Malformed("its version or command is unknown")),
    }
}

/// The source's address out of source, destination, both ports, and extensions.
fn address(family: u8, body: &[u8]) -> Result<Source, BadHeader> {
    let short = || BadHeader::Malformed("its addresses are cut short");
    let (ip, ports) = match family {
        0x11 => {
            let (from, rest) = body.split_first_chunk::<4>().ok_or_else(short)?;
            (IpAddr::V4(Ipv4Addr::from(*from)), rest.get(4..).ok_or_else(short)?)
        }
        0x21 => {
            let (from, rest) = body.split_first_chunk::<16>().ok_or_else(short)?;
            (IpAddr::V6(Ipv6Addr::from(*from)), rest.get(16..).ok_or_else(short)?)
        }
        // Unspecified, or a socket of this machine.
        0x00 | 0x31 => return Ok(Source::Balancer),
        _ => return Err(BadHeader::Malformed("it is for another protocol than TCP")),
    };
    let (ports, _) = ports.split_first_chunk::<4>().ok_or_else(short)?;
    Ok(Source::Client(SocketAddr::new(ip, u16::from_be_bytes([ports[0], ports[1]]))))
}

#[cfg(test)]
mod tests;

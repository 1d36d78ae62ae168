//! Whose address counts, where a reverse proxy speaks for others.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::HeaderMap;

/// A block of addresses: `192.0.2.0/24`, or one address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// This is not a block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give an address or a block of them, such as 10.0.0.0/8")]
pub struct BadCidr;

impl FromStr for Cidr {
    type Err = BadCidr;

    fn from_str(text: &str) -> Result<Self, BadCidr> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| BadCidr)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| BadCidr)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        if prefix <= bits { Ok(Self { address, prefix }) } else { Err(BadCidr) }
    }
}

impl Cidr {
    fn contains(&self, address: IpAddr) -> bool {
        // Both widened to 128 bits with their own bits in front.
        let widen = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
        self.address.is_ipv4() == address.is_ipv4() && widen(self.address) & mask == widen(address) & mask
    }
}

/// The address of whoever is behind the trusted proxies: the last one named that is not itself trusted. What stands before it
/// was written by somebody who isn't.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|block| block.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let mut client = peer;
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default()).collect();
    for name in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = parse(name.trim()) else { break };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// Some proxies add the port, and then IPv6 stands in brackets.
fn parse(name: &str) -> Option<IpAddr> {
    let alone = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let address = alone.parse().ok().or_else(|| name.parse().ok().map(|socket: std::net::SocketAddr| socket.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn blocks_hold_their_addresses() {
        let check = |block: &str, address: &str| block.parse::<Cidr>().expect("a block").contains(ip(address));
        assert!(check("10.0.0.0/8", "10.255.0.1"));
        assert!(!check("10.0.0.0/8", "11.0.0.1"));
        assert!(check("0.0.0.0/0", "198.51.100.7"));
        assert!(!check("0.0.0.0/0", "::1"));
        assert!(check("127.0.0.1", "127.0.0.1"));
        assert!(!check("127.0.0.1", "127.0.0.2"));
        assert!(check("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!check("2001:db8::/32", "2001:db9::1"));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "x"] {
            assert_eq!(bad.parse::<Cidr>(), Err(BadCidr), "{bad}");
        }
    }

    #[test]
    fn only_trusted_proxies_speak_for_others() {
        let trusted = ["10.0.0.0/8".parse().expect("a block")];
        let check = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().expect("a value"));
            }
            client(ip(peer), &headers, &trusted).to_string()
        };
        assert_eq!(check("198.51.100.7", &["192.0.2.1"]), "198.51.100.7");
        assert_eq!(check("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(check("10.0.0.1", &["192.0.2.1"]), "192.0.2.1");
        // What the client itself had written stands before what the proxy saw.
        assert_eq!(check("10.0.0.1", &["1.1.1.1, 192.0.2.1, 10.0.0.2"]), "192.0.2.1");
        assert_eq!(check("10.0.0.1", &["1.1.1.1", "192.0.2.1"]), "192.0.2.1");
        assert_eq!(check("10.0.0.1", &["1.1.1.1, nonsense"]), "10.0.0.1");
        assert_eq!(check("10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(check("10.0.0.1", &["192.0.2.1:5000"]), "192.0.2.1");
    }
}

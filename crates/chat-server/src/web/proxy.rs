//! Whose address counts, where a reverse proxy speaks for others.

use std::net::IpAddr;

use axum::http::HeaderMap;

use super::origin;
use crate::trust::Proxies;

/// What a proxy adds to a request that it passes on.
const TRACES: [&str; 6] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

/// The address of whoever is behind the trusted proxies: the last one named that is not itself trusted. What stands before it
/// was written by somebody who isn't.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
    if !proxies.are_at(peer) {
        return peer;
    }
    let mut client = peer;
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default()).collect();
    for name in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = parse(name.trim()) else { break };
        client = address;
        if !proxies.are_at(client) {
            break;
        }
    }
    client
}

/// Whether nobody on the way can read what the client sends; `tls`: its connection to this server is encrypted.
///
/// A proxy that is trusted says so of the client's connection to itself. Without one a connection over loopback is the
/// client's own, unless it shows that it was passed on: then it may have come from anywhere, in the clear.
pub(super) fn is_private(peer: IpAddr, tls: bool, headers: &HeaderMap, proxies: &Proxies) -> bool {
    if proxies.are_at(peer) {
        return says_https(headers);
    }
    let passed_on = || TRACES.iter().any(|name| headers.contains_key(*name));
    tls || (peer.is_loopback() && !passed_on() && origin::is_this_machine(headers))
}

/// Whether all proxies on the way say that they were spoken to in https.
fn says_https(headers: &HeaderMap) -> bool {
    let mut said = headers.get_all("x-forwarded-proto").iter().peekable();
    let https = |word: &str| word.trim().eq_ignore_ascii_case("https");
    said.peek().is_some() && said.all(|value| value.to_str().is_ok_and(|words| words.split(',').all(https)))
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

    fn proxies() -> Proxies {
        Proxies::new(vec!["10.0.0.0/8".parse().expect("a block")])
    }

    #[test]
    fn a_trusted_proxy_vouches_for_https_and_nobody_else() {
        let check = |peer: &str, tls: bool, lines: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert("host", "localhost:5580".parse().expect("a value"));
            for (name, value) in lines {
                let name: axum::http::HeaderName = name.parse().expect("a name");
                headers.append(name, value.parse().expect("a value"));
            }
            is_private(ip(peer), tls, &headers, &proxies())
        };
        let proto = "x-forwarded-proto";
        assert!(check("10.0.0.1", false, &[(proto, "https")]));
        assert!(check("10.0.0.1", false, &[(proto, "HTTPS, https")]));
        assert!(!check("10.0.0.1", false, &[(proto, "https, http")]));
        assert!(!check("10.0.0.1", false, &[(proto, "https"), (proto, "http")]));
        assert!(!check("10.0.0.1", false, &[(proto, "wss")]));
        assert!(!check("10.0.0.1", false, &[]));
        assert!(!check("10.0.0.1", true, &[]), "its own connection is encrypted, the client's may not be");
        assert!(!check("192.0.2.1", false, &[(proto, "https")]));
        assert!(check("192.0.2.1", true, &[(proto, "http")]), "whoever it is, he encrypts");

        assert!(check("127.0.0.1", false, &[]));
        assert!(check("127.0.0.1", false, &[("origin", "http://localhost:5580")]));
        for trace in TRACES {
            assert!(!check("127.0.0.1", false, &[(trace, "https")]), "{trace}");
        }
        assert!(
            !check("127.0.0.1", false, &[("origin", "https://chat.example")]),
            "a proxy that leaves no other trace"
        );
    }

    #[test]
    fn only_trusted_proxies_speak_for_others() {
        let trusted = proxies();
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

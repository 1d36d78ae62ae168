//! Which pages may speak to this server: its own.
//!
//! A browser lets any page open a WebSocket anywhere and says only which page it was (`Origin`), so this is all that keeps a
//! stranger's page from chatting as its reader. Where the connection comes over loopback (a browser on this machine, or a
//! reverse proxy) the name in the address bar has to be one of this machine as well: a name that an attacker owns may be made to
//! point at 127.0.0.1 (DNS rebinding), and then its page has the same origin as ours.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use chat_protocol::clean::clean_line;

/// Where a page comes from: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    /// Lower case; IPv6 in brackets.
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// This is not the origin of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give the beginning of the page's address alone, such as https://chat.example.org")]
pub struct BadOrigin;

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("the request doesn't say in one Host header where it wants to go")]
    NoHost,
    #[error(
        "this page is served to this machine as localhost, not as {0}; if that name is yours, start the server with --web-origin {1}"
    )]
    NotLoopback(String, String),
    #[error("a page from {0} may not connect here; if it is yours, start the server with --web-origin {0}")]
    Stranger(String),
}

impl Scheme {
    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(url: &str) -> Result<Self, BadOrigin> {
        let lower = url.to_ascii_lowercase();
        let (scheme, rest) = match lower.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            _ => return Err(BadOrigin),
        };
        let (host, port) = authority(rest.strip_suffix('/').unwrap_or(rest)).ok_or(BadOrigin)?;
        Ok(Self { scheme, host, port: port.unwrap_or_else(|| scheme.port()) })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == self.scheme.port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Whether a request with these headers, on a connection that comes over loopback or not, is answered.
pub(super) fn check(headers: &HeaderMap, loopback: bool, named: &[Origin]) -> Result<(), Refused> {
    let host = only(headers, &header::HOST).and_then(|host| host.to_str().ok()).ok_or(Refused::NoHost)?;
    let (name, port) = authority(&host.to_ascii_lowercase()).ok_or(Refused::NoHost)?;
    if loopback && !is_loopback(&name) && !named.iter().any(|origin| origin.host == name) {
        return Err(Refused::NotLoopback(name, format!("http://{}", shown(host))));
    }
    if !headers.contains_key(header::ORIGIN) {
        // No page sent this, or the browser asks for the page itself.
        return Ok(());
    }
    let origin = only(headers, &header::ORIGIN).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let origin = origin.unwrap_or_default();
    let stranger = || Refused::Stranger(shown(&origin));
    let parsed: Origin = origin.parse().map_err(|_| stranger())?;
    let same = parsed.host == name && parsed.port == port.unwrap_or_else(|| parsed.scheme.port());
    if same || named.contains(&parsed) { Ok(()) } else { Err(stranger()) }
}

/// Whether a browser would show that it speaks to its own machine: no proxy that is reached under another name is between.
pub(super) fn is_this_machine(headers: &HeaderMap) -> bool {
    let host = only(headers, &header::HOST).and_then(|host| host.to_str().ok());
    let named = host.and_then(|host| authority(&host.to_ascii_lowercase())).is_some_and(|(name, _)| is_loopback(&name));
    let origin = || only(headers, &header::ORIGIN)?.to_str().ok()?.parse::<Origin>().ok();
    named && (!headers.contains_key(header::ORIGIN) || origin().is_some_and(|origin| is_loopback(&origin.host)))
}

/// The header's value, where it is there once.
fn only<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a header::HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Host and port of `host[:port]`, in lower case already.
fn authority(text: &str) -> Option<(String, Option<u16>)> {
    if text.contains('@') {
        return None;
    }
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    // `Authority` takes a port that is no number for none.
    let port = match text.strip_prefix(host)?.strip_prefix(':') {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || v6.and_then(|host| host.parse::<Ipv6Addr>().ok()).is_some_and(|address| address.to_canonical().is_loopback())
}

/// What a stranger wrote, harmless and short.
fn shown(text: &str) -> String {
    clean_line(text).chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, origin: Option<&str>, loopback: bool, named: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a value"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("a value"));
        }
        let named: Vec<Origin> = named.iter().map(|url| url.parse().expect("an origin")).collect();
        check(&headers, loopback, &named).is_ok()
    }

    #[test]
    fn on_loopback_only_its_own_names_are_served() {
        for host in ["localhost:5580", "LOCALHOST", "127.0.0.1:5580", "127.9.9.9", "[::1]:5580", "chat.localhost:1"] {
            assert!(asked(host, None, true, &[]), "{host}");
            assert!(asked(host, Some(&format!("http://{host}")), true, &[]), "{host}");
        }
        for host in [
            "evil.example:5580",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.0.2.1",
            "[::2]",
            "a@localhost",
            "",
        ] {
            assert!(!asked(host, None, true, &[]), "{host}");
            assert!(!asked(host, Some(&format!("http://{host}")), true, &[]), "{host}");
        }
        assert!(asked("chat.example:5580", None, true, &["https://chat.example"]));
    }

    #[test]
    fn a_page_speaks_to_the_server_that_it_came_from() {
        assert!(asked("192.0.2.1:5580", Some("http://192.0.2.1:5580"), false, &[]));
        assert!(asked("chat.example", Some("https://chat.example"), false, &[]));
        assert!(asked("chat.example:80", Some("http://chat.example"), false, &[]));
        assert!(asked("chat.example", Some("http://CHAT.example:80"), false, &[]));
        for stranger in [
            "http://evil.example",
            "http://192.0.2.1",
            "http://192.0.2.1:5581",
            "null",
            "",
            "file://",
            "http://192.0.2.1:5580x",
        ] {
            assert!(!asked("192.0.2.1:5580", Some(stranger), false, &[]), "{stranger}");
        }
    }

    #[test]
    fn a_named_origin_is_ours() {
        let named = ["https://chat.example/"];
        assert!(asked("127.0.0.1:5580", Some("https://chat.example"), true, &named));
        assert!(!asked("127.0.0.1:5580", Some("http://chat.example"), true, &named));
        assert!(!asked("127.0.0.1:5580", Some("https://chat.example:444"), true, &named));
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "127.0.0.1:5580".parse().expect("a value"));
        headers.insert(header::ORIGIN, "https://Chat.example".parse().expect("a value"));
        let refused = check(&headers, true, &[]).expect_err("a stranger");
        assert!(refused.to_string().contains("--web-origin https://Chat.example"), "{refused}");
    }

    #[test]
    fn what_is_named_has_to_be_an_origin() {
        for bad in [
            "chat.example",
            "https://chat.example/path",
            "ftp://chat.example",
            "https://",
            "https://a b",
            "https://u@h",
            "https://h:x",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(BadOrigin), "{bad}");
        }
        assert_eq!(
            "HTTPS://Chat.example:443/".parse::<Origin>().expect("an origin").to_string(),
            "https://chat.example"
        );
    }
}

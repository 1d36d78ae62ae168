//! Who is at the door and speaks another language: a browser, a TLS client, an SSH client.
//!
//! They are recognised by their first bytes, before anything is taken for a line. It matters most for browsers: any page on the web
//! can make its reader's browser send a request here, and lines of its body would be said in the reader's name.

use std::fmt::Write as _;

/// Whoever doesn't want to chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// A request of HTTP/1 or the preface of HTTP/2.
    Http,
    /// A greeting of TLS.
    Tls,
    /// The banner of SSH.
    Ssh,
}

/// What can be told from the first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It takes more of them.
    Undecided,
    /// Nothing speaks against a chat.
    Chat,
    /// Something does.
    Stranger(Stranger),
}

/// The methods of requests that begin with a path. With others the line has to end before it is certain: a person may begin with a word
/// in capitals, but not with `GET /`, which is no alias.
const METHODS: [&[u8]; 9] = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"PRI"];

/// Bytes of the longest word that is taken for a method.
const METHOD_BYTES: usize = 24;

/// Bytes of a line that are waited for to see its end. Lines that are longer and begin with a known method are recognised anyway.
const LINE_BYTES: usize = 4096;

/// Looks at all that has come so far.
pub(crate) fn look(bytes: &[u8]) -> Look {
    match bytes {
        [] | [0x16] => Look::Undecided,
        [0x16, 0x03, ..] => Look::Stranger(Stranger::Tls),
        [b'A'..=b'Z', ..] => match ssh(bytes) {
            Look::Chat => http(bytes),
            other => other,
        },
        _ => Look::Chat,
    }
}

fn ssh(bytes: &[u8]) -> Look {
    [&b"SSH-2.0-"[..], b"SSH-1."].iter().fold(Look::Chat, |look, banner| match look {
        Look::Chat if bytes.starts_with(banner) => Look::Stranger(Stranger::Ssh),
        Look::Chat if banner.starts_with(bytes) => Look::Undecided,
        look => look,
    })
}

fn http(bytes: &[u8]) -> Look {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let ended = line.len() < bytes.len();
    let unended = if ended || line.len() > LINE_BYTES { Look::Chat } else { Look::Undecided };
    let Some(blank) = line.iter().position(|byte| !byte.is_ascii_uppercase()) else {
        return if line.len() > METHOD_BYTES { Look::Chat } else { unended };
    };
    let (method, rest) = line.split_at(blank);
    let [b' ', rest @ ..] = rest else { return Look::Chat };
    if METHODS.contains(&method) && (rest.starts_with(b"/") || rest.starts_with(b"*") || rest.starts_with(b"http")) {
        return Look::Stranger(Stranger::Http);
    }
    if ended && says_http(rest) { Look::Stranger(Stranger::Http) } else { unended }
}

/// Whether `rest` of a request line is a target and a version.
fn says_http(rest: &[u8]) -> bool {
    let rest = rest.strip_suffix(b"\r").unwrap_or(rest);
    let mut words = rest.split(|&byte| byte == b' ');
    let (target, version, end) = (words.next(), words.next(), words.next());
    target.is_some_and(|target| !target.is_empty())
        && version.is_some_and(|version| version.starts_with(b"HTTP/"))
        && end.is_none()
}

impl Stranger {
    /// What he is told in his own language, as far as we speak it; `page` is where browsers should go.
    pub(crate) fn answer(self, page: Option<&str>) -> Vec<u8> {
        match self {
            Self::Http => bad_request(&match page {
                Some(page) => format!("This is a port for chat clients; the page for browsers is {page}\n"),
                None => "This is a port for chat clients, and this server has no page for browsers.\n".to_owned(),
            }),
            // An alert would have to be the first thing that he hears, and that was the question for an alias.
            Self::Tls => Vec::new(),
            Self::Ssh => {
                b"!!! this is a chat server, not one of SSH; join it with nc, telnet or chat-client\n".to_vec()
            }
        }
    }
}

/// A response without anything that a browser would act on.
pub(crate) fn bad_request(words: &str) -> Vec<u8> {
    response("400 Bad Request", "", words)
}

/// An HTTP response after which the connection is closed; `headers`: whole lines.
pub(crate) fn response(status: &str, headers: &str, words: &str) -> Vec<u8> {
    let mut response = format!("HTTP/1.1 {status}\r\n{headers}");
    let _ = write!(response, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n", words.len());
    response.push_str("X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
    response.push_str(words);
    response.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_told_from_people() {
        let stranger = |stranger| Look::Stranger(stranger);
        let cases: [(&[u8], Look); 37] = [
            (b"", Look::Undecided),
            (b"alice", Look::Chat),
            (b"{\"type\":\"hello\"}\n", Look::Chat),
            (b"\xff\xfb\x1f", Look::Chat),
            (b"GET\n", Look::Chat),
            (b"GET \n", Look::Chat),
            (b"GET\r\n", Look::Chat),
            (b"G", Look::Undecided),
            (b"GET", Look::Undecided),
            (b"GET ", Look::Undecided),
            (b"GET /", stranger(Stranger::Http)),
            (b"GET / HTTP/1.1\r\nHost: x\r\n", stranger(Stranger::Http)),
            (b"GET http://x/ HTTP/1.0\r\n", stranger(Stranger::Http)),
            (b"HEAD / HTTP/1.1\r\n", stranger(Stranger::Http)),
            (b"POST / HTTP/1.1\r\n", stranger(Stranger::Http)),
            (b"PUT /x HTTP/1.1\r\n", stranger(Stranger::Http)),
            (b"OPTIONS * HTTP/1.1\r\n", stranger(Stranger::Http)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", stranger(Stranger::Http)),
            (b"CONNECT x:443", Look::Undecided),
            (b"CONNECT x:443 HTTP/1.1\r\n", stranger(Stranger::Http)),
            (b"BREW /pot", Look::Undecided),
            (b"BREW /pot HTTP/1.1\n", stranger(Stranger::Http)),
            (b"BREW /pot HTTP/1.1 please\n", Look::Chat),
            (b"BOB THE GREAT\n", Look::Chat),
            (b"GETTING STARTED\n", Look::Chat),
            (b"get / http/1.1\r\n", Look::Chat),
            (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", Look::Chat),
            (b"Get", Look::Chat),
            (b"\x16", Look::Undecided),
            (b"\x16\x03\x01\x02", stranger(Stranger::Tls)),
            (b"\x16alice\n", Look::Chat),
            (b"SSH", Look::Undecided),
            (b"SSH\n", Look::Chat),
            (b"SSH-2.0-OpenSSH_9.2\r\n", stranger(Stranger::Ssh)),
            (b"SSH-1.99-x\r\n", stranger(Stranger::Ssh)),
            (b"SSH-bob\n", Look::Chat),
            (b"SSHD\n", Look::Chat),
        ];
        for (bytes, expected) in cases {
            assert_eq!(look(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(look(&[b"FOO /".as_slice(), &[b'a'; LINE_BYTES]].concat()), Look::Chat);
    }

    #[test]
    fn a_beginning_never_contradicts_what_follows() {
        for whole in
            ["GET / HTTP/1.1\r\n", "BREW /pot HTTP/1.1\r\n", "SSH-2.0-x\r\n", "SSH-bob\n", "GET\n", "\u{16}\u{3}\u{1}"]
        {
            let decided = look(whole.as_bytes());
            for end in 0..whole.len() {
                let beginning = look(&whole.as_bytes()[..end]);
                assert!(beginning == Look::Undecided || beginning == decided, "{:?}", &whole[..end]);
            }
        }
    }
}

//! Takes telnet commands out of a byte stream.
//!
//! People join with `telnet`, which mixes commands into the text. All that can reach a server which never negotiates
//! is recognized here, at whatever byte a read ends:
//!
//! | bytes | become |
//! | --- | --- |
//! | `IAC IAC` | one byte 0xFF of text |
//! | `IAC WILL`, `WONT`, `DO`, `DONT` and an option | nothing. The option may be 0x0A: split lines only after this filter |
//! | `IAC SB` … `IAC SE` | nothing, whatever is inside, up to [`MAX_SUBNEGOTIATION`] |
//! | `IAC IP`, `BRK`, `ABORT` | an interrupt, at its place in the stream |
//! | `IAC` and another byte from 236 | nothing |
//! | `IAC` and a byte below 236 | themselves: no command has such a number |
//! | `CR NUL`, once a command has come | `CR LF` |
//!
//! No command is answered. A peer that asks for an option (`DO`, `WILL`) and hears nothing goes on without it, with one
//! exception, for which see [`INTERRUPT_ANSWER`].
//!
//! **Which commands are interrupts.** The telnet of GNU inetutils sends `IP` for Ctrl-C and `BRK` or `ABORT` for Ctrl-\.
//! `EOF` (236), also a person's way to leave, is not among them: it is sent only where LINEMODE was agreed on, which
//! never happens here, and `FF EC` is "ям" in Windows-1251. Somebody whose terminal is set to that is to be told so, not sent away.
//! The same people are why `IAC` before a byte that is no command stays in the text: `FF 0A` is their "я" at the end of
//! a line, and a filter that swallows it joins two lines into one.
//!
//! **The end of a line.** RFC 1123 wants `CR NUL` to have the effect of `CR LF`; telnet sends it for Enter after its
//! user typed `mode character`. Changing modes sends commands first, so the rule starts with the first
//! command (anything but `IAC IAC`), and a stream without 0xFF passes unchanged.
//!
//! **Urgent data.** Some clients mark a byte after an interrupt as TCP urgent. Unless the socket has `SO_OOBINLINE`, the kernel
//! takes that byte out of the stream, and half a command stays behind as a byte of text.
//!
//! Sources: RFC 854 (commands, `CR NUL`), RFC 855 (subnegotiation), RFC 860 (timing mark), RFC 885 (239), RFC 1123 section 3.3.1
//! (end of line), RFC 1143 (refusing by silence is no loop), RFC 1184 (236 to 238).

use memchr::{memchr, memchr2};

/// How many bytes after `IAC SB` are taken as a subnegotiation; what follows is text again.
///
/// Nothing of it is kept, so this bounds no memory. It bounds how long a peer goes unheard that sent `FF FA` by
/// mistake. Those that clients send (terminal type, window size, environment) have tens of bytes.
pub const MAX_SUBNEGOTIATION: u16 = 4096;

/// What to write to a telnet client after its interrupt, before any text: `IAC WONT TIMING-MARK`.
///
/// With the interrupt the client of GNU inetutils asks for a timing mark, and shows its user nothing until it is
/// answered: a goodbye without this is never seen. Who sent an interrupt speaks telnet, so the bytes can't
/// end up on a screen as text.
pub const INTERRUPT_ANSWER: [u8; 3] = [IAC, WONT, TIMING_MARK];

const TIMING_MARK: u8 = 6;
const FIRST_COMMAND: u8 = 236;
const ABORT: u8 = 238;
const BRK: u8 = 243;
const IP: u8 = 244;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DONT: u8 = 254;
const IAC: u8 = 255;

/// The state of one connection's filter; of bounded size, without heap.
#[derive(Clone, Debug, Default)]
pub struct TelnetFilter {
    state: State,
    /// How many more bytes the subnegotiation may have.
    left: u16,
    /// A command has come: the peer is a telnet.
    telnet: bool,
    /// The last byte of text was a `CR`.
    after_cr: bool,
}

/// How far [`TelnetFilter::filter`] came in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Where the text now ends.
    pub text: usize,
    /// Where the bytes begin that were not looked at. What lies between is refuse.
    pub rest: usize,
    /// An interrupt stood at `rest`.
    pub interrupt: bool,
}

impl TelnetFilter {
    /// A filter for a new connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Filters `buf[rest..]`, and puts the text that it finds to `buf[text..]`, in place.
    ///
    /// It stops at the end, or behind an interrupt: call it again then, with the `text` and `rest` it returned. At the
    /// end, all is read but, at times, a last byte 0xFF that needs the next one to be understood. Give that one again,
    /// with what comes after it. Each byte is moved once at most, however many commands and interrupts there are.
    ///
    /// A `rest` beyond the buffer, or a `text` beyond `rest`, is taken for the nearest that isn't.
    pub fn filter(&mut self, buf: &mut [u8], text: usize, rest: usize) -> Progress {
        let mut rest = rest.min(buf.len());
        let mut text = text.min(rest);
        let mut interrupt = false;
        while rest < buf.len() && !interrupt {
            match self.state {
                State::Text => {
                    let plain = self.plain(&buf[rest..]);
                    if plain > 0 {
                        if text < rest {
                            buf.copy_within(rest..rest + plain, text);
                        }
                        text += plain;
                        rest += plain;
                        self.after_cr = buf[text - 1] == b'\r';
                    }
                    match buf[rest..] {
                        [] | [IAC] => break,
                        [IAC, IAC, ..] => {
                            self.put(buf, &mut text, IAC);
                            rest += 2;
                        }
                        [IAC, command, ..] if command >= FIRST_COMMAND => {
                            interrupt = self.command(command);
                            rest += 2;
                        }
                        [IAC, ..] => {
                            self.put(buf, &mut text, IAC);
                            rest += 1;
                        }
                        // A NUL: `plain` stops at nothing else.
                        [other, ..] => {
                            let byte = if self.after_cr { b'\n' } else { other };
                            self.put(buf, &mut text, byte);
                            rest += 1;
                        }
                    }
                }
                State::Option => {
                    rest += 1;
                    self.state = State::Text;
                }
                State::Subnegotiation => rest += self.skip(&buf[rest..]),
                State::SubnegotiationIac => {
                    interrupt = self.command_inside(buf[rest]);
                    rest += 1;
                }
            }
        }
        Progress { text, rest, interrupt }
    }

    /// How many bytes of text `bytes` begins with.
    fn plain(&self, bytes: &[u8]) -> usize {
        let special = if self.telnet { memchr2(IAC, 0, bytes) } else { memchr(IAC, bytes) };
        special.unwrap_or(bytes.len())
    }

    /// Adds one byte of text, which is none that `plain` reads, so no `CR`.
    fn put(&mut self, buf: &mut [u8], text: &mut usize, byte: u8) {
        buf[*text] = byte;
        *text += 1;
        self.after_cr = false;
    }

    /// Takes note of a command; says whether it is an interrupt.
    fn command(&mut self, command: u8) -> bool {
        self.telnet = true;
        self.state = match command {
            WILL..=DONT => State::Option,
            SB => {
                self.left = MAX_SUBNEGOTIATION;
                State::Subnegotiation
            }
            _ => State::Text,
        };
        matches!(command, IP | BRK | ABORT)
    }

    /// Reads on in a subnegotiation, to the next `IAC` or its limit; returns how many bytes that was.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        let within = &bytes[..bytes.len().min(usize::from(self.left))];
        let (skipped, next) = match memchr(IAC, within) {
            Some(at) => (at + 1, State::SubnegotiationIac),
            None => (within.len(), State::Subnegotiation),
        };
        self.state = next;
        self.spend(skipped);
        skipped
    }

    /// The byte after `IAC` in a subnegotiation; says whether it is an interrupt.
    ///
    /// Any command ends it, as in the BSD telnetd: `SE`, which does nothing else, or another, if the `SE` got lost.
    fn command_inside(&mut self, command: u8) -> bool {
        if (FIRST_COMMAND..IAC).contains(&command) {
            return self.command(command);
        }
        self.state = State::Subnegotiation;
        self.spend(1);
        false
    }

    /// Counts bytes of a subnegotiation; gives it up at the limit.
    fn spend(&mut self, bytes: usize) {
        self.left = u16::try_from(bytes).map_or(0, |bytes| self.left.saturating_sub(bytes));
        // After an `IAC` one byte more, so that an `IAC SE` across the limit is not torn.
        if self.left == 0 && self.state == State::Subnegotiation {
            self.state = State::Text;
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After `IAC WILL`, `WONT`, `DO`, `DONT`: the option is due.
    Option,
    Subnegotiation,
    /// After an `IAC` in a subnegotiation.
    SubnegotiationIac,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Filters `reads` one after the other, as a caller with one buffer does; an interrupt shows as `!`.
    fn filter<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut telnet = TelnetFilter::new();
        let mut kept = Vec::new();
        let mut out = Vec::new();
        for read in reads {
            let mut buf = std::mem::take(&mut kept);
            buf.extend_from_slice(read);
            let (mut text, mut rest) = (0, 0);
            loop {
                let came = telnet.filter(&mut buf, text, rest);
                assert!(came.text <= came.rest && came.rest <= buf.len());
                out.extend_from_slice(&buf[text..came.text]);
                (text, rest) = (came.text, came.rest);
                if !came.interrupt {
                    break;
                }
                out.push(b'!');
            }
            kept = buf.split_off(rest);
            assert!(kept.is_empty() || kept == [IAC], "only a last 0xFF is left over");
        }
        out
    }

    fn check(bytes: &[u8], expected: &[u8]) {
        assert_eq!(filter([bytes]), expected, "{bytes:02x?} in one read");
        assert_eq!(filter(bytes.chunks(1)), expected, "{bytes:02x?} byte by byte");
        for at in 0..bytes.len() {
            assert_eq!(filter([&bytes[..at], &bytes[at..]]), expected, "{bytes:02x?} split at {at}");
        }
    }

    #[test]
    fn commands_are_taken_out() {
        check(b"plain\r\n", b"plain\r\n");
        check(b"a\xff\xffb", b"a\xffb");
        check(b"a\xff\xff\xff\xff\xf4", b"a\xff\xff\xf4");
        for command in WILL..=DONT {
            check(&[b'a', IAC, command, 1, b'b'], b"ab");
            check(&[b'a', IAC, command, b'\n', b'b', b'\n'], b"ab\n");
            check(&[b'a', IAC, command, IAC, b'b'], b"ab");
        }
        // End of file, suspend, end of record, SE, NOP, data mark, abort output, are-you-there, erase, go ahead.
        for command in [236, 237, 239, 240, 241, 242, 245, 246, 247, 248, 249] {
            check(&[b'a', IAC, command, b'b'], b"ab");
        }
    }

    #[test]
    fn what_is_no_command_stays() {
        // "я" and the end of a line, in Windows-1251.
        check(b"\xff\nb\n", b"\xff\nb\n");
        check(b"\xff\0\xff\xeb", b"\xff\0\xff\xeb");
    }

    #[test]
    fn interrupts_stand_where_they_came() {
        check(b"ab\n\xff\xf4cd\n", b"ab\n!cd\n");
        check(b"\xff\xf4\xff\xf3a\xff\xeeb", b"!!a!b");
        // What inetutils telnet sends for Ctrl-C: IP, DO TIMING-MARK.
        check(b"hi\r\n\xff\xf4\xff\xfd\x06x\r\n", b"hi\r\n!x\r\n");
    }

    #[test]
    fn subnegotiations_are_taken_out() {
        check(b"a\xff\xfa\x18\0xterm\xff\xf0b", b"ab");
        check(b"a\xff\xfa\x1f\0\x0a\0\xff\xff\n\xff\xf0b", b"ab");
        check(b"a\xff\xfa\x18\xff\x01\xf0\xff\xf0b", b"ab");
        // The SE got lost.
        check(b"a\xff\xfa\x18\xff\xf4b", b"a!b");
        check(b"a\xff\xfa\x18\xff\xfb\nb", b"ab");
    }

    #[test]
    fn a_subnegotiation_that_never_ends_is_given_up() {
        let limit = usize::from(MAX_SUBNEGOTIATION);
        let begun = |inside: &[u8]| [b"a\xff\xfa", inside].concat();
        check(&begun(&[b"x".repeat(limit), b"heard".to_vec()].concat()), b"aheard");
        check(&begun(&b"x".repeat(limit)), b"a");
        check(&begun(&[b"x".repeat(limit - 1), b"\xff\xf0b".to_vec()].concat()), b"ab");
        check(&begun(&[b"x".repeat(limit - 1), b"\xff\xffb".to_vec()].concat()), b"ab");
        check(&begun(&[b"\xff".repeat(limit), b"heard".to_vec()].concat()), b"aheard");
    }

    #[test]
    fn cr_nul_ends_a_line_of_a_telnet() {
        check(b"x\r\0y\r\0", b"x\r\0y\r\0");
        // What inetutils telnet sends for `mode character`, then Enter.
        check(b"\xff\xfd\x03\xff\xfd\x01x\r\0y\r\0", b"x\r\ny\r\n");
        check(b"\xff\xf1a\0\r\0\0\r\n\r\r\0", b"a\0\r\n\0\r\n\r\r\n");
        check(b"\xff\xffa\r\0", b"\xffa\r\0");
        check(b"a\r\xff\xf1\0b", b"a\r\nb");
        check(b"\xff\xf1\r\xff\xff\0", b"\r\xff\0");
    }

    #[test]
    fn positions_out_of_range_are_harmless() {
        let came = TelnetFilter::new().filter(&mut [b'a', b'b'], 9, 7);
        assert_eq!(came, Progress { text: 2, rest: 2, interrupt: false });
    }

    #[test]
    fn a_connection_keeps_little() {
        assert!(size_of::<TelnetFilter>() <= 8);
    }

    /// Any byte, but mostly those that mean something.
    fn hostile_byte() -> impl Strategy<Value = u8> {
        let special = prop::sample::select(vec![IAC, 0, b'\r']);
        prop_oneof![4 => 236_u8.., 3 => special, 2 => any::<u8>()]
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(
            bytes in prop::collection::vec(hostile_byte(), 0..200),
            sizes in prop::collection::vec(1_usize..9, 1..50),
        ) {
            let mut reads = Vec::new();
            let mut left = &bytes[..];
            for size in sizes.iter().cycle() {
                let (read, more) = left.split_at(left.len().min(*size));
                reads.push(read);
                left = more;
                if left.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(filter(reads), filter([&bytes[..]]));
        }

        #[test]
        fn without_0xff_nothing_changes(bytes in prop::collection::vec(..IAC, 0..200)) {
            prop_assert_eq!(filter(bytes.chunks(7)), bytes);
        }
    }
}

//! The limits: defaults filled in, and what is beyond sense refused.

use std::time::Duration;

use chat_protocol::limits::{HIGHEST_MAX_TEXT, MAX_ROOMS_PER_SESSION};
use chat_server::Limits;
use chat_server::limits::{MAX_ROOMS, MAX_WRITE_DEADLINE, WRITE_BUDGET};

use super::units::size;
use crate::args::Args;

/// What may be collected for one reader: a page of `/who` at least, and no more than a stalled client may hold of a server.
const READER_BACKLOG: std::ops::RangeInclusive<usize> = 4 << 10..=16 << 20;

/// # Errors
///
/// One sentence that names the flag and the value.
pub(super) fn limits(args: &Args) -> Result<Limits, String> {
    let mut limits = Limits::default();
    counts(&mut limits, args);
    times(&mut limits, args);
    sizes(&mut limits, args)?;
    check(&limits)?;
    Ok(limits)
}

fn counts(limits: &mut Limits, args: &Args) {
    let set = |limit: &mut usize, value: Option<usize>| *limit = value.unwrap_or(*limit);
    set(&mut limits.max_connections, args.max_connections);
    set(&mut limits.max_per_address, args.max_per_address);
    set(&mut limits.max_text, args.max_text);
    set(&mut limits.max_line, args.max_line);
    set(&mut limits.max_lines, args.max_lines);
    set(&mut limits.max_roster, args.max_roster);
    set(&mut limits.max_rooms, args.max_rooms);
    set(&mut limits.max_session_rooms, args.max_session_rooms);
    set(&mut limits.max_reads, args.max_reads);
    limits.max_guest_rooms = args.max_guest_rooms.unwrap_or(limits.max_guest_rooms);
    limits.max_new_rooms = args.max_new_rooms.unwrap_or(limits.max_new_rooms);
    limits.max_tries = args.max_tries.unwrap_or(limits.max_tries);
    limits.max_rate = args.max_rate.unwrap_or(limits.max_rate);
}

fn times(limits: &mut Limits, args: &Args) {
    let set = |limit: &mut Duration, seconds: Option<u64>| *limit = seconds.map_or(*limit, Duration::from_secs);
    set(&mut limits.handshake, args.max_handshake);
    set(&mut limits.tls_handshake, args.max_tls_handshake);
    set(&mut limits.write, args.max_stall);
}

fn sizes(limits: &mut Limits, args: &Args) -> Result<(), String> {
    let bytes = |flag: &str, text: &Option<String>, default: u64| match text {
        Some(text) => size(text).map_err(|why| format!("--{flag} {text:?}: {why}")),
        None => Ok(default),
    };
    let count = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
    limits.max_guest_bytes = bytes("max-guest-bytes", &args.max_guest_bytes, limits.max_guest_bytes)?;
    limits.max_backlog = count(bytes("max-backlog", &args.max_backlog, limits.max_backlog as u64)?);
    limits.max_reader_backlog = count(bytes("max-reader-backlog", &args.max_reader_backlog, WRITE_BUDGET as u64)?);
    Ok(())
}

fn check(limits: &Limits) -> Result<(), String> {
    let within = |flag: &str, value: usize, least: usize, most: usize| {
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(format!("--{flag} {value}: it has to be from {least} to {most}"))
        }
    };
    let seconds = |span: Duration| usize::try_from(span.as_secs()).unwrap_or(usize::MAX);
    within("max-text", limits.max_text, 1, HIGHEST_MAX_TEXT)?;
    // A line holds a text with its escapes, and anything shorter would not even hold a hello.
    within("max-line", limits.max_line, 256, 16 << 20)?;
    // Each line of a message is a line with a name before it in the text dialect.
    within("max-lines", limits.max_lines, 1, 300)?;
    within("max-rooms", limits.max_rooms, 1, MAX_ROOMS)?;
    within("max-session-rooms", limits.max_session_rooms, 1, MAX_ROOMS_PER_SESSION)?;
    within("max-tries", limits.max_tries as usize, 1, 1000)?;
    within("max-handshake", seconds(limits.handshake), 1, 3600)?;
    within("max-tls-handshake", seconds(limits.tls_handshake), 1, 60)?;
    // A thread waits for the disk with each.
    within("max-reads", limits.max_reads, 1, 64)?;
    within("max-reader-backlog", limits.max_reader_backlog, *READER_BACKLOG.start(), *READER_BACKLOG.end())?;
    within("max-stall", seconds(limits.write), 1, seconds(MAX_WRITE_DEADLINE)).map_err(|words| {
        format!("{words}, as the system gives such a connection up soon after, and no words could arrive then")
    })?;
    within("max-roster", limits.max_roster, 1, 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Args)) -> Result<Limits, String> {
        let mut args = Args::default();
        change(&mut args);
        limits(&args)
    }

    #[test]
    fn what_is_typed_is_in_force() {
        let limits = with(|args| {
            args.max_reads = Some(2);
            args.max_reader_backlog = Some("8KiB".to_owned());
            args.max_stall = Some(5);
            args.max_tls_handshake = Some(3);
        });
        let limits = limits.expect("sensible");
        assert_eq!((limits.max_reads, limits.max_reader_backlog), (2, 8192));
        assert_eq!((limits.write, limits.tls_handshake), (Duration::from_secs(5), Duration::from_secs(3)));
        assert_eq!(with(|_| ()), Ok(Limits::default()));
    }

    #[test]
    fn what_is_beyond_sense_is_refused_with_the_bounds() {
        let check = |change: &dyn Fn(&mut Args), says: &str| assert_eq!(with(change).expect_err(says), says);
        check(&|args| args.max_reads = Some(0), "--max-reads 0: it has to be from 1 to 64");
        check(&|args| args.max_reads = Some(65), "--max-reads 65: it has to be from 1 to 64");
        check(
            &|args| args.max_reader_backlog = Some("1KiB".to_owned()),
            "--max-reader-backlog 1024: it has to be from 4096 to 16777216",
        );
        check(&|args| args.max_tls_handshake = Some(61), "--max-tls-handshake 61: it has to be from 1 to 60");
        let gone = "as the system gives such a connection up soon after, and no words could arrive then";
        check(&|args| args.max_stall = Some(33), &format!("--max-stall 33: it has to be from 1 to 32, {gone}"));
        assert!(with(|args| args.max_stall = Some(32)).is_ok());
    }
}

//! What people are told of bans, mutes and their ends.

use chat_protocol::message::{Bye, ByeCode};
use chat_protocol::value::Time;

use crate::clock::Clock;
use crate::moderation::Rule;

/// What somebody who is banned is told.
pub(crate) fn banned(rule: &Rule, clock: &Clock) -> Bye {
    let words = format!("you are banned {}{}", lasts(rule.until, clock), after_colon(rule.reason.as_deref()));
    let bye = Bye::new(ByeCode::Banned, words);
    match rule.until {
        Some(until) => bye.retry_after_ms(millis_between(clock.now(), until)),
        None => bye,
    }
}

pub(super) fn millis_between(now: Time, until: Time) -> u64 {
    u64::try_from(until.as_millis().saturating_sub(now.as_millis())).unwrap_or(0)
}

pub(super) fn until(now: Time, seconds: Option<u64>) -> Option<Time> {
    let millis = i64::try_from(seconds?).ok()?.checked_mul(1000)?;
    now.as_millis().checked_add(millis).map(Time::from_millis)
}

pub(super) fn lasts(until: Option<Time>, clock: &Clock) -> String {
    until.map_or_else(|| "for good".to_owned(), |until| format!("until {}", shown(until, clock)))
}

pub(super) fn shown(time: Time, clock: &Clock) -> String {
    time.timestamp().to_zoned(clock.zone().clone()).strftime("%Y-%m-%d %H:%M UTC%:z").to_string()
}

pub(super) fn in_brackets(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

pub(super) fn after_colon(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

pub(super) fn connections(count: usize) -> String {
    if count == 1 { "1 connection".to_owned() } else { format!("{count} connections") }
}

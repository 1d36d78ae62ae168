//! Sizes, spans and moments as people type them.

use std::time::Duration;

use chat_protocol::value::Time;
use jiff::{Timestamp, civil, tz::TimeZone};

/// `1GiB`, `500 MiB`, `64K`, `1048576`: bytes. K, M and G are taken as KiB, MiB and GiB; KB, MB and GB are thousands.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(format!("{unit:?} is no unit of size; there are KiB, MiB, GiB and TiB")),
    };
    number.checked_mul(factor).ok_or_else(|| "that is more than any disk holds".to_owned())
}

/// `90d`, `12h`, `30m`, `45s`, `2w`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let seconds: u64 = match unit.to_ascii_lowercase().as_str() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "" => return Err("a unit is missing; there are s, m, h, d and w, as in 90d".to_owned()),
        _ => return Err(format!("{unit:?} is no unit of time; there are s, m, h, d and w, as in 90d")),
    };
    match number.checked_mul(seconds) {
        Some(0) => Err("it has to be longer than nothing".to_owned()),
        Some(seconds) if seconds <= 1000 * 366 * 86_400 => Ok(Duration::from_secs(seconds)),
        _ => Err("that is more than a thousand years".to_owned()),
    }
}

/// `2026-11-21` (in the system's time zone), `2026-11-21T12:00:00Z`, or a span before now.
pub(crate) fn moment(text: &str) -> Result<Time, String> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.into());
    }
    if let Ok(date) = text.parse::<civil::Date>() {
        let start = date.to_zoned(TimeZone::system()).map_err(|error| error.to_string())?;
        return Ok(start.timestamp().into());
    }
    let span = duration(text)
        .map_err(|_| "it has to be a date (2026-11-21), a time (2026-11-21T12:00:00Z) or a span (7d)".to_owned())?;
    let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Ok(Time::from_millis(Time::from(Timestamp::now()).as_millis().saturating_sub(millis)))
}

fn split(text: &str) -> Result<(u64, &str), String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number = number.parse().map_err(|_| "it has to begin with a whole number".to_owned())?;
    Ok((number, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |text, expected: Option<u64>| assert_eq!(size(text).ok(), expected, "{text}");
        check("1GiB", Some(1 << 30));
        check("500 MiB", Some(500 << 20));
        check("64k", Some(64 << 10));
        check("10GB", Some(10_000_000_000));
        check("0", Some(0));
        check("12", Some(12));
        check("1.5GiB", None);
        check("GiB", None);
        check("-1", None);
        check("99999999TiB", None);
        check("7 apples", None);
    }

    #[test]
    fn spans() {
        let check = |text, expected: Option<u64>| {
            assert_eq!(duration(text).ok(), expected.map(Duration::from_secs), "{text}");
        };
        check("90d", Some(90 * 86_400));
        check("12 h", Some(12 * 3600));
        check("2w", Some(14 * 86_400));
        check("90", None);
        check("0d", None);
        check("d", None);
        check("9999999999999999d", None);
        check("1000000d", None);
    }

    #[test]
    fn moments() {
        assert_eq!(moment("1970-01-01T00:00:01Z").unwrap(), Time::from_millis(1000));
        assert!(moment("2026-11-21").is_ok());
        assert!(moment("7d").unwrap() < Timestamp::now().into());
        assert!(moment("yesterday").is_err());
    }
}

//! The lines of operators.

use super::parse::{needed, refuse, split};
use crate::message::{ErrorCode, Moderation, Refusal};

/// Reads an operator's command; `None` where `name` is none.
pub(super) fn command(name: &str, argument: &str) -> Option<Result<Moderation, Box<Refusal>>> {
    let named = |example: &str| needed(argument, &format!("/{name} needs a name: {example}")).map(str::to_owned);
    Some(match name {
        "kick" => named("/kick bob [reason]").map(|_| {
            let (name, reason) = split(argument);
            Moderation::Kick { name: name.to_owned(), reason: some(reason) }
        }),
        "ban" | "ban!" => ban(argument, name == "ban!"),
        "unban" => named("/unban bob").map(|target| Moderation::Unban { target }),
        "bans" => number(argument, "/bans 17 goes on after number 17").map(|after| Moderation::Bans { after }),
        "mute" => named("/mute bob [30m]").and_then(|_| mute(argument)),
        "unmute" => named("/unmute bob").map(|name| Moderation::Unmute { name }),
        "op" => named("/op bob").map(|name| Moderation::Op { name }),
        "deop" => named("/deop bob").map(|name| Moderation::Deop { name }),
        "announce" => needed(argument, "/announce needs words: /announce doors close at ten")
            .map(|text| Moderation::Announce { text: text.to_owned() }),
        "close" => {
            needed(argument, "/close needs a room: /close ops").map(|room| Moderation::Close { room: room.to_owned() })
        }
        "open" => {
            needed(argument, "/open needs a room: /open ops").map(|room| Moderation::Open { room: room.to_owned() })
        }
        "whois" => named("/whois bob").map(|name| Moderation::Whois { name }),
        "guests" => switch(argument, "/guests").map(|on| Moderation::Guests { on }),
        "announce-only" => switch(argument, "/announce-only").map(|on| Moderation::AnnounceOnly { on }),
        "slow" => slow(argument),
        "audit" => number(argument, "/audit 17 goes on before number 17")
            .map(|before| Moderation::Audit { before, limit: None }),
        _ => return None,
    })
}

fn ban(argument: &str, sure: bool) -> Result<Moderation, Box<Refusal>> {
    let (target, rest) = split(argument);
    needed(target, "/ban needs a name or an address: /ban bob [30m|7d|forever] [reason]")?;
    let (word, after) = split(rest);
    // What is no time is the beginning of the reason.
    let (seconds, reason) = match duration(word) {
        Some(seconds) => (seconds, after),
        None => (None, rest),
    };
    Ok(Moderation::Ban { target: target.to_owned(), seconds, reason: some(reason), sure })
}

fn mute(argument: &str) -> Result<Moderation, Box<Refusal>> {
    let (name, time) = split(argument);
    let seconds = match time {
        "" => None,
        time => duration(time).ok_or_else(|| not_a_time("/mute bob 30m", time))?,
    };
    Ok(Moderation::Mute { name: name.to_owned(), seconds })
}

fn slow(argument: &str) -> Result<Moderation, Box<Refusal>> {
    let seconds = match argument {
        "off" => 0,
        time => duration(time).flatten().ok_or_else(|| not_a_time("/slow 30s, or /slow off", time))?,
    };
    Ok(Moderation::Slow { seconds })
}

fn switch(argument: &str, name: &str) -> Result<bool, Box<Refusal>> {
    match argument {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(refuse(ErrorCode::BadField, format!("{name} takes on or off"))),
    }
}

/// The number from which a list goes on, where one is given.
fn number(argument: &str, example: &str) -> Result<Option<u64>, Box<Refusal>> {
    if argument.is_empty() {
        return Ok(None);
    }
    argument.parse().map(Some).map_err(|_| {
        let shown: String = crate::clean::clean_line(argument).chars().take(40).collect();
        refuse(ErrorCode::BadField, format!("\"{shown}\" is no number: {example}"))
    })
}

/// `30s`, `30m`, `2h`, `7d` in seconds; `Some(None)` for `forever`; `None` for what is no time.
fn duration(word: &str) -> Option<Option<u64>> {
    if word == "forever" {
        return Some(None);
    }
    let unit = match word.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 24 * 3600,
        _ => return None,
    };
    // A minus or a plus would be read as a number too.
    let digits = &word[..word.len() - 1];
    let number: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some(Some(number.checked_mul(unit)?))
}

fn not_a_time(example: &str, word: &str) -> Box<Refusal> {
    let shown: String = crate::clean::clean_line(word).chars().take(40).collect();
    refuse(ErrorCode::BadField, format!("\"{shown}\" is no time: {example}"))
}

fn some(words: &str) -> Option<String> {
    (!words.is_empty()).then(|| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, json: &str) {
        let (name, argument) = split(line);
        let read = command(name, argument).expect("an operator's command").expect(line);
        assert_eq!(serde_json::to_string(&read).expect("JSON"), json, "{line}");
    }

    #[test]
    fn operators_lines_are_the_messages() {
        check("kick bob", r#"{"do":"kick","name":"bob"}"#);
        check("kick bob too loud", r#"{"do":"kick","name":"bob","reason":"too loud"}"#);
        check("ban bob", r#"{"do":"ban","target":"bob"}"#);
        check("ban bob 30m spam", r#"{"do":"ban","target":"bob","seconds":1800,"reason":"spam"}"#);
        check("ban! 192.0.2.0/24 7d", r#"{"do":"ban","target":"192.0.2.0/24","seconds":604800,"sure":true}"#);
        check("ban bob forever young", r#"{"do":"ban","target":"bob","reason":"young"}"#);
        check("ban bob 30 times", r#"{"do":"ban","target":"bob","reason":"30 times"}"#);
        check("mute bob 2h", r#"{"do":"mute","name":"bob","seconds":7200}"#);
        check("mute bob", r#"{"do":"mute","name":"bob"}"#);
        check("guests off", r#"{"do":"guests","on":false}"#);
        check("slow 30s", r#"{"do":"slow","seconds":30}"#);
        check("slow off", r#"{"do":"slow","seconds":0}"#);
        check("announce-only on", r#"{"do":"announce_only","on":true}"#);
        check("bans", r#"{"do":"bans"}"#);
        check("close #ops", r##"{"do":"close","room":"#ops"}"##);
        check("open ops", r#"{"do":"open","room":"ops"}"#);
        check("audit", r#"{"do":"audit"}"#);
        check("bans 3", r#"{"do":"bans","after":3}"#);
        check("audit 17", r#"{"do":"audit","before":17}"#);
    }

    #[test]
    fn what_is_no_number_is_said() {
        for line in ["bans bob", "audit yesterday", "audit -3", "audit 1 2"] {
            let (name, argument) = split(line);
            let refusal = command(name, argument).expect("a command").expect_err(line);
            assert!(refusal.message.contains("is no number: /"), "{line}: {}", refusal.message);
        }
    }

    #[test]
    fn what_is_no_time_is_said() {
        for line in
            ["mute bob 30", "mute bob -3m", "mute bob +3m", "mute bob 99999999999999999999d", "slow", "slow forever"]
        {
            let (name, argument) = split(line);
            let refusal = command(name, argument).expect("a command").expect_err(line);
            assert!(refusal.message.contains("is no time"), "{line}: {}", refusal.message);
        }
        assert!(command("kick", "").expect("a command").is_err());
        assert!(command("ban", "").expect("a command").is_err());
        assert!(command("guests", "maybe").expect("a command").is_err());
        assert!(command("wave", "").is_none());
    }
}

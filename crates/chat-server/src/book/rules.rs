//! Bans, mutes, switches, and the audit log.

use std::sync::Arc;

use chat_protocol::message::{AuditInfo, RuleKind};
use chat_protocol::names::Alias;
use chat_protocol::value::Time;
use rusqlite::{Row, Transaction, TransactionBehavior, params};

use super::{Book, sentence, signed, unsigned};
use crate::limits::AUDIT_KEPT;
use crate::log::AuthorId;
use crate::moderation::{Change, Kept, Rule, RuleKeeper, Switch, Switches, Target};

impl RuleKeeper for Book {
    fn is_stale(&mut self) -> Result<bool, String> {
        self.stale()
    }

    fn load(&mut self) -> Result<Kept, String> {
        self.seen = self.version()?;
        let rules = self
            .read("SELECT number, kind, target, author, until, reason, maker, time FROM rules ORDER BY number", rule)?;
        let named = self
            .read("SELECT name, value FROM switches", |row| Ok(Some((row.get::<_, String>(0)?, unsigned(row, 1)?))))?;
        let mut switches = Switches::default();
        for (name, value) in named {
            match name.as_str() {
                "guests" => switches.guests = value != 0,
                "announce_only" => switches.announce_only = value != 0,
                "slow" => switches.slow = value,
                _ => {}
            }
        }
        Ok(Kept { rules, switches })
    }

    fn record(&mut self, change: &Change, entry: &AuditInfo) -> Result<u64, String> {
        self.write(change, entry).map_err(sentence)
    }

    fn audit(&mut self, before: u64, limit: usize) -> Result<Vec<AuditInfo>, String> {
        let before = signed(before);
        let query = format!(
            "SELECT number, time, maker, what FROM audit WHERE number < {before} ORDER BY number DESC LIMIT {limit}"
        );
        self.read(&query, |row| {
            let time = Time::from_millis(row.get(1)?);
            Ok(Some(AuditInfo { number: unsigned(row, 0)?, time, by: row.get(2)?, what: row.get(3)? }))
        })
    }
}

impl Book {
    fn write(&mut self, change: &Change, entry: &AuditInfo) -> rusqlite::Result<u64> {
        let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
        // Chosen here, as another process may have put something on record meanwhile.
        let number: i64 = tx.query_row("SELECT coalesce(max(number), 0) + 1 FROM audit", [], |row| row.get(0))?;
        if let Some(rule) = &change.add {
            let kind = if rule.kind == RuleKind::Ban { "ban" } else { "mute" };
            let (author, until) = (rule.author.map(|author| author.0), rule.until.map(Time::as_millis));
            let (target, maker, time) = (rule.target.to_string(), rule.by.as_str(), rule.time.as_millis());
            tx.execute(
                "INSERT INTO rules (number, kind, target, author, until, reason, maker, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                params![number, kind, target, author, until, rule.reason, maker, time],
            )?;
        }
        for number in &change.remove {
            tx.execute("DELETE FROM rules WHERE number = ?", [signed(*number)])?;
        }
        if let Some(switch) = change.switch {
            let (name, value) = match switch {
                Switch::Guests(on) => ("guests", on.into()),
                Switch::AnnounceOnly(on) => ("announce_only", on.into()),
                Switch::Slow(seconds) => ("slow", seconds),
            };
            let set = "INSERT OR REPLACE INTO switches (name, value) VALUES (?, ?)";
            tx.execute(set, params![name, signed(value)])?;
        }
        let (time, maker) = (entry.time.as_millis(), entry.by.as_str());
        tx.execute(
            "INSERT INTO audit (number, time, maker, what) VALUES (?, ?, ?, ?)",
            params![number, time, maker, entry.what],
        )?;
        tx.execute("DELETE FROM audit WHERE number <= ?", [number.saturating_sub(signed(AUDIT_KEPT))])?;
        tx.commit()?;
        Ok(u64::try_from(number).unwrap_or(0))
    }
}

/// A row that can't be read is left out: a ban of what is no name any more hits nobody.
fn rule(row: &Row<'_>) -> rusqlite::Result<Option<Arc<Rule>>> {
    let (target, by): (String, String) = (row.get(2)?, row.get(6)?);
    let (Ok(target), Ok(by)) = (Target::parse(&target), Alias::new(&by)) else { return Ok(None) };
    let kind = if row.get::<_, String>(1)? == "ban" { RuleKind::Ban } else { RuleKind::Mute };
    Ok(Some(Arc::new(Rule {
        number: unsigned(row, 0)?,
        kind,
        target,
        author: row.get::<_, Option<[u8; 16]>>(3)?.map(AuthorId),
        until: row.get::<_, Option<i64>>(4)?.map(Time::from_millis),
        reason: row.get(5)?,
        by,
        time: Time::from_millis(row.get(7)?),
    })))
}

//! What operators ask for: who somebody is, what is in force, what was done.

use std::sync::Arc;

use chat_protocol::limits::MAX_SERVER_LINE;
use chat_protocol::message::{AuditInfo, ConnectionInfo, RuleInfo, RuleKind, ServerMessage, WhoisInfo};
use chat_protocol::names::Alias;
use chat_protocol::value::MessageId;

use super::super::requests::Done;
use super::super::{Session, Transport};
use super::{alias, in_brackets, lasts, nobody, shown, unavailable};
use crate::batch::Dialect;
use crate::limits::MODERATION_PAGE;
use crate::moderation::{Change, NotChanged};

/// Bytes of an entry of a list besides its words: names of fields, numbers, times.
const ENTRY: usize = 200;

impl<S: Transport> Session<S> {
    pub(super) fn list_rules(&mut self, after: u64, id: Option<MessageId>) {
        let (bans, beyond) = self.hub.order.page(after, MODERATION_PAGE, self.hub.clock.now());
        let (bans, more) = fitting(bans, beyond, |ban| {
            ban.target.len() + ban.reason.as_ref().map_or(0, String::len) + ban.by.as_str().len()
        });
        match self.dialect {
            Dialect::Json => self.json(&ServerMessage::Bans { bans, re: id, more }),
            Dialect::Text => {
                if bans.is_empty() {
                    self.notice("nobody is banned or muted");
                }
                for RuleInfo { kind, target, until, reason, by, .. } in &bans {
                    let what = if *kind == RuleKind::Ban { "banned" } else { "muted" };
                    let lasts = lasts(*until, &self.hub.clock);
                    self.notice(&format!("{target} is {what} {lasts} by {by}{}", in_brackets(reason.as_deref())));
                }
                if let Some(last) = bans.last().filter(|_| more) {
                    self.notice(&format!("and more: /bans {}", last.number));
                }
            }
        }
    }

    pub(super) async fn whois(&mut self, by: &Alias, name: &str, id: Option<MessageId>) -> Done {
        let wanted = alias(name)?;
        let account = self.exact_account(&wanted);
        let (name, peers) = match (self.hub.directory.find(&wanted), &account) {
            (Some(found), _) => found,
            (None, Some(account)) => (account.alias.clone(), Vec::new()),
            (None, None) => return Err(nobody(name).into()),
        };
        // Addresses are personal: who looked at them is on record.
        self.change(Change::default(), by, format!("whois {name}")).await?;
        let connections = peers.iter().map(|peer| ConnectionInfo {
            address: peer.address.filter(|_| self.hub.addresses.written).map(|address| address.to_string()),
            seconds: peer.since.elapsed().as_secs(),
        });
        let info = WhoisInfo {
            name,
            account: account.is_some(),
            operator: account.as_ref().is_some_and(|account| account.operator),
            created: account.as_ref().map(|account| account.created),
            connections: connections.take(MODERATION_PAGE).collect(),
        };
        match self.dialect {
            Dialect::Json => self.json(&ServerMessage::Whois { info, re: id }),
            Dialect::Text => self.show_whois(&info),
        }
        Ok(())
    }

    fn show_whois(&mut self, info: &WhoisInfo) {
        let who = match info.created {
            Some(created) => {
                let what = if info.operator { "an operator" } else { "an account" };
                format!("{} is {what}, made on {}", info.name, self.hub.clock.date(created))
            }
            None => format!("{} is a guest", info.name),
        };
        self.notice(&who);
        for ConnectionInfo { address, seconds } in &info.connections {
            let none =
                if self.hub.addresses.written { "an address that isn't known" } else { "an address that isn't kept" };
            let address = address.as_deref().unwrap_or(none);
            self.notice(&format!("  from {address}, for {} min", seconds / 60));
        }
    }

    pub(super) async fn audit(&mut self, before: Option<u64>, limit: Option<u32>, id: Option<MessageId>) -> Done {
        let limit = limit.map_or(20, |limit| limit as usize).clamp(1, MODERATION_PAGE);
        let order = Arc::clone(&self.hub.order);
        let read = tokio::task::spawn_blocking(move || order.audit(before.unwrap_or(u64::MAX), limit + 1)).await;
        let read = read.unwrap_or_else(|error| Err(error.to_string()));
        let mut entries = read.map_err(|why| unavailable(&NotChanged::Unavailable(why)))?;
        let beyond = entries.len() > limit;
        entries.truncate(limit);
        let (entries, more) = fitting(entries, beyond, |entry| entry.what.len() + entry.by.len());
        match self.dialect {
            Dialect::Json => self.json(&ServerMessage::Audit { entries, re: id, more }),
            Dialect::Text => {
                if entries.is_empty() {
                    self.notice("operators did nothing before that");
                }
                if let Some(first) = entries.last().filter(|_| more) {
                    self.notice(&format!("and more: /audit {}", first.number));
                }
                for AuditInfo { number, time, by, what } in entries.iter().rev() {
                    self.notice(&format!("{number}. {} {by}: {what}", shown(*time, &self.hub.clock)));
                }
            }
        }
        Ok(())
    }
}

/// As many of a page as one line holds, and whether there are more. `words`: the bytes of an entry that JSON may make twice as many of.
fn fitting<T>(mut page: Vec<T>, beyond: bool, words: impl Fn(&T) -> usize) -> (Vec<T>, bool) {
    let mut left = MAX_SERVER_LINE - ENTRY;
    let fits = page.iter().take_while(|entry| {
        let bytes = 2 * words(entry) + ENTRY;
        left.checked_sub(bytes).inspect(|rest| left = *rest).is_some()
    });
    let count = fits.count();
    let more = beyond || count < page.len();
    page.truncate(count);
    (page, more)
}

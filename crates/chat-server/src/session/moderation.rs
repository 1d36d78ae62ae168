//! What operators do, and what it means for everybody else's sessions.

mod admission;
mod redact;
mod reports;
mod words;

use std::sync::Arc;

use chat_protocol::clean::clean_line;
use chat_protocol::message::{Bye, ByeCode, ErrorCode, Moderation, Refusal, RuleKind, ServerMessage};
use chat_protocol::names::Alias;
use chat_protocol::value::MessageId;
use tracing::{error, info};

pub(crate) use self::words::banned;

use self::words::{after_colon, connections, in_brackets, lasts, millis_between, shown, until};
use super::login::refusal;
use super::requests::Done;
use super::speak::short_reason;
use super::{Session, Transport};
use crate::accounts::Account;
use crate::batch::Dialect;
use crate::limits::BAN_ASKS_ABOVE;
use crate::moderation::{Change, NotChanged, Rule, Switch, Target};
use crate::peer::{Announcement, Letter, Peer};
use crate::room::Room;

impl<S: Transport> Session<S> {
    pub(super) async fn moderate(&mut self, act: Moderation, id: Option<MessageId>) -> Done {
        let operator = self.account().filter(|account| account.operator);
        let Some(Account { alias: by, .. }) = operator else {
            return Err(Refusal::new(ErrorCode::Forbidden, "only operators may do that").into());
        };
        match act {
            Moderation::Kick { name, reason } => self.kick(&by, &name, reason.as_deref(), id).await,
            Moderation::Ban { target, seconds, reason, sure } => {
                self.ban(by, &target, seconds, reason.as_deref(), sure, id).await
            }
            Moderation::Unban { target } => self.lift(RuleKind::Ban, &by, &target, id).await,
            Moderation::Mute { name, seconds } => self.mute(by, &name, seconds, id).await,
            Moderation::Unmute { name } => self.lift(RuleKind::Mute, &by, &name, id).await,
            Moderation::Op { name } => self.set_operator(&by, &name, true, id).await,
            Moderation::Deop { name } => self.set_operator(&by, &name, false, id).await,
            Moderation::Announce { text } => self.announce(by, &text, id).await,
            Moderation::Guests { on } => {
                let what = if on { "guests may come in" } else { "guests can't come in" };
                self.switch(&by, Switch::Guests(on), what.to_owned(), id).await
            }
            Moderation::Slow { seconds } => {
                let what = if seconds == 0 { "slow off".to_owned() } else { format!("slow: a message in {seconds} s") };
                self.switch(&by, Switch::Slow(seconds), what, id).await
            }
            Moderation::AnnounceOnly { on } => {
                let what = if on { "operators alone speak" } else { "everybody may speak" };
                self.switch(&by, Switch::AnnounceOnly(on), what.to_owned(), id).await
            }
            Moderation::Bans { after } => {
                self.list_rules(after.unwrap_or(0), id);
                Ok(())
            }
            Moderation::Close { room } => self.set_closed(&by, &room, true, id).await,
            Moderation::Open { room } => self.set_closed(&by, &room, false, id).await,
            Moderation::Whois { name } => self.whois(&by, &name, id).await,
            Moderation::Audit { before, limit } => self.audit(before, limit, id).await,
            _ => Err(Refusal::new(ErrorCode::UnknownType, "this server doesn't do that").into()),
        }
    }

    async fn kick(&mut self, by: &Alias, name: &str, reason: Option<&str>, id: Option<MessageId>) -> Done {
        let (alias, peers) = self.somebody(name)?;
        let reason = reason.and_then(short_reason);
        self.change(Change::default(), by, format!("kick {alias}{}", in_brackets(reason.as_deref()))).await?;
        let words = format!("{by} asked you to leave{}", after_colon(reason.as_deref()));
        let bye = Bye::new(ByeCode::Kicked, words);
        peers.iter().for_each(|peer| peer.end(bye.clone()));
        self.done(id, &format!("{alias} is gone"));
        Ok(())
    }

    async fn ban(
        &mut self,
        by: Alias,
        typed: &str,
        seconds: Option<u64>,
        reason: Option<&str>,
        sure: bool,
        id: Option<MessageId>,
    ) -> Done {
        let target = target(typed)?;
        if target.covers_loopback() {
            let words = format!("{target} has the server's own machine in it, which can't be banned");
            return Err(Refusal::new(ErrorCode::Forbidden, words).into());
        }
        if target.block().is_some_and(|block| self.hub.proxies.are_in(&block)) {
            let words =
                format!("{target} has a trusted proxy in it, by which others come too, and which can't be banned");
            return Err(Refusal::new(ErrorCode::Forbidden, words).into());
        }
        let (author, hit) = self.hit_by(&target)?;
        if hit.iter().any(|peer| peer.author() == self.peer.author()) {
            return Err(Refusal::new(ErrorCode::Forbidden, "that would hit you too").into());
        }
        if hit.len() > BAN_ASKS_ABOVE && !sure {
            let again = match self.dialect {
                Dialect::Text => format!("/ban! {target} … goes on"),
                Dialect::Json => "with \"sure\": true it is done".to_owned(),
            };
            let words = format!("{target} hits {} connections; {again}", hit.len());
            return Err(Refusal::new(ErrorCode::Limit, words).into());
        }
        let time = self.hub.clock.now();
        let until = until(time, seconds);
        let reason = reason.and_then(short_reason);
        let kind = RuleKind::Ban;
        let rule = Rule { number: 0, kind, target: target.clone(), author, until, reason, by: by.clone(), time };
        let lasts = lasts(until, &self.hub.clock);
        let bye = banned(&rule, &self.hub.clock);
        let what = format!("ban {} {lasts}{}", self.on_record(&target), in_brackets(rule.reason.as_deref()));
        self.change(Change { add: Some(rule), ..Change::default() }, &by, what).await?;
        // Asked again: whoever came in meanwhile wasn't asked about the new rule.
        let (_, hit) = self.hit_by(&target)?;
        hit.iter().for_each(|peer| peer.end(bye.clone()));
        let address = match (&target, hit.first().and_then(|peer| peer.address)) {
            (Target::Alias(_), Some(address)) if self.hub.addresses.written => format!("; the address was {address}"),
            _ => String::new(),
        };
        self.done(id, &format!("{target} is banned {lasts}; {} closed{address}", connections(hit.len())));
        Ok(())
    }

    /// The connections that a ban of `target` closes, and whose alias it is.
    fn hit_by(&self, target: &Target) -> Done<(Option<crate::log::AuthorId>, Vec<Arc<Peer>>)> {
        let Target::Alias(alias) = target else {
            let mut peers = self.hub.connections.peers();
            peers.retain(|peer| peer.address.is_some_and(|address| target.covers(address)));
            return Ok((None, peers));
        };
        let account = self.exact_account(alias);
        if account.as_ref().is_some_and(|account| account.operator) {
            let words = format!("{alias} is an operator; /deop {alias} comes first");
            return Err(Refusal::new(ErrorCode::Forbidden, words).into());
        }
        let peers = self.hub.directory.find(alias).map(|(_, peers)| peers).unwrap_or_default();
        let author = account.map(|account| account.id).or_else(|| peers.first().and_then(|peer| peer.author()));
        Ok((author, peers))
    }

    async fn mute(&mut self, by: Alias, name: &str, seconds: Option<u64>, id: Option<MessageId>) -> Done {
        let alias = alias(name)?;
        let target = Target::Alias(alias.clone());
        let (author, _) = self.hit_by(&target)?;
        let time = self.hub.clock.now();
        let until = until(time, seconds);
        let kind = RuleKind::Mute;
        let rule = Rule { number: 0, kind, target, author, until, reason: None, by: by.clone(), time };
        let lasts = lasts(until, &self.hub.clock);
        self.change(Change { add: Some(rule), ..Change::default() }, &by, format!("mute {alias} {lasts}")).await?;
        self.done(id, &format!("{alias} is muted {lasts}"));
        Ok(())
    }

    async fn lift(&mut self, kind: RuleKind, by: &Alias, typed: &str, id: Option<MessageId>) -> Done {
        let target = target(typed)?;
        let remove = self.hub.order.with_target(kind, &target);
        let what = if kind == RuleKind::Ban { "banned" } else { "muted" };
        if remove.is_empty() {
            return Err(Refusal::new(ErrorCode::NoSuchAlias, format!("{target} isn't {what}; /bans lists all")).into());
        }
        let entry = format!("{} is no longer {what}", self.on_record(&target));
        self.change(Change { remove, ..Change::default() }, by, entry).await?;
        self.done(id, &format!("{target} is no longer {what}"));
        Ok(())
    }

    async fn switch(&mut self, by: &Alias, switch: Switch, what: String, id: Option<MessageId>) -> Done {
        self.change(Change { switch: Some(switch), ..Change::default() }, by, what.clone()).await?;
        self.done(id, &what);
        Ok(())
    }

    async fn set_operator(&mut self, by: &Alias, name: &str, operator: bool, id: Option<MessageId>) -> Done {
        let wanted = alias(name)?;
        let Some(Account { id: account, alias, .. }) = self.exact_account(&wanted) else {
            let words = format!("{wanted} has no account, which an operator needs");
            return Err(Refusal::new(ErrorCode::NoSuchAlias, words).into());
        };
        let what = if operator { "is an operator now" } else { "is no operator any more" };
        self.on_audit_record(by, format!("{alias} {what}")).await?;
        let set = self.hub.accounts.ask(move |all| all.set_operator(account, operator)).await;
        if let Err(error) = set {
            self.on_audit_record(by, format!("{alias} stays what he was: {error}")).await?;
            return Err(refusal(&error.into()).into());
        }
        self.done(id, &format!("{alias} {what}"));
        Ok(())
    }

    async fn announce(&mut self, by: Alias, text: &str, id: Option<MessageId>) -> Done {
        let text = self.checked_text(text)?;
        self.change(Change::default(), &by, format!("announce: {}", clean_line(text.as_str()))).await?;
        let announcement = Arc::new(Announcement { time: self.hub.clock.now(), from: by, text });
        for peer in self.hub.connections.peers() {
            // Who has so much unread that this has no place misses it, and is none the worse for it.
            let _ = peer.post(Letter::Announcement(Arc::clone(&announcement)));
        }
        self.acknowledge(id);
        Ok(())
    }

    pub(super) fn announced(&mut self, announcement: &Announcement) {
        if self.person.is_none() {
            return;
        }
        let Announcement { time, from, text } = announcement;
        match self.dialect {
            Dialect::Text => {
                text.as_str().split('\n').for_each(|line| self.notice(&format!("{from} announces: {line}")));
            }
            Dialect::Json => {
                self.json(&ServerMessage::Announcement { time: *time, from: from.clone(), text: text.clone() });
            }
        }
    }

    async fn change(&self, change: Change, by: &Alias, what: String) -> Done {
        info!(connection = self.peer.id.0, operator = %by, %what, "moderation");
        let (order, by, now) = (Arc::clone(&self.hub.order), by.clone(), self.hub.clock.now());
        let changed = tokio::task::spawn_blocking(move || order.change(change, &by, now, what)).await;
        let changed = changed.unwrap_or_else(|error| Err(NotChanged::Unavailable(error.to_string())));
        changed.map_err(|error| unavailable(&error).into())
    }

    /// Whom a rule is about, as the audit log has it.
    fn on_record(&self, target: &Target) -> String {
        match target {
            Target::Addresses { .. } if !self.hub.addresses.written => "an address".to_owned(),
            _ => target.to_string(),
        }
    }

    /// Puts on record what is changed elsewhere.
    pub(super) async fn on_audit_record(&self, by: &Alias, what: String) -> Done {
        self.change(Change::default(), by, what).await
    }

    /// Puts on record what an operator is about to do with a room that isn't his own.
    pub(super) async fn on_record_unless_own(&self, room: &Room, me: &Account, what: String) -> Done {
        let maker = self.hub.rooms.access.get(&room.folded).and_then(|guarded| guarded.maker);
        if maker == Some(me.id) {
            return Ok(());
        }
        self.on_audit_record(&me.alias, what).await
    }

    fn somebody(&self, name: &str) -> Done<(Alias, Vec<Arc<Peer>>)> {
        self.hub.directory.find(&alias(name)?).ok_or_else(|| nobody(name).into())
    }

    fn exact_account(&self, alias: &Alias) -> Option<Account> {
        self.hub.accounts.authenticator().owner(alias).filter(|account| account.is_called(alias))
    }
}

fn alias(name: &str) -> Done<Alias> {
    Ok(Alias::new(name).map_err(|error| Refusal::new(ErrorCode::BadAlias, error.to_string()))?)
}

fn target(typed: &str) -> Done<Target> {
    Ok(Target::parse(typed).map_err(|error| Refusal::new(ErrorCode::BadField, error.to_string()))?)
}

fn nobody(name: &str) -> Refusal {
    let shown: String = clean_line(name).chars().take(40).collect();
    Refusal::new(ErrorCode::NoSuchAlias, format!("no one here is called \"{shown}\""))
}

fn unavailable(error: &NotChanged) -> Refusal {
    let code = match error {
        NotChanged::TooMany => ErrorCode::Limit,
        NotChanged::Unavailable(why) => {
            error!(%why, "moderation can't be kept");
            ErrorCode::StorageFull
        }
    };
    Refusal::new(code, error.to_string())
}

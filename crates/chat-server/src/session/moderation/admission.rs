//! What the order of the house means for everybody: who comes in, and who speaks.

use chat_protocol::message::{ErrorCode, Refusal, RuleKind};
use chat_protocol::names::Alias;

use super::super::requests::Done;
use super::super::{Ended, Flow, Session, Transport};
use super::{banned, lasts, millis_between};

impl<S: Transport> Session<S> {
    /// Sends away who comes from a banned address.
    pub(in crate::session) fn admit_address(&self) -> Flow {
        match self.peer.address.and_then(|address| self.hub.ban_of(address)) {
            Some(bye) => Err(Ended::Closed(bye)),
            None => Ok(()),
        }
    }

    /// Sends away who is banned. Called once he has his alias: a ban that is made from then on finds him by it.
    pub(in crate::session) fn admit_person(&self) -> Flow {
        let person = self.person()?;
        self.peer.set_author(person.author);
        let now = self.hub.clock.now();
        match self.hub.order.rule_of(RuleKind::Ban, &person.alias, person.author, now) {
            Some(rule) => Err(Ended::Closed(banned(&rule, &self.hub.clock))),
            None => Ok(()),
        }
    }

    /// Whether this one may go by another alias: who stays out or listens only isn't to come back by a change of name.
    pub(in crate::session) fn may_be_called(&self, alias: &Alias) -> Done {
        let (author, now) = (self.person()?.author, self.hub.clock.now());
        for (kind, what) in [(RuleKind::Ban, "banned"), (RuleKind::Mute, "muted")] {
            if let Some(rule) = self.hub.order.rule_of(kind, alias, author, now) {
                let words = format!("{alias} is {what} {}", lasts(rule.until, &self.hub.clock));
                return Err(Refusal::new(ErrorCode::Forbidden, words).into());
            }
        }
        Ok(())
    }

    /// Whether guests may come in.
    pub(in crate::session) fn admit_guest(&self) -> Result<(), Refusal> {
        if self.hub.require_account {
            let words = "only people with an account can come in here; give its password, or an invite with the password that it shall have";
            return Err(Refusal::new(ErrorCode::InviteRequired, words));
        }
        if self.hub.order.switches().guests {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::Forbidden, "only people with an account can come in just now"))
    }

    /// Whether this one may be heard by others; `in_room`: by a whole room.
    pub(in crate::session) fn may_speak(&self, in_room: bool) -> Done {
        let order = &self.hub.order;
        if !order.is_watchful() || self.account().is_some_and(|account| account.operator) {
            return Ok(());
        }
        let person = self.person()?;
        let now = self.hub.clock.now();
        if let Some(rule) = order.rule_of(RuleKind::Mute, &person.alias, person.author, now) {
            let words = format!("you are muted {}", lasts(rule.until, &self.hub.clock));
            let mut refusal = Refusal::new(ErrorCode::Muted, words);
            refusal.retry_after_ms = rule.until.map(|until| millis_between(now, until));
            return Err(refusal.into());
        }
        let switches = order.switches();
        let came = self.account().is_none().then_some(self.peer.since);
        if in_room && switches.announce_only {
            return Err(Refusal::new(ErrorCode::Forbidden, "only operators speak just now").into());
        }
        if in_room
            && switches.slow > 0
            && let Err(wait) = order.take_turn(person.author, came, switches.slow)
        {
            let words =
                format!("everybody has one message in {} s; yours is in {} s", switches.slow, wait.as_secs() + 1);
            let mut refusal = Refusal::new(ErrorCode::Limit, words);
            refusal.retry_after_ms = u64::try_from(wait.as_millis()).ok();
            return Err(refusal.into());
        }
        Ok(())
    }
}

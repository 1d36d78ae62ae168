//! What somebody may take of what is everybody's.

use chat_protocol::message::{ErrorCode, Refusal};
use chat_protocol::names::RoomName;

use super::requests::Done;
use super::{Session, Transport};
use crate::hub::block;
use crate::metrics::Limit;
use crate::quotas::Creator;
use crate::rooms::CannotEnter;

impl<S: Transport> Session<S> {
    /// Takes a room of the day's where there is none of this name; whose it was is to be given back if none is made.
    pub(super) fn may_make(&self, name: &RoomName) -> Result<Option<Creator>, CannotEnter> {
        if self.hub.rooms.get(name).is_some() {
            return Ok(None);
        }
        let limits = &self.limits;
        if self.hub.rooms.count_all() >= limits.max_rooms {
            self.hub.metrics.limit_met(Limit::Rooms);
            return Err(CannotEnter::TooMany);
        }
        let Some(creator) = self.creator() else { return Ok(None) };
        let (most, limit, whose, or) = match creator {
            Creator::Account(_) => (limits.max_new_rooms, Limit::NewRooms, "you made", ""),
            Creator::Guests(_) => {
                (limits.max_guest_rooms, Limit::GuestRooms, "guests from your address made", ", or with an account")
            }
        };
        self.hub.quotas.rooms.take(creator, 1, most).map(|()| Some(creator)).map_err(|wait| {
            self.hub.metrics.limit_met(limit);
            let hours = wait.as_secs() / 3600 + 1;
            CannotEnter::Limit(format!("{whose} {most} rooms today, the most there may be; more in {hours} h{or}"))
        })
    }

    /// Takes of what a guest may say in a day.
    pub(super) fn may_add(&self, bytes: usize) -> Done {
        let most = self.limits.max_guest_bytes;
        // Whoever is on the server's machine has other ways to fill its disk.
        let local = self.peer.is_secure() && self.peer.address.is_none_or(|address| address.is_loopback());
        if most == 0 || local {
            return Ok(());
        }
        let Some(creator @ Creator::Guests(_)) = self.creator() else { return Ok(()) };
        self.hub.quotas.bytes.take(creator, bytes as u64, most).map_err(|wait| {
            self.hub.metrics.limit_met(Limit::GuestBytes);
            let hours = wait.as_secs() / 3600 + 1;
            let words = format!(
                "guests from your address may say {most} bytes a day, and this would be more; again in {hours} h, or with an account"
            );
            let mut refusal = Refusal::new(ErrorCode::Limit, words);
            refusal.retry_after_ms = u64::try_from(wait.as_millis()).ok();
            refusal.into()
        })
    }

    fn creator(&self) -> Option<Creator> {
        let guests = || self.peer.address.map(|address| Creator::Guests(block(address)));
        self.account().map(|account| Creator::Account(account.id)).or_else(guests)
    }
}

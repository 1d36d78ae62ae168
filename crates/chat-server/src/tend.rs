//! Takes over what another process changed: `chat-server account` beside a running server, or the storage of an
//! authenticator of one's own.

mod erasures;

use std::sync::Arc;

use tracing::{error, info};

use crate::hub::Hub;
use crate::limits::REFRESH;
use crate::moderation::Target;
use crate::session::{banned, end_sessions};

/// Looks again and again, for as long as it is polled.
pub(crate) async fn tend(hub: Arc<Hub>) {
    // Apart, as an erasure takes its time, and what operators change is to be in force within a second all the same.
    tokio::join!(take_over(&hub), erasures::carry_out(&hub));
}

async fn take_over(hub: &Arc<Hub>) {
    loop {
        tokio::time::sleep(REFRESH).await;
        accounts(hub).await;
        rooms(hub).await;
        rules(hub).await;
        let rooms = Arc::clone(&hub.rooms);
        if let Some(Err(why)) = blocking(move || rooms.conversations.save()).await {
            error!(%why, "how far people have read can't be kept");
        }
    }
}

async fn accounts(hub: &Hub) {
    match hub.accounts.ask(|all| all.refresh()).await {
        Ok(changed) => changed.into_iter().for_each(|account| {
            info!("an account was changed by another process");
            end_sessions(hub, account, None);
        }),
        Err(error) => error!(%error, "changes of accounts can't be read"),
    }
}

async fn rooms(hub: &Hub) {
    let rooms = Arc::clone(&hub.rooms);
    match blocking(move || rooms.refresh_access()).await {
        Some(Ok(true)) => hub.connections.peers().iter().for_each(|peer| peer.wake()),
        Some(Err(why)) => error!(%why, "changes of rooms' members can't be read"),
        Some(Ok(false)) | None => {}
    }
}

async fn rules(hub: &Hub) {
    let order = Arc::clone(&hub.order);
    match blocking(move || order.refresh()).await {
        Some(Ok(true)) => enforce(hub),
        Some(Err(why)) => error!(%why, "changes of bans can't be read"),
        Some(Ok(false)) | None => {}
    }
}

/// What may wait for a disk, on a thread that may; `None` where it panicked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.inspect_err(|error| error!(%error, "what another process changed can't be looked at")).ok()
}

/// Closes the connections of those who are banned.
fn enforce(hub: &Hub) {
    let now = hub.clock.now();
    let peers = hub.connections.peers();
    for rule in hub.order.bans(now) {
        let named = match &rule.target {
            Target::Alias(alias) => hub.directory.find(alias).map(|(_, peers)| peers).unwrap_or_default(),
            Target::Addresses { .. } => Vec::new(),
        };
        let hit = peers.iter().filter(|peer| {
            peer.address.is_some_and(|address| rule.target.covers(address) && !hub.proxies.are_at(address))
                || (rule.author.is_some() && rule.author == peer.author())
        });
        hit.chain(&named).for_each(|peer| peer.end(banned(&rule, &hub.clock)));
    }
}

#[cfg(test)]
mod tests;

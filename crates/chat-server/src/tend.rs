//! Takes over what another process changed: `chat-server account` beside a running server, or the storage of an
//! authenticator of one's own.

use std::sync::Arc;

use chat_protocol::message::{Bye, ByeCode};
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::hub::Hub;
use crate::limits::{ERASE_PATIENCE, REFRESH};
use crate::log::{Entry, Person};
use crate::moderation::Target;
use crate::session::{banned, end_sessions};

/// Looks once a second, for as long as it is polled.
pub(crate) async fn tend(hub: Arc<Hub>) {
    loop {
        tokio::time::sleep(REFRESH).await;
        match hub.accounts.ask(|all| all.refresh()).await {
            Ok(changed) => changed.into_iter().for_each(|account| {
                info!("an account was changed by another process");
                end_sessions(&hub, account, None);
            }),
            Err(error) => error!(%error, "changes of accounts can't be read"),
        }
        let rooms = Arc::clone(&hub.rooms);
        match tokio::task::spawn_blocking(move || rooms.refresh_access()).await {
            Ok(Ok(true)) => hub.connections.peers().iter().for_each(|peer| peer.wake()),
            Ok(Ok(false)) => {}
            Ok(Err(why)) => error!(%why, "changes of rooms' members can't be read"),
            Err(error) => error!(%error, "changes of rooms' members can't be read"),
        }
        let rooms = Arc::clone(&hub.rooms);
        match tokio::task::spawn_blocking(move || rooms.access.erasures()).await {
            Ok(Ok(asked)) => {
                for (number, person) in asked {
                    if let Err(why) = erase(&hub, number, person).await {
                        error!(%why, "somebody can't be erased yet; it is tried again");
                    }
                }
            }
            Ok(Err(why)) => error!(%why, "who is to be erased can't be read"),
            Err(error) => error!(%error, "who is to be erased can't be read"),
        }
        let rooms = Arc::clone(&hub.rooms);
        if let Ok(Err(why)) = tokio::task::spawn_blocking(move || rooms.conversations.save()).await {
            error!(%why, "how far people have read can't be kept");
        }
        let order = Arc::clone(&hub.order);
        match tokio::task::spawn_blocking(move || order.refresh()).await {
            Ok(Ok(true)) => enforce(&hub),
            Ok(Ok(false)) => {}
            Ok(Err(why)) => error!(%why, "changes of bans can't be read"),
            Err(error) => error!(%error, "changes of bans can't be read"),
        }
    }
}

/// Empties the log of somebody, step by step, once he is gone.
async fn erase(hub: &Arc<Hub>, number: i64, person: Person) -> Result<(), String> {
    let peers = match &person {
        Person::Account(id) => hub.directory.peers_of(*id),
        Person::Guest(alias) => hub.directory.find(alias).map(|(_, peers)| peers).unwrap_or_default(),
    };
    if let Person::Account(id) = &person {
        end_sessions(hub, *id, None);
    }
    for peer in peers {
        peer.end(Bye::new(ByeCode::Kicked, "what you said here is being erased"));
        if let Some(author) = peer.author() {
            hub.directory.forget_sessions(author, None);
        }
        // What is still on its way from him has to be there before it can be emptied.
        let _ = tokio::time::timeout(ERASE_PATIENCE, peer.until_gone()).await;
    }
    let (mut after, mut count) = (0, 0);
    loop {
        let (reply, answer) = oneshot::channel();
        let entry = Entry::Erase { person: person.clone(), after, reply };
        hub.log.append(entry).await.map_err(|error| error.to_string())?;
        let (emptied, next) = answer.await.map_err(|_| "the log has stopped".to_owned())??;
        count += emptied;
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    let rooms = Arc::clone(&hub.rooms);
    let done = tokio::task::spawn_blocking(move || {
        if let Person::Account(id) = person {
            rooms.conversations.forget(id)?;
        }
        rooms.access.erased(number)
    });
    done.await.map_err(|error| error.to_string())??;
    info!(messages = count, "somebody was erased");
    Ok(())
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

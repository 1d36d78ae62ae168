//! Carries out what `chat-server erase` asks for beside a running server.

use std::sync::Arc;

use chat_protocol::message::{Bye, ByeCode};
use tokio::sync::oneshot;
use tracing::{error, info};

use super::blocking;
use crate::hub::Hub;
use crate::limits::{ERASE_PATIENCE, REFRESH};
use crate::log::{Entry, Person};
use crate::session::end_sessions;

/// Looks again and again, for as long as it is polled.
pub(super) async fn carry_out(hub: &Arc<Hub>) {
    loop {
        tokio::time::sleep(REFRESH).await;
        let rooms = Arc::clone(&hub.rooms);
        match blocking(move || rooms.access.erasures()).await {
            Some(Ok(asked)) => {
                for (number, person) in asked {
                    if let Err(why) = erase(hub, number, person).await {
                        error!(%why, "somebody can't be erased yet; it is tried again");
                    }
                }
            }
            Some(Err(why)) => error!(%why, "who is to be erased can't be read"),
            None => {}
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
    forget_guests(hub, &person);
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
    // Until the log had forgotten a session it could be taken up again from there.
    forget_guests(hub, &person);
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

fn forget_guests(hub: &Hub, person: &Person) {
    if let Person::Guest(alias) = person {
        hub.directory.forget_guests(alias);
    }
}

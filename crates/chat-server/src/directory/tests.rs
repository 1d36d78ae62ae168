use std::time::Duration;

use tokio::time::advance;

use super::*;
use crate::accounts::Accounts;
use crate::peer::ConnId;

fn alias(name: &str) -> Alias {
    Alias::new(name).expect(name)
}

fn peer(id: u64) -> Arc<Peer> {
    Arc::new(Peer::new(ConnId(id), None, true))
}

fn directory() -> Directory {
    Directory::new(Arc::new(Accounts::default()))
}

const TOKEN: TokenHash = TokenHash([7; 32]);
const AUTHOR: AuthorId = AuthorId([7; 16]);

#[tokio::test(start_paused = true)]
async fn an_alias_that_is_taken_is_refused_with_one_that_is_free() {
    let directory = directory();
    directory.claim(&alias("alice"), &peer(1)).expect("free");
    let taken = directory.claim(&alias("Alice"), &peer(2)).expect_err("taken");
    assert_eq!(taken.to_string(), "Alice is taken; Alice2 is free");
    directory.claim(&alias("alice2"), &peer(3)).expect("free");
    let taken = directory.claim(&alias("alice"), &peer(2)).expect_err("taken");
    assert_eq!(taken.to_string(), "alice is taken; alice3 is free");
    directory.release(&alias("alice"), &peer(2), None, false);
    directory.claim(&alias("alice"), &peer(2)).expect_err("given up by somebody who didn't have it");
    directory.release(&alias("alice"), &peer(1), None, false);
    directory.claim(&alias("alice"), &peer(2)).expect("free again");
}

#[tokio::test(start_paused = true)]
async fn a_broken_sessions_alias_waits_for_it_for_two_minutes() {
    let directory = directory();
    let (first, second) = (peer(1), peer(2));
    directory.open(&alias("bot"), &first, TOKEN, AUTHOR).expect("free");
    directory.release(&alias("bot"), &first, Some(&TOKEN), true);
    directory.claim(&alias("bot"), &second).expect_err("reserved");
    assert!(matches!(directory.resume(&TOKEN, &second), Resumed::Here { author, .. } if author == AUTHOR));
    directory.release(&alias("bot"), &second, Some(&TOKEN), true);
    advance(RESERVATION - Duration::from_millis(1)).await;
    directory.claim(&alias("bot"), &first).expect_err("still reserved");
    advance(Duration::from_millis(1)).await;
    directory.claim(&alias("bot"), &first).expect("free again");
    assert!(matches!(directory.resume(&TOKEN, &second), Resumed::Taken(_)), "the session is kept, its alias is not");
}

fn token(number: usize) -> TokenHash {
    let mut token = [0; 32];
    token[..8].copy_from_slice(&(number as u64).to_be_bytes());
    TokenHash(token)
}

/// A connection that says hello and breaks.
fn come_and_break(directory: &Directory, number: usize) {
    let (alias, peer) = (alias(&format!("bot{number}")), peer(1));
    directory.open(&alias, &peer, token(number), AUTHOR).expect("free");
    directory.release(&alias, &peer, Some(&token(number)), true);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_held_of_reservations_that_have_run_out() {
    let directory = directory();
    for number in 0..10_000 {
        come_and_break(&directory, number);
    }
    // One that was used meanwhile is reserved anew, and longer.
    advance(RESERVATION / 2).await;
    assert!(matches!(directory.resume(&token(7), &peer(2)), Resumed::Here { .. }));
    directory.release(&alias("bot7"), &peer(2), Some(&token(7)), true);
    advance(RESERVATION / 2).await;
    directory.claim(&alias("alice"), &peer(3)).expect("free");
    directory.release(&alias("alice"), &peer(3), None, false);
    let held: Vec<_> = directory.state().holders.iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(held, ["bot7"]);
    advance(RESERVATION / 2).await;
    directory.release(&alias("alice"), &peer(3), None, false);
    assert!(directory.state().holders.is_empty());
    assert_eq!(directory.state().reserved.capacity(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_reservation_makes_place() {
    let directory = directory();
    for number in 0..=MAX_RESERVED {
        come_and_break(&directory, number);
    }
    directory.claim(&alias("bot1"), &peer(2)).expect_err("still reserved");
    directory.claim(&alias("bot0"), &peer(2)).expect("given up for the newest");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_open_is_held_and_an_unknown_one_is_unknown() {
    let directory = directory();
    let first = peer(1);
    directory.open(&alias("bot"), &first, TOKEN, AUTHOR).expect("free");
    assert!(matches!(directory.resume(&TOKEN, &peer(2)), Resumed::Held(holder) if holder.id == first.id));
    assert!(matches!(directory.resume(&TokenHash([8; 32]), &peer(2)), Resumed::Unknown));
    directory.release(&alias("bot"), &first, Some(&TOKEN), false);
    advance(SESSION_LIFE + Duration::from_secs(1)).await;
    assert!(matches!(directory.resume(&TOKEN, &peer(2)), Resumed::Unknown), "unused for 90 days");
}

#[tokio::test(start_paused = true)]
async fn a_rename_gives_the_old_name_up_and_moves_the_session() {
    let directory = directory();
    let first = peer(1);
    directory.open(&alias("alice"), &first, TOKEN, AUTHOR).expect("free");
    directory.claim(&alias("bob"), &peer(2)).expect("free");
    directory.rename(&alias("alice"), &alias("bob"), &first, Some(&TOKEN), || panic!("told of")).expect_err("taken");
    assert!(directory.find(&alias("alice")).is_some(), "a refused rename changes nothing");
    let mut told = 0;
    directory.rename(&alias("alice"), &alias("ALICE"), &first, Some(&TOKEN), || told += 1).expect("one's own name");
    directory.rename(&alias("ALICE"), &alias("al"), &first, Some(&TOKEN), || told += 1).expect("free");
    assert_eq!(told, 2);
    assert!(directory.find(&alias("alice")).is_none());
    directory.release(&alias("al"), &first, Some(&TOKEN), true);
    assert!(matches!(directory.resume(&TOKEN, &peer(3)), Resumed::Here { alias, .. } if alias.as_str() == "al"));
}

#[test]
fn the_longest_unused_session_makes_place() {
    let directory = directory();
    for number in 0..=MAX_SESSIONS {
        directory.remember(token(number), AUTHOR, alias("bot"));
    }
    assert_eq!(directory.state().sessions.len(), MAX_SESSIONS);
    assert!(matches!(directory.resume(&token(0), &peer(1)), Resumed::Unknown));
    assert!(matches!(directory.resume(&token(MAX_SESSIONS), &peer(1)), Resumed::Here { .. }));
}

use tokio::time::advance;

use super::*;

const ONE: AuthorId = AuthorId([1; 16]);
const OTHER: AuthorId = AuthorId([2; 16]);

fn alias(name: &str) -> Alias {
    Alias::new(name).expect(name)
}

/// What is due now, as the wire's lists.
fn told(roster: &mut Roster) -> Vec<(Vec<String>, Vec<String>, u64)> {
    let due = roster.due(Instant::now()).is_some_and(|due| due <= Instant::now());
    let parts = if due { roster.tell() } else { Vec::new() };
    parts.iter().map(lists).collect()
}

fn lists(told: &Told) -> (Vec<String>, Vec<String>, u64) {
    let names = |names: &[Alias]| names.iter().map(ToString::to_string).collect();
    let changes = told.after(0).unwrap_or_default();
    (names(&changes.joined), names(&changes.left), told.count)
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_is_told_at_once_and_a_burst_is_merged() {
    let mut roster = Roster::new(200);
    roster.add(&alias("dave"), ONE, false);
    assert_eq!(told(&mut roster), [(strings(&["dave"]), vec![], 1)]);
    for name in ["erin", "fred", "gina"] {
        roster.add(&alias(name), ONE, false);
    }
    assert_eq!(told(&mut roster), []);
    advance(PRESENCE_WINDOW).await;
    assert_eq!(told(&mut roster), [(strings(&["erin", "fred", "gina"]), vec![], 4)]);
    assert_eq!(roster.due(Instant::now()), None);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_joins_is_told_in_few_parts() {
    let mut roster = Roster::new(200);
    let mut parts = 0;
    for i in 0..150 {
        roster.add(&alias(&format!("p{i}")), ONE, false);
        parts += told(&mut roster).len();
        advance(Duration::from_millis(2)).await;
    }
    assert!((1..=3).contains(&parts), "{parts}");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_before_his_leaving_was_told_was_not_away() {
    let mut roster = Roster::new(200);
    let alice = alias("alice");
    roster.add(&alice, ONE, false);
    told(&mut roster);
    advance(Duration::from_secs(9)).await;
    roster.remove(&alice, ONE, None, true);
    assert_eq!(told(&mut roster), [], "an abrupt end waits for the window");
    roster.add(&alice, ONE, false);
    advance(Duration::from_secs(9)).await;
    assert_eq!(told(&mut roster), []);
    roster.remove(&alice, ONE, Some("bye".to_owned()), false);
    assert_eq!(told(&mut roster), [(vec![], strings(&["alice"]), 0)], "a goodbye is told at once");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_changed_hands_is_told_of() {
    let mut roster = Roster::new(200);
    let bob = alias("bob");
    roster.add(&bob, ONE, false);
    told(&mut roster);
    for (one, other) in [(ONE, OTHER), (OTHER, ONE)] {
        roster.remove(&bob, one, None, one == ONE);
        let first = roster.add(&bob, other, false);
        assert_eq!(first.iter().map(|told| lists(told).1).collect::<Vec<_>>(), [strings(&["bob"])], "he left");
        advance(PRESENCE_WINDOW).await;
        assert_eq!(told(&mut roster), [(strings(&["bob"]), vec![], 1)], "and somebody else came");
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_who_saw_the_roster_without_him_is_told_that_he_came_back() {
    let mut roster = Roster::new(200);
    let alice = alias("alice");
    roster.add(&alice, ONE, false);
    told(&mut roster);
    roster.remove(&alice, ONE, None, true);
    let (version, members) = roster.snapshot();
    assert_eq!(members, []);
    let first = roster.add(&alice, ONE, false);
    assert_eq!(first.iter().map(lists).collect::<Vec<_>>(), [(vec![], strings(&["alice"]), 1)]);
    assert_eq!(first[0].after(version), None, "what the snapshot had is no news to its holder");
    advance(PRESENCE_WINDOW).await;
    assert_eq!(told(&mut roster), [(strings(&["alice"]), vec![], 1)]);
}

#[tokio::test(start_paused = true)]
async fn no_name_is_told_of_twice_at_once() {
    let mut roster = Roster::new(200);
    for name in ["bob", "carl"] {
        roster.add(&alias(name), ONE, false);
    }
    roster.tell();
    roster.remove(&alias("bob"), ONE, None, false);
    let first = roster.rename(&alias("carl"), &alias("bob"));
    assert_eq!(first.iter().map(lists).collect::<Vec<_>>(), [(vec![], strings(&["bob"]), 1)]);
    let rest = roster.tell();
    assert_eq!(rest[0].after(0).expect("a change").renamed, [Rename { from: alias("carl"), to: alias("bob") }]);
}

#[tokio::test(start_paused = true)]
async fn nobody_speaks_before_he_joined() {
    let mut roster = Roster::new(200);
    roster.add(&alias("alice"), ONE, false);
    roster.tell();
    roster.add(&alias("bob"), ONE, false);
    assert!(roster.before_words_of(&alias("alice")).is_empty());
    assert_eq!(lists(&roster.before_words_of(&alias("bob"))[0]), (strings(&["bob"]), vec![], 2));
    assert!(roster.before_words_of(&alias("bob")).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_large_room_is_told_the_count_alone() {
    let mut roster = Roster::new(3);
    for i in 0..5 {
        roster.add(&alias(&format!("p{i}")), ONE, false);
    }
    advance(COUNT_WINDOW).await;
    assert_eq!(told(&mut roster), [(vec![], vec![], 5)]);
    assert_eq!(roster.snapshot().1.len(), 3);
    for i in 1..5 {
        roster.remove(&alias(&format!("p{i}")), ONE, None, false);
    }
    advance(COUNT_WINDOW).await;
    let last = told(&mut roster);
    assert_eq!(last.last().expect("something").2, 1, "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn the_unannounced_are_told_of_by_nobody_and_listed_by_who() {
    let mut roster = Roster::new(200);
    roster.add(&alias("bot"), ONE, true);
    advance(PRESENCE_WINDOW).await;
    assert_eq!(told(&mut roster), []);
    assert_eq!((roster.count(), roster.snapshot().1.len()), (0, 0));
    assert_eq!(roster.page(None, 10), (vec![alias("bot")], 1, false));
    roster.remove(&alias("bot"), ONE, None, false);
    advance(PRESENCE_WINDOW).await;
    assert_eq!(told(&mut roster), []);
    assert!(roster.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_second_connection_of_a_person_is_no_news() {
    let mut roster = Roster::new(200);
    let alice = alias("alice");
    roster.add(&alice, ONE, false);
    roster.tell();
    roster.add(&alice, ONE, false);
    roster.remove(&alice, ONE, None, false);
    advance(PRESENCE_WINDOW).await;
    assert_eq!(told(&mut roster), []);
    assert_eq!(roster.count(), 1);
}

#[test]
fn what_is_told_at_once_fits_into_a_line() {
    let mut roster = Roster::new(100_000);
    for i in 0..3000 {
        roster.add(&alias(&format!("{}{i:04}", "あ".repeat(28))), ONE, false);
    }
    let parts = roster.tell();
    assert!(parts.len() > 1);
    assert!(parts.iter().all(|part| part.bound() < BATCH_BYTES));
    assert_eq!(parts.iter().map(|part| part.changes.len()).sum::<usize>(), 3000);
}

use tokio::time::advance;

use super::*;

fn alias(name: &str) -> Alias {
    Alias::new(name).expect(name)
}

const NOW: Time = Time::from_millis(1_000_000);
const LATER: Time = Time::from_millis(2_000_000);
const AUTHOR: AuthorId = AuthorId([1; 16]);
const OTHER: AuthorId = AuthorId([2; 16]);

fn order() -> Order {
    Order::open(Box::new(InMemory::default())).expect("an order")
}

fn rule(kind: RuleKind, target: &str, until: Option<Time>) -> Rule {
    let target = Target::parse(target).expect(target);
    Rule { number: 0, kind, target, author: None, until, reason: None, by: alias("olga"), time: NOW }
}

fn add(order: &Order, rule: Rule) {
    let change = Change { add: Some(rule), ..Change::default() };
    order.change(change, &alias("olga"), NOW, "a rule".to_owned()).expect("added");
}

#[test]
fn a_ban_is_in_force_until_it_runs_out() {
    let order = order();
    let address = "192.0.2.7".parse().expect("an address");
    add(&order, rule(RuleKind::Ban, "192.0.2.0/24", Some(LATER)));
    assert!(order.ban_of_address(address, NOW).is_some());
    assert!(order.ban_of_address(address, LATER).is_none());
    assert_eq!((order.page(0, 10, NOW).0.len(), order.page(0, 10, LATER).0.len()), (1, 0));
    order.change(Change::default(), &alias("olga"), LATER, "something".to_owned()).expect("changed");
    assert_eq!(order.kept().rules.len(), 0, "what ran out is taken out");
}

#[test]
fn a_person_is_known_by_alias_and_by_author() {
    let order = order();
    add(&order, Rule { author: Some(AUTHOR), ..rule(RuleKind::Mute, "bob", None) });
    let mute = |name: &str, author| order.rule_of(RuleKind::Mute, &alias(name), author, NOW).is_some();
    assert!(mute("bob", OTHER) && mute("b0b", OTHER), "the alias, and what looks like it");
    assert!(mute("robert", AUTHOR), "the same person under another alias");
    assert!(!mute("robert", OTHER));
    assert!(order.rule_of(RuleKind::Ban, &alias("bob"), AUTHOR, NOW).is_none(), "a mute is no ban");
}

#[test]
fn the_longest_of_several_bans_counts() {
    let order = order();
    add(&order, rule(RuleKind::Ban, "bob", Some(LATER)));
    add(&order, rule(RuleKind::Ban, "bob", None));
    let found = order.rule_of(RuleKind::Ban, &alias("bob"), AUTHOR, NOW).expect("banned");
    assert_eq!(found.until, None);
    let both = order.with_target(RuleKind::Ban, &found.target);
    assert_eq!(both, [1, 2]);
    order
        .change(Change { remove: both, ..Change::default() }, &alias("olga"), NOW, "unban bob".to_owned())
        .expect("gone");
    assert!(order.rule_of(RuleKind::Ban, &alias("bob"), AUTHOR, NOW).is_none());
}

#[test]
fn every_change_is_in_the_audit_log() {
    let order = order();
    for what in ["one", "two", "three"] {
        order.change(Change::default(), &alias("olga"), NOW, what.to_owned()).expect("changed");
    }
    let page = order.audit(u64::MAX, 2).expect("entries");
    assert_eq!(
        page.iter().map(|entry| (entry.number, entry.what.as_str())).collect::<Vec<_>>(),
        [(3, "three"), (2, "two")]
    );
    assert_eq!(order.audit(2, 2).expect("entries").len(), 1);
}

#[test]
fn only_what_can_keep_somebody_from_speaking_makes_watchful() {
    let order = order();
    add(&order, rule(RuleKind::Ban, "bob", None));
    assert!(!order.is_watchful());
    add(&order, rule(RuleKind::Mute, "bob", None));
    assert!(order.is_watchful());
}

#[test]
fn there_are_so_many_rules_and_no_more() {
    let order = order();
    for n in 0..MAX_RULES {
        add(&order, rule(RuleKind::Ban, &format!("bob{n}"), Some(LATER)));
    }
    let one_more = || Change { add: Some(rule(RuleKind::Ban, "eve", None)), ..Change::default() };
    order.change(one_more(), &alias("olga"), NOW, String::new()).expect_err("too many");
    order.change(one_more(), &alias("olga"), LATER, String::new()).expect("all others have run out");
}

struct Broken;

impl RuleKeeper for Broken {
    fn is_stale(&mut self) -> Result<bool, String> {
        Err("broken".to_owned())
    }

    fn load(&mut self) -> Result<Kept, String> {
        Ok(Kept::default())
    }

    fn record(&mut self, _: &Change, _: &AuditInfo) -> Result<u64, String> {
        Err("broken".to_owned())
    }

    fn audit(&mut self, _: u64, _: usize) -> Result<Vec<AuditInfo>, String> {
        Err("broken".to_owned())
    }
}

#[test]
fn what_cant_be_kept_is_not_in_force() {
    let order = Order::open(Box::new(Broken)).expect("an order");
    let change = Change { add: Some(rule(RuleKind::Ban, "bob", None)), ..Change::default() };
    order.change(change, &alias("olga"), NOW, String::new()).expect_err("broken");
    assert!(order.rule_of(RuleKind::Ban, &alias("bob"), AUTHOR, NOW).is_none());
}

#[tokio::test(start_paused = true)]
async fn slow_gives_each_person_a_turn() {
    let order = order();
    order.take_turn(AUTHOR, None, 30).expect("the first");
    order.take_turn(OTHER, None, 30).expect("somebody else");
    advance(Duration::from_secs(10)).await;
    assert_eq!(order.take_turn(AUTHOR, None, 30), Err(Duration::from_secs(20)));
    advance(Duration::from_secs(20)).await;
    order.take_turn(AUTHOR, None, 30).expect("his turn");
    let guest = AuthorId([3; 16]);
    let came = Some(Instant::now());
    advance(Duration::from_secs(10)).await;
    assert_eq!(order.take_turn(guest, came, 30), Err(Duration::from_secs(20)), "coming anew is no turn");
    advance(Duration::from_secs(20)).await;
    order.take_turn(guest, came, 30).expect("his turn");
}

/// Keeps nothing while it is told so.
struct Fickle(InMemory, Arc<AtomicBool>);

impl RuleKeeper for Fickle {
    fn is_stale(&mut self) -> Result<bool, String> {
        self.0.is_stale()
    }

    fn load(&mut self) -> Result<Kept, String> {
        self.0.load()
    }

    fn record(&mut self, change: &Change, entry: &AuditInfo) -> Result<u64, String> {
        if self.1.load(Ordering::Relaxed) { Err("no room".to_owned()) } else { self.0.record(change, entry) }
    }

    fn audit(&mut self, before: u64, limit: usize) -> Result<Vec<AuditInfo>, String> {
        self.0.audit(before, limit)
    }
}

#[test]
fn two_switches_that_are_set_at_once_are_both_set() {
    let (full, olga) = (Arc::new(AtomicBool::new(false)), alias("olga"));
    let order = Order::open(Box::new(Fickle(InMemory::default(), Arc::clone(&full)))).expect("an order");
    let set = |switch| {
        let change = Change { switch: Some(switch), ..Change::default() };
        order.change(change, &olga, NOW, "a switch".to_owned())
    };
    std::thread::scope(|scope| {
        let set = &set;
        for switch in [Switch::Guests(false), Switch::AnnounceOnly(true), Switch::Slow(5)] {
            scope.spawn(move || set(switch).expect("set"));
        }
    });
    let all = Switches { guests: false, announce_only: true, slow: 5 };
    assert_eq!(order.switches(), all);
    full.store(true, Ordering::Relaxed);
    set(Switch::Slow(9)).expect_err("not kept");
    assert_eq!(order.switches(), all, "what can't be kept isn't in force");
}

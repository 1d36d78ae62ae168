use chat_protocol::message::RuleKind;
use chat_protocol::names::RoomName;
use chat_protocol::value::Password;

use super::*;
use crate::access::{Guarded, Rule as Rooms};
use crate::accounts::{Accounts, Authenticator as _};
use crate::moderation::{Order, Rule, Switch, Switches, Target};

fn alias(name: &str) -> Alias {
    Alias::new(name).expect(name)
}

fn password(words: &str) -> Password {
    Password::new(words)
}

const ID: AuthorId = AuthorId([1; 16]);
const NOW: Time = Time::from_millis(1_000);
const LATER: Time = Time::from_millis(2_000);

fn accounts(folder: &tempfile::TempDir) -> Accounts {
    Accounts::open(Book::open(folder.path()).expect("a book")).expect("accounts")
}

fn order(folder: &tempfile::TempDir) -> Order {
    Order::open(Box::new(Book::open(folder.path()).expect("a book"))).expect("an order")
}

#[test]
fn accounts_outlive_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = accounts(&folder);
    first.register(ID, &alias("Bob"), &password("correct horse"), NOW).expect("an account");
    first.change_password(ID, &password("battery staple"), LATER).expect("changed");
    let kept = first.set_operator(ID, true).expect("an operator");
    drop(first);
    let second = accounts(&folder);
    assert_eq!(second.account(ID), Some(kept));
    second.verify(&alias("bob"), &password("battery staple")).expect("the password");
    second.verify(&alias("bob"), &password("correct horse")).expect_err("the old one");
    second.unregister(ID).expect("given up");
    assert_eq!(accounts(&folder).account(ID), None);
}

#[test]
fn a_book_of_the_first_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Connection::open(folder.path().join(FILE)).expect("a database");
    db.execute_batch(&format!("{TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1;"))
        .expect("made");
    db.execute("INSERT INTO audit VALUES (7, 0, 'olga', 'whois bob')", []).expect("a row");
    drop(db);
    let until = Time::from_millis(3_000);
    let invite = accounts(&folder).invite(&alias("bob"), until, NOW).expect("an invite");
    put_on_record(folder.path(), "bob is invited", LATER).expect("on record");
    let here = accounts(&folder);
    here.check_invite(&alias("eve"), &invite, LATER).expect_err("another alias");
    here.check_invite(&alias("bob"), &invite, until).expect_err("out of time");
    here.check_invite(&alias("BOB"), &invite, LATER).expect("kept");
    let there = accounts(&folder);
    here.redeem(ID, &alias("bob"), &password("correct horse"), &invite, LATER).expect("an account");
    there.check_invite(&alias("bob"), &invite, LATER).expect_err("used");
    let audit = order(&folder).audit(u64::MAX, 10).expect("entries");
    let entries: Vec<_> = audit.iter().map(|entry| (entry.number, entry.by.as_str())).collect();
    assert_eq!(entries, [(8, "server"), (7, "olga")]);

    let db = Connection::open(folder.path().join(FILE)).expect("a database");
    db.pragma_update(None, "user_version", 99).expect("set");
    assert!(Book::open(folder.path()).expect_err("newer").contains("a newer chat-server (schema 99"));
}

#[test]
fn a_running_server_notices_what_another_process_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, tool) = (accounts(&folder), accounts(&folder));
    assert_eq!(server.refresh(), Ok(Vec::new()));
    tool.register(ID, &alias("bob"), &password("correct horse"), NOW).expect("an account");
    assert_eq!(server.refresh(), Ok(Vec::new()));
    server.verify(&alias("bob"), &password("correct horse")).expect("known here too");
    tool.change_password(ID, &password("battery staple"), LATER).expect("changed");
    // Not overwritten by what this process still believes, and its sessions are ended all the same.
    server.set_operator(ID, true).expect("an operator");
    assert_eq!(server.refresh(), Ok(vec![ID]));
    server.verify(&alias("bob"), &password("battery staple")).expect("the new one");
    assert_eq!(server.refresh(), Ok(Vec::new()), "once");
}

#[test]
fn bans_switches_and_the_audit_log_outlive_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = order(&folder);
    let rule = |kind, target: &str| Rule {
        number: 0,
        kind,
        target: Target::parse(target).expect(target),
        author: Some(ID),
        until: (kind == RuleKind::Ban).then_some(LATER),
        reason: Some("spam".to_owned()),
        by: alias("olga"),
        time: NOW,
    };
    let add = |rule| Change { add: Some(rule), ..Change::default() };
    first.change(add(rule(RuleKind::Ban, "192.0.2.0/24")), &alias("olga"), NOW, "one".to_owned()).expect("kept");
    first.change(add(rule(RuleKind::Mute, "bob")), &alias("olga"), NOW, "two".to_owned()).expect("kept");
    let switches = Switches { guests: false, announce_only: true, slow: 30 };
    let remove = Change { remove: vec![2], switch: Some(Switch::Guests(false)), ..Change::default() };
    first.change(remove, &alias("olga"), NOW, "three".to_owned()).expect("kept");
    for switch in [Switch::AnnounceOnly(true), Switch::Slow(30)] {
        let change = Change { switch: Some(switch), ..Change::default() };
        first.change(change, &alias("olga"), NOW, "a switch".to_owned()).expect("kept");
    }
    let before = first.page(0, 10, NOW);
    drop(first);
    let second = order(&folder);
    assert_eq!((second.page(0, 10, NOW), second.switches()), (before, switches));
    assert!(second.rule_of(RuleKind::Ban, &alias("eve"), ID, NOW).is_some(), "the author is kept");
    second.change(Change::default(), &alias("olga"), LATER, "four".to_owned()).expect("kept");
    let audit = second.audit(u64::MAX, 10).expect("entries");
    assert_eq!(audit.iter().map(|entry| entry.number).collect::<Vec<_>>(), [6, 5, 4, 3, 2, 1]);
    assert_eq!(order(&folder).page(0, 10, NOW).0, [], "what ran out left the file");
}

#[test]
fn a_closed_room_is_kept_with_whose_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let room = |name: &str, rule: &Rooms, closed| Guarded {
        name: RoomName::new(name).expect("a name"),
        maker: Some(ID),
        rule: rule.clone(),
        closed,
    };
    let members = Rooms::Members([ID, AuthorId([2; 16])].into());
    let kept = [room("a", &members, true), room("b", &members, false), room("c", &Rooms::Open, true)];
    let mut book = Book::open(folder.path()).expect("a book");
    kept.iter().for_each(|room| book.keep_guarded(room).expect("kept"));
    drop(book);
    let mut book = Book::open(folder.path()).expect("a book");
    assert_eq!(book.guarded().expect("rooms"), kept);
    // Opened again it is what it was.
    book.keep_guarded(&room("a", &members, false)).expect("kept");
    assert_eq!(book.guarded().expect("rooms")[0], room("a", &members, false));
}

#[test]
fn a_backup_has_all_of_it() {
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let running = accounts(&folder);
    running.register(ID, &alias("bob"), &password("correct horse"), NOW).expect("an account");
    let file = other.path().join("backup");
    Book::backup(folder.path(), &file).expect("written while it is in use");
    Book::backup(folder.path(), &file).expect_err("it is there already");
    Book::restore(&file, other.path()).expect("restored");
    accounts(&other).verify(&alias("bob"), &password("correct horse")).expect("bob");
    Book::restore(&file, other.path()).expect_err("there are accounts already");
    Book::check_belongs(&file, Some(&Book::open(folder.path()).expect("a book").mark().expect("a mark"))).expect("its");
    Book::check_belongs(&file, Some("ff")).expect_err("another log's");
    Book::restore(&other.path().join("nothing"), tempfile::tempdir().expect("a folder").path()).expect_err("no file");
}

#[test]
fn what_is_no_book_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Connection::open(folder.path().join(FILE)).expect("a database");
    db.execute_batch("CREATE TABLE notes (x TEXT); PRAGMA user_version = 3;").expect("another's");
    drop(db);
    assert!(Book::open(folder.path()).expect_err("another's").ends_with("it is no book of chat-server's"));
    let path = folder.path().join(FILE);
    fs::write(
        &path,
        "not a database at all, but long enough to have a header of one hundred bytes, which is what is looked at",
    )
    .expect("written");
    Book::open(folder.path()).expect_err("not a database");
}

#[test]
fn what_was_closed_or_private_is_known_where_the_log_is_taken_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let room = |name: &str| RoomName::new(name).expect(name);
    let mut book = Book::open(folder.path()).expect("a book");
    let members = Rooms::Members([ID].into());
    for (name, rule, closed) in
        [("public", Rooms::Open, false), ("shut", Rooms::Open, true), ("den", members.clone(), false)]
    {
        book.keep_guarded(&Guarded { name: room(name), maker: None, rule, closed }).expect("kept");
    }
    let mut guarded: Vec<_> = Book::guarded_in(folder.path()).expect("read").into_iter().collect();
    guarded.sort();
    assert_eq!(guarded, ["den", "shut"]);
    Book::close_rooms(folder.path(), &[room("public"), room("den")]).expect("closed");
    let mut kept = book.guarded().expect("read");
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    let kept: Vec<_> = kept.iter().map(|room| (room.name.as_str(), &room.rule, room.closed)).collect();
    assert_eq!(kept, [("den", &members, false), ("public", &Rooms::Open, true), ("shut", &Rooms::Open, true)]);
}

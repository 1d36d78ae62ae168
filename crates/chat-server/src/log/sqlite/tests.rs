//! What the durable store does that no other has to: being there afterwards.

use std::fs;
use std::path::Path;

use chat_protocol::names::Alias;
use chat_protocol::value::Seq;

use super::*;
use crate::log::store::Reader as _;
use crate::log::tests::{brief, message, redact, room, say};
use crate::log::{Record, TokenHash};

const NOW: Time = Time::from_millis(1_700_000_000_000);

fn open(folder: &Path) -> (Sqlite, SqliteReader) {
    Sqlite::open(&options(folder)).unwrap()
}

fn options(folder: &Path) -> Durable {
    Durable { min_free: 0, ..Durable::new(folder) }
}

fn commit(store: &mut Sqlite, operations: &[Operation]) -> Vec<String> {
    store.commit(NOW, operations).unwrap().iter().map(brief).collect()
}

fn texts(reader: &SqliteReader, name: &str) -> Vec<(u64, String)> {
    let records = reader.after(&room(name), Seq::ZERO, Seq::new(1 << 30), 100_000).unwrap();
    records.iter().map(|r| (r.stored.seq.get(), r.stored.text.as_str().to_owned())).collect()
}

/// Carries out all that can wait.
fn settle(store: &mut Sqlite, now: Time) {
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while let Some(next) = store.tend(now).unwrap().filter(|next| *next < Duration::from_secs(5)) {
        // What the store waits for is time alone.
        std::thread::sleep(next.min(Duration::from_millis(600)));
        assert!(std::time::Instant::now() < end, "the store is never done");
        if store.rooms.values().all(|room| room.indexed == room.head)
            && next > Duration::ZERO
            && !store.tending.is_scrubbing()
        {
            return;
        }
    }
}

#[test]
fn messages_ids_topics_and_sessions_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let token = TokenHash([1; 32]);
    let log = {
        let (mut store, reader) = open(folder.path());
        let topic = Operation::Topic { room: room("a"), topic: "lunch".to_owned() };
        commit(&mut store, &[say("a", 1, Some("i"), "x"), topic, say("b", 2, None, "y")]);
        reader.log().to_owned()
    };
    let (mut store, reader) = open(folder.path());
    assert_eq!(reader.log(), log);
    let mut rooms = reader.rooms().unwrap();
    rooms.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(
        rooms.iter().map(|r| (r.name.as_str(), r.head.get(), r.topic.as_str())).collect::<Vec<_>>(),
        [("a", 1, "lunch"), ("b", 1, "")]
    );
    assert_eq!(commit(&mut store, &[say("a", 1, Some("i"), "x")]), ["repeat a 1 Say \"x\" Some(\"i\")"]);
    assert_eq!(commit(&mut store, &[say("a", 1, Some("i"), "z")]), ["Conflict"]);
    assert_eq!(commit(&mut store, &[say("a", 1, None, "z")]), ["stored a 2 Say \"z\" None"]);
    let session = reader.session(&token).unwrap().unwrap();
    assert_eq!(
        (session.author, session.alias.as_str(), session.last_used),
        (crate::log::AuthorId([1; 16]), "alice", NOW)
    );
    assert_eq!(reader.session(&TokenHash([9; 32])).unwrap(), None);
}

#[test]
fn a_session_is_kept_with_its_first_message_and_follows_the_alias_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path());
    let token = TokenHash([1; 32]);
    let rename = |to: &str| Operation::Session { token, alias: Alias::new(to).unwrap() };
    commit(&mut store, &[rename("early")]);
    assert_eq!(reader.session(&token).unwrap(), None, "nothing was said yet");
    commit(&mut store, &[say("a", 1, None, "x"), rename("later")]);
    assert_eq!(reader.session(&token).unwrap().unwrap().alias.as_str(), "later");
    let much_later = Time::from_millis(NOW.as_millis() + 91 * 86_400_000);
    settle(&mut store, NOW);
    store.tending.sweep_now();
    settle(&mut store, much_later);
    assert_eq!(reader.session(&token).unwrap(), None, "90 days are over");
}

#[test]
fn a_topic_alone_is_kept_and_forgotten_when_it_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path());
    let topic = |text: &str| Operation::Topic { room: room("a"), topic: text.to_owned() };
    commit(&mut store, &[topic("x")]);
    assert_eq!(reader.rooms().unwrap().len(), 1);
    commit(&mut store, &[topic("")]);
    assert_eq!(reader.rooms().unwrap().len(), 0);
    assert_eq!(commit(&mut store, &[say("A", 1, None, "x")]), ["stored A 1 Say \"x\" None"]);
}

#[test]
fn a_damaged_row_is_left_out_and_its_id_can_be_used_again() {
    for damage in
        ["text = 'other'", "sender = 'mallory'", "time = 5", "author = x'00000000000000000000000000000000'", "kind = 1"]
    {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, reader) = open(folder.path());
        commit(&mut store, &[say("a", 1, Some("i"), "x"), say("a", 1, Some("j"), "y"), say("a", 1, None, "z")]);
        store.db.execute(&format!("UPDATE messages SET {damage} WHERE text = 'y'"), ()).unwrap();
        assert_eq!(texts(&reader, "a"), [(1, "x".into()), (3, "z".into())], "{damage}");
        let before = reader.before(&room("a"), Seq::new(4), 10).unwrap();
        assert_eq!(before.len(), 2, "{damage}");
        assert!(reader.search(&room("a"), "other", Seq::new(9), 9).unwrap().is_empty(), "{damage}");
        assert_eq!(
            commit(&mut store, &[say("a", 1, Some("j"), "y")]),
            ["stored a 4 Say \"y\" Some(\"j\")"],
            "{damage}"
        );
    }
}

#[test]
fn many_damaged_rows_in_a_page_do_not_end_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path());
    commit(&mut store, &(0..100).map(|i| say("a", 1, None, &format!("m{i}"))).collect::<Vec<_>>());
    store.db.execute("UPDATE messages SET text = 'bad' WHERE place % 2 = 0", ()).unwrap();
    let page = reader.after(&room("a"), Seq::ZERO, Seq::new(100), 20).unwrap();
    assert_eq!(page.len(), 20, "a short page would be taken for the end");
    assert_eq!(page[19].stored.seq, Seq::new(39));
}

#[test]
fn a_damaged_list_of_rooms_is_refused() {
    for damage in ["head = 1", "topic = 'x'", "name = 'c'", "first = 2"] {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = open(folder.path());
        commit(&mut store, &[say("a", 1, None, "x"), say("a", 1, None, "y")]);
        store.db.execute(&format!("UPDATE rooms SET {damage}"), ()).unwrap();
        drop(store);
        let refused = Sqlite::open(&options(folder.path())).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { .. }), "{damage}: {refused}");
    }
}

#[test]
fn too_little_space_is_refused_but_a_repeat_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let (mut store, reader) = open(folder.path());
    commit(&mut store, &[say("a", 1, Some("i"), "x")]);
    store.min_free = u64::MAX;
    let operations = [say("a", 1, Some("i"), "x"), say("a", 1, Some("j"), "y"), say("a", 1, Some("i"), "z")];
    let Err(CommitError::Full { why, known }) = store.commit(NOW, &operations) else { panic!("it was stored") };
    assert!(why.contains("--min-free"), "{why}");
    assert_eq!(
        known.iter().map(|v| v.as_ref().map(brief)).collect::<Vec<_>>(),
        [Some("repeat a 1 Say \"x\" Some(\"i\")".to_owned()), None, Some("Conflict".to_owned())]
    );
    assert_eq!(texts(&reader, "a").len(), 1);
    let person = crate::log::Person::Guest(Alias::new("ALICE").unwrap());
    let removals = [say("a", 1, None, "y"), redact("a", 1, 1), Operation::Erase { person, after: 0 }];
    let Err(CommitError::Full { known, .. }) = store.commit(NOW, &removals) else { panic!("it was stored") };
    let known: Vec<_> = known.iter().map(|verdict| verdict.as_ref().map(brief)).collect();
    assert_eq!(known[..2], [None, Some("redacted a 1 Say \"\" Some(\"i\")".to_owned())]);
    assert_eq!(known[2].as_deref(), Some("Erased { left: [], next: None }"));
    assert_eq!(texts(&reader, "a"), [(1, String::new())], "what is taken away needs no room");
    store.min_free = 0;
    assert_eq!(commit(&mut store, &operations[1..2]), ["stored a 2 Say \"y\" Some(\"j\")"]);
}

#[test]
fn a_full_database_is_refused_after_a_rollback_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path());
    commit(&mut store, &[say("a", 1, Some("i"), "x")]);
    let pages: i64 = store.db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.db.pragma_update(None, "max_page_count", pages + 1).unwrap();
    let long = "long ".repeat(4000);
    let operations = [say("a", 1, Some("i"), "x"), say("a", 1, Some("j"), &long), say("b", 1, Some("k"), "short")];
    let Err(CommitError::Full { known, .. }) = store.commit(NOW, &operations) else { panic!("it was stored") };
    assert_eq!(known.len(), 3);
    assert!(known[0].is_some() && known[1].is_none() && known[2].is_none());
    assert_eq!((texts(&reader, "a").len(), texts(&reader, "b").len()), (1, 0), "nothing of it was stored");
    store.db.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    assert!(commit(&mut store, &operations)[1].starts_with("stored a 2"));
}

#[test]
fn what_is_not_a_full_disk_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = open(folder.path());
    commit(&mut store, &[say("a", 1, None, "x")]);
    store.db.execute_batch("DROP INDEX messages_by_id; ALTER TABLE messages RENAME TO gone;").unwrap();
    let operations = [say("a", 1, None, "y")];
    assert!(matches!(store.commit(NOW, &operations), Err(CommitError::Failed(_))));
    store.db.execute_batch("ALTER TABLE gone RENAME TO messages;").unwrap();
    assert!(matches!(store.commit(NOW, &operations), Err(CommitError::Failed(_))), "it is not used any more");
}

fn files(folder: &Path) -> Vec<u8> {
    ["chat.db", "chat.db-wal"].iter().flat_map(|name| fs::read(folder.join(name)).unwrap_or_default()).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

#[test]
fn a_removed_text_leaves_table_index_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path());
    let secret = "xyzzypassphrase";
    let others: Vec<_> = (0..50).map(|i| say("a", 1, None, &format!("other words {i}"))).collect();
    commit(&mut store, &others);
    commit(&mut store, &[say("a", 1, Some("i"), &format!("my {secret} is long {}", secret.repeat(800)))]);
    commit(&mut store, &others);
    settle(&mut store, NOW);
    assert_eq!(reader.search(&room("a"), secret, Seq::new(999), 9).unwrap().len(), 1);
    assert_eq!(store.rooms[&room("a")].indexed, Seq::new(101));
    assert!(holds(&files(folder.path()), secret));
    assert!(commit(&mut store, &[redact("a", 51, 1)])[0].starts_with("redacted a 51"));
    assert!(reader.search(&room("a"), secret, Seq::new(999), 9).unwrap().is_empty());
    settle(&mut store, NOW);
    assert!(!holds(&files(folder.path()), secret), "the text is still in the file");
    assert_eq!(texts(&reader, "a").len(), 101);
    assert_eq!(reader.search(&room("a"), "words", Seq::new(999), 999).unwrap().len(), 100);
}

#[test]
fn a_removed_text_that_was_not_indexed_yet_never_is() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path());
    commit(&mut store, &[say("a", 1, None, "xyzzypassphrase"), redact("a", 1, 1), say("a", 1, None, "other")]);
    settle(&mut store, NOW);
    assert!(!holds(&files(folder.path()), "xyzzypassphrase"));
    assert_eq!(reader.search(&room("a"), "other", Seq::new(999), 9).unwrap().len(), 1);
}

fn keeping(folder: &Path, keep: Keep) -> (Sqlite, SqliteReader) {
    Sqlite::open(&Durable { keep, ..options(folder) }).unwrap()
}

#[test]
fn the_oldest_go_by_number_and_seqs_never_start_again() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Keep { messages: Some(3), ..Keep::default() };
    {
        let (mut store, reader) = keeping(folder.path(), keep);
        let many: Vec<_> = (1..=700).map(|i| say("a", 1, Some(&format!("i{i}")), &format!("word{i}"))).collect();
        commit(&mut store, &many);
        commit(&mut store, &[say("b", 1, None, "x")]);
        settle(&mut store, NOW);
        store.tending.sweep_now();
        settle(&mut store, NOW);
        assert_eq!(texts(&reader, "a").iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [698, 699, 700]);
        assert_eq!(texts(&reader, "b").len(), 1);
        assert!(reader.search(&room("a"), "word5", Seq::new(9999), 9).unwrap().is_empty());
        assert_eq!(reader.search(&room("a"), "word699", Seq::new(9999), 9).unwrap().len(), 1);
        assert_eq!(
            commit(&mut store, &[say("a", 1, Some("i700"), "word700")]),
            ["repeat a 700 Say \"word700\" Some(\"i700\")"]
        );
        assert_eq!(
            commit(&mut store, &[say("a", 1, Some("i5"), "word5")]),
            ["stored a 701 Say \"word5\" Some(\"i5\")"],
            "an id goes with its message"
        );
    }
    let (mut store, _) = keeping(folder.path(), keep);
    assert_eq!(commit(&mut store, &[say("a", 1, None, "x")]), ["stored a 702 Say \"x\" None"]);
}

#[test]
fn the_oldest_go_by_age_and_a_room_without_messages_keeps_its_head() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Keep { age: Some(Duration::from_secs(100)), ..Keep::default() };
    let (mut store, reader) = keeping(folder.path(), keep);
    commit(&mut store, &[say("a", 1, None, "old"), say("b", 1, None, "old")]);
    let later = Time::from_millis(NOW.as_millis() + 90_000);
    store.commit(later, &[say("a", 1, None, "young")]).unwrap();
    let after = Time::from_millis(NOW.as_millis() + 101_000);
    store.tending.sweep_now();
    settle(&mut store, after);
    assert_eq!(texts(&reader, "a"), [(2, "young".into())]);
    assert_eq!(texts(&reader, "b"), []);
    assert_eq!(commit(&mut store, &[say("b", 1, None, "new")]), ["stored b 2 Say \"new\" None"]);
}

#[test]
fn the_oldest_of_all_go_by_size() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Keep { bytes: Some(1 << 20), ..Keep::default() };
    let (mut store, reader) = keeping(folder.path(), keep);
    for i in 0..12 {
        let now = Time::from_millis(NOW.as_millis() + i);
        let name = if i % 2 == 0 { "a" } else { "b" };
        let many: Vec<_> = (0..256).map(|_| say(name, 1, None, &"abcdefgh ".repeat(100))).collect();
        store.commit(now, &many).unwrap();
    }
    settle(&mut store, NOW);
    store.tending.measure_now();
    settle(&mut store, NOW);
    let (a, b) = (texts(&reader, "a"), texts(&reader, "b"));
    assert!(a.len() + b.len() < 1200 && a.len() + b.len() > 250, "{} and {}", a.len(), b.len());
    assert_eq!((a.last().map_or(0, |m| m.0), b.last().map_or(0, |m| m.0)), (1536, 1536), "the newest stay");
}

#[test]
fn a_broken_index_costs_time_and_no_messages() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path());
    commit(&mut store, &[say("a", 1, None, "lunch"), say("a", 1, None, "dinner")]);
    settle(&mut store, NOW);
    store.db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
    store.db.execute("UPDATE words_data SET block = x'ffff00ff00ff'", ()).unwrap();
    assert_eq!(reader.search(&room("a"), "lunch", Seq::new(9), 9).unwrap().len(), 1);
    assert_eq!(commit(&mut store, &[say("a", 1, None, "breakfast")]), ["stored a 3 Say \"breakfast\" None"]);
    store.tending.index_now();
    settle(&mut store, NOW);
    assert_eq!(store.rooms[&room("a")].indexed, Seq::new(3), "it was made anew");
    assert_eq!(reader.search(&room("a"), "dinner", Seq::new(9), 9).unwrap().len(), 1);
}

#[test]
fn a_text_is_removed_also_where_the_index_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path());
    commit(&mut store, &[say("a", 1, None, "xyzzypassphrase"), say("a", 1, None, "dinner")]);
    settle(&mut store, NOW);
    store.db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
    store.db.execute("UPDATE words_data SET block = x'ffff00ff00ff'", ()).unwrap();
    assert!(commit(&mut store, &[redact("a", 1, 1)])[0].starts_with("redacted"));
    settle(&mut store, NOW);
    assert!(!holds(&files(folder.path()), "xyzzypassphrase"));
    assert_eq!(reader.search(&room("a"), "dinner", Seq::new(9), 9).unwrap().len(), 1);
}

fn everything(folder: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    export(folder, &Selection::default(), &mut out).unwrap();
    out
}

#[test]
fn a_backup_is_one_file_of_everything_while_the_store_is_open() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, reader) = open(folder.path());
    commit(&mut store, &[say("a", 1, Some("i"), "x"), say("b", 1, None, "y")]);
    let file = other.path().join("chat.backup");
    backup(folder.path(), &file).unwrap();
    commit(&mut store, &[say("a", 1, None, "after")]);
    assert!(matches!(backup(folder.path(), &file), Err(TransferError::FileExists(_))));
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1, "one file");
    let data = other.path().join("data");
    let lobby = room("a");
    let missing = other.path().join("chat.backup.accounts");
    assert!(matches!(restore(&file, &data, Beside::Accounts(&missing)), Err(TransferError::NoAccounts(_))));
    assert!(!data.exists(), "nothing was begun");
    let restore = |data: &Path| restore(&file, data, Beside::Lost(&lobby));
    assert_eq!(restore(&data).unwrap(), 1, "b may have been private");
    assert!(matches!(restore(&data), Err(TransferError::Open(OpenError::Exists { .. }))));
    assert!(matches!(restore(folder.path()), Err(TransferError::Open(OpenError::Folder(_)))), "a server has it");
    let (mut restored, again) = open(&data);
    assert_eq!((texts(&again, "a").len(), texts(&again, "b").len()), (1, 1));
    assert_ne!(again.log(), reader.log());
    assert_eq!(commit(&mut restored, &[say("a", 1, Some("i"), "x")]), ["repeat a 1 Say \"x\" Some(\"i\")"]);
    assert!(again.session(&TokenHash([1; 32])).unwrap().is_some(), "everything");
}

#[test]
fn what_is_exported_can_be_imported_as_it_was() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, reader) = open(folder.path());
    let topic = Operation::Topic { room: room("b"), topic: "lunch".to_owned() };
    commit(
        &mut store,
        &[
            say("a", 1, Some("i"), "x\ny"),
            say("a", 2, None, "\"z\""),
            say("b", 1, None, "東"),
            topic,
            redact("a", 2, 2),
        ],
    );
    let lines = everything(folder.path());
    let data = other.path().join("data");
    assert_eq!(import(&mut &lines[..], &data).unwrap(), 3);
    assert_eq!(String::from_utf8(everything(&data)).unwrap(), String::from_utf8(lines.clone()).unwrap());
    assert!(matches!(import(&mut &lines[..], &data), Err(TransferError::Open(OpenError::Exists { .. }))));
    let (mut imported, again) = open(&data);
    assert_ne!(again.log(), reader.log());
    assert_eq!(commit(&mut imported, &[say("a", 1, Some("i"), "x\ny")]), ["repeat a 1 Say \"x\\ny\" Some(\"i\")"]);
    assert_eq!(commit(&mut imported, &[say("a", 1, None, "next")]), ["stored a 3 Say \"next\" None"]);
}

#[test]
fn a_part_is_exported_and_its_seqs_stay() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut store, _) = open(folder.path());
    commit(&mut store, &[say("a", 1, None, "old"), say("b", 1, None, "other room")]);
    store.commit(Time::from_millis(NOW.as_millis() + 5), &[say("a", 1, None, "new")]).unwrap();
    let selection = Selection { room: Some(room("A")), since: Some(Time::from_millis(NOW.as_millis() + 1)) };
    let mut out = Vec::new();
    assert_eq!(export(folder.path(), &selection, &mut out).unwrap(), 1);
    let data = other.path().join("data");
    import(&mut &out[..], &data).unwrap();
    let (mut imported, again) = open(&data);
    assert_eq!(texts(&again, "a"), [(2, "new".into())]);
    assert_eq!(again.rooms().unwrap().len(), 1);
    assert_eq!(commit(&mut imported, &[say("a", 1, None, "next")]), ["stored a 3 Say \"next\" None"]);
    let nowhere = Selection { room: Some(room("zzz")), since: None };
    assert!(matches!(export(folder.path(), &nowhere, &mut Vec::new()), Err(TransferError::NoSuchRoom(_))));
}

#[test]
fn a_bad_line_is_named_and_nothing_is_imported() {
    let author = "01".repeat(16);
    let line = |seq: u64| {
        format!(
            "{{\"type\":\"message\",\"room\":\"a\",\"seq\":{seq},\"time\":\"2026-01-01T00:00:00Z\",\"from\":\"al\",\"text\":\"x\",\"author\":\"{author}\",\"id\":\"i\"}}\n"
        )
    };
    let start = "{\"type\":\"room\",\"room\":\"a\",\"head\":9}\n";
    for (lines, number) in [
        ("nonsense\n".to_owned(), 1),
        (line(1), 1),
        (format!("{start}{start}"), 2),
        (format!("{start}{}", line(10)), 2),
        (format!("{start}{}{}", line(2), line(1)), 3),
        (format!("{start}{}{}", line(2), line(3)), 3),
        ("{\"type\":\"room\",\"room\":\"a\",\"head\":99999999999999}\n".to_owned(), 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        match import(&mut lines.as_bytes(), folder.path()) {
            Err(TransferError::Line { number: found, .. }) => assert_eq!(found, number, "{lines}"),
            other => panic!("{lines}: {other:?}"),
        }
        assert!(!folder.path().join("chat.db").exists());
        assert_eq!(import(&mut format!("{start}{}", line(4)).as_bytes(), folder.path()).unwrap(), 1);
    }
}

#[test]
fn every_message_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, reader) = open(folder.path());
    let mut wanted = message("a", 7, Some("an id"), "line\nline \u{FFFD} 東京 🎉");
    wanted.kind = chat_protocol::value::Kind::Action;
    wanted.from = Alias::new("Zoë").unwrap();
    let Verdict::Stored(record) = store.commit(NOW, &[Operation::Say(wanted)]).unwrap().remove(0) else { panic!() };
    let read: Vec<Arc<Record>> = reader.after(&room("a"), Seq::ZERO, Seq::new(9), 9).unwrap();
    assert_eq!(read, [record]);
}

#[test]
fn the_write_ahead_log_is_moved_when_it_is_long_and_not_with_every_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _reader) = open(folder.path());
    let (mut highest, mut moved) = (0, 0);
    for i in 0..900 {
        let before = tend::waiting_pages(&store.db).unwrap();
        commit(&mut store, &[say("a", 1, Some(&format!("i{i}")), &"text ".repeat(800))]);
        let waiting = tend::waiting_pages(&store.db).unwrap();
        while store.tend(NOW).unwrap() == Some(Duration::ZERO) {}
        highest = highest.max(waiting);
        moved += usize::from(waiting > before && tend::waiting_pages(&store.db).unwrap() < waiting);
    }
    assert!((crate::limits::WAL_PAGES..2 * crate::limits::WAL_PAGES).contains(&highest), "{highest} pages");
    assert!((2..20).contains(&moved), "moved {moved} times");
}

use std::fs;

use chat_protocol::message::ClientMessage;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, MessageId, Seq};
use tempfile::TempDir;

use super::*;

fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

fn say(id: &str, text: &str) -> ClientMessage {
    let id = Some(MessageId::new(id).unwrap());
    ClientMessage::Say { room: room("lobby"), text: text.to_owned(), id, kind: Kind::Say }
}

fn whisper(id: &str) -> ClientMessage {
    let id = Some(MessageId::new(id).unwrap());
    ClientMessage::Private { to: "bob".to_owned(), text: "psst".to_owned(), id, kind: Kind::Say }
}

fn enter(journal: &Journal) {
    journal.session(&Secret::new("s3cret"), &Alias::new("alice").unwrap(), "log1");
    journal.entered(&room("lobby"), None);
}

fn file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state").join("alice.journal");
    (folder, path)
}

fn texts(journal: &Journal) -> Vec<String> {
    journal.lines().into_iter().map(|line| line.text).collect()
}

/// What is in it after the next start.
fn reopened(journal: Journal) -> Journal {
    let path = journal.path().to_owned();
    drop(journal);
    Journal::open(path).unwrap()
}

#[test]
fn what_has_no_answer_is_there_at_the_next_start_with_session_and_positions() {
    let (_folder, path) = file();
    let journal = Journal::open(&path).unwrap();
    assert!(journal.resume().is_none());
    enter(&journal);
    journal.line(&say("a", "one"), true);
    journal.line(&whisper("b"), false);
    journal.line(&say("c", "three"), false);
    journal.done(&MessageId::new("a").unwrap());
    journal.worked_off("log1", &room("Lobby"), Seq::new(7));
    journal.worked_off("another log", &room("lobby"), Seq::new(900));
    journal.write();
    let journal = reopened(journal);
    assert_eq!(texts(&journal), ["psst", "three"]);
    let resume = journal.resume().unwrap();
    assert_eq!((resume.session.reveal(), resume.log.as_str()), ("s3cret", "log1"));
    assert_eq!(resume.rooms, [RoomStart { room: room("lobby"), after: Some(Seq::new(7)) }]);
    assert!(journal.again().iter().all(|line| !line.sent));
    journal.sending();
    journal.left(&room("lobby"));
    journal.write();
    let journal = reopened(journal);
    assert!(journal.again().iter().all(|line| line.sent));
    assert_eq!(journal.resume().unwrap().rooms, []);
}

#[test]
fn another_log_has_other_positions() {
    let (_folder, path) = file();
    let journal = Journal::open(&path).unwrap();
    enter(&journal);
    journal.worked_off("log1", &room("lobby"), Seq::new(7));
    journal.session(&Secret::new("s3cret"), &Alias::new("alice").unwrap(), "log2");
    assert_eq!(journal.resume().unwrap().rooms, [RoomStart { room: room("lobby"), after: None }]);
}

#[test]
fn the_second_one_is_told_who_has_it() {
    let (_folder, path) = file();
    let journal = Journal::open(&path).unwrap();
    let Err(JournalError::Held { pid, .. }) = Journal::open(&path) else { panic!("two have it") };
    assert_eq!(pid, Some(std::process::id()));
    drop(journal);
    Journal::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = file();
    let journal = Journal::open(&path).unwrap();
    enter(&journal);
    journal.write();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn a_cut_file_loses_what_was_cut_and_a_damaged_one_says_nothing_again() {
    let (_folder, path) = file();
    let journal = Journal::open(&path).unwrap();
    enter(&journal);
    journal.line(&say("a", "one"), false);
    journal.line(&say("b", "two"), false);
    journal.write();
    drop(journal);
    let whole = fs::read(&path).unwrap();
    let lines_in = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let journal = Journal::open(&path).unwrap();
        let at_an_end = end == 0 || whole[end - 1] == b'\n';
        assert_eq!(journal.trouble().is_none(), at_an_end, "cut at {end}");
        let expected = lines_in(&whole[..end]).saturating_sub(3);
        assert_eq!(texts(&journal), ["one", "two"][..expected], "cut at {end}");
        assert!(journal.again().iter().all(|line| !line.sent));
    }
    for at in (0..whole.len()).rev().step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let journal = Journal::open(&path).unwrap();
        let trouble = journal.trouble().unwrap_or_else(|| panic!("a flipped bit at {at} goes unnoticed"));
        assert!(trouble.contains("alice.journal"), "{trouble}");
        // The last newline's bit makes it a cut file; everything else is damage.
        let is_cut = at + 1 == whole.len();
        assert_eq!(journal.resume().is_some(), is_cut, "{at}");
        assert!(journal.again().iter().all(|line| line.sent || is_cut), "{at}");
        assert_eq!(fs::read(path.with_extension("damaged")).is_ok_and(|copy| copy == bytes), !is_cut, "{at}");
    }
}

#[test]
fn it_does_not_grow() {
    let (_folder, path) = file();
    let journal = Journal::open(&path).unwrap();
    enter(&journal);
    journal.line(&say("left", "this one stays"), true);
    let text = "x".repeat(8000);
    for n in 0..1000 {
        let id = n.to_string();
        journal.line(&say(&id, &text), true);
        journal.done(&MessageId::new(&id).unwrap());
        journal.write();
        assert!(fs::metadata(&path).unwrap().len() < 1_100_000);
    }
    assert_eq!(texts(&reopened(journal)), ["this one stays"]);
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let (_folder, path) = file();
    drop(Journal::open(&path).unwrap());
    let mut book = Book::default();
    book.put(Record::Begin { v: 2, pid: 1 });
    let bytes = book.take().bytes;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Later { .. })));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn what_can_not_be_written_is_told_and_holds_nothing_up() {
    let (folder, path) = file();
    let journal = Journal::open(&path).unwrap();
    let progress = journal.progress();
    let record = journal.line(&say("a", "one"), true);
    // As a full disk would do it.
    *lock(&journal.0.disk) = Some(Disk::closed(&path));
    journal.write();
    assert!(progress.borrow().failed.as_ref().is_some_and(|why| why.contains("alice.journal")));
    assert!(record <= journal.upto());
    assert!(!path.exists(), "what it says is of the past");
    drop(folder);
}

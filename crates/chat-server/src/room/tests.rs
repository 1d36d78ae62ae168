use chat_protocol::message::Stored;
use chat_protocol::value::{Kind, Text, Time};

use super::*;
use crate::batch::Origin;
use crate::log::AuthorId;
use crate::peer::ConnId;

fn room() -> Arc<Room> {
    let room = Room::new(RoomName::new("lobby").expect("a name"), Seq::ZERO, String::new(), 200);
    room.enter(&Alias::new("alice").expect("a name"), AuthorId([1; 16]), false);
    Arc::new(room)
}

fn peer(id: u64) -> Arc<Peer> {
    Arc::new(Peer::new(ConnId(id), None, true))
}

fn message(seq: u64, text: &str) -> Item {
    let stored = Stored {
        room: RoomName::new("lobby").expect("a name"),
        seq: Seq::new(seq),
        time: Time::from_millis(0),
        from: Alias::new("alice").expect("a name"),
        text: Text::new(text),
        kind: Kind::Say,
    };
    let record = Arc::new(Record { stored, author: AuthorId([1; 16]), id: None });
    Item::Message { record, origin: Origin { connection: ConnId(0), ticket: 0 } }
}

fn seqs(pieces: &[Piece]) -> Vec<u64> {
    pieces.iter().filter_map(Piece::record).map(|record| record.stored.seq.get()).collect()
}

#[test]
fn a_cursor_anywhere_in_the_tail_is_shown_all_that_follows() {
    let room = room();
    for seq in 1..=9 {
        room.publish(vec![message(seq, "x")]);
    }
    for number in 0..9 {
        let Attachment::Replay(batches) = room.attach(number, &peer(0)) else { panic!("{number} is in the tail") };
        assert_eq!(batches.iter().map(|batch| batch.number).collect::<Vec<_>>(), (number + 1..=9).collect::<Vec<_>>());
    }
    assert!(matches!(room.attach(9, &peer(0)), Attachment::Live(_)));
}

#[test]
fn a_channel_begins_where_the_cursor_stands() {
    let room = room();
    room.publish(vec![message(1, "x")]);
    let Attachment::Live(mut place) = room.attach(1, &peer(0)) else { panic!("nothing was published since") };
    room.publish(vec![message(2, "y")]);
    assert_eq!(place.next().expect("the next batch").number, 2);
}

#[test]
fn what_left_the_tail_is_behind() {
    let room = room();
    let long = "x".repeat(8000);
    for seq in 1..=100 {
        room.publish(vec![message(seq, &long)]);
    }
    assert!(matches!(room.attach(0, &peer(0)), Attachment::Behind));
    assert!(matches!(room.attach(99, &peer(0)), Attachment::Replay(batches) if batches.len() == 1));
    assert_eq!(seqs(&room.recent(Seq::new(100), 3).expect("the tail has these")), [98, 99, 100]);
    assert_eq!(seqs(&room.recent(Seq::new(99), 2).expect("the tail has these")), [98, 99]);
    assert!(room.recent(Seq::new(100), 90).is_none(), "the log has to be asked");
}

#[test]
fn a_replay_is_bounded() {
    let room = room();
    let long = "x".repeat(8000);
    for seq in 1..=12 {
        room.publish(vec![message(seq, &long)]);
    }
    let Attachment::Replay(batches) = room.attach(0, &peer(0)) else { panic!("it is in the tail") };
    assert!((1..12).contains(&batches.len()), "{}", batches.len());
}

#[test]
fn a_batch_is_split_before_its_lines_pass_64_kib() {
    let room = room();
    let Attachment::Live(mut place) = room.attach(0, &peer(0)) else { panic!("nothing was published") };
    let worst = "\"".repeat(8000);
    room.publish((1..=40).map(|seq| message(seq, &worst)).collect());
    let mut seen = 0;
    while let Ok(batch) = place.next() {
        for dialect in [crate::batch::Dialect::Text, crate::batch::Dialect::Json] {
            assert!(batch.chunk(dialect, &jiff::tz::TimeZone::UTC).bytes.len() <= BATCH_BYTES);
        }
        let (first, last) = batch.seqs.expect("messages");
        assert_eq!(first.get(), seen + 1);
        seen = last.get();
    }
    assert_eq!(seen, 40);
    assert_eq!(room.head(), Seq::new(40));
}

#[test]
fn an_empty_room_keeps_no_tail() {
    let room = room();
    room.publish(vec![message(1, "x")]);
    room.exit(&Alias::new("alice").expect("a name"), AuthorId([1; 16]), None, false);
    assert!(matches!(room.attach(0, &peer(0)), Attachment::Behind));
    assert!(room.recent(Seq::new(1), 1).is_none());
    assert!(!room.is_unused(), "its log is not empty");
}

#[test]
fn what_is_kept_no_longer_is_not_served() {
    let room = room();
    for seq in [1, 3, 5] {
        room.publish(vec![message(seq, "x"), message(seq + 1, "y")]);
    }
    room.removed(Seq::new(3));
    // The newest there are, and no more are in the log.
    assert_eq!(seqs(&room.recent(Seq::new(6), 50).expect("all that is kept")), [4, 5, 6]);
    assert_eq!(seqs(&room.recent(Seq::new(6), 2).expect("two")), [5, 6]);
    assert!(matches!(room.attach(0, &peer(0)), Attachment::Behind), "who lags is told of the gap");
    assert!(matches!(room.attach(1, &peer(0)), Attachment::Replay(_)));
    room.removed(Seq::new(6));
    assert!(room.recent(Seq::new(6), 50).expect("nothing is kept").is_empty());
}

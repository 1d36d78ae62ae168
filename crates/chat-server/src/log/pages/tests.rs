use std::cell::Cell;
use std::convert::Infallible;

use futures::future::join_all;

use super::*;
use crate::log::tests::{message, room};
use crate::log::{AuthorId, Record};
use crate::room::Room;

const NEVER: fn(Infallible) -> Arc<Page> = |never| match never {};

fn record(seq: u64, text: &str) -> Arc<Record> {
    let new = message("a", 1, None, text);
    let (from, kind, text) = (new.from, new.kind, new.text);
    let time = chat_protocol::value::Time::from_millis(0);
    let stored = chat_protocol::message::Stored { room: new.room, seq: Seq::new(seq), time, from, text, kind };
    Arc::new(Record { stored, author: AuthorId([1; 16]), id: None })
}

fn page(seqs: impl IntoIterator<Item = u64>, end: u64, upto: u64) -> Page {
    Page::new(&room("a"), seqs.into_iter().map(|seq| record(seq, "x")).collect(), Seq::new(end), Seq::new(upto))
}

fn id() -> RoomId {
    Room::new(room("a"), Seq::ZERO, String::new(), 10).id
}

fn key(room: RoomId, after: u64) -> Key {
    (room, Seq::new(after), Seq::new(after + PAGE_MESSAGES))
}

#[track_caller]
fn check_bounds(cursor: u64, upto: u64, after: u64, end: u64) {
    assert_eq!(bounds(Seq::new(cursor), Seq::new(upto)), (Seq::new(after), Seq::new(end)), "{cursor} {upto}");
}

#[test]
fn positions_that_are_near_share_a_page() {
    check_bounds(0, 5000, 0, 256);
    check_bounds(255, 5000, 0, 256);
    check_bounds(256, 5000, 256, 512);
    check_bounds(300, 310, 256, 310);
    check_bounds(u64::MAX - 1, u64::MAX, u64::MAX - 255, u64::MAX);
}

#[test]
fn a_page_goes_on_where_the_cursor_stands_and_says_where_nothing_is() {
    let dense = page(1..=256, 256, 1000);
    assert_eq!(dense.after(Seq::new(10)).unwrap().seqs.unwrap().1, dense.batches[0].seqs.unwrap().1);
    assert_eq!(dense.after(Seq::new(256)).unwrap_err(), Seq::new(256));
    // The store looked on to 900 and found it; what lies between is asked for by nobody.
    let before_a_hole = page((1..=9).chain(900..=1155), 256, 5000);
    assert_eq!(before_a_hole.after(Seq::new(3)).unwrap().seqs, Some((Seq::new(1), Seq::new(9))));
    assert_eq!(before_a_hole.after(Seq::new(9)).unwrap_err(), Seq::new(899));
    // It found less than it looked for: there is no more.
    assert_eq!(page(1..=9, 256, 5000).after(Seq::new(9)).unwrap_err(), Seq::new(5000));
    assert_eq!(page([], 256, 5000).after(Seq::new(0)).unwrap_err(), Seq::new(5000));
}

#[test]
fn no_batch_of_a_page_is_larger_than_one_of_a_room() {
    let text = "x".repeat(8000);
    let records = (1..=256).map(|seq| record(seq, &text)).collect();
    let page = Page::new(&room("a"), records, Seq::new(256), Seq::new(256));
    let mut cursor = Seq::ZERO;
    while let Ok(batch) = page.after(cursor) {
        assert!(batch.items.iter().map(Item::bound).sum::<usize>() <= BATCH_BYTES);
        assert_eq!(batch.seqs.unwrap().0, cursor.next());
        cursor = batch.seqs.unwrap().1;
    }
    assert_eq!(cursor, Seq::new(256));
}

#[tokio::test]
async fn what_many_ask_for_is_read_once() {
    let pages = Arc::<Pages>::default();
    let _reading = pages.reading();
    let (reads, room) = (Cell::new(0), id());
    let read = async || {
        reads.set(reads.get() + 1);
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(page(1..=256, 256, 256))
    };
    let all = join_all((0..100).map(|_| pages.get(key(room, 0), read()))).await;
    assert_eq!(reads.get(), 1);
    let first = all[0].as_ref().unwrap();
    assert!(all.iter().all(|page| Arc::ptr_eq(page.as_ref().unwrap(), first)));
    // A read that failed, or was given up, is done by the next one.
    assert_eq!(pages.get(key(room, 256), async { Err("no") }).await.unwrap_err(), "no");
    pages.get(key(room, 256), read()).await.unwrap_or_else(NEVER);
    assert_eq!(reads.get(), 2);
}

#[tokio::test]
async fn what_was_changed_is_read_anew_also_while_it_is_read() {
    let pages = Arc::<Pages>::default();
    let _reading = pages.reading();
    let room = id();
    let (go, wait) = tokio::sync::oneshot::channel();
    let early = pages.get(key(room, 0), async { Ok::<_, Infallible>(wait.await.unwrap()) });
    let late = async {
        pages.forget(room);
        go.send(page(1..=2, 256, 256)).unwrap();
        pages.get(key(room, 0), async { Ok::<_, Infallible>(page(1..=1, 256, 256)) }).await
    };
    let (early, late) = tokio::join!(early, late);
    let last = |page: Arc<Page>| page.after(Seq::ZERO).unwrap().seqs.unwrap().1.get();
    assert_eq!((last(early.unwrap_or_else(NEVER)), last(late.unwrap_or_else(NEVER))), (2, 1));
    let kept = pages.get(key(room, 0), async { Ok::<_, Infallible>(page(1..=3, 256, 256)) }).await;
    assert_eq!(last(kept.unwrap_or_else(NEVER)), 1);
}

#[tokio::test]
async fn pages_are_bounded_and_go_with_the_last_reader() {
    let pages = Arc::<Pages>::default();
    let (reading, other) = (pages.reading(), pages.reading());
    let (text, room) = ("x".repeat(8000), id());
    for start in (0..6).map(|n| n * PAGE_MESSAGES) {
        let records = (start + 1..=start + PAGE_MESSAGES).map(|seq| record(seq, &text)).collect();
        let end = Seq::new(start + PAGE_MESSAGES);
        let read = async { Ok::<_, Infallible>(Page::new(&super::super::tests::room("a"), records, end, end)) };
        pages.get(key(room, start), read).await.unwrap_or_else(NEVER);
        let shared = pages.shared();
        assert!(shared.bytes <= PAGES_BYTES && shared.order.len() == shared.pages.len());
        assert!(shared.pages.contains_key(&key(room, start)), "the newest is kept");
    }
    drop(reading);
    assert!(!pages.shared().pages.is_empty());
    drop(other);
    assert!(pages.shared().pages.is_empty() && pages.shared().bytes == 0);
}

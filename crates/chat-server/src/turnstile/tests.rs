use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake};

use chat_protocol::names::RoomName;
use chat_protocol::value::Seq;
use jiff::civil::date;

use super::*;
use crate::batch::Item;
use crate::peer::ConnId;
use crate::room::{Attachment, Place};

/// A session's task: how often it was woken.
#[derive(Debug, Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A session that waits in a room.
struct Sitter {
    peer: Arc<Peer>,
    task: Arc<Task>,
    place: Option<Place>,
}

impl Sitter {
    fn new(id: u64, room: &Arc<Room>) -> Self {
        let peer = Arc::new(Peer::new(ConnId(id), None, true));
        let Attachment::Live(place) = room.attach(room.number(), &peer) else { panic!("it has everything") };
        let sitter = Self { peer, task: Arc::default(), place: Some(place) };
        sitter.wait();
        sitter
    }

    fn wait(&self) {
        self.peer.register(&Context::from_waker(&Arc::clone(&self.task).into()));
    }

    fn is_woken(&self) -> bool {
        self.task.0.load(Ordering::Relaxed) > 0
    }

    /// Its task runs, where it was woken, and waits again. Whether it was.
    fn run(&self, rooms: &Arc<Rooms>) -> bool {
        let woken = self.task.0.swap(0, Ordering::Relaxed) > 0;
        if woken {
            Turn::new(Arc::clone(rooms), Arc::clone(&self.peer)).pass_on();
            self.wait();
        }
        woken
    }
}

fn rooms() -> Arc<Rooms> {
    Arc::new(Rooms::of_lobby(&RoomName::new("lobby").expect("a name")))
}

fn room(name: &str) -> Arc<Room> {
    Arc::new(Room::new(RoomName::new(name).expect("a name"), Seq::ZERO, String::new(), 200))
}

fn publish(rooms: &Arc<Rooms>, room: &Arc<Room>) {
    room.publish(vec![Item::Day(date(2026, 11, 28))]);
    rooms.turnstile.open(room);
}

/// How many of them are woken and haven't run.
fn through(sitters: &[Sitter]) -> usize {
    sitters.iter().filter(|sitter| sitter.is_woken()).count()
}

/// Runs whoever is woken until nobody is; how often each ran.
fn run_all(rooms: &Arc<Rooms>, sitters: &[Sitter]) -> Vec<usize> {
    let mut runs = vec![0; sitters.len()];
    while through(sitters) > 0 {
        assert!(through(sitters) <= TURNS, "more than may be");
        for (sitter, runs) in sitters.iter().zip(&mut runs) {
            *runs += usize::from(sitter.run(rooms));
        }
    }
    runs
}

#[test]
fn everybody_is_woken_once_and_no_more_than_a_few_at_a_time() {
    let (rooms, room) = (rooms(), room("lobby"));
    let sitters: Vec<_> = (0..1000).map(|id| Sitter::new(id, &room)).collect();
    for _ in 0..3 {
        publish(&rooms, &room);
        assert_eq!(through(&sitters), TURNS);
        assert_eq!(run_all(&rooms, &sitters), vec![1; 1000]);
    }
    assert_eq!(rooms.turnstile.state().through, 0);
}

#[test]
fn what_is_published_meanwhile_reaches_those_who_had_their_turn() {
    let (rooms, room) = (rooms(), room("lobby"));
    let sitters: Vec<_> = (0..200).map(|id| Sitter::new(id, &room)).collect();
    publish(&rooms, &room);
    for sitter in &sitters[..50] {
        assert!(sitter.run(&rooms));
    }
    publish(&rooms, &room);
    // The round begins again where it stood: those who are still to come take both with one write.
    let runs = run_all(&rooms, &sitters);
    assert!(runs[..50].iter().all(|runs| *runs == 1), "{runs:?}");
    assert!(runs[114..].iter().all(|runs| *runs == 1), "{runs:?}");
}

#[test]
fn a_small_room_is_not_behind_a_large_one() {
    let rooms = rooms();
    let (large, small) = (room("large"), room("small"));
    let crowd: Vec<_> = (0..1000).map(|id| Sitter::new(id, &large)).collect();
    let two: Vec<_> = (1000..1002).map(|id| Sitter::new(id, &small)).collect();
    publish(&rooms, &large);
    publish(&rooms, &small);
    for sitter in &crowd[..4] {
        assert!(sitter.run(&rooms));
    }
    assert_eq!(through(&two), 2, "each room lets one through, then the next");
}

#[test]
fn who_goes_or_comes_in_the_middle_of_a_round_takes_nobodys_turn() {
    let (rooms, room) = (rooms(), room("lobby"));
    let mut sitters: Vec<_> = (0..300).map(|id| Sitter::new(id, &room)).collect();
    // The round begins in the middle of the list.
    publish(&rooms, &room);
    for sitter in &sitters[..100] {
        assert!(sitter.run(&rooms));
    }
    publish(&rooms, &room);
    let gone: Vec<_> = sitters.drain(200..).collect();
    for mut sitter in gone {
        drop(sitter.place.take());
        // Whoever was let through passes it on at his end.
        drop(Turn::new(Arc::clone(&rooms), Arc::clone(&sitter.peer)));
    }
    sitters.extend((300..450).map(|id| Sitter::new(id, &room)));
    let runs = run_all(&rooms, &sitters);
    assert!(runs[..200].iter().all(|runs| *runs >= 1), "{runs:?}");
    assert_eq!(rooms.turnstile.state().through, 0);
}

#[test]
fn who_does_not_wait_holds_nobody_up() {
    let (rooms, room) = (rooms(), room("lobby"));
    let busy: Vec<_> = (0..TURNS as u64 * 2).map(|id| Sitter::new(id, &room)).collect();
    for sitter in &busy {
        // Its task runs: nothing waits for anything.
        drop(sitter.peer.let_through());
        assert!(sitter.peer.takes_turn());
    }
    let waiting = Sitter::new(1000, &room);
    publish(&rooms, &room);
    assert!(waiting.is_woken());
}

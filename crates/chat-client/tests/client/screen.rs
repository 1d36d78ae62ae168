//! The whole program on a pseudo-terminal, as somebody sees it.

use std::time::{Duration, Instant};

use chat_client::protocol::value::{Kind, Password};
use chat_client::{Client, Event};

use crate::fake::{lobby, wait_for};
use crate::real::TestServer;
use crate::window::{SOON, Window};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_talks_on_the_whole_screen() {
    let server = TestServer::start().await;
    let (bob, mut events) = server.connect("bob");
    wait_for(&mut events, |event| matches!(event, Event::Joined(_)).then_some(())).await;
    bob.say(&lobby(), "anyone here?").await.unwrap();
    let mut window = Window::open(server.address, &["alice"]);
    window.see("bob: anyone here?");
    window.see("alice connected");
    window.press("bo\thi\r");
    let text = wait_for(&mut events, |event| match event {
        Event::Message(message) => Some(message.stored.text.as_str().to_owned()),
        _ => None,
    });
    assert_eq!(text.await, "bob: hi");
    window.see("alice: bob: hi");
    bob.private("alice", "psst", Kind::Say).await.unwrap();
    window.see("@bob");
    window.press("\x1ba");
    window.see("only bob will see this");
    window.press("\x10/quit see you\r");
    let reason = wait_for(&mut events, |event| match event {
        Event::Presence { changes: Some(changes), .. } => changes.reasons.values().next().cloned(),
        _ => None,
    });
    assert_eq!(window.end(), 0);
    assert_eq!(reason.await, "see you");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_before_the_screen_is_there_is_said_line_by_line() {
    let server = TestServer::start().await;
    let (_bob, mut events) = server.connect("bob");
    wait_for(&mut events, |event| matches!(event, Event::Joined(_)).then_some(())).await;
    let mut window = Window::open_behind("hello\r/me waves\r/msg bob between us\rbye", server.address, &["alice"]);
    // What is said to one alone takes another way than what is said in a room.
    let (mut aloud, mut alone) = (Vec::new(), Vec::new());
    while aloud.len() + alone.len() < 3 {
        let next = wait_for(&mut events, |event| match event {
            Event::Message(message) => Some((true, message.stored.kind, message.stored.text.as_str().to_owned())),
            Event::Private(private) => Some((false, private.kind, private.text.as_str().to_owned())),
            _ => None,
        });
        let (is_aloud, kind, text) = next.await;
        if is_aloud { &mut aloud } else { &mut alone }.push((kind, text));
    }
    let said = |kind, text: &str| (kind, text.to_owned());
    assert_eq!(aloud, [said(Kind::Say, "hello"), said(Kind::Action, "waves")]);
    assert_eq!(alone, [said(Kind::Say, "between us")]);
    // What wasn't ended is there to be gone on with.
    window.see("> bye");
    window.press("\x15\x04");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paste_of_several_lines_is_one_message() {
    let server = TestServer::start().await;
    let (_bob, mut events) = server.connect("bob");
    wait_for(&mut events, |event| matches!(event, Event::Joined(_)).then_some(())).await;
    let mut window = Window::open(server.address, &["alice"]);
    window.see("alice connected");
    window.press("\x1b[200~one\ntwo\nthree\x1b[201~\r");
    let text = wait_for(&mut events, |event| match event {
        Event::Message(message) => Some(message.stored.text.as_str().to_owned()),
        _ => None,
    });
    assert_eq!(text.await, "one\ntwo\nthree");
    window.press("\x04");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_takes_the_columns_of_its_words_alone() {
    let server = TestServer::start().await;
    let (bob, _events) = server.connect("bob");
    bob.ready().await.unwrap();
    let mut window = Window::open(server.address, &["alice"]);
    window.see("alice connected");
    bob.say(&lobby(), "see https://chat.example/a and 日本 https://b.example/x too").await.unwrap();
    window.see("bob: see https://chat.example/a and 日本");
    bob.say(&lobby(), "next").await.unwrap();
    window.see("bob: next");
    window.see("https://b.example/x too");
    window.press("\x03");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_taken_is_asked_for_again() {
    let server = TestServer::start().await;
    let (alice, _events) = server.connect("alice");
    alice.ready().await.unwrap();
    let mut window = Window::open(server.address, &[]);
    window.see("What shall the others call you?");
    window.press("alice\r");
    window.see("alice is taken");
    window.press("\x15erin\r");
    window.see("erin connected");
    window.press("\x03");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_takes_its_password_which_nobody_sees() {
    let server = TestServer::start().await;
    let mut window = Window::open(server.address, &["alice"]);
    window.see("alice connected");
    window.press("/register correct horse\r");
    window.see("this alias is yours now");
    window.press("\x1b[A");
    window.press("\x03");
    assert_eq!(window.end(), 0);
    // Another machine, so to say: nothing is kept there.
    let mut window = Window::open(server.address, &["alice"]);
    window.see("The password of alice?");
    window.press("wrong horse\r");
    window.see("that is not the password");
    window.press("correct horse\r");
    window.see("alice connected");
    assert!(!window.shown().contains("horse"), "{}", window.shown());
    window.press("\x03");
    assert_eq!(window.end(), 0);
    let mut window = Window::open(server.address, &["alice", "--plain"]);
    window.see("PASSWORD?");
    window.press("correct horse\r");
    window.see("You are alice");
    assert!(!window.shown().contains("horse"), "{}", window.shown());
    window.press("echoed\r");
    window.see("echoed");
    window.press("/quit\r");
    assert_eq!(window.wait_for_end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_conversation_is_there_again_and_goes_on_live() {
    let server = TestServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let (bob, _events) = server.connect("bob");
    bob.ready().await.unwrap();
    bob.register(Password::new("correct horse")).await.unwrap();
    let mut window = Window::open_in(home.path(), server.address, &["alice"]);
    window.see("alice connected");
    window.press("/register correct horse\r");
    window.see("this alias is yours now");
    bob.private("alice", "psst", Kind::Say).await.unwrap();
    window.see("@bob");
    window.press("\x1ba");
    window.see("bob: psst");
    window.press("what?\r");
    window.see("alice: what?");
    window.press("\x03");
    assert_eq!(window.end(), 0);
    bob.private("alice", "never mind", Kind::Say).await.unwrap();
    let mut window = Window::open_in(home.path(), server.address, &["alice"]);
    window.see("@bob");
    window.press("\x10");
    window.see("bob: never mind");
    let shown = window.shown();
    let lines = ["bob: psst", "alice: what?", "── new ──", "bob: never mind"];
    let places: Vec<_> = lines.iter().map(|line| shown.find(line)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {shown}");
    bob.private("alice", "live again", Kind::Say).await.unwrap();
    window.see("bob: live again");
    window.press("/search never\r");
    window.see("Search: never");
    window.press("\x1b");
    window.press("\x03");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_the_screen_says_how_to_start_one_and_tries_again() {
    let server = TestServer::start().await;
    let address = server.address;
    server.stop().await;
    let mut window = Window::open(address, &["alice"]);
    window.see(&format!("no server at {address}"));
    window.see("chat-server --listen");
    let server = TestServer::start_at(address).await;
    window.press("\r");
    window.see("alice connected");
    window.press("\x03");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_are_read_back_to_the_first() {
    const MESSAGES: usize = 10_000;
    let server = TestServer::start().await;
    let (bob, _events) = server.connect("bob");
    bob.ready().await.unwrap();
    say_many(&bob, MESSAGES).await;
    let mut window = Window::open(server.address, &["alice"]);
    window.see("number 10000.");
    let deadline = Instant::now() + 2 * SOON;
    while !window.parser.screen().contents().contains("number 1.") {
        assert!(Instant::now() < deadline, "the screen is\n{}", window.parser.screen().contents());
        window.press("\x1b[H");
        while let Ok(bytes) = window.output.recv_timeout(Duration::from_millis(40)) {
            window.parser.process(&bytes);
        }
    }
    window.press("\x1b[F");
    window.see("number 10000.");
    window.press("\x03");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

async fn say_many(client: &Client, count: usize) {
    let mut last = None;
    for n in 1..=count {
        last = Some(client.post(&lobby(), format!("number {n}."), Kind::Say).await.unwrap());
    }
    last.unwrap().await.unwrap();
}

/// A measurement: `cargo test --release -p chat-client --features measurements --test client -- --nocapture key_to_screen`
#[cfg(feature = "measurements")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_to_screen_in_a_room_of_a_thousand_messages_a_second() {
    let server = TestServer::start().await;
    let (bob, _events) = server.connect("bob");
    bob.ready().await.unwrap();
    let mut window = Window::open(server.address, &["alice"]);
    window.see("alice connected");
    let flood = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            say_many(&bob, 10).await;
        }
    });
    window.see("number 10.");
    let mut took = Vec::new();
    for _ in 0..500 {
        let begun = Instant::now();
        window.press("x");
        window.see("> x");
        took.push(begun.elapsed());
        window.press("\x15");
        window.wait("an empty input", |screen| screen.rows(0, 80).last().is_some_and(|row| row.trim_end() == ">"));
    }
    flood.abort();
    took.sort();
    println!("key to screen: median {:?}, 99th percentile {:?}, most {:?}", took[250], took[495], took[499]);
    window.press("\x03");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_to_end_gives_the_terminal_back() {
    let server = TestServer::start().await;
    let mut window = Window::open(server.address, &["alice"]);
    window.see("alice connected");
    window.signal("-TERM");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screen_is_drawn_anew_on_request_and_in_another_size() {
    let server = TestServer::start().await;
    let mut window = Window::open(server.address, &["alice"]);
    window.see("alice connected");
    window.press("hello\r");
    window.see("alice: hello");
    window.parser.process(b"\x1b[2J\x1b[H");
    window.press("\x0c");
    window.see("alice: hello");
    window.resize(40, 10);
    window.wait("the small screen", |screen| {
        let rows: Vec<_> = screen.rows(0, 40).collect();
        rows[8].contains("alice connected") && rows[9].starts_with('>') && rows[7].contains("alice: hello")
    });
    window.press("\x03");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_it_gets_the_terminal_back_and_then_the_screen() {
    let server = TestServer::start().await;
    let mut window = Window::open(server.address, &["alice"]);
    window.see("alice connected");
    window.press("\x1a");
    window.wait("the screen of before", |screen| !screen.alternate_screen());
    // It may still be on its way to stop; it is continued as often as it needs.
    let deadline = Instant::now() + SOON;
    while !window.parser.screen().alternate_screen() {
        assert!(Instant::now() < deadline, "it came back");
        window.signal("-CONT");
        if let Ok(bytes) = window.output.recv_timeout(Duration::from_millis(100)) {
            window.parser.process(&bytes);
        }
    }
    window.see("alice connected");
    window.press("still here");
    window.see("> still here");
    window.press("\x03\x03");
    assert_eq!(window.end(), 0);
    server.stop().await;
}

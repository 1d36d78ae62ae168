//! Many at once: limits, storms, large rooms, pastes.

use std::time::Duration;

use chat_tests::{JsonClient, TestServer, TextClient, Wire};
use serde_json::json;
use tokio::time::Instant;

#[tokio::test]
async fn one_too_many_is_told_so_in_his_dialect() {
    let server = TestServer::with().limits(|limits| limits.max_connections = 2).start().await;
    let alice = server.text("alice").await;
    let mut bob = server.json("bob").await;
    let mut person = server.dial_text("person").await;
    person.expect_all(&["!!! the server is full; try again in half a minute", "*** bye: the server is full"]).await;
    person.expect_end().await;
    let mut program = Wire::connect("program", server.address).await;
    program.send_raw(json!({"type": "hello", "alias": "program"}).to_string().as_bytes()).await;
    program.send_raw(&[b'\n'; 100_000]).await;
    let bye: serde_json::Value = serde_json::from_str(&program.line().await).unwrap();
    assert_eq!((&bye["type"], &bye["code"]), (&json!("bye"), &json!("full")));
    assert!(bye["retry_after_ms"].is_u64());
    program.expect_end().await;
    // Who leaves makes room.
    drop(alice);
    let left = bob.next("presence").await;
    assert_eq!(left["left"], json!(["alice"]));
    enter_when_there_is_room(&server, "carol").await;
    server.stop().await;
}

async fn enter_when_there_is_room(server: &TestServer, name: &str) -> TextClient {
    let until = Instant::now() + chat_tests::DEADLINE;
    loop {
        let mut client = server.dial_text(name).await;
        if client.line().await == "ALIAS?" {
            client.send_line(name).await;
            client.expect("You are now connected!").await;
            return client;
        }
        assert!(Instant::now() < until, "there is no room");
        client.rest().await;
    }
}

#[tokio::test]
async fn one_address_has_only_so_many_connections() {
    let server = TestServer::with().limits(|limits| limits.max_per_address = 2).start().await;
    let _alice = server.text("alice").await;
    let bob = server.text("bob").await;
    let mut carol = server.dial_text("carol").await;
    assert!(carol.line().await.starts_with("!!! too many connections from your address"));
    carol.expect("*** bye: too many connections from your address").await;
    carol.expect_end().await;
    drop(bob);
    enter_when_there_is_room(&server, "carol").await;
    server.stop().await;
}

#[tokio::test]
async fn a_paste_of_200_lines_arrives_whole_and_at_once() {
    // At this rate anything beyond the burst would take minutes.
    let server = TestServer::with().limits(|limits| limits.max_rate = 1).start().await;
    let mut reader = server.text("reader").await;
    let mut person = server.text("person").await;
    let paste: String = (1..=200).map(|n| format!("line {n}\n")).collect();
    person.send_raw(paste.as_bytes()).await;
    reader.expect("*** person joined the chat!").await;
    for n in 1..=200 {
        reader.expect(&format!("[12:03:22] person: line {n}")).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_longer_paste_arrives_whole_and_more_slowly() {
    let server = TestServer::with().limits(|limits| limits.max_rate = 50).start().await;
    let mut reader = server.text("reader").await;
    let mut person = server.text("person").await;
    reader.expect("*** person joined the chat!").await;
    let paste: String = (1..=300).map(|n| format!("line {n}\n")).collect();
    let began = Instant::now();
    person.send_raw(paste.as_bytes()).await;
    person.half_close().await;
    for n in 1..=300 {
        reader.expect(&format!("[12:03:22] person: line {n}")).await;
    }
    assert!(began.elapsed() > Duration::from_millis(1500), "99 lines beyond the burst at 50 a second");
    assert_eq!(person.rest().await.last().map(String::as_str), Some("*** bye: you left"));
    reader.expect("*** person left the chat.").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_joins_costs_lines_linear_in_members() {
    const PEOPLE: usize = 150;
    let server = TestServer::with().start().await;
    let mut watcher = server.json("watcher").await;
    let mut reader = server.text("reader").await;
    let began = Instant::now();
    let arriving: Vec<_> = (0..PEOPLE)
        .map(|n| {
            let address = server.address;
            tokio::spawn(async move { TextClient::enter(&format!("person{n}"), address).await })
        })
        .collect();
    let mut people = Vec::new();
    for person in arriving {
        people.push(person.await.unwrap());
    }
    let mut count = 0;
    while count < PEOPLE as u64 + 2 {
        count = watcher.next("presence").await["count"].as_u64().unwrap();
    }
    // A line in each window of a quarter of a second, to each of them.
    let windows = usize::try_from(began.elapsed().as_millis() / 250).unwrap() + 3;
    let mut lines = 0;
    for person in &mut people {
        lines += person.so_far().await.len();
    }
    assert!(lines <= windows * PEOPLE, "{lines} lines to {PEOPLE} people in {windows} windows");
    let shown = reader.so_far().await;
    assert!(shown.len() <= windows, "{shown:?}");
    assert!(shown.iter().all(|line| line.starts_with("*** ") && line.ends_with(" joined the chat!")), "{shown:?}");
    assert!(shown.iter().any(|line| line.contains(" others joined the chat!")), "{shown:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_large_room_keeps_quiet_about_who_comes_and_goes() {
    let server = TestServer::with().limits(|limits| limits.max_roster = 4).start().await;
    let mut alice = server.text("alice").await;
    let mut bot = server.json("bot").await;
    alice.expect("*** bot joined the chat!").await;
    let mut others = Vec::new();
    for name in ["c1", "c2"] {
        others.push(server.text(name).await);
        alice.expect(&format!("*** {name} joined the chat!")).await;
        assert_eq!(bot.expect_type("presence").await["joined"], json!([name]));
    }
    let mut dave = server.dial_text("dave").await;
    let greeting = dave.introduce("dave").await;
    assert!(greeting.starts_with("*** You are dave, in #lobby with "), "{greeting}");
    bot.expect_json(json!({"type": "presence", "room": "lobby", "count": 5})).await;
    let mut program = server.hello("program", json!({"type": "hello", "alias": "program"})).await;
    let joined = program.expect_type("joined").await;
    assert_eq!((&joined["count"], joined["members"].as_array().map(Vec::len)), (&json!(6), Some(4)));
    bot.expect_json(json!({"type": "presence", "room": "lobby", "count": 6})).await;
    // Of new names it hears: who speaks is known by his.
    dave.send_line("/nick david").await;
    dave.send_line("hello all").await;
    alice.expect("*** dave is now known as david").await;
    alice.expect("[12:03:22] david: hello all").await;
    dave.expect("*** dave is now known as david").await;
    assert_eq!(bot.expect_type("presence").await["renamed"], json!([{"from": "dave", "to": "david"}]));
    dave.send_line("/quit").await;
    bot.next("message").await;
    bot.expect_json(json!({"type": "presence", "room": "lobby", "count": 5})).await;
    alice.expect_nothing().await;
    // `who` pages through all of them.
    bot.send(json!({"type": "who", "room": "lobby", "id": "w"})).await;
    let who = bot.expect_type("who").await;
    assert_eq!(who["members"], json!(["alice", "bot", "c1", "c2", "program"]));
    server.stop().await;
}

#[tokio::test]
async fn the_greeting_of_a_large_room_names_a_few_and_counts_the_rest() {
    let server = TestServer::start().await;
    let mut people = Vec::new();
    for n in 10..25 {
        people.push(server.text(&format!("p{n}")).await);
    }
    let mut alice = server.dial_text("alice").await;
    let greeting = alice.introduce("alice").await;
    assert!(
        greeting.starts_with(
            "*** You are alice, in #lobby with p10, p11, p12, p13, p14, p15, p16, p17, p18 and 6 others. Times"
        ),
        "{greeting}"
    );
    server.stop().await;
}

#[tokio::test]
async fn joins_and_leaves_in_a_burst_are_merged() {
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;
    let mut people = Vec::new();
    for n in 0..5 {
        people.push(
            JsonClient::hello(&format!("p{n}"), server.address, json!({"type": "hello", "alias": format!("p{n}")}))
                .await,
        );
    }
    let mut lines = Vec::new();
    let mut joined = 0;
    while joined < 5 {
        let line = alice.line().await;
        let names =
            line.strip_prefix("*** ").and_then(|line| line.strip_suffix(" joined the chat!")).expect("people join");
        joined += names
            .replace(" and ", ", ")
            .split(", ")
            .map(|name| name.strip_suffix(" others").map_or(1, |n| n.parse().unwrap()))
            .sum::<usize>();
        lines.push(line);
    }
    assert!(lines.len() < 5, "{lines:?}");
    server.stop().await;
}

//! Private conversations of two accounts: kept, in order, waiting for whoever is away, and nobody else's.

use chat_protocol::value::Seq;
use chat_tests::{JsonClient, ServerProcess, TextClient};
use serde_json::{Value, json};

use crate::accounts::House;

const PASSWORD: &str = "correct horse";

/// A house in which these have accounts.
async fn house(names: &[&str]) -> House {
    let house = House::open().await;
    for name in names {
        house.add(name, PASSWORD);
    }
    house
}

async fn program(house: &House, alias: &str, more: Value) -> JsonClient {
    let mut hello = json!({"type": "hello", "alias": alias, "password": PASSWORD});
    hello.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    house.json(hello).await
}

fn private(to: &str, text: &str, id: &str) -> Value {
    json!({"type": "private", "to": to, "text": text, "id": id})
}

/// The seq, the text and whether it is one's own, of all that is of this type.
fn said(lines: &[Value], kind: &str) -> Vec<(u64, String, bool)> {
    let of_kind = lines.iter().filter(|line| line["type"] == kind);
    of_kind
        .map(|line| {
            let seq = line["seq"].as_u64().unwrap_or_default();
            (seq, line["text"].as_str().unwrap_or_default().to_owned(), line["own"] == true)
        })
        .collect()
}

fn lines(expected: &[(u64, &str, bool)]) -> Vec<(u64, String, bool)> {
    expected.iter().map(|(seq, text, own)| (*seq, (*text).to_owned(), *own)).collect()
}

#[tokio::test]
async fn a_private_message_between_accounts_is_kept_and_waits() {
    let house = house(&["alice", "bob"]).await;
    let mut alice = program(&house, "alice", json!({})).await;
    let ack = alice.request(private("bob", "psst", "1")).await;
    assert_eq!((&ack["room"], &ack["seq"], &ack["to"]), (&json!("@bob"), &json!(1), &json!("bob")));
    assert_eq!(ack["durable"], true);
    // Said again it is the same.
    assert_eq!(alice.request(private("bob", "psst", "1")).await, ack);
    alice.send(private("bob", "something else", "1")).await;
    assert_eq!(alice.next("error").await["room"], "@bob");
    alice.request(json!({"type": "say", "room": "@BOB", "text": "there?", "id": "2"})).await;
    assert!(said(&alice.so_far().await, "private").is_empty(), "what is said here is acked here");

    let mut bob = house.log_in("bob", PASSWORD).await;
    bob.expect("*** You missed 2 private messages with alice").await;
    bob.expect_said("alice -> you: psst").await;
    bob.expect_said("alice -> you: there?").await;
    bob.expect("*** -- now --").await;
    bob.send_line("@alice here").await;
    bob.expect_said("you -> alice: here").await;
    let heard = alice.next("private").await;
    assert_eq!(heard["seq"], 3);
    assert_eq!((&heard["room"], &heard["from"], &heard["to"]), (&json!("@bob"), &json!("bob"), &json!("alice")));
    bob.send_line("/history @alice 2").await;
    bob.expect_said("alice -> you: there?").await;
    bob.expect_said("you -> alice: here").await;
    bob.expect("*** -- now --").await;
    bob.send_line("/search @alice PSST").await;
    bob.expect_said("alice -> you: psst").await;
    bob.expect("*** -- now --").await;
    bob.send_line("/quit").await;
    bob.until("*** bye: you left").await;

    // What was taken in doesn't wait again.
    alice.request(private("bob", "last", "3")).await;
    let mut bob = house.log_in("bob", PASSWORD).await;
    bob.expect("*** You missed a private message with alice").await;
    bob.expect_said("alice -> you: last").await;
    bob.expect("*** -- now --").await;
    bob.expect_nothing().await;
}

#[tokio::test]
async fn all_sessions_of_both_ends_see_the_same_order() {
    let house = house(&["alice", "bob"]).await;
    let mut alice = [program(&house, "alice", json!({})).await, program(&house, "alice", json!({})).await];
    let mut bob = [program(&house, "bob", json!({})).await, program(&house, "bob", json!({})).await];
    for round in 0..10 {
        for (number, client) in alice.iter_mut().enumerate() {
            client.send(private("bob", &format!("a{number}"), &format!("{number}-{round}"))).await;
        }
        for (number, client) in bob.iter_mut().enumerate() {
            client.send(private("alice", &format!("b{number}"), &format!("{number}-{round}"))).await;
        }
    }
    for client in alice.iter_mut().chain(&mut bob) {
        let mut next = Seq::new(1);
        while next <= Seq::new(40) {
            let line = client.receive().await;
            if line["type"] == "private" || line["type"] == "ack" {
                assert_eq!(line["seq"], next.get(), "{line}");
                next = next.next();
            }
        }
    }
}

#[tokio::test]
async fn a_program_resumes_a_conversation_where_it_was() {
    let house = house(&["alice", "bob", "carol"]).await;
    let mut alice = program(&house, "alice", json!({})).await;
    for (text, id) in [("one", "1"), ("two", "2"), ("three", "3")] {
        alice.request(private("bob", text, id)).await;
    }
    alice.request(private("carol", "other", "4")).await;
    let mut bob = program(&house, "bob", json!({"rooms": [{"room": "lobby"}, {"room": "@alice", "after": 1}]})).await;
    let mut lines_to_bob = bob.so_far().await;
    let joined = lines_to_bob.remove(0);
    assert_eq!((&joined["room"], &joined["head"]), (&json!("@alice"), &json!(3)));
    assert_eq!(joined["members"], json!(["alice", "bob"]));
    assert_eq!(said(&lines_to_bob, "private"), lines(&[(2, "two", false), (3, "three", false)]));
    alice.request(private("bob", "four", "5")).await;
    assert_eq!(bob.next("private").await["seq"], 4);
    let session = bob.session.clone();
    bob.into_wire().close();
    alice.request(private("bob", "five", "6")).await;
    // Positions beyond the head are reset, as in any room.
    let mut bob = house.json(json!({"type": "hello", "session": session, "rooms": [{"room": "lobby"}, {"room": "@alice", "after": 4}, {"room": "@carol", "after": 9}]})).await;
    let lines_to_bob = bob.so_far().await;
    assert_eq!(said(&lines_to_bob, "private"), lines(&[(5, "five", false)]));
    let reset = lines_to_bob.iter().find(|line| line["type"] == "reset").expect("a reset");
    assert_eq!((&reset["room"], &reset["head"]), (&json!("@carol"), &json!(0)));
    bob.send(json!({"type": "history", "room": "@alice", "before": 3, "id": "h"})).await;
    let page = bob.so_far().await;
    assert_eq!(said(&page, "message"), lines(&[(1, "one", false), (2, "two", false)]));
    assert!(
        page.iter().all(|line| line["re"] == "h" && (line["type"] == "end" || line["room"] == "@alice")),
        "{page:?}"
    );
    // Nobody's own are among what he missed, and all are in his history, marked.
    alice.send(json!({"type": "history", "room": "@bob", "limit": 1, "id": "h"})).await;
    assert_eq!(said(&alice.so_far().await, "message"), lines(&[(5, "five", true)]));
}

#[tokio::test]
async fn with_a_guest_it_is_live_only() {
    let house = house(&["alice"]).await;
    let mut alice = program(&house, "alice", json!({})).await;
    let mut guest = house.text("bob").await;
    let ack = alice.request(private("bob", "psst", "1")).await;
    assert_eq!((&ack["durable"], &ack["seq"], &ack["room"]), (&json!(false), &Value::Null, &Value::Null));
    guest.expect_said("alice -> you: psst").await;
    guest.send_line("@alice what?").await;
    guest.expect_said("you -> alice: what?").await;
    assert_eq!(alice.next("private").await["seq"], Value::Null);
    for line in ["/history @alice", "/history @nobody"] {
        guest.send_line(line).await;
        let name = line.split('@').nth(1).expect("a name");
        let words = format!("!!! there is no conversation @{name}; one is kept between two people with accounts");
        guest.expect(&words).await;
    }
    guest.send_line("/quit").await;
    alice.send(private("bob", "gone?", "2")).await;
    loop {
        let line = alice.receive().await;
        if line["type"] == "error" {
            assert_eq!(line["code"], "no_such_alias");
            assert_eq!(line["message"], "no one here is called \"bob\"");
            break;
        }
        // He may not be gone yet.
        if line["type"] == "ack" {
            alice.send(private("bob", "gone?", "2")).await;
        }
    }
}

#[tokio::test]
async fn many_conversations_are_attended_one_after_the_other() {
    let names: Vec<_> = (0..20).map(|number| format!("friend{number}")).collect();
    let mut all: Vec<_> = names.iter().map(String::as_str).collect();
    all.push("alice");
    let house = house(&all).await;
    let mut alice = program(&house, "alice", json!({})).await;
    let mut friends = Vec::new();
    for name in &names {
        friends.push(program(&house, name, json!({"rooms": [{"room": "elsewhere"}]})).await);
    }
    for round in 1..=3_u64 {
        for friend in &mut friends {
            friend.request(private("alice", "psst", &round.to_string())).await;
        }
        let mut heard: Vec<_> = Vec::new();
        while heard.len() < names.len() {
            let line = alice.next("private").await;
            assert_eq!(line["seq"], round, "{line}");
            heard.push(line["from"].as_str().unwrap_or_default().to_owned());
        }
        heard.sort();
        heard.dedup();
        assert_eq!(heard.len(), names.len(), "each once");
    }
    assert!(said(&alice.so_far().await, "private").is_empty());
    alice.into_wire().close();
    for friend in &mut friends {
        friend.request(private("alice", "psst", "4")).await;
    }
    // Who comes back is shown some and told of the others.
    let mut alice = house.log_in("alice", PASSWORD).await;
    let told = alice.so_far().await;
    assert_eq!(told.iter().filter(|line| line.starts_with("*** You missed a private message with ")).count(), 10);
    let more: Vec<_> =
        told.iter().filter(|line| line.starts_with("*** You also missed private messages with ")).collect();
    assert!(matches!(more[..], [line] if line.ends_with(" and 8 others; /history @NAME shows them")), "{told:?}");
}

#[tokio::test]
async fn one_who_misses_many_is_shown_the_last_and_told_of_the_rest() {
    let house = house(&["alice", "bob"]).await;
    let mut alice = program(&house, "alice", json!({})).await;
    for number in 1..=25 {
        alice.request(private("bob", &format!("message {number}"), &number.to_string())).await;
    }
    let mut bob = house.log_in("bob", PASSWORD).await;
    bob.expect("*** You missed 25 private messages with alice; these are the last 20, /history @alice shows more")
        .await;
    for number in 6..=25 {
        bob.expect_said(&format!("alice -> you: message {number}")).await;
    }
    bob.expect("*** -- now --").await;
    // A message that he removes is gone for both.
    alice.request(json!({"type": "redact", "room": "@bob", "seq": 25, "id": "r"})).await;
    bob.expect_start("*** alice removed a message said at ").await;
    bob.send_line("/history @alice 1").await;
    bob.expect("*** -- now --").await;
}

#[tokio::test]
async fn ignored_and_muted_people_are_not_heard_in_private_either() {
    let house = house(&["alice", "bob"]).await;
    house.add_operator("olga", PASSWORD);
    let mut olga = house.log_in("olga", PASSWORD).await;
    let mut bob = house.log_in("bob", PASSWORD).await;
    let mut alice = program(&house, "alice", json!({})).await;
    bob.send_line("/ignore alice").await;
    bob.until_start("*** you don't see any more").await;
    alice.request(private("bob", "psst", "1")).await;
    bob.send_line("/unignore alice").await;
    bob.expect_start("*** you see again").await;
    olga.send_line("/mute alice").await;
    olga.until_start("*** alice is muted").await;
    alice.send(private("bob", "psst", "2")).await;
    assert_eq!(alice.next("error").await["code"], "muted");
    bob.expect_nothing().await;
}

#[tokio::test]
async fn conversations_outlive_the_server_and_so_does_what_was_read() {
    let data = tempfile::tempdir().expect("a folder");
    let server = ServerProcess::start_durable(data.path(), &[]);
    let mut alice = TextClient::enter("alice", server.address).await;
    alice.send_line("/register correct horse").await;
    alice.expect_start("*** alice is yours now").await;
    let mut bob = TextClient::enter("bob", server.address).await;
    bob.send_line("/register correct horse").await;
    bob.expect_start("*** bob is yours now").await;
    alice.expect("*** bob joined the chat!").await;
    alice.send_line("@bob one").await;
    alice.until_start("[").await;
    bob.until_start("[").await;
    bob.send_line("/quit").await;
    bob.rest().await;
    alice.expect("*** bob left the chat.").await;
    alice.send_line("@bob two").await;
    alice.expect_said("you -> bob: two").await;
    server.signal("TERM");
    assert_eq!(server.wait().1, Some(0));

    let server = ServerProcess::start_durable(data.path(), &[]);
    let mut bob = TextClient::dial("bob", server.address).await;
    bob.expect("ALIAS?").await;
    for line in ["bob", PASSWORD] {
        bob.send_line(line).await;
    }
    bob.until("*** You missed a private message with alice").await;
    bob.expect_said("alice -> you: two").await;
    bob.send_line("/rooms").await;
    assert!(bob.so_far().await.iter().all(|line| !line.contains("@@")), "no list has conversations");
}

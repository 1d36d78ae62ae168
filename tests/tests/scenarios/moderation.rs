//! What operators may do, and everybody else may not.

use chat_tests::{ServerProcess, TextClient, Wire};
use serde_json::json;

use crate::accounts::{House, account};

/// A house with an operator in it.
async fn open() -> (House, TextClient) {
    let house = House::open().await;
    house.add_operator("olga", "correct horse");
    let olga = house.log_in("olga", "correct horse").await;
    (house, olga)
}

#[tokio::test]
async fn only_operators_moderate() {
    let house = House::open().await;
    house.add("alice", "correct horse");
    let mut alice = house.log_in("alice", "correct horse").await;
    let all = [
        "/kick bob",
        "/ban bob",
        "/unban bob",
        "/bans",
        "/mute bob",
        "/unmute bob",
        "/op alice",
        "/deop bob",
        "/announce hi",
        "/whois bob",
        "/guests off",
        "/slow 30s",
        "/announce-only on",
        "/audit",
    ];
    for line in all {
        alice.send_line(line).await;
        alice.expect("!!! only operators may do that").await;
    }
    let mut guest = house.json(json!({"type": "hello", "alias": "bob"})).await;
    guest.send(json!({"type": "moderate", "do": "kick", "name": "alice", "id": "1"})).await;
    guest.expect_error("forbidden").await;
}

#[tokio::test]
async fn who_is_kicked_is_told_why_and_may_come_back() {
    let (house, mut olga) = open().await;
    let mut bob = house.text("bob").await;
    olga.expect("*** bob joined the chat!").await;
    olga.send_line("/kick bob too loud").await;
    olga.expect("*** bob is gone").await;
    bob.expect("*** bye: olga asked you to leave: too loud").await;
    bob.expect_end().await;
    olga.expect("*** bob left the chat.").await;
    house.text("bob").await;
    olga.expect("*** bob joined the chat!").await;
    olga.send_line("/kick bbo").await;
    olga.until("!!! no one here is called \"bbo\"").await;
}

#[tokio::test]
async fn who_is_muted_listens() {
    let (house, mut olga) = open().await;
    let mut bob = house.json(json!({"type": "hello", "alias": "bob"})).await;
    olga.expect("*** bob joined the chat!").await;
    olga.send_line("/mute bob 30m").await;
    olga.expect("*** bob is muted until 2026-11-22 12:33 UTC+01:00").await;
    for (request, about) in [
        (json!({"type": "say", "room": "lobby", "text": "hi", "id": "1"}), "a message"),
        (json!({"type": "private", "to": "olga", "text": "hi", "id": "1"}), "a private message"),
        (json!({"type": "topic", "room": "lobby", "text": "hi", "id": "1"}), "a topic"),
        (json!({"type": "nick", "alias": "not-muted", "id": "1"}), "a name"),
    ] {
        bob.send(request).await;
        assert_eq!(bob.expect_error("muted").await["retry_after_ms"], json!(1_800_000), "{about}");
    }
    olga.send_line("still heard").await;
    assert_eq!(bob.next("message").await["text"], "still heard");
    olga.send_line("/unmute bob").await;
    olga.expect("*** bob is no longer muted").await;
    let answer = bob.request(json!({"type": "say", "room": "lobby", "text": "hi", "id": "2"})).await;
    assert_eq!(answer["type"], "ack");
}

#[tokio::test]
async fn who_may_not_speak_says_nothing_by_other_ways_either() {
    let (house, mut olga) = open().await;
    house.add("alice", "correct horse");
    let hello = json!({"type": "hello", "alias": "alice", "password": "correct horse", "rooms": [{"room": "buy-now"}]});
    let mut alice = house.json(hello).await;
    alice.request(json!({"type": "make_private", "room": "buy-now", "id": "p"})).await;
    for (line, quits) in
        [("/mute bob", true), ("/announce-only on", true), ("/unmute bob", true), ("/announce-only off", false)]
    {
        olga.send_line(line).await;
        let mut bob = house.text("bob").await;
        olga.until("*** bob joined the chat!").await;
        bob.send_line("/quit buy now").await;
        olga.expect(if quits { "*** bob left the chat." } else { "*** bob left the chat. (buy now)" }).await;
    }
    let mut eve = house.json(json!({"type": "hello", "alias": "eve"})).await;
    for line in ["/mute alice", "/announce-only on"] {
        olga.send_line(line).await;
    }
    olga.until("*** operators alone speak").await;
    alice.send(json!({"type": "invite", "room": "buy-now", "name": "olga", "id": "i"})).await;
    assert_eq!(alice.next("error").await["code"], "muted");
    eve.send(json!({"type": "nick", "alias": "buy-now", "id": "n"})).await;
    eve.expect_error("forbidden").await;
}

#[tokio::test]
async fn what_was_said_before_a_mute_is_said_though_it_is_sent_again() {
    let (house, mut olga) = open().await;
    let mut bob = house.json(json!({"type": "hello", "alias": "bob"})).await;
    let say = |id: &str, text: &str| json!({"type": "say", "room": "lobby", "text": text, "id": id});
    assert_eq!(bob.request(say("1", "hello")).await["seq"], 1);
    olga.send_line("/mute bob").await;
    olga.until_start("*** bob is muted").await;
    // His client has seen no ack, and doesn't know better.
    assert_eq!(bob.request(say("1", "hello")).await["seq"], 1);
    bob.send(say("1", "something else")).await;
    bob.expect_error("id_conflict").await;
    bob.send(say("2", "more")).await;
    assert_eq!(bob.expect_error("muted").await["id"], "2");
    bob.send(json!({"type": "say", "room": "lobby", "text": "more"})).await;
    bob.expect_error("muted").await;
    bob.send(json!({"type": "history", "room": "lobby", "id": "h"})).await;
    assert_eq!((&bob.receive().await["text"], &bob.receive().await["type"]), (&json!("hello"), &json!("end")));
}

#[tokio::test]
async fn nobody_takes_the_name_of_somebody_banned_or_muted() {
    let (house, mut olga) = open().await;
    let mut eve = house.json(json!({"type": "hello", "alias": "eve"})).await;
    olga.expect("*** eve joined the chat!").await;
    for (line, name, words) in [
        ("/ban mallory", "mallory", "mallory is banned for good"),
        ("/ban mallory", "MALLORY", "MALLORY is banned for good"),
        ("/mute bob", "bob", "bob is muted for good"),
    ] {
        olga.send_line(line).await;
        olga.until_start("*** ").await;
        eve.send(json!({"type": "nick", "alias": name, "id": "n"})).await;
        assert_eq!(eve.expect_error("forbidden").await["message"], words);
    }
    olga.send_line("/unban mallory").await;
    olga.until("*** mallory is no longer banned").await;
    eve.request(json!({"type": "nick", "alias": "mallory", "id": "n"})).await;
}

#[tokio::test]
async fn guests_stay_out_while_they_may_not_come_in() {
    let (house, mut olga) = open().await;
    house.add("alice", "correct horse");
    let mut inside = house.json(json!({"type": "hello", "alias": "inside"})).await;
    olga.send_line("/guests off").await;
    olga.until("*** guests can't come in").await;
    let mut bob = house.dial().await;
    bob.send_line("bob").await;
    bob.expect("!!! only people with an account can come in just now").await;
    bob.expect("ALIAS?").await;
    house.log_in("alice", "correct horse").await;
    let answer = inside.request(json!({"type": "say", "room": "lobby", "text": "still here", "id": "1"})).await;
    assert_eq!(answer["type"], "ack", "who is here stays");
    // A held session is a guest's too.
    let mut again = house.dial_json().await;
    again.send(json!({"type": "hello", "session": inside.session})).await;
    again.expect_error("forbidden").await;
    olga.send_line("/guests on").await;
    olga.until("*** guests may come in").await;
    again.say_hello(json!({"type": "hello", "session": inside.session})).await;
    bob.send_line("bob").await;
    bob.expect("You are now connected!").await;
}

#[tokio::test]
async fn a_big_event_is_slow_or_only_listens() {
    let (house, mut olga) = open().await;
    house.add("bob", "correct horse");
    let mut bob = house.log_in("bob", "correct horse").await;
    olga.expect("*** bob joined the chat!").await;
    olga.send_line("/slow 30s").await;
    olga.expect("*** slow: a message in 30 s").await;
    let mut guest = house.json(json!({"type": "hello", "alias": "guest"})).await;
    olga.expect("*** guest joined the chat!").await;
    guest.send(json!({"type": "say", "room": "lobby", "text": "again?", "id": "1"})).await;
    guest.expect_error("limit").await;
    guest.send(json!({"type": "quit"})).await;
    guest.rest_json().await;
    olga.expect("*** guest left the chat.").await;
    bob.until("*** guest left the chat.").await;
    bob.send_line("one").await;
    olga.expect_said("bob: one").await;
    bob.send_line("two").await;
    bob.expect_start("!!! everybody has one message in 30 s; yours is in ").await;
    olga.send_line("operators").await;
    olga.send_line("don't wait").await;
    bob.expect_said("olga: operators").await;
    bob.expect_said("olga: don't wait").await;
    olga.send_line("/slow off").await;
    olga.expect("*** slow off").await;
    olga.send_line("/announce-only on").await;
    olga.expect("*** operators alone speak").await;
    bob.send_line("three").await;
    bob.expect("!!! only operators speak just now").await;
    bob.send_line("@olga may I?").await;
    bob.expect_said("you -> olga: may I?").await;
    olga.expect_said("bob -> you: may I?").await;
    olga.send_line("/announce-only off").await;
    olga.expect("*** everybody may speak").await;
    bob.send_line("four").await;
    olga.expect_said("bob: four").await;
}

#[tokio::test]
async fn an_announcement_reaches_every_room() {
    let (house, mut olga) = open().await;
    let mut bob = house.text("bob").await;
    bob.send_line("/join ops").await;
    bob.expect("*** You made #ops; nobody else is here.").await;
    let mut bot = house.json(json!({"type": "hello", "alias": "bot", "rooms": [{"room": "far"}]})).await;
    olga.send_line("/announce doors close at ten").await;
    olga.until("*** olga announces: doors close at ten").await;
    bob.expect("*** olga announces: doors close at ten").await;
    let said = bot.next("announcement").await;
    assert_eq!((&said["from"], &said["text"]), (&json!("olga"), &json!("doors close at ten")));
}

#[tokio::test]
async fn operators_make_operators_and_all_is_on_record() {
    let (house, mut olga) = open().await;
    house.add("alice", "correct horse");
    let mut alice = house.log_in("alice", "correct horse").await;
    olga.expect("*** alice joined the chat!").await;
    olga.send_line("/op bob").await;
    olga.expect("!!! bob has no account, which an operator needs").await;
    olga.send_line("/op alice").await;
    olga.expect("*** alice is an operator now").await;
    alice.send_line("/whois olga").await;
    alice.expect("*** olga is an operator, made on 1970-01-01").await;
    alice.expect("***   from 127.0.0.1, for 0 min").await;
    alice.send_line("/deop olga").await;
    alice.expect("*** olga is no operator any more").await;
    olga.send_line("/audit").await;
    olga.expect("!!! only operators may do that").await;
    alice.send_line("/audit").await;
    alice.expect("*** 1. 2026-11-22 12:03 UTC+01:00 olga: alice is an operator now").await;
    alice.expect("*** 2. 2026-11-22 12:03 UTC+01:00 alice: whois olga").await;
    alice.expect("*** 3. 2026-11-22 12:03 UTC+01:00 alice: olga is no operator any more").await;
    alice.send_line("/bans").await;
    alice.expect("*** nobody is banned or muted").await;
}

#[tokio::test]
async fn lists_of_operators_fit_into_lines() {
    let house = House::open().await;
    house.add_operator("olga", "correct horse");
    let mut olga = house.json(json!({"type": "hello", "alias": "olga", "password": "correct horse"})).await;
    // What JSON makes twice as long.
    let (words, reason) = ("\"".repeat(8000), "\"".repeat(250));
    for n in 0..110 {
        olga.request(json!({"type": "moderate", "do": "announce", "text": words, "id": "1"})).await;
        let ban =
            json!({"type": "moderate", "do": "ban", "target": format!("192.0.2.{n}"), "reason": reason, "id": "2"});
        olga.request(ban).await;
    }
    for (list, entries, from, first, all) in
        [("audit", "entries", "before", 999, 220), ("bans", "bans", "after", 0, 110)]
    {
        let (mut from_number, mut seen) = (first, 0);
        loop {
            olga.send(json!({"type": "moderate", "do": list, from: from_number, "limit": 100, "id": "l"})).await;
            let page = olga.next(list).await;
            assert!(page.to_string().len() < 64 * 1024, "{list}: {} bytes", page.to_string().len());
            let page_entries = page[entries].as_array().expect("entries");
            seen += page_entries.len();
            from_number = page_entries.last().expect("one at least")["number"].as_u64().expect("a number");
            if page["more"] == false {
                break;
            }
        }
        assert_eq!(seen, all, "{list}");
    }
}

#[tokio::test]
async fn a_house_without_addresses_shows_none() {
    let data = tempfile::tempdir().expect("a folder");
    let file = data.path().join("password").display().to_string();
    std::fs::write(&file, "correct horse").expect("written");
    let made = account(data.path(), &["add", "olga", "--operator", "--password-file", &file]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let server = ServerProcess::start_durable(data.path(), &["--log-addresses", "off", "--max-per-address", "3"]);
    let mut stranger = Wire::connect("browser", server.address).await;
    stranger.send_raw(b"GET / HTTP/1.1\r\n\r\n").await;
    stranger.rest_raw().await;
    let mut olga = TextClient::dial("olga", server.address).await;
    olga.send_line("olga").await;
    olga.send_line("a wrong guess").await;
    olga.send_line("olga").await;
    olga.send_line("correct horse").await;
    olga.until_start("*** You are olga").await;
    let _bob = TextClient::enter("bob", server.address).await;
    olga.until("*** bob joined the chat!").await;
    let _full = TextClient::dial("carol", server.address).await;
    let mut dave = TextClient::dial("dave", server.address).await;
    dave.until_start("*** bye: too many").await;
    olga.send_line("/whois bob").await;
    olga.expect("*** bob is a guest").await;
    olga.expect("***   from an address that isn't kept, for 0 min").await;
    olga.send_line("/ban 192.0.2.7").await;
    olga.expect_start("*** 192.0.2.7 is banned for good").await;
    olga.send_line("/unban 192.0.2.7").await;
    olga.expect_start("*** 192.0.2.7 is no longer banned").await;
    olga.send_line("/ban bob").await;
    olga.expect("*** bob is banned for good; 1 connection closed").await;
    olga.send_line("/audit").await;
    let audit = olga.until_start("*** 5. ").await;
    assert!(audit.ends_with("olga: ban bob for good"), "{audit}");
    server.signal("TERM");
    let log = server.wait().2;
    assert!(log.contains("login refused") && log.contains("turned away") && log.contains("Http"), "{log}");
    assert!(!log.contains("127.0.0.1") && !log.contains("192.0.2."), "{log}");
    let db = std::fs::read(data.path().join("accounts.db")).expect("the book");
    assert!(!db.windows(9).any(|bytes| bytes == b"192.0.2.7"), "nor in the file");
}

#[tokio::test]
async fn programs_moderate_with_messages() {
    let house = House::open().await;
    house.add_operator("olga", "correct horse");
    let mut olga = house.json(json!({"type": "hello", "alias": "olga", "password": "correct horse"})).await;
    for request in [
        json!({"type": "moderate", "do": "ban", "target": "2001:db8::1", "seconds": 60, "reason": "spam", "id": "1"}),
        json!({"type": "moderate", "do": "mute", "name": "eve", "id": "2"}),
        json!({"type": "moderate", "do": "slow", "seconds": 0, "id": "3"}),
    ] {
        let id = request["id"].clone();
        olga.send(request).await;
        olga.expect_json(json!({"type": "ack", "id": id})).await;
    }
    olga.send(json!({"type": "moderate", "do": "bans", "id": "4"})).await;
    let (time, until) = ("2026-11-22T11:03:22.120Z", "2026-11-22T11:04:22.120Z");
    let ban = json!({"number": 1, "kind": "ban", "target": "2001:db8::/64", "until": until, "reason": "spam", "by": "olga", "time": time});
    let mute = json!({"number": 2, "kind": "mute", "target": "eve", "by": "olga", "time": time});
    olga.expect_json(json!({"type": "bans", "bans": [ban, mute], "re": "4", "more": false})).await;
    olga.send(json!({"type": "moderate", "do": "audit", "limit": 1, "id": "5"})).await;
    let entry = json!({"number": 3, "time": time, "by": "olga", "what": "slow off"});
    olga.expect_json(json!({"type": "audit", "entries": [entry], "re": "5", "more": true})).await;
    olga.send(json!({"type": "moderate", "do": "whois", "name": "nobody", "id": "6"})).await;
    olga.expect_error("no_such_alias").await;
    olga.send(json!({"type": "moderate", "do": "dance", "id": "7"})).await;
    olga.expect_error("bad_field").await;
}

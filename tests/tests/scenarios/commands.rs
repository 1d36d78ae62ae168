//! Every line of the table of commands.

use chat_tests::{TestServer, TextClient};

async fn alice_and_bob() -> (TestServer, TextClient, TextClient) {
    let server = TestServer::start().await;
    let mut alice = server.text("alice").await;
    let bob = server.text("bob").await;
    alice.expect("*** bob joined the chat!").await;
    (server, alice, bob)
}

#[tokio::test]
async fn what_is_said_is_shown_to_the_others_and_not_to_its_speaker() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    bob.send_line("hello").await;
    bob.send_line("").await;
    bob.send_line("   ").await;
    bob.send_line("  indented").await;
    bob.send_raw(b"with a carriage return\r\n").await;
    alice.expect("[12:03:22] bob: hello").await;
    alice.expect("[12:03:22] bob:   indented").await;
    alice.expect("[12:03:22] bob: with a carriage return").await;
    alice.expect_nothing().await;
    bob.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn private_messages_reach_their_two_ends_alone() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    let mut carol = server.text("carol").await;
    alice.expect("*** carol joined the chat!").await;
    bob.expect("*** carol joined the chat!").await;
    for line in
        ["@alice psst", "@alice: psst", "/msg alice psst", "  @alice psst", "\t/msg  alice  psst", "@Alice psst"]
    {
        bob.send_line(line).await;
        alice.expect("[12:03:22] bob -> you: psst").await;
        bob.expect("[12:03:22] you -> alice: psst").await;
    }
    for (line, error) in [
        ("@bbo psst", "!!! no one here is called \"bbo\""),
        ("/msg bbo psst", "!!! no one here is called \"bbo\""),
        ("@\u{1b}[2J x", "!!! no one here is called \"\u{fffd}[2J\""),
        ("@alice", "!!! a private message needs a name and a text: @bob hello"),
        ("@", "!!! a private message needs a name and a text: @bob hello"),
        ("/msg alice", "!!! a private message needs a name and a text: /msg bob hello"),
        ("/msg", "!!! a private message needs a name and a text: /msg bob hello"),
    ] {
        bob.send_line(line).await;
        bob.expect(error).await;
    }
    carol.expect_nothing().await;
    alice.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn a_blank_before_a_command_publishes_nothing() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    for blank in [" ", "   ", "\t", "\u{a0}", "\u{3000}", "\u{feff}", "\u{200b}", " \u{200e}"] {
        bob.send_line(&format!("{blank}/msg nobody the secret")).await;
        bob.expect("!!! no one here is called \"nobody\"").await;
        bob.send_line(&format!("{blank}@nobody the secret")).await;
        bob.expect("!!! no one here is called \"nobody\"").await;
    }
    alice.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn doubled_signs_say_them_once() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    for (line, said) in [
        ("//etc/hosts", "/etc/hosts"),
        ("@@alice is here", "@alice is here"),
        ("  //etc", "/etc"),
        ("///", "//"),
        ("a/b @c", "a/b @c"),
    ] {
        bob.send_line(line).await;
        alice.expect(&format!("[12:03:22] bob: {said}")).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn actions() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    bob.send_line("/me waves").await;
    alice.expect("[12:03:22] * bob waves").await;
    bob.send_line("/ME waves back").await;
    alice.expect("[12:03:22] * bob waves back").await;
    bob.send_line("/me").await;
    bob.expect("!!! /me needs to know what you do: /me waves").await;
    alice.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn unknown_commands_are_not_said_aloud() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    bob.send_line("/foo my password").await;
    bob.expect("!!! unknown command /foo; /help lists the commands").await;
    bob.send_line("/\u{1b}]0;x\u{7} y").await;
    bob.expect("!!! unknown command /\u{fffd}]0;x\u{fffd}; /help lists the commands").await;
    alice.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn help_names_every_command() {
    let (server, _alice, mut bob) = alice_and_bob().await;
    bob.send_line("/help").await;
    let help = bob.so_far().await;
    assert!(help.iter().all(|line| line.starts_with("*** ")), "{help:?}");
    let all = help.join("\n");
    for command in [
        "@bob",
        "/msg",
        "/me",
        "/nick",
        "/who",
        "/rooms",
        "/join",
        "/history",
        "/search",
        "/topic",
        "/ignore",
        "/unignore",
        "/help",
        "/quit",
        "//text",
        "@@text",
    ] {
        assert!(all.contains(command), "{command} is not in {all}");
    }
    server.stop().await;
}

#[tokio::test]
async fn rooms_are_made_moved_to_and_listed() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    bob.send_line("/join #ops").await;
    bob.expect("*** You made #ops; nobody else is here.").await;
    alice.expect("*** bob left the chat.").await;
    bob.send_line("deploying").await;
    bob.send_line("/join ops").await;
    bob.expect("*** You are in #ops; nobody else is here.").await;
    alice.send_line("/rooms").await;
    alice.expect_all(&["*** #lobby (1)", "*** #ops (1)"]).await;
    alice.send_line("/join Ops").await;
    alice.expect("*** You are in #ops with bob.").await;
    alice.expect_all(&["[12:03:22] bob: deploying", "*** -- now --"]).await;
    bob.expect("*** alice joined the chat!").await;
    bob.send_line("/who").await;
    bob.expect("*** 2 in #ops: alice, bob").await;
    bob.send_line("/join a b").await;
    assert!(bob.line().await.starts_with("!!! a space cannot be in a name"));
    bob.send_line("/join").await;
    bob.expect("!!! /join needs a room: /join ops").await;
    bob.send_line("/join \u{43e}ps").await;
    assert!(bob.line().await.starts_with("!!! "));
    // What was said before the move stays in the room it was said in.
    bob.send_line("last words in ops").await;
    bob.send_line("/join lobby").await;
    bob.send_line("back").await;
    bob.expect("*** You are in #lobby; nobody else is here.").await;
    alice.expect_all(&["[12:03:22] bob: last words in ops", "*** bob left the chat."]).await;
    alice.expect_nothing().await;
    bob.expect_nothing().await;
    server.stop().await;
}

#[tokio::test]
async fn moving_about_while_talking_costs_no_line() {
    let server = TestServer::with().unhurried().start().await;
    let mut listener = server.json("listener").await;
    let join = serde_json::json!({"type": "join", "room": "ops", "id": "j"});
    listener.request(join).await;
    let mut walker = server.text("walker").await;
    let mut lines = String::new();
    for turn in 0..200 {
        lines += &format!("/join {}\nturn {turn}\n", if turn % 2 == 0 { "ops" } else { "lobby" });
    }
    walker.send_raw(lines.as_bytes()).await;
    let mut next = [("lobby", 1), ("ops", 0)];
    for _ in 0..200 {
        let message = listener.next("message").await;
        let (_, turn) = next.iter_mut().find(|(room, _)| message["room"] == *room).expect("one of the two rooms");
        assert_eq!(message["text"], format!("turn {turn}"), "in {}", message["room"]);
        *turn += 2;
    }
    server.stop().await;
}

#[tokio::test]
async fn history_comes_in_pages() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    bob.send_line("/history").await;
    bob.expect("*** nothing was said here yet").await;
    for n in 1..=60 {
        bob.send_line(&format!("message {n}")).await;
    }
    alice.until("[12:03:22] bob: message 60").await;
    let page = |first: u32| -> Vec<String> {
        let messages = (first..=60).map(|n| format!("[12:03:22] bob: message {n}"));
        messages.chain(["*** -- now --".to_owned()]).collect()
    };
    for (line, first) in [("/history", 11), ("/history 3", 58), ("/history 500", 1)] {
        bob.send_line(line).await;
        assert_eq!(bob.until("*** -- now --").await, page(first), "{line}");
    }
    for (line, shown) in
        [("/history 0", "0"), ("/history 501", "501"), ("/history -1", "-1"), ("/history x\u{1b}", "x\u{fffd}")]
    {
        bob.send_line(line).await;
        bob.expect(&format!("!!! /history takes a number from 1 to 500, not \"{shown}\"")).await;
    }
    let mut carol = server.text("carol").await;
    assert_eq!(carol.until("*** -- now --").await, page(11));
    server.stop().await;
}

#[tokio::test]
async fn search_finds_messages_with_all_the_words() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    for line in ["lunch on friday?", "no, on Monday", "Friday is fine for LUNCH"] {
        bob.send_line(line).await;
        alice.expect_said(&format!("bob: {line}")).await;
    }
    alice.send_line("/search friday lunch").await;
    alice
        .expect_all(&["[12:03:22] bob: lunch on friday?", "[12:03:22] bob: Friday is fine for LUNCH", "*** -- now --"])
        .await;
    alice.send_line("/search sunday").await;
    alice.expect("*** nothing found for \"sunday\"").await;
    alice.send_line("/search").await;
    alice.expect("!!! /search needs words: /search lunch friday").await;
    server.stop().await;
}

#[tokio::test]
async fn topics_are_shown_set_and_cleared() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    bob.send_line("/topic").await;
    bob.expect("*** No topic is set; /topic TEXT sets one.").await;
    bob.send_line("/topic lunch at\tnoon\u{1b}").await;
    for client in [&mut alice, &mut bob] {
        client.expect("*** bob set the topic: lunch at noon\u{fffd}").await;
    }
    alice.send_line("/topic").await;
    alice.expect("*** The topic is: lunch at noon\u{fffd}").await;
    let mut carol = server.text("carol").await;
    carol.expect("*** The topic is: lunch at noon\u{fffd}").await;
    alice.expect("*** carol joined the chat!").await;
    alice.send_line(&format!("/topic {}", "x".repeat(1025))).await;
    alice.expect("!!! the topic has 1025 bytes; at most 1024 are allowed").await;
    server.stop().await;
}

#[tokio::test]
async fn whom_one_ignores_one_does_not_hear() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    let mut carol = server.text("carol").await;
    alice.expect("*** carol joined the chat!").await;
    bob.expect("*** carol joined the chat!").await;
    alice.send_line("/ignore Bob").await;
    alice.expect("*** you don't see any more what Bob says; /unignore Bob ends this").await;
    bob.send_line("buy now").await;
    bob.send_line("@alice buy now").await;
    bob.expect_said("you -> alice: buy now").await;
    carol.expect_said("bob: buy now").await;
    carol.send_line("bob again").await;
    alice.expect_said("carol: bob again").await;
    for line in ["/history", "/search now", "/join lobby"] {
        alice.send_line(line).await;
        let lines = alice.so_far().await;
        assert!(!lines.iter().any(|line| line.contains("buy now")), "{line}: {lines:?}");
    }
    alice.send_line("/unignore bob").await;
    alice.expect("*** you see again what bob says").await;
    bob.send_line("sorry").await;
    alice.expect_said("bob: sorry").await;
    alice.send_line("/unignore bob").await;
    alice.expect("!!! you don't ignore bob").await;
    alice.send_line("/ignore").await;
    alice.expect("!!! /ignore needs a name: /ignore bob").await;
    // A new name is no way around it.
    alice.send_line("/ignore bob").await;
    alice.expect("*** you don't see any more what bob says; /unignore bob ends this").await;
    bob.send_line("/nick robert").await;
    alice.expect("*** bob is now known as robert").await;
    bob.send_line("buy more").await;
    bob.send_line("@alice buy more").await;
    bob.until("[12:03:22] you -> alice: buy more").await;
    carol.until("[12:03:22] robert: buy more").await;
    carol.send_line("robert again").await;
    alice.expect_said("carol: robert again").await;
    server.stop().await;
}

#[tokio::test]
async fn quitting_says_why() {
    let (server, mut alice, mut bob) = alice_and_bob().await;
    bob.send_line(&format!("/quit to\tlunch\u{1b}[2J{}", "é".repeat(200))).await;
    bob.expect("*** bye: you left").await;
    bob.expect_end().await;
    let line = alice.line().await;
    assert!(line.starts_with("*** bob left the chat. (to lunch\u{fffd}[2Jéé") && line.len() < 320, "{line}");
    let mut bob = server.text("bob").await;
    alice.expect("*** bob joined the chat!").await;
    bob.send_line("/quit").await;
    alice.expect("*** bob left the chat.").await;
    server.stop().await;
}

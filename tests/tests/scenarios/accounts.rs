//! Aliases that have an owner.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chat_protocol::names::Alias;
use chat_protocol::value::{Password, Time};
use chat_server::accounts::{Accounts, Authenticator as _};
use chat_server::log::AuthorId;
use chat_tests::{Ended, Figures, JsonClient, ServerProcess, TestServer, TextClient};
use serde_json::{Value, json};

/// A server, and its accounts to be made without a session.
pub(crate) struct House {
    server: TestServer,
    accounts: Arc<Accounts>,
}

impl House {
    pub(crate) async fn open() -> Self {
        let accounts = Arc::new(Accounts::default());
        let server = TestServer::with().metrics().authenticator(accounts.clone()).start().await;
        Self { server, accounts }
    }

    pub(crate) fn figures(&self) -> Figures {
        self.server.figures()
    }

    pub(crate) fn add(&self, name: &str, password: &str) -> AuthorId {
        let mut id = [0; 16];
        id[..name.len()].copy_from_slice(name.as_bytes());
        let alias = Alias::new(name).expect("an alias");
        let made = self.accounts.register(AuthorId(id), &alias, &Password::new(password), Time::from_millis(0));
        made.expect("an account").id
    }

    pub(crate) fn add_operator(&self, name: &str, password: &str) {
        let id = self.add(name, password);
        self.accounts.set_operator(id, true).expect("an operator");
    }

    /// Somebody who was asked for an alias.
    pub(crate) async fn dial(&self) -> TextClient {
        let mut client = self.server.dial_text("somebody").await;
        client.expect("ALIAS?").await;
        client
    }

    /// A program that has not said hello.
    pub(crate) async fn dial_json(&self) -> JsonClient {
        self.server.dial_json("program").await
    }

    /// A guest in the lobby.
    pub(crate) async fn text(&self, alias: &str) -> TextClient {
        self.server.text(alias).await
    }

    /// The owner of an account, in the lobby.
    pub(crate) async fn log_in(&self, alias: &str, password: &str) -> TextClient {
        let mut client = self.dial().await;
        client.send_line(alias).await;
        client.expect("PASSWORD?").await;
        client.send_line(password).await;
        client.expect("You are now connected!").await;
        client.expect_start(&format!("*** You are {alias}, in #lobby")).await;
        client
    }

    /// A program in the lobby.
    pub(crate) async fn json(&self, hello: Value) -> JsonClient {
        let mut client = self.server.hello("program", hello).await;
        client.expect_type("joined").await;
        client
    }
}

/// `chat-server account …` on a data folder.
pub(crate) fn account(data: &Path, arguments: &[&str]) -> Ended {
    let mut command = ServerProcess::command();
    command.arg("--data").arg(data).arg("account").args(arguments);
    ServerProcess::run_to_end(command)
}

async fn log_in_at(address: SocketAddr, alias: &str, password: &str) -> TextClient {
    let mut client = TextClient::dial(alias, address).await;
    client.expect("ALIAS?").await;
    client.send_line(alias).await;
    client.expect("PASSWORD?").await;
    client.send_line(password).await;
    client.expect("You are now connected!").await;
    client.expect_start(&format!("*** You are {alias}, in #lobby")).await;
    client
}

#[tokio::test]
async fn the_first_operator_is_made_beside_a_running_server_and_all_outlives_it() {
    let data = tempfile::tempdir().expect("a folder");
    let file = data.path().join("password").display().to_string();
    std::fs::write(&file, "correct horse\nnot this\n").expect("written");
    let server = ServerProcess::start_durable(data.path(), &[]);
    let made = account(data.path(), &["add", "olga", "--operator", "--password-file", &file]);
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), "olga has an account now, an operator's\n"));
    let again = account(data.path(), &["add", "OLGA", "--password-file", &file]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(2), "chat-server: OLGA has an account already\n"));
    // Until the server has looked, the alias is a guest's to take; so this asks until it no longer is.
    let begun = Instant::now();
    loop {
        let mut client = TextClient::dial("olga", server.address).await;
        client.expect("ALIAS?").await;
        client.send_line("olga").await;
        if client.line().await == "PASSWORD?" {
            break;
        }
        assert!(begun.elapsed().as_secs() < 20, "the server doesn't notice");
    }
    let mut olga = log_in_at(server.address, "olga", "correct horse").await;
    olga.send_line("/ban 192.0.2.7 7d spam").await;
    olga.until_start("*** 192.0.2.7 is banned until ").await;

    // A password that was forgotten: what was open with the old one is closed.
    std::fs::write(&file, "battery staple").expect("written");
    let changed = account(data.path(), &["passwd", "olga", "--password-file", &file]);
    assert_eq!((changed.code, changed.stderr.as_str()), (Some(0), "olga has a new password, and no sessions\n"));
    olga.until_start("*** bye: your account's password was changed").await;

    server.signal("TERM");
    assert_eq!(server.wait().1, Some(0));
    let server = ServerProcess::start_durable(data.path(), &[]);
    let mut olga = log_in_at(server.address, "olga", "battery staple").await;
    olga.send_line("/bans").await;
    let ban = olga.until_start("*** 192.0.2.7 is banned until ").await;
    assert!(ban.ends_with(" by olga (spam)"), "{ban}");
    let off = account(data.path(), &["operator", "olga", "--off"]);
    assert_eq!((off.code, off.stderr.as_str()), (Some(0), "olga is no operator any more\n"));
    let missing = account(data.path(), &["passwd", "nobody", "--password-file", &file]);
    assert_eq!(missing.code, Some(2));
    // Where no terminal is there to ask for a password, what is suggested takes it from a file.
    let add = "chat-server account add nobody --password-file FILE";
    assert_eq!(missing.stderr, format!("chat-server: nobody has no account; `{add}` makes one\n"));
}

#[tokio::test]
async fn a_registered_alias_takes_its_password() {
    let house = House::open().await;
    let mut alice = house.text("alice").await;
    alice.send_line("/register correct horse").await;
    alice.expect("*** alice is yours now: from here on it takes your password").await;

    let mut second = house.dial().await;
    second.send_line("Alice").await;
    second.expect("PASSWORD?").await;
    second.send_line("wrong horse").await;
    second.expect("!!! that is not the password of that alias; the alias first, then the password").await;
    second.expect("ALIAS?").await;
    second.send_line("ALICE").await;
    second.expect("PASSWORD?").await;
    second.send_line("").await;
    second.expect("!!! no password, no login").await;
    second.expect("ALIAS?").await;
    second.send_line("aIice").await;
    second.expect("!!! aIice is taken; aIice2 is free").await;
    second.expect("ALIAS?").await;
    second.send_line("alice").await;
    second.expect("PASSWORD?").await;
    second.send_line("correct horse").await;
    second.expect("You are now connected!").await;
    second.expect_start("*** You are alice, in #lobby").await;
    alice.send_line("/who").await;
    alice.expect("*** 1 in #lobby: alice").await;
}

#[tokio::test]
async fn a_program_logs_in_with_its_password_or_its_session() {
    let house = House::open().await;
    let mut bot = house.json(json!({"type": "hello", "alias": "bot"})).await;
    bot.send(json!({"type": "register", "password": "correct horse", "id": "r"})).await;
    bot.expect_json(json!({"type": "ack", "id": "r"})).await;

    let mut other = house.dial_json().await;
    for (hello, says) in [
        (json!({"type": "hello", "alias": "bot"}), "bot is an account's alias, and takes its password"),
        (json!({"type": "hello", "alias": "bot", "password": "wrong horse"}), "that is not the password of that alias"),
        (
            json!({"type": "hello", "alias": "nobody", "password": "correct horse"}),
            "that is not the password of that alias",
        ),
    ] {
        other.send(hello).await;
        other.expect_json(json!({"type": "error", "code": "wrong_password", "message": says})).await;
    }
    other.send(json!({"type": "hello", "alias": "BOT", "password": "correct horse"})).await;
    let welcome = other.receive().await;
    assert_eq!((&welcome["type"], &welcome["alias"]), (&json!("welcome"), &json!("bot")));

    // A session of the account needs no password.
    drop(other);
    let mut again = house.dial_json().await;
    again.send(json!({"type": "hello", "session": welcome["session"]})).await;
    assert_eq!(again.receive().await["alias"], "bot");
}

#[tokio::test]
async fn what_was_said_as_a_guest_stays_ones_own() {
    let house = House::open().await;
    let mut alice = house.json(json!({"type": "hello", "alias": "alice"})).await;
    alice.send(json!({"type": "say", "room": "lobby", "text": "hello", "id": "1"})).await;
    let ack = alice.receive().await;
    assert_eq!(ack["seq"], 1);
    alice.send(json!({"type": "register", "password": "correct horse", "id": "r"})).await;
    alice.expect_json(json!({"type": "ack", "id": "r"})).await;
    alice.send(json!({"type": "say", "room": "lobby", "text": "hello", "id": "1"})).await;
    assert_eq!(alice.receive().await, ack, "a repeat, not a second message");

    let phone = json!({"type": "hello", "alias": "alice", "password": "correct horse"});
    let mut phone = house.json(phone).await;
    let message = phone.receive().await;
    assert_eq!((&message["seq"], &message["own"]), (&json!(1), &json!(true)));
    phone.send(json!({"type": "say", "room": "lobby", "text": "hello", "id": "1"})).await;
    assert_eq!(phone.receive().await, ack, "message ids are the account's");
}

#[tokio::test]
async fn several_sessions_of_an_account_are_one_person() {
    let house = House::open().await;
    let mut laptop = house.text("alice").await;
    laptop.send_line("/register correct horse").await;
    laptop.expect_start("*** alice is yours now").await;
    let mut bob = house.text("bob").await;
    laptop.expect("*** bob joined the chat!").await;

    let mut phone = house.log_in("alice", "correct horse").await;
    bob.send_line("@alice psst").await;
    bob.expect_said("you -> alice: psst").await;
    laptop.expect_said("bob -> you: psst").await;
    phone.expect_said("bob -> you: psst").await;
    phone.send_line("@bob what?").await;
    phone.expect_said("you -> bob: what?").await;
    bob.expect_said("alice -> you: what?").await;
    laptop.expect_said("you -> bob: what?").await;

    phone.send_line("from the phone").await;
    laptop.expect_said("alice: from the phone").await;
    bob.expect_said("alice: from the phone").await;
    // Neither the phone's coming nor its going is one of alice's: the next that bob sees is what she says.
    phone.send_line("/quit").await;
    phone.expect("*** bye: you left").await;
    phone.expect_end().await;
    laptop.send_line("still here").await;
    bob.expect_said("alice: still here").await;
    laptop.send_line("/quit").await;
    bob.expect("*** alice left the chat.").await;
}

#[tokio::test]
async fn an_account_keeps_its_alias_and_nobody_gets_near_it() {
    let house = House::open().await;
    let mut alice = house.text("alice").await;
    alice.send_line("/register correct horse").await;
    alice.expect_start("*** alice is yours now").await;
    alice.send_line("/register correct horse").await;
    alice.expect("!!! alice has an account already; /password NEW changes its password").await;
    alice.send_line("/nick al").await;
    alice.expect_start("!!! alice is your account's alias, which it keeps").await;
    let mut bob = house.text("bob").await;
    for wish in ["alice", "aIice"] {
        bob.send_line(&format!("/nick {wish}")).await;
        bob.expect(&format!("!!! {wish} is taken; {wish}2 is free")).await;
    }
    alice.send_line("/quit").await;
    bob.until("*** alice left the chat.").await;
    bob.send_line("/nick alice").await;
    bob.expect("!!! alice is taken; alice2 is free").await;
}

#[tokio::test]
async fn nobody_registers_what_looks_like_somebody_who_is_here() {
    let house = House::open().await;
    let _guest = house.text("b0b").await;
    let mut bob = house.text("bob").await;
    bob.send_line("/register correct horse").await;
    bob.expect("!!! b0b is here and looks like bob, so that bob can't be an account's just now").await;
    bob.send_line("/register short").await;
    bob.expect("!!! a password has at least 8 characters; this one has 5").await;
    bob.send_line("/password correct horse").await;
    bob.expect("!!! bob has no account; /register PASSWORD makes one").await;
}

#[tokio::test]
async fn a_new_password_closes_the_other_sessions() {
    let house = House::open().await;
    let mut bot = house.json(json!({"type": "hello", "alias": "bot"})).await;
    bot.send(json!({"type": "register", "password": "correct horse", "id": "r"})).await;
    bot.expect_json(json!({"type": "ack", "id": "r"})).await;
    let mut laptop = house.log_in("bot", "correct horse").await;
    laptop.send_line("/password battery staple").await;
    laptop.expect("*** your password is changed, and your other sessions are closed").await;
    let bye = bot.receive().await;
    assert_eq!((&bye["type"], &bye["code"]), (&json!("bye"), &json!("kicked")));

    let mut thief = house.dial_json().await;
    thief.send(json!({"type": "hello", "session": bot.session})).await;
    assert_eq!(thief.receive().await["code"], "unknown_session");
    thief.send(json!({"type": "hello", "alias": "bot", "password": "correct horse"})).await;
    assert_eq!(thief.receive().await["code"], "wrong_password");
    laptop.send_line("still here").await;
    house.log_in("bot", "battery staple").await;
}

#[tokio::test]
async fn a_session_without_the_password_cant_change_it() {
    let house = House::open().await;
    let mut bot = house.json(json!({"type": "hello", "alias": "bot"})).await;
    bot.send(json!({"type": "register", "password": "correct horse", "id": "r"})).await;
    bot.expect_json(json!({"type": "ack", "id": "r"})).await;
    let mut again = house.json(json!({"type": "hello", "session": bot.session})).await;
    again.send(json!({"type": "password", "new": "battery staple", "id": "p"})).await;
    assert_eq!(again.receive().await["code"], "wrong_password");
    again.send(json!({"type": "password", "password": "wrong horse", "new": "battery staple", "id": "p"})).await;
    assert_eq!(again.receive().await["code"], "wrong_password");
    again.send(json!({"type": "password", "password": "correct horse", "new": "battery staple", "id": "p"})).await;
    again.expect_json(json!({"type": "ack", "id": "p"})).await;
}

#[tokio::test]
async fn an_account_that_is_given_up_leaves_a_guest() {
    let house = House::open().await;
    let mut alice = house.text("alice").await;
    alice.send_line("/register correct horse").await;
    alice.expect_start("*** alice is yours now").await;
    let mut phone = house.log_in("alice", "correct horse").await;
    alice.send_line("/unregister wrong horse").await;
    alice.expect("!!! that is not the password of that alias").await;
    alice.send_line("/unregister correct horse").await;
    alice.expect("*** alice is anybody's again; you are a guest").await;
    phone.until("*** bye: your account's password was changed, or the account given up").await;
    phone.expect_end().await;
    alice.send_line("/nick al").await;
    alice.expect("*** alice is now known as al").await;
    alice.send_line("words of a guest").await;
    let mut other = house.text("alice").await;
    other.send_line("hello").await;
    alice.expect("*** alice joined the chat!").await;
    alice.expect_said("alice: hello").await;
}

#[tokio::test]
async fn a_guest_gives_way_to_an_account_made_meanwhile() {
    let house = House::open().await;
    let mut guest = house.text("bob").await;
    house.add("bob", "correct horse");
    let _owner = house.log_in("bob", "correct horse").await;
    guest.until("*** bye: this alias belongs to an account, whose owner has come").await;
}

#[tokio::test]
async fn guesses_wait_and_the_owner_comes_in_all_the_same() {
    let house = House::open().await;
    house.add("alice", "correct horse");
    let mut eve = house.dial().await;
    for _ in 0..4 {
        eve.send_line("alice").await;
        eve.expect("PASSWORD?").await;
        eve.send_line("a wrong guess").await;
        eve.expect("!!! that is not the password of that alias; the alias first, then the password").await;
        eve.expect("ALIAS?").await;
    }
    // The fifth attempt has to wait 2 s, the owner's sixth 4 s more: both are told nothing but the outcome.
    let before = Instant::now();
    let _owner = house.log_in("alice", "correct horse").await;
    let waited = before.elapsed();
    assert!((1.0..8.0).contains(&waited.as_secs_f64()), "{waited:?}");
}

#[tokio::test]
async fn an_owner_is_not_locked_out_by_a_neighbour_behind_the_same_router() {
    let house = House::open().await;
    house.add("alice", "correct horse");
    house.add("bob", "correct horse");
    let _at_home = house.log_in("alice", "correct horse").await;
    // Many connections that guess at once, until no more guesses are taken from this address.
    let mut guessers = Vec::new();
    for _ in 0..12 {
        let mut eve = house.dial().await;
        eve.send_line("bob").await;
        eve.expect("PASSWORD?").await;
        eve.send_line("a wrong guess").await;
        guessers.push(eve);
    }
    let last = guessers.last_mut().expect("somebody");
    last.expect_start("!!! too many attempts from your address; try again in ").await;
    let before = Instant::now();
    let _on_her_phone = house.log_in("alice", "correct horse").await;
    assert!(before.elapsed().as_secs() < 4, "{:?}", before.elapsed());
}

//! A house that lets in only people with an account, and the invites that make one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chat_protocol::names::Alias;
use chat_protocol::value::{Password, Time};
use chat_server::accounts::{Accounts, Authenticator as _};
use chat_server::log::AuthorId;
use chat_tests::{ServerProcess, TestServer, TextClient};
use serde_json::json;

use crate::accounts::account;

const UNUSABLE: &str = "that invite can't be used: it is wrong, used already or out of time";
const PASSWORD: &str = "correct horse";
/// When the servers of this file think that it is.
const NOW: &str = "2026-11-22T11:03:22.120Z";

fn time(text: &str) -> Time {
    text.parse::<jiff::Timestamp>().expect("a time").into()
}

fn alias(name: &str) -> Alias {
    Alias::new(name).expect("an alias")
}

/// A server that requires accounts, and those.
async fn closed_house() -> (TestServer, Arc<Accounts>) {
    let accounts = Arc::new(Accounts::default());
    let server = TestServer::with().authenticator(accounts.clone()).configure(|config| config.require_account = true);
    (server.start().await, accounts)
}

/// An invite that is good for an hour.
fn invite(accounts: &Accounts, name: &str) -> String {
    let invite = accounts.invite(&alias(name), time("2026-11-22T12:00:00Z"), time(NOW)).expect("an invite");
    invite.reveal().to_owned()
}

#[tokio::test]
async fn an_invite_makes_an_account_once() {
    let (server, accounts) = closed_house().await;
    let invite = invite(&accounts, "alice");
    let mut alice = server.dial_text("alice").await;
    alice.expect("ALIAS?").await;
    alice.send_line("alice").await;
    alice.expect("INVITE?").await;
    alice.send_line("").await;
    alice.expect("!!! only people with an account can come in here; an invite makes one").await;
    alice.expect("ALIAS?").await;
    alice.send_line("Alice").await;
    alice.expect("INVITE?").await;
    alice.send_line(&format!(" {} ", invite.to_uppercase())).await;
    alice.expect("*** choose a password of 8 to 128 characters: from here on Alice takes it").await;
    alice.expect("PASSWORD?").await;
    alice.send_line("short").await;
    alice.expect("!!! a password has at least 8 characters; this one has 5").await;
    alice.expect("PASSWORD?").await;
    alice.send_line(PASSWORD).await;
    alice.expect("You are now connected!").await;
    alice.expect_start("*** You are Alice, in #lobby").await;
    alice.send_line("hello").await;

    let mut phone = server.dial_text("phone").await;
    phone.expect("ALIAS?").await;
    phone.send_line("alice").await;
    phone.expect("PASSWORD?").await;
    phone.send_line(PASSWORD).await;
    phone.expect("You are now connected!").await;

    alice.send_line("/unregister correct horse").await;
    alice.until("*** Alice is anybody's again").await;
    alice.expect("*** bye: you gave your account up, and only people with one may be here").await;
    alice.expect_end().await;
    phone.until_start("*** bye: ").await;
    let mut again = server.dial_text("again").await;
    again.expect("ALIAS?").await;
    again.send_line("alice").await;
    again.expect("INVITE?").await;
    again.send_line(&invite).await;
    again.expect(&format!("!!! {UNUSABLE}")).await;
    server.stop().await;
}

#[tokio::test]
async fn who_brings_no_good_invite_is_told_the_same_whatever_is_wrong_and_waits_as_for_a_password() {
    let (server, accounts) = closed_house().await;
    let used = invite(&accounts, "alice");
    let mut alice = server.dial_json("alice").await;
    alice.say_hello(json!({"type": "hello", "alias": "alice", "invite": used, "password": PASSWORD})).await;
    let late = accounts.invite(&alias("bob"), time(NOW), time("2026-11-21T00:00:00Z")).expect("an invite");
    let began = Instant::now();
    let mut mallory = server.dial_json("mallory").await;
    for bad in ["0123456789abcdef0123456789abcdef", &used, late.reveal(), &invite(&accounts, "carol")] {
        mallory.send(json!({"type": "hello", "alias": "bob", "invite": bad, "password": PASSWORD})).await;
        mallory.expect_json(json!({"type": "error", "code": "bad_invite", "message": UNUSABLE})).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(900), "the fourth waits a second");
    server.stop().await;
}

#[tokio::test]
async fn programs_bring_invite_and_password_or_a_session_of_an_account() {
    let (server, accounts) = closed_house().await;
    let mut bot = server.dial_json("bot").await;
    bot.send(json!({"type": "hello", "alias": "bot"})).await;
    bot.expect_error("invite_required").await;
    let hello = json!({"type": "hello", "alias": "bot", "invite": invite(&accounts, "bot")});
    bot.send(hello.clone()).await;
    bot.expect_error("bad_field").await;
    let with = |password: &str| {
        let mut hello = hello.clone();
        hello["password"] = json!(password);
        hello
    };
    bot.send(with("short")).await;
    bot.expect_error("bad_field").await;
    bot.say_hello(with(PASSWORD)).await;
    // Its answer was lost, and it says the same again.
    let mut again = server.dial_json("bot").await;
    again.say_hello(with(PASSWORD)).await;
    let mut thief = server.dial_json("thief").await;
    thief.send(with("a wrong guess")).await;
    thief.expect_error("wrong_password").await;
    let mut resumed = server.dial_json("bot").await;
    resumed.say_hello(json!({"type": "hello", "session": bot.session})).await;
    server.stop().await;
}

#[tokio::test]
async fn sessions_of_guests_from_before_are_not_let_in() {
    let data = tempfile::tempdir().expect("a folder");
    let server = TestServer::with().durable(data.path()).start().await;
    let mut bot = server.json("bot").await;
    bot.request(json!({"type": "say", "room": "lobby", "text": "hello", "id": "1"})).await;
    let session = bot.session.clone();
    drop(bot);
    server.stop().await;
    let server = TestServer::with().durable(data.path()).configure(|config| config.require_account = true);
    let server = server.start().await;
    let mut again = server.dial_json("bot").await;
    again.send(json!({"type": "hello", "session": session})).await;
    again.expect_error("invite_required").await;
    server.stop().await;
}

#[tokio::test]
async fn an_open_house_takes_invites_too() {
    let accounts = Arc::new(Accounts::default());
    let server = TestServer::with().authenticator(accounts.clone()).start().await;
    let mut bob = server.text("bob").await;
    let hello = json!({"type": "hello", "alias": "bob", "invite": invite(&accounts, "bob"), "password": PASSWORD});
    let mut owner = server.dial_json("bob").await;
    owner.say_hello(hello).await;
    bob.until("*** bye: this alias belongs to an account, whose owner has come").await;
    assert!(accounts.owner(&alias("bob")).is_some());
    server.stop().await;
}

#[tokio::test]
async fn an_invite_that_is_overtaken_makes_nothing() {
    let accounts = Accounts::default();
    let until = time("2026-11-22T12:00:00Z");
    let invite = accounts.invite(&alias("bob"), until, time(NOW)).expect("an invite");
    let password = Password::new(PASSWORD);
    accounts.register(AuthorId([1; 16]), &alias("b0b"), &password, time(NOW)).expect("an account");
    accounts.redeem(AuthorId([2; 16]), &alias("bob"), &password, &invite, time(NOW)).expect_err("looks like another's");
    accounts.invite(&alias("bob"), until, time(NOW)).expect_err("so this is no use");
}

#[tokio::test]
async fn invites_are_made_beside_a_running_server_and_are_on_record() {
    let data = tempfile::tempdir().expect("a folder");
    let file = data.path().join("password").display().to_string();
    std::fs::write(&file, PASSWORD).expect("written");
    let made = account(data.path(), &["add", "olga", "--operator", "--password-file", &file]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let server = ServerProcess::start_durable(data.path(), &["--require-account"]);
    let made = account(data.path(), &["invite", "bob", "--expires", "2h"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(made.stderr.starts_with("bob is invited, once, until "), "{}", made.stderr);
    let invite = made.stdout.trim();
    assert_eq!((invite.len(), made.stdout.lines().count()), (32, 1), "{}", made.stdout);
    for (words, why) in [
        (["invite", "OLGA", "--expires", "7d"], "chat-server: OLGA has an account already\n"),
        (["invite", "0lga", "--expires", "7d"], "chat-server: 0lga looks like an account's alias\n"),
        (
            ["invite", "eve", "--expires", "soon"],
            "chat-server: --expires \"soon\": it has to begin with a whole number\n",
        ),
    ] {
        let refused = account(data.path(), &words);
        assert_eq!((refused.code, refused.stderr.as_str()), (Some(2), why));
    }

    let mut bob = TextClient::dial("bob", server.address).await;
    bob.expect("ALIAS?").await;
    bob.send_line("bob").await;
    bob.expect("INVITE?").await;
    bob.send_line(invite).await;
    bob.expect_start("*** choose a password").await;
    bob.expect("PASSWORD?").await;
    bob.send_line(PASSWORD).await;
    bob.expect("You are now connected!").await;

    let mut olga = TextClient::dial("olga", server.address).await;
    olga.expect("ALIAS?").await;
    olga.send_line("olga").await;
    olga.expect("PASSWORD?").await;
    olga.send_line(PASSWORD).await;
    olga.until_start("*** You are olga").await;
    // Both write to the audit log, in whatever turns.
    olga.send_line("/whois bob").await;
    olga.until_start("*** bob is an account").await;
    let off = account(data.path(), &["operator", "bob"]);
    assert_eq!(off.code, Some(0), "{}", off.stderr);
    olga.send_line("/mute bob 1h").await;
    olga.until_start("*** bob is muted").await;
    olga.send_line("/audit").await;
    for says in [
        "server: olga has an account now, an operator's",
        "server: bob is invited, once, until ",
        "olga: whois bob",
        "server: bob is an operator now",
        "olga: mute bob until ",
    ] {
        let line = olga.until_start("*** ").await;
        let line = if line.starts_with("***   from") { olga.line().await } else { line };
        assert!(line.contains(says), "{line} instead of {says}");
    }
    server.signal("TERM");
    let (_, code, log) = server.wait();
    assert_eq!(code, Some(0));
    assert!(log.contains("registered by invite") && !log.contains(invite) && !log.contains(PASSWORD), "{log}");
}

#[tokio::test]
async fn nobody_could_come_in_without_anything_kept() {
    let mut command = ServerProcess::command();
    command.args(["--ephemeral", "--require-account"]);
    let ended = ServerProcess::run_to_end(command);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.starts_with("chat-server: --require-account: --ephemeral keeps no accounts"),
        "{}",
        ended.stderr
    );
}

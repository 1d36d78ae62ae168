//! Any bytes in any order on two connections to one server in this process. It neither panics nor hangs, and all that comes back is
//! lines of the server's own, with nothing in them that a terminal would act on.
#![no_main]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_protocol::json;
use chat_protocol::message::ServerMessage;
use chat_protocol::names::Alias;
use chat_protocol::telnet::INTERRUPT_ANSWER;
use chat_protocol::value::{Invite, Password, Time};
use chat_server::accounts::{Account, AccountError, Authenticator};
use chat_server::log::AuthorId;
use chat_server::{Config, Server, Storage};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A session that isn't over by then, with its input ended and its output read, hangs.
const HANGS: Duration = Duration::from_secs(20);

/// What people and programs say, so that the fuzzer needn't find out letter by letter.
const LINES: [&str; 32] = [
    "alice\n",
    "bob\n",
    "olga\n",
    "correct horse\n",
    "{\"type\":\"hello\",\"alias\":\"bot\"}\n",
    "{\"type\":\"hello\",\"alias\":\"bob\",\"rooms\":[{\"room\":\"ops\",\"after\":1},{\"room\":\"lobby\"}],\"quiet\":true}\n",
    "{\"type\":\"hello\",\"alias\":\"olga\",\"password\":\"correct horse\"}\n",
    "{\"type\":\"hello\",\"alias\":\"eve\",\"invite\":\"x\",\"password\":\"correct horse\"}\n",
    "{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"hello\",\"id\":\"1\"}\n",
    "{\"type\":\"say\",\"room\":\"ops\",\"text\":\"a\\nb\",\"kind\":\"action\"}\n",
    "{\"type\":\"private\",\"to\":\"bob\",\"text\":\"psst\",\"id\":\"2\"}\n",
    "{\"type\":\"join\",\"room\":\"ops\",\"id\":\"3\"}\n",
    "{\"type\":\"leave\",\"room\":\"lobby\",\"id\":\"4\"}\n",
    "{\"type\":\"nick\",\"alias\":\"al\",\"id\":\"5\"}\n",
    "{\"type\":\"history\",\"room\":\"lobby\",\"limit\":500,\"id\":\"6\"}\n",
    "{\"type\":\"search\",\"room\":\"lobby\",\"query\":\"hello\"}\n",
    "{\"type\":\"redact\",\"room\":\"lobby\",\"seq\":1}\n",
    "{\"type\":\"moderate\",\"do\":\"whois\",\"name\":\"bob\"}\n",
    "{\"type\":\"register\",\"password\":\"correct horse\"}\n",
    "{\"type\":\"unregister\",\"password\":\"correct horse\"}\n",
    "{\"type\":\"ping\"}\n",
    "{\"type\":\"quit\",\"reason\":\"lunch\"}\n",
    "/register correct horse\n",
    "/password battery staple\n",
    "/join ops\n",
    "/nick al\n",
    "/who\n",
    "/history 5\n",
    "/topic lunch\n",
    "@bob psst\n",
    "/ban bob 30m spam\n",
    "/quit\n",
];

/// Whoever gives a password has the account: hashes would take all the time, and wrong guesses wait.
#[derive(Default)]
struct Trusting(Mutex<HashMap<AuthorId, Account>>);

impl Trusting {
    fn put(&self, id: AuthorId, alias: &Alias) -> Account {
        let mut account = Account::new(id, alias.clone(), Time::from_millis(0));
        account.operator = alias.as_str() == "olga";
        self.0.lock().expect("a lock").insert(id, account.clone());
        account
    }
}

impl Authenticator for Trusting {
    fn owner(&self, alias: &Alias) -> Option<Account> {
        self.0.lock().expect("a lock").values().find(|account| account.is_called(alias)).cloned()
    }

    fn account(&self, id: AuthorId) -> Option<Account> {
        self.0.lock().expect("a lock").get(&id).cloned()
    }

    fn verify(&self, alias: &Alias, _: &Password) -> Result<Account, AccountError> {
        let mut id = [0; 16];
        let name = alias.as_str().as_bytes();
        let len = name.len().min(id.len());
        id[..len].copy_from_slice(&name[..len]);
        Ok(self.owner(alias).unwrap_or_else(|| self.put(AuthorId(id), alias)))
    }

    fn register(&self, id: AuthorId, alias: &Alias, _: &Password, _: Time) -> Result<Account, AccountError> {
        Ok(self.put(id, alias))
    }

    fn check_invite(&self, _: &Alias, _: &Invite, _: Time) -> Result<(), AccountError> {
        Ok(())
    }

    fn redeem(&self, id: AuthorId, alias: &Alias, _: &Password, _: &Invite, _: Time) -> Result<Account, AccountError> {
        Ok(self.put(id, alias))
    }

    fn change_password(&self, id: AuthorId, _: &Password, _: Time) -> Result<Account, AccountError> {
        self.account(id).ok_or(AccountError::Unknown)
    }

    fn unregister(&self, id: AuthorId) -> Result<(), AccountError> {
        self.0.lock().expect("a lock").remove(&id).map(drop).ok_or(AccountError::Unknown)
    }

    fn set_operator(&self, id: AuthorId, operator: bool) -> Result<Account, AccountError> {
        let mut all = self.0.lock().expect("a lock");
        let account = all.get_mut(&id).ok_or(AccountError::Unknown)?;
        account.operator = operator;
        Ok(account.clone())
    }
}

struct Client {
    writer: Option<WriteHalf<DuplexStream>>,
    reader: JoinHandle<Vec<u8>>,
}

impl Client {
    fn new(stream: DuplexStream) -> Self {
        let (mut reader, writer): (ReadHalf<_>, _) = tokio::io::split(stream);
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            let _ = reader.read_to_end(&mut all).await;
            all
        });
        Self { writer: Some(writer), reader }
    }

    async fn send(&mut self, bytes: &[u8]) {
        if let Some(writer) = &mut self.writer {
            let sent = timeout(HANGS, writer.write_all(bytes)).await;
            let _ = sent.expect("whoever is read by his client is read by the server");
        }
    }
}

impl Client {
    /// Its input ends. A half that is dropped would not tell.
    async fn end(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            let _ = writer.shutdown().await;
        }
    }
}

fn check(output: &[u8]) {
    let mut bytes = output.to_vec();
    while let Some(at) = bytes.windows(INTERRUPT_ANSWER.len()).position(|window| window == INTERRUPT_ANSWER) {
        bytes.drain(at..at + INTERRUPT_ANSWER.len());
    }
    let lines = String::from_utf8(bytes).expect("the server's lines are UTF-8");
    if lines.contains("HTTP/1.1 400") {
        return;
    }
    assert!(lines.is_empty() || lines.ends_with('\n'), "a line without an end: {lines:?}");
    for line in lines.split_terminator('\n') {
        assert!(!line.contains(char::is_control), "{line:?}");
        let known = ["*** ", "!!! ", "ALIAS?", "PASSWORD?", "INVITE?", "You are now connected!", "["];
        if line.starts_with('{') {
            let message = json::parse_server(line).expect("a message");
            assert!(!matches!(message, ServerMessage::Unknown), "{line}");
        } else {
            assert!(known.iter().any(|start| line.starts_with(start)), "{line:?}");
        }
    }
}

async fn play(mut data: &[u8]) {
    let mut config = Config::ephemeral(([127, 0, 0, 1], 0).into());
    config.listen.clear();
    config.storage = Storage::Memory { bytes: 64 * 1024 };
    config.limits.max_rate = 0;
    config.authenticator = Some(Arc::new(Trusting::default()));
    if let [first, rest @ ..] = data {
        config.require_account = first & 1 == 1;
        data = rest;
    }
    let server = Server::bind(config).await.expect("a server");
    let control = server.control();
    let mut clients = [(); 2].map(|()| Client::new(control.connect(4096).expect("a place")));
    while let [step, rest @ ..] = data {
        data = rest;
        let client = &mut clients[usize::from(step & 1)];
        match (step >> 1) & 3 {
            0 => {
                let (bytes, rest) = data.split_at(data.len().min(usize::from(step >> 3)));
                client.send(bytes).await;
                data = rest;
            }
            1 | 2 => client.send(LINES[usize::from(step >> 3)].as_bytes()).await,
            _ if step >> 3 == 31 => client.end().await,
            _ => {
                for _ in 0..8 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    for mut client in clients {
        client.end().await;
        let output = timeout(HANGS, client.reader).await.expect("a session ends with its input").expect("no panic");
        check(&output);
    }
    drop(server);
}

fuzz_target!(|data: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(play(data));
});

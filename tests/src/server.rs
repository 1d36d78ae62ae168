//! A server in this process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chat_server::accounts::Authenticator;
use chat_server::log::Durable;
use chat_server::{Config, Limits, ServeError, Server, Storage};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::clock::TestClock;
use crate::figures::Figures;
use crate::json::JsonClient;
use crate::text::TextClient;
use crate::wire::{DEADLINE, Wire};

/// A server that is about to start.
#[derive(Debug)]
pub struct Setup {
    config: Config,
}

/// A server on a free port of loopback. Its clock stands still unless it was given another.
#[derive(Debug)]
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    metrics: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServeError>>,
}

impl Setup {
    /// Changes what it is told to do.
    #[must_use]
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Changes what peers may do.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.config.limits);
        self
    }

    /// Reads as fast as clients send.
    #[must_use]
    pub fn unhurried(self) -> Self {
        self.limits(|limits| limits.max_rate = 0)
    }

    /// Goes by this clock.
    #[must_use]
    pub fn clock(mut self, clock: &TestClock) -> Self {
        self.config.clock = clock.clock();
        self
    }

    /// Keeps this many bytes of messages.
    #[must_use]
    pub fn keep(mut self, bytes: usize) -> Self {
        self.config.storage = Storage::Memory { bytes };
        self
    }

    /// Keeps its messages in this folder.
    #[must_use]
    pub fn durable(self, data: &Path) -> Self {
        self.storage(Storage::Sqlite(Durable::new(data)))
    }

    /// Keeps its messages there.
    #[must_use]
    pub fn storage(mut self, storage: Storage) -> Self {
        self.config.storage = storage;
        self
    }

    /// Serves its figures.
    #[must_use]
    pub fn metrics(mut self) -> Self {
        self.config.metrics = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        self
    }

    /// Has accounts of its own.
    #[must_use]
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.config.authenticator = Some(authenticator);
        self
    }

    /// Starts it.
    pub async fn start(self) -> TestServer {
        let until = Instant::now() + DEADLINE;
        let server = loop {
            match Server::bind(self.config.clone()).await {
                Ok(server) => break server,
                // A child of another test, between its fork and its exec, has the lock of a folder too.
                Err(error) if error.to_string().contains("in use") && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("the server doesn't start: {error}"),
            }
        };
        let (address, metrics) = (server.addresses()[0], server.metrics_address());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        TestServer { address, metrics, stop, running }
    }
}

impl TestServer {
    /// One with the defaults, but in memory, on a free port, at a time that stands still.
    #[must_use]
    pub fn with() -> Setup {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Setup { config: Config::ephemeral(listen) }.clock(&TestClock::default())
    }

    /// Starts one as [`with`](Self::with) gives it.
    pub async fn start() -> Self {
        Self::with().start().await
    }

    /// Stops it in good order, and waits for that.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let ended = timeout(DEADLINE, self.running).await.expect("the server stops in time");
        ended.expect("the server doesn't panic").expect("the server ends well");
    }

    /// Asks it to stop, and doesn't wait; the handle resolves when it has.
    #[must_use]
    pub fn begin_to_stop(self) -> JoinHandle<Result<(), ServeError>> {
        let _ = self.stop.send(());
        self.running
    }

    /// Its figures, of one that serves them.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures(self.metrics.expect("a server that was started with its metrics"))
    }

    /// Connects, and nothing more.
    pub async fn wire(&self, name: &str) -> Wire {
        Wire::connect(name, self.address).await
    }

    /// Somebody at `ALIAS?`, which is still to be read.
    pub async fn dial_text(&self, name: &str) -> TextClient {
        TextClient::dial(name, self.address).await
    }

    /// Somebody in the lobby; the greeting was read, history is still to come.
    pub async fn text(&self, name: &str) -> TextClient {
        TextClient::enter(name, self.address).await
    }

    /// A program that has not said hello.
    pub async fn dial_json(&self, name: &str) -> JsonClient {
        JsonClient::dial(name, self.address).await
    }

    /// A program in the lobby; its `joined` was read, history is still to come.
    pub async fn json(&self, name: &str) -> JsonClient {
        let mut client = self.hello(name, json!({"type": "hello", "alias": name, "v": 1})).await;
        client.expect_type("joined").await;
        client
    }

    /// A program that was welcomed; its first `joined` is still to come.
    pub async fn hello(&self, name: &str, hello: Value) -> JsonClient {
        JsonClient::hello(name, self.address, hello).await
    }
}

//! A server that can be stopped, killed and started again, and who lives there.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use chat_client::protocol::message::HistoryQuery;
use chat_client::{Client, Event, Options};
use chat_tests::ServerProcess;
use tempfile::TempDir;

use crate::fake::{lobby, wait_for};
use crate::window::Window;

/// An address of this house alone: a port that a killed server leaves must not become another test's.
fn own_address() -> SocketAddr {
    static HOUSES: AtomicU8 = AtomicU8::new(1);
    let number = HOUSES.fetch_add(1, Ordering::Relaxed);
    let [.., high, low] = std::process::id().to_be_bytes();
    // Elsewhere the rest of this network has to be set up first.
    let address = if cfg!(target_os = "linux") { [127, high | 1, low, number] } else { [127, 0, 0, 1] };
    SocketAddr::from((address, 0))
}

/// A server with its log on disk.
fn server(data: &Path, address: SocketAddr) -> ServerProcess {
    let mut command = ServerProcess::command();
    command
        .args(["--listen", &address.to_string(), "--web", "off", "--min-free", "0", "--max-rate", "0", "--data"])
        .arg(data);
    ServerProcess::start_command(command)
}

/// A server as a process and a home for who talks to it; both outlive being killed.
pub(crate) struct House {
    pub(crate) data: TempDir,
    pub(crate) home: TempDir,
    server: Option<ServerProcess>,
    pub(crate) address: SocketAddr,
}

impl House {
    pub(crate) fn new() -> Self {
        let (data, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let server = server(data.path(), own_address());
        Self { address: server.address, server: Some(server), data, home }
    }

    pub(crate) fn open(&self, args: &[&str]) -> Window {
        Window::open_in(self.home.path(), self.address, args)
    }

    pub(crate) fn kill_server(&mut self) {
        let server = self.server.take().unwrap();
        server.signal("KILL");
        server.wait();
    }

    pub(crate) fn start_server(&mut self) {
        self.server = Some(server(self.data.path(), self.address));
    }

    pub(crate) fn signal(&self, name: &str) {
        self.server.as_ref().unwrap().signal(name);
    }

    pub(crate) async fn bob(&self) -> Client {
        let (bob, _events) = Client::connect(self.address.to_string(), Options::new("bob"));
        bob.ready().await.unwrap();
        bob
    }

    /// Everything that was said in the lobby.
    pub(crate) async fn said(&self) -> Vec<String> {
        let (reader, _events) = Client::connect(self.address.to_string(), Options::new("reader"));
        let page = reader.history(&lobby(), HistoryQuery::default()).await.unwrap();
        page.messages.iter().map(|message| message.stored.text.as_str().to_owned()).collect()
    }

    /// Waits until somebody says this in the lobby, or said it.
    pub(crate) async fn wait_for_said(&self, text: &str) {
        let (_reader, mut events) = Client::connect(self.address.to_string(), Options::new("listener"));
        wait_for(&mut events, |event| match event {
            Event::Message(message) => (message.stored.text.as_str() == text).then_some(()),
            _ => None,
        })
        .await;
    }

    pub(crate) fn journal(&self) -> PathBuf {
        let files = fs::read_dir(self.home.path().join("state")).unwrap().map(|entry| entry.unwrap().path());
        let mut journals = files.filter(|path| path.extension().is_some_and(|extension| extension == "journal"));
        journals.next().unwrap()
    }

    /// Waits until the journal has these words: they are on disk then.
    pub(crate) fn wait_for_kept(&self, words: &str) {
        let deadline = std::time::Instant::now() + crate::window::SOON;
        while !fs::read_to_string(self.journal()).is_ok_and(|text| text.contains(words)) {
            assert!(std::time::Instant::now() < deadline, "{words:?} is kept");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

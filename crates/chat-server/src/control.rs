//! What can be changed while a server runs.

use std::sync::{Arc, Weak};

use tokio::io::DuplexStream;

use crate::config::Limits;
use crate::hub::Hub;
use crate::session::{Opening, Session};
use crate::tls::Tls;

/// Changes a server that runs, from outside; once it has stopped nothing happens.
#[derive(Clone, Debug)]
pub struct Control {
    /// A server that stops waits for all who hold it.
    pub(crate) hub: Weak<Hub>,
    pub(crate) tls: Option<Tls>,
}

impl Control {
    pub(crate) fn new(hub: &Arc<Hub>, tls: Option<Tls>) -> Self {
        Self { hub: Arc::downgrade(hub), tls }
    }

    /// Sets the limits for connections that come from now on. `max_roster` and `max_reads` aren't
    /// changed: they are the house's, not the connections'.
    pub fn set_limits(&self, limits: Limits) {
        if let Some(hub) = self.hub.upgrade() {
            hub.set_limits(limits);
        }
    }

    /// Connects without a socket, as a program that embeds the server may: a session speaks at the other end as over TCP, `ALIAS?`
    /// first, and takes passwords. It ends as any other does, when the server stops too. `None`: the server is full or has stopped.
    ///
    /// `buffer`: bytes that each direction holds; whoever takes nothing for long is closed like others.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn connect(&self, buffer: usize) -> Option<DuplexStream> {
        let hub = self.hub.upgrade()?;
        let peer = hub.register(None, true).ok()?;
        let (here, there) = tokio::io::duplex(buffer);
        let mut session = Session::new(hub, peer, there, Opening::Tcp);
        tokio::spawn(async move { session.run().await });
        Some(here)
    }

    /// Reads the certificate's files again. One that can't be used leaves the old one in use, and is logged.
    pub fn reload_certificate(&self) {
        if let Some(tls) = &self.tls {
            tls.reload();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    use crate::{Config, Server};

    #[tokio::test]
    async fn a_connection_without_a_socket_is_one_like_any_other() {
        let mut config = Config::ephemeral(([127, 0, 0, 1], 0).into());
        config.limits.max_connections = 1;
        let server = Server::bind(config).await.expect("a server");
        let control = server.control();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async { drop(stopped.await) }));
        let mut client = BufReader::new(control.connect(4096).expect("a place")).lines();
        assert!(control.connect(4096).is_none(), "the server is full");
        client.get_mut().write_all(b"alice\n/register correct horse\n").await.expect("sent");
        let mut said = Vec::new();
        let mut until = async |words: &str| loop {
            said.push(client.next_line().await.expect("a line").expect("no end"));
            if said.last().is_some_and(|line| line.contains(words)) {
                return;
            }
        };
        until("alice is yours now").await;
        stop.send(()).expect("running");
        until("*** bye: the server is shutting down").await;
        drop(client);
        running.await.expect("no panic").expect("a server that ends well");
        assert!(control.connect(4096).is_none(), "it has stopped");
    }
}

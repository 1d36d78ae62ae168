//! The chat server, as a library: bind it, run it, stop it.

mod accept;
mod access;
pub mod accounts;
pub mod backups;
mod batch;
#[doc(hidden)]
pub mod bench;
mod book;
mod clock;
pub mod config;
mod control;
mod conversations;
mod directory;
pub mod erase;
mod full;
mod hub;
pub mod limits;
pub mod log;
mod marks;
mod metrics;
mod moderation;
mod peer;
mod planted;
mod presence;
mod quotas;
pub mod reach;
mod room;
mod rooms;
mod secret;
mod server;
mod session;
mod speakers;
mod stranger;
mod tend;
pub mod tls;
mod trust;
mod web;
mod written;

pub use clock::Clock;
pub use config::{Config, Limits, Storage};
pub use control::Control;
pub use metrics::STATUS_SOCKET;
pub use server::{ServeError, Server, StartError};
pub use tls::{Identity, TlsConfig};
pub use trust::{BadCidr, Cidr};
pub use web::{BadOrigin, Origin, WebConfig};

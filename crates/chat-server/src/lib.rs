//! The chat server, as a library: bind it, run it, stop it.

mod accept;
pub mod accounts;
mod batch;
mod book;
mod clock;
pub mod config;
mod control;
mod directory;
mod full;
mod hub;
pub mod limits;
pub mod log;
mod metrics;
mod moderation;
mod peer;
mod planted;
mod presence;
pub mod reach;
mod room;
mod rooms;
mod secret;
mod server;
mod session;
mod stranger;
mod tend;
pub mod tls;
mod trust;
mod web;

pub use clock::Clock;
pub use config::{Config, Limits, Storage};
pub use control::Control;
pub use server::{ServeError, Server, StartError};
pub use tls::{Identity, TlsConfig};
pub use trust::{BadCidr, Cidr};
pub use web::{BadOrigin, Origin, WebConfig};

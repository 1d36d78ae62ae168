//! What can be changed while a server runs.

use std::sync::{Arc, Weak};

use crate::config::Limits;
use crate::hub::Hub;
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

    /// Sets the limits for connections that come from now on. `max_roster` isn't changed: it is the rooms', not the connections'.
    pub fn set_limits(&self, limits: Limits) {
        if let Some(hub) = self.hub.upgrade() {
            hub.set_limits(limits);
        }
    }

    /// Reads the certificate's files again. One that can't be used leaves the old one in use, and is logged.
    pub fn reload_certificate(&self) {
        if let Some(tls) = &self.tls {
            tls.reload();
        }
    }
}

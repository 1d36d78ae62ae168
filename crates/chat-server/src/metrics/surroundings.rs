//! What the figures tell that isn't the server's own doing: its backups and its certificate.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::backups;
use crate::tls::Tls;

/// Where to look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    data: Option<PathBuf>,
    tls: Option<Tls>,
}

/// What was seen there; times in seconds of Unix time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(super) last_backup: Option<i64>,
    pub(super) certificate_expiry: Option<i64>,
}

impl Surroundings {
    pub(crate) const fn new(data: Option<PathBuf>, tls: Option<Tls>) -> Self {
        Self { data, tls }
    }

    pub(super) const fn has_disk(&self) -> bool {
        self.data.is_some()
    }

    pub(super) const fn has_certificate(&self) -> bool {
        self.tls.is_some()
    }

    /// Looks; may wait for a disk.
    pub(super) fn look(&self) -> Seen {
        Seen {
            last_backup: self.data.as_deref().and_then(backups::last).map(unix),
            certificate_expiry: self.tls.as_ref().and_then(Tls::expiry),
        }
    }
}

/// Seconds of Unix time.
pub(super) fn unix(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

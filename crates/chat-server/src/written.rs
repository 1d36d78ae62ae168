//! Addresses as they are written down: in the log, in the audit log, for operators. They are personal, so that a house may do without.

use std::fmt;

/// Whether addresses are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) written: bool,
}

/// An address, or nothing of it.
#[derive(Clone, Copy)]
pub(crate) struct Written<T>(Option<T>);

impl Addresses {
    pub(crate) fn of<T>(self, address: T) -> Written<T> {
        Written(self.written.then_some(address))
    }
}

impl<T: fmt::Display> fmt::Display for Written<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("not kept"),
        }
    }
}

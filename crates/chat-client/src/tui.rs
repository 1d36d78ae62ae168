//! The full screen: rooms, messages and members at once, for a person at a terminal.
//!
//! [`state`] holds all that is shown and decides what keys and events mean; [`view`] draws it; both are pure, and know nothing of the
//! terminal, the network or the clock. [`run`] carries events, keys and answers to the one and effects from it.

mod areas;
mod complete;
mod effect;
mod input;
mod keeper;
mod layout;
mod links;
mod room;
mod run;
pub(crate) mod settings;
mod state;
mod terminal;
mod theme;
mod view;
mod wrap;

pub(crate) use self::run::run;

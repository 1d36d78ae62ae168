//! The shapes of what goes over the wire, without IO and without a clock.

pub mod clean;
pub mod codec;
pub mod json;
pub mod limits;
pub mod message;
pub mod names;
pub mod telnet;
pub mod text;
pub mod value;

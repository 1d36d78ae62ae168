//! The text dialect: lines for people with netcat or telnet.
//!
//! [`parse`] turns a person's line into an [`Input`]; the functions of [`render`] append the server's lines.
//! Pure functions: the time zone in which times are shown is an argument.

mod command;
mod moderate;
mod parse;
pub mod render;

pub use parse::{Input, Login, parse, parse_login};

/// Asks for an alias: the first line of a connection.
pub const ALIAS: &str = "ALIAS?";
/// Asks for the password of an account.
pub const PASSWORD: &str = "PASSWORD?";
/// Asks for an invite.
pub const INVITE: &str = "INVITE?";
/// The alias was accepted.
pub const CONNECTED: &str = "You are now connected!";

/// What `/help` shows, a line each.
pub const HELP: &[&str] = &[
    "what you type is said in the room; these lines do something else:",
    "  @bob text, /msg bob text   say it to bob alone; kept between accounts",
    "  /me waves                  say what you do: * alice waves",
    "  /nick NAME                 change your alias",
    "  /who, /rooms               who is here; which rooms there are",
    "  /join ROOM                 go to another room, or make it",
    "  /history [N], /search WORDS   older messages; /history @bob, /search @bob WORDS",
    "  /private                   make this room its members'; /invite NAME, /uninvite NAME",
    "  /redact                    take back what you said last; /redact @bob what you told bob",
    "  /topic [TEXT]              show or set the room's topic",
    "  /ignore NAME, /unignore NAME   hide somebody's messages from you",
    "  /register PASSWORD         make your alias yours alone; /password NEW, /unregister PASSWORD",
    "  /help, /quit [REASON]      this; leave; /help operators lists what operators may do",
    "  //text, @@text             say /text, @text",
];

/// What `/help operators` shows, a line each.
pub const OPERATOR_HELP: &[&str] = &[
    "operators are accounts that may do this too; each use is in the audit log:",
    "  /kick NAME [REASON]        close somebody's connections",
    "  /ban NAME|ADDRESS|CIDR [30m|7d|forever] [REASON], /unban …, /bans",
    "  /mute NAME [30m], /unmute NAME   let somebody listen only",
    "  /redact NAME [N] [REASON]  take away what somebody said here last, or the N-th newest of it",
    "  /whois NAME                address, account, age",
    "  /close ROOM, /open ROOM    nobody is in a room or finds it; everybody may again",
    "  /announce TEXT             say it to everybody in all rooms",
    "  /guests off|on, /slow 30s|off, /announce-only on|off   for big events",
    "  /op NAME, /deop NAME, /audit   who may do this; what was done",
];

/// What `/help` shows while the server asks for an alias.
pub const LOGIN_HELP: &[&str] =
    &["type the name that others shall see, 1 to 32 letters, digits, _ - or . and press Enter", "/quit leaves"];

#[cfg(test)]
mod tests;

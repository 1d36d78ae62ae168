//! What operators may do, and what they are answered.

use serde::{Deserialize, Serialize};

use crate::names::Alias;
use crate::value::Time;

/// An operator's request, tagged by `do`. Each is refused with `forbidden` to everybody else, and written into the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Moderation {
    /// Closes somebody's connections. He may come back.
    Kick {
        /// Whose.
        name: String,
        /// Told to him.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Keeps a person or addresses out.
    Ban {
        /// An alias, an address, or a range of addresses (`192.0.2.0/24`).
        target: String,
        /// For how long; without it for good.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
        /// Told to whoever is turned away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Needed where it hits more than 5 connections.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sure: bool,
    },
    /// Ends a ban.
    Unban {
        /// What was banned, as `bans` shows it.
        target: String,
    },
    /// Asks which bans and mutes are in force.
    Bans {
        /// Go on after the one with this number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
    },
    /// Lets somebody listen, and nothing more.
    Mute {
        /// Whom.
        name: String,
        /// For how long; without it until `unmute`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
    },
    /// Ends a mute.
    Unmute {
        /// Whose.
        name: String,
    },
    /// Makes an account an operator's.
    Op {
        /// Its alias.
        name: String,
    },
    /// Takes that back.
    Deop {
        /// Its alias.
        name: String,
    },
    /// Says something to everybody in all rooms.
    Announce {
        /// What.
        text: String,
    },
    /// Closes a room: nobody is in it or finds it any more, until it is opened again. What was said in it is kept.
    Close {
        /// Its name.
        room: String,
    },
    /// Opens a room that was closed, to everybody.
    Open {
        /// Its name.
        room: String,
    },
    /// Asks who somebody is.
    Whois {
        /// His alias.
        name: String,
    },
    /// Whether people without an account may come in. Those who are here stay.
    Guests {
        /// They may.
        on: bool,
    },
    /// Time that each person has to leave between two messages.
    Slow {
        /// 0: none.
        seconds: u64,
    },
    /// Whether operators alone may speak in rooms.
    AnnounceOnly {
        /// They alone.
        on: bool,
    },
    /// Asks what operators did, newest first.
    Audit {
        /// Go on before the one with this number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<u64>,
        /// Entries wanted: at most 100.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    },
}

/// A ban or a mute that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// Its number: they are in its order.
    pub number: u64,
    /// What it forbids.
    pub kind: RuleKind,
    /// An alias, an address or a range of addresses.
    pub target: String,
    /// When it ends; never, where this is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// What whoever is turned away is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The operator who made it.
    pub by: Alias,
    /// When.
    pub time: Time,
}

/// What a rule forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleKind {
    /// To come in.
    Ban,
    /// To speak.
    Mute,
    /// Something that this version doesn't know.
    #[serde(other)]
    Unknown,
}

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoisInfo {
    /// His alias.
    pub name: Alias,
    /// Whether it is an account's.
    pub account: bool,
    /// Whether he is an operator.
    pub operator: bool,
    /// When the account was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,
    /// The connections that are open.
    pub connections: Vec<ConnectionInfo>,
}

/// A connection of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionInfo {
    /// Where it comes from, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Seconds since it was opened.
    pub seconds: u64,
}

/// Something an operator did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditInfo {
    /// 1, 2, 3 …
    pub number: u64,
    /// When.
    pub time: Time,
    /// Who: an operator's alias, or [`SERVER`](Self::SERVER).
    pub by: String,
    /// What, in words.
    pub what: String,
}

impl AuditInfo {
    /// Did what was done on the server's machine, by whoever may read its files. Nobody can have this alias.
    pub const SERVER: &str = "server";
}

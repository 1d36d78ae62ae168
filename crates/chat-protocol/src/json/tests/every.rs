//! Lists of all that there is. A new variant doesn't compile until it is listed, and what is listed has to be made.

use std::collections::BTreeSet;
use std::fmt::Debug;

use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::message::*;
use crate::value::Kind;

/// All values of a type that has only names. Without a wildcard, as in [`variants`].
macro_rules! values {
    ($type:ident: $($name:ident)*) => {{
        let _listed = |value: $type| match value {
            $($type::$name => {})*
        };
        &[$($type::$name),*]
    }};
}

pub(super) const ERROR_CODES: &[ErrorCode] = values!(ErrorCode: BadLine LineTooLong BadJson UnknownType BadField BadVersion
    HelloFirst HelloTwice BadAlias AliasTaken UnknownSession WrongPassword InviteRequired BadInvite NoSuchAlias NoSuchRoom
    NoSuchMessage NotInRoom MailboxFull IdConflict StorageFull Forbidden Muted Limit Unknown);

pub(super) const BYE_CODES: &[ByeCode] =
    values!(ByeCode: Quit Shutdown Replaced Kicked Banned Stalled Timeout Full Limit Storage Failed Unknown);

pub(super) const KINDS: &[Kind] = values!(Kind: Say Action);

pub(super) const RULE_KINDS: &[RuleKind] = values!(RuleKind: Ban Mute Unknown);

/// The names of all variants, and which of them a value is.
pub(super) struct Variants<T> {
    names: &'static [&'static str],
    name: fn(&T) -> &'static str,
}

/// Without a wildcard: with a new variant it doesn't compile until that is listed.
macro_rules! variants {
    ($type:ident: $($name:ident)*) => {
        Variants {
            names: &[$(stringify!($name)),*],
            name: |value: &$type| match value {
                $($type::$name { .. } => stringify!($name),)*
            },
        }
    };
}

pub(super) const CLIENT_MESSAGES: Variants<ClientMessage> = variants!(ClientMessage: Hello Say Private Join Leave Nick
    Register Password Unregister Who Rooms History Search Topic Redact MakePrivate Invite Uninvite Moderate Ping Quit);

pub(super) const MODERATIONS: Variants<Moderation> = variants!(Moderation: Kick Ban Unban Bans Mute Unmute Op Deop Announce
    Close Open Whois Guests Slow AnnounceOnly Audit);

pub(super) const SERVER_MESSAGES: Variants<ServerMessage> = variants!(ServerMessage: Welcome Joined Message End Ack Private
    Presence Who Rooms Gap Reset Redacted Topic Left Invited Bans Whois Audit Announcement Error Pong Bye Unknown);

impl<T: Debug> Variants<T> {
    /// A strategy makes all of them, but for those that nobody sends.
    pub(super) fn assert_made(&self, any: &impl Strategy<Value = T>, but: &[&str]) {
        // The same values each time.
        let mut runner = TestRunner::deterministic();
        let mut one = || (self.name)(&any.new_tree(&mut runner).expect("a value").current());
        let made: BTreeSet<_> = (0..100 * self.names.len()).map(|_| one()).collect();
        let expected = self.names.iter().copied().filter(|name| !but.contains(name)).collect();
        assert_eq!(made, expected);
    }
}

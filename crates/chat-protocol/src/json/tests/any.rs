//! Any message. That each variant is made is checked by [`super::every`].

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::every::{BYE_CODES, ERROR_CODES, KINDS, RULE_KINDS};
use crate::message::*;
use crate::names::{Alias, RoomName};
use crate::value::{Invite, Kind, MessageId, Password, Seq, Text, Time};

fn alias() -> impl Strategy<Value = Alias> {
    prop_oneof!["[a-z][a-z0-9_.-]{0,31}", "[あ-ん]{1,8}", Just("Zoë".to_owned())]
        .prop_filter_map("an alias", |name| Alias::new(&name).ok())
}

fn room() -> impl Strategy<Value = RoomName> {
    "[a-z0-9@][a-z0-9_.-]{0,31}".prop_filter_map("a room", |name| RoomName::new(&name).ok())
}

fn id() -> impl Strategy<Value = MessageId> {
    "\\PC{1,16}".prop_filter_map("an id", |id| MessageId::new(&id).ok())
}

fn kind() -> impl Strategy<Value = Kind> {
    select(KINDS)
}

fn seq() -> impl Strategy<Value = Seq> {
    any::<u64>().prop_map(Seq::new)
}

fn time() -> impl Strategy<Value = Time> {
    // Years 1 to 9999.
    (-62_135_596_800_000_i64..=253_402_214_400_000).prop_map(Time::from_millis)
}

fn text() -> impl Strategy<Value = Text> {
    any::<String>().prop_map(|raw| Text::new(&raw))
}

fn start() -> impl Strategy<Value = RoomStart> {
    (room(), option::of(seq())).prop_map(|(room, after)| RoomStart { room, after })
}

fn password() -> impl Strategy<Value = Password> {
    any::<String>().prop_map(Password::new)
}

fn hello() -> impl Strategy<Value = Hello> {
    let secrets = (option::of(any::<String>()), option::of(password()), option::of(any::<String>()));
    let rest = (
        any::<u32>(),
        option::of(any::<String>()),
        any::<bool>(),
        option::of(vec(start(), 0..4)),
        option::of(any::<u32>()),
    );
    (any::<String>(), secrets, rest).prop_map(
        |(alias, (session, password, invite), (v, log, quiet, rooms, history))| Hello {
            alias,
            v,
            session,
            log,
            password,
            invite: invite.map(Invite::new),
            quiet,
            rooms,
            history,
        },
    )
}

pub(super) fn moderation() -> impl Strategy<Value = Moderation> {
    let words = || any::<String>();
    prop_oneof![
        (words(), option::of(words())).prop_map(|(name, reason)| Moderation::Kick { name, reason }),
        (words(), option::of(any::<u64>()), option::of(words()), any::<bool>())
            .prop_map(|(target, seconds, reason, sure)| Moderation::Ban { target, seconds, reason, sure }),
        words().prop_map(|target| Moderation::Unban { target }),
        option::of(any::<u64>()).prop_map(|after| Moderation::Bans { after }),
        (words(), option::of(any::<u64>())).prop_map(|(name, seconds)| Moderation::Mute { name, seconds }),
        words().prop_map(|name| Moderation::Unmute { name }),
        words().prop_map(|name| Moderation::Op { name }),
        words().prop_map(|name| Moderation::Deop { name }),
        words().prop_map(|text| Moderation::Announce { text }),
        words().prop_map(|room| Moderation::Close { room }),
        words().prop_map(|room| Moderation::Open { room }),
        words().prop_map(|name| Moderation::Whois { name }),
        any::<bool>().prop_map(|on| Moderation::Guests { on }),
        any::<bool>().prop_map(|on| Moderation::AnnounceOnly { on }),
        any::<u64>().prop_map(|seconds| Moderation::Slow { seconds }),
        (option::of(any::<u64>()), option::of(any::<u32>()))
            .prop_map(|(before, limit)| Moderation::Audit { before, limit }),
    ]
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        seq().prop_map(|seq| Which::At { seq }),
        (any::<u32>(), option::of(any::<String>())).prop_map(|(nth, name)| Which::Newest { nth, name }),
    ]
}

pub(super) fn client_message() -> impl Strategy<Value = ClientMessage> {
    let query = (option::of(seq()), option::of(seq()), option::of(any::<u32>()))
        .prop_map(|(before, after, limit)| HistoryQuery { before, after, limit });
    let name = || option::of(any::<String>());
    prop_oneof![
        hello().prop_map(ClientMessage::Hello),
        (room(), any::<String>(), option::of(id()), kind()).prop_map(|(room, text, id, kind)| ClientMessage::Say {
            room,
            text,
            id,
            kind
        }),
        (any::<String>(), any::<String>(), option::of(id()), kind())
            .prop_map(|(to, text, id, kind)| ClientMessage::Private { to, text, id, kind }),
        (start(), option::of(any::<u32>()), option::of(id())).prop_map(|(start, history, id)| ClientMessage::Join {
            start,
            history,
            id
        }),
        (room(), option::of(id())).prop_map(|(room, id)| ClientMessage::Leave { room, id }),
        (any::<String>(), option::of(id())).prop_map(|(alias, id)| ClientMessage::Nick { alias, id }),
        (password(), option::of(id())).prop_map(|(password, id)| ClientMessage::Register { password, id }),
        (option::of(password()), password(), option::of(id()))
            .prop_map(|(password, new, id)| ClientMessage::Password { password, new, id }),
        (password(), option::of(id())).prop_map(|(password, id)| ClientMessage::Unregister { password, id }),
        (room(), name(), option::of(any::<u32>()), option::of(id()))
            .prop_map(|(room, after, limit, id)| ClientMessage::Who { room, after, limit, id }),
        (name(), option::of(any::<u32>()), option::of(id())).prop_map(|(after, limit, id)| ClientMessage::Rooms {
            after,
            limit,
            id
        }),
        (room(), query, option::of(id())).prop_map(|(room, query, id)| ClientMessage::History { room, query, id }),
        (room(), any::<String>(), option::of(seq()), option::of(any::<u32>()), option::of(id()))
            .prop_map(|(room, query, before, limit, id)| ClientMessage::Search { room, query, before, limit, id }),
        (room(), any::<String>(), option::of(id())).prop_map(|(room, text, id)| ClientMessage::Topic {
            room,
            text,
            id
        }),
        (room(), which(), option::of(any::<String>()), option::of(id()))
            .prop_map(|(room, which, reason, id)| ClientMessage::Redact { room, which, reason, id }),
        (room(), option::of(id())).prop_map(|(room, id)| ClientMessage::MakePrivate { room, id }),
        (room(), any::<String>(), option::of(id())).prop_map(|(room, name, id)| ClientMessage::Invite {
            room,
            name,
            id
        }),
        (room(), any::<String>(), option::of(id())).prop_map(|(room, name, id)| ClientMessage::Uninvite {
            room,
            name,
            id
        }),
        (moderation(), option::of(id())).prop_map(|(act, id)| ClientMessage::Moderate { act, id }),
        option::of(id()).prop_map(|id| ClientMessage::Ping { id }),
        name().prop_map(|reason| ClientMessage::Quit { reason }),
    ]
}

fn changes() -> impl Strategy<Value = Changes> {
    let renamed = vec((alias(), alias()).prop_map(|(from, to)| Rename { from, to }), 0..3);
    let reasons = proptest::collection::btree_map(alias(), any::<String>(), 0..3);
    (vec(alias(), 0..4), vec(alias(), 0..4), reasons, renamed).prop_map(|(joined, left, reasons, renamed)| Changes {
        joined,
        left,
        reasons,
        renamed,
    })
}

fn rule() -> impl Strategy<Value = RuleInfo> {
    let words = (any::<String>(), option::of(any::<String>()));
    (any::<u64>(), select(RULE_KINDS), words, option::of(time()), alias(), time()).prop_map(
        |(number, kind, (target, reason), until, by, time)| RuleInfo { number, kind, target, until, reason, by, time },
    )
}

fn whois() -> impl Strategy<Value = WhoisInfo> {
    let connection =
        (option::of(any::<String>()), any::<u64>()).prop_map(|(address, seconds)| ConnectionInfo { address, seconds });
    (alias(), any::<bool>(), any::<bool>(), option::of(time()), vec(connection, 0..3)).prop_map(
        |(name, account, operator, created, connections)| WhoisInfo { name, account, operator, created, connections },
    )
}

fn audit() -> impl Strategy<Value = AuditInfo> {
    (any::<u64>(), time(), any::<String>(), any::<String>()).prop_map(|(number, time, by, what)| AuditInfo {
        number,
        time,
        by,
        what,
    })
}

pub(super) fn server_message() -> impl Strategy<Value = ServerMessage> {
    let limits = (any::<u32>(), any::<u32>()).prop_map(|(a, b)| LimitsInfo {
        max_text: a as usize,
        max_line: b as usize,
        max_lines: 3,
        max_rate: a,
        burst: b,
        max_unacked: 64,
        max_rooms: 32,
    });
    let stored = (room(), seq(), time(), alias(), text(), kind())
        .prop_map(|(room, seq, time, from, text, kind)| Stored { room, seq, time, from, text, kind });
    let retry = || option::of(any::<u64>());
    let refusal = (option::of(id()), option::of(room()), select(ERROR_CODES), any::<String>(), retry())
        .prop_map(|(id, room, code, message, retry_after_ms)| Refusal { id, room, code, message, retry_after_ms });
    let bye = (select(BYE_CODES), any::<String>(), retry()).prop_map(|(code, reason, retry_after_ms)| Bye {
        code,
        reason,
        retry_after_ms,
    });
    let ack = (
        id(),
        option::of(room()),
        option::of(seq()),
        option::of(time()),
        option::of(alias()),
        option::of(any::<bool>()),
    )
        .prop_map(|(id, room, seq, time, to, durable)| ServerMessage::Ack { id, room, seq, time, to, durable });
    let counts = vec((room(), any::<u64>(), any::<String>()), 0..3);
    prop_oneof![
        (alias(), any::<bool>(), any::<String>(), any::<String>(), limits).prop_map(
            |(alias, account, session, log, limits)| {
                ServerMessage::Welcome {
                    alias,
                    account,
                    session,
                    log,
                    server: "chat-server".to_owned(),
                    version: "0".to_owned(),
                    limits,
                }
            }
        ),
        (room(), any::<String>(), any::<u64>(), vec(alias(), 0..4), seq()).prop_map(
            |(room, topic, count, members, head)| ServerMessage::Joined { room, topic, count, members, head }
        ),
        (stored, any::<bool>(), option::of(id())).prop_map(|(stored, own, re)| ServerMessage::Message {
            stored,
            own,
            re
        }),
        (option::of(id()), any::<bool>()).prop_map(|(re, more)| ServerMessage::End { re, more }),
        ack,
        (time(), alias(), alias(), text(), kind(), option::of((room(), seq())), any::<bool>()).prop_map(
            |(time, from, to, text, kind, kept, own)| {
                let (room, seq) = kept.unzip();
                ServerMessage::Private { time, from, to, text, kind, room, seq, own }
            }
        ),
        (room(), any::<u64>(), option::of(changes())).prop_map(|(room, count, changes)| ServerMessage::Presence {
            room,
            count,
            changes
        }),
        (room(), any::<u64>(), vec(alias(), 0..4), option::of(id()), any::<bool>())
            .prop_map(|(room, count, members, re, more)| ServerMessage::Who { room, count, members, re, more }),
        (counts, option::of(id()), any::<bool>()).prop_map(|(rooms, re, more)| {
            let rooms = rooms.into_iter().map(|(room, count, topic)| RoomCount { room, count, topic }).collect();
            ServerMessage::Rooms { rooms, re, more }
        }),
        (room(), seq(), seq(), option::of(id())).prop_map(|(room, from, to, re)| ServerMessage::Gap {
            room,
            from,
            to,
            re
        }),
        (room(), seq()).prop_map(|(room, head)| ServerMessage::Reset { room, head }),
        (room(), seq(), alias()).prop_map(|(room, seq, by)| ServerMessage::Redacted { room, seq, by }),
        (room(), any::<String>()).prop_map(|(room, reason)| ServerMessage::Left { room, reason }),
        (room(), alias()).prop_map(|(room, by)| ServerMessage::Invited { room, by }),
        (room(), any::<String>(), alias()).prop_map(|(room, text, from)| ServerMessage::Topic { room, text, from }),
        (vec(rule(), 0..3), option::of(id()), any::<bool>()).prop_map(|(bans, re, more)| ServerMessage::Bans {
            bans,
            re,
            more
        }),
        (whois(), option::of(id())).prop_map(|(info, re)| ServerMessage::Whois { info, re }),
        (vec(audit(), 0..3), option::of(id()), any::<bool>()).prop_map(|(entries, re, more)| ServerMessage::Audit {
            entries,
            re,
            more
        }),
        (time(), alias(), text()).prop_map(|(time, from, text)| ServerMessage::Announcement { time, from, text }),
        refusal.prop_map(ServerMessage::Error),
        option::of(id()).prop_map(|id| ServerMessage::Pong { id }),
        bye.prop_map(ServerMessage::Bye),
    ]
}

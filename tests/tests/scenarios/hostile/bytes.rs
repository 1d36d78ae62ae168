//! The table: a name, bytes, the beginnings of all lines that come back, all that others hear.

use super::bytes::Sent::{Between, Bytes, Times};

#[derive(Clone, Copy, Debug)]
pub(super) enum Sent {
    Bytes(&'static [u8]),
    /// So often.
    Times(usize, &'static [u8]),
    /// Something, another thing so often, and something.
    Between(&'static [u8], usize, &'static [u8], &'static [u8]),
}

/// What is sent in one go, and then the end of input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) sent: Sent,
    pub(super) back: &'static [&'static str],
    pub(super) heard: &'static [&'static str],
}

const ASK: &str = "ALIAS?";
const IN: &str = "You are now connected!";
const HERE: &str = "*** You are mallory, in #lobby; nobody else is here.";
const LEFT: &str = "*** bye: you left";
const WELCOME: &str = "{\"type\":\"welcome\",\"alias\":\"mallory\",\"session\":\"";
const JOINED: &str =
    "{\"type\":\"joined\",\"room\":\"lobby\",\"topic\":\"\",\"count\":1,\"members\":[\"mallory\"],\"head\":0}";
const BYE: &str = "{\"type\":\"bye\",\"code\":\"quit\",\"reason\":\"you left\"}";

const fn case(name: &'static str, sent: Sent, back: &'static [&'static str], heard: &'static [&'static str]) -> Case {
    Case { name, sent, back, heard }
}

pub(super) const BYTES: &[Case] = &[
    // Before the introduction, as a person.
    case("nothing", Bytes(b""), &[ASK, LEFT], &[]),
    case("empty lines", Times(50, b"\n"), &[ASK, "!!! a name has 1 to 32 characters; this one is empty", "*** bye: 10 tries are enough; connect again to go on"], &[]),
    case("an alias without an end", Bytes(b"mallory"), &[ASK, LEFT], &[]),
    case("commands before the alias", Bytes(b"/join ops\n/who\n/nick eve\n@watcher psst\n"), &[ASK, "!!! \"/\" cannot be in a name; letters and digits can, and _ . -", "!!! \"@\" cannot be in a name; letters and digits can, and _ . -", ASK, LEFT], &[]),
    case("help and quit", Bytes(b"/help\n/quit now\nmallory\nsaid after\n"), &[ASK, "*** type the name that others shall see, 1 to 32 letters, digits, _ - or . and press Enter", "*** /quit leaves", ASK, LEFT], &[]),
    case("eleven bad aliases", Times(11, b".\n"), &[ASK, "!!! a name cannot begin with \".\"; it can begin with a letter, a digit or _", "*** bye: 10 tries are enough; connect again to go on"], &[]),
    case("the server's own names", Bytes(b"server\nSYSTEM\nadmin\nyou\neveryone\n"), &[ASK, "!!! server is reserved; choose another name", "!!! SYSTEM is too much like system, which is reserved; choose another name", ASK, "!!! admin is reserved; choose another name", "!!! you is reserved; choose another name", ASK, "!!! everyone is reserved; choose another name", LEFT], &[]),
    case("what the server asks", Bytes(b"ALIAS?\nPASSWORD?\n"), &[ASK, "!!! \"?\" cannot be in a name; letters and digits can, and _ . -", LEFT], &[]),
    case("a bell in an alias", Bytes(b"mal\x07lory\n"), &[ASK, "!!! U+0007 cannot be in a name; letters and digits can, and _ . -", LEFT], &[]),
    case("an escape sequence in an alias", Bytes(b"\x1b[31mmallory\n"), &[ASK, "!!! U+001B cannot be in a name; letters and digits can, and _ . -", LEFT], &[]),
    case("an override in an alias", Bytes("mal\u{202e}yrol\n".as_bytes()), &[ASK, "!!! U+202E cannot be in a name; letters and digits can, and _ . -", LEFT], &[]),
    case("a joiner in an alias", Bytes("wat\u{200d}cher\n".as_bytes()), &[ASK, "!!! U+200D cannot be in a name; letters and digits can, and _ . -", LEFT], &[]),
    case("a Cyrillic watcher", Bytes("w\u{430}tcher\n".as_bytes()), &[ASK, "!!! a name keeps to one script, or joins Latin with Chinese, Japanese or Korean; this one has Latin \"w\" beside Cyrillic \"а\" (U+0430)", LEFT], &[]),
    case("a full-width watcher", Bytes("\u{ff57}atcher\n".as_bytes()), &[ASK, "!!! \"ｗ\" (U+FF57) cannot be in a name; letters and digits can, and _ . -, and so can \"w\"", LEFT], &[]),
    case("an alias under a heap of marks", Bytes("a\u{301}\u{301}\u{301}\u{301}\n".as_bytes()), &[ASK, "!!! the mark U+0301 cannot be seen on \"á\" (U+00E1), which has it already; leave it out", LEFT], &[]),
    case("an alias of 33", Bytes(b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"), &[ASK, "!!! a name has 1 to 32 characters; this one has 33", LEFT], &[]),
    case("an alias of a megabyte", Between(b"", 1 << 20, b"a", b"\n"), &[ASK, "!!! the line has 1048576 bytes; at most 32768 are allowed", LEFT], &[]),
    case("a hundred lines that are none", Times(150, b"\xff\n"), &[ASK, "!!! the line is not UTF-8 (byte 0xff at position 1); set your terminal to UTF-8", "*** bye: 100 lines are enough; connect again to go on"], &[]),
    case("somebody else's alias", Bytes(b"WATCHER\n"), &[ASK, "!!! WATCHER is taken; WATCHER2 is free", LEFT], &[]),
    // Strangers.
    case("a browser's request", Bytes(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nmallory\nhello\n"), &[ASK, "HTTP/1.1 400 Bad Request", "Content-Type: text/plain; charset=utf-8", "Content-Length: 75", "X-Content-Type-Options: nosniff", "Connection: close", "", "This is a port for chat clients, and this server has no page for browsers."], &[]),
    case("a form with chat in it", Bytes(b"POST / HTTP/1.1\r\nContent-Length: 14\r\n\r\nmallory\nhello\n"), &[ASK, "HTTP/1.1 400 Bad Request", "Content-Type: text/plain; charset=utf-8", "Content-Length: 75", "X-Content-Type-Options: nosniff", "Connection: close", "", "This is a port for chat clients, and this server has no page for browsers."], &[]),
    case("a request of a WebSocket", Bytes(b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), &[ASK, "HTTP/1.1 400 Bad Request", "Content-Type: text/plain; charset=utf-8", "Content-Length: 75", "X-Content-Type-Options: nosniff", "Connection: close", "", "This is a port for chat clients, and this server has no page for browsers."], &[]),
    case("the preface of HTTP/2", Bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), &[ASK, "HTTP/1.1 400 Bad Request", "Content-Type: text/plain; charset=utf-8", "Content-Length: 75", "X-Content-Type-Options: nosniff", "Connection: close", "", "This is a port for chat clients, and this server has no page for browsers."], &[]),
    case("a greeting of TLS", Bytes(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\nmallory\nhello\n"), &[ASK], &[]),
    case("a banner of SSH", Bytes(b"SSH-2.0-OpenSSH_9.6\r\nmallory\nhello\n"), &[ASK, "!!! this is a chat server, not one of SSH; join it with nc, telnet or chat-client"], &[]),
    case("a header for balancers", Bytes(b"PROXY TCP4 192.0.2.1 192.0.2.9 1000 5555\r\nmallory\n"), &[ASK, "!!! a name has 1 to 32 characters; this one has 40", IN, HERE, LEFT], &[]),
    // A person who is here.
    case("a line without an end", Bytes(b"mallory\nunended"), &[ASK, IN, HERE, LEFT], &[]),
    case("not UTF-8", Bytes(b"mallory\n\xc3\x28\nstill here\n"), &[ASK, IN, HERE, "!!! the line is not UTF-8 (byte 0xc3 at position 1); set your terminal to UTF-8", LEFT], &["still here"]),
    case("an overlong encoding of a slash", Bytes(b"mallory\n\xc0\xafquit\n"), &[ASK, IN, HERE, "!!! the line is not UTF-8 (byte 0xc0 at position 1); set your terminal to UTF-8", LEFT], &[]),
    case("a line of a megabyte", Between(b"mallory\n", 1 << 20, b"x", b"\nstill here\n"), &[ASK, IN, HERE, "!!! the line has 1048576 bytes; at most 32768 are allowed", LEFT], &["still here"]),
    case("a text of 8193 bytes", Between(b"mallory\n", 8193, b"x", b"\n"), &[ASK, IN, HERE, "!!! the message has 8193 bytes; at most 8192 are allowed", LEFT], &[]),
    case("controls and escapes", Bytes(b"mallory\na\0b\x1b[2Jc\x08d\n"), &[ASK, IN, HERE, LEFT], &["a\u{fffd}b\u{fffd}[2Jc\u{fffd}d"]),
    case("a carriage return inside", Bytes(b"mallory\nhi\r*** bye: fake\n"), &[ASK, IN, HERE, LEFT], &["hi\u{fffd}*** bye: fake"]),
    case("other ends of lines", Bytes("mallory\na\u{2028}b\u{85}c\u{b}d\n".as_bytes()), &[ASK, IN, HERE, LEFT], &["a\u{fffd}b\u{fffd}c\u{fffd}d"]),
    case("overrides in a text", Bytes("mallory\na\u{202e}b\u{2066}c\n".as_bytes()), &[ASK, IN, HERE, LEFT], &["a\u{fffd}b\u{fffd}c"]),
    case("the server's voice", Bytes(b"mallory\n*** bye: you are out\n!!! no\n[12:00:00] bob: hi\n"), &[ASK, IN, HERE, LEFT], &["*** bye: you are out", "!!! no", "[12:00:00] bob: hi"]),
    case("a secret behind a blank", Bytes("mallory\n \u{200b}@nobody my password\n".as_bytes()), &[ASK, IN, HERE, "!!! no one here is called \"nobody\"", LEFT], &[]),
    case("unknown commands", Bytes(b"mallory\n/shutdown\n/\x1b[2J\n/msg\n/me\n"), &[ASK, IN, HERE, "!!! unknown command /shutdown; /help lists the commands", "!!! unknown command /�[2j; /help lists the commands", "!!! a private message needs a name and a text: /msg bob hello", "!!! /me needs to know what you do: /me waves", LEFT], &[]),
    case("bad names to go by", Bytes(b"mallory\n/nick\n/nick server\n/nick watcher\n/nick a b\n"), &[ASK, IN, HERE, "!!! /nick needs the new name: /nick al", "!!! server is reserved; choose another name", "!!! watcher is taken; watcher2 is free", "!!! a space cannot be in a name; letters and digits can, and _ . -", LEFT], &[]),
    case("rooms that can't be", Bytes(b"mallory\n/join\n/join ../etc\n/join #\n/join a/b\n"), &[ASK, IN, HERE, "!!! /join needs a room: /join ops", "!!! \"/\" cannot be in a name; letters and digits can, and _ . -", "!!! a name has 1 to 32 characters; this one is empty", LEFT], &[]),
    case("absurd history", Bytes(b"mallory\n/history 99999999999999999999\n/history -1\n/history 0\n"), &[ASK, IN, HERE, "!!! /history takes a number from 1 to 500, not \"99999999999999999999\"", "!!! /history takes a number from 1 to 500, not \"-1\"", "!!! /history takes a number from 1 to 500, not \"0\"", LEFT], &[]),
    case("a search that is a query", Bytes(b"mallory\n/search\n/search \" OR text:*) --\n"), &[ASK, IN, HERE, "!!! /search needs words: /search lunch friday", "*** nothing found for \"\" OR text:*) --\"", LEFT], &[]),
    case("a topic of 2000 bytes", Between(b"mallory\n/topic ", 2000, b"t", b"\n"), &[ASK, IN, HERE, "!!! the topic has 2000 bytes; at most 1024 are allowed", LEFT], &[]),
    case("a topic of controls", Bytes(b"mallory\n/topic a\x1b]0;b\x07\n"), &[ASK, IN, HERE, "*** mallory set the topic: a�]0;b�", LEFT], &["(topic) a\u{fffd}]0;b\u{fffd}"]),
    case("what operators do", Bytes(b"mallory\n/ban watcher\n/kick watcher\n/op mallory\n/audit\n"), &[ASK, IN, HERE, "!!! only operators may do that", LEFT], &[]),
    case("a password that is none", Bytes(b"mallory\n/register\n/register short\n/unregister x\n"), &[ASK, IN, HERE, "!!! /register needs a password: /register PASSWORD", "!!! a password has at least 8 characters; this one has 5", "!!! mallory has no account; /register PASSWORD makes one", LEFT], &[]),
    case("a password for a guest's alias", Bytes(b"mallory\n/password correct horse\n"), &[ASK, IN, HERE, "!!! mallory has no account; /register PASSWORD makes one", LEFT], &[]),
    case("a reason with an escape", Bytes(b"mallory\n/quit \x1b[31mbye\n"), &[ASK, IN, HERE, LEFT], &[]),
    case("lines after the goodbye", Bytes(b"mallory\n/quit\nsaid after\n"), &[ASK, IN, HERE, LEFT], &[]),
    // Telnet.
    case("telnet options", Bytes(b"\xff\xfb\x1f\xff\xfd\x0amallory\nhi\xff\xf1\n"), &[ASK, IN, HERE, LEFT], &["hi"]),
    case("telnet's interrupt", Bytes(b"mallory\nhello\n\xff\xf4\xff\xfdsaid after\n"), &[ASK, IN, HERE, "��\u{6}*** bye: you left"], &["hello"]),
    case("a subnegotiation without an end", Between(b"mallory\n\xff\xfa\x18", 1 << 20, b"x", b"\nsaid\n"), &[ASK, IN, HERE, "!!! the line has 1044481 bytes; at most 32768 are allowed", LEFT], &["said"]),
    // A program.
    case("half an object", Bytes(b"{\"type\":\"hello\"\n"), &[ASK, "{\"type\":\"error\",\"code\":\"bad_json\",\"message\":\"this line is not JSON: EOF while parsing an object (column 15)\"}", BYE], &[]),
    case("an object without an end", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\"}"), &[ASK, BYE], &[]),
    case("an empty object", Bytes(b"{}\n"), &[ASK, "{\"type\":\"error\",\"code\":\"unknown_type\",\"message\":\"the object has no \\\"type\\\"\"}", BYE], &[]),
    case("a list", Bytes(b"[{\"type\":\"hello\"}]\n"), &[ASK, "!!! \"[\" cannot be in a name; letters and digits can, and _ . -", LEFT], &[]),
    case("before hello", Bytes(b"{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"hi\",\"id\":\"1\"}\n{\"type\":\"who\",\"room\":\"lobby\"}\n"), &[ASK, "{\"type\":\"error\",\"id\":\"1\",\"code\":\"hello_first\",\"message\":\"say hello first\"}", "{\"type\":\"error\",\"code\":\"hello_first\",\"message\":\"say hello first\"}", BYE], &[]),
    case("no alias", Bytes(b"{\"type\":\"hello\"}\n{\"type\":\"hello\",\"alias\":7}\n"), &[ASK, "{\"type\":\"error\",\"code\":\"bad_field\",\"message\":\"hello: \\\"alias\\\" is missing; it is a text\"}", "{\"type\":\"error\",\"code\":\"bad_field\",\"message\":\"hello: \\\"alias\\\" is a text\"}", BYE], &[]),
    case("another version", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"v\":2}\n"), &[ASK, "{\"type\":\"error\",\"code\":\"bad_version\",\"message\":\"this server speaks version 1, not 2\"}", BYE], &[]),
    case("a foreign session", Bytes(b"{\"type\":\"hello\",\"session\":\"0123456789abcdef\"}\n{\"type\":\"hello\",\"session\":\"\"}\n"), &[ASK, "{\"type\":\"error\",\"code\":\"unknown_session\",\"message\":\"this server doesn't know that session; say hello without it to begin a new one\"}", BYE], &[]),
    case("a session of a megabyte", Between(b"{\"type\":\"hello\",\"session\":\"", 1 << 20, b"f", b"\"}\n"), &[ASK, "{\"type\":\"error\",\"code\":\"line_too_long\",\"message\":\"the line has 1048605 bytes; at most 32768 are allowed\"}", BYE], &[]),
    case("a made-up invite", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"invite\":\"x\",\"password\":\"correct horse\"}\n"), &[ASK, "{\"type\":\"error\",\"code\":\"bad_invite\",\"message\":\"that invite can't be used: it is wrong, used already or out of time\"}", BYE], &[]),
    case("a made-up password", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"password\":\"correct horse\"}\n"), &[ASK, "{\"type\":\"error\",\"code\":\"wrong_password\",\"message\":\"that is not the password of that alias\"}", BYE], &[]),
    case("eleven hellos", Times(11, b"{\"type\":\"hello\",\"alias\":\"watcher\"}\n"), &[ASK, "{\"type\":\"error\",\"code\":\"alias_taken\",\"message\":\"watcher is taken; watcher2 is free\"}", "{\"type\":\"bye\",\"code\":\"limit\",\"reason\":\"10 tries are enough; connect again to go on\"}"], &[]),
    case("33 rooms", Between(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"rooms\":[{\"room\":\"a\"}", 32, b",{\"room\":\"a\"}", b"]}\n"), &[ASK, "{\"type\":\"error\",\"code\":\"bad_field\",\"message\":\"rooms: at most 32 are allowed\"}", BYE], &[]),
    case("objects 5000 deep", Between(b"", 5000, b"{\"a\":", b"\n"), &[ASK, "{\"type\":\"error\",\"code\":\"bad_json\",\"message\":\"this line is not JSON: recursion limit exceeded (column 636)\"}", BYE], &[]),
    case("hello twice", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"rooms\":[]}\n{\"type\":\"hello\",\"alias\":\"eve\"}\n"), &[ASK, WELCOME, "{\"type\":\"error\",\"code\":\"hello_twice\",\"message\":\"this connection has said hello already\"}", BYE], &[]),
    case("types that aren't", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"rooms\":[]}\n{\"type\":\"welcome\"}\n{\"type\":7}\n{\"type\":\"message\"}\n"), &[ASK, WELCOME, "{\"type\":\"error\",\"code\":\"unknown_type\",\"message\":\"unknown type \\\"welcome\\\"\"}", "{\"type\":\"error\",\"code\":\"unknown_type\",\"message\":\"unknown type 7\"}", "{\"type\":\"error\",\"code\":\"unknown_type\",\"message\":\"unknown type \\\"message\\\"\"}", BYE], &[]),
    case("limits that aren't", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\"}\n{\"type\":\"history\",\"room\":\"lobby\",\"limit\":-1}\n{\"type\":\"history\",\"room\":\"lobby\",\"limit\":1e99}\n{\"type\":\"history\",\"room\":\"lobby\",\"before\":18446744073709551616}\n{\"type\":\"history\",\"room\":\"lobby\",\"after\":18446744073709551615,\"limit\":4294967295}\n"), &[ASK, WELCOME, JOINED, "{\"type\":\"error\",\"code\":\"bad_field\",\"message\":\"history: \\\"limit\\\" is a whole number from 0 to 4294967295\"}", "{\"type\":\"error\",\"code\":\"bad_field\",\"message\":\"history: \\\"before\\\" is a whole number from 0 to 18446744073709551615\"}", "{\"type\":\"end\",\"more\":false}", BYE], &[]),
    case("ids that can't be", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"rooms\":[]}\n{\"type\":\"ping\",\"id\":\"\"}\n{\"type\":\"ping\",\"id\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}\n"), &[ASK, WELCOME, "{\"type\":\"error\",\"code\":\"bad_field\",\"message\":\"ping: \\\"id\\\" is a text of 1 to 64 bytes\"}", BYE], &[]),
    case("half a surrogate", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\"}\n{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"\\ud800\"}\n"), &[ASK, WELCOME, JOINED, "{\"type\":\"error\",\"code\":\"bad_json\",\"message\":\"this line is not JSON: unexpected end of hex escape (column 44)\"}", BYE], &[]),
    case("escaped controls", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\"}\n{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"a\\u0000b\\u001b[2Jc\\r\\n*** bye: d\"}\n"), &[ASK, WELCOME, JOINED, BYE], &["a\u{fffd}b\u{fffd}[2Jc\n*** bye: d"]),
    case("101 lines", Between(b"{\"type\":\"hello\",\"alias\":\"mallory\"}\n{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"", 100, b"x\\n", b"x\"}\n"), &[ASK, WELCOME, JOINED, "{\"type\":\"error\",\"code\":\"limit\",\"message\":\"the message has 101 lines; at most 100 are allowed\"}", BYE], &[]),
    case("where one isn't", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"rooms\":[]}\n{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"hi\"}\n{\"type\":\"history\",\"room\":\"lobby\"}\n{\"type\":\"topic\",\"room\":\"lobby\",\"text\":\"t\"}\n{\"type\":\"leave\",\"room\":\"none\"}\n{\"type\":\"who\",\"room\":\"lobby\"}\n"), &[ASK, WELCOME, "{\"type\":\"error\",\"room\":\"lobby\",\"code\":\"not_in_room\",\"message\":\"you are not in #lobby; join it first\"}", "{\"type\":\"error\",\"room\":\"none\",\"code\":\"no_such_room\",\"message\":\"there is no room #none\"}", BYE], &[]),
    case("somebody else's message", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\"}\n{\"type\":\"redact\",\"room\":\"lobby\",\"seq\":1}\n{\"type\":\"redact\",\"room\":\"lobby\",\"seq\":0}\n"), &[ASK, WELCOME, JOINED, "{\"type\":\"error\",\"code\":\"no_such_message\",\"message\":\"there is no message 1 here, or none any more\"}", "{\"type\":\"error\",\"code\":\"no_such_message\",\"message\":\"there is no message 0 here, or none any more\"}", BYE], &[]),
    case("the same field twice", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\"}\n{\"type\":\"say\",\"room\":\"lobby\",\"text\":\"one\",\"text\":\"two\"}\n"), &[ASK, WELCOME, JOINED, "{\"type\":\"error\",\"code\":\"bad_field\",\"message\":\"say: duplicate field `text`\"}", BYE], &[]),
    case("moderation by a guest", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"rooms\":[]}\n{\"type\":\"moderate\",\"do\":\"ban\",\"target\":\"0.0.0.0/0\",\"sure\":true}\n"), &[ASK, WELCOME, "{\"type\":\"error\",\"code\":\"forbidden\",\"message\":\"only operators may do that\"}", BYE], &[]),
    case("telnet bytes in JSON", Bytes(b"{\"type\":\"hello\",\"alias\":\"mallory\",\"rooms\":[]}\n\xff\xf4\n{\"type\":\"ping\"}\n"), &[ASK, WELCOME, "{\"type\":\"error\",\"code\":\"bad_line\",\"message\":\"the line is not UTF-8 (byte 0xff at position 1); set your terminal to UTF-8\"}", "{\"type\":\"pong\"}", BYE], &[]),
];

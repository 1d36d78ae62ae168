//! Every bound of the server that is not a flag, with its unit and its reason. What happens when one is met stands where it is used.

use std::time::Duration;

/// Connections that wait in the kernel for the accept loop. The default of 128 makes a storm of connects wait a second for lost SYNs.
pub(crate) const BACKLOG: u32 = 4096;

/// The longest pause of the accept loop after an error, such as having no file descriptor left.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// How long a client may take to introduce itself.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(60);

/// Lines of any kind before an introduction. Those that aren't one cost no try, but they have to end some time.
pub(crate) const HANDSHAKE_LINES: u32 = 100;

/// How long a TLS handshake may take: two machines talk, nobody types.
pub const TLS_DEADLINE: Duration = Duration::from_secs(15);

/// How long a balancer may take to say for whom it speaks, which is the first thing that it sends.
pub(crate) const HEADER_DEADLINE: Duration = Duration::from_secs(5);

/// Connections of a balancer that haven't said it yet. More wait in the kernel.
pub(crate) const HEADERS_AT_ONCE: usize = 1024;

/// How often the certificate's files are looked at for a change.
pub(crate) const CERTIFICATE_POLL: Duration = Duration::from_secs(2);

/// How long a client may take no byte while there is something for it. With `STALLED_BYE_DEADLINE` it stays below
/// `USER_TIMEOUT`: the kernel counts from when the client's window closed, and once it gives up no words can arrive.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(30);

/// How long a client has to take its last words.
pub(crate) const BYE_DEADLINE: Duration = Duration::from_secs(2);

/// The same for one that took nothing: its alias is free by then, and it has to wake to be told why.
pub(crate) const STALLED_BYE_DEADLINE: Duration = Duration::from_secs(12);

/// How long the server reads on after its last words: a close over unread input is a reset, which would destroy them.
pub(crate) const LINGER: Duration = Duration::from_millis(500);

/// Bytes that are read and dropped in that time at most. More than one socket buffer of a client that pipelines.
pub(crate) const LINGER_BYTES: usize = 4 << 20;

/// How long what a leaving session sent may take to be stored before it is told good-bye.
pub(crate) const DRAIN_DEADLINE: Duration = Duration::from_secs(3);

/// How long everybody stays when the server stops, to hear what the others had said: with the last words less than
/// `STOP_DEADLINE`.
pub(crate) const HEAR_DEADLINE: Duration = Duration::from_millis(1900);

/// How long a connection that ends is listened to for more of what had arrived; the runtime looks at its sockets within that.
pub(crate) const ARRIVAL: Duration = Duration::from_millis(20);

/// Bytes that are still read from a connection when the server stops, for the whole lines that had arrived.
pub(crate) const DRAIN_BYTES: usize = 1 << 20;

/// Idle time after which TCP asks whether the peer is still there, and between two such questions.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(15);

/// Questions without an answer after which it isn't.
pub(crate) const KEEPALIVE_RETRIES: u32 = 2;

/// How long sent bytes may stay unacknowledged by the peer's kernel; keep-alive says nothing while there are some.
pub(crate) const USER_TIMEOUT: Duration = Duration::from_secs(45);

/// The most that the write deadline may be, whatever `--max-stall`: with what a stalled client has for its last words it is
/// over before the kernel gives the connection up, so that they can arrive.
pub const MAX_WRITE_DEADLINE: Duration =
    Duration::from_secs(USER_TIMEOUT.as_secs() - STALLED_BYE_DEADLINE.as_secs() - 1);

const _: () = assert!(
    WRITE_DEADLINE.as_secs() <= MAX_WRITE_DEADLINE.as_secs(),
    "the kernel would close a stalled connection before it is told why"
);

/// Bytes that the kernel holds for a client that doesn't read (Linux doubles the figure for its own bookkeeping). Left to
/// itself it would hold 4 MiB, and say that there is room again only once a third of that was taken: who reads 40 KB/s
/// would seem to take nothing for longer than [`WRITE_DEADLINE`].
pub(crate) const SEND_BUFFER: usize = 128 * 1024;

/// Bytes of one read from a socket, into a buffer that all sessions of a thread share.
pub(crate) const READ_BUFFER: usize = 16 * 1024;

/// Bytes after which a session stops collecting and writes: as much as the longest line, and what keeps a reader on a fast way busy.
pub const WRITE_BUDGET: usize = 64 * 1024;

/// Of so many deliveries of a batch one tells how long it took from its publication: enough for a histogram, and the others don't
/// contend for its counters.
pub(crate) const SAMPLED: u64 = 16;

/// Lines of one client that are carried out before others get a turn.
pub(crate) const LINES_PER_TURN: usize = 32;

/// Members woken for what was published whose tasks haven't run yet, of all rooms together: what stands before others in the
/// runtime's queue, half a millisecond of writes on one core. Few enough that whoever sends is heard and acked meanwhile,
/// enough that no thread has to wait for the next one.
pub(crate) const TURNS: usize = 64;

/// Rendered bytes of one batch, for either dialect: the unit in which receivers share memory.
pub(crate) const BATCH_BYTES: usize = 64 * 1024;

/// Batches that a room's channel holds for its receivers. Whoever falls further behind goes on from the tail.
pub(crate) const CHANNEL_BATCHES: usize = 64;

/// The same for a private conversation, which has two ends.
pub(crate) const CONVERSATION_BATCHES: usize = 8;

/// Rooms of which is on record who made them, or whose they are.
pub(crate) const MAX_GUARDED: usize = 20_000;

/// Members of one private room.
pub(crate) const MAX_MEMBERS: usize = 1000;

/// Private conversations of one account.
pub(crate) const MAX_CONVERSATIONS: usize = 10_000;

/// Conversations whose channels a session holds. Of those that go silent first it lets go.
pub(crate) const ATTENDED: usize = 16;

/// Conversations in which something was said that a session hasn't looked at yet. One that is so far behind is closed, and
/// finds all of it when it comes back.
pub(crate) const KNOCKS: usize = 1000;

/// Conversations that somebody who comes back is shown what he missed of; of more he is told the names.
pub(crate) const WAITING_CONVERSATIONS: usize = 10;

/// Messages that are emptied between two commits when somebody is erased.
pub(crate) const ERASE_STEP: usize = 100;

/// Messages that are looked at for that.
pub(crate) const ERASE_LOOK: usize = 10_000;

/// How long the connections of somebody who is erased may take to end.
pub(crate) const ERASE_PATIENCE: Duration = Duration::from_secs(10);

/// Messages of each that a person is shown. `/history @NAME` has all.
pub(crate) const WAITING_MESSAGES: u32 = 20;

/// Bytes of recent batches that a room with members keeps for those who join or lag.
pub(crate) const TAIL_BYTES: usize = 256 * 1024;

/// Entries that wait for the appender. When it is full, sessions wait for a place and read no further meanwhile.
pub(crate) const APPEND_QUEUE: usize = 4096;

/// Entries that one commit takes at most.
pub(crate) const COMMIT_ENTRIES: usize = 4096;

/// The least time between two rounds of the log while members are still being woken for those before: a room of 10,000 is
/// through within fewer rounds than its channel has batches.
pub(crate) const ROUND: Duration = Duration::from_millis(1);

/// How long one commit may last before nobody new is sent to this server: no disk that works takes so long.
pub(crate) const LOG_STUCK: Duration = Duration::from_secs(10);

/// How often a log that refused for want of room tries whether there is some again, though nobody says anything.
pub(crate) const REFUSING_EVERY: Duration = Duration::from_secs(2);

/// Reads of the store at once for those who come, come back or catch up. More would wait for the same disk.
pub(crate) const READS: usize = 4;

/// The same for those who ask for history or search, who hold up nobody but each other: a search may look at every message of a room.
pub const MAX_READS: usize = 4;

/// How long such a request may wait for its turn. Whoever asked doesn't know by then whether he was heard.
pub(crate) const READ_WAIT: Duration = Duration::from_secs(10);

/// Messages of one page of the store, which those who read at the same time share.
pub(crate) const PAGE_MESSAGES: u64 = 256;

/// Bytes of such pages that are held while somebody reads: everybody's way through 25,000 short messages.
pub(crate) const PAGES_BYTES: usize = 16 << 20;

/// How long a page may be used: what retention removed is served no longer than this.
pub(crate) const PAGES_LIFE: Duration = Duration::from_secs(10);

/// Bytes that stay free on the disk of the data folder unless the operator says otherwise: enough for a checkpoint and for
/// the system to go on.
pub const MIN_FREE: u64 = 64 << 20;

/// Commits in a row without a look at what can wait (the index, retention, checkpoints), while the queue is never empty.
pub(crate) const BUSY_ROUNDS: u32 = 8;

/// Pages of 4 KiB in the write-ahead log after which they are moved into the database: some ten milliseconds of work.
pub(crate) const WAL_PAGES: i64 = 1000;

/// Messages that the index of words takes in at once, some milliseconds of work between two commits.
pub(crate) const INDEX_STEP: usize = 256;

/// How long fewer than that wait for the index. Meanwhile they are looked at one by one.
pub(crate) const INDEX_DELAY: Duration = Duration::from_secs(2);

/// How often all rooms are looked at for messages that are kept no longer.
pub(crate) const RETENTION_EVERY: Duration = Duration::from_secs(60);

/// How often the size of the database is compared with `--keep-size`.
pub(crate) const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// Messages that retention removes between two commits.
pub(crate) const RETENTION_STEP: u64 = 256;

/// Rooms that retention looks at between two commits.
pub(crate) const ROOMS_STEP: usize = 64;

/// Free pages of the database that are given back to the disk at once.
pub(crate) const FREE_PAGES: i64 = 256;

/// Milliseconds after which a session's row is brought up to date when it is used again.
pub(crate) const SESSION_STEP: i64 = 3_600_000;

/// Sessions whose rows are known to be up to date. When there are more all are forgotten, and their rows looked at again.
pub(crate) const KNOWN_SESSIONS: usize = 10_000;

/// Messages that are read one by one where a page of them can't be read as a whole.
pub(crate) const SALVAGE: usize = 10_000;

/// Letters in one mailbox: what is meant for one session alone. A private message to a full one is refused.
pub(crate) const MAILBOX: usize = 256;

/// Time in which joins and leaves of one room are merged into one line.
pub(crate) const PRESENCE_WINDOW: Duration = Duration::from_millis(250);

/// The same for a room of more than `--max-roster` members, which is told the count alone.
pub(crate) const COUNT_WINDOW: Duration = Duration::from_secs(2);

/// Messages a session may send at once before `--max-rate` counts: a paste.
pub const BURST: u32 = 200;

/// Rooms there may be at most, whatever `--max-rooms`: each costs some kilobytes while it has members.
pub const MAX_ROOMS: usize = 10_000;

/// The time over which quotas are counted, beginning with the first that was taken.
pub(crate) const QUOTA_DAY: Duration = Duration::from_secs(24 * 3600);

/// Creators whose quotas are known, before those of the day before are forgotten, and then all.
pub(crate) const QUOTAS_TRACKED: usize = 10_000;

/// How long a client may take no byte where others have let so much wait that there is no room for more.
pub(crate) const CROWDED_DEADLINE: Duration = Duration::from_secs(1);

/// Sessions kept for coming back. The longest unused makes place.
pub(crate) const MAX_SESSIONS: usize = 100_000;

/// Aliases that wait for the sessions of broken connections. Beyond that the oldest is given up: twice as many as there are
/// connections unless the operator says otherwise, so that everybody finds his own again whose network failed.
pub(crate) const MAX_RESERVED: usize = 20_000;

/// How long a session is kept after its last use.
pub const SESSION_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// Accounts there may be: each takes half a kilobyte of memory.
pub const MAX_ACCOUNTS: usize = 100_000;

/// Open invites there may be: each is compared with what somebody gives for one.
pub const MAX_INVITES: usize = 1000;

/// Characters of a password at least: what the limits on attempts leave to guess.
pub const MIN_PASSWORD: usize = 8;

/// Characters of a password at most: more than anybody types.
pub const MAX_PASSWORD: usize = 128;

/// Passwords hashed at once: each takes 19 MiB and a core for that time.
pub(crate) const HASHES: usize = 2;

/// Wrong passwords in a row that cost no time: slips of the owner.
pub(crate) const ATTEMPTS_FREE: u32 = 3;

/// Accounts made or changed from one address before the next has to wait: a class that comes in through one router.
pub(crate) const REGISTRATIONS_FREE: u32 = 50;

/// The longest time between two attempts from one address: 2,900 a day.
pub(crate) const MAX_ADDRESS_DELAY: Duration = Duration::from_secs(30);

/// The longest wait for an attempt at one alias, whoever else tries: its owner isn't to be locked out.
pub(crate) const MAX_ALIAS_DELAY: Duration = Duration::from_secs(5);

/// How long attempts count at least.
pub(crate) const ATTEMPTS_MEMORY: Duration = Duration::from_secs(15 * 60);

/// How long it counts at least that an account's owner came in from an address: longer than holidays.
pub(crate) const OWNERS_MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// Accounts that were given up which are remembered: the log forgets their sessions at once, unless it has no room.
pub(crate) const GIVEN_UP: usize = 10_000;

/// Addresses, and aliases, whose attempts are remembered, before the older half is forgotten.
pub(crate) const ATTEMPTS_TRACKED: usize = 10_000;

/// Bans and mutes there may be: each is compared with everybody who comes in.
pub(crate) const MAX_RULES: usize = 1000;

/// Entries of the audit log that an `--ephemeral` server keeps.
pub(crate) const AUDIT_IN_MEMORY: usize = 1000;

/// Entries of the audit log that are kept on disk: the oldest go first.
pub(crate) const AUDIT_KEPT: u64 = 100_000;

/// People whose last words are remembered while `/slow` is on, before those are forgotten who may speak anyway.
pub(crate) const SLOW_TRACKED: usize = 10_000;

/// Messages of a room among which one is looked for that is to be removed and told by whose it is.
pub(crate) const REDACT_LOOK: u64 = 2000;

/// Connections that a ban may hit before it asks whether that is meant.
pub(crate) const BAN_ASKS_ABOVE: usize = 5;

/// Bytes of an entry of the audit log: enough to know an announcement again by its beginning.
pub(crate) const AUDIT_WORDS: usize = 1000;

/// Bans, or entries of the audit log, in one answer, unless its line is full before.
pub(crate) const MODERATION_PAGE: usize = 100;

/// How often the server looks whether another process changed accounts or bans: what it did is in force within a second.
pub(crate) const REFRESH: Duration = Duration::from_millis(500);

/// Bytes that an `--ephemeral` server keeps of all rooms together.
pub const MEMORY_BYTES: usize = 64 << 20;

/// How long a connection over the limit may take to show its dialect before it is told in text that the server is full.
pub(crate) const FULL_WAIT: Duration = Duration::from_millis(300);

/// Connections over the limit that are told so at once; those beyond are closed without a word.
pub(crate) const FULL_AT_ONCE: usize = 64;

/// HTTP connections that haven't become a WebSocket, at once: the page is fetched over a few, so that more are idle or hostile.
pub(crate) const HTTP_AT_ONCE: usize = 1024;

/// The same of one address (IPv6: of one /64) that isn't a proxy's: browsers of a class that load the page at the same time.
pub(crate) const HTTP_PER_ADDRESS: usize = HTTP_AT_ONCE / 4;

/// How long an HTTP client may take for the head of a request, the pause before it included.
pub(crate) const HTTP_HEAD_DEADLINE: Duration = Duration::from_secs(15);

/// Bytes of an HTTP request's head. What a browser sends to a page without cookies is under 2 KiB.
pub(crate) const HTTP_HEAD_BYTES: usize = 16 * 1024;

/// Silence of a WebSocket after which it is asked whether it is still there.
pub(crate) const PING_AFTER: Duration = Duration::from_secs(30);

/// How long it may take to say anything then.
pub(crate) const PONG_WITHIN: Duration = Duration::from_secs(30);

/// Bytes of a WebSocket's buffers for reading and for writing: each idle one holds them.
pub(crate) const FRAME_BUFFER: usize = 4 * 1024;

/// Bytes of one WebSocket frame from the server, unless a single line is longer: a stalled reader holds one frame.
pub(crate) const FRAME_BYTES: usize = 16 * 1024;

/// A client's frame may be this many times as long as a line. What is longer than a line costs that line (`line_too_long`);
/// what is longer than this costs the connection, as it would have to be held in memory to be dropped.
pub(crate) const FRAME_LINES: usize = 2;

/// How long one refusal may take that needs the last descriptor: the next ones wait for it.
pub(crate) const SPARE_DEADLINE: Duration = Duration::from_secs(1);

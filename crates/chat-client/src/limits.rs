//! Every bound of the client, each with its unit and its reason.

use std::time::Duration;

/// Requests that are queued or unanswered. Beyond, the methods of `Client` wait.
pub const OUTBOX: usize = 256;

/// Requests on their way from the handles to the task.
pub(crate) const COMMANDS: usize = 16;

/// Default for the events that wait to be taken. The largest page of history that a hello asks for, and as much again.
pub const EVENTS: usize = 1024;

/// The least that may be set: a page of what is caught up with has to fit.
pub const LEAST_EVENTS: usize = 256;

/// Messages that are read at once to catch up with events that found no place.
pub(crate) const CATCH_UP_PAGE: u32 = 128;

/// Events that can't be read again (private messages, connections lost and made) and wait beside the full queue. Those
/// beyond are counted, and the count is told.
pub(crate) const HELD_EVENTS: usize = 256;

/// Bytes that are collected for one write.
pub(crate) const WRITE_BUDGET: usize = 64 * 1024;

/// Lines that are taken in before something else gets a turn.
pub(crate) const LINES_PER_TURN: usize = 256;

/// Default for the time in which a connection must be there.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// Default for the time in which the server must have answered the hello.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(30);

/// What a try to connect has at least, however short the time in which something has to be answered.
pub const LEAST_TRY: Duration = Duration::from_secs(1);

/// Default for the silence after which the server is asked whether it is there: shorter than most routers forget a connection.
pub const PING_AFTER: Duration = Duration::from_secs(30);

/// Default for the time that it then has to say anything.
pub const PONG_WITHIN: Duration = Duration::from_secs(30);

/// The first pause before a new connection; each one doubles.
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause before a new connection.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest pause that a server may ask for.
pub const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(3600);

/// How long leaving in good order may take: storing what was said, and the server's last words.
pub const QUIT_DEADLINE: Duration = Duration::from_secs(5);

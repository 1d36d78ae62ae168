//! What happened, as the checker saw it from outside: compact, as there may be millions of each.

/// A message of the checker's: writer and number. Its text follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u64);

impl Key {
    pub(crate) const fn new(writer: u32, number: u32) -> Self {
        Self(((writer as u64) << 32) | number as u64)
    }

    pub(crate) const fn writer(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub(crate) const fn number(self) -> u32 {
        self.0 as u32
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "w{}#{}", self.writer(), self.number())
    }
}

/// What a text that came from the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Exactly what was said under this key.
    Said(Key),
    /// The other text that was once sent under this key's id, which must be refused.
    Changed(Key),
    /// A line that never ended, which must have no effect.
    Unended(Key),
    /// Nothing that anybody sent.
    Strange,
}

/// A message was sent for the first time; `at` is the moment before that, in nanoseconds of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) at: u64,
    pub(crate) key: Key,
    pub(crate) room: u8,
}

/// An ack was read; `at` is the moment after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) at: u64,
    pub(crate) key: Key,
    pub(crate) room: u8,
    pub(crate) seq: u64,
}

/// A place in a room, as somebody got it, or as it stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) room: u8,
    pub(crate) seq: u64,
    pub(crate) body: Body,
}

/// What one client got over all its connections, in the order in which it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) receipts: Vec<Receipt>,
    /// The last place it had in each room at the end; `None` where it isn't in the room.
    pub(crate) reached: Vec<Option<u64>>,
    /// Messages that it had sent and not been answered by the end.
    pub(crate) unanswered: usize,
}

/// What a client saw that must not happen whatever the rest of the history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// An id was used again with another text, and accepted.
    ReusedIdAccepted(Key),
    /// The server said that messages can't be had any more, though nothing is ever removed here.
    GapTold { who: String, room: u8, from: u64, to: u64 },
    /// The server didn't know a session, or a position, that it had given and that must last.
    Forgotten { who: String, what: String },
    /// The server refused what is allowed, or said what is no message.
    Refused { who: String, what: String },
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) acks: Vec<Ack>,
    pub(crate) streams: Vec<Stream>,
    /// The rooms' logs at the end, each in the order in which the server gave it.
    pub(crate) log: Vec<Vec<Receipt>>,
    pub(crate) oddities: Vec<Oddity>,
}

//! What the rest of the server knows of a connection: where to put what is meant for it alone, and how to end it.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use chat_protocol::message::{Bye, ByeCode, Refusal};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, Seq, Text, Time};
use futures::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::{KNOCKS, MAILBOX, WRITE_BUDGET};
use crate::log::{AuthorId, Record};

/// Names a connection for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnId(pub(crate) u64);

impl ConnId {
    /// A connection that isn't counted, as it is only told that it can't be.
    pub(crate) const NOBODY: Self = Self(u64::MAX);
}

/// Something meant for one session alone.
#[derive(Clone, Debug)]
pub(crate) enum Letter {
    /// What became of one of its messages, where that isn't seen in the room.
    Fate { ticket: u64, fate: Fate },
    /// A private message to it.
    Private(Private),
    /// It is a member of a private room now.
    Invited { room: RoomName, by: Alias },
    /// Said by an operator to everybody.
    Announcement(Arc<Announcement>),
}

/// Why a message isn't seen in the room as a new one.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It was there before.
    Repeat(Arc<Record>),
    /// Its id was used for another one.
    Conflict,
    /// The log has no room for it.
    Full(String),
    /// It was not said before, and may not be now.
    Refused(Box<Refusal>),
}

/// A private message between two connected people.
#[derive(Clone, Debug)]
pub(crate) struct Private {
    pub(crate) time: Time,
    pub(crate) from: Alias,
    pub(crate) to: Alias,
    pub(crate) text: Text,
    pub(crate) kind: Kind,
    /// For another session of the one who said it.
    pub(crate) copy: bool,
}

/// What an operator says to everybody.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) time: Time,
    pub(crate) from: Alias,
    pub(crate) text: Text,
}

/// The receiver has as much unread as it may have.
#[derive(Debug)]
pub(crate) struct MailboxFull;

/// A connection as others see it. Nobody but its own session touches its socket.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: ConnId,
    pub(crate) address: Option<IpAddr>,
    /// When it was opened.
    pub(crate) since: Instant,
    author: Mutex<Option<AuthorId>>,
    /// Nobody between the two can read what it sends: it may send passwords.
    secure: AtomicBool,
    /// Boxed, as most have none.
    mail: Mutex<Option<Box<Mail>>>,
    end: OnceLock<Box<Bye>>,
    /// There may be a letter that wasn't waited for yet.
    arrived: AtomicBool,
    /// The session's task, for letters and the end alike: nobody else waits for them.
    session: AtomicWaker,
    /// It was let through the turnstile and hasn't run since.
    turn: AtomicBool,
    gone: AtomicBool,
    /// Made by the first who waits for that.
    left: OnceLock<Box<Notify>>,
}

#[derive(Debug, Default)]
struct Mail {
    letters: VecDeque<Letter>,
    bytes: usize,
    knocks: Vec<Knock>,
}

/// Something was said in a private conversation of this one's account.
#[derive(Clone, Copy, Debug)]
struct Knock {
    ends: [AuthorId; 2],
    /// The first message that this session wasn't told of before.
    first: Seq,
}

impl Peer {
    /// `private`: nobody on the way can read what it sends.
    pub(crate) fn new(id: ConnId, address: Option<IpAddr>, private: bool) -> Self {
        Self {
            id,
            address,
            since: Instant::now(),
            author: Mutex::default(),
            secure: AtomicBool::new(private),
            mail: Mutex::default(),
            end: OnceLock::new(),
            arrived: AtomicBool::new(false),
            session: AtomicWaker::new(),
            turn: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            left: OnceLock::new(),
        }
    }

    /// Whose messages it sends, once that is known.
    pub(crate) fn author(&self) -> Option<AuthorId> {
        *self.author.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_author(&self, author: AuthorId) {
        *self.author.lock().unwrap_or_else(PoisonError::into_inner) = Some(author);
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.secure.load(Ordering::Relaxed)
    }

    /// Called by a transport that encrypts.
    pub(crate) fn set_secure(&self) {
        self.secure.store(true, Ordering::Relaxed);
    }

    fn mail(&self) -> MutexGuard<'_, Option<Box<Mail>>> {
        // A queue is whole between any two of the calls made under this lock.
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a session what became of a message of its own. These are as many as it has unacked, so they always have a place.
    pub(crate) fn tell(&self, ticket: u64, fate: Fate) {
        self.mail().get_or_insert_default().letters.push_back(Letter::Fate { ticket, fate });
        self.deliver();
    }

    /// Hands a private message over.
    ///
    /// # Errors
    ///
    /// [`MailboxFull`] where the receiver has [`MAILBOX`] letters or [`WRITE_BUDGET`] bytes unread.
    pub(crate) fn send(&self, private: Private) -> Result<(), MailboxFull> {
        let mut held = self.mail();
        let mail = held.get_or_insert_default();
        let bytes = private.text.as_str().len();
        if mail.letters.len() >= MAILBOX || mail.bytes + bytes > WRITE_BUDGET {
            return Err(MailboxFull);
        }
        mail.bytes += bytes;
        mail.letters.push_back(Letter::Private(private));
        drop(held);
        self.deliver();
        Ok(())
    }

    /// Puts a letter down that is worth a loss.
    ///
    /// # Errors
    ///
    /// [`MailboxFull`] where there are [`MAILBOX`] letters unread.
    pub(crate) fn post(&self, letter: Letter) -> Result<(), MailboxFull> {
        let mut held = self.mail();
        let mail = held.get_or_insert_default();
        if mail.letters.len() >= MAILBOX {
            return Err(MailboxFull);
        }
        mail.letters.push_back(letter);
        drop(held);
        self.deliver();
        Ok(())
    }

    /// Has the session look around: something changed that it asks about by itself.
    pub(crate) fn wake(&self) {
        self.deliver();
    }

    fn deliver(&self) {
        self.arrived.store(true, Ordering::Release);
        self.session.wake();
    }

    /// Has the session woken by letters, by the end, and by what is published in its rooms, all of which it looks for after this call.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        self.session.register(cx.waker());
    }

    /// Whether there may be a letter since this was asked last.
    pub(crate) fn has_mail(&self) -> bool {
        self.arrived.load(Ordering::Acquire) && self.arrived.swap(false, Ordering::Acquire)
    }

    /// Has the session look at its rooms before its turn: it is about to learn what became of what it said.
    pub(crate) fn wake_early(&self) {
        self.session.wake();
    }

    /// The turnstile lets the session through, where it waits: what wakes it.
    pub(crate) fn let_through(&self) -> Option<Waker> {
        let waker = self.session.take()?;
        self.turn.store(true, Ordering::Release);
        Some(waker)
    }

    /// Whether it was let through since this was asked last.
    pub(crate) fn takes_turn(&self) -> bool {
        self.turn.load(Ordering::Acquire) && self.turn.swap(false, Ordering::AcqRel)
    }

    /// Asks, makes sure to be woken, and asks again for what came in between.
    fn poll_for<T>(&self, cx: &Context<'_>, ask: impl Fn() -> Option<T>) -> Poll<T> {
        if let Some(answer) = ask() {
            return Poll::Ready(answer);
        }
        self.session.register(cx.waker());
        ask().map_or(Poll::Pending, Poll::Ready)
    }

    /// All letters, oldest first, and whether there are knocks.
    pub(crate) fn take_mail(&self) -> (VecDeque<Letter>, bool) {
        let mut held = self.mail();
        let Some(mail) = &mut *held else { return (VecDeque::new(), false) };
        mail.bytes = 0;
        let letters = std::mem::take(&mut mail.letters);
        let knocks = !mail.knocks.is_empty();
        if !knocks {
            *held = None;
        }
        (letters, knocks)
    }

    /// Says that a conversation has a new message: `first`, and perhaps more. Called before that is published.
    pub(crate) fn knock(&self, ends: [AuthorId; 2], first: Seq) {
        let mut held = self.mail();
        let mail = held.get_or_insert_default();
        // An earlier knock that wasn't heard yet says it too.
        if mail.knocks.iter().any(|knock| knock.ends == ends) {
            return;
        }
        if mail.knocks.len() >= KNOCKS {
            drop(held);
            let words = format!("{KNOCKS} people wrote to you before you took it in; all of it is kept");
            return self.end(Bye::new(ByeCode::Stalled, words).retry_after_ms(1000));
        }
        mail.knocks.push(Knock { ends, first });
        drop(held);
        self.deliver();
    }

    /// A conversation that was knocked for. The knock stays until it is [taken](Self::take_knock).
    pub(crate) fn first_knock(&self) -> Option<[AuthorId; 2]> {
        self.mail().as_ref()?.knocks.first().map(|knock| knock.ends)
    }

    /// Takes the knock for a conversation, if there is one: its first message.
    pub(crate) fn take_knock(&self, ends: [AuthorId; 2]) -> Option<Seq> {
        let mut held = self.mail();
        let mail = held.as_mut()?;
        let position = mail.knocks.iter().position(|knock| knock.ends == ends)?;
        Some(mail.knocks.swap_remove(position).first)
    }

    /// Asks the session to end with these last words. The first to ask decides on the words.
    pub(crate) fn end(&self, bye: Bye) {
        if self.end.set(Box::new(bye)).is_ok() {
            self.session.wake();
        }
    }

    /// Waits until the session is asked to end. Cancel-safe. For the session's task alone.
    pub(crate) fn asked_to_end(&self) -> impl Future<Output = Bye> {
        poll_fn(|cx| self.poll_end(cx))
    }

    /// The words to end with, where it was asked to.
    pub(crate) fn ending(&self) -> Option<Bye> {
        self.end.get().map(|bye| Bye::clone(bye))
    }

    fn poll_end(&self, cx: &Context<'_>) -> Poll<Bye> {
        self.poll_for(cx, || self.ending())
    }

    /// Called by the session once it has left its rooms and given up its alias.
    pub(crate) fn set_gone(&self) {
        self.gone.store(true, Ordering::Release);
        // And in `until_gone`: either a waiter finds that, or his bell is found here.
        fence(Ordering::SeqCst);
        if let Some(left) = self.left.get() {
            left.notify_waiters();
        }
    }

    /// Waits until the session has left its rooms and given up its alias. Cancel-safe.
    pub(crate) async fn until_gone(&self) {
        loop {
            let notified = self.left.get_or_init(Box::default).notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            fence(Ordering::SeqCst);
            if self.gone.load(Ordering::Acquire) {
                return;
            }
            notified.await;
        }
    }
}

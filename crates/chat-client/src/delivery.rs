//! From the task to whoever takes the events, without ever waiting for him.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::event::Event;
use crate::limits::{CATCH_UP_PAGE, HELD_EVENTS};

/// The sending end of the queue of events, and a small place beside it.
#[derive(Debug)]
pub(crate) struct Delivery {
    queue: mpsc::Sender<Event>,
    /// Events that can't be read again and found the queue full.
    held: VecDeque<Event>,
    /// Those for which there was no place there either.
    dropped: u64,
}

impl Delivery {
    pub(crate) const fn new(queue: mpsc::Sender<Event>) -> Self {
        Self { queue, held: VecDeque::new(), dropped: 0 }
    }

    /// Delivers what can be read again. Whether there was a place.
    pub(crate) fn offer(&self, event: Event) -> bool {
        // What is held came before it.
        self.held.is_empty() && self.dropped == 0 && !matches!(self.queue.try_send(event), Err(TrySendError::Full(_)))
    }

    /// Delivers what can't be read again: now, or once there is place.
    pub(crate) fn keep(&mut self, event: Event) {
        if self.held.is_empty() && self.dropped == 0 {
            match self.queue.try_send(event) {
                Ok(()) | Err(TrySendError::Closed(_)) => {}
                Err(TrySendError::Full(event)) => self.held.push_back(event),
            }
        } else if self.held.len() < HELD_EVENTS && self.dropped == 0 {
            self.held.push_back(event);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether something waits for place.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.held.is_empty() || self.dropped > 0
    }

    /// Moves what waits into the queue, as far as it goes. Whether that is all.
    pub(crate) fn unblock(&mut self) -> bool {
        while let Some(event) = self.held.pop_front() {
            if let Err(TrySendError::Full(event)) = self.queue.try_send(event) {
                self.held.push_front(event);
                return false;
            }
        }
        if self.dropped > 0 {
            if let Err(TrySendError::Full(_)) = self.queue.try_send(Event::Dropped { count: self.dropped }) {
                return false;
            }
            self.dropped = 0;
        }
        true
    }

    /// Something that can wait for place while the task goes on with other things.
    pub(crate) fn queue(&self) -> mpsc::Sender<Event> {
        self.queue.clone()
    }
}

/// Waits until a page has place in the queue. Cancel-safe. Where nobody takes events any more there is always place.
pub(crate) async fn has_place(queue: &mpsc::Sender<Event>) {
    let _ = queue.reserve_many(CATCH_UP_PAGE as usize).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(count: u64) -> Event {
        Event::Dropped { count }
    }

    #[test]
    fn what_is_held_comes_in_order_and_what_is_lost_is_counted() {
        let (sender, mut receiver) = mpsc::channel(2);
        let mut delivery = Delivery::new(sender);
        assert!(delivery.offer(dropped(101)));
        delivery.keep(dropped(102));
        assert!(!delivery.offer(dropped(0)), "the queue is full");
        for n in 0..HELD_EVENTS as u64 + 5 {
            delivery.keep(dropped(1000 + n));
        }
        let mut got = Vec::new();
        while !delivery.unblock() {
            assert!(!delivery.offer(dropped(0)), "nothing overtakes what is held");
            while let Ok(Event::Dropped { count }) = receiver.try_recv() {
                got.push(count);
            }
        }
        while let Ok(Event::Dropped { count }) = receiver.try_recv() {
            got.push(count);
        }
        let held = (0..HELD_EVENTS as u64).map(|n| 1000 + n);
        let expected: Vec<_> = [101, 102].into_iter().chain(held).chain([5]).collect();
        assert_eq!(got, expected);
    }
}

//! A box at which one thread waits for what others bring.
//!
//! A reader looks at the empty box for a moment before it sleeps ([`Looks`]), and whoever brings something wakes only a
//! reader that sleeps.

use crate::looks::Looks;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// See the module.
pub(crate) struct Mailbox<T> {
    letters: Mutex<Letters<T>>,
    /// Whether there is a letter, to be looked at without the lock.
    is_there: AtomicBool,
    reader: Thread,
}

struct Letters<T> {
    waiting: VecDeque<T>,
    /// Whether the reader sleeps, or is about to.
    is_awaited: bool,
    is_closed: bool,
}

impl<T> Mailbox<T> {
    /// The box of this thread.
    pub(crate) fn of_this_thread() -> Self {
        let letters = Mutex::new(Letters { waiting: VecDeque::new(), is_awaited: false, is_closed: false });
        Self { letters, is_there: AtomicBool::new(false), reader: thread::current() }
    }

    fn letters(&self) -> MutexGuard<'_, Letters<T>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings a letter. One that comes to a closed box is dropped.
    pub(crate) fn put(&self, letter: T) {
        let mut letters = self.letters();
        if letters.is_closed {
            return;
        }
        letters.waiting.push_back(letter);
        self.is_there.store(true, Ordering::Release);
        let is_awaited = std::mem::take(&mut letters.is_awaited);
        drop(letters);
        if is_awaited {
            self.reader.unpark();
        }
    }

    /// Takes the next letter, in the order of their coming, and waits for it. `left` is asked now and then how long the
    /// wait may go on; none is for ever. None at the end of the wait, or of the box.
    pub(crate) fn take(&self, looks: &Looks, left: impl Fn() -> Option<Duration>) -> Option<T> {
        looks.look_at(&self.is_there);
        loop {
            let mut letters = self.letters();
            if let Some(letter) = letters.waiting.pop_front() {
                self.is_there.store(!letters.waiting.is_empty(), Ordering::Release);
                return Some(letter);
            }
            if letters.is_closed {
                return None;
            }
            letters.is_awaited = true;
            drop(letters);
            match left() {
                None => thread::park(),
                Some(Duration::ZERO) => return None,
                Some(left) => thread::park_timeout(left),
            }
        }
    }

    /// Takes nothing more, and drops what nobody has taken.
    pub(crate) fn close(&self) {
        let mut letters = self.letters();
        letters.is_closed = true;
        let unread = std::mem::take(&mut letters.waiting);
        drop(letters);
        drop(unread);
        self.reader.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn letters_are_read_in_their_order_by_a_reader_that_looks_or_sleeps() {
        for pause in [Duration::ZERO, Duration::from_millis(20)] {
            let own = Arc::new(Mailbox::of_this_thread());
            let theirs = Arc::clone(&own);
            let brings = thread::spawn(move || {
                for letter in 0..5 {
                    thread::sleep(pause);
                    theirs.put(letter);
                }
            });
            let read: Vec<i32> = (0..5).filter_map(|_| own.take(&Looks::default(), || None)).collect();
            assert_eq!(read, [0, 1, 2, 3, 4]);
            brings.join().unwrap();
        }
    }

    #[test]
    fn a_reader_waits_no_longer_than_it_may_and_what_it_does_not_take_is_dropped() {
        let own = Mailbox::of_this_thread();
        assert!(own.take(&Looks::default(), || Some(Duration::ZERO)).is_none());
        let (reply, replied) = sync_channel::<()>(1);
        own.put(reply.clone());
        own.close();
        own.put(reply);
        assert!(replied.recv().is_err(), "whoever waits for an answer hears that there is none");
        assert!(own.take(&Looks::default(), || None).is_none(), "a box that is closed is not waited at");
    }
}

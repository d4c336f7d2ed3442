//! Claimed items on their way from the thread that reads them to the threads that work on them, a block at a time.
//!
//! A hand-over of single items would wake the reader for each item that a worker takes; so the reader brings a whole
//! block, and sleeps with it in hand until few enough items wait. What an item is, and what becomes of it, is the run's.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Items that wait for a worker.
pub(crate) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    /// Tells workers that there are items, or that there will be none.
    filled: Condvar,
    /// Tells the reader that there is room.
    drained: Condvar,
    /// While no more items than this wait, there is room for a block.
    low: usize,
}

struct Waiting<T> {
    items: VecDeque<T>,
    is_closed: bool,
}

/// The reader's end. The queue is closed when it is gone, whatever ended the reading.
pub(crate) struct Filling<'a, T>(&'a Queue<T>);

impl<T> Queue<T> {
    /// A queue of which blocks are taken while no more than `low` items wait.
    pub(crate) fn new(low: usize) -> Self {
        let waiting = Mutex::new(Waiting { items: VecDeque::new(), is_closed: false });
        Self { waiting, filled: Condvar::new(), drained: Condvar::new(), low }
    }

    /// The end that brings items. There is one for each queue: when it is gone, the queue is closed for good.
    pub(crate) fn filling(&self) -> Filling<'_, T> {
        Filling(self)
    }

    /// The next item; waits for one. None when there will be no more.
    pub(crate) fn take(&self) -> Option<T> {
        let mut waiting = self.lock();
        loop {
            if let Some(item) = waiting.items.pop_front() {
                // Only the worker that makes room tells the reader, so that it is told once a block.
                if waiting.items.len() == self.low {
                    self.drained.notify_one();
                }
                return Some(item);
            }
            if waiting.is_closed {
                return None;
            }
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Filling<'_, T> {
    /// Adds a block, as soon as there is room for it.
    pub(crate) fn add(&self, block: impl IntoIterator<Item = T>) {
        let queue = self.0;
        let has_no_room = |waiting: &mut Waiting<T>| waiting.items.len() > queue.low;
        let waiting = queue.drained.wait_while(queue.lock(), has_no_room);
        waiting.unwrap_or_else(PoisonError::into_inner).items.extend(block);
        queue.filled.notify_all();
    }
}

impl<T> Drop for Filling<'_, T> {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    fn check(low: usize, blocks: &[usize], workers: usize) {
        let queue = Queue::new(low);
        let mut taken: Vec<usize> = thread::scope(|scope| {
            let work = || std::iter::from_fn(|| queue.take()).collect::<Vec<_>>();
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let filling = queue.filling();
            let mut next = 0;
            for block in blocks {
                filling.add(next..next + block);
                next += block;
            }
            drop(filling);
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        taken.sort_unstable();
        assert_eq!(taken, (0..blocks.iter().sum()).collect::<Vec<_>>(), "{low} {blocks:?} {workers}");
    }

    #[test]
    fn every_item_is_taken_once_and_everybody_goes_home() {
        for workers in [1, 2, 16] {
            check(0, &[], workers);
            check(0, &[1, 1, 1, 7], workers);
            check(4, &[0, 3, 100, 5, 5, 5, 5, 1], workers);
            check(256, &[256; 20], workers);
        }
    }

    #[test]
    fn items_are_taken_in_their_order() {
        let queue = Queue::new(8);
        queue.filling().add(0..5);
        let taken: Vec<_> = std::iter::from_fn(|| queue.take()).collect();
        assert_eq!(taken, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn the_reader_waits_until_no_more_than_the_low_mark_is_left() {
        let queue = Queue::new(2);
        thread::scope(|scope| {
            let filling = queue.filling();
            filling.add(0..4);
            let adding = scope.spawn(move || filling.add(4..6));
            assert_eq!(queue.take(), Some(0));
            thread::sleep(Duration::from_millis(50));
            assert!(!adding.is_finished(), "three items wait, and two are the low mark");
            assert_eq!(queue.take(), Some(1));
            adding.join().unwrap();
        });
        assert_eq!(std::iter::from_fn(|| queue.take()).collect::<Vec<_>>(), [2, 3, 4, 5]);
    }
}

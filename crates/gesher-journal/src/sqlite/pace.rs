//! How long the writer gathers commands before it commits them.
//!
//! A commit takes about as long for many commands as for one. On a disk that syncs fast nobody gains by waiting: what comes
//! too late for a commit is in the next one at once. On a slow disk those whom one sync answered come back within a
//! moment, one after the other, and whoever misses the first of them waits for a whole commit that held next to nothing.
//! So where syncs are slow the writer waits as long as commands keep coming, for a small part of what a sync takes.

use gesher_core::Clock;
use gesher_core::time::SystemClock;
use std::cell::Cell;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Syncs that take less are not waited for.
const SLOW_SYNC: Duration = Duration::from_millis(1);
/// The longest pause between two commands, as a part of a sync.
const PAUSE_PART: u32 = 16;
/// The longest wait in all, as a part of a sync.
const WAIT_PART: u32 = 2;
/// However slow a sync was, nothing waits longer than this: a disk that hung once may be as fast as ever.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// What the writer knows of its disk.
pub(super) struct Pace {
    clock: SystemClock,
    /// What a commit takes lately.
    usual: Cell<Duration>,
}

/// How long commands are waited for.
struct Wait {
    /// For the next one.
    pause: Duration,
    /// For all together.
    whole: Duration,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { clock: SystemClock::new(), usual: Cell::default() }
    }

    /// Does what syncs, and learns what that takes. One that was slow by chance is soon forgotten.
    pub(super) fn sync<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.clock.monotonic();
        let done = work();
        let took = self.clock.monotonic().saturating_sub(before);
        self.usual.set((self.usual.get() * 3 + took) / 4);
        done
    }

    /// Adds to a batch what came meanwhile, and on a slow disk what comes within a moment; at most `most` commands.
    pub(super) fn gather<T>(&self, commands: &Receiver<T>, batch: &mut Vec<T>, most: usize) {
        let come =
            |batch: &mut Vec<T>| batch.extend(commands.try_iter().take(most.saturating_sub(batch.len())));
        come(batch);
        let Some(wait) = wait(self.usual.get()) else { return };
        let until = self.clock.monotonic() + wait.whole;
        while batch.len() < most {
            let left = until.saturating_sub(self.clock.monotonic());
            let Ok(next) = commands.recv_timeout(wait.pause.min(left)) else { return };
            batch.push(next);
            come(batch);
        }
    }
}

/// How long to wait where a commit takes `usual`; none where they are fast.
fn wait(usual: Duration) -> Option<Wait> {
    let whole = (usual / WAIT_PART).min(WAIT_MAX);
    (usual >= SLOW_SYNC).then(|| Wait { pause: (usual / PAUSE_PART).min(whole), whole })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{channel, sync_channel};
    use std::thread;

    #[test]
    fn only_a_slow_disk_is_waited_for_and_never_for_long() {
        for (usual, want) in [
            (0, None),
            (999, None),
            (1_000, Some((62, 500))),
            (8_000, Some((500, 4_000))),
            (10_000_000, Some((20_000, 20_000))),
        ] {
            let found = wait(Duration::from_micros(usual));
            let found = found.map(|wait| (wait.pause.as_micros(), wait.whole.as_micros()));
            assert_eq!(found, want, "{usual} µs");
        }
    }

    #[test]
    fn a_batch_holds_what_came_and_no_more_than_may_be() {
        for usual in [Duration::ZERO, Duration::from_millis(8)] {
            let (sender, commands) = channel();
            let pace = Pace::new();
            pace.usual.set(usual);
            (1..=5).for_each(|command| sender.send(command).unwrap());
            let mut batch = vec![0];
            pace.gather(&commands, &mut batch, 4);
            assert_eq!(batch, [0, 1, 2, 3], "{usual:?}");
            pace.gather(&commands, &mut batch, 9);
            assert_eq!(batch, [0, 1, 2, 3, 4, 5], "{usual:?}");
        }
    }

    #[test]
    fn on_a_slow_disk_those_who_come_within_a_moment_share_the_commit() {
        let gathered = |usual| {
            let pace = Pace::new();
            pace.usual.set(usual);
            // Each of them comes when the one before was taken.
            let (sender, commands) = sync_channel(0);
            let coming =
                thread::spawn(move || (1..=3).take_while(|command| sender.send(*command).is_ok()).count());
            let mut batch = vec![commands.recv().unwrap()];
            pace.gather(&commands, &mut batch, 9);
            drop(commands);
            coming.join().unwrap();
            batch
        };
        // The longest pause there is, 20 ms, may pass on a machine that is very busy, but not each time.
        assert!((0..9).any(|_| gathered(Duration::from_secs(1)) == [1, 2, 3]));
    }

    #[test]
    fn commands_that_never_cease_to_come_hold_nobody_up() {
        let pace = Pace::new();
        pace.usual.set(Duration::from_secs(1));
        let (sender, commands) = sync_channel(0);
        let coming = thread::spawn(move || {
            let trickle = (1..=2_000).take_while(|command| sender.send(*command).is_ok());
            trickle.for_each(|_| thread::sleep(Duration::from_millis(2)));
        });
        let mut batch = vec![0];
        pace.gather(&commands, &mut batch, usize::MAX);
        drop(commands);
        coming.join().unwrap();
        assert!(batch.len() < 1_000, "{}", batch.len());
    }

    #[test]
    fn what_a_sync_takes_is_learned_and_forgotten() {
        let pace = Pace::new();
        for _ in 0..8 {
            pace.sync(|| thread::sleep(Duration::from_millis(4)));
        }
        assert!(pace.usual.get() >= Duration::from_millis(3), "{:?}", pace.usual.get());
        (0..40).for_each(|_| pace.sync(|| ()));
        assert!(wait(pace.usual.get()).is_none());
    }
}

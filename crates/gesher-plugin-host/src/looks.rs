//! Looking for a moment before sleeping.
//!
//! Waking a thread costs the system more than a short call of a plugin takes, and far more where a processor that has
//! nothing to do is given away to other machines. So whoever waits looks for about as long as it would take to wake him.
//! Where looking does not help, because what is waited for takes long or no processor is free to bring it, hardly anybody
//! looks.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Looks at a place in memory, and at a pipe, which asks the system: each some 50 microseconds in all.
const LOOKS_MAX: u32 = 800;
const LOOKS_AT_A_PIPE_MAX: u32 = 128;
/// One in so many looks although the one before looked for nothing.
const TRIED_EVERY: u32 = 64;
/// A look at a pipe that waits for nothing.
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Whether it is worth looking before one sleeps, as far as those know who did. Shared by all who wait for the same.
#[derive(Default)]
pub(crate) struct Looks {
    had_luck: AtomicBool,
    waits: AtomicU32,
}

impl Looks {
    /// Looks for a moment whether it is there.
    pub(crate) fn look_at(&self, is_there: &AtomicBool) {
        self.look(LOOKS_MAX, || {
            std::hint::spin_loop();
            is_there.load(Ordering::Acquire)
        });
    }

    /// Looks for a moment whether there is something to read, or never will be.
    pub(crate) fn look_into(&self, pipe: &impl AsFd) {
        self.look(LOOKS_AT_A_PIPE_MAX, || is_readable(pipe));
    }

    fn look(&self, most: u32, is_there: impl Fn() -> bool) {
        let is_tried = self.waits.fetch_add(1, Ordering::Relaxed).is_multiple_of(TRIED_EVERY);
        if is_tried || self.had_luck.load(Ordering::Relaxed) {
            self.had_luck.store((0..most).any(|_| is_there()), Ordering::Relaxed);
        }
    }
}

/// Whether a pipe has something to read, or its end.
pub(crate) fn is_readable(pipe: &impl AsFd) -> bool {
    let mut pipes = [PollFd::new(pipe, PollFlags::IN)];
    !matches!(poll(&mut pipes, Some(&AT_ONCE)), Ok(0) | Err(rustix::io::Errno::INTR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn had_luck(looks: &Looks) -> bool {
        looks.had_luck.load(Ordering::Relaxed)
    }

    #[test]
    fn whoever_looked_for_nothing_is_not_followed_by_others_for_a_while() {
        let (looks, nothing, something) = (Looks::default(), AtomicBool::new(false), AtomicBool::new(true));
        looks.look_at(&something);
        assert!(had_luck(&looks));
        looks.look_at(&nothing);
        assert!(!had_luck(&looks));
        for _ in 2..TRIED_EVERY {
            looks.look_at(&something);
            assert!(!had_luck(&looks), "nobody looked");
        }
        looks.look_at(&something);
        assert!(had_luck(&looks));
    }

    #[test]
    fn a_pipe_is_worth_a_read_with_something_in_it_and_at_its_end() {
        let (pipe, mut other) = std::io::pipe().unwrap();
        let looked = || {
            let looks = Looks::default();
            looks.look_into(&pipe);
            had_luck(&looks)
        };
        assert!(!looked());
        other.write_all(b"x").unwrap();
        assert!(looked());
        drop(other);
        std::io::Read::read_to_end(&mut &pipe, &mut Vec::new()).unwrap();
        assert!(looked());
    }
}

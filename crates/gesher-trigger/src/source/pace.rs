//! When the next look at a source is. Pure.

use std::time::Duration;

/// How long a source that waits for events is let wait in one look.
const WAIT: Duration = Duration::from_secs(25);
/// Looks of a source that waits, and found nothing, begin at least so far apart: one that answers at once does not wait.
const APART_MIN: Duration = Duration::from_secs(1);
/// The pause after a first failure. It doubles with each further one.
const FAILED_PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest such pause.
const FAILED_PAUSE_MAX: Duration = Duration::from_secs(5 * 60);
/// Failures in a row after which somebody is told: about half a minute after the first.
pub(super) const FAILURES_TOLD: u32 = 5;

/// How a source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It looks, and answers at once: it is asked so often.
    Every(Duration),
    /// It waits until something happens: it is asked again at once.
    Waits,
}

impl Way {
    /// How long one look may wait for something to happen.
    pub(super) fn wait(self) -> Duration {
        match self {
            Self::Every(_) => Duration::ZERO,
            Self::Waits => WAIT,
        }
    }

    /// The pause after a look that took so long. One that found something new is followed by another at once, since there may
    /// be more.
    pub(super) fn pause(self, found_news: bool, took: Duration) -> Duration {
        match self {
            _ if found_news => Duration::ZERO,
            Self::Every(every) => every,
            Self::Waits => APART_MIN.saturating_sub(took),
        }
    }
}

/// The pause after so many failures in a row, from half of it to all of it by what was drawn: sources that fail together are
/// not asked together.
pub(super) fn pause_after(failures: u32, drawn: u64) -> Duration {
    let doubled = FAILED_PAUSE_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let half = doubled.min(FAILED_PAUSE_MAX) / 2;
    let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_millis(drawn % (millis + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_followed_at_once_and_nothing_is_not() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        for (way, found, took, want) in [
            (Way::Every(minute), true, second, Duration::ZERO),
            (Way::Every(minute), false, second, minute),
            (Way::Waits, true, Duration::ZERO, Duration::ZERO),
            (Way::Waits, false, Duration::ZERO, second),
            (Way::Waits, false, Duration::from_millis(400), Duration::from_millis(600)),
            (Way::Waits, false, minute, Duration::ZERO),
        ] {
            assert_eq!(way.pause(found, took), want, "{way:?} {found} {took:?}");
        }
        assert_eq!((Way::Every(minute).wait(), Way::Waits.wait()), (Duration::ZERO, WAIT));
    }

    #[test]
    fn failures_are_followed_by_pauses_that_grow_to_a_limit() {
        for (failures, most) in
            [(1, 1_000), (2, 2_000), (3, 4_000), (9, 256_000), (10, 300_000), (u32::MAX, 300_000)]
        {
            for drawn in [0, 7, u64::MAX] {
                let pause = pause_after(failures, drawn).as_millis();
                assert!((most / 2..=most).contains(&pause), "{failures} {drawn}: {pause}");
            }
        }
    }
}

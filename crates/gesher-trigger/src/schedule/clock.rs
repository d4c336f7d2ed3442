//! Whether the machine's clock may be believed. A clock that was set is one that differs from what it was before plus the
//! time that passed since; until it says the same twice, nothing fires by it. Pure: whoever looks brings both clocks.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A difference that is no more than an ordinary correction.
pub(super) const STEP_MAX: SignedDuration = SignedDuration::from_secs(60);

/// What a look at the clock came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It went on evenly.
    Sound,
    /// It was set, or is being set: not to be believed before it is looked at again.
    Doubtful,
    /// It was set, by so much, and has gone on evenly since.
    Set(SignedDuration),
}

/// One look: the wall clock, and the clock that never steps.
type Look = (Timestamp, Duration);

/// The looks so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClockWatch {
    believed: Option<Look>,
    doubted: Option<Look>,
}

impl ClockWatch {
    /// Looks at both clocks. The first look is believed.
    pub(super) fn look(&mut self, wall: Timestamp, monotonic: Duration) -> Trust {
        let now = (wall, monotonic);
        let Some(believed) = self.believed else {
            self.believed = Some(now);
            return Trust::Sound;
        };
        let by = difference(believed, now);
        if by.abs() <= STEP_MAX {
            *self = Self { believed: Some(now), doubted: None };
            return Trust::Sound;
        }
        match self.doubted {
            Some(doubted) if difference(doubted, now).abs() <= STEP_MAX => {
                *self = Self { believed: Some(now), doubted: None };
                Trust::Set(by)
            }
            _ => {
                self.doubted = Some(now);
                Trust::Doubtful
            }
        }
    }
}

/// How far the wall clock is from where it would be had it gone on evenly.
fn difference(before: Look, now: Look) -> SignedDuration {
    let passed = SignedDuration::try_from(now.1.saturating_sub(before.1)).unwrap_or(SignedDuration::MAX);
    now.0.duration_since(before.0).saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at seconds of the wall clock and of the other one.
    fn looks(looks: &[(i64, u64)]) -> Vec<Trust> {
        let mut watch = ClockWatch::default();
        let look = |(wall, monotonic): &(i64, u64)| {
            watch.look(Timestamp::from_second(*wall).unwrap(), Duration::from_secs(*monotonic))
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn a_clock_that_goes_on_evenly_is_believed() {
        use Trust::Sound;
        assert_eq!(looks(&[(1_000, 0), (1_001, 1), (1_300, 300)]), [Sound, Sound, Sound]);
        // Corrections within a minute, in both directions.
        assert_eq!(looks(&[(1_000, 0), (1_061, 1), (1_002, 2)]), [Sound, Sound, Sound]);
    }

    #[test]
    fn a_clock_that_was_set_is_believed_once_it_says_so_twice() {
        use Trust::{Doubtful, Set, Sound};
        let by = SignedDuration::from_secs;
        assert_eq!(
            looks(&[(1_000, 0), (5_000, 1), (5_001, 2), (5_002, 3)]),
            [Sound, Doubtful, Set(by(3_999)), Sound]
        );
        assert_eq!(looks(&[(9_000, 0), (1_000, 1), (1_001, 2)]), [Sound, Doubtful, Set(by(-8_001))]);
        // Set twice in a row, and back to where it was.
        assert_eq!(
            looks(&[(1_000, 0), (5_000, 1), (9_000, 2), (9_001, 3)]),
            [Sound, Doubtful, Doubtful, Set(by(7_998))]
        );
        assert_eq!(looks(&[(1_000, 0), (5_000, 1), (1_002, 2)]), [Sound, Doubtful, Sound]);
    }

    #[test]
    fn a_machine_that_slept_has_a_clock_that_was_set() {
        // The clock that never steps stands still meanwhile.
        assert_eq!(
            looks(&[(1_000, 0), (90_000, 1), (90_001, 2)])[2],
            Trust::Set(SignedDuration::from_secs(88_999))
        );
    }
}

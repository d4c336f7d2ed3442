//! Which deliveries could not be worked on, and when each is taken up again: after pauses that grow. It keeps names and
//! times; the deliveries themselves are in the journal.

use gesher_core::RunId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The pause after the first failure. It doubles with each further one.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// Deliveries that are remembered. What is beyond waits for the next start of the hub.
const REMEMBERED_MAX: usize = 10_000;

/// See the module.
#[derive(Default)]
pub(super) struct Later(BTreeMap<RunId, Again>);

struct Again {
    /// None while it is being tried.
    at: Option<Instant>,
    pause: Duration,
}

impl Later {
    /// A delivery could not be worked on. Answers whether it is remembered.
    pub(super) fn put_off(&mut self, run: &RunId, now: Instant) -> bool {
        if !self.0.contains_key(run) && self.0.len() >= REMEMBERED_MAX {
            return false;
        }
        let again = self.0.entry(run.clone()).or_insert(Again { at: None, pause: Duration::ZERO });
        again.pause = (again.pause * 2).clamp(PAUSE_FIRST, PAUSE_MAX);
        again.at = Some(now + again.pause);
        true
    }

    /// It was worked on, or is somebody else's.
    pub(super) fn forget(&mut self, run: &RunId) {
        self.0.remove(run);
    }

    /// Those whose pause is over. Each is answered once, until it is put off again.
    pub(super) fn due(&mut self, now: Instant) -> Vec<RunId> {
        let due = self.0.iter_mut().filter(|(_, again)| again.at.is_some_and(|at| at <= now));
        due.map(|(run, again)| {
            again.at = None;
            run.clone()
        })
        .collect()
    }

    /// When the next pause is over.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|again| again.at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: usize) -> RunId {
        ["k7mq2xd", "m7mq2xd"][number - 1].parse().unwrap()
    }

    #[test]
    fn a_delivery_is_due_once_after_each_pause_and_the_pauses_grow() {
        let (mut later, began) = (Later::default(), Instant::now());
        let after = |seconds: u64| began + Duration::from_secs(seconds);
        assert!(later.put_off(&run(1), began) && later.next() == Some(after(5)));
        assert!(later.due(after(4)).is_empty());
        assert_eq!(later.due(after(5)), [run(1)]);
        assert!(later.due(after(50)).is_empty() && later.next().is_none(), "it is being tried");
        assert!(later.put_off(&run(1), after(6)) && later.next() == Some(after(16)));
        assert!(later.put_off(&run(2), after(7)) && later.next() == Some(after(12)));
        assert_eq!(later.due(after(20)), [run(1), run(2)]);
        later.forget(&run(1));
        assert!(later.put_off(&run(1), after(20)) && later.next() == Some(after(25)), "it begins anew");
        for _ in 0..20 {
            later.put_off(&run(2), after(0));
        }
        assert!(later.due(after(300)).contains(&run(2)), "no pause is longer than five minutes");
    }
}

//! Counters of a run at work, for progress bars. The journal, not these, is the truth.

use gesher_core::ItemStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far a run is. Clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    total: AtomicU64,
    ended: [AtomicU64; ItemStatus::ALL.len()],
    earlier: AtomicU64,
}

impl Progress {
    /// Says how many items there will be.
    pub fn set_total(&self, items: u64) {
        self.0.total.store(items, Ordering::Relaxed);
    }

    /// How many items there will be, or zero while nobody knows.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }

    /// Counts one item that ended.
    pub(crate) fn add(&self, status: ItemStatus) {
        if let Some(counter) = self.0.ended.get(position(status)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts one item that had ended before the run was interrupted.
    pub(crate) fn add_earlier(&self) {
        self.0.earlier.fetch_add(1, Ordering::Relaxed);
    }

    /// Items that ended, in any way, now or before an interruption.
    #[must_use]
    pub fn ended(&self) -> u64 {
        let now: u64 = self.0.ended.iter().map(|counter| counter.load(Ordering::Relaxed)).sum();
        now + self.0.earlier.load(Ordering::Relaxed)
    }

    /// Items that ended so.
    #[must_use]
    pub fn count(&self, status: ItemStatus) -> u64 {
        self.0.ended.get(position(status)).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

fn position(status: ItemStatus) -> usize {
    ItemStatus::ALL.iter().position(|known| *known == status).unwrap_or_default()
}

//! What the hub cannot do at the moment, in one place: whoever meets trouble says so here, whoever would begin
//! something new asks here first, and a monitor is told why. Each change is logged once.
//!
//! It keeps and tells. What counts as trouble, and when it is over, is for those to find out who deal with the part;
//! for the journal that is here: a failed write leads to small writes that are tried until one succeeds.

use crate::alarms::Lately;
use crate::engine::Engine;
use crate::stop::Stop;
use gesher_journal::JournalError;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// The first pause before the journal is tried again. It doubles.
const PROBE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause between two tries.
const PROBE_PAUSE_MAX: Duration = Duration::from_secs(5);

/// What can be in trouble.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The journal cannot be written. Nothing new begins anywhere.
    Journal,
    /// The disk of the hub's data is nearly full. Nothing new begins anywhere.
    Data,
    /// The disks have no room for what a file of this flow would need. The file stays where it is.
    Room(String),
    /// The drop folder of this flow cannot be worked with.
    Folder(String),
    /// The event source of this flow fails. It is asked again from the same place.
    Source(String),
    /// So many events of this flow wait to be worked on that its source is asked for no more.
    Inbox(String),
}

impl Part {
    /// Whether the whole hub is concerned, and not one flow.
    const fn stops_all(&self) -> bool {
        matches!(self, Self::Journal | Self::Data)
    }

    /// Whether some work is not taken, or cannot be done. A hub that has more to do than it can do at once is well: it asks
    /// for no more meanwhile, and takes all other work.
    const fn is_in_the_way(&self) -> bool {
        !matches!(self, Self::Inbox(_))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal => f.write_str("the journal"),
            Self::Data => f.write_str("the disk of the hub's data"),
            Self::Room(flow) => write!(f, "room for the files of {flow}"),
            Self::Folder(flow) => write!(f, "the drop folder of {flow}"),
            Self::Source(flow) => write!(f, "the event source of {flow}"),
            Self::Inbox(flow) => write!(f, "the waiting events of {flow}"),
        }
    }
}

type Troubles = BTreeMap<Part, String>;

/// What is in trouble, and why. Clones share it.
#[derive(Clone, Debug)]
pub struct Health {
    troubles: Arc<watch::Sender<Troubles>>,
    /// Whether somebody looks after the journal already.
    probing: Arc<AtomicBool>,
    /// Whether an outcome was given up that could not be written.
    lost: Arc<AtomicBool>,
    /// Which alarms were raised of late.
    lately: Arc<Lately>,
    /// Whether troubles that last are alarms.
    tells: bool,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            troubles: Arc::new(watch::channel(Troubles::new()).0),
            probing: Arc::default(),
            lost: Arc::default(),
            lately: Arc::default(),
            tells: true,
        }
    }
}

impl Health {
    /// A part is in trouble. Said again in the same words, it is no news.
    pub fn trouble(&self, part: Part, why: impl Into<String>) {
        let why = why.into();
        self.troubles.send_if_modified(|troubles| {
            if troubles.get(&part) == Some(&why) {
                return false;
            }
            // Another reason for the same trouble is told to whoever asks, and is no change.
            match troubles.contains_key(&part) {
                true => tracing::debug!("{part}: {why}"),
                false => tracing::error!("{part}: {why}"),
            }
            troubles.insert(part, why);
            true
        });
    }

    /// A part works, again or still.
    pub fn well(&self, part: &Part) {
        self.troubles.send_if_modified(|troubles| {
            let was = troubles.remove(part).is_some();
            if was {
                tracing::info!("{part}: all well again");
            }
            was
        });
    }

    /// Whether anything new may begin: an item, a file, a call.
    #[must_use]
    pub fn may_begin(&self) -> bool {
        may_begin(&self.troubles.borrow())
    }

    /// Whether a part is in trouble.
    #[must_use]
    pub fn is_in_trouble(&self, part: &Part) -> bool {
        self.troubles.borrow().contains_key(part)
    }

    /// Nothing is in trouble yet. `tells` says whether troubles that last will be alarms.
    pub(crate) fn telling(tells: bool) -> Self {
        Self { tells, ..Self::default() }
    }

    pub(crate) fn tells_of_troubles(&self) -> bool {
        self.tells
    }

    pub(crate) fn lately(&self) -> &Lately {
        &self.lately
    }

    /// An outcome was given up that could not be written.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// Whether an outcome was given up that could not be written: then this process must not end as if all were well.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// What is in the way of work, a sentence each; nothing when all is well.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.sentences(Part::is_in_the_way)
    }

    /// What somebody should know although nothing is in the way of work, a sentence each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.sentences(|part| !part.is_in_the_way())
    }

    fn sentences(&self, which: impl Fn(&Part) -> bool) -> Vec<String> {
        let troubles = self.troubles.borrow();
        troubles.iter().filter(|(part, _)| which(part)).map(|(part, why)| format!("{part}: {why}")).collect()
    }

    /// What is in trouble, and why; told anew whenever it changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<BTreeMap<Part, String>> {
        self.troubles.subscribe()
    }

    /// Waits until something new may begin. Answers false when the stop came first.
    pub async fn until_may_begin(&self, stop: &Stop) -> bool {
        let mut troubles = self.troubles.subscribe();
        tokio::select! {
            biased;
            () = stop.requested() => false,
            // The sender lives as long as `self`, so the wait ends only with what it waits for.
            _changed = troubles.wait_for(may_begin) => true,
        }
    }
}

fn may_begin(troubles: &Troubles) -> bool {
    !troubles.keys().any(Part::stops_all)
}

impl Engine {
    /// Takes note that the store failed, and looks after it until a write succeeds. Errors that say nothing about the
    /// store are passed over.
    pub fn store_failed(&self, error: &JournalError) {
        if !error.is_of_store() {
            return;
        }
        self.health().trouble(Part::Journal, store_words(error));
        if !self.health().probing.swap(true, Ordering::AcqRel) {
            let engine = self.clone();
            self.runtime().spawn(async move { engine.probe().await });
        }
    }

    async fn probe(&self) {
        let mut pause = PROBE_FIRST;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PROBE_PAUSE_MAX);
            match self.journal().probe().await {
                Err(error) if error.is_of_store() => {
                    self.health().trouble(Part::Journal, store_words(&error));
                }
                done => {
                    // In this order: a failure from here on begins a probe of its own.
                    self.health().probing.store(false, Ordering::Release);
                    if done.is_ok() {
                        self.health().well(&Part::Journal);
                    }
                    return;
                }
            }
        }
    }
}

/// The innermost reason: what was being written when it was met differs, and is no news.
fn store_words(error: &JournalError) -> String {
    let mut reason: &dyn Error = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    format!("it cannot be written: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Part {
        Part::Folder("charges".to_owned())
    }

    #[tokio::test]
    async fn nothing_begins_while_the_journal_or_its_disk_is_in_trouble() {
        for (part, stops_all) in [
            (Part::Journal, true),
            (Part::Data, true),
            (folder(), false),
            (Part::Room("charges".to_owned()), false),
        ] {
            let health = Health::default();
            assert!(health.may_begin() && health.reasons().is_empty());
            health.trouble(part.clone(), "it is full");
            assert_eq!(health.may_begin(), !stops_all, "{part}");
            assert_eq!(health.reasons(), [format!("{part}: it is full")]);
            health.well(&part);
            assert!(health.may_begin() && health.reasons().is_empty(), "{part}");
        }
    }

    #[tokio::test]
    async fn the_same_words_again_are_no_news() {
        let health = Health::default();
        let mut news = health.troubles.subscribe();
        for (why, is_news) in [("full", true), ("full", false), ("read-only", true)] {
            health.trouble(folder(), why);
            assert_eq!(news.has_changed().unwrap(), is_news, "{why}");
            news.mark_unchanged();
        }
        for is_news in [true, false] {
            health.well(&folder());
            assert_eq!(news.has_changed().unwrap(), is_news);
            news.mark_unchanged();
        }
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_when_all_is_well_or_at_the_stop() {
        let (health, stop) = (Health::default(), Stop::new());
        assert!(health.until_may_begin(&stop).await);
        health.trouble(Part::Data, "full");
        health.trouble(Part::Journal, "full");
        let (waiting, stopping) = (health.clone(), stop.clone());
        let waits = tokio::spawn(async move { waiting.until_may_begin(&stopping).await });
        health.well(&Part::Data);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        health.well(&Part::Journal);
        assert!(waits.await.unwrap());
        health.trouble(Part::Data, "full");
        stop.request();
        assert!(!health.until_may_begin(&stop).await);
    }
}

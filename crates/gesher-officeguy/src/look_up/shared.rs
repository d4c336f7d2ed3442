//! One reading of a list for all look-ups that wait for it.
//!
//! Look-ups of many steps ask for the same days of the same account. Whoever comes first reads, for himself and for all
//! who wait by then; who comes while it is being read waits for the next reading. So a look-up never uses what was read
//! before it began, and a reading is never cut short for anybody: it begins at its first page once more when the look-up
//! that read it gives up.
//!
//! Nothing of a list is kept as a whole. Each look-up has a sieve, through which every record goes as it is read. What a
//! record says, and what follows from it, is the matter of the look-ups.

use super::CANDIDATES_MAX;
use super::asking::{Asking, Take, unreadable};
use gesher_core::look_up::LookUpFailure;
use gesher_core::{Secret, Stamp};
use jiff::civil::Date;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Records that all look-ups of one reading keep together, a record that two keep counted twice. Above it the look-up
/// that keeps the most waits for another reading: some tens of MiB of records are never exceeded, whatever the provider
/// has and however many look for it.
const KEPT_MAX: usize = 16 * 1_024;
/// One look-up alone is never too many.
const _: () = assert!(2 * CANDIDATES_MAX < KEPT_MAX);

/// What a look-up says of a record that goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// It is of no use.
    No,
    /// It may be of use, unless there are better ones.
    Perhaps,
    /// It is of use whatever else there is.
    Surely,
}

/// What a look-up kept of a list, in the order of the list.
#[derive(Debug)]
pub(super) struct Kept<R> {
    /// None when there were too many.
    pub(super) surely: Option<Vec<Arc<R>>>,
    /// None when there were too many.
    pub(super) perhaps: Option<Vec<Arc<R>>>,
}

impl<R> Default for Kept<R> {
    fn default() -> Self {
        Self { surely: Some(Vec::new()), perhaps: Some(Vec::new()) }
    }
}

impl<R> Kept<R> {
    fn held(&self) -> usize {
        [&self.surely, &self.perhaps].into_iter().flatten().map(Vec::len).sum()
    }

    fn put(&mut self, record: &Arc<R>, keep: Keep) {
        let pile = match keep {
            Keep::No => return,
            Keep::Perhaps => &mut self.perhaps,
            Keep::Surely => &mut self.surely,
        };
        match pile {
            Some(records) if records.len() < CANDIDATES_MAX => records.push(Arc::clone(record)),
            _ => *pile = None,
        }
    }
}

/// A list that look-ups read.
pub(super) trait Listed: Sized + Send + Sync + 'static {
    /// What all look-ups of a reading share of it, beside what each keeps.
    type Overview: Send + Sync + 'static;

    /// Reads a row: none where it cannot be read, and nothing where it is no record.
    fn read(row: Value) -> Option<Option<Self>>;

    /// The provider's id of it.
    fn id(&self) -> i64;

    /// An overview of nothing, for these readers.
    fn overview(readers: &[Arc<Reader<Self>>]) -> Self::Overview;

    /// Adds a record to an overview, or says why it cannot hold it.
    fn note(record: &Arc<Self>, overview: &mut Self::Overview) -> Result<(), LookUpFailure>;

    /// Reads the list of these days to its end.
    fn pages(
        asking: &Asking<'_>,
        days: (Date, Date),
        take: Take<'_>,
    ) -> impl Future<Output = Result<(), LookUpFailure>> + Send;
}

/// A sieve.
pub(super) type Sieve<R> = Box<dyn Fn(&R) -> Keep + Send + Sync>;

/// A look-up that waits for a list.
pub(super) struct Reader<R: Listed> {
    first: Date,
    sieve: Sieve<R>,
    /// The stamp that it looks for, as an overview may want to know.
    pub(super) stamp: Option<Stamp>,
    /// Whether it looks into the overview.
    pub(super) wants_overview: bool,
    state: Mutex<State<R>>,
}

enum State<R: Listed> {
    Waiting(Kept<R>),
    /// Others of its reading kept too much beside it.
    Crowded,
    Over(Result<Read<R>, LookUpFailure>),
    Gone,
}

/// A list as one look-up has it.
pub(super) struct Read<R: Listed> {
    pub(super) kept: Kept<R>,
    pub(super) overview: Arc<R::Overview>,
}

impl<R: Listed> Reader<R> {
    pub(super) fn new(first: Date, sieve: impl Fn(&R) -> Keep + Send + Sync + 'static) -> Self {
        let state = Mutex::new(State::Waiting(Kept::default()));
        Self { first, sieve: Box::new(sieve), stamp: None, wants_overview: false, state }
    }

    fn is_waiting(&self) -> bool {
        matches!(*lock(&self.state), State::Waiting(_))
    }

    fn is_over(&self) -> bool {
        matches!(*lock(&self.state), State::Over(_) | State::Gone)
    }

    fn held(&self) -> usize {
        match &*lock(&self.state) {
            State::Waiting(kept) => kept.held(),
            _ => 0,
        }
    }

    /// Shows it a record, and answers how many more it keeps now.
    fn show(&self, record: &Arc<R>) -> usize {
        let mut state = lock(&self.state);
        let State::Waiting(kept) = &mut *state else { return 0 };
        let keep = (self.sieve)(record);
        if keep == Keep::No {
            return 0;
        }
        let before = kept.held();
        kept.put(record, keep);
        kept.held().saturating_sub(before)
    }

    /// What the reading came to for it, once it is over.
    fn end(&self) -> Option<Result<Read<R>, LookUpFailure>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Gone) {
            State::Over(end) => Some(end),
            State::Crowded => {
                *state = State::Waiting(Kept::default());
                None
            }
            other => {
                *state = other;
                None
            }
        }
    }
}

/// Whose list, and which.
#[derive(Clone, PartialEq, Eq)]
struct Whose {
    account: String,
    /// What another key is refused, this one may not be.
    secrets: BTreeMap<&'static str, Secret>,
    /// Somebody who waits a few seconds does not read for those who have minutes, nor after them.
    is_hurried: bool,
    /// Lists that end on the same day lie within each other.
    last: Date,
}

/// Those who wait for a list of one account.
struct Desk<R: Listed> {
    /// Held by the look-up that reads.
    reading: tokio::sync::Mutex<()>,
    readers: Mutex<Vec<Weak<Reader<R>>>>,
}

/// All lists of one kind.
pub(super) struct Lists<R: Listed>(Mutex<Vec<(Whose, Weak<Desk<R>>)>>);

impl<R: Listed> Default for Lists<R> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<R: Listed> std::fmt::Debug for Lists<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lists")
    }
}

impl<R: Listed> Lists<R> {
    /// The list of the days from the reader's first to `last`, read after this was called.
    pub(super) async fn read(
        &self,
        asking: &Asking<'_>,
        last: Date,
        reader: Reader<R>,
    ) -> Result<Read<R>, LookUpFailure> {
        let desk = self.desk(asking, last);
        let reader = Arc::new(reader);
        lock(&desk.readers).push(Arc::downgrade(&reader));
        loop {
            let _reading = desk.reading.lock().await;
            if let Some(end) = reader.end() {
                return end;
            }
            // Nobody reads now, and nobody has read for this look-up yet.
            Batch::of(&desk).read(asking, last).await;
            if let Some(end) = reader.end() {
                return end;
            }
        }
    }

    fn desk(&self, asking: &Asking<'_>, last: Date) -> Arc<Desk<R>> {
        let account = asking.account();
        let whose = Whose {
            account: account.id.clone(),
            secrets: account.secrets.clone(),
            is_hurried: asking.is_hurried(),
            last,
        };
        let mut desks = lock(&self.0);
        desks.retain(|(_, desk)| desk.strong_count() > 0);
        if let Some(desk) = desks.iter().find_map(|(of, desk)| (*of == whose).then(|| desk.upgrade())?) {
            return desk;
        }
        let desk = Arc::new(Desk { reading: tokio::sync::Mutex::default(), readers: Mutex::new(Vec::new()) });
        desks.push((whose, Arc::downgrade(&desk)));
        desk
    }
}

/// Those for whom one reading is.
struct Batch<R: Listed> {
    readers: Vec<Arc<Reader<R>>>,
    overview: R::Overview,
    held: usize,
}

impl<R: Listed> Batch<R> {
    /// Everybody who waits by now, with nothing kept: an earlier reading may have been left unfinished.
    fn of(desk: &Desk<R>) -> Self {
        let mut waiting = lock(&desk.readers);
        waiting.retain(|reader| reader.upgrade().is_some_and(|reader| !reader.is_over()));
        let readers = waiting.iter().filter_map(Weak::upgrade).filter(|reader| reader.is_waiting());
        let readers: Vec<Arc<Reader<R>>> = readers.collect();
        drop(waiting);
        readers.iter().for_each(|reader| *lock(&reader.state) = State::Waiting(Kept::default()));
        let overview = R::overview(&readers);
        Self { readers, overview, held: 0 }
    }

    async fn read(mut self, asking: &Asking<'_>, last: Date) {
        let first = self.readers.iter().map(|reader| reader.first).min().unwrap_or(last);
        let mut take = |row| self.take(row);
        let ended = R::pages(asking, (first, last), &mut take).await;
        let overview = Arc::new(self.overview);
        for reader in self.readers {
            let mut state = lock(&reader.state);
            if let State::Waiting(kept) = &mut *state {
                let kept = std::mem::take(kept);
                let read = Read { kept, overview: Arc::clone(&overview) };
                *state = State::Over(ended.clone().map(|()| read));
            }
        }
    }

    /// Shows a row to everybody, and answers its id.
    fn take(&mut self, row: Value) -> Result<Option<i64>, LookUpFailure> {
        let Some(record) = R::read(row).ok_or_else(unreadable)? else {
            return Ok(None);
        };
        let record = Arc::new(record);
        R::note(&record, &mut self.overview)?;
        self.held += self.readers.iter().map(|reader| reader.show(&record)).sum::<usize>();
        while self.held > KEPT_MAX {
            self.crowd_out();
        }
        Ok(Some(record.id()))
    }

    /// Sends the one that keeps the most to the next reading. One alone never keeps as many.
    fn crowd_out(&mut self) {
        // Piles that were given up are no longer in the sum.
        self.held = self.readers.iter().map(|reader| reader.held()).sum();
        let most = self.readers.iter().max_by_key(|reader| reader.held());
        if let Some(reader) = most.filter(|_| self.held > KEPT_MAX) {
            self.held -= reader.held();
            *lock(&reader.state) = State::Crowded;
        }
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::records::PaymentRecord;
    use super::*;
    use serde_json::json;

    const ROWS: usize = 1_200;

    fn desk() -> Desk<PaymentRecord> {
        Desk { reading: tokio::sync::Mutex::default(), readers: Mutex::new(Vec::new()) }
    }

    fn reader(desk: &Desk<PaymentRecord>, keep: Keep) -> Arc<Reader<PaymentRecord>> {
        let reader = Arc::new(Reader::new(Date::constant(2026, 3, 14), move |_: &PaymentRecord| keep));
        lock(&desk.readers).push(Arc::downgrade(&reader));
        reader
    }

    fn play(batch: &mut Batch<PaymentRecord>, rows: usize) {
        for id in 1..=rows {
            batch.take(json!({ "ID": id, "ValidPayment": true })).unwrap();
            let held: usize = batch.readers.iter().map(|reader| reader.held()).sum();
            assert!(held <= KEPT_MAX, "{held}");
        }
    }

    fn counts(reader: &Reader<PaymentRecord>) -> (Option<usize>, Option<usize>) {
        let state = lock(&reader.state);
        let State::Waiting(kept) = &*state else { panic!("not at work") };
        (kept.surely.as_ref().map(Vec::len), kept.perhaps.as_ref().map(Vec::len))
    }

    #[test]
    fn too_many_of_one_kind_are_told_and_not_held() {
        let desk = desk();
        let readers = [Keep::No, Keep::Perhaps, Keep::Surely].map(|keep| reader(&desk, keep));
        let mut batch = Batch::of(&desk);
        play(&mut batch, CANDIDATES_MAX);
        let whole = Some(CANDIDATES_MAX);
        assert_eq!(
            readers.each_ref().map(|reader| counts(reader)),
            [(Some(0), Some(0)), (Some(0), whole), (whole, Some(0))]
        );
        play(&mut batch, ROWS);
        assert_eq!(
            readers.each_ref().map(|reader| counts(reader)),
            [(Some(0), Some(0)), (Some(0), None), (None, Some(0))]
        );
        assert_eq!(readers.iter().map(|reader| reader.held()).sum::<usize>(), 0);
    }

    #[test]
    fn who_keeps_too_much_beside_others_waits_for_another_reading() {
        let desk = desk();
        let readers: Vec<_> = (0..24).map(|_| reader(&desk, Keep::Perhaps)).collect();
        let modest = reader(&desk, Keep::No);
        let mut batch = Batch::of(&desk);
        assert_eq!(batch.readers.len(), 25);
        play(&mut batch, CANDIDATES_MAX);
        let served = readers.iter().filter(|reader| reader.is_waiting()).count();
        assert_eq!(served, KEPT_MAX / CANDIDATES_MAX);
        assert!(modest.is_waiting());
        // Each that was sent away has nothing, and is among the next.
        let away: Vec<_> = readers.iter().filter(|reader| !reader.is_waiting()).collect();
        assert!(away.iter().all(|reader| reader.end().is_none() && counts(reader) == (Some(0), Some(0))));
        for reader in readers.iter().chain([&modest]) {
            if !away.iter().any(|one| Arc::ptr_eq(one, reader)) {
                *lock(&reader.state) = State::Gone;
            }
        }
        assert_eq!(Batch::of(&desk).readers.len(), away.len());
    }

    #[test]
    fn a_reading_that_was_left_begins_with_nothing() {
        let desk = desk();
        let reader = reader(&desk, Keep::Perhaps);
        play(&mut Batch::of(&desk), 3);
        assert_eq!(counts(&reader), (Some(0), Some(3)));
        let mut batch = Batch::of(&desk);
        assert_eq!(counts(&reader), (Some(0), Some(0)));
        play(&mut batch, 2);
        assert_eq!(counts(&reader), (Some(0), Some(2)));
    }

    #[test]
    fn a_row_that_cannot_be_read_ends_the_reading() {
        let desk = desk();
        let _reader = reader(&desk, Keep::Perhaps);
        let mut batch = Batch::of(&desk);
        assert_eq!(batch.take(json!({ "ID": null })), Ok(None), "a hold that was tried");
        assert!(batch.take(json!({ "ID": 7 })).is_err());
    }
}

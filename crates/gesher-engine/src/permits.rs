//! Turns at a provider's account: how many calls at once, and how many a second.
//!
//! A call first waits for its turn, is written down, and then waits for its permit, with which it may be in flight. There
//! are some turns more than permits, so that a provider that has time need not wait for a disk: whoever comes next has its
//! intent behind it. They are few, since an intent whose call was not sent yet is `unknown` after a crash like any other.
//! Who waited for a permit also learns that, and whether a step became open meanwhile: either may forbid what was allowed
//! when the intent was made.

use crate::stop::Stop;
use gesher_core::limits::PERMIT_WAIT_SECONDS_MAX;
use std::collections::HashMap;
use std::future::ready;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How long a call waits for its turn, and then for its permit.
pub(crate) const PATIENCE: Duration = Duration::from_secs(PERMIT_WAIT_SECONDS_MAX);
/// What part of the calls in flight may be written down ahead of them.
const AHEAD_SHARE: usize = 2;

/// What one provider allows to each of its accounts.
#[derive(Clone, Debug)]
pub struct AccountRules {
    /// The provider.
    pub provider: String,
    /// Calls in flight at a time, over all flows.
    pub max_in_flight: usize,
    /// Calls begun in a second, or none for no limit.
    pub rate_per_second: Option<u32>,
}

/// Hands out turns and permits. Calls in flight are counted over all accounts of a provider, since it is the provider's
/// limit.
pub(crate) struct Permits {
    rules: Vec<AccountRules>,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

struct Gate {
    turns: Arc<Semaphore>,
    in_flight: Arc<Semaphore>,
    interval: Option<Duration>,
    next: Mutex<Instant>,
    /// Steps that became open since the start.
    opened: AtomicU64,
}

/// A turn: the call may be written down. Dropping it lets the next one in.
pub(crate) struct Turn {
    gate: Arc<Gate>,
    /// The count of open steps when it was had.
    opened: u64,
    turn: OwnedSemaphorePermit,
}

/// A permit: the call may be in flight. Dropping it lets the next one go, and gives its turn back.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    opened: u64,
    waited: bool,
    _in_flight: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

/// A stop was asked for, and what comes next would have to be waited for.
#[derive(Debug)]
pub(crate) struct Stopping;

impl Permits {
    pub(crate) fn new(rules: Vec<AccountRules>) -> Self {
        Self { rules, gates: Mutex::new(HashMap::new()) }
    }

    fn gate(&self, provider: &str) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(provider) {
            return Arc::clone(gate);
        }
        let rules = self.rules.iter().find(|rules| rules.provider == provider);
        let in_flight = rules.map_or(gesher_core::limits::IN_FLIGHT_MAX, |rules| rules.max_in_flight.max(1));
        let interval =
            rules.and_then(|rules| rules.rate_per_second).map(|rate| Duration::from_secs(1) / rate.max(1));
        // A rate counts turns, and those who waited for a permit after theirs would go faster than it.
        let ahead = if interval.is_some() { 0 } else { in_flight / AHEAD_SHARE };
        let gate = Arc::new(Gate {
            turns: Arc::new(Semaphore::new(in_flight + ahead)),
            in_flight: Arc::new(Semaphore::new(in_flight)),
            interval,
            next: Mutex::new(Instant::now()),
            opened: AtomicU64::new(0),
        });
        gates.insert(provider.to_owned(), Arc::clone(&gate));
        gate
    }

    /// Waits for a turn until the deadline. None when it did not come in time: then nothing was written.
    async fn turn(&self, provider: &str, deadline: Instant) -> Option<Turn> {
        let gate = self.gate(provider);
        let turn =
            tokio::time::timeout_at(deadline, Arc::clone(&gate.turns).acquire_owned()).await.ok()?.ok()?;
        if let Some(interval) = gate.interval {
            let at = reserve(&gate.next, Instant::now(), interval, deadline)?;
            tokio::time::sleep_until(at).await;
        }
        let opened = gate.opened.load(Ordering::Acquire);
        Some(Turn { gate, opened, turn })
    }

    /// Waits for a turn, at most `patience`. Once a stop is asked for, only one that needs no waiting is taken, and only where
    /// there is a permit too.
    pub(crate) async fn turn_unless(
        &self,
        provider: &str,
        patience: Duration,
        stop: &Stop,
    ) -> Result<Option<Turn>, Stopping> {
        let turn = unless(stop, self.turn(provider, Instant::now() + patience)).await?;
        let waits = |turn: &Turn| turn.gate.in_flight.available_permits() == 0;
        if stop.is_requested() && turn.as_ref().is_some_and(waits) { Err(Stopping) } else { Ok(turn) }
    }

    /// Waits for a turn and a permit at once, at most `patience` for both: for what is not written down before.
    pub(crate) async fn permit(&self, provider: &str, patience: Duration) -> Option<Permit> {
        let deadline = Instant::now() + patience;
        self.turn(provider, deadline).await?.permit(deadline.saturating_duration_since(Instant::now())).await
    }
}

impl Turn {
    /// Waits for a permit, at most `patience`. It comes when a call in flight ends. None when it did not come in time: then
    /// nothing was sent.
    pub(crate) async fn permit(self, patience: Duration) -> Option<Permit> {
        let Self { gate, opened, turn } = self;
        let free = Arc::clone(&gate.in_flight).try_acquire_owned().ok();
        let waited = free.is_none();
        let in_flight = match free {
            Some(free) => free,
            None => {
                let wait = Arc::clone(&gate.in_flight).acquire_owned();
                tokio::time::timeout(patience, wait).await.ok()?.ok()?
            }
        };
        Some(Permit { gate, opened, waited, _in_flight: in_flight, _turn: turn })
    }

    /// The same for a call that was not written down. Once a stop is asked for, only a permit that needs no waiting is taken.
    pub(crate) async fn permit_unless(
        self,
        patience: Duration,
        stop: &Stop,
    ) -> Result<Option<Permit>, Stopping> {
        unless(stop, self.permit(patience)).await
    }
}

impl Permit {
    /// Whether there was none when it was asked for.
    pub(crate) fn was_waited_for(&self) -> bool {
        self.waited
    }

    /// Whether any step at this provider became open since the call had its turn.
    pub(crate) fn saw_one_open(&self) -> bool {
        self.gate.opened.load(Ordering::Acquire) != self.opened
    }

    /// Notes that the call's step is open. Once that is durable, and before the permit is dropped.
    pub(crate) fn note_open(&self) {
        self.gate.opened.fetch_add(1, Ordering::AcqRel);
    }
}

/// Waits for `wanted`. Once a stop is asked for, it is only had where it needs no waiting.
async fn unless<T>(stop: &Stop, wanted: impl Future<Output = T>) -> Result<T, Stopping> {
    let mut wanted = pin!(wanted);
    tokio::select! {
        biased;
        had = &mut wanted => return Ok(had),
        () = ready(()) => {}
    }
    // It has to wait. What comes together with the stop is given back.
    tokio::select! {
        biased;
        () = stop.requested() => Err(Stopping),
        had = wanted => Ok(had),
    }
}

/// Takes the next free instant, `interval` after the one before it, unless it lies after the deadline.
fn reserve(next: &Mutex<Instant>, now: Instant, interval: Duration, deadline: Instant) -> Option<Instant> {
    let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
    let at = (*next).max(now);
    if at > deadline {
        return None;
    }
    *next = at + interval;
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(max_in_flight: usize, rate_per_second: Option<u32>) -> Permits {
        Permits::new(vec![AccountRules { provider: "acme".into(), max_in_flight, rate_per_second }])
    }

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_in_time_is_no_turn() {
        let (permits, stop) = (permits(1, None), Stop::new());
        let first = permits.turn_unless("acme", SECOND, &stop).await.unwrap();
        assert!(first.is_some());
        assert!(permits.turn_unless("acme", SECOND, &stop).await.unwrap().is_none());
        assert!(permits.permit("acme", SECOND).await.is_none());
        drop(first);
        assert!(permits.permit("acme", SECOND).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_half_as_many_more_than_permits_and_as_many_where_there_is_a_rate() {
        for (max_in_flight, rate, want) in
            [(1, None, (1, 1)), (2, None, (3, 2)), (16, None, (24, 16)), (16, Some(1_000), (16, 16))]
        {
            let (permits, stop) = (permits(max_in_flight, rate), Stop::new());
            let mut turns = Vec::new();
            while let Some(turn) = permits.turn_unless("acme", SECOND, &stop).await.unwrap() {
                turns.push(turn);
            }
            let had = turns.len();
            stop.request();
            let mut in_flight = Vec::new();
            for turn in turns {
                in_flight.extend(turn.permit_unless(SECOND, &stop).await.ok().flatten());
            }
            assert_eq!((had, in_flight.len()), want, "{max_in_flight} in flight at most, {rate:?} a second");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_waits_for_its_permit_and_learns_what_came_meanwhile() {
        let (permits, stop) = (permits(2, None), Stop::new());
        let turn = async || permits.turn_unless("acme", SECOND, &stop).await.unwrap().unwrap();
        let (first, second) = (turn().await, turn().await);
        let (first, second) = (first.permit(HOUR).await.unwrap(), second.permit(HOUR).await.unwrap());
        assert!(!first.was_waited_for() && !second.was_waited_for());
        let third = turn().await;
        assert!(permits.turn_unless("acme", SECOND, &stop).await.unwrap().is_none(), "it keeps its turn");
        let mut waits = pin!(third.permit(HOUR));
        assert!(tokio::time::timeout(SECOND, waits.as_mut()).await.is_err());
        first.note_open();
        drop(first);
        let third = waits.await.unwrap();
        assert!(third.was_waited_for() && third.saw_one_open() && second.saw_one_open());
        let late = turn().await;
        assert!(late.permit(SECOND).await.is_none(), "it came to nothing in its time");
        drop(second);
        let late = turn().await.permit(SECOND).await.unwrap();
        assert!(!late.was_waited_for() && !late.saw_one_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_not_written_down_gives_way_to_a_stop() {
        let (permits, stop) = (permits(2, None), Stop::new());
        let turn = async || permits.turn_unless("acme", SECOND, &stop).await.unwrap().unwrap();
        let first = turn().await.permit(HOUR).await;
        let second = turn().await.permit(HOUR).await;
        let mut waits = pin!(turn().await.permit_unless(HOUR, &stop));
        assert!(tokio::time::timeout(SECOND, waits.as_mut()).await.is_err());
        stop.request();
        assert!(waits.await.is_err());
        assert!(permits.turn_unless("acme", SECOND, &stop).await.is_err(), "a turn is free, and no permit");
        drop((first, second));
        assert!(permits.turn_unless("acme", SECOND, &stop).await.is_ok_and(|turn| turn.is_some()));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_stop_only_a_turn_that_is_free_is_taken() {
        let (permits, stop) = (permits(1, None), Stop::new());
        stop.request();
        let first = permits.turn_unless("acme", HOUR, &stop).await.unwrap();
        assert!(first.is_some());
        assert!(permits.turn_unless("acme", HOUR, &stop).await.is_err());
        let waiting = Stop::new();
        let mut waits = pin!(permits.turn_unless("acme", HOUR, &waiting));
        assert!(tokio::time::timeout(SECOND, waits.as_mut()).await.is_err());
        // Both come before it looks again.
        waiting.request();
        drop(first);
        assert!(waits.await.is_err());
        assert!(permits.turn_unless("acme", HOUR, &waiting).await.is_ok_and(|turn| turn.is_some()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_spaces_calls_evenly() {
        let permits = permits(100, Some(20));
        let start = Instant::now();
        for _ in 0..41 {
            assert!(permits.permit("acme", HOUR).await.is_some());
        }
        assert_eq!(start.elapsed().as_millis(), 2_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_that_is_booked_beyond_patience_gives_no_turn() {
        let permits = Arc::new(permits(100, Some(1)));
        let waits = (0..5).map(|_| {
            let permits = Arc::clone(&permits);
            tokio::spawn(async move { permits.permit("acme", SECOND * 2).await.is_some() })
        });
        let mut got = 0;
        for wait in waits.collect::<Vec<_>>() {
            got += u32::from(wait.await.unwrap());
        }
        assert_eq!(got, 3, "at 0 s, 1 s and 2 s");
    }
}

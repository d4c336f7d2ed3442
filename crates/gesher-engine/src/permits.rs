//! Turns at a provider's account: how many calls at once, and how many a second.

use crate::stop::Stop;
use std::collections::HashMap;
use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

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

/// Hands out turns. Calls in flight are counted over all accounts of a provider, since it is the provider's limit.
pub(crate) struct Permits {
    rules: Vec<AccountRules>,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
}

struct Gate {
    slots: Arc<Semaphore>,
    interval: Option<Duration>,
    next: Mutex<Instant>,
}

/// A turn; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Permit {
    _slot: OwnedSemaphorePermit,
}

/// A stop was asked for, and the turn would have to be waited for.
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
        let slots = rules.map_or(gesher_core::limits::IN_FLIGHT_MAX, |rules| rules.max_in_flight.max(1));
        let interval =
            rules.and_then(|rules| rules.rate_per_second).map(|rate| Duration::from_secs(1) / rate.max(1));
        let gate = Arc::new(Gate {
            slots: Arc::new(Semaphore::new(slots)),
            interval,
            next: Mutex::new(Instant::now()),
        });
        gates.insert(provider.to_owned(), Arc::clone(&gate));
        gate
    }

    /// Waits for a turn, at most `patience`. None when it did not come in time: then nothing was sent.
    pub(crate) async fn turn(&self, provider: &str, patience: Duration) -> Option<Permit> {
        let gate = self.gate(provider);
        let deadline = Instant::now() + patience;
        let slot =
            tokio::time::timeout_at(deadline, Arc::clone(&gate.slots).acquire_owned()).await.ok()?.ok()?;
        if let Some(interval) = gate.interval {
            let at = reserve(&gate.next, Instant::now(), interval, deadline)?;
            tokio::time::sleep_until(at).await;
        }
        Some(Permit { _slot: slot })
    }

    /// The same; once a stop is asked for, only a turn that needs no waiting is taken.
    pub(crate) async fn turn_unless(
        &self,
        provider: &str,
        patience: Duration,
        stop: &Stop,
    ) -> Result<Option<Permit>, Stopping> {
        let mut turn = pin!(self.turn(provider, patience));
        tokio::select! {
            biased;
            permit = &mut turn => return Ok(permit),
            () = ready(()) => {}
        }
        // It has to wait. A turn that comes together with the stop is given back.
        tokio::select! {
            biased;
            () = stop.requested() => Err(Stopping),
            permit = turn => Ok(permit),
        }
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

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_in_time_is_no_turn() {
        let permits = permits(1, None);
        let first = permits.turn("acme", Duration::from_secs(1)).await;
        assert!(first.is_some());
        assert!(permits.turn("acme", Duration::from_secs(1)).await.is_none());
        drop(first);
        assert!(permits.turn("acme", Duration::from_secs(1)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_stop_only_a_turn_that_is_free_is_taken() {
        let (permits, stop, hour) = (permits(1, None), Stop::new(), Duration::from_secs(3_600));
        stop.request();
        let first = permits.turn_unless("acme", hour, &stop).await.unwrap();
        assert!(first.is_some());
        assert!(permits.turn_unless("acme", hour, &stop).await.is_err());
        let waiting = Stop::new();
        let mut waits = std::pin::pin!(permits.turn_unless("acme", hour, &waiting));
        assert!(tokio::time::timeout(Duration::from_secs(1), waits.as_mut()).await.is_err());
        // Both come before it looks again.
        waiting.request();
        drop(first);
        assert!(waits.await.is_err());
        assert!(permits.turn_unless("acme", hour, &waiting).await.is_ok_and(|turn| turn.is_some()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_spaces_calls_evenly() {
        let permits = permits(100, Some(20));
        let start = Instant::now();
        for _ in 0..41 {
            assert!(permits.turn("acme", Duration::from_secs(60)).await.is_some());
        }
        assert_eq!(start.elapsed().as_millis(), 2_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_that_is_booked_beyond_patience_gives_no_turn() {
        let permits = Arc::new(permits(100, Some(1)));
        let waits = (0..5).map(|_| {
            let permits = Arc::clone(&permits);
            tokio::spawn(async move { permits.turn("acme", Duration::from_secs(2)).await.is_some() })
        });
        let mut got = 0;
        for wait in waits.collect::<Vec<_>>() {
            got += u32::from(wait.await.unwrap());
        }
        assert_eq!(got, 3, "at 0 s, 1 s and 2 s");
    }
}

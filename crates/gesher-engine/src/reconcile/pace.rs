//! How a look-up waits: one turn at the provider for each of its requests, among everything else that is sent.

use super::words;
use crate::engine::Engine;
use gesher_core::look_up::{Pace, TurnFuture, Turns};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Requests at a time of all look-ups that nobody waits for. They share the provider's turns with the rows, so they are
/// few, however many look-ups there are.
const PATIENT_REQUESTS_MAX: usize = 4;

/// The requests of look-ups that nobody waits for, one after another.
pub(super) struct Line(Arc<Semaphore>);

impl Default for Line {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PATIENT_REQUESTS_MAX)))
    }
}

struct ProviderTurns {
    engine: Engine,
    provider: &'static str,
    patience: Duration,
    line: Option<Arc<Semaphore>>,
}

/// The pace of a look-up at that provider, which gives up when one turn takes longer than `patience`. One that nobody
/// waits for stands in `line` first.
pub(super) fn of(engine: Engine, provider: &'static str, patience: Duration, line: Option<&Line>) -> Pace {
    let line = line.map(|line| Arc::clone(&line.0));
    let is_hurried = line.is_none();
    let pace = Pace::of(Arc::new(ProviderTurns { engine, provider, patience, line }));
    if is_hurried { pace.hurried() } else { pace }
}

impl Turns for ProviderTurns {
    fn turn(&self) -> TurnFuture<'_> {
        Box::pin(async move {
            let place = match &self.line {
                Some(line) => Some(Arc::clone(line).acquire_owned().await.map_err(|_| words::no_turn())?),
                None => None,
            };
            match self.engine.permits().permit(self.provider, self.patience).await {
                Some(permit) => Ok(Box::new((permit, place)) as Box<dyn Send>),
                None => Err(words::no_turn()),
            }
        })
    }
}

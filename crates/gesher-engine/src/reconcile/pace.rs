//! How a look-up waits: one turn at the provider for each of its requests, among everything else that is sent.

use super::words;
use crate::engine::Engine;
use gesher_core::look_up::{Pace, TurnFuture, Turns};
use std::sync::Arc;
use std::time::Duration;

struct ProviderTurns {
    engine: Engine,
    provider: &'static str,
    patience: Duration,
}

/// The pace of a look-up at that provider, which gives up when one turn takes longer than `patience`.
pub(super) fn of(engine: Engine, provider: &'static str, patience: Duration) -> Pace {
    Pace::of(Arc::new(ProviderTurns { engine, provider, patience }))
}

impl Turns for ProviderTurns {
    fn turn(&self) -> TurnFuture<'_> {
        Box::pin(async move {
            match self.engine.permits().turn(self.provider, self.patience).await {
                Some(permit) => Ok(Box::new(permit) as Box<dyn Send>),
                None => Err(words::no_turn()),
            }
        })
    }
}

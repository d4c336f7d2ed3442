//! The engines of one script, kept from item to item: making one anew costs as much as a quarter of a short script.
//!
//! An engine serves one item at a time, and knows it only while it does: what holds an item holds the hub with it.

use crate::host::{Vocabulary, bind, unbind};
use crate::item::Item;
use rhai::{Engine, Module, Shared};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Engines that are kept while nobody needs them. One more than these is made when it is needed, and dropped.
const IDLE_MAX: usize = 64;

/// Engines that know a script's functions.
pub(crate) struct Engines {
    vocabulary: Vocabulary,
    /// The script's functions.
    script: Shared<Module>,
    idle: Mutex<Vec<Engine>>,
}

impl Engines {
    /// None yet.
    pub(crate) fn new(vocabulary: Vocabulary, script: Shared<Module>) -> Self {
        Self { vocabulary, script, idle: Mutex::default() }
    }

    /// Does something with an engine that serves the item. One that is left by a panic is not used again.
    pub(crate) fn with<T>(&self, item: &Arc<Item>, work: impl FnOnce(&Engine) -> T) -> T {
        let kept = self.idle().pop();
        let mut engine = kept.unwrap_or_else(|| {
            let mut engine = self.vocabulary.item_engine();
            engine.register_global_module(Shared::clone(&self.script));
            engine
        });
        bind(&mut engine, item);
        let done = work(&engine);
        unbind(&mut engine);
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push(engine);
        }
        done
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Engine>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Asks everything to stop, once; told to every loop, waited for by whoever serves.

use std::sync::Arc;
use tokio::sync::watch;

/// A stop that was, or was not yet, asked for. Clones share it.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Nothing asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }

    /// Asks for the stop. What is in flight or written down finishes; nothing new begins.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Whether the stop was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the stop is asked for.
    pub async fn requested(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`, so the only end of the wait is the request.
        let _ended = receiver.wait_for(|requested| *requested).await;
    }
}

//! The answer of a write that was handed over: await it, and what was written is durable.

use crate::error::JournalError;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// A write on its way to the disk. It happens whether or not this is awaited; awaiting says when and how.
#[must_use = "await it to know that it is durable, or say `in_order` where a later write is awaited anyway"]
#[derive(Debug)]
pub struct Written<T>(oneshot::Receiver<Result<T, JournalError>>);

impl<T> Written<T> {
    /// A pair: the store keeps the sender and answers once.
    pub fn channel() -> (oneshot::Sender<Result<T, JournalError>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// A write that the store refuses at once.
    pub fn refused(error: JournalError) -> Self {
        let (sender, written) = Self::channel();
        // The receiver is at hand, so this arrives.
        drop(sender.send(Err(error)));
        written
    }

    /// Lets the write go on by itself. A later write that is awaited proves this one committed.
    pub fn in_order(self) {}
}

impl<T> Future for Written<T> {
    type Output = Result<T, JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(JournalError::Closed)))
    }
}

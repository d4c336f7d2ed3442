//! Endpoints: the HTTP calls of a provider as they are on the wire, and the table of them.
//!
//! An endpoint is somebody else's; an operation is ours. The table here serves both sides of the wire: the client
//! takes its paths from it, and the simulator its routes. What the answers mean is decided by operations.

use crate::simulate::{Answered, Call};

/// One HTTP call of a provider.
pub trait Endpoint: 'static {
    /// Its path, with the slashes that the provider writes.
    const PATH: &'static str;
    /// What is sent, without credentials.
    type Request;
    /// What a good answer holds, without the envelope.
    type Answer;
}

/// An endpoint that can be played without the provider.
pub trait Simulated: Endpoint {
    /// What the provider's own books are in the simulation.
    type World;

    /// Answers one call as the provider would. Pure but for the world: no clock, no network, no file.
    fn answer(world: &mut Self::World, call: &Call<'_>) -> Answered;
}

/// An [`Endpoint`] with its types erased. One that cannot be simulated does not compile.
pub struct EndpointEntry<W: 'static> {
    /// Its path.
    pub path: &'static str,
    answer: fn(&mut W, &Call<'_>) -> Answered,
}

impl<W: 'static> EndpointEntry<W> {
    /// Erases `E`. A path without its slashes does not compile.
    #[must_use]
    pub const fn of<E: Simulated<World = W>>() -> Self {
        let path = E::PATH.as_bytes();
        assert!(!path.is_empty() && path[0] == b'/', "a path begins with a slash");
        Self { path: E::PATH, answer: E::answer }
    }

    /// Answers one call as the provider would.
    pub fn answer(&self, world: &mut W, call: &Call<'_>) -> Answered {
        (self.answer)(world, call)
    }
}

impl<W: 'static> std::fmt::Debug for EndpointEntry<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointEntry").field("path", &self.path).finish_non_exhaustive()
    }
}

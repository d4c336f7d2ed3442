//! Lets an item's thread see to its own call: it waits for the call's sockets and timers itself.
//!
//! On the hub's runtime another thread would wait for them, and would have to wake this one for each; with some hundred
//! calls in flight that is most of what the two have to do with each other. What the call asks of others, such as the
//! journal, wakes this thread as before. Which calls may be waited for like this is their provider's to say.

use rustix::process::{Resource, getrlimit};
use std::cell::OnceCell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::{Builder, Runtime};

/// Descriptors that a thread's own runtime keeps open, and a few to spare: the kernel's list of what it waits for, twice,
/// what wakes it, and what tells it of signals.
const DESCRIPTORS_A_THREAD: u64 = 8;
/// What of the process's descriptors may go into this: the connections themselves need as many again, and more.
const DESCRIPTORS_SHARE: u64 = 4;

/// Threads that may have a runtime of their own.
static THREADS_MAX: LazyLock<u64> = LazyLock::new(|| {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    descriptors / DESCRIPTORS_SHARE / DESCRIPTORS_A_THREAD
});
/// Threads that have one.
static THREADS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static OWN: OnceCell<Option<Own>> = const { OnceCell::new() };
}

/// This thread's own runtime.
struct Own {
    runtime: Runtime,
    _place: Place,
}

/// One of the [`THREADS_MAX`] places.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        // It counts itself in before it looks, so that two cannot both have the last place.
        let place = (THREADS.fetch_add(1, Ordering::Relaxed), Self);
        (place.0 < *THREADS_MAX).then_some(place.1)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Own {
    fn make() -> Option<Self> {
        let place = Place::take()?;
        match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => Some(Self { runtime, _place: place }),
            Err(error) => {
                tracing::debug!(%error, "a thread waits with the others, and not by itself");
                None
            }
        }
    }
}

/// Waits for `work` on this thread. Gives it back where the thread cannot: there are too many of its kind.
///
/// Only for work that begins nothing to run beside it: whatever it spawned here would stand still as soon as it ends.
pub(crate) fn wait<F: Future>(work: F) -> Result<F::Output, F> {
    OWN.with(|own| match own.get_or_init(Own::make) {
        Some(own) => Ok(own.runtime.block_on(work)),
        None => Err(work),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    #[test]
    fn a_thread_waits_for_its_own_sockets_and_timers() {
        let (runtime, listener) =
            (Runtime::new().unwrap(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move {
            let (mut stream, _) = TcpListener::from_std(listener).unwrap().accept().await.unwrap();
            stream.write_all(b"late").await.unwrap();
        });
        let waited = thread::spawn(move || {
            wait(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                let mut said = String::new();
                TcpStream::connect(address).await.unwrap().read_to_string(&mut said).await.unwrap();
                said
            })
        });
        assert_eq!(waited.join().unwrap().ok().as_deref(), Some("late"));
    }

    #[test]
    fn places_are_as_many_as_the_limit_says_and_come_back() {
        let before = THREADS.load(Ordering::Relaxed);
        let places: Vec<_> = (before..*THREADS_MAX + 3).filter_map(|_| Place::take()).collect();
        assert!(u64::try_from(places.len()).unwrap() <= *THREADS_MAX);
        assert!(Place::take().is_none());
        drop(places);
        assert!(Place::take().is_some());
    }
}

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
/// What part of the process's descriptors may go into this. Each call needs one more, for its connection, and files and
/// listeners need theirs.
const DESCRIPTORS_SHARE: u64 = 4;
/// Events that a runtime has room for at a time: those of one connection, and being woken.
const EVENTS_MAX: usize = 16;

/// The threads that have a runtime of their own.
static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    Places::new(descriptors / DESCRIPTORS_SHARE / DESCRIPTORS_A_THREAD)
});

thread_local! {
    static OWN: OnceCell<Option<Own>> = const { OnceCell::new() };
}

/// This thread's own runtime.
struct Own {
    runtime: Runtime,
    _place: Place<'static>,
}

/// How many threads may have a runtime of their own, and how many have one.
struct Places {
    max: u64,
    taken: AtomicU64,
}

/// One of the [`Places`], until it is dropped.
struct Place<'a>(&'a Places);

impl Places {
    const fn new(max: u64) -> Self {
        Self { max, taken: AtomicU64::new(0) }
    }

    fn take(&self) -> Option<Place<'_>> {
        // It counts itself in before it looks, so that two cannot both have the last place.
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        let place = Place(self);
        (before < self.max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Own {
    fn make(places: &'static Places) -> Option<Self> {
        let place = places.take()?;
        match Builder::new_current_thread().enable_all().max_io_events_per_tick(EVENTS_MAX).build() {
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
    wait_in(&PLACES, work)
}

fn wait_in<F: Future>(places: &'static Places, work: F) -> Result<F::Output, F> {
    OWN.with(|own| match own.get_or_init(|| Own::make(places)) {
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
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"late").await.unwrap();
        });
        let hear = async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let mut said = String::new();
            TcpStream::connect(address).await.unwrap().read_to_string(&mut said).await.unwrap();
            said
        };
        let waited = thread::spawn(move || wait(hear).ok());
        assert_eq!(waited.join().unwrap().as_deref(), Some("late"));
    }

    #[test]
    fn a_thread_without_a_place_gives_the_work_back() {
        static NONE: Places = Places::new(0);
        let waited =
            thread::spawn(|| wait_in(&NONE, std::future::ready(7)).map_err(std::future::Ready::into_inner));
        assert_eq!(waited.join().unwrap(), Err(7));
    }

    #[test]
    fn places_are_as_many_as_there_are_and_come_back() {
        let places = Places::new(3);
        let taken: Vec<_> = (0..5).filter_map(|_| places.take()).collect();
        assert_eq!(taken.len(), 3);
        drop(taken);
        assert!(places.take().is_some());
    }

    #[test]
    fn a_call_that_panics_leaves_its_thread_a_runtime() {
        let waited = thread::spawn(|| {
            let broken = std::panic::AssertUnwindSafe(|| wait(async { panic!("the connection broke") }));
            assert!(std::panic::catch_unwind(broken).is_err());
            wait(async { tokio::time::sleep(Duration::from_millis(1)).await }).is_ok()
        });
        assert!(waited.join().unwrap());
    }
}

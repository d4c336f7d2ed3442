//! A library in the hub's own process, called on threads of its own so that the caller can stop waiting.
//!
//! A thread cannot be ended from outside: one that does not come back in time is left behind, and once there are too many
//! of them the plugin is not called any more. Those that come back are kept for the next call.

use crate::library::{Ask, Asked, Library};
use crate::mailbox::{Looks, Mailbox};
use crate::plugin::{CallFault, Class};
use crate::pool::WAIT_MAX;
use crate::process::Broken;
use gesher_core::Clock;
use gesher_plugin_abi::GESHER_OVER;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Threads of one plugin for operations of each kind, those included that did not come back. Operations that call others
/// have their own, since while they wait for another operation nobody may have to wait for them.
const THREADS_MAX: usize = 16;
/// Threads of one plugin that did not come back. With more it is not called any more.
const LOST_THREADS_MAX: usize = 4;
/// Stack of a thread that runs a plugin, in bytes.
const STACK_BYTES: usize = 4 << 20;

/// A library that is loaded here.
pub(crate) struct InProcess {
    leaves: Arc<Crew>,
    composing: Arc<Crew>,
    /// One of them may wait for events for very long.
    sources: Arc<Crew>,
    lost: Arc<AtomicUsize>,
}

/// The threads for one kind of operation.
struct Crew {
    library: Arc<Library>,
    threads: Mutex<Threads>,
    freed: Condvar,
    /// Of those who wait for an answer, and of threads that wait for a call.
    looks: [Looks; 2],
    /// Threads that are in the plugin and that nobody waits for.
    lost: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Threads {
    /// Where calls for those are put that have nothing to do.
    idle: Vec<Arc<Mailbox<Call>>>,
    /// How many there are, idle or not.
    there: usize,
    /// Callers that wait for one.
    waiting: usize,
    /// The plugin was closed: whoever comes back goes home.
    is_closed: bool,
}

/// What a thread is to do.
struct Call {
    name: String,
    input: Vec<u8>,
    desk: Arc<Desk>,
}

/// Where the caller sits while its call lasts.
struct Desk {
    said: Mailbox<Said>,
    stay: AtomicU8,
}

/// What comes back from the thread of a call.
enum Said {
    Asks(String, Vec<u8>, SyncSender<Asked>),
    Done(Asked),
}

/// The thread of a call is in the plugin.
const IN: u8 = 0;
/// It is in the plugin, and nobody waits for it.
const LOST: u8 = 1;
/// It is back.
const OUT: u8 = 2;

impl Ask for Desk {
    fn ask(&self, name: &str, input: &[u8]) -> Asked {
        let (reply, replied) = sync_channel(1);
        self.said.put(Said::Asks(name.to_owned(), input.to_vec(), reply));
        // Where nobody waits for this call any more, the reply is dropped unsaid.
        replied.recv().unwrap_or((GESHER_OVER, Vec::new()))
    }
}

impl InProcess {
    pub(crate) fn new(library: Arc<Library>) -> Self {
        let lost = Arc::<AtomicUsize>::default();
        let crew = || {
            let (library, lost) = (Arc::clone(&library), Arc::clone(&lost));
            let (threads, freed) = (Mutex::default(), Condvar::new());
            Arc::new(Crew { library, threads, freed, looks: Default::default(), lost })
        };
        Self { leaves: crew(), composing: crew(), sources: crew(), lost }
    }

    /// Calls the plugin. The time that its own questions take is not the plugin's.
    pub(crate) fn invoke(
        &self,
        class: Class,
        name: &str,
        input: Vec<u8>,
        time: Duration,
        clock: &dyn Clock,
        ask: &mut dyn FnMut(&str, &[u8]) -> Asked,
    ) -> Result<Asked, CallFault> {
        if self.lost.load(Ordering::Acquire) >= LOST_THREADS_MAX {
            return Err(CallFault::NotBegun(
                "too many of its calls never came back; it is called again when the hub is started anew"
                    .to_owned(),
            ));
        }
        let crew = match class {
            Class::Leaf => &self.leaves,
            Class::Composing => &self.composing,
            Class::Source => &self.sources,
        };
        let desk = Arc::new(Desk { said: Mailbox::of_this_thread(), stay: AtomicU8::new(IN) });
        crew.hand_over(Call { name: name.to_owned(), input, desk: Arc::clone(&desk) }, clock)?;
        let waited = wait((&desk.said, &crew.looks[0]), time, clock, ask);
        desk.said.close();
        if waited.is_err() {
            // Counted first: the thread may come back in this moment and take itself off again.
            self.lost.fetch_add(1, Ordering::AcqRel);
            if desk.stay.swap(LOST, Ordering::AcqRel) == OUT {
                self.lost.fetch_sub(1, Ordering::AcqRel);
            }
        }
        waited.map_err(CallFault::Broken)
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.leaves.close();
        self.composing.close();
        self.sources.close();
    }
}

impl Crew {
    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a call to a thread that is free, or to a new one where there are not too many.
    fn hand_over(self: &Arc<Self>, call: Call, clock: &dyn Clock) -> Result<(), CallFault> {
        let mut deadline = None;
        let mut threads = self.threads();
        loop {
            if let Some(idle) = threads.idle.pop() {
                drop(threads);
                idle.put(call);
                return Ok(());
            }
            if threads.there < THREADS_MAX {
                threads.there += 1;
                drop(threads);
                return self.start(call);
            }
            let now = clock.monotonic();
            let left = deadline.get_or_insert(now + WAIT_MAX).saturating_sub(now);
            if left.is_zero() {
                return Err(CallFault::NotBegun("all of its threads are busy".to_owned()));
            }
            threads.waiting += 1;
            threads = self.freed.wait_timeout(threads, left).unwrap_or_else(PoisonError::into_inner).0;
            threads.waiting -= 1;
        }
    }

    fn start(self: &Arc<Self>, call: Call) -> Result<(), CallFault> {
        let crew = Arc::clone(self);
        let thread = thread::Builder::new().name("plugin".to_owned()).stack_size(STACK_BYTES);
        let started = thread.spawn(move || crew.work(call));
        started.map(drop).map_err(|error| {
            let mut threads = self.threads();
            threads.there -= 1;
            self.tell_one(&threads);
            CallFault::NotBegun(format!("the system gives it no thread: {error}"))
        })
    }

    /// Whoever waits may look again. Nobody is told where nobody waits, since that costs a call of the system.
    fn tell_one(&self, threads: &Threads) {
        if threads.waiting > 0 {
            self.freed.notify_one();
        }
    }

    /// Sends the threads home that have nothing to do.
    fn close(&self) {
        let mut threads = self.threads();
        threads.is_closed = true;
        threads.idle.drain(..).for_each(|idle| idle.close());
    }

    /// One thread's work, until the plugin is closed.
    fn work(&self, first: Call) {
        let own = Arc::new(Mailbox::of_this_thread());
        let mut next = Some(first);
        while let Some(Call { name, input, desk }) = next {
            let asked = self.library.invoke(&name, &input, Arc::clone(&desk) as Arc<dyn Ask>);
            if desk.stay.swap(OUT, Ordering::AcqRel) == LOST {
                self.lost.fetch_sub(1, Ordering::AcqRel);
            }
            // Free before the caller hears of it, so that its next call needs no other thread.
            let mut threads = self.threads();
            match threads.is_closed {
                true => own.close(),
                false => threads.idle.push(Arc::clone(&own)),
            }
            self.tell_one(&threads);
            drop(threads);
            desk.said.put(Said::Done(asked));
            drop((desk, input));
            next = own.take(&self.looks[1], || None);
        }
    }
}

fn wait(
    (said, looks): (&Mailbox<Said>, &Looks),
    time: Duration,
    clock: &dyn Clock,
    ask: &mut dyn FnMut(&str, &[u8]) -> Asked,
) -> Result<Asked, Broken> {
    let mut deadline = clock.monotonic() + time;
    loop {
        match said.take(looks, || Some(deadline.saturating_sub(clock.monotonic()))) {
            Some(Said::Done(asked)) => return Ok(asked),
            Some(Said::Asks(name, input, reply)) => {
                let before = clock.monotonic();
                let answered = ask(&name, &input);
                deadline += clock.monotonic().saturating_sub(before);
                // The thread that asked may be gone.
                let _unheard = reply.send(answered);
            }
            None => return Err(Broken::Late(time)),
        }
    }
}

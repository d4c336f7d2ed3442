//! A library in the hub's own process, called on threads of its own so that the caller can stop waiting.
//!
//! A thread cannot be ended from outside: one that does not come back in time is left behind, and once there are too many
//! of them for one kind of operation the plugin is not called for those any more. Those that come back are kept for the
//! next call. An operation that calls others is run again after a failure, so while a call of it is left behind the very
//! same call is not made: else one item that hangs would cost its plugin every thread.

use crate::inline;
use crate::library::{Ask, Asked, Library, Questions};
use crate::looks::Looks;
use crate::mailbox::Mailbox;
use crate::plugin::{CallFault, Class};
use crate::pool::WAIT_MAX;
use crate::process::Broken;
use gesher_core::Clock;
use gesher_plugin_abi::GESHER_OVER;
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Threads of one plugin for operations of each kind, those included that did not come back. Operations that call others
/// have their own, since while they wait for another operation nobody may have to wait for them.
const THREADS_MAX: usize = 16;
/// Threads of one plugin for operations of each kind that did not come back. With so many it is not called for those any
/// more.
const LEFT_BEHIND_MAX: usize = 4;
/// Stack of a thread that runs a plugin, in bytes.
const STACK_BYTES: usize = 4 << 20;

/// A library that is loaded here.
pub(crate) struct InProcess {
    library: Arc<Library>,
    /// Whether those that call nothing of the hub's are called on the threads of their callers.
    is_inline: bool,
    leaves: Arc<Crew>,
    composing: Arc<Crew>,
    /// One of them may wait for events for very long.
    sources: Arc<Crew>,
}

/// The threads for one kind of operation.
struct Crew {
    library: Arc<Library>,
    class: Class,
    threads: Mutex<Threads>,
    freed: Condvar,
    /// Of those who wait for an answer, and of threads that wait for a call.
    looks: [Looks; 2],
}

#[derive(Default)]
struct Threads {
    /// Where calls for those are put that have nothing to do.
    idle: Vec<Arc<Mailbox<Arc<Call>>>>,
    /// How many there are, idle or not.
    there: usize,
    /// Callers that wait for one.
    waiting: usize,
    /// Calls whose threads are in the plugin, and which nobody waits for.
    left_behind: Vec<Arc<Call>>,
    /// The plugin was closed: whoever comes back goes home.
    is_closed: bool,
}

/// What a thread is to do, and where its caller sits meanwhile.
struct Call {
    name: String,
    input: Vec<u8>,
    said: Mailbox<Said>,
    /// Whether the thread has left the plugin. Set under the lock of the threads.
    is_back: AtomicBool,
}

/// What comes back from the thread of a call.
enum Said {
    Asks(String, Vec<u8>, SyncSender<Asked>),
    Done(Asked),
}

impl Ask for Call {
    fn ask(&self, name: &str, input: &[u8]) -> Asked {
        let (reply, replied) = sync_channel(1);
        self.said.put(Said::Asks(name.to_owned(), input.to_vec(), reply));
        // Where nobody waits for this call any more, the reply is dropped unsaid.
        replied.recv().unwrap_or((GESHER_OVER, Vec::new()))
    }
}

impl InProcess {
    pub(crate) fn new(library: Arc<Library>, is_inline: bool) -> Self {
        let crew = |class| {
            let (library, threads, freed) = (Arc::clone(&library), Mutex::default(), Condvar::new());
            Arc::new(Crew { library, class, threads, freed, looks: Default::default() })
        };
        let (leaves, composing, sources) = (crew(Class::Leaf), crew(Class::Composing), crew(Class::Source));
        Self { library, is_inline, leaves, composing, sources }
    }

    /// Calls the plugin. The time that its own questions take is not the plugin's.
    pub(crate) fn invoke(
        &self,
        class: Class,
        name: &str,
        input: Cow<'_, [u8]>,
        time: Duration,
        clock: &dyn Clock,
        ask: Questions<'_>,
    ) -> Result<Asked, CallFault> {
        let crew = match class {
            Class::Leaf if self.is_inline => return Ok(inline::invoke(&self.library, name, &input, ask)),
            Class::Leaf => &self.leaves,
            Class::Composing => &self.composing,
            Class::Source => &self.sources,
        };
        let (said, is_back) = (Mailbox::of_this_thread(), AtomicBool::new(false));
        let call = Arc::new(Call { name: name.to_owned(), input: input.into_owned(), said, is_back });
        crew.hand_over(&call, clock)?;
        let caller = Caller { crew, call };
        wait((&caller.call.said, &crew.looks[0]), time, clock, ask).map_err(CallFault::Broken)
    }
}

/// Whoever waits for a call. However the wait ends, with a panic of the hub too, the plugin hears that it is over, and a
/// thread that is still in there is counted.
struct Caller<'a> {
    crew: &'a Crew,
    call: Arc<Call>,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.call.said.close();
        if !self.call.is_back.load(Ordering::Acquire) {
            self.crew.leave_behind(&self.call);
        }
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
    fn hand_over(self: &Arc<Self>, call: &Arc<Call>, clock: &dyn Clock) -> Result<(), CallFault> {
        let mut deadline = None;
        let mut threads = self.threads();
        loop {
            if let Some(words) = threads.refusal(self.class, call) {
                return Err(CallFault::NotBegun(words.to_owned()));
            }
            if let Some(idle) = threads.idle.pop() {
                drop(threads);
                idle.put(Arc::clone(call));
                return Ok(());
            }
            if threads.there < THREADS_MAX {
                threads.there += 1;
                drop(threads);
                return self.start(Arc::clone(call));
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

    /// Nobody waits for a call any more. Its thread may have come back in this moment.
    fn leave_behind(&self, call: &Arc<Call>) {
        let mut threads = self.threads();
        if !call.is_back.load(Ordering::Acquire) {
            threads.left_behind.push(Arc::clone(call));
        }
    }

    fn start(self: &Arc<Self>, call: Arc<Call>) -> Result<(), CallFault> {
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
    fn work(&self, first: Arc<Call>) {
        let own = Arc::new(Mailbox::of_this_thread());
        let mut next = Some(first);
        while let Some(call) = next {
            let asked = self.library.invoke(&call.name, &call.input, Arc::clone(&call) as Arc<dyn Ask>);
            // Free before the caller hears of it, so that its next call needs no other thread.
            let mut threads = self.threads();
            call.is_back.store(true, Ordering::Release);
            threads.left_behind.retain(|other| !Arc::ptr_eq(other, &call));
            match threads.is_closed {
                true => own.close(),
                false => threads.idle.push(Arc::clone(&own)),
            }
            self.tell_one(&threads);
            drop(threads);
            call.said.put(Said::Done(asked));
            drop(call);
            next = own.take(&self.looks[1], || None);
        }
    }
}

impl Threads {
    /// Why a call is not made because of those that were left behind.
    fn refusal(&self, class: Class, call: &Call) -> Option<&'static str> {
        if self.left_behind.len() >= LEFT_BEHIND_MAX {
            return Some(
                "too many of its calls never came back; it is called again when the hub is started anew",
            );
        }
        let is_same = |other: &Arc<Call>| other.name == call.name && other.input == call.input;
        let is_again = class == Class::Composing && self.left_behind.iter().any(is_same);
        is_again
            .then_some("the same call was made before and has not come back; it is made again once it has")
    }
}

fn wait(
    (said, looks): (&Mailbox<Said>, &Looks),
    time: Duration,
    clock: &dyn Clock,
    ask: Questions<'_>,
) -> Result<Asked, Broken> {
    let mut deadline = clock.monotonic() + time;
    loop {
        match said.take(looks, || Some(deadline.saturating_sub(clock.monotonic()))) {
            Some(Said::Done(asked)) => return Ok(asked),
            Some(Said::Asks(name, input, reply)) => {
                let before = clock.monotonic();
                // A plugin that asks without a pause would be waited for for ever otherwise.
                if before >= deadline {
                    return Err(Broken::Late(time));
                }
                let answered = ask(&name, &input);
                deadline += clock.monotonic().saturating_sub(before);
                // The thread that asked may be gone.
                let _unheard = reply.send(answered);
            }
            None => return Err(Broken::Late(time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use std::sync::atomic::AtomicU64;

    /// A second goes by between two looks at it.
    struct Ticking(AtomicU64);

    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
        }
    }

    #[test]
    fn a_plugin_that_never_stops_asking_is_late_all_the_same() {
        let said = Mailbox::of_this_thread();
        for _ in 0..100 {
            said.put(Said::Asks("log".to_owned(), Vec::new(), sync_channel(1).0));
        }
        let (time, mut answered) = (Duration::from_secs(9), 0);
        let mut ask = |_: &str, _: &[u8]| {
            answered += 1;
            (GESHER_OVER, Vec::new())
        };
        let waited = wait((&said, &Looks::default()), time, &Ticking(AtomicU64::new(0)), &mut ask);
        assert_eq!(waited, Err(Broken::Late(time)));
        assert!((1..9).contains(&answered), "{answered}");
    }
}

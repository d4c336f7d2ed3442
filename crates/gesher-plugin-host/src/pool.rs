//! The processes of one plugin: a few of them, each with one call at a time, started when they are needed, and after a
//! failure not at once again.

use crate::library::{Asked, Questions};
use crate::plugin::CallFault;
use crate::process::{Broken, Failed, Process, StartFault};
use gesher_core::Clock;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Processes of one plugin for operations of each kind. Those that call others have their own, since while they wait
/// for another operation nobody may have to wait for them.
pub(crate) const PROCESSES_MAX: usize = 4;
/// Processes of one plugin for its event sources, which have their own, since one may wait for events for very long. More
/// flows than that cannot listen to one plugin.
pub const SOURCE_PROCESSES_MAX: usize = 16;
/// Memory that a plugin's process may take beside what the program itself has, in bytes.
const MEMORY_BYTES_MAX: u64 = 512 << 20;
/// The pause after a first failure; each further one doubles it.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A pause that a call waits for; during a longer one it is not sent.
const PAUSE_WAITED_MAX: Duration = Duration::from_secs(2);
/// How long a call waits for a process or a thread that is free.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(120);

/// What each process of a plugin is made of.
pub(crate) struct Recipe {
    pub(crate) program: PathBuf,
    pub(crate) plugin: String,
    pub(crate) library: Vec<u8>,
    /// What the library said that it is when it was opened.
    pub(crate) manifest: Vec<u8>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The processes of one plugin.
pub(crate) struct Pool {
    recipe: Arc<Recipe>,
    /// Processes that there may be.
    most: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Process>,
    /// Processes there are, idle or not.
    there: usize,
    /// Callers that wait for one.
    waiting: usize,
    /// Failures since the last call that came back.
    failures: u32,
    /// Until when none is started.
    paused_until: Duration,
}

impl Pool {
    pub(crate) fn new(recipe: Arc<Recipe>, first: Option<Process>, most: usize) -> Self {
        let idle: Vec<Process> = first.into_iter().collect();
        let state = State { there: idle.len(), idle, ..State::default() };
        Self { recipe, most, state: Mutex::new(state), freed: Condvar::new() }
    }

    /// Calls the plugin in one of its processes. Blocks. A process that ended while nobody used it costs no call its
    /// answer: the call goes to another.
    pub(crate) fn invoke(
        &self,
        name: &str,
        input: &[u8],
        time: Duration,
        ask: Questions<'_>,
    ) -> Result<Asked, CallFault> {
        loop {
            let Taken { mut process, mut place, is_new } = self.take()?;
            let called = process.invoke(name, input, time, ask);
            place.has_failed = called.is_err() && (is_new || called != Err(Failed::Untold));
            match called {
                Ok(asked) => {
                    place.keep(process);
                    return Ok(asked);
                }
                Err(Failed::Broken(broken)) => return Err(CallFault::Broken(broken)),
                Err(Failed::Untold) if is_new => {
                    return Err(CallFault::NotBegun("its process ended before it was called".to_owned()));
                }
                Err(Failed::Untold) => {}
            }
        }
    }

    /// Whoever waits may look again. Nobody is told where nobody waits, since that costs a call of the system.
    fn tell_one(&self, state: &State) {
        if state.waiting > 0 {
            self.freed.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, state: &mut State) {
        let pause = PAUSE_MIN.saturating_mul(1 << state.failures.min(16)).min(PAUSE_MAX);
        state.failures = state.failures.saturating_add(1);
        state.paused_until = self.recipe.clock.monotonic() + pause;
    }

    /// An idle process that is well, or a new one where there are not too many.
    fn take(&self) -> Result<Taken<'_>, CallFault> {
        let clock = &self.recipe.clock;
        let mut deadline = None;
        let mut state = self.state();
        loop {
            if let Some(mut process) = state.idle.pop() {
                let is_well = process.is_well();
                drop(state);
                let place = Place { pool: self, has_failed: false };
                if is_well {
                    return Ok(Taken { process, place, is_new: false });
                }
                // Nothing was asked of it, so it failed nobody.
                drop(place);
                tracing::info!(
                    plugin = self.recipe.plugin,
                    "a process that nobody used has ended; another is started"
                );
                drop(process);
                state = self.state();
                continue;
            }
            if state.there < self.most {
                let pause = state.paused_until.saturating_sub(clock.monotonic());
                if pause > PAUSE_WAITED_MAX {
                    return Err(CallFault::Resting(pause));
                }
                state.there += 1;
                drop(state);
                let mut place = Place { pool: self, has_failed: true };
                std::thread::sleep(pause);
                let process = self.start()?;
                place.has_failed = false;
                return Ok(Taken { process, place, is_new: true });
            }
            let now = clock.monotonic();
            let left = deadline.get_or_insert(now + WAIT_MAX).saturating_sub(now);
            if left.is_zero() {
                return Err(CallFault::NotBegun("all of its processes are busy".to_owned()));
            }
            state.waiting += 1;
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
    }

    fn start(&self) -> Result<Process, CallFault> {
        let recipe = &self.recipe;
        let started = start(recipe);
        let words = match started {
            Ok((process, manifest)) if manifest == recipe.manifest => return Ok(process),
            Ok(_) => "it says another time that it is something else".to_owned(),
            Err(fault) => start_words(fault),
        };
        Err(CallFault::NotBegun(words))
    }
}

/// A process for one call.
struct Taken<'a> {
    process: Process,
    place: Place<'a>,
    is_new: bool,
}

/// A place among a plugin's processes. Given up unless its process is kept, with a panic of the hub too.
struct Place<'a> {
    pool: &'a Pool,
    /// Whether it is given up for a failure.
    has_failed: bool,
}

impl Place<'_> {
    /// The process answered, and waits for the next call.
    fn keep(self, process: Process) {
        let mut state = self.pool.state();
        state.failures = 0;
        state.idle.push(process);
        self.pool.tell_one(&state);
        drop(state);
        std::mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.there -= 1;
        if self.has_failed {
            self.pool.failed(&mut state);
        }
        self.pool.tell_one(&state);
    }
}

/// Starts a process that the recipe describes: it, and the manifest of the library in it.
pub(crate) fn start(recipe: &Recipe) -> Result<(Process, Vec<u8>), StartFault> {
    let Recipe { program, plugin, library, clock, .. } = recipe;
    Process::start(program, plugin, library, MEMORY_BYTES_MAX, Arc::clone(clock))
}

/// Why there is no process, in words.
pub(crate) fn start_words(fault: StartFault) -> String {
    match fault {
        StartFault::Spawn(error) => format!("its process cannot be started: {error}"),
        StartFault::Load(words) => words,
        StartFault::Broken(broken) => format!("while it was loaded, {}", broken.words()),
    }
}

impl Broken {
    /// What happened, as the rest of a sentence.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Died(words) => words.clone(),
            Self::Late(time) => format!("it did not answer within {} ms", time.as_millis()),
            Self::Garbage(what) => (*what).to_owned(),
        }
    }
}

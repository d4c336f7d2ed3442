//! A library in the hub's own process, called on a thread of its own so that the caller can stop waiting.
//!
//! A thread cannot be ended from outside: one that never returns is left behind, and once there are too many of them
//! the plugin is not called any more.

use crate::library::{Ask, Asked, Library};
use crate::process::Broken;
use gesher_core::Clock;
use gesher_plugin_abi::GESHER_OVER;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Threads of one plugin that did not come back. With more it is not called any more.
const LOST_THREADS_MAX: usize = 4;
/// Stack of a thread that runs a plugin, in bytes.
const STACK_BYTES: usize = 4 << 20;

/// A library that is loaded here.
pub(crate) struct InProcess {
    library: Arc<Library>,
    /// Threads that are in the plugin and that nobody waits for.
    lost: Arc<AtomicUsize>,
}

enum Said {
    Asks(String, Vec<u8>, SyncSender<Asked>),
    Done(Asked),
}

/// Where the thread of a call is.
#[derive(PartialEq, Eq)]
enum Stay {
    /// In the plugin.
    In,
    /// In the plugin, and nobody waits for it.
    Lost,
    /// Back.
    Out,
}

struct Through(Mutex<Sender<Said>>);

impl Ask for Through {
    fn ask(&self, name: &str, input: &[u8]) -> Asked {
        let (reply, replied) = sync_channel(1);
        let asks = Said::Asks(name.to_owned(), input.to_vec(), reply);
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner).send(asks);
        // Nobody waits for this call any more.
        heard.ok().and_then(|()| replied.recv().ok()).unwrap_or((GESHER_OVER, Vec::new()))
    }
}

impl InProcess {
    pub(crate) fn new(library: Arc<Library>) -> Self {
        Self { library, lost: Arc::default() }
    }

    /// Whether it may be called.
    pub(crate) fn is_usable(&self) -> bool {
        self.lost.load(Ordering::Acquire) < LOST_THREADS_MAX
    }

    /// Calls the plugin. The time that its own questions take is not the plugin's.
    pub(crate) fn invoke(
        &self,
        name: &str,
        input: &[u8],
        time: Duration,
        clock: &dyn Clock,
        ask: &mut dyn FnMut(&str, &[u8]) -> Asked,
    ) -> Result<Asked, Broken> {
        let (says, said) = channel();
        let library = Arc::clone(&self.library);
        let (own_name, own_input) = (name.to_owned(), input.to_vec());
        let runs = move || {
            let through = Arc::new(Through(Mutex::new(says.clone())));
            let asked = library.invoke(&own_name, &own_input, through);
            // Nobody may wait for it any more.
            let _unheard = says.send(Said::Done(asked));
        };
        let stay = Arc::new(Mutex::new(Stay::In));
        let (own_stay, lost) = (Arc::clone(&stay), Arc::clone(&self.lost));
        let started =
            thread::Builder::new().name("plugin".to_owned()).stack_size(STACK_BYTES).spawn(move || {
                runs();
                let mut stay = own_stay.lock().unwrap_or_else(PoisonError::into_inner);
                if *stay == Stay::Lost {
                    lost.fetch_sub(1, Ordering::AcqRel);
                }
                *stay = Stay::Out;
            });
        if started.is_err() {
            return Err(Broken::Died("the system gave it no thread".to_owned()));
        }
        let waited = wait(&said, time, clock, ask);
        let mut stay = stay.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(waited, Err(Broken::Late(_))) && *stay == Stay::In {
            *stay = Stay::Lost;
            self.lost.fetch_add(1, Ordering::AcqRel);
        }
        waited
    }
}

fn wait(
    said: &Receiver<Said>,
    time: Duration,
    clock: &dyn Clock,
    ask: &mut dyn FnMut(&str, &[u8]) -> Asked,
) -> Result<Asked, Broken> {
    let mut deadline = clock.monotonic() + time;
    loop {
        match said.recv_timeout(deadline.saturating_sub(clock.monotonic())) {
            Ok(Said::Done(asked)) => return Ok(asked),
            Ok(Said::Asks(name, input, reply)) => {
                let before = clock.monotonic();
                let answered = ask(&name, &input);
                deadline += clock.monotonic().saturating_sub(before);
                // The thread that asked may be gone.
                let _unheard = reply.send(answered);
            }
            Err(RecvTimeoutError::Timeout) => return Err(Broken::Late(time)),
            Err(RecvTimeoutError::Disconnected) => return Err(Broken::Died("its thread ended".to_owned())),
        }
    }
}

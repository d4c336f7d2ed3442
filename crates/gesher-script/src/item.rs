//! One item's script at work: whether it may go on, how long it took, what it wrote to the log.
//!
//! Rhai wraps an error that comes out of a closure into one that `try`/`catch` takes, so ending a script by an error
//! alone is not enough: once an item is over, it stays over, and every host function and every step of the
//! evaluator asks here first.

use crate::cover::OPERATIONS_PER_MARK;
use crate::limits::{OPERATIONS_MAX, OPERATIONS_PER_TIME_CHECK, OUTPUT_BYTES_MAX, SCRIPT_TIME_MAX};
use crate::seam::{Host, Level};
use crate::unread::Unread;
use gesher_core::{Language, Text};
use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};
use std::any::Any;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What every native function that scripts can call answers.
pub(crate) type Native<T> = Result<T, Box<EvalAltResult>>;

/// A limit that a script cannot go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// It took too many steps.
    Steps,
    /// It took too long.
    Time,
}

/// The state of one execution.
pub(crate) struct Item {
    host: Arc<dyn Host>,
    started: Duration,
    /// Nanoseconds spent in operations.
    waited: AtomicU64,
    fence: OnceLock<Fence>,
    written: AtomicUsize,
    /// Marks of a covered script that were passed; see `cover.rs`.
    marks: AtomicU64,
    unread: Arc<Unread>,
}

/// The tag of an engine that runs something beside items, such as a test: the item that the hub's functions work in there,
/// and whatever else its own functions need.
#[derive(Clone)]
pub(crate) struct Beside {
    pub(crate) item: Arc<Item>,
    pub(crate) own: Arc<dyn Any + Send + Sync>,
}

impl Item {
    pub(crate) fn new(host: Arc<dyn Host>, unread: Arc<Unread>) -> Arc<Self> {
        let started = host.monotonic();
        Arc::new(Self {
            host,
            started,
            waited: AtomicU64::new(0),
            fence: OnceLock::new(),
            written: AtomicUsize::new(0),
            marks: AtomicU64::new(0),
            unread,
        })
    }

    /// The item that a native function is called for. There is none while a script is being loaded.
    pub(crate) fn of(context: &NativeCallContext) -> Native<Arc<Self>> {
        let of_tag = |tag: &Dynamic| {
            let item = tag.read_lock::<Arc<Self>>().map(|item| Arc::clone(&item));
            item.or_else(|| Some(Arc::clone(&tag.read_lock::<Beside>()?.item)))
        };
        context
            .tag()
            .and_then(of_tag)
            .ok_or_else(|| "this can be called only while an item runs, not in a constant".into())
    }

    pub(crate) fn host(&self) -> &dyn Host {
        &*self.host
    }

    /// Whether nothing can look at the value of the call that is being made.
    pub(crate) fn is_unread(&self, call: &NativeCallContext) -> bool {
        self.unread.is_unread(call, self.host.reads_result())
    }

    pub(crate) fn language(&self) -> Language {
        self.host.language()
    }

    /// Whether nothing may be done for it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.host.is_dead() || self.fence().is_some()
    }

    /// The limit that ended the script.
    pub(crate) fn fence(&self) -> Option<Fence> {
        self.fence.get().copied()
    }

    /// Called for every step of the evaluator; an answer ends the script.
    pub(crate) fn pulse(&self, operations: u64) -> Option<Dynamic> {
        if self.is_over() {
            return Some(Dynamic::UNIT);
        }
        // Nearly every step ends here: it has to be looked at neither for the time nor, however many marks there are,
        // for the number of steps.
        let is_time_checked = operations.is_multiple_of(OPERATIONS_PER_TIME_CHECK);
        if operations < OPERATIONS_MAX && !is_time_checked {
            return None;
        }
        let marks = self.marks.load(Ordering::Relaxed);
        let own = operations.saturating_sub(marks.saturating_mul(OPERATIONS_PER_MARK));
        let fence = if own >= OPERATIONS_MAX {
            Fence::Steps
        } else if is_time_checked && self.spent() > SCRIPT_TIME_MAX {
            Fence::Time
        } else {
            return None;
        };
        self.fence.get_or_init(|| fence);
        Some(Dynamic::UNIT)
    }

    /// A mark of a covered script takes nothing off what the script may take.
    pub(crate) fn passed_mark(&self) {
        self.marks.fetch_add(1, Ordering::Relaxed);
    }

    fn spent(&self) -> Duration {
        let waited = Duration::from_nanos(self.waited.load(Ordering::Relaxed));
        self.host.monotonic().saturating_sub(self.started).saturating_sub(waited)
    }

    /// Does something outside the script, unless the item is over. The time that it takes is not the script's.
    pub(crate) fn outside<T>(&self, act: impl FnOnce(&dyn Host) -> T) -> Native<T> {
        if self.is_over() {
            return Err(terminated());
        }
        let before = self.host.monotonic();
        let result = act(&*self.host);
        let took = self.host.monotonic().saturating_sub(before);
        self.waited.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if self.host.is_dead() {
            return Err(terminated());
        }
        Ok(result)
    }

    /// Writes a line to the log, redacted and within the limit.
    pub(crate) fn say(&self, level: Level, line: &str) {
        let before = self.written.fetch_add(line.len(), Ordering::Relaxed);
        if before.saturating_add(line.len()) <= OUTPUT_BYTES_MAX {
            self.host.log(level, &self.host.redact(line));
        } else if before <= OUTPUT_BYTES_MAX {
            let notice = format!("the script wrote more than {OUTPUT_BYTES_MAX} bytes; the rest is left out");
            self.host.log(Level::Warn, &notice);
        }
    }

    /// An error that the script may catch, in the hub's language.
    pub(crate) fn fault(&self, text: &Text) -> Box<EvalAltResult> {
        text.get(self.language()).into()
    }

    /// The same with a code, as scripts throw them.
    pub(crate) fn coded_fault(&self, code: &str, text: &Text) -> Box<EvalAltResult> {
        let mut thrown = rhai::Map::new();
        thrown.insert("code".into(), code.into());
        thrown.insert("message".into(), text.get(self.language()).into());
        EvalAltResult::ErrorRuntime(Dynamic::from_map(thrown), Position::NONE).into()
    }
}

/// The error by which an item that is over leaves the script.
pub(crate) fn terminated() -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE).into()
}

/// Gives an error of a function in a module the place of its call, which Rhai leaves out there.
pub(crate) fn placed<T>(context: &NativeCallContext, result: Native<T>) -> Native<T> {
    result.map_err(|mut error| {
        if error.position().is_none() {
            error.set_position(context.call_position());
        }
        error
    })
}

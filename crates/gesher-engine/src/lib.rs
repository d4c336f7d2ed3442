//! The one path by which a step runs, and the running of items.
//!
//! The engine knows operations only by their descriptors and providers only as a trait: it names none. What a
//! program is, and where rows come from, it knows only as [`Program`] and [`ItemSource`]. What an outcome means for
//! money is decided here; how it is kept is the journal's.

mod accounts;
mod alarms;
mod approvals;
mod cancel;
mod composed;
mod context;
mod decisions;
mod effect;
mod engine;
mod error;
mod flow;
mod halt;
mod health;
mod item;
mod keeping;
mod keyless;
mod limits;
mod messages;
mod observing;
mod originals;
mod outcome;
mod permits;
mod preparing;
mod program;
mod progress;
mod queue;
mod reconcile;
mod result;
mod run;
mod scripts;
mod starting;
mod status;
mod stop;
mod try_read;
mod vendors;

pub use alarms::{ALERT, OF_SCRIPT};
pub use approvals::Terms;
pub use context::{Answer, CallEnd, ItemContext};
pub use decisions::{Decided, Lease};
pub use engine::{Engine, EngineParts};
pub use error::EngineError;
pub use flow::{Allow, Flow, FlowLimits, FlowReach, OnUnknown};
/// The journal, for those who build on the engine.
pub use gesher_journal as journal;
pub use health::{Health, Part};
pub use keeping::{Keep, STORE_KEYS_LISTED_MAX, STORE_KEYS_MAX, STORE_VALUE_BYTES_MAX, keep_in};
pub use limits::LIMIT;
pub use messages::KEY_OPEN;
pub use permits::AccountRules;
pub use program::{Entry, Input, ItemSource, OneItem, Program, ProgramEnd, Row, SourceError, SourceItem};
pub use progress::Progress;
pub use reconcile::{
    Desk, ItemResolution, NOT_CHARGED_AFTER, Opened, Reconciled, Resolution, Resolved, next_look,
    vendor_words,
};
pub use result::{RESULT_BYTES_MAX, ResultText, RunResult};
pub use run::{ITEM_STACK_BYTES, RunEnd};
pub use scripts::{ScriptHost, Scripts};
pub use starting::{FLOW_START, START_DEPTH_MAX, StartFault, StartFuture, StartRequest, Started, Starts};
pub use status::{EffectStep, end_of};
pub use stop::Stop;

//! What a script's host functions need of the world: the one seam between Rhai and the engine.
//!
//! In the hub an [`ItemContext`] stands behind it. Whoever wants to run a script without the hub puts something else
//! there.

use gesher_core::{Language, Redactor};
use gesher_engine::{Answer, CallEnd, ItemContext, Keep, ResultText, keep_in};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// How loud a line of a script's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `debug(..)`.
    Debug,
    /// `print(..)` and `log::info`.
    Info,
    /// `log::warn`.
    Warn,
    /// `log::error`, and what ended a script.
    Error,
    /// `alert(..)`: somebody should look.
    Alert,
}

/// The world as one item's script sees it.
pub trait Host: Send + Sync {
    /// Runs an operation as a step of the item.
    fn call(&self, operation: &str, who: &str, key: Option<&str>, request: Value) -> Result<Answer, CallEnd>;
    /// The time, as a step of the item.
    fn now(&self) -> Result<Timestamp, CallEnd>;
    /// Where a vendor stands, as a step of the item; null where there is none, as in a world without vendors.
    fn vendor(&self, _handle: &str) -> Result<Value, CallEnd> {
        Ok(Value::Null)
    }
    /// Where all vendors stand, as a step of the item.
    fn vendors(&self) -> Result<Value, CallEnd> {
        Ok(Value::Array(Vec::new()))
    }
    /// The result of the run that ends, as a step of its `on_finish`. A world without files ends the item.
    fn run_result(&self) -> Result<ResultText, CallEnd> {
        Err(CallEnd::Ended)
    }
    /// What the flow keeps under a key, as a step of the item; null for nothing, as in a world that keeps nothing.
    fn kept(&self, _key: &str) -> Result<Value, CallEnd> {
        Ok(Value::Null)
    }
    /// The keys that begin so, as a step of the item.
    fn kept_keys(&self, _prefix: &str) -> Result<Vec<String>, CallEnd> {
        Ok(Vec::new())
    }
    /// Changes what the flow keeps, as a step of the item.
    fn keep(&self, key: &str, keep: Keep) -> Result<Answer, CallEnd> {
        keep_in(&mut BTreeMap::new(), key, keep, &Redactor::new(), self.language())
    }
    /// Starts a run of another flow, as a step of the item: `run` and `new` in the data. A world with one flow ends the item.
    fn start_flow(&self, _flow: &str, _key: Option<&str>, _args: Value) -> Result<Answer, CallEnd> {
        Err(CallEnd::Ended)
    }
    /// Asks a person to look, as a step of the item. The text was redacted, and is in the log already.
    fn alert(&self, _text: &str) -> Result<(), CallEnd> {
        Ok(())
    }
    /// Whether the item is over, whatever the script thinks.
    fn is_dead(&self) -> bool;
    /// Time since some start; only for measuring how long the script takes.
    fn monotonic(&self) -> Duration;
    /// The hub's time zone.
    fn time_zone(&self) -> &TimeZone;
    /// The language of messages.
    fn language(&self) -> Language;
    /// `text` without secrets and card numbers.
    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str>;
    /// Takes a line that was redacted already.
    fn log(&self, level: Level, line: &str);
    /// Whether anybody reads what the script returns. Where nobody does, it is not turned into JSON.
    fn reads_result(&self) -> bool {
        true
    }
}

impl Host for ItemContext {
    fn call(&self, operation: &str, who: &str, key: Option<&str>, request: Value) -> Result<Answer, CallEnd> {
        ItemContext::call(self, operation, who, key, request)
    }

    fn now(&self) -> Result<Timestamp, CallEnd> {
        ItemContext::now(self)
    }

    fn vendor(&self, handle: &str) -> Result<Value, CallEnd> {
        ItemContext::vendor(self, handle)
    }

    fn vendors(&self) -> Result<Value, CallEnd> {
        ItemContext::vendors(self)
    }

    fn run_result(&self) -> Result<ResultText, CallEnd> {
        ItemContext::run_result(self)
    }

    fn kept(&self, key: &str) -> Result<Value, CallEnd> {
        ItemContext::kept(self, key)
    }

    fn kept_keys(&self, prefix: &str) -> Result<Vec<String>, CallEnd> {
        ItemContext::kept_keys(self, prefix)
    }

    fn keep(&self, key: &str, keep: Keep) -> Result<Answer, CallEnd> {
        ItemContext::keep(self, key, keep)
    }

    fn start_flow(&self, flow: &str, key: Option<&str>, args: Value) -> Result<Answer, CallEnd> {
        ItemContext::start_flow(self, flow, key, args)
    }

    fn alert(&self, text: &str) -> Result<(), CallEnd> {
        ItemContext::alert(self, text)
    }

    fn is_dead(&self) -> bool {
        ItemContext::is_dead(self)
    }

    fn monotonic(&self) -> Duration {
        ItemContext::monotonic(self)
    }

    fn time_zone(&self) -> &TimeZone {
        ItemContext::time_zone(self)
    }

    fn language(&self) -> Language {
        ItemContext::language(self)
    }

    fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redactor().text(text)
    }

    fn reads_result(&self) -> bool {
        self.wants_result()
    }

    fn log(&self, level: Level, line: &str) {
        let (flow, item) = (self.flow().name.as_str(), self.item());
        match level {
            Level::Debug => tracing::debug!(target: "gesher::script", flow, %item, "{line}"),
            Level::Info => tracing::info!(target: "gesher::script", flow, %item, "{line}"),
            Level::Warn => tracing::warn!(target: "gesher::script", flow, %item, "{line}"),
            Level::Error => tracing::error!(target: "gesher::script", flow, %item, "{line}"),
            Level::Alert => tracing::warn!(target: "gesher::script", flow, %item, alert = true, "{line}"),
        }
    }
}

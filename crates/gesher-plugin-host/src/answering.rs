//! What a plugin asks for in the middle of a call, and what it gets: never more than its capabilities, and each
//! refusal says what would have to be allowed.

use crate::capability::Capability;
use crate::library::{ANSWER_BYTES_MAX, Asked};
use crate::manifest::OperationManifest;
use crate::plugin::Plugin;
use crate::trail::Trail;
use gesher_core::{Caller, Effect, Secret};
use gesher_plugin_abi::{GESHER_BROKEN, GESHER_NO_SUCH_NAME, GESHER_OK, GESHER_OVER, GESHER_REFUSED};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// What one call may write to the log, in bytes. The rest is left out.
const LOG_BYTES_MAX: usize = 64 << 10;
/// HTTP requests that one call may send. Further ones are refused: their time is not the plugin's own, so nothing else
/// would end a call that sends for ever.
const HTTP_REQUESTS_MAX: usize = 256;
/// What the HTTP requests of one call may take, all of them together. Each is cut to what is left, and then there are no
/// more.
const HTTP_TIME_MAX: Duration = Duration::from_secs(300);
/// What is left of it once the hub is to stop: a step that has begun comes to its end, and no stop waits for long.
const HTTP_TIME_STOPPING: Duration = Duration::from_secs(30);

/// What the hub has that plugins may be granted. Called on threads that may block.
pub trait Services: Send + Sync {
    /// A secret's value.
    fn secret(&self, name: &str) -> Result<Secret, String>;

    /// Sends an HTTP request, once, to a host that was granted: the answer as JSON. It is given up `within` that time, or
    /// sooner where it says so itself; one that `gives_way`, which only looks, also when the hub stops.
    fn http(&self, request: &Value, within: Duration, gives_way: bool) -> Result<Value, HttpFault>;

    /// Whether the hub is stopping.
    fn is_stopping(&self) -> bool;
}

/// Why an HTTP request was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpFault {
    /// The plugin is granted no such host; this entry of `allow` would grant it. Nothing was sent.
    NotGranted(String),
    /// It is none that may be sent, or goes where nobody may call. Nothing was sent.
    Refused {
        /// Its code.
        code: String,
        /// Why.
        message: String,
    },
    /// It broke off before a byte of it left. Another time it may be sent.
    NotSent {
        /// Its code.
        code: String,
        /// Why.
        message: String,
    },
    /// It may have left, and nobody knows what became of it.
    MayHaveLeft(String),
}

/// What the plugin was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// To look at a request before it is sent.
    Prepare,
    /// To do something.
    Call,
    /// To look for events.
    Poll,
}

/// One call that answers are for.
pub(crate) struct Answering<'a> {
    pub(crate) plugin: &'a Plugin,
    /// None while an event source is asked.
    pub(crate) operation: Option<&'a OperationManifest>,
    /// Where the operation calls others.
    pub(crate) caller: Option<&'a dyn Caller>,
    pub(crate) services: &'a dyn Services,
    pub(crate) asks: Asks,
    pub(crate) logged: usize,
    /// HTTP requests so far.
    pub(crate) fetched: usize,
    /// What further ones may take.
    pub(crate) http_time: Duration,
    /// What they came to.
    pub(crate) trail: Trail,
}

#[derive(Deserialize)]
struct CallAsked {
    operation: String,
    #[serde(default = "marketplace")]
    who: String,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    request: Value,
}

fn marketplace() -> String {
    gesher_core::MARKETPLACE.to_owned()
}

#[derive(Deserialize)]
struct LogAsked {
    #[serde(default)]
    level: String,
    message: String,
}

fn ok(value: &Value) -> Asked {
    (GESHER_OK, value.to_string().into_bytes())
}

fn refuse(code: &str, message: String) -> Asked {
    (GESHER_REFUSED, json!({ "code": code, "message": message }).to_string().into_bytes())
}

/// The same where nobody was reached: another time it may be sent.
fn not_sent(code: &str, message: &str) -> Asked {
    let refusal = json!({ "code": code, "message": message, "not_sent": true });
    (GESHER_REFUSED, refusal.to_string().into_bytes())
}

fn misread(error: &serde_json::Error) -> Asked {
    (GESHER_BROKEN, format!("what was asked is not understood: {error}").into_bytes())
}

/// An answer that a plugin can be given, or why it is not. No refusal, which would say that nothing was done.
fn fitting(name: &str, asked: Asked) -> Asked {
    let length = asked.1.len();
    if length <= ANSWER_BYTES_MAX {
        return asked;
    }
    let words = format!(
        "the answer to `{name}` has {length} bytes, and a plugin is given {ANSWER_BYTES_MAX} at most; what was asked for \
         was done, so ask for less at a time, and not for the same again"
    );
    (GESHER_BROKEN, words.into_bytes())
}

impl<'a> Answering<'a> {
    /// Answers what is asked for while the plugin is asked for something.
    pub(crate) fn new(plugin: &'a Plugin, services: &'a dyn Services, asks: Asks) -> Self {
        let (logged, fetched, http_time, trail) = (0, 0, HTTP_TIME_MAX, Trail::default());
        Self { plugin, operation: None, caller: None, services, asks, logged, fetched, http_time, trail }
    }

    /// Answers one request.
    pub(crate) fn answer(&mut self, name: &str, input: &[u8]) -> Asked {
        let answered = fitting(name, self.answered(name, input));
        if answered.0 != GESHER_OK {
            self.trail.failed();
        }
        answered
    }

    fn answered(&mut self, name: &str, input: &[u8]) -> Asked {
        match name {
            "call" => {
                serde_json::from_slice(input).map_or_else(|error| misread(&error), |asked| self.call(asked))
            }
            "log" => {
                serde_json::from_slice(input).map_or_else(|error| misread(&error), |asked| self.log(asked))
            }
            "http" => {
                serde_json::from_slice(input).map_or_else(|error| misread(&error), |asked| self.http(&asked))
            }
            "secret" => self.secret(&String::from_utf8_lossy(input)),
            "now" => match self.caller {
                Some(caller) => {
                    caller.now().map_or((GESHER_OVER, Vec::new()), |now| ok(&json!(now.to_string())))
                }
                None => ok(&json!(self.plugin.clock().now().to_string())),
            },
            // What calls others is told by its item alone, which then knows that it was told.
            "cancelled" => {
                ok(&json!(self.caller.map_or_else(|| self.services.is_stopping(), |caller| caller.is_over())))
            }
            _ => (GESHER_NO_SUCH_NAME, Vec::new()),
        }
    }

    fn allows(&self, wanted: impl Fn(&Capability) -> bool) -> bool {
        self.plugin.spec().allow.iter().any(wanted)
    }

    fn not_allowed(&self, what: &str) -> Asked {
        let name = &self.plugin.spec().name;
        let message =
            format!("the plugin {name} may not use {what}; add \"{what}\" to its `allow` in gesher.toml");
        refuse("plugin_not_allowed", message)
    }

    fn call(&self, asked: CallAsked) -> Asked {
        let own = &self.plugin.spec().name;
        let Some(caller) = self.caller else {
            let message = format!(
                "only an operation that says `calls` may call others: it has no effect of its own, and runs again after \
                 an interruption; {} has one, or does not say so",
                self.operation.map_or("an event source", |operation| operation.name.as_str())
            );
            return refuse("plugin_may_not_call", message);
        };
        let (provider, rest) = asked.operation.split_once('.').unwrap_or((asked.operation.as_str(), ""));
        let word = rest.split_once('/').map_or(rest, |(word, _)| word);
        if provider == own {
            return refuse(
                "plugin_may_not_call",
                format!("{own} has {word} itself and need not ask the hub for it"),
            );
        }
        if !self.allows(|capability| capability.covers(provider, word)) {
            return self.not_allowed(&format!("{provider}.{word}"));
        }
        match caller.call(&asked.operation, &asked.who, asked.key.as_deref(), asked.request) {
            Some(answer) => ok(&answer),
            None => (GESHER_OVER, Vec::new()),
        }
    }

    fn log(&mut self, asked: LogAsked) -> Asked {
        let before = self.logged;
        self.logged = before.saturating_add(asked.message.len());
        let (plugin, place) = (self.plugin.spec().name.as_str(), self.caller.map(|caller| caller.place()));
        let operation = self.operation.map(|operation| operation.name.as_str());
        if before > LOG_BYTES_MAX {
            return (GESHER_OK, Vec::new());
        }
        let line = match self.logged > LOG_BYTES_MAX {
            true => format!("more than {LOG_BYTES_MAX} bytes in one call; the rest is left out"),
            false => asked.message,
        };
        match asked.level.as_str() {
            "debug" => tracing::debug!(target: "gesher::plugin", plugin, operation, place, "{line}"),
            "warn" => tracing::warn!(target: "gesher::plugin", plugin, operation, place, "{line}"),
            "error" => tracing::error!(target: "gesher::plugin", plugin, operation, place, "{line}"),
            _ => tracing::info!(target: "gesher::plugin", plugin, operation, place, "{line}"),
        }
        (GESHER_OK, Vec::new())
    }

    fn secret(&self, name: &str) -> Asked {
        if !self.allows(|capability| matches!(capability, Capability::Secret(own) if own == name)) {
            return self.not_allowed(&format!("secret:{name}"));
        }
        match self.services.secret(name) {
            Ok(secret) => (GESHER_OK, secret.expose().clone().into_bytes()),
            Err(words) => refuse("plugin_secret", words),
        }
    }

    fn http(&mut self, request: &Value) -> Asked {
        let method = request.get("method").and_then(Value::as_str).unwrap_or("GET");
        let changes = self.operation.is_some_and(|operation| operation.effect != Effect::Read);
        let only_looks = matches!(method, "GET" | "HEAD");
        // What has no effect can be asked for again after the next start.
        let gives_way = !changes;
        let refused = self.no_http(changes || only_looks).or_else(|| self.trail.why_no_more(only_looks));
        if let Some(why) = refused {
            return refuse("plugin_http", why.to_owned());
        }
        if self.services.is_stopping() {
            if gives_way {
                return not_sent("stopping", "the hub is stopping");
            }
            self.http_time = self.http_time.min(HTTP_TIME_STOPPING);
        }
        if self.http_time.is_zero() {
            let why =
                format!("the requests of one call may take {} s, and they did", HTTP_TIME_MAX.as_secs());
            return refuse("plugin_http", why);
        }
        self.fetched += 1;
        if self.fetched > HTTP_REQUESTS_MAX {
            let why = format!("one call may send {HTTP_REQUESTS_MAX} requests, and this is one more");
            return refuse("plugin_http", why);
        }
        let clock = self.plugin.clock();
        let began = clock.monotonic();
        let came = self.services.http(request, self.http_time, gives_way);
        self.http_time = self.http_time.saturating_sub(clock.monotonic().saturating_sub(began));
        match came {
            Ok(answer) => {
                self.trail.answered(only_looks, answer.get("status").and_then(Value::as_u64));
                ok(&answer)
            }
            Err(HttpFault::NotGranted(entry)) => self.not_allowed(&entry),
            Err(HttpFault::Refused { code, message }) => refuse(&code, message),
            Err(HttpFault::NotSent { code, message }) => not_sent(&code, &message),
            Err(HttpFault::MayHaveLeft(words)) => {
                self.trail.lost(only_looks);
                (GESHER_BROKEN, words.into_bytes())
            }
        }
    }

    /// Why nothing is fetched for it, whatever the host.
    fn no_http(&self, may: bool) -> Option<&'static str> {
        if self.caller.is_some() || self.operation.is_some_and(|operation| operation.calls) {
            return Some(
                "an operation that calls others runs again after an interruption, and what the network says may be \
                 another by then; fetch it in an operation of its own",
            );
        }
        if self.asks == Asks::Prepare {
            return Some(
                "a request is looked at before anything of it is written down, and again after an interruption, so \
                 nothing is sent meanwhile; fetch it when the operation is called",
            );
        }
        (!may).then_some("an operation without an effect, or an event source, may only GET and HEAD")
    }
}

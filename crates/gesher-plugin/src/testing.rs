//! A kit for a plugin's own tests: its examples, run through the interface that the hub uses.
//!
//! [`check`] is all that most plugins need. A [`Hub`] answers what the plugin asks; what a test does not set up is
//! refused, as in a hub that allows nothing.
//!
//! ```
//! # use gesher_plugin::testing::Hub;
//! # use gesher_plugin::{HttpAnswer, json};
//! let hub = Hub::new()
//!     .secret("stock.token", "t")
//!     .answers("GET", "https://api.example.com/items/7", HttpAnswer::of_json(200, &json!({ "price": 12 })))
//!     .loses("POST", "https://api.example.com/orders");
//! ```

use crate::entry::Plugin;
use crate::export::{self, GesherBuffer, GesherBytes, GesherHostV1};
use crate::host::{Asked, HttpAnswer, HttpRequest};
use crate::source::Polled;
use gesher_core::check::faults;
use gesher_core::shape::Shape;
use gesher_plugin_abi::{
    GESHER_ABI, GESHER_BROKEN, GESHER_NO_SUCH_NAME, GESHER_OK, GESHER_OVER, GESHER_REFUSED,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The hub's reference of every step in tests.
pub const REFERENCE: &str = "testrun.1.1";

/// What answers a plugin's calls: an operation, a key and a request to an answer as scripts get it.
pub type Calls = dyn Fn(&str, Option<&str>, &Value) -> Value + Send + Sync;

/// What answers a plugin's HTTP requests.
pub type Fetches = dyn Fn(&Value) -> Value + Send + Sync;

/// A hub for tests.
#[derive(Clone, Default)]
pub struct Hub {
    secrets: BTreeMap<String, String>,
    calls: Option<Arc<Calls>>,
    http: Option<Arc<Fetches>>,
    canned: Vec<Canned>,
    sent: Arc<Mutex<Vec<HttpRequest>>>,
    /// What the invocation that is answered may send.
    may: May,
    /// Whether one that changes something was lost in it.
    has_lost: Arc<AtomicBool>,
}

/// What is answered to a method and an address; nothing where the request is lost on its way.
type Canned = (String, String, Option<HttpAnswer>);

/// What an invocation may send, as in a hub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum May {
    Nothing,
    Look,
    #[default]
    Change,
}

impl Hub {
    /// A hub that allows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Grants a secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Answers calls of operations.
    #[must_use]
    pub fn calls(
        mut self,
        answer: impl Fn(&str, Option<&str>, &Value) -> Value + Send + Sync + 'static,
    ) -> Self {
        self.calls = Some(Arc::new(answer));
        self
    }

    /// Answers every HTTP request to that method and address, query included, with this.
    #[must_use]
    pub fn answers(mut self, method: &str, url: &str, answer: HttpAnswer) -> Self {
        self.canned.push((method.to_owned(), url.to_owned(), Some(answer)));
        self
    }

    /// Loses every HTTP request to that method and address: it may have left, and no answer comes.
    #[must_use]
    pub fn loses(mut self, method: &str, url: &str) -> Self {
        self.canned.push((method.to_owned(), url.to_owned(), None));
        self
    }

    /// The HTTP requests that were sent so far, those that were lost too.
    #[must_use]
    pub fn sent(&self) -> Vec<HttpRequest> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers the HTTP requests that nothing else answers, as JSON: `{"status", "headers", "body"}`.
    #[must_use]
    pub fn http(mut self, answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Self {
        self.http = Some(Arc::new(answer));
        self
    }

    fn ask(&self, name: &str, input: &[u8]) -> Asked {
        let parsed = || serde_json::from_slice::<Value>(input).unwrap_or_default();
        let found = match name {
            "log" => Some(Vec::new()),
            "cancelled" => Some(b"false".to_vec()),
            "now" => Some(b"\"2026-11-22T09:00:00Z\"".to_vec()),
            "secret" => {
                let value = self.secrets.get(&*String::from_utf8_lossy(input));
                value.map(|value| value.clone().into_bytes())
            }
            "call" => self.calls.as_ref().map(|answer| {
                let asked = parsed();
                let operation = asked["operation"].as_str().unwrap_or_default();
                answer(operation, asked["key"].as_str(), &asked["request"]).to_string().into_bytes()
            }),
            "http" => return self.fetch(&parsed()),
            _ => return (GESHER_NO_SUCH_NAME, Vec::new()),
        };
        found.map_or_else(|| refused(&format!("this test allows no `{name}`")), |bytes| (GESHER_OK, bytes))
    }

    fn fetch(&self, asked: &Value) -> Asked {
        let Ok(request) = serde_json::from_value::<HttpRequest>(asked.clone()) else {
            return refused("this is no HTTP request");
        };
        let only_looks = ["GET", "HEAD"].contains(&request.method.as_str());
        if self.may == May::Nothing || (self.may == May::Look && !only_looks) {
            return refused(
                "a hub sends nothing while a request is prepared or others are called, and only GET and HEAD for what has no effect",
            );
        }
        if self.has_lost.load(Ordering::Relaxed) && !only_looks {
            return refused(
                "a hub sends nothing more that changes something after a request whose answer was lost",
            );
        }
        let is_of = |(method, url, _): &&Canned| *method == request.method && *url == request.url;
        let found = match (self.canned.iter().find(is_of), &self.http) {
            (Some((.., Some(answer))), _) => json!(answer),
            (Some((.., None)), _) => {
                self.has_lost.fetch_or(!only_looks, Ordering::Relaxed);
                self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                return (GESHER_BROKEN, b"no whole answer came in time".to_vec());
            }
            (None, Some(answer)) => answer(asked),
            (None, None) => {
                let HttpRequest { method, url, .. } = &request;
                return refused(&format!("this test has no answer to {method} {url}"));
            }
        };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        (GESHER_OK, found.to_string().into_bytes())
    }

    /// The same for an invocation of that name.
    fn of(&self, plugin: &Plugin, name: &str) -> Self {
        let may = match name.split_once('/') {
            Some(("poll", _)) => May::Look,
            Some(("call", name)) => match plugin.operation(name) {
                Some(entry) if entry.calls => May::Nothing,
                Some(entry) if !entry.descriptor.effect.changes() => May::Look,
                _ => May::Change,
            },
            _ => May::Nothing,
        };
        Self { may, has_lost: Arc::default(), ..self.clone() }
    }
}

fn refused(why: &str) -> Asked {
    (GESHER_REFUSED, json!({ "code": "not_allowed", "message": why }).to_string().into_bytes())
}

static CALLS: LazyLock<Mutex<HashMap<u64, Hub>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

static HOST: GesherHostV1 = GesherHostV1 {
    size: size_of::<GesherHostV1>() as u32,
    abi: GESHER_ABI,
    ask: Some(host_ask),
    free: Some(host_free),
};

unsafe extern "C" fn host_ask(
    call: u64,
    name: GesherBytes,
    input: GesherBytes,
    output: *mut GesherBuffer,
) -> i32 {
    // SAFETY: the plugin lends both until this returns.
    let (name, input) = unsafe { (name.read().unwrap_or_default(), input.read().unwrap_or_default()) };
    let hub = CALLS.lock().unwrap_or_else(PoisonError::into_inner).get(&call).cloned();
    let name = String::from_utf8_lossy(name);
    let (status, bytes) = hub.map_or((GESHER_OVER, Vec::new()), |hub| hub.ask(&name, input));
    // SAFETY: the plugin lets this be written.
    unsafe { output.write(GesherBuffer::of(bytes)) };
    status
}

unsafe extern "C" fn host_free(buffer: GesherBuffer) {
    // SAFETY: the plugin gives back what `host_ask` handed over, once.
    drop(unsafe { buffer.take() });
}

/// Invokes the plugin as a hub does: the status, and the answer.
#[must_use]
pub fn invoke(plugin: &'static Plugin, hub: &Hub, name: &str, input: &Value) -> (i32, Vec<u8>) {
    let call = NEXT.fetch_add(1, Ordering::Relaxed);
    CALLS.lock().unwrap_or_else(PoisonError::into_inner).insert(call, hub.of(plugin, name));
    let input = input.to_string();
    let (name, input) = (GesherBytes::of(name.as_bytes()), GesherBytes::of(input.as_bytes()));
    let mut output = GesherBuffer::EMPTY;
    // SAFETY: all of these outlive the call.
    let status = unsafe { export::invoke(plugin, &raw const HOST, call, name, input, &raw mut output) };
    CALLS.lock().unwrap_or_else(PoisonError::into_inner).remove(&call);
    // SAFETY: it came from this very crate, once.
    (status, unsafe { output.take() })
}

/// Calls an operation with a request: its outcome as the hub reads it, or why it was refused.
pub fn call(plugin: &'static Plugin, hub: &Hub, operation: &str, request: &Value) -> Result<Value, String> {
    let entry = plugin.operation(operation).ok_or_else(|| format!("there is no operation {operation}"))?;
    let (request_schema, answer_schema) = entry.schemas();
    if let Some(fault) = faults(&Shape::of(&request_schema), request).into_iter().next() {
        return Err(fault.into_rejection().message.en);
    }
    let input = json!({ "reference": REFERENCE, "request": request });
    let (status, bytes) = invoke(plugin, hub, &format!("call/{operation}"), &input);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if status != GESHER_OK {
        return Err(text);
    }
    let outcome: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    if outcome["status"] == "succeeded"
        && let Some(fault) = faults(&Shape::of(&answer_schema), &outcome["data"]).into_iter().next()
    {
        return Err(format!("the answer does not fit its schema: {}", fault.into_rejection().message.en));
    }
    Ok(outcome)
}

/// Looks at an event source behind `cursor` as a hub does: what it found, or what it said instead.
pub fn poll(plugin: &'static Plugin, hub: &Hub, source: &str, cursor: &Value) -> Result<Polled, String> {
    let input = json!({ "cursor": cursor, "wait_ms": 0 });
    let (status, bytes) = invoke(plugin, hub, &format!("poll/{source}"), &input);
    match status {
        GESHER_OK => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
        GESHER_NO_SUCH_NAME => Err(format!("there is no event source {source}")),
        _ => Err(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Runs every example of the plugin and compares its answer. All that is wrong, one a line.
pub fn check(plugin: &'static Plugin, hub: &Hub) -> Result<(), String> {
    let mut wrong = Vec::new();
    for entry in plugin.operations {
        for example in entry.examples {
            let name = entry.descriptor.name;
            let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|error| error.to_string());
            let compared = read(example.request).and_then(|request| {
                let outcome = call(plugin, hub, name, &request)?;
                let want = read(example.answer)?;
                match covers(&want, &outcome["data"]) {
                    true => Ok(()),
                    false => Err(format!("expected {want}, got {outcome}")),
                }
            });
            if let Err(what) = compared {
                wrong.push(format!("{name}, {}: {what}", example.title));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Whether what is wanted is there. A text `*` stands for anything that is there.
fn covers(want: &Value, found: &Value) -> bool {
    match (want, found) {
        (Value::String(any), found) if any == "*" => !found.is_null(),
        (Value::Object(want), Value::Object(found)) => {
            want.iter().all(|(name, want)| found.get(name).is_some_and(|found| covers(want, found)))
        }
        (want, found) => want == found,
    }
}

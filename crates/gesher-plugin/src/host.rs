//! The hub as a plugin sees it while one of its operations runs.

use gesher_core::{Outcome, OutcomeStatus, Secret, Text};
use gesher_plugin_abi::{GESHER_NO_SUCH_NAME, GESHER_OK, GESHER_OVER, GESHER_REFUSED};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// What was answered: a status of the interface, and bytes.
pub type Asked = (i32, Vec<u8>);

/// The hub, on behalf of one call. May be used from any thread until the operation returns.
pub struct Host<'a> {
    ask: &'a (dyn Fn(&str, &[u8]) -> Asked + Sync),
}

/// Why the hub did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The call is over: its item has ended, or its time is up. Whatever the operation answers now is not heard.
    #[error("the call is over")]
    Over,
    /// The hub refuses it, and did nothing.
    #[error("{message} ({code})")]
    Refused {
        /// Its code, such as `not_allowed`.
        code: String,
        /// Why, and how to mend it.
        message: String,
    },
    /// An HTTP request was not sent, since nobody was reached: nothing of it left, and another time it may be sent.
    #[error("{message} ({code})")]
    NotSent {
        /// Its code, such as `dns` or `refused`.
        code: String,
        /// Why.
        message: String,
    },
    /// It broke off, and nobody knows how far it came. Of an HTTP request: it may have left.
    #[error("{0}")]
    Broken(String),
}

impl HostError {
    /// The outcome of an operation that could not go on, where nothing of its own was done before: `rejected` for what the
    /// hub refused, `not_sent` where nobody was reached, and otherwise `unknown`, since what broke off may have been done. Where
    /// something of its own had left before, the hub takes either of the first two as `unknown` too.
    /// Of an operation without an effect, `unknown` is told to the hub as `rejected`.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        match self {
            Self::Refused { code, message } => {
                Outcome::new(OutcomeStatus::Rejected, code, Text::verbatim(message))
            }
            Self::NotSent { code, message } => {
                Outcome::new(OutcomeStatus::NotSent, code, Text::verbatim(message))
            }
            other => Outcome::new(OutcomeStatus::Unknown, "host", Text::verbatim(other.to_string())),
        }
    }
}

/// The answer to a call of an operation, as scripts get it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Answer {
    /// In one word: `succeeded`, `declined`, `rejected` or `not_sent`.
    pub status: String,
    /// The provider's id of what was done.
    pub reference: Option<String>,
    /// The document's number.
    pub document: Option<String>,
    /// The code.
    pub code: Option<String>,
    /// For people, in the hub's language.
    pub message: String,
    /// It is the recorded answer of an earlier call; nothing was sent now.
    pub replayed: bool,
    /// The provider's own answer.
    #[serde(default)]
    pub data: Value,
}

/// How loud a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// The ordinary.
    Info,
    /// Somebody should know.
    Warn,
    /// Something failed.
    Error,
}

/// A request through the hub's guarded client: to hosts that `allow` names (`http:api.example.com`), and to no address
/// inside the network.
///
/// ```
/// # use gesher_plugin::{HttpRequest, json};
/// let request = HttpRequest::post("https://api.example.com/orders")
///     .header("Authorization", "Bearer …")
///     .json(&json!({ "order": 7 }));
/// # assert_eq!(request.headers["Content-Type"], "application/json");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`. An operation without an effect, and an event source, may only
    /// `GET` and `HEAD`.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Headers by name. Those that frame a request are the hub's.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default)]
    pub body: String,
    /// How long the whole request may take, in seconds from 1 to 120; 30 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
}

impl HttpRequest {
    /// A request with nothing but its method and its address.
    #[must_use]
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self { method: method.to_owned(), url: url.into(), ..Self::default() }
    }

    /// Asks for what is there.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Sends something.
    #[must_use]
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }

    /// With a body of text.
    #[must_use]
    pub fn text(mut self, content_type: &str, body: impl Into<String>) -> Self {
        self.body = body.into();
        self.header("Content-Type", content_type)
    }

    /// With a body of JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    /// With so many seconds for all of it.
    #[must_use]
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.timeout = Some(seconds);
        self
    }
}

/// Headers, body and query may hold what nobody should see.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("HttpRequest").field("method", &self.method).field("url", &url).finish_non_exhaustive()
    }
}

/// What came back, whatever its status says: a redirect is an answer too, and is not followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Headers by lower-case name, without cookies.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, where it is text: at most 1 MiB, as it came.
    #[serde(default)]
    pub body: Option<String>,
    /// The body as Base64, where it is no text or is packed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
}

impl HttpAnswer {
    /// An answer of JSON, for tests.
    #[must_use]
    pub fn of_json(status: u16, body: &Value) -> Self {
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        Self { status, headers, body: Some(body.to_string()), body_base64: None }
    }

    /// Whether the status is one of 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; an empty one where there is none, or where it is no text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.body.as_deref().unwrap_or_default()
    }

    /// The body as JSON of some type, or what is wrong with it.
    pub fn json<T: for<'de> Deserialize<'de>>(&self) -> Result<T, String> {
        serde_json::from_str(self.text()).map_err(|error| format!("the answer is not understood: {error}"))
    }
}

impl<'a> Host<'a> {
    /// A hub that answers by `ask`.
    #[must_use]
    pub fn new(ask: &'a (dyn Fn(&str, &[u8]) -> Asked + Sync)) -> Self {
        Self { ask }
    }

    /// Calls an operation of the hub as a step of the calling item. Only for operations that say
    /// [`CALLS`](crate::PluginOperation::CALLS), and only of those that `allow` names for the plugin and for the flow.
    /// *Who* is a vendor's handle or `marketplace`.
    pub fn call(
        &self,
        operation: &str,
        who: &str,
        key: Option<&str>,
        request: &Value,
    ) -> Result<Answer, HostError> {
        let asked = json!({ "operation": operation, "who": who, "key": key, "request": request });
        self.json("call", &asked)
    }

    /// Sends a request, once: nothing is repeated, and no redirect is followed. Whether a byte of it may have left is what
    /// an error says: [`Refused`](HostError::Refused) and [`NotSent`](HostError::NotSent) left nothing, and after
    /// [`Broken`](HostError::Broken) nobody knows. An operation with an effect that then cannot find out answers `unknown`;
    /// [`HostError::into_outcome`] does. After one that changes something and was lost, the hub sends nothing more of the kind
    /// in this call: what was lost here is not to be done elsewhere.
    ///
    /// Not for operations that say [`CALLS`](crate::PluginOperation::CALLS): they run again after an interruption.
    pub fn http(&self, request: &HttpRequest) -> Result<HttpAnswer, HostError> {
        self.json("http", &serde_json::to_value(request).unwrap_or_default())
    }

    /// A secret that `allow` grants.
    pub fn secret(&self, name: &str) -> Result<Secret, HostError> {
        let bytes = self.ask("secret", name.as_bytes())?;
        String::from_utf8(bytes)
            .map(Secret::new)
            .map_err(|_| HostError::Broken("the secret is no text".into()))
    }

    /// The hub's clock. For operations that say [`CALLS`](crate::PluginOperation::CALLS) the same again after an
    /// interruption.
    pub fn now(&self) -> Result<Timestamp, HostError> {
        let text: String = self.json("now", &Value::Null)?;
        text.parse().map_err(|_| HostError::Broken(format!("`{text}` is no instant")))
    }

    /// Writes a line to the hub's log.
    pub fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        // A line that cannot be written is no reason to do anything else.
        let _unheard = self.ask("log", json!({ "level": level, "message": message }).to_string().as_bytes());
    }

    /// Whether the operation should give up: its time is over, or the hub stops. Long work asks now and then.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.json::<bool>("cancelled", &Value::Null).unwrap_or(true)
    }

    fn ask(&self, name: &str, input: &[u8]) -> Result<Vec<u8>, HostError> {
        let (status, bytes) = (self.ask)(name, input);
        match status {
            GESHER_OK => Ok(bytes),
            GESHER_OVER => Err(HostError::Over),
            GESHER_REFUSED => Err(refused(&bytes)),
            GESHER_NO_SUCH_NAME => Err(HostError::Broken(format!("the hub knows no `{name}`"))),
            _ => Err(HostError::Broken(String::from_utf8_lossy(&bytes).into_owned())),
        }
    }

    fn json<T: for<'de> Deserialize<'de>>(&self, name: &str, input: &Value) -> Result<T, HostError> {
        let bytes = self.ask(name, input.to_string().as_bytes())?;
        serde_json::from_slice(&bytes).map_err(|error| {
            HostError::Broken(format!("the hub's answer to `{name}` is not understood: {error}"))
        })
    }
}

fn refused(bytes: &[u8]) -> HostError {
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
        message: String,
        #[serde(default)]
        not_sent: bool,
    }
    match serde_json::from_slice::<Refusal>(bytes) {
        Ok(Refusal { code, message, not_sent: true }) => HostError::NotSent { code, message },
        Ok(Refusal { code, message, .. }) => HostError::Refused { code, message },
        Err(_) => HostError::Broken(String::from_utf8_lossy(bytes).into_owned()),
    }
}

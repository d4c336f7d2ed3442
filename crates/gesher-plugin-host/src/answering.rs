//! What a plugin asks for in the middle of a call, and what it gets: never more than its capabilities, and each
//! refusal says what would have to be allowed.

use crate::capability::Capability;
use crate::library::{ANSWER_BYTES_MAX, Asked};
use crate::manifest::OperationManifest;
use crate::plugin::Plugin;
use gesher_core::{Caller, Effect, Secret};
use gesher_plugin_abi::{GESHER_BROKEN, GESHER_NO_SUCH_NAME, GESHER_OK, GESHER_OVER, GESHER_REFUSED};
use serde::Deserialize;
use serde_json::{Value, json};

/// What one call may write to the log, in bytes. The rest is left out.
const LOG_BYTES_MAX: usize = 64 << 10;

/// What the hub has that plugins may be granted. Called on threads that may block.
pub trait Services: Send + Sync {
    /// A secret's value.
    fn secret(&self, name: &str) -> Result<Secret, String>;

    /// Sends an HTTP request to a host that was granted: the answer as JSON, or whether it may have left and why it
    /// failed.
    fn http(&self, request: &Value) -> Result<Value, (bool, String)>;

    /// Whether the hub is stopping.
    fn is_stopping(&self) -> bool;
}

/// One call that answers are for.
pub(crate) struct Answering<'a> {
    pub(crate) plugin: &'a Plugin,
    /// None while an event source is asked.
    pub(crate) operation: Option<&'a OperationManifest>,
    /// Where the operation calls others.
    pub(crate) caller: Option<&'a dyn Caller>,
    pub(crate) services: &'a dyn Services,
    pub(crate) logged: usize,
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

impl Answering<'_> {
    /// Answers one request.
    pub(crate) fn answer(&mut self, name: &str, input: &[u8]) -> Asked {
        fitting(name, self.whole_answer(name, input))
    }

    fn whole_answer(&mut self, name: &str, input: &[u8]) -> Asked {
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

    fn http(&self, request: &Value) -> Asked {
        let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
        let (method, url) = (text("method"), text("url"));
        if self.caller.is_some() {
            let message =
                "an operation that calls others runs again after an interruption, and what the network says \
                           may be another by then; fetch it in an operation of its own"
                    .to_owned();
            return refuse("plugin_http", message);
        }
        let changes = self.operation.is_some_and(|operation| operation.effect != Effect::Read);
        if !changes && method != "GET" {
            return refuse("plugin_http", "an operation without an effect may only GET".to_owned());
        }
        let Some(host) = host_of(url) else {
            return refuse("plugin_http", "this is no http or https address".to_owned());
        };
        let granted = |capability: &Capability| matches!(capability, Capability::Http(own) if *own == host);
        if !self.allows(granted) {
            return self.not_allowed(&format!("http:{host}"));
        }
        match self.services.http(request) {
            Ok(answer) => ok(&answer),
            Err((true, words)) => (GESHER_BROKEN, words.into_bytes()),
            Err((false, words)) => refuse("plugin_http", words),
        }
    }
}

/// The host of an address, with its port where one is written.
fn host_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let is_plain = !authority.is_empty()
        && authority.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    is_plain.then(|| authority.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_what_stands_between_the_slashes() {
        for (url, want) in [
            ("https://api.example.com/x?y", Some("api.example.com")),
            ("http://127.0.0.1:80", Some("127.0.0.1:80")),
            ("https://API.example.com#x", Some("api.example.com")),
            ("https://api.example.com@evil.example/", None),
            ("https://api.example.com\\@evil/", None),
            ("ftp://api.example.com", None),
            ("https://", None),
        ] {
            assert_eq!(host_of(url).as_deref(), want, "{url}");
        }
    }
}

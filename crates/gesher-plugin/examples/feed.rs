//! A plugin that speaks HTTP through the hub: entries of a server that are read and written, and its two event sources, one
//! that looks for new entries and one that waits for them.
//!
//! The server answers `GET /entries?after=CURSOR` (and `/stream`, which holds its answer for `wait` seconds) with
//! `{"events": [{"id", "data"}], "next": CURSOR}`, and takes entries by `POST /entries`. Its address is the secret
//! `feed.url`; its host has to stand in `allow`.

use gesher_plugin::{
    Descriptor, Effect, Event, Example, Facts, Host, HostError, HttpAnswer, HttpRequest, KeyRule, Operation,
    Outcome, OutcomeStatus, Performed, Plugin, PluginEntry, PluginOperation, Polled, Rejection, Source,
    SourceEntry, Text, Value, descriptor, json,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The secret that holds the server's address.
const URL: &str = "feed.url";
/// Seconds that an answer may take beyond what the server was asked to wait.
const MARGIN_SECONDS: u64 = 5;

fn address(host: &Host<'_>, path: &str) -> Result<String, HostError> {
    Ok(format!("{}/{path}", host.secret(URL)?.expose().trim_end_matches('/')))
}

fn failed(status: OutcomeStatus, code: &str, words: String) -> Outcome {
    Outcome::new(status, code, Text::verbatim(words))
}

/// Which entry.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Its id.
    id: String,
}

/// An entry.
#[derive(Serialize, JsonSchema)]
struct Found {
    /// What the server says of it.
    entry: Value,
}

/// Reads an entry.
struct GetEntry;

impl Operation for GetEntry {
    const DESCRIPTOR: Descriptor =
        descriptor("feed", "get_entry", "Read an entry.", Effect::Read, KeyRule::None);
    const EXAMPLES: &'static [Example] = &[Example {
        title: "One entry",
        who: "marketplace",
        key: None,
        request: r#"{"id": "7"}"#,
        answer: r#"{"entry": {"text": "Shalom"}}"#,
    }];
    type Request = Which;
    type Answer = Found;

    fn rules(which: &Which) -> Result<(), Rejection> {
        match which.id.is_empty() {
            true => Err(Rejection::new("no_id", Text::new("חסר מזהה", "an entry has an id"))),
            false => Ok(()),
        }
    }

    fn facts(_: &Which) -> Facts {
        Facts::default()
    }
}

impl PluginOperation for GetEntry {
    fn perform(host: &Host<'_>, _: Option<&str>, which: Which) -> Performed {
        match read(host, &which.id) {
            Ok(answer) if answer.is_success() => match answer.json::<Value>() {
                Ok(entry) => {
                    let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", Text::default());
                    outcome.data = json!(Found { entry }).into();
                    outcome.into()
                }
                Err(why) => failed(OutcomeStatus::Rejected, "feed_answer", why).into(),
            },
            Ok(answer) => {
                let why = format!("the server answered {}", answer.status);
                failed(OutcomeStatus::Rejected, "feed_status", why).into()
            }
            Err(error) => error.into_outcome().into(),
        }
    }
}

/// Follows one redirect itself: the hub follows none, and asks for each host whether it is allowed.
fn read(host: &Host<'_>, id: &str) -> Result<HttpAnswer, HostError> {
    let answer = host.http(&HttpRequest::get(address(host, &format!("entries/{id}"))?))?;
    match (answer.status, answer.headers.get("location")) {
        (302, Some(elsewhere)) => host.http(&HttpRequest::get(elsewhere.as_str())),
        _ => Ok(answer),
    }
}

/// An entry to be written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// What it says.
    text: String,
    /// How long the server may take, in seconds.
    #[serde(default)]
    seconds: Option<u32>,
}

/// What was written.
#[derive(Serialize, JsonSchema)]
struct Written {
    /// The server's id of it.
    id: Option<String>,
}

/// Writes an entry.
struct AddEntry;

impl Operation for AddEntry {
    const DESCRIPTOR: Descriptor =
        descriptor("feed", "add_entry", "Write an entry.", Effect::Write, KeyRule::Required);
    const EXAMPLES: &'static [Example] = &[Example {
        title: "One entry",
        who: "marketplace",
        key: Some("greeting"),
        request: r#"{"text": "Shalom"}"#,
        answer: r#"{"id": "8"}"#,
    }];
    type Request = Entry;
    type Answer = Written;

    fn rules(_: &Entry) -> Result<(), Rejection> {
        Ok(())
    }

    fn facts(_: &Entry) -> Facts {
        Facts::default()
    }
}

impl PluginOperation for AddEntry {
    fn perform(host: &Host<'_>, reference: Option<&str>, entry: Entry) -> Performed {
        match write(host, reference.unwrap_or_default(), &entry) {
            // What may have left and was not answered is `unknown`; what never left is not.
            Err(error) => error.into_outcome().into(),
            Ok(answer) => written(&answer).into(),
        }
    }
}

fn write(host: &Host<'_>, reference: &str, entry: &Entry) -> Result<HttpAnswer, HostError> {
    let request = HttpRequest::post(address(host, "entries")?)
        .header("X-Reference", reference)
        .json(&json!({ "text": entry.text }));
    host.http(&HttpRequest { timeout: entry.seconds, ..request })
}

/// What an answer means: a refusal was not carried out, and of anything but a success nobody knows.
fn written(answer: &HttpAnswer) -> Outcome {
    let code = format!("http_{}", answer.status);
    let why = format!("the server answered {}", answer.status);
    match answer.status {
        200..=299 => {
            let id = answer.json::<Value>().ok().and_then(|body| body["id"].as_str().map(str::to_owned));
            let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", Text::default());
            outcome.reference.clone_from(&id);
            outcome.data = json!(Written { id }).into();
            outcome
        }
        400..=499 if answer.status != 408 => failed(OutcomeStatus::Rejected, &code, why),
        _ => failed(OutcomeStatus::Unknown, &code, why),
    }
}

/// What the server answers to a look.
#[derive(Deserialize)]
struct Page {
    events: Vec<Event>,
    next: Value,
}

fn look(host: &Host<'_>, path: &str, cursor: &Value, wait: Duration) -> Result<Polled, String> {
    let after = match cursor {
        Value::Null => "0".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let path = format!("{path}?after={after}&wait={}", wait.as_secs());
    let seconds = u32::try_from(wait.as_secs() + MARGIN_SECONDS).unwrap_or(u32::MAX);
    let request = address(host, &path).map(|url| HttpRequest::get(url).timeout(seconds));
    let answer = request.and_then(|request| host.http(&request)).map_err(|error| error.to_string())?;
    if !answer.is_success() {
        return Err(format!("the server answered {}", answer.status));
    }
    let Page { events, next } = answer.json()?;
    Ok(Polled { events, cursor: next })
}

/// Looks for entries.
struct Entries;

impl Source for Entries {
    const NAME: &'static str = "entries";
    const SUMMARY: &'static str = "Brings new entries.";

    fn poll(host: &Host<'_>, cursor: Value, wait: Duration) -> Result<Polled, String> {
        look(host, "entries", &cursor, wait)
    }
}

/// Waits for entries.
struct Stream;

impl Source for Stream {
    const NAME: &'static str = "stream";
    const SUMMARY: &'static str = "Brings new entries as soon as they are there.";
    const WAITS: bool = true;

    fn poll(host: &Host<'_>, cursor: Value, wait: Duration) -> Result<Polled, String> {
        look(host, "stream", &cursor, wait)
    }
}

static PLUGIN: Plugin = Plugin {
    name: "feed",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Reads and writes the entries of a server, and brings new ones.",
    needs: &["secret:feed.url"],
    operations: &[PluginEntry::of::<GetEntry>(), PluginEntry::of::<AddEntry>()],
    sources: &[SourceEntry::of::<Entries>(), SourceEntry::of::<Stream>()],
};

gesher_plugin::export_plugin!(PLUGIN);

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_plugin::testing::{self, Hub};

    const AT: &str = "https://feed.example.com";

    fn hub() -> Hub {
        Hub::new()
            .secret(URL, AT)
            .answers(
                "GET",
                "https://feed.example.com/entries/7",
                HttpAnswer::of_json(200, &json!({ "text": "Shalom" })),
            )
            .answers(
                "POST",
                "https://feed.example.com/entries",
                HttpAnswer::of_json(201, &json!({ "id": "8" })),
            )
    }

    #[test]
    fn the_examples_are_tests() {
        testing::check(&PLUGIN, &hub()).unwrap();
    }

    #[test]
    fn an_entry_whose_answer_is_lost_is_unknown_and_one_that_is_refused_is_not() {
        let lost = Hub::new().secret(URL, AT).loses("POST", "https://feed.example.com/entries");
        let add = |hub: &Hub| testing::call(&PLUGIN, hub, "add_entry", &json!({ "text": "x" })).unwrap();
        assert_eq!(add(&lost)["status"], "unknown");
        assert_eq!(lost.sent()[0].headers["X-Reference"], testing::REFERENCE);
        for (status, want) in [(200, "succeeded"), (422, "rejected"), (408, "unknown"), (503, "unknown")] {
            let answer = HttpAnswer::of_json(status, &json!({}));
            let hub = Hub::new().secret(URL, AT).answers("POST", "https://feed.example.com/entries", answer);
            assert_eq!(add(&hub)["status"], want, "{status}");
        }
        let nobody = Hub::new().secret(URL, AT);
        assert_eq!(add(&nobody)["status"], "rejected", "what the hub refuses never left");
    }

    #[test]
    fn new_entries_are_events_behind_the_cursor() {
        let page = json!({ "events": [{ "id": "8", "data": { "text": "x" } }], "next": 8 });
        let url = "https://feed.example.com/entries?after=7&wait=0";
        let hub = Hub::new().secret(URL, AT).answers("GET", url, HttpAnswer::of_json(200, &page));
        let polled = testing::poll(&PLUGIN, &hub, "entries", &json!(7)).unwrap();
        assert_eq!((polled.events[0].id.as_str(), polled.cursor), ("8", json!(8)));
        assert!(testing::poll(&PLUGIN, &hub, "stream", &json!(7)).unwrap_err().contains("no answer to GET"));
    }
}

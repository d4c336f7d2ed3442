//! What mocks answer, what the hub would make of it, and what time it is.

use crate::convert::to_json;
use gesher_core::operation::Registered;
use gesher_core::{Outcome, OutcomeStatus, Reply, Text};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use rhai::{Dynamic, EvalAltResult, Map};
use serde_json::{Value, json};

/// The fields that the answer of somebody else's host may have; or `outcome`, for what no answer says.
const PAGE_FIELDS: [&str; 5] = ["status", "headers", "body", "json", "outcome"];

/// A mocked answer of somebody else's host: `#{ status: 200, json: #{ … } }`. With `outcome`, what came of a call that
/// has none: `unknown` or `not_sent`.
pub(super) fn page(answer: &Dynamic) -> Result<Outcome, String> {
    let fields = match answer.is_unit() {
        true => Map::new(),
        false => answer.read_lock::<Map>().map(|fields| fields.clone()).ok_or("it answers no map")?,
    };
    if let Some(name) = fields.keys().find(|name| !PAGE_FIELDS.contains(&name.as_str())) {
        return Err(format!("an answer has no field {name}; there are {}", PAGE_FIELDS.join(", ")));
    }
    if let Some(word) = fields.get("outcome").filter(|word| !word.is_unit()) {
        let status: OutcomeStatus = word
            .to_string()
            .parse()
            .map_err(|error: gesher_core::outcome::NoSuchStatus| error.to_string())?;
        return Ok(Outcome::new(status, "mocked", Text::verbatim("mocked")));
    }
    let status = match fields.get("status") {
        None => 200,
        Some(status) => status.as_int().map_err(|given| format!("`status` is a number, not {given}"))?,
    };
    let json = |name: &str| match fields.get(name).filter(|value| !value.is_unit()) {
        None => Ok(None),
        Some(value) => to_json(value).map(Some).map_err(|fault| fault.text().en),
    };
    let body = match json("json")? {
        Some(value) => Value::String(value.to_string()),
        None => json("body")?.unwrap_or_default(),
    };
    let mut outcome = Outcome::new(OutcomeStatus::Succeeded, format!("http_{status}"), Text::default());
    outcome.data =
        json!({ "status": status, "headers": json("headers")?.unwrap_or_else(|| json!({})), "body": body })
            .into();
    Ok(outcome)
}

/// What the hub would make of such an answer.
pub(super) fn judged(found: &Registered, who: &str, request: &Value, outcome: Outcome) -> Outcome {
    let status =
        outcome.data.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let prepared = found.prepare(who, request.clone());
    match (status, prepared) {
        (Some(status), Ok(prepared)) => {
            let reply = Reply { status, content_type: None, body: Vec::new() };
            Outcome { data: outcome.data, ..found.entry.classify(&prepared, &reply) }
        }
        _ => outcome,
    }
}

/// What a mock that threw means: a refusal, as scripts catch them. An error that nobody threw is a slip of the test.
pub(super) fn refused(error: EvalAltResult) -> Result<Outcome, String> {
    let mut error = error;
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) = error {
        error = *inner;
    }
    let EvalAltResult::ErrorRuntime(thrown, _) = error else {
        return Err(error.to_string());
    };
    let Some(fields) = thrown.read_lock::<Map>() else {
        return Ok(Outcome::new(OutcomeStatus::Rejected, "rejected", Text::verbatim(thrown.to_string())));
    };
    let text = |name: &str| fields.get(name).filter(|value| !value.is_unit()).map(ToString::to_string);
    let status = match text("status").as_deref() {
        None | Some("rejected") => OutcomeStatus::Rejected,
        Some("not_sent") => OutcomeStatus::NotSent,
        Some(other) => {
            return Err(format!("it throws the status {other}; only rejected and not_sent are thrown"));
        }
    };
    let code = text("code").unwrap_or_else(|| status.as_str().to_owned());
    Ok(Outcome::new(status, code, Text::verbatim(text("message").unwrap_or_default())))
}

pub(super) fn bad_mock(operation: &str, why: &str) -> String {
    format!("the mock of {operation} does not work: {why}")
}

/// The instant that a test sets its clock to: one in UTC, or a time of the hub's zone.
pub(super) fn instant(zone: &TimeZone, time: &str) -> Result<Timestamp, String> {
    match time.parse::<Timestamp>() {
        Ok(instant) => Ok(instant),
        Err(_) => {
            let local: DateTime = time.parse().map_err(|_| {
                    format!(
                        "at({time:?}) is no time; write one as 2026-03-27T00:30:00Z, or without the Z for the hub's \
                         own zone"
                    )
                })?;
            let ambiguous = zone.to_ambiguous_zoned(local);
            if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
                let name = zone.iana_name().unwrap_or("the hub's zone");
                return Err(format!("at({time:?}): the clocks of {name} never show this time"));
            }
            let found = ambiguous.compatible().map_err(|error| format!("at({time:?}): {error}"))?;
            Ok(found.timestamp())
        }
    }
}

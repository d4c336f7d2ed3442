//! The table of what a plugin's answers mean, for an operation with an effect and for one without.

use super::*;
use gesher_core::{Effect, KeyRule};
use gesher_plugin_abi::{GESHER_BROKEN, GESHER_OVER};
use serde_json::json;
use std::time::Duration;

fn operation(effect: Effect) -> OperationManifest {
    OperationManifest {
        name: "do_it".into(),
        summary: "Do it.".into(),
        effect,
        key: if effect.changes() { KeyRule::Required } else { KeyRule::None },
        calls: false,
        prepares: false,
        request_schema: json!({}),
        answer_schema: json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] }),
        examples: Vec::new(),
    }
}

fn check(asked: Result<Asked, CallFault>, write: &str, read: &str, words: &str) {
    for (effect, want) in [(Effect::Write, write), (Effect::Read, read)] {
        let operation = operation(effect);
        let shape = Shape::of(&operation.answer_schema);
        let came_to = Who { plugin: "sample", operation: &operation }.came_to(asked.clone(), &shape);
        let has_answered = matches!(came_to, Composed::Answered(_));
        let outcome = came_to.into_outcome();
        // What an answer says is no word of the host's, but for the operation that the plugin does not have.
        let is_ours = outcome.code.as_deref().is_some_and(|code| code.starts_with("plugin_"));
        let is_lasting = matches!(asked, Ok((GESHER_REFUSED | GESHER_NO_SUCH_NAME, _)));
        assert_eq!(has_answered, !is_ours || is_lasting, "{effect}: {outcome:?}");
        let code = outcome.code.unwrap_or_default();
        assert_eq!(format!("{} {code}", outcome.status), want, "{effect}");
        assert!(outcome.message.en.contains(words), "{words}: {}", outcome.message.en);
    }
}

fn said(value: &Value) -> Result<Asked, CallFault> {
    Ok((GESHER_OK, value.to_string().into_bytes()))
}

#[test]
fn an_answer_that_is_as_it_should_be_is_believed() {
    check(said(&json!({ "status": "succeeded", "data": { "n": 1 } })), "succeeded ", "succeeded ", "");
    check(said(&json!({ "status": "declined", "code": "7" })), "declined 7", "declined 7", "");
    check(said(&json!({ "status": "rejected", "message": "no" })), "rejected ", "rejected ", "no");
    check(said(&json!({ "status": "not_sent" })), "not_sent ", "not_sent ", "");
}

#[test]
fn a_refusal_is_rejected_and_what_nobody_was_reached_for_is_not_sent() {
    let refused = |value: Value| Ok((GESHER_REFUSED, value.to_string().into_bytes()));
    check(
        refused(json!({ "code": "no", "message": "not today" })),
        "rejected no",
        "rejected no",
        "not today",
    );
    let nobody = json!({ "code": "dns", "message": "no such host", "not_sent": true });
    check(refused(nobody), "not_sent dns", "not_sent dns", "no such host");
}

#[test]
fn an_answer_that_cannot_be_believed_is_unknown_where_something_may_have_been_done() {
    let (write, read) = ("unknown plugin_answer", "rejected plugin_answer");
    check(said(&json!({ "status": "succeeded", "data": {} })), write, read, "does not fit its schema");
    check(said(&json!({ "status": "succeeded", "data": { "n": "x" } })), write, read, "sample");
    check(said(&json!({ "status": "conflict" })), write, read, "sample");
    check(said(&json!({ "status": "well" })), write, read, "not understood");
    check(said(&json!(3)), write, read, "do_it");
    check(Ok((GESHER_OK, b"\xff\xfe".to_vec())), write, read, "sample");
    check(said(&json!({ "status": "unknown" })), "unknown ", "rejected plugin_answer", "");
}

#[test]
fn what_broke_off_is_unknown_and_what_never_began_is_not_sent() {
    let (write, read) = ("unknown plugin_broke_off", "rejected plugin_broke_off");
    check(Ok((GESHER_BROKEN, b"it panicked: x".to_vec())), write, read, "it panicked: x");
    check(Ok((GESHER_OVER, Vec::new())), write, read, "sample");
    check(Ok((99, Vec::new())), write, read, "sample");
    let broken = |broken| Err(CallFault::Broken(broken));
    check(
        broken(Broken::Died("signal 11".into())),
        "unknown plugin_died",
        "rejected plugin_died",
        "signal 11",
    );
    let late = Broken::Late(Duration::from_secs(1));
    check(broken(late), "unknown plugin_late", "rejected plugin_late", "1000 ms");
    check(
        broken(Broken::Garbage("too large")),
        "unknown plugin_answer",
        "rejected plugin_answer",
        "too large",
    );
    let not_called = "not_sent plugin_not_called";
    check(Err(CallFault::NotBegun("no process".into())), not_called, not_called, "no process");
    check(Err(CallFault::Resting(Duration::from_secs(9))), not_called, not_called, "in 9 s");
}

#[test]
fn a_refusal_is_one_whatever_the_operation_may_do() {
    let words = json!({ "code": "no", "message": { "he": "לא", "en": "not so" } }).to_string();
    check(Ok((GESHER_REFUSED, words.into_bytes())), "rejected no", "rejected no", "not so");
    check(Ok((GESHER_REFUSED, b"?".to_vec())), "rejected plugin_refused", "rejected plugin_refused", "?");
    let unknown = "rejected plugin_not_called";
    check(Ok((GESHER_NO_SUCH_NAME, Vec::new())), unknown, unknown, "its own operation");
}

#[test]
fn facts_are_taken_as_they_are_told_and_nothing_is_guessed() {
    let operation = operation(Effect::Money);
    let who = Who { plugin: "sample", operation: &operation };
    let facts = who.facts(said(&json!({ "subject": "Dana", "amount": "12.50 ILS" })));
    let facts = facts.map(|facts| (facts.subject, facts.amount.map(|amount| amount.to_string())));
    assert_eq!(facts.ok(), Some((Some("Dana".to_owned()), Some("12.50 ILS".to_owned()))));
    let no = |asked| who.facts(asked).map_err(|no| format!("{} {}", no.status, no.code.unwrap_or_default()));
    for (asked, want) in [
        (said(&json!({ "amount": 12.5 })), "not_sent plugin_prepare"),
        (Ok((GESHER_BROKEN, Vec::new())), "not_sent plugin_prepare"),
        (Err(CallFault::Broken(Broken::Died("x".into()))), "not_sent plugin_prepare"),
        (Err(CallFault::NotBegun("x".into())), "not_sent plugin_not_called"),
        (Err(CallFault::Resting(Duration::from_secs(9))), "not_sent plugin_not_called"),
        (
            Ok((GESHER_REFUSED, json!({ "code": "no", "message": "x" }).to_string().into_bytes())),
            "rejected no",
        ),
    ] {
        assert_eq!(no(asked).err().as_deref(), Some(want));
    }
}

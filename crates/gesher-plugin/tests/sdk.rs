//! A plugin as its author writes it, through the interface: answers, refusals, panics, facts and sources.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use gesher_plugin::testing::{self, Hub};
use gesher_plugin::{
    Deserialize, Effect, Event, Example, Facts, Host, HttpAnswer, HttpRequest, JsonSchema, KeyRule,
    Operation, Outcome, OutcomeStatus, Performed, Plugin, PluginEntry, PluginOperation, Polled, Rejection,
    Serialize, Source, SourceEntry, Text, Value, descriptor, json,
};
use std::time::Duration;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Greet {
    name: String,
}

#[derive(Serialize, JsonSchema)]
struct Greeted {
    text: String,
}

struct Hello;

impl Operation for Hello {
    const DESCRIPTOR: gesher_plugin::Descriptor =
        descriptor("sample", "hello", "Greet somebody.", Effect::Write, KeyRule::Required);
    const EXAMPLES: &'static [Example] = &[Example {
        title: "One",
        who: "marketplace",
        key: Some("k"),
        request: r#"{"name": "Dana"}"#,
        answer: r#"{"text": "*"}"#,
    }];
    type Request = Greet;
    type Answer = Greeted;
    fn rules(request: &Greet) -> Result<(), Rejection> {
        match request.name.is_empty() {
            true => Err(Rejection::new("nobody", Text::new("אין שם", "there is no name"))),
            false => Ok(()),
        }
    }
    fn facts(request: &Greet) -> Facts {
        Facts { subject: Some(request.name.clone()), amount: "12.50 ILS".parse().ok(), look_up: Value::Null }
    }
}

impl PluginOperation for Hello {
    fn perform(host: &Host<'_>, reference: Option<&str>, request: Greet) -> Performed {
        assert_ne!(request.name, "panic", "asked for");
        if request.name == "failover" {
            let post = |at: &str| host.http(&HttpRequest::post(format!("https://{at}.example.com/")));
            return match post("a").or_else(|_| post("b")) {
                Ok(_) => Outcome::new(OutcomeStatus::Succeeded, "", Text::default()).into(),
                Err(error) => error.into_outcome().into(),
            };
        }
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", Text::default());
        let greeting = host.secret("greeting").map(|secret| secret.expose().clone());
        outcome.data = json!({ "text": format!("{} {} {}", greeting.unwrap_or_default(), request.name, reference.unwrap_or_default()) }).into();
        if request.name == "misfit" {
            outcome.data = json!({ "text": 7 }).into();
        }
        outcome.into()
    }
}

struct Ticks;

impl Source for Ticks {
    const NAME: &'static str = "ticks";
    const SUMMARY: &'static str = "Counts.";
    fn poll(_: &Host<'_>, cursor: Value, wait: Duration) -> Result<Polled, String> {
        let next = cursor.as_u64().unwrap_or(0) + 1;
        let event = Event { id: next.to_string(), data: json!({ "wait": wait.as_millis() }) };
        Ok(Polled { events: vec![event], cursor: json!(next) })
    }
}

static SAMPLE: Plugin = Plugin {
    name: "sample",
    version: "1.0.0",
    summary: "A sample.",
    needs: &["secret:greeting"],
    operations: &[PluginEntry::of::<Hello>()],
    sources: &[SourceEntry::of::<Ticks>()],
};

fn hub() -> Hub {
    Hub::new().secret("greeting", "Shalom")
}

#[test]
fn the_examples_of_a_plugin_are_its_tests() {
    testing::check(&SAMPLE, &hub()).unwrap();
}

#[test]
fn a_request_is_answered_refused_or_broken_off() {
    let call = |name: &str| testing::call(&SAMPLE, &hub(), "hello", &json!({ "name": name }));
    assert_eq!(call("Dana").unwrap()["data"]["text"], "Shalom Dana testrun.1.1");
    assert!(call("").unwrap_err().contains("\"nobody\""));
    assert!(call("panic").unwrap_err().contains("it panicked"), "a panic does not cross");
    assert!(call("misfit").unwrap_err().contains("does not fit its schema"));
    let wrong = testing::call(&SAMPLE, &hub(), "hello", &json!({ "nmae": "x" })).unwrap_err();
    assert!(wrong.contains("did you mean name?"), "{wrong}");
}

#[test]
fn what_is_lost_is_not_sent_elsewhere_as_in_a_hub() {
    let answer = HttpAnswer::of_json(200, &json!({}));
    let hub = hub().loses("POST", "https://a.example.com/").answers("POST", "https://b.example.com/", answer);
    for times in 1..=2 {
        let outcome = testing::call(&SAMPLE, &hub, "hello", &json!({ "name": "failover" })).unwrap();
        assert_ne!(outcome["status"], "succeeded", "{outcome}");
        let sent: Vec<_> = hub.sent().into_iter().map(|request| request.url).collect();
        assert_eq!(sent, vec!["https://a.example.com/"; times], "each call is told for itself");
    }
}

#[test]
fn facts_and_events_are_told_through_the_interface() {
    let (status, bytes) = testing::invoke(&SAMPLE, &hub(), "prepare/hello", &json!({ "name": "Dana" }));
    let facts: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((status, facts), (0, json!({ "subject": "Dana", "amount": "12.50 ILS" })));
    let (_, bytes) = testing::invoke(&SAMPLE, &hub(), "poll/ticks", &json!({ "cursor": 4, "wait_ms": 9 }));
    let polled: Polled = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((polled.events[0].id.as_str(), polled.cursor), ("5", json!(5)));
    for name in ["call/nothing", "poll/nothing", "nothing", "prepare/nothing"] {
        assert_eq!(testing::invoke(&SAMPLE, &hub(), name, &json!({})).0, 3, "{name}");
    }
    assert_eq!(testing::invoke(&SAMPLE, &hub(), "call/hello", &json!([])).0, 1, "nothing was done");
}

#[test]
fn the_manifest_says_what_the_plugin_is() {
    let manifest = SAMPLE.manifest();
    assert_eq!(manifest["operations"][0]["effect"], "write");
    assert_eq!(manifest["operations"][0]["request_schema"]["required"], json!(["name"]));
    assert_eq!(manifest["sources"][0]["name"], "ticks");
}

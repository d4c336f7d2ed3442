//! A plugin that says again what it is told: `cargo xtask bench` measures by it what a call costs.

use gesher_plugin::{
    Descriptor, Effect, Example, Facts, Host, KeyRule, Operation, Outcome, OutcomeStatus, Performed, Plugin,
    PluginEntry, PluginOperation, Rejection, Text, descriptor, json,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    /// It.
    text: String,
}

struct Echo;

impl Operation for Echo {
    const DESCRIPTOR: Descriptor =
        descriptor("echo", "echo", "Say a text again.", Effect::Read, KeyRule::None);
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A word",
        who: "marketplace",
        key: None,
        request: r#"{"text": "shalom"}"#,
        answer: r#"{"text": "shalom"}"#,
    }];
    type Request = Said;
    type Answer = Said;

    fn rules(_: &Said) -> Result<(), Rejection> {
        Ok(())
    }

    fn facts(_: &Said) -> Facts {
        Facts::default()
    }
}

impl PluginOperation for Echo {
    fn perform(_: &Host<'_>, _: Option<&str>, said: Said) -> Performed {
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", Text::default());
        outcome.data = json!(said).into();
        outcome.into()
    }
}

static PLUGIN: Plugin = Plugin {
    name: "echo",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Says what it is told.",
    needs: &[],
    operations: &[PluginEntry::of::<Echo>()],
    sources: &[],
};

gesher_plugin::export_plugin!(PLUGIN);

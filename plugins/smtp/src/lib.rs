//! A plugin: sends mail, such as the report of a run.
//!
//! The server and its password come from one secret, `smtp.url`, so that no script sees them:
//! `smtps://user:password@mail.example.com`, or `smtp://…:587?tls=required`. A mail whose server did not say that it
//! took it, after it had all of it, is `unknown`: it is not sent again by a machine, and a person looks into the box.

mod message;
mod outcome;

use gesher_plugin::{
    Descriptor, Effect, Example, Facts, Host, KeyRule, Operation, Performed, Plugin, PluginEntry,
    PluginOperation, Rejection, Text, Value, descriptor,
};
use lettre::{SmtpTransport, Transport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The secret that names the server.
pub const URL: &str = "smtp.url";
/// How long each command to the server may take. Below the time that a call of a plugin has.
const COMMAND_TIME_MAX: Duration = Duration::from_secs(15);

/// A mail.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Who sends it, as `Billing <billing@example.com>`.
    pub from: String,
    /// Who gets it.
    #[schemars(length(min = 1))]
    pub to: Vec<String>,
    /// What it is about.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// Files that go with it.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

/// A file that goes with a mail.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// Its name, such as `march.result.csv`.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What became of a mail.
#[derive(Serialize, JsonSchema)]
pub struct Sent {
    /// The Message-ID that it was sent under.
    pub message_id: String,
    /// What the server said.
    pub server: String,
}

/// Sends a mail.
pub struct Send;

impl Operation for Send {
    const DESCRIPTOR: Descriptor = descriptor(
        "smtp",
        "send",
        "Send a mail, with files where there are any.",
        Effect::Write,
        KeyRule::Required,
    );
    const EXAMPLES: &'static [Example] = &[Example {
        title: "A report",
        who: "marketplace",
        key: Some("report-march"),
        request: r#"{"from": "billing@example.com", "to": ["boss@example.com"], "subject": "March", "text": "All charged.",
            "attachments": [{"name": "march.csv", "text": "order,status\n1,succeeded\n"}]}"#,
        answer: r#"{"message_id": "*"}"#,
    }];
    type Request = Mail;
    type Answer = Sent;

    fn rules(request: &Mail) -> Result<(), Rejection> {
        message::of(request, "rules").map(drop)
    }

    fn facts(_: &Mail) -> Facts {
        Facts { subject: None, amount: None, look_up: Value::Null }
    }
}

impl PluginOperation for Send {
    fn perform(host: &Host<'_>, reference: Option<&str>, request: Mail) -> Performed {
        let url = match host.secret(URL) {
            Ok(url) => url,
            Err(error) => return error.into_outcome().into(),
        };
        let reference = reference.unwrap_or("unnamed");
        let message = match message::of(&request, reference) {
            Ok(message) => message,
            Err(rejection) => return gesher_plugin::Outcome::from(rejection).into(),
        };
        // The cryptography of TLS is chosen once in a process.
        let _chosen_before = rustls::crypto::ring::default_provider().install_default();
        let transport = match SmtpTransport::from_url(url.expose()) {
            Ok(builder) => builder.timeout(Some(COMMAND_TIME_MAX)).build(),
            // Its words would have the password in them.
            Err(_) => {
                let text = Text::new(
                    format!("הסוד {URL} אינו כתובת של שרת דואר"),
                    format!("the secret {URL} is no address of a mail server"),
                );
                return gesher_plugin::Outcome::from(Rejection::new("smtp_url", text)).into();
            }
        };
        outcome::of(transport.send(&message), &message::id(reference)).into()
    }
}

/// What the hub loads.
pub static PLUGIN: Plugin = Plugin {
    name: "smtp",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Sends mail.",
    needs: &["secret:smtp.url"],
    operations: &[PluginEntry::of::<Send>()],
    sources: &[],
};

gesher_plugin::export_plugin!(PLUGIN);

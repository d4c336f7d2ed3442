//! `senzey.list_contacts`: list contacts. The provider's address for it is a setting, since it was not read so far.

use super::PROVIDER;
use crate::answer;
use crate::classify::{open, unreadable};
use crate::endpoints::contacts::{Contacts as Wire, ContactsAnswer, ContactsRequest};
use crate::rules::{self, refuse};
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender, Text,
};
use gesher_provider::endpoint::Endpoint;
use serde_json::{Value, json};

/// Names that no filter may have: the request says them otherwise, or the hub alone does.
const TAKEN: &[&str] = &["username", "password", "fields", "incl_pclient", "phone"];
/// Where a list may stand in an answer that is a map.
const LISTS: &[&str] = &["contacts", "data", "clients"];

/// The operation.
pub(crate) struct ListContacts;

impl Operation for ListContacts {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "list_contacts",
        summary: "List clients and potential clients.",
        endpoint: Wire::PATH,
        effect: Effect::Read,
        key: KeyRule::None,
        look_up: LookUp::NotNeeded,
        sender: Sender::Only,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Who has this number",
        who: gesher_core::MARKETPLACE,
        key: None,
        request: r#"{"fields": ["name", "id", "user_type", "mobile"], "incl_pclient": true, "phone": "0521234567"}"#,
        answer: r#"{"contacts": "*"}"#,
    }];
    type Request = ContactsRequest;
    type Answer = ContactsAnswer;

    fn rules(request: &ContactsRequest) -> Result<(), Rejection> {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if let Some(name) = request.fields.iter().find(|name| !is_name(name)) {
            return Err(refuse(
                "bad_name",
                format!("fields: „{name}” אינו שם של שדה"),
                format!("fields: `{name}` is no name of a field"),
            ));
        }
        for (name, value) in request.filters.iter().flatten() {
            let is_plain = value.is_string() || value.is_number() || value.is_boolean();
            if TAKEN.contains(&name.to_lowercase().as_str()) || !is_name(name) || !is_plain {
                return Err(refuse(
                    "bad_filter",
                    format!("filters.{name}: מסנן הוא שם שדה וטקסט או מספר, ואינו {}", TAKEN.join(", ")),
                    format!(
                        "filters.{name}: a filter is a field's name and a text or number, and none of {}",
                        TAKEN.join(", ")
                    ),
                ));
            }
        }
        rules::no_card_data(request)
    }

    fn facts(_: &ContactsRequest) -> Facts {
        Facts::default()
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        let listed = whole_list(reply);
        let contacts = match listed {
            Some(contacts) => contacts,
            None => match open(reply, Effect::Read, prepared) {
                Ok(fields) => match LISTS.iter().find_map(|name| fields.get(*name)?.as_array()) {
                    Some(contacts) => contacts.clone(),
                    None => return unreadable(reply, Effect::Read, prepared),
                },
                Err(outcome) => return *outcome,
            },
        };
        let count = contacts.len();
        let text = Text::new(format!("התקבלו {count} אנשי קשר"), format!("Got {count} contacts"));
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", text);
        outcome.code = None;
        outcome.data = json!({ "contacts": contacts }).into();
        outcome
    }
}

/// An answer that is a list and no map.
fn whole_list(reply: &Reply) -> Option<Vec<Value>> {
    let json = reply.content_type.as_deref().is_some_and(|content_type| content_type.contains("json"));
    if reply.status != 200 || !json || answer::parse(&reply.body).is_some() {
        return None;
    }
    match serde_json::from_slice(&reply.body).ok()? {
        Value::Array(contacts) => Some(contacts),
        _ => None,
    }
}

//! `senzey.add_lead`: add a potential client.

use super::PROVIDER;
use crate::answer::{first_id, id, is_yes};
use crate::classify::{open, unreadable};
use crate::endpoints::lead::{ContactAnswer, ContactRequest, Lead as Wire};
use crate::endpoints::shared::Day;
use crate::messages;
use crate::rules::{self, missing, refuse};
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender, Text,
};
use gesher_provider::endpoint::Endpoint;
use serde_json::Value;

/// The operation.
pub(crate) struct AddLead;

impl Operation for AddLead {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "add_lead",
        summary: "Add a potential client.",
        endpoint: Wire::PATH,
        effect: Effect::Write,
        key: KeyRule::Optional,
        look_up: LookUp::Manual,
        sender: Sender::Only,
    };
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Somebody who wants to join",
        who: gesher_core::MARKETPLACE,
        key: None,
        request: r#"{
            "x_name": "דנה דוגמה", "x_email1": "lead@example.test", "x_mobile": "0521234567", "x_birthday": "31/12/1990",
            "connect_to_project": {"project_id": 77, "amount": 118.00, "recurrence": "MONTH", "num_of_payment": 12}
        }"#,
        answer: r#"{"success": 1, "data": {"id": "*"}}"#,
    }];
    type Request = ContactRequest;
    type Answer = ContactAnswer;

    fn rules(request: &ContactRequest) -> Result<(), Rejection> {
        contact_rules(request)
    }

    fn facts(request: &ContactRequest) -> Facts {
        contact_facts(request, "ליד", "potential client")
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        added(prepared, reply, "נוסף ליד", "Added potential client")
    }
}

/// The rules of a lead or a client.
pub(super) fn contact_rules(request: &ContactRequest) -> Result<(), Rejection> {
    rules::no_card_data(request)?;
    if !rules::has(Some(&request.x_name)) {
        return Err(missing("x_name", "דרוש שם", "a name is needed"));
    }
    if request.test.is_some() {
        return Err(refuse(
            "nothing_made",
            "test: עם השדה הזה Senzey רק מדפיסה את מה שקיבלה ולא מוסיפה דבר; יש להשמיט אותו",
            "test: with this field Senzey only prints what it got and adds nothing; leave it out",
        ));
    }
    rules::email("x_email1", request.x_email1.as_ref())?;
    rules::day("x_birthday", request.x_birthday.as_ref())?;
    let Some(project) = &request.connect_to_project else { return Ok(()) };
    rules::above_zero("connect_to_project.amount", project.amount.as_ref())?;
    rules::at_least_one("connect_to_project.num_of_payment", project.num_of_payment)?;
    rules::day("connect_to_project.start_date", project.start_date.as_ref())?;
    rules::day("connect_to_project.finish_date", project.finish_date.as_ref())?;
    let (start, finish) =
        (project.start_date.as_ref().and_then(Day::date), project.finish_date.as_ref().and_then(Day::date));
    match (start, finish) {
        (Some(start), Some(finish)) if finish < start => Err(refuse(
            "bad_date",
            "connect_to_project.finish_date: הסיום לפני ההתחלה",
            "connect_to_project.finish_date: the end is before the beginning",
        )),
        _ => Ok(()),
    }
}

/// What the engine has to know of a lead or a client.
pub(super) fn contact_facts(request: &ContactRequest, he: &str, en: &str) -> Facts {
    let phone = request.x_mobile.as_ref().or(request.x_phone.as_ref());
    let mut names = rules::client_words(None, Some(&request.x_name), request.x_email1.as_ref());
    if let Some(phone) = phone {
        names.push_str(&format!(", {}", phone.trim()));
    }
    let look_for = Text::new(
        format!("יש לחפש ב־Senzey {he} בשם {names}"),
        format!("look in Senzey for a {en} named {names}"),
    );
    Facts {
        subject: rules::subject(None, request.x_email1.as_ref(), Some(&request.x_name)),
        amount: None,
        look_up: messages::note(&look_for),
    }
}

/// What the provider's reply means: it has to say yes, and which.
pub(super) fn added(prepared: &Prepared, reply: &Reply, he: &str, en: &str) -> Outcome {
    let fields = match open(reply, Effect::Write, prepared) {
        Ok(fields) => fields,
        Err(outcome) => return *outcome,
    };
    let made = fields.get("data").and_then(|data| id(data.get("id")?));
    let made = made.or_else(|| first_id(&fields, &["id", "client_id"]));
    let says_yes = fields.get("success").is_none_or(is_yes);
    let Some(made) = made.filter(|_| says_yes) else {
        return unreadable(reply, Effect::Write, prepared);
    };
    let mut outcome =
        Outcome::new(OutcomeStatus::Succeeded, "", Text::new(format!("{he} {made}"), format!("{en} {made}")));
    outcome.code = None;
    outcome.reference = Some(made.to_string());
    outcome.data = Value::Object(fields).into();
    outcome
}

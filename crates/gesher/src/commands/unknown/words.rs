//! What a person is told about a step that nobody knows: that it must not be repeated, where to look, and what to say then.

use gesher_core::{Stamp, Text};
use gesher_engine::journal::StepRecord;

/// The sentence above everything else.
pub(super) fn unknown(is_money: bool) -> Text {
    if is_money {
        Text::new(
            "איננו יודעים אם חויב. אין לחזור על החיוב.",
            "We do not know whether this was charged. Do not repeat it.",
        )
    } else {
        Text::new(
            "איננו יודעים אם בוצע. אין לחזור על הפעולה.",
            "We do not know whether this was done. Do not repeat it.",
        )
    }
}

/// Where a person looks, and for what. `sent` is the time of the intent as people read it.
pub(super) fn look_at(step: &StepRecord, is_money: bool, sent: &str) -> Text {
    if let Some(text) = noted(step) {
        return Text::new(format!("{}; נשלח ב־{sent}", text.he), format!("{}; sent at {sent}", text.en));
    }
    let account = &step.account;
    let (mut he, mut en) = if is_money {
        (format!("לחפש בחשבון {account} תשלום"), format!("in the account {account}, look for a payment"))
    } else {
        let operation = &step.operation;
        (
            format!("לבדוק בחשבון {account} אם {operation} בוצעה"),
            format!("in the account {account}, look whether {operation} was done"),
        )
    };
    if let Some(amount) = step.amount {
        he.push_str(&format!(" על סך {amount}"));
        en.push_str(&format!(" of {amount}"));
    }
    if let Some(subject) = &step.subject {
        he.push_str(&format!(" עבור {subject}"));
        en.push_str(&format!(" for {subject}"));
    }
    he.push_str(&format!(", מ־{sent} ואילך"));
    en.push_str(&format!(", from {sent} on"));
    if let Some(stamp) = step.stamp.as_deref().and_then(|stamp| stamp.parse::<Stamp>().ok()) {
        let stamp = stamp.in_text();
        he.push_str(&format!("; במסמך שלו כתוב {stamp}"));
        en.push_str(&format!("; its document says {stamp}"));
    }
    Text::new(he, en)
}

/// What the provider itself noted for the person who looks, where it cannot be asked.
pub(super) fn noted(step: &StepRecord) -> Option<Text> {
    serde_json::from_value(step.look_up.get("look_for")?.clone()).ok()
}

/// How a step is settled.
pub(super) const HOW: &str = "\
\x20 gesher unknown reconcile [STEP]                                 asks the provider now
  gesher unknown resolve STEP --charged REF --reason TEXT         it was charged: REF is the provider's id of it
  gesher unknown resolve STEP --not-charged --reason TEXT         it was not; from 30 minutes after it was sent
  gesher unknown resolve RUN.ROW --charged REF | --not-charged    the same for a row whose steps are settled
  gesher unknown unlock STEP --reason TEXT                        go on with the same customer before it is known
";

//! What a reply means before its data is read: whose it is, whether it was taken, refused or cannot be known.
//!
//! A refusal counts only where the provider is known to speak it before it does anything; whatever else comes after
//! a sent request that could change something is unknown. A read changes nothing, so there the same is a refusal.

use crate::envelope::{self, Envelope, Status};
use crate::evidence::{with_body, with_data};
use crate::messages;
use gesher_core::operation::{Effect, Reply};
use gesher_core::{Json, Outcome, OutcomeStatus, Text};
use gesher_provider::{
    BodyMatch, Class, Early, Profile, SendFailure, Signature, classify_failure, classify_reply,
};

/// What is known of the provider's HTTP: a path that it does not know is a redirect without a body.
pub(crate) const PROFILE: Profile = Profile {
    is_refusal: |reply| envelope::parse(&reply.body).is_some_and(|envelope| envelope.is_refusal()),
    before_processing: &[Signature { status: 302, body: BodyMatch::Empty, means: Early::Rejected }],
};

/// The envelope of an answer that was taken, or the outcome that the reply is without it.
pub(crate) fn open(reply: &Reply, effect: Effect) -> Result<Envelope, Box<Outcome>> {
    let seen = gesher_provider::Reply {
        status: reply.status,
        content_type: reply.content_type.clone(),
        body: reply.body.clone().into(),
    };
    match classify_reply(&seen, &PROFILE) {
        Class::Answered => match envelope::parse(&reply.body) {
            Some(envelope) => match envelope.status {
                Status::Success => Ok(envelope),
                Status::Business => Err(Box::new(business(envelope, effect))),
                Status::Technical => Err(Box::new(technical(envelope, effect))),
            },
            None => Err(Box::new(unreadable_body(effect, &reply.body))),
        },
        Class::Rejected { pause_account } => {
            let words = envelope::parse(&reply.body).map(|envelope| envelope.words().to_owned());
            let text = messages::http_status(reply.status);
            let mut outcome = rejected(format!("http_{}", reply.status), text, &words.unwrap_or_default());
            outcome.pauses_account = pause_account;
            Err(Box::new(outcome))
        }
        // A page or an empty body with a good status: somebody in between, or an answer that lost its content.
        _ if (200..300).contains(&reply.status) => Err(Box::new(unreadable_body(effect, &reply.body))),
        _ => {
            let code = format!("http_{}", reply.status);
            let outcome = unsure(effect, &code, messages::http_status(reply.status));
            Err(Box::new(with_body(outcome, effect, &reply.body)))
        }
    }
}

/// What a call without an answer is.
pub(crate) fn unanswered(failure: &SendFailure, effect: Effect) -> Outcome {
    let why = failure.kind.text();
    let code = failure.kind.code();
    match classify_failure(failure) {
        Class::NotSent | Class::CertificateAlarm | Class::TurnedAway => {
            Outcome::new(OutcomeStatus::NotSent, code, messages::because(messages::not_sent(), why))
        }
        Class::Rejected { .. } => rejected(code.to_owned(), why, ""),
        Class::Unknown | Class::Answered => unsure(effect, code, why),
    }
}

/// Unknown, or for a read a refusal.
pub(crate) fn unsure(effect: Effect, code: &str, why: Text) -> Outcome {
    let (status, text) = match effect {
        Effect::Read => {
            let text = Text::new("השליפה לא הצליחה", "The look-up did not succeed");
            (OutcomeStatus::Rejected, text)
        }
        Effect::Write => (OutcomeStatus::Unknown, messages::unknown_change()),
        Effect::Money => (OutcomeStatus::Unknown, messages::unknown_charge()),
    };
    Outcome::new(status, code, messages::because(text, why))
}

/// An answer of the provider whose data does not say what it should.
pub(crate) fn unreadable(effect: Effect, data: impl Into<Json>) -> Outcome {
    with_data(unsure(effect, "unreadable_answer", messages::unreadable()), effect, data)
}

fn unreadable_body(effect: Effect, body: &[u8]) -> Outcome {
    with_body(unsure(effect, "unreadable_answer", messages::unreadable()), effect, body)
}

fn rejected(code: String, text: Text, words: &str) -> Outcome {
    Outcome::new(OutcomeStatus::Rejected, code, messages::with_words(text, words))
}

fn business(envelope: Envelope, effect: Effect) -> Outcome {
    let words = envelope.words();
    match Refusal::of(words).filter(|_| envelope.is_refusal()) {
        Some(refusal) => {
            let mut outcome = rejected(refusal.code().to_owned(), refusal.text(), words);
            outcome.pauses_account = refusal == Refusal::Credentials;
            outcome
        }
        None => {
            let mut outcome = unsure(
                effect,
                "business_error",
                Text::new("OfficeGuy דיווחה על שגיאה", "OfficeGuy reported an error"),
            );
            outcome.message = messages::with_words(outcome.message, words);
            with_data(outcome, effect, envelope.data)
        }
    }
}

fn technical(envelope: Envelope, effect: Effect) -> Outcome {
    let parse_error = |text: &Option<String>| {
        text.as_deref().is_some_and(|text| text.trim_start().starts_with("Invalid Request JSON"))
    };
    let words = envelope.technical.as_deref().unwrap_or_else(|| envelope.words());
    if envelope.is_refusal() && (parse_error(&envelope.user) || parse_error(&envelope.technical)) {
        let text = Text::new("OfficeGuy לא הצליחה לקרוא את הבקשה", "OfficeGuy could not read the request");
        return rejected("invalid_request_json".to_owned(), text, words);
    }
    let why = Text::new("תקלה טכנית ב־OfficeGuy", "OfficeGuy had a technical fault");
    let mut outcome = unsure(effect, "technical_error", why);
    outcome.message = messages::with_words(outcome.message, words);
    with_data(outcome, effect, envelope.data)
}

/// The refusals that the provider is known to speak before it does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Credentials,
    MissingFields,
    OrganisationDetails,
    MethodType,
    ItemDetails,
}

impl Refusal {
    fn of(words: &str) -> Option<Self> {
        let words = words.trim();
        if words.starts_with("Invalid Credentials")
            || words.starts_with("Repeated incorrect credentials attempts detected")
        {
            Some(Self::Credentials)
        } else if words.starts_with("Missing organization details") {
            Some(Self::OrganisationDetails)
        } else if words.starts_with("Can't create non CreditCard/DirectDebit method") {
            Some(Self::MethodType)
        } else if words.starts_with("Missing Item details") {
            Some(Self::ItemDetails)
        } else if !words.is_empty() && words.lines().all(is_missing_field) {
            Some(Self::MissingFields)
        } else {
            None
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Credentials => "invalid_credentials",
            Self::MissingFields => "missing_field",
            Self::OrganisationDetails => "missing_organization_details",
            Self::MethodType => "payment_method_type",
            Self::ItemDetails => "missing_item",
        }
    }

    fn text(self) -> Text {
        match self {
            Self::Credentials => messages::credentials(),
            Self::MissingFields => {
                Text::new("בבקשה חסרים שדות חובה", "The request lacks fields that are required")
            }
            Self::OrganisationDetails => Text::new(
                "בפרטי הארגון ב־OfficeGuy חסרים מספר עוסק או טלפון; יש להשלים אותם ולנסות שוב",
                "The organisation lacks its corporate number or telephone at OfficeGuy; complete them and try again",
            ),
            Self::MethodType => Text::new(
                "לאמצעי התשלום חסר סוג (CreditCard או DirectDebit)",
                "The payment method lacks its type (CreditCard or DirectDebit)",
            ),
            Self::ItemDetails => Text::new("לשורה חסר שם פריט", "A line lacks the name of its item"),
        }
    }
}

/// `X: יש להזין ערך בשדה X`, or the same in English.
fn is_missing_field(line: &str) -> bool {
    let Some((field, words)) = line.trim().split_once(": ") else {
        return false;
    };
    let is_name = !field.is_empty()
        && field
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']'));
    let leaf = field.rsplit('.').next().unwrap_or(field);
    is_name
        && ["יש להזין ערך בשדה ", "A value is required in field "]
            .iter()
            .any(|lead| words.strip_prefix(lead).is_some_and(|named| named == field || named == leaf))
}

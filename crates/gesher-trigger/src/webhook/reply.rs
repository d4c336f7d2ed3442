//! What a sender is told: pure, from what became of a delivery. A sender that nobody knows hears general words only.

use super::limits::REPLY_BYTES_MAX;
use super::screen::Forbidden;
use gesher_core::{ItemEnd, ItemStatus, RunId};
use hyper::StatusCode;
use serde_json::{Value, json};

/// The code of a script that threw or broke a limit.
const SCRIPT_ERROR: &str = "script_error";

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// In one number.
    pub status: StatusCode,
    /// The body, as JSON.
    pub body: Value,
    /// The run and how it ended, for headers; where the body is the script's own.
    pub of_run: Option<(RunId, ItemStatus)>,
    /// Whether the connection ends with this.
    pub closes: bool,
}

/// Why a delivery is not accepted, as far as its sender may know.
#[derive(Clone, Debug, PartialEq)]
pub enum Refused {
    /// Nobody listens at this address.
    NotFound,
    /// Only POST is a delivery.
    Method,
    /// A body longer than the limit.
    TooLarge,
    /// A body that came too slowly.
    TooSlow,
    /// A body that broke off.
    Broken,
    /// A compressed body.
    Compressed,
    /// No honest sender makes such a request.
    BadRequest,
    /// It does not prove where it comes from.
    Unverified,
    /// It is genuine, and cannot be taken.
    Unfit {
        /// One word for programs.
        code: &'static str,
        /// Why.
        why: String,
    },
    /// It is genuine, and holds what must not be kept.
    Forbidden(Forbidden),
    /// The hub cannot write now.
    Unavailable,
}

impl Refused {
    /// What the sender is told.
    #[must_use]
    pub fn told(&self) -> Told {
        use StatusCode as S;
        let (status, code, why) = match self {
            Self::NotFound => (S::NOT_FOUND, "not_found", "there is no webhook here"),
            Self::Method => (S::METHOD_NOT_ALLOWED, "method", "a delivery is a POST"),
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "too_large", "the body is longer than 1 MiB"),
            Self::TooSlow => (S::REQUEST_TIMEOUT, "too_slow", "the body came too slowly"),
            Self::Broken => (S::BAD_REQUEST, "broken", "the body broke off"),
            Self::Compressed => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "compressed",
                "send the body as it is, without a Content-Encoding",
            ),
            Self::BadRequest => (S::BAD_REQUEST, "bad_request", "the request cannot be taken as it is"),
            Self::Unverified => (S::UNAUTHORIZED, "unverified", "the delivery could not be verified"),
            Self::Unfit { code, why } => (S::UNPROCESSABLE_ENTITY, *code, why.as_str()),
            Self::Forbidden(found) => {
                (S::UNPROCESSABLE_ENTITY, found.what.as_str(), "the delivery holds what must not be kept")
            }
            Self::Unavailable => {
                (S::SERVICE_UNAVAILABLE, "unavailable", "the delivery was not accepted; try again later")
            }
        };
        let mut body = json!({ "error": code, "message": why });
        if let (Self::Forbidden(found), Value::Object(body)) = (self, &mut body) {
            body.insert("field".to_owned(), Value::from(found.place.as_str()));
        }
        // What is left of a body that was not read is no next request.
        let closes = matches!(self, Self::TooLarge | Self::TooSlow | Self::Broken | Self::Unavailable);
        Told { status, body, of_run: None, closes }
    }
}

fn plain(status: StatusCode, body: Value) -> Told {
    Told { status, body, of_run: None, closes: false }
}

/// A delivery that is on the disk now.
#[must_use]
pub fn accepted(run: &RunId) -> Told {
    plain(StatusCode::ACCEPTED, json!({ "run": run }))
}

/// A delivery that had been accepted before.
#[must_use]
pub fn again(run: &RunId) -> Told {
    plain(StatusCode::OK, json!({ "run": run }))
}

/// A delivery under an id that another has.
#[must_use]
pub fn other() -> Told {
    let why = "another delivery had this id before, with another body";
    plain(StatusCode::CONFLICT, json!({ "error": "id_taken", "message": why }))
}

/// How a run ended, with what the script answered where it did.
#[must_use]
pub fn ended(run: &RunId, end: &ItemEnd, answer: Option<Value>) -> Told {
    let status = match end.status {
        ItemStatus::Succeeded | ItemStatus::Skipped | ItemStatus::Duplicate => StatusCode::OK,
        ItemStatus::Declined => StatusCode::PAYMENT_REQUIRED,
        ItemStatus::Rejected if end.code.as_deref() == Some(SCRIPT_ERROR) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        ItemStatus::Invalid | ItemStatus::Rejected => StatusCode::UNPROCESSABLE_ENTITY,
        ItemStatus::Incomplete => StatusCode::INTERNAL_SERVER_ERROR,
        ItemStatus::NotSent | ItemStatus::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        // Nobody knows yet, and nobody may take that for a failure.
        ItemStatus::Unknown => StatusCode::ACCEPTED,
    };
    let is_told = |answer: &Value| !answer.is_null() && answer.to_string().len() <= REPLY_BYTES_MAX;
    let body = answer.filter(is_told).unwrap_or_else(|| {
        json!({
            "run": run, "status": end.status.as_str(), "code": end.code, "message": end.message,
            "reference": end.reference, "document": end.document,
        })
    });
    Told { status, body, of_run: Some((run.clone(), end.status)), closes: false }
}

#[cfg(test)]
mod tests {
    use super::super::screen::What;
    use super::*;

    #[test]
    fn the_outcome_decides_the_number() {
        let run: RunId = "k7mq2xd".parse().unwrap();
        for (status, code, want) in [
            (ItemStatus::Succeeded, "", 200),
            (ItemStatus::Skipped, "", 200),
            (ItemStatus::Duplicate, "key_taken", 200),
            (ItemStatus::Declined, "204", 402),
            (ItemStatus::Rejected, "wrong_type", 422),
            (ItemStatus::Rejected, "script_error", 500),
            (ItemStatus::Invalid, "x", 422),
            (ItemStatus::Incomplete, "x", 500),
            (ItemStatus::NotSent, "limit", 503),
            (ItemStatus::Cancelled, "", 503),
            (ItemStatus::Unknown, "response_timeout", 202),
        ] {
            let end = ItemEnd::new(status, code, "m");
            let told = ended(&run, &end, Some(json!({"ok": 1})));
            assert_eq!((told.status.as_u16(), told.body), (want, json!({"ok": 1})), "{status}");
            for no_answer in [Value::Null, json!("x".repeat(REPLY_BYTES_MAX))] {
                let told = ended(&run, &end, Some(no_answer));
                assert_eq!(told.body["status"], status.as_str());
            }
            let told = ended(&run, &end, None);
            assert_eq!(told.body["run"], "k7mq2xd");
        }
    }

    #[test]
    fn whoever_is_refused_hears_no_more_than_he_may() {
        for (refused, status, body) in [
            (Refused::NotFound, 404, json!({"error": "not_found", "message": "there is no webhook here"})),
            (
                Refused::Unverified,
                401,
                json!({"error": "unverified", "message": "the delivery could not be verified"}),
            ),
            (
                Refused::Forbidden(Forbidden { place: "a.b".into(), what: What::Card }),
                422,
                json!({"error": "card_number", "message": "the delivery holds what must not be kept", "field": "a.b"}),
            ),
        ] {
            let told = refused.told();
            assert_eq!((told.status.as_u16(), told.body), (status, body));
        }
        assert_eq!(Refused::Unavailable.told().status.as_u16(), 503);
    }
}

//! What the end of a conversation with a mail server means.
//!
//! A server's own no is a no: it said that it does not take the mail. Where the connection was never made, nothing
//! left. All else may have come after the mail was handed over, and is `unknown`.

use gesher_plugin::{Outcome, OutcomeStatus, Text, json};
use lettre::transport::smtp::response::Response;

/// The outcome of a sending.
pub(crate) fn of(sent: Result<Response, lettre::transport::smtp::Error>, message_id: &str) -> Outcome {
    match sent {
        Ok(response) => {
            let mut outcome =
                Outcome::new(OutcomeStatus::Succeeded, response.code().to_string(), Text::default());
            outcome.reference = Some(message_id.to_owned());
            let server: Vec<&str> = response.message().collect();
            outcome.data = json!({ "message_id": message_id, "server": server.join(" ") }).into();
            outcome
        }
        Err(error) => {
            let code = error.status().map_or_else(|| "smtp".to_owned(), |code| code.to_string());
            let why = causes(&error);
            let refused = error.is_permanent() || error.is_transient();
            let status = match (refused, never_connected(&error)) {
                (true, _) => OutcomeStatus::Rejected,
                (false, true) => OutcomeStatus::NotSent,
                (false, false) => OutcomeStatus::Unknown,
            };
            let text = match status {
                OutcomeStatus::Rejected => {
                    Text::new(format!("שרת הדואר סירב: {why}"), format!("the mail server refused: {why}"))
                }
                OutcomeStatus::NotSent => Text::new(
                    format!("אין חיבור לשרת הדואר: {why}"),
                    format!("the mail server cannot be reached: {why}"),
                ),
                _ => Text::new(
                    format!("החיבור לשרת הדואר נותק באמצע, ואיננו יודעים אם הדואר נשלח: {why}"),
                    format!(
                        "the connection to the mail server broke, and we do not know whether the mail was sent: {why}"
                    ),
                ),
            };
            Outcome::new(status, code, text)
        }
    }
}

/// Whether the failure is that of connecting. Only what is certain counts.
fn never_connected(error: &lettre::transport::smtp::Error) -> bool {
    use std::io::ErrorKind;
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                error.kind(),
                ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable
            ) || error.to_string().contains("failed to lookup address");
        }
        source = error.source();
    }
    false
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}

//! `officeguy.open_upay_terminal`: ask for the vendor's clearing terminal.
//!
//! The answer says that the request was filed and nothing else; people approve it later, and nobody can be asked.

use super::PROVIDER;
use crate::classify::{open, unreadable};
use crate::endpoints::terminal::{OpenUpayTerminal as Wire, OpenUpayTerminalAnswer, OpenUpayTerminalRequest};
use crate::rules::{self, refuse};
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::{
    Descriptor, Effect, Example, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender, Text,
    VendorRole,
};
use gesher_provider::endpoint::Endpoint;
use serde_json::json;

/// The operation.
pub(crate) struct OpenUpayTerminal;

impl Operation for OpenUpayTerminal {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "open_upay_terminal",
        summary: "Ask for the vendor's clearing terminal; people approve it later.",
        endpoint: Wire::PATH,
        effect: Effect::Write,
        key: KeyRule::OncePerVendor,
        look_up: LookUp::Manual,
        sender: Sender::Who,
    };
    const VENDOR: VendorRole = VendorRole::AsksForTerminal;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Ask for a terminal that credits a bank account",
        who: "dana-pottery",
        key: None,
        request: r#"{"BankCode": 12, "BranchCode": 600, "AccountNumber": "123456", "Program": "OFFICEGUYNEW10"}"#,
        answer: "{}",
    }];
    type Request = OpenUpayTerminalRequest;
    type Answer = OpenUpayTerminalAnswer;

    fn rules(request: &OpenUpayTerminalRequest) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        rules::bank_and_branch(request.bank_code, request.branch_code)?;
        let account = request.account_number.trim();
        let fits = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'/');
        if account.is_empty() || account.len() > 20 || !account.bytes().all(fits) {
            return Err(refuse(
                "bad_bank_account",
                "AccountNumber: מספר חשבון הוא ספרות, למשל \"123456\"",
                "AccountNumber: an account number is digits, such as \"123456\"",
            ));
        }
        Ok(())
    }

    fn facts(request: &OpenUpayTerminalRequest) -> Facts {
        // For the person who asks the provider. The account's number is nobody else's business.
        let look_up = json!({ "BankCode": request.bank_code, "BranchCode": request.branch_code });
        Facts { look_up, ..Facts::default() }
    }

    fn classify(_: &Prepared, reply: &Reply) -> Outcome {
        match open(reply, Effect::Write) {
            // The provider has nothing to say here, so an absent object is as good as an empty one.
            Ok(envelope) if envelope.data.is_object() || envelope.data.is_null() => {
                let message = Text::new(
                    "הבקשה למסוף הוגשה; האישור ניתן בידי Upay, ואין הודעה כשהוא מתקבל",
                    "The request for a terminal was filed; Upay approves it by hand and tells nobody",
                );
                let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "filed", message);
                outcome.data = envelope.data;
                outcome
            }
            Ok(envelope) => unreadable(Effect::Write, envelope.data),
            Err(outcome) => *outcome,
        }
    }
}

//! Small look-ups: `officeguy.get_exchange_rate` and `verify_bank_account`.

use crate::endpoints::general as wire;
use crate::envelope::{decimal, field};
use crate::plain::{Plain, Request};
use crate::rules::{self, refuse};
use gesher_core::{Currency, Effect, Example, Outcome, Rejection, Text};
use serde_json::Value;

/// The rate of two currencies.
pub(crate) struct GetExchangeRate;

impl Plain for GetExchangeRate {
    type Wire = wire::GetExchangeRate;
    const NAME: &'static str = "get_exchange_rate";
    const SUMMARY: &'static str = "Look up what one currency was worth in another.";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "What a dollar was worth in shekels",
        who: "marketplace",
        key: None,
        request: r#"{"Date": "2026-03-01", "Currency_From": "USD", "Currency_To": "ILS"}"#,
        answer: r#"{"Rate": "*"}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::date("Date", request.date.as_ref())?;
        for (name, letters) in
            [("Currency_From", &request.currency_from), ("Currency_To", &request.currency_to)]
        {
            if letters.parse::<Currency>().is_err() {
                return Err(refuse(
                    "bad_currency",
                    format!("{name}: מטבע נכתב בשלוש אותיות גדולות, למשל USD"),
                    format!("{name}: a currency is three capital letters, such as USD"),
                ));
            }
        }
        Ok(())
    }

    fn read(data: &Value, _: &mut Outcome) -> Option<()> {
        decimal(field(data, "Rate")).map(|_| ())
    }
}

/// Whether the numbers of a bank account can be right.
pub(crate) struct VerifyBankAccount;

impl Plain for VerifyBankAccount {
    type Wire = wire::VerifyBankAccount;
    const NAME: &'static str = "verify_bank_account";
    const SUMMARY: &'static str = "Ask whether the numbers of a bank account can be right.";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Before a terminal is asked for",
        who: "marketplace",
        key: None,
        request: r#"{"BankCode": 12, "BranchCode": 600, "AccountNumber": 123456, "VerifyBranchNumber": true}"#,
        answer: r#"{"Result": "*", "ValidBranch": "*"}"#,
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::bank_and_branch(request.bank_code, request.branch_code)?;
        rules::id("AccountNumber", i64::from(request.account_number))
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        if !data.is_object() {
            return None;
        }
        outcome.message = match field(data, "Result").as_bool() {
            Some(true) => Text::new("מספר החשבון תקין", "The account's number can be right"),
            Some(false) => Text::new("מספר החשבון אינו תקין", "The account's number is wrong"),
            None => Text::new(
                "לא ידוע אם מספר החשבון תקין",
                "It is not known whether the account's number is right",
            ),
        };
        Some(())
    }
}

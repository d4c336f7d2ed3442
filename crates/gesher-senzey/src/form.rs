//! From a request's JSON to the form that goes on the wire: pairs in the request's own order, nested names in brackets
//! as PHP reads them (`item[name]`, `items[0][price]`, `client_fields[]`).
//!
//! Pure. What the provider's pages leave open is chosen in [`WireOptions`]; nothing here knows credentials.

use crate::endpoints::shared::Day;
use gesher_provider::endpoint::Endpoint;
use serde_json::Value;

/// The fields that hold a day, by the last part of their names.
pub(crate) const DAYS: &[&str] = &["start_date", "finish_date", "client_birthday", "x_birthday"];
/// The field that holds what a clearing company answered.
const GATEWAY: &str = "credit_card_payment";

/// How yes and no are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Booleans {
    /// `TRUE` and `FALSE`, as the provider's pages have it.
    #[default]
    Upper,
    /// `true` and `false`, as some programs in use send.
    Lower,
}

/// What is sent as the currency of shekels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoCurrency {
    /// Nothing.
    #[default]
    Omit,
    /// The word `NULL`, as some programs in use send.
    Null,
}

/// How days are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WireDates {
    /// `31/12/2026`, as the provider's pages write birthdays.
    #[default]
    DayMonthYear,
    /// `2026-12-31`.
    Iso,
}

/// How the fields of a clearing company's answer become one value, where they are given as a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GatewayForm {
    /// One value: the map as JSON.
    #[default]
    Json,
    /// One value: the map as a query string.
    Query,
    /// A value each: `credit_card_payment[Id]`.
    Brackets,
}

/// Which answers are read at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// Those that say that they are JSON.
    #[default]
    Json,
    /// Whatever is a JSON object, also where it calls itself a page, as PHP does by default.
    Any,
}

/// What the provider's pages leave open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireOptions {
    /// How yes and no are written.
    pub booleans: Booleans,
    /// What is sent as the currency of shekels.
    pub no_currency: NoCurrency,
    /// How days are written.
    pub dates: WireDates,
    /// How the fields of a clearing company's answer become one value.
    pub gateway: GatewayForm,
    /// Which answers are read at all.
    pub answers: Answers,
}

/// The endpoints that know a currency.
const WITH_CURRENCY: &[&str] = &[
    crate::endpoints::bank_order::BankOrder::PATH,
    crate::endpoints::work_order::WorkOrder::PATH,
    crate::endpoints::receipt::TaxInvoiceReceipt::PATH,
];

/// The pairs of a request of `endpoint`, in the order of its fields.
#[must_use]
pub fn form_of(endpoint: &str, request: &Value, options: &WireOptions) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let Value::Object(fields) = request else { return pairs };
    for (name, value) in fields {
        match value {
            Value::Object(inner) if name == GATEWAY && options.gateway == GatewayForm::Json => {
                pairs.push((name.clone(), Value::Object(inner.clone()).to_string()));
            }
            Value::Object(_) if name == GATEWAY && options.gateway == GatewayForm::Query => {
                let mut inner = Vec::new();
                flatten_inside("", value, options, &mut inner);
                pairs.push((name.clone(), encode(&inner)));
            }
            _ => flatten(name.clone(), name, value, options, &mut pairs),
        }
    }
    let is_shekels = WITH_CURRENCY.contains(&endpoint) && !fields.contains_key("currency");
    if is_shekels && options.no_currency == NoCurrency::Null {
        pairs.push(("currency".to_owned(), "NULL".to_owned()));
    }
    pairs
}

/// Pairs as a form or a query: letters of any script in UTF-8, a space as `+`.
#[must_use]
pub fn encode(pairs: &[(String, String)]) -> String {
    // Pairs of texts always have a form.
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

/// `last` is the innermost part of `name`, by which days are known.
fn flatten(
    name: String,
    last: &str,
    value: &Value,
    options: &WireOptions,
    pairs: &mut Vec<(String, String)>,
) {
    match value {
        Value::Null => {}
        Value::Object(_) | Value::Array(_) => flatten_inside(&name, value, options, pairs),
        Value::Bool(truth) => pairs.push((name, truth_word(*truth, options).to_owned())),
        Value::Number(number) => pairs.push((name, number.to_string())),
        Value::String(text) if options.dates == WireDates::Iso && DAYS.contains(&last) => {
            let iso = Day::read(text).date().map(|date| date.to_string());
            pairs.push((name, iso.unwrap_or_else(|| text.clone())));
        }
        Value::String(text) => pairs.push((name, text.clone())),
    }
}

fn flatten_inside(name: &str, value: &Value, options: &WireOptions, pairs: &mut Vec<(String, String)>) {
    let inside = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}[{part}]") };
    match value {
        Value::Object(fields) => {
            for (part, value) in fields {
                flatten(inside(part), part, value, options, pairs);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                // Fields of one row belong together, so rows are numbered; plain values are only added.
                let is_row = value.is_object() || value.is_array();
                let part = if is_row { at.to_string() } else { String::new() };
                flatten(inside(&part), "", value, options, pairs);
            }
        }
        _ => {}
    }
}

fn truth_word(truth: bool, options: &WireOptions) -> &'static str {
    match (truth, options.booleans) {
        (true, Booleans::Upper) => "TRUE",
        (false, Booleans::Upper) => "FALSE",
        (true, Booleans::Lower) => "true",
        (false, Booleans::Lower) => "false",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::bank_order::BankOrder;
    use crate::endpoints::lead::Lead;

    #[track_caller]
    fn check(endpoint: &str, request: &str, options: WireOptions, want: &[(&str, &str)]) {
        let request: Value = serde_json::from_str(request).unwrap();
        let pairs = form_of(endpoint, &request, &options);
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, text)| (&**name, &**text)).collect();
        assert_eq!(pairs, want, "{request}");
    }

    #[test]
    fn nested_names_are_in_brackets_and_keep_their_order() {
        check(
            BankOrder::PATH,
            r#"{"client_name":"ישראלה","client_fields":["a","b"],"start_date":"01/12/2026","transfer_amount":118.00,
                "issue_billing":true,"item":{"name":"מנוי","quantity":1},"payment_details":{"bank_code":"12"},"x":null}"#,
            WireOptions::default(),
            &[
                ("client_name", "ישראלה"),
                ("client_fields[]", "a"),
                ("client_fields[]", "b"),
                ("start_date", "01/12/2026"),
                ("transfer_amount", "118.00"),
                ("issue_billing", "TRUE"),
                ("item[name]", "מנוי"),
                ("item[quantity]", "1"),
                ("payment_details[bank_code]", "12"),
            ],
        );
        check(
            Lead::PATH,
            r#"{"items":[{"name":"a","price":1.00},{"name":"b","tags":["x"]}],"client_fields":{"17":"v"}}"#,
            WireOptions::default(),
            &[
                ("items[0][name]", "a"),
                ("items[0][price]", "1.00"),
                ("items[1][name]", "b"),
                ("items[1][tags][]", "x"),
                ("client_fields[17]", "v"),
            ],
        );
    }

    #[test]
    fn what_the_pages_leave_open_is_chosen() {
        let other = WireOptions {
            booleans: Booleans::Lower,
            no_currency: NoCurrency::Null,
            dates: WireDates::Iso,
            gateway: GatewayForm::Query,
            ..WireOptions::default()
        };
        let request = r#"{"start_date":"01/12/2026","pay_url":false,"doc_comments":"01/12/2026","credit_card_payment":{"Id":7,"Fild1":"א ב"}}"#;
        check(
            BankOrder::PATH,
            request,
            other,
            &[
                ("start_date", "2026-12-01"),
                ("pay_url", "false"),
                ("doc_comments", "01/12/2026"),
                ("credit_card_payment", "Id=7&Fild1=%D7%90+%D7%91"),
                ("currency", "NULL"),
            ],
        );
        let gateway = r#"{"credit_card_payment":{"Id":7,"Fild1":"א"},"currency":"USD"}"#;
        let json = ("credit_card_payment", r#"{"Id":7,"Fild1":"א"}"#);
        check(BankOrder::PATH, gateway, WireOptions::default(), &[json, ("currency", "USD")]);
        check(
            BankOrder::PATH,
            gateway,
            WireOptions {
                gateway: GatewayForm::Brackets,
                no_currency: NoCurrency::Null,
                ..WireOptions::default()
            },
            &[("credit_card_payment[Id]", "7"), ("credit_card_payment[Fild1]", "א"), ("currency", "USD")],
        );
        check(Lead::PATH, "{}", other, &[]);
    }

    #[test]
    fn a_gateway_s_own_text_goes_as_it_came() {
        let text = "Id=12788261&CCode=0&Fild2=billing%2540example.test";
        let request = serde_json::json!({ "credit_card_payment": text }).to_string();
        check(BankOrder::PATH, &request, WireOptions::default(), &[("credit_card_payment", text)]);
        let pairs =
            form_of(BankOrder::PATH, &serde_json::from_str(&request).unwrap(), &WireOptions::default());
        assert_eq!(
            encode(&pairs),
            "credit_card_payment=Id%3D12788261%26CCode%3D0%26Fild2%3Dbilling%252540example.test"
        );
    }
}

//! The practical rules that requests share and that no schema can say. Nothing was sent when one of these refuses.

use crate::endpoints::shared::{Day, Digits, GatewayData, Row};
use gesher_core::card::holds_card_number;
use gesher_core::money::{Amount, Money, Quantity, round_half_up, two_places};
use gesher_core::{Currency, Rejection, Text};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

/// Largest sum, exclusive, in the currency's main unit: nine digits before the point.
const SUM_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Fields of a clearing company's answer that hold a token. One of nineteen digits can look like a card by chance.
const TOKENS: &[&str] = &["token"];

/// A refusal with a code and both languages.
pub(crate) fn refuse(code: &str, he: impl Into<String>, en: impl Into<String>) -> Rejection {
    Rejection::new(code, Text::new(he, en))
}

/// A field that a rule needs, with the rule in plain words.
pub(crate) fn missing(path: &str, he: &str, en: &str) -> Rejection {
    refuse("missing_field", format!("{path}: {he}"), format!("{path}: {en}"))
}

/// Whether a text is there. The provider's server takes `0` for nothing, as PHP does.
pub(crate) fn has(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty() && text.trim() != "0")
}

/// Whether digits are there; see [`has`].
pub(crate) fn has_digits(digits: Option<&Digits>) -> bool {
    digits.is_some_and(Digits::says_something)
}

/// Refuses card numbers by their shape in any text of the request. Fields of card data never come here: the check of a
/// request against its schema refuses them by their names.
pub(crate) fn no_card_data(request: &impl Serialize) -> Result<(), Rejection> {
    let text = serde_json::to_string(request).unwrap_or_default();
    // The whole text first: it is one pass, and nearly always the last one.
    if !holds_card_number(&text) {
        return Ok(());
    }
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    match path_of_card(&value, "", "") {
        Some(path) => Err(refuse(
            "card_data_refused",
            format!("{path}: הערך נראה כמו מספר כרטיס אשראי; מספרי כרטיס אינם מתקבלים"),
            format!("{path}: this looks like a card number, which is not accepted"),
        )),
        None => Ok(()),
    }
}

/// `last` is the innermost name of `path`.
fn path_of_card(value: &Value, path: &str, last: &str) -> Option<String> {
    match value {
        _ if TOKENS.contains(&last.to_lowercase().as_str()) => None,
        Value::String(text) => match inner_of(last, text) {
            Some(inner) => path_of_card(&inner, path, ""),
            None => holds_card_number(text).then(|| path.to_owned()),
        },
        Value::Number(number) => holds_card_number(&number.to_string()).then(|| path.to_owned()),
        Value::Array(values) => {
            let mut each = values.iter().enumerate();
            each.find_map(|(at, value)| path_of_card(value, &format!("{path}[{at}]"), ""))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            path_of_card(value, &inner, name)
        }),
        Value::Bool(_) | Value::Null => None,
    }
}

/// The fields of a clearing company's answer that came as one text: JSON, or a query string.
fn inner_of(name: &str, text: &str) -> Option<Value> {
    if name != "credit_card_payment" {
        return None;
    }
    if let Ok(Value::Object(fields)) = serde_json::from_str(text) {
        return Some(Value::Object(fields));
    }
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text).ok()?;
    let is_query = text.contains('=');
    is_query.then(|| Value::Object(pairs.into_iter().map(|(name, text)| (name, text.into())).collect()))
}

/// Refuses an e-mail address that is none.
pub(crate) fn email(path: &str, address: Option<&String>) -> Result<(), Rejection> {
    let Some(address) = address else { return Ok(()) };
    let address = address.trim();
    let mut parts = address.split('@');
    let (before, after) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_one = parts.next().is_none() && !before.is_empty() && !after.is_empty();
    if is_one && !address.contains(char::is_whitespace) {
        return Ok(());
    }
    Err(refuse(
        "bad_email",
        format!("{path}: כתובת דואר אלקטרוני נכתבת עם @ אחד, למשל dana@example.co.il"),
        format!("{path}: an e-mail address has one @, such as dana@example.co.il"),
    ))
}

/// Refuses a text that is no day.
pub(crate) fn day(path: &str, day: Option<&Day>) -> Result<(), Rejection> {
    match day {
        Some(Day::Bad(_)) => Err(refuse(
            "bad_date",
            format!("{path}: תאריך נכתב כ־31/12/2026 (יום/חודש/שנה) או כ־2026-12-31"),
            format!("{path}: a date is written 31/12/2026 (day/month/year) or 2026-12-31"),
        )),
        _ => Ok(()),
    }
}

/// Refuses a sum that is not above zero, or beyond all sense.
pub(crate) fn above_zero(path: &str, amount: Option<&Amount>) -> Result<(), Rejection> {
    match amount {
        Some(Amount(amount)) if *amount <= Decimal::ZERO => Err(refuse(
            "not_positive",
            format!("{path}: הסכום צריך להיות גדול מאפס"),
            format!("{path}: the amount must be above zero"),
        )),
        Some(Amount(amount)) if *amount >= SUM_MAX => {
            Err(refuse("too_large", format!("{path}: הסכום גדול מדי"), format!("{path}: it is too large")))
        }
        _ => Ok(()),
    }
}

/// Refuses a count below one.
pub(crate) fn at_least_one(path: &str, count: Option<i64>) -> Result<(), Rejection> {
    match count {
        Some(count) if count < 1 => Err(refuse(
            "bad_count",
            format!("{path}: המספר צריך להיות 1 לפחות"),
            format!("{path}: it must be 1 at least"),
        )),
        _ => Ok(()),
    }
}

/// Refuses a quantity that is not above zero.
pub(crate) fn quantity(path: &str, quantity: Option<&Quantity>) -> Result<(), Rejection> {
    match quantity {
        Some(Quantity(quantity)) if *quantity <= Decimal::ZERO => Err(refuse(
            "bad_quantity",
            format!("{path}: הכמות צריכה להיות גדולה מאפס"),
            format!("{path}: a quantity is above zero"),
        )),
        _ => Ok(()),
    }
}

/// Refuses digits of another length. What is missing is another rule's.
pub(crate) fn length(
    path: &str,
    digits: Option<&Digits>,
    least: usize,
    most: usize,
) -> Result<(), Rejection> {
    match digits {
        Some(Digits(text)) if !(least..=most).contains(&text.len()) => {
            let (he, en) = match least == most {
                true => (format!("{most} ספרות"), format!("{most} digits")),
                false => (format!("{least} עד {most} ספרות"), format!("{least} to {most} digits")),
            };
            Err(refuse("bad_length", format!("{path}: נדרשות {he}"), format!("{path}: {en} are needed")))
        }
        _ => Ok(()),
    }
}

/// Refuses rows that do not add up to what is said to be paid.
pub(crate) fn rows_total(rows: &[Row], total: Decimal) -> Result<(), Rejection> {
    let mut sum = Decimal::ZERO;
    for (at, row) in rows.iter().enumerate() {
        if !has(Some(&row.name)) {
            let path = format!("items[{at}].name");
            return Err(missing(&path, "לכל שורה דרוש שם מוצר", "each row needs the name of its product"));
        }
        quantity(&format!("items[{at}].quantity"), Some(&row.quantity))?;
        let line = row.price.0.checked_mul(row.quantity.0);
        sum = line.and_then(|line| sum.checked_add(line)).filter(|sum| *sum < SUM_MAX).ok_or_else(|| {
            refuse(
                "too_large",
                format!("items[{at}]: הסכום גדול מדי"),
                format!("items[{at}]: it is too large"),
            )
        })?;
    }
    let sum = round_half_up(sum, 2);
    if sum == total {
        return Ok(());
    }
    let (sum, total) = (two_places(sum), two_places(total));
    Err(refuse(
        "total_mismatch",
        format!("total_payment: השורות מסתכמות ב־{sum} ולא ב־{total}"),
        format!("total_payment: the rows come to {sum} and not to {total}"),
    ))
}

/// Refuses an order or document without rows.
pub(crate) fn some_rows(rows: &[Row]) -> Result<(), Rejection> {
    if rows.is_empty() {
        return Err(missing("items", "דרושה שורת מוצר אחת לפחות", "at least one row is needed"));
    }
    Ok(())
}

/// Whether this clearing company's answer has to come along.
pub(crate) fn is_known_gateway(company: Option<&String>) -> bool {
    company.is_some_and(|company| {
        ["yaad", "zcredit"].iter().any(|known| company.trim().eq_ignore_ascii_case(known))
    })
}

/// Refuses a clearing company whose answer is missing.
pub(crate) fn gateway_data(company: Option<&String>, data: Option<&GatewayData>) -> Result<(), Rejection> {
    if is_known_gateway(company) && data.is_none() {
        return Err(missing(
            "credit_card_payment",
            "כאשר transaction_company הוא yaad או zcredit דרושה תשובת חברת הסליקה כפי שהתקבלה",
            "where transaction_company is yaad or zcredit, what the clearing company answered is needed, as it came",
        ));
    }
    Ok(())
}

/// Whom a request concerns: the first of the client's names, with which it is.
pub(crate) fn subject(id: Option<&Digits>, email: Option<&String>, name: Option<&String>) -> Option<String> {
    if let Some(id) = id.filter(|id| id.says_something()) {
        return Some(format!("senzey_client_id:{}", id.0.trim_start_matches('0')));
    }
    let email = email.map(|email| format!("client_email:{}", email.trim().to_lowercase()));
    email.or_else(|| name.map(|name| format!("client_name:{}", name.trim())))
}

/// The client as people know it.
pub(crate) fn client_words(id: Option<&Digits>, name: Option<&String>, email: Option<&String>) -> String {
    let parts = [name.map(|name| name.trim().to_owned()), email.map(|email| email.trim().to_owned())];
    let mut parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.extend(id.map(|id| id.0.clone()));
    parts.join(", ")
}

/// A sum with its currency; shekels where none is named.
pub(crate) fn money(amount: Decimal, currency: Option<&str>) -> Money {
    let currency = currency.and_then(|letters| letters.parse().ok()).unwrap_or(Currency::ILS);
    Money { amount, currency }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check_card(request: &Value, want: Option<&str>) {
        let got = no_card_data(request).err().map(|refusal| refusal.message.en);
        match (&got, want) {
            (Some(got), Some(want)) => assert!(got.starts_with(want), "{got}"),
            _ => assert_eq!(got.as_deref(), want, "{request}"),
        }
    }

    #[test]
    fn a_card_number_is_found_wherever_it_stands() {
        let card = "4111 1111 1111 1111";
        check_card(&json!({"client_name": card}), Some("client_name: "));
        check_card(&json!({"items": [{"name": "a"}, {"name": card}]}), Some("items[1].name: "));
        check_card(
            &json!({"credit_card_payment": "Id=1&CC=4111111111111111"}),
            Some("credit_card_payment.CC: "),
        );
        check_card(
            &json!({"credit_card_payment": {"CC": 4_111_111_111_111_111_i64}}),
            Some("credit_card_payment.CC: "),
        );
        check_card(
            &json!({"credit_card_payment": "{\"x\":\"4111111111111111\"}"}),
            Some("credit_card_payment.x: "),
        );
        check_card(&json!({"credit_card_payment": card}), Some("credit_card_payment: "));
    }

    #[test]
    fn a_token_is_no_card_number() {
        let token = "4111111111111111";
        check_card(&json!({"credit_card_payment": format!("Id=1&Token={token}&L4digit=1111")}), None);
        check_card(&json!({"credit_card_payment": {"Token": token}}), None);
        check_card(&json!({"credit_card_payment": format!("{{\"Token\":\"{token}\"}}")}), None);
        check_card(&json!({"client_name": "דנה", "client_phone": "0501234567"}), None);
    }

    #[track_caller]
    fn check_email(address: &str, good: bool) {
        assert_eq!(email("client_email", Some(&address.to_owned())).is_ok(), good, "{address}");
    }

    #[test]
    fn an_address_has_one_at_sign() {
        check_email("dana@example.co.il", true);
        check_email(" dana@example.test ", true);
        for bad in ["dana", "dana@", "@example.test", "a@b@c", "da na@example.test"] {
            check_email(bad, false);
        }
    }

    #[test]
    fn a_client_is_named_by_the_first_of_its_names() {
        let (id, email, name) =
            (Digits("0096521".into()), "Dana@Example.test".to_owned(), " דנה ".to_owned());
        assert_eq!(subject(Some(&id), Some(&email), Some(&name)).as_deref(), Some("senzey_client_id:96521"));
        assert_eq!(
            subject(None, Some(&email), Some(&name)).as_deref(),
            Some("client_email:dana@example.test")
        );
        let zero = Digits("0".into());
        assert_eq!(subject(Some(&zero), None, Some(&name)).as_deref(), Some("client_name:דנה"));
        assert_eq!(subject(None, None, None), None);
    }
}

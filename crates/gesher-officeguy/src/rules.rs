//! The practical rules that requests share and that no schema can say.
//!
//! Each comes from what the provider does without a word: it charges a stored card where none is named, reads
//! `03/04` as the fourth of March, adds VAT where nothing was said. Nothing was sent when one of these refuses.

use crate::endpoints::charge::ChargeItem;
use crate::endpoints::enums::{Currency, CustomerSearch};
use crate::endpoints::shared::{Customer, IncomeItem, WireDate};
use gesher_core::card::holds_card_number;
use gesher_core::money::{Money, SUM_END, round_half_up};
use gesher_core::{Rejection, Text};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

/// A refusal with a code and both languages.
pub(crate) fn refuse(code: &str, he: impl Into<String>, en: impl Into<String>) -> Rejection {
    Rejection::new(code, Text::new(he, en))
}

/// Refuses passwords, and card numbers by their shape in any text of the request. Fields of card data never come
/// here: the check of a request against its schema refuses them by their names.
pub(crate) fn no_card_data(request: &impl Serialize) -> Result<(), Rejection> {
    no_card_data_in(&serde_json::to_string(request).unwrap_or_default())
}

/// The same of a request that is text already.
pub(crate) fn no_card_data_in(text: &str) -> Result<(), Rejection> {
    if text.contains("\"Password\":") {
        return Err(refuse(
            "password_refused",
            "Password: סיסמאות אינן מתקבלות בבקשה",
            "Password: passwords are not accepted in a request",
        ));
    }
    // The whole text first: it is one pass, and nearly always the last one.
    if !holds_card_number(text) {
        return Ok(());
    }
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    match path_of_card(&value, "") {
        Some(path) => Err(refuse(
            "card_data_refused",
            format!("{path}: הערך נראה כמו מספר כרטיס אשראי; יש להשתמש באסימון (token)"),
            format!("{path}: this looks like a card number; use a token"),
        )),
        None => Ok(()),
    }
}

fn path_of_card(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::String(text) if !is_uuid(text) && holds_card_number(text) => Some(path.to_owned()),
        Value::Number(number) if holds_card_number(&number.to_string()) => Some(path.to_owned()),
        Value::Array(values) => {
            let mut each = values.iter().enumerate();
            each.find_map(|(at, value)| path_of_card(value, &format!("{path}[{at}]")))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            path_of_card(value, &inner)
        }),
        _ => None,
    }
}

/// Whether `text` is a UUID, the form of the provider's tokens: its groups may look like a card's by chance.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Refuses a date in a form that the provider would guess at.
pub(crate) fn date(path: &str, date: Option<&WireDate>) -> Result<(), Rejection> {
    match date {
        Some(date) if !date.is_good() => Err(refuse(
            "bad_date",
            format!("{path}: תאריך נכתב כ־2026-03-31, או כ־2026-03-31T09:00:00+03:00"),
            format!("{path}: a date is written 2026-03-31, or 2026-03-31T09:00:00+03:00"),
        )),
        _ => Ok(()),
    }
}

/// Refuses a line whose item has neither name nor id.
pub(crate) fn item_named(at: usize, item: &IncomeItem) -> Result<(), Rejection> {
    if item.name.is_some() || item.id.is_some() {
        return Ok(());
    }
    Err(unnamed_item(at))
}

/// A line without a name.
pub(crate) fn unnamed_item(at: usize) -> Rejection {
    refuse(
        "missing_field",
        format!("Items[{at}].Item.Name: לכל שורה דרוש שם פריט"),
        format!("Items[{at}].Item.Name: each line needs the name of its item"),
    )
}

/// A line of another currency than the first.
pub(crate) fn mixed_currencies(at: usize) -> Rejection {
    refuse(
        "mixed_currencies",
        format!("Items[{at}].Currency: כל השורות צריכות להיות באותו מטבע"),
        format!("Items[{at}].Currency: all lines are in one currency"),
    )
}

/// What a line comes to, rounded as the provider rounds; refused where the numbers contradict each other.
pub(crate) fn line_total(
    at: usize,
    quantity: Decimal,
    unit: Option<Decimal>,
    total: Option<Decimal>,
) -> Result<Decimal, Rejection> {
    if quantity <= Decimal::ZERO {
        return Err(refuse(
            "bad_quantity",
            format!("Items[{at}].Quantity: הכמות צריכה להיות גדולה מאפס"),
            format!("Items[{at}].Quantity: a quantity is above zero"),
        ));
    }
    let product = match unit {
        Some(unit) => {
            let product = unit.checked_mul(quantity).ok_or_else(too_large)?;
            Some(round_half_up(product, 2))
        }
        None => None,
    };
    match (product, total) {
        (Some(product), Some(total)) if product != total => Err(refuse(
            "total_mismatch",
            format!("Items[{at}].Total: הסכום אינו הכמות כפול המחיר ליחידה"),
            format!("Items[{at}].Total: it is not the quantity times the unit price"),
        )),
        (_, Some(total)) => Ok(total),
        (Some(product), None) => Ok(product),
        (None, None) => Err(refuse(
            "missing_field",
            format!("Items[{at}].UnitPrice: לכל שורה דרוש מחיר"),
            format!("Items[{at}].UnitPrice: each line needs a price"),
        )),
    }
}

/// What all lines come to.
pub(crate) fn total_of(
    lines: impl IntoIterator<Item = Result<Decimal, Rejection>>,
) -> Result<Decimal, Rejection> {
    let mut sum = Decimal::ZERO;
    for line in lines {
        sum = sum.checked_add(line?).filter(|sum| sum.abs() < SUM_END).ok_or_else(too_large)?;
    }
    Ok(sum)
}

/// What a charge's items come to, in their one currency.
pub(crate) fn items_total(items: &[ChargeItem]) -> Result<Money, Rejection> {
    let currency = currency_of(items);
    Ok(Money { amount: total_of(line_totals(items))?, currency: currency.to_core() })
}

/// What each of a charge's items comes to.
pub(crate) fn line_totals(items: &[ChargeItem]) -> impl Iterator<Item = Result<Decimal, Rejection>> {
    let currency = currency_of(items);
    items.iter().enumerate().map(move |(at, item)| {
        if item.currency.unwrap_or(Currency::ILS) != currency {
            return Err(mixed_currencies(at));
        }
        line_total(at, item.quantity.0, item.unit_price.map(|price| price.0), item.total.map(|total| total.0))
    })
}

fn currency_of(items: &[ChargeItem]) -> Currency {
    items.first().and_then(|item| item.currency).unwrap_or(Currency::ILS)
}

fn too_large() -> Rejection {
    refuse("too_large", "הסכום גדול מדי", "the amount is too large")
}

/// Whom a request concerns: the first of the customer's names, with which it is.
pub(crate) fn subject(customer: &Customer) -> Option<String> {
    if let Some(id) = customer.id {
        return Some(format!("ID:{id}"));
    }
    name_of(customer).map(|(which, name)| [which, ":", name.trim()].concat())
}

/// The first of a customer's names that there is, beside its id, and which it is.
fn name_of(customer: &Customer) -> Option<(&'static str, &str)> {
    let names = [
        ("ExternalIdentifier", &customer.external_identifier),
        ("EmailAddress", &customer.email_address),
        ("Phone", &customer.phone),
        ("CompanyNumber", &customer.company_number),
        ("Name", &customer.name),
    ];
    names.into_iter().find_map(|(which, name)| name.as_deref().map(|name| (which, name)))
}

/// Whether the request can find a customer that exists.
pub(crate) fn finds_customer(customer: &Customer) -> bool {
    if customer.id.is_some() {
        return true;
    }
    match customer.search_mode {
        None | Some(CustomerSearch::None) => false,
        Some(CustomerSearch::Automatic) => name_of(customer).is_some(),
        Some(CustomerSearch::ExternalIdentifier) => customer.external_identifier.is_some(),
        Some(CustomerSearch::Name) => customer.name.is_some(),
        Some(CustomerSearch::CompanyNumber) => customer.company_number.is_some(),
        Some(CustomerSearch::Phone) => customer.phone.is_some(),
        Some(CustomerSearch::EmailAddress) => customer.email_address.is_some(),
    }
}

/// Refuses a customer that cannot be told from another.
pub(crate) fn customer_named(path: &str, customer: &Customer) -> Result<(), Rejection> {
    if customer.id.is_some() || name_of(customer).is_some() {
        return Ok(());
    }
    Err(refuse(
        "missing_field",
        format!("{path}.Name: ללקוח דרוש שם או מזהה"),
        format!("{path}.Name: the customer needs a name or an id"),
    ))
}

/// Refuses a page before the first.
pub(crate) fn page(path: &str, start: Option<i64>) -> Result<(), Rejection> {
    match start {
        Some(start) if start < 0 => Err(refuse(
            "bad_page",
            format!("{path}: מספר השורות לדילוג אינו יכול להיות שלילי"),
            format!("{path}: it cannot be below zero"),
        )),
        _ => Ok(()),
    }
}

/// Refuses an id that is none.
pub(crate) fn id(name: &str, id: i64) -> Result<(), Rejection> {
    if id > 0 {
        return Ok(());
    }
    Err(refuse("bad_id", format!("{name}: מזהה הוא מספר גדול מאפס"), format!("{name}: an id is above zero")))
}

/// Refuses a text that says nothing.
pub(crate) fn says(name: &str, text: &str) -> Result<(), Rejection> {
    if !text.trim().is_empty() {
        return Ok(());
    }
    Err(refuse("missing_field", format!("{name}: אסור שיהיה ריק"), format!("{name}: it must not be empty")))
}

/// Refuses a request that names no document: by its id, or by kind and number.
pub(crate) fn one_document(name: &str, id: Option<i64>, by_number: bool) -> Result<(), Rejection> {
    if let Some(id) = id {
        return self::id(name, id);
    }
    if by_number {
        return Ok(());
    }
    Err(refuse(
        "missing_field",
        format!("{name}: יש לציין מזהה מסמך, או סוג ומספר"),
        format!("{name}: say the document's id, or its DocumentType and DocumentNumber"),
    ))
}

/// Refuses a customer by whom none that exists can be found.
pub(crate) fn existing_customer(path: &str, customer: &Customer) -> Result<(), Rejection> {
    if finds_customer(customer) {
        return Ok(());
    }
    Err(refuse(
        "customer_not_identified",
        format!("{path}: יש לזהות לקוח קיים: ID, או SearchMode עם השדה שלפיו מחפשים"),
        format!("{path}: name a customer that exists: ID, or a SearchMode with its field"),
    ))
}

/// Refuses an e-mail address that cannot be one.
pub(crate) fn email(name: &str, address: &str) -> Result<(), Rejection> {
    let address = address.trim();
    let is_good = address.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.starts_with('.') && !host.contains('@')
    }) && !address.contains(char::is_whitespace);
    if is_good {
        return Ok(());
    }
    Err(refuse(
        "bad_email",
        format!("{name}: כתובת דואר אלקטרוני נכתבת כ־dana@example.com"),
        format!("{name}: an e-mail address is written dana@example.com"),
    ))
}

/// Refuses what is no web address.
pub(crate) fn web_address(name: &str, address: &str) -> Result<(), Rejection> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    let is_good = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && address.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good {
        return Ok(());
    }
    Err(refuse(
        "bad_address",
        format!("{name}: כתובת אינטרנט מלאה מתחילה ב־https://"),
        format!("{name}: a whole web address begins with https://"),
    ))
}

/// Refuses numbers that no bank or branch has.
pub(crate) fn bank_and_branch(bank: i32, branch: i32) -> Result<(), Rejection> {
    for (name, code) in [("BankCode", bank), ("BranchCode", branch)] {
        if !(1..=999).contains(&code) {
            return Err(refuse(
                "bad_bank_account",
                format!("{name}: מספר בנק או סניף הוא מ־1 עד 999"),
                format!("{name}: the number of a bank or branch is 1 to 999"),
            ));
        }
    }
    Ok(())
}

/// Refuses a tax number that the provider takes for none.
pub(crate) fn corporate_number(number: Option<&str>) -> Result<(), Rejection> {
    match number {
        Some(number) if number.trim().bytes().all(|byte| byte == b'0') => Err(refuse(
            "bad_corporate_number",
            "Company.CorporateNumber: מספר של אפסים נחשב ריק ב־OfficeGuy",
            "Company.CorporateNumber: OfficeGuy takes a number of zeros for none",
        )),
        _ => Ok(()),
    }
}

/// The request as the provider's JSON has it, typed again from its own text.
pub(crate) fn reread<T: serde::de::DeserializeOwned>(body: &str) -> Option<T> {
    serde_json::from_str(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_largest_total_has_twelve_digits() {
        assert_eq!(SUM_END, Decimal::from(1_000_000_000_000_i64));
    }

    #[track_caller]
    fn check(request: &Value, want: Option<&str>) {
        let got = no_card_data(request).err().map(|refusal| refusal.message.en);
        match (got, want) {
            (Some(got), Some(want)) => assert!(got.starts_with(want), "{got}"),
            (got, want) => assert_eq!(got.as_deref(), want, "{request}"),
        }
    }

    #[test]
    fn a_card_number_is_found_in_any_text_and_a_token_is_not_one() {
        check(&json!({"Customer": {"Name": "4111 1111 1111 1111"}}), Some("Customer.Name: "));
        check(
            &json!({"Items": [{"a": 1}, {"Item": {"Name": "4111111111111111"}}]}),
            Some("Items[1].Item.Name: "),
        );
        check(&json!({"Properties": {"n": 4_111_111_111_111_111_u64}}), Some("Properties.n: "));
        check(&json!({"User": {"Password": null}}), Some("Password: "));
        check(&json!({"t": "41111111-1111-1111-8111-aaaaaaaaaaaa"}), None);
        check(&json!({"t": "7b0e0c7e-1111-4222-8333-444455556666"}), None);
        check(&json!({"Customer": {"Name": "דנה"}, "ID": 2_410_000_001_i64}), None);
    }

    fn line(quantity: &str, unit: Option<&str>, total: Option<&str>) -> Result<String, String> {
        let number = |text: &str| Decimal::from_str_exact(text).unwrap();
        line_total(0, number(quantity), unit.map(number), total.map(number))
            .map(|total| total.normalize().to_string())
            .map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_line_comes_to_its_quantity_times_its_price() {
        assert_eq!(line("2", Some("4.50"), None), Ok("9".to_owned()));
        assert_eq!(line("1.5", Some("0.33"), None), Ok("0.5".to_owned()));
        assert_eq!(line("3", None, Some("10.00")), Ok("10".to_owned()));
        assert_eq!(line("2", Some("4.50"), Some("9.00")), Ok("9".to_owned()));
        assert_eq!(line("2", Some("4.50"), Some("9.01")), Err("total_mismatch".to_owned()));
        assert_eq!(line("0", Some("4.50"), None), Err("bad_quantity".to_owned()));
        assert_eq!(line("-1", Some("4.50"), None), Err("bad_quantity".to_owned()));
        assert_eq!(line("1", None, None), Err("missing_field".to_owned()));
        assert_eq!(line("79228162514264337593543950335", Some("9.99"), None), Err("too_large".to_owned()));
    }
}

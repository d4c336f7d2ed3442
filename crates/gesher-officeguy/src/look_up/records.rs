//! The provider's records as a look-up reads them, and how they compare with what a request noted.

use super::noted::{NotedCustomer, NotedMethod};
use crate::envelope::{currency, decimal, field, id, int, text, truth};
use gesher_core::Money;
use gesher_core::look_up::{Agreement, CLOCK_ALLOWANCE, Stamped};
use gesher_core::money::parse_signed_amount;
use gesher_core::money::two_places;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::Value;

/// The zone in which the provider has its days.
pub(super) fn zone() -> TimeZone {
    TimeZone::get("Asia/Jerusalem").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(2)))
}

/// The days to list, first and last: those of the time and one more at either end, since it is not known whether the
/// last day counts whole, nor by which clock it begins.
pub(super) fn days(from: Timestamp, until: Timestamp) -> (Date, Date) {
    let zone = zone();
    let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
    let first = day(earliest(from));
    let last = day(until.checked_add(CLOCK_ALLOWANCE).unwrap_or(until));
    around(first.min(last), last.max(first))
}

/// The days from the one before `first` to the one after `last`.
pub(super) fn around(first: Date, last: Date) -> (Date, Date) {
    let day = Span::new().days(1);
    (first.checked_sub(day).unwrap_or(first), last.checked_add(day).unwrap_or(last))
}

/// The earliest instant of a record that can be of an intent at `from`.
pub(super) fn earliest(from: Timestamp) -> Timestamp {
    from.checked_sub(CLOCK_ALLOWANCE).unwrap_or(from)
}

/// A date of the provider: with its offset, or by the clock of Israel.
fn instant(written: &str) -> Option<Timestamp> {
    if let Ok(at) = written.parse::<Timestamp>() {
        return Some(at);
    }
    let local: DateTime = written.contains('T').then(|| written.parse().ok())??;
    local.to_zoned(zone()).ok().map(|at| at.timestamp())
}

/// One payment of a list.
#[derive(Clone, Debug)]
pub(super) struct PaymentRecord {
    pub(super) id: i64,
    pub(super) customer: Option<i64>,
    pub(super) at: Option<Timestamp>,
    pub(super) valid: bool,
    pub(super) code: String,
    pub(super) amount: Option<Money>,
    pub(super) document: Option<i64>,
    pub(super) whole: Value,
}

impl PaymentRecord {
    /// Reads a payment. None without an id or without the word whether money was taken.
    pub(super) fn read(whole: Value) -> Option<Self> {
        Some(Self {
            id: id(field(&whole, "ID"))?,
            customer: id(field(&whole, "CustomerID")),
            at: field(&whole, "Date").as_str().and_then(instant),
            valid: truth(field(&whole, "ValidPayment"))?,
            code: text(field(&whole, "Status")).unwrap_or_default(),
            amount: money(field(&whole, "Amount"), field(&whole, "Currency")),
            document: id(field(&whole, "DocumentID")),
            whole,
        })
    }

    /// How the card fits. What neither or only one side names does not speak against it.
    pub(super) fn method_agrees(&self, noted: Option<&NotedMethod>) -> Agreement {
        let Some(noted) = noted else {
            return Agreement::Yes;
        };
        let used = field(&self.whole, "PaymentMethod");
        let number = |name: &str| int(field(used, name)).filter(|number| *number > 0);
        let digits = text(field(used, "CreditCard_LastDigits"));
        let pairs = [
            compare(noted.expiration_month.as_ref(), number("CreditCard_ExpirationMonth").as_ref()),
            compare(noted.expiration_year.as_ref(), number("CreditCard_ExpirationYear").as_ref()),
            compare(noted.last_digits.as_ref(), digits.as_ref()),
        ];
        // Another id is no other card: the provider may give one to each charge of a token.
        let by_id = compare(noted.id.as_ref(), number("ID").as_ref()).filter(|same| *same);
        let seen: Vec<bool> = pairs.into_iter().chain([by_id]).flatten().collect();
        match seen.as_slice() {
            [] => Agreement::CannotTell,
            seen if seen.iter().all(|same| *same) => Agreement::Yes,
            _ => Agreement::No,
        }
    }
}

/// Whether two values are the same, where both are there.
fn compare<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> Option<bool> {
    Some(one? == other?)
}

/// One document of a list, or in full.
#[derive(Clone, Debug)]
pub(super) struct DocumentRecord {
    pub(super) id: i64,
    pub(super) number: Option<String>,
    pub(super) customer: Option<i64>,
    pub(super) kind: Option<i64>,
    pub(super) day: Option<Date>,
    /// None where the provider says no more than the day.
    pub(super) at: Option<Timestamp>,
    pub(super) amount: Option<Money>,
    pub(super) stamped: Stamped,
    pub(super) external_reference: Option<String>,
    pub(super) download: Option<String>,
}

impl DocumentRecord {
    /// Reads a document of a list. None without an id.
    pub(super) fn listed(row: &Value) -> Option<Self> {
        Some(Self { customer: id(field(row, "CustomerID")), ..Self::read(row, row)? })
    }

    /// Reads a document in full.
    pub(super) fn in_full(data: &Value) -> Option<Self> {
        let head = field(data, "Document");
        Some(Self { customer: id(field(field(head, "Customer"), "ID")), ..Self::read(data, head)? })
    }

    fn read(around: &Value, head: &Value) -> Option<Self> {
        let date = field(head, "Date").as_str();
        let at = date.and_then(instant);
        let local = at.map(|at| at.to_zoned(zone()));
        let is_day = local.as_ref().is_none_or(|local| local.time() == jiff::civil::Time::midnight());
        let written_day = || date?.get(..10)?.parse::<Date>().ok();
        let description = field(head, "Description").as_str().unwrap_or_default();
        Some(Self {
            id: id(field(around, "DocumentID"))?,
            number: text(field(around, "DocumentNumber")).filter(|number| number != "0"),
            customer: None,
            kind: int(field(head, "Type")),
            day: local.map(|local| local.date()).or_else(written_day),
            at: at.filter(|_| !is_day),
            amount: money(field(head, "DocumentValue"), field(head, "Currency")),
            stamped: Stamped::of_text(description),
            external_reference: text(field(head, "ExternalReference")),
            download: text(field(around, "DocumentDownloadURL")),
        })
    }
}

fn money(amount: &Value, of: &Value) -> Option<Money> {
    let amount = parse_signed_amount(&two_places(decimal(amount)?)).ok()?;
    Some(Money { amount, currency: currency(of)?.to_core() })
}

/// How a customer of the books fits the one that a request named: the first name that both have decides.
pub(super) fn customer_agrees(noted: &NotedCustomer, known: &Value) -> Agreement {
    let pairs = [
        ("ExternalIdentifier", &noted.external_identifier),
        ("EmailAddress", &noted.email_address),
        ("Phone", &noted.phone),
        ("CompanyNumber", &noted.company_number),
        ("Name", &noted.name),
    ];
    for (which, noted) in pairs {
        let (Some(noted), Some(known)) = (noted, text(field(known, which))) else {
            continue;
        };
        return if cleaned(which, noted) == cleaned(which, &known) { Agreement::Yes } else { Agreement::No };
    }
    Agreement::CannotTell
}

/// A name as it is compared: telephone numbers by their digits, the rest without regard to case and spaces.
fn cleaned(which: &str, name: &str) -> String {
    if which == "Phone" {
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        return match digits.strip_prefix("972") {
            Some(rest) => format!("0{rest}"),
            None => digits,
        };
    }
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Whether a sum is one of those that the request may come to.
pub(super) fn amount_agrees(amount: Option<Money>, wanted: Option<Money>, sums: &[String]) -> Agreement {
    let (Some(amount), Some(wanted)) = (amount, wanted) else {
        return Agreement::CannotTell;
    };
    let may_be =
        amount == wanted || amount.currency == wanted.currency && sums.contains(&two_places(amount.amount));
    if may_be { Agreement::Yes } else { Agreement::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check_days(from: &str, until: &str, want: (&str, &str)) {
        let (first, last) = days(from.parse().unwrap(), until.parse().unwrap());
        assert_eq!((first.to_string().as_str(), last.to_string().as_str()), want, "{from} {until}");
    }

    #[test]
    fn the_days_are_those_of_israel_with_one_more_at_either_end() {
        check_days("2026-03-15T10:00:00Z", "2026-03-15T10:01:00Z", ("2026-03-14", "2026-03-16"));
        check_days("2026-03-15T21:59:00Z", "2026-03-15T22:30:00Z", ("2026-03-14", "2026-03-17"));
        check_days("2026-03-15T22:02:00Z", "2026-03-15T22:10:00Z", ("2026-03-14", "2026-03-17"));
        check_days("2026-07-01T20:54:00Z", "2026-07-01T20:56:00Z", ("2026-06-30", "2026-07-03"));
        check_days("2026-03-15T10:00:00Z", "2026-03-12T10:00:00Z", ("2026-03-11", "2026-03-16"));
    }

    #[test]
    fn a_date_without_an_offset_is_by_the_clock_of_israel() {
        let at = |text: &str| instant(text).map(|at| at.to_string());
        assert_eq!(at("2026-07-01T05:35:04+03:00").as_deref(), Some("2026-07-01T02:35:04Z"));
        assert_eq!(at("2026-07-01T05:35:04").as_deref(), Some("2026-07-01T02:35:04Z"));
        assert_eq!(at("2026-01-01T05:35:04").as_deref(), Some("2026-01-01T03:35:04Z"));
        assert_eq!(at("2026-07-01"), None);
        assert_eq!(at("01/07/2026"), None);
    }

    #[test]
    fn a_document_of_a_day_has_no_instant() {
        let at = |date: &str| DocumentRecord::listed(&json!({"DocumentID": 7, "Date": date})).unwrap();
        assert!(at("2026-07-01T05:35:04+03:00").at.is_some());
        for date in ["2026-07-01T00:00:00+03:00", "2026-07-01T00:00:00", "2026-07-01"] {
            let record = at(date);
            assert_eq!((record.at, record.day), (None, Some(Date::constant(2026, 7, 1))), "{date}");
        }
    }

    #[track_caller]
    fn check_customer(noted: Value, known: Value, want: Agreement) {
        let customer: NotedCustomer = serde_json::from_value(noted.clone()).unwrap();
        assert_eq!(customer_agrees(&customer, &known), want, "{noted} {known}");
    }

    #[test]
    fn the_first_name_that_both_have_decides() {
        use Agreement::{CannotTell, No, Yes};
        let noa = json!({"ExternalIdentifier": "c-17", "EmailAddress": "noa@x.test", "Name": "נועה לוי"});
        check_customer(
            noa.clone(),
            json!({"ExternalIdentifier": "c-17", "EmailAddress": "other@x.test"}),
            Yes,
        );
        check_customer(noa.clone(), json!({"ExternalIdentifier": "c-18", "EmailAddress": "noa@x.test"}), No);
        check_customer(noa.clone(), json!({"EmailAddress": " NOA@x.test"}), Yes);
        check_customer(noa.clone(), json!({"ExternalIdentifier": null, "Name": "נועה  לוי "}), Yes);
        check_customer(noa.clone(), json!({"Phone": "050-1234567"}), CannotTell);
        check_customer(noa, Value::Null, CannotTell);
        check_customer(json!({"Phone": "050-1234567"}), json!({"Phone": "+972501234567"}), Yes);
        check_customer(json!({"Phone": "050-1234567"}), json!({"Phone": "0501234568"}), No);
        check_customer(json!({}), json!({"Name": "נועה"}), CannotTell);
    }

    #[track_caller]
    fn check_method(noted: Option<Value>, used: Value, want: Agreement) {
        let noted: Option<NotedMethod> = noted.map(|noted| serde_json::from_value(noted).unwrap());
        let whole = json!({"ID": 7, "ValidPayment": true, "PaymentMethod": used});
        let record = PaymentRecord::read(whole).unwrap();
        assert_eq!(record.method_agrees(noted.as_ref()), want, "{noted:?} {used}");
    }

    #[test]
    fn a_card_fits_by_whatever_both_sides_know_of_it() {
        use Agreement::{CannotTell, No, Yes};
        let used = json!({"ID": 70, "CreditCard_LastDigits": "4444", "CreditCard_ExpirationMonth": 12,
            "CreditCard_ExpirationYear": 2030});
        check_method(None, used.clone(), Yes);
        check_method(Some(json!({"ExpirationMonth": 12, "ExpirationYear": 2030})), used.clone(), Yes);
        check_method(Some(json!({"ExpirationMonth": 11, "ExpirationYear": 2030})), used.clone(), No);
        check_method(Some(json!({"LastDigits": "4444"})), used.clone(), Yes);
        check_method(Some(json!({"LastDigits": "1881"})), used.clone(), No);
        check_method(Some(json!({"ID": 70})), used.clone(), Yes);
        check_method(Some(json!({"ID": 71})), used, CannotTell);
        check_method(Some(json!({"ExpirationMonth": 12})), Value::Null, CannotTell);
    }

    #[test]
    fn a_sum_agrees_when_it_is_one_that_the_provider_may_come_to() {
        let money = |text: &str| text.parse::<Money>().ok();
        let sums = ["100.00".to_owned(), "118.01".to_owned()];
        let check = |amount, want| assert_eq!(amount_agrees(money(amount), money("118.00 ILS"), &sums), want);
        check("118.00 ILS", Agreement::Yes);
        check("118.01 ILS", Agreement::Yes);
        check("100.00 ILS", Agreement::Yes);
        check("118.02 ILS", Agreement::No);
        check("118.00 USD", Agreement::No);
        check("118.01 USD", Agreement::No);
        check("", Agreement::CannotTell);
    }
}

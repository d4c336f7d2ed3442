//! What changes the books: each change is one record, for the ledger and for another life.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A client or a potential client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Contact {
    pub(crate) customer_id: i64,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) email: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) phone: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) mobile: String,
    #[serde(default)]
    pub(crate) potential: bool,
}

/// A standing order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Order {
    pub(crate) bank_order_num: i64,
    pub(crate) customer_id: i64,
    /// With two places.
    pub(crate) amount: Sum,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_amount: Option<Sum>,
    pub(crate) currency: String,
    pub(crate) period: String,
    /// `2026-12-01`.
    pub(crate) start: String,
    /// How many payments; without an end where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) document_number: Option<i64>,
    /// The form as it came, in its order.
    pub(crate) form: Vec<(String, String)>,
}

/// A payment of a standing order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Transfer {
    pub(crate) bank_order_num: i64,
    pub(crate) customer_id: i64,
    /// Which of the order's payments, from 1.
    pub(crate) number: i64,
    pub(crate) on: String,
    pub(crate) amount: Sum,
    pub(crate) currency: String,
}

/// A work order, and whether it was paid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct WorkOrder {
    pub(crate) work_order_number: i64,
    pub(crate) customer_id: i64,
    pub(crate) amount: Sum,
    pub(crate) currency: String,
    /// The secret part of the payment page's address; none without a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) callback: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redirect: Option<String>,
}

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Document {
    pub(crate) document_number: i64,
    pub(crate) customer_id: i64,
    pub(crate) amount: Sum,
    pub(crate) currency: String,
    /// The work order that it was issued for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) work_order_number: Option<i64>,
}

/// A change of the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Record {
    Contact(Contact),
    BankOrder(Order),
    Transfer(Transfer),
    WorkOrder(WorkOrder),
    Receipt(Document),
    WorkOrderPaid(Document),
    /// The simulated clock was set forward.
    Clock {
        seconds: i64,
    },
}

impl Record {
    /// Reads a line of the ledger. By hand, since numbers that are kept as their text cannot be read through a tag.
    pub(crate) fn read(line: &str) -> serde_json::Result<Self> {
        let value: Value = serde_json::from_str(line)?;
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(match kind.as_str() {
            "contact" => Self::Contact(serde_json::from_value(value)?),
            "bank_order" => Self::BankOrder(serde_json::from_value(value)?),
            "transfer" => Self::Transfer(serde_json::from_value(value)?),
            "work_order" => Self::WorkOrder(serde_json::from_value(value)?),
            "receipt" => Self::Receipt(serde_json::from_value(value)?),
            "work_order_paid" => Self::WorkOrderPaid(serde_json::from_value(value)?),
            _ => Self::Clock { seconds: serde_json::from_value::<Moved>(value)?.seconds },
        })
    }
}

#[derive(Deserialize)]
struct Moved {
    seconds: i64,
}

/// A sum in the ledger: a JSON number with two places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum(pub(crate) rust_decimal::Decimal);

impl Serialize for Sum {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        gesher_core::Amount(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        gesher_core::Amount::deserialize(deserializer).map(|amount| Self(amount.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_from_its_line() {
        let order = Order {
            bank_order_num: 10_005,
            amount: Sum("118.00".parse().unwrap()),
            times: Some(12),
            form: vec![("client_name".to_owned(), "דנה".to_owned())],
            ..Order::default()
        };
        for record in [
            Record::BankOrder(order),
            Record::Contact(Contact { customer_id: 7, potential: true, ..Contact::default() }),
            Record::Clock { seconds: 86_400 },
        ] {
            let line = serde_json::to_string(&record).unwrap();
            assert_eq!(Record::read(&line).unwrap(), record, "{line}");
        }
        assert!(Record::read("{\"kind\":\"bank_order\"}").is_err());
        assert!(Record::read("{").is_err());
    }
}

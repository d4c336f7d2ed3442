//! What flows keep from one run to the next, and what somebody should look at.

use crate::record::{StepRecord, StoredOutcome};
use gesher_core::money::decimal_of;
use gesher_core::{Decimal, ItemId};
use jiff::Timestamp;
use serde_json::{Number, Value};

/// A write into what a flow keeps, together with the step that it is.
#[derive(Clone, Debug)]
pub struct StoreWrite {
    /// Whose.
    pub flow: String,
    /// Under which key, cleaned.
    pub key: String,
    /// What.
    pub change: StoreChange,
    /// How many keys the flow may have.
    pub keys_max: u64,
    /// The step, over, all but its outcome.
    pub step: StepRecord,
    /// The step's outcome, by what came of the write. Pure: it may be asked more than once.
    pub outcome: fn(&StoreWritten) -> StoredOutcome,
}

/// How a value changes.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreChange {
    /// It is this from now on, whatever was there; with none, it is gone.
    Set(Option<Value>),
    /// The same, if what is there is what was expected.
    Replace {
        /// What was expected; none for nothing.
        expected: Option<Value>,
        /// What it is from now on; none for nothing.
        by: Option<Value>,
    },
    /// A number grows by this. Where nothing is, it begins at nought.
    Add(Decimal),
}

impl StoreChange {
    /// What the change comes to where this is there. Pure.
    #[must_use]
    pub fn applied_to(&self, there: Option<&Value>) -> StoreWritten {
        match self {
            StoreChange::Set(value) => StoreWritten::Written(value.clone()),
            StoreChange::Replace { expected, by } => {
                let as_expected = match (there, expected) {
                    (None, None) => true,
                    (Some(there), Some(expected)) => is_same(there, expected),
                    _ => false,
                };
                if as_expected {
                    StoreWritten::Written(by.clone())
                } else {
                    StoreWritten::Other(there.cloned())
                }
            }
            StoreChange::Add(by) => {
                let zero = Number::from(0);
                let number = match there {
                    None => Some(&zero),
                    Some(Value::Number(number)) => Some(number),
                    Some(_) => None,
                };
                let sum = number.and_then(decimal_of).and_then(|number| number.checked_add(*by));
                let sum = sum.and_then(|sum| sum.to_string().parse().ok());
                sum.map_or(StoreWritten::NoNumber, |sum| StoreWritten::Written(Some(Value::Number(sum))))
            }
        }
    }
}

/// Whether two values say the same: `12.5` is `12.50`, and a map has no order.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (decimal_of(one), decimal_of(other)) {
            (Some(one), Some(other)) => one == other,
            _ => one == other,
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has =
                |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(has)
        }
        _ => one == other,
    }
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreWritten {
    /// It was written, and this is there now.
    Written(Option<Value>),
    /// Something else was there than was expected: this. Nothing was written.
    Other(Option<Value>),
    /// What is there is no number, or the sum is none. Nothing was written.
    NoNumber,
    /// The flow has as many keys as it may have. Nothing was written.
    Full,
}

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAlert {
    /// What kind: `script`, or the word of one of the hub's own alarms.
    pub kind: String,
    /// The flow, where it is about one.
    pub flow: Option<String>,
    /// The item, where it is about one.
    pub item: Option<ItemId>,
    /// The run or another thing that it is about, where it is no item.
    pub subject: Option<String>,
    /// What, without secrets.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// An alert as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRecord {
    /// Its number.
    pub no: u64,
    /// What it is.
    pub alert: NewAlert,
    /// How often its delivery was tried.
    pub tries: u32,
    /// When it is to be delivered; none when nothing more is to be tried.
    pub due_at: Option<Timestamp>,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
}

/// What came of a try at delivering an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertTry {
    /// It was taken.
    Delivered(Timestamp),
    /// It is to be tried again then.
    Again(Timestamp),
    /// Nobody tries any more.
    GivenUp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_compared_by_what_they_say() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for (one, other, want) in [
            ("12.5", "12.50", true),
            ("12", "12.00", true),
            ("12", "\"12\"", false),
            (r#"{"a":1,"b":[2.0]}"#, r#"{"b":[2],"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":1,"b":null}"#, false),
            ("[1,2]", "[2,1]", false),
            ("null", "null", true),
        ] {
            assert_eq!(is_same(&parse(one), &parse(other)), want, "{one} {other}");
        }
    }

    #[test]
    fn a_number_grows_without_a_float_and_nothing_else_does() {
        let add =
            |there: Option<Value>, by: &str| StoreChange::Add(by.parse().unwrap()).applied_to(there.as_ref());
        let number = |text: &str| StoreWritten::Written(Some(serde_json::from_str(text).unwrap()));
        assert_eq!(add(None, "1"), number("1"));
        assert_eq!(add(Some(serde_json::from_str("0.1").unwrap()), "0.2"), number("0.3"));
        assert_eq!(add(Some(json!(7)), "-8"), number("-1"));
        assert_eq!(add(Some(json!("7")), "1"), StoreWritten::NoNumber);
        assert_eq!(add(Some(Value::Null), "1"), StoreWritten::NoNumber);
        let most = serde_json::from_str("79228162514264337593543950335").unwrap();
        assert_eq!(add(Some(most), "1"), StoreWritten::NoNumber);
    }
}

//! Between Rhai's values and JSON, both ways, without a float on the way.
//!
//! A decimal travels as the text of a JSON number, an integer as an integer. What JSON has no word for (closures,
//! ranges, characters, instants) is refused with its path, since a request that silently lost a field would be sent.

use gesher_core::Text;
use gesher_core::limits::JSON_DEPTH_MAX;
use gesher_core::money::decimal_of;
use rhai::{Array, Dynamic, Map};
use rust_decimal::Decimal;
use serde_json::{Number, Value};
use std::fmt::Write as _;

/// A value has no counterpart on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertFault {
    /// Where, such as `Items[0].UnitPrice`; empty for the value itself.
    pub path: String,
    /// What is there.
    pub what: Unfit,
}

/// Why a value has no counterpart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Rhai's name of a type that JSON does not have.
    Type(String),
    /// More levels than [`JSON_DEPTH_MAX`].
    Depth,
    /// A number with more digits than a decimal holds.
    Number(String),
}

impl ConvertFault {
    fn here(what: Unfit) -> Self {
        Self { path: String::new(), what }
    }

    fn inside(mut self, step: &Step) -> Self {
        let rest = std::mem::take(&mut self.path);
        let dot = if rest.is_empty() || rest.starts_with('[') { "" } else { "." };
        // Writing to a string cannot fail.
        let _written = match step {
            Step::Field(name) => write!(self.path, "{name}{dot}{rest}"),
            Step::Index(index) => write!(self.path, "[{index}]{dot}{rest}"),
        };
        self
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> Text {
        let (at_he, at_en) = if self.path.is_empty() {
            Default::default()
        } else {
            (format!("{}: ", self.path), format!("{}: ", self.path))
        };
        match &self.what {
            Unfit::Type(name) => Text::new(
                format!(
                    "{at_he}ערך מסוג {name} אינו יכול להישלח; מותר טקסט, מספר, true/false, (), מערך או מפה"
                ),
                format!(
                    "{at_en}a value of type {name} cannot be sent; text, numbers, true/false, (), arrays and maps can"
                ),
            ),
            Unfit::Depth => Text::new(
                format!("{at_he}יותר מ־{JSON_DEPTH_MAX} רמות קינון"),
                format!("{at_en}more than {JSON_DEPTH_MAX} levels of nesting"),
            ),
            Unfit::Number(digits) => Text::new(
                format!("{at_he}במספר {digits} יש יותר מדי ספרות"),
                format!("{at_en}the number {digits} has too many digits"),
            ),
        }
    }
}

enum Step<'a> {
    Field(&'a str),
    Index(usize),
}

/// A Rhai value as JSON.
pub fn to_json(value: &Dynamic) -> Result<Value, ConvertFault> {
    to_json_at(value, 0)
}

fn to_json_at(value: &Dynamic, depth: usize) -> Result<Value, ConvertFault> {
    if depth > JSON_DEPTH_MAX {
        return Err(ConvertFault::here(Unfit::Depth));
    }
    // Capacities are known: growing a request field by field would cost as much as everything else here.
    if let Some(items) = value.read_lock::<Array>() {
        let mut converted = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let item = to_json_at(item, depth + 1).map_err(|fault| fault.inside(&Step::Index(index)))?;
            converted.push(item);
        }
        return Ok(Value::Array(converted));
    }
    if let Some(fields) = value.read_lock::<Map>() {
        let mut converted = serde_json::Map::with_capacity(fields.len());
        for (name, field) in fields.iter() {
            let field = to_json_at(field, depth + 1).map_err(|fault| fault.inside(&Step::Field(name)))?;
            converted.insert(name.as_str().to_owned(), field);
        }
        return Ok(Value::Object(converted));
    }
    scalar_to_json(value)
}

fn scalar_to_json(value: &Dynamic) -> Result<Value, ConvertFault> {
    // Most of a request is text.
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return Ok(Value::String(text.as_str().to_owned()));
    }
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(number) = value.as_int() {
        return Ok(Value::from(number));
    }
    if let Ok(truth) = value.as_bool() {
        return Ok(Value::Bool(truth));
    }
    if let Some(decimal) = value.read_lock::<Decimal>() {
        let text = decimal.to_string();
        return text
            .parse::<Number>()
            .map(Value::Number)
            .map_err(|_| ConvertFault::here(Unfit::Number(text)));
    }
    let name = if crate::reaching::is_secret(value) { "secret" } else { value.type_name() };
    Err(ConvertFault::here(Unfit::Type(name.to_owned())))
}

/// A JSON value as Rhai's.
pub fn from_json(value: &Value) -> Result<Dynamic, ConvertFault> {
    from_json_at(value, 0)
}

fn from_json_at(value: &Value, depth: usize) -> Result<Dynamic, ConvertFault> {
    if depth > JSON_DEPTH_MAX {
        return Err(ConvertFault::here(Unfit::Depth));
    }
    Ok(match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(truth) => Dynamic::from(*truth),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => number_from_json(number)?,
        Value::Array(items) => {
            let converted = items.iter().enumerate().map(|(index, item)| {
                from_json_at(item, depth + 1).map_err(|fault| fault.inside(&Step::Index(index)))
            });
            Dynamic::from_array(converted.collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let converted = fields.iter().map(|(name, field)| {
                let field =
                    from_json_at(field, depth + 1).map_err(|fault| fault.inside(&Step::Field(name)))?;
                Ok((name.as_str().into(), field))
            });
            Dynamic::from_map(converted.collect::<Result<Map, ConvertFault>>()?)
        }
    })
}

fn number_from_json(number: &Number) -> Result<Dynamic, ConvertFault> {
    if let Some(integer) = number.as_i64() {
        return Ok(Dynamic::from(integer));
    }
    decimal_of(number).map(Dynamic::from).ok_or_else(|| ConvertFault::here(Unfit::Number(number.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn any_json() -> impl Strategy<Value = Value> {
        let decimal = (any::<i64>(), 1_u32..=12).prop_map(|(digits, places)| {
            let text = Decimal::new(digits, places).to_string();
            Value::Number(text.parse().unwrap())
        });
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            decimal,
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec((".{0,30}", inner), 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_json_says_comes_back_as_it_was(value in any_json()) {
            let there = from_json(&value).unwrap();
            prop_assert_eq!(to_json(&there).unwrap(), value);
        }
    }

    #[test]
    fn a_number_keeps_every_digit() {
        for text in ["12345678901234567.89", "0.10", "9223372036854775807", "9223372036854775808", "-4.50"] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(to_json(&from_json(&value).unwrap()).unwrap().to_string(), text);
        }
        let integer: Value = serde_json::from_str("2410000222").unwrap();
        assert!(from_json(&integer).unwrap().is_int());
        let decimal: Value = serde_json::from_str("1e3").unwrap();
        assert_eq!(from_json(&decimal).unwrap().as_decimal(), Ok(Decimal::from(1000)));
    }

    #[test]
    fn what_json_has_no_word_for_is_refused_with_its_path() {
        let mut item = Map::new();
        item.insert("UnitPrice".into(), Dynamic::from('x'));
        let mut request = Map::new();
        request.insert("Items".into(), Dynamic::from_array(vec![item.into()]));
        let fault = to_json(&Dynamic::from_map(request)).unwrap_err();
        assert_eq!(fault.path, "Items[0].UnitPrice");
        assert_eq!(fault.what, Unfit::Type("char".to_owned()));
        let wide: Value = serde_json::from_str("[1, 1234567890123456789012345678901234567890]").unwrap();
        assert_eq!(from_json(&wide).unwrap_err().path, "[1]");
    }

    #[test]
    fn depth_has_a_limit_both_ways() {
        let mut value = json!(1);
        let mut dynamic = Dynamic::from(1_i64);
        for _ in 0..JSON_DEPTH_MAX {
            value = json!([value]);
            dynamic = Dynamic::from_array(vec![dynamic]);
        }
        assert_eq!(to_json(&dynamic).unwrap(), value);
        assert!(from_json(&value).is_ok());
        assert_eq!(from_json(&json!([value])).unwrap_err().what, Unfit::Depth);
        assert_eq!(to_json(&Dynamic::from_array(vec![dynamic])).unwrap_err().what, Unfit::Depth);
    }
}

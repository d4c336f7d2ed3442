//! Checks a request against its JSON Schema before anything is sent, and says what is wrong in a person's words.
//!
//! Providers ignore fields they do not know, so a slip would pass silently; here every field is checked, and a fault
//! names the path, what was expected and the nearest name. Only the keywords that our schemas use are understood:
//! `type`, `properties`, `required`, `items`, `$ref`, `anyOf` with null, `format`, `minLength`, `minItems` and
//! [`ENUM_KEYWORD`].

use crate::language::Text;
use crate::limits::JSON_DEPTH_MAX;
use crate::money::{decimal_of, has_more_than_two_places};
use crate::names::nearest;
use crate::outcome::Rejection;
use crate::redact::is_card_field;
use crate::shape::{Fields, Kind, Node, Place, Shape, type_of};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The schema keyword of a provider's enum: an object of names and numbers. Either is accepted in a request.
pub const ENUM_KEYWORD: &str = "x-enum";
/// The schema format of a number that is a name: an id, a branch, an account. A text of digits and a whole number are
/// the same; an empty text is absence.
pub const DIGITS_FORMAT: &str = "digits";
/// Faults that are collected before the check stops.
const FAULTS_MAX: usize = 20;
/// Names listed in a message before the rest is left out.
const NAMES_SHOWN_MAX: usize = 12;

/// One thing wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, as in `Items[0].UnitPrice`. Empty for the request itself.
    pub path: String,
    /// What.
    pub kind: FaultKind,
}

/// What is wrong at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Card data, which is never taken, whether or not the provider knows the field.
    CardData,
    /// The provider knows no such field.
    UnknownField {
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A required field is not there.
    Missing {
        /// What belongs there.
        expected: Text,
    },
    /// Another type.
    WrongType {
        /// What belongs there.
        expected: Text,
        /// What was found, without its value.
        found: Text,
    },
    /// No such name in the provider's enum.
    UnknownName {
        /// What was found.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
        /// Some of the names there are.
        known: String,
    },
    /// A sum of money with more than two places: never rounded.
    TooManyPlaces,
    /// A text or list that may not be empty.
    Empty,
    /// Deeper than [`JSON_DEPTH_MAX`].
    TooDeep,
}

impl Fault {
    /// The fault as a refusal.
    #[must_use]
    pub fn into_rejection(self) -> Rejection {
        let at = if self.path.is_empty() { "request" } else { self.path.as_str() };
        match self.kind {
            FaultKind::CardData => Rejection::new(
                "card_data_refused",
                Text::new(
                    format!(
                        "{at} הוא נתון של כרטיס אשראי, ונתונים כאלה אינם מתקבלים; יש להשתמש באסימון (token)"
                    ),
                    format!("{at} is card data, which is not accepted; use a token"),
                ),
            ),
            FaultKind::UnknownField { nearest } => {
                let (he, en) = hints(nearest.as_deref());
                Rejection::new(
                    "unknown_field",
                    Text::new(format!("{at}: אין שדה כזה{he}"), format!("{at}: there is no such field{en}")),
                )
            }
            FaultKind::Missing { expected } => Rejection::new(
                "missing_field",
                Text::new(
                    format!("{at}: שדה חובה חסר ({})", expected.he),
                    format!("{at}: this field is required ({})", expected.en),
                ),
            ),
            FaultKind::WrongType { expected, found } => Rejection::new(
                "wrong_type",
                Text::new(
                    format!("{at}: נדרש {}, התקבל {}", expected.he, found.he),
                    format!("{at}: expected {}, found {}", expected.en, found.en),
                ),
            ),
            FaultKind::UnknownName { name, nearest, known } => {
                let (he, en) = hints(nearest.as_deref());
                Rejection::new(
                    "unknown_name",
                    Text::new(
                        format!("{at}: הערך {name} אינו מוכר{he} (אפשר: {known})"),
                        format!("{at}: `{name}` is not known{en} (known: {known})"),
                    ),
                )
            }
            FaultKind::TooManyPlaces => Rejection::new(
                "too_many_places",
                Text::new(
                    format!("{at}: לסכום יש יותר משתי ספרות אחרי הנקודה; המערכת אינה מעגלת"),
                    format!("{at}: an amount with more than two places; it is never rounded for you"),
                ),
            ),
            FaultKind::Empty => Rejection::new(
                "missing_field",
                Text::new(format!("{at}: אסור שיהיה ריק"), format!("{at}: it must not be empty")),
            ),
            FaultKind::TooDeep => Rejection::new(
                "too_deep",
                Text::new(
                    format!("{at}: יותר מ־{JSON_DEPTH_MAX} רמות"),
                    format!("{at}: nested deeper than {JSON_DEPTH_MAX} levels"),
                ),
            ),
        }
    }
}

fn hints(nearest: Option<&str>) -> (String, String) {
    nearest
        .map_or_else(Default::default, |near| (format!("; אולי {near}?"), format!("; did you mean {near}?")))
}

/// Everything wrong with `request`: card data first, then the rest in the order of its fields; required fields that
/// are missing come last.
#[must_use]
pub fn faults(shape: &Shape, request: &Value) -> Vec<Fault> {
    faults_but(shape, request, &BTreeSet::new())
}

/// The same for a request of which some parts are not known yet: nothing is said of what belongs at one of the paths
/// `unknown`, whatever stands there.
pub(crate) fn faults_but(shape: &Shape, request: &Value, unknown: &BTreeSet<String>) -> Vec<Fault> {
    let mut walk = Walk { shape, unknown, faults: Vec::new() };
    if let Some(path) = path_of_card_field(request) {
        walk.fault(&path, FaultKind::CardData);
    }
    walk.check(shape.root(), request, &mut String::new(), 0);
    walk.faults
}

/// Where a field of card data stands, at any depth; also where the schema knows nothing of it.
fn path_of_card_field(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            if is_card_field(name) {
                return Some(name.clone());
            }
            let inner = path_of_card_field(value)?;
            Some(if inner.starts_with('[') { format!("{name}{inner}") } else { format!("{name}.{inner}") })
        }),
        Value::Array(values) => values.iter().enumerate().find_map(|(at, value)| {
            let inner = path_of_card_field(value)?;
            Some(if inner.starts_with('[') { format!("[{at}]{inner}") } else { format!("[{at}].{inner}") })
        }),
        _ => None,
    }
}

struct Walk<'a> {
    shape: &'a Shape,
    unknown: &'a BTreeSet<String>,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    fn fault(&mut self, path: &str, kind: FaultKind) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { path: path.to_owned(), kind });
        }
    }

    fn check(&mut self, place: Place, value: &Value, path: &mut String, depth: usize) {
        if depth > JSON_DEPTH_MAX {
            return self.fault(path, FaultKind::TooDeep);
        }
        if value.is_null() && place.nullable || self.unknown.contains(path.as_str()) {
            return;
        }
        let node = self.shape.node(place);
        match (&node.kind, value) {
            (Kind::Any, _) | (Kind::Object(None), Value::Object(_)) | (Kind::Truth, Value::Bool(_)) => {}
            (Kind::Name(names), _) => self.check_name(names, value, path),
            (Kind::Digits, Value::String(text)) if text.trim().bytes().all(|byte| byte.is_ascii_digit()) => {}
            (Kind::Digits, Value::Number(number)) if number.as_u64().is_some() => {}
            (Kind::Object(Some(known)), Value::Object(fields)) => {
                self.check_fields(known, fields, path, depth);
            }
            (Kind::List { of, may_be_empty }, Value::Array(values)) => {
                if values.is_empty() && !may_be_empty {
                    self.fault(path, FaultKind::Empty);
                }
                if let Some(place) = of {
                    self.check_items(*place, values, path, depth);
                }
            }
            (Kind::Text { may_be_empty }, Value::String(text)) => {
                if text.is_empty() && !may_be_empty {
                    self.fault(path, FaultKind::Empty);
                }
            }
            (Kind::Integer { short }, Value::Number(number)) if integer_fits(*short, number) => {}
            (Kind::Number { amount }, Value::Number(number)) => match decimal_of(number) {
                Some(decimal) if *amount && has_more_than_two_places(decimal) => {
                    self.fault(path, FaultKind::TooManyPlaces);
                }
                Some(_) => {}
                None => self.wrong_type(node, value, path),
            },
            _ => self.wrong_type(node, value, path),
        }
    }

    fn wrong_type(&mut self, node: &Node, value: &Value, path: &str) {
        let kind = FaultKind::WrongType { expected: node.expected.clone(), found: kind_of(value) };
        self.fault(path, kind);
    }

    fn check_fields(&mut self, known: &Fields, fields: &Map<String, Value>, path: &mut String, depth: usize) {
        let length = path.len();
        for (name, value) in fields {
            push_field(path, name);
            match known.find(name) {
                Some(place) => self.check(place, value, path, depth + 1),
                None if known.open => {}
                None => {
                    let nearest = nearest(name, known.names()).map(str::to_owned);
                    self.fault(path, FaultKind::UnknownField { nearest });
                }
            }
            path.truncate(length);
        }
        for name in &known.required {
            if !fields.contains_key(name) {
                push_field(path, name);
                let expected = known.find(name).map(|place| self.shape.node(place).expected.clone());
                self.fault(path, FaultKind::Missing { expected: expected.unwrap_or_default() });
                path.truncate(length);
            }
        }
    }

    fn check_items(&mut self, place: Place, values: &[Value], path: &mut String, depth: usize) {
        let length = path.len();
        for (position, value) in values.iter().enumerate() {
            path.push('[');
            path.push_str(&position.to_string());
            path.push(']');
            self.check(place, value, path, depth + 1);
            path.truncate(length);
        }
    }

    fn check_name(&mut self, names: &Map<String, Value>, value: &Value, path: &str) {
        let known = match value {
            Value::String(name) => {
                names.contains_key(name) || names.values().any(|number| is_digits_of(name, number))
            }
            Value::Number(_) => names.values().any(|number| number == value),
            _ => {
                let expected = one_of(names);
                return self.fault(path, FaultKind::WrongType { expected, found: kind_of(value) });
            }
        };
        if !known {
            let name = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let nearest = nearest(&name, names.keys().map(String::as_str)).map(str::to_owned);
            self.fault(path, FaultKind::UnknownName { name, nearest, known: some_names(names) });
        }
    }
}

/// Whether `text` is `number` in digits: providers accept a number that came as text.
fn is_digits_of(text: &str, number: &Value) -> bool {
    text.parse::<i64>().is_ok_and(|value| number.as_i64() == Some(value))
}

fn push_field(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

fn some_names(names: &Map<String, Value>) -> String {
    let mut text = names.keys().take(NAMES_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_SHOWN_MAX {
        text.push_str(", …");
    }
    text
}

fn integer_fits(short: bool, number: &serde_json::Number) -> bool {
    let integer = number.as_i64();
    if short { integer.is_some_and(|value| i32::try_from(value).is_ok()) } else { integer.is_some() }
}

/// What belongs at a schema, in a word or two.
#[must_use]
pub fn expected(schema: &Value) -> Text {
    if let Some(names) = schema.get(ENUM_KEYWORD).and_then(Value::as_object) {
        return one_of(names);
    }
    let (he, en) = match (type_of(schema), schema.get("format").and_then(Value::as_str)) {
        (Some("object"), _) => ("מפה", "map"),
        (Some("array"), _) => ("רשימה", "list"),
        (Some("string"), Some("date-time")) => ("תאריך (YYYY-MM-DD)", "date (YYYY-MM-DD)"),
        (Some("string"), Some("day")) => {
            ("תאריך (DD/MM/YYYY או YYYY-MM-DD)", "date (DD/MM/YYYY or YYYY-MM-DD)")
        }
        (Some("string"), Some(DIGITS_FORMAT)) => ("ספרות", "digits"),
        (Some("string"), _) => ("טקסט", "text"),
        (Some("boolean"), _) => ("כן או לא (true או false)", "true or false"),
        (Some("integer"), Some("int32")) => ("מספר שלם עד 2147483647", "whole number up to 2147483647"),
        (Some("integer"), _) => ("מספר שלם", "whole number"),
        (Some("number"), Some("amount")) => ("סכום", "amount"),
        (Some("number"), _) => ("מספר", "number"),
        _ => ("ערך", "value"),
    };
    Text::new(he, en)
}

fn one_of(names: &Map<String, Value>) -> Text {
    let names = some_names(names);
    Text::new(format!("אחד מאלה: {names}"), format!("one of {names}"))
}

fn kind_of(value: &Value) -> Text {
    let (he, en) = match value {
        Value::Null => ("ריק", "nothing"),
        Value::Bool(_) => ("כן או לא", "true or false"),
        Value::Number(number) if number.as_i64().is_some() => ("מספר שלם", "whole number"),
        Value::Number(_) => ("מספר", "number"),
        Value::String(_) => ("טקסט", "text"),
        Value::Array(_) => ("רשימה", "list"),
        Value::Object(_) => ("מפה", "map"),
    };
    Text::new(he, en)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Amount;
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde_json::json;

    struct Mode;

    impl JsonSchema for Mode {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Mode".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({ "x-enum": { "Automatic": 0, "None": 1 } })
        }
    }

    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Line {
        name: String,
        price: Option<Amount>,
        count: Option<i32>,
    }

    #[derive(JsonSchema)]
    #[schemars(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Request {
        id: Option<i64>,
        mode: Option<Mode>,
        lines: Vec<Line>,
        #[schemars(extend("format" = "digits"))]
        branch: Option<String>,
    }

    fn check(request: &Value, want: &[&str]) {
        let schema = schemars::schema_for!(Request).to_value();
        let found: Vec<String> = faults(&Shape::of(&schema), request)
            .into_iter()
            .map(|fault| fault.into_rejection().message.en)
            .collect();
        assert_eq!(found, want, "{request}");
    }

    #[test]
    fn a_good_request_has_no_faults() {
        check(&json!({"lines": [{"name": "a", "price": 9.5, "count": 1}], "mode": "None", "id": null}), &[]);
        check(&json!({"lines": [], "mode": 1}), &[]);
        check(&json!({"lines": [], "mode": "1"}), &[]);
    }

    #[test]
    fn digits_are_a_text_or_a_whole_number() {
        for branch in [json!("012"), json!(12), json!(" 7 "), json!(""), json!(null)] {
            check(&json!({"lines": [], "branch": branch}), &[]);
        }
        check(&json!({"lines": [], "branch": "12-3"}), &["branch: expected digits, found text"]);
        check(&json!({"lines": [], "branch": -1}), &["branch: expected digits, found whole number"]);
        check(&json!({"lines": [], "branch": true}), &["branch: expected digits, found true or false"]);
    }

    #[test]
    fn each_fault_names_path_expectation_and_nearest_name() {
        check(
            &json!({"lines": [{"nmae": "a", "name": "b"}]}),
            &["lines[0].nmae: there is no such field; did you mean name?"],
        );
        check(&json!({"id": 1}), &["lines: this field is required (list)"]);
        check(&json!({"lines": [{}]}), &["lines[0].name: this field is required (text)"]);
        check(&json!({"lines": [], "id": "7"}), &["id: expected whole number, found text"]);
        check(
            &json!({"lines": [{"name": "a", "count": 3_000_000_000_i64}]}),
            &["lines[0].count: expected whole number up to 2147483647, found whole number"],
        );
        check(
            &json!({"lines": [], "mode": "Automatik"}),
            &["mode: `Automatik` is not known; did you mean Automatic? (known: Automatic, None)"],
        );
        check(&json!({"lines": [], "mode": 9}), &["mode: `9` is not known (known: Automatic, None)"]);
        check(
            &json!({"lines": [], "mode": "Order (8)"}),
            &["mode: `Order (8)` is not known (known: Automatic, None)"],
        );
        check(&json!([]), &["request: expected map, found list"]);
        check(
            &json!({"lines": [{"name": "a", "x": [[{"cvv": null}]]}]}),
            &[
                "lines[0].x[0][0].cvv is card data, which is not accepted; use a token",
                "lines[0].x: there is no such field",
            ],
        );
        let price: Value = serde_json::from_str(r#"{"lines":[{"name":"a","price":1.005}]}"#).unwrap();
        check(&price, &["lines[0].price: an amount with more than two places; it is never rounded for you"]);
    }
}

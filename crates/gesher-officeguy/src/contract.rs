//! The provider's contract as data: each endpoint's fields, and the request schemas that follow from them.
//!
//! The file beside this crate's manifest holds names, types and numbers of all endpoints, those that no operation of
//! the hub uses among them. What a call may do and what an answer means is decided elsewhere.

use crate::rules::refuse;
use gesher_core::Rejection;
use gesher_core::check::ENUM_KEYWORD;
use gesher_core::limits::JSON_DEPTH_MAX;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The contract, read once. A file that is no JSON would leave it empty, which the tests notice.
static CONTRACT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../contract.json")).unwrap_or_default());

/// The endpoints that take the public key: a few, and each call asks.
static PUBLIC: LazyLock<Vec<&str>> =
    LazyLock::new(|| paths().filter(|path| endpoint(path).is_some_and(|found| found.is_public())).collect());

/// One endpoint of the provider.
#[derive(Clone, Copy, Debug)]
pub struct EndpointContract {
    fields: &'static Value,
}

/// Every endpoint's path, in the order of the file.
pub fn paths() -> impl Iterator<Item = &'static str> {
    CONTRACT["endpoints"].as_object().into_iter().flat_map(Map::keys).map(String::as_str)
}

/// The endpoint of that path.
#[must_use]
pub fn endpoint(path: &str) -> Option<EndpointContract> {
    CONTRACT["endpoints"].get(path).map(|fields| EndpointContract { fields })
}

/// Whether the endpoint of that path takes the organisation's public key: see [`EndpointContract::is_public`].
pub(crate) fn takes_public_key(path: &str) -> bool {
    PUBLIC.contains(&path)
}

impl EndpointContract {
    /// Whether it takes the organisation's public key instead of its private one.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.fields["public"] == true
    }

    /// Whether it takes a form with files, and no JSON.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.fields["form"] == true
    }

    /// Whether it answers a file and no envelope.
    #[must_use]
    pub fn answers_bytes(&self) -> bool {
        self.fields["answers"] == "bytes"
    }

    /// The names and types of its request, without credentials.
    #[must_use]
    pub fn asks(&self) -> &'static Value {
        &self.fields["asks"]
    }

    /// The names and types of its answer, a bare type, or null where it answers nothing but the envelope.
    #[must_use]
    pub fn answers(&self) -> &'static Value {
        &self.fields["answers"]
    }
}

/// A type of the contract, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    /// What it is, or what it is a list of.
    pub(crate) name: &'static str,
    pub(crate) is_list: bool,
    pub(crate) is_required: bool,
    pub(crate) may_be_null: bool,
}

impl Type {
    pub(crate) fn read(text: &'static str) -> Self {
        let bare = text.trim_end_matches(['?', '!']);
        let inner = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        Self {
            name: inner.unwrap_or(bare),
            is_list: inner.is_some(),
            is_required: text.ends_with('!'),
            may_be_null: text.ends_with('?'),
        }
    }
}

/// The fields of an object of the contract, with their types.
pub(crate) fn fields(of: &'static Value) -> impl Iterator<Item = (&'static str, Type)> {
    let fields = of.as_object().into_iter().flatten();
    fields.filter_map(|(name, text)| Some((name.as_str(), Type::read(text.as_str()?))))
}

/// The fields of a named object, or null.
pub(crate) fn object(name: &str) -> &'static Value {
    &CONTRACT["types"][name]
}

/// The names and numbers of an enum, or null. Names without a number are themselves on the wire.
pub(crate) fn numbers(name: &str) -> &'static Value {
    &CONTRACT["enums"][name]
}

/// The schema of an endpoint's request, in the words of the check of requests.
pub(crate) fn request_schema(path: &str) -> Value {
    endpoint(path).map_or_else(|| json!({}), |endpoint| rooted(endpoint.asks()))
}

/// The schema of an endpoint's answer.
pub(crate) fn answer_schema(path: &str) -> Value {
    match endpoint(path) {
        Some(endpoint) if endpoint.answers_bytes() => json!({"type": "object"}),
        Some(endpoint) => rooted(endpoint.answers()),
        None => json!({}),
    }
}

/// An object's schema with the named objects that it leads to.
fn rooted(fields_of: &'static Value) -> Value {
    if !fields_of.is_object() {
        return json!({});
    }
    let mut named = Map::new();
    let mut schema = object_schema(fields_of, &mut named);
    if !named.is_empty() {
        schema["$defs"] = Value::Object(named);
    }
    schema
}

fn object_schema(of: &'static Value, named: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, kind) in fields(of) {
        properties.insert(name.to_owned(), schema_of(kind, named));
        if kind.is_required {
            required.push(name);
        }
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn schema_of(kind: Type, named: &mut Map<String, Value>) -> Value {
    let mut schema = bare_schema(kind.name, named);
    if kind.is_list {
        schema = json!({"type": "array", "items": schema});
        if kind.is_required {
            schema["minItems"] = json!(1);
        }
    } else if kind.is_required && kind.name == "string" {
        schema["minLength"] = json!(1);
    }
    if kind.may_be_null { json!({"anyOf": [schema, {"type": "null"}]}) } else { schema }
}

fn bare_schema(name: &'static str, named: &mut Map<String, Value>) -> Value {
    match name {
        "string" | "binary" => json!({"type": "string"}),
        "date-time" => json!({"type": "string", "format": "date-time"}),
        "bool" => json!({"type": "boolean"}),
        "int32" => json!({"type": "integer", "format": "int32"}),
        "int64" => json!({"type": "integer"}),
        "decimal" => json!({"type": "number"}),
        "map" => json!({"type": "object"}),
        "any" => json!({}),
        name if numbers(name).is_object() => json!({ENUM_KEYWORD: numbers(name)}),
        name => {
            if !named.contains_key(name) {
                // Keeps the place, since an object may lead to itself.
                named.insert(name.to_owned(), Value::Null);
                let schema = object_schema(object(name), named);
                named.insert(name.to_owned(), schema);
            }
            json!({"$ref": format!("#/$defs/{name}")})
        }
    }
}

/// A request that fits its schema as it goes on the wire: fields in the contract's order, enums as numbers, nothing
/// that is null or an empty text.
pub(crate) fn on_the_wire(of: &'static Value, request: &Value) -> Result<Value, Rejection> {
    written(of, request, "", 0)
}

fn written(of: &'static Value, request: &Value, path: &str, depth: usize) -> Result<Value, Rejection> {
    let mut out = Map::new();
    for (name, kind) in fields(of) {
        let value = match request.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) if text.trim().is_empty() => continue,
            Some(value) => value,
        };
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let value = match value {
            Value::Array(values) if kind.is_list => {
                let each = values.iter().enumerate();
                let each = each.map(|(at, value)| one(kind, value, &format!("{path}[{at}]"), depth));
                Value::Array(each.collect::<Result<_, _>>()?)
            }
            value => one(kind, value, &path, depth)?,
        };
        out.insert(name.to_owned(), value);
    }
    Ok(Value::Object(out))
}

fn one(kind: Type, value: &Value, path: &str, depth: usize) -> Result<Value, Rejection> {
    if depth > JSON_DEPTH_MAX {
        return Err(refuse("too_deep", format!("{path}: עומק רב מדי"), format!("{path}: it is too deep")));
    }
    if kind.name == "date-time" {
        let date = value.as_str().map(|text| crate::endpoints::shared::WireDate(text.to_owned()));
        crate::rules::date(path, date.as_ref())?;
        return Ok(value.clone());
    }
    if let Some(names) = numbers(kind.name).as_object() {
        let number = value.as_str().and_then(|name| names.get(name)).filter(|number| !number.is_null());
        let digits = || value.as_str().and_then(|text| text.parse::<i64>().ok()).map(Value::from);
        return Ok(number.cloned().or_else(digits).unwrap_or_else(|| value.clone()));
    }
    let inner = object(kind.name);
    if inner.is_object() { written(inner, value, path, depth + 1) } else { Ok(value.clone()) }
}

/// What of a body that was sent is not as the contract has it: for tests, and for whoever looks at a recorded request.
/// Credentials are not looked at. On the wire enums are numbers, and a required text says something.
#[must_use]
pub fn faults(path: &str, body: &Value) -> Vec<String> {
    match endpoint(path) {
        Some(endpoint) => {
            let mut faults = Vec::new();
            faults_of(endpoint.asks(), body, "", &mut faults);
            faults
        }
        None => vec![format!("{path} is no endpoint")],
    }
}

fn faults_of(of: &'static Value, body: &Value, path: &str, found: &mut Vec<String>) {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for name in body.as_object().into_iter().flat_map(Map::keys) {
        let is_known = of.get(name).is_some() || path.is_empty() && name == "Credentials";
        if !is_known {
            found.push(format!("{} is no field", at(name)));
        }
    }
    for (name, kind) in fields(of) {
        match body.get(name) {
            None if kind.is_required => found.push(format!("{} is missing", at(name))),
            None => {}
            Some(Value::Null) if kind.may_be_null => {}
            Some(Value::Array(values)) if kind.is_list => {
                if kind.is_required && values.is_empty() {
                    found.push(format!("{} is empty", at(name)));
                }
                for (place, value) in values.iter().enumerate() {
                    fault_of(kind, value, &format!("{}[{place}]", at(name)), found);
                }
            }
            Some(_) if kind.is_list => found.push(format!("{} is no list", at(name))),
            Some(value) => fault_of(kind, value, &at(name), found),
        }
    }
}

fn fault_of(kind: Type, value: &Value, path: &str, found: &mut Vec<String>) {
    if object(kind.name).is_object() {
        return faults_of(object(kind.name), value, path, found);
    }
    let is_good = match kind.name {
        "string" | "binary" => value.is_string(),
        "date-time" => {
            value.as_str().is_some_and(|text| crate::endpoints::shared::WireDate(text.to_owned()).is_good())
        }
        "bool" => value.is_boolean(),
        "int32" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "int64" => value.as_i64().is_some(),
        "decimal" => value.is_number(),
        "map" => value.is_object(),
        "any" => true,
        name => numbers(name).as_object().is_some_and(|names| {
            let is_name = value.as_str().and_then(|name| names.get(name)).is_some_and(Value::is_null);
            is_name || value.is_number() && names.values().any(|number| number == value)
        }),
    };
    if !is_good {
        found.push(format!("{path} is no {}", kind.name));
    } else if kind.is_required && value.as_str().is_some_and(str::is_empty) {
        found.push(format!("{path} is empty"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, request: Value, want: Value) {
        let asks = endpoint(path).unwrap().asks();
        assert_eq!(on_the_wire(asks, &request).ok(), Some(want), "{path} {request}");
    }

    #[test]
    fn a_request_is_written_as_the_contract_has_it() {
        check("/accounting/general/getnextdocumentnumber/", json!({"Type": "Receipt"}), json!({"Type": 2}));
        check("/accounting/general/getnextdocumentnumber/", json!({"Type": "2"}), json!({"Type": 2}));
        check(
            "/website/permissions/set/",
            json!({"Role": "Owner", "UserID": 7}),
            json!({"UserID": 7, "Role": "Owner"}),
        );
        check(
            "/crm/data/listentities/",
            json!({"Order": {"Descending": true, "Property": ""}, "Folder": "1"}),
            json!({"Folder": "1", "Order": {"Descending": true}}),
        );
    }

    #[test]
    fn every_type_of_the_contract_is_known() {
        assert_eq!(paths().count(), 83);
        let objects = CONTRACT["types"].as_object().unwrap().values();
        let asked = paths().filter_map(endpoint).flat_map(|endpoint| [endpoint.asks(), endpoint.answers()]);
        for (name, kind) in objects.chain(asked).flat_map(fields) {
            let plain = ["string", "binary", "date-time", "bool", "int32", "int64", "decimal", "map", "any"];
            let known =
                plain.contains(&kind.name) || object(kind.name).is_object() || numbers(kind.name).is_object();
            assert!(known, "{name}: {}", kind.name);
        }
    }
}

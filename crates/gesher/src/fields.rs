//! The fields of an operation's request, read from its JSON Schema: what is shown to people, in the reference and as
//! JSON.

use gesher_core::check::{ENUM_KEYWORD, expected};
use serde::Serialize;
use serde_json::Value;

/// Levels of fields that are shown. Deeper ones are the provider's own affair.
const LEVELS_MAX: usize = 8;
/// Names of an enum that a text lists.
const NAMES_SHOWN_MAX: usize = 16;
/// Steps from a reference to what it stands for.
const REFERENCES_MAX: usize = 16;

/// One field.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name, in the provider's spelling.
    pub name: String,
    /// What belongs there: `text`, `amount`, `list of map`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it must be there.
    pub required: bool,
    /// What it is for.
    pub doc: String,
    /// The names that may stand there, when only some may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The fields in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// The fields of a request.
pub fn of_schema(schema: &Value) -> Vec<Field> {
    fields(schema, schema, 0)
}

fn fields(root: &Value, schema: &Value, level: usize) -> Vec<Field> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    if level >= LEVELS_MAX {
        return Vec::new();
    }
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    properties
        .iter()
        .map(|(name, property)| field(root, name, property, required.contains(&name.as_str()), level))
        .collect()
}

fn field(root: &Value, name: &str, property: &Value, required: bool, level: usize) -> Field {
    let target = resolve(root, property);
    let item = target.get("items").map(|items| resolve(root, items));
    let kind = match item {
        Some(item) => format!("list of {}", word(item)),
        None => word(target),
    };
    let described = |schema: &Value| schema.get("description").and_then(Value::as_str).map(str::to_owned);
    Field {
        name: name.to_owned(),
        kind,
        required,
        doc: described(property).or_else(|| described(target)).unwrap_or_default().replace('\n', " "),
        names: names(item.unwrap_or(target)),
        fields: fields(root, item.unwrap_or(target), level + 1),
    }
}

/// The names are listed apart, so the word need not list them again.
fn word(schema: &Value) -> String {
    if schema.get(ENUM_KEYWORD).is_some() { "name".to_owned() } else { expected(schema).en }
}

fn names(schema: &Value) -> Vec<String> {
    schema
        .get(ENUM_KEYWORD)
        .and_then(Value::as_object)
        .map(|names| names.keys().cloned().collect())
        .unwrap_or_default()
}

/// What a schema stands for, past references and past the choice of leaving it out.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..REFERENCES_MAX {
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        let branch = schema.get("anyOf").and_then(Value::as_array).and_then(|branches| {
            branches.iter().find(|branch| branch.get("type").is_none_or(|name| name != "null"))
        });
        match reference.and_then(|pointer| root.pointer(pointer)).or(branch) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// The names for people; JSON has all of a long list.
fn some_names(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The fields as lines, each indented below the one that holds it.
pub fn lines(fields: &[Field]) -> Vec<(String, String, bool, String)> {
    let mut lines = Vec::new();
    push(fields, 0, &mut lines);
    lines
}

fn push(fields: &[Field], level: usize, lines: &mut Vec<(String, String, bool, String)>) {
    for field in fields {
        let doc = match field.names.is_empty() {
            true => field.doc.clone(),
            false => format!("{} One of: {}.", field.doc, some_names(&field.names)).trim_start().to_owned(),
        };
        lines.push((
            format!("{}{}", "  ".repeat(level), field.name),
            field.kind.clone(),
            field.required,
            doc,
        ));
        push(&field.fields, level + 1, lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_lists_references_and_names_are_read() {
        let schema = json!({
            "properties": {
                "Mode": { "anyOf": [{ "$ref": "#/$defs/Mode" }, { "type": "null" }], "description": "How." },
                "Items": { "type": "array", "items": { "$ref": "#/$defs/Item" } },
            },
            "required": ["Items"],
            "$defs": {
                "Mode": { "x-enum": { "Fast": 0, "Slow": 1 } },
                "Item": { "type": "object", "properties": { "Price": { "type": "number", "format": "amount" } } },
            },
        });
        let lines: Vec<String> = lines(&of_schema(&schema))
            .into_iter()
            .map(|(name, kind, required, doc)| format!("{name}|{kind}|{required}|{doc}"))
            .collect();
        assert_eq!(
            lines,
            ["Mode|name|false|How. One of: Fast, Slow.", "Items|list of map|true|", "  Price|amount|false|"]
        );
    }

    #[test]
    fn a_schema_that_holds_itself_comes_to_an_end() {
        let schema = json!({ "properties": { "Inner": { "$ref": "#" } } });
        assert_eq!(lines(&of_schema(&schema)).len(), LEVELS_MAX);
    }
}

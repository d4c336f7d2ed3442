//! A request's JSON Schema, read once into what its check looks up.
//!
//! The check runs for every call and the schema never changes: walking the schema's own JSON each time, with its
//! references and its names as text, would cost more than all the rest of the check.

use crate::check::{DIGITS_FORMAT, ENUM_KEYWORD, expected};
use crate::language::Text;
use crate::limits::JSON_DEPTH_MAX;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A schema that is ready to be checked against.
#[derive(Clone, Debug)]
pub struct Shape {
    nodes: Vec<Node>,
    root: Place,
}

/// A place for a value: what belongs there, and whether it may be null.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    node: usize,
    pub(crate) nullable: bool,
}

/// What belongs at a place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// The same in a word or two.
    pub(crate) expected: Text,
}

/// What a value has to be.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Anything.
    Any,
    /// A name or a number of a provider's enum.
    Name(Map<String, Value>),
    /// A map. Without fields it may hold any.
    Object(Option<Fields>),
    /// A list.
    List {
        /// What it is a list of, where that is said.
        of: Option<Place>,
        may_be_empty: bool,
    },
    /// A text.
    Text { may_be_empty: bool },
    /// Digits: a text of them or none, or a whole number that is not negative.
    Digits,
    /// True or false.
    Truth,
    /// A whole number; one of 32 bits only, where it is short.
    Integer { short: bool },
    /// A decimal; one of two places at most, where it is an amount.
    Number { amount: bool },
}

/// The fields of a map.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// Names and places, in the schema's order.
    known: Vec<(String, Place)>,
    pub(crate) required: Vec<String>,
    /// Whether others are allowed too.
    pub(crate) open: bool,
}

impl Fields {
    /// The place of a field. There are a few dozen at most, and nearly all differ from a name in length already.
    pub(crate) fn find(&self, name: &str) -> Option<Place> {
        self.known.iter().find(|field| field.0 == name).map(|field| field.1)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|field| field.0.as_str())
    }
}

impl Shape {
    /// Reads a schema. What it says in other keywords than ours is left out.
    #[must_use]
    pub fn of(schema: &Value) -> Self {
        let mut reader = Reader { root: schema, nodes: Vec::new(), read: HashMap::new() };
        let root = reader.place(schema);
        Self { nodes: reader.nodes, root }
    }

    pub(crate) fn root(&self) -> Place {
        self.root
    }

    pub(crate) fn node(&self, place: Place) -> &Node {
        &self.nodes[place.node]
    }
}

struct Reader<'a> {
    root: &'a Value,
    nodes: Vec<Node>,
    /// Schemas that have a node already, by where they stand: a schema may refer to itself.
    read: HashMap<*const Value, usize>,
}

impl<'a> Reader<'a> {
    fn place(&mut self, schema: &'a Value) -> Place {
        let (schema, nullable) = self.resolve(schema);
        if let Some(node) = self.read.get(&std::ptr::from_ref(schema)) {
            return Place { node: *node, nullable };
        }
        let node = self.nodes.len();
        self.read.insert(schema, node);
        // Keeps the number while the places inside get theirs.
        self.nodes.push(Node { kind: Kind::Any, expected: expected(schema) });
        self.nodes[node].kind = self.kind(schema);
        Place { node, nullable }
    }

    /// Follows `$ref` and takes the branch of an `anyOf` that is not null; says whether null is allowed.
    fn resolve(&self, schema: &'a Value) -> (&'a Value, bool) {
        let mut schema = schema;
        let mut nullable = false;
        for _ in 0..JSON_DEPTH_MAX {
            if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
                let Some(target) = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer))
                else {
                    return (schema, nullable);
                };
                schema = target;
            } else if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
                nullable |= branches.iter().any(is_null_schema);
                let Some(branch) = branches.iter().find(|branch| !is_null_schema(branch)) else {
                    return (schema, nullable);
                };
                schema = branch;
            } else {
                break;
            }
        }
        let listed = schema.get("type").and_then(Value::as_array);
        (schema, nullable || listed.is_some_and(|types| types.iter().any(|name| name == "null")))
    }

    fn kind(&mut self, schema: &'a Value) -> Kind {
        if let Some(names) = schema.get(ENUM_KEYWORD).and_then(Value::as_object) {
            return Kind::Name(names.clone());
        }
        let format = schema.get("format").and_then(Value::as_str);
        match type_of(schema) {
            Some("object") => Kind::Object(self.fields(schema)),
            Some("array") => Kind::List {
                of: schema.get("items").map(|items| self.place(items)),
                may_be_empty: schema.get("minItems").is_none(),
            },
            Some("string") if format == Some(DIGITS_FORMAT) => Kind::Digits,
            Some("string") => Kind::Text { may_be_empty: schema.get("minLength").is_none() },
            Some("boolean") => Kind::Truth,
            Some("integer") => Kind::Integer { short: format == Some("int32") },
            Some("number") => Kind::Number { amount: format == Some("amount") },
            _ => Kind::Any,
        }
    }

    fn fields(&mut self, schema: &'a Value) -> Option<Fields> {
        let properties = schema.get("properties").and_then(Value::as_object)?;
        let known = properties.iter().map(|(name, property)| (name.clone(), self.place(property))).collect();
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required = required.filter_map(Value::as_str).map(str::to_owned).collect();
        let open = schema.get("additionalProperties").is_none_or(|closed| closed != &Value::Bool(false));
        Some(Fields { known, required, open })
    }
}

fn is_null_schema(schema: &Value) -> bool {
    schema.get("type").is_some_and(|name| name == "null")
}

/// The schema's type, whether it stands alone or beside null.
pub(crate) fn type_of(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end() {
        let schema = json!({
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "lost": {"$ref": "#/nowhere"}},
        });
        let shape = Shape::of(&schema);
        let Kind::Object(Some(fields)) = &shape.node(shape.root()).kind else {
            panic!("an object is expected");
        };
        let next = fields.find("next").unwrap();
        assert_eq!((next.node, next.nullable, shape.root().nullable), (shape.root().node, true, false));
        assert!(matches!(shape.node(fields.find("lost").unwrap()).kind, Kind::Any));
        assert!(fields.find("prev").is_none());
    }
}

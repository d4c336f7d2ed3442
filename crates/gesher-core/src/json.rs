//! JSON that is kept in the form it came in, as text or as a tree, and turned into the other when somebody asks.
//!
//! A provider's answer arrives as text, is written down as text, and is rarely read whole. Building the tree of each,
//! only to write it out again, would cost as much as everything else that the hub does with it.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// What null is in JSON.
const NULL: &str = "null";

/// A JSON value. Clones share the text.
///
/// It reads like its tree, which is made at the first look.
#[derive(Clone)]
pub struct Json {
    text: OnceLock<Arc<str>>,
    tree: OnceLock<Value>,
}

impl Json {
    /// Of text that was read as JSON already.
    #[must_use]
    pub fn of_raw(raw: &RawValue) -> Self {
        Self { text: OnceLock::from(Arc::from(raw.get())), tree: OnceLock::new() }
    }

    /// Of text that ought to be JSON; none where it is not. The text is read through, and no tree is made.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(Self::of_raw)
    }

    /// Whether it is null. Makes no tree.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match (self.tree.get(), self.text.get()) {
            (Some(tree), _) => tree.is_null(),
            (None, Some(text)) => **text == *NULL,
            (None, None) => true,
        }
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.shared()
    }

    /// Its text, shared.
    #[must_use]
    pub fn text_shared(&self) -> Arc<str> {
        Arc::clone(self.shared())
    }

    fn shared(&self) -> &Arc<str> {
        self.text.get_or_init(|| match self.tree.get() {
            // A value is always JSON. Its `Display` says the same, piece by piece.
            Some(tree) => serde_json::to_string(tree).unwrap_or_else(|_| tree.to_string()).into(),
            None => NULL.into(),
        })
    }

    /// Its text, where it has been text so far.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        self.text.get().map(|text| &**text)
    }

    /// Its tree.
    #[must_use]
    pub fn tree(&self) -> &Value {
        self.tree.get_or_init(|| match self.text.get() {
            // The text was read through when this was made of it.
            Some(text) => serde_json::from_str(text).unwrap_or_default(),
            None => Value::Null,
        })
    }

    /// Its tree, for whoever changes it.
    #[must_use]
    pub fn into_tree(self) -> Value {
        let Self { text, tree } = self;
        let of_text = || text.get().and_then(|text| serde_json::from_str(text).ok());
        tree.into_inner().or_else(of_text).unwrap_or_default()
    }

    /// Its fields, where it is an object. Makes no tree where there is text.
    #[must_use]
    pub fn fields(&self) -> Option<Fields<'_>> {
        Fields::of(self.text())
    }
}

/// The fields of an object, each as its text until it is asked for. Of two with one name the last counts, as in the
/// tree.
#[derive(Debug)]
pub struct Fields<'a>(Vec<(Name<'a>, &'a RawValue)>);

/// Room that is made ahead for an object's fields: most objects of an answer have no more.
const FIELDS_ROOM: usize = 16;

/// A field's name; its own only where it was written with escapes.
#[derive(Debug)]
struct Name<'a>(Cow<'a, str>);

impl<'a> Fields<'a> {
    /// Those of a text; none where that is no object.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// A field's text.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|field| field.0.0 == name).map(|field| field.1)
    }

    /// A field's value; null where there is none.
    #[must_use]
    pub fn value(&self, name: &str) -> Value {
        self.raw(name).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// The fields of a field, where that is an object.
    #[must_use]
    pub fn fields(&self, name: &str) -> Option<Self> {
        Self::of(self.raw(name)?.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(FIELDS_ROOM);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Reading)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Reading)
    }
}

impl From<Value> for Json {
    fn from(tree: Value) -> Self {
        Self { text: OnceLock::new(), tree: OnceLock::from(tree) }
    }
}

impl Default for Json {
    /// Null.
    fn default() -> Self {
        Self::from(Value::Null)
    }
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.tree()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.tree(), f)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.tree().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.tree() == other.tree()
    }
}

impl PartialEq<Value> for Json {
    fn eq(&self, other: &Value) -> bool {
        self.tree() == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, tree: Value) {
        let of_text = Json::parse(text).unwrap();
        assert_eq!((of_text.is_null(), of_text.text()), (tree.is_null(), text));
        let of_tree = Json::from(tree.clone());
        assert_eq!((&of_text, of_tree.is_null()), (&of_tree, tree.is_null()));
        assert_eq!(Json::parse(of_tree.text()).unwrap(), tree);
        assert_eq!(of_text.into_tree(), tree);
    }

    #[test]
    fn text_and_tree_say_the_same() {
        check("null", Value::Null);
        check(
            r#"{ "b": 12.50, "a": ["שלום", null] }"#,
            serde_json::from_str(r#"{"b":12.50,"a":["שלום",null]}"#).unwrap(),
        );
        check("-0", serde_json::from_str("-0").unwrap());
        assert!(Json::default().is_null() && Json::default().text() == "null");
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "{", "{} x", "nul", "\"\u{1}\"", &"[".repeat(200)] {
            assert!(Json::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn fields_are_read_from_either_form_and_from_nothing_else() {
        let text = r#"{"a":1,"b":{"deep":[1,2]},"\u0063":"x","a":7}"#;
        for json in [Json::parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap().into()] {
            let fields = json.fields().unwrap();
            assert_eq!(
                (fields.value("a"), fields.value("c"), fields.value("d")),
                (json!(7), json!("x"), Value::Null)
            );
            let inner = fields.fields("b").unwrap();
            assert_eq!((inner.value("deep"), inner.fields("deep").is_none()), (json!([1, 2]), true));
        }
        let of_text = Json::parse(text).unwrap();
        assert!(of_text.fields().is_some() && of_text.tree.get().is_none());
        for other in ["[1]", "7", "null", "\"a\""] {
            assert!(Json::parse(other).unwrap().fields().is_none(), "{other}");
        }
    }
}

//! JSON that is kept in the form it came in, as text or as a tree, and turned into the other when somebody asks.
//!
//! A provider's answer arrives as text, is written down as text, and is rarely read whole. Building the tree of each,
//! only to write it out again, would cost as much as everything else that the hub does with it.

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
        Self::of_known(raw.get())
    }

    fn of_known(text: &str) -> Self {
        Self { text: OnceLock::from(Arc::from(text)), tree: OnceLock::new() }
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
        Fields::of_known(self.text())
    }
}

/// The fields of an object, each as its text until it is asked for. Of two with one name the last counts, as in the
/// tree.
#[derive(Debug)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a str)>);

/// Room that is made ahead for an object's fields: answers have a few dozen at most.
const FIELDS_ROOM: usize = 16;

impl<'a> Fields<'a> {
    /// Those of a text; none where that is no object.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        Self::of_known(serde_json::from_str::<&RawValue>(text).ok()?.get())
    }

    /// Those of a text that was read through as JSON already, so that only the ends of its parts are looked for.
    fn of_known(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut fields = Vec::with_capacity(FIELDS_ROOM);
        let mut at = behind(bytes, 0, b'{')?;
        loop {
            at = filled(bytes, at)?;
            match bytes.get(at)? {
                b'}' => return Some(Self(fields)),
                b',' => at = filled(bytes, at + 1)?,
                _ => {}
            }
            let name_end = text_end(bytes, at)?;
            let from = filled(bytes, behind(bytes, filled(bytes, name_end)?, b':')?)?;
            let to = value_end(bytes, from)?;
            fields.push((name_of(text.get(at..name_end)?)?, text.get(from..to)?.trim_ascii_end()));
            at = to;
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|field| field.0 == name).map(|field| field.1)
    }

    /// A field as JSON of its own; null where there is none.
    #[must_use]
    pub fn json(&self, name: &str) -> Json {
        self.text(name).map(Json::of_known).unwrap_or_default()
    }

    /// A field's value; null where there is none.
    #[must_use]
    pub fn value(&self, name: &str) -> Value {
        self.text(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// The fields of a field, where that is an object.
    #[must_use]
    pub fn fields(&self, name: &str) -> Option<Self> {
        Self::of_known(self.text(name)?)
    }
}

/// A field's name, of its JSON; its own only where it was written with escapes.
fn name_of(quoted: &str) -> Option<Cow<'_, str>> {
    if quoted.contains('\\') {
        return serde_json::from_str(quoted).ok().map(Cow::Owned);
    }
    quoted.get(1..quoted.len() - 1).map(Cow::Borrowed)
}

/// The next place from `at` on that is not blank.
fn filled(bytes: &[u8], at: usize) -> Option<usize> {
    let is_filled = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    bytes.get(at..)?.iter().position(is_filled).map(|blanks| at + blanks)
}

/// The place behind `at`, where this sign stands there.
fn behind(bytes: &[u8], at: usize, sign: u8) -> Option<usize> {
    (bytes.get(at) == Some(&sign)).then_some(at + 1)
}

/// Where the value that starts at `from` ends, in the text of some JSON; the blanks behind a number are with it. None
/// where there is no value.
#[must_use]
pub fn value_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = from;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = text_end(bytes, at)?;
                if depth == 0 {
                    return Some(at);
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return (at > from).then_some(at),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the text that starts with the quote at `from` ends, its other quote included, in the text of some JSON.
#[must_use]
pub fn text_end(bytes: &[u8], from: usize) -> Option<usize> {
    if bytes.get(from) != Some(&b'"') {
        return None;
    }
    let mut at = from + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
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
            assert_eq!((fields.json("b").text(), fields.json("d").is_null()), (r#"{"deep":[1,2]}"#, true));
            let inner = fields.fields("b").unwrap();
            assert_eq!((inner.value("deep"), inner.fields("deep").is_none()), (json!([1, 2]), true));
        }
        let of_text = Json::parse(text).unwrap();
        assert!(of_text.fields().is_some() && of_text.tree.get().is_none());
        for other in ["[1]", "7", "null", "\"a\""] {
            assert!(Json::parse(other).unwrap().fields().is_none(), "{other}");
        }
    }

    fn check_fields(text: &str) {
        let tree: Option<serde_json::Map<String, Value>> = serde_json::from_str(text).ok();
        let fields = Fields::of(text);
        assert_eq!(fields.is_some(), tree.is_some(), "{text}");
        let (Some(fields), Some(tree)) = (fields, tree) else { return };
        for (name, value) in &tree {
            assert_eq!(fields.value(name), *value, "{name} of {text}");
            assert_eq!(fields.json(name), *value, "{name} of {text}");
            let inner = fields.fields(name).map(|inner| inner.0.len());
            assert_eq!(inner.is_some(), value.is_object(), "{name} of {text}");
        }
        assert!(fields.0.iter().all(|field| tree.contains_key(&*field.0)), "{text}");
    }

    #[test]
    fn fields_are_those_of_the_tree_however_they_are_written() {
        for text in [
            "{}",
            " { } ",
            "\n{\"a\" : 1 , \"b\":\t[ 1 , {\"x\":\"]}\"} ] ,\"c\": { \"d\" : null } }\r\n",
            r#"{"a\"b":"q\"}\\","\u05d0":"\u05d0","":"", "e":-1.50e+3 ,"t":true}"#,
            r#"{"a":{"a":{"a":"{"}},"a":2}"#,
            r#"{"שלום":"עולם, \"עולם\""}"#,
            r#"{"a":1}x"#,
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{a:1}"#,
            r#"{"a":1"#,
            r#"{"a":tru}"#,
            r#"{"\ud800":1}"#,
            "{,}",
            "",
        ] {
            check_fields(text);
        }
    }

    proptest::proptest! {
        #[test]
        fn fields_of_any_object_are_those_of_its_tree(names in proptest::collection::vec(".{0,6}", 0..6), text in ".{0,12}") {
            let nested = json!({ text.clone(): [text.clone(), null, { "n": 1.5 }] });
            let object: serde_json::Map<String, Value> =
                names.into_iter().zip([json!(text), nested, json!(-7), json!([]), json!({}), json!(true)]).collect();
            check_fields(&serde_json::to_string(&object).unwrap());
            check_fields(&serde_json::to_string_pretty(&object).unwrap());
        }
    }
}

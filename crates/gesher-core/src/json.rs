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
    fn of_read(text: &str) -> Self {
        Self { text: OnceLock::from(Arc::from(text)), tree: OnceLock::new() }
    }

    /// Of text that ought to be JSON; none where it is not. The text is read through, and no tree is made.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(text).ok().map(|raw| Self::of_read(raw.get()))
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
        Fields::of_read(self.text())
    }

    /// Its fields and those of one of them, found on one way through the text. None where either is no object.
    #[must_use]
    pub fn fields_with(&self, inner: &str) -> Option<(Fields<'_>, Fields<'_>)> {
        let (fields, inner) = walk::object(self.text(), inner)?;
        Some((fields, inner?))
    }
}

/// The fields of an object, each as its text until it is asked for. Of two with one name the last counts, as in the
/// tree.
#[derive(Debug)]
pub struct Fields<'a>(Vec<(Name<'a>, &'a str)>);

/// Room that is made ahead for an object's fields: most objects of an answer have no more.
const FIELDS_ROOM: usize = 16;

/// A field's name; its own only where it was written with escapes.
#[derive(Debug)]
struct Name<'a>(Cow<'a, str>);

impl<'a> Fields<'a> {
    /// Those of a text; none where that is no object. The text is read through.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The same of a text that was read as JSON already.
    fn of_read(text: &'a str) -> Option<Self> {
        walk::object(text, "").map(|(fields, _)| fields)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|field| field.0.0 == name).map(|field| field.1)
    }

    /// A field, kept as its text; null where there is none.
    #[must_use]
    pub fn json(&self, name: &str) -> Json {
        self.text(name).map(Json::of_read).unwrap_or_default()
    }

    /// A field's value; null where there is none.
    #[must_use]
    pub fn value(&self, name: &str) -> Value {
        match self.text(name) {
            None | Some(NULL) => Value::Null,
            Some(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }

    /// The fields of a field, where that is an object.
    #[must_use]
    pub fn fields(&self, name: &str) -> Option<Self> {
        Self::of_read(self.text(name)?)
    }
}

/// Finds the fields of an object in a text that is JSON for sure, so that only quotes and brackets have to be looked at.
mod walk {
    use super::{FIELDS_ROOM, Fields, Name};
    use std::borrow::Cow;

    /// The fields of an object, and those of the field `inner` where that is an object too.
    pub(super) fn object<'a>(text: &'a str, inner: &str) -> Option<(Fields<'a>, Option<Fields<'a>>)> {
        let mut found = None;
        let (fields, _) = fields(text, text.as_bytes(), |name, value| {
            if name != inner {
                return behind_value(value);
            }
            let of_inner = self::fields(text, value, |_, value| behind_value(value));
            match of_inner {
                Some((fields, behind)) => {
                    found = Some(fields);
                    Some(behind)
                }
                None => {
                    found = None;
                    behind_value(value)
                }
            }
        })?;
        Some((fields, found))
    }

    /// The fields of the object with which `rest` begins, the last part of `text`, and what stands behind it. What
    /// stands behind a field's value is for `behind_value` to say.
    fn fields<'a>(
        text: &'a str,
        rest: &'a [u8],
        mut behind_value: impl FnMut(&str, &'a [u8]) -> Option<&'a [u8]>,
    ) -> Option<(Fields<'a>, &'a [u8])> {
        let part = |from: &[u8], behind: &[u8]| text.get(text.len() - from.len()..text.len() - behind.len());
        let mut fields = Vec::with_capacity(FIELDS_ROOM);
        let mut rest = behind(b'{', rest)?;
        loop {
            let (first, inside) = rest.split_first()?;
            match first {
                b'}' => return Some((Fields(fields), inside)),
                b',' => rest = inside.trim_ascii_start(),
                _ => {
                    let (has_escape, behind_name) = behind_text(inside)?;
                    let name = match has_escape {
                        true => Cow::Owned(serde_json::from_str(part(rest, behind_name)?).ok()?),
                        false => Cow::Borrowed(part(inside, behind_name)?.strip_suffix('"')?),
                    };
                    let value = behind(b':', behind_name)?;
                    let behind = behind_value(&name, value)?;
                    fields.push((Name(name), part(value, behind)?));
                    rest = behind.trim_ascii_start();
                }
            }
        }
    }

    /// What stands behind a sign and the spaces around it.
    fn behind(sign: u8, rest: &[u8]) -> Option<&[u8]> {
        let (first, behind) = rest.trim_ascii_start().split_first()?;
        (*first == sign).then(|| behind.trim_ascii_start())
    }

    /// What stands behind the value with which this begins.
    fn behind_value(rest: &[u8]) -> Option<&[u8]> {
        match rest.split_first()? {
            (b'"', inside) => behind_text(inside).map(|(_, behind)| behind),
            (b'{' | b'[', inside) => behind_brackets(inside),
            _ => {
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
                let end = rest.iter().position(ends).unwrap_or(rest.len());
                rest.get(end..)
            }
        }
    }

    /// What stands behind a text whose first quote is behind us, and whether the text has escapes.
    fn behind_text(inside: &[u8]) -> Option<(bool, &[u8])> {
        let mut rest = inside.iter();
        let mut has_escape = false;
        while *rest.find(|byte| matches!(byte, b'"' | b'\\'))? == b'\\' {
            has_escape = true;
            rest.next();
        }
        Some((has_escape, rest.as_slice()))
    }

    /// What stands behind an object or a list whose first bracket is behind us.
    fn behind_brackets(inside: &[u8]) -> Option<&[u8]> {
        let mut depth = 1_usize;
        let mut rest = inside.iter();
        while depth > 0 {
            match rest.find(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'))? {
                b'"' => rest = behind_text(rest.as_slice())?.1.iter(),
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
        }
        Some(rest.as_slice())
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
                while let Some((name, value)) = map.next_entry::<_, &RawValue>()? {
                    fields.push((name, value.get()));
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
    use proptest::prelude::*;
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

    #[track_caller]
    fn check_walk(text: &str) {
        let (read, walked) = (Fields::of(text), Fields::of_read(text));
        assert_eq!(read.is_some(), walked.is_some(), "{text}");
        for (read, walked) in read.iter().zip(&walked) {
            assert_eq!(format!("{read:?}"), format!("{walked:?}"), "{text}");
        }
    }

    #[test]
    fn fields_are_found_in_json_of_every_shape() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":{},"b":[],"c":"","d":-1.5e3,"e":null}"#,
            "{ \"a\" : { \"b\" : [ { } , \"]}\" ] } ,\r\n\t\"c\" : 1 }",
            r#"{"\\":"\\","\"}":"{\"","a\u0062":"\u005c"}"#,
            r#"{"\ud800":1}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":[[[{"b":"\\\""}]]],"a":2}"#,
            r#"{"":{"\ud800":1},"a":{"":2}}"#,
            "[{}]",
            "7",
        ] {
            check_walk(text);
        }
    }

    fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            any::<i64>().prop_map(|number| number.to_string()),
            "-?[1-9][0-9]{0,9}(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?",
            "[\\PC\\n\"\\\\{}\\[\\],:]{0,12}".prop_map(|text| Value::from(text).to_string()),
        ];
        let name = "[a-c\"\\\\{}]{0,3}".prop_map(|name| Value::from(name).to_string());
        leaf.prop_recursive(4, 40, 6, move |inner| {
            let field = (name.clone(), "[ \t\n\r]{0,2}", inner.clone())
                .prop_map(|(name, space, value)| format!("{space}{name}{space}:{space}{value}{space}"));
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(|list| format!("[{}]", list.join(" , "))),
                prop::collection::vec(field, 0..6).prop_map(|fields| format!("{{{}}}", fields.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn fields_are_walked_to_as_a_parser_reads_them(text in any_json()) {
            check_walk(&text);
        }

        #[test]
        fn fields_and_those_of_one_are_the_same_on_one_way_and_on_two(text in any_json(), inner in "[ab]?") {
            let json = Json::parse(&text).unwrap();
            let in_two = json.fields().and_then(|fields| fields.fields(&inner).map(|inner| (fields, inner)));
            prop_assert_eq!(format!("{:?}", json.fields_with(&inner)), format!("{in_two:?}"));
        }
    }
}

//! A form as PHP reads it: brackets make arrays, the last of equal names wins, everything is text.
//!
//! Written from PHP's rules and independent of the writer in `form`, so that the two check each other. What is cut off
//! is cut off silently, as there.

use serde_json::{Map, Value};

/// Variables of one form; further ones are left out.
const VARIABLES_MAX: usize = 1_000;
/// Brackets of one name; a variable with more is left out.
const DEPTH_MAX: usize = 64;

/// The pairs of a form, in their order and as they came, all but the escapes.
#[must_use]
pub fn pairs(form: &[u8]) -> Vec<(String, String)> {
    let parts = form.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    let each = parts.take(VARIABLES_MAX).map(|part| {
        let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        (unescape(&part[..at]), unescape(part.get(at + 1..).unwrap_or_default()))
    });
    each.collect()
}

/// The arrays that pairs make: each a map, whose keys are `0`, `1` and so on where the form names none.
#[must_use]
pub fn arrays(pairs: &[(String, String)]) -> Map<String, Value> {
    let mut root = Map::new();
    for (name, text) in pairs {
        let (top, parts) = split(name);
        if top.is_empty() || parts.len() > DEPTH_MAX {
            continue;
        }
        put(&mut root, &top, &parts, text);
    }
    root
}

/// `+` is a space, `%XX` a byte; a `%` without two digits stays.
fn unescape(text: &[u8]) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (mut bytes, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        match (byte, digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 2;
            }
            (b'+', ..) => bytes.push(b' '),
            (other, ..) => bytes.push(*other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The top of a name and what stands in its brackets. In the top, spaces and points become `_`.
fn split(name: &str) -> (String, Vec<String>) {
    let name = name.trim_start_matches(' ');
    let open = name.find('[').unwrap_or(name.len());
    let top = name[..open].replace([' ', '.'], "_");
    let (mut parts, mut rest) = (Vec::new(), &name[open..]);
    while let Some(inner) = rest.strip_prefix('[') {
        let Some(close) = inner.find(']') else {
            // A bracket that never closes is a letter like any other, written as `_`.
            if parts.is_empty() {
                return (format!("{top}_{inner}"), parts);
            }
            break;
        };
        parts.push(inner[..close].to_owned());
        rest = &inner[close + 1..];
    }
    (top, parts)
}

fn put(array: &mut Map<String, Value>, key: &str, parts: &[String], text: &str) {
    let key = if key.is_empty() { next_index(array) } else { key.to_owned() };
    match parts.split_first() {
        None => {
            array.insert(key, Value::String(text.to_owned()));
        }
        Some((next, rest)) => {
            let inner = array.entry(key).or_insert_with(|| Value::Object(Map::new()));
            // A text in the way gives way.
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                put(inner, next, rest, text);
            }
        }
    }
}

/// The index after the largest one.
fn next_index(array: &Map<String, Value>) -> String {
    let indices = array.keys().filter_map(|key| key.parse::<u64>().ok());
    indices.max().map_or(0, |largest| largest.saturating_add(1)).to_string()
}

/// What PHP's `empty` says of a field: nothing there, no letter, or the text `0`.
pub(crate) fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty() || text == "0",
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: &str, want: &str) {
        let want: Value = serde_json::from_str(want).unwrap();
        assert_eq!(Value::Object(arrays(&pairs(form.as_bytes()))), want, "{form}");
    }

    #[test]
    fn names_are_read_as_php_reads_them() {
        check("a=1&b=2&a=3", r#"{"a":"3","b":"2"}"#);
        check("a[b]=1&a[c]=2", r#"{"a":{"b":"1","c":"2"}}"#);
        check("a%5Bb%5D=1", r#"{"a":{"b":"1"}}"#);
        check("a[]=x&a[]=y", r#"{"a":{"0":"x","1":"y"}}"#);
        check("a[5]=x&a[]=y", r#"{"a":{"5":"x","6":"y"}}"#);
        check("i[0][n]=a&i[1][n]=b&i[0][p]=c", r#"{"i":{"0":{"n":"a","p":"c"},"1":{"n":"b"}}}"#);
        check("a.b=1&c d=2&e[f.g]=3", r#"{"a_b":"1","c_d":"2","e":{"f.g":"3"}}"#);
        check("a=1&a[b]=2", r#"{"a":{"b":"2"}}"#);
        check("a[b=1", r#"{"a_b":"1"}"#);
        check("a&b=&=c", r#"{"a":"","b":""}"#);
        check("", "{}");
    }

    #[test]
    fn escapes_are_bytes() {
        check("n=%D7%93%D7%A0%D7%94+%D7%9C%D7%95%D7%99", r#"{"n":"דנה לוי"}"#);
        check("n=דנה&p=100%25&q=%&r=%zz&s=1%2B1", r#"{"n":"דנה","p":"100%","q":"%","r":"%zz","s":"1+1"}"#);
    }

    #[test]
    fn there_are_limits() {
        let many: Vec<String> = (0..1_200).map(|at| format!("v{at}=1")).collect();
        assert_eq!(arrays(&pairs(many.join("&").as_bytes())).len(), VARIABLES_MAX);
        let deep = format!("a{}=1&b=2", "[x]".repeat(DEPTH_MAX + 1));
        check(&deep, r#"{"b":"2"}"#);
    }

    #[test]
    fn zero_is_empty() {
        let array = arrays(&pairs(b"a=0&b=&c=00&d[e]=1"));
        let empty = |name: &str| is_empty(array.get(name));
        assert!(empty("a") && empty("b") && empty("f") && !empty("c") && !empty("d"));
    }
}

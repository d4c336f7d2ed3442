//! Whether two values are the same for a test, and how they are shown when they are not.

use rhai::{Array, Dynamic, INT, ImmutableString, Map};
use rust_decimal::Decimal;

/// Longest text of a value that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 500;

/// Whether two values are the same. Numbers are compared by their value, `9` and `9.00` are one; everything else by
/// what it is made of.
pub(super) fn equal(a: &Dynamic, b: &Dynamic) -> bool {
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Array>(), b.read_lock::<Array>()) {
        return a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b));
    }
    if let (Some(a), Some(b)) = (a.read_lock::<Map>(), b.read_lock::<Map>()) {
        return a.len() == b.len()
            && a.iter().zip(b.iter()).all(|((a_name, a), (b_name, b))| a_name == b_name && equal(a, b));
    }
    if let (Some(a), Some(b)) = (text(a), text(b)) {
        return a == b;
    }
    match (a.as_bool(), b.as_bool()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a.is_unit() && b.is_unit(),
    }
}

fn number(value: &Dynamic) -> Option<Decimal> {
    let whole = value.as_int().ok().map(|number: INT| Decimal::from(number));
    whole.or_else(|| value.read_lock::<Decimal>().map(|decimal| *decimal))
}

fn text(value: &Dynamic) -> Option<String> {
    let text = value.read_lock::<ImmutableString>().map(|text| text.to_string());
    text.or_else(|| value.as_char().ok().map(String::from))
}

/// A value as a script would write it.
pub(super) fn shown(value: &Dynamic) -> String {
    let text = written(value);
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

fn written(value: &Dynamic) -> String {
    if let Some(items) = value.read_lock::<Array>() {
        let items: Vec<String> = items.iter().map(written).collect();
        return format!("[{}]", items.join(", "));
    }
    if let Some(fields) = value.read_lock::<Map>() {
        let fields: Vec<String> =
            fields.iter().map(|(name, field)| format!("{name}: {}", written(field))).collect();
        return format!("#{{{}}}", fields.join(", "));
    }
    if let Some(text) = text(value) {
        return format!("{text:?}");
    }
    if value.is_unit() { "()".to_owned() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, want: bool) {
        let engine = rhai::Engine::new();
        let value = |text: &str| engine.eval_expression::<Dynamic>(text).unwrap();
        let (a_value, b_value) = (value(a), value(b));
        assert_eq!(equal(&a_value, &b_value), want, "{a} and {b}");
        assert_eq!(equal(&b_value, &a_value), want, "{b} and {a}");
    }

    #[test]
    fn values_are_equal_when_a_person_would_say_so() {
        check("1", "1", true);
        check("1", "2", false);
        check("9", "\"9\"", false);
        check("\"a\"", "\"a\"", true);
        check("'a'", "\"a\"", true);
        check("\"a\"", "\"b\"", false);
        check("true", "true", true);
        check("true", "false", false);
        check("true", "1", false);
        check("()", "()", true);
        check("()", "false", false);
        check("[1, [2]]", "[1, [2]]", true);
        check("[1, 2]", "[1]", false);
        check("#{a: 1, b: [()]}", "#{b: [()], a: 1}", true);
        check("#{a: 1}", "#{a: 1, b: ()}", false);
        check("#{a: 1}", "#{b: 1}", false);
        let (nine, whole) = (Dynamic::from(Decimal::new(900, 2)), Dynamic::from(9 as INT));
        assert!(equal(&nine, &whole));
    }

    #[test]
    fn a_value_is_shown_as_a_script_writes_it_and_not_endlessly() {
        let engine = rhai::Engine::new();
        let value = engine.eval_expression::<Dynamic>(r#"#{b: [1, "x\"y"], a: ()}"#).unwrap();
        assert_eq!(shown(&value), r#"#{a: (), b: [1, "x\"y"]}"#);
        let long = Dynamic::from("ש".repeat(2 * SHOWN_CHARS_MAX));
        assert_eq!(shown(&long).chars().count(), SHOWN_CHARS_MAX + 1);
    }
}

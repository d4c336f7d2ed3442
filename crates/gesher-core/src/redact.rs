//! The one redaction of all sinks: logs, errors, reports, answers to scripts, the journal.
//!
//! Three nets: secrets that the hub knows, by their exact text; fields that hold credentials or card data, by their
//! names in JSON and in URLs; card numbers, by their shape.

use crate::card::{holds_card_number, mask_card_numbers};
use crate::json::Json;
use crate::secret::Secret;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// What stands where a secret was.
pub const REDACTED: &str = "[secret]";
/// Shorter texts are not searched for: they would blank out ordinary words.
const SECRET_BYTES_MIN: usize = 6;

/// Names of fields whose value is never shown, beside those of [`CARD_FIELDS`].
const SECRET_FIELDS: Names = Names::of(&[
    "apikey",
    "apipublickey",
    "password",
    "userpassword",
    "userencryptedpassword",
    "authorization",
]);

/// Names of fields that hold card data.
const CARD_FIELDS: Names =
    Names::of(&["creditcard_number", "creditcard_cvv", "creditcard_track2", "cardnumber", "cvv", "track2"]);

/// How names of fields end that hold a card's security code, in small letters and without what joins words.
const SECURITY_CODE_ENDS: &[&str] = &["cvv", "cvc", "cvv2", "cvc2"];

/// Whole such names that end as many others do.
const SECURITY_CODES: &[&str] = &[
    "cardcsc",
    "cardsecuritycode",
    "cardverificationcode",
    "cardverificationnumber",
    "cardverificationvalue",
    "creditcardsecuritycode",
    "csc",
    "cvccode",
    "cvcnumber",
    "cvn",
    "cvvcode",
    "cvvnumber",
    "securitycode",
];

/// Knows the hub's secrets and takes them out of text and JSON.
#[derive(Default)]
pub struct Redactor {
    secrets: RwLock<Vec<Secret>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// A redactor that knows no secret yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a secret known. Texts too short to be searched for are left to the other two nets.
    pub fn learn(&self, secret: &Secret) {
        if secret.expose().len() < SECRET_BYTES_MIN {
            return;
        }
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        for spelling in spellings(secret.expose()) {
            if !secrets.contains(&spelling) {
                secrets.push(spelling);
            }
        }
    }

    /// Whether `text` holds a secret that is known. Says nothing of cards and of fields by their names.
    #[must_use]
    pub fn holds_secret(&self, text: &str) -> bool {
        self.secrets().iter().any(|secret| text.contains(secret.expose().as_str()))
    }

    /// `text` without secrets, credentials in URLs or JSON, and card numbers.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        clean_text(&self.secrets(), text)
    }

    /// The same of a text that is the caller's own: it is kept where there is nothing to hide.
    #[must_use]
    pub fn own(&self, text: String) -> String {
        let clean = match self.text(&text) {
            Cow::Owned(clean) => Some(clean),
            Cow::Borrowed(_) => None,
        };
        clean.unwrap_or(text)
    }

    /// `value` with each secret field blanked and each string and field name cleaned, in place.
    pub fn json(&self, value: &mut Value) {
        clean_json(&self.secrets(), value);
    }

    /// The same as [`json`](Redactor::json), for JSON in either form: text that has nothing to hide stays text.
    #[must_use]
    pub fn clean(&self, json: Json) -> Json {
        let secrets = self.secrets();
        if json.is_null() || json.as_text().is_some_and(|text| is_clean_json(&secrets, text)) {
            return json;
        }
        let mut tree = json.into_tree();
        clean_json(&secrets, &mut tree);
        tree.into()
    }

    fn secrets(&self) -> RwLockReadGuard<'_, Vec<Secret>> {
        self.secrets.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn clean_text<'a>(secrets: &[Secret], text: &'a str) -> Cow<'a, str> {
    let mut clean = Cow::Borrowed(text);
    for secret in secrets.iter().map(|secret| secret.expose().as_str()) {
        // Most texts are shorter than a secret; then there is nothing to search.
        if clean.len() >= secret.len() && clean.contains(secret) {
            clean = Cow::Owned(clean.replace(secret, REDACTED));
        }
    }
    if let Some(masked) = mask_named_values(&clean) {
        clean = Cow::Owned(masked);
    }
    if holds_card_number(&clean) {
        clean = Cow::Owned(mask_card_numbers(&clean).into_owned());
    }
    clean
}

fn clean_json(secrets: &[Secret], value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = clean_text(secrets, text) {
                *text = clean;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| clean_json(secrets, value)),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if !is_secret_field(name) {
                    clean_json(secrets, field);
                } else if holds_something(field) {
                    *field = Value::String(REDACTED.to_owned());
                }
            }
            if fields.keys().any(|name| matches!(clean_text(secrets, name), Cow::Owned(_))) {
                let named = std::mem::take(fields).into_iter();
                *fields =
                    named.map(|(name, field)| (clean_text(secrets, &name).into_owned(), field)).collect();
            }
        }
        Value::Number(number) => {
            // A card number written as a JSON number is still a card number.
            if holds_card_number(number.as_str()) {
                *value = Value::String(mask_card_numbers(number.as_str()).into_owned());
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// Whether the text of some JSON has surely nothing to hide: what [`clean_json`] would leave as it is. False where only
/// the tree can tell.
fn is_clean_json(secrets: &[Secret], text: &str) -> bool {
    // All over the whole text at once: a card's number need not stand between quotes, what stands nowhere in the text
    // stands in no part of it either, and what is written with escapes says something else than it spells.
    let holds_secret = || secrets.iter().any(|secret| text.contains(secret.expose().as_str()));
    if text.contains('\\') || holds_card_number(text) || holds_secret() {
        return false;
    }
    // Without escapes each quote begins a text or ends one.
    let mut rest = text.as_bytes().iter();
    while rest.any(|byte| *byte == b'"') {
        let open = text.len() - rest.len();
        let matters = |byte: &&u8| **byte == b'"' || names_a_value(**byte);
        let first = rest.find(matters);
        let is_closed = first == Some(&b'"') || rest.any(|byte| *byte == b'"');
        let inside = text.get(open..text.len() - rest.len() - 1).unwrap_or_default();
        let is_hidden = names_something(rest.as_slice()) && is_secret_field(inside);
        let has_sign = first != Some(&b'"');
        if !is_closed || is_hidden || has_sign && mask_named_values(inside).is_some() {
            return false;
        }
    }
    true
}

/// Whether what stands behind a text makes it the name of a value that may say anything. A value that begins with one of
/// the letters of null, true and false is that one.
fn names_something(behind: &[u8]) -> bool {
    let mut signs = behind.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    signs.next() == Some(&b':') && !matches!(signs.next(), Some(b'n' | b't' | b'f'))
}

/// A secret as it is, and as it stands inside JSON that nobody has parsed and inside a URL.
fn spellings(secret: &str) -> Vec<Secret> {
    let never = |_: char| false;
    // Careful writers of JSON, .NET's among them, escape whatever a page could take for markup.
    let careful = |c: char| !c.is_ascii() || "\"&'+<>`".contains(c);
    let mut all = vec![secret.to_owned(), in_json(secret, never, u16_upper)];
    all.extend([in_json(secret, careful, u16_upper), in_json(secret, careful, u16_lower)]);
    all.extend([
        in_url(secret, |byte| format!("%{byte:02X}")),
        in_url(secret, |byte| format!("%{byte:02x}")),
    ]);
    all.sort();
    all.dedup();
    all.into_iter().map(Secret::new).collect()
}

fn u16_upper(unit: u16) -> String {
    format!("\\u{unit:04X}")
}

fn u16_lower(unit: u16) -> String {
    format!("\\u{unit:04x}")
}

/// A text as it stands between the quotes of JSON, by a writer who escapes what it must and these.
fn in_json(text: &str, escapes: fn(char) -> bool, code: fn(u16) -> String) -> String {
    let one = |c: char| match c {
        '\\' => "\\\\".to_owned(),
        c if escapes(c) || c.is_control() => c.encode_utf16(&mut [0; 2]).iter().copied().map(code).collect(),
        '"' => "\\\"".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(one).collect()
}

fn in_url(text: &str, code: fn(u8) -> String) -> String {
    let one = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => code(byte),
    };
    text.bytes().map(one).collect()
}

/// Whether a field of this name is never shown.
#[must_use]
pub fn is_secret_field(name: &str) -> bool {
    SECRET_FIELDS.have(name) || is_card_field(name)
}

/// Whether a field of this name holds a card's number, its security code or its magnetic stripe.
#[must_use]
pub fn is_card_field(name: &str) -> bool {
    CARD_FIELDS.have(name) || is_security_code(name)
}

/// Names of fields, compared without case. Every name of every answer is looked for in each list, and nearly all of them
/// differ from its names in length or in the last letter already.
struct Names {
    names: &'static [&'static str],
    /// The lengths that there are, as bits.
    lengths: u64,
    /// The last letters that there are, as [`letter_bit`]s.
    ends: u32,
}

impl Names {
    const fn of(names: &'static [&'static str]) -> Self {
        let (mut lengths, mut ends, mut at) = (0, 0, 0);
        while at < names.len() {
            let name = names[at].as_bytes();
            lengths |= 1 << name.len();
            ends |= letter_bit(name[name.len() - 1]);
            at += 1;
        }
        Self { names, lengths, ends }
    }

    fn have(&self, name: &str) -> bool {
        let has_length = name.len() < u64::BITS as usize && self.lengths & (1 << name.len()) != 0;
        let has_end = || name.bytes().next_back().is_some_and(|last| self.ends & letter_bit(last) != 0);
        has_length && has_end() && self.names.iter().any(|one| one.eq_ignore_ascii_case(name))
    }
}

/// Whether the value of a secret field may say anything: `"has_cvv": true` is no security code.
#[must_use]
pub fn holds_something(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(_))
}

/// Whether a field of this name holds a card's security code, however its words are joined: `card_cvv`,
/// `Security-Code`, `card[cvc]`. Every name of every answer comes here, so names are read from their ends and in place:
/// most differ in the last letters.
fn is_security_code(name: &str) -> bool {
    let last = name.bytes().next_back().unwrap_or_default();
    if !joins_words(last) && SECURITY_CODE_LETTERS[0] & letter_bit(last) == 0 {
        return false;
    }
    let mut letters = letters_back(name).map(letter_bit);
    let fits = |wanted: u32, letter: Option<u32>| letter.is_some_and(|letter| wanted & letter != 0);
    if !SECURITY_CODE_LETTERS.iter().all(|wanted| fits(*wanted, letters.next())) {
        return false;
    }
    let ends_with = |end: &str| {
        let mut letters = letters_back(name);
        end.bytes().rev().all(|byte| letters.next() == Some(byte))
    };
    let is_whole = |whole: &str| name.len() >= whole.len() && letters_back(name).eq(whole.bytes().rev());
    SECURITY_CODE_ENDS.iter().any(|end| ends_with(end)) || SECURITY_CODES.iter().any(|whole| is_whole(whole))
}

/// Which letters stand last, last but one, and before those, in any name of a security code. None is shorter.
const SECURITY_CODE_LETTERS: [u32; 3] = {
    let mut letters = [0; 3];
    let lists = [SECURITY_CODE_ENDS, SECURITY_CODES];
    let mut list = 0;
    while list < lists.len() {
        let mut name = 0;
        while name < lists[list].len() {
            let bytes = lists[list][name].as_bytes();
            letters[0] |= letter_bit(bytes[bytes.len() - 1]);
            letters[1] |= letter_bit(bytes[bytes.len() - 2]);
            letters[2] |= letter_bit(bytes[bytes.len() - 3]);
            name += 1;
        }
        list += 1;
    }
    letters
};

/// A letter as one bit. Some signs share one, so it tells what is no such letter, and not what is.
const fn letter_bit(letter: u8) -> u32 {
    1 << (letter & 31)
}

/// The letters of a name from its end: small, and without what joins words.
fn letters_back(name: &str) -> impl Iterator<Item = u8> {
    let letters = name.bytes().rev().filter(|byte| !joins_words(*byte));
    letters.map(|byte| byte.to_ascii_lowercase())
}

fn joins_words(byte: u8) -> bool {
    matches!(byte, b'_' | b'-' | b' ' | b'.' | b'[' | b']')
}

/// Whether a sign may stand between a name and its value.
fn names_a_value(sign: u8) -> bool {
    matches!(sign, b'=' | b':')
}

/// Blanks `name=value` (URL queries, form bodies) and `"name":"value"` (JSON as text) of secret fields.
fn mask_named_values(text: &str) -> Option<String> {
    if !text.bytes().any(names_a_value) {
        return None;
    }
    let mut masked = String::new();
    let mut done = 0;
    for (at, sign) in text.match_indices(['=', ':']) {
        if at < done {
            continue;
        }
        let before = text.get(..at)?.trim_end_matches(['"', ' ', '\\']);
        let quoted_name = text.get(before.len()..at)?.contains('"');
        let name_start = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .map_or(0, |found| found + before[found..].chars().next().map_or(1, char::len_utf8));
        let name = before.get(name_start..)?;
        // `APIKey: it is missing` is a sentence about a field; `"APIKey": "…"` and `APIKey=…` are the field itself.
        let is_sentence = sign == ":" && !quoted_name && !name.eq_ignore_ascii_case("authorization");
        if is_sentence || !is_secret_field(name) {
            continue;
        }
        let value_start = at + sign.len();
        let rest = text.get(value_start..)?;
        let lead = rest.len() - rest.trim_start_matches([' ', '"', '\\']).len();
        let value = rest.get(lead..)?;
        let quoted = rest.get(..lead)?.contains('"');
        let length = value.find(|c| ends_value(c, quoted, sign)).unwrap_or(value.len());
        if length == 0 {
            continue;
        }
        masked.push_str(text.get(done..value_start + lead)?);
        masked.push_str(REDACTED);
        done = value_start + lead + length;
    }
    if done == 0 {
        return None;
    }
    masked.push_str(text.get(done..)?);
    Some(masked)
}

/// Whether `c` ends a value: the closing quote of a quoted one, else whatever may follow it in a URL or a log line.
fn ends_value(c: char, quoted: bool, sign: &str) -> bool {
    match c {
        '"' | '\\' | '\n' | '\r' => true,
        '&' | ',' | '}' | '#' => !quoted,
        ' ' => !quoted && sign == "=",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(text: &str, want: &str) {
        let redactor = Redactor::new();
        redactor.learn(&Secret::from("VndKey-canary-1"));
        assert_eq!(redactor.text(text), want);
    }

    #[test]
    fn known_secrets_credentials_and_cards_leave_every_text() {
        check("the key VndKey-canary-1 was refused", "the key [secret] was refused");
        check("GET /x?username=a&password=p4ss%20w&x=1", "GET /x?username=a&password=[secret]&x=1");
        check(r#"{"CompanyID":1,"APIKey":"abc, d"}"#, r#"{"CompanyID":1,"APIKey":"[secret]"}"#);
        check(r#"Authorization: Basic abcdef"#, "Authorization: [secret]");
        check("card 4111111111111111 in a cell", "card [card ****1111] in a cell");
        check("סיסמה password=סודי123", "סיסמה password=[secret]");
        check("nothing to hide: 17 = 17", "nothing to hide: 17 = 17");
        check("CreditCard_CVV: this field is refused", "CreditCard_CVV: this field is refused");
    }

    #[test]
    fn a_security_code_is_known_by_its_name_however_it_is_written() {
        for name in [
            "cvv",
            "CVV2",
            "cvc",
            "card_cvv",
            "cardCvc",
            "cvc2",
            "CVC-2",
            "securityCode",
            "security_code",
            "Card Security Code",
            "card_verification_value",
            "card[cvc]",
            "payment.cvv",
            "csc",
            "cvv_code",
        ] {
            assert!(is_card_field(name) && is_secret_field(name), "{name}");
        }
        for name in [
            "",
            "cv",
            "v",
            "__",
            "vv",
            "cid",
            "code",
            "Code",
            "SecurityCodeRequired",
            "cvc_check",
            "cvv_result",
            "postal_code",
            "social_security_code",
            "verification_code",
            "Number",
            "discsc",
            "track",
            "cvvs",
            "קוד",
        ] {
            assert!(!is_card_field(name) && !is_secret_field(name), "{name}");
        }
        check(r#"{"card":{"cvc":"123"}}"#, r#"{"card":{"cvc":"[secret]"}}"#);
        let mut value = json!({ "cvc": 123, "has_cvv": true, "CVV2": null });
        Redactor::new().json(&mut value);
        assert_eq!(value, json!({ "cvc": "[secret]", "has_cvv": true, "CVV2": null }));
    }

    proptest! {
        #[test]
        fn names_are_found_as_by_comparing_each(
            name in prop_oneof![".{0,70}", "(?i)(cvv|track2|cardnumber|creditcard_(cvv|track2|number))[a-z]?"]
        ) {
            let slowly = CARD_FIELDS.names.iter().any(|one| one.to_lowercase() == name.to_ascii_lowercase());
            prop_assert_eq!(CARD_FIELDS.have(&name), slowly);
        }

        #[test]
        fn a_security_code_is_known_as_by_its_letters_alone(
            name in prop_oneof![".{0,12}", "[cvn2 _.-]{0,8}", "(?i)[a-z_]{0,4}(card|security|_|code|csc|cv[cn]2?){0,4}[\\[\\]. ]?"]
        ) {
            let bare: String = name.chars().filter(|c| !"_- .[]".contains(*c)).collect();
            let bare = bare.to_ascii_lowercase();
            let slowly = SECURITY_CODE_ENDS.iter().any(|end| bare.ends_with(end))
                || SECURITY_CODES.contains(&bare.as_str());
            prop_assert_eq!(is_security_code(&name), slowly);
        }
    }

    #[test]
    fn each_name_of_a_list_is_found_and_its_neighbours_are_not() {
        for names in [SECRET_FIELDS, CARD_FIELDS] {
            for name in names.names {
                assert!(names.have(name) && names.have(&name.to_uppercase()), "{name}");
                assert!(!names.have(&name[1..]) && !names.have(&format!("{name}s")), "{name}");
            }
        }
    }

    #[test]
    fn a_secret_is_known_in_every_spelling_and_also_as_a_name() {
        let redactor = Redactor::new();
        redactor.learn(&Secret::from("a+b/\"ç\\ d"));
        for text in [
            "a+b/\"ç\\ d",
            r#"a+b/\"ç\\ d"#,
            r"a\u002Bb/\u0022\u00E7\\ d",
            r"a\u002bb/\u0022\u00e7\\ d",
            "a%2Bb%2F%22%C3%A7%5C%20d",
            "a%2bb%2f%22%c3%a7%5c%20d",
        ] {
            assert_eq!(redactor.text(&format!("<{text}>")), "<[secret]>");
            assert!(redactor.holds_secret(text) && !redactor.holds_secret(text.get(1..).unwrap()), "{text}");
        }
        assert!(!redactor.holds_secret("4111111111111111 password=x"));
        let mut named = json!({ "x": 1, "4111111111111111": { "a+b/\"ç\\ d": 2 } });
        redactor.json(&mut named);
        assert_eq!(named, json!({ "x": 1, "[card ****1111]": { "[secret]": 2 } }));
    }

    #[test]
    fn json_that_is_text_is_cleaned_as_its_tree_is_and_stays_text_where_nothing_hides() {
        let redactor = Redactor::new();
        redactor.learn(&Secret::from("VndKey-canary-1"));
        for (text, is_clean) in [
            (
                r#"{"ID":9000000001,"Name":"קערה כחולה","Paid":true,"At":"2026-03-01T10:00:00","none":null}"#,
                true,
            ),
            (r#"[ "a", {"b" : ["APIKey"]}, -12.50 ]"#, true),
            (r#""APIKey""#, true),
            (r#"{"x":"say \"hello\""}"#, false),
            (r#"{"APIKey" : "k"}"#, false),
            (r#"{"a":{"apikey":7}}"#, false),
            (r#"{"a":{"securityCode":"7"},"has_cvv":true}"#, false),
            (r#"{"a":{"CreditCard_CVV":null,"Password" :  false,"apikey": true},"has_cvv":null}"#, true),
            (r#"{"a":{"CreditCard_CVV":[null],"Password":{}}}"#, false),
            (r#"{"APIKey":"null"}"#, false),
            (r#"{"note":"key VndKey-canary-1."}"#, false),
            (r#"{"VndKey-canary-1":1}"#, false),
            (r#"{"a":{"cvv":"123","cvv":null}}"#, false),
            (r#"{"card":{"cvc":"123"},"card":"tok-7"}"#, false),
            (r#"{"a":1,"a":2}"#, true),
            (r#"{"VndKey\u002dcanary-1":1}"#, false),
            (r#"{"url":"/x?password=abc"}"#, false),
            (r#"{"n":4111111111111111}"#, false),
            (r#"{"n":"4111 1111 1111 1111"}"#, false),
        ] {
            let json = Json::parse(text).unwrap();
            let clean = redactor.clean(json.clone());
            let mut tree = json.into_tree();
            redactor.json(&mut tree);
            assert_eq!(clean, tree, "{text}");
            assert_eq!(clean.as_text().is_some(), is_clean, "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_is_cleaned_alike_in_either_form(
            parts in prop::collection::vec(prop_oneof![
                Just(r#""APIKey""#), Just(r#""a""#), Just(":"), Just(","), Just("{"), Just("}"), Just("["), Just("]"),
                Just("4111111111111111"), Just(r#""VndKey-canary-1""#), Just(r#""x password=k""#), Just(" "),
                Just(r#""\u0041PIKey""#), Just(r#""Authorization: Basic k""#), Just("null"), Just("true"),
            ], 1..24)
        ) {
            let redactor = Redactor::new();
            redactor.learn(&Secret::from("VndKey-canary-1"));
            if let Some(json) = Json::parse(&parts.concat()) {
                let mut tree = json.tree().clone();
                redactor.json(&mut tree);
                prop_assert_eq!(redactor.clean(json), tree);
            }
        }
    }

    #[test]
    fn secret_fields_of_json_are_blanked_at_any_depth() {
        let redactor = Redactor::new();
        let mut value = json!({
            "Credentials": {"CompanyID": 7, "APIKey": "k"},
            "list": [{"UserPassword": "p"}, {"note": "4242424242424242"}, {"n": 4_111_111_111_111_111_u64}],
            "CreditCard_CVV": null,
        });
        redactor.json(&mut value);
        assert_eq!(
            value,
            json!({
                "Credentials": {"CompanyID": 7, "APIKey": "[secret]"},
                "list": [{"UserPassword": "[secret]"}, {"note": "[card ****4242]"}, {"n": "[card ****1111]"}],
                "CreditCard_CVV": null,
            })
        );
    }
}

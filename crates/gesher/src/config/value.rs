//! The kinds of value that a setting can have: how each is written in TOML, and how it is read.

use gesher_core::Money;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

/// A duration that nobody means: longer ones are refused.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The name of a secret, as `{ secret = "name" }` writes it. The value is never in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretName(pub String);

/// How a setting is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text that is not empty.
    Text,
    /// One of a few words.
    Word(&'static [&'static str]),
    /// Several texts.
    Texts,
    /// `true` or `false`.
    Flag,
    /// A whole number between two others.
    Whole(i64, i64),
    /// `"2s"`.
    Duration,
    /// `"20/s"`.
    Rate,
    /// `"5000.00 ILS"`.
    Money,
    /// `{ secret = "name" }`.
    Secret,
    /// `[{ secret = "name" }]`.
    Secrets,
    /// An address to listen on: `"127.0.0.1:7878"`.
    Listen,
    /// A provider's address, or `"simulator"`.
    BaseUrl,
    /// The name of a time zone.
    TimeZone,
    /// `["order_id"]` or `"line"`.
    RowKey,
    /// A whole number, or one of a few words.
    WholeOr(i64, i64, &'static [&'static str]),
}

/// A value as read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text or a word.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// A flag.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// A duration.
    Duration(Duration),
    /// So many a second.
    PerSecond(u32),
    /// A sum.
    Money(Money),
    /// Names of secrets.
    Secrets(Vec<SecretName>),
}

/// Why a value cannot be read: what is wrong, and how to mend it.
#[derive(Debug, PartialEq, Eq)]
pub struct BadValue {
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

fn bad<T>(what: impl Into<String>, mend: impl Into<String>) -> Result<T, BadValue> {
    Err(BadValue { what: what.into(), mend: mend.into() })
}

impl Kind {
    /// How it is written, for people.
    pub fn expected(self) -> String {
        match self {
            Self::Text => "a text in quotes".to_owned(),
            Self::Word(words) => format!("one of {}", quoted(words)),
            Self::Texts => "a list of texts, such as [\"one\", \"two\"]".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Self::Duration => "a duration, such as \"300ms\", \"2s\", \"5m\", \"1h\" or \"1d\"".to_owned(),
            Self::Rate => "a rate, such as \"20/s\"".to_owned(),
            Self::Money => "a sum of money, such as \"5000.00 ILS\"".to_owned(),
            Self::Secret => "{ secret = \"name\" }".to_owned(),
            Self::Secrets => "a list of secrets, such as [{ secret = \"name\" }]".to_owned(),
            Self::Listen => "an address and a port, such as \"127.0.0.1:7878\"".to_owned(),
            Self::BaseUrl => "an https:// address, or \"simulator\"".to_owned(),
            Self::TimeZone => "a time zone, such as \"Asia/Jerusalem\"".to_owned(),
            Self::RowKey => "a list of columns, such as [\"order_id\"], or \"line\"".to_owned(),
            Self::WholeOr(least, most, words) => {
                format!("a whole number from {least} to {most}, or one of {}", quoted(words))
            }
        }
    }

    /// Reads a value of this kind.
    pub fn read(self, value: &DeValue<'_>) -> Result<Value, BadValue> {
        match (self, value) {
            (Self::Flag, DeValue::Boolean(flag)) => Ok(Value::Flag(*flag)),
            (Self::Whole(least, most) | Self::WholeOr(least, most, _), DeValue::Integer(_)) => {
                whole(value, least, most)
                    .map_or_else(|| self.refuse(value), |number| Ok(Value::Whole(number)))
            }
            (Self::Texts | Self::RowKey, DeValue::Array(entries)) => self.texts(entries),
            (Self::Secrets, DeValue::Array(entries)) => entries
                .iter()
                .map(|entry| secret(entry.get_ref()))
                .collect::<Result<_, _>>()
                .map(Value::Secrets),
            (Self::Secret | Self::Secrets, _) => Ok(Value::Secrets(vec![secret(value)?])),
            (_, DeValue::String(text)) => self.text(text, value),
            _ => self.refuse(value),
        }
    }

    fn refuse<T>(self, found: &DeValue<'_>) -> Result<T, BadValue> {
        bad(format!("{} does not fit here", named(found)), format!("write {}", self.expected()))
    }

    fn texts(self, entries: &[Spanned<DeValue<'_>>]) -> Result<Value, BadValue> {
        let mut texts: Vec<String> = Vec::new();
        for entry in entries {
            match entry.get_ref() {
                DeValue::String(text) if texts.iter().any(|known| *known == **text) => {
                    return bad(format!("\"{text}\" stands here twice"), "take one of them out");
                }
                DeValue::String(text) if !text.trim().is_empty() => texts.push(text.clone().into_owned()),
                other => return self.refuse(other),
            }
        }
        if self == Self::RowKey && texts.is_empty() {
            return bad("a row key needs at least one column", format!("write {}", self.expected()));
        }
        Ok(Value::Texts(texts))
    }

    fn text(self, text: &str, value: &DeValue<'_>) -> Result<Value, BadValue> {
        let kept = || Ok(Value::Text(text.to_owned()));
        match self {
            Self::Text if !text.trim().is_empty() => kept(),
            Self::Word(words) | Self::WholeOr(_, _, words) if words.contains(&text) => kept(),
            Self::Word(words) => bad(
                format!("\"{text}\" is not known here{}", did_you_mean(text, words.iter().copied())),
                format!("write {}", self.expected()),
            ),
            Self::Duration => duration(text)
                .filter(|duration| *duration <= DURATION_MAX)
                .map_or_else(|| self.refuse(value), |duration| Ok(Value::Duration(duration))),
            Self::Rate => rate(text).map_or_else(|| self.refuse(value), |rate| Ok(Value::PerSecond(rate))),
            Self::Money => match text.parse::<Money>() {
                Ok(money) => Ok(Value::Money(money)),
                Err(error) => bad(error.to_string(), format!("write {}", self.expected())),
            },
            Self::Listen if text.parse::<std::net::SocketAddr>().is_ok() => kept(),
            Self::BaseUrl if text == super::SIMULATOR => kept(),
            Self::BaseUrl => match gesher_provider::BaseUrl::parse(text) {
                Ok(_) => kept(),
                Err(error) => bad(error.to_string(), format!("write {}", self.expected())),
            },
            Self::TimeZone => match jiff::tz::TimeZone::get(text) {
                Ok(_) => kept(),
                Err(_) => bad(
                    format!("this machine knows no time zone \"{text}\""),
                    format!("write {}, or install the package tzdata", self.expected()),
                ),
            },
            Self::RowKey if text == "line" => kept(),
            Self::RowKey => bad(
                format!("\"{text}\" is no list of columns"),
                format!("write [\"{text}\"] for the column of that name"),
            ),
            _ => self.refuse(value),
        }
    }
}

/// `; did you mean …?`, or nothing.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    gesher_core::names::nearest(name, known)
        .map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// What was found, with its value only where it is short and harmless.
fn named(found: &DeValue<'_>) -> String {
    match found {
        DeValue::String(text) if text.trim().is_empty() => "an empty text".to_owned(),
        DeValue::String(text) if text.chars().count() <= 60 => format!("\"{text}\""),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::String(_) => "this text".to_owned(),
        DeValue::Float(_) => "a number with a point".to_owned(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn whole(value: &DeValue<'_>, least: i64, most: i64) -> Option<i64> {
    let integer = value.as_integer()?;
    let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    (least..=most).contains(&number).then_some(number)
}

/// A duration above zero, in one unit.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok().filter(|number| *number > 0)?;
    let seconds = match &text[digits..] {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn rate(text: &str) -> Option<u32> {
    text.strip_suffix("/s")?.parse().ok().filter(|rate| *rate > 0)
}

/// Whether `name` can name a secret: letters, digits, `.`, `_`, `-` and `/`, beginning with a letter or digit.
pub fn is_secret_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    name.len() <= 128
        && name.bytes().all(fits)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

/// Never repeats what it found: whoever writes a secret into the file shall not see it in a log as well.
fn secret(value: &DeValue<'_>) -> Result<SecretName, BadValue> {
    let mend = "write { secret = \"name\" } here and store the value with `gesher secrets set name`";
    let Some(table) = value.as_table() else {
        return bad("a secret must not stand in this file", mend);
    };
    let mut entries = table.iter();
    match (entries.next(), entries.next()) {
        (Some((key, name)), None) if key.get_ref() == "secret" => match name.get_ref().as_str() {
            Some(name) if is_secret_name(name) => Ok(SecretName(name.to_owned())),
            _ => bad(
                "this is no name of a secret",
                "a name is letters, digits, `.`, `_`, `-` and `/`, such as \"officeguy.api_key\"",
            ),
        },
        _ => bad("only `secret` stands in here", mend),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_unit() {
        for (text, millis) in [
            ("300ms", Some(300)),
            ("2s", Some(2_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("1d", Some(86_400_000)),
            ("0s", None),
            ("", None),
            ("5", None),
            ("s", None),
            ("5 s", None),
            ("1.5s", None),
            ("-5s", None),
            ("1h30m", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn a_rate_is_so_many_a_second() {
        for (text, want) in [("20/s", Some(20)), ("0/s", None), ("20", None), ("20/m", None), ("-1/s", None)]
        {
            assert_eq!(rate(text), want, "{text:?}");
        }
    }

    #[test]
    fn a_secret_has_a_plain_name() {
        for name in ["officeguy.api_key", "a", "hooks/onboard-2"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["", ".a", "a b", "שם", "a\nb", "-x"] {
            assert!(!is_secret_name(name), "{name:?}");
        }
    }
}

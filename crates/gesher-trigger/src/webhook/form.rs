//! Forms and queries, decoded strictly: what is not UTF-8 is refused and never replaced by a mark of its own.

use super::limits::FORM_FIELDS_MAX;

/// What a form's content type is.
const FORM: &str = "application/x-www-form-urlencoded";
/// What content types of bodies with parts begin with.
const PARTS: &str = "multipart/";

/// A form or a query cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormFault {
    /// Not UTF-8 once it is decoded.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// More fields than anybody needs.
    #[error("it has more than {FORM_FIELDS_MAX} fields")]
    TooMany,
}

/// Whether a content type says that the body is a form.
#[must_use]
pub fn is_form(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM))
}

/// Whether a content type says that the body has parts of several kinds, as forms with files do.
#[must_use]
pub fn is_of_parts(content_type: &str) -> bool {
    content_type.trim_start().get(..PARTS.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(PARTS))
}

/// The fields in their order. A name without `=` has an empty value.
pub fn fields(text: &str) -> Result<Vec<(String, String)>, FormFault> {
    let pairs: Vec<&str> =
        text.split('&').filter(|pair| !pair.is_empty()).take(FORM_FIELDS_MAX + 1).collect();
    if pairs.len() > FORM_FIELDS_MAX {
        return Err(FormFault::TooMany);
    }
    let pair = |pair: &&str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(name, true)?, decoded(value, true)?))
    };
    pairs.iter().map(pair).collect::<Option<_>>().ok_or(FormFault::NotUtf8)
}

/// A text without its `%41`; in forms a `+` is a space. None where the bytes are not UTF-8. A `%` that begins nothing
/// stands for itself.
#[must_use]
pub fn decoded(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code =
            after.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let is_code = after.first().is_some_and(u8::is_ascii_hexdigit);
        rest = match (byte, code) {
            (b'%', Some(code)) if is_code => {
                bytes.push(code);
                &after[2..]
            }
            (b'+', _) if plus_is_space => {
                bytes.push(b' ');
                after
            }
            _ => {
                bytes.push(*byte);
                after
            }
        };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_form_is_read_as_it_was_written() {
        let check = |text: &str, want: Result<&[(&str, &str)], FormFault>| {
            let want = want.map(|pairs| {
                pairs
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect::<Vec<_>>()
            });
            assert_eq!(fields(text), want, "{text}");
        };
        check("", Ok(&[]));
        check("a=1&b=&c&&d=x%3Dy", Ok(&[("a", "1"), ("b", ""), ("c", ""), ("d", "x=y")]));
        check("a=1+2&a=%D7%93", Ok(&[("a", "1 2"), ("a", "ד")]));
        check("a=100%&b=%zz&c=%4", Ok(&[("a", "100%"), ("b", "%zz"), ("c", "%4")]));
        check("a=%+1", Ok(&[("a", "% 1")]));
        check("a=%F9", Err(FormFault::NotUtf8));
        check(&vec!["a=1"; FORM_FIELDS_MAX + 1].join("&"), Err(FormFault::TooMany));
        assert_eq!(decoded("a+b%20c", false).as_deref(), Some("a+b c"));
    }

    #[test]
    fn a_form_is_told_by_its_content_type() {
        for (text, want) in [
            ("application/x-www-form-urlencoded", true),
            ("Application/X-WWW-Form-Urlencoded; charset=utf-8", true),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_form(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_comes_back(pairs in prop::collection::vec(("[^\u{0}]{1,12}", ".{0,12}"), 0..8)) {
            let code = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
            let text: Vec<String> = pairs.iter().map(|(name, value)| format!("{}={}", code(name), code(value))).collect();
            prop_assert_eq!(fields(&text.join("&")), Ok(pairs));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            drop((fields(&text), decoded(&text, false)));
        }
    }
}

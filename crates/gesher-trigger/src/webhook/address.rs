//! Which webhook an address is of, and the words in it that may be a token. Those go no further: neither into the log nor
//! to the script.

use super::form::{FormFault, decoded, fields};

/// The query's name of a token.
const TOKEN: &str = "token";
/// Length of a path, in bytes.
const PATH_BYTES_MAX: usize = 200;

/// A query without its token, and the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The other fields, in their order.
    pub fields: Vec<(String, String)>,
    /// What was given as a token.
    pub tokens: Vec<String>,
}

/// Reads a query. `takes_token` says whether its `token` is one.
pub fn query(text: Option<&str>, takes_token: bool) -> Result<Query, FormFault> {
    let (tokens, rest) = fields(text.unwrap_or_default())?
        .into_iter()
        .partition::<Vec<_>, _>(|(name, _)| takes_token && name == TOKEN);
    Ok(Query { fields: rest, tokens: tokens.into_iter().map(|(_, word)| word).collect() })
}

/// The path without its last part, and that part decoded: where a token may stand.
#[must_use]
pub fn split_token(path: &str) -> Option<(&str, String)> {
    let (base, word) = path.rsplit_once('/')?;
    let word = decoded(word, false)?;
    (!word.is_empty()).then_some((base, word))
}

/// What keeps a path from being a webhook's, if anything.
#[must_use]
pub fn path_fault(path: &str) -> Option<&'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let mut parts = path.split('/').skip(1);
    if !path.starts_with('/') {
        Some("it does not begin with `/`")
    } else if path == "/" {
        Some("it has nothing behind its `/`")
    } else if path.len() > PATH_BYTES_MAX {
        Some("it is longer than 200 bytes")
    } else if !path.bytes().all(is_plain) {
        Some("it holds more than letters, digits, `/`, `-`, `.`, `_` and `~`")
    } else if parts.any(|part| part.is_empty() || part == "." || part == "..") {
        Some("it has an empty part, `.` or `..` in it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leaves_the_query() {
        let check = |text: &str, takes: bool, fields: &[(&str, &str)], tokens: &[&str]| {
            let found = query(Some(text), takes).unwrap();
            let shown: Vec<(&str, &str)> =
                found.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(
                (shown.as_slice(), found.tokens.as_slice()),
                (fields, &tokens.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()[..]),
                "{text}"
            );
        };
        check("a=1&token=x%2By", true, &[("a", "1")], &["x+y"]);
        check("token=x&token=y", true, &[], &["x", "y"]);
        check("token=x", false, &[("token", "x")], &[]);
        check("", true, &[], &[]);
        assert_eq!(query(Some("a=%ff"), true), Err(FormFault::NotUtf8));
    }

    #[test]
    fn a_token_is_the_last_part_of_a_path() {
        let check = |path: &str, want: Option<(&str, &str)>| {
            let found = split_token(path);
            assert_eq!(found.as_ref().map(|(base, word)| (*base, word.as_str())), want, "{path}");
        };
        check("/hooks/x/7f3a", Some(("/hooks/x", "7f3a")));
        check("/hooks/x/a%2Fb", Some(("/hooks/x", "a/b")));
        check("/hooks/x/", None);
        check("/hooks/x/%ff", None);
        check("hooks", None);
    }

    #[test]
    fn a_path_is_plain() {
        for (path, good) in [
            ("/hooks/onboard", true),
            ("/h", true),
            ("/a.b/c-d_e~f", true),
            ("hooks", false),
            ("/", false),
            ("/hooks/", false),
            ("//hooks", false),
            ("/a/../b", false),
            ("/a?b", false),
            ("/a#b", false),
            ("/a b", false),
            ("/%41", false),
            ("/הזמנות", false),
        ] {
            assert_eq!(path_fault(path).is_none(), good, "{path}");
        }
        assert!(path_fault(&format!("/{}", "a".repeat(200))).is_some());
    }
}

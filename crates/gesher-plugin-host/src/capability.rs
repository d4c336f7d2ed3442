//! What a plugin may use: the entries of `[plugin.x] allow`.

use gesher_core::Descriptor;
use std::fmt;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capability {
    /// `http:host` or `http:host:port`: the hub's guarded client, to that host. What an entry stands for is what it
    /// stands for in the `http` of a flow, and whoever has the client reads it.
    Http(String),
    /// `secret:name`: that secret.
    Secret(String),
    /// `provider.operation`, or `provider.*`: that operation, as a step of the calling item.
    Operation(String),
}

/// A text is no capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names nothing that a plugin can use")]
pub struct CapabilityFault(pub String);

impl Capability {
    /// Reads one entry.
    pub fn parse(text: &str) -> Result<Self, CapabilityFault> {
        let fault = || CapabilityFault(text.to_owned());
        let is_host = |host: &str| {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'@' | b'?' | b'#'))
        };
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if let Some(host) = text.strip_prefix("http:") {
            return if is_host(host) { Ok(Self::Http(host.to_owned())) } else { Err(fault()) };
        }
        if let Some(name) = text.strip_prefix("secret:") {
            return if name.trim().is_empty() { Err(fault()) } else { Ok(Self::Secret(name.to_owned())) };
        }
        match text.split_once('.') {
            Some((provider, name)) if is_word(provider) && (name == "*" || is_word(name)) => {
                Ok(Self::Operation(text.to_owned()))
            }
            _ => Err(fault()),
        }
    }

    /// Whether it covers an operation.
    #[must_use]
    pub fn covers(&self, provider: &str, word: &str) -> bool {
        let Self::Operation(own) = self else { return false };
        own.split_once('.').is_some_and(|(of, name)| of == provider && (name == "*" || name == word))
    }

    /// Whether any operation is covered by it.
    #[must_use]
    pub fn names_any(&self, operations: &[Descriptor]) -> bool {
        operations.iter().any(|operation| self.covers(operation.provider, operation.word()))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(host) => write!(f, "http:{host}"),
            Self::Secret(name) => write!(f, "secret:{name}"),
            Self::Operation(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_reads_and_others_do_not() {
        for text in
            ["http:api.example.com", "http:127.0.0.1:8080", "secret:smtp.url", "officeguy.charge", "a.*"]
        {
            assert_eq!(Capability::parse(text).map(|read| read.to_string()), Ok(text.to_owned()));
        }
        for text in
            ["", "http:", "http:a/b", "secret:", "officeguy", "*", "*.charge", "a.b.c", "Office.charge"]
        {
            assert_eq!(Capability::parse(text), Err(CapabilityFault(text.to_owned())));
        }
    }

    #[test]
    fn an_operation_is_covered_by_its_name_or_its_provider() {
        let covers =
            |text: &str| Capability::parse(text).is_ok_and(|read| read.covers("officeguy", "charge"));
        assert!(covers("officeguy.charge") && covers("officeguy.*"));
        assert!(!covers("officeguy.refund") && !covers("senzey.*") && !covers("secret:officeguy.charge"));
    }
}

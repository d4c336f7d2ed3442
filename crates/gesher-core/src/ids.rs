//! The ids that people and the journal call things by.
//!
//! Run ids are short enough to type: seven letters and digits without the ones that look alike. The journal
//! refuses one that is taken, and its caller draws again.

use crate::key::clean_cell;
use crate::language::Text;
use crate::operation::MARKETPLACE;
use crate::outcome::Rejection;
use crate::secret::Secret;
use crate::time::{NoRandomness, random_bytes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Letters of a run id: no `i l o u`, no `0 1`, so that it survives a telephone.
const ALPHABET: &[u8; 30] = b"abcdefghjkmnpqrstvwxyz23456789";
/// Characters of a run id: 30^7 is about 22 thousand million.
const RUN_ID_CHARACTERS: usize = 7;

/// A text is not an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is no {kind}; {shape}")]
pub struct IdError {
    text: String,
    kind: &'static str,
    shape: &'static str,
}

/// One firing of a flow.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// A new random id.
    pub fn random() -> Result<Self, NoRandomness> {
        Ok(Self(random_letters(RUN_ID_CHARACTERS)?))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn random_letters(count: usize) -> Result<String, NoRandomness> {
    let mut text = String::with_capacity(count);
    let mut byte = [0_u8];
    while text.len() < count {
        random_bytes(&mut byte)?;
        // 240 is the largest multiple of 30 in a byte: above it some letters would be likelier than others.
        if let Some(letter) = ALPHABET.get(usize::from(byte[0] % 30)).filter(|_| byte[0] < 240) {
            text.push(char::from(*letter));
        }
    }
    Ok(text)
}

impl FromStr for RunId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let lower = text.trim().to_ascii_lowercase();
        if lower.len() == RUN_ID_CHARACTERS && lower.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Ok(Self(lower));
        }
        Err(IdError { text: text.to_owned(), kind: "run id", shape: "one looks like k7mq2xd" })
    }
}

impl TryFrom<String> for RunId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One item of a run: `k7mq2xd.12`, counted from 1. Zero is the run's `on_finish`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ItemId {
    /// The run.
    pub run: RunId,
    /// Position in the run, from 1; [`ItemId::FINISH`] is `on_finish`.
    pub ordinal: u64,
}

impl ItemId {
    /// The ordinal of the item that `on_finish` is.
    pub const FINISH: u64 = 0;
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.run.as_str(), self.ordinal)
    }
}

impl FromStr for ItemId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError { text: text.to_owned(), kind: "row id", shape: "one looks like k7mq2xd.12" };
        let (run, ordinal) = text.trim().split_once('.').ok_or_else(wrong)?;
        Ok(Self { run: run.parse().map_err(|_| wrong())?, ordinal: ordinal.parse().map_err(|_| wrong())? })
    }
}

/// One step of an item: `k7mq2xd.12.1`, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepId {
    /// The item.
    pub item: ItemId,
    /// Position in the item, from 1.
    pub position: u32,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece, and not by way of its item: each step of each row is written several times.
        let ItemId { run, ordinal } = &self.item;
        write!(f, "{}.{ordinal}.{}", run.as_str(), self.position)
    }
}

impl FromStr for StepId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong =
            || IdError { text: text.to_owned(), kind: "step id", shape: "one looks like k7mq2xd.12.1" };
        let mut parts = text.trim().split('.');
        let (Some(run), Some(ordinal), Some(position), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        Ok(Self {
            item: ItemId {
                run: run.parse().map_err(|_| wrong())?,
                ordinal: ordinal.parse().map_err(|_| wrong())?,
            },
            position: position.parse().map_err(|_| wrong())?,
        })
    }
}

/// The hub itself: who owns a drop folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubId(String);

impl HubId {
    /// A new random id.
    pub fn random() -> Result<Self, NoRandomness> {
        Ok(Self(random_letters(16)?))
    }

    /// An id that was stored before.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A vendor's handle: how scripts and people call it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VendorHandle(String);

impl VendorHandle {
    /// The handle as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name under which the vendor's keys at `provider` lie in the vault.
    #[must_use]
    pub fn vault_name(&self, provider: &str) -> String {
        format!("vendor/{}/{provider}", self.0)
    }
}

impl fmt::Display for VendorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for VendorHandle {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let cleaned = clean_cell(text);
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if !cleaned.is_empty() && cleaned.len() <= 64 && cleaned.bytes().all(fits) && cleaned != MARKETPLACE {
            return Ok(Self(cleaned));
        }
        Err(Rejection::new(
            "bad_vendor",
            Text::new(
                format!("„{cleaned}” אינו שם ספק: מותר אותיות אנגליות קטנות, ספרות, נקודה, מקף וקו תחתון"),
                format!(
                    "`{cleaned}` is no vendor handle: small letters a-z, digits, `.`, `-` and `_`, at most 64"
                ),
            ),
        ))
    }
}

/// What an operation's success means in the life of the vendor that *who* names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VendorRole {
    /// Nothing, unless it moves money with the vendor's own account: that proves that the vendor can.
    #[default]
    None,
    /// It opens the vendor's account, whose id is the outcome's reference.
    Opens,
    /// It asks for the vendor's terminal, which people approve later.
    AsksForTerminal,
}

/// Provider address and account: what a journal belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The provider.
    pub provider: &'static str,
    /// Its address.
    pub address: String,
    /// The marketplace's account there.
    pub account: String,
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} account {} at {}", self.provider, self.account, self.address)
    }
}

/// The number that the state gave a business, as businesses are compared by it: without blanks, dashes and leading
/// zeros, since people write it with and without. None where it names no business.
#[must_use]
pub fn business_number(text: &str) -> Option<String> {
    let letters: String = clean_cell(text).chars().filter(|letter| letter.is_alphanumeric()).collect();
    let number = letters.trim_start_matches('0').to_lowercase();
    (!number.is_empty()).then_some(number)
}

/// Whose account sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The account that *who* names.
    Who,
    /// The marketplace's own, on behalf of the vendor that *who* names.
    Marketplace,
    /// The only one there is: the provider knows no vendors, and a call names no *who*.
    Only,
}

impl Sender {
    /// Whether a call says for whom it is.
    #[must_use]
    pub const fn takes_who(self) -> bool {
        !matches!(self, Self::Only)
    }
}

/// One set of credentials at a provider.
#[derive(Clone, Debug)]
pub struct Account {
    /// The provider's public id of it, such as the CompanyID. Keys belong to it.
    pub id: String,
    /// Its secrets by name.
    pub secrets: BTreeMap<&'static str, Secret>,
}

/// What a request reaches that no table of operations can name: a host of the caller's choosing, and secrets. The flow
/// lists both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Scheme, host and port, in one spelling: `https://api.example.com:443`.
    pub origin: String,
    /// The names of the secrets that are put into it when it is sent, each once.
    pub secrets: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_business_has_one_number_however_it_is_written() {
        for (text, want) in [
            ("300000007", Some("300000007")),
            (" 30-000000-7\u{200f}", Some("300000007")),
            ("000000018", Some("18")),
            ("18", Some("18")),
            ("IL 300", Some("il300")),
            ("000000000", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(business_number(text).as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn a_run_id_reads_back_and_forgives_capitals() {
        let id = RunId::random().unwrap();
        assert_eq!(id.to_string().parse::<RunId>().unwrap(), id);
        assert_eq!(id.to_string().to_uppercase().parse::<RunId>().unwrap(), id);
    }

    #[test]
    fn what_is_no_id_says_what_one_looks_like() {
        for text in ["", "short", "k7mq2x0", "k7mq2xdd", "דוגמה"] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
        assert!("k7mq2xd.1".parse::<StepId>().is_err());
        assert_eq!("k7mq2xd.12.1".parse::<StepId>().unwrap().to_string(), "k7mq2xd.12.1");
    }
}

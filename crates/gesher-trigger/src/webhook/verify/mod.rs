//! Whether a delivery comes from where it says: pure functions over the raw bytes that came, with comparisons that take
//! the same time wherever two texts differ.
//!
//! What is refused is refused with its reason, which is for the log and for `gesher hooks verify`; a sender whom nobody
//! knows hears nothing of it. Reading the request, and what an id means, is for others.

mod diagnose;
mod secrets;
mod signing;

pub use diagnose::{Hint, diagnose};
pub use secrets::SecretFault;
pub use signing::sign_standard;

use super::config::{
    Encoding, STRIPE_SIGNATURE, Scheme, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, X_HUB_SIGNATURE_256,
};
use super::encoding::{decode, from_base64, from_hex, same};
use super::limits::{SIGNATURES_MAX, TOLERANCE_SECONDS};
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName};
use jiff::Timestamp;
use ring::hmac;
use secrets::Key;

/// What GitHub writes before its signature.
const GITHUB_PREFIX: &str = "sha256=";
/// Digits of a time: more are none that anybody means.
const TIME_DIGITS_MAX: usize = 18;

/// What of a request its proof is about.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The words in the address, behind the path and in the query's `token`.
    pub tokens: &'a [String],
    /// The body, byte for byte. Left empty for a scheme that does not sign it.
    pub body: &'a [u8],
}

/// A delivery that proves where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The name of the secret that it was proved with.
    pub secret: Option<String>,
    /// The id that the scheme signs.
    pub id: Option<String>,
    /// The time that the scheme signs, in seconds since 1970.
    pub at: Option<i64>,
}

/// Why a delivery proves nothing. Holds no secret and no signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header that the proof needs.
    #[error("the header {0} is missing")]
    Missing(HeaderName),
    /// A header of the proof that comes more than once: nobody knows which is meant.
    #[error("the header {0} comes more than once")]
    Twice(HeaderName),
    /// A header of the proof that is not written as its scheme says.
    #[error("the header {header} is not written as {expected}")]
    Malformed {
        /// The header.
        header: HeaderName,
        /// How it should be.
        expected: &'static str,
    },
    /// The id is one that could be taken for an id and a time.
    #[error(
        "the id in {WEBHOOK_ID} holds a full stop with digits behind it, which could be taken for its time"
    )]
    AmbiguousId,
    /// The signed time is too long ago.
    #[error("the signed time is {seconds} seconds ago, and at most {TOLERANCE_SECONDS} are allowed")]
    Old {
        /// By how much.
        seconds: u64,
    },
    /// The signed time is too far ahead.
    #[error("the signed time is {seconds} seconds ahead, and at most {TOLERANCE_SECONDS} are allowed")]
    Ahead {
        /// By how much.
        seconds: u64,
    },
    /// No signature of the kind that is understood.
    #[error("the header {header} holds no signature of the kind {kind}")]
    NoSignature {
        /// The header.
        header: HeaderName,
        /// The kind.
        kind: &'static str,
    },
    /// More signatures than anybody needs.
    #[error("the header {0} holds more than {SIGNATURES_MAX} signatures")]
    TooMany(HeaderName),
    /// The signature is none of the secrets'.
    #[error("the signature fits none of the secrets")]
    Wrong,
    /// Neither path nor query has a token.
    #[error("the address has no token, neither behind the path nor as ?token=")]
    NoToken,
    /// More than one.
    #[error("the address has more than one token")]
    TwoTokens,
    /// The token, or user and password, are none of the secrets.
    #[error("the word fits none of the secrets")]
    WrongWord,
}

impl Refusal {
    /// Whether the request is one that no honest sender makes, whoever it is.
    #[must_use]
    pub const fn is_bad_request(&self) -> bool {
        matches!(self, Self::Twice(_) | Self::TwoTokens | Self::TooMany(_))
    }
}

/// What deliveries of one webhook are held against.
pub struct Verifier {
    scheme: Scheme,
    keys: Vec<Key>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({})", self.scheme.as_str())
    }
}

impl Verifier {
    /// Whether a delivery proves where it comes from, at this instant.
    pub fn verify(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Verified, Refusal> {
        match &self.scheme {
            Scheme::None => Ok(Verified { secret: None, id: None, at: None }),
            Scheme::StandardWebhooks => self.standard(delivery, now),
            Scheme::Stripe => self.stripe(delivery, now),
            Scheme::GitHub => self.plain(delivery, &X_HUB_SIGNATURE_256, Encoding::Hex, GITHUB_PREFIX),
            Scheme::Hmac { header, encoding, prefix } => self.plain(delivery, header, *encoding, prefix),
            Scheme::Token { header: Some(header), prefix } => {
                let text = one(delivery.headers, header)?;
                let word = text.strip_prefix(prefix.as_str()).ok_or_else(|| Refusal::Malformed {
                    header: header.clone(),
                    expected: "its prefix and the token",
                })?;
                self.word(word.as_bytes())
            }
            Scheme::Token { header: None, .. } => match delivery.tokens {
                [] => Err(Refusal::NoToken),
                [word] => self.word(word.as_bytes()),
                _ => Err(Refusal::TwoTokens),
            },
            Scheme::Basic => self.basic(delivery),
        }
    }

    fn standard(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Verified, Refusal> {
        let signed = StandardHeaders::read(delivery.headers)?;
        let key = self.signer(&[&signed.text(), delivery.body], &signed.signatures).ok_or(Refusal::Wrong)?;
        let verified = Verified {
            secret: Some(key.name.clone()),
            id: Some(signed.id.to_owned()),
            at: i64::try_from(signed.at).ok(),
        };
        in_time(signed.at, now).map(|()| verified)
    }

    fn stripe(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Verified, Refusal> {
        let signed = StripeHeader::read(delivery.headers)?;
        let key = self.signer(&[&signed.text(), delivery.body], &signed.signatures).ok_or(Refusal::Wrong)?;
        let verified =
            Verified { secret: Some(key.name.clone()), id: None, at: i64::try_from(signed.at).ok() };
        in_time(signed.at, now).map(|()| verified)
    }

    /// A signature over the body alone.
    fn plain(
        &self,
        delivery: &Delivery<'_>,
        header: &HeaderName,
        encoding: Encoding,
        prefix: &str,
    ) -> Result<Verified, Refusal> {
        let text = one(delivery.headers, header)?;
        let expected = match encoding {
            Encoding::Hex => "its prefix and hexadecimal digits",
            Encoding::Base64 => "its prefix and base64",
        };
        let signature = text.strip_prefix(prefix).and_then(|text| decode(encoding, text));
        let signature = signature
            .filter(|signature| !signature.is_empty())
            .ok_or_else(|| Refusal::Malformed { header: header.clone(), expected })?;
        let key = self.signer(&[delivery.body], &[signature]).ok_or(Refusal::Wrong)?;
        Ok(Verified { secret: Some(key.name.clone()), id: None, at: None })
    }

    fn basic(&self, delivery: &Delivery<'_>) -> Result<Verified, Refusal> {
        let text = one(delivery.headers, &AUTHORIZATION)?;
        let word = text
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
            .and_then(|(_, word)| from_base64(word.trim()))
            .ok_or(Refusal::Malformed { header: AUTHORIZATION, expected: "`Basic ` and base64" })?;
        self.word(&word)
    }

    /// The key that made one of the signatures over these parts. Each code is reckoned once, however many signatures
    /// a stranger sends.
    fn signer(&self, parts: &[&[u8]], signatures: &[Vec<u8>]) -> Option<&Key> {
        self.keys.iter().find(|key| {
            let mut code = hmac::Context::with_key(&key.hmac);
            parts.iter().for_each(|part| code.update(part));
            let code = code.sign();
            signatures.iter().any(|signature| same(&key.hmac, code.as_ref(), signature))
        })
    }

    /// The delivery's word against each secret. All of them are compared, so that the time says nothing.
    fn word(&self, word: &[u8]) -> Result<Verified, Refusal> {
        let fitting: Vec<&Key> =
            self.keys.iter().filter(|key| same(&key.hmac, key.secret.expose().as_bytes(), word)).collect();
        let key = fitting.first().ok_or(Refusal::WrongWord)?;
        Ok(Verified { secret: Some(key.name.clone()), id: None, at: None })
    }
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| Refusal::Missing(name.clone()))?;
    if values.next().is_some() {
        return Err(Refusal::Twice(name.clone()));
    }
    value.to_str().map_err(|_| Refusal::Malformed { header: name.clone(), expected: "plain text" })
}

/// The headers of Standard Webhooks, read.
struct StandardHeaders<'a> {
    id: &'a str,
    time: &'a str,
    at: u64,
    signatures: Vec<Vec<u8>>,
}

impl<'a> StandardHeaders<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let id = one(headers, &WEBHOOK_ID)?;
        if id.is_empty() {
            return Err(Refusal::Missing(WEBHOOK_ID));
        }
        // What is signed is `id.time.body`: an id with a time in it would be two ids.
        if id.split('.').skip(1).any(|part| !part.is_empty() && is_digits(part)) {
            return Err(Refusal::AmbiguousId);
        }
        let time = one(headers, &WEBHOOK_TIMESTAMP)?;
        let at = seconds(time, WEBHOOK_TIMESTAMP)?;
        let list = one(headers, &WEBHOOK_SIGNATURE)?;
        let entries = list.split(' ').filter(|entry| !entry.is_empty());
        let signatures =
            some_of(entries.filter_map(|entry| entry.strip_prefix("v1,")), WEBHOOK_SIGNATURE, from_base64)?;
        Ok(Self { id, time, at, signatures })
    }

    /// What stands before the body in what is signed.
    fn text(&self) -> Vec<u8> {
        format!("{}.{}.", self.id, self.time).into_bytes()
    }
}

/// Stripe's header, read.
struct StripeHeader<'a> {
    time: &'a str,
    at: u64,
    signatures: Vec<Vec<u8>>,
}

impl<'a> StripeHeader<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let malformed = || Refusal::Malformed { header: STRIPE_SIGNATURE, expected: "`t=TIME,v1=SIGNATURE`" };
        let text = one(headers, &STRIPE_SIGNATURE)?;
        let entries: Vec<(&str, &str)> = text
            .split(',')
            .map(|entry| entry.trim().split_once('=').ok_or_else(malformed))
            .collect::<Result<_, _>>()?;
        let mut times = entries.iter().filter(|(name, _)| *name == "t").map(|(_, value)| *value);
        let time = times.next().ok_or_else(malformed)?;
        if times.next().is_some() {
            return Err(malformed());
        }
        let at = seconds(time, STRIPE_SIGNATURE)?;
        let of_kind = entries.iter().filter(|(name, _)| *name == "v1").map(|(_, value)| *value);
        let signatures = some_of(of_kind, STRIPE_SIGNATURE, from_hex)?;
        Ok(Self { time, at, signatures })
    }

    fn text(&self) -> Vec<u8> {
        format!("{}.", self.time).into_bytes()
    }
}

/// The signatures of the kind that is understood. One that cannot be read proves nothing, and harms nothing.
fn some_of<'a>(
    texts: impl Iterator<Item = &'a str>,
    header: HeaderName,
    read: fn(&str) -> Option<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, Refusal> {
    let texts: Vec<&str> = texts.take(SIGNATURES_MAX + 1).collect();
    if texts.len() > SIGNATURES_MAX {
        return Err(Refusal::TooMany(header));
    }
    let signatures: Vec<Vec<u8>> = texts.into_iter().filter_map(read).collect();
    if signatures.is_empty() { Err(Refusal::NoSignature { header, kind: "v1" }) } else { Ok(signatures) }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A time in seconds since 1970: digits and nothing else, since `+1` and ` 1` would be signed otherwise than they read.
fn seconds(text: &str, header: HeaderName) -> Result<u64, Refusal> {
    let fits = !text.is_empty() && text.len() <= TIME_DIGITS_MAX && is_digits(text);
    let read = if fits { text.parse().ok() } else { None };
    read.ok_or(Refusal::Malformed { header, expected: "a time in whole seconds since 1970, in digits" })
}

fn in_time(at: u64, now: Timestamp) -> Result<(), Refusal> {
    let now = u64::try_from(now.as_second()).unwrap_or_default();
    match at.abs_diff(now) {
        seconds if seconds <= TOLERANCE_SECONDS => Ok(()),
        seconds if at < now => Err(Refusal::Old { seconds }),
        seconds => Err(Refusal::Ahead { seconds }),
    }
}

#[cfg(test)]
mod tests;

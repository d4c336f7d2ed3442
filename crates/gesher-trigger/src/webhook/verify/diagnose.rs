//! Why a delivery that should be genuine proves nothing: the usual slips, each tried. Only for people at the hub, since
//! the answer tells what would be accepted.

use super::secrets::Key;
use super::{Delivery, Refusal, StandardHeaders, StripeHeader, Verifier, one};
use crate::webhook::config::{Encoding, Scheme, X_HUB_SIGNATURE_256};
use crate::webhook::encoding::{from_base64, from_hex, same};
use hyper::HeaderMap;
use hyper::header::HeaderName;
use ring::hmac;
use serde::Serialize;
use serde_json::Value;
use std::io;

/// What is probably wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// One word for programs.
    pub code: &'static str,
    /// What it is, and what to do.
    pub text: String,
}

fn hint(code: &'static str, text: impl Into<String>) -> Option<Hint> {
    Some(Hint { code, text: text.into() })
}

/// What is probably wrong with a delivery that was refused; none where nothing usual fits.
#[must_use]
pub fn diagnose(verifier: &Verifier, delivery: &Delivery<'_>, refusal: &Refusal) -> Option<Hint> {
    match refusal {
        Refusal::Missing(header) => missing(&verifier.scheme, header, delivery.headers),
        Refusal::Twice(header) => {
            hint("header_twice", format!("leave one {header}; a proxy in front may add a second one"))
        }
        Refusal::Old { .. } => hint(
            "old",
            "the signature itself is right. A repeated delivery is signed anew by its sender; of one that was kept, \
             give the time it came with --at. If every delivery is old, one of the two clocks is wrong",
        ),
        Refusal::Ahead { seconds } if *seconds > MILLISECONDS_FROM => hint(
            "milliseconds",
            "the signature itself is right, and its time seems to be in milliseconds; it has to be in seconds",
        ),
        Refusal::Ahead { .. } => {
            hint("ahead", "the signature itself is right; one of the two clocks is wrong: compare them")
        }
        Refusal::Malformed { header, .. } => written_otherwise(verifier, delivery, header),
        Refusal::NoSignature { .. } => hint(
            "other_kind",
            "only signatures of the kind v1 (HMAC-SHA256) are understood; ask the sender for a shared secret",
        ),
        Refusal::Wrong => wrong(verifier, delivery),
        Refusal::WrongWord => wrong_word(verifier, delivery),
        Refusal::NoToken => {
            hint("no_token", "give the whole address with --path, as in --path \"/hooks/x?token=…\"")
        }
        Refusal::TwoTokens | Refusal::TooMany(_) | Refusal::AmbiguousId => None,
    }
}

/// A time that is this far ahead is one in milliseconds.
const MILLISECONDS_FROM: u64 = 100 * 365 * 24 * 60 * 60;

/// A header that is not there, though one that other schemes or other versions use is.
fn missing(scheme: &Scheme, header: &HeaderName, headers: &HeaderMap) -> Option<Hint> {
    let others = [
        (
            "svix-signature",
            "Svix signs as Standard Webhooks do, under names of its own: let it send webhook-… headers",
        ),
        (
            "x-hub-signature",
            "that one is SHA-1, which is not accepted: set a secret at GitHub and use its newer header",
        ),
        ("webhook-signature", "the sender follows Standard Webhooks: write verify = \"standard-webhooks\""),
        ("x-hub-signature-256", "the sender signs as GitHub does: write verify = \"github\""),
        ("stripe-signature", "the sender signs as Stripe does: write verify = \"stripe\""),
        ("authorization", "the sender names a user or a token: see verify = \"basic\" and \"token\""),
    ];
    let own = scheme.headers();
    let is_own = |name: &str| own.iter().any(|header| header.as_str() == name);
    let there = others.iter().find(|(name, _)| headers.contains_key(*name) && !is_own(name));
    if let Some((name, then)) = there {
        return hint("other_header", format!("{name} is there instead: {then}"));
    }
    let names = headers.keys().map(HeaderName::as_str);
    match gesher_core::names::nearest(header.as_str(), names) {
        Some(near) => {
            hint("other_header", format!("did the sender mean {near}? The header has to be called {header}"))
        }
        None => hint(
            "header_missing",
            format!("the sender has to send {header}, or a proxy in front takes it out"),
        ),
    }
}

/// A signature that is there and is written in another way than the webhook says.
fn written_otherwise(verifier: &Verifier, delivery: &Delivery<'_>, header: &HeaderName) -> Option<Hint> {
    let text = one(delivery.headers, header).ok()?;
    let bare = text.rsplit_once(['=', ' ', ',']).map_or(text, |(before, last)| {
        // Padding of base64 is no end of a prefix.
        if last.is_empty() {
            before.trim_end_matches('=').rsplit_once(['=', ' ', ',']).map_or(text, |(_, last)| last)
        } else {
            last
        }
    });
    let prefix = text.split(bare).next().unwrap_or_default();
    for (encoding, bytes) in [(Encoding::Hex, from_hex(bare)), (Encoding::Base64, padded(bare))] {
        let Some(bytes) =
            bytes.filter(|bytes| bytes.len() == hmac::HMAC_SHA256.digest_algorithm().output_len())
        else {
            continue;
        };
        let fits = verifier.signer(&[delivery.body], &[bytes]).is_some();
        if fits && matches!(verifier.scheme, Scheme::Hmac { .. }) {
            return hint(
                "encoding",
                format!(
                    "it is right when it is read with encoding = \"{}\" and prefix = \"{prefix}\": write that into the \
                     webhook's settings",
                    encoding.as_str()
                ),
            );
        }
        if fits {
            return hint(
                "encoding",
                format!(
                    "the code is right, and it has to be written otherwise: it is {} now",
                    encoding.as_str()
                ),
            );
        }
    }
    None
}

fn padded(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    let padding = (4 - text.len() % 4) % 4;
    from_base64(&format!("{text}{}", "=".repeat(padding)))
}

/// What was signed, before the body, and the signatures that came.
fn signed(verifier: &Verifier, headers: &HeaderMap) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let plain = |header: &HeaderName, encoding: Encoding, prefix: &str| {
        let text = one(headers, header).ok()?.strip_prefix(prefix)?;
        Some((Vec::new(), vec![crate::webhook::encoding::decode(encoding, text)?]))
    };
    match &verifier.scheme {
        Scheme::StandardWebhooks => {
            let signed = StandardHeaders::read(headers).ok()?;
            Some((signed.text(), signed.signatures))
        }
        Scheme::Stripe => {
            let signed = StripeHeader::read(headers).ok()?;
            Some((signed.text(), signed.signatures))
        }
        Scheme::GitHub => plain(&X_HUB_SIGNATURE_256, Encoding::Hex, super::GITHUB_PREFIX),
        Scheme::Hmac { header, encoding, prefix } => plain(header, *encoding, prefix),
        Scheme::Token { .. } | Scheme::Basic | Scheme::None => None,
    }
}

/// The signature is well written and is nobody's: another body, another way to use the secret, or another secret.
fn wrong(verifier: &Verifier, delivery: &Delivery<'_>) -> Option<Hint> {
    let (before, signatures) = signed(verifier, delivery.headers)?;
    if let Scheme::Hmac { header, .. } = &verifier.scheme
        && let Some(hint) = written_otherwise(verifier, delivery, header)
    {
        // Hexadecimal digits are letters of base64 too.
        return Some(hint);
    }
    for (text, body) in bodies(delivery.body) {
        if verifier.signer(&[&before, &body], &signatures).is_some() {
            return hint(
                "body",
                format!(
                    "the signature is that of {text}. Sign the bytes that are sent, and give them as they came"
                ),
            );
        }
    }
    if !before.is_empty() && verifier.signer(&[delivery.body], &signatures).is_some() {
        let what =
            "the sender signs the body alone, without the id and the time that this scheme signs with it";
        return hint(
            "signed_text",
            format!("{what}: write verify = \"hmac\" with its header, or mend the sender"),
        );
    }
    for key in &verifier.keys {
        for (text, other) in other_keys(&verifier.scheme, key) {
            let code = code(&other, &[&before, delivery.body]);
            if signatures.iter().any(|signature| same(&other, code.as_ref(), signature)) {
                return hint("secret_use", format!("the sender signs with {text} of {}", key.name));
            }
        }
    }
    hint(
        "secret",
        "most often the secret is another one: compare it with the sender's. Or the body is not what was sent, as when a \
         proxy or a tool wrote its JSON anew",
    )
}

fn code(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut code = hmac::Context::with_key(key);
    parts.iter().for_each(|part| code.update(part));
    code.sign()
}

/// Other ways to use a secret.
fn other_keys(scheme: &Scheme, key: &Key) -> Vec<(&'static str, hmac::Key)> {
    let text = key.secret.expose();
    let of = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
    let bare = text.strip_prefix(super::secrets::STANDARD_PREFIX);
    let mut ways = Vec::new();
    if matches!(scheme, Scheme::StandardWebhooks) {
        ways.push((
            "the letters, where Standard Webhooks takes the bytes that they stand for in base64,",
            of(text.as_bytes()),
        ));
    } else if let Some(bytes) = super::secrets::standard(text) {
        ways.push(("the bytes that stand in base64 in the text", of(bytes.expose())));
    }
    if let Some(bare) = bare {
        ways.push(("the letters behind whsec_", of(bare.as_bytes())));
    }
    if let Some(bytes) = from_hex(text).filter(|bytes| !bytes.is_empty()) {
        ways.push(("the bytes that stand in hexadecimal in the text", of(&bytes)));
    }
    ways.push((
        "the text and a newline behind it, which was stored with it at the sender's side,",
        of(format!("{text}\n").as_bytes()),
    ));
    ways
}

/// Bodies that are often signed instead of the one that was given.
fn bodies(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut bodies: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let trimmed = body.trim_ascii_end();
    if trimmed.len() < body.len() {
        bodies.push((
            "the body without the newline at its end, which an editor or `echo` adds",
            trimmed.to_vec(),
        ));
    }
    bodies.push(("the body with a newline at its end", [body, b"\n"].concat()));
    bodies.push(("the body with a carriage return and a newline at its end", [trimmed, b"\r\n"].concat()));
    if body.contains(&b'\r') {
        let unix = body.iter().copied().filter(|byte| *byte != b'\r').collect();
        bodies.push(("the body without carriage returns", unix));
    }
    if let Some(rest) = body.strip_prefix("\u{feff}".as_bytes()) {
        bodies.push(("the body without its byte order mark", rest.to_vec()));
    }
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        bodies.push((
            "the same JSON written closely: it was written anew after signing, or before",
            json.to_string().into_bytes(),
        ));
        let spaced = written(&json, Spaced);
        let escaped = spaced.as_deref().map(escaped);
        bodies.extend(spaced.map(|text| {
            ("the same JSON with a space behind each comma and colon, as Python writes it", text.into_bytes())
        }));
        bodies.extend(escaped.map(|text| {
            ("the same JSON with all but ASCII escaped, as Python writes it", text.into_bytes())
        }));
        bodies.push(("the same JSON written closely with all but ASCII escaped", escaped_bytes(&json)));
        if let Ok(pretty) = serde_json::to_vec_pretty(&json) {
            bodies.push(("the same JSON written over several lines", pretty));
        }
    }
    bodies
}

/// JSON as Python's `json.dumps` writes it.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

fn written(json: &Value, formatter: Spaced) -> Option<String> {
    let mut bytes = Vec::new();
    json.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter)).ok()?;
    String::from_utf8(bytes).ok()
}

fn escaped(text: &str) -> String {
    let one = |c: char| match c.is_ascii() {
        true => c.to_string(),
        false => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    text.chars().map(one).collect()
}

fn escaped_bytes(json: &Value) -> Vec<u8> {
    escaped(&json.to_string()).into_bytes()
}

/// A token, or a user and a password, that are none of the secrets.
fn wrong_word(verifier: &Verifier, delivery: &Delivery<'_>) -> Option<Hint> {
    let header = verifier.scheme.headers().into_iter().next();
    let given = header.and_then(|header| one(delivery.headers, &header).ok()).map(ToOwned::to_owned);
    let given = given.or_else(|| delivery.tokens.first().cloned())?;
    let is = |word: &str| verifier.word(word.as_bytes()).is_ok();
    if is(&given.replace(' ', "+")) {
        return hint(
            "plus",
            "a `+` in an address means a space: write it as %2B, or choose a token of letters and digits",
        );
    }
    if given.split_whitespace().last().is_some_and(is) {
        return hint("prefix", "the token is right, and there is a word before it: write that as `prefix`");
    }
    hint("secret", "the secret is another one: compare it with the sender's")
}

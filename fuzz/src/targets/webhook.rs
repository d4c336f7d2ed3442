//! A delivery from anywhere: lines of headers, an empty line, a body. The first byte chooses how it proves where it comes
//! from; the first line is the query.

use super::{choice, registry};
use gesher_core::operation::Reader;
use gesher_core::{Redactor, Secret};
use gesher_trigger::webhook::config::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
use gesher_trigger::webhook::verify::Delivery;
use gesher_trigger::webhook::{
    Encoding, Reply, Scheme, Verifier, WebhookConfig, address, form, identity, request,
};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use jiff::Timestamp;
use std::sync::OnceLock;

/// When all deliveries arrive, in seconds since 1970.
const NOW: i64 = 1_614_265_330;
/// The secret of the example of the Standard Webhooks reference libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// A user and a password, where those prove something.
const USER: &str = "user:password";

fn scheme(choice: usize) -> Scheme {
    match choice % 7 {
        0 => Scheme::StandardWebhooks,
        1 => Scheme::GitHub,
        2 => Scheme::Stripe,
        3 => Scheme::Hmac { header: WEBHOOK_ID, encoding: Encoding::Base64, prefix: "v1=".to_owned() },
        4 => Scheme::Token { header: Some(WEBHOOK_TIMESTAMP), prefix: "Bearer ".to_owned() },
        5 => Scheme::Token { header: None, prefix: String::new() },
        _ => Scheme::Basic,
    }
}

/// Takes a delivery apart as the listener does: whoever does not know the secret proves nothing, and whatever is proved has
/// one name.
pub fn webhook(data: &[u8]) {
    let Some((chosen, data)) = choice(data) else { return };
    let split = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let (head, body) = (&data[..split], data.get(split + 2..).unwrap_or_default());
    let mut lines = head.split(|byte| *byte == b'\n');
    let target = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..at]), value) {
            headers.append(name, value);
        }
    }
    let scheme = scheme(chosen);
    let secret = if scheme == Scheme::Basic { USER } else { SECRET };
    let secrets = vec![("s".to_owned(), Secret::from(secret))];
    let verifier = Verifier::new(scheme.clone(), &secrets).unwrap();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut tokens = Vec::new();
    if let Ok(query) = address::query(Some(query), scheme.is_in_the_address()) {
        tokens.extend(query.tokens);
    }
    tokens.extend(address::split_token(path).map(|(_, token)| token));
    let delivery = Delivery { headers: &headers, tokens: &tokens, body };
    let now = Timestamp::from_second(NOW).unwrap();
    let verified = verifier.verify(&delivery, now);
    assert_eq!(verified.is_ok(), verifier.verify(&delivery, now).is_ok());
    let json = serde_json::from_slice(body).ok();
    if let Ok(verified) = verified {
        let config = WebhookConfig {
            path: "/h".to_owned(),
            scheme: scheme.clone(),
            secrets,
            id: None,
            reply: Reply::Async,
        };
        if let Ok(named) = identity::identify(&config, &verified, body, json.as_ref()) {
            assert!(!named.id.trim().is_empty());
        }
    }
    parsed(&headers, &scheme, body);
}

/// What a script is given of it, and what the providers' own readers make of its body.
fn parsed(headers: &HeaderMap, scheme: &Scheme, body: &[u8]) {
    static READERS: OnceLock<Vec<Reader>> = OnceLock::new();
    let all = || registry().providers().iter().flat_map(|provider| provider.readers()).copied().collect();
    for reader in READERS.get_or_init(all) {
        if let Err(text) = (reader.read)(body) {
            assert!(!text.en.is_empty() && !text.he.is_empty());
        }
    }
    let Ok(text) = std::str::from_utf8(body) else { return };
    if let Ok(fields) = form::fields(text) {
        assert!(fields.len() <= text.len());
    }
    let redactor = Redactor::new();
    let kept = request::kept(
        &redactor,
        scheme,
        request::Parts { id: "1", path: "/h", query: &[], headers, body: text },
    );
    assert!(kept["headers"].get(WEBHOOK_SIGNATURE.as_str()).is_none() || *scheme != Scheme::StandardWebhooks);
}

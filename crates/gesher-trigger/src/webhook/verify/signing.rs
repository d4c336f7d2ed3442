//! The other side of a proof: what a sender by Standard Webhooks signs. For those who play one.

use super::secrets::standard;
use crate::webhook::config::{WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
use crate::webhook::encoding::to_base64;
use gesher_core::Secret;
use hyper::header::HeaderName;
use jiff::Timestamp;
use ring::hmac;

/// The headers of a delivery by Standard Webhooks; none where the secret is not written as that standard says.
#[must_use]
pub fn sign_standard(
    secret: &Secret,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> Option<[(HeaderName, String); 3]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, standard(secret.expose())?.expose());
    let time = at.as_second().to_string();
    let mut code = hmac::Context::with_key(&key);
    code.update(format!("{id}.{time}.").as_bytes());
    code.update(body);
    let signature = format!("v1,{}", to_base64(code.sign().as_ref()));
    Some([(WEBHOOK_ID, id.to_owned()), (WEBHOOK_TIMESTAMP, time), (WEBHOOK_SIGNATURE, signature)])
}

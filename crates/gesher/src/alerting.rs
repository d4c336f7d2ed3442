//! Delivers alerts: each row of the journal that is due is posted to the address of `[alerts]`, signed, until it is taken
//! or nobody tries any more. Beside the work, and never in its way.

use crate::compose::{Hub, outside};
use crate::config::Config;
use gesher_core::{Clock, Secret};
use gesher_engine::Stop;
use gesher_engine::journal::{AlertRecord, AlertTry, Journal};
use gesher_provider::outside::{Method, OutsideClient, OutsideRequest, Secrets, Url, base64};
use gesher_provider::{HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How often the journal is asked for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Alerts that are read at a time.
const PAGE_ALERTS: usize = 50;
/// The pause after the first try that failed. It doubles.
const PAUSE_FIRST: SignedDuration = SignedDuration::from_secs(5);
/// The longest pause between two tries.
const PAUSE_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How long an alert is tried after it was raised. What nobody took by then stays in the journal.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How long one try may take.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a run in the foreground, which is over, waits for what is due.
const FOREGROUND: Duration = Duration::from_secs(10);
/// How the keys of standard-webhooks begin where they are Base64.
const KEY_PREFIX: &str = "whsec_";

/// Where alerts go, and with what.
pub struct Postman {
    hub: String,
    url: Url,
    secret: String,
    secrets: Arc<dyn Secrets>,
    client: Arc<OutsideClient>,
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
}

impl Postman {
    /// The postman of a hub. None where alerts go nowhere.
    pub fn of(hub: &Hub) -> Option<Self> {
        let Config { alerts, name, .. } = &hub.config;
        let (url, secret) = (alerts.url.as_ref()?, alerts.secret.as_ref()?);
        Some(Self {
            hub: name.clone(),
            url: Url::parse(url).ok()?,
            secret: secret.0.clone(),
            secrets: outside::source(&hub.config, &hub.store),
            client: Arc::clone(&hub.client),
            journal: Arc::clone(&hub.store.journal),
            clock: Arc::clone(&hub.store.clock),
        })
    }

    /// Until a stop is asked for.
    pub async fn serve(self, stop: Stop) {
        while !stop.is_requested() {
            let busy = tokio::select! {
                busy = self.round() => busy,
                () = stop.requested() => false,
            };
            if !busy {
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = stop.requested() => {}
                }
            }
        }
    }

    /// After a run in the foreground: what is due by now, once.
    pub async fn once(&self) {
        if tokio::time::timeout(FOREGROUND, self.round()).await.is_err() {
            tracing::warn!("alerts wait to be delivered; a serving hub goes on with it");
        }
    }

    /// Tries each alert that is due. Answers whether more may be due already.
    async fn round(&self) -> bool {
        let due = match self.journal.alerts_due(self.clock.now(), PAGE_ALERTS).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "alerts that are due cannot be read");
                return false;
            }
        };
        let is_full = due.len() == PAGE_ALERTS;
        for alert in &due {
            let tried = match self.post(alert).await {
                Ok(()) => AlertTry::Delivered(self.clock.now()),
                Err(why) => {
                    let next = next_try(alert, self.clock.now());
                    tracing::warn!(
                        alert = alert.no,
                        tries = alert.tries + 1,
                        "an alert was not taken: {why}"
                    );
                    next
                }
            };
            if let Err(error) = self.journal.note_alert_try(alert.no, tried).await {
                tracing::error!(%error, "the delivery of an alert cannot be noted; it may come twice");
                return false;
            }
        }
        is_full
    }

    async fn post(&self, record: &AlertRecord) -> Result<(), String> {
        let secret = self.secrets.open(&self.secret).await;
        let secret = secret.ok_or_else(|| format!("the secret {} is not there", self.secret))?;
        let (id, body) = (format!("{}-{}", self.journal.hub_id(), record.no), self.body(record));
        let at = self.clock.now().as_second().to_string();
        let signature = signature(&secret, &id, &at, &body).ok_or("the secret is no key")?;
        let header = |name, value: &str| {
            let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            Ok::<_, String>((HeaderName::from_static(name), value))
        };
        let headers = [
            header("content-type", "application/json")?,
            header("webhook-id", &id)?,
            header("webhook-timestamp", &at)?,
            header("webhook-signature", &signature)?,
        ];
        let sent = self.client.send(OutsideRequest {
            method: Method::POST,
            url: &self.url,
            headers: &headers,
            body: body.into(),
            total: TRY_TIMEOUT,
        });
        match sent.await {
            Ok(reply) if (200..300).contains(&reply.status) => Ok(()),
            Ok(reply) => Err(format!("the answer was {}", reply.status)),
            Err(failure) => Err(failure.to_string()),
        }
    }

    fn body(&self, record: &AlertRecord) -> String {
        let alert = &record.alert;
        json!({
            "id": format!("{}-{}", self.journal.hub_id(), record.no),
            "at": alert.at.to_string(),
            "hub": self.hub,
            "kind": alert.kind,
            "flow": alert.flow,
            "item": alert.item.as_ref().map(ToString::to_string),
            "subject": alert.subject,
            "text": alert.text,
        })
        .to_string()
    }
}

/// When an alert is tried again after a try that failed.
fn next_try(record: &AlertRecord, now: Timestamp) -> AlertTry {
    if now.duration_since(record.alert.at) >= TRIED_FOR {
        return AlertTry::GivenUp;
    }
    let doubled = PAUSE_FIRST.checked_mul(1_i32.checked_shl(record.tries.min(16)).unwrap_or(i32::MAX));
    let pause = doubled.map_or(PAUSE_MAX, |pause| pause.min(PAUSE_MAX));
    now.checked_add(pause).map_or(AlertTry::GivenUp, AlertTry::Again)
}

/// The signature of standard-webhooks, version 1.
fn signature(secret: &Secret, id: &str, at: &str, body: &str) -> Option<String> {
    let text = secret.expose().trim();
    let key = match text.strip_prefix(KEY_PREFIX) {
        Some(encoded) => unbase64(encoded)?,
        None => text.as_bytes().to_vec(),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    Some(format!("v1,{}", base64(signed.as_ref())))
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | u32::from(value(letter)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_engine::journal::NewAlert;

    fn record(tries: u32) -> AlertRecord {
        let alert = NewAlert {
            kind: "script".to_owned(),
            flow: None,
            item: None,
            subject: None,
            text: "look".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        AlertRecord { no: 1, alert, tries, due_at: None, delivered_at: None }
    }

    #[test]
    fn pauses_grow_to_an_hour_and_end_after_a_day() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (tries, now, want) in [
            (0, 0, AlertTry::Again(at(5))),
            (1, 5, AlertTry::Again(at(15))),
            (2, 100, AlertTry::Again(at(120))),
            (9, 1_000, AlertTry::Again(at(1_000 + 2_560))),
            (10, 1_000, AlertTry::Again(at(1_000 + 3_600))),
            (4_000_000, 1_000, AlertTry::Again(at(1_000 + 3_600))),
            (3, 86_399, AlertTry::Again(at(86_399 + 40))),
            (3, 86_400, AlertTry::GivenUp),
        ] {
            assert_eq!(next_try(&record(tries), at(now)), want, "{tries} {now}");
        }
    }

    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        // The example of the standard's own pages.
        let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(signature(&Secret::from("whsec_"), "a", "1", "").is_none());
        assert!(signature(&Secret::from("plain"), "a", "1", "").is_some());
    }
}

//! A provider that says yes to every charge after an exact pause: the same for the hub and for its peers.
//!
//! It keeps no books and checks nothing; it is here because a pause of a simulated provider has to be exact to a
//! fraction of a millisecond, or the pause itself would decide how many rows a second are possible.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gesher_core::Clock;
use gesher_core::time::SystemClock;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rust_decimal::Decimal;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::failure::{Failure, While};

/// Serves at `address` until the process is ended.
pub(crate) fn serve(address: SocketAddr, pause: Duration) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().or_fail("start a runtime")?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.or_fail(&format!("listen on {address}"))?;
        let pauses = (!pause.is_zero()).then(|| Pauses::start(pause)).transpose()?;
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            // Without it an answer may wait for the peer's acknowledgement; the pause would be longer, not wrong.
            let _slower = stream.set_nodelay(true);
            let pauses = pauses.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| answer(request, pauses.clone()));
                // A client that goes away ends its connection and nothing else.
                let _gone = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

async fn answer(
    request: Request<Incoming>,
    pauses: Option<Arc<Pauses>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if let Some(pauses) = pauses {
        pauses.wait().await;
    }
    let mut response = Response::new(Full::new(Bytes::from(paid(&body))));
    let json = hyper::header::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

/// What of a request decides the answer.
#[derive(Default, Deserialize)]
struct Charge {
    #[serde(rename = "Items", default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "Quantity")]
    quantity: Option<serde_json::Number>,
    #[serde(rename = "UnitPrice")]
    unit_price: Option<serde_json::Number>,
}

impl Charge {
    fn total(&self) -> Decimal {
        let number = |number: &Option<serde_json::Number>, without: Decimal| {
            number.as_ref().and_then(|number| number.to_string().parse().ok()).unwrap_or(without)
        };
        self.items
            .iter()
            .map(|item| number(&item.quantity, Decimal::ONE) * number(&item.unit_price, Decimal::ZERO))
            .sum()
    }
}

/// The provider's answer to a charge that went well.
fn paid(request: &[u8]) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut total = serde_json::from_slice::<Charge>(request).unwrap_or_default().total();
    total.rescale(2);
    let (payment, customer, document) = (90_000_000 + number, 80_000_000 + number, 60_000_000 + number);
    format!(
        r#"{{"Data":{{"Payment":{{"ID":{payment},"CustomerID":{customer},"Date":"2026-07-01T05:35:04+03:00","ValidPayment":true,"Status":"000","StatusDescription":"מאושר (קוד 000)","Amount":{total},"Currency":0,"PaymentMethod":{{"ID":{number},"CustomerID":{customer},"CreditCard_Number":null,"CreditCard_LastDigits":"4444","CreditCard_ExpirationMonth":12,"CreditCard_ExpirationYear":2030,"CreditCard_CVV":null,"CreditCard_Track2":null,"CreditCard_CitizenID":null,"CreditCard_CardMask":"XXXXXXXXXXXX4444","CreditCard_Token":"tok-{number}","Type":1}},"AuthNumber":" 012345","FirstPaymentAmount":{total},"NonFirstPaymentAmount":0.0,"RecurringCustomerItemIDs":null,"ExternalIdentifier":null,"DocumentID":0}},"DocumentID":{document},"DocumentNumber":{number},"CustomerID":{customer},"DocumentDownloadURL":"https://pay.sumit.co.il/x/a/document/?id=synthetic"}},"Status":0,"UserErrorMessage":null,"TechnicalErrorDetails":null}}"#
    )
}

/// Pauses of one length, ended by a thread that sleeps to the microsecond; the runtime's timer knows only whole
/// milliseconds. As they are all of one length they end in the order in which they began.
struct Pauses {
    length: Duration,
    clock: SystemClock,
    waiting: Mutex<VecDeque<(Duration, oneshot::Sender<()>)>>,
    somebody: Condvar,
}

impl Pauses {
    fn start(length: Duration) -> Result<Arc<Self>, Failure> {
        let pauses = Arc::new(Self {
            length,
            clock: SystemClock::new(),
            waiting: Mutex::default(),
            somebody: Condvar::new(),
        });
        let ending = Arc::clone(&pauses);
        std::thread::Builder::new()
            .name("pauses".into())
            .spawn(move || ending.end_each())
            .or_fail("start a thread")?;
        Ok(pauses)
    }

    async fn wait(&self) {
        let (end, ended) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push_back((self.clock.monotonic() + self.length, end));
        }
        self.somebody.notify_one();
        // The thread never ends, so nobody is ever left without an end.
        let _ended = ended.await;
    }

    fn end_each(&self) {
        loop {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let (due, end) = loop {
                if let Some(first) = waiting.pop_front() {
                    break first;
                }
                waiting = self.somebody.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            };
            drop(waiting);
            std::thread::sleep(due.saturating_sub(self.clock.monotonic()));
            // Whoever waited may have gone away with its connection.
            let _gone = end.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_names_the_amount_that_was_asked_for() {
        for (items, want) in [
            (r#"[{"Quantity":2,"UnitPrice":4.5}]"#, "9.00"),
            (r#"[{"UnitPrice":10.07},{"Quantity":1,"UnitPrice":0.1}]"#, "10.17"),
            ("[]", "0.00"),
        ] {
            let answer = paid(format!(r#"{{"Items":{items}}}"#).as_bytes());
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["Data"]["Payment"]["Amount"].to_string(), want, "{items}");
        }
    }
}

//! A provider of our own: a real HTTP server that answers what a test tells it, and keeps each request's bytes.
//!
//! It is not the hub's simulator, and shares no line with it: what the two agree on is the provider's wire.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The path of a plain charge.
pub const CHARGE: &str = "/billing/payments/charge/";
/// What a hub asks by itself about a lost answer, after half a minute: whether a test lasts so long is nobody's to say.
const LOOK_UPS: [&str; 2] = ["/billing/payments/list/", "/accounting/documents/list/"];
/// How long a connection may be silent before the server lets it go.
const SILENCE: Duration = Duration::from_secs(30);

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Request line and headers, as they were sent.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The method.
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// The path, with whatever follows it.
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// A header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body in JSON")
    }

    /// Whether the hub asks what became of an earlier request.
    fn is_look_up(&self) -> bool {
        LOOK_UPS.contains(&self.path())
    }

    /// The order that a charge of the tests' script is for.
    pub fn order(&self) -> String {
        self.json()["Customer"]["ExternalIdentifier"].as_str().unwrap_or_default().trim().to_owned()
    }

    /// What a charge of the tests' script asks for, as it stands on the wire.
    pub fn amount(&self) -> String {
        self.json()["Items"][0]["UnitPrice"].to_string()
    }
}

/// What the server does about a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Charges the card, and says so.
    Approve,
    /// Charges the card, and then does this instead of saying so.
    ApproveThen(Box<Reply>),
    /// Says that the issuer refused, with this code.
    Decline(&'static str),
    /// Says this, as JSON, with HTTP 200.
    Json(String),
    /// Says these bytes, and closes.
    Raw(Vec<u8>),
    /// Closes without a word.
    Close,
    /// Waits so long first.
    After(Duration, Box<Reply>),
}

impl Reply {
    /// An answer with a status, a content type and a body.
    pub fn http(status: &str, content_type: &str, body: &str) -> Self {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n");
        Self::Raw(format!("{head}Connection: close\r\n\r\n{body}").into_bytes())
    }
}

type Script = dyn Fn(&Received, usize) -> Reply + Send + Sync;

#[derive(Default)]
struct Book {
    received: Mutex<Vec<Received>>,
    charged: Mutex<BTreeMap<String, Vec<u64>>>,
    charges: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    closed: AtomicBool,
}

/// The server; it ends with its owner.
pub struct FakeProvider {
    base_url: String,
    address: std::net::SocketAddr,
    book: Arc<Book>,
}

impl FakeProvider {
    /// A server that approves everything.
    pub fn approving() -> Self {
        Self::start(|_, _| Reply::Approve)
    }

    /// A server that answers each request by `script`, which also gets the number of requests before it.
    pub fn start(script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::new(Book::default());
        let script: Arc<Script> = Arc::new(script);
        let shared = Arc::clone(&book);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.closed.load(Ordering::SeqCst) {
                    break;
                }
                let (book, script) = (Arc::clone(&shared), Arc::clone(&script));
                thread::spawn(move || converse(stream, &book, script.as_ref()));
            }
        });
        Self { base_url: format!("http://{address}"), address, book }
    }

    /// Its address, as `base_url` wants it.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Every request so far.
    pub fn received(&self) -> Vec<Received> {
        self.book.received.lock().unwrap().clone()
    }

    /// How many requests came so far, without the hub's own look-ups.
    pub fn count(&self) -> usize {
        self.book.received.lock().unwrap().iter().filter(|received| !received.is_look_up()).count()
    }

    /// The payments that were really taken, by order: the numbers of each.
    pub fn charged(&self) -> BTreeMap<String, Vec<u64>> {
        self.book.charged.lock().unwrap().clone()
    }

    /// How many payments were really taken.
    pub fn charges(&self) -> usize {
        self.book.charges.load(Ordering::SeqCst)
    }

    /// The most requests that were under way together.
    pub fn most_open(&self) -> usize {
        self.book.most_open.load(Ordering::SeqCst)
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.book.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// Answers the requests of one connection until either side ends it.
fn converse(mut stream: TcpStream, book: &Book, script: &Script) {
    if stream.set_read_timeout(Some(SILENCE)).is_err() {
        return;
    }
    while let Some(received) = read_request(&mut stream) {
        let number = {
            let mut all = book.received.lock().unwrap();
            all.push(received.clone());
            all.len() - 1
        };
        let open = book.open.fetch_add(1, Ordering::SeqCst) + 1;
        book.most_open.fetch_max(open, Ordering::SeqCst);
        let (bytes, goes_on) = carry_out(script(&received, number), &received, book);
        // Whoever has the answer may send the next request before this thread goes on.
        book.open.fetch_sub(1, Ordering::SeqCst);
        if stream.write_all(&bytes).is_err() || !goes_on {
            break;
        }
    }
}

/// Does what a reply says: the bytes of the answer, and whether the connection goes on after them.
fn carry_out(reply: Reply, received: &Received, book: &Book) -> (Vec<u8>, bool) {
    match reply {
        // There is nothing to charge, and nothing that it could say.
        Reply::Approve | Reply::ApproveThen(_) if received.path() != CHARGE => (Vec::new(), false),
        Reply::Approve => {
            let number = charge(received, book);
            (ok(&approval(received, number)), true)
        }
        Reply::ApproveThen(then) => {
            charge(received, book);
            carry_out(*then, received, book)
        }
        Reply::Decline(code) => (ok(&refusal(received, code)), true),
        Reply::Json(text) => (ok(&text), true),
        Reply::Raw(bytes) => (bytes, false),
        Reply::Close => (Vec::new(), false),
        Reply::After(time, then) => {
            thread::sleep(time);
            carry_out(*then, received, book)
        }
    }
}

fn charge(received: &Received, book: &Book) -> u64 {
    let number = 90_000_001 + u64::try_from(book.charges.fetch_add(1, Ordering::SeqCst)).unwrap();
    book.charged.lock().unwrap().entry(received.order()).or_default().push(number);
    number
}

fn ok(json: &str) -> Vec<u8> {
    let length = json.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {length}\r\n\r\n"
    );
    (head + json).into_bytes()
}

/// What the provider answers to a charge that it made. Its amounts carry as many places as they happen to have.
pub fn approval(received: &Received, number: u64) -> String {
    answer(
        &payment(received, number, "000", "מאושר (קוד 000)"),
        json!(number - 30_000_000),
        json!(number - 89_999_000),
    )
}

/// What the provider answers when the issuer refuses.
pub fn refusal(received: &Received, code: &str) -> String {
    let mut payment = payment(received, 90_900_000, code, &format!("סירוב (קוד {code})"));
    payment["ValidPayment"] = json!(false);
    payment["AuthNumber"] = Value::Null;
    answer(&payment, Value::Null, Value::Null)
}

fn payment(received: &Received, number: u64, status: &str, words: &str) -> Value {
    let amount: Value = serde_json::from_str(&received.amount()).unwrap_or_default();
    json!({
        "ID": number, "CustomerID": 80_000_001, "Date": "2026-07-01T05:35:04+03:00", "ValidPayment": true,
        "Status": status, "StatusDescription": words, "Amount": amount, "Currency": 0,
        "PaymentMethod": {
            "ID": 70_000_001, "CustomerID": 80_000_001, "CreditCard_Number": null, "CreditCard_LastDigits": "4444",
            "CreditCard_ExpirationMonth": 12, "CreditCard_ExpirationYear": 2030, "CreditCard_CVV": null,
            "CreditCard_Track2": null, "CreditCard_CardMask": "XXXXXXXXXXXX4444", "Type": 1,
        },
        "AuthNumber": " 012345", "FirstPaymentAmount": amount, "NonFirstPaymentAmount": 0,
        "RecurringCustomerItemIDs": null, "ExternalIdentifier": null, "DocumentID": 0,
    })
}

fn answer(payment: &Value, document: Value, number: Value) -> String {
    json!({
        "Data": {
            "Payment": payment, "DocumentID": document, "DocumentNumber": number, "CustomerID": 80_000_001,
            "DocumentDownloadURL": null,
        },
        "Status": 0, "UserErrorMessage": null, "TechnicalErrorDetails": null,
    })
    .to_string()
}

/// Reads one request; nothing when the peer is gone.
fn read_request(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut block = [0; 8192];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let received = Received { head, body: bytes[end + 4..].to_vec() };
            // A request that announces no body has none.
            let length: usize =
                received.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
            if received.body.len() >= length {
                return Some(received);
            }
        }
        match stream.read(&mut block).ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&block[..read]),
        }
    }
}

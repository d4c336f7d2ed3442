//! What a provider crate and the simulator's HTTP front say to each other.
//!
//! A provider crate plays its provider as a state machine: a call in, an answer and records of what was done out.
//! The front owns sockets, files, time and faults, and knows no provider.

use jiff::Timestamp;

/// One call as it arrived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// Whether the method is POST.
    pub is_post: bool,
    /// The path, with its slashes.
    pub path: &'a str,
    /// What stands behind the question mark; empty where nothing does.
    pub query: &'a str,
    /// The `Host` header: where pages of the provider are to be found.
    pub host: Option<&'a str>,
    /// The `Content-Language` header.
    pub language: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
    /// The instant of the call.
    pub at: Timestamp,
}

/// What the provider answers, and what it did.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The content type; none for an empty body.
    pub content_type: Option<&'static str>,
    /// The address of a redirect.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// What was done, each a JSON object as text: what the ledger keeps and a restart is told again.
    pub records: Vec<String>,
    /// What the provider sends to others because of the call, once it is answered.
    pub deliveries: Vec<Delivery>,
}

/// A message of the provider to an address that somebody gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where to. Only this machine's own addresses are called.
    pub url: String,
    /// The content type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// What a fault rule can ask of a call.
#[derive(Clone, Debug, Default)]
pub struct CallFacts {
    /// Every name of the customer: id, outer id, name, e-mail address.
    pub customer: Vec<String>,
    /// The caller's words on the document.
    pub description: Option<String>,
    /// The sum, with two places.
    pub amount: Option<String>,
}

/// A lie in an answer, which only the provider's crate knows how to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distortion {
    /// Another sum than was charged.
    WrongAmount,
    /// The technical error of the provider instead of its answer.
    TechnicalError,
    /// Each entry of a list twice.
    ListRepeats,
    /// A page of a list without its entries, which says that there are more.
    ListEmptyPage,
}

/// A record of an earlier life cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("a record of the ledger cannot be read back")]
pub struct RestoreError(#[from] pub serde_json::Error);

/// A provider that is played.
pub trait SimulatedProvider: Send {
    /// As in `officeguy`.
    fn name(&self) -> &'static str;

    /// Answers one call.
    fn answer(&mut self, call: &Call<'_>) -> Answered;

    /// What fault rules want to know of a call.
    fn facts(&self, call: &Call<'_>) -> CallFacts;

    /// Tells a lie.
    fn distort(&self, answered: Answered, distortion: Distortion) -> Answered;

    /// Lists show only what is older than this.
    fn set_list_lag(&mut self, lag: std::time::Duration);

    /// Documents are listed, and known to their payments, only when they are older than this.
    fn set_document_lag(&mut self, lag: std::time::Duration);

    /// Takes a record of an earlier life back in.
    fn restore(&mut self, record: &str, at: Timestamp) -> Result<(), RestoreError>;
}

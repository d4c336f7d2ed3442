//! Steps as the journal keeps them: intents, what may stand against one, outcomes, and how an open one is closed.

use super::{ItemSeen, SealedRow, VendorMark, VendorRecord};
use gesher_core::{ItemEnd, ItemId, Json, Key, Money, OutcomeStatus, StepId, Text};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepState {
    /// Its intent is durable; what came of it is not.
    InFlight,
    /// Its outcome is durable.
    Over(OutcomeStatus),
}

impl StepState {
    /// The word of the state.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Over(status) => status.as_str(),
        }
    }
}

/// The intent of a step with an effect.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Which step.
    pub step: StepId,
    /// The operation's qualified name.
    pub operation: String,
    /// *Who*, as the caller said it.
    pub who: String,
    /// The account that sends: provider and id, as in `officeguy:2410000001`. Keys belong to it.
    pub account: String,
    /// The key.
    pub key: Key,
    /// Whether a spent key answers its recorded outcome whatever the request says (once per vendor).
    pub once: bool,
    /// SHA-256 of the request's wire form.
    pub request_hash: [u8; 32],
    /// Whom it concerns.
    pub subject: Option<String>,
    /// What it moves.
    pub amount: Option<Money>,
    /// When.
    pub at: Timestamp,
    /// Whether it moves money, and so counts towards limits.
    pub money: bool,
    /// What the flow allows at most.
    pub limits: Limits,
    /// What a look-up at the provider has to know, as JSON without secrets; null where there is nothing.
    pub look_up: Value,
    /// The reference that was stamped into the request.
    pub stamp: Option<String>,
    /// The step opens an account for *who*: the number of the business that it is for, empty where none is known. One
    /// business has one vendor, and a vendor that is there is not opened.
    pub opens: Option<String>,
    /// The earlier call of which it gives something back.
    pub original: Option<Original>,
}

/// The use of a key that a call would make.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// Whose call it is: what this same item was told, it is told again.
    pub item: ItemId,
    /// The operation's qualified name.
    pub operation: String,
    /// The account that would send. Keys belong to it.
    pub account: String,
    /// The key.
    pub key: Key,
    /// See [`Intent::once`].
    pub once: bool,
    /// SHA-256 of the request's wire form.
    pub request_hash: [u8; 32],
}

/// The use of a subject that a call would make.
#[derive(Clone, Debug)]
pub struct SubjectUse {
    /// The account that would send.
    pub account: String,
    /// The operation's qualified name.
    pub operation: String,
    /// Whom it concerns.
    pub subject: String,
    /// Its own key, whose steps do not lock the subject for it.
    pub key: Key,
}

/// An earlier call that took money, and of which a later step gives some back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The provider's id of it, in the books of the same account.
    pub reference: String,
    /// What it took.
    pub taken: Money,
}

/// More would be given back than was taken. Nothing was journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Of which call.
    pub original: Original,
    /// What was given back of it already, or may have been: with what is in flight and what nobody knows. None where
    /// that cannot be summed up, since it is of several currencies.
    pub given_back: Option<Money>,
    /// What the step asked for.
    pub asked: Option<Money>,
}

/// What a flow's steps may move at most, the one that asks included. A step counts while it is in flight, open or
/// succeeded, with its amount as the request had it, without its sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// In the one step alone.
    pub per_call: Option<Money>,
    /// In the run.
    pub per_run: Option<Money>,
    /// In the run too: what a person approved for it.
    pub approved: Option<Money>,
    /// In a day of the flow.
    pub per_day: Option<DayLimit>,
}

/// What a flow may move in one day: the intents of `[from, until)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayLimit {
    /// At most.
    pub limit: Money,
    /// The first instant of the day.
    pub from: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// That of one call, of which nothing is held before.
    Call,
    /// That of the run.
    Run,
    /// What a person approved for the run.
    Approved,
    /// That of the day.
    Day,
}

/// A step would go beyond a limit, or cannot be compared with it. Nothing was journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitReached {
    /// Which limit.
    pub scope: LimitScope,
    /// At most.
    pub limit: Money,
    /// What counts already.
    pub held: Money,
    /// What the step asked for: none where it named no amount, of another currency where it cannot be compared.
    pub asked: Option<Money>,
}

/// The answer to an intent.
#[derive(Clone, Debug)]
pub enum Begin {
    /// The intent is durable: send, once.
    Send {
        /// Which attempt of the key this is, from 1.
        attempt: u32,
    },
    /// The key has an outcome that stands for this call too: it is spent with the same request, or it ended in this
    /// same item. Nothing may be sent.
    Recorded(Box<StepRecord>),
    /// The key is spent with another request. Nothing may be sent.
    Reused(Box<StepRecord>),
    /// The key is in flight in another step. Nothing may be sent.
    InFlight(Box<StepRecord>),
    /// The key's last step is unknown or in conflict. Nothing may be sent.
    Open(Box<StepRecord>),
    /// Another key's step on the same subject, of the same account and operation, is open. Nothing may be sent.
    Locked(Box<StepRecord>),
    /// A limit does not allow it. Nothing may be sent.
    Limited(LimitReached),
    /// It would open an account for a vendor that is there already, or for another vendor's business. Nothing may be
    /// sent.
    Vendor(Box<VendorRecord>),
    /// It would give back more than was taken. Nothing may be sent.
    Exhausted(Exhausted),
}

/// The outcome of a step, as the journal keeps it: redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredOutcome {
    /// In one word.
    pub status: OutcomeStatus,
    /// The provider's id.
    pub reference: Option<String>,
    /// The document's number.
    pub document: Option<String>,
    /// The code.
    pub code: Option<String>,
    /// For people.
    pub message: Text,
    /// The provider's answer, without secrets.
    pub data: Json,
    /// What was charged, by the provider's words.
    pub amount: Option<Money>,
}

/// The outcome of a step in flight.
#[derive(Clone, Debug)]
pub struct StepFinish {
    /// Which step.
    pub step: StepId,
    /// What came of it.
    pub outcome: StoredOutcome,
    /// Sealed rows that came with it.
    pub sealed: Vec<SealedRow>,
    /// What it says of a vendor.
    pub vendor: Option<VendorMark>,
    /// When.
    pub at: Timestamp,
}

/// A step as it stands.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// Its id.
    pub id: StepId,
    /// The operation's qualified name, or the host function's, as in `time.now`.
    pub operation: String,
    /// *Who*.
    pub who: String,
    /// The account, or empty where none was needed.
    pub account: String,
    /// The key.
    pub key: Option<Key>,
    /// Which attempt of the key, or none where it had no intent.
    pub attempt: Option<u32>,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
    /// Whom it concerns.
    pub subject: Option<String>,
    /// What it was to move.
    pub amount: Option<Money>,
    /// Where it stands.
    pub state: StepState,
    /// What came of it.
    pub outcome: Option<StoredOutcome>,
    /// When its intent was journalled.
    pub intent_at: Timestamp,
    /// When its outcome was.
    pub outcome_at: Option<Timestamp>,
    /// The flow of its run. Not read by [`record_step`](crate::Journal::record_step), which knows the run.
    pub flow: String,
    /// See [`Intent::look_up`].
    pub look_up: Value,
    /// See [`Intent::stamp`].
    pub stamp: Option<String>,
    /// When a person let other keys of its subject go on while it is open.
    pub unlocked_at: Option<Timestamp>,
    /// When it was last looked for at the provider.
    pub looked_up_at: Option<Timestamp>,
    /// How often it was.
    pub looked_up: u32,
}

/// How an open step ends, or becomes a conflict.
#[derive(Clone, Debug)]
pub struct StepClose {
    /// Which step.
    pub step: StepId,
    /// What came of it: final, or `conflict` for one that was unknown.
    pub outcome: StoredOutcome,
    /// Its item as it was read, or none where there is none. Where it is not so any more, nothing is closed: the end
    /// below was decided for another state.
    pub seen: Option<ItemSeen>,
    /// The new end of its item, where it changes. Only an item that has ended gets it: one that is still at work hears
    /// of the outcome when it goes on.
    pub end: Option<ItemEnd>,
    /// Sealed rows that come with it.
    pub sealed: Vec<SealedRow>,
    /// What it says of a vendor.
    pub vendor: Option<VendorMark>,
    /// What it was decided by, as JSON without secrets.
    pub evidence: Value,
    /// Who decided: a person, or the hub itself.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Which steps with an effect.
#[derive(Clone, Debug, Default)]
pub struct StepQuery {
    /// Only in this state.
    pub state: Option<StepState>,
    /// Only those journalled after this step.
    pub after: Option<StepId>,
    /// At most so many.
    pub limit: usize,
}

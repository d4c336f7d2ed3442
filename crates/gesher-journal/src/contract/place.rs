//! What the cases stand on: a store of their own, and short ways to say the usual things.

use crate::{
    Begin, Claim, Intent, Journal, JournalError, Limits, NewItem, NewRun, RunChange, RunState, ScriptBundle,
    SealedRow, StepFinish, StoredOutcome, TriggerKind,
};
use async_trait::async_trait;
use gesher_core::{
    Currency, Decimal, ItemEnd, ItemId, ItemStatus, Key, Money, OutcomeStatus, RunId, StepId, Text,
};
use jiff::Timestamp;
use std::fmt::Debug;
use std::sync::Arc;

/// A case found the contract broken.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

impl From<JournalError> for Broken {
    fn from(error: JournalError) -> Self {
        Self(format!("{error}: {error:?}"))
    }
}

/// Makes stores for the cases.
#[async_trait]
pub trait Stores: Send + Sync {
    /// Opens the store `name`; a name that is new is a store with nothing in it. The same store may be open already.
    async fn open(&self, name: &str) -> Result<Arc<dyn Journal>, JournalError>;
}

/// Breaks the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err($crate::contract::Broken(format!("line {}: {}", line!(), format!($($what)+))));
        }
    };
}

/// Breaks the case unless the value fits the pattern.
macro_rules! ensure_fits {
    ($value:expr, $($pattern:tt)+) => {{
        let value = $value;
        if !matches!(&value, $($pattern)+) {
            let wanted = stringify!($($pattern)+);
            return Err($crate::contract::Broken(format!("line {}: {value:?} where {wanted} belongs", line!())));
        }
    }};
}

/// A case's own store.
pub struct Place {
    stores: Arc<dyn Stores>,
    name: String,
    /// The store, opened.
    pub journal: Arc<dyn Journal>,
}

impl Place {
    /// A new store called `name`.
    pub async fn new(stores: Arc<dyn Stores>, name: &str) -> Result<Self, Broken> {
        let journal = stores.open(name).await?;
        Ok(Self { stores, name: name.to_owned(), journal })
    }

    /// The same store, opened beside this.
    pub(super) async fn beside(&self) -> Result<Self, Broken> {
        Self::new(Arc::clone(&self.stores), &self.name).await
    }

    /// The same store, opened after this has ended.
    pub(super) async fn opened_again(self) -> Result<Self, Broken> {
        let Self { stores, name, journal } = self;
        drop(journal);
        Self::new(stores, &name).await
    }

    /// A run of `flow` that is at work.
    pub(super) async fn run(&self, flow: &str) -> Result<RunId, Broken> {
        let run = new_run(flow)?;
        let id = run.id.clone();
        self.journal.start_run(run).await?;
        self.become_state(&id, RunState::Running).await?;
        Ok(id)
    }

    pub(super) async fn become_state(&self, run: &RunId, state: RunState) -> Result<(), JournalError> {
        self.journal.change_run(run, RunChange { state: Some(state), ..RunChange::default() }, at(1)).await
    }

    /// Claims one row with a key; `cells` stands for what else is in it.
    pub(super) async fn claim(
        &self,
        run: &RunId,
        ordinal: u64,
        key: &str,
        cells: u8,
    ) -> Result<Claim, Broken> {
        self.claim_item(run, row(ordinal, Some(key), cells)?).await
    }

    pub(super) async fn claim_item(&self, run: &RunId, item: NewItem) -> Result<Claim, Broken> {
        let claims = self.journal.claim_items(run, vec![item], at(2)).await?;
        claims.into_iter().next().ok_or_else(|| Broken("no answer for a row".to_owned()))
    }

    pub(super) async fn end(&self, run: &RunId, ordinal: u64, status: ItemStatus) -> Result<(), Broken> {
        let end = ItemEnd::new(status, "code", "message");
        Ok(self.journal.finish_item(&item(run, ordinal), end, at(3)).await?)
    }

    /// Begins a step of the item `ordinal` at `position`.
    pub(super) async fn begin(
        &self,
        run: &RunId,
        ordinal: u64,
        position: u32,
        key: &str,
    ) -> Result<Begin, Broken> {
        Ok(self.journal.begin_step(intent(run, ordinal, position, key)?).await?)
    }

    pub(super) async fn finish(
        &self,
        run: &RunId,
        ordinal: u64,
        position: u32,
        status: OutcomeStatus,
    ) -> Result<(), JournalError> {
        self.journal.finish_step(&finish(step(run, ordinal, position), status)).await
    }
}

/// An instant, some seconds after the beginning of the tests' time.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn new_run(flow: &str) -> Result<NewRun, Broken> {
    let id = RunId::random().map_err(|error| Broken(error.to_string()))?;
    Ok(NewRun {
        id,
        flow: flow.to_owned(),
        trigger: TriggerKind::Drop,
        name: "march.csv".to_owned(),
        source: serde_json::json!({ "file": "march.csv", "rows": [1, 2] }),
        script: ScriptBundle::of_hash("5c".repeat(32)),
        held: None,
        at: at(0),
    })
}

pub(super) fn key(text: &str) -> Result<Key, Broken> {
    Key::clean(text).map_err(|error| Broken(error.to_string()))
}

/// A row of ten shekels.
pub(super) fn row(ordinal: u64, row_key: Option<&str>, cells: u8) -> Result<NewItem, Broken> {
    let row_key = row_key.map(key).transpose()?;
    let amount = Some(shekels("10.00")?);
    Ok(NewItem { ordinal, line: ordinal + 1, key: row_key, cells_hash: [cells; 16], amount, ended: None })
}

pub(super) fn shekels(amount: &str) -> Result<Money, Broken> {
    let amount: Decimal = amount.parse().map_err(|_| Broken(format!("`{amount}` is no number")))?;
    Ok(Money { amount, currency: Currency::ILS })
}

pub(super) fn item(run: &RunId, ordinal: u64) -> ItemId {
    ItemId { run: run.clone(), ordinal }
}

pub(super) fn step(run: &RunId, ordinal: u64, position: u32) -> StepId {
    StepId { item: item(run, ordinal), position }
}

pub(super) fn intent(run: &RunId, ordinal: u64, position: u32, text: &str) -> Result<Intent, Broken> {
    Ok(Intent {
        step: step(run, ordinal, position),
        operation: "officeguy.charge".to_owned(),
        who: "dana".to_owned(),
        account: "officeguy:2410000001".to_owned(),
        key: key(text)?,
        once: false,
        request_hash: [1; 32],
        subject: Some(format!("customer {text}")),
        amount: Some(shekels("10.00")?),
        at: at(4),
        money: true,
        limits: Limits::default(),
        look_up: serde_json::json!({ "customer": 17 }),
        stamp: Some("k7-12".to_owned()),
        opens: None,
        original: None,
    })
}

pub(super) fn outcome(status: OutcomeStatus) -> StoredOutcome {
    StoredOutcome {
        status,
        reference: Some("9001".to_owned()),
        document: Some("40001".to_owned()),
        code: Some("000".to_owned()),
        message: Text::new("אושר", "approved"),
        data: serde_json::json!({ "Payment": { "ID": 9001, "Amount": 10.00 } }).into(),
        amount: shekels("10.00").ok(),
    }
}

pub(super) fn finish(step: StepId, status: OutcomeStatus) -> StepFinish {
    StepFinish { step, outcome: outcome(status), sealed: Vec::new(), vendor: None, at: at(5) }
}

pub(super) fn sealed_row(name: &str, bytes: &[u8]) -> SealedRow {
    SealedRow { name: name.to_owned(), bytes: bytes.to_vec() }
}

/// Breaks the case unless the two are equal.
#[track_caller]
pub(super) fn same<T: PartialEq + Debug>(got: T, want: T) -> Result<(), Broken> {
    if got == want {
        return Ok(());
    }
    let line = std::panic::Location::caller().line();
    Err(Broken(format!("line {line}: {got:?} where {want:?} belongs")))
}

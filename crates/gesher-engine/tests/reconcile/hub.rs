//! A hub with a clock that the test moves, and rows as a dead or a living process left them.

use crate::acme::Acme;
use gesher_core::look_up::{Agreement, Candidate, Stamped};
use gesher_core::time::ManualClock;
use gesher_core::{
    ItemEnd, ItemId, ItemStatus, Key, Language, Outcome, OutcomeStatus, Provider, Redactor, Registry, RunId,
    Secret, Stamp, StepId, Text,
};
use gesher_engine::journal::{
    Begin, Claim, Intent, ItemQuery, ItemRecord, Journal, Limits, NewItem, RunChange, RunState, ScriptBundle,
    SqliteJournal, StepFinish, StepRecord, StoredOutcome, TriggerKind,
};
use gesher_engine::{
    AccountRules, Desk, Engine, EngineError, EngineParts, ItemResolution, Reconciled, Resolution, Resolved,
    Stop,
};
use gesher_vault::{MasterKeySource, Vault};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A secret that must stand in nothing that the hub keeps.
pub(crate) const CANARY: &str = "canary-of-the-records";

/// A step as it was journalled: its operation, its key, and how it ended.
pub(crate) type Step<'a> = (&'a str, &'a str, Option<OutcomeStatus>);

pub(crate) struct Hub {
    pub(crate) acme: Arc<Acme>,
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
}

impl Hub {
    pub(crate) fn open(folder: &Path) -> Self {
        Self::telling(folder, true)
    }

    /// One that tells of lasting troubles, or one for a person who sees them.
    pub(crate) fn telling(folder: &Path, tells_of_troubles: bool) -> Self {
        let acme = Arc::new(Acme::default());
        let provider: Arc<dyn Provider> = Arc::clone(&acme) as Arc<dyn Provider>;
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
        let path = folder.join("gesher.db");
        let journal =
            SqliteJournal::open(&path, None, &[provider.environment()], Timestamp::UNIX_EPOCH).unwrap();
        let key = MasterKeySource { file: folder.join("master.key"), ..MasterKeySource::default() };
        let redactor = Arc::new(Redactor::new());
        redactor.learn(&Secret::from(CANARY));
        let engine = Engine::new(EngineParts {
            registry: Arc::new(Registry::new(&[provider])),
            journal: Arc::new(journal),
            vault: Arc::new(Vault::open(&key).unwrap()),
            clock: clock.clone(),
            redactor,
            language: Language::En,
            time_zone: jiff::tz::TimeZone::UTC,
            runtime: tokio::runtime::Handle::current(),
            accounts: vec![AccountRules { provider: "acme".into(), max_in_flight: 2, rate_per_second: None }],
            tells_of_troubles,
        });
        Self { acme, engine, clock }
    }

    /// Kind and subject of each alert.
    pub(crate) async fn alerts(&self) -> Vec<(String, Option<String>)> {
        // What was handed over before is written then.
        self.journal().probe().await.unwrap();
        let told = self.journal().alerts(10).await.unwrap();
        told.into_iter().map(|told| (told.alert.kind, told.alert.subject)).collect()
    }

    pub(crate) fn journal(&self) -> &Arc<dyn Journal> {
        self.engine.journal()
    }

    pub(crate) fn desk(&self) -> Desk {
        self.engine.desk()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A run at work with one row of this key.
    pub(crate) async fn row(&self, key: &str) -> (ItemId, Claim) {
        let run = RunId::random().unwrap();
        let new = gesher_engine::journal::NewRun {
            id: run.clone(),
            flow: "f".into(),
            trigger: TriggerKind::Call,
            name: "march.csv".into(),
            source: Value::Null,
            script: ScriptBundle::of_hash("0"),
            held: None,
            at: self.engine.clock().now(),
        };
        self.journal().start_run(new).await.unwrap();
        self.engine.change(&run, RunState::Running).await.unwrap();
        let key = Some(Key::clean(key).unwrap());
        let item = NewItem { ordinal: 1, line: 2, key, cells_hash: [0; 16], amount: None, ended: None };
        let now = self.engine.clock().now();
        let claim = self.journal().claim_items(&run, vec![item], now).await.unwrap().remove(0);
        (ItemId { run, ordinal: 1 }, claim)
    }

    pub(crate) async fn begin(&self, step: &StepId, operation: &str, key: &str) -> Begin {
        let intent = Intent {
            step: step.clone(),
            operation: operation.into(),
            who: "marketplace".into(),
            account: "acme:1".into(),
            key: Key::clean(key).unwrap(),
            once: false,
            request_hash: [7; 32],
            subject: Some(format!("customer {key}")),
            amount: "5.00 ILS".parse().ok(),
            at: self.engine.clock().now(),
            money: true,
            limits: Limits::default(),
            look_up: json!({ "customer": key }),
            stamp: Some(Stamp::of(step).to_string()),
            opens: None,
            original: None,
        };
        self.journal().begin_step(intent).await.unwrap()
    }

    /// A row of these steps, in a run that is at work. The row itself has not ended.
    pub(crate) async fn at_work(&self, key: &str, steps: &[Step<'_>]) -> Vec<StepId> {
        let (item, _) = self.row(key).await;
        let mut ids = Vec::new();
        for (position, (operation, key, status)) in (1..).zip(steps) {
            let step = StepId { item: item.clone(), position };
            assert!(matches!(self.begin(&step, operation, key).await, Begin::Send { .. }));
            if let Some(status) = *status {
                let outcome = StoredOutcome {
                    status,
                    reference: (status == OutcomeStatus::Succeeded).then(|| format!("ref-{key}")),
                    document: None,
                    code: Some("code".into()),
                    message: Text::verbatim("no answer"),
                    data: Value::Null.into(),
                    amount: "5.00 ILS".parse().ok(),
                };
                let at = self.engine.clock().now();
                let finish = StepFinish { step: step.clone(), outcome, sealed: Vec::new(), vendor: None, at };
                self.journal().finish_step(&finish).await.unwrap();
            }
            ids.push(step);
        }
        ids
    }

    /// A row whose last step is unknown, in a run that is over.
    pub(crate) async fn unknown(&self, key: &str, steps: &[Step<'_>]) -> StepId {
        self.ended(key, steps, "code").await
    }

    /// The same with this code.
    pub(crate) async fn ended(&self, key: &str, steps: &[Step<'_>], code: &str) -> StepId {
        let ids = self.at_work(key, steps).await;
        let step = ids.last().unwrap().clone();
        let end = ItemEnd::new(ItemStatus::Unknown, code, "no answer");
        let now = self.engine.clock().now();
        self.journal().finish_item(&step.item, end, now).await.unwrap();
        for state in [RunState::Reporting, RunState::Finished] {
            self.engine.change(&step.item.run, state).await.unwrap();
        }
        step
    }

    /// One charge, unknown.
    pub(crate) async fn charge(&self, key: &str) -> StepId {
        self.unknown(key, &[("acme.charge", key, Some(OutcomeStatus::Unknown))]).await
    }

    pub(crate) async fn halt(&self, run: &RunId) {
        let change = RunChange { state: Some(RunState::Halted), ..RunChange::default() };
        self.journal().change_run(run, change, self.engine.clock().now()).await.unwrap();
    }

    pub(crate) async fn step(&self, step: &StepId) -> StepRecord {
        self.journal().step(step).await.unwrap().unwrap()
    }

    pub(crate) async fn item(&self, item: &ItemId) -> ItemRecord {
        let query = ItemQuery { run: item.run.clone(), status: None, after: Some(0), limit: 1 };
        self.journal().items(&query).await.unwrap().remove(0)
    }

    pub(crate) async fn end(&self, step: &StepId) -> ItemEnd {
        self.item(&step.item).await.end.unwrap()
    }

    pub(crate) async fn closings(&self, step: &StepId) -> u64 {
        self.journal().run(&step.item.run).await.unwrap().unwrap().closings
    }

    /// Looks at one step as a row that waits does.
    pub(crate) async fn look(&self, step: &StepId) -> Reconciled {
        self.engine.reconcile(step).await.unwrap()
    }

    /// One round: the steps that were looked up.
    pub(crate) async fn round(&self) -> Vec<StepId> {
        let ends = self.engine.reconcile_due(&Stop::new()).await.unwrap();
        ends.into_iter().map(|(step, _)| step).collect()
    }

    /// A person says of the step's row what it came to.
    pub(crate) async fn resolve_item(
        &self,
        step: &StepId,
        charged: Option<&str>,
    ) -> Result<ItemEnd, EngineError> {
        let (item, charged) = (step.item.clone(), charged.map(str::to_owned));
        let (reason, actor) = ("seen at the provider".to_owned(), "dana".to_owned());
        self.desk().resolve_item(&ItemResolution { item, charged, reason, actor }).await
    }

    pub(crate) async fn resolve(
        &self,
        step: &StepId,
        charged: Option<&str>,
    ) -> Result<Resolved, EngineError> {
        let charged = charged.map(str::to_owned);
        let (reason, actor) = ("seen at the provider".to_owned(), "dana".to_owned());
        self.desk().resolve(&Resolution { step: step.clone(), charged, reason, actor }).await
    }
}

/// A record of the provider that bears the step's stamp.
pub(crate) fn record(step: &StepId, reference: &str) -> Candidate {
    let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "000", Text::verbatim("approved"));
    outcome.reference = Some(reference.into());
    outcome.amount = "5.00 ILS".parse().ok();
    Candidate {
        reference: reference.into(),
        document: Some(format!("doc-{reference}")),
        at: None,
        amount: "5.00 ILS".parse().ok(),
        amount_agrees: Agreement::Yes,
        stamped: Stamped::As(Stamp::of(step)),
        pending: false,
        also: Vec::new(),
        agrees: Agreement::Yes,
        outcome,
        evidence: json!({ "ID": reference, "Key": CANARY }),
    }
}

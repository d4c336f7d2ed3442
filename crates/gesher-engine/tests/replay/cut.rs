//! A journal that dies: after so many writes it takes no more, as a process that was killed takes none.

use async_trait::async_trait;
use gesher_core::{HubId, ItemEnd, ItemId, RunId, StepId};
use gesher_engine::Stop;
use gesher_engine::journal::{AlertRecord, AlertTry, NewAlert, StoreWrite, StoreWritten};
use gesher_engine::journal::{
    Begin, Claim, Decision, EventBegun, FileIdentity, Intent, ItemClose, ItemQuery, ItemRecord, Journal,
    JournalError, KeyUse, KnownSchedule, KnownVendors, NewDecision, NewEvent, NewItem, NewRun, Resealing,
    RunChange, RunRecord, RunState, ScriptBundle, SealedRow, SourceLook, StepClose, StepFinish, StepQuery,
    StepRecord, SubjectUse, Tally, TriggerKind, VendorDecision, VendorRecord, Written,
};
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What happens at the write that is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is not made.
    Lost,
    /// It is durable, and nobody learns of it.
    Kept,
    /// It is made, and from then on the hub is asked to stop; all later writes are made, too.
    Stop,
    /// So many of the writes that halt a run are not made; all others are.
    Halts,
}

/// See the module.
pub(crate) struct Dying {
    inner: Arc<dyn Journal>,
    left: AtomicI64,
    cut: Cut,
    stop: Stop,
}

impl Dying {
    pub(crate) fn new(inner: Arc<dyn Journal>, writes: i64, cut: Cut, stop: Stop) -> Self {
        Self { inner, left: AtomicI64::new(writes), cut, stop }
    }

    fn write<T>(&self, make: impl FnOnce(&dyn Journal) -> Written<T>) -> Written<T> {
        if self.cut == Cut::Halts {
            return make(&*self.inner);
        }
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        match (left, self.cut) {
            (2.., _) => make(&*self.inner),
            (1, Cut::Lost) => Written::refused(JournalError::Closed),
            (1, Cut::Kept) => {
                make(&*self.inner).in_order();
                Written::refused(JournalError::Closed)
            }
            (_, Cut::Stop) => {
                self.stop.request();
                make(&*self.inner)
            }
            _ => Written::refused(JournalError::Closed),
        }
    }
}

#[async_trait]
impl Journal for Dying {
    fn hub_id(&self) -> &HubId {
        self.inner.hub_id()
    }

    fn start_run(&self, run: NewRun) -> Written<()> {
        self.write(|inner| inner.start_run(run))
    }

    fn start_event(&self, run: NewRun, event: NewEvent) -> Written<EventBegun> {
        self.write(|inner| inner.start_event(run, event))
    }

    fn keep_look(&self, look: SourceLook) -> Written<Vec<EventBegun>> {
        self.write(|inner| inner.keep_look(look))
    }

    fn know_schedule(&self, schedule: KnownSchedule) -> Written<()> {
        self.write(|inner| inner.know_schedule(schedule))
    }

    fn change_run(&self, run: &RunId, change: RunChange, at: Timestamp) -> Written<()> {
        if self.cut == Cut::Halts {
            let halts = change.state == Some(RunState::Halted);
            if halts && self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
                return Written::refused(JournalError::Closed);
            }
            return self.inner.change_run(run, change, at);
        }
        self.write(|inner| inner.change_run(run, change, at))
    }

    fn identify_file(&self, run: &RunId, sha256: [u8; 32], at: Timestamp) -> Written<FileIdentity> {
        self.write(|inner| inner.identify_file(run, sha256, at))
    }

    fn claim_items(&self, run: &RunId, items: Vec<NewItem>, at: Timestamp) -> Written<Vec<Claim>> {
        self.write(|inner| inner.claim_items(run, items, at))
    }

    fn begin_step(&self, intent: Intent) -> Written<Begin> {
        self.write(|inner| inner.begin_step(intent))
    }

    fn finish_step(&self, finish: &StepFinish) -> Written<()> {
        self.write(|inner| inner.finish_step(finish))
    }

    fn write_store(&self, write: StoreWrite) -> Written<StoreWritten> {
        self.write(|inner| inner.write_store(write))
    }

    fn raise_alert(&self, alert: NewAlert, step: Option<StepRecord>) -> Written<()> {
        self.write(|inner| inner.raise_alert(alert, step))
    }

    fn note_alert_try(&self, no: u64, tried: AlertTry) -> Written<()> {
        self.write(|inner| inner.note_alert_try(no, tried))
    }

    fn close_step(&self, close: StepClose) -> Written<()> {
        self.write(|inner| inner.close_step(close))
    }

    fn close_item(&self, close: ItemClose) -> Written<()> {
        self.write(|inner| inner.close_item(close))
    }

    fn unlock_step(&self, step: &StepId, actor: &str, reason: &str, at: Timestamp) -> Written<()> {
        self.write(|inner| inner.unlock_step(step, actor, reason, at))
    }

    fn note_look_up(&self, step: &StepId, at: Timestamp) -> Written<()> {
        self.write(|inner| inner.note_look_up(step, at))
    }

    fn probe(&self) -> Written<()> {
        self.write(|inner| inner.probe())
    }

    fn reports_written(&self, run: &RunId, closings: u64, at: Timestamp) -> Written<()> {
        self.write(|inner| inner.reports_written(run, closings, at))
    }

    fn decide(&self, decision: NewDecision) -> Written<u64> {
        self.write(|inner| inner.decide(decision))
    }

    fn settle_decision(&self, seq: u64, result: &str, at: Timestamp) -> Written<()> {
        self.write(|inner| inner.settle_decision(seq, result, at))
    }

    fn record_step(&self, step: StepRecord) -> Written<()> {
        self.write(|inner| inner.record_step(step))
    }

    fn finish_item(&self, item: &ItemId, end: ItemEnd, at: Timestamp) -> Written<()> {
        self.write(|inner| inner.finish_item(item, end, at))
    }

    fn settle_in_flight(&self, at: Timestamp) -> Written<Vec<StepId>> {
        self.write(|inner| inner.settle_in_flight(at))
    }

    fn put_sealed(&self, row: SealedRow, at: Timestamp) -> Written<()> {
        self.write(|inner| inner.put_sealed(row, at))
    }

    fn set_vendors(&self, vendors: KnownVendors) -> Written<()> {
        self.write(|inner| inner.set_vendors(vendors))
    }

    fn decide_vendor(&self, decision: VendorDecision) -> Written<VendorRecord> {
        self.write(|inner| inner.decide_vendor(decision))
    }

    fn reseal(&self, resealing: Resealing) -> Written<()> {
        self.write(|inner| inner.reseal(resealing))
    }

    async fn stored(&self, flow: &str, key: &str) -> Result<Option<serde_json::Value>, JournalError> {
        self.inner.stored(flow, key).await
    }

    async fn stored_keys(&self, flow: &str, prefix: &str, limit: usize) -> Result<Vec<String>, JournalError> {
        self.inner.stored_keys(flow, prefix, limit).await
    }

    async fn alerts(&self, limit: usize) -> Result<Vec<AlertRecord>, JournalError> {
        self.inner.alerts(limit).await
    }

    async fn alerts_due(&self, by: Timestamp, limit: usize) -> Result<Vec<AlertRecord>, JournalError> {
        self.inner.alerts_due(by, limit).await
    }

    async fn vendor(&self, provider: &str, handle: &str) -> Result<Option<VendorRecord>, JournalError> {
        self.inner.vendor(provider, handle).await
    }

    async fn vendors(&self, provider: &str) -> Result<Vec<VendorRecord>, JournalError> {
        self.inner.vendors(provider).await
    }

    async fn sealed(&self, name: &str) -> Result<Option<SealedRow>, JournalError> {
        self.inner.sealed(name).await
    }

    async fn sealed_names(&self) -> Result<Vec<(String, Timestamp)>, JournalError> {
        self.inner.sealed_names().await
    }

    async fn run(&self, run: &RunId) -> Result<Option<RunRecord>, JournalError> {
        self.inner.run(run).await
    }

    async fn source_cursor(
        &self,
        flow: &str,
        source: &str,
    ) -> Result<Option<serde_json::Value>, JournalError> {
        self.inner.source_cursor(flow, source).await
    }

    async fn schedule(&self, flow: &str) -> Result<Option<KnownSchedule>, JournalError> {
        self.inner.schedule(flow).await
    }

    async fn event(&self, flow: &str, trigger: TriggerKind, id: &str) -> Result<Option<RunId>, JournalError> {
        self.inner.event(flow, trigger, id).await
    }

    async fn runs(&self, flow: Option<&str>, limit: usize) -> Result<Vec<RunRecord>, JournalError> {
        self.inner.runs(flow, limit).await
    }

    async fn waiting_deliveries(
        &self,
        flow: &str,
        after: Option<&RunId>,
        limit: usize,
    ) -> Result<Vec<RunRecord>, JournalError> {
        self.inner.waiting_deliveries(flow, after, limit).await
    }

    async fn waiting_flows(&self) -> Result<Vec<(String, u64)>, JournalError> {
        self.inner.waiting_flows().await
    }

    async fn waiting_of(&self, flow: &str) -> Result<u64, JournalError> {
        self.inner.waiting_of(flow).await
    }

    async fn unfinished_runs(&self) -> Result<Vec<RunRecord>, JournalError> {
        self.inner.unfinished_runs().await
    }

    async fn items(&self, query: &ItemQuery) -> Result<Vec<ItemRecord>, JournalError> {
        self.inner.items(query).await
    }

    async fn steps_of(&self, item: &ItemId) -> Result<Vec<StepRecord>, JournalError> {
        self.inner.steps_of(item).await
    }

    async fn steps(&self, query: &StepQuery) -> Result<Vec<StepRecord>, JournalError> {
        self.inner.steps(query).await
    }

    async fn step(&self, id: &StepId) -> Result<Option<StepRecord>, JournalError> {
        self.inner.step(id).await
    }

    async fn open_steps(
        &self,
        after: Option<&StepId>,
        limit: usize,
    ) -> Result<Vec<StepRecord>, JournalError> {
        self.inner.open_steps(after, limit).await
    }

    async fn unknown_items(
        &self,
        after: Option<&ItemId>,
        limit: usize,
    ) -> Result<Vec<ItemRecord>, JournalError> {
        self.inner.unknown_items(after, limit).await
    }

    async fn references_taken(
        &self,
        account: &str,
        references: &[String],
        except: &StepId,
    ) -> Result<Vec<String>, JournalError> {
        self.inner.references_taken(account, references, except).await
    }

    async fn key_taken(&self, key_use: &KeyUse) -> Result<Option<Begin>, JournalError> {
        self.inner.key_taken(key_use).await
    }

    async fn locked_by(&self, subject_use: &SubjectUse) -> Result<Option<StepRecord>, JournalError> {
        self.inner.locked_by(subject_use).await
    }

    async fn taken_by(&self, account: &str, reference: &str) -> Result<Option<StepRecord>, JournalError> {
        self.inner.taken_by(account, reference).await
    }

    async fn open_steps_near(
        &self,
        step: &StepId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<StepRecord>, JournalError> {
        self.inner.open_steps_near(step, from, until).await
    }

    async fn stale_reports(&self) -> Result<Vec<RunRecord>, JournalError> {
        self.inner.stale_reports().await
    }

    async fn open_decisions(&self) -> Result<Vec<Decision>, JournalError> {
        self.inner.open_decisions().await
    }

    async fn script(&self, hash: &str) -> Result<Option<ScriptBundle>, JournalError> {
        self.inner.script(hash).await
    }

    async fn tally(&self, run: &RunId) -> Result<Tally, JournalError> {
        self.inner.tally(run).await
    }
}

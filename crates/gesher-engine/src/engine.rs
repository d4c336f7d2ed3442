//! The one path by which an operation runs, whoever asks for it.
//!
//! `Engine::call` is a list of small steps: find, allow, check, key, turn, **intent**, permit, send, classify, **outcome**,
//! answer; those from intent to outcome are in `effect`. The turn at the provider is taken before the intent: an intent that
//! waits is one more `unknown` after a crash, for a request that never left. Only a few may wait, for the permit of a call
//! that ends while they were written (`permits`).

use crate::accounts::{Accounts, NoAccount};
use crate::context::CallFault;
use crate::decisions::AtWork;
use crate::effect::Begun;
use crate::error::EngineError;
use crate::flow::FlowLimits;
use crate::halt::UnknownGuard;
use crate::health::Health;
use crate::messages;
use crate::permits::{AccountRules, PATIENCE, Permits, Stopping, Turn};
use crate::reconcile::Looks;
use crate::starting::Starts;
use crate::stop::Stop;
use gesher_core::operation::Registered;
use gesher_core::{
    Account, Clock, Key, Language, Outcome, OutcomeStatus, Prepared, Redactor, Registry, RunId, Secret,
    Stamp, StepId, Text,
};
use gesher_journal::{
    Begin, Journal, JournalError, NewRun, Original, ScriptBundle, SealedRow, StepRecord, StepState,
    StoredOutcome, TriggerKind, UNLOGGED,
};
use gesher_vault::Vault;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

/// Tries at drawing a run id that is not taken. With 30^7 ids even two are hardly ever needed.
const RUN_ID_TRIES_MAX: u32 = 8;

/// What an engine is made of.
pub struct EngineParts {
    /// Every operation.
    pub registry: Arc<Registry>,
    /// The durable record.
    pub journal: Arc<dyn Journal>,
    /// Seals and unseals.
    pub vault: Arc<Vault>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Cleans whatever is kept or shown.
    pub redactor: Arc<Redactor>,
    /// The language of messages in results.
    pub language: Language,
    /// The zone of times in messages.
    pub time_zone: TimeZone,
    /// Where calls are sent from.
    pub runtime: tokio::runtime::Handle,
    /// Turns at the providers.
    pub accounts: Vec<AccountRules>,
    /// Whether troubles that last, such as refused keys, are alarms. Not where a person waits for what it says, and asks
    /// again as often as he likes.
    pub tells_of_troubles: bool,
}

/// Runs operations and items. Clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    registry: Arc<Registry>,
    journal: Arc<dyn Journal>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    redactor: Arc<Redactor>,
    language: Language,
    time_zone: TimeZone,
    runtime: tokio::runtime::Handle,
    permits: Permits,
    accounts: Accounts,
    health: Health,
    at_work: Arc<AtWork>,
    looks: Looks,
    starts: OnceLock<Arc<dyn Starts>>,
}

/// One call, as its item makes it.
pub(crate) struct Call {
    pub(crate) step: StepId,
    pub(crate) who: String,
    /// Cleaned or derived; none for reads.
    pub(crate) key: Option<Key>,
    pub(crate) registered: Arc<Registered>,
    pub(crate) prepared: Prepared,
    /// How much the flow may move.
    pub(crate) limits: FlowLimits,
    /// Is told what came of it.
    pub(crate) guard: Arc<UnknownGuard>,
    /// The earlier call of which it gives something back, and what that took.
    pub(crate) original: Option<Original>,
    /// Set once the intent is durable.
    pub(crate) begun: Arc<AtomicBool>,
}

impl Call {
    pub(crate) fn operation(&self) -> &str {
        &self.registered.name
    }
}

/// With whose keys a call is sent.
pub(crate) struct Senders {
    /// Who sends it.
    pub(crate) account: Arc<Account>,
    /// The others whom it names.
    pub(crate) others: Vec<Arc<Account>>,
}

/// What a call came to: its outcome, and whether it is another step's, because the key is taken.
pub(crate) struct Called {
    pub(crate) outcome: StoredOutcome,
    pub(crate) key_taken: bool,
    pub(crate) replayed: bool,
}

impl Called {
    pub(crate) fn own(outcome: StoredOutcome) -> Self {
        Self { outcome, key_taken: false, replayed: false }
    }

    /// Whether the intent was durable and could not be logged, so that nothing was sent and the call did not come back.
    pub(crate) fn was_withdrawn(&self) -> bool {
        self.outcome.status == OutcomeStatus::NotSent && self.outcome.code.as_deref() == Some(UNLOGGED)
    }

    /// The same again from the record. A step with a key and an account that never had an attempt, and did have its
    /// turn, is one whose key was taken.
    pub(crate) fn recorded(step: &StepRecord, outcome: StoredOutcome) -> Self {
        let code = outcome.code.as_deref();
        let had_its_turn = !code.is_some_and(|code| messages::BEFORE_THE_KEY.contains(&code));
        let key_taken =
            step.key.is_some() && step.attempt.is_none() && !step.account.is_empty() && had_its_turn;
        let refused =
            matches!(code, Some(messages::KEY_REUSED | messages::KEY_IN_FLIGHT | messages::KEY_OPEN));
        Self { outcome, key_taken, replayed: key_taken && !refused }
    }
}

impl Engine {
    /// Puts the parts together. Nothing runs yet.
    #[must_use]
    pub fn new(parts: EngineParts) -> Self {
        let accounts = Accounts::new(
            Arc::clone(&parts.journal),
            Arc::clone(&parts.vault),
            Arc::clone(&parts.redactor),
            Arc::clone(&parts.clock),
        );
        Self(Arc::new(Inner {
            registry: parts.registry,
            journal: parts.journal,
            vault: parts.vault,
            clock: parts.clock,
            redactor: parts.redactor,
            language: parts.language,
            time_zone: parts.time_zone,
            runtime: parts.runtime,
            permits: Permits::new(parts.accounts),
            accounts,
            health: Health::telling(parts.tells_of_troubles),
            at_work: Arc::default(),
            looks: Looks::default(),
            starts: OnceLock::new(),
        }))
    }

    /// Every operation.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.0.registry
    }

    /// The durable record.
    #[must_use]
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.0.journal
    }

    /// Tells the time.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Cleans whatever is kept or shown.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.0.redactor
    }

    /// What the hub cannot do at the moment.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// The language of messages in results.
    #[must_use]
    pub fn language(&self) -> Language {
        self.0.language
    }

    /// The zone of times in messages.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        &self.0.time_zone
    }

    pub(crate) fn shared_registry(&self) -> Arc<Registry> {
        Arc::clone(&self.0.registry)
    }

    pub(crate) fn shared_redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.0.redactor)
    }

    pub(crate) fn permits(&self) -> &Permits {
        &self.0.permits
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    pub(crate) fn starts_cell(&self) -> &OnceLock<Arc<dyn Starts>> {
        &self.0.starts
    }

    pub(crate) fn looks(&self) -> &Looks {
        &self.0.looks
    }

    /// Where calls are sent from.
    #[must_use]
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.0.runtime
    }

    /// The runs that this process works on.
    pub(crate) fn at_work(&self) -> &Arc<AtWork> {
        &self.0.at_work
    }

    /// At start, before anything is sent: what was in flight in a process that is gone becomes unknown.
    pub async fn settle_in_flight(&self) -> Result<Vec<StepId>, EngineError> {
        let now = self.0.clock.now();
        self.0
            .journal
            .settle_in_flight(now)
            .await
            .map_err(EngineError::journal("settling what was in flight"))
    }

    /// Draws an id and begins a run.
    pub async fn start_run(
        &self,
        flow: &str,
        trigger: TriggerKind,
        name: &str,
        source: Value,
        script: &ScriptBundle,
    ) -> Result<RunId, EngineError> {
        let mut tries = 0;
        loop {
            let id = RunId::random().map_err(EngineError::Id)?;
            let run = NewRun {
                id: id.clone(),
                flow: flow.to_owned(),
                trigger,
                name: name.to_owned(),
                source: source.clone(),
                script: script.clone(),
                held: None,
                at: self.0.clock.now(),
            };
            tries += 1;
            gesher_core::failpoint!("run.before");
            let begun = self.0.journal.start_run(run).await;
            gesher_core::failpoint!("run.begun");
            match begun {
                Ok(()) => return Ok(id),
                Err(JournalError::Taken(_)) if tries < RUN_ID_TRIES_MAX => {}
                Err(error) => return Err(EngineError::journal("beginning a run")(error)),
            }
        }
    }

    /// The one path from a checked request to its outcome. The caller has found the operation, checked that the flow
    /// may call it, checked the request and worked out the key.
    pub(crate) async fn call(&self, call: &Call, stop: &Stop) -> Result<Called, CallFault> {
        let senders = match self.senders(call).await {
            Ok(senders) => senders,
            Err(NoAccount::Refused(rejection)) => return Ok(Called::own(self.refuse(call, rejection))),
            Err(NoAccount::Failed(error)) => return Err(CallFault::Failed(error)),
        };
        let account = Arc::clone(&senders.account);
        let name = account_name(call.registered.entry.descriptor.provider, &account);
        let mut asked = HashSet::new();
        loop {
            let Some(turn) = self.turn(call, stop).await? else {
                return Ok(Called::own(self.record(call, &account, messages::no_turn())));
            };
            if self.0.accounts.is_paused(&name, &account) {
                return Ok(Called::own(self.record(call, &account, messages::account_paused(&name))));
            }
            let Some(key) = &call.key else {
                return self.perform_keyless(call, &senders, turn, stop).await;
            };
            match self.begin(call, key, &name).await? {
                Begun::Send(stamp) => return self.send(call, &senders, stamp.as_ref(), turn, stop).await,
                Begun::KeyTaken(begin) => return Ok(self.key_taken(call, &account, *begin)),
                Begun::NotNow(outcome) => return Ok(Called::own(self.record(call, &account, *outcome))),
                // Asking needs a turn of its own. A subject may have several open steps; each is asked about once.
                Begun::Locked(open) if asked.insert(open.id.clone()) => {
                    drop(turn);
                    self.ask_about(&open).await;
                }
                Begun::Locked(open) => {
                    let outcome = self.subject_locked(&open).await?;
                    return Ok(Called::own(self.record(call, &account, outcome)));
                }
            }
        }
    }

    async fn senders(&self, call: &Call) -> Result<Senders, NoAccount> {
        let account = self.0.accounts.of(&call.registered, &call.who).await?;
        let others = self.0.accounts.of_others(&call.registered, &call.prepared.vendors).await?;
        Ok(Senders { account, others })
    }

    /// What a look-up will have to know, as it is kept: without secrets.
    pub(crate) fn noted(&self, look_up: &Value) -> Value {
        let mut noted = look_up.clone();
        self.0.redactor.json(&mut noted);
        noted
    }

    /// Sends it. Refused keys pause their account, and with it whatever waits for its turn.
    pub(crate) async fn perform(&self, call: &Call, senders: &Senders, stamp: Option<&Stamp>) -> Outcome {
        let Registered { provider, entry, .. } = &*call.registered;
        let Senders { account, others } = senders;
        let mut outcome = provider.perform_with(entry, account, others, &call.prepared, stamp).await;
        if is_resent_by_mutant(outcome.code.as_deref()) {
            outcome = provider.perform_with(entry, account, others, &call.prepared, stamp).await;
        }
        if outcome.pauses_account {
            self.pause(&account_name(entry.descriptor.provider, account), account);
        }
        self.tell_of_certificate_of(call, &outcome);
        outcome
    }

    /// Waits for a turn at the provider. Once a stop is asked for, only a turn that needs no waiting is taken.
    async fn turn(&self, call: &Call, stop: &Stop) -> Result<Option<Turn>, CallFault> {
        let provider = call.registered.entry.descriptor.provider;
        self.0.permits.turn_unless(provider, PATIENCE, stop).await.map_err(|Stopping| CallFault::Stopping)
    }

    /// What another step's hold on the key means for this call. Nothing was sent.
    pub(crate) fn key_taken(&self, call: &Call, account: &Account, begin: Begin) -> Called {
        let (outcome, replayed) = match begin {
            Begin::Recorded(step) => (self.already(*step), true),
            Begin::Reused(step) => (self.store(messages::key_reused(call.operation(), &step)), false),
            Begin::InFlight(step) => (self.store(messages::key_in_flight(call.operation(), &step)), false),
            Begin::Open(step) => (self.store(messages::key_open(call.operation(), &step)), false),
            Begin::Send { .. }
            | Begin::Locked(_)
            | Begin::Limited(_)
            | Begin::Exhausted(_)
            | Begin::Vendor(_) => (self.store(messages::interrupted()), false),
        };
        self.write(call, account_name(call.registered.entry.descriptor.provider, account), &outcome);
        Called { outcome, key_taken: true, replayed }
    }

    /// A recorded outcome as the answer to another call: its message says where and when it was.
    fn already(&self, step: StepRecord) -> StoredOutcome {
        let when = step.outcome_at.unwrap_or(step.intent_at).to_zoned(self.0.time_zone.clone());
        let when = when.strftime("%Y-%m-%d %H:%M");
        let mut outcome = step.outcome.unwrap_or_else(|| self.store(messages::interrupted()));
        outcome.message = Text::new(
            format!("כבר נעשה ב־{when} (צעד {}): {}; עכשיו לא נשלח דבר", step.id, outcome.message.he),
            format!(
                "done already on {when} (step {}): {}; nothing was sent now",
                step.id, outcome.message.en
            ),
        );
        outcome
    }

    /// Records a call that was refused before it had an account, and answers its outcome.
    pub(crate) fn refuse(&self, call: &Call, refusal: impl Into<Outcome>) -> StoredOutcome {
        let outcome = self.store(refusal.into());
        self.write(call, String::new(), &outcome);
        outcome
    }

    /// Records a call that had no intent, and answers its outcome.
    pub(crate) fn record(&self, call: &Call, account: &Account, outcome: Outcome) -> StoredOutcome {
        let outcome = self.store(outcome);
        self.write(call, account_name(call.registered.entry.descriptor.provider, account), &outcome);
        outcome
    }

    /// The write is not awaited: it is durable no later than the next intent, and without one nothing depended on it.
    fn write(&self, call: &Call, account: String, outcome: &StoredOutcome) {
        let now = self.0.clock.now();
        let step = StepRecord {
            id: call.step.clone(),
            operation: call.operation().to_owned(),
            who: call.who.clone(),
            account,
            key: call.key.clone(),
            attempt: None,
            request_hash: call.prepared.hash,
            subject: call.prepared.facts.subject.clone(),
            amount: call.prepared.facts.amount,
            state: StepState::Over(outcome.status),
            outcome: Some(outcome.clone()),
            intent_at: now,
            outcome_at: Some(now),
            flow: String::new(),
            look_up: Value::Null,
            stamp: None,
            unlocked_at: None,
            looked_up_at: None,
            looked_up: 0,
        };
        self.0.journal.record_step(step).in_order();
    }

    /// An outcome as it is kept and shown: without secrets.
    pub(crate) fn store(&self, outcome: Outcome) -> StoredOutcome {
        self.keep(outcome).0
    }

    /// Splits an outcome into what is kept in the open, redacted, and what is sealed.
    pub(crate) fn keep(&self, outcome: Outcome) -> (StoredOutcome, Vec<SealedRow>) {
        let mut status = outcome.status;
        let mut code = outcome.code;
        let mut message = outcome.message;
        let mut sealed = Vec::new();
        for entry in outcome.sealed {
            entry.values.iter().for_each(|value| self.0.redactor.learn(value));
            match self.seal(&entry.name, &entry.secret) {
                Ok(row) => sealed.push(row),
                Err(error) => {
                    // The keys came and cannot be kept: only a person can make this whole.
                    (status, code) = (OutcomeStatus::Unknown, Some("vault".to_owned()));
                    message = messages::not_sealed(&error);
                }
            }
        }
        let data = self.0.redactor.clean(outcome.data);
        // The provider's own texts, all of them: nothing says that it puts only ids into its ids.
        let clean = |text: Option<String>| text.map(|text| self.0.redactor.own(text));
        let stored = StoredOutcome {
            status,
            reference: clean(outcome.reference),
            document: clean(outcome.document),
            code: clean(code),
            message: message.map(|words| self.0.redactor.own(words)),
            data,
            amount: outcome.amount,
        };
        (stored, sealed)
    }

    fn seal(&self, name: &str, secret: &Secret) -> Result<SealedRow, gesher_vault::VaultError> {
        Ok(SealedRow { name: name.to_owned(), bytes: self.0.vault.seal(name, secret)? })
    }
}

/// Whether a rule that is broken on purpose sends once more. Nothing else ever does.
fn is_resent_by_mutant(code: Option<&str>) -> bool {
    if gesher_core::mutant!("retry_502") {
        return code == Some("http_502");
    }
    if gesher_core::mutant!("follow_redirects") {
        return code == Some("http_307");
    }
    false
}

/// An account's name in the journal: keys belong to it.
pub(crate) fn account_name(provider: &str, account: &Account) -> String {
    [provider, ":", &account.id].concat()
}

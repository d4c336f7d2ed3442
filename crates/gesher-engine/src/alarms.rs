//! What a person should look at: what scripts say with `alert`, and the hub's own alarms. Each is a line of the log and a
//! row of the journal, from which it is delivered.

use crate::context::{CallEnd, ItemContext};
use crate::engine::{Call, Engine};
use crate::error::EngineError;
use crate::messages;
use gesher_core::outcome::CERTIFICATE;
use gesher_core::{Account, ItemId, Outcome, OutcomeStatus, Text};
use gesher_journal::{NewAlert, StepRecord, StepState, StoredOutcome};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The name of the step.
pub const ALERT: &str = "alert";
/// The kind of what a script says.
pub const OF_SCRIPT: &str = "script";
/// Alerts of the scripts of one run that somebody is sent, in each process that works on it. One more says that there are
/// more; those stand in the run's own steps alone, since who is sent thousands reads none.
const RUN_ALERTS_MAX: u32 = 100;

/// How long after an alarm the same one, of the same subject, is passed over: what comes with each call or delivery would be
/// a flood. A restart forgets it.
const AGAIN_AFTER: Duration = Duration::from_hours(1);
/// Alarms that are remembered for that. Above it one of them is forgotten, and may come again early.
const REMEMBERED_MAX: usize = 1_000;

/// Which alarms were raised of late.
#[derive(Debug, Default)]
pub(crate) struct Lately(Mutex<BTreeMap<(String, String), Duration>>);

impl Lately {
    /// Whether an alarm is due, which it is not again for a while. `now` only goes forwards.
    fn is_due(&self, kind: &str, subject: &str, now: Duration) -> bool {
        let mut raised = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        raised.retain(|_, at| now.saturating_sub(*at) < AGAIN_AFTER);
        let named = (kind.to_owned(), subject.to_owned());
        if raised.contains_key(&named) {
            return false;
        }
        if raised.len() >= REMEMBERED_MAX {
            raised.pop_first();
        }
        raised.insert(named, now);
        true
    }
}

impl Engine {
    /// One of the hub's own alarms. It is told to the log and written down; whether that is durable is not waited for.
    pub fn alarm(&self, kind: &str, subject: &str, text: &Text) {
        tracing::error!(alarm = kind, subject, "{}", self.redactor().text(&text.en));
        self.journal().raise_alert(self.alarm_of(kind, subject, text), None).in_order();
    }

    /// The same for what may come with each call, look-up or delivery: once in a while for each subject.
    pub fn alarm_seldom(&self, kind: &str, subject: &str, text: &Text) {
        let health = self.health();
        if health.tells_of_troubles() && health.lately().is_due(kind, subject, self.clock().monotonic()) {
            self.alarm(kind, subject, text);
        }
    }

    /// Asks a person to look where nobody vouches for a server, which was not asked for this reason.
    pub(crate) fn tell_of_certificate(&self, host: &str, why: &Text) {
        self.alarm_seldom(CERTIFICATE, host, &messages::certificate_refused(host, why));
    }

    /// The same for the server of a call.
    pub(crate) fn tell_of_certificate_of(&self, call: &Call, outcome: &Outcome) {
        if outcome.code.as_deref() == Some(CERTIFICATE) {
            let reach = call.prepared.reach.as_ref().map(|reach| reach.origin.as_str());
            let host = reach.unwrap_or(call.registered.entry.descriptor.provider);
            self.tell_of_certificate(host, &outcome.message);
        }
    }

    /// Pauses an account whose keys the provider refuses, and asks a person to look where it was not paused before.
    pub(crate) fn pause(&self, name: &str, account: &Arc<Account>) {
        if self.accounts().pause(name, account) && self.health().tells_of_troubles() {
            self.alarm("account_paused", name, &messages::account_refused(name));
        }
    }

    /// An alarm that the log has already, written down durably. Fails as long as the journal does.
    pub async fn raise_alarm(&self, kind: &str, subject: &str, text: &Text) -> Result<(), EngineError> {
        let raised = self.journal().raise_alert(self.alarm_of(kind, subject, text), None).await;
        raised.map_err(EngineError::journal("writing an alert down"))
    }

    fn alarm_of(&self, kind: &str, subject: &str, text: &Text) -> NewAlert {
        NewAlert {
            kind: kind.to_owned(),
            flow: None,
            item: None,
            subject: Some(subject.to_owned()),
            text: self.redactor().text(text.get(self.language())).into_owned(),
            at: self.clock().now(),
        }
    }
}

/// What the last alert of a run says that is sent.
fn and_more(item: &ItemId) -> Text {
    Text::new(
        format!("הריצה מתריעה על עוד, וזה אינו נשלח; ראו `gesher show {}`", item.run),
        format!("the run asks for more, which is not sent; see `gesher show {}`", item.run),
    )
}

impl ItemContext {
    /// Asks a person to look, as a step, so that an interrupted item does not ask twice. `text` was redacted. A record
    /// that was made before alerts were steps is gone on with.
    pub fn alert(&self, text: &str) -> Result<(), CallEnd> {
        if self.has_record() && !self.records_next(ALERT) {
            return Ok(());
        }
        let step = self.next_step()?;
        if self.recorded(&step, ALERT, "", None, &[0; 32])?.is_some() {
            return Ok(());
        }
        let now = self.engine().clock().now();
        let before = self.guard.note_alert();
        let words = match before {
            RUN_ALERTS_MAX => format!("{text}\n{}", and_more(self.item()).get(self.engine().language())),
            _ => text.to_owned(),
        };
        let alert = NewAlert {
            kind: OF_SCRIPT.to_owned(),
            flow: Some(self.flow().name.clone()),
            item: Some(self.item().clone()),
            subject: None,
            text: words,
            at: now,
        };
        let outcome = StoredOutcome {
            status: OutcomeStatus::Succeeded,
            reference: None,
            document: None,
            code: None,
            message: Text::verbatim(text),
            data: Value::Null.into(),
            amount: None,
        };
        let plain = self.plain_step(step, ALERT, "", [0; 32], now);
        let record = StepRecord { state: StepState::Over(outcome.status), outcome: Some(outcome), ..plain };
        let journal = self.engine().journal();
        match before > RUN_ALERTS_MAX {
            true => journal.record_step(record).in_order(),
            false => journal.raise_alert(alert, Some(record)).in_order(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_of_one_subject_is_due_once_an_hour_and_what_is_remembered_is_bounded() {
        let (lately, minute) = (Lately::default(), Duration::from_secs(60));
        for (kind, subject, minutes, is_due) in [
            ("certificate", "a.example", 0, true),
            ("certificate", "a.example", 1, false),
            ("certificate", "b.example", 1, true),
            ("id_taken", "a.example", 1, true),
            ("certificate", "a.example", 59, false),
            ("certificate", "a.example", 60, true),
            ("certificate", "a.example", 61, false),
        ] {
            assert_eq!(lately.is_due(kind, subject, minute * minutes), is_due, "{kind} {subject} {minutes}");
        }
        for number in 0..2 * REMEMBERED_MAX {
            assert!(lately.is_due("id_taken", &number.to_string(), minute * 62));
        }
        assert_eq!(lately.0.lock().unwrap().len(), REMEMBERED_MAX);
    }
}

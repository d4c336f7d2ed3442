//! Runs that wait for a person before their first item: how one is held, what letting it go on is bound to, and what
//! becomes of an approval of something that is no longer what it was.
//!
//! Whoever holds a run says on which terms it may go on: the script and, where there is a file, its bytes, its rows and
//! their total. They stand in the run; the decision that lets it go on repeats them as they were when the person looked.
//! Whoever carries the decision out finds the terms anew, and only where all three are the same does the run begin.
//! What the terms are found from, such as a file, is the trigger's to know.

use crate::engine::Engine;
use crate::error::EngineError;
use gesher_core::money::two_places;
use gesher_core::{Currency, Decimal, RunId, Text};
use gesher_journal::{Decision, DecisionKind, RunChange, RunRecord, RunState, ScriptBundle};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What whoever lets a held run go on agrees to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The hash of the script and its modules.
    pub script: String,
    /// SHA-256 of the run's file, hexadecimal; none without a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The rows of the file, the invalid ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The total of the valid rows, by currency, as texts with two places.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub totals: BTreeMap<String, String>,
}

impl Terms {
    /// Those of a run without a file.
    #[must_use]
    pub fn of_script(script: &ScriptBundle) -> Self {
        Self { script: script.hash.clone(), ..Self::default() }
    }

    /// The same with these totals.
    #[must_use]
    pub fn with_totals(mut self, totals: &BTreeMap<Currency, Decimal>) -> Self {
        self.totals = totals.iter().map(|(currency, sum)| (currency.to_string(), two_places(*sum))).collect();
        self
    }

    /// As the journal keeps them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!(self)
    }

    /// The total for people, such as `1250.00 ILS`; empty where nothing was summed.
    #[must_use]
    pub fn total(&self) -> String {
        let sums: Vec<String> =
            self.totals.iter().map(|(currency, sum)| format!("{sum} {currency}")).collect();
        sums.join(" + ")
    }

    /// What is no longer as it was agreed to; none where all is.
    #[must_use]
    pub fn difference(&self, found: &Self) -> Option<Text> {
        let (mut he, mut en) = (Vec::new(), Vec::new());
        if self.script != found.script {
            he.push("התסריט השתנה".to_owned());
            en.push("the script changed".to_owned());
        }
        if self.sha256 != found.sha256 {
            he.push("תוכן הקובץ השתנה".to_owned());
            en.push("the bytes of the file changed".to_owned());
        }
        if self.rows != found.rows {
            let [was, is] = [self, found].map(|terms| terms.rows.unwrap_or_default());
            he.push(format!("מספר השורות היה {was} וכעת הוא {is}"));
            en.push(format!("it had {was} rows and has {is}"));
        }
        if self.totals != found.totals {
            let [was, is] = [self, found].map(Self::total);
            he.push(format!("הסכום היה {was} וכעת הוא {is}"));
            en.push(format!("its total was {was} and is {is}"));
        }
        (!he.is_empty()).then(|| Text::new(he.join("; "), en.join("; ")))
    }
}

impl Engine {
    /// Makes a run wait for a person before its first item, on these terms. `why` says for people why it waits; `change`
    /// brings what else is known of the run by now.
    pub async fn hold_run(
        &self,
        run: &RunId,
        terms: &Terms,
        why: &Text,
        change: RunChange,
    ) -> Result<(), EngineError> {
        tracing::warn!(%run, "{}", why.en);
        let change = RunChange {
            state: Some(RunState::Held),
            message: Some(why.get(self.language()).to_owned()),
            terms: Some(terms.to_json()),
            ..change
        };
        self.change_run(run, change).await
    }

    /// The open decision to let a held run go on, unless a person gave the run up as well: that has the last word.
    pub async fn approval_of(&self, run: &RunId) -> Result<Option<Decision>, EngineError> {
        let open = self.journal().open_decisions().await;
        let mut open = open.map_err(EngineError::journal("reading decisions"))?;
        open.retain(|one| one.run == *run);
        if open.iter().any(|one| one.kind.gives_up()) {
            return Ok(None);
        }
        Ok(open.into_iter().find(|one| one.kind == DecisionKind::Approve))
    }

    /// What of `found` is not what a person agreed to: in the decision, or in the run as it was held.
    #[must_use]
    pub fn voids(decision: &Decision, run: &RunRecord, found: &Terms) -> Option<Text> {
        // Terms that cannot be read are those of nothing, which differ from any.
        let read = |terms: &Value| serde_json::from_value::<Terms>(terms.clone()).unwrap_or_default();
        let (agreed, held) = (read(&decision.terms), read(run.terms.as_ref().unwrap_or(&Value::Null)));
        agreed.difference(found).or_else(|| held.difference(found))
    }

    /// Lets a held run begin, as a person decided. `change` brings what the trigger has to know to go on.
    pub async fn approve(&self, decision: &Decision, change: RunChange) -> Result<(), EngineError> {
        tracing::info!(run = %decision.run, by = decision.actor, "a person lets the run begin");
        let message = Some(approved(decision).get(self.language()).to_owned());
        let change = RunChange { state: Some(RunState::Running), message, ..change };
        self.change_run(&decision.run, change).await?;
        gesher_core::failpoint!("approval.running");
        self.settle(decision, "approved").await
    }

    /// An approval of something else than what there is now: the run stays held, on the terms of now, for a person to
    /// look at again.
    pub async fn void_approval(
        &self,
        decision: &Decision,
        terms: &Terms,
        why: &Text,
        change: RunChange,
    ) -> Result<(), EngineError> {
        let text = voided(decision, why);
        self.hold_run(&decision.run, terms, &text, change).await?;
        self.settle(decision, &format!("void: {}", why.en)).await
    }

    /// Decides what becomes of the open approval of a held run without a file: the run begins where the script is what
    /// was agreed to, and is held again with the script of now where it is not. Answers whether it begins.
    pub async fn begin_held(&self, run: &RunRecord, script: &ScriptBundle) -> Result<bool, EngineError> {
        let Some(decision) = self.approval_of(&run.id).await? else { return Ok(false) };
        let found = Terms::of_script(script);
        match Self::voids(&decision, run, &found) {
            None => {
                self.approve(&decision, RunChange::default()).await?;
                Ok(true)
            }
            Some(why) => {
                let change = RunChange { script: Some(script.clone()), ..RunChange::default() };
                self.void_approval(&decision, &found, &why, change).await?;
                Ok(false)
            }
        }
    }
}

fn approved(decision: &Decision) -> Text {
    let (actor, reason) = (&decision.actor, &decision.reason);
    let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    Text::new(
        format!("ההרצה המתינה לאישור, ואושרה על ידי {actor}{why}"),
        format!("the run waited for approval, and {actor} approved it{why}"),
    )
}

fn voided(decision: &Decision, why: &Text) -> Text {
    let (actor, id) = (&decision.actor, &decision.run);
    Text::new(
        format!(
            "האישור של {actor} אינו תקף ולא נשלח דבר: {}. יש לבדוק שוב (gesher show {id}) ולאשר או לדחות מחדש",
            why.he
        ),
        format!(
            "the approval by {actor} does not hold, and nothing was sent: {}. Look again (gesher show {id}), and approve or \
             reject it anew",
            why.en
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            script: "aa".to_owned(),
            sha256: Some("01".to_owned()),
            rows: Some(3),
            totals: [("ILS".to_owned(), "12.50".to_owned())].into(),
        }
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Terms), want: &str) {
        let mut found = terms();
        change(&mut found);
        assert_eq!(terms().difference(&found).map(|text| text.en).unwrap_or_default(), want);
    }

    #[test]
    fn whatever_changed_is_said() {
        check(|_| {}, "");
        check(|found| found.script = "bb".to_owned(), "the script changed");
        check(|found| found.sha256 = None, "the bytes of the file changed");
        check(|found| found.rows = Some(4), "it had 3 rows and has 4");
        check(
            |found| found.totals = [("ILS".to_owned(), "9.00".to_owned())].into(),
            "its total was 12.50 ILS and is 9.00 ILS",
        );
        check(
            |found| *found = Terms { script: "aa".to_owned(), ..Terms::default() },
            "the bytes of the file changed; it had 3 rows and has 0; its total was 12.50 ILS and is ",
        );
    }

    #[test]
    fn terms_read_back_as_they_were_kept() {
        for one in [terms(), Terms { script: "aa".to_owned(), ..Terms::default() }] {
            assert_eq!(serde_json::from_value::<Terms>(one.to_json()).unwrap(), one);
        }
    }
}

//! Calls that give back what an earlier call took: what that was, by the journal or by the provider, and the words for
//! one that would give back more.
//!
//! The provider has no tie between the two and lets anything be given back any number of times. So the hub counts: the
//! journal holds what is given back against what was taken, in the commit of the intent. An original that the journal
//! does not know is read first, as a step of its own before the call's, so that a replay finds the same again.

use crate::accounts::NoAccount;
use crate::context::{CallEnd, ItemContext};
use crate::engine::Engine;
use crate::error::EngineError;
use gesher_core::operation::{Registered, TakesBack};
use gesher_core::{Key, Money, Outcome, OutcomeStatus, Prepared, Rejection, StepId, Text};
use gesher_journal::{Exhausted, Original, StoredOutcome};
use serde_json::Value;
use std::sync::Arc;

/// The code of a call that would give back more than was taken.
pub(crate) const EXHAUSTED: &str = "exceeds_original";
/// The code of a call whose original cannot be found or read.
pub(crate) const UNREAD: &str = "original_unknown";

/// How a call finds out what its original took.
struct Reading<'a> {
    back: TakesBack,
    reference: &'a str,
    registered: &'a Arc<Registered>,
    request: Prepared,
}

impl ItemContext {
    /// The recorded read of a call's original, after an interruption. It stands before the call's own step.
    pub(crate) fn recorded_original(
        &self,
        step: &mut StepId,
        registered: &Registered,
        who: &str,
        prepared: &Result<(Prepared, Option<Key>), Rejection>,
    ) -> Result<Option<StoredOutcome>, CallEnd> {
        let Ok((prepared, _)) = prepared else { return Ok(None) };
        let Some(Ok(reading)) = self.reading(registered, who, prepared) else { return Ok(None) };
        if !self.records_next(reading.back.read) {
            return Ok(None);
        }
        let found = self.recorded(step, reading.back.read, who, None, &reading.request.hash)?;
        *step = self.next_step()?;
        Ok(found.map(|found| found.outcome))
    }

    /// What the original of a call took, or why nothing can be given back of it; nothing for other calls. `read` is what
    /// an earlier execution read.
    pub(crate) fn original(
        &self,
        step: &mut StepId,
        registered: &Registered,
        who: &str,
        prepared: &Prepared,
        read: Option<StoredOutcome>,
    ) -> Result<Result<Option<Original>, Rejection>, CallEnd> {
        let reading = match self.reading(registered, who, prepared) {
            None => return Ok(Ok(None)),
            Some(Err(rejection)) => return Ok(Err(rejection)),
            Some(Ok(reading)) => reading,
        };
        let known = match read {
            Some(read) => read_record(&read),
            None => match self.known(registered, who, reading.reference)? {
                Known::By(data) => Ok(data),
                Known::NoAccount => return Ok(Ok(None)),
                Known::Not => {
                    let read = self.read(step, who, &reading)?;
                    read_record(&read)
                }
            },
        };
        Ok(known.and_then(|record| {
            let taken = (reading.back.taken)(prepared, &record)?;
            Ok(Some(Original { reference: reading.reference.to_owned(), taken }))
        }))
    }

    fn reading<'a>(
        &'a self,
        registered: &Registered,
        who: &str,
        prepared: &'a Prepared,
    ) -> Option<Result<Reading<'a>, Rejection>> {
        let back = registered.entry.takes_back?;
        let reference = prepared.original.as_deref()?;
        let read = self.engine().registry().find(back.read);
        Some(read.and_then(|registered| {
            let request = registered.prepare(who, (back.request)(reference))?;
            Ok(Reading { back, reference, registered, request })
        }))
    }

    fn known(&self, registered: &Registered, who: &str, reference: &str) -> Result<Known, CallEnd> {
        let asked = self.engine().known_original(registered, who, reference);
        self.engine().runtime().block_on(asked).map_err(|error| self.journal_failed(error))
    }

    /// Reads the original, at this step; the call's own is the next.
    fn read(&self, step: &mut StepId, who: &str, reading: &Reading<'_>) -> Result<StoredOutcome, CallEnd> {
        let own = std::mem::replace(step, self.next_step()?);
        let call = self.call_of(own, who, reading.registered, reading.request.clone());
        Ok(self.send(call)?.outcome)
    }
}

/// What the journal knows of an original.
enum Known {
    /// What the provider answered to it.
    By(Value),
    /// Nothing.
    Not,
    /// There is no account whose original it could be: the call is refused for that.
    NoAccount,
}

impl Engine {
    /// What the provider answered to the call that this reference names, where the journal has it. What a person said
    /// of it is no record of the provider.
    async fn known_original(
        &self,
        registered: &Registered,
        who: &str,
        reference: &str,
    ) -> Result<Known, EngineError> {
        let account = match self.accounts().of(registered, who).await {
            Ok(account) => account,
            Err(NoAccount::Refused(_)) => return Ok(Known::NoAccount),
            Err(NoAccount::Failed(error)) => return Err(error),
        };
        let name = crate::engine::account_name(registered.entry.descriptor.provider, &account);
        let step = self.journal().taken_by(&name, reference).await;
        let step = step.map_err(EngineError::journal("looking a payment up"))?;
        let data = step.and_then(|step| step.outcome).map(|outcome| outcome.data.into_tree());
        Ok(data.filter(|data| !data.is_null()).map_or(Known::Not, Known::By))
    }
}

/// The provider's record in the answer to a read, or why there is none.
fn read_record(read: &StoredOutcome) -> Result<Value, Rejection> {
    if read.status == OutcomeStatus::Succeeded {
        return Ok(read.data.tree().clone());
    }
    let (he, en) = (&read.message.he, &read.message.en);
    Err(Rejection::new(
        UNREAD,
        Text::new(
            format!("לא נשלח: התשלום המקורי אינו ביומן, ולא ניתן היה לקרוא אותו אצל הספק ({he})"),
            format!(
                "not sent: the journal does not know the original payment, and it could not be read at the provider ({en})"
            ),
        ),
    ))
}

/// A call whose original was not asked for.
pub(crate) fn unread() -> Rejection {
    Rejection::new(
        UNREAD,
        Text::new(
            "לא נשלח: סכום התשלום המקורי אינו ידוע",
            "not sent: the sum of the original payment is not known",
        ),
    )
}

/// What a call comes to that would give back more than was taken.
pub(crate) fn exhausted(exhausted: &Exhausted) -> Outcome {
    let Exhausted { original, given_back, asked } = exhausted;
    let (reference, taken) = (&original.reference, original.taken);
    let asked = asked.map_or_else(|| "-".to_owned(), |asked| positive(asked).to_string());
    let text = match given_back {
        Some(given_back) => {
            let left = Money { amount: taken.amount - given_back.amount, ..taken };
            Text::new(
                format!(
                    "לא נשלח: בתשלום {reference} נגבו {taken}, וכבר הוחזרו או נמצאים בהחזרה {given_back}; נותרו {left}, והתבקשו {asked}"
                ),
                format!(
                    "not sent: payment {reference} took {taken}, and {given_back} of it is given back already or on its way; {left} is left, and {asked} was asked for"
                ),
            )
        }
        None => Text::new(
            format!("לא נשלח: בתשלום {reference} נגבו {taken}, ולא ניתן לסכם כמה מהם כבר הוחזר"),
            format!(
                "not sent: payment {reference} took {taken}, and what was given back of it cannot be summed up"
            ),
        ),
    };
    Rejection::new(EXHAUSTED, text).into()
}

fn positive(money: Money) -> Money {
    Money { amount: money.amount.abs(), ..money }
}

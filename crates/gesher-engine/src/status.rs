//! What an item's steps and its program's end add up to. Pure: a table in code.

use crate::program::ProgramEnd;
use gesher_core::outcome::IN_PART;
use gesher_core::{ItemEnd, ItemStatus, Language, Money, OutcomeStatus, Text};

/// The code of an item with evidence of something else than was asked for. Its step says what the evidence is.
const CONFLICT: &str = "conflict";
/// The code of an item whose program asked for something else than was recorded.
pub(crate) const DIVERGED: &str = "diverged";

/// A step with an effect, as far as the item's status depends on it.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectStep {
    /// The operation's qualified name.
    pub operation: String,
    /// What came of it.
    pub status: OutcomeStatus,
    /// The key is spent or held by another item, so that nothing new was sent: a recorded answer or a refusal.
    pub key_taken: bool,
    /// The provider's id.
    pub reference: Option<String>,
    /// The document's number.
    pub document: Option<String>,
    /// The code.
    pub code: Option<String>,
    /// For people.
    pub message: Text,
    /// What it moved.
    pub amount: Option<Money>,
}

impl EffectStep {
    /// Whether it was done for a part only.
    fn is_in_part(&self) -> bool {
        self.status == OutcomeStatus::Succeeded && self.code.as_deref() == Some(IN_PART)
    }
}

/// Why the context ended an item although its program had not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A step is unknown or in conflict.
    Open,
    /// The program called something else than it did before the interruption.
    Diverged,
    /// The journal failed: nothing may be said of the item now.
    JournalFailed,
    /// The hub is stopping: the item goes on at the next start.
    Stopping,
    /// An operation that calls others broke off in passing, on its way to what it had done before an interruption: the
    /// item is run again after a while.
    BrokeOff,
}

/// The end of an item, or none when nothing may be said of it now.
pub(crate) fn item_end(
    language: Language,
    steps: &[EffectStep],
    ended: Option<Ended>,
    end: &ProgramEnd,
) -> Option<ItemEnd> {
    match ended {
        Some(Ended::JournalFailed | Ended::Stopping | Ended::BrokeOff) => return None,
        Some(Ended::Diverged) => return Some(diverged(language, steps)),
        Some(Ended::Open) | None => {}
    }
    Some(end_of(language, steps, end))
}

/// The end of an item whose steps are these and whose program ended so, wherever it ran.
#[must_use]
pub fn end_of(language: Language, steps: &[EffectStep], end: &ProgramEnd) -> ItemEnd {
    if let Some(open) = steps.iter().find(|step| step.status.is_open() && !step.key_taken) {
        let item = from_step(language, ItemStatus::Unknown, open);
        let in_conflict = open.status == OutcomeStatus::Conflict;
        let code = if in_conflict { Some(CONFLICT.to_owned()) } else { item.code };
        return ItemEnd { code, ..item };
    }
    let Some(newest) = steps.last() else {
        return without_effect(language, end);
    };
    let own: Vec<&EffectStep> = steps.iter().filter(|step| !step.key_taken).collect();
    let Some(last) = own.last() else {
        return match end {
            ProgramEnd::Threw { code, message } if !is_of_a_key(steps, code) => {
                nothing_new(language, steps, code, message)
            }
            _ => from_step(language, ItemStatus::Duplicate, newest),
        };
    };
    if let Some(part) = own.iter().find(|step| step.is_in_part()) {
        return in_part(language, part, &own);
    }
    let threw = matches!(end, ProgramEnd::Threw { .. });
    let status = match last.status {
        OutcomeStatus::Succeeded if !threw => ItemStatus::Succeeded,
        _ if own.iter().any(|step| step.status == OutcomeStatus::Succeeded) => {
            return incomplete(language, &own, end);
        }
        OutcomeStatus::Succeeded | OutcomeStatus::Rejected => ItemStatus::Rejected,
        OutcomeStatus::Declined => ItemStatus::Declined,
        OutcomeStatus::NotSent => ItemStatus::NotSent,
        OutcomeStatus::Unknown | OutcomeStatus::Conflict => ItemStatus::Unknown,
    };
    let mut item = from_step(language, status, last);
    // A step that has no name of its own, such as a call of somebody else's host, hides none before it.
    if let Some(named) =
        own.iter().rev().find(|step| step.reference.is_some()).filter(|_| item.reference.is_none())
    {
        (item.reference, item.document) = (named.reference.clone(), named.document.clone());
    }
    if status == ItemStatus::Succeeded {
        item.amount = total(&own).or(item.amount);
    }
    item
}

fn from_step(language: Language, status: ItemStatus, step: &EffectStep) -> ItemEnd {
    ItemEnd {
        status,
        reference: step.reference.clone(),
        document: step.document.clone(),
        code: step.code.clone(),
        message: step.message.get(language).to_owned(),
        amount: step.amount,
    }
}

fn without_effect(language: Language, end: &ProgramEnd) -> ItemEnd {
    match end {
        ProgramEnd::Threw { code, message } => ItemEnd::new(ItemStatus::Rejected, code, message),
        ProgramEnd::Returned(_) | ProgramEnd::Ended => ItemEnd {
            code: None,
            ..ItemEnd::new(
                ItemStatus::Skipped,
                "",
                Text::new("התסריט לא ביצע דבר עבור השורה", "the script did nothing for this row")
                    .get(language),
            )
        },
    }
}

/// Whether what a program threw is the refusal of a key that another item has.
fn is_of_a_key(steps: &[EffectStep], code: &str) -> bool {
    let refuses = |step: &EffectStep| matches!(step.status, OutcomeStatus::Rejected | OutcomeStatus::NotSent);
    steps.iter().any(|step| step.key_taken && refuses(step) && step.code.as_deref() == Some(code))
}

/// Every effect had been done before, and then something failed: what failed is the end, or nobody would look at it.
fn nothing_new(language: Language, steps: &[EffectStep], code: &str, message: &str) -> ItemEnd {
    let Some(done) = steps.iter().rev().find(|step| step.status == OutcomeStatus::Succeeded) else {
        return ItemEnd::new(ItemStatus::Rejected, code, message);
    };
    let (name, reference) = (&done.operation, done.reference.as_deref().unwrap_or("-"));
    let text = Text::new(
        format!("{name} הצליחה כבר קודם (אסמכתה {reference}) ולא נשלחה שוב, ואחר כך התסריט נכשל: {message}"),
        format!(
            "{name} had succeeded before (reference {reference}) and was not sent again; then the script failed: \
             {message}"
        ),
    );
    ItemEnd::new(ItemStatus::Rejected, code, text.get(language))
}

/// An effect succeeded and something later did not: the message names both.
fn incomplete(language: Language, own: &[&EffectStep], end: &ProgramEnd) -> ItemEnd {
    let done = own.iter().rev().find(|step| step.status == OutcomeStatus::Succeeded);
    let (failed_name, failed_code, failed_message) = match (own.last(), end) {
        (Some(last), _) if last.status != OutcomeStatus::Succeeded => {
            (last.operation.clone(), last.code.clone(), last.message.get(language).to_owned())
        }
        (_, ProgramEnd::Threw { code, message }) => {
            (Text::new("התסריט", "the script").get(language).to_owned(), Some(code.clone()), message.clone())
        }
        _ => Default::default(),
    };
    let done_name = done.map(|step| step.operation.as_str()).unwrap_or_default();
    let done_reference = done.and_then(|step| step.reference.as_deref()).unwrap_or("-");
    let message = Text::new(
        format!("{done_name} הצליחה (אסמכתה {done_reference}), אבל {failed_name} לא: {failed_message}"),
        format!(
            "{done_name} succeeded (reference {done_reference}), but {failed_name} did not: {failed_message}"
        ),
    );
    ItemEnd {
        status: ItemStatus::Incomplete,
        reference: done.and_then(|step| step.reference.clone()),
        document: done.and_then(|step| step.document.clone()),
        code: failed_code,
        message: message.get(language).to_owned(),
        amount: total(own),
    }
}

/// A step was done for a part of what it was asked: its message says which.
fn in_part(language: Language, part: &EffectStep, own: &[&EffectStep]) -> ItemEnd {
    ItemEnd { amount: total(own), ..from_step(language, ItemStatus::Incomplete, part) }
}

fn diverged(language: Language, steps: &[EffectStep]) -> ItemEnd {
    let message = Text::new(
        "לאחר הפסקה התסריט ביקש פעולה אחרת מזו שנרשמה; לא נשלח דבר נוסף, ונדרשת החלטה של אדם",
        "after an interruption the script asked for something else than was recorded; nothing more was sent, and a \
         person has to decide",
    );
    let last = steps.last();
    ItemEnd {
        reference: last.and_then(|step| step.reference.clone()),
        document: last.and_then(|step| step.document.clone()),
        amount: last.and_then(|step| step.amount),
        ..ItemEnd::new(ItemStatus::Unknown, DIVERGED, message.get(language))
    }
}

/// What the succeeded steps moved, when it is all of one currency.
fn total(steps: &[&EffectStep]) -> Option<Money> {
    let mut amounts =
        steps.iter().filter(|step| step.status == OutcomeStatus::Succeeded).filter_map(|step| step.amount);
    let first = amounts.next()?;
    amounts.try_fold(first, |sum, next| {
        let amount = sum.amount.checked_add(next.amount)?;
        (sum.currency == next.currency).then_some(Money { amount, ..sum })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutcomeStatus::{Conflict, Declined, NotSent, Rejected, Succeeded, Unknown};
    use serde_json::Value;

    fn step(status: OutcomeStatus, key_taken: bool) -> EffectStep {
        EffectStep {
            operation: "acme.charge".into(),
            status,
            key_taken,
            reference: Some("7".into()),
            document: None,
            code: Some("c".into()),
            message: Text::verbatim("m"),
            amount: Some("2.50 ILS".parse().unwrap()),
        }
    }

    fn returned() -> ProgramEnd {
        ProgramEnd::Returned(Value::Null)
    }

    fn threw() -> ProgramEnd {
        ProgramEnd::Threw { code: "script_error".into(), message: "boom".into() }
    }

    /// What leaves a program that does not catch the refusal of a step.
    fn refused() -> ProgramEnd {
        ProgramEnd::Threw { code: "c".into(), message: "m".into() }
    }

    fn check(steps: &[(OutcomeStatus, bool)], end: &ProgramEnd, want: ItemStatus) {
        let steps: Vec<_> = steps.iter().map(|(status, taken)| step(*status, *taken)).collect();
        let found = item_end(Language::En, &steps, None, end).unwrap();
        assert_eq!(found.status, want, "{steps:?} {end:?}");
    }

    #[test]
    fn the_steps_decide() {
        check(&[(Succeeded, false)], &returned(), ItemStatus::Succeeded);
        check(&[(Succeeded, false), (Succeeded, false)], &returned(), ItemStatus::Succeeded);
        check(&[(Declined, false), (Succeeded, false)], &returned(), ItemStatus::Succeeded);
        check(&[(Declined, false)], &returned(), ItemStatus::Declined);
        check(&[(Declined, false)], &threw(), ItemStatus::Declined);
        check(&[(Rejected, false)], &threw(), ItemStatus::Rejected);
        check(&[(NotSent, false)], &threw(), ItemStatus::NotSent);
        check(&[(Unknown, false)], &ProgramEnd::Ended, ItemStatus::Unknown);
        check(&[(Conflict, false)], &ProgramEnd::Ended, ItemStatus::Unknown);
    }

    #[test]
    fn an_effect_and_a_later_failure_are_incomplete() {
        check(&[(Succeeded, false), (Declined, false)], &returned(), ItemStatus::Incomplete);
        check(&[(Succeeded, false), (Rejected, false)], &threw(), ItemStatus::Incomplete);
        check(&[(Succeeded, false), (NotSent, false)], &threw(), ItemStatus::Incomplete);
        check(&[(Succeeded, false)], &threw(), ItemStatus::Incomplete);
    }

    #[test]
    fn a_step_that_was_done_in_part_makes_the_item_incomplete_whatever_comes_after_it() {
        let part = EffectStep { code: Some(IN_PART.to_owned()), ..step(Succeeded, false) };
        let status = |steps: &[EffectStep]| {
            item_end(Language::En, steps, None, &returned()).map(|end| (end.status, end.code.unwrap()))
        };
        let incomplete = Some((ItemStatus::Incomplete, IN_PART.to_owned()));
        assert_eq!(status(std::slice::from_ref(&part)), incomplete);
        assert_eq!(status(&[part.clone(), step(Succeeded, false)]), incomplete);
        assert_eq!(status(&[part.clone(), step(Unknown, false)]).unwrap().0, ItemStatus::Unknown);
        let replayed = EffectStep { key_taken: true, ..part };
        assert_eq!(status(&[replayed]).unwrap().0, ItemStatus::Duplicate);
    }

    #[test]
    fn an_unknown_step_outweighs_everything_around_it() {
        check(&[(Succeeded, false), (Unknown, false)], &ProgramEnd::Ended, ItemStatus::Unknown);
        check(&[(Unknown, false), (Succeeded, false)], &returned(), ItemStatus::Unknown);
    }

    #[test]
    fn keys_that_others_have_make_a_duplicate_only_when_nothing_new_was_sent() {
        check(&[(Succeeded, true)], &returned(), ItemStatus::Duplicate);
        check(&[(Rejected, true)], &refused(), ItemStatus::Duplicate);
        check(&[(NotSent, true)], &refused(), ItemStatus::Duplicate);
        check(&[(Succeeded, true), (NotSent, true)], &refused(), ItemStatus::Duplicate);
        check(&[(Unknown, true)], &ProgramEnd::Ended, ItemStatus::Duplicate);
        check(&[(Succeeded, true), (Succeeded, false)], &returned(), ItemStatus::Succeeded);
        check(&[(Succeeded, true), (Declined, false)], &returned(), ItemStatus::Declined);
    }

    #[test]
    fn a_failure_behind_keys_that_others_have_is_no_duplicate_and_names_both() {
        for steps in [&[(Succeeded, true)][..], &[(Rejected, true)], &[(NotSent, true), (Succeeded, true)]] {
            check(steps, &threw(), ItemStatus::Rejected);
        }
        // A step that succeeded with the same code is not what threw.
        check(&[(Succeeded, true)], &refused(), ItemStatus::Rejected);
        let end_after = |status| item_end(Language::En, &[step(status, true)], None, &threw()).unwrap();
        let end = end_after(Succeeded);
        assert_eq!((end.code.as_deref(), end.amount), (Some("script_error"), None));
        for part in ["acme.charge had succeeded before (reference 7)", "was not sent again", "boom"] {
            assert!(end.message.contains(part), "{part}: {}", end.message);
        }
        assert_eq!(end_after(NotSent).message, "boom");
    }

    #[test]
    fn a_program_without_effects_is_skipped_or_refused() {
        check(&[], &returned(), ItemStatus::Skipped);
        check(&[], &threw(), ItemStatus::Rejected);
    }

    #[test]
    fn a_diverged_item_is_unknown_and_a_failed_journal_says_nothing() {
        let steps = [step(Succeeded, false)];
        let end = item_end(Language::En, &steps, Some(Ended::Diverged), &ProgramEnd::Ended).unwrap();
        assert_eq!((end.status, end.code.as_deref()), (ItemStatus::Unknown, Some("diverged")));
        assert_eq!(item_end(Language::En, &steps, Some(Ended::JournalFailed), &ProgramEnd::Ended), None);
    }

    #[test]
    fn a_conflict_is_unknown_with_its_own_code() {
        let code = |status| {
            item_end(Language::En, &[step(status, false)], None, &ProgramEnd::Ended).unwrap().code.unwrap()
        };
        assert_eq!((code(Conflict).as_str(), code(Unknown).as_str()), ("conflict", "c"));
    }

    #[test]
    fn a_succeeded_item_sums_what_its_steps_moved() {
        let steps = [step(Succeeded, false), step(Declined, false), step(Succeeded, false)];
        let end = item_end(Language::En, &steps, None, &returned()).unwrap();
        assert_eq!(end.amount.unwrap().to_string(), "5.00 ILS");
    }
}

//! Cases about what is given back of an earlier call: never more than it took, whoever asks and whatever is not known.

use super::place::{Broken, Place, at, finish, intent, same, shekels, step};
use crate::{Begin, Exhausted, Intent, Original, StepClose, StepFinish, StoredOutcome};
use gesher_core::{Currency, Money, OutcomeStatus, RunId};

/// A refund of that much of a payment of ten shekels.
fn refund(run: &RunId, ordinal: u64, payment: &str, amount: &str) -> Result<Intent, Broken> {
    let original = Original { reference: payment.to_owned(), taken: shekels("10.00")? };
    Ok(Intent {
        operation: "officeguy.refund".to_owned(),
        amount: Some(shekels(amount)?),
        original: Some(original),
        ..intent(run, ordinal, 1, &format!("refund-{run}-{ordinal}"))?
    })
}

impl Place {
    async fn refund(&self, run: &RunId, ordinal: u64, amount: &str) -> Result<Begin, Broken> {
        Ok(self.journal.begin_step(refund(run, ordinal, "9001", amount)?).await?)
    }
}

fn exhausted(begin: &Begin) -> Option<&Exhausted> {
    match begin {
        Begin::Exhausted(exhausted) => Some(exhausted),
        _ => None,
    }
}

pub(super) async fn what_is_given_back_ends_with_what_was_taken(place: Place) -> Result<(), Broken> {
    let (run, other) = (place.run("refunds").await?, place.run("others").await?);
    ensure_fits!(place.refund(&run, 1, "-6.00").await?, Begin::Send { .. });
    let over = place.refund(&other, 1, "-4.01").await?;
    let want = Exhausted {
        original: Original { reference: "9001".to_owned(), taken: shekels("10.00")? },
        given_back: Some(shekels("6.00")?),
        asked: Some(shekels("-4.01")?),
    };
    same(exhausted(&over), Some(&want))?;
    // Nothing was journalled; what fits is taken, by another flow too, and the sign does not matter.
    same(place.journal.step(&step(&other, 1, 1)).await?.is_none(), true)?;
    ensure_fits!(place.refund(&other, 1, "4.00").await?, Begin::Send { .. });
    ensure_fits!(place.refund(&run, 2, "-0.01").await?, Begin::Exhausted(_));
    // Another payment and another account have their own.
    ensure_fits!(place.journal.begin_step(refund(&run, 3, "9002", "-10.00")?).await?, Begin::Send { .. });
    let elsewhere = Intent { account: "officeguy:77".to_owned(), ..refund(&run, 4, "9001", "-10.00")? };
    ensure_fits!(place.journal.begin_step(elsewhere).await?, Begin::Send { .. });
    // After opening again the same is known.
    let place = place.opened_again().await?;
    ensure_fits!(place.refund(&run, 5, "-0.01").await?, Begin::Exhausted(_));
    Ok(())
}

pub(super) async fn what_nobody_knows_counts_as_given_back(place: Place) -> Result<(), Broken> {
    for status in OutcomeStatus::ALL {
        let run = place.run("refunds").await?;
        let payment = format!("{run}");
        let ask = async |ordinal, amount: &str| -> Result<Begin, Broken> {
            Ok(place.journal.begin_step(refund(&run, ordinal, &payment, amount)?).await?)
        };
        ensure_fits!(ask(1, "-10.00").await?, Begin::Send { .. });
        ensure_fits!(ask(2, "-0.01").await?, Begin::Exhausted(_));
        place.finish(&run, 1, 1, status).await?;
        let next = ask(2, "-10.00").await?;
        ensure!(matches!(next, Begin::Send { .. }) == status.leaves_key_free(), "{status}: {next:?}");
    }
    // One that a person calls not done leaves its part free.
    let run = place.run("refunds").await?;
    ensure_fits!(place.refund(&run, 1, "-10.00").await?, Begin::Send { .. });
    place.finish(&run, 1, 1, OutcomeStatus::Unknown).await?;
    ensure_fits!(place.refund(&run, 2, "-10.00").await?, Begin::Exhausted(_));
    let close = StepClose {
        step: step(&run, 1, 1),
        outcome: StoredOutcome { reference: None, ..super::place::outcome(OutcomeStatus::NotSent) },
        seen: None,
        end: None,
        sealed: Vec::new(),
        vendor: None,
        evidence: serde_json::Value::Null,
        actor: "dana".to_owned(),
        reason: "asked the bank".to_owned(),
        at: at(50),
    };
    place.journal.close_step(close).await?;
    ensure_fits!(place.refund(&run, 2, "-10.00").await?, Begin::Send { .. });
    Ok(())
}

pub(super) async fn what_cannot_be_summed_up_is_not_given_back(place: Place) -> Result<(), Broken> {
    let run = place.run("refunds").await?;
    let none = Intent { amount: None, ..refund(&run, 1, "9001", "-1.00")? };
    ensure_fits!(place.journal.begin_step(none).await?, Begin::Exhausted(_));
    let euro: Currency = "EUR".parse().map_err(|_| Broken("EUR".to_owned()))?;
    let other = Intent {
        amount: Some(Money { currency: euro, ..shekels("-1.00")? }),
        ..refund(&run, 1, "9001", "-1.00")?
    };
    ensure_fits!(place.journal.begin_step(other).await?, Begin::Exhausted(_));
    // More than was asked for counts, where the provider says so.
    ensure_fits!(place.refund(&run, 1, "-1.00").await?, Begin::Send { .. });
    let mut more: StepFinish = finish(step(&run, 1, 1), OutcomeStatus::Conflict);
    more.outcome.amount = Some(shekels("-8.00")?);
    place.journal.finish_step(&more).await?;
    ensure_fits!(place.refund(&run, 2, "-2.01").await?, Begin::Exhausted(_));
    ensure_fits!(place.refund(&run, 2, "-2.00").await?, Begin::Send { .. });
    Ok(())
}

pub(super) async fn a_payment_is_found_by_its_reference_and_a_refund_is_none(
    place: Place,
) -> Result<(), Broken> {
    const ACCOUNT: &str = "officeguy:2410000001";
    let run = place.run("charges").await?;
    same(place.journal.taken_by(ACCOUNT, "9001").await?.is_none(), true)?;
    // The refund of another payment has this reference, and is no payment of which something could be given back.
    ensure_fits!(place.journal.begin_step(refund(&run, 1, "8000", "-1.00")?).await?, Begin::Send { .. });
    place.finish(&run, 1, 1, OutcomeStatus::Succeeded).await?;
    same(place.journal.taken_by(ACCOUNT, "9001").await?.is_none(), true)?;
    ensure_fits!(place.begin(&run, 2, 1, "order-1").await?, Begin::Send { .. });
    same(place.journal.taken_by(ACCOUNT, "9001").await?.is_none(), true)?;
    place.finish(&run, 2, 1, OutcomeStatus::Succeeded).await?;
    let found = place.journal.taken_by(ACCOUNT, "9001").await?;
    same(found.map(|found| found.id), Some(step(&run, 2, 1)))?;
    same(place.journal.taken_by("officeguy:77", "9001").await?.is_none(), true)
}

pub(super) async fn many_sides_never_give_back_more_together(place: Place) -> Result<(), Broken> {
    let beside = place.beside().await?;
    let run = place.run("refunds").await?;
    let mut asked = Vec::new();
    for ordinal in 1..=64 {
        let journal = if ordinal % 2 == 0 { &place.journal } else { &beside.journal };
        asked.push(journal.begin_step(refund(&run, ordinal, "9001", "-3.00")?));
    }
    let mut sent = 0;
    for begin in asked {
        match begin.await? {
            Begin::Send { .. } => sent += 1,
            Begin::Exhausted(_) => {}
            other => return Err(Broken(format!("{other:?}"))),
        }
    }
    same(sent, 3)
}

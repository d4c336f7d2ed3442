//! Cases about limits: what counts, what is refused, and what gives an amount back.

use super::place::{Broken, Place, at, intent, same, shekels, step};
use crate::{Begin, DayLimit, Intent, LimitReached, LimitScope, Limits, StepClose, StoredOutcome};
use gesher_core::{Currency, Money, OutcomeStatus, RunId};

fn run_limit(amount: &str) -> Result<Limits, Broken> {
    Ok(Limits { per_run: Some(shekels(amount)?), ..Limits::default() })
}

/// The limit of a day of a hundred seconds.
fn day_limit(amount: &str, day: i64) -> Result<Limits, Broken> {
    let (from, until) = (at(day * 100), at(day * 100 + 100));
    Ok(Limits { per_day: Some(DayLimit { limit: shekels(amount)?, from, until }), ..Limits::default() })
}

fn limited(begin: &Begin) -> Option<&LimitReached> {
    match begin {
        Begin::Limited(reached) => Some(reached),
        _ => None,
    }
}

impl Place {
    /// Asks for an amount under limits.
    async fn ask(&self, run: &RunId, ordinal: u64, amount: &str, limits: &Limits) -> Result<Begin, Broken> {
        self.ask_at(run, ordinal, amount, limits, 4).await
    }

    async fn ask_at(
        &self,
        run: &RunId,
        ordinal: u64,
        amount: &str,
        limits: &Limits,
        seconds: i64,
    ) -> Result<Begin, Broken> {
        let mut intent = intent(run, ordinal, 1, &format!("{run}-{ordinal}"))?;
        intent.amount = Some(shekels(amount)?);
        intent.limits = limits.clone();
        intent.at = at(seconds);
        Ok(self.journal.begin_step(intent).await?)
    }
}

pub(super) async fn a_limit_of_a_run_is_reached_exactly(place: Place) -> Result<(), Broken> {
    let (run, other) = (place.run("charges").await?, place.run("charges").await?);
    let limits = run_limit("30.00")?;
    ensure_fits!(place.ask(&run, 1, "10.00", &limits).await?, Begin::Send { .. });
    ensure_fits!(place.ask(&run, 2, "19.99", &limits).await?, Begin::Send { .. });
    let over = place.ask(&run, 3, "0.02", &limits).await?;
    let want = LimitReached {
        scope: LimitScope::Run,
        limit: shekels("30.00")?,
        held: shekels("29.99")?,
        asked: Some(shekels("0.02")?),
    };
    same(limited(&over), Some(&want))?;
    // Nothing was journalled, and what fits is still taken.
    same(place.journal.step(&step(&run, 3, 1)).await?.is_none(), true)?;
    ensure_fits!(place.ask(&run, 3, "0.01", &limits).await?, Begin::Send { .. });
    ensure_fits!(place.ask(&run, 4, "0.01", &limits).await?, Begin::Limited(_));
    ensure_fits!(place.ask(&other, 1, "30.00", &limits).await?, Begin::Send { .. });
    ensure_fits!(place.ask(&run, 4, "5.00", &Limits::default()).await?, Begin::Send { .. });
    // A key that is known says so before any limit is asked.
    ensure_fits!(place.ask(&run, 1, "10.00", &limits).await?, Begin::InFlight(_));
    // What a person approved bounds the run as well, and what the flow says first is told first.
    let approved = Limits { approved: Some(shekels("30.00")?), per_run: Some(shekels("40.00")?), ..limits };
    for (asked, scope) in [("0.01", LimitScope::Approved), ("10.01", LimitScope::Run)] {
        let over = place.ask(&other, 2, asked, &approved).await?;
        same(limited(&over).map(|reached| reached.scope), Some(scope))?;
    }
    Ok(())
}

pub(super) async fn a_limit_of_one_call_stands_behind_its_key(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    ensure_fits!(place.ask(&run, 1, "10.00", &Limits::default()).await?, Begin::Send { .. });
    let limits = Limits { per_call: Some(shekels("5.00")?), ..Limits::default() };
    ensure_fits!(place.ask(&run, 2, "5.00", &limits).await?, Begin::Send { .. });
    let over = place.ask(&run, 3, "5.01", &limits).await?;
    let want = LimitReached {
        scope: LimitScope::Call,
        limit: shekels("5.00")?,
        held: shekels("0.00")?,
        asked: Some(shekels("5.01")?),
    };
    same(limited(&over), Some(&want))?;
    same(place.journal.step(&step(&run, 3, 1)).await?.is_none(), true)?;
    // Whatever the limit is now, what was begun is what it is.
    ensure_fits!(place.ask(&run, 1, "10.00", &limits).await?, Begin::InFlight(_));
    place.finish(&run, 1, 1, OutcomeStatus::Succeeded).await?;
    ensure_fits!(place.ask(&run, 1, "10.00", &limits).await?, Begin::Recorded(_));
    let mut other = intent(&run, 4, 1, "order-4")?;
    (other.amount, other.limits) =
        (Some("1.00 USD".parse().map_err(|_| Broken("money".to_owned()))?), limits.clone());
    ensure_fits!(place.journal.begin_step(other.clone()).await?, Begin::Limited(_));
    other.amount = None;
    ensure_fits!(place.journal.begin_step(other.clone()).await?, Begin::Limited(_));
    // What moves no money keeps to no limit.
    other.money = false;
    ensure_fits!(place.journal.begin_step(other).await?, Begin::Send { .. });
    Ok(())
}

pub(super) async fn an_amount_counts_until_it_is_known_not_to_have_moved(place: Place) -> Result<(), Broken> {
    for status in OutcomeStatus::ALL {
        let run = place.run("charges").await?;
        let limits = run_limit("10.00")?;
        ensure_fits!(place.ask(&run, 1, "10.00", &limits).await?, Begin::Send { .. });
        ensure_fits!(place.ask(&run, 2, "0.01", &limits).await?, Begin::Limited(_));
        place.finish(&run, 1, 1, status).await?;
        let next = place.ask(&run, 2, "10.00", &limits).await?;
        if status.leaves_key_free() {
            ensure_fits!(next, Begin::Send { .. });
        } else {
            ensure_fits!(next, Begin::Limited(_));
        }
    }
    Ok(())
}

pub(super) async fn closing_gives_an_amount_back_or_keeps_it(place: Place) -> Result<(), Broken> {
    let beside = place.beside().await?;
    for (status, frees) in [(OutcomeStatus::NotSent, true), (OutcomeStatus::Succeeded, false)] {
        for writer in [&place, &beside] {
            let run = place.run("charges").await?;
            let limits = run_limit("10.00")?;
            place.ask(&run, 1, "10.00", &limits).await?;
            place.finish(&run, 1, 1, OutcomeStatus::Unknown).await?;
            ensure_fits!(place.ask(&run, 2, "10.00", &limits).await?, Begin::Limited(_));
            let close = StepClose {
                step: step(&run, 1, 1),
                outcome: StoredOutcome { reference: None, ..super::place::outcome(status) },
                seen: None,
                end: None,
                sealed: Vec::new(),
                vendor: None,
                evidence: serde_json::Value::Null,
                actor: "dana".to_owned(),
                reason: "asked the bank".to_owned(),
                at: at(50),
            };
            writer.journal.close_step(close).await?;
            let next = place.ask(&run, 2, "10.00", &limits).await?;
            ensure!(matches!(next, Begin::Send { .. }) == frees, "{status}: {next:?}");
        }
    }
    Ok(())
}

pub(super) async fn a_day_counts_every_run_of_its_flow_by_the_time_of_the_intent(
    place: Place,
) -> Result<(), Broken> {
    let (first, second, other) =
        (place.run("charges").await?, place.run("charges").await?, place.run("refunds").await?);
    let (today, tomorrow) = (day_limit("20.00", 0)?, day_limit("20.00", 1)?);
    ensure_fits!(place.ask_at(&first, 1, "15.00", &today, 99).await?, Begin::Send { .. });
    ensure_fits!(place.ask_at(&second, 1, "5.01", &today, 0).await?, Begin::Limited(_));
    ensure_fits!(place.ask_at(&second, 1, "5.00", &today, 0).await?, Begin::Send { .. });
    ensure_fits!(place.ask_at(&other, 1, "20.00", &today, 50).await?, Begin::Send { .. });
    // The clock may step back over midnight: a day is what its intents say.
    ensure_fits!(place.ask_at(&first, 2, "20.00", &tomorrow, 100).await?, Begin::Send { .. });
    let late = place.ask_at(&first, 3, "0.01", &today, 98).await?;
    same(
        limited(&late).map(|reached| (reached.scope, reached.held)),
        Some((LimitScope::Day, shekels("20.00")?)),
    )?;
    // After opening again the same is known.
    let place = place.opened_again().await?;
    let late = place.ask_at(&first, 3, "0.01", &today, 98).await?;
    same(limited(&late).map(|reached| reached.held), Some(shekels("20.00")?))
}

pub(super) async fn what_cannot_be_compared_with_a_limit_is_refused(place: Place) -> Result<(), Broken> {
    let run = place.run("charges").await?;
    let asked = async |change: fn(&mut Intent)| -> Result<Begin, Broken> {
        let mut intent = intent(&run, 1, 1, "order-1")?;
        intent.limits = run_limit("100.00")?;
        change(&mut intent);
        Ok(place.journal.begin_step(intent).await?)
    };
    let none = asked(|intent| intent.amount = None).await?;
    same(limited(&none).map(|reached| reached.asked), Some(None))?;
    let euro = asked(|intent| {
        intent.amount = "EUR"
            .parse::<Currency>()
            .ok()
            .and_then(|currency| intent.amount.map(|money| Money { currency, ..money }));
    })
    .await?;
    ensure_fits!(limited(&euro), Some(reached) if reached.asked.is_some());
    // A step that moves no money is not compared, and does not count.
    let document = asked(|intent| {
        intent.money = false;
        intent.amount =
            intent.amount.map(|money| Money { amount: money.amount * money.amount * money.amount, ..money });
    })
    .await?;
    ensure_fits!(document, Begin::Send { .. });
    ensure_fits!(place.ask(&run, 2, "100.00", &run_limit("100.00")?).await?, Begin::Send { .. });
    // Money that goes the other way counts like money that goes out.
    let other = place.run("charges").await?;
    ensure_fits!(place.ask(&other, 1, "-60.00", &run_limit("100.00")?).await?, Begin::Send { .. });
    ensure_fits!(place.ask(&other, 2, "-40.01", &run_limit("100.00")?).await?, Begin::Limited(_));
    Ok(())
}

pub(super) async fn many_sides_never_go_beyond_a_limit_together(place: Place) -> Result<(), Broken> {
    let beside = place.beside().await?;
    let (run, limits) = (place.run("charges").await?, run_limit("100.00")?);
    let mut asked = Vec::new();
    for ordinal in 1..=64 {
        let journal = if ordinal % 2 == 0 { &place.journal } else { &beside.journal };
        let mut intent = intent(&run, ordinal, 1, &format!("order-{ordinal}"))?;
        intent.limits = limits.clone();
        asked.push(journal.begin_step(intent));
    }
    let mut sent = 0;
    for begin in asked {
        match begin.await? {
            Begin::Send { .. } => sent += 1,
            Begin::Limited(_) => {}
            other => return Err(Broken(format!("{other:?}"))),
        }
    }
    same(sent, 10)
}

//! Cases about vendors: opened once, one a business, forward by outcomes, and otherwise only as people say.

use super::place::{Broken, Place, at, intent, outcome, same, sealed_row, step};
use crate::{
    Begin, Intent, JournalError, KnownVendor, KnownVendors, NewItem, Resealing, StepClose, StepFinish,
    StoredOutcome, VendorDecision, VendorMark, VendorRecord, VendorRefusal, VendorState,
};
use gesher_core::{ItemStatus, Key, OutcomeStatus, RunId, StepId, VendorHandle};
use serde_json::json;

const PROVIDER: &str = "officeguy";

fn key_of(handle: &str) -> Result<Key, Broken> {
    let handle: VendorHandle = handle.parse().map_err(|_| Broken(format!("{handle} is no handle")))?;
    Ok(Key::of_vendor(&handle))
}

/// The intent to open an account for a vendor.
fn opening(run: &RunId, ordinal: u64, handle: &str, business: &str) -> Result<Intent, Broken> {
    Ok(Intent {
        operation: "officeguy.create_company".to_owned(),
        who: handle.to_owned(),
        key: key_of(handle)?,
        once: true,
        money: false,
        amount: None,
        subject: None,
        opens: Some(business.to_owned()),
        ..intent(run, ordinal, 1, handle)?
    })
}

/// The intent to ask for its terminal.
fn terminal(run: &RunId, ordinal: u64, handle: &str, account: &str) -> Result<Intent, Broken> {
    Ok(Intent {
        operation: "officeguy.open_upay_terminal".to_owned(),
        account: format!("{PROVIDER}:{account}"),
        opens: None,
        ..opening(run, ordinal, handle, "")?
    })
}

fn finish(step: StepId, status: OutcomeStatus, reference: &str) -> StepFinish {
    let outcome = StoredOutcome { reference: Some(reference.to_owned()), ..outcome(status) };
    StepFinish { step, outcome, sealed: Vec::new(), vendor: None, at: at(5) }
}

fn known(handle: &str, account: &str, business: Option<&str>) -> KnownVendor {
    KnownVendor {
        provider: PROVIDER.to_owned(),
        handle: handle.to_owned(),
        account: account.to_owned(),
        business: business.map(str::to_owned),
        sealed: Some(sealed_row(&format!("vendor/{handle}/officeguy"), b"keys")),
    }
}

impl Place {
    async fn vendor(&self, handle: &str) -> Result<Option<VendorRecord>, Broken> {
        Ok(self.journal.vendor(PROVIDER, handle).await?)
    }

    async fn state_of(&self, handle: &str) -> Result<Option<VendorState>, Broken> {
        Ok(self.vendor(handle).await?.map(|vendor| vendor.state))
    }

    /// Opens a vendor's account to its end.
    async fn open_vendor(&self, run: &RunId, ordinal: u64, handle: &str) -> Result<(), Broken> {
        let begun = self.journal.begin_step(opening(run, ordinal, handle, &format!("5{ordinal}"))?).await?;
        ensure_fits!(begun, Begin::Send { .. });
        let account = format!("900{ordinal}");
        self.journal.finish_step(&finish(step(run, ordinal, 1), OutcomeStatus::Succeeded, &account)).await?;
        Ok(())
    }

    async fn set(&self, vendors: Vec<KnownVendor>) -> Result<(), JournalError> {
        let (actor, reason) = ("dana".to_owned(), "by hand".to_owned());
        self.journal.set_vendors(KnownVendors { vendors, actor, reason, at: at(40) }).await
    }

    async fn say(&self, handle: &str, state: VendorState) -> Result<VendorRecord, JournalError> {
        let decision = VendorDecision {
            provider: PROVIDER.to_owned(),
            handle: handle.to_owned(),
            state,
            frees: match state {
                VendorState::Refused => vec!["officeguy.open_upay_terminal".to_owned()],
                _ => Vec::new(),
            },
            key: Key::derived(format!("vendor/{handle}")),
            actor: "dana".to_owned(),
            reason: "they wrote".to_owned(),
            at: at(50),
        };
        self.journal.decide_vendor(decision).await
    }
}

pub(super) async fn a_vendor_follows_the_step_that_opens_it(place: Place) -> Result<(), Broken> {
    let run = place.run("onboard").await?;
    for (ordinal, status) in (1..).zip(OutcomeStatus::ALL) {
        let handle = format!("v{ordinal}");
        let begun =
            place.journal.begin_step(opening(&run, ordinal, &handle, &format!("3{ordinal}"))?).await?;
        ensure_fits!(begun, Begin::Send { attempt: 1 });
        let opening_row = place.vendor(&handle).await?;
        let want = VendorRecord {
            provider: PROVIDER.to_owned(),
            handle: handle.clone(),
            state: VendorState::Opening,
            account: None,
            business: Some(format!("3{ordinal}")),
            step: Some(step(&run, ordinal, 1)),
            since: at(4),
            changed_at: at(4),
        };
        same(opening_row, Some(want.clone()))?;
        place.journal.finish_step(&finish(step(&run, ordinal, 1), status, "9001")).await?;
        let found = place.vendor(&handle).await?;
        match status {
            OutcomeStatus::Succeeded => {
                let account = Some("9001".to_owned());
                same(
                    found,
                    Some(VendorRecord { state: VendorState::Open, account, changed_at: at(5), ..want }),
                )?;
            }
            OutcomeStatus::Unknown | OutcomeStatus::Conflict => same(found, Some(want))?,
            OutcomeStatus::Declined | OutcomeStatus::Rejected | OutcomeStatus::NotSent => same(found, None)?,
        }
    }
    let listed: Vec<String> =
        place.journal.vendors(PROVIDER).await?.into_iter().map(|vendor| vendor.handle).collect();
    let kept = |(ordinal, status): (usize, &OutcomeStatus)| {
        let kept = *status == OutcomeStatus::Succeeded || status.is_open();
        kept.then(|| format!("v{}", ordinal + 1))
    };
    same(listed, OutcomeStatus::ALL.iter().enumerate().filter_map(kept).collect())?;
    same(place.journal.vendors("elsewhere").await?, vec![])
}

pub(super) async fn a_vendor_or_a_business_that_is_there_is_not_opened(place: Place) -> Result<(), Broken> {
    let run = place.run("onboard").await?;
    place.open_vendor(&run, 1, "dana").await?;
    place.set(vec![known("imported", "7001", Some("77"))]).await?;
    let again = place.journal.begin_step(opening(&run, 2, "dana", "51")?).await?;
    ensure_fits!(again, Begin::Recorded(step) if step.id.item.ordinal == 1);
    for (ordinal, handle, business, of) in
        [(3, "noa", "51", "dana"), (4, "noa", "77", "imported"), (5, "imported", "78", "imported")]
    {
        let begun = place.journal.begin_step(opening(&run, ordinal, handle, business)?).await?;
        ensure_fits!(begun, Begin::Vendor(vendor) if vendor.handle == of);
    }
    same(place.vendor("noa").await?, None)?;
    // A business whose opening came to nothing is free again, for any handle.
    ensure_fits!(place.journal.begin_step(opening(&run, 6, "noa", "90")?).await?, Begin::Send { .. });
    let taken = place.journal.begin_step(opening(&run, 7, "avi", "90")?).await?;
    ensure_fits!(taken, Begin::Vendor(vendor) if vendor.state == VendorState::Opening);
    place.journal.finish_step(&finish(step(&run, 6, 1), OutcomeStatus::Rejected, "")).await?;
    ensure_fits!(place.journal.begin_step(opening(&run, 8, "avi", "90")?).await?, Begin::Send { .. });
    // Where no number is known, nothing can be compared.
    ensure_fits!(place.journal.begin_step(opening(&run, 9, "x", "")?).await?, Begin::Send { .. });
    ensure_fits!(place.journal.begin_step(opening(&run, 10, "y", "")?).await?, Begin::Send { .. });
    Ok(())
}

pub(super) async fn one_business_opened_from_many_sides_is_opened_once(place: Place) -> Result<(), Broken> {
    let (run, beside) = (place.run("onboard").await?, place.beside().await?);
    let mut waiting = Vec::new();
    for ordinal in 1..=24 {
        let journal = if ordinal % 2 == 0 { &place.journal } else { &beside.journal };
        waiting.push(journal.begin_step(opening(&run, ordinal, &format!("v{ordinal}"), "51")?));
    }
    let mut sent = 0;
    for written in waiting {
        match written.await? {
            Begin::Send { .. } => sent += 1,
            Begin::Vendor(_) => {}
            other => return Err(Broken(format!("{other:?}"))),
        }
    }
    same(sent, 1)?;
    same(place.journal.vendors(PROVIDER).await?.len(), 1)
}

pub(super) async fn vendors_that_a_person_brings_are_all_known_or_none(place: Place) -> Result<(), Broken> {
    let run = place.run("onboard").await?;
    place.open_vendor(&run, 1, "dana").await?;
    ensure_fits!(place.journal.begin_step(opening(&run, 2, "lost", "60")?).await?, Begin::Send { .. });
    let why = |error: JournalError| match error {
        JournalError::Vendor { why, .. } => Some(why),
        _ => None,
    };
    let taken = |of: &str| VendorRefusal::AccountTaken { account: "9001".to_owned(), of: of.to_owned() };
    let business = VendorRefusal::BusinessTaken { business: "51".to_owned(), of: "dana".to_owned() };
    for (second, want) in [
        (known("noa", "9001", None), taken("dana")),
        (known("noa", "8002", Some("51")), business),
        (known("lost", "8003", None), VendorRefusal::Opening(step(&run, 2, 1))),
        (known("dana", "9001", Some("52")), VendorRefusal::OtherBusiness("51".to_owned())),
    ] {
        let refused = place.set(vec![known("avi", "8001", None), second]).await;
        same(refused.err().and_then(why), Some(want))?;
        same((place.vendor("avi").await?, place.vendor("noa").await?), (None, None))?;
        same(place.journal.sealed("vendor/avi/officeguy").await?, None)?;
    }
    let two = vec![known("avi", "8001", None), known("noa", "8002", Some("61"))];
    place.set(two.clone()).await?;
    let before = place.journal.vendors(PROVIDER).await?;
    same(before.len(), 4)?;
    place.set(two).await?;
    same(place.journal.vendors(PROVIDER).await?, before)?;
    // A slip in an account that nothing was sent with is mended; a business that becomes known is kept.
    place.set(vec![known("avi", "8009", Some("62"))]).await?;
    let avi = place.vendor("avi").await?.map(|avi| (avi.account, avi.business, avi.state));
    same(avi, Some((Some("8009".to_owned()), Some("62".to_owned()), VendorState::Open)))?;
    ensure_fits!(place.journal.begin_step(terminal(&run, 3, "avi", "8009")?).await?, Begin::Send { .. });
    let refused = place.set(vec![known("avi", "8010", None)]).await;
    same(refused.err().and_then(why), Some(VendorRefusal::OtherAccount("8009".to_owned())))
}

pub(super) async fn a_lost_opening_is_closed_together_with_its_keys(place: Place) -> Result<(), Broken> {
    let run = place.run("onboard").await?;
    place.set(vec![known("avi", "8001", None)]).await?;
    let row = NewItem { amount: None, ..super::place::row(1, Some("dana"), 1)? };
    place.claim_item(&run, row).await?;
    ensure_fits!(place.journal.begin_step(opening(&run, 1, "dana", "51")?).await?, Begin::Send { .. });
    place.journal.finish_step(&finish(step(&run, 1, 1), OutcomeStatus::Unknown, "")).await?;
    place.end(&run, 1, ItemStatus::Unknown).await?;
    let query = crate::ItemQuery { run: run.clone(), status: None, after: None, limit: 1 };
    let items = place.journal.items(&query).await?;
    let close = |account: &str| StepClose {
        step: step(&run, 1, 1),
        outcome: StoredOutcome { reference: Some(account.to_owned()), ..outcome(OutcomeStatus::Succeeded) },
        seen: items.first().map(crate::ItemRecord::seen),
        end: None,
        sealed: vec![sealed_row("vendor/dana/officeguy", b"keys")],
        vendor: None,
        evidence: json!({}),
        actor: "dana".to_owned(),
        reason: "seen there".to_owned(),
        at: at(30),
    };
    let refused = place.journal.close_step(close("8001")).await;
    ensure_fits!(refused, Err(JournalError::Vendor { why: VendorRefusal::AccountTaken { .. }, .. }));
    same(place.journal.sealed("vendor/dana/officeguy").await?, None)?;
    place.journal.close_step(close("9001")).await?;
    let dana = place.vendor("dana").await?.map(|dana| (dana.state, dana.account));
    same(dana, Some((VendorState::Open, Some("9001".to_owned()))))?;
    same(
        place.journal.sealed("vendor/dana/officeguy").await?,
        Some(sealed_row("vendor/dana/officeguy", b"keys")),
    )
}

pub(super) async fn a_vendor_goes_forward_by_outcomes_and_back_as_people_say(
    place: Place,
) -> Result<(), Broken> {
    let run = place.run("onboard").await?;
    place.open_vendor(&run, 1, "dana").await?;
    let ask = async |ordinal: u64| -> Result<Begin, Broken> {
        Ok(place.journal.begin_step(terminal(&run, ordinal, "dana", "9001")?).await?)
    };
    let marked = |ordinal, state| StepFinish {
        vendor: Some(VendorMark { provider: PROVIDER.to_owned(), handle: "dana".to_owned(), state }),
        ..finish(step(&run, ordinal, 1), OutcomeStatus::Succeeded, "")
    };
    let charge = async |ordinal: u64| -> Result<(), Broken> {
        place.begin(&run, ordinal, 1, &format!("order-{ordinal}")).await?;
        Ok(place.journal.finish_step(&marked(ordinal, VendorState::Live)).await?)
    };
    ensure_fits!(place.say("dana", VendorState::Refused).await, Err(JournalError::Vendor { .. }));
    ensure_fits!(place.say("nobody", VendorState::Live).await, Err(JournalError::Vendor { .. }));
    ensure_fits!(ask(2).await?, Begin::Send { attempt: 1 });
    // What was asked for and is not settled cannot be asked for again.
    place.say("dana", VendorState::Live).await?;
    let refused = place.say("dana", VendorState::Refused).await;
    ensure_fits!(refused, Err(JournalError::Vendor { why: VendorRefusal::Unsettled(_), .. }));
    place.journal.finish_step(&marked(2, VendorState::TerminalRequested)).await?;
    same(place.state_of("dana").await?, Some(VendorState::Live))?;
    ensure_fits!(ask(3).await?, Begin::Recorded(_));
    same(place.say("dana", VendorState::Refused).await?.state, VendorState::Live)?;
    same(place.state_of("dana").await?, Some(VendorState::Refused))?;
    // The row that asked is told the same again; another one asks anew, once.
    let own = Intent { step: step(&run, 2, 2), ..terminal(&run, 2, "dana", "9001")? };
    ensure_fits!(place.journal.begin_step(own).await?, Begin::Recorded(step) if step.attempt == Some(1));
    ensure_fits!(ask(4).await?, Begin::Send { attempt: 2 });
    place.journal.finish_step(&marked(4, VendorState::TerminalRequested)).await?;
    same(place.state_of("dana").await?, Some(VendorState::TerminalRequested))?;
    ensure_fits!(ask(5).await?, Begin::Recorded(step) if step.attempt == Some(2));
    charge(6).await?;
    same(place.state_of("dana").await?, Some(VendorState::Live))?;
    place.say("dana", VendorState::Refused).await?;
    charge(7).await?;
    same(place.state_of("dana").await?, Some(VendorState::Live))?;
    let place = place.opened_again().await?;
    same(place.state_of("dana").await?, Some(VendorState::Live))
}

pub(super) async fn sealed_rows_are_sealed_anew_together(place: Place) -> Result<(), Broken> {
    let journal = &place.journal;
    journal.put_sealed(sealed_row("a", b"old a"), at(1)).await?;
    journal.put_sealed(sealed_row("b", b"old b"), at(2)).await?;
    let anew = |rows: Vec<(&str, &[u8], &[u8])>| Resealing {
        rows: rows.into_iter().map(|(name, was, new)| (sealed_row(name, was), new.to_vec())).collect(),
        actor: "dana".to_owned(),
        reason: "rotated".to_owned(),
        at: at(9),
    };
    let changed = journal.reseal(anew(vec![("a", b"old a", b"new a"), ("b", b"older", b"new b")])).await;
    ensure_fits!(changed, Err(JournalError::SealedChanged(name)) if name == "b");
    same(journal.sealed("a").await?, Some(sealed_row("a", b"old a")))?;
    journal.reseal(anew(vec![("a", b"old a", b"new a"), ("b", b"old b", b"new b")])).await?;
    same(journal.sealed("b").await?, Some(sealed_row("b", b"new b")))?;
    // They were stored when they were.
    same(journal.sealed_names().await?, vec![("a".to_owned(), at(1)), ("b".to_owned(), at(2))])
}

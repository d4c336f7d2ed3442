//! Vendors: what stands against opening one, how its row follows the step that opens it, what outcomes and people say of
//! it.

use super::audit::{self, Decided};
use super::convert::{all, first, instant, integer, read_instant, read_word};
use super::desk::Desk;
use super::fault::Fault;
use super::outcomes::OutcomeRow;
use super::sealed;
use super::step_reads::{self, read_step_id};
use crate::error::JournalError;
use crate::intent_log::LoggedIntent;
use crate::record::{
    Intent, KnownVendor, KnownVendors, StepState, VendorDecision, VendorMark, VendorRecord, VendorRefusal,
    VendorState,
};
use gesher_core::{OutcomeStatus, StepId};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

/// What the audit says of a vendor whose opening came to nothing.
const NOT_OPENED: &str = "not-opened";
/// What it says of keys that were set.
const KEYS_SET: &str = "keys-set";

/// The columns that [`read_vendor`] reads.
macro_rules! select_vendors {
    ($rest:literal) => {
        concat!(
            "SELECT v.provider, v.handle, v.state, v.account, v.business, v.since, v.changed_at, r.id,
                    v.step_ordinal, v.step_position
             FROM vendors v LEFT JOIN runs r ON r.no = v.step_run ",
            $rest
        )
    };
}

fn read_vendor(row: &Row<'_>) -> Result<VendorRecord, Fault> {
    let has_step = row.get::<_, Option<String>>(7)?.is_some();
    Ok(VendorRecord {
        provider: row.get(0)?,
        handle: row.get(1)?,
        state: read_word(row, 2, "vendor's state")?,
        account: row.get(3)?,
        business: row.get(4)?,
        since: read_instant(row, 5)?,
        changed_at: read_instant(row, 6)?,
        step: if has_step { Some(read_step_id(row, 7)?) } else { None },
    })
}

pub(super) fn vendor(
    connection: &Connection,
    provider: &str,
    handle: &str,
) -> Result<Option<VendorRecord>, Fault> {
    let query = connection.prepare_cached(select_vendors!("WHERE v.provider = ?1 AND v.handle = ?2"))?;
    first(query, [provider, handle], read_vendor)
}

pub(super) fn vendors(connection: &Connection, provider: &str) -> Result<Vec<VendorRecord>, Fault> {
    let query = connection.prepare_cached(select_vendors!("WHERE v.provider = ?1 ORDER BY v.handle"))?;
    all(query, [provider], read_vendor)
}

fn of_business(
    connection: &Connection,
    provider: &str,
    business: &str,
) -> Result<Option<VendorRecord>, Fault> {
    let query = connection.prepare_cached(select_vendors!("WHERE v.provider = ?1 AND v.business = ?2"))?;
    first(query, [provider, business], read_vendor)
}

/// The vendor that has the account.
pub(super) fn of_account(
    connection: &Connection,
    provider: &str,
    account: &str,
) -> Result<Option<VendorRecord>, Fault> {
    let query = connection.prepare_cached(select_vendors!("WHERE v.provider = ?1 AND v.account = ?2"))?;
    first(query, [provider, account], read_vendor)
}

/// The provider of an account, whose name begins with it.
fn provider_of(account: &str) -> &str {
    account.split_once(':').map_or(account, |(provider, _)| provider)
}

fn subject(handle: &str) -> String {
    format!("vendor {handle}")
}

/// What stands against an intent that opens an account, once its key is free: the vendor is there without one of its
/// steps, or its business is another vendor's.
pub(super) fn in_the_way(
    connection: &Connection,
    intent: &Intent,
    business: &str,
) -> Result<Option<VendorRecord>, Fault> {
    let provider = provider_of(&intent.account);
    match vendor(connection, provider, &intent.who)? {
        None if business.is_empty() => Ok(None),
        None => of_business(connection, provider, business),
        there => Ok(there),
    }
}

/// The row of a vendor whose opening has its intent.
pub(super) fn begin_opening(desk: &Desk, run: i64, intent: &Intent, business: &str) -> Result<(), Fault> {
    let opening = Opening {
        provider: provider_of(&intent.account),
        handle: &intent.who,
        business: Some(business).filter(|business| !business.is_empty()),
        run,
        step: &intent.step,
        at: intent.at,
    };
    insert_opening(desk, &opening)
}

struct Opening<'a> {
    provider: &'a str,
    handle: &'a str,
    business: Option<&'a str>,
    run: i64,
    step: &'a StepId,
    at: Timestamp,
}

fn insert_opening(desk: &Desk, opening: &Opening<'_>) -> Result<(), Fault> {
    let state = VendorState::Opening.as_str();
    desk.prepare_cached(
        "INSERT INTO vendors (provider, handle, state, business, step_run, step_ordinal, step_position, since, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
    )?
    .execute(params![
        opening.provider,
        opening.handle,
        state,
        opening.business,
        opening.run,
        integer(opening.step.item.ordinal)?,
        opening.step.position,
        instant(opening.at)
    ])?;
    desk.any_opening.set(Some(true));
    let note = opening.step.to_string();
    audit::note(desk, opening.at, &subject(opening.handle), None, state, Some(&note))
}

/// The vendor of an intent that only the intent log knew, which is unknown now. Where the database knows more of it
/// already, that stays.
pub(super) fn adopt(
    desk: &Desk,
    run: i64,
    step: &StepId,
    intent: &LoggedIntent<'_>,
    at: Timestamp,
) -> Result<(), Fault> {
    let Some(business) = &intent.opens else { return Ok(()) };
    let provider = provider_of(&intent.account);
    if vendor(desk, provider, &intent.who)?.is_some() {
        return Ok(());
    }
    let is_taken = business.is_empty() || of_business(desk, provider, business)?.is_some();
    let business = Some(business.as_ref()).filter(|_| !is_taken);
    insert_opening(desk, &Opening { provider, handle: &intent.who, business, run, step, at })
}

/// Lets the vendor that a step opens follow the step's outcome: with an account it is open, and one that was provably
/// not opened is forgotten, so that its handle and its business are free again.
pub(super) fn follow(
    desk: &Desk,
    run: i64,
    step: &StepId,
    row: &OutcomeRow,
    at: Timestamp,
) -> Result<(), Fault> {
    let status = row.status();
    if status.is_open() || !desk.has_openings()? {
        return Ok(());
    }
    let place = params![run, integer(step.item.ordinal)?, step.position];
    let query = desk.prepare_cached(
        "SELECT provider, handle FROM vendors
         WHERE state = 'opening' AND step_run = ?1 AND step_ordinal = ?2 AND step_position = ?3",
    )?;
    let found = first(query, place, |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let Some((provider, handle)) = found else { return Ok(()) };
    desk.any_opening.set(None);
    let was = Some(VendorState::Opening.as_str());
    if status != OutcomeStatus::Succeeded {
        desk.prepare_cached("DELETE FROM vendors WHERE provider = ?1 AND handle = ?2")?
            .execute([&provider, &handle])?;
        return audit::note(desk, at, &subject(&handle), was, NOT_OPENED, row.code());
    }
    let account = row.reference();
    let open = VendorState::Open.as_str();
    desk.prepare_cached(
        "UPDATE vendors SET state = ?3, account = ?4, changed_at = ?5 WHERE provider = ?1 AND handle = ?2",
    )?
    .execute(params![provider, handle, open, account, instant(at)])?;
    audit::note(desk, at, &subject(&handle), was, open, account)
}

/// What an outcome says of a vendor. Whoever was found to be as far is not asked about again.
pub(super) fn mark(desk: &Desk, mark: &VendorMark, at: Timestamp) -> Result<(), Fault> {
    if mark.state == VendorState::Live && desk.live.borrow().contains(&mark.handle) {
        return Ok(());
    }
    let Some(found) = vendor(desk, &mark.provider, &mark.handle)? else { return Ok(()) };
    if found.state.advances_to(mark.state) {
        set_state(desk, &found, mark.state, at)?;
        audit::note(
            desk,
            at,
            &subject(&found.handle),
            Some(found.state.as_str()),
            mark.state.as_str(),
            None,
        )?;
    }
    if mark.state == VendorState::Live {
        desk.live.borrow_mut().insert(mark.handle.clone());
    }
    Ok(())
}

fn set_state(
    connection: &Connection,
    vendor: &VendorRecord,
    state: VendorState,
    at: Timestamp,
) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE vendors SET state = ?3, changed_at = ?4 WHERE provider = ?1 AND handle = ?2")?
        .execute(params![vendor.provider, vendor.handle, state.as_str(), instant(at)])?;
    Ok(())
}

fn refused(handle: &str, why: VendorRefusal) -> Fault {
    JournalError::Vendor { vendor: handle.to_owned(), why }.into()
}

/// Makes vendors known whose keys a person brought: all of them, or none.
pub(super) fn set(desk: &Desk, known: &KnownVendors) -> Result<(), Fault> {
    let decided = Decided { actor: &known.actor, reason: &known.reason, evidence: None };
    for vendor in &known.vendors {
        set_one(desk, vendor, &decided, known.at)?;
    }
    Ok(())
}

fn set_one(desk: &Desk, known: &KnownVendor, decided: &Decided<'_>, at: Timestamp) -> Result<(), Fault> {
    let KnownVendor { provider, handle, account, business, sealed: keys } = known;
    let found = vendor(desk, provider, handle)?;
    require_free(desk, known)?;
    if let Some(found) = &found {
        require_same(desk, found, known)?;
    }
    let business = business.as_ref().or(found.as_ref().and_then(|found| found.business.as_ref()));
    let is_changed = match &found {
        Some(found) => found.account.as_ref() != Some(account) || found.business.as_ref() != business,
        None => true,
    };
    if is_changed {
        desk.prepare_cached(
            "INSERT INTO vendors (provider, handle, state, account, business, since, changed_at)
             VALUES (?1, ?2, 'open', ?3, ?4, ?5, ?5)
             ON CONFLICT (provider, handle) DO UPDATE SET account = ?3, business = ?4",
        )?
        .execute(params![provider, handle, account, business, instant(at)])?;
        let was = found.as_ref().map(|found| found.state.as_str());
        let became = was.unwrap_or(VendorState::Open.as_str());
        audit::note_decided(desk, at, &subject(handle), was, became, Some(account), decided)?;
    }
    if let Some(keys) = keys {
        sealed::put(desk, keys, at)?;
        audit::note_decided(desk, at, &subject(handle), None, KEYS_SET, Some(account), decided)?;
    }
    Ok(())
}

/// Refuses an account or a business that is another vendor's.
fn require_free(connection: &Connection, known: &KnownVendor) -> Result<(), Fault> {
    require_free_account(connection, &known.provider, &known.handle, &known.account)?;
    let Some(business) = &known.business else { return Ok(()) };
    match of_business(connection, &known.provider, business)? {
        Some(other) if other.handle != known.handle => Err(refused(
            &known.handle,
            VendorRefusal::BusinessTaken { business: business.clone(), of: other.handle },
        )),
        _ => Ok(()),
    }
}

fn require_free_account(
    connection: &Connection,
    provider: &str,
    handle: &str,
    account: &str,
) -> Result<(), Fault> {
    match of_account(connection, provider, account)? {
        Some(other) if other.handle != handle => Err(refused(
            handle,
            VendorRefusal::AccountTaken { account: account.to_owned(), of: other.handle },
        )),
        _ => Ok(()),
    }
}

/// Refuses what contradicts what is known of a vendor. Another account only replaces one that nothing was sent with: a
/// slip can be mended, and what was done stays that vendor's.
fn require_same(connection: &Connection, found: &VendorRecord, known: &KnownVendor) -> Result<(), Fault> {
    let refusal = |why| Err(refused(&known.handle, why));
    if let (VendorState::Opening, Some(step)) = (found.state, &found.step) {
        return refusal(VendorRefusal::Opening(step.clone()));
    }
    match (&found.business, &known.business) {
        (Some(has), Some(said)) if has != said => return refusal(VendorRefusal::OtherBusiness(has.clone())),
        _ => {}
    }
    match &found.account {
        Some(has) if *has != known.account && is_used(connection, &known.provider, has)? => {
            refusal(VendorRefusal::OtherAccount(has.clone()))
        }
        _ => Ok(()),
    }
}

/// Whether anything with an effect was ever sent with an account.
fn is_used(connection: &Connection, provider: &str, account: &str) -> Result<bool, Fault> {
    let query = connection
        .prepare_cached("SELECT 1 FROM steps WHERE account = ?1 AND attempt IS NOT NULL LIMIT 1")?;
    Ok(first(query, [format!("{provider}:{account}")], |_| Ok(()))?.is_some())
}

/// Refuses to close a step as one that opened an account which is another vendor's.
pub(super) fn require_own_account(
    connection: &Connection,
    run: i64,
    step: &StepId,
    account: &str,
) -> Result<(), Fault> {
    let query = connection.prepare_cached(
        "SELECT provider, handle FROM vendors
         WHERE state = 'opening' AND step_run = ?1 AND step_ordinal = ?2 AND step_position = ?3",
    )?;
    let place = params![run, integer(step.item.ordinal)?, step.position];
    let found = first(query, place, |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    match found {
        Some((provider, handle)) => require_free_account(connection, &provider, &handle, account),
        None => Ok(()),
    }
}

/// What a person says of a vendor, with the steps that may be sent again because of it. Answers the vendor as it was.
pub(super) fn decide(desk: &Desk, decision: &VendorDecision) -> Result<VendorRecord, Fault> {
    let handle = &decision.handle;
    let found = vendor(desk, &decision.provider, handle)?;
    let found = found.ok_or_else(|| refused(handle, VendorRefusal::Missing))?;
    let (from, to) = (found.state, decision.state);
    if !from.may_be_said(to) {
        return Err(refused(handle, VendorRefusal::State { from, to }));
    }
    if from == to {
        return Ok(found);
    }
    if let Some(account) = &found.account {
        let account = format!("{}:{account}", decision.provider);
        for operation in &decision.frees {
            free(desk, &account, operation, decision)?;
        }
    }
    set_state(desk, &found, to, decision.at)?;
    desk.live.borrow_mut().remove(handle);
    let decided = Decided { actor: &decision.actor, reason: &decision.reason, evidence: None };
    audit::note_decided(
        desk,
        decision.at,
        &subject(handle),
        Some(from.as_str()),
        to.as_str(),
        None,
        &decided,
    )?;
    Ok(found)
}

/// Frees the last attempt of an operation, where it succeeded.
fn free(desk: &Desk, account: &str, operation: &str, decision: &VendorDecision) -> Result<(), Fault> {
    let query = desk.prepare_cached(
        "SELECT r.id, s.ordinal, s.position, s.state, s.seq FROM steps s JOIN runs r ON r.no = s.run
         WHERE s.account = ?1 AND s.operation = ?2 AND s.key = ?3 AND s.attempt IS NOT NULL
         ORDER BY s.attempt DESC LIMIT 1",
    )?;
    let last = first(query, params![account, operation, decision.key.as_str()], |row| {
        Ok((read_step_id(row, 0)?, row.get::<_, String>(3)?, row.get::<_, i64>(4)?))
    })?;
    let Some((step, state, seq)) = last else { return Ok(()) };
    match state.as_str() {
        "succeeded" => {}
        "declined" | "rejected" | "not_sent" => return Ok(()),
        _ => return Err(refused(&decision.handle, VendorRefusal::Unsettled(step))),
    }
    free_step(desk, seq, decision.at)?;
    let decided = Decided { actor: &decision.actor, reason: &decision.reason, evidence: None };
    audit::note_decided(desk, decision.at, &step.to_string(), Some(&state), "freed", None, &decided)
}

/// Notes that a step which succeeded stands for its key no more.
pub(super) fn free_step(connection: &Connection, seq: i64, at: Timestamp) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT INTO freed (step, at) VALUES (?1, ?2) ON CONFLICT (step) DO NOTHING")?
        .execute(params![seq, instant(at)])?;
    Ok(())
}

/// Whether a step that succeeded stands for its key no more.
pub(super) fn is_freed(connection: &Connection, step: &StepId, state: StepState) -> Result<bool, Fault> {
    if state != StepState::Over(OutcomeStatus::Succeeded) {
        return Ok(false);
    }
    let query = connection.prepare_cached("SELECT 1 FROM freed WHERE step = ?1")?;
    Ok(first(query, [step_reads::seq_of(connection, step)?], |_| Ok(()))?.is_some())
}

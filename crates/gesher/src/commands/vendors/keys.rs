//! `vendors set-keys`: the keys of an organisation that a person knows. For one whose opening was lost, this settles the
//! step that opened it too.

use super::{PROVIDER, document, failure, handle, no_vendor};
use crate::actor;
use crate::cli::SetKeysArgs;
use crate::commands::secrets::read_secret;
use crate::compose::beside::{desk, settle_leftovers};
use crate::compose::store::Store;
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::renewal;
use gesher_core::{Rejection, Secret, StepId, VendorHandle, business_number};
use gesher_engine::journal::{KnownVendor, KnownVendors, SealedRow, VendorState};
use gesher_engine::{EngineError, Opened};
use gesher_officeguy::vendor_secret;

/// Why the keys are there, where nobody says more.
const REASON: &str = "keys set by hand";

/// Stores the keys, and settles what waited for them.
pub(super) async fn run(output: Output, config: &Config, args: SetKeysArgs) -> Result<Exit, HubError> {
    let handle = handle(&args.name)?;
    require_not_own(config, args.company_id)?;
    let business = business(args.corporate_number.as_deref())?;
    let hint = "give it on standard input: printf %s \"$KEY\" | gesher vendors set-keys NAME --company-id N";
    let key = read_secret(output, "type the organisation's API key, then Enter and Ctrl-D", hint)?;
    settle_leftovers(config).await?;
    let store = Store::open(config)?;
    let stored = stored_keys(&store, &handle).await?;
    let secret = vendor_secret(stored.as_ref(), args.company_id, &key, None).map_err(refused)?;
    let sealed = sealed_row(&store, &handle, &secret)?;
    let account = args.company_id.to_string();
    let reason = args.reason.unwrap_or_else(|| REASON.to_owned());
    let found = store.journal.vendor(PROVIDER, handle.as_str()).await.doing("reading the vendor")?;
    let mut settled = None;
    match found.filter(|vendor| vendor.state == VendorState::Opening) {
        Some(vendor) => {
            if business.is_some() && vendor.business.is_some() && vendor.business != business {
                return Err(HubError::usage(format!(
                    "the vendor {handle} is being opened for another business"
                )));
            }
            let step = vendor.step.ok_or_else(|| no_vendor(&handle))?;
            let opened = Opened { step, account, sealed, reason, actor: actor::current() };
            settled = Some(finish(config, opened).await?);
            renewal::where_nobody_serves(config).await?;
        }
        None => {
            let vendor = KnownVendor {
                provider: PROVIDER.to_owned(),
                handle: handle.as_str().to_owned(),
                account,
                business,
                sealed: Some(sealed),
            };
            let known =
                KnownVendors { vendors: vec![vendor], actor: actor::current(), reason, at: store.now() };
            let set = store.journal.set_vendors(known).await;
            set.map_err(|error| failure(error, "storing the keys"))?;
        }
    }
    let vendor = store.journal.vendor(PROVIDER, handle.as_str()).await.doing("reading the vendor")?;
    let vendor = vendor.ok_or_else(|| no_vendor(&handle))?;
    let mut told = document(&vendor, true);
    told["settled"] = serde_json::json!(settled.as_ref().map(ToString::to_string));
    output.json(&told);
    let step = settled.map_or_else(String::new, |step| format!("; step {step} is settled"));
    output.text(&format!("stored the keys of {handle}: it is {}{step}", vendor.state));
    Ok(Exit::Well)
}

/// Closes the step that opened the vendor, with its keys.
async fn finish(config: &Config, opened: Opened) -> Result<StepId, HubError> {
    let desk = desk(config)?.ok_or_else(|| HubError::failed("the journal is gone"))?;
    let resolved = desk.opened(opened).await.map_err(|error| match error {
        EngineError::Refused { why } => HubError::usage(why.en),
        other => HubError::failed("settling the opening").because(other),
    })?;
    Ok(resolved.step.id)
}

/// The marketplace's own organisation is no vendor's.
pub(super) fn require_not_own(config: &Config, company_id: i64) -> Result<(), HubError> {
    if config.officeguy.company_id != Some(company_id) {
        return Ok(());
    }
    Err(HubError::usage(format!("{company_id} is the marketplace's own organisation"))
        .hint("its key is that of [officeguy] in gesher.toml: gesher secrets set NAME"))
}

fn business(number: Option<&str>) -> Result<Option<String>, HubError> {
    let Some(text) = number else { return Ok(None) };
    let number = business_number(text);
    number.map(Some).ok_or_else(|| HubError::usage(format!("`{text}` is no number of a business")))
}

/// The keys that the vault has of a vendor, if they can be opened: what cannot is replaced.
pub(super) async fn stored_keys(store: &Store, handle: &VendorHandle) -> Result<Option<Secret>, HubError> {
    let name = handle.vault_name(PROVIDER);
    let row = store.journal.sealed(&name).await.doing("reading the vault")?;
    Ok(row.and_then(|row| store.vault.open_sealed(&name, &row.bytes).ok()))
}

/// A vendor's keys as they lie in the vault.
pub(super) fn sealed_row(
    store: &Store,
    handle: &VendorHandle,
    secret: &Secret,
) -> Result<SealedRow, HubError> {
    let name = handle.vault_name(PROVIDER);
    let bytes = store.vault.seal(&name, secret).doing("sealing the keys")?;
    Ok(SealedRow { name, bytes })
}

pub(super) fn refused(rejection: Rejection) -> HubError {
    HubError::usage(rejection.message.en)
}

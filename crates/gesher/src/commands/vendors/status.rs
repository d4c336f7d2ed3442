//! `vendors status`: what people heard of a vendor's terminal, since the provider tells nobody else.

use super::{PROVIDER, document, failure, handle, no_vendor};
use crate::actor;
use crate::cli::VendorStatusArgs;
use crate::compose::beside::settle_leftovers;
use crate::compose::store::open_beside;
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::providers::catalogue;
use gesher_core::{Clock, Key, Redactor, SystemClock, VendorRole};
use gesher_engine::journal::{VendorDecision, VendorState};

/// Writes down what was heard.
pub(super) async fn run(output: Output, config: &Config, args: VendorStatusArgs) -> Result<Exit, HubError> {
    let handle = handle(&args.name)?;
    let state: VendorState = args.state.parse().map_err(|_| {
        HubError::usage(format!("`{}` is no state of a vendor", args.state))
            .hint("say `live` when it can charge, `refused` when its terminal was refused")
    })?;
    settle_leftovers(config).await?;
    let journal = open_beside(config)?.ok_or_else(|| no_vendor(&handle))?;
    if journal.vendor(PROVIDER, handle.as_str()).await.doing("reading the vendor")?.is_none() {
        return Err(no_vendor(&handle));
    }
    let decision = VendorDecision {
        provider: PROVIDER.to_owned(),
        handle: handle.as_str().to_owned(),
        state,
        frees: freed_by(state)?,
        key: Key::of_vendor(&handle),
        actor: actor::current(),
        // It is kept for ever.
        reason: Redactor::new().text(args.reason.as_deref().unwrap_or_default().trim()).into_owned(),
        at: SystemClock::new().now(),
    };
    let was = journal.decide_vendor(decision).await.map_err(|error| failure(error, "changing the vendor"))?;
    let vendor = journal.vendor(PROVIDER, handle.as_str()).await.doing("reading the vendor")?;
    let vendor = vendor.ok_or_else(|| no_vendor(&handle))?;
    let row = journal.sealed(&handle.vault_name(PROVIDER)).await.doing("reading the vault")?;
    output.json(&document(&vendor, row.is_some()));
    output.text(&match vendor.state {
        state if state == was.state => format!("{handle} was {state} already"),
        VendorState::Refused => format!("{handle} is refused; its terminal may be asked for again"),
        state => format!("{handle} is {state}"),
    });
    Ok(Exit::Well)
}

/// The operations that may be called again once a vendor is in that state.
fn freed_by(state: VendorState) -> Result<Vec<String>, HubError> {
    if state != VendorState::Refused {
        return Ok(Vec::new());
    }
    let catalogue = catalogue()?;
    let asks = catalogue.iter().filter(|(_, found)| found.entry.vendor == VendorRole::AsksForTerminal);
    Ok(asks.map(|(name, _)| name.to_owned()).collect())
}

//! `vendors`: who they are, how far they have come, and the keys that people bring. No key is ever shown.

mod import;
mod keys;
mod list;
mod status;

use crate::cli::VendorsCommand;
use crate::config::Config;
use crate::error::HubError;
use crate::exit::Exit;
use crate::output::Output;
use gesher_core::VendorHandle;
use gesher_engine::journal::{JournalError, VendorRecord};
use gesher_engine::vendor_words;
use serde_json::{Value, json};

/// The provider at which vendors have their organisations.
pub const PROVIDER: &str = gesher_officeguy::PROVIDER;

/// Runs one of the commands; without one, the list.
pub async fn run(output: Output, config: Config, command: Option<VendorsCommand>) -> Result<Exit, HubError> {
    super::banner(output, &config);
    match command.unwrap_or(VendorsCommand::List) {
        VendorsCommand::List => list::list(output, &config).await,
        VendorsCommand::Show(args) => list::show(output, &config, &handle(&args.name)?).await,
        VendorsCommand::SetKeys(args) => keys::run(output, &config, args).await,
        VendorsCommand::Import(args) => import::run(output, &config, &args.file).await,
        VendorsCommand::Status(args) => status::run(output, &config, args).await,
    }
}

fn handle(text: &str) -> Result<VendorHandle, HubError> {
    text.parse().map_err(|rejection: gesher_core::Rejection| HubError::usage(rejection.message.en))
}

fn no_vendor(handle: &VendorHandle) -> HubError {
    HubError::usage(format!("there is no vendor {handle}")).hint("`gesher vendors` lists them")
}

/// What a person asked for and cannot have is no failure of the hub's.
fn failure(error: JournalError, doing: &str) -> HubError {
    match error {
        JournalError::Vendor { vendor, why } => HubError::usage(vendor_words(&vendor, &why).en),
        other => HubError::failed(doing).because(other),
    }
}

/// An organisation's number; a text where it is none.
fn number(account: &str) -> Value {
    account.parse::<i64>().map_or_else(|_| json!(account), |number| json!(number))
}

/// A vendor as JSON.
fn document(vendor: &VendorRecord, has_keys: bool) -> Value {
    json!({
        "vendor": vendor.handle,
        "state": vendor.state.as_str(),
        "company_id": vendor.account.as_deref().map(number),
        "corporate_number": vendor.business,
        "has_keys": has_keys,
        "step": vendor.step.as_ref().map(ToString::to_string),
        "since": vendor.since.to_string(),
        "changed_at": vendor.changed_at.to_string(),
    })
}

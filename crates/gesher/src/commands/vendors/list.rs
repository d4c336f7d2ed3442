//! `vendors list` and `vendors show`: where vendors stand.

use super::{PROVIDER, document, no_vendor};
use crate::compose::store::{local, open_reader, time_zone};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::table::TextTable;
use gesher_core::VendorHandle;
use gesher_engine::journal::{VendorRecord, VendorState};
use std::collections::HashSet;

/// All of them, one a line.
pub(super) async fn list(output: Output, config: &Config) -> Result<Exit, HubError> {
    let Some(journal) = open_reader(config)? else {
        output.text("no vendor yet");
        return Ok(Exit::Well);
    };
    let vendors = journal.vendors(PROVIDER).await.doing("reading the vendors")?;
    let sealed: HashSet<String> =
        journal.sealed_names().await.doing("reading the vault")?.into_iter().map(|(name, _)| name).collect();
    if vendors.is_empty() {
        output.text("no vendor yet");
        return Ok(Exit::Well);
    }
    let zone = time_zone(config);
    let mut table = TextTable::new(&["vendor", "state", "organisation", "business", "since"]).right(&[2]);
    for vendor in &vendors {
        output.json(&document(vendor, has_keys(vendor, |name| sealed.contains(name))));
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            vendor.handle.clone(),
            vendor.state.to_string(),
            or_dash(&vendor.account),
            or_dash(&vendor.business),
            local(vendor.changed_at, &zone),
        ]);
    }
    output.text(&table.render());
    let opening = vendors.iter().filter(|vendor| vendor.state == VendorState::Opening).count();
    if opening > 0 {
        output.note(&format!("{opening} still opening: `gesher vendors show NAME` says how to go on"));
    }
    Ok(Exit::Well)
}

fn has_keys(vendor: &VendorRecord, is_sealed: impl Fn(&str) -> bool) -> bool {
    let handle = vendor.handle.parse::<VendorHandle>();
    handle.is_ok_and(|handle| is_sealed(&handle.vault_name(PROVIDER)))
}

/// One of them.
pub(super) async fn show(output: Output, config: &Config, handle: &VendorHandle) -> Result<Exit, HubError> {
    let journal = open_reader(config)?.ok_or_else(|| no_vendor(handle))?;
    let vendor = journal.vendor(PROVIDER, handle.as_str()).await.doing("reading the vendor")?;
    let vendor = vendor.ok_or_else(|| no_vendor(handle))?;
    let row = journal.sealed(&handle.vault_name(PROVIDER)).await.doing("reading the vault")?;
    output.json(&document(&vendor, row.is_some()));
    output.text(&words(config, &vendor, row.is_some()));
    Ok(Exit::Well)
}

fn words(config: &Config, vendor: &VendorRecord, has_keys: bool) -> String {
    let zone = time_zone(config);
    let mut table = TextTable::new(&["vendor", vendor_column(vendor.state)]);
    let mut line = |name: &str, value: String| table.row([name.to_owned(), value]);
    line("handle", vendor.handle.clone());
    line("state", vendor.state.to_string());
    line("organisation", vendor.account.clone().unwrap_or_else(|| "-".to_owned()));
    line("business", vendor.business.clone().unwrap_or_else(|| "-".to_owned()));
    line("keys", if has_keys { "in the vault" } else { "none" }.to_owned());
    line("opened by", vendor.step.as_ref().map_or_else(|| "a person".to_owned(), ToString::to_string));
    line("known since", local(vendor.since, &zone));
    line("in this state since", local(vendor.changed_at, &zone));
    let handle = &vendor.handle;
    let next = match vendor.state {
        VendorState::Opening => format!(
            "\nWhether its organisation was opened is not known yet. Do not open it again. Look it up at OfficeGuy; if it is \
             there, store its key:\n  gesher vendors set-keys {handle} --company-id N\nif it is not:\n  gesher unknown \
             resolve {} --not-charged --reason TEXT\n",
            vendor.step.as_ref().map_or_else(|| "STEP".to_owned(), ToString::to_string)
        ),
        VendorState::TerminalRequested => format!(
            "\nUpay approves terminals by hand and tells nobody. The first charge that succeeds makes it live; or say what \
             you heard:\n  gesher vendors status {handle} live\n  gesher vendors status {handle} refused\n"
        ),
        VendorState::Refused => "\nIts terminal was refused, and may be asked for again.\n".to_owned(),
        VendorState::Open | VendorState::Live => String::new(),
    };
    format!("{}{next}", table.render())
}

fn vendor_column(state: VendorState) -> &'static str {
    match state {
        VendorState::Live => "can charge",
        _ => "cannot be relied on to charge yet",
    }
}

//! The command line of whoever writes scripts: a new hub, its tests, what editors are told.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `new`
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The folder to make; it must be new or empty.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What the hub begins with.
    #[arg(long, value_name = "NAME", default_value = "bulk-charge")]
    pub template: Template,
}

/// What a hub can begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// Charge the card of each row of a dropped file.
    BulkCharge,
    /// Open an organisation and a card terminal for a new vendor.
    Onboarding,
    /// Make a tax invoice of each row of a dropped file, without charging.
    BulkInvoices,
    /// Charge subscriptions for their month.
    Monthly,
    /// Open a standing order at Senzey for each row of a dropped file.
    StandingOrders,
    /// Give back what cards were charged, from a dropped file.
    Refunds,
    /// Every example flow in one hub.
    All,
}

/// `test`
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Only tests whose `FILE::NAME` holds this text.
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
}

/// `definitions`
#[derive(Debug, Args)]
pub struct DefinitionsArgs {
    /// The folder to write them into; by default `definitions` in the hub's folder.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

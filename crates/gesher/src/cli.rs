//! The command line: what can be typed. What each command does is in its own file under `commands`.

mod plugins;
mod schedule;
mod scripts;

pub use plugins::{PluginInspectArgs, PluginNewArgs, PluginsArgs, PluginsCommand};
pub use schedule::ScheduleArgs;
pub use scripts::{DefinitionsArgs, NewArgs, Template, TestArgs};

use crate::commands::hooks::HooksCommand;
use clap::{Args, Parser, Subcommand, ValueEnum};
use gesher_core::ids::IdError;
use gesher_core::{ItemId, ItemStatus, RunId, StepId};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// A scriptable integration hub for Israeli billing: files in, charged cards and result files out, nothing charged twice.
#[derive(Debug, Parser)]
#[command(name = "gesher", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// The hub's folder, where gesher.toml is.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub hub: PathBuf,
    /// Print JSON on standard output: one document, or one object a line for lists.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See the whole job on this machine with nothing set up.
    ///
    /// Starts a simulator and a hub in a temporary folder, opens a vendor, drops a file of charges with all kinds of
    /// trouble in it, and compares what the simulator charged with what the hub wrote down. Exit code 0 when they
    /// agree, else 5.
    Demo(DemoArgs),
    /// Make a hub folder that runs at once against the simulator.
    New(NewArgs),
    /// Check configuration and scripts: every fault with its place and how to mend it.
    Check,
    /// Run the scripts' own tests, without a hub and without a network.
    ///
    /// A test is a function `test_…` in a file `NAME.test.rhai` beside the script `NAME.rhai`. Exit code 1 when one fails.
    Test(TestArgs),
    /// Run the hub until it is told to stop (SIGTERM or Ctrl-C), which finishes what is in flight.
    ///
    /// SIGHUP reads the scripts anew: a script with faults leaves the one before at work.
    Serve,
    /// Run the hub against simulated providers while its scripts are written: what is saved counts from the next run on.
    ///
    /// A hub that is configured for real accounts is run in its sub-folder `dev`, with a journal, folders and simulators of
    /// its own: nothing real is read, taken or sent.
    Dev,
    /// Run one flow now, in the foreground.
    Run(RunArgs),
    /// Show the coming ticks of the schedules, and why each is where it is: moved, skipped, what the clocks do.
    Schedule(ScheduleArgs),
    /// List the runs, newest first.
    Runs(RunsArgs),
    /// Show one run with its items and their steps.
    Show(ShowArgs),
    /// Go on with a run that halted and waits for a person.
    Resume(DecideArgs),
    /// Give up the rest of a run: rows at work end, the others become `cancelled` and may be dropped again.
    Cancel(DecideArgs),
    /// Let a run that is held, such as one above `approve_above`, begin. Holds only for what it is now: its script, its
    /// file, its rows and their total.
    Approve(DecideArgs),
    /// Give up a run that is held: its rows become `cancelled`, and its file goes to `failed/`.
    Reject(DecideArgs),
    /// What the hub does not know: list it, ask the provider, settle it.
    #[command(subcommand)]
    Unknown(UnknownCommand),
    /// List the operations, or show one with its fields, key rule and examples.
    Operations(OperationsArgs),
    /// Write what editors need to know of every function and operation: a `.d.rhai` file a module.
    Definitions(DefinitionsArgs),
    /// Run the simulator alone: of OfficeGuy, of Senzey, or of both.
    Simulate(SimulateArgs),
    /// Keep secrets, encrypted, in the hub's vault.
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Copy the journal to a file, beside a hub that may be running.
    ///
    /// The copy is whole and can be restored. The master key is not in it, and neither is the intent log.
    Backup(BackupArgs),
    /// Put a backup in the journal's place. The hub must not be running.
    ///
    /// The journal that was there is kept beside it. Where more was sent since the backup was made, the intent log knows,
    /// and the hub refuses to start until `gesher doctor --adopt-intents` has taken it over as unknown.
    Restore(RestoreArgs),
    /// Look whether everything that the hub needs is in order, one line a check.
    ///
    /// Changes nothing, and may run beside a hub that serves. Each account is tried once, with a read.
    Doctor(DoctorArgs),
    /// The webhooks: find out why a delivery is refused.
    #[command(subcommand)]
    Hooks(HooksCommand),
    /// The vendors, how far each has come, and the keys that people bring. Never shows a key.
    Vendors(VendorsArgs),
    /// The plugins: what they are and may use, what a library says of itself, and a crate to begin one with.
    Plugins(PluginsArgs),
    /// Print the completions of a shell.
    Completions(CompletionsArgs),
    /// Print a page of the reference.
    #[command(hide = true)]
    Reference(ReferenceArgs),
}

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Rows of the file.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rows: u32,
    /// Keep the demo's hub in this folder, so that `gesher --hub DIR serve` can go on with it.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// `run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The flow's name.
    #[arg(value_name = "FLOW")]
    pub flow: String,
    /// Run this file by the rules of the flow's drop folder. The file itself stays where it is.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["body", "at"], required_unless_present_any = ["body", "at"])]
    pub file: Option<PathBuf>,
    /// Call the flow with the JSON in this file, `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "at")]
    pub body: Option<PathBuf>,
    /// Run the tick of the flow's schedule at this time: the very one, which runs once, whoever asks and how often.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// What names this call for ever. Needed with --body when the flow may move money.
    #[arg(long, value_name = "KEY", requires = "body", conflicts_with = "file")]
    pub key: Option<String>,
    /// Run the script against simulated providers, and tell what would be charged: nothing is sent, and nothing of the
    /// hub is written.
    #[arg(long)]
    pub dry_run: bool,
    /// Only read and validate the file.
    #[arg(long, requires = "file", conflicts_with_all = ["body", "dry_run"])]
    pub validate: bool,
}

/// `runs`
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Only the runs of this flow.
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}

/// A run, or one of its items: by a run's id, an item's, a step's, or the stamp on a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The run.
    pub run: RunId,
    /// The item.
    pub item: Option<u64>,
}

impl FromStr for Reference {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let stamp = text.trim();
        let bare = stamp.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(stamp);
        // An item's id is that of its first step without the position.
        let step = if bare.matches('.').count() == 1 { format!("{bare}.1") } else { bare.to_owned() };
        match step.parse::<StepId>() {
            Ok(step) => Ok(Self { run: step.item.run, item: Some(step.item.ordinal) }),
            Err(error) if bare.contains('.') => Err(error),
            Err(_) => Ok(Self { run: bare.parse()?, item: None }),
        }
    }
}

/// `show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run's id, or the reference of one of its items or steps, as it stands on a document.
    #[arg(value_name = "RUN")]
    pub reference: Reference,
    /// Only the items in this state.
    #[arg(long, value_name = "STATE")]
    pub items: Option<ItemFilter>,
}

/// `resume`, `cancel`, `approve` and `reject`
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The run's id.
    #[arg(value_name = "RUN")]
    pub run: RunId,
    /// Why, for whoever reads the history.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Which items to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemFilter {
    /// Those that have not ended.
    Queued,
    /// Those that ended so.
    Ended(ItemStatus),
}

impl std::str::FromStr for ItemFilter {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        if word == "queued" {
            return Ok(Self::Queued);
        }
        word.parse().map(Self::Ended).map_err(|_| {
            let known = ItemStatus::ALL.map(ItemStatus::as_str).join(", ");
            format!("the states are queued, {known}")
        })
    }
}

/// `unknown`
#[derive(Debug, Subcommand)]
pub enum UnknownCommand {
    /// List every step of which nobody knows whether it was done. Exit code 3 when there is one.
    List,
    /// Ask the provider now what became of one, or of all. Only reads. Exit code 3 when something stays unknown.
    Reconcile(ReconcileArgs),
    /// Settle one that you looked up at the provider yourself: a step, or a row all of whose steps are settled.
    ///
    /// What is said here stands for ever, with your name and the reason. A row that was not charged goes into retry.csv
    /// and may be dropped again; one that was charged never is again.
    Resolve(ResolveArgs),
    /// Let other operations about the same customer go on while this one stays unknown.
    Unlock(UnlockArgs),
}

/// `unknown reconcile`
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// The step's id, as in `unknown list`. Without it: every one.
    #[arg(value_name = "STEP")]
    pub step: Option<StepId>,
}

/// What is settled.
#[derive(Clone, Debug)]
pub enum Target {
    /// A step: `k7mq2xd.12.1`.
    Step(StepId),
    /// A row that is unknown although its steps are settled: `k7mq2xd.12`.
    Item(ItemId),
}

impl FromStr for Target {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self::Item).or_else(|_| text.parse().map(Self::Step))
    }
}

/// `unknown resolve`
#[derive(Debug, Args)]
pub struct ResolveArgs {
    /// The id of the step, or of the row, as in `unknown list`.
    #[arg(value_name = "STEP")]
    pub target: Target,
    /// It was done: the provider's id of it, such as the payment's.
    #[arg(long, value_name = "REF", conflicts_with = "not_charged", required_unless_present = "not_charged")]
    pub charged: Option<String>,
    /// It was not done. Refused until 30 minutes after it was sent, since it may arrive late.
    #[arg(long)]
    pub not_charged: bool,
    /// What you checked, and where.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `unknown unlock`
#[derive(Debug, Args)]
pub struct UnlockArgs {
    /// The step's id, as in `unknown list`.
    #[arg(value_name = "STEP")]
    pub step: StepId,
    /// Why it is safe to go on.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `operations`
#[derive(Debug, Args)]
pub struct OperationsArgs {
    /// One operation, as in officeguy.charge.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// `simulate`
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Where OfficeGuy is simulated: 127.0.0.1:9401 where neither provider is named.
    #[arg(long, value_name = "ADDR")]
    pub officeguy: Option<SocketAddr>,
    /// Where Senzey is simulated: 127.0.0.1:9402 where neither provider is named.
    #[arg(long, value_name = "ADDR")]
    pub senzey: Option<SocketAddr>,
    /// Where every charge is written down.
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Rules for answers that go wrong, in TOML.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Makes faults by chance the same again.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// `secrets`
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Store a secret; its value is read from standard input.
    Set(SecretArgs),
    /// List the names of the stored secrets, never a value.
    List,
    /// Remove a stored secret.
    Remove(SecretArgs),
    /// Change the master key: everything in the vault is wrapped with a new one.
    ///
    /// Cut off at any point, nothing is lost; called again, it goes on. Backups made before open only with the key before,
    /// which is kept as master.key.previous until the next change. For a key in GESHER_MASTER_KEY, put the new one into
    /// GESHER_MASTER_KEY_NEXT first; for a credential of systemd, into gesher.master_key.next.
    Rotate,
}

/// A secret's name.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// Its name, as in { secret = "officeguy.api_key" }.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `vendors`
#[derive(Debug, Args)]
pub struct VendorsArgs {
    /// What to do; without it, the list.
    #[command(subcommand)]
    pub command: Option<VendorsCommand>,
}

/// `vendors`
#[derive(Debug, Subcommand)]
pub enum VendorsCommand {
    /// List the vendors with their states.
    List,
    /// Show one vendor, and how to go on with it.
    Show(VendorArgs),
    /// Store the API key of a vendor's organisation, read from standard input.
    ///
    /// For a vendor whose opening was lost this settles the step that opened it, and the vendor can be used.
    SetKeys(SetKeysArgs),
    /// Bring in organisations that are there already, from a CSV file: all of them, or none.
    ///
    /// The header is vendor,company_id,api_key, and if you like api_public_key and corporate_number. Importing a file again
    /// changes nothing.
    Import(ImportArgs),
    /// Say what you heard of a vendor's terminal: `live`, or `refused`, which lets it be asked for again.
    Status(VendorStatusArgs),
}

/// A vendor.
#[derive(Debug, Args)]
pub struct VendorArgs {
    /// The vendor's handle.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `vendors set-keys`
#[derive(Debug, Args)]
pub struct SetKeysArgs {
    /// The vendor's handle.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The number of its organisation at OfficeGuy.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub company_id: i64,
    /// The number of its business, so that no second vendor is opened for it.
    #[arg(long, value_name = "N")]
    pub corporate_number: Option<String>,
    /// Where you found it, for whoever reads the history.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `vendors import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The CSV file. It holds keys: remove it afterwards.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `vendors status`
#[derive(Debug, Args)]
pub struct VendorStatusArgs {
    /// The vendor's handle.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// `live` or `refused`.
    #[arg(value_name = "STATE")]
    pub state: String,
    /// From whom you heard it, for whoever reads the history.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Where the copy is written; nothing may be there yet.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// What `gesher backup` wrote. It stays where it is.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Take over, as unknown, what the intent log says was sent and the journal does not know, instead of the checks. The
    /// hub must not be running.
    #[arg(long)]
    pub adopt_intents: bool,
}

/// `completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `reference`
#[derive(Debug, Args)]
pub struct ReferenceArgs {
    /// The page.
    #[arg(value_name = "PAGE")]
    pub page: Page,
}

/// The pages that are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// The operations.
    Operations,
    /// The commands.
    Commands,
    /// `gesher.toml`.
    Config,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_run_is_found_by_whatever_names_a_part_of_it() {
        let read = |text: &str| text.parse::<Reference>().map(|read| (read.run.to_string(), read.item)).ok();
        let run = "k7mq2xd".to_owned();
        assert_eq!(read("k7mq2xd"), Some((run.clone(), None)));
        for text in ["k7mq2xd.12", "k7mq2xd.12.1", "[k7mq2xd.12.3]", " K7MQ2XD.12.1 "] {
            assert_eq!(read(text), Some((run.clone(), Some(12))), "{text}");
        }
        for text in ["", "march", "k7mq2xd.", "k7mq2xd.12.1.1", "[k7mq2xd.12.1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (line, fits) in [
            ("gesher run f --file x", true),
            ("gesher run f --file x --dry-run", true),
            ("gesher run f --body - --key k", true),
            ("gesher run f", false),
            ("gesher run f --file x --body y", false),
            ("gesher run f --file x --key k", false),
            ("gesher run f --body y --dry-run", true),
            ("gesher --hub h --json runs --flow f --limit 3", true),
            ("gesher runs --hub h --json", true),
            ("gesher show k7mq2xd --items queued", true),
            ("gesher show k7mq2xd --items lost", false),
            ("gesher show march", false),
            ("gesher resume k7mq2xd", true),
            ("gesher cancel k7mq2xd --reason wrong-file", true),
            ("gesher cancel march", false),
            ("gesher cancel", false),
            ("gesher show k7mq2xd.12.1", true),
            ("gesher show k7mq2xd.x", false),
            ("gesher new h --template onboarding", true),
            ("gesher new h --template other", false),
            ("gesher simulate --officeguy 127.0.0.1:0", true),
            ("gesher simulate --officeguy here", false),
            ("gesher simulate --senzey 127.0.0.1:0", true),
            ("gesher simulate --senzey here", false),
            ("gesher unknown", false),
            ("gesher unknown list", true),
            ("gesher unknown reconcile", true),
            ("gesher unknown reconcile k7mq2xd.12.1", true),
            ("gesher unknown reconcile k7mq2xd", false),
            ("gesher unknown resolve k7mq2xd.12.1 --charged 77 --reason r", true),
            ("gesher unknown resolve k7mq2xd.12.1 --not-charged --reason r", true),
            ("gesher unknown resolve k7mq2xd.12.1 --not-charged", false),
            ("gesher unknown resolve k7mq2xd.12.1 --reason r", false),
            ("gesher unknown resolve k7mq2xd.12.1 --charged 77 --not-charged --reason r", false),
            ("gesher unknown unlock k7mq2xd.12.1 --reason r", true),
            ("gesher unknown unlock k7mq2xd.12.1", false),
            ("gesher vendors", true),
            ("gesher vendors --json", true),
            ("gesher vendors list", true),
            ("gesher vendors show dana", true),
            ("gesher vendors show", false),
            ("gesher vendors set-keys dana --company-id 2410000222", true),
            ("gesher vendors set-keys dana", false),
            ("gesher vendors set-keys dana --company-id 0", false),
            ("gesher vendors set-keys dana --company-id x", false),
            ("gesher vendors import v.csv", true),
            ("gesher vendors status dana live", true),
            ("gesher vendors status dana", false),
            ("gesher hooks verify f --body b", true),
            ("gesher hooks verify f --header a:b --header c:d --body - --at 2026-03-27T09:30:00Z", true),
            ("gesher hooks verify f", false),
            ("gesher hooks verify --body b", false),
            ("gesher hooks verify f --body b --at yesterday", false),
            ("gesher hooks", false),
            ("gesher secrets rotate", true),
            ("gesher secrets rotate x", false),
            ("gesher", false),
        ] {
            assert_eq!(Cli::try_parse_from(line.split(' ')).is_ok(), fits, "{line}");
        }
    }
}

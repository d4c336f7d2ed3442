//! `demo`: the whole job on this machine with nothing set up, by the same parts that serve for real; and at its end
//! the one question that counts, put to both books.

mod compare;
mod delivery;
mod report;
mod rows;
mod schedule;
mod vendors;

use super::new;
use crate::cli::DemoArgs;
use crate::compose::lock::{HubLock, Role};
use crate::compose::{Hub, require_sound};
use crate::config::Config;
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use crate::{follow, logging};
use compare::{Charged, Intended, compare};
use delivery::Delivered;
use gesher_core::{Decimal, Redactor, RunId};
use gesher_engine::Stop;
use gesher_engine::journal::{Journal, RunRecord, StepQuery, StepState, Tally};
use gesher_simulator::{Fault, FaultKind, FaultPlan, Match, Rule};
use gesher_trigger::drop::RunFiles;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use vendors::Opened;

/// The flow that opens the vendors.
const ONBOARDING: &str = "onboarding";
/// The flow that charges.
const CHARGES: &str = "bulk-charge";
/// The operation that moves money.
const CHARGE: &str = "officeguy.charge";
/// The first file.
const FILE: &str = "march.csv";
/// The same file, mended.
const MENDED: &str = "march-mended.csv";
/// Steps that are read at a time.
const PAGE_STEPS: usize = 1_000;
/// How often the journal is asked for a run.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a dropped file may be in being taken.
const TAKE_SECONDS_MAX: u64 = 30;

/// A file that was dropped and ran to its end.
struct Dropped {
    run: RunRecord,
    tally: Tally,
    files: RunFiles,
}

/// Everything that the demo found.
struct Found {
    config: Config,
    folder: PathBuf,
    delivered: Delivered,
    opening: Dropped,
    vendors: Vec<Opened>,
    first: Dropped,
    mended: Dropped,
    comparison: compare::Comparison,
    fired: RunRecord,
}

/// Plays the whole job.
pub async fn run(output: Output, args: &DemoArgs) -> Result<Exit, HubError> {
    let folder = make_hub(args)?;
    let rows = rows::rows(args.rows);
    let mut config = Config::load(&folder).map_err(HubError::faults)?;
    require_sound(&config)?;
    config.hooks = delivery::LISTEN.to_owned();
    let redactor = Arc::new(Redactor::new());
    logging::begin(Arc::clone(&redactor), "off");
    let lock = HubLock::require(&config, Role::Run).await?;
    let hub = Hub::open(config, lock, redactor, faults()).await?;
    output.text(&report::opening(&folder, args.rows));
    let delivered = delivery::deliver(output, &hub).await?;
    let opening = drop_file(output, &hub, ONBOARDING, vendors::FILE, &vendors::others()).await?;
    require_open(&hub).await?;
    output.text(&report::vendors(&delivered, &opening.tally));
    let first = drop_file(output, &hub, CHARGES, FILE, &rows::csv(&rows)).await?;
    let mended = drop_file(output, &hub, CHARGES, MENDED, &rows::csv(&rows::mended(&rows))).await?;
    let comparison = compare_books(&hub).await?;
    let vendors = opened(&hub).await?;
    let fired = schedule::fire(&hub).await?;
    let found = Found {
        config: hub.config.clone(),
        folder,
        delivered,
        opening,
        vendors,
        first,
        mended,
        comparison,
        fired,
    };
    let agree = found.comparison.disagreements.is_empty();
    output.json(&report::document(&found));
    output.text(&report::closing(&found, args.keep.is_some()));
    if let Some(simulator) = hub.simulator {
        simulator.stop().await;
    }
    Ok(if agree { Exit::Well } else { Exit::Failed })
}

/// A hub in the folder to keep, or in one that stays in the folder of temporary files: its results are to be looked at.
fn make_hub(args: &DemoArgs) -> Result<PathBuf, HubError> {
    let folder = match &args.keep {
        Some(folder) => folder.clone(),
        None => tempfile::Builder::new()
            .prefix("gesher-demo-")
            .tempdir()
            .doing("no temporary folder can be made")?
            .keep(),
    };
    new::write_demo(&folder)?;
    Ok(folder)
}

/// What the simulator does to the rows that are to be lost. It knows them by their cards.
fn faults() -> FaultPlan {
    let rule = |(card, kind): (&str, FaultKind)| Rule {
        matches: Match { contains: Some(card.to_owned()), ..Match::default() },
        fault: Fault::of(kind),
    };
    let lost = [(rows::LOST_ANSWER, FaultKind::CommitThenClose), (rows::LOST_CALL, FaultKind::CloseBefore)];
    FaultPlan { rules: lost.into_iter().map(rule).collect(), random: None }
}

/// Opens no charge before every vendor is there.
async fn require_open(hub: &Hub) -> Result<(), HubError> {
    let opened = opened(hub).await?;
    match vendors::HANDLES.iter().find(|handle| !opened.iter().any(|vendor| vendor.handle == **handle)) {
        None => Ok(()),
        Some(missing) => Err(HubError::failed(format!("the vendor {missing} could not be opened"))
            .hint(format!("`gesher --hub {} runs` says why", hub.config.root.display()))),
    }
}

/// The vendors that have an organisation, as they stand.
async fn opened(hub: &Hub) -> Result<Vec<Opened>, HubError> {
    let vendors = hub.store.journal.vendors(gesher_officeguy::PROVIDER).await.doing("reading the vendors")?;
    let opened = vendors.into_iter().filter_map(|vendor| {
        Some(Opened { handle: vendor.handle, company: vendor.account?, state: vendor.state.to_string() })
    });
    Ok(opened.collect())
}

fn flow<'a>(hub: &'a Hub, name: &str) -> Result<&'a crate::compose::LoadedFlow, HubError> {
    hub.flow(name).ok_or_else(|| HubError::failed(format!("the demo has no flow {name}")))
}

/// Drops a file into a flow's folder while that is watched, and waits for the end of its run.
async fn drop_file(
    output: Output,
    hub: &Hub,
    flow_name: &str,
    name: &str,
    text: &str,
) -> Result<Dropped, HubError> {
    let trigger = flow(hub, flow_name)?.drop.as_ref();
    let trigger = trigger.ok_or_else(|| HubError::failed("the demo has no drop folder"))?;
    trigger.open_folder().doing("the drop folder cannot be made")?;
    let stop = Stop::new();
    let watching = tokio::spawn({
        let (trigger, stop) = (Arc::clone(trigger), stop.clone());
        async move { trigger.watch(&stop).await }
    });
    let dropped = drop_one(output, hub, flow_name, name, text).await?;
    stop.request();
    watching.await.doing("the watch ended badly")?.doing("the drop folder cannot be watched")?;
    Ok(dropped)
}

async fn drop_one(
    output: Output,
    hub: &Hub,
    flow: &str,
    name: &str,
    text: &str,
) -> Result<Dropped, HubError> {
    let folder = drop_folder(hub, flow)?;
    // As an upload does it: another name until the whole file is there.
    let draft = folder.join(format!("{name}.part"));
    std::fs::write(&draft, text).doing("the file cannot be dropped")?;
    std::fs::rename(&draft, folder.join(name)).doing("the file cannot be dropped")?;
    let taken = run_of(&*hub.store.journal, flow, name);
    let run = tokio::time::timeout(Duration::from_secs(TAKE_SECONDS_MAX), taken);
    let run = run.await.doing("nobody took the file")??;
    let (run, tally) = follow::to_the_end(output, &*hub.store.journal, &run, || true).await?;
    let files = RunFiles::of(&run, folder);
    Ok(Dropped { run, tally, files })
}

fn drop_folder<'a>(hub: &'a Hub, flow: &str) -> Result<&'a Path, HubError> {
    let part = hub.config.flow(flow).and_then(|flow| flow.drop.as_ref());
    part.map(|drop| drop.config.folder.as_path())
        .ok_or_else(|| HubError::failed("the demo has no drop folder"))
}

async fn run_of(journal: &dyn Journal, flow: &str, name: &str) -> Result<RunId, HubError> {
    loop {
        let runs = journal.runs(Some(flow), 10).await.doing("reading the runs")?;
        if let Some(run) = runs.into_iter().find(|run| run.name == name) {
            return Ok(run.id);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Puts the journal's charges beside the simulator's ledger.
async fn compare_books(hub: &Hub) -> Result<compare::Comparison, HubError> {
    let intended: Vec<Intended> = steps(&*hub.store.journal)
        .await?
        .into_iter()
        .filter(|step| step.operation == CHARGE)
        .map(|step| Intended {
            step: step.id.to_string(),
            status: match step.state {
                StepState::Over(status) => Some(status),
                StepState::InFlight => None,
            },
            reference: step.outcome.and_then(|outcome| outcome.reference),
            amount: step.amount.map(|money| money.amount),
            account: step.account.split_once(':').map_or(step.account.as_str(), |(_, id)| id).to_owned(),
        })
        .collect();
    let simulator = hub.simulator.as_ref().ok_or_else(|| HubError::failed("the demo has no simulator"))?;
    let ledger = simulator.ledger().doing("the simulator's ledger cannot be read")?;
    let charged: Vec<Charged> = ledger
        .iter()
        .filter(|entry| entry.is_charged())
        .map(|entry| Charged {
            payment: entry.payment_id.map(|id| id.to_string()).unwrap_or_default(),
            amount: entry.amount.as_deref().and_then(|text| text.parse().ok()).unwrap_or(Decimal::ZERO),
            account: entry.company.to_string(),
        })
        .collect();
    Ok(compare(&intended, &charged))
}

/// Every step of the journal that had an effect.
async fn steps(journal: &dyn Journal) -> Result<Vec<gesher_engine::journal::StepRecord>, HubError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let query = StepQuery { state: None, after, limit: PAGE_STEPS };
        let page = journal.steps(&query).await.doing("reading the steps")?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.id.clone());
        all.extend(page);
    }
}

//! Keeps the reports of finished runs true: when a row was settled after its run ended, its result, report and retry
//! files are written anew. Which runs those are, the journal says; who does it is whoever has the hub's lock.

use crate::compose::lock::{HubLock, Role};
use crate::compose::store::open_beside;
use crate::config::Config;
use crate::error::{Doing, HubError};
use gesher_core::{RunId, SystemClock};
use gesher_engine::Stop;
use gesher_engine::journal::{Journal, RunRecord};
use gesher_trigger::drop::{Renewed, Reports};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often a serving hub looks for runs whose reports are behind.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a run whose reports could not be written is left alone at first. It doubles with each further try.
const FAILED_PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest such pause.
const FAILED_PAUSE_MAX: Duration = Duration::from_mins(5);

/// Writes reports anew.
pub struct Renewal {
    reports: Reports,
    /// The drop folders by flow, as configured now.
    folders: HashMap<String, PathBuf>,
    /// Runs whose reports could not be written.
    failed: HashMap<RunId, Failed>,
}

/// When reports are tried again, and how long the pause was.
#[derive(Clone, Copy)]
struct Failed {
    again_at: Duration,
    pause: Duration,
}

impl Renewal {
    /// Of the hub whose journal this is.
    pub fn new(config: &Config, journal: Arc<dyn Journal>) -> Self {
        let folders = config.flows.iter().filter_map(|flow| {
            let drop = flow.drop.as_ref()?;
            Some((flow.name.clone(), drop.config.folder.clone()))
        });
        let reports = Reports {
            hub: journal.hub_id().clone(),
            journal,
            runtime: tokio::runtime::Handle::current(),
            clock: Arc::new(SystemClock::new()),
            data_dir: config.data.clone(),
        };
        Self { reports, folders: folders.collect(), failed: HashMap::new() }
    }

    /// Until `stop` is asked for.
    pub async fn keep(mut self, stop: Stop) {
        while !stop.is_requested() {
            if let Err(error) = self.once().await {
                tracing::error!("{}", error.chain());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.requested() => {}
            }
        }
    }

    /// Every run whose reports are behind, once. A run that cannot be written is logged and left for later.
    pub async fn once(&mut self) -> Result<(), HubError> {
        let stale = self.reports.journal.stale_reports().await.doing("reading which reports are behind")?;
        self.failed.retain(|run, _| stale.iter().any(|stale| stale.id == *run));
        for run in stale {
            let now = self.reports.clock.monotonic();
            let earlier = self.failed.get(&run.id).copied();
            if earlier.is_some_and(|failed| now < failed.again_at) || self.renew(&run).await {
                continue;
            }
            let pause = earlier.map_or(FAILED_PAUSE_FIRST, |failed| (failed.pause * 2).min(FAILED_PAUSE_MAX));
            self.failed.insert(run.id, Failed { again_at: now + pause, pause });
        }
        Ok(())
    }

    async fn renew(&self, run: &RunRecord) -> bool {
        let configured = self.folders.get(&run.flow).map(PathBuf::as_path);
        match self.reports.renew(run, configured).await {
            Ok(Renewed::Written(_)) => tracing::info!(run = %run.id, "wrote its reports anew"),
            Ok(Renewed::None) => {}
            Ok(Renewed::FileGone(path)) => tracing::warn!(
                run = %run.id,
                "a row was settled, and its reports stay as they were, since {} is gone; `gesher show {}` has the truth",
                gesher_core::card::mask_card_numbers(&path.display().to_string()),
                run.id
            ),
            Err(error) => {
                tracing::error!(run = %run.id, "{}", error.with_reasons());
                return false;
            }
        }
        true
    }
}

/// After a person's decision: writes the reports here and now, unless a process that has the lock is there to do it.
/// Answers whether they were written here.
pub async fn where_nobody_serves(config: &Config) -> Result<bool, HubError> {
    let Some(_lock) = HubLock::try_take(config, Role::Run)? else { return Ok(false) };
    let Some(journal) = open_beside(config)? else { return Ok(false) };
    Renewal::new(config, journal).once().await?;
    Ok(true)
}

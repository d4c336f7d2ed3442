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

/// What became of the reports of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// They say what the journal says.
    Yes,
    /// There is nothing to write: it was a call, or left no reports, or is not over yet.
    None,
    /// The run's file is gone, and its reports stay as they were.
    FileGone,
    /// They could not be written now.
    Failed,
    /// A process that has the hub's lock writes them within moments.
    ByTheHub,
}

impl Written {
    /// The word of it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "written",
            Self::None => "none",
            Self::FileGone => "file_gone",
            Self::Failed => "failed",
            Self::ByTheHub => "by_the_hub",
        }
    }

    /// What a person should know of it, if anything.
    pub fn note(self, run: &RunId) -> Option<String> {
        match self {
            Self::Yes | Self::None => None,
            Self::ByTheHub => Some("the running hub writes the reports anew".to_owned()),
            Self::FileGone => Some(format!(
                "the reports of run {run} stay as they were, since its file is gone from `done`; `gesher show {run}` has the truth"
            )),
            Self::Failed => Some(format!(
                "the reports of run {run} could not be written anew, and stay as they were until a hub runs; `gesher show {run}` has the truth"
            )),
        }
    }
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

    /// Every run whose reports are behind, once. A run that cannot be written is logged and left for later. Answers what
    /// became of each.
    pub async fn once(&mut self) -> Result<Vec<(RunId, Written)>, HubError> {
        let mut ends = Vec::new();
        let stale = self.reports.journal.stale_reports().await.doing("reading which reports are behind")?;
        self.failed.retain(|run, _| stale.iter().any(|stale| stale.id == *run));
        for run in stale {
            let now = self.reports.clock.monotonic();
            let earlier = self.failed.get(&run.id).copied();
            if earlier.is_some_and(|failed| now < failed.again_at) {
                continue;
            }
            let written = self.renew(&run).await;
            ends.push((run.id.clone(), written));
            if written != Written::Failed {
                continue;
            }
            let pause = earlier.map_or(FAILED_PAUSE_FIRST, |failed| (failed.pause * 2).min(FAILED_PAUSE_MAX));
            self.failed.insert(run.id, Failed { again_at: now + pause, pause });
        }
        Ok(ends)
    }

    async fn renew(&self, run: &RunRecord) -> Written {
        let configured = self.folders.get(&run.flow).map(PathBuf::as_path);
        match self.reports.renew(run, configured).await {
            Ok(Renewed::Written(_)) => {
                tracing::info!(run = %run.id, "wrote its reports anew");
                Written::Yes
            }
            Ok(Renewed::None) => Written::None,
            Ok(Renewed::FileGone(path)) => {
                tracing::warn!(
                    run = %run.id,
                    "a row was settled, and its reports stay as they were, since {} is gone; `gesher show {}` has the truth",
                    gesher_core::card::mask_card_numbers(&path.display().to_string()),
                    run.id
                );
                Written::FileGone
            }
            Err(error) => {
                tracing::error!(run = %run.id, "{}", error.with_reasons());
                Written::Failed
            }
        }
    }
}

/// After something was settled: writes the reports that are behind here and now, unless a process that has the lock is
/// there to do it. Answers what became of those of each run; one that is not among them had none to write.
pub async fn where_nobody_serves(config: &Config) -> Result<Option<Vec<(RunId, Written)>>, HubError> {
    let Some(_lock) = HubLock::try_take(config, Role::Run)? else { return Ok(None) };
    let Some(journal) = open_beside(config)? else { return Ok(Some(Vec::new())) };
    Renewal::new(config, journal).once().await.map(Some)
}

/// The same, for one run.
pub async fn of_run(config: &Config, run: &RunId) -> Result<Written, HubError> {
    let Some(ends) = where_nobody_serves(config).await? else { return Ok(Written::ByTheHub) };
    Ok(ends.into_iter().find(|(of, _)| of == run).map_or(Written::None, |(_, written)| written))
}

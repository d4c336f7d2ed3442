//! What a run leaves behind once its rows have ended: its reports, what was set aside of a file that changed, and the file
//! itself, which is moved last. And the reading of a run's items for that, a page at a time.

use super::companions;
use super::folder::{Place, name_of};
use super::handing;
use super::late::{self, Rest};
use super::life::{Job, PAGE_ITEMS};
use super::messages;
use super::report::{self, ReportError, ResultFiles};
use gesher_core::{RunId, Text};
use gesher_engine::journal::{ItemQuery, ItemRecord, Journal, JournalError};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Writes what a run leaves behind, and moves its file last. Answers what is to be said of a file that changed.
pub(super) fn write_reports(job: &Job, mut items: Items, taken: u64) -> Result<Option<Text>, ReportError> {
    let files = ResultFiles::of(&job.folder, &job.run);
    if gesher_core::mutant!("file_before_reports") {
        job.folder.move_file(&job.path, &files.file)?;
    }
    gesher_core::failpoint!("report.before");
    let rules = &job.pinned.rules;
    let is_unchanged = report::write(&job.folder, &job.run, rules, job.rows(), || items.next())?;
    let is_whole = job.run.rows.is_none_or(|rows| taken >= rows);
    let result = name_of(&files.result);
    let said = match &files.late {
        // The whole file lies among the failed ones, whatever became of it while it was held.
        _ if job.pinned.rejected => None,
        Some(late) if !is_whole => {
            let rest = late::write_rest(&job.folder, &job.path, late, job.rows(), taken + 1)?;
            match rest {
                Rest::Nothing => None,
                Rest::Untaken => Some(messages::late(&name_of(late))),
                Rest::MayRepeat => Some(messages::late_may_repeat(&name_of(late), &result)),
            }
        }
        _ => (!is_unchanged).then(|| messages::changed_after_taking(&result)),
    };
    let place = if job.pinned.rejected { Place::Failed } else { Place::Done };
    companions::put_along(&job.folder, job.run.id.as_str(), &job.pinned, place)?;
    handing::forget(job)?;
    job.folder.move_file(&job.path, &files.file)?;
    gesher_core::failpoint!("file.moved");
    Ok(said)
}

/// A run's items in their order, a page at a time. While one is worked off, the next is read.
pub(super) struct Items {
    journal: Arc<dyn Journal>,
    runtime: tokio::runtime::Handle,
    run: RunId,
    /// The last item that was read; none before the first, which is `on_finish` where there is one.
    after: Option<u64>,
    page: VecDeque<ItemRecord>,
    coming: Option<JoinHandle<Result<Vec<ItemRecord>, JournalError>>>,
    ended: bool,
}

impl Items {
    /// From the first on. Reading blocks, so it is done beside the runtime.
    pub(super) fn of(journal: &Arc<dyn Journal>, runtime: &tokio::runtime::Handle, run: &RunId) -> Self {
        let (journal, runtime) = (Arc::clone(journal), runtime.clone());
        Self {
            journal,
            runtime,
            run: run.clone(),
            after: None,
            page: VecDeque::new(),
            coming: None,
            ended: false,
        }
    }

    /// The same from the first on.
    pub(super) fn anew(&self) -> Self {
        Self::of(&self.journal, &self.runtime, &self.run)
    }

    pub(super) fn next(&mut self) -> io::Result<Option<ItemRecord>> {
        if self.page.is_empty() && !self.ended {
            let coming = self.coming.take().unwrap_or_else(|| self.read_on());
            let page = self.runtime.block_on(coming)?.map_err(io::Error::other)?;
            self.ended = page.len() < PAGE_ITEMS;
            self.after = page.last().map(|item| item.id.ordinal).or(self.after);
            self.page = page.into();
            self.coming = (!self.ended).then(|| self.read_on());
        }
        Ok(self.page.pop_front())
    }

    /// Begins to read the next page.
    fn read_on(&self) -> JoinHandle<Result<Vec<ItemRecord>, JournalError>> {
        let journal = Arc::clone(&self.journal);
        let query = ItemQuery { run: self.run.clone(), status: None, after: self.after, limit: PAGE_ITEMS };
        self.runtime.spawn(async move { journal.items(&query).await })
    }
}

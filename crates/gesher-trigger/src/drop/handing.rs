//! The result of a run for its own `on_finish`: the table that people get once the run is over, made as soon as its rows have
//! ended. It is kept in the work folder until then, so that a run that was interrupted hands out the same bytes again.

use super::blocks::hex;
use super::folder::{FolderError, Place, TEMPORARY_ENDING, name_of, name_with_run};
use super::leaving::Items;
use super::life::Job;
use super::report::{self, ReportError, ResultFiles};
use gesher_engine::{ResultText, RunResult};
use ring::digest::{SHA256, digest};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// See the module.
pub(super) struct OwnResult {
    job: Job,
    items: Items,
}

impl OwnResult {
    pub(super) fn of(job: Job, items: Items) -> Arc<dyn RunResult> {
        Arc::new(Self { job, items })
    }

    fn text(&self, bytes: Vec<u8>) -> io::Result<ResultText> {
        let name = name_of(&ResultFiles::of(&self.job.folder, &self.job.run).result);
        let sha256 = hex(digest(&SHA256, &bytes).as_ref());
        let text = String::from_utf8(bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))?;
        Ok(ResultText { name, text, sha256 })
    }
}

impl RunResult for OwnResult {
    fn make(&self, bytes_max: usize) -> io::Result<Option<ResultText>> {
        let (mut items, mut table) =
            (self.items.anew(), Bounded { bytes: Vec::new(), bytes_max, is_full: false });
        let made = report::write_result(&mut table, &self.job.pinned.rules, self.job.rows(), || items.next());
        if table.is_full {
            return Ok(None);
        }
        made.map_err(io_error)?;
        let made = self.text(table.bytes)?;
        let mut kept = self.job.folder.begin_file(&kept_at(&self.job)).map_err(io::Error::other)?;
        kept.write_all(made.text.as_bytes())?;
        kept.publish().map_err(io::Error::other)?;
        Ok(Some(made))
    }

    fn kept(&self) -> io::Result<Option<ResultText>> {
        match fs::read(kept_at(&self.job)) {
            // Bytes that are no text are not those that were kept.
            Ok(bytes) => Ok(self.text(bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Where it is kept. The name is that of a half-written file: if the run ends without coming by here again, it is swept
/// away as one.
fn kept_at(job: &Job) -> PathBuf {
    let ending = format!(".result.csv.kept{TEMPORARY_ENDING}");
    job.folder.path(Place::Work).join(name_with_run(&job.run.name, job.run.id.as_str(), &ending))
}

/// Keeps it no longer: the run is over, and people get theirs.
pub(super) fn forget(job: &Job) -> Result<(), FolderError> {
    let path = kept_at(job);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FolderError::io("remove", &path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn io_error(error: ReportError) -> io::Error {
    match error {
        ReportError::Folder(error) => io::Error::other(error),
        ReportError::Write(error) => error,
    }
}

/// Takes no more bytes than that.
struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        self.is_full |= self.bytes.len().saturating_add(more.len()) > self.bytes_max;
        if self.is_full {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

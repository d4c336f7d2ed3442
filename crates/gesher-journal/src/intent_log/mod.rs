//! The intent log: the guard against forgetting. A file beside the database, to which each intent is appended, and
//! made durable, after the commit that holds it and before anybody may send.
//!
//! A database that was restored from a backup, or is an old copy, lacks the log's last intents: that is how it is told
//! from one that may send. What is done about it is the store's to decide; here are the file and its lines. A line is
//! a checksum and an intent as JSON; the first line names the format and the hub.

mod line;
mod shared;
#[cfg(test)]
mod tests;

pub(crate) use line::LoggedIntent;
pub(crate) use shared::SharedLog;

use crate::error::JournalError;
use gesher_core::HubId;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The longest line that is written and read, in bytes: an intent without secrets is a few hundred.
pub(crate) const LINE_BYTES_MAX: usize = 1024 * 1024;
/// How much is written to see whether the log can be written, in bytes.
const PROBE_BYTES: usize = 64 * 1024;
/// How much is read at a time from the end, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;

/// The file, open for appending.
#[derive(Debug)]
pub(crate) struct IntentLog {
    path: PathBuf,
    file: File,
    /// Where the last durable line ends.
    length: u64,
    /// Where the first line ends.
    first: u64,
    /// Whether it was begun when it was opened.
    begun: bool,
    /// Whether something that is not durable may lie beyond `length`.
    spoiled: bool,
    /// Is asked before each append whether it fails.
    #[cfg(test)]
    fails: tests::Fails,
}

/// What stands at the end of the file.
enum Tail {
    /// A whole line, or only the first line of the file.
    Sound,
    /// A write that did not come to its end; the file is sound up to here.
    Torn { length: u64 },
}

impl IntentLog {
    /// Opens the log of a hub, or begins one. What a crash left of an unfinished write is cut off: nothing was sent
    /// for it. Refused where it belongs to another hub, or is damaged in what is read of it: its first line, and its
    /// end.
    pub(crate) fn open(path: &Path, hub: &HubId) -> Result<Self, JournalError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|error| unusable(path, &error))?;
        let mut log = Self::of(path, file)?;
        match log.first_line()? {
            Some((text, end)) => {
                log.first = end;
                log.require_own(&text, hub)?;
                log.cut_torn_end()?;
            }
            None => log.begin(hub).map_err(|error| unusable(path, &error))?,
        }
        Ok(log)
    }

    /// The log in a file of which nothing has been read yet.
    fn of(path: &Path, file: File) -> Result<Self, JournalError> {
        let length = file.metadata().map_err(|error| unusable(path, &error))?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            length,
            first: 0,
            begun: false,
            spoiled: false,
            #[cfg(test)]
            fails: tests::Fails::default(),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there was no log when it was opened.
    pub(crate) fn was_begun(&self) -> bool {
        self.begun
    }

    /// Opens the log of a hub beside the process that appends to it. Nothing is begun or cut off: what is not whole is
    /// passed over.
    pub(crate) fn open_to_read(path: &Path, hub: &HubId) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|error| unusable(path, &error))?;
        let mut log = Self::of(path, file)?;
        match log.first_line()? {
            Some((text, end)) => {
                log.first = end;
                log.require_own(&text, hub)?;
                if let Tail::Torn { length } = log.tail()? {
                    log.length = length;
                }
            }
            None => log.length = 0,
        }
        Ok(log)
    }

    /// Whether the log can be written: writes as much as many intents, durably, and cuts it off again.
    pub(crate) fn probe(&mut self) -> Result<(), JournalError> {
        self.mend()?;
        self.spoiled = true;
        let written = self.file.write_all_at(&[0; PROBE_BYTES], self.length);
        let written = written.and_then(|()| self.file.sync_data());
        written.map_err(|error| unusable(&self.path, &error))?;
        self.mend()
    }

    /// Appends lines and makes them durable. When that fails nothing counts as logged, and the next call first
    /// removes what is left of it.
    pub(crate) fn append(&mut self, lines: &[u8]) -> Result<(), JournalError> {
        self.mend()?;
        self.spoiled = true;
        gesher_core::failpoint!(
            "log.half",
            drop(self.file.write_all_at(&lines[..lines.len() / 2], self.length))
        );
        #[cfg(test)]
        if self.fails.next() {
            return Err(self.broken("broken by a test"));
        }
        let written = self.file.write_all_at(lines, self.length).and_then(|()| self.file.sync_data());
        written.map_err(|error| unusable(&self.path, &error))?;
        self.length += lines.len() as u64;
        self.spoiled = false;
        Ok(())
    }

    /// Removes what an append that failed left behind. The pages are written anew by the next append: after a failed
    /// sync the system may believe that the old ones are on the disk.
    pub(crate) fn mend(&mut self) -> Result<(), JournalError> {
        if !self.spoiled {
            return Ok(());
        }
        let cut = self.file.set_len(self.length).and_then(|()| self.file.sync_all());
        cut.map_err(|error| unusable(&self.path, &error))?;
        self.spoiled = false;
        Ok(())
    }

    /// The logged intents, the last one first. Reads from the end, and no more than is asked for.
    pub(crate) fn newest_first(&self) -> NewestFirst<'_> {
        NewestFirst { log: self, end: self.length, block: Vec::new(), block_at: self.length }
    }

    /// Reads every line, and answers how many intents there are. Refused where a line is damaged; an unfinished one at
    /// the end was passed over when the log was opened.
    pub(crate) fn check_all(&self) -> Result<u64, JournalError> {
        let lost = |error: io::Error| unusable(&self.path, &error);
        let file = self.file.try_clone().map_err(lost)?;
        let mut lines = BufReader::with_capacity(
            BLOCK_BYTES,
            Part { file, at: self.first, left: self.length.saturating_sub(self.first) },
        );
        let (mut text, mut at, mut intents) = (Vec::new(), self.first, 0_u64);
        let (mut damaged, mut first) = (0_u64, None);
        // The first line names the hub.
        for number in 2_u64.. {
            text.clear();
            let most = LINE_BYTES_MAX as u64 + 1;
            let read = (&mut lines).take(most).read_until(b'\n', &mut text).map_err(lost)? as u64;
            if read == 0 {
                break;
            }
            let whole = text.strip_suffix(b"\n");
            // The rest of a line that is too long.
            let rest = if whole.is_none() { lines.skip_until(b'\n').map_err(lost)? as u64 } else { 0 };
            match whole.and_then(line::parse) {
                Some(_) => intents += 1,
                None => {
                    damaged += 1;
                    first.get_or_insert((number, at));
                }
            }
            at += read + rest;
        }
        match first {
            None => Ok(intents),
            Some((number, at)) => Err(self.broken(&damaged_words(number, at, damaged))),
        }
    }

    /// Asks before each append whether it fails. Whoever is asked may also wait, or panic.
    #[cfg(test)]
    pub(crate) fn fail_in_tests(&mut self, fails: impl Fn() -> bool + Send + 'static) {
        self.fails = tests::Fails(Box::new(fails));
    }

    /// The first line and where it ends; none where not even that was written whole.
    fn first_line(&self) -> Result<Option<(Vec<u8>, u64)>, JournalError> {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX).min(line::FIRST_BYTES_MAX);
        let mut head = vec![0; length];
        self.read_at(&mut head, 0)?;
        match head.iter().position(|byte| *byte == b'\n') {
            Some(end) => Ok(Some((head[..end].to_vec(), end as u64 + 1))),
            None if line::may_begin(&head) => Ok(None),
            None => Err(self.broken("it is no intent log; name another file in `intent_log` of gesher.toml")),
        }
    }

    fn require_own(&self, first: &[u8], hub: &HubId) -> Result<(), JournalError> {
        match line::parse_first(first) {
            Some(owner) if owner == *hub => Ok(()),
            Some(owner) => Err(self.broken(&format!(
                "it belongs to the hub {owner}, and this journal to the hub {hub}; \
                 name a file of its own in `intent_log` of gesher.toml"
            ))),
            None => Err(self.broken("it is no intent log; name another file in `intent_log` of gesher.toml")),
        }
    }

    fn begin(&mut self, hub: &HubId) -> io::Result<()> {
        let first = line::first(hub);
        self.file.set_len(0)?;
        self.file.write_all_at(&first, 0)?;
        self.file.sync_all()?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        self.first = first.len() as u64;
        self.begun = true;
        self.length = self.first;
        Ok(())
    }

    fn cut_torn_end(&mut self) -> Result<(), JournalError> {
        let Tail::Torn { length } = self.tail()? else { return Ok(()) };
        tracing::warn!(path = %self.path.display(), at = length, "cut an unfinished line off the intent log");
        self.length = length;
        self.spoiled = true;
        self.mend()
    }

    /// Looks at the last line. A crash can leave a part of one, or one whose bytes did not all reach the disk.
    fn tail(&self) -> Result<Tail, JournalError> {
        let mut lines = self.newest_first();
        match lines.line()? {
            None => Ok(Tail::Sound),
            Some((_, text)) if line::parse(&text).is_some() => Ok(Tail::Sound),
            // Only the last line can be unfinished; the one before it is whole, or the file is damaged.
            Some((at, _)) => lines.intent().map(|_| Tail::Torn { length: at }),
        }
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> Result<(), JournalError> {
        self.file.read_exact_at(buffer, at).map_err(|error| unusable(&self.path, &error))
    }

    fn broken(&self, why: &str) -> JournalError {
        JournalError::IntentLog { path: self.path.display().to_string(), why: why.to_owned() }
    }
}

/// What is said of damaged lines, of which this is the first.
fn damaged_words(number: u64, at: u64, damaged: u64) -> String {
    let more = match damaged {
        1 => String::new(),
        more => format!(" and {} more are", more - 1),
    };
    let is = if more.is_empty() { " is" } else { "" };
    format!(
        "line {number} (from byte {at}){more}{is} damaged, and what it said is lost. If this hub's data was not restored \
         from a backup, stop the hub, move the file away and start it: the log is written anew from the database. If it \
         was, look the payments of that time up at the provider"
    )
}

/// A part of a file, from a place on, without moving anybody else's.
struct Part {
    file: File,
    at: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

fn unusable(path: &Path, error: &io::Error) -> JournalError {
    JournalError::IntentLog { path: path.display().to_string(), why: error.to_string() }
}

/// Reads the log from its end.
pub(crate) struct NewestFirst<'a> {
    log: &'a IntentLog,
    /// Where the next line to answer ends.
    end: u64,
    /// The bytes from `block_at` to `end`.
    block: Vec<u8>,
    block_at: u64,
}

impl NewestFirst<'_> {
    /// The next line towards the beginning, with the place where it starts; its end of line is left out. The last one
    /// of the file may lack it.
    fn line(&mut self) -> Result<Option<(u64, Vec<u8>)>, JournalError> {
        if self.end <= self.log.first {
            return Ok(None);
        }
        loop {
            let upto = usize::try_from(self.end - self.block_at).unwrap_or(usize::MAX);
            let whole = self.block.get(..upto).unwrap_or(&self.block);
            let text = whole.strip_suffix(b"\n");
            let is_whole = text.is_some();
            let text = text.unwrap_or(whole);
            let start = text.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
            let start = start.or((self.block_at == self.log.first).then_some(0));
            if let Some(start) = start {
                let at = self.block_at + start as u64;
                // A line without its end is not whole, whatever it says.
                let text = if is_whole { text[start..].to_vec() } else { Vec::new() };
                self.end = at;
                return Ok(Some((at, text)));
            }
            if upto > LINE_BYTES_MAX {
                return Err(self.damaged());
            }
            self.read_more(upto)?;
        }
    }

    fn read_more(&mut self, keep: usize) -> Result<(), JournalError> {
        let more = (self.block_at - self.log.first).min(BLOCK_BYTES as u64);
        let mut block = vec![0; usize::try_from(more).unwrap_or(BLOCK_BYTES)];
        self.log.read_at(&mut block, self.block_at - more)?;
        self.block.truncate(keep);
        block.append(&mut self.block);
        self.block = block;
        self.block_at -= more;
        Ok(())
    }

    fn damaged(&self) -> JournalError {
        self.log.broken(&format!(
            "the line before byte {} is damaged. If this hub's data was not restored from a backup, move the file \
             away and start the hub: the log is written anew from the database. If it was, remove that line, and \
             look the payments of that time up at the provider",
            self.end
        ))
    }

    /// The next intent towards the beginning, or none after the first.
    pub(crate) fn intent(&mut self) -> Result<Option<LoggedIntent<'static>>, JournalError> {
        let end = self.end;
        let Some((_, text)) = self.line()? else { return Ok(None) };
        let intent = line::parse(&text);
        if intent.is_none() {
            self.end = end;
        }
        intent.map(Some).ok_or_else(|| self.damaged())
    }
}

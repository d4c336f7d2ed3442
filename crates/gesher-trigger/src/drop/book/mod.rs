//! Workbooks: the first visible sheet of an xlsx or ods file as records, row by row.
//!
//! A workbook is an archive of XML. It is read whole into memory as it lies on the disk, verified like any file, and
//! unpacked piece by piece on a thread of its own, so that neither a long sheet nor an archive made to swell fills the
//! memory: every part, every piece of text and the table of shared strings has its bound.
//!
//! A cell is what a person sees in it, as text: a text as it is, a number as digits without an exponent, a date in its ISO
//! form, a formula as the value that the program stored. What a spreadsheet has lost already, such as the last digits of a
//! long number, is told with the cell ([`Flaw`]) and never made up.

mod ods;
mod values;
mod xlsx;
mod xml;

use super::blocks::{BlockError, Blocks, Fingerprints};
use super::fault::{self, Fault};
use super::reader::{ReadError, Record};
use gesher_core::limits::RECORD_BYTES_MAX;
use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use zip::ZipArchive;

/// Size of a workbook as it lies on the disk. It is in memory while it is read.
pub(super) const BOOK_BYTES_MAX: u64 = 64 << 20;
/// Rows that go from the thread that unpacks to the one that reads, at a time.
const BATCH_ROWS: usize = 256;
/// Batches that wait in between.
const BATCHES_WAITING_MAX: usize = 4;

/// Which kind of workbook a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookKind {
    /// Office Open XML.
    Xlsx,
    /// OpenDocument.
    Ods,
}

/// Why a cell cannot be taken for what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The program could not work it out: `#REF!` and the like.
    Error,
    /// A whole number with more digits than a spreadsheet keeps; the last of them are lost.
    Digits,
}

/// One row of a sheet, with its cells from the first column on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct BookRow {
    /// Its number in the sheet, from 1.
    line: u64,
    cells: Vec<String>,
    flaws: Vec<(usize, Flaw)>,
}

impl BookRow {
    /// Puts a cell where it belongs; cells between it and the last one are empty.
    fn put(&mut self, column: usize, text: String, flaw: Option<Flaw>) {
        if text.is_empty() && flaw.is_none() {
            return;
        }
        self.cells.resize(column, String::new());
        self.cells.push(text);
        self.flaws.extend(flaw.map(|flaw| (column, flaw)));
    }

    /// Cells up to the last that holds something.
    fn width(&self) -> usize {
        self.cells.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1)
    }
}

/// Why a sheet is not read on.
#[derive(Debug)]
enum Halt {
    /// It cannot be.
    Fault(Fault),
    /// Nobody wants more of it.
    Enough,
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

type Archive = ZipArchive<Cursor<Vec<u8>>>;

/// What the thread that unpacks has to say.
enum Message {
    Rows(Vec<BookRow>),
    Broken(Fault),
    /// All rows were given. These other sheets hold something too.
    End(Vec<String>),
}

/// Collects rows into batches for the other thread.
struct Sink {
    to: SyncSender<Message>,
    batch: Vec<BookRow>,
}

impl Sink {
    fn take(&mut self, row: BookRow) -> Result<(), Halt> {
        self.batch.push(row);
        if self.batch.len() < BATCH_ROWS { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Halt> {
        let batch = std::mem::take(&mut self.batch);
        self.to.send(Message::Rows(batch)).map_err(|_gone| Halt::Enough)
    }
}

/// Reads the rows of one workbook in their order.
pub(super) struct BookReader {
    from: Receiver<Message>,
    batch: VecDeque<BookRow>,
    hashes: Option<([u8; 32], Fingerprints)>,
    /// Columns of the header, once it was read.
    width: Option<usize>,
    /// The names of other sheets that hold something; known at the end.
    others: Option<Vec<String>>,
}

impl BookReader {
    /// Takes in all of a file, verified or hashed, and begins to unpack it.
    pub(super) fn new(mut blocks: Blocks, kind: BookKind) -> Result<Self, ReadError> {
        let mut bytes = Vec::new();
        loop {
            match blocks.next() {
                Ok([]) => break,
                Ok(block) => bytes.extend_from_slice(block),
                Err(BlockError::Changed) => return Err(ReadError::Changed),
                Err(BlockError::Io(error)) => return Err(ReadError::Io(error)),
            }
            if bytes.len() as u64 > BOOK_BYTES_MAX {
                return Err(ReadError::Fault(fault::book_too_large()));
            }
        }
        if bytes.is_empty() {
            return Err(ReadError::Fault(fault::empty_file()));
        }
        let archive = open(bytes).map_err(ReadError::Fault)?;
        let (to, from) = sync_channel(BATCHES_WAITING_MAX);
        let unpack = move || unpack(archive, kind, to);
        thread::Builder::new().name("gesher-book".into()).spawn(unpack).map_err(ReadError::Io)?;
        Ok(Self { from, batch: VecDeque::new(), hashes: blocks.into_hashes(), width: None, others: None })
    }

    /// Reads the next row that holds something. False at the end.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        while let Some(row) = self.next()? {
            let found = row.width();
            if found == 0 {
                continue;
            }
            let width = *self.width.get_or_insert(found);
            let fault = match () {
                () if found > width => Some(fault::beyond_header(found, width)),
                () if row.cells.iter().map(String::len).sum::<usize>() > RECORD_BYTES_MAX => {
                    Some(fault::record_too_long())
                }
                () => None,
            };
            if let Some(fault) = fault {
                return Err(ReadError::Fault(fault.at_line(row.line)));
            }
            let cells = row.cells.into_iter().chain(std::iter::repeat_with(String::new)).take(width);
            record.fill(row.line, cells, row.flaws);
            return Ok(true);
        }
        Ok(false)
    }

    fn next(&mut self) -> Result<Option<BookRow>, ReadError> {
        loop {
            if let Some(row) = self.batch.pop_front() {
                return Ok(Some(row));
            }
            if self.others.is_some() {
                return Ok(None);
            }
            match self.from.recv() {
                Ok(Message::Rows(rows)) => self.batch = rows.into(),
                Ok(Message::Broken(fault)) => return Err(ReadError::Fault(fault)),
                Ok(Message::End(others)) => self.others = Some(others),
                // A thread that died is no end of the sheet: rows may be missing.
                Err(_gone) => {
                    return Err(ReadError::Io(std::io::Error::other("the workbook could not be read on")));
                }
            }
        }
    }

    /// The SHA-256 and the fingerprints of a file that was read for the first time.
    pub(super) fn into_hashes(self) -> Option<([u8; 32], Fingerprints)> {
        self.hashes
    }

    /// The names of the sheets that were left out although they hold something, once the rows were read to the end.
    pub(super) fn others(&self) -> &[String] {
        self.others.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;

fn open(bytes: Vec<u8>) -> Result<Archive, Fault> {
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(fault::book_protected());
    }
    ZipArchive::new(Cursor::new(bytes)).map_err(|_broken| fault::book_damaged())
}

fn unpack(mut archive: Archive, kind: BookKind, to: SyncSender<Message>) {
    let mut sink = Sink { to, batch: Vec::new() };
    let read = match kind {
        BookKind::Xlsx => xlsx::read(&mut archive, &mut sink),
        BookKind::Ods => ods::read(&mut archive, &mut sink),
    };
    let read = read.and_then(|others| sink.flush().map(|()| others));
    let last = match read {
        Ok(others) => Message::End(others),
        Err(Halt::Fault(fault)) => Message::Broken(fault),
        Err(Halt::Enough) => return,
    };
    // The receiver is gone only when nobody asks any more.
    let _unsent = sink.to.send(last);
}

/// A row as a line of CSV: what stands in a retry file, which is always CSV.
pub(super) fn csv_line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (column, cell) in cells.enumerate() {
        if column > 0 {
            line.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) || cell.is_empty() && column == 0 {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(cell);
        }
    }
    line.push_str("\r\n");
    line
}

/// The table of shared texts.
#[derive(Default)]
struct Strings {
    text: String,
    ends: Vec<usize>,
}

impl Strings {
    fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..end)
    }
}

/// Names of sheets for people, in one line.
pub(super) fn names(sheets: &[String]) -> String {
    let shown: Vec<String> = sheets.iter().map(|name| fault::shown(name)).collect();
    shown.join(", ")
}

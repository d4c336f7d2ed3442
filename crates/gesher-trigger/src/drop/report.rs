//! What a run leaves behind for people: the result, the report, the rows to try again, and the faults of a file that
//! was refused. Each is made from the journal and the file alone, so making one again gives the same bytes.

use super::blocks::hex;
use super::cells::safe;
use super::columns::Columns;
use super::config::RowRules;
use super::fault::Fault;
use super::folder::{DropFolder, FolderError, PendingFile, Place, extension, name_with_run};
use super::format::Format;
use super::life::Pinned;
use super::reader::{ReadError, Record};
use super::source::ValidatedRows;
use super::validate::Refusal;
use gesher_core::card::holds_card_number;
use gesher_core::money::two_places;
use gesher_core::{Currency, Decimal, ItemId, ItemStatus, Language};
use gesher_engine::journal::{ItemRecord, ItemState, RunRecord};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

/// The mark by which Excel knows UTF-8.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
/// The columns that a result adds.
const RESULT_COLUMNS: [&str; 6] =
    ["gesher_line", "gesher_status", "gesher_reference", "gesher_document", "gesher_code", "gesher_message"];
/// The columns of a list of faults.
const ERROR_COLUMNS: [&str; 4] = ["line", "column", "value", "problem"];

/// The files of a run that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultFiles {
    /// The file itself, where it lies now.
    pub file: PathBuf,
    /// What became of each row.
    pub result: PathBuf,
    /// Counts and totals.
    pub report: PathBuf,
    /// The rows that may be tried again; none when there are none.
    pub retry: Option<PathBuf>,
    /// The rows that were not taken, because the file changed after it was validated.
    pub late: Option<PathBuf>,
}

impl ResultFiles {
    /// Where the files of a run belong.
    pub(super) fn of(folder: &DropFolder, run: &RunRecord) -> Self {
        let named = |place: Place, ending: &str| {
            folder.path(place).join(name_with_run(&run.name, run.id.as_str(), ending))
        };
        let end = extension(&run.name);
        // A run that was given up while it was held has its reports beside its file.
        let rejected = Pinned::of(run).is_ok_and(|pinned| pinned.rejected);
        let place = if rejected { Place::Failed } else { Place::Done };
        Self {
            file: named(place, end),
            result: named(place, ".result.csv"),
            report: named(place, ".report.json"),
            retry: Some(named(place, &format!(".retry{}", Format::ending_of_rows(&run.name)))),
            late: Some(named(Place::Failed, &format!(".late{end}"))),
        }
    }

    /// Without those that were not written.
    pub(super) fn existing(mut self) -> Self {
        self.retry = self.retry.filter(|path| path.exists());
        self.late = self.late.filter(|path| path.exists());
        self
    }
}

/// A report cannot be written.
#[derive(Debug)]
pub(super) enum ReportError {
    Folder(FolderError),
    Write(io::Error),
}

impl From<FolderError> for ReportError {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl From<csv::Error> for ReportError {
    fn from(error: csv::Error) -> Self {
        Self::Write(error.into())
    }
}

impl From<io::Error> for ReportError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Counts and totals of the items that were reported.
#[derive(Default)]
struct Sums {
    rows: u64,
    counts: BTreeMap<ItemStatus, u64>,
    totals: BTreeMap<Currency, BTreeMap<ItemStatus, Decimal>>,
    ended: Option<Timestamp>,
    /// How `on_finish` ended, which is no row; none for a flow without it.
    on_finish: Option<Value>,
}

impl Sums {
    fn add(&mut self, item: &ItemRecord, status: ItemStatus) {
        self.rows += 1;
        *self.counts.entry(status).or_default() += 1;
        self.ended = self.ended.max(Some(item.first_at));
        if let Some(money) = item.end.as_ref().and_then(|end| end.amount) {
            let total = self.totals.entry(money.currency).or_default().entry(status).or_default();
            *total = total.saturating_add(money.amount);
        }
    }

    /// It may have sent something too, so the run ended no earlier.
    fn add_finish(&mut self, item: &ItemRecord) {
        let end = item.end.as_ref();
        self.ended = self.ended.max(Some(item.first_at));
        self.on_finish = Some(json!({
            "status": end.map_or(ItemState::Queued.as_str(), |end| end.status.as_str()),
            "code": end.and_then(|end| end.code.as_deref()),
            "message": end.map(|end| end.message.as_str()),
        }));
    }

    fn json(&self, run: &RunRecord) -> Value {
        let counts: Map<String, Value> = ItemStatus::ALL
            .into_iter()
            .map(|status| (status.as_str().to_owned(), json!(self.counts.get(&status).copied().unwrap_or(0))))
            .collect();
        let totals: Map<String, Value> = self
            .totals
            .iter()
            .map(|(currency, sums)| {
                let sums: Map<String, Value> = sums
                    .iter()
                    .map(|(status, sum)| (status.as_str().to_owned(), json!(two_places(*sum))))
                    .collect();
                (currency.to_string(), Value::Object(sums))
            })
            .collect();
        let mut report = json!({
            "run": run.id.as_str(),
            "flow": run.flow,
            "file": run.name,
            "sha256": run.sha256.as_ref().map(|sha256| hex(sha256)),
            "rows": self.rows,
            "not_taken": run.rows.unwrap_or(self.rows).saturating_sub(self.rows),
            "counts": counts,
            "totals": totals,
            "started": run.started_at.to_string(),
            "ended": self.ended.map(|at| at.to_string()),
        });
        if let Some(on_finish) = &self.on_finish {
            report["on_finish"] = on_finish.clone();
        }
        report
    }
}

/// Writes the result, the report and the rows to try again. `next_item` gives the run's items in their order,
/// `on_finish` first.
/// Answers whether the file is still what was validated, as far as it was read.
pub(super) fn write(
    folder: &DropFolder,
    run: &RunRecord,
    rules: &RowRules,
    rows: Result<ValidatedRows, ReadError>,
    mut next_item: impl FnMut() -> io::Result<Option<ItemRecord>>,
) -> Result<bool, ReportError> {
    let files = ResultFiles::of(folder, run);
    let mut rows = Rows::new(rows)?;
    let mut result = Table::begin(folder.begin_file(&files.result)?, &rows, rules)?;
    let mut retry = match &files.retry {
        Some(path) => Some(Retry::begin(folder.begin_file(path)?, &rows)?),
        None => None,
    };
    let mut sums = Sums::default();
    while let Some(item) = next_item()? {
        if item.id.ordinal == ItemId::FINISH {
            sums.add_finish(&item);
            continue;
        }
        let status = status_of(&item)?;
        let is_there = rows.seek(item.id.ordinal)?;
        result.add(&item, status, is_there.then_some(&rows.record))?;
        if let Some(retry) = &mut retry
            && is_there
            && status.may_be_retried()
            && !gesher_core::mutant!("withhold_free_rows")
            && !rows.holds_card()
        {
            retry.write(rows.record.raw())?;
        }
        sums.add(&item, status);
    }
    result.end()?.publish()?;
    if let Some(retry) = retry {
        if retry.rows == 0 { retry.file.discard()? } else { retry.file.publish().map(drop)? }
    }
    let mut report = folder.begin_file(&files.report)?;
    serde_json::to_writer_pretty(&mut report, &sums.json(run)).map_err(io::Error::from)?;
    report.write_all(b"\n")?;
    report.publish()?;
    Ok(rows.reads_to_the_end()?)
}

/// Writes the result alone, to whoever takes it, as [`write`] would write it.
pub(super) fn write_result(
    to: impl Write,
    rules: &RowRules,
    rows: Result<ValidatedRows, ReadError>,
    mut next_item: impl FnMut() -> io::Result<Option<ItemRecord>>,
) -> Result<(), ReportError> {
    let mut rows = Rows::new(rows)?;
    let mut result = Table::begin(to, &rows, rules)?;
    while let Some(item) = next_item()? {
        if item.id.ordinal == ItemId::FINISH {
            continue;
        }
        let is_there = rows.seek(item.id.ordinal)?;
        result.add(&item, status_of(&item)?, is_there.then_some(&rows.record))?;
    }
    result.end()?;
    Ok(())
}

fn status_of(item: &ItemRecord) -> io::Result<ItemStatus> {
    let end = item.end.as_ref().map(|end| end.status);
    end.ok_or_else(|| io::Error::other(format!("item {} has not ended", item.id)))
}

/// The result: what became of each row, beside the row.
struct Table<W: Write> {
    writer: csv::Writer<W>,
    columns: Columns,
}

impl<W: Write> Table<W> {
    fn begin(mut to: W, rows: &Rows, rules: &RowRules) -> Result<Self, ReportError> {
        to.write_all(UTF8_MARK)?;
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(to);
        let columns = Columns::of(rows.rows.as_ref().map(|rows| &rows.header), rules, &RESULT_COLUMNS);
        writer.write_record(columns.names().chain(RESULT_COLUMNS.map(str::to_owned)))?;
        Ok(Self { writer, columns })
    }

    /// One row, with its cells where they can be read back.
    fn add(
        &mut self,
        item: &ItemRecord,
        status: ItemStatus,
        record: Option<&Record>,
    ) -> Result<(), ReportError> {
        let cells = self.columns.cells(item, record);
        Ok(self.writer.write_record(cells.chain(result_cells(item, status)))?)
    }

    fn end(self) -> io::Result<W> {
        self.writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
    }
}

fn result_cells(item: &ItemRecord, status: ItemStatus) -> [String; 6] {
    let end = item.end.as_ref();
    let text = |value: Option<&str>| safe(value.unwrap_or_default()).into_owned();
    [
        item.line.to_string(),
        status.as_str().to_owned(),
        text(end.and_then(|end| end.reference.as_deref())),
        text(end.and_then(|end| end.document.as_deref())),
        text(end.and_then(|end| end.code.as_deref())),
        text(end.map(|end| end.message.as_str())),
    ]
}

/// The file's rows beside the items, as long as they are what was validated.
struct Rows {
    rows: Option<ValidatedRows>,
    record: Record,
    ordinal: u64,
}

impl Rows {
    fn new(rows: Result<ValidatedRows, ReadError>) -> io::Result<Self> {
        let rows = match rows {
            Ok(rows) => Some(rows),
            Err(ReadError::Io(error)) => return Err(error),
            Err(ReadError::Changed | ReadError::Fault(_)) => None,
        };
        Ok(Self { rows, record: Record::default(), ordinal: 0 })
    }

    fn is_exempt(&self, column: usize) -> bool {
        self.rows.as_ref().and_then(|rows| rows.header.not_card.get(column)).copied().unwrap_or(false)
    }

    fn holds_card(&self) -> bool {
        let mut cells = self.record.cells().enumerate();
        cells.any(|(column, cell)| !self.is_exempt(column) && holds_card_number(cell))
    }

    /// Goes to the row of an item. False where the file no longer is what was validated: its cells are not shown then,
    /// since another row's cells beside this one's status would be a lie.
    fn seek(&mut self, ordinal: u64) -> io::Result<bool> {
        while self.ordinal < ordinal {
            let Some(rows) = &mut self.rows else { return Ok(false) };
            match rows.read(&mut self.record) {
                Ok(true) => self.ordinal += 1,
                Err(ReadError::Io(error)) => return Err(error),
                Ok(false) | Err(ReadError::Changed | ReadError::Fault(_)) => {
                    self.rows = None;
                    return Ok(false);
                }
            }
        }
        Ok(self.ordinal == ordinal)
    }

    /// Whether the rest of the file, too, is what was validated.
    fn reads_to_the_end(&mut self) -> io::Result<bool> {
        let Some(rows) = &mut self.rows else { return Ok(false) };
        loop {
            match rows.read(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(true),
                Err(ReadError::Io(error)) => return Err(error),
                Err(ReadError::Changed | ReadError::Fault(_)) => return Ok(false),
            }
        }
    }
}

/// The rows that may be tried again, byte for byte as they came.
struct Retry {
    file: PendingFile,
    encoding: super::decode::Encoding,
    bytes: Vec<u8>,
    rows: u64,
}

impl Retry {
    fn begin(file: PendingFile, rows: &Rows) -> io::Result<Self> {
        let encoding = rows.rows.as_ref().map_or(super::decode::Encoding::Utf8, ValidatedRows::encoding);
        let mut retry = Self { file, encoding, bytes: Vec::new(), rows: 0 };
        retry.file.write_all(encoding.mark())?;
        if let Some(rows) = &rows.rows {
            retry.write(&rows.raw_header)?;
        }
        retry.rows = 0;
        Ok(retry)
    }

    fn write(&mut self, raw: &str) -> io::Result<()> {
        self.bytes.clear();
        self.encoding.encode(raw, &mut self.bytes);
        self.rows += 1;
        self.file.write_all(&self.bytes)
    }
}

/// Writes the faults of a file that was refused whole.
pub(super) fn write_errors(
    folder: &DropFolder,
    run: &RunRecord,
    refusal: &Refusal,
    language: Language,
) -> Result<PathBuf, ReportError> {
    let mut file = folder.begin_file(&errors_path(folder, run))?;
    file.write_all(UTF8_MARK)?;
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(file);
    writer.write_record(ERROR_COLUMNS)?;
    for fault in &refusal.faults {
        writer.write_record(error_cells(fault, language))?;
    }
    if refusal.more > 0 {
        let more = refusal.more;
        let words = match (language, more) {
            (Language::He, 1) => "ועוד שגיאה אחת שאינה מפורטת כאן".to_owned(),
            (Language::En, 1) => "and one more that is not listed here".to_owned(),
            (Language::He, _) => format!("ועוד {more} שגיאות שאינן מפורטות כאן"),
            (Language::En, _) => format!("and {more} more that are not listed here"),
        };
        writer.write_record(["", "", "", &words])?;
    }
    let file = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(file.publish()?)
}

/// Where the faults of a refused file are listed.
pub(super) fn errors_path(folder: &DropFolder, run: &RunRecord) -> PathBuf {
    folder.path(Place::Failed).join(name_with_run(&run.name, run.id.as_str(), ".errors.csv"))
}

fn error_cells(fault: &Fault, language: Language) -> [String; 4] {
    let text = |value: Option<&str>| safe(value.unwrap_or_default()).into_owned();
    [
        fault.line.map(|line| line.to_string()).unwrap_or_default(),
        text(fault.column.as_deref()),
        text(fault.value.as_deref()),
        fault.text.get(language).to_owned(),
    ]
}

//! The rows of a validated file as items of a run. Every block is verified before a row of it is given, so that what
//! is charged is what was validated.

use super::blocks::{Fingerprints, hex};
use super::config::RowRules;
use super::format::{Format, RecordReader};
use super::header::Header;
use super::reader::{ReadError, Record};
use super::row::{cells_hash, check};
use gesher_core::{ItemEnd, ItemStatus, Key, Language};
use gesher_engine::journal::NewItem;
use gesher_engine::{Input, ItemSource, Row, RunResult, SourceError, SourceItem};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Rows that become items in one commit.
const BATCH_ROWS: usize = 256;

/// A file whose rows are read again after they were validated.
pub(super) struct ValidatedRows {
    reader: RecordReader,
    /// The file's columns.
    pub(super) header: Header,
    /// The header as it stands in the file.
    pub(super) raw_header: String,
}

impl ValidatedRows {
    pub(super) fn open(
        path: &Path,
        format: Format,
        rules: &RowRules,
        wanted: Fingerprints,
    ) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(ReadError::Io)?;
        let mut reader = RecordReader::verifying(file, format, wanted)?;
        let mut record = Record::default();
        if !reader.read(&mut record)? {
            return Err(ReadError::Changed);
        }
        // The bytes are the validated ones, so a header that does not fit is a sign of other rules, not of other bytes;
        // either way the rows are not those that were validated.
        let header = Header::read(&record, rules, &[]).map_err(|_faults| ReadError::Changed)?;
        Ok(Self { reader, header, raw_header: record.raw().to_owned() })
    }

    /// Reads the next row. False at the end.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        self.reader.read(record)
    }

    /// The byte of the file where the next row starts.
    pub(super) fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// Whether they stand in a workbook.
    pub(super) fn is_book(&self) -> bool {
        self.reader.is_book()
    }

    pub(super) fn encoding(&self) -> super::decode::Encoding {
        self.reader.encoding()
    }
}

/// Gives the rows to the engine.
pub(super) struct FileSource {
    rows: Option<ValidatedRows>,
    /// What ended the reading; told after the rows before it were given.
    ended: Option<SourceError>,
    changed_after: Arc<OnceLock<u64>>,
    sha256: String,
    language: Language,
    ordinal: u64,
    record: Record,
    result: Option<Arc<dyn RunResult>>,
}

impl FileSource {
    pub(super) fn new(
        opened: Result<ValidatedRows, ReadError>,
        sha256: &[u8; 32],
        language: Language,
    ) -> Self {
        let mut source = Self {
            rows: None,
            ended: None,
            changed_after: Arc::default(),
            sha256: hex(sha256),
            language,
            ordinal: 0,
            record: Record::default(),
            result: None,
        };
        match opened {
            Ok(rows) => source.rows = Some(rows),
            Err(error) => source.fail(error),
        }
        source
    }

    /// The same with what makes the run's result for its `on_finish`.
    pub(super) fn handing(self, result: Arc<dyn RunResult>) -> Self {
        Self { result: Some(result), ..self }
    }

    /// Where the last row will stand that was given before the file was found to have changed; empty as long as it is
    /// what was validated.
    pub(super) fn changed_after(&self) -> Arc<OnceLock<u64>> {
        Arc::clone(&self.changed_after)
    }

    fn fail(&mut self, error: ReadError) {
        let error = source_error(error);
        if matches!(error, SourceError::Changed) {
            self.changed_after.get_or_init(|| self.ordinal);
        }
        (self.rows, self.ended) = (None, Some(error));
    }

    fn item(&self, header: &Header) -> SourceItem {
        let record = &self.record;
        let (key, amount, ended) = match check(header, record) {
            Ok(facts) => (Some(facts.key.unwrap_or_else(|| self.line_key())), facts.amount, None),
            Err(faults) => {
                let code = faults.first().map_or("invalid", |fault| fault.code);
                let sentences: Vec<_> = faults.iter().map(|fault| fault.sentence(self.language)).collect();
                (None, None, Some(ItemEnd::new(ItemStatus::Invalid, code, sentences.join("; "))))
            }
        };
        let input = ended.is_none().then(|| {
            let cells = record.cells().map(str::to_owned).collect();
            Input::Row(Row { header: header.names.clone(), cells })
        });
        let item = NewItem {
            ordinal: self.ordinal,
            line: record.line,
            key,
            cells_hash: cells_hash(record),
            amount,
            ended,
        };
        SourceItem { item, input }
    }

    /// A row of a flow without key columns is named by its file's content and its line.
    fn line_key(&self) -> Key {
        Key::derived(format!("{}:{}", self.sha256, self.record.line))
    }
}

impl ItemSource for FileSource {
    fn result(&self) -> Option<Arc<dyn RunResult>> {
        self.result.clone()
    }

    fn next(&mut self) -> Result<Vec<SourceItem>, SourceError> {
        let mut items = Vec::with_capacity(BATCH_ROWS);
        while items.len() < BATCH_ROWS {
            let Some(rows) = &mut self.rows else { break };
            match rows.read(&mut self.record) {
                Ok(true) => {}
                Ok(false) => self.rows = None,
                Err(error) => self.fail(error),
            }
            if let Some(rows) = &self.rows {
                self.ordinal += 1;
                items.push(self.item(&rows.header));
            }
        }
        match self.ended.take() {
            Some(error) if items.is_empty() => Err(error),
            later => {
                self.ended = later;
                Ok(items)
            }
        }
    }
}

/// In verified bytes there are no faults but those that the validation would have found.
fn source_error(error: ReadError) -> SourceError {
    match error {
        ReadError::Changed | ReadError::Fault(_) => SourceError::Changed,
        ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound => SourceError::Changed,
        ReadError::Io(error) => SourceError::Read(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::config::RowKey;
    use crate::drop::decode::EncodingChoice;
    use crate::drop::format::Separator;
    use crate::drop::validate::{Validation, validate};

    fn rules(row_key: RowKey) -> RowRules {
        RowRules {
            row_key,
            amount: Some("amount".into()),
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            not_cards: Vec::new(),
        }
    }

    const FORMAT: Format = Format { separator: b',', encoding: EncodingChoice::Auto, book: None };

    fn open(path: &Path, row_key: RowKey) -> (Validation, FileSource) {
        let rules = rules(row_key);
        let validation = validate(path, FORMAT, &rules, &[]).unwrap();
        let rows = ValidatedRows::open(path, FORMAT, &rules, validation.fingerprints.clone());
        let source = FileSource::new(rows, &validation.sha256, Language::En);
        (validation, source)
    }

    #[test]
    fn valid_rows_become_items_and_invalid_ones_have_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "id,amount\na,1\n\nb,x\nc,2.5\n").unwrap();
        let (_, mut source) = open(&path, RowKey::Columns(vec!["id".into()]));
        let items = source.next().unwrap();
        let found: Vec<_> = items
            .iter()
            .map(|one| {
                (one.item.ordinal, one.item.line, one.item.key.as_ref().map(Key::as_str), one.input.is_some())
            })
            .collect();
        assert_eq!(found, [(1, 2, Some("a"), true), (2, 4, None, false), (3, 5, Some("c"), true)]);
        let end = items[1].item.ended.as_ref().unwrap();
        assert_eq!((end.status, end.code.as_deref()), (ItemStatus::Invalid, Some("amount")));
        assert!(end.message.starts_with("column amount: an amount is digits"), "{}", end.message);
        assert!(source.next().unwrap().is_empty());
    }

    #[test]
    fn a_line_key_is_the_content_and_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, "id,amount\na,1\na,1\n").unwrap();
        let (validation, mut source) = open(&path, RowKey::Line);
        let keys: Vec<_> = source.next().unwrap().into_iter().map(|one| one.item.key.unwrap()).collect();
        let sha256 = hex(&validation.sha256);
        assert_eq!(keys, [Key::derived(format!("{sha256}:2")), Key::derived(format!("{sha256}:3"))]);
    }

    #[test]
    fn rows_before_a_changed_block_are_given_and_none_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let mut text: String = "id,amount\n".into();
        (0..50_000).for_each(|row| text.push_str(&format!("{row:06},1.00\n")));
        std::fs::write(&path, &text).unwrap();
        let (_, mut source) = open(&path, RowKey::Columns(vec!["id".into()]));
        assert_eq!(source.next().unwrap().len(), BATCH_ROWS);
        text.replace_range(400_000..400_001, "9");
        std::fs::write(&path, &text).unwrap();
        let mut last = 0;
        let error = loop {
            match source.next() {
                Ok(items) => last = items.last().expect("an end before the change was noticed").item.ordinal,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SourceError::Changed));
        // 256 KiB hold 10 bytes of header and 12 a row.
        assert_eq!(last, (256 * 1024 - 10) / 12);
    }
}

//! How a file is written, and the reading of its records whatever that is: separated values in some encoding, or a
//! workbook. The name's ending says which; nothing is guessed from what stands in the file.

use super::blocks::{Blocks, Fingerprints};
use super::book::{BookKind, BookReader};
use super::config::RowRules;
use super::decode::{Encoding, EncodingChoice};
use super::folder::extension;
use super::reader::{ReadError, Record, TextReader};
use serde::{Deserialize, Serialize};
use std::io::Read;

/// What a flow's `separator` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Separator {
    /// By the name's ending: a tab in `.tsv`, else a comma.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// A comma.
    #[serde(rename = ",")]
    Comma,
    /// A semicolon, as spreadsheets write where the comma is the decimal sign.
    #[serde(rename = ";")]
    Semicolon,
    /// A tab.
    #[serde(rename = "tab")]
    Tab,
    /// A vertical bar.
    #[serde(rename = "|")]
    Bar,
}

impl Separator {
    /// The words that a configuration may say.
    pub const NAMES: [&'static str; 5] = ["auto", ",", ";", "tab", "|"];

    /// Reads a flow's `separator`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "auto" => Self::Auto,
            "," => Self::Comma,
            ";" => Self::Semicolon,
            "tab" | "\t" => Self::Tab,
            "|" => Self::Bar,
            _ => return None,
        })
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Between cells, where it is text.
    pub separator: u8,
    /// What the flow says of its encoding, where it is text.
    pub encoding: EncodingChoice,
    /// Which kind of workbook it is; none for text.
    pub book: Option<BookKind>,
}

impl Format {
    /// The format of a file by its name and its flow's rules.
    #[must_use]
    pub fn of_name(name: &str, rules: &RowRules) -> Self {
        let end = extension(name).to_ascii_lowercase();
        let separator = match rules.separator {
            Separator::Tab => b'\t',
            Separator::Auto if end == ".tsv" => b'\t',
            Separator::Auto | Separator::Comma => b',',
            Separator::Semicolon => b';',
            Separator::Bar => b'|',
        };
        let book = match end.as_str() {
            ".xlsx" => Some(BookKind::Xlsx),
            ".ods" => Some(BookKind::Ods),
            _ => None,
        };
        Self { separator, encoding: rules.encoding, book }
    }

    /// The ending of a file with some of its rows: workbooks are not written, so theirs are CSV.
    #[must_use]
    pub(super) fn ending_of_rows(name: &str) -> &str {
        let end = extension(name);
        if [".xlsx", ".ods"].iter().any(|book| end.eq_ignore_ascii_case(book)) { ".csv" } else { end }
    }
}

/// Reads the records of one file in their order.
pub(super) enum RecordReader {
    Text(Box<TextReader>),
    Book(Box<BookReader>),
}

impl RecordReader {
    /// Reads a file for the first time.
    pub(super) fn hashing(file: impl Read + Send + 'static, format: Format) -> Result<Self, ReadError> {
        Self::new(Blocks::hashing(file), format)
    }

    /// Reads again what was validated as `wanted`.
    pub(super) fn verifying(
        file: impl Read + Send + 'static,
        format: Format,
        wanted: Fingerprints,
    ) -> Result<Self, ReadError> {
        Self::new(Blocks::verifying(file, wanted), format)
    }

    fn new(blocks: Blocks, format: Format) -> Result<Self, ReadError> {
        Ok(match format.book {
            None => Self::Text(Box::new(TextReader::new(blocks, format)?)),
            Some(kind) => Self::Book(Box::new(BookReader::new(blocks, kind)?)),
        })
    }

    /// How the file is encoded; for a workbook, how files with some of its rows are.
    pub(super) fn encoding(&self) -> Encoding {
        match self {
            Self::Text(text) => text.encoding(),
            Self::Book(_) => Encoding::Utf8Marked,
        }
    }

    /// The byte of the file where the next record starts, or blank lines before it. The first one in a workbook, whose
    /// rows stand nowhere by themselves.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Self::Text(text) => text.offset(),
            Self::Book(_) => 0,
        }
    }

    /// Whether the records are those of a workbook.
    pub(super) fn is_book(&self) -> bool {
        matches!(self, Self::Book(_))
    }

    /// Reads the next record. False at the end.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        match self {
            Self::Text(text) => text.read(record),
            Self::Book(book) => book.read(record),
        }
    }

    /// The names of sheets that were left out although they hold something, once all was read.
    pub(super) fn other_sheets(&self) -> &[String] {
        match self {
            Self::Text(_) => &[],
            Self::Book(book) => book.others(),
        }
    }

    /// The SHA-256 and the fingerprints of a file that was read for the first time, to its end.
    pub(super) fn into_hashes(self) -> Option<([u8; 32], Fingerprints)> {
        match self {
            Self::Text(text) => text.into_hashes(),
            Self::Book(book) => book.into_hashes(),
        }
    }
}

/// The records of a file that is in memory, and what is wrong with it where it ends before its end. Total: whatever the
/// bytes are, it answers. It is how tests and fuzzing look at the readers.
#[must_use]
pub fn records_of(bytes: &[u8], name: &str, rules: &RowRules) -> (Vec<Vec<String>>, Option<&'static str>) {
    let file = std::io::Cursor::new(bytes.to_vec());
    let mut rows = Vec::new();
    let code = |error| match error {
        ReadError::Fault(fault) => fault.code,
        ReadError::Changed => "changed",
        ReadError::Io(_) => "io",
    };
    let mut reader = match RecordReader::hashing(file, Format::of_name(name, rules)) {
        Ok(reader) => reader,
        Err(error) => return (rows, Some(code(error))),
    };
    let mut record = Record::default();
    loop {
        match reader.read(&mut record) {
            Ok(true) => rows.push(record.cells().map(str::to_owned).collect()),
            Ok(false) => return (rows, None),
            Err(error) => return (rows, Some(code(error))),
        }
    }
}

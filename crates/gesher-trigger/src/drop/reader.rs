//! Records of a file of separated values, one at a time: never more of the file in memory than one record and one block.
//!
//! Quoting is RFC 4180's, with one kindness: a quotation mark inside a cell that does not begin with one is a letter,
//! as in `חברה בע"מ`. Everything else that is broken is a fault with its line, since half a row must not be charged by
//! guess.

use super::blocks::{BlockError, Blocks, Fingerprints};
use super::book::{Flaw, csv_line};
use super::decode::{Decoder, Encoding, Utf8Suspicion};
use super::fault::{self, Fault};
use super::format::Format;
use gesher_core::limits::{COLUMNS_MAX, FILE_BYTES_MAX, RECORD_BYTES_MAX};

/// How workbooks begin: xlsx and ods are ZIP archives, xls is a compound file.
const WORKBOOK_STARTS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];

/// One record: its cells, and its text as it stands in the file, line break included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Line where it starts, from 1.
    pub line: u64,
    raw: String,
    text: String,
    ends: Vec<usize>,
    flaws: Vec<(usize, Flaw)>,
}

impl Record {
    /// How many cells it has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.ends.len()
    }

    /// One cell; empty where there is none.
    #[must_use]
    pub fn cell(&self, column: usize) -> &str {
        let start = column.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        match (start, self.ends.get(column)) {
            (Some(start), Some(end)) => self.text.get(start..*end).unwrap_or_default(),
            _ => "",
        }
    }

    /// All cells.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.width()).map(|column| self.cell(column))
    }

    /// The record as it stands in the file.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The cells of a workbook's row that cannot be taken for what they show.
    pub(super) fn flaws(&self) -> &[(usize, Flaw)] {
        &self.flaws
    }

    /// Takes in a row of a workbook, which stands in no file of text.
    pub(super) fn fill(&mut self, line: u64, cells: impl Iterator<Item = String>, flaws: Vec<(usize, Flaw)>) {
        self.clear();
        (self.line, self.flaws) = (line, flaws);
        for cell in cells {
            self.text.push_str(&cell);
            self.end_cell();
        }
        self.raw = csv_line(self.cells());
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.flaws.clear();
    }

    fn end_cell(&mut self) {
        self.ends.push(self.text.len());
    }

    /// A line with nothing on it: no row.
    fn is_blank(&self) -> bool {
        self.width() == 1 && self.raw.trim().is_empty()
    }
}

/// What stands at the beginning of a text.
#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    /// A record of so many bytes.
    Complete(usize),
    /// Not all of it is here yet.
    NeedsMore,
    /// Something broken, so many bytes in.
    Broken(usize, Fault),
}

/// Where the first such byte stands, from here on.
fn find(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.get(from..)?.iter().position(|byte| wanted(*byte)).map(|at| from + at)
}

/// Reads the record at the beginning of `text` into `record`. `last` says that nothing follows `text`.
fn parse(text: &str, separator: u8, last: bool, record: &mut Record) -> Parsed {
    let bytes = text.as_bytes();
    let slice = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    record.clear();
    let mut at = 0;
    loop {
        if record.width() > COLUMNS_MAX {
            return Parsed::Broken(at, fault::too_many_columns());
        }
        if bytes.get(at) == Some(&b'"') {
            let opened = at;
            at += 1;
            loop {
                let Some(quote) = find(bytes, at, |byte| byte == b'"') else {
                    return if last {
                        Parsed::Broken(opened, fault::unclosed_quote())
                    } else {
                        Parsed::NeedsMore
                    };
                };
                record.text.push_str(slice(at, quote));
                at = quote + 1;
                match bytes.get(at) {
                    Some(b'"') => {
                        record.text.push('"');
                        at += 1;
                    }
                    None if !last => return Parsed::NeedsMore,
                    None | Some(b'\n' | b'\r') => break,
                    Some(byte) if *byte == separator => break,
                    Some(_) => return Parsed::Broken(quote, fault::stray_quote()),
                }
            }
        } else {
            let end = find(bytes, at, |byte| byte == separator || byte == b'\n' || byte == b'\r');
            if end.is_none() && !last {
                return Parsed::NeedsMore;
            }
            let end = end.unwrap_or(bytes.len());
            record.text.push_str(slice(at, end));
            at = end;
        }
        record.end_cell();
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(byte), _) if *byte == separator => at += 1,
            (Some(b'\r'), None) if !last => return Parsed::NeedsMore,
            (Some(b'\r'), Some(b'\n')) => return Parsed::Complete(at + 2),
            (Some(_), _) => return Parsed::Complete(at + 1),
            (None, _) => return Parsed::Complete(at),
        }
    }
}

/// Line breaks in `text`: `\n`, `\r\n` or a lone `\r`.
fn line_breaks(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut count = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
            count += 1;
        }
    }
    count
}

/// The records cannot be read on.
#[derive(Debug)]
pub enum ReadError {
    /// The bytes are not those that were validated.
    Changed,
    /// The file cannot be read.
    Io(std::io::Error),
    /// The file is broken here.
    Fault(Fault),
}

impl From<BlockError> for ReadError {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::Changed => Self::Changed,
            BlockError::Io(error) => Self::Io(error),
        }
    }
}

/// The one record that `text` is, for tests of what is done with records.
#[cfg(test)]
pub(super) fn record_of(text: &str) -> Record {
    let mut record = Record { line: 1, raw: text.to_owned(), ..Record::default() };
    assert!(matches!(parse(text, b',', true, &mut record), Parsed::Complete(_)), "{text}");
    record
}

/// Reads the records of one file in their order.
pub(super) struct TextReader {
    blocks: Blocks,
    format: Format,
    encoding: Encoding,
    decoder: Decoder,
    suspicion: Option<Utf8Suspicion>,
    /// Decoded and not yet read, from `start`.
    text: String,
    start: usize,
    /// Line of `start`.
    line: u64,
    /// Byte of the file where `start` is.
    offset: u64,
    /// All blocks were read.
    ended: bool,
    /// What is wrong right after `text`.
    broken: Option<Fault>,
}

impl TextReader {
    /// Begins to read.
    pub(super) fn new(blocks: Blocks, format: Format) -> Result<Self, ReadError> {
        let mut reader = Self {
            blocks,
            format,
            encoding: Encoding::Utf8,
            decoder: Decoder::new(Encoding::Utf8),
            suspicion: None,
            text: String::new(),
            start: 0,
            line: 1,
            offset: 0,
            ended: false,
            broken: None,
        };
        let first = reader.blocks.next()?;
        if WORKBOOK_STARTS.iter().any(|start| first.starts_with(start)) {
            return Err(ReadError::Fault(fault::workbook()));
        }
        let encoding = Encoding::detect(first, format.encoding);
        let mut decoder = Decoder::new(encoding);
        reader.suspicion = encoding.is_one_byte().then(|| {
            let mut suspicion = Utf8Suspicion::default();
            suspicion.look(first);
            suspicion
        });
        reader.ended = first.is_empty();
        let rest = first.get(encoding.mark().len()..).unwrap_or_default();
        reader.broken = decoder.decode(rest, reader.ended, &mut reader.text).err();
        reader.offset = encoding.mark().len() as u64;
        reader.encoding = encoding;
        reader.decoder = decoder;
        Ok(reader)
    }

    /// How the file is encoded.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The byte of the file where the next record starts, or blank lines before it.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads the next record. False at the end.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, ReadError> {
        loop {
            let text = self.text.get(self.start..).unwrap_or_default();
            let last = self.ended && self.broken.is_none();
            if text.is_empty() && last {
                return self.check_end();
            }
            match parse(text, self.format.separator, last, record) {
                Parsed::Complete(length) if length <= RECORD_BYTES_MAX => {
                    record.line = self.line;
                    record.raw.clear();
                    record.raw.push_str(text.get(..length).unwrap_or_default());
                    self.line += line_breaks(&record.raw);
                    self.offset += self.encoding.encoded_bytes(&record.raw) as u64;
                    self.start += length;
                    if !record.is_blank() {
                        return Ok(true);
                    }
                }
                Parsed::Broken(at, fault) => {
                    let line = self.line + line_breaks(text.get(..at).unwrap_or_default());
                    return Err(ReadError::Fault(fault.at_line(line)));
                }
                Parsed::NeedsMore if text.len() <= RECORD_BYTES_MAX => self.fill()?,
                Parsed::Complete(_) | Parsed::NeedsMore => {
                    return Err(ReadError::Fault(fault::record_too_long().at_line(self.line)));
                }
            }
        }
    }

    /// Decodes one more block, or says what is wrong after the last text.
    fn fill(&mut self) -> Result<(), ReadError> {
        self.text.drain(..self.start);
        self.start = 0;
        if let Some(fault) = self.broken.take() {
            let broken_line = self.text.rsplit(['\n', '\r']).next().unwrap_or_default();
            let column = broken_line.chars().count() + 1;
            let line = self.line + line_breaks(&self.text);
            return Err(ReadError::Fault(fault.at_line(line).in_column(column.to_string())));
        }
        let block = self.blocks.next()?;
        self.ended = block.is_empty();
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.look(block);
        }
        self.broken = self.decoder.decode(block, self.ended, &mut self.text).err();
        if self.blocks.bytes() > FILE_BYTES_MAX {
            return Err(ReadError::Fault(fault::too_large()));
        }
        Ok(())
    }

    fn check_end(&self) -> Result<bool, ReadError> {
        if self.suspicion.as_ref().is_some_and(Utf8Suspicion::is_utf8) {
            return Err(ReadError::Fault(fault::really_utf8(self.encoding.name())));
        }
        Ok(false)
    }

    /// The SHA-256 and the fingerprints of a file that was read for the first time, to its end.
    pub(super) fn into_hashes(self) -> Option<([u8; 32], Fingerprints)> {
        self.blocks.into_hashes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::config::RowRules;
    use crate::drop::format::RecordReader;
    use proptest::prelude::*;
    use std::fs::File;
    use std::io::Write;

    /// A file of these bytes that is gone when it is closed.
    pub(crate) fn file_of(bytes: &[u8]) -> File {
        use std::io::Seek;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    type Rows = Vec<(u64, Vec<String>)>;
    type Broken = (u64, Option<Box<str>>, &'static str);

    /// The records of a CSV file, and where and how it is broken.
    fn read(bytes: &[u8]) -> (Rows, String, Option<Broken>) {
        let format = Format::of_name("x.csv", &RowRules::default());
        let mut reader = RecordReader::hashing(file_of(bytes), format).unwrap();
        let (mut rows, mut raw, mut record) = (Vec::new(), String::new(), Record::default());
        loop {
            match reader.read(&mut record) {
                Ok(true) => {
                    rows.push((record.line, record.cells().map(str::to_owned).collect()));
                    raw.push_str(record.raw());
                }
                Ok(false) => return (rows, raw, None),
                Err(ReadError::Fault(fault)) => {
                    return (rows, raw, Some((fault.line.unwrap(), fault.column, fault.code)));
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    fn check(text: &str, want: &[(u64, &[&str])]) {
        let (rows, _, broken) = read(text.as_bytes());
        let want: Rows = want
            .iter()
            .map(|(line, cells)| (*line, cells.iter().map(|cell| (*cell).to_owned()).collect()))
            .collect();
        assert_eq!((rows, broken), (want, None), "{text:?}");
    }

    #[test]
    fn records_have_cells_and_the_line_where_they_start() {
        check("", &[]);
        check("a,b\n1,2\n", &[(1, &["a", "b"]), (2, &["1", "2"])]);
        check("a,b\r\n1,2", &[(1, &["a", "b"]), (2, &["1", "2"])]);
        check("a\r1\r2\r", &[(1, &["a"]), (2, &["1"]), (3, &["2"])]);
        check("a\n\n  \n\r\n1\n", &[(1, &["a"]), (5, &["1"])]);
        check("\"x\n\ny\",2\n3,4\n", &[(1, &["x\n\ny", "2"]), (4, &["3", "4"])]);
        check("\"a \"\"b\"\"\",\"\"\n", &[(1, &["a \"b\"", ""])]);
        check("חברה בע\"מ,5\n", &[(1, &["חברה בע\"מ", "5"])]);
        check(",,\n", &[(1, &["", "", ""])]);
        check("\"\"\n", &[(1, &[""])]);
        check(" \"a\",b\n", &[(1, &[" \"a\"", "b"])]);
    }

    fn check_broken(bytes: &[u8], want: (u64, Option<&str>, &str)) {
        let (_, _, broken) = read(bytes);
        let (line, column, code) = broken.unwrap();
        assert_eq!((line, column.as_deref(), code), want, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn what_is_broken_names_its_line() {
        check_broken(b"a,b\n1,\"2\n3,4\n", (2, None, "quote_not_closed"));
        check_broken(b"a,b\n\"x\ny\"z,4\n", (3, None, "quote_inside_cell"));
        check_broken("a,b\nשלום,x\u{0}\n".as_bytes(), (2, Some("7"), "nul"));
        check_broken(b"a,b\n1,2\nab\xf9,4\n", (3, Some("3"), "bad_bytes"));
        check_broken("a,b\n1,\u{fffd}\n".as_bytes(), (2, Some("3"), "lost_character"));
        check_broken(&b",".repeat(COLUMNS_MAX + 1), (1, None, "too_many_columns"));
    }

    #[test]
    fn an_endless_line_is_refused_before_it_fills_the_memory() {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(0).unwrap();
        for _ in 0..100 {
            file.write_all(&[b'x'; 1 << 20]).unwrap();
        }
        std::io::Seek::rewind(&mut file).unwrap();
        let mut reader = RecordReader::hashing(file, Format::of_name("x.csv", &RowRules::default())).unwrap();
        let error = reader.read(&mut Record::default()).unwrap_err();
        assert!(matches!(error, ReadError::Fault(Fault { code: "row_too_long", line: Some(1), .. })));
        let RecordReader::Text(reader) = reader else { panic!("it is text") };
        assert!(reader.blocks.bytes() < 3 << 20, "{}", reader.blocks.bytes());
        assert!(reader.text.capacity() < 4 << 20, "{}", reader.text.capacity());
    }

    #[test]
    fn a_tsv_is_split_at_tabs() {
        let format = Format::of_name("מרץ.TSV", &RowRules::default());
        let mut reader = RecordReader::hashing(file_of(b"a,b\tc\n"), format).unwrap();
        let mut record = Record::default();
        assert!(reader.read(&mut record).unwrap());
        assert_eq!(record.cells().collect::<Vec<_>>(), ["a,b", "c"]);
    }

    #[test]
    fn records_across_blocks_are_whole() {
        let row = format!("{},שלום\r\n", "x".repeat(997));
        let text = row.repeat(1_000);
        let (rows, raw, broken) = read(text.as_bytes());
        assert_eq!((rows.len(), broken), (1_000, None));
        assert!(raw == text);
        assert!(rows.iter().all(|(_, cells)| cells[1] == "שלום"));
    }

    proptest! {
        #[test]
        fn a_written_table_reads_back_cell_by_cell_and_byte_by_byte(
            rows in prop::collection::vec(prop::collection::vec("[a-zא-ת\",\r\n =0-9]{0,8}", 2..4), 1..12),
            marked in any::<bool>(),
        ) {
            let width = rows[0].len();
            let rows: Vec<Vec<String>> =
                rows.into_iter().map(|mut row| { row.resize(width, String::new()); row }).collect();
            let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let mark = if marked { "\u{feff}" } else { "" };
            let (found, raw, broken) = read(format!("{mark}{text}").as_bytes());
            prop_assert_eq!(broken, None);
            prop_assert_eq!(found.into_iter().map(|(_, cells)| cells).collect::<Vec<_>>(), rows);
            prop_assert_eq!(raw, text);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
        }
    }
}

//! The first pass: the whole file is read and every row checked before anything is called. A file whose structure is
//! broken is refused whole; a row that is wrong in itself is counted and goes its own way.

use super::blocks::Fingerprints;
use super::config::RowRules;
use super::decode::Encoding;
use super::fault::{self, Fault};
use super::format::{Format, RecordReader};
use super::header::Header;
use super::reader::{ReadError, Record};
use super::row;
use gesher_core::limits::{FILE_BYTES_MAX, FILE_FAULTS_MAX, ROWS_PER_FILE_MAX};
use gesher_core::{Currency, Decimal, Money};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

/// What a file turned out to hold.
#[derive(Clone, Debug)]
pub struct Validation {
    /// Physical rows, the header and blank lines not counted.
    pub rows: u64,
    /// Rows that the hub found invalid.
    pub invalid: u64,
    /// The sum of every amount that can be read, in valid rows and in others; none without an amount column.
    pub(super) stated: Option<Decimal>,
    /// The sum of the amount column over the valid rows.
    pub totals: BTreeMap<Currency, Decimal>,
    /// The faults of the invalid rows, the first [`FILE_FAULTS_MAX`] of them.
    pub faults: Vec<Fault>,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// Its columns.
    pub header: Header,
    /// How it is encoded.
    pub encoding: Encoding,
    /// Sheets of a workbook that were left out although they hold something: only the first is read.
    pub other_sheets: Vec<String>,
    pub(super) fingerprints: Fingerprints,
}

impl Validation {
    /// Whether its total is above a bound. Another currency than the bound's cannot be compared with it, so it is.
    #[must_use]
    pub fn is_above(&self, most: Money) -> bool {
        is_above(&self.totals, most)
    }
}

fn is_above(totals: &BTreeMap<Currency, Decimal>, most: Money) -> bool {
    totals.iter().any(|(currency, sum)| *currency != most.currency || *sum > most.amount)
}

/// Why a file was refused whole. Nothing was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, the first [`FILE_FAULTS_MAX`] of it; at least one.
    pub faults: Vec<Fault>,
    /// Faults that are not listed.
    pub more: u64,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault], more: 0 }
    }
}

/// A file is not run.
#[derive(Debug)]
pub enum NotValid {
    /// It was refused whole.
    Refused(Refusal),
    /// It could not be read.
    Io(io::Error),
}

impl From<ReadError> for NotValid {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Fault(fault) => Self::Refused(fault.into()),
            ReadError::Io(error) => Self::Io(error),
            ReadError::Changed => Self::Io(io::Error::other("read for the first time and found changed")),
        }
    }
}

/// Reads the whole file. `script_reads` are the columns that the flow's script reads.
pub fn validate(
    path: &Path,
    format: Format,
    rules: &RowRules,
    script_reads: &[String],
) -> Result<Validation, NotValid> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => NotValid::Refused(fault::not_permitted().into()),
        _ => NotValid::Io(error),
    })?;
    let length = file.metadata().map_err(NotValid::Io)?.len();
    if length > FILE_BYTES_MAX {
        return Err(NotValid::Refused(fault::too_large().into()));
    }
    let mut reader = RecordReader::hashing(file, format)?;
    let mut record = Record::default();
    if !reader.read(&mut record)? {
        return Err(NotValid::Refused(fault::empty_file().into()));
    }
    let header = Header::read(&record, rules, script_reads)
        .map_err(|faults| NotValid::Refused(Refusal { faults, more: 0 }))?;
    let mut pass = Pass::default();
    while pass.read_on(&mut reader, &mut record)? {
        pass.take(&header, &record);
        if pass.rows > ROWS_PER_FILE_MAX {
            return Err(NotValid::Refused(fault::too_many_rows().into()));
        }
    }
    if pass.structure > 0 {
        let more = pass.structure - pass.broken.len() as u64;
        return Err(NotValid::Refused(Refusal { faults: pass.broken, more }));
    }
    if pass.rows == 0 {
        return Err(NotValid::Refused(fault::no_rows().into()));
    }
    let (encoding, other_sheets) = (reader.encoding(), reader.other_sheets().to_vec());
    let (sha256, fingerprints) = reader.into_hashes().unwrap_or_default();
    let stated = header.amount.map(|_| pass.stated);
    let Pass { rows, invalid, totals, faults, .. } = pass;
    Ok(Validation {
        rows,
        stated,
        invalid,
        totals,
        faults,
        sha256,
        header,
        encoding,
        other_sheets,
        fingerprints,
    })
}

/// What was found so far.
#[derive(Default)]
struct Pass {
    rows: u64,
    invalid: u64,
    stated: Decimal,
    totals: BTreeMap<Currency, Decimal>,
    faults: Vec<Fault>,
    /// Faults of the structure: with one of these the file is refused.
    broken: Vec<Fault>,
    structure: u64,
}

impl Pass {
    /// The next record. Where the file cannot be read on, what was broken before it is told too.
    fn read_on(&mut self, reader: &mut RecordReader, record: &mut Record) -> Result<bool, NotValid> {
        match reader.read(record) {
            Err(ReadError::Fault(fault)) if self.structure > 0 => {
                let more = self.structure - self.broken.len() as u64;
                self.broken.push(fault);
                Err(NotValid::Refused(Refusal { faults: std::mem::take(&mut self.broken), more }))
            }
            other => Ok(other?),
        }
    }

    fn take(&mut self, header: &Header, record: &Record) {
        self.rows += 1;
        if record.width() != header.names.len() {
            self.structure += 1;
            if self.broken.len() < FILE_FAULTS_MAX {
                self.broken.push(fault::wrong_width(record.width(), header.names.len()).at_line(record.line));
            }
            return;
        }
        match row::check(header, record) {
            Ok(facts) => {
                if let Some(money) = facts.amount {
                    let total = self.totals.entry(money.currency).or_default();
                    *total = total.saturating_add(money.amount);
                    self.stated = self.stated.saturating_add(money.amount);
                }
            }
            Err(faults) => {
                self.invalid += 1;
                self.stated = self.stated.saturating_add(row::stated_amount(header, record));
                let room = FILE_FAULTS_MAX.saturating_sub(self.faults.len());
                self.faults.extend(faults.into_iter().take(room));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::config::RowKey;
    use crate::drop::decode::EncodingChoice;
    use crate::drop::format::Separator;

    fn rules() -> RowRules {
        RowRules {
            row_key: RowKey::Columns(vec!["id".into()]),
            amount: Some("amount".into()),
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            not_cards: Vec::new(),
        }
    }

    fn run(bytes: &[u8]) -> Result<Validation, NotValid> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        std::fs::write(&path, bytes).unwrap();
        validate(&path, Format::of_name("x.csv", &rules()), &rules(), &[])
    }

    fn check_refused(bytes: &[u8], want: &[(Option<u64>, &str)]) {
        let Err(NotValid::Refused(refusal)) = run(bytes) else {
            panic!("{}", String::from_utf8_lossy(bytes))
        };
        let found: Vec<_> = refusal.faults.iter().map(|fault| (fault.line, fault.code)).collect();
        assert_eq!(found, want, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn a_file_with_a_broken_structure_is_refused_whole() {
        check_refused(b"", &[(None, "empty")]);
        check_refused(b"\xef\xbb\xbf\r\n \r\n", &[(None, "empty")]);
        check_refused(b"id,amount\n", &[(None, "no_rows")]);
        check_refused(b"id,sum\n1,5\n", &[(Some(1), "column_missing")]);
        check_refused(b"id,amount\n1,5,\n2,5\n3\n", &[(Some(2), "wrong_width"), (Some(4), "wrong_width")]);
        check_refused(b"id,amount\n1\n2,\"5\n", &[(Some(2), "wrong_width"), (Some(3), "quote_not_closed")]);
        check_refused(b"id,amount\n1,\xe9\n", &[(Some(2), "bad_bytes")]);
        check_refused(b"PK\x03\x04\x00\x00", &[(None, "workbook")]);
        check_refused(b"id\x00,amount\n1,5\n", &[(Some(1), "nul")]);
    }

    #[test]
    fn a_total_above_the_bound_waits_and_one_equal_to_it_does_not() {
        let most: Money = "50.00 ILS".parse().unwrap();
        let above = |totals: &[(Currency, &str)]| {
            let totals = totals.iter().map(|(currency, sum)| (*currency, sum.parse().unwrap())).collect();
            is_above(&totals, most)
        };
        assert!(!above(&[]));
        assert!(!above(&[(Currency::ILS, "50")]));
        assert!(above(&[(Currency::ILS, "50.01")]));
        assert!(above(&[("USD".parse().unwrap(), "1")]));
    }

    #[test]
    fn rows_are_counted_and_valid_amounts_summed() {
        let found = run("id,amount\n1,5.5\n\n2,x\n3,4\n".as_bytes()).unwrap();
        assert_eq!((found.rows, found.invalid), (3, 1));
        assert_eq!(found.totals[&Currency::ILS].to_string(), "9.5");
        assert_eq!(found.faults[0].line, Some(4));
    }

    #[test]
    fn old_hebrew_needs_its_name_and_utf8_under_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        let named = RowRules { encoding: EncodingChoice::Windows1255, ..rules() };
        let format = Format::of_name("x.csv", &named);
        std::fs::write(&path, b"id,amount\n\xf9\xec,5\n").unwrap();
        assert_eq!(validate(&path, format, &named, &[]).unwrap().encoding, Encoding::Windows1255);
        std::fs::write(&path, "id,amount\nשל,5\n").unwrap();
        let Err(NotValid::Refused(refusal)) = validate(&path, format, &named, &[]) else { panic!() };
        assert!(["encoding", "bad_bytes"].contains(&refusal.faults[0].code));
    }
}

//! What is left of a file that changed after it was validated: the rows that were not taken are set aside, as they
//! stand now, for a person to look at and drop again.

use super::folder::DropFolder;
use super::reader::{ReadError, Record};
use super::report::ReportError;
use super::source::ValidatedRows;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// Writes the rest of the file at `path` to `late`, from row `first_untaken` on, or from the first byte that is no
/// longer what was validated. Answers whether there was a rest: none when every row was taken and nothing changed.
pub(super) fn write_rest(
    folder: &DropFolder,
    path: &Path,
    late: &Path,
    rows: Result<ValidatedRows, ReadError>,
    first_untaken: u64,
) -> Result<bool, ReportError> {
    let mut start = Vec::new();
    let mut offset = 0;
    match rows {
        Ok(mut rows) => {
            let encoding = rows.encoding();
            start.extend_from_slice(encoding.mark());
            encoding.encode(&rows.raw_header, &mut start);
            let Some(rest) = rest_offset(&mut rows, first_untaken)? else { return Ok(false) };
            offset = rest;
        }
        Err(ReadError::Io(error)) => return Err(error.into()),
        // Not even the header is what it was: everything is set aside as it stands.
        Err(ReadError::Changed | ReadError::Fault(_)) => {}
    }
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut rest = folder.begin_file(late)?;
    rest.write_all(&start)?;
    io::copy(&mut file, &mut rest)?;
    rest.publish()?;
    Ok(true)
}

/// The byte after the rows that were taken; none when they are all there is, and unchanged.
fn rest_offset(rows: &mut ValidatedRows, first_untaken: u64) -> io::Result<Option<u64>> {
    let mut record = Record::default();
    for _taken in 1..first_untaken {
        let offset = rows.offset();
        match rows.read(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(ReadError::Io(error)) => return Err(error),
            Err(ReadError::Changed | ReadError::Fault(_)) => return Ok(Some(offset)),
        }
    }
    let offset = rows.offset();
    match rows.read(&mut record) {
        Ok(false) => Ok(None),
        Err(ReadError::Io(error)) => Err(error),
        Ok(true) | Err(ReadError::Changed | ReadError::Fault(_)) => Ok(Some(offset)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::config::{RowKey, RowRules};
    use crate::drop::decode::EncodingChoice;
    use crate::drop::folder::Place;
    use crate::drop::reader::Format;
    use crate::drop::validate::validate;
    use gesher_core::HubId;

    /// Validates `before`, lets the file become `after`, and sets aside what follows the rows that were taken.
    fn rest(before: &[u8], after: &[u8], first_untaken: u64) -> Option<Vec<u8>> {
        let base = tempfile::tempdir().unwrap();
        let folder = DropFolder::open(&base.path().join("in"), &HubId::stored("one"), base.path()).unwrap();
        let path = folder.path(Place::Work).join("x.csv");
        let late = folder.path(Place::Failed).join("late.csv");
        let format = Format::of_name("x.csv", EncodingChoice::Auto);
        let rules = RowRules {
            row_key: RowKey::Line,
            amount: None,
            encoding: EncodingChoice::Auto,
            not_cards: Vec::new(),
        };
        std::fs::write(&path, before).unwrap();
        let wanted = validate(&path, format, &rules, &[]).unwrap().fingerprints;
        std::fs::write(&path, after).unwrap();
        let rows = ValidatedRows::open(&path, format, &rules, wanted);
        let is_written = write_rest(&folder, &path, &late, rows, first_untaken).unwrap();
        assert_eq!(is_written, late.exists());
        std::fs::read(&late).ok()
    }

    fn table(rows: std::ops::Range<u32>, last: &str) -> Vec<u8> {
        let rows: String = rows.map(|row| format!("{row:09}\n")).collect();
        format!("id\n{rows}{last}").into_bytes()
    }

    #[test]
    fn only_what_was_not_taken_is_set_aside_under_the_header() {
        let (before, grown) = (table(0..60_000, ""), table(0..60_000, "new\n"));
        assert_eq!(rest(&before, &before, 60_001), None);
        assert_eq!(rest(&before, &grown, 50_001).unwrap(), table(50_000..60_000, "new\n")[..].to_vec());
        assert_eq!(rest(&before, b"other\n1\n", 1).unwrap(), b"other\n1\n");
        let marked = [b"\xef\xbb\xbf".to_vec(), before.clone()].concat();
        let want = [b"\xef\xbb\xbf".to_vec(), table(7..60_000, "")].concat();
        assert!(rest(&marked, &marked, 8).unwrap() == want);
    }

    #[test]
    fn a_rest_may_repeat_rows_but_never_loses_one() {
        // The change is in the second block; rows of it had been taken already.
        let (before, grown) = (table(0..60_000, ""), table(0..60_000, "new\n"));
        let set_aside = rest(&before, &grown, 60_001).unwrap();
        assert!(set_aside.ends_with(b"new\n") && set_aside.starts_with(b"id\n"));
        assert!(set_aside.len() < before.len() / 2);
    }
}

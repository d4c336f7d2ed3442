//! What is left of a file that changed after it was validated: the rows that were not taken are set aside, as they
//! stand now, for a person to look at and drop again.

use super::folder::DropFolder;
use super::reader::{ReadError, Record};
use super::report::ReportError;
use super::source::ValidatedRows;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// What was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: every row was taken, and nothing changed.
    Nothing,
    /// Only what was not taken.
    Untaken,
    /// Rows that were taken may be there again: the file changed before the last of them.
    MayRepeat,
}

/// Writes the rest of the file at `path` to `late`, from row `first_untaken` on, or from the first byte that is no
/// longer what was validated.
pub(super) fn write_rest(
    folder: &DropFolder,
    path: &Path,
    late: &Path,
    rows: Result<ValidatedRows, ReadError>,
    first_untaken: u64,
) -> Result<Rest, ReportError> {
    let mut start = Vec::new();
    // Where even the header is not what it was, everything is set aside as it stands.
    let mut offset = 0;
    let mut set_aside = if first_untaken > 1 { Rest::MayRepeat } else { Rest::Untaken };
    match rows {
        Ok(mut rows) => {
            let encoding = rows.encoding();
            if !rows.is_book() {
                start.extend_from_slice(encoding.mark());
                encoding.encode(&rows.raw_header, &mut start);
            }
            (set_aside, offset) = find_rest(&mut rows, first_untaken)?;
            if set_aside == Rest::Nothing {
                return Ok(set_aside);
            }
            // A workbook is set aside as it stands: no part of it can be cut off.
            if rows.is_book() && first_untaken > 1 {
                set_aside = Rest::MayRepeat;
            }
        }
        Err(ReadError::Io(error)) => return Err(error.into()),
        Err(ReadError::Changed | ReadError::Fault(_)) => {}
    }
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut rest = folder.begin_file(late)?;
    rest.write_all(&start)?;
    io::copy(&mut file, &mut rest)?;
    rest.publish()?;
    Ok(set_aside)
}

/// What there is to set aside, and the byte where it starts.
fn find_rest(rows: &mut ValidatedRows, first_untaken: u64) -> io::Result<(Rest, u64)> {
    let mut record = Record::default();
    for _taken in 1..first_untaken {
        let offset = rows.offset();
        match rows.read(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok((Rest::Nothing, offset)),
            Err(ReadError::Io(error)) => return Err(error),
            Err(ReadError::Changed | ReadError::Fault(_)) => return Ok((Rest::MayRepeat, offset)),
        }
    }
    let offset = rows.offset();
    match rows.read(&mut record) {
        Ok(false) => Ok((Rest::Nothing, offset)),
        Err(ReadError::Io(error)) => Err(error),
        Ok(true) | Err(ReadError::Changed | ReadError::Fault(_)) => Ok((Rest::Untaken, offset)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::config::{RowKey, RowRules};
    use crate::drop::decode::EncodingChoice;
    use crate::drop::folder::Place;
    use crate::drop::format::{Format, Separator};
    use crate::drop::validate::validate;
    use gesher_core::HubId;

    /// Validates `before`, lets the file become `after`, and sets aside what follows the rows that were taken.
    fn rest(before: &[u8], after: &[u8], first_untaken: u64) -> (Rest, Vec<u8>) {
        let base = tempfile::tempdir().unwrap();
        let folder = DropFolder::open(&base.path().join("in"), &HubId::stored("one"), base.path()).unwrap();
        let path = folder.path(Place::Work).join("x.csv");
        let late = folder.path(Place::Failed).join("late.csv");
        let rules = RowRules {
            row_key: RowKey::Line,
            amount: None,
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            not_cards: Vec::new(),
        };
        let format = Format::of_name("x.csv", &rules);
        std::fs::write(&path, before).unwrap();
        let wanted = validate(&path, format, &rules, &[]).unwrap().fingerprints;
        std::fs::write(&path, after).unwrap();
        let rows = ValidatedRows::open(&path, format, &rules, wanted);
        let rest = write_rest(&folder, &path, &late, rows, first_untaken).unwrap();
        assert_eq!(rest != Rest::Nothing, late.exists());
        (rest, std::fs::read(&late).unwrap_or_default())
    }

    fn table(rows: std::ops::Range<u32>, last: &str) -> Vec<u8> {
        let rows: String = rows.map(|row| format!("{row:09}\n")).collect();
        format!("id\n{rows}{last}").into_bytes()
    }

    #[test]
    fn only_what_was_not_taken_is_set_aside_under_the_header() {
        let (before, grown) = (table(0..60_000, ""), table(0..60_000, "new\n"));
        assert_eq!(rest(&before, &before, 60_001), (Rest::Nothing, Vec::new()));
        assert_eq!(rest(&before, &grown, 20_001), (Rest::Untaken, table(20_000..60_000, "new\n")));
        assert_eq!(rest(&before, b"other\n1\n", 1), (Rest::Untaken, b"other\n1\n".to_vec()));
        let marked = [b"\xef\xbb\xbf".to_vec(), before.clone()].concat();
        let want = [b"\xef\xbb\xbf".to_vec(), table(7..60_000, "")].concat();
        assert!(rest(&marked, &marked, 8) == (Rest::Untaken, want));
    }

    #[test]
    fn a_rest_may_repeat_rows_but_never_loses_one() {
        // The change is in the second block; rows of it had been taken already.
        let (before, grown) = (table(0..60_000, ""), table(0..60_000, "new\n"));
        let (kind, set_aside) = rest(&before, &grown, 60_001);
        assert_eq!(kind, Rest::MayRepeat);
        assert_eq!(rest(&before, b"other\n1\n", 2), (Rest::MayRepeat, b"other\n1\n".to_vec()));
        assert!(set_aside.ends_with(b"new\n") && set_aside.starts_with(b"id\n"));
        assert!(set_aside.len() < before.len() / 2);
    }
}

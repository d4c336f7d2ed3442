//! A file that somebody dropped. The first byte chooses its ending and what names its rows.

use super::{choice, scratch};
use gesher_trigger::drop::{EncodingChoice, Format, NotValid, RowKey, RowRules, Separator, validate};

/// The endings of files, by which they are read.
const ENDINGS: [&str; 4] = ["csv", "tsv", "xlsx", "ods"];

/// Reads a whole file: it is refused with faults, or its counts fit together.
pub fn csv(data: &[u8]) {
    let Some((first, bytes)) = choice(data) else { return };
    let name = format!("file.{}", ENDINGS[first % ENDINGS.len()]);
    let folder = scratch();
    let path = folder.path().join(&name);
    std::fs::write(&path, bytes).unwrap();
    let row_key = match first / ENDINGS.len() % 2 {
        0 => RowKey::Line,
        _ => RowKey::Columns(vec!["id".to_owned()]),
    };
    let amount = (first / (2 * ENDINGS.len()) % 2 == 1).then(|| "amount".to_owned());
    let encoding = EncodingChoice::default();
    let rules =
        RowRules { row_key, amount, encoding, separator: Separator::default(), not_cards: Vec::new() };
    match validate(&path, Format::of_name(&name, &rules), &rules, &[]) {
        Ok(found) => {
            assert!(found.rows > 0 && found.invalid <= found.rows);
            assert_eq!(found.invalid == 0, found.faults.is_empty());
            assert!(found.totals.values().all(|total| !total.is_sign_negative()));
            let again = validate(&path, Format::of_name(&name, &rules), &rules, &[]).unwrap();
            assert_eq!((again.rows, again.invalid, again.sha256), (found.rows, found.invalid, found.sha256));
        }
        Err(NotValid::Refused(refusal)) => assert!(!refusal.faults.is_empty()),
        Err(NotValid::Io(error)) => panic!("{error}"),
    }
}

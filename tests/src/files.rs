//! The files that a hub leaves for people: results, reports, retries and errors, read as a spreadsheet would.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The mark with which Excel knows UTF-8.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a row can end as.
pub const STATUSES: [&str; 10] = [
    "succeeded",
    "declined",
    "invalid",
    "rejected",
    "not_sent",
    "incomplete",
    "unknown",
    "duplicate",
    "skipped",
    "cancelled",
];

/// A row of a CSV file, by the names of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub BTreeMap<String, String>);

impl Row {
    /// One cell.
    #[track_caller]
    pub fn get(&self, column: &str) -> &str {
        self.0.get(column).unwrap_or_else(|| panic!("no column {column} in {self:?}"))
    }

    /// `gesher_status`.
    #[track_caller]
    pub fn status(&self) -> &str {
        self.get("gesher_status")
    }

    /// `gesher_code`.
    #[track_caller]
    pub fn code(&self) -> &str {
        self.get("gesher_code")
    }

    /// `gesher_message`.
    #[track_caller]
    pub fn message(&self) -> &str {
        self.get("gesher_message")
    }
}

/// Reads a CSV file with a header, with or without a mark.
#[track_caller]
pub fn read_csv(bytes: &[u8]) -> (Vec<String>, Vec<Row>) {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |record: csv::StringRecord| {
        Row(header.iter().cloned().zip(record.iter().map(str::to_owned)).collect())
    };
    let rows = reader.records().map(|record| row(record.expect("a well-formed record"))).collect();
    (header, rows)
}

/// A file that ended in `done/`.
#[derive(Debug)]
pub struct Done {
    /// The run's id.
    pub run: String,
    /// The columns of the result file.
    pub header: Vec<String>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// The result file as it stands.
    pub result: Vec<u8>,
    /// The file itself, as it stands in `done/`.
    pub input: Vec<u8>,
    /// `report.json`.
    pub report: Value,
    /// `retry.csv`, where there is one.
    pub retry: Option<Vec<u8>>,
}

impl Done {
    /// The run of `name` in the folder `done`, once all its files are there. With `after`, not these runs.
    pub fn find(done: &Path, name: &str, after: &[&str]) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        let start = format!("{stem}.");
        let names = names_in(done);
        let run = names.iter().find_map(|found| {
            let run = found.strip_prefix(&start)?.strip_suffix(".report.json")?;
            (!run.contains('.') && !after.contains(&run)).then(|| run.to_owned())
        })?;
        let read = |what: &str| std::fs::read(done.join(format!("{stem}.{run}.{what}"))).ok();
        let (input, result, report) = (read(ending)?, read("result.csv")?, read("report.json")?);
        let (header, rows) = read_csv(&result);
        let report = serde_json::from_slice(&report).ok()?;
        Some(Self { header, rows, result, input, report, retry: read("retry.csv"), run })
    }

    /// The statuses, in the order of the rows.
    pub fn statuses(&self) -> Vec<&str> {
        self.rows.iter().map(Row::status).collect()
    }

    /// How many rows have this status.
    pub fn count(&self, status: &str) -> usize {
        self.rows.iter().filter(|row| row.status() == status).count()
    }

    /// The row with this cell in this column.
    #[track_caller]
    pub fn row(&self, column: &str, cell: &str) -> &Row {
        self.rows
            .iter()
            .find(|row| row.get(column) == cell)
            .unwrap_or_else(|| panic!("no row {cell}: {self:#?}"))
    }

    /// The rows of `retry.csv`.
    pub fn retry_rows(&self) -> Vec<Row> {
        self.retry.as_deref().map(|bytes| read_csv(bytes).1).unwrap_or_default()
    }

    /// Fails unless each row has one of the ten statuses, and the report counts the same.
    #[track_caller]
    pub fn adds_up(&self) {
        for row in &self.rows {
            assert!(STATUSES.contains(&row.status()), "{row:?}");
        }
        let counted: usize = STATUSES.iter().map(|status| self.reported(status)).sum();
        assert_eq!(counted, self.rows.len(), "{}", self.report);
        for status in STATUSES {
            assert_eq!(self.reported(status), self.count(status), "{status}: {}", self.report);
        }
        assert!(self.result.starts_with(BOM), "Excel needs the mark to show Hebrew");
    }

    /// What the report counts for a status. It may leave zeros out.
    fn reported(&self, status: &str) -> usize {
        let count = &self.report["counts"][status];
        count.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
    }
}

/// A file that was refused whole.
#[derive(Debug)]
pub struct Failed {
    /// `errors.csv`.
    pub errors: Vec<Row>,
    /// `errors.csv` as text.
    pub text: String,
    /// The file itself, as it stands in `failed/`.
    pub file: PathBuf,
}

impl Failed {
    /// The refused file `name` in the folder `failed`, once all its files are there.
    pub fn find(failed: &Path, name: &str) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        let start = format!("{stem}.");
        let run = names_in(failed).into_iter().find_map(|found| {
            let run = found.strip_prefix(&start)?.strip_suffix(".errors.csv")?;
            (!run.contains('.')).then(|| run.to_owned())
        })?;
        let file = failed.join(format!("{stem}.{run}.{ending}"));
        let bytes = std::fs::read(failed.join(format!("{stem}.{run}.errors.csv"))).ok()?;
        file.exists().then(|| Self {
            errors: read_csv(&bytes).1,
            text: String::from_utf8(bytes).expect("errors.csv is UTF-8"),
            file,
        })
    }
}

/// The rows of the one result of `stem` in the folder `done`.
#[track_caller]
pub fn result_rows(done: &Path, stem: &str) -> Vec<Row> {
    let names = names_in(done);
    let results: Vec<_> =
        names.iter().filter(|name| name.starts_with(stem) && name.ends_with(".result.csv")).collect();
    assert_eq!(results.len(), 1, "{names:?}");
    let bytes = std::fs::read(done.join(results[0])).unwrap();
    assert!(bytes.starts_with(BOM));
    read_csv(&bytes).1
}

/// The names in a folder, sorted; none when it is not there.
pub fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Every file below a folder that holds these bytes, also as UTF-16.
pub fn files_with(folder: &Path, canary: &str) -> Vec<PathBuf> {
    let wide: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut found = Vec::new();
    for name in names_in(folder) {
        let path = folder.join(name);
        if path.is_symlink() {
            continue;
        } else if path.is_dir() {
            found.extend(files_with(&path, canary));
        } else if std::fs::read(&path)
            .is_ok_and(|bytes| holds(&bytes, canary.as_bytes()) || holds(&bytes, &wide))
        {
            found.push(path);
        }
    }
    found
}

/// Whether `bytes` holds `part`.
pub fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

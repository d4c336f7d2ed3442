//! The ledger: what was really done, a JSON object a line, appended and never changed.
//!
//! It is the other half of every test: the hub's journal says what the hub believes, the ledger what happened. A line
//! is with the operating system before the call is answered, so it outlives a killed process; it is not forced to
//! the disk, since the simulator's money is not real.

use gesher_core::money::{decimal_of, two_places};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file cannot be opened, read or written.
    #[error("{path}: the ledger cannot be opened, read or written")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is no entry.
    #[error("{path}:{line}: this line is no entry of a ledger")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its number, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By which provider.
    pub provider: String,
    /// On which path.
    pub path: String,
    /// Whether an answer was sent that was not broken on purpose.
    pub answered: bool,
    /// The fault that the call met, by its name.
    pub fault: Option<String>,
    /// What it was: `charge`, `document`, `company` and others.
    pub kind: String,
    /// In whose books.
    pub company: i64,
    /// The payment.
    pub payment_id: Option<i64>,
    /// The customer.
    pub customer_id: Option<i64>,
    /// How much, with two places.
    pub amount: Option<String>,
    /// Of what.
    pub currency: Option<String>,
    /// Whether money was taken.
    pub valid: Option<bool>,
    /// The acquirer's code.
    pub code: Option<String>,
    /// The caller's words on the document.
    pub description: Option<String>,
    /// What was sold.
    pub items: Vec<String>,
    /// The document.
    pub document_id: Option<i64>,
    /// The document's number.
    pub document_number: Option<i64>,
}

impl LedgerEntry {
    fn read(line: &str) -> Option<Self> {
        let Value::Object(fields) = serde_json::from_str(line).ok()? else {
            return None;
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        let int = |name: &str| fields.get(name).and_then(Value::as_i64);
        Some(Self {
            seq: fields.get("seq")?.as_u64()?,
            at: fields.get("at")?.as_str()?.parse().ok()?,
            provider: text("provider")?,
            path: text("path")?,
            answered: fields.get("answered")?.as_bool()?,
            fault: text("fault"),
            kind: text("kind")?,
            company: int("company").unwrap_or_default(),
            payment_id: int("payment_id"),
            customer_id: int("customer_id"),
            amount: amount(&fields),
            currency: text("currency"),
            valid: fields.get("valid").and_then(Value::as_bool),
            code: text("code"),
            description: text("description"),
            items: fields
                .get("items")
                .and_then(Value::as_array)
                .map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
            document_id: int("document_id"),
            document_number: int("document_number"),
        })
    }

    /// Whether money was really taken.
    #[must_use]
    pub fn is_charged(&self) -> bool {
        self.kind == "charge" && self.valid == Some(true)
    }
}

fn amount(fields: &Map<String, Value>) -> Option<String> {
    fields.get("amount").and_then(Value::as_number).and_then(decimal_of).map(two_places)
}

/// What a call was, beside what it did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances<'a> {
    pub(crate) at: Timestamp,
    pub(crate) provider: &'a str,
    pub(crate) path: &'a str,
    pub(crate) answered: bool,
    pub(crate) fault: Option<&'a str>,
}

/// A ledger that is written.
#[derive(Debug)]
pub struct Ledger {
    last: u64,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    InMemory(Vec<String>),
    InFile(PathBuf, File),
}

impl Ledger {
    /// The entries of a ledger file.
    pub fn read(path: &Path) -> Result<Vec<LedgerEntry>, LedgerError> {
        let failed = |source| LedgerError::File { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        entries(path, &text)
    }

    pub(crate) fn in_memory() -> Self {
        Self { last: 0, kept: Kept::InMemory(Vec::new()) }
    }

    /// Opens a ledger file, or begins one; answers also the lines of its earlier life. A last line that a dying
    /// process left unfinished is cut off: nobody was answered after it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<(LedgerEntry, String)>), LedgerError> {
        let failed = |source| LedgerError::File { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = OpenOptions::new().create(true).append(true).read(true).open(path).map_err(failed)?;
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(failed)?;
        }
        let text = text.get(..whole).unwrap_or_default();
        let earlier = entries(path, text)?;
        let last = earlier.last().map_or(0, |entry| entry.seq);
        let lines = earlier.into_iter().zip(text.lines().map(str::to_owned)).collect();
        Ok((Self { last, kept: Kept::InFile(path.to_owned(), file) }, lines))
    }

    /// Appends what a call did.
    pub(crate) fn append(&mut self, call: Circumstances<'_>, records: &[String]) -> Result<(), LedgerError> {
        for record in records {
            self.last += 1;
            let fields = record.strip_prefix('{').unwrap_or(record);
            let fault = call.fault.map(|fault| format!(r#""fault":"{fault}","#)).unwrap_or_default();
            let line = format!(
                "{{\"seq\":{},\"at\":\"{}\",\"provider\":\"{}\",\"path\":\"{}\",\"answered\":{},{fault}{fields}\n",
                self.last, call.at, call.provider, call.path, call.answered
            );
            match &mut self.kept {
                Kept::InMemory(lines) => lines.push(line),
                // One write a line: a process that dies leaves whole lines behind.
                Kept::InFile(path, file) => file
                    .write_all(line.as_bytes())
                    .map_err(|source| LedgerError::File { path: path.clone(), source })?,
            }
        }
        Ok(())
    }

    /// Everything that was written, also in earlier lives.
    pub(crate) fn entries(&self) -> Result<Vec<LedgerEntry>, LedgerError> {
        match &self.kept {
            Kept::InMemory(lines) => entries(Path::new("memory"), &lines.concat()),
            Kept::InFile(path, _) => Self::read(path),
        }
    }
}

fn entries(path: &Path, text: &str) -> Result<Vec<LedgerEntry>, LedgerError> {
    let each = text.lines().enumerate().map(|(at, line)| {
        LedgerEntry::read(line).ok_or_else(|| LedgerError::Line { path: path.to_owned(), line: at + 1 })
    });
    each.collect()
}

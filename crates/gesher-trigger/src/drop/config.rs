//! What a flow's `drop` part says, and what can be wrong with it before any file comes. Pure: no folder is touched.

use super::companions;
use super::decode::EncodingChoice;
use super::folder::RESERVED_FOLDERS;
use super::format::Separator;
use super::pattern;
use gesher_core::Text;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a file has to be quiet before it is taken, unless the flow says otherwise.
pub const SETTLE_DEFAULT: Duration = Duration::from_secs(2);

/// Which files of a folder are a flow's, and what they hold.
#[derive(Clone, Debug)]
pub struct DropConfig {
    /// The folder that people and SFTP see, as an absolute path.
    pub folder: PathBuf,
    /// Which names: `*` and `?`.
    pub pattern: String,
    /// What names a row's intention.
    pub row_key: RowKey,
    /// The column that is validated and summed.
    pub amount: Option<String>,
    /// How files are encoded.
    pub encoding: EncodingChoice,
    /// What stands between their cells.
    pub separator: Separator,
    /// Quiet time before a file is taken.
    pub settle: Duration,
    /// The name of the file that says that another is whole, as `{name}.done`; none where quiet time says so.
    pub done_file: Option<String>,
    /// The name of the file with another's rows and total, as `{name}.control`; none where nobody says them.
    pub control: Option<String>,
    /// Whether files in the folders inside are taken too.
    pub subfolders: bool,
    /// Columns of long numbers that are no card numbers.
    pub not_cards: Vec<String>,
}

/// What names a row's intention for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowKey {
    /// These columns, in this order.
    Columns(Vec<String>),
    /// The file's content and the line.
    #[default]
    Line,
}

/// The part of a [`DropConfig`] that decides what a row is. It is pinned to a run, so that a run that goes on after
/// the configuration changed still means the same rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowRules {
    /// See [`DropConfig::row_key`].
    pub row_key: RowKey,
    /// See [`DropConfig::amount`].
    pub amount: Option<String>,
    /// See [`DropConfig::encoding`].
    pub encoding: EncodingChoice,
    /// See [`DropConfig::separator`]. Runs from before it could be said were read by their names.
    #[serde(default)]
    pub separator: Separator,
    /// See [`DropConfig::not_cards`].
    pub not_cards: Vec<String>,
}

impl DropConfig {
    /// The part that decides what a row is.
    #[must_use]
    pub fn row_rules(&self) -> RowRules {
        RowRules {
            row_key: self.row_key.clone(),
            amount: self.amount.clone(),
            encoding: self.encoding,
            separator: self.separator,
            not_cards: self.not_cards.clone(),
        }
    }

    /// What is wrong with the names of the files that come with others: by setting.
    #[must_use]
    pub fn companion_faults(&self) -> Vec<(&'static str, Text)> {
        companions::faults(self)
    }

    /// Everything wrong with it.
    #[must_use]
    pub fn faults(&self) -> Vec<Text> {
        let mut faults = Vec::new();
        if self.pattern.trim().is_empty() {
            faults.push(Text::new("חסר pattern, למשל \"*.csv\"", "`pattern` is empty; \"*.csv\" is one"));
        } else if self.pattern.contains('/') {
            faults.push(Text::new(
                "pattern הוא תבנית של שם קובץ, בלי תיקיות",
                "`pattern` is a pattern of file names, without folders",
            ));
        }
        faults.extend(self.companion_faults().into_iter().map(|(_, text)| text));
        if let RowKey::Columns(columns) = &self.row_key
            && (columns.is_empty() || columns.iter().any(|column| column.trim().is_empty()))
        {
            faults.push(Text::new(
                "ב־row_key צריך להופיע שם של עמודה אחת לפחות, או \"line\"",
                "`row_key` needs the name of at least one column, or \"line\"",
            ));
        }
        if self.amount.as_deref().is_some_and(|column| column.trim().is_empty()) {
            faults.push(Text::new("ב־amount צריך להופיע שם של עמודה", "`amount` needs the name of a column"));
        }
        faults
    }
}

/// Two flows that would take each other's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderConflict {
    /// Some name in the same folder is taken by both.
    SameFiles,
    /// The first flow's folder is where the second puts its files.
    InsideReserved,
}

impl FolderConflict {
    /// The same for people, with the names of the two flows.
    #[must_use]
    pub fn text(self, first: &str, second: &str) -> Text {
        match self {
            Self::SameFiles => Text::new(
                format!(
                    "התהליכים {first} ו־{second} לוקחים קבצים מאותה תיקייה לפי תבניות חופפות; יש לתת לכל אחד תיקייה משלו"
                ),
                format!(
                    "the flows {first} and {second} take files from one folder by patterns that overlap; give each a folder of its own"
                ),
            ),
            Self::InsideReserved => Text::new(
                format!(
                    "התיקייה של {first} נמצאת בתוך תיקייה שבה {second} שם את הקבצים שלו; יש לבחור תיקייה אחרת"
                ),
                format!(
                    "the folder of {first} is inside one that {second} puts its own files into; choose another"
                ),
            ),
        }
    }
}

/// Whether the first of two flows gets in the second's way. Ask both ways round. The paths are absolute.
#[must_use]
pub fn conflict(a: &DropConfig, b: &DropConfig) -> Option<FolderConflict> {
    let (of_a, of_b) = (lexical(&a.folder), lexical(&b.folder));
    if of_a == of_b {
        return pattern::overlap(&a.pattern, &b.pattern).then_some(FolderConflict::SameFiles);
    }
    if a.subfolders
        && let Ok(below) = of_b.strip_prefix(&of_a)
    {
        let is_looked_into = below.components().next().is_some_and(|first| !is_reserved(first.as_os_str()));
        if is_looked_into && pattern::overlap(&a.pattern, &b.pattern) {
            return Some(FolderConflict::SameFiles);
        }
    }
    let below = of_a.strip_prefix(&of_b).ok()?;
    is_reserved(below.components().next()?.as_os_str()).then_some(FolderConflict::InsideReserved)
}

fn is_reserved(name: &OsStr) -> bool {
    RESERVED_FOLDERS.iter().any(|reserved| name == *reserved)
}

/// The path without `.` and `..`, as far as that can be said without looking.
fn lexical(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &str, pattern: &str) -> DropConfig {
        DropConfig {
            folder: folder.into(),
            pattern: pattern.into(),
            row_key: RowKey::Columns(vec!["id".into()]),
            amount: None,
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            settle: SETTLE_DEFAULT,
            done_file: None,
            control: None,
            subfolders: false,
            not_cards: Vec::new(),
        }
    }

    fn check(a: (&str, &str), b: (&str, &str), want: Option<FolderConflict>) {
        assert_eq!(conflict(&config(a.0, a.1), &config(b.0, b.1)), want, "{a:?} {b:?}");
    }

    #[test]
    fn flows_that_would_take_each_others_files_are_found() {
        check(("/in", "*.csv"), ("/in/", "a*.csv"), Some(FolderConflict::SameFiles));
        check(("/x/../in/.", "*.csv"), ("/in", "*.csv"), Some(FolderConflict::SameFiles));
        check(("/in", "*.csv"), ("/in", "*.tsv"), None);
        check(("/in/done", "*.csv"), ("/in", "*.tsv"), Some(FolderConflict::InsideReserved));
        check(("/in/failed/x", "*.csv"), ("/in", "*.csv"), Some(FolderConflict::InsideReserved));
        check(("/in/.work", "*.csv"), ("/in", "*.csv"), Some(FolderConflict::InsideReserved));
        check(("/in/march", "*.csv"), ("/in", "*.csv"), None);
        check(("/in", "*.csv"), ("/in/done", "*.csv"), None);
        check(("/inbox", "*.csv"), ("/in", "*.csv"), None);
    }

    #[test]
    fn a_folder_inside_one_that_is_looked_into_is_the_same_when_both_would_take_a_file() {
        let deep = |folder: &str, pattern: &str| DropConfig { subfolders: true, ..config(folder, pattern) };
        for (a, b, want) in [
            (deep("/in", "*.csv"), config("/in/north", "*.csv"), Some(FolderConflict::SameFiles)),
            (deep("/in", "*.csv"), config("/in/a/b", "x*.csv"), Some(FolderConflict::SameFiles)),
            (deep("/in", "*.csv"), config("/in/north", "*.tsv"), None),
            (deep("/in/north", "*.csv"), config("/in", "*.csv"), None),
            (deep("/in", "*.csv"), config("/inner", "*.csv"), None),
        ] {
            assert_eq!(conflict(&a, &b), want, "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_drop_part_that_cannot_work_is_refused() {
        let count = |change: &dyn Fn(&mut DropConfig)| {
            let mut one = config("/in", "*.csv");
            change(&mut one);
            one.faults().len()
        };
        assert_eq!(count(&|_| {}), 0);
        assert_eq!(count(&|one| one.pattern.clear()), 1);
        assert_eq!(count(&|one| one.pattern = "a/*.csv".into()), 1);
        assert_eq!(count(&|one| one.pattern = "*.XLSX".into()), 0);
        assert_eq!(count(&|one| one.row_key = RowKey::Columns(Vec::new())), 1);
        assert_eq!(count(&|one| one.amount = Some(" ".into())), 1);
    }
}

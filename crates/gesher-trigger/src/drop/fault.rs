//! What can be wrong with a file or a row, in words that a bookkeeper understands. Only words: who finds a fault and
//! what follows from it is decided elsewhere.

use super::book::BOOK_BYTES_MAX;
use gesher_core::card::mask_card_numbers;
use gesher_core::limits::{COLUMNS_MAX, FILE_BYTES_MAX, RECORD_BYTES_MAX, ROWS_PER_FILE_MAX};
use gesher_core::{Language, Text};

/// Characters of a cell that are shown in a fault.
const VALUE_CHARACTERS_MAX: usize = 60;

/// One thing wrong with a file or with one of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line of the file, from 1; none for the file as a whole.
    pub line: Option<u64>,
    /// The column's name, or a position in the line where there is no column yet.
    pub column: Option<Box<str>>,
    /// What stands there, shortened and without card numbers.
    pub value: Option<Box<str>>,
    /// Our code, such as `amount`.
    pub code: &'static str,
    /// For people: what is wrong and how to mend it.
    pub text: Text,
}

impl Fault {
    /// A fault of the file as a whole.
    #[must_use]
    pub fn new(code: &'static str, text: Text) -> Self {
        Self { line: None, column: None, value: None, code, text }
    }

    /// The same at a line.
    #[must_use]
    pub fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    /// The same in a column.
    #[must_use]
    pub fn in_column(mut self, column: impl Into<Box<str>>) -> Self {
        self.column = Some(column.into());
        self
    }

    /// The same with what was found there.
    #[must_use]
    pub fn found(mut self, value: &str) -> Self {
        self.value = Some(shown(value).into());
        self
    }

    /// One sentence for a message: where in the row, and what.
    #[must_use]
    pub fn sentence(&self, language: Language) -> String {
        let words = self.text.get(language);
        match (&self.column, language) {
            (None, _) => words.to_owned(),
            (Some(column), Language::He) => format!("עמודה {column}: {words}"),
            (Some(column), Language::En) => format!("column {column}: {words}"),
        }
    }
}

/// A cell as it may be shown: without card numbers, one line, shortened.
#[must_use]
pub(super) fn shown(value: &str) -> String {
    let masked = mask_card_numbers(value);
    let mut short: String =
        masked.chars().take(VALUE_CHARACTERS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if masked.chars().count() > VALUE_CHARACTERS_MAX {
        short.push('…');
    }
    short
}

/// The file has no bytes, or nothing but blank lines.
#[must_use]
pub(super) fn empty_file() -> Fault {
    Fault::new("empty", Text::new("הקובץ ריק", "the file is empty"))
}

/// A file that the hub may not read.
pub(super) fn not_permitted() -> Fault {
    Fault::new(
        "not_permitted",
        Text::new(
            "למערכת אין הרשאה לקרוא את הקובץ; יש לתת לה הרשאת קריאה ולשים את הקובץ בתיקייה שוב",
            "the hub is not permitted to read the file; let it, and drop the file again",
        ),
    )
}

/// A header and nothing under it.
#[must_use]
pub(super) fn no_rows() -> Fault {
    Fault::new(
        "no_rows",
        Text::new("בקובץ יש שורת כותרות בלבד, ואין בו שורות נתונים", "the file has a header and no rows"),
    )
}

/// More bytes than a file may have.
#[must_use]
pub(super) fn too_large() -> Fault {
    let gib = FILE_BYTES_MAX >> 30;
    Fault::new(
        "too_large",
        Text::new(
            format!("הקובץ גדול מ־{gib} ג׳יגה־בייט; יש לפצל אותו לכמה קבצים"),
            format!("the file is larger than {gib} GiB; split it into several files"),
        ),
    )
}

/// More rows than a file may have.
#[must_use]
pub(super) fn too_many_rows() -> Fault {
    Fault::new(
        "too_many_rows",
        Text::new(
            format!("בקובץ יש יותר מ־{ROWS_PER_FILE_MAX} שורות; יש לפצל אותו לכמה קבצים"),
            format!("the file has more than {ROWS_PER_FILE_MAX} rows; split it into several files"),
        ),
    )
}

/// More columns than a file may have.
#[must_use]
pub(super) fn too_many_columns() -> Fault {
    Fault::new(
        "too_many_columns",
        Text::new(
            format!("בקובץ יש יותר מ־{COLUMNS_MAX} עמודות"),
            format!("the file has more than {COLUMNS_MAX} columns"),
        ),
    )
}

/// A record longer than any row can be.
#[must_use]
pub(super) fn record_too_long() -> Fault {
    let kib = RECORD_BYTES_MAX >> 10;
    Fault::new(
        "row_too_long",
        Text::new(
            format!("השורה ארוכה מ־{kib} ק״ב; ייתכן שחסרות מירכאות סוגרות, או שזה אינו קובץ CSV"),
            format!(
                "the row is longer than {kib} KiB; a closing quotation mark may be missing, or this is no CSV file"
            ),
        ),
    )
}

/// A cell whose closing quotation mark never comes.
#[must_use]
pub(super) fn unclosed_quote() -> Fault {
    Fault::new(
        "quote_not_closed",
        Text::new(
            "תא נפתח במירכאות כפולות שאינן נסגרות עד סוף הקובץ",
            "a cell opens with a quotation mark that is never closed",
        ),
    )
}

/// Something between a closing quotation mark and the next separator.
#[must_use]
pub(super) fn stray_quote() -> Fault {
    Fault::new(
        "quote_inside_cell",
        Text::new(
            "סימן מירכאות באמצע תא שמוקף במירכאות; בתא כזה יש לכתוב אותו פעמיים (\"\")",
            "a quotation mark inside a quoted cell has to be written twice (\"\")",
        ),
    )
}

/// A row with another number of cells than the header.
#[must_use]
pub(super) fn wrong_width(found: usize, wanted: usize) -> Fault {
    let (cells_he, cells) = match found {
        1 => ("תא אחד".to_owned(), "1 cell".to_owned()),
        found => (format!("{found} תאים"), format!("{found} cells")),
    };
    let (columns_he, columns) = match wanted {
        1 => ("עמודה אחת".to_owned(), "1 column".to_owned()),
        wanted => (format!("{wanted} עמודות"), format!("{wanted} columns")),
    };
    Fault::new(
        "wrong_width",
        Text::new(
            format!("בשורה יש {cells_he}, ובכותרת {columns_he}; ייתכן שפסיק בתוך תא לא הוקף במירכאות"),
            format!(
                "the row has {cells} and the header {columns}; a comma inside a cell may lack quotation marks"
            ),
        ),
    )
}

/// Bytes that are no text in the file's encoding. `looks_hebrew` says that they may be Hebrew in an old one.
#[must_use]
pub(super) fn bad_bytes(encoding: &str, looks_hebrew: bool) -> Fault {
    let (he, en) = if looks_hebrew {
        (
            "; זה נראה כמו windows-1255: יש לשמור את הקובץ מאקסל כ־CSV UTF-8, או להגדיר לתהליך encoding = \"windows-1255\"",
            "; this looks like windows-1255: save the file from Excel as CSV UTF-8, or set encoding = \"windows-1255\" for the flow",
        )
    } else {
        ("; יש לשמור את הקובץ כ־CSV UTF-8", "; save the file as CSV UTF-8")
    };
    Fault::new(
        "bad_bytes",
        Text::new(
            format!("יש כאן תו שאי אפשר לקרוא בקידוד {encoding}{he}"),
            format!("there is a character here that cannot be read as {encoding}{en}"),
        ),
    )
}

/// A NUL character: a broken export, or UTF-16 without its mark.
#[must_use]
pub(super) fn nul_character() -> Fault {
    Fault::new(
        "nul",
        Text::new(
            "יש כאן תו NUL; הקובץ פגום, או שנשמר בקידוד UTF-16 בלי סימן BOM",
            "there is a NUL character here; the file is damaged, or is UTF-16 without its byte order mark",
        ),
    )
}

/// The character that stands for a character that was lost.
#[must_use]
pub(super) fn replacement_character() -> Fault {
    Fault::new(
        "lost_character",
        Text::new(
            "יש כאן התו \u{fffd}, סימן שתו אבד בהמרת קידוד קודמת; יש להפיק את הקובץ מחדש",
            "there is a \u{fffd} here: a character was lost in an earlier conversion; export the file again",
        ),
    )
}

/// A workbook under a CSV file's name.
pub(super) fn workbook() -> Fault {
    Fault::new(
        "workbook",
        Text::new(
            "זהו קובץ אקסל ולא קובץ טקסט, אף שסיומת שמו אומרת אחרת; יש לתת לו את הסיומת xlsx, או לשמור אותו מאקסל כ־CSV UTF-8",
            "this is a workbook and no text, whatever its name says; give it the ending xlsx or ods, or save it as CSV UTF-8",
        ),
    )
}

/// A workbook whose archive or whose parts cannot be read.
pub(super) fn book_damaged() -> Fault {
    Fault::new(
        "workbook_damaged",
        Text::new(
            "חוברת העבודה פגומה ואי אפשר לקרוא אותה; יש לפתוח אותה באקסל או ב־LibreOffice, לשמור אותה מחדש ולהגיש שוב",
            "the workbook is damaged and cannot be read; open it, save it anew and drop it again",
        ),
    )
}

/// A workbook with a password, or one of the old kind.
pub(super) fn book_protected() -> Fault {
    Fault::new(
        "workbook_protected",
        Text::new(
            "חוברת העבודה מוגנת בסיסמה, או שמורה בתבנית הישנה xls; יש לשמור אותה בלי סיסמה כ־xlsx",
            "the workbook is protected by a password, or is of the old kind xls; save it without a password as xlsx",
        ),
    )
}

/// A workbook that is larger, or unpacks to more, than is read.
pub(super) fn book_too_large() -> Fault {
    let mib = BOOK_BYTES_MAX >> 20;
    Fault::new(
        "workbook_too_large",
        Text::new(
            format!(
                "חוברת העבודה גדולה מ־{mib} מ״ב, או נפרשת ליותר ממה שנקרא; יש לשמור את הגיליון כ־CSV UTF-8"
            ),
            format!(
                "the workbook is larger than {mib} MiB, or unpacks to more than is read; save its sheet as CSV UTF-8"
            ),
        ),
    )
}

/// A workbook without a sheet that people see.
pub(super) fn no_sheet() -> Fault {
    Fault::new(
        "no_sheet",
        Text::new("אין בחוברת העבודה גיליון מוצג", "the workbook has no sheet that is shown"),
    )
}

/// A row of a sheet with something to the right of the header's last column.
pub(super) fn beyond_header(found: usize, wanted: usize) -> Fault {
    Fault::new(
        "wrong_width",
        Text::new(
            format!(
                "בשורה יש ערך בעמודה מספר {found}, ובכותרת יש רק {wanted}; יש לתת לעמודה כותרת או למחוק את הערך"
            ),
            format!(
                "the row has a value in column number {found} and the header only {wanted}; name the column or delete the value"
            ),
        ),
    )
}

/// A header of a workbook with a cell that cannot be taken for what it shows.
pub(super) fn flawed_header(column: usize) -> Fault {
    Fault::new(
        "column_name",
        Text::new("הכותרת של העמודה אינה טקסט שאפשר לקרוא", "the column's name is no text that can be read"),
    )
    .in_column((column + 1).to_string())
}

/// A file in UTF-8 where a one-byte encoding was named.
#[must_use]
pub(super) fn really_utf8(encoding: &str) -> Fault {
    Fault::new(
        "encoding",
        Text::new(
            format!(
                "לתהליך הוגדר הקידוד {encoding}, אבל הקובץ שמור ב־UTF-8; יש לתקן את encoding או לשמור את הקובץ מחדש"
            ),
            format!(
                "the flow's encoding is {encoding}, but the file is UTF-8; mend `encoding` or save the file again"
            ),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: usize, wanted: usize, he: &str, en: &str) {
        let text = wrong_width(found, wanted).text;
        assert!(text.he.starts_with(&format!("בשורה יש {he}; ")), "{}", text.he);
        assert!(text.en.starts_with(&format!("the row has {en}; ")), "{}", text.en);
    }

    #[test]
    fn one_cell_and_one_column_are_not_counted_as_many() {
        check(1, 3, "תא אחד, ובכותרת 3 עמודות", "1 cell and the header 3 columns");
        check(2, 1, "2 תאים, ובכותרת עמודה אחת", "2 cells and the header 1 column");
    }
}

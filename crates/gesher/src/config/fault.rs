//! A fault of a file that people write: where it is, what is wrong, how to mend it. Only words; finding faults is left
//! to those who read.

use serde::Serialize;
use std::fmt;
use std::ops::Range;

/// Settings whose values may be secret: a line that sets one is never shown.
const SECRET_SETTINGS: &[&str] = &["api_key", "username", "password", "secrets", "store"];
/// Characters of a line that are shown.
const LINE_CHARACTERS_MAX: usize = 160;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file, as its hub calls it.
    pub file: String,
    /// From 1; 0 when the fault is the whole file's.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The line itself, without what may be secret.
    pub text: String,
    /// What is wrong.
    pub what: String,
    /// How to mend it; empty when that is said already.
    pub mend: String,
}

impl Fault {
    /// A fault of a whole file.
    pub fn of_file(file: &str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            text: String::new(),
            what: what.into(),
            mend: mend.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.what)?;
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what)?;
            if !self.text.is_empty() {
                let gutter = self.line.to_string();
                let (space, before) = (" ".repeat(gutter.len()), " ".repeat(self.column - 1));
                write!(f, "\n  {gutter} | {}\n  {space} | {before}^", self.text)?;
            }
        }
        if !self.mend.is_empty() {
            write!(f, "\n  mend it: {}", self.mend)?;
        }
        Ok(())
    }
}

/// A text whose places can be named.
#[derive(Clone, Debug)]
pub struct SourceText {
    file: String,
    text: String,
}

impl SourceText {
    /// The text of `file`.
    pub fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned() }
    }

    /// The whole of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A fault at `span`, which is in bytes of the text.
    pub fn fault(&self, span: &Range<usize>, what: impl Into<String>, mend: impl Into<String>) -> Fault {
        let at = (0..=span.start.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at));
        let before = &self.text[..at.unwrap_or(0)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        Fault {
            file: self.file.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            text: shown(line),
            what: what.into(),
            mend: mend.into(),
        }
    }
}

/// The line as it may be shown: tabs as spaces, so that the mark stands below its place, and no secret.
fn shown(line: &str) -> String {
    let setting = line.trim_start().split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next();
    // An address with a user or a query in it may have a password in it, whatever its setting is called.
    if setting.is_some_and(|name| SECRET_SETTINGS.contains(&name))
        || line.contains("://") && line.contains(['@', '?'])
    {
        return String::new();
    }
    let plain = line.replace('\t', " ");
    match plain.char_indices().nth(LINE_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, at: usize, want: &str) {
        assert_eq!(SourceText::new("a.toml", text).fault(&(at..at), "wrong", "right").to_string(), want);
    }

    #[test]
    fn a_fault_shows_its_line_and_marks_its_place() {
        check("x = 1", 0, "a.toml:1:1: wrong\n  1 | x = 1\n    | ^\n  mend it: right");
        check("x = 1\n\ty = 2\n", 7, "a.toml:2:2: wrong\n  2 |  y = 2\n    |  ^\n  mend it: right");
        check("שם = 1", 5, "a.toml:1:4: wrong\n  1 | שם = 1\n    |    ^\n  mend it: right");
        check("x", 99, "a.toml:1:2: wrong\n  1 | x\n    |  ^\n  mend it: right");
    }

    #[test]
    fn a_line_that_may_hold_a_secret_is_not_shown() {
        for line in [
            "api_key = \"k-123\"",
            "  password=\"k-123\"",
            "base_url = \"https://u:k-123@h\"",
            "base_url = \"https://h/?key=k-123\"",
            "store = \"postgres://u:k-123@h/d\"",
        ] {
            let shown = SourceText::new("a.toml", line).fault(&(0..1), "wrong", "").to_string();
            assert!(!shown.contains("k-123"), "{shown}");
        }
    }
}

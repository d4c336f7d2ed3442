//! What the commands print, and where: results on standard output, words for people beside `--json` on standard error.
//!
//! The only file that prints.

use crate::config::Fault;
use crate::error::HubError;
use serde::Serialize;
use serde_json::json;
use std::io::{IsTerminal, Write};

/// How terminals are told to change the colour of what follows.
const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const PLAIN: &str = "\u{1b}[0m";

/// Where a command's words go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Results as JSON, or for people.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether results are JSON.
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Whether somebody looks at standard error as it happens.
    pub fn shows_progress(self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// A result for people; nothing when results are JSON.
    pub fn text(self, text: &str) {
        if !self.json {
            write(&mut std::io::stdout().lock(), text);
        }
    }

    /// A result as JSON; nothing when results are for people.
    pub fn json(self, value: &impl Serialize) {
        if self.json
            && let Ok(line) = serde_json::to_string(value)
        {
            write(&mut std::io::stdout().lock(), &line);
        }
    }

    /// A text that is the same in either form: a page, a completion.
    pub fn raw(self, text: &str) {
        write(&mut std::io::stdout().lock(), text);
    }

    /// Words beside the result.
    pub fn note(self, text: &str) {
        write(&mut std::io::stderr().lock(), text);
    }

    /// A fault of a file beside the result, in colours where somebody looks at standard error.
    pub fn fault(self, fault: &Fault) {
        let is_coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        self.note(&format!("{}\n", painted(&fault.to_string(), is_coloured)));
    }

    /// A failure as one JSON document; nothing when results are for people.
    pub fn failure_document(self, error: &HubError) {
        self.json(&json!({
            "error": error.chain(),
            "hint": error.hint_text(),
            "faults": error.faults,
            "exit": error.exit().code(),
        }));
    }

    /// A failure, once: for people as a chain with a hint, as JSON as one document.
    pub fn failure(self, error: &HubError) {
        self.failure_document(error);
        for fault in &error.faults {
            self.fault(fault);
        }
        self.note(&format!("error: {}", error.chain()));
        if let Some(hint) = error.hint_text() {
            self.note(&format!("hint: {hint}"));
        }
    }
}

/// What is wrong in bold, the mark under its place in red.
fn painted(fault: &str, is_coloured: bool) -> String {
    if !is_coloured {
        return fault.to_owned();
    }
    let lines = fault.lines().enumerate().map(|(at, line)| match line.strip_suffix('^') {
        Some(before) if at > 0 => format!("{before}{RED}^{PLAIN}"),
        _ if at == 0 => format!("{BOLD}{line}{PLAIN}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A reader that went away (`gesher runs | head`) is no fault of the hub's.
fn write(out: &mut impl Write, text: &str) {
    let ended = if text.ends_with('\n') { "" } else { "\n" };
    drop(
        out.write_all(text.as_bytes())
            .and_then(|()| out.write_all(ended.as_bytes()))
            .and_then(|()| out.flush()),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_coloured_only_where_somebody_looks() {
        let fault = "a.rhai:1:3: wrong\n  1 | x ^ y\n    |   ^\n  mend it: so";
        assert_eq!(painted(fault, false), fault);
        let want =
            "\u{1b}[1ma.rhai:1:3: wrong\u{1b}[0m\n  1 | x ^ y\n    |   \u{1b}[1;31m^\u{1b}[0m\n  mend it: so";
        assert_eq!(painted(fault, true), want);
    }
}

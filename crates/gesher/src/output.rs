//! What the commands print, and where: results on standard output, words for people beside `--json` on standard error.
//!
//! The only file that prints.

use crate::error::HubError;
use serde::Serialize;
use serde_json::json;
use std::io::{IsTerminal, Write};

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
            self.note(&format!("{fault}\n"));
        }
        self.note(&format!("error: {}", error.chain()));
        if let Some(hint) = error.hint_text() {
            self.note(&format!("hint: {hint}"));
        }
    }
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

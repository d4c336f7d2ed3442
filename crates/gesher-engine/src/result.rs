//! The result of a run whose rows have ended, for its own `on_finish`: what stands in the file that people get of it, so
//! that a script can pass it on, by mail for one.
//!
//! It may become another later, when a look-up or a person settles one of the rows. So asking for it is a step, and what was
//! made is kept beside the run: after an interruption the script gets the same bytes, or the item goes no further. What is in
//! it, and where it is kept, is the business of whoever reads the run's rows.

use crate::context::{CallEnd, CallFault, ItemContext};
use crate::error::EngineError;
use crate::messages;
use crate::status::Ended;
use gesher_core::{Rejection, Text};
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

/// The name of the step.
const RUN_RESULT: &str = "run.result";
/// Size of a result that a script gets, in bytes. A larger one is refused: requests and texts of scripts end at twice that,
/// and what is sent is written with marks around quotes and ends of lines.
pub const RESULT_BYTES_MAX: usize = 512 << 10;

/// A result as a script gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultText {
    /// What its file is called.
    pub name: String,
    /// What is in it, to the byte.
    pub text: String,
    /// SHA-256 of that, hexadecimal.
    pub sha256: String,
}

/// Makes and keeps the result of one run. Blocks; called on a thread made for an item, never on a runtime's.
pub trait RunResult: Send + Sync {
    /// Made of what is known now, and kept, durably, in the place of an earlier one. None where it is larger than `bytes_max`.
    fn make(&self, bytes_max: usize) -> io::Result<Option<ResultText>>;

    /// The one that was kept, if it is there.
    fn kept(&self) -> io::Result<Option<ResultText>>;
}

impl ItemContext {
    /// The result of the item's run, as a step: the same again after an interruption. Refused to any item but the
    /// `on_finish` of a file, and where it is larger than [`RESULT_BYTES_MAX`].
    pub fn run_result(&self) -> Result<ResultText, CallEnd> {
        let Some(source) = self.result.get() else { return Err(self.refused_outright(no_result())) };
        let mut made = None;
        let seen = self.observed(RUN_RESULT, "", || {
            made = source.make(RESULT_BYTES_MAX).map_err(|error| self.not_made(error))?;
            Ok(made.as_ref().map_or(Value::Null, |made| json!({ "name": made.name, "sha256": made.sha256 })))
        })?;
        let sha256 = seen.get("sha256").and_then(Value::as_str);
        match (made, sha256) {
            (Some(made), _) => Ok(made),
            (None, Some(sha256)) => self.result_again(source, sha256),
            (None, None) => Err(self.refused_outright(too_large())),
        }
    }

    /// The result that was given before an interruption.
    fn result_again(&self, source: &Arc<dyn RunResult>, sha256: &str) -> Result<ResultText, CallEnd> {
        let is_it = |found: &ResultText| found.sha256 == sha256;
        let kept = source.kept().map_err(|error| self.failed(self.not_made(error)))?;
        if let Some(kept) = kept.filter(is_it) {
            return Ok(kept);
        }
        // Somebody took it away. Where no row was settled since, it is made of the same again.
        let made = source.make(RESULT_BYTES_MAX).map_err(|error| self.failed(self.not_made(error)))?;
        made.filter(is_it).ok_or_else(|| {
            let subject = self.item().to_string();
            self.engine().alarm("diverged", &subject, &messages::result_is_another(self.item()));
            self.end(Ended::Diverged)
        })
    }

    fn not_made(&self, source: io::Error) -> CallFault {
        CallFault::Failed(EngineError::Result { run: self.item().run.clone(), source })
    }
}

fn no_result() -> Rejection {
    Rejection::new(
        "no_result",
        Text::new(
            "קובץ תוצאות יש רק ב־on_finish של ריצה על קובץ",
            "only on_finish of a run over a file has a result file",
        ),
    )
}

fn too_large() -> Rejection {
    Rejection::new(
        "result_too_large",
        Text::new(
            format!(
                "קובץ התוצאות גדול מ־{RESULT_BYTES_MAX} בתים, ולכן אינו יכול להישלח מתסריט; הוא נמצא בתיקייה done כרגיל"
            ),
            format!(
                "the result file is larger than {RESULT_BYTES_MAX} bytes, so a script cannot pass it on; it lies in done as always"
            ),
        ),
    )
}

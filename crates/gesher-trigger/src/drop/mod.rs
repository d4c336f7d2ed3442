//! File drops: a folder that people and SFTP see, whose files become runs and whose rows become items.
//!
//! From the outside in: [`DropTrigger`] watches a folder (`watch`, `scan`, `trouble`), claims a file (`trigger`), takes it
//! through its life (`life`, `resume`, `decisions`, `approval`), leaves the reports (`leaving`, `report`, `late`) and writes them anew when a row was settled
//! later (`renew`). Everything about what a file *says* is pure:
//! bytes to text (`decode`), text to records (`reader`), the first record to columns (`header`), a record to a row
//! (`row`), all of it to a verdict (`validate`). What a row *does* is the engine's.

mod approval;
mod blocks;
mod book;
mod cells;
mod columns;
mod companions;
mod config;
mod control;
mod decisions;
mod decode;
mod fault;
mod files;
mod folder;
mod format;
mod handing;
mod header;
mod late;
mod leaving;
mod leftover;
mod life;
mod messages;
mod pattern;
mod reader;
mod renew;
mod report;
mod resume;
mod row;
mod scan;
mod source;
mod trigger;
mod trouble;
mod validate;
mod watch;

pub use crate::error::TriggerError;
pub use book::BookKind;
pub use config::{DropConfig, FolderConflict, RowKey, RowRules, SETTLE_DEFAULT, conflict};
pub use decode::{Encoding, EncodingChoice};
pub use fault::Fault;
pub use files::RunFiles;
pub use folder::{DropFolder, FolderError, Place, RESERVED_FOLDERS};
pub use format::{Format, Separator, records_of};
pub use header::Header;
pub use life::{FileEnd, FileOutcome};
pub use pattern::{matches as name_matches, overlap as patterns_overlap};
pub use renew::{Renewed, Reports};
pub use report::ResultFiles;
pub use scan::is_temporary_name;
pub use trigger::DropTrigger;
pub use validate::{NotValid, Refusal, Validation, validate};

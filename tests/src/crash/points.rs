//! The failpoints, and at which passing of each the matrix kills.
//!
//! The hub's sources hold the points; a test compares the two lists.

/// A passing of a failpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The name, as in the sources.
    pub name: &'static str,
    /// Which passing: the first file of a case is refused whole, the second has the rows, the third
    /// has one row, and the fourth is the third again.
    pub nth: u64,
    /// What has happened by then, and what has not.
    pub when: &'static str,
}

const fn at(name: &'static str, nth: u64, when: &'static str) -> Point {
    Point { name, nth, when }
}

/// Every passing that the matrix kills at, in the order in which a file comes by them.
pub const POINTS: &[Point] = &[
    at("run.before", 2, "a file was found; nothing of it is written down"),
    at("run.begun", 2, "the run is in the journal"),
    at("claim.journalled", 2, "the run is in the journal, the file still in the folder"),
    at("rename.unsynced", 1, "the refused file was renamed into the work folder; no folder is synced"),
    at("rename.unsynced", 2, "the refused file was renamed into `failed`; no folder is synced"),
    at("rename.unsynced", 3, "the file was renamed into the work folder; no folder is synced"),
    at("rename.unsynced", 4, "the file was renamed into `done`; no folder is synced"),
    at("claim.renamed", 2, "the file is in the work folder"),
    at(
        "refusal.told",
        1,
        "a refused file's message is in the journal, the list of its faults is not written",
    ),
    at("report.written", 1, "the list of faults is written under another name"),
    at("file.identified", 1, "the file is validated and known to be new; its rows are not begun"),
    at("rows.before", 1, "the run is running; no row is claimed"),
    at("rows.claimed", 1, "the rows are claimed; nothing was sent"),
    at("intent.before", 4, "a row's turn has come; its intent is not written"),
    at("intent.committed", 3, "an intent is committed, and not in the intent log"),
    at("log.half", 3, "an intent is committed, and half of its line in the intent log"),
    at("intent.logged", 3, "an intent is committed and in the intent log; its caller was not told"),
    at("send.begun", 4, "connected; no byte has left"),
    at("send.half", 4, "half of the request has left"),
    at("answer.received", 4, "the answer is whole; nothing of it is written"),
    at("outcome.before", 4, "the outcome is known; it is not written"),
    at("outcome.committed", 4, "the outcome is durable; the script does not know it"),
    at("item.ended", 4, "a row has ended; its end is handed over and perhaps not durable"),
    at("report.before", 1, "every row has ended; no report is begun"),
    at("report.written", 2, "the result is written under another name"),
    at("report.renamed", 2, "the result has its name; its folder is not synced"),
    at("report.written", 3, "the result is there, the rows to try again are written under another name"),
    at("report.renamed", 4, "all reports are there; the file is not moved"),
    at("file.moved", 1, "the file lies with its reports; the run is not finished"),
    at("run.finishing", 1, "the same, a moment later"),
    at("run.finished", 1, "the run is finished"),
    at("duplicate.told", 1, "a file's bytes were run before; it is not moved"),
    at("rename.unsynced", 8, "such a file was renamed into `duplicate`; no folder is synced"),
];

/// The points around a file that waits for a person, and around the files that come with one. Their test is that of
/// drops.
pub const DROP_POINTS: [&str; 6] =
    ["claim.along", "held.told", "held.moved", "approval.read", "approval.running", "reject.told"];

/// The points around what flows keep and whom they start. Their test is that of calls.
pub const CALL_POINTS: [&str; 3] = ["store.before", "store.written", "start.begun"];

/// The points of a change of the master key, in their order. No file comes by them, so they have a test of their own.
pub const ROTATION_POINTS: [&str; 4] = ["rotate.begun", "rotate.resealed", "rotate.kept", "rotate.unsynced"];

/// The names that the sources of the hub's crates hold.
pub fn in_sources() -> Vec<String> {
    let mut names = crate::crash::mutants::named_in_sources("failpoint!(");
    names.sort();
    names.dedup();
    names
}

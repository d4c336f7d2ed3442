//! What is said of sources to people.

use gesher_core::{RunId, Text};

/// The kind of the alarm about an event that is not what it was.
pub(super) const CHANGED: &str = "event_changed";

/// What is said of a source that has failed for a while.
pub(super) fn failed(source: &str, failures: u32, why: &str) -> String {
    format!(
        "{source} failed {failures} times in a row: {why}. Nothing is lost: it is asked again from the same place"
    )
}

/// What is said of a flow that has more to do than its source is asked for.
pub(super) fn full(source: &str, many: u64) -> String {
    format!(
        "{many} of them wait to be worked on, so {source} is asked for no more until fewer do. Nothing is lost: what is not asked \
         for stays where it is. Look whether the flow is halted, or let it work on more at a time with `concurrency`"
    )
}

/// An event came again as something else.
pub(super) fn changed(source: &str, id: &str, run: &RunId) -> Text {
    Text::new(
        format!(
            "האירוע {id} של {source} הגיע שוב עם תוכן אחר מזה שבהרצה {run}; לא הופעל דבר. מזהה של אירוע מציין אירוע אחד לתמיד, ויש \
             לברר מדוע התוכן השתנה"
        ),
        format!(
            "the event {id} of {source} came again with other data than in run {run}, and nothing was begun for it. An id names \
             one event for ever: find out why it changed"
        ),
    )
}

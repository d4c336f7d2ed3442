//! What is said of sources to people.

use super::pace::FAILURES_TOLD;
use gesher_core::{RunId, Text};

/// The kind of the alarm about an event that is not what it was.
pub(super) const CHANGED: &str = "event_changed";

/// What is said of a source that has failed for a while.
pub(super) fn failed(source: &str, why: &str) -> String {
    format!(
        "{source} failed {FAILURES_TOLD} times in a row: {why}. Nothing is lost: it is asked again from the same place"
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

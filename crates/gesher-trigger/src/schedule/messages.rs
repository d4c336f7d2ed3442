//! What is said of ticks to people.

use super::ticks::Tick;
use gesher_core::{RunId, Text};

/// A tick was missed and waits.
pub(super) fn held(tick: &Tick) -> Text {
    let name = tick.name();
    Text::new(
        format!(
            "המועד {name} חלף כשהמערכת לא פעלה, ולכן ההרצה ממתינה; לא נשלח דבר. יש לאשר אותה (gesher approve) או לדחות אותה \
             (gesher reject)"
        ),
        format!(
            "the tick of {name} was missed, so its run waits, and nothing was sent. Approve it (gesher approve) or reject it \
             (gesher reject)"
        ),
    )
}

/// A tick was left out because another is at work.
pub(super) fn overlaps(tick: &Tick, other: &RunId) -> Text {
    let name = tick.name();
    Text::new(
        format!("המועד {name} הגיע כשהרצה {other} של אותו תהליך עוד פעלה, ולכן לא הופעל; לא נשלח דבר"),
        format!(
            "the tick of {name} came while run {other} of the same flow was at work, so it was left out; nothing was sent"
        ),
    )
}

//! What is said of ticks to people.

use super::rules::{Cut, HELD_MAX};
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

/// These runs of missed ticks wait for a person, and perhaps there were more before them that are left out.
pub(super) fn wait(runs: &[String], is_cut: bool) -> Text {
    let names = runs.join(" ");
    let (he_many, en_many) = match runs.len() {
        1 => ("מועד אחד חלף והוא ממתין".to_owned(), "1 tick was missed and waits".to_owned()),
        many => (format!("{many} מועדים חלפו והם ממתינים"), format!("{many} ticks were missed and wait")),
    };
    let (he_cut, en_cut) = match is_cut {
        true => (
            format!("; לפני {HELD_MAX} אלה היו עוד, והם לא הופעלו"),
            format!("; there were more before these {HELD_MAX}, which are left out"),
        ),
        false => Default::default(),
    };
    Text::new(
        format!(
            "{he_many} להחלטה של אדם{he_cut}: `gesher approve RUN` או `gesher reject RUN` לכל אחד מאלה: {names}"
        ),
        format!(
            "{en_many} for a person{en_cut}: `gesher approve RUN` or `gesher reject RUN` for each of {names}"
        ),
    )
}

/// A tick was missed, and no missed tick of its schedule runs.
pub(super) fn dropped(tick: &Tick) -> Text {
    let name = tick.name();
    Text::new(
        format!(
            "המועד {name} חלף כשהמערכת לא פעלה, ולפי ההגדרה (missed) לא הופעל; לא נשלח דבר. אפשר להפעיל אותו ידנית (gesher run \
             --at)"
        ),
        format!(
            "the tick of {name} was missed, and by the rule for missed ticks it was left out; nothing was sent. It can be run by \
             hand (gesher run --at)"
        ),
    )
}

/// A tick was missed, and a later one that was missed as well runs alone.
pub(super) fn superseded(tick: &Tick, latest: &Tick) -> Text {
    let (name, latest) = (tick.name(), latest.name());
    Text::new(
        format!(
            "המועד {name} חלף כשהמערכת לא פעלה, ולפי ההגדרה (missed) הופעל רק המועד האחרון, {latest}; לא נשלח דבר. אפשר להפעיל \
             אותו ידנית (gesher run --at)"
        ),
        format!(
            "the tick of {name} was missed, and by the rule for missed ticks only the latest runs, {latest}; nothing was sent. It \
             can be run by hand (gesher run --at)"
        ),
    )
}

/// More ticks were missed than have a run each: this stands for the older ones.
pub(super) fn cut(cut: &Cut) -> Text {
    let (first, last) = (cut.first.name(), cut.last.name());
    Text::new(
        format!(
            "המועדים מ-{first} עד {last}, ועד בכלל, חלפו כשהמערכת לא פעלה. רק ל-{HELD_MAX} המועדים שאחריהם יש הרצה לכל אחד, ולכן \
             אלה לא הופעלו; לא נשלח דבר. אפשר להפעיל כל אחד מהם ידנית (gesher run --at)"
        ),
        format!(
            "the ticks from {first} to {last}, both included, were missed. Only the {HELD_MAX} after them have a run each, so \
             these were left out; nothing was sent. Each can be run by hand (gesher run --at)"
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

//! The trigger's own words about runs, in both languages.

use super::validate::Refusal;
use gesher_core::{Language, RunId, Text};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A file that was refused whole: the first reason, and how many more there are.
pub(super) fn refused(refusal: &Refusal, language: Language) -> String {
    let Some(first) = refusal.faults.first() else { return String::new() };
    let more = refusal.faults.len() as u64 - 1 + refusal.more;
    let words = first.sentence(language);
    match language {
        Language::He => {
            let line = first.line.map(|line| format!("שורה {line}, ")).unwrap_or_default();
            let rest = match more {
                0 => String::new(),
                1 => " (ועוד שגיאה אחת)".to_owned(),
                more => format!(" (ועוד {more} שגיאות)"),
            };
            format!("הקובץ נדחה ולא נשלח ממנו דבר: {line}{words}{rest}")
        }
        Language::En => {
            let line = first.line.map(|line| format!("line {line}, ")).unwrap_or_default();
            let rest = match more {
                0 => String::new(),
                1 => " (and one more fault)".to_owned(),
                more => format!(" (and {more} more faults)"),
            };
            format!("the file was refused and nothing of it was sent: {line}{words}{rest}")
        }
    }
}

/// The same content was run before.
pub(super) fn duplicate(name: &str, run: &RunId, at: Timestamp, zone: &TimeZone, is_over: bool) -> Text {
    let when = at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    let (he, en) = if is_over {
        ("", "")
    } else {
        (", והיא עדיין לא הסתיימה", ", which is not over yet")
    };
    Text::new(
        format!("אותו תוכן בדיוק כבר נקלט ב־{when} בקובץ {name} (הרצה {run}{he}); לא נשלח דבר"),
        format!("exactly this content was taken on {when} as {name} (run {run}{en}); nothing was sent"),
    )
}

/// The file was gone before the hub had it.
pub(super) fn vanished() -> Text {
    Text::new(
        "הקובץ הוצא מהתיקייה לפני שנקלט; לא נשלח ממנו דבר",
        "the file left the folder before it was taken; nothing of it was sent",
    )
}

/// The file could not be moved.
pub(super) fn not_taken(reason: &str) -> Text {
    Text::new(
        format!(
            "לא ניתן להעביר את הקובץ לתיקיית העבודה, ולכן לא נקלט ({reason}); יש לבדוק את ההרשאות של התיקייה ושל הקובץ"
        ),
        format!(
            "the file could not be moved into the work folder and was not taken ({reason}); check the permissions"
        ),
    )
}

/// Rows were set aside because the file changed.
pub(super) fn late(rest: &str) -> Text {
    Text::new(
        format!("הקובץ השתנה אחרי הבדיקה; השורות שטרם נקלטו הועברו אל {rest} ולא נשלחו"),
        format!(
            "the file changed after it was validated; the rows not yet taken are in {rest} and were not sent"
        ),
    )
}

/// The same, where rows that were taken may be among them.
pub(super) fn late_may_repeat(rest: &str, result: &str) -> Text {
    Text::new(
        format!(
            "הקובץ השתנה אחרי הבדיקה. בקובץ {rest} נמצאות השורות שטרם נקלטו, אבל ייתכן שיש בו גם שורות שכבר חויבו; לפני \
             שמגישים אותו שוב יש להשוות את השורות ואת המפתחות שבו לקובץ {result} (העמודה gesher_line היא מספר השורה בקובץ \
             המקורי)"
        ),
        format!(
            "the file changed after it was validated. {rest} holds the rows not yet taken, but may repeat rows that were \
             charged; compare gesher_line and the keys with {result} before dropping it"
        ),
    )
}

/// The file changed, and nothing is left to set aside.
pub(super) fn changed_after_taking(result: &str) -> Text {
    Text::new(
        format!(
            "הקובץ השתנה אחרי שכל השורות שלו נקלטו; מה עלה בגורל כל שורה כתוב בקובץ {result}, ומה ששונה בקובץ או נוסף לו \
             לא נשלח"
        ),
        format!(
            "the file changed after all its rows had been taken; what became of each is in {result}, and what was changed \
             or added was not sent"
        ),
    )
}

/// A row that was claimed and can be read no more.
pub(super) fn row_changed() -> Text {
    Text::new(
        "לא נשלח: הקובץ השתנה בזמן שהמערכת לא פעלה, לפני שהשורה התחילה",
        "not sent: the file changed while the hub was down, before this row had begun",
    )
}

/// A row that was claimed and never came to a worker, although the file is what it was.
pub(super) fn not_begun() -> Text {
    Text::new(
        "לא נשלח: הטיפול בשורה נקטע לפני שהתחיל; אפשר להגיש אותה שוב",
        "not sent: the hub was interrupted before this row had begun; it may be tried again",
    )
}

/// A run that cannot go on by itself.
pub(super) fn stuck(file_changed: bool) -> Text {
    if file_changed {
        Text::new(
            "הקובץ השתנה בזמן שהמערכת לא פעלה, ויש שורות שהחלו ואי אפשר לסיים; נדרשת בדיקה של אדם",
            "the file changed while the hub was down, and some rows had begun that cannot be finished; a person has to \
             look",
        )
    } else {
        Text::new(
            "יש שורות שהחלו ולא הסתיימו; נדרשת בדיקה של אדם, וההרצה תמשיך מהן בהפעלה הבאה",
            "some rows had begun and did not end; a person has to look, and the next start goes on with them",
        )
    }
}

/// A workbook with more than one sheet that holds something.
pub(super) fn other_sheets(names: &str) -> Text {
    Text::new(
        format!("נקלט רק הגיליון הראשון של חוברת העבודה; בגיליונות הבאים יש נתונים שלא נקלטו: {names}"),
        format!("only the first sheet of the workbook is taken; these others hold something too: {names}"),
    )
}

/// A file whose total is above what its flow may run unasked.
pub(super) fn held(total: &str, most: &str, run: &RunId) -> Text {
    Text::new(
        format!(
            "ממתין לאישור: סכום השורות התקינות הוא {total}, יותר מ־{most} (approve_above); לא נשלח דבר. לאישור: gesher \
             approve {run}, לדחייה: gesher reject {run}"
        ),
        format!(
            "waits for approval: its valid rows come to {total}, above {most} (approve_above); nothing was sent. To let it \
             begin: `gesher approve {run}`; to give it up: `gesher reject {run}`"
        ),
    )
}

/// The file of a held run is not where held files lie.
pub(super) fn held_file_gone(path: &str) -> Text {
    Text::new(
        format!("הקובץ אינו נמצא עוד ב־{path}; יש להחזיר אותו לשם"),
        format!("the file is gone from {path}; put it back there"),
    )
}

/// The folder that a run was begun in is not there.
pub(super) fn folder_gone(folder: &str) -> Text {
    Text::new(
        format!(
            "התיקייה {folder}, שבה נקלט הקובץ, אינה קיימת עוד; לא נשלח דבר נוסף. כדי שההרצה תמשיך יש להחזיר את התיקייה \
             למקומה ולהפעיל את המערכת מחדש"
        ),
        format!(
            "the folder {folder}, in which the file was taken, is not there any more; nothing more was sent. To let the \
             run go on, put the folder back and start the hub again"
        ),
    )
}

/// The file of a run is not there.
pub(super) fn file_gone(path: &str, run: &RunId) -> Text {
    Text::new(
        format!(
            "הקובץ של ההרצה אינו נמצא עוד ב־{path}; לא נשלח דבר נוסף. כדי שההרצה תמשיך יש להחזיר אותו לשם ולהפעיל את \
             המערכת מחדש; אפשר גם לוותר על השאר בפקודה gesher cancel {run}"
        ),
        format!(
            "the file of the run is gone from {path}; nothing more was sent. To let the run go on, put it back there and \
             start the hub again; or give the rest up with `gesher cancel {run}`"
        ),
    )
}

/// What a run was held back for is over.
pub(super) fn went_on() -> Text {
    Text::new("ההרצה נעצרה לזמן מה, ואחר כך המשיכה", "the run was held back for a while, and then went on")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::fault;

    fn check(more: u64, he: &str, en: &str) {
        let refusal = Refusal { faults: vec![fault::empty_file()], more };
        assert_eq!(refused(&refusal, Language::He), format!("הקובץ נדחה ולא נשלח ממנו דבר: הקובץ ריק{he}"));
        let want = format!("the file was refused and nothing of it was sent: the file is empty{en}");
        assert_eq!(refused(&refusal, Language::En), want);
    }

    #[test]
    fn one_more_fault_is_not_counted_as_many() {
        check(0, "", "");
        check(1, " (ועוד שגיאה אחת)", " (and one more fault)");
        check(2, " (ועוד 2 שגיאות)", " (and 2 more faults)");
    }
}

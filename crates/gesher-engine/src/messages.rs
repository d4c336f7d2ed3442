//! The engine's own words, about items and about calls that it answers itself. Which of them apply is decided elsewhere.

use crate::limits::LIMIT;
use crate::originals::{EXHAUSTED, UNREAD};
use crate::program::ProgramEnd;
use crate::status::EffectStep;
use crate::vendors::{BUSINESS_TAKEN, VENDOR_KNOWN};
use gesher_core::limits::PERMIT_WAIT_SECONDS_MAX;
use gesher_core::{ItemEnd, ItemId, ItemStatus, Language, Outcome, OutcomeStatus, RunId, StepId, Text};
use gesher_journal::{Holder, ItemState, StepRecord, StoredOutcome};
use jiff::tz::TimeZone;

/// Codes of calls that the engine itself answers.
pub(crate) const NO_TURN: &str = "no_turn";
pub(crate) const ACCOUNT_PAUSED: &str = "account_paused";
pub(crate) const KEY_REUSED: &str = "key_reused";
pub(crate) const KEY_IN_FLIGHT: &str = "key_in_flight";
/// The code of a row or call that is not sent because its key belongs to a step that nobody knows the end of.
pub const KEY_OPEN: &str = "key_open";
pub(crate) const SUBJECT_LOCKED: &str = "subject_locked";
pub(crate) const JOURNAL_IN_TROUBLE: &str = "journal_in_trouble";
pub(crate) const HALTED: &str = "halted";
/// Those that say nothing of the key: such a call did not come to it, or was refused for another reason.
pub(crate) const BEFORE_THE_KEY: &[&str] = &[
    NO_TURN,
    ACCOUNT_PAUSED,
    SUBJECT_LOCKED,
    HALTED,
    LIMIT,
    EXHAUSTED,
    UNREAD,
    VENDOR_KNOWN,
    BUSINESS_TAKEN,
];

/// What nobody here can know.
pub(crate) fn unknown() -> Text {
    Text::new(
        "איננו יודעים אם הפעולה בוצעה. אין לחזור עליה.",
        "We do not know whether this was done. Do not repeat it.",
    )
}

/// The row's key is spent or held: where, when, how much, and in which state.
pub(crate) fn duplicate(language: Language, zone: &TimeZone, run: &RunId, holder: &Holder) -> ItemEnd {
    let when = holder.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    let amount = holder.amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string());
    let (line, state, name) = (holder.line, holder.state.as_str(), &holder.name);
    let same_file = holder.item.run == *run;
    let (he_place, en_place) = if holder.is_call {
        (format!("בקריאה {}", holder.item.run), format!("by the call {}", holder.item.run))
    } else if same_file {
        (format!("בשורה {line} של אותו קובץ"), format!("in line {line} of this same file"))
    } else {
        (
            format!("בקובץ {name}, שורה {line}, הרצה {}", holder.item.run),
            format!("in file {name}, line {line}, run {}", holder.item.run),
        )
    };
    let (he_state, en_state) = match holder.state {
        ItemState::Ended(ItemStatus::Unknown) => (
            "איננו יודעים אם חויבה; אין לחזור עליה".to_owned(),
            "we do not know whether it was charged; do not repeat it".to_owned(),
        ),
        ItemState::Queued => ("ממתינה לביצוע".to_owned(), "it is waiting or under way".to_owned()),
        ItemState::Ended(_) => (format!("במצב {state}"), format!("it is {state}")),
    };
    let text = Text::new(
        format!("המפתח הזה כבר נקלט {he_place}, ב־{when}, סכום {amount}, {he_state}; לא נשלח דבר"),
        format!("this key was taken {en_place}, on {when}, amount {amount}; {en_state}; nothing was sent"),
    );
    let is_open = holder.state == ItemState::Ended(ItemStatus::Unknown);
    let code = if is_open { KEY_OPEN } else { "duplicate" };
    ItemEnd { amount: None, ..ItemEnd::new(ItemStatus::Duplicate, code, text.get(language)) }
}

/// The same key with other cells in one file.
pub(crate) fn key_conflict(language: Language, holder: &Holder) -> ItemEnd {
    let text = Text::new(
        format!(
            "אותו מפתח מופיע בשורה {} עם נתונים אחרים; יש לתקן אחת מהן. השורה הזאת לא נשלחה",
            holder.line
        ),
        format!(
            "the same key stands in line {} with other values; mend one of them. This row was not sent",
            holder.line
        ),
    );
    ItemEnd::new(ItemStatus::Invalid, "key_conflict", text.get(language))
}

/// The program panicked: a fault of the hub.
pub(crate) fn panicked(language: Language) -> ProgramEnd {
    let text = Text::new(
        "תקלה פנימית בהרצת התסריט; השורה לא הושלמה",
        "an internal fault while running the script; the row was not completed",
    );
    ProgramEnd::Threw { code: "internal".to_owned(), message: text.get(language).to_owned() }
}

/// An outcome as a step of its item.
pub(crate) fn effect_of(outcome: &StoredOutcome) -> EffectStep {
    EffectStep {
        operation: String::new(),
        status: outcome.status,
        key_taken: false,
        reference: outcome.reference.clone(),
        document: outcome.document.clone(),
        code: outcome.code.clone(),
        message: outcome.message.clone(),
        amount: outcome.amount,
    }
}

pub(crate) fn no_turn() -> Outcome {
    Outcome::new(
        OutcomeStatus::NotSent,
        NO_TURN,
        Text::new(
            format!("לא נשלח: לא הגיע תור אצל הספק בתוך {PERMIT_WAIT_SECONDS_MAX} שניות"),
            format!("not sent: no turn at the provider within {PERMIT_WAIT_SECONDS_MAX} seconds"),
        ),
    )
}

/// The alarm about an item that did something else than before an interruption.
pub(crate) fn diverged_alarm(step: &StepId) -> Text {
    Text::new(
        format!(
            "אחרי הפסקה התסריט ביקש בצעד {step} משהו אחר ממה שנרשם; לא נשלח דבר נוסף, ונדרשת החלטה של אדם"
        ),
        format!(
            "after an interruption the script asked for something else at step {step} than was recorded; nothing more was \
             sent, and a person has to decide"
        ),
    )
}

/// The alarm about an item that cannot come to where it was before an interruption.
pub(crate) fn broke_off(item: &ItemId, why: &Text) -> Text {
    Text::new(
        format!(
            "השורה {item} נקטעה באמצע, ופעולה שלה נכשלת בדרך אל מה שכבר נעשה: {}. לא נעשה דבר נוסף; המערכת מנסה שוב \
             מדי פעם, ואפשר לבטל את ההרצה (gesher cancel {})",
            why.he, item.run
        ),
        format!(
            "item {item} was interrupted, and an operation of it fails on the way to what it had done: {}. Nothing more is \
             done; it is tried again from time to time, and the run can be given up (gesher cancel {})",
            why.en, item.run
        ),
    )
}

/// The alarm about a run whose result was passed on, or was about to be, and is another now.
pub(crate) fn result_is_another(item: &ItemId) -> Text {
    let run = &item.run;
    Text::new(
        format!("אחרי הפסקה קובץ התוצאות של הריצה {run} אינו מה שהיה; לא נשלח דבר נוסף, ונדרשת החלטה של אדם"),
        format!(
            "after an interruption the result of run {run} is not what it was; nothing more was sent, and a person has to \
             decide"
        ),
    )
}

/// The alarm about keys that a provider refuses.
pub(crate) fn account_refused(name: &str) -> Text {
    Text::new(
        format!("הספק דוחה את המפתחות של {name}; לא נשלח בהם דבר עד שיוחלפו (gesher doctor)"),
        format!(
            "the provider refuses the keys of {name}; nothing more is sent with them until they are changed (gesher doctor)"
        ),
    )
}

/// The alarm about a server that nobody vouches for. `why` is what the call was told.
pub(crate) fn certificate_refused(host: &str, why: &Text) -> Text {
    Text::new(
        format!(
            "האישור של {host} נדחה, ולכן לא נשלח אליו דבר: {}. יש לבדוק את האישור, את שעון המחשב ומי עומד בדרך; \
             הודעה נוספת תישלח רק בעוד שעה",
            why.get(Language::He)
        ),
        format!(
            "the certificate of {host} is refused, so nothing is sent to it: {}. Look at the certificate, at this \
             machine's clock and at who stands in between; you are told again in an hour at the earliest",
            why.get(Language::En)
        ),
    )
}

pub(crate) fn account_paused(name: &str) -> Outcome {
    Outcome::new(
        OutcomeStatus::NotSent,
        ACCOUNT_PAUSED,
        Text::new(
            format!("לא נשלח: הספק סירב למפתחות של {name}; יש לתקן אותם, להפעיל מחדש ולהכניס את השורה שוב"),
            format!(
                "not sent: the provider refused the keys of {name}; mend them, restart, and drop the row again"
            ),
        ),
    )
}

/// The journal failed between an intent and its sending.
pub(crate) fn journal_in_trouble() -> Outcome {
    Outcome::new(
        OutcomeStatus::NotSent,
        JOURNAL_IN_TROUBLE,
        Text::new(
            "לא נשלח: היומן לא היה זמין לפני השליחה; אפשר להגיש את השורה שוב",
            "not sent: the journal was in trouble before it was this call's turn; the row may be dropped again",
        ),
    )
}

/// The run halted at an unknown answer while the item was at work.
pub(crate) fn run_halted(run: &RunId) -> Outcome {
    Outcome::new(
        OutcomeStatus::NotSent,
        HALTED,
        Text::new(
            format!("לא נשלח: ההרצה {run} נעצרה בגלל תשובה שאיננו יודעים את תוצאתה; אפשר להגיש את השורה שוב"),
            format!("not sent: run {run} halted at an unknown answer; the row may be dropped again"),
        ),
    )
}

/// Another operation on the same subject is open. `place` is the file and the line of its row.
pub(crate) fn subject_locked(open: &StepRecord, place: Option<(&str, u64)>) -> Outcome {
    let (id, operation) = (&open.id, &open.operation);
    let (he_place, en_place) = match place {
        Some((name, line)) => {
            (format!(", קובץ {name}, שורה {line}"), format!(" of file {name}, line {line}"))
        }
        None => (String::new(), String::new()),
    };
    let how = format!(
        "gesher unknown reconcile, gesher unknown resolve {id} --charged REF | --not-charged --reason TEXT"
    );
    Outcome::new(
        OutcomeStatus::NotSent,
        SUBJECT_LOCKED,
        Text::new(
            format!(
                "לא נשלח: איננו יודעים אם {operation} קודמת לאותו לקוח בוצעה (צעד {id}{he_place}). יש לברר אותה תחילה ({how}), או לשחרר את הנעילה: gesher unknown unlock {id} --reason TEXT"
            ),
            format!(
                "not sent: we do not know whether an earlier {operation} for the same customer was done (step {id}{en_place}). Settle that one first ({how}), or lift its lock: gesher unknown unlock {id} --reason TEXT"
            ),
        ),
    )
}

pub(crate) fn interrupted() -> Outcome {
    Outcome::new(OutcomeStatus::Unknown, "interrupted", unknown())
}

pub(crate) fn key_reused(operation: &str, step: &StepRecord) -> Outcome {
    Outcome::new(
        OutcomeStatus::Rejected,
        KEY_REUSED,
        Text::new(
            format!("המפתח כבר שימש בבקשה אחרת ({} בצעד {}); לא נשלח דבר", operation, step.id),
            format!(
                "the key was spent on another request ({} in step {}); nothing was sent",
                operation, step.id
            ),
        ),
    )
}

pub(crate) fn key_in_flight(operation: &str, step: &StepRecord) -> Outcome {
    Outcome::new(
        OutcomeStatus::NotSent,
        KEY_IN_FLIGHT,
        Text::new(
            format!("{} עם אותו מפתח נמצאת כרגע בביצוע (צעד {}); לא נשלח דבר", operation, step.id),
            format!("{} with the same key is under way in step {}; nothing was sent", operation, step.id),
        ),
    )
}

pub(crate) fn key_open(operation: &str, step: &StepRecord) -> Outcome {
    Outcome::new(
        OutcomeStatus::NotSent,
        KEY_OPEN,
        Text::new(
            format!(
                "איננו יודעים אם {} עם אותו מפתח כבר בוצעה (צעד {}). אין לחזור עליה; לא נשלח דבר",
                operation, step.id
            ),
            format!(
                "we do not know whether {} with the same key was done already (step {}). Do not repeat it; nothing was sent",
                operation, step.id
            ),
        ),
    )
}

pub(crate) fn not_sealed(error: &gesher_vault::VaultError) -> Text {
    Text::new(
        format!("הפעולה בוצעה אצל הספק, אבל המפתחות שהתקבלו לא נשמרו בכספת: {error}. נדרש טיפול של אדם"),
        format!(
            "it was done at the provider, but the keys that came with it could not be sealed: {error}. A person has to finish it"
        ),
    )
}

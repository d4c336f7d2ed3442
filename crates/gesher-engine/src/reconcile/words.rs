//! What is said about a step that was settled, or could not be, in the words of a careful bank clerk. Which of it is true is
//! decided elsewhere.

use gesher_core::{StepId, Text};
use gesher_journal::{VendorRefusal, VendorState};

/// What was left undone when the step became unknown, since an unknown step ends its item.
fn rest_not_done() -> Text {
    Text::new(
        "התסריט נעצר בצעד הזה, ומה שהיה אמור לבוא אחריו לא בוצע",
        "The script stopped at this step; whatever was to follow it was not done",
    )
}

/// Joins sentences, in each language by itself.
fn sentences(first: &Text, second: &Text) -> Text {
    Text::new(format!("{}. {}", first.he, second.he), format!("{}. {}", first.en, second.en))
}

/// The alarm: money may have moved more than once.
pub(super) fn conflict_alarm(step: &StepId, references: &[String]) -> Text {
    let list = references.join(", ");
    Text::new(
        format!(
            "ייתכן שהצעד {step} בוצע יותר מפעם אחת אצל הספק ({list}); נדרשת החלטה של אדם (gesher unknown list)"
        ),
        format!(
            "step {step} may have been done more than once at the provider ({list}); a person has to decide \
             (gesher unknown list)"
        ),
    )
}

/// The provider's records have it, once.
pub(super) fn found(when: &str, reference: &str, words: &Text) -> Text {
    let (he, en) = match words.is_empty() {
        true => (String::new(), String::new()),
        false => (format!(": {}", words.he), format!(": {}", words.en)),
    };
    let found = Text::new(
        format!("בבירור אצל הספק ב־{when}, אסמכתה {reference}{he}"),
        format!("looked up at the provider on {when}, reference {reference}{en}"),
    );
    sentences(&found, &rest_not_done())
}

/// The provider's records have something else than one that fits.
pub(super) fn conflict(when: &str, references: &[String]) -> Text {
    let (count, list) = (references.len(), references.join(", "));
    match count {
        1 => Text::new(
            format!(
                "בבירור אצל הספק ב־{when} נמצא רישום שאינו תואם את מה שהתבקש (אסמכתה {list}). אין לחזור על הפעולה; נדרשת \
                 החלטה של אדם"
            ),
            format!(
                "looked up at the provider on {when}: a record is there that is not what was asked for (reference \
                 {list}). Do not repeat it; a person has to decide"
            ),
        ),
        _ => Text::new(
            format!(
                "בבירור אצל הספק ב־{when} נמצאו {count} רישומים מתאימים (אסמכתאות {list}): ייתכן שבוצע יותר מפעם אחת. אין \
                 לחזור על הפעולה; נדרשת החלטה של אדם"
            ),
            format!(
                "looked up at the provider on {when}: {count} records fit (references {list}), so it may have been done \
                 more than once. Do not repeat it; a person has to decide"
            ),
        ),
    }
}

/// Whether money is meant, for the verb.
fn done(is_money: bool) -> Text {
    if is_money { Text::new("חויב", "it was charged") } else { Text::new("בוצע", "it was done") }
}

fn not_done(is_money: bool) -> Text {
    if is_money {
        Text::new("לא חויב", "it was not charged")
    } else {
        Text::new("לא בוצע", "it was not done")
    }
}

/// A person says that it was done.
pub(super) fn charged(is_money: bool, actor: &str, when: &str, reference: &str, reason: &str) -> Text {
    let done = done(is_money);
    let said = Text::new(
        format!("{actor} קבע ב־{when}: {}, אסמכתה {reference}. נימוק: {reason}", done.he),
        format!("settled by {actor} on {when}: {}, reference {reference}. Reason: {reason}", done.en),
    );
    sentences(&said, &rest_not_done())
}

/// A person says that it was not done.
pub(super) fn not_charged(is_money: bool, actor: &str, when: &str, reason: &str) -> Text {
    let not_done = not_done(is_money);
    let said = Text::new(
        format!("{actor} קבע ב־{when}: {}. נימוק: {reason}", not_done.he),
        format!("settled by {actor} on {when}: {}. Reason: {reason}", not_done.en),
    );
    sentences(&said, &Text::new("אפשר להגיש את השורה שוב", "The row may be dropped again"))
}

pub(super) fn no_reason() -> Text {
    Text::new("נדרש נימוק: מה נבדק, ואיפה", "a reason is needed: what was checked, and where")
}

pub(super) fn bad_reference() -> Text {
    Text::new(
        "אסמכתה היא המספר שהספק נתן: בלי רווחים, עד 100 תווים, ולא מספר כרטיס",
        "a reference is the id that the provider gave it: no spaces, at most 100 characters, and no card number",
    )
}

pub(super) fn taken_reference(step: &StepId, reference: &str) -> Text {
    Text::new(
        format!("האסמכתה {reference} היא כבר של צעד אחר, ולכן אינה יכולה להיות של {step}"),
        format!("the reference {reference} is another step's already, so it cannot be that of {step}"),
    )
}

pub(super) fn in_flight(step: &StepId) -> Text {
    Text::new(
        format!("הצעד {step} נמצא בביצוע ברגע זה; עוד אין מה לקבוע"),
        format!("step {step} is under way at this moment; there is nothing to settle yet"),
    )
}

pub(super) fn not_open(step: &StepId, state: &str) -> Text {
    Text::new(
        format!("הצעד {step} אינו פתוח: מצבו {state}, והוא אינו משתנה עוד"),
        format!("step {step} is not open: it is {state}, and that does not change any more"),
    )
}

pub(super) fn at_work(step: &StepId) -> Text {
    Text::new(
        format!(
            "ההרצה של הצעד {step} עוד לא הסתיימה; יש לנסות שוב כשתסתיים. אם אף מערכת אינה פועלת, gesher serve ממשיכה אותה"
        ),
        format!(
            "the run of step {step} is not over; try again when it is. If no hub is running, `gesher serve` goes on with it"
        ),
    )
}

pub(super) fn too_early(is_money: bool, minutes: i64, when: &str) -> Text {
    let not_done = not_done(is_money);
    Text::new(
        format!(
            "עוד מוקדם לקבוע ש{}: מה שנשלח יכול להגיע לספק גם באיחור. אפשר לקבוע זאת {minutes} דקות אחרי השליחה, החל \
             מ־{when}",
            not_done.he
        ),
        format!(
            "it is too early to say that {}: what was sent may reach the provider late. It can be said {minutes} \
             minutes after it was sent, from {when} on",
            not_done.en
        ),
    )
}

pub(super) fn other_account(step_account: &str, account: &str) -> Text {
    Text::new(
        format!("הצעד נשלח מהחשבון {step_account}, והמפתחות שבכספת הם עכשיו של {account}; לא נשאל דבר"),
        format!("the step was sent as {step_account}, and the keys are {account}'s now; nothing was asked"),
    )
}

pub(super) fn account_paused(account: &str) -> Text {
    Text::new(
        format!("הספק סירב למפתחות של {account}; לא נשאל דבר"),
        format!("the provider refused the keys of {account}; nothing was asked"),
    )
}

pub(super) fn no_turn() -> Text {
    Text::new("לא הגיע תור אצל הספק; לא נשאל דבר", "no turn at the provider came; nothing was asked")
}

pub(super) fn no_answer(seconds: u64) -> Text {
    Text::new(
        format!("הספק לא ענה במלואו בתוך {seconds} שניות; דבר לא השתנה"),
        format!("the provider did not answer in full within {seconds} seconds; nothing was changed"),
    )
}

/// A person knows the account that an opening came to, and brought its keys.
pub(super) fn opened(actor: &str, when: &str, account: &str, reason: &str) -> Text {
    let said = Text::new(
        format!("{actor} קבע ב־{when}: נפתח הארגון {account}, ומפתחותיו נשמרו בכספת. נימוק: {reason}"),
        format!(
            "settled by {actor} on {when}: organisation {account} was opened, and its keys are in the vault. Reason: {reason}"
        ),
    );
    sentences(&said, &rest_not_done())
}

/// An opening that was done is closed with the keys that it brought, or nobody could ever use it.
pub(super) fn keys_are_missing(vendor: &str) -> Text {
    let how = format!("gesher vendors set-keys {vendor} --company-id N");
    Text::new(
        format!("אם הארגון נפתח, יש לשמור את מפתחותיו עם {how}; כך נסגר גם הצעד הזה"),
        format!("if the organisation was opened, store its keys with {how}; that settles this step too"),
    )
}

/// Why a vendor cannot be what it was said to be.
#[must_use]
pub fn vendor(vendor: &str, why: &VendorRefusal) -> Text {
    match why {
        VendorRefusal::Missing => {
            Text::new(format!("אין ספק בשם {vendor}"), format!("there is no vendor {vendor}"))
        }
        VendorRefusal::Opening(step) => Text::new(
            format!("לא ידוע אם נפתח ארגון לספק {vendor} (צעד {step}): יש לברר זאת תחילה"),
            format!(
                "it is not known whether an organisation was opened for {vendor} (step {step}): settle that first"
            ),
        ),
        VendorRefusal::OtherAccount(account) => Text::new(
            format!(
                "לספק {vendor} יש ארגון אחר, {account}, שכבר נעשו בו פעולות; לארגון אחר יש לבחור שם ספק אחר"
            ),
            format!(
                "the vendor {vendor} has another organisation, {account}, with which something was done already; give another organisation another handle"
            ),
        ),
        VendorRefusal::OtherBusiness(business) => Text::new(
            format!("הספק {vendor} רשום על עסק אחר, {business}"),
            format!("the vendor {vendor} is that of another business, {business}"),
        ),
        VendorRefusal::AccountTaken { account, of } => Text::new(
            format!("הארגון {account} שייך כבר לספק {of}, ולא יכול להיות גם של {vendor}"),
            format!(
                "the organisation {account} is that of the vendor {of} already, and cannot be {vendor}'s too"
            ),
        ),
        VendorRefusal::BusinessTaken { business, of } => Text::new(
            format!("העסק {business} שייך כבר לספק {of}; לעסק אחד יש ספק אחד, ולכן לא נשמר עבור {vendor}"),
            format!(
                "the business {business} is that of the vendor {of} already; one business has one vendor, so it cannot be {vendor}'s too"
            ),
        ),
        VendorRefusal::State { from, to } => state(vendor, *from, *to),
        VendorRefusal::Unsettled(step) => Text::new(
            format!("לא ידוע אם הבקשה הקודמת למסוף של {vendor} נמסרה (צעד {step}): יש לברר זאת תחילה"),
            format!(
                "it is not known whether {vendor}'s earlier request for a terminal arrived (step {step}): settle that first"
            ),
        ),
    }
}

fn state(vendor: &str, from: VendorState, to: VendorState) -> Text {
    let (he, en) = match (from, to) {
        (VendorState::Opening, _) => ("הארגון שלו עוד לא נפתח", "its organisation is not open yet"),
        (_, VendorState::Refused) => ("לא התבקש עבורו מסוף", "no terminal was asked for"),
        _ => ("אפשר לקבוע רק live או refused", "only live and refused can be said of a vendor"),
    };
    Text::new(
        format!("הספק {vendor} במצב {from}, ואי אפשר לקבוע שהוא {to}: {he}"),
        format!("the vendor {vendor} is {from} and cannot be called {to}: {en}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &Text, he: &[&str], en: &[&str]) {
        assert!(he.iter().all(|part| text.he.contains(part)), "{}", text.he);
        assert!(en.iter().all(|part| text.en.contains(part)), "{}", text.en);
    }

    #[test]
    fn what_was_settled_says_by_whom_and_what_was_left_undone() {
        let words = Text::verbatim("approved");
        check(
            &found("2026-03-01", "77", &words),
            &["77", "approved", "לא בוצע"],
            &["77: approved. The", "not done"],
        );
        check(&found("2026-03-01", "77", &Text::default()), &["אסמכתה 77. "], &["reference 77. The script"]);
        let charged = charged(true, "dana", "2026-03-01", "77", "seen in the account");
        check(
            &charged,
            &["dana", "חויב", "77"],
            &["dana", "it was charged, reference 77", "seen in", "not done"],
        );
        let not_charged = not_charged(true, "dana", "2026-03-01", "not in the account");
        check(&not_charged, &["לא חויב", "שוב"], &["it was not charged", "dropped again"]);
        assert!(!not_charged.en.contains("was not done"));
    }

    #[test]
    fn a_conflict_names_every_record_and_forbids_to_repeat() {
        let references = |count: usize| (1..=count).map(|number| number.to_string()).collect::<Vec<_>>();
        check(
            &conflict("now", &references(2)),
            &["1, 2", "אין לחזור"],
            &["2 records", "1, 2", "Do not repeat"],
        );
        check(&conflict("now", &references(1)), &["אין לחזור"], &["not what was asked for", "Do not repeat"]);
    }
}

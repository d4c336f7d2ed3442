//! What people are told about an outcome, in Hebrew and English: what happened, and what to do about it.
//!
//! The provider's own words are kept behind ours. Codes travel beside a message and are not translated.

use gesher_core::{Money, Text};

/// Puts the provider's own words behind ours.
pub(crate) fn with_words(text: Text, words: &str) -> Text {
    let words = words.trim().replace("\r\n", "; ");
    if words.is_empty() {
        return text;
    }
    Text::new(
        format!("{} (תשובת OfficeGuy: {words})", text.he),
        format!("{} (OfficeGuy said: {words})", text.en),
    )
}

/// The card company's no, by its code.
pub(crate) fn declined(code: &str) -> Text {
    match code {
        "004" => Text::new(
            "חברת האשראי סירבה לעסקה (004). הכרטיס לא חויב; יש לבקש מהלקוח כרטיס אחר או לברר מול חברת האשראי",
            "The card company refused the charge (004). Nothing was charged; ask the customer for another card",
        ),
        "015" => Text::new(
            "תוקף הכרטיס פג (015). הכרטיס לא חויב; יש לבקש מהלקוח פרטי כרטיס מעודכנים",
            "The card has expired (015). Nothing was charged; ask the customer for a valid card",
        ),
        "OG_25" => Text::new(
            "מספר הכרטיס אינו תקין (OG_25). הכרטיס לא חויב; יש לקלוט את הכרטיס מחדש",
            "The card number is not valid (OG_25). Nothing was charged; take the card's details again",
        ),
        "OG_20" => Text::new(
            "OfficeGuy חסמה עסקה חוזרת בפרק זמן קצר (OG_20). הכרטיס לא חויב; יש לבדוק אם זו עסקה כפולה",
            "OfficeGuy blocked a repeat within a short time (OG_20). Nothing was charged; check whether it is a duplicate",
        ),
        "Upay_30001419" => Text::new(
            "הסכום נמוך מהמינימום של חברת הסליקה (Upay_30001419). הכרטיס לא חויב",
            "The amount is below the clearing company's minimum (Upay_30001419). Nothing was charged",
        ),
        upay if upay.starts_with("Upay_") => Text::new(
            format!("חברת הסליקה Upay סירבה לעסקה ({upay}). הכרטיס לא חויב; יש לברר מול Upay"),
            format!("The clearing company Upay refused the charge ({upay}). Nothing was charged; ask Upay"),
        ),
        other => Text::new(
            format!("העסקה סורבה ({other}). הכרטיס לא חויב"),
            format!("The charge was declined ({other}). Nothing was charged"),
        ),
    }
}

/// The card company's no to a refund, by its code.
pub(crate) fn refund_declined(code: &str) -> Text {
    Text::new(
        format!("ההחזר סורב ({code}). דבר לא הוחזר; יש לברר מול חברת הסליקה לפני ניסיון נוסף"),
        format!(
            "The refund was declined ({code}). Nothing was given back; ask the clearing company before another try"
        ),
    )
}

/// The same words about a refund, where they speak of a charge that nobody knows about.
pub(crate) fn of_refund(text: &Text) -> Text {
    let charge = unknown_charge();
    Text::new(
        text.he.replacen(&charge.he, "לא ידוע אם ההחזר בוצע. אין לחזור עליו", 1),
        text.en.replacen(&charge.en, "We do not know whether this was refunded. Do not repeat it", 1),
    )
}

/// What was charged or given back, by the provider's own record.
pub(crate) fn charged(sum: Money, document: Option<&str>) -> Text {
    let is_back = sum.amount.is_sign_negative();
    let (he, en) = if is_back { ("הוחזר ", "Refunded ") } else { ("חויב ", "Charged ") };
    let sum = Money { amount: sum.amount.abs(), ..sum }.to_string();
    match document {
        Some(number) => {
            Text::new([he, &sum, ", מסמך ", number].concat(), [en, &sum, ", document ", number].concat())
        }
        None => Text::new([he, &sum, ", עדיין ללא מסמך"].concat(), [en, &sum, ", no document yet"].concat()),
    }
}

/// A charge whose sum cannot be read.
pub(crate) fn charged_somehow() -> Text {
    Text::new("חויב סכום שאינו קריא", "Charged a sum that cannot be read")
}

/// The card company's no to a hold, by its code.
pub(crate) fn hold_declined(code: &str) -> Text {
    Text::new(
        format!("תפיסת המסגרת סורבה ({code}). דבר לא נתפס ודבר לא חויב; יש לבקש מהלקוח כרטיס אחר"),
        format!(
            "The hold was declined ({code}). Nothing is held and nothing was charged; ask the customer for another card"
        ),
    )
}

/// What is held, and by which authorisation.
pub(crate) fn held(sum: &str, auth: &str) -> Text {
    Text::new(
        format!("נתפסה מסגרת של {sum}, אישור {auth}; הכסף עדיין לא נגבה"),
        format!("{sum} is held, authorisation {auth}; no money was taken yet"),
    )
}

/// A hold that came back as a payment.
pub(crate) fn charged_not_held(payment: i64) -> Text {
    Text::new(
        format!(
            "התבקשה תפיסת מסגרת, ו־OfficeGuy מדווחת על תשלום {payment}: ייתכן שהכסף נגבה. יש לבדוק לפני כל פעולה נוספת"
        ),
        format!(
            "A hold was asked for, and OfficeGuy reports payment {payment}: money may have been taken. Check before anything else"
        ),
    )
}

/// What will be charged again and again, though not today.
pub(crate) fn agreed(ids: &str) -> Text {
    Text::new(
        format!("נקבע חיוב חוזר {ids}; החיוב הראשון יהיה במועד שנקבע"),
        format!("Agreed on recurring charges {ids}; the first is on its own day"),
    )
}

/// What was charged now, and will be again.
pub(crate) fn charged_and_agreed(sum: Money, ids: &str) -> Text {
    Text::new(format!("חויב {sum}, ונקבע חיוב חוזר {ids}"), format!("Charged {sum}; recurring charges {ids}"))
}

/// The first charge was refused, and more of them were agreed on all the same.
pub(crate) fn agreed_but_declined(ids: &str, code: &str) -> Text {
    Text::new(
        format!(
            "החיוב הראשון סורב ({code}), אבל נקבע חיוב חוזר {ids}, ו־OfficeGuy עשויה לנסות שוב בעצמה; יש לבטל אותו או להשאיר אותו"
        ),
        format!(
            "the first charge was declined ({code}), but recurring charges {ids} were agreed on, and OfficeGuy may try again by itself; end them or leave them"
        ),
    )
}

/// Which document was made, by the provider's own record.
pub(crate) fn document_made(number: Option<&str>) -> Text {
    let (he, en) = match number {
        Some(number) => (format!("הופק מסמך {number}"), format!("Made document {number}")),
        None => ("הופקה טיוטת מסמך".to_owned(), "Made a draft".to_owned()),
    };
    Text::new(he, en)
}

/// Nobody knows whether money moved.
pub(crate) fn unknown_charge() -> Text {
    Text::new(
        "לא ידוע אם החיוב בוצע. אין לחזור עליו",
        "We do not know whether this was charged. Do not repeat it",
    )
}

/// Nobody knows whether a change was made.
pub(crate) fn unknown_change() -> Text {
    Text::new(
        "לא ידוע אם הפעולה בוצעה. אין לחזור עליה",
        "We do not know whether this was done. Do not repeat it",
    )
}

/// Adds why to a message.
pub(crate) fn because(text: Text, reason: Text) -> Text {
    Text::new(format!("{}: {}", text.he, reason.he), format!("{}: {}", text.en, reason.en))
}

/// Nothing left this machine.
pub(crate) fn not_sent() -> Text {
    Text::new("הבקשה לא נשלחה ודבר לא חויב", "The request was not sent and nothing was charged")
}

/// An answer that is not the provider's.
pub(crate) fn unreadable() -> Text {
    Text::new("התקבלה תשובה שאינה מובנת", "an answer came that cannot be understood")
}

/// An HTTP status instead of an answer.
pub(crate) fn http_status(status: u16) -> Text {
    Text::new(format!("השרת ענה בקוד HTTP {status}"), format!("the server answered HTTP {status}"))
}

/// The credentials were refused.
pub(crate) fn credentials() -> Text {
    Text::new(
        "OfficeGuy דחתה את מפתחות הארגון. החשבון מושהה עד לתיקון המפתחות, כדי שהכתובת לא תיחסם",
        "OfficeGuy refused the organisation's keys. The account is paused until they are mended, so that it is not blocked",
    )
}

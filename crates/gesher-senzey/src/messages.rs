//! What people are told about an outcome, in Hebrew and English: what happened, and what to do about it.
//!
//! The provider's own words are kept behind ours. Codes travel beside a message and are not translated.

use gesher_core::Text;
use serde_json::{Value, json};

/// The field of what is noted for a look-up under which a person finds what to look for.
pub(crate) const LOOK_FOR: &str = "look_for";

/// Notes what a person should look for, should the outcome be unknown.
pub(crate) fn note(look_for: &Text) -> Value {
    json!({ LOOK_FOR: { "he": look_for.he, "en": look_for.en } })
}

/// What was noted.
pub(crate) fn looked_for(noted: &Value) -> Text {
    noted.get(LOOK_FOR).and_then(|text| serde_json::from_value(text.clone()).ok()).unwrap_or_default()
}

/// Nobody knows whether it was done: Senzey cannot be asked, so a person has to look.
pub(crate) fn unknown(look_for: &Text) -> Text {
    Text::new(
        format!("לא ידוע אם הפעולה בוצעה. אין לחזור עליה; {}", look_for.he),
        format!("We do not know whether this was done. Do not repeat it; {}", look_for.en),
    )
}

/// Puts the provider's own words behind ours.
pub(crate) fn with_words(text: Text, words: &str) -> Text {
    let words = words.trim().replace("\r\n", "; ").replace('\n', "; ");
    Text::new(format!("{} (תשובת Senzey: {words})", text.he), format!("{} (Senzey said: {words})", text.en))
}

/// Adds why to a message.
pub(crate) fn because(text: Text, reason: Text) -> Text {
    Text::new(format!("{}: {}", text.he, reason.he), format!("{}: {}", text.en, reason.en))
}

/// Nothing left this machine.
pub(crate) fn not_sent() -> Text {
    Text::new("הבקשה לא נשלחה ודבר לא נעשה", "The request was not sent and nothing was done")
}

/// An answer that is not the provider's, or not whole.
pub(crate) fn unreadable() -> Text {
    Text::new("התקבלה תשובה שאינה מובנת", "an answer came that cannot be understood")
}

/// JSON that does not say that it is JSON.
pub(crate) fn calls_itself_a_page() -> Text {
    Text::new(
        "התשובה היא JSON אך סוג התוכן שלה אחר; אם כך החשבון עונה תמיד, יש לרשום answers = \"any\" תחת [senzey]",
        "it is JSON and says that it is something else; if the account always answers so, write answers = \"any\" in [senzey]",
    )
}

/// An HTTP status instead of an answer.
pub(crate) fn http_status(status: u16) -> Text {
    Text::new(format!("השרת ענה בקוד HTTP {status}"), format!("the server answered HTTP {status}"))
}

/// The provider's own no.
pub(crate) fn refused() -> Text {
    Text::new("Senzey דחתה את הבקשה ולא עשתה דבר", "Senzey refused the request and did nothing")
}

/// The credentials were refused.
pub(crate) fn credentials() -> Text {
    Text::new(
        "Senzey דחתה את שם המשתמש או הסיסמה. החשבון מושהה עד לתיקונם",
        "Senzey refused the user name or the password. The account is paused until they are mended",
    )
}

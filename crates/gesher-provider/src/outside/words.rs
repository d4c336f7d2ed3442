//! What is said of requests to the outside world, for whoever writes scripts and for whoever reads results.

use super::origin::UrlFault;
use gesher_core::names::nearest;
use gesher_core::{Rejection, Text};

pub(super) fn wrong(at: &str, expected: Text) -> Rejection {
    let text = Text::new(format!("\u{2068}{at}\u{2069}: {}", expected.he), format!("{at}: {}", expected.en));
    Rejection::new("wrong_type", text)
}

pub(super) fn unknown_field(name: &str, known: &[&str]) -> Rejection {
    let near = nearest(name, known.iter().copied());
    let (he, en) = near
        .map(|near| (format!("; אולי {near}?"), format!("; did you mean {near}?")))
        .unwrap_or_else(|| (String::new(), format!("; there are {}", known.join(", "))));
    let text = Text::new(format!("אין אפשרות בשם {name}{he}"), format!("there is no option {name}{en}"));
    Rejection::new("unknown_field", text)
}

pub(super) fn bad_url(fault: &UrlFault) -> Rejection {
    Rejection::new("bad_url", Text::new(format!("הכתובת אינה תקינה: {fault}"), format!("url: {fault}")))
}

pub(super) fn card_number() -> Rejection {
    Rejection::new(
        "card_number",
        Text::new(
            "בבקשה יש מספר כרטיס אשראי, ומספרים כאלה אינם נשלחים; יש להשתמש באסימון (token) של הכרטיס",
            "the request holds a card number, and those are never sent; use the card's token",
        ),
    )
}

pub(super) fn a_text() -> Text {
    Text::new("נדרש טקסט", "a text belongs here")
}

pub(super) fn a_map() -> Text {
    Text::new("נדרשת מפה, ‎#{ … }‎", "a map belongs here, #{ … }")
}

pub(super) fn one_body() -> Text {
    Text::new(
        "לבקשה יש לכל היותר גוף אחד (json, form או text), ול־get ול־head אין גוף",
        "a request has one body at most (json, form or text), and get and head have none",
    )
}

pub(super) fn a_header() -> Text {
    Text::new(
        "זה אינו יכול להיות header: רק אותיות ASCII, בשורה אחת",
        "this cannot be a header: ASCII on one line",
    )
}

pub(super) fn not_yours() -> Text {
    Text::new("ה־header הזה נקבע על ידי המערכת בלבד", "only the hub itself sets this header")
}

pub(super) fn seconds(most: u64) -> Text {
    Text::new(
        format!("נדרש מספר שניות שלם, מ־1 עד {most}"),
        format!("a whole number of seconds belongs here, from 1 to {most}"),
    )
}

pub(super) fn too_many(most: usize) -> Text {
    Text::new(format!("יותר מ־{most}"), format!("there are more than {most}"))
}

pub(super) fn a_secret() -> Text {
    Text::new("סוד נכתב secret(\"שם\")", "a secret is written secret(\"name\")")
}

pub(super) fn forbidden(shown: &str, range: &str) -> Text {
    Text::new(
        format!(
            "\u{2068}{shown}\u{2069}: הכתובת של השרת אינה כתובת ציבורית ברשת ({range}), ולכן לא נשלח דבר"
        ),
        format!("{shown}: the host's address is not of the internet ({range}), so nothing was sent"),
    )
}

pub(super) fn not_sent(shown: &str, why: &Text) -> Text {
    Text::new(
        format!("\u{2068}{shown}\u{2069} לא נשלח: {}", why.he),
        format!("{shown} was not sent: {}", why.en),
    )
}

pub(super) fn not_read(shown: &str, why: &Text) -> Text {
    Text::new(
        format!("\u{2068}{shown}\u{2069} לא נענה: {}", why.he),
        format!("{shown} was not answered: {}", why.en),
    )
}

pub(super) fn unknown(shown: &str, why: &Text) -> Text {
    Text::new(
        format!(
            "לא ידוע אם \u{2068}{shown}\u{2069} בוצע: {}. אין לשלוח שוב לפני בדיקה אצל מי שמפעיל את השרת",
            why.he
        ),
        format!(
            "It is not known whether {shown} was carried out: {}. Do not send it again before asking whoever runs the host",
            why.en
        ),
    )
}

pub(super) fn answered(shown: &str, status: u16) -> Text {
    Text::new(
        format!("\u{2068}{shown}\u{2069} נענה ב־{status}"),
        format!("{shown} was answered with {status}"),
    )
}

pub(super) fn status(status: u16) -> Text {
    Text::new(format!("התשובה הייתה {status}"), format!("the answer was {status}"))
}

pub(super) fn no_secret(name: &str) -> Text {
    Text::new(
        format!("הסוד {name} אינו במערכת; יש לשמור אותו ב־gesher secrets set {name}"),
        format!("the secret {name} is not there; store it with `gesher secrets set {name}`"),
    )
}

pub(super) fn not_in_a_dry_run() -> Text {
    Text::new(
        "בהרצת ניסיון לא נשלח דבר, ואין איש שיודע מה השרת היה עונה",
        "a dry run sends nothing, and nobody knows what the host would answer",
    )
}

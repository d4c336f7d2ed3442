//! Phone numbers: one spelling for the many that people use, and what kind of number it is.
//!
//! Only the form is judged; whether anybody answers is not known. Numbers abroad are kept as they are.

use crate::digits::{are_digits, joined};
use crate::verdict::Verdict;
use gesher_core::key::clean_cell;

/// The country code of Israel.
const ISRAEL: &str = "972";
/// Fewest digits of a number abroad, with its country code.
const FOREIGN_DIGITS_MIN: usize = 8;
/// Most digits of a number abroad, by the numbering plan of the world.
const FOREIGN_DIGITS_MAX: usize = 15;

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneKind {
    /// 05x and seven digits.
    Mobile,
    /// 02, 03, 04, 08 or 09 and seven digits.
    Landline,
    /// 07x and seven digits: a number that belongs to no place.
    Voip,
    /// A business's own: 1-700, 1-800 and the like, or a star and digits.
    Special,
    /// In another country.
    Foreign,
    /// None of these.
    Other,
}

impl PhoneKind {
    /// The word that scripts see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Landline => "landline",
            Self::Voip => "voip",
            Self::Special => "special",
            Self::Foreign => "foreign",
            Self::Other => "other",
        }
    }
}

/// A phone number, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Valid for Israeli numbers that can be called from abroad, unknown for special and foreign ones. The value is the
    /// local form, `0501234567`; of a foreign number, `+` and its digits.
    pub verdict: Verdict,
    /// What kind.
    pub kind: PhoneKind,
}

impl Phone {
    /// `+972501234567`; of a special or broken number there is none.
    #[must_use]
    pub fn international(&self) -> Option<String> {
        match self.kind {
            PhoneKind::Mobile | PhoneKind::Landline | PhoneKind::Voip => {
                self.verdict.value.strip_prefix('0').map(|rest| format!("+{ISRAEL}{rest}"))
            }
            PhoneKind::Foreign => Some(self.verdict.value.clone()),
            PhoneKind::Special | PhoneKind::Other => None,
        }
    }
}

/// Reads a phone number as people write it: with spaces, hyphens, brackets and dots, with or without +972, and also
/// without the leading zero that a spreadsheet took away (then the message says so).
#[must_use]
pub fn check_phone(raw: &str) -> Phone {
    let text: String = joined(raw).chars().filter(|c| !matches!(c, '(' | ')' | '.' | '/')).collect();
    let abroad = text.strip_prefix('+').or_else(|| text.strip_prefix("00"));
    if let Some(digits) = abroad
        && are_digits(digits)
        && !digits.starts_with(ISRAEL)
    {
        return foreign(digits, raw);
    }
    let whole = abroad.unwrap_or(&text);
    let local = match whole.strip_prefix(ISRAEL) {
        Some(rest) if abroad.is_some() || whole.len() > 10 => format!("0{}", rest.trim_start_matches('0')),
        _ => text.clone(),
    };
    if is_special(&local) {
        let verdict = Verdict::unknown(
            local,
            "זהו מספר מיוחד של עסק; לא ניתן לשלוח אליו מסרון, ולא תמיד ניתן לחייג אליו מחו\"ל",
            "this is a business's special number; it takes no text messages, and not always calls from abroad",
        );
        return Phone { verdict, kind: PhoneKind::Special };
    }
    if let Some(kind) = kind_of(&local) {
        return Phone { verdict: Verdict::valid(local), kind };
    }
    let restored = format!("0{local}");
    if let Some(kind) = kind_of(&restored) {
        let verdict = Verdict::valid(restored).saying(
            "הושלם אפס בתחילת מספר הטלפון",
            "a zero was missing at the beginning of the phone number",
        );
        return Phone { verdict, kind };
    }
    broken(raw)
}

/// The kind of a number in its local form.
fn kind_of(local: &str) -> Option<PhoneKind> {
    if !are_digits(local) {
        return None;
    }
    match (local.as_bytes(), local.len()) {
        ([b'0', b'5', ..], 10) => Some(PhoneKind::Mobile),
        ([b'0', b'7', ..], 10) => Some(PhoneKind::Voip),
        ([b'0', b'2' | b'3' | b'4' | b'8' | b'9', ..], 9) => Some(PhoneKind::Landline),
        _ => None,
    }
}

fn is_special(local: &str) -> bool {
    let star = local.strip_prefix('*').is_some_and(|rest| are_digits(rest) && (3..=6).contains(&rest.len()));
    let free = ["1700", "1800", "1599", "1900", "1901", "1902", "1903"]
        .iter()
        .any(|prefix| local.strip_prefix(prefix).is_some_and(|rest| are_digits(rest) && rest.len() == 6));
    star || free
}

fn foreign(digits: &str, raw: &str) -> Phone {
    if !(FOREIGN_DIGITS_MIN..=FOREIGN_DIGITS_MAX).contains(&digits.len()) {
        return broken(raw);
    }
    let verdict = Verdict::unknown(
        format!("+{digits}"),
        "זהו מספר בחו\"ל, ואין כאן כלל לבדיקתו",
        "this is a number abroad; there is no rule for it here",
    );
    Phone { verdict, kind: PhoneKind::Foreign }
}

fn broken(raw: &str) -> Phone {
    let verdict = Verdict::invalid(
        clean_cell(raw),
        "אין זה מספר טלפון ישראלי: נייד הוא 05 ועוד שמונה ספרות, קווי הוא קידומת ועוד שבע",
        "this is no Israeli phone number: a mobile is 05 and eight digits, a landline its area code and seven",
    );
    Phone { verdict, kind: PhoneKind::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use proptest::prelude::*;

    fn check(raw: &str, status: Status, kind: PhoneKind, value: &str, international: Option<&str>) {
        let phone = check_phone(raw);
        assert_eq!((phone.verdict.status, phone.kind), (status, kind), "{raw}");
        assert_eq!(phone.verdict.value, value, "{raw}");
        assert_eq!(phone.international().as_deref(), international, "{raw}");
    }

    #[test]
    fn one_number_has_one_spelling() {
        for raw in [
            "0501234567",
            "050-1234567",
            "050-123-4567",
            "(050) 123.4567",
            "+972501234567",
            "+972-50-123-4567",
            "+972 (0)50 1234567",
            "00972501234567",
            "972501234567",
            "\u{200f}050\u{a0}1234567",
            "501234567",
        ] {
            check(raw, Status::Valid, PhoneKind::Mobile, "0501234567", Some("+972501234567"));
        }
    }

    #[test]
    fn the_beginning_tells_the_kind() {
        use PhoneKind::*;
        check("03-1234567", Status::Valid, Landline, "031234567", Some("+97231234567"));
        check("+972 2 123 4567", Status::Valid, Landline, "021234567", Some("+97221234567"));
        check("31234567", Status::Valid, Landline, "031234567", Some("+97231234567"));
        check("077-1234567", Status::Valid, Voip, "0771234567", Some("+972771234567"));
        check("1-700-123456", Status::Unknown, Special, "1700123456", None);
        check("*2345", Status::Unknown, Special, "*2345", None);
        check("+1 212 555 0100", Status::Unknown, Foreign, "+12125550100", Some("+12125550100"));
        check("0044 20 7946 0000", Status::Unknown, Foreign, "+442079460000", Some("+442079460000"));
    }

    #[test]
    fn what_is_no_phone_number_is_invalid() {
        for raw in [
            "",
            "050",
            "050123456",
            "05012345678",
            "01-1234567",
            "06-1234567",
            "+97250123456",
            "dana",
            "+12",
            "*",
            "٠٥٠١٢٣٤٥٦٧",
        ] {
            let phone = check_phone(raw);
            assert_eq!((phone.verdict.status, phone.kind), (Status::Invalid, PhoneKind::Other), "{raw}");
        }
    }

    #[test]
    fn a_zero_that_was_lost_is_said() {
        assert!(check_phone("0501234567").verdict.message.is_empty());
        assert!(check_phone("501234567").verdict.message.en.contains("zero"));
    }

    proptest! {
        #[test]
        fn what_was_normalised_stays_as_it_is(raw in "[+*0-9() -]{0,18}") {
            let phone = check_phone(&raw);
            if phone.verdict.status == Status::Valid {
                let again = check_phone(&phone.verdict.value);
                prop_assert_eq!(&again.verdict.value, &phone.verdict.value);
                prop_assert_eq!(check_phone(&phone.international().unwrap()).verdict.value, again.verdict.value);
            }
        }

        #[test]
        fn any_text_gets_an_answer(raw in ".{0,40}") {
            prop_assert_eq!(check_phone(&raw).kind == PhoneKind::Other, check_phone(&raw).verdict.status == Status::Invalid);
        }
    }
}

//! Identity numbers of people (teudat zehut) and numbers of companies and dealers: nine digits, the last of which
//! checks the others.

use crate::digits::{are_digits, check_digit_fits, joined, last};
use crate::verdict::Verdict;
use gesher_core::Text;

/// Digits of an identity or company number.
const DIGITS: usize = 9;
/// Shortest text with letters that may be a passport's number.
const PASSPORT_LENGTH_MIN: usize = 5;
/// Longest text with letters that may be a passport's number.
const PASSPORT_LENGTH_MAX: usize = 14;

/// An identity number. Leading zeros that a spreadsheet took away come back in [`Verdict::value`]. What has letters in
/// it may be a passport's number, which people write into the same cell: unknown.
#[must_use]
pub fn check_id(raw: &str) -> Verdict {
    let text = joined(raw);
    let length = text.chars().count();
    let like_a_passport = text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && (PASSPORT_LENGTH_MIN..=PASSPORT_LENGTH_MAX).contains(&length);
    if like_a_passport && !are_digits(&text) {
        return Verdict::unknown(
            text,
            "אין זה מספר זהות ישראלי; אם זה מספר דרכון, אין כלל שאפשר לבדוק לפיו",
            "this is no Israeli identity number; if it is a passport's, there is no rule to check it by",
        );
    }
    nine_digits(&text, "מספר הזהות", "identity number")
}

/// What the beginning of a company number says of its owner. It says nothing for certain: dealers use their own
/// identity number, and numbers are not refused by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompanyKind {
    /// 50: a body of the state.
    Government,
    /// 51 and 53: a private company.
    Company,
    /// 52: a public or an old company.
    PublicCompany,
    /// 54 and 55: a partnership.
    Partnership,
    /// 56: a foreign company.
    ForeignCompany,
    /// 57: a cooperative society.
    Cooperative,
    /// 58: an association (amuta).
    Association,
    /// Any other: a dealer under an identity number.
    Dealer,
}

impl CompanyKind {
    /// The kind of a number of nine digits.
    #[must_use]
    pub fn of(nine_digits: &str) -> Self {
        match nine_digits.get(..2) {
            Some("50") => Self::Government,
            Some("51" | "53") => Self::Company,
            Some("52") => Self::PublicCompany,
            Some("54" | "55") => Self::Partnership,
            Some("56") => Self::ForeignCompany,
            Some("57") => Self::Cooperative,
            Some("58") => Self::Association,
            _ => Self::Dealer,
        }
    }

    /// The word that scripts see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Government => "government",
            Self::Company => "company",
            Self::PublicCompany => "public_company",
            Self::Partnership => "partnership",
            Self::ForeignCompany => "foreign_company",
            Self::Cooperative => "cooperative",
            Self::Association => "association",
            Self::Dealer => "dealer",
        }
    }

    /// The same for people.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Government => Text::new("גוף ממשלתי", "a body of the state"),
            Self::Company => Text::new("חברה פרטית", "a private company"),
            Self::PublicCompany => Text::new("חברה ציבורית", "a public company"),
            Self::Partnership => Text::new("שותפות", "a partnership"),
            Self::ForeignCompany => Text::new("חברה זרה", "a foreign company"),
            Self::Cooperative => Text::new("אגודה שיתופית", "a cooperative society"),
            Self::Association => Text::new("עמותה", "an association"),
            Self::Dealer => Text::new("עוסק", "a dealer"),
        }
    }
}

/// The number of a company, an association or a dealer. Its beginning is not judged.
#[must_use]
pub fn check_company(raw: &str) -> Verdict {
    nine_digits(&joined(raw), "מספר החברה או העוסק", "company or dealer number")
}

fn nine_digits(text: &str, he: &str, en: &str) -> Verdict {
    if text.is_empty() {
        return Verdict::invalid("", format!("{he} חסר"), format!("the {en} is missing"));
    }
    if !are_digits(text) || text.len() > DIGITS {
        return Verdict::invalid(
            text,
            format!("{he} צריך להיות עד {DIGITS} ספרות, ובלי תווים אחרים"),
            format!("the {en} is up to {DIGITS} digits and nothing else"),
        );
    }
    let value = format!("{text:0>DIGITS$}");
    let digits: [u32; DIGITS] = last(&value);
    if digits.iter().all(|digit| *digit == 0) {
        return Verdict::invalid(value, format!("{he} כולו אפסים"), format!("the {en} is all zeros"));
    }
    if !check_digit_fits(&digits) {
        return Verdict::invalid(
            value,
            format!("ספרת הביקורת של {he} אינה נכונה; יש כנראה טעות הקלדה"),
            format!("the check digit of the {en} does not fit; there is probably a slip in it"),
        );
    }
    Verdict::valid(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use proptest::prelude::*;

    fn check(raw: &str, want: Status, value: &str) {
        for verdict in [check_id(raw), check_company(raw)] {
            assert_eq!((verdict.status, verdict.value.as_str()), (want, value), "{raw:?}");
            assert_eq!(verdict.message.is_empty(), want == Status::Valid, "{raw:?}");
        }
    }

    #[test]
    fn the_last_digit_checks_the_others() {
        check("123456782", Status::Valid, "123456782");
        check("000000018", Status::Valid, "000000018");
        check("18", Status::Valid, "000000018");
        check(" 12345678-2\u{200f}", Status::Valid, "123456782");
        check("512345679", Status::Valid, "512345679");
        check("520000019", Status::Valid, "520000019");
        check("580123453", Status::Valid, "580123453");
        check("540123452", Status::Valid, "540123452");
        check("300000007", Status::Valid, "300000007");
        check("123456789", Status::Invalid, "123456789");
        check("123456780", Status::Invalid, "123456780");
        check("000000000", Status::Invalid, "000000000");
        check("0", Status::Invalid, "000000000");
        check("1234567820", Status::Invalid, "1234567820");
        check("", Status::Invalid, "");
        check("12345678.2", Status::Invalid, "12345678.2");
        check("١٢٣", Status::Invalid, "١٢٣");
    }

    #[test]
    fn a_passport_s_number_is_not_judged_as_an_identity_but_is_no_company() {
        assert_eq!(check_id("AB1234567").status, Status::Unknown);
        assert_eq!(check_id("A1").status, Status::Invalid);
        assert_eq!(check_id("Dana").status, Status::Invalid);
        assert_eq!(check_company("AB1234567").status, Status::Invalid);
    }

    #[test]
    fn the_beginning_tells_the_kind() {
        for (number, kind) in [
            ("500100003", CompanyKind::Government),
            ("512345679", CompanyKind::Company),
            ("520000019", CompanyKind::PublicCompany),
            ("540123452", CompanyKind::Partnership),
            ("560000002", CompanyKind::ForeignCompany),
            ("570000001", CompanyKind::Cooperative),
            ("580123453", CompanyKind::Association),
            ("123456782", CompanyKind::Dealer),
        ] {
            assert_eq!(CompanyKind::of(number), kind, "{number}");
            assert!(!kind.text().is_empty() && !kind.as_str().is_empty());
        }
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_noticed(number in 1_u32..100_000_000, at in 0_usize..9, by in 1_u8..10) {
            let fits = (0..10).map(|last| format!("{number:08}{last}")).find(|n| check_id(n).status == Status::Valid);
            let mut slip = fits.unwrap().into_bytes();
            slip[at] = b'0' + (slip[at] - b'0' + by) % 10;
            prop_assert_eq!(check_id(&String::from_utf8(slip).unwrap()).status, Status::Invalid);
        }

        #[test]
        fn any_text_gets_an_answer(text in ".{0,40}") {
            let verdict = check_id(&text);
            prop_assert_eq!(verdict.status == Status::Valid, verdict.message.is_empty());
        }
    }
}

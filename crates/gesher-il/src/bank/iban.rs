//! Israeli IBANs: `IL`, two check digits, three of the bank, three of the branch, thirteen of the account.

use super::Account;
use crate::digits::{are_digits, joined};
use crate::verdict::Verdict;

/// Characters of an Israeli IBAN.
const LENGTH: usize = 23;

/// An Israeli IBAN that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iban {
    /// Its 23 characters.
    pub text: String,
    /// The account that it names.
    pub account: Account,
}

/// Reads an Israeli IBAN; none where its form or its check digits are wrong.
#[must_use]
pub fn parse_iban(raw: &str) -> Option<Iban> {
    let text = joined(raw).to_ascii_uppercase();
    let digits = text.strip_prefix("IL")?;
    if text.len() != LENGTH || !are_digits(digits) || remainder(digits) != Some(1) {
        return None;
    }
    let account = Account {
        bank: digits.get(2..5)?.parse().ok()?,
        branch: digits.get(5..8)?.parse().ok()?,
        number: digits.get(8..)?.trim_start_matches('0').to_owned(),
    };
    Some(Iban { text, account })
}

/// Of the number by 97, where the two letters and the check digits stand at the end and I is 18, L is 21.
fn remainder(digits: &str) -> Option<u32> {
    let (check, rest) = digits.split_at_checked(2)?;
    let moved = format!("{rest}1821{check}");
    Some(moved.bytes().fold(0, |left, byte| (left * 10 + u32::from(byte - b'0')) % 97))
}

/// An Israeli IBAN. One of another country is unknown: its rule is not here.
#[must_use]
pub fn check_iban(raw: &str) -> Verdict {
    if let Some(iban) = parse_iban(raw) {
        return Verdict::valid(iban.text);
    }
    let text = joined(raw).to_ascii_uppercase();
    let country = text.get(..2).unwrap_or_default();
    if country != "IL" && country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Verdict::unknown(
            text,
            "זהו IBAN של מדינה אחרת, ואין כאן כלל לבדיקתו",
            "this is another country's IBAN; there is no rule for it here",
        );
    }
    Verdict::invalid(
        text,
        "אין זה IBAN ישראלי תקין: IL ו־21 ספרות, שתי הראשונות ספרות ביקורת",
        "this is no valid Israeli IBAN: IL and 21 digits, the first two of which check the rest",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    #[test]
    fn an_iban_names_an_account() {
        let iban = parse_iban("IL62 0108 0000 0009 9999 999").unwrap();
        assert_eq!(iban.text, "IL620108000000099999999");
        assert_eq!(iban.account, Account { bank: 10, branch: 800, number: "99999999".to_owned() });
    }

    #[test]
    fn the_check_digits_notice_a_slip() {
        for (text, want) in [
            ("il620108000000099999999", Status::Valid),
            ("IL620108000000099999998", Status::Invalid),
            ("IL610108000000099999999", Status::Invalid),
            ("IL62010800000009999999", Status::Invalid),
            ("IL62010800000009999999X", Status::Invalid),
            ("", Status::Invalid),
            ("ILא", Status::Invalid),
            ("GB82WEST12345698765432", Status::Unknown),
        ] {
            assert_eq!(check_iban(text).status, want, "{text}");
        }
    }
}

//! Banks by their code, and the checks of account numbers and IBANs.
//!
//! [`check_account`] answers by the published rules of the clearing house, as far as they are known: see `rules.rs`.

mod codes;
mod iban;
mod rules;

pub use codes::{BANKS, Bank, bank};
pub use iban::{Iban, check_iban, parse_iban};

use crate::digits::{are_digits, joined};
use crate::verdict::Verdict;
use rules::Answer;

/// Largest bank code. Codes have two digits today and grow to three.
const BANK_CODE_MAX: u16 = 999;
/// Largest number of a branch.
const BRANCH_MAX: u16 = 999;
/// Most digits of an account number, leading zeros left out.
const ACCOUNT_DIGITS_MAX: usize = 9;

/// An account in Israel, its parts in one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The bank's code at the Bank of Israel.
    pub bank: u16,
    /// The branch.
    pub branch: u16,
    /// The account's digits without leading zeros.
    pub number: String,
}

/// Checks the three parts of an account, as cells hold them. The value is `bank-branch-account` without leading zeros.
///
/// Valid and invalid are said by the bank's rule. Unknown is what has none: a bank whose rule is not published, a code
/// that the table does not have, and the few numbers on which the sources disagree.
#[must_use]
pub fn check_account(bank: &str, branch: &str, account: &str) -> Verdict {
    let account = match parts(bank, branch, account) {
        Ok(account) => account,
        Err(verdict) => return verdict,
    };
    let value = format!("{}-{}-{}", account.bank, account.branch, account.number);
    let known = codes::bank(account.bank);
    let name = known.map_or_else(|| account.bank.to_string(), |bank| bank.he.to_owned());
    let name_en = known.map_or_else(|| account.bank.to_string(), |bank| bank.en.to_owned());
    match rules::judge(&account) {
        Answer::Fits => Verdict::valid(value),
        Answer::Breaks => Verdict::invalid(
            value,
            format!("מספר החשבון אינו מתאים לכלל הבדיקה של {name}; יש כנראה טעות בבנק, בסניף או בחשבון"),
            format!(
                "the account does not follow the rule of {name_en}; bank, branch or account is probably mistyped"
            ),
        ),
        Answer::NoRule if known.is_none() => Verdict::unknown(
            value,
            format!("קוד הבנק {name} אינו מוכר; ייתכן שהוא חדש"),
            format!("the bank code {name_en} is not known here; it may be a new one"),
        ),
        Answer::NoRule => Verdict::unknown(
            value,
            format!("אין כלל בדיקה ידוע לחשבונות של {name}"),
            format!("no rule is known for accounts of {name_en}"),
        ),
        Answer::Disputed => Verdict::unknown(
            value,
            format!("המקורות חלוקים לגבי חשבון כזה של {name}; כדאי לבדוק מול הבנק"),
            format!("the sources disagree on such an account of {name_en}; ask the bank"),
        ),
    }
}

/// The parts of an account, or the verdict on the first that is none.
fn parts(bank: &str, branch: &str, account: &str) -> Result<Account, Verdict> {
    let number = joined(account);
    let shown = format!("{}-{}-{number}", joined(bank), joined(branch));
    let Some(bank) = small(bank).filter(|code| (1..=BANK_CODE_MAX).contains(code)) else {
        return Err(Verdict::invalid(
            shown,
            format!("קוד הבנק צריך להיות מספר בין 1 ל־{BANK_CODE_MAX}"),
            format!("the bank code is a number from 1 to {BANK_CODE_MAX}"),
        ));
    };
    let Some(branch) = small(branch).filter(|branch| *branch <= BRANCH_MAX) else {
        return Err(Verdict::invalid(
            shown,
            format!("מספר הסניף צריך להיות עד {BRANCH_MAX}"),
            format!("the branch is a number up to {BRANCH_MAX}"),
        ));
    };
    let significant = number.trim_start_matches('0');
    if !are_digits(&number) || significant.is_empty() || significant.len() > ACCOUNT_DIGITS_MAX {
        return Err(Verdict::invalid(
            shown,
            format!("מספר החשבון צריך להיות עד {ACCOUNT_DIGITS_MAX} ספרות, לא כולן אפס"),
            format!("the account is up to {ACCOUNT_DIGITS_MAX} digits, not all of them zero"),
        ));
    }
    Ok(Account { bank, branch, number: significant.to_owned() })
}

fn small(raw: &str) -> Option<u16> {
    let text = joined(raw);
    if are_digits(&text) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;
    use proptest::prelude::*;

    fn check(account: &str, want: Status) {
        let parts: Vec<&str> = account.split('/').collect();
        let verdict = check_account(parts[0], parts[1], parts[2]);
        assert_eq!(verdict.status, want, "{account}: {verdict:?}");
        assert_eq!(verdict.message.is_empty(), want == Status::Valid, "{account}");
    }

    #[test]
    fn an_account_that_follows_its_bank_s_rule_is_valid() {
        for account in [
            "10/607/11710022",
            "10/936/07869660",
            "10/906/19270053",
            "12/571/041116",
            "4/284/050067",
            "11/211/000032018",
            "17/876/000032018",
            "20/006/160778",
            "20/406/160778",
            "31/288/000032018",
            "31/0/132018",
            "9/001/059121900",
            "22/002/700241017",
            "18/1/123456771",
            "14/571/041116",
            "46/692/000032018",
            "12/600/1003",
            "10/800/100035",
            "11/012/108",
            "20/455/1002",
            "31/001/1007",
            "4/100/1009",
        ] {
            check(account, Status::Valid);
        }
    }

    #[test]
    fn an_account_that_breaks_its_bank_s_rule_is_invalid() {
        for account in [
            "10/639/6696871",
            "10/607/11720022",
            "4/482/760051",
            "11/211/000032017",
            "11/0/132018",
            "31/288/000032017",
            "9/001/059121901",
            "22/002/700241016",
            "18/1/123456772",
        ] {
            check(account, Status::Invalid);
        }
    }

    #[test]
    fn what_no_rule_decides_is_unknown() {
        for account in ["54/001/123456", "39/001/123456", "3/001/123456", "101/001/123456", "77/1/1"] {
            check(account, Status::Unknown);
        }
    }

    #[test]
    fn what_is_no_account_at_all_is_invalid() {
        for account in [
            "0/001/123456",
            "1000/001/123456",
            "x/001/123456",
            "/001/123456",
            "12/1000/1003",
            "12//1003",
            "12/600/",
            "12/600/0",
            "12/600/0000000",
            "12/600/1234567890",
            "12/600/10x3",
            "12/-/1003",
        ] {
            check(account, Status::Invalid);
        }
    }

    #[test]
    fn zeros_hyphens_and_marks_make_no_difference() {
        for (bank, branch, account) in [
            ("12", "600", "1003"),
            ("012", "0600", "0001003"),
            (" 12\u{200f}", "600 ", "10-03"),
            ("12", "600", "000001003"),
        ] {
            let verdict = check_account(bank, branch, account);
            assert_eq!((verdict.status, verdict.value.as_str()), (Status::Valid, "12-600-1003"));
        }
    }

    proptest! {
        #[test]
        fn any_three_cells_get_an_answer(bank in ".{0,6}", branch in ".{0,6}", account in ".{0,16}") {
            let verdict = check_account(&bank, &branch, &account);
            prop_assert_eq!(verdict.status == Status::Valid, verdict.message.is_empty());
        }

        #[test]
        fn every_account_of_every_bank_gets_an_answer(bank in 1_u16..1000, branch in 0_u16..1000, number in 1_u32..1_000_000_000) {
            let (bank, branch, number) = (bank.to_string(), branch.to_string(), number.to_string());
            let bare = check_account(&bank, &branch, &number);
            prop_assert_eq!(&bare, &check_account(&format!("{bank:0>3}"), &format!("{branch:0>3}"), &format!("{number:0>13}")));
            prop_assert_eq!(bare.value, format!("{bank}-{branch}-{number}"));
        }
    }
}

//! The rules by which banks choose the last digits of their accounts, as public libraries built on the clearing house's
//! paper have them.
//!
//! Where sources disagree, an account that any careful reading accepts is accepted, and what only one source speaks of
//! is never called wrong. A rule that is missing here is no rule: the account stays unjudged.

use super::Account;
use crate::digits::{last, weighted};

/// What a bank's rule says of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It follows the rule.
    Fits,
    /// It breaks the rule.
    Breaks,
    /// There is no rule for this bank.
    NoRule,
    /// The sources do not agree on it.
    Disputed,
}

/// Branches of bank 14 whose accounts may leave 2 as well.
const OTSAR_HAHAYAL_LEAVE_2: [u16; 7] = [347, 361, 362, 363, 365, 384, 385];
/// Branches of bank 14 whose accounts may leave 4 as well.
const OTSAR_HAHAYAL_LEAVE_4: [u16; 3] = [361, 362, 363];
/// Branches of bank 46 whose accounts may leave 2 as well.
const MASSAD_LEAVE_2: [u16; 14] = [154, 166, 178, 181, 183, 191, 192, 503, 505, 507, 515, 516, 527, 539];
/// What the sum of a Leumi account may leave of a hundred: one figure for each kind of account.
const LEUMI_LEAVES: [u32; 5] = [90, 72, 70, 60, 20];
/// Digits of a Leumi account.
const LEUMI_DIGITS: usize = 8;

/// By the rule of the account's bank.
pub(super) fn judge(account: &Account) -> Answer {
    let Account { bank, branch, number } = account;
    match bank {
        12 => fits([0, 2, 4, 6].contains(&short_sum(*branch, number))),
        4 => fits([0, 2].contains(&short_sum(*branch, number))),
        20 => fits([0, 2, 4].contains(&short_sum(mizrahi_branch(*branch), number))),
        11 | 17 => fits([0, 2, 4].contains(&nine_sum(number))),
        31 | 52 => fits([0, 6].contains(&nine_sum(number)) || [0, 6].contains(&six_sum(number))),
        14 => fits(otsar_hahayal(*branch, number)),
        46 => fits(massad(*branch, number)),
        10 | 13 | 34 => leumi(*branch, number),
        9 => fits(nine_total(number).is_multiple_of(10)),
        22 => citi(number),
        18 => fits(one_zero(*branch, number)),
        // One library alone says that these follow the rule of One Zero.
        15 | 35 | 69 | 79 if one_zero(*branch, number) => Answer::Fits,
        15 | 35 | 69 | 79 => Answer::Disputed,
        _ => Answer::NoRule,
    }
}

fn fits(follows: bool) -> Answer {
    if follows { Answer::Fits } else { Answer::Breaks }
}

/// Branch and the last six digits, modulo eleven.
fn short_sum(branch: u16, number: &str) -> u32 {
    (weighted(&branch_digits(branch), &[9, 8, 7]) + six_total(number)) % 11
}

fn six_total(number: &str) -> u32 {
    weighted(&last::<6>(number), &[6, 5, 4, 3, 2, 1])
}

/// The last six digits alone, modulo eleven.
fn six_sum(number: &str) -> u32 {
    six_total(number) % 11
}

fn nine_total(number: &str) -> u32 {
    weighted(&last::<9>(number), &[9, 8, 7, 6, 5, 4, 3, 2, 1])
}

/// All nine digits, modulo eleven.
fn nine_sum(number: &str) -> u32 {
    nine_total(number) % 11
}

fn branch_digits(branch: u16) -> [u32; 3] {
    last(&branch.to_string())
}

/// Branches that came from another bank count without their 400.
fn mizrahi_branch(branch: u16) -> u16 {
    if (401..=799).contains(&branch) { branch - 400 } else { branch }
}

fn otsar_hahayal(branch: u16, number: &str) -> bool {
    let leaves = short_sum(branch, number);
    leaves == 0
        || (leaves == 2 && OTSAR_HAHAYAL_LEAVE_2.contains(&branch))
        || (leaves == 4 && OTSAR_HAHAYAL_LEAVE_4.contains(&branch))
        || nine_sum(number) == 0
        || six_sum(number) == 0
}

fn massad(branch: u16, number: &str) -> bool {
    let leaves = short_sum(branch, number);
    leaves == 0
        || (leaves == 2 && MASSAD_LEAVE_2.contains(&branch))
        || nine_sum(number) == 0
        || six_sum(number) == 0
}

/// Eight digits: six that count, and the kind of the account as a number of two digits.
fn leumi(branch: u16, number: &str) -> Answer {
    if number.len() > LEUMI_DIGITS {
        return Answer::Disputed;
    }
    let digits: [u32; LEUMI_DIGITS] = last(number);
    let sum = weighted(&branch_digits(branch), &[10, 9, 8]) + weighted(&digits, &[7, 6, 5, 4, 3, 2, 10, 1]);
    fits(LEUMI_LEAVES.contains(&(sum % 100)))
}

/// The ninth digit completes the sum of the others to a multiple of eleven. Where that takes two digits, libraries
/// differ on what is written.
fn citi(number: &str) -> Answer {
    let digits: [u32; 9] = last(number);
    let completes = 11 - weighted(&digits, &[3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    match completes {
        10 | 11 => Answer::Disputed,
        digit => fits(digits.last() == Some(&digit)),
    }
}

/// Branch and account as one number, of which the last two digits are 98 less the rest's remainder by 97. A shorter
/// account has lost its zeros or never had them, so both readings count.
fn one_zero(branch: u16, number: &str) -> bool {
    [format!("{number:0>9}"), format!("{number:0>2}")].iter().any(|number| {
        let (body, check) = number.split_at(number.len() - 2);
        let whole = format!("{branch:03}{body}").parse::<u64>();
        let check = check.parse::<u64>();
        matches!((whole, check), (Ok(whole), Ok(check)) if 98 - whole % 97 == check)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bank: u16, branch: u16, number: &str, want: Answer) {
        let account = Account { bank, branch, number: number.to_owned() };
        assert_eq!(judge(&account), want, "{account:?}");
    }

    #[test]
    fn branches_of_two_banks_may_leave_more() {
        // Branch and account leave 3 here, which no branch may.
        check(14, 347, "5", Answer::Breaks);
        for (bank, listed, other) in [(14, 365, 348), (46, 505, 506)] {
            let number = |branch| {
                (10..1000)
                    .map(|n: u32| n.to_string())
                    .find(|n| short_sum(branch, n) == 2 && nine_sum(n) != 0 && six_sum(n) != 0)
                    .unwrap()
            };
            check(bank, listed, &number(listed), Answer::Fits);
            check(bank, other, &number(other), Answer::Breaks);
        }
    }

    #[test]
    fn what_sources_disagree_on_is_disputed() {
        check(10, 800, "123456789", Answer::Disputed);
        check(15, 1, "123456771", Answer::Fits);
        check(15, 1, "123456772", Answer::Disputed);
        // Six is missing to a multiple of eleven, and the ninth digit is nought.
        check(22, 1, "110000000", Answer::Breaks);
        // The first eight digits sum to a multiple of eleven, so eleven itself would have to be the ninth.
        check(22, 1, "6", Answer::Disputed);
    }
}

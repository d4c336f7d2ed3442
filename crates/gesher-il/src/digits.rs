//! Digits as people write them: with spaces, hyphens and the invisible marks of Hebrew programs; and what is made of
//! them: a weighted sum, a number padded with the zeros that a spreadsheet took away.

use gesher_core::key::clean_cell;

/// The cell without spaces and hyphens between its characters. Other characters stay, so that they can be refused.
pub(crate) fn joined(raw: &str) -> String {
    let separators = [' ', '\u{a0}', '-', '\u{2010}', '\u{2011}', '\u{2013}', '\u{5be}'];
    clean_cell(raw).chars().filter(|c| !separators.contains(c)).collect()
}

/// Whether there is something, and all of it is ASCII digits.
pub(crate) fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The last `N` digits of a number, with zeros before them where there are fewer. Other characters count as zero.
pub(crate) fn last<const N: usize>(number: &str) -> [u32; N] {
    let mut digits = [0; N];
    for (slot, byte) in digits.iter_mut().rev().zip(number.bytes().rev()) {
        *slot = u32::from(byte.wrapping_sub(b'0')).min(9);
    }
    digits
}

/// The sum of digits, each times its weight.
pub(crate) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// Whether nine digits end in the check digit of Israeli identity and company numbers: every second digit is doubled,
/// a product above nine loses nine, and the sum is a multiple of ten.
pub(crate) fn check_digit_fits(nine: &[u32; 9]) -> bool {
    let sum: u32 = nine
        .iter()
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { *digit } else { digit * 2 })
        .map(|product| if product > 9 { product - 9 } else { product })
        .sum();
    sum.is_multiple_of(10)
}

//! Cells as they may be written into a file that people open in a spreadsheet.

use gesher_core::card::mask_card_numbers;
use gesher_core::key::is_bidi_mark;
use std::borrow::Cow;

/// A cell without card numbers, and with nothing that a spreadsheet would run.
#[must_use]
pub(super) fn safe(cell: &str) -> Cow<'_, str> {
    match mask_card_numbers(cell) {
        Cow::Borrowed(cell) => neutral(cell),
        Cow::Owned(masked) => Cow::Owned(neutral(&masked).into_owned()),
    }
}

/// A cell that a spreadsheet takes for text: with an apostrophe before what would begin a formula. Plain numbers and
/// telephone numbers stay as they are.
#[must_use]
pub(super) fn neutral(cell: &str) -> Cow<'_, str> {
    // Marks and spaces before the sign do not stop every spreadsheet.
    let seen = cell.trim_start_matches(|c| c == ' ' || is_bidi_mark(c));
    let begins_formula = matches!(
        seen.chars().next(),
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
    );
    if begins_formula && !is_number(seen) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// A number or a telephone number: a sign, digits, and what people put between digits.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '(')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b' ' | b'-' | b'.' | b',' | b'(' | b')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: &str, want: &str) {
        assert_eq!(safe(cell), want, "{cell:?}");
    }

    #[test]
    fn formulas_are_neutralised_and_numbers_and_telephones_stay() {
        check("=1+1", "'=1+1");
        check("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")");
        check("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0");
        check("@SUM(1)", "'@SUM(1)");
        check("-2+3+cmd", "'-2+3+cmd");
        check("\t=1", "'\t=1");
        check("\r=1", "'\r=1");
        check(" =1", "' =1");
        check("\u{200f}=1", "'\u{200f}=1");
        check("＝1", "'＝1");
        check("-5", "-5");
        check("-1250.50", "-1250.50");
        check("+972-50-1234567", "+972-50-1234567");
        check("+972 (50) 123.4567", "+972 (50) 123.4567");
        check("050-1234567", "050-1234567");
        check("שלום", "שלום");
        check("a=b", "a=b");
        check("", "");
        check("4111111111111111", "[card ****1111]");
    }
}

//! Between the values of the records and those of the columns: instants, amounts, numbers, words.

use super::fault::Fault;
use crate::error::JournalError;
use gesher_core::money::AMOUNT_PLACES;
use gesher_core::{Currency, Decimal, Json, Money};
use jiff::Timestamp;
use rusqlite::types::FromSql;
use rusqlite::{CachedStatement, Params, Row};
use serde_json::Value;
use std::str::FromStr;

/// Longest part of a value that cannot be read which an error repeats, in characters.
const FOUND_CHARACTERS_MAX: usize = 60;

/// What was read makes no sense.
pub(super) fn corrupt(what: &'static str, found: impl ToString) -> Fault {
    let found = found.to_string().chars().take(FOUND_CHARACTERS_MAX).collect();
    Fault::Refused(JournalError::Corrupt { what, found })
}

/// An instant as microseconds since 1970.
pub(super) fn instant(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The instant of a column.
pub(super) fn read_instant(row: &Row<'_>, column: usize) -> Result<Timestamp, Fault> {
    let stored: i64 = row.get(column)?;
    Timestamp::from_microsecond(stored).map_err(|_| corrupt("time", stored))
}

/// The instant of a column that may be absent.
pub(super) fn read_instant_or_none(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, Fault> {
    let stored: Option<i64> = row.get(column)?;
    stored.map(|_| read_instant(row, column)).transpose()
}

/// The JSON of a column; null where it is absent.
pub(super) fn read_json(row: &Row<'_>, column: usize) -> Result<Value, Fault> {
    let stored: Option<String> = row.get(column)?;
    let Some(stored) = stored else { return Ok(Value::Null) };
    serde_json::from_str(&stored).map_err(|_| corrupt("JSON value", stored))
}

/// A provider's answer, as text.
pub(super) fn read_answer(row: &Row<'_>, column: usize) -> Result<Json, Fault> {
    let stored: Option<String> = row.get(column)?;
    let Some(stored) = stored else { return Ok(Json::default()) };
    Json::parse(&stored).ok_or_else(|| corrupt("JSON value", stored))
}

/// JSON as the text of a column.
pub(super) fn json_text(value: &Value) -> String {
    // A value is always JSON. Its `Display` says the same, piece by piece.
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// A count or position as SQLite's integer.
pub(super) fn integer(number: u64) -> Result<i64, Fault> {
    i64::try_from(number).map_err(|_| corrupt("number", number))
}

/// A count or position of a column.
pub(super) fn read_number<N: TryFrom<i64>>(row: &Row<'_>, column: usize) -> Result<N, Fault> {
    let stored: i64 = row.get(column)?;
    N::try_from(stored).map_err(|_| corrupt("number", stored))
}

/// A count or position of a column that may be absent.
pub(super) fn read_number_or_none<N: TryFrom<i64>>(row: &Row<'_>, column: usize) -> Result<Option<N>, Fault> {
    let stored: Option<i64> = row.get(column)?;
    stored.map(|stored| N::try_from(stored).map_err(|_| corrupt("number", stored))).transpose()
}

/// The JSON of a column that may be empty.
pub(super) fn read_json_or_none(row: &Row<'_>, column: usize) -> Result<Option<Value>, Fault> {
    let stored: Option<String> = row.get(column)?;
    stored.map(|stored| serde_json::from_str(&stored).map_err(|_| corrupt("JSON", stored))).transpose()
}

/// A word of a column, such as a status or an id.
pub(super) fn read_word<T: FromStr>(row: &Row<'_>, column: usize, what: &'static str) -> Result<T, Fault> {
    let stored: String = row.get(column)?;
    stored.parse().map_err(|_| corrupt(what, stored))
}

/// An amount in hundredths of its currency, and the currency.
pub(super) fn hundredths(money: Option<Money>) -> Result<(Option<i64>, Option<String>), Fault> {
    let Some(money) = money else { return Ok((None, None)) };
    let refused = || JournalError::Amount { found: money.amount.to_string() };
    let mut amount = money.amount.normalize();
    if amount.scale() > AMOUNT_PLACES {
        return Err(refused().into());
    }
    amount.rescale(AMOUNT_PLACES);
    // A number too large for its places keeps fewer of them instead of overflowing.
    if amount.scale() != AMOUNT_PLACES {
        return Err(refused().into());
    }
    let stored = i64::try_from(amount.mantissa()).map_err(|_| refused())?;
    Ok((Some(stored), Some(money.currency.as_str().to_owned())))
}

/// The amount of two columns, the second being the currency.
pub(super) fn read_money(row: &Row<'_>, column: usize) -> Result<Option<Money>, Fault> {
    let (stored, currency): (Option<i64>, Option<String>) = (row.get(column)?, row.get(column + 1)?);
    match (stored, currency) {
        (Some(stored), Some(currency)) => {
            let currency: Currency = currency.parse().map_err(|_| corrupt("currency", currency))?;
            Ok(Some(Money { amount: Decimal::new(stored, AMOUNT_PLACES), currency }))
        }
        _ => Ok(None),
    }
}

/// A hash of a column.
pub(super) fn read_hash<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N], Fault>
where
    [u8; N]: FromSql,
{
    Ok(row.get(column)?)
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(*byte));
    }
    text
}

/// A hash from its hexadecimal digits.
pub(super) fn read_hexadecimal(digits: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if digits.len() != 2 * hash.len() || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// Every row of a query, read by `read`.
pub(super) fn all<T>(
    mut statement: CachedStatement<'_>,
    parameters: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The first row of a query, read by `read`.
pub(super) fn first<T>(
    mut statement: CachedStatement<'_>,
    parameters: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let mut rows = statement.query(parameters)?;
    rows.next()?.map(read).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(amount: &str, want: Option<i64>) {
        let money = Money { amount: amount.parse().unwrap(), currency: Currency::ILS };
        let got = hundredths(Some(money)).ok().and_then(|(stored, _)| stored);
        assert_eq!(got, want, "{amount}");
    }

    #[test]
    fn an_amount_is_kept_exactly_or_refused() {
        check("0", Some(0));
        check("1.5", Some(150));
        check("1.500", Some(150));
        check("-7.05", Some(-705));
        check("999999999999.99", Some(99_999_999_999_999));
        check("1.005", None);
        check("92233720368547758.08", None);
        check("79228162514264337593543950335", None);
    }
}

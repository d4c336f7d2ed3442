//! One row against its flow's rules: its key and its amount, or everything that is wrong with it. Pure, and asked
//! twice of each row: when the file is validated, and when the row becomes an item.

use super::book::Flaw;
use super::fault::Fault;
use super::header::Header;
use super::reader::Record;
use gesher_core::card::holds_card_number;
use gesher_core::key::{KeyError, cleaned};
use gesher_core::money::parse_amount;
use gesher_core::{Currency, Decimal, Key, Money, Text};
use ring::digest::{SHA256, digest};

/// A row as its flow understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowFacts {
    /// The cells of its key columns as one key; none where the line is the key.
    pub key: Option<Key>,
    /// What the amount column says.
    pub amount: Option<Money>,
}

/// The row's key and amount, or its faults: at least one.
pub(super) fn check(header: &Header, record: &Record) -> Result<RowFacts, Vec<Fault>> {
    let mut faults = Vec::new();
    for (column, flaw) in record.flaws() {
        faults.push(at(header, record, *column, "cell", flawed(*flaw)));
    }
    let is_flawed = |column: usize| record.flaws().iter().any(|(flawed, _)| *flawed == column);
    let mut card_in_amount = false;
    for (column, cell) in record.cells().enumerate() {
        let exempt = header.not_card.get(column).copied().unwrap_or(false);
        if !exempt && holds_card_number(cell) {
            card_in_amount |= header.amount == Some(column);
            // What to do about it is said once a row.
            faults.push(at(header, record, column, "card_number", card_number(faults.is_empty())));
        }
    }
    let key = match &header.key {
        None => None,
        Some(columns) => row_key(header, record, columns, &mut faults),
    };
    // That a card number is no amount either says nothing new.
    let amount_column = header.amount.filter(|column| !card_in_amount && !is_flawed(*column));
    let amount = amount_column.and_then(|column| match parse_amount(record.cell(column)) {
        Ok(amount) => Some(Money { amount, currency: Currency::ILS }),
        Err(fault) => {
            faults.push(at(header, record, column, "amount", fault.text()));
            None
        }
    });
    if faults.is_empty() { Ok(RowFacts { key, amount }) } else { Err(faults) }
}

/// The amount of a row, whatever else is wrong with it; nothing where it cannot be read.
pub(super) fn stated_amount(header: &Header, record: &Record) -> Decimal {
    let cell = header.amount.map(|column| record.cell(column));
    cell.and_then(|cell| parse_amount(cell).ok()).unwrap_or_default()
}

fn row_key(header: &Header, record: &Record, columns: &[usize], faults: &mut Vec<Fault>) -> Option<Key> {
    let before = faults.len();
    for column in columns {
        let cell = record.cell(*column);
        if let Err(error) = Key::of_cells([cell]) {
            let code = if error == KeyError::Empty { "key_missing" } else { "key" };
            faults.push(at(header, record, *column, code, key_text(&error)));
        } else if is_rounded_number(cell.trim()) {
            faults.push(at(header, record, *column, "key_rounded", rounded()));
        }
    }
    if faults.len() > before {
        return None;
    }
    match Key::of_cells(columns.iter().map(|column| record.cell(*column))) {
        Ok(key) => Some(key),
        Err(error) => {
            let column = columns.first().copied().unwrap_or_default();
            faults.push(at(header, record, column, "key", key_text(&error)));
            None
        }
    }
}

fn at(header: &Header, record: &Record, column: usize, code: &'static str, text: Text) -> Fault {
    let name = header.names.get(column).map_or("", String::as_str);
    Fault::new(code, text).at_line(record.line).in_column(name).found(record.cell(column))
}

fn card_number(with_advice: bool) -> Text {
    if with_advice {
        Text::new(
            "יש כאן מספר כרטיס אשראי; אסור לשמור מספרי כרטיס בקובץ, ויש להשתמש באסימון (token). אם זה אינו מספר כרטיס, יש להוסיף את שם העמודה ל־not_cards",
            "this is a card number; a file must not hold card numbers: use a card token. If it is none, add the column to not_cards",
        )
    } else {
        Text::new("גם כאן יש מספר כרטיס אשראי", "this is a card number too")
    }
}

fn key_text(error: &KeyError) -> Text {
    match error {
        KeyError::Empty => Text::new(
            "התא ריק, ובלעדיו אי אפשר לזהות את השורה",
            "the cell is empty, and the row cannot be told from others without it",
        ),
        other => other.text(),
    }
}

fn flawed(flaw: Flaw) -> Text {
    match flaw {
        Flaw::Error => Text::new(
            "התא מציג שגיאה במקום ערך; יש לתקן את הנוסחה או להקליד את הערך",
            "the cell shows an error instead of a value; mend its formula or type the value",
        ),
        Flaw::Digits => Text::new(
            "מספר של יותר מ־15 ספרות, והגיליון כבר איבד את הספרות האחרונות; יש לעצב את העמודה כטקסט ולהזין את המספר המלא",
            "a number of more than 15 digits, of which the sheet has lost the last ones; format the column as text and enter \
             the whole number",
        ),
    }
}

fn rounded() -> Text {
    Text::new(
        "אקסל קיצר את המספר (למשל 4.58E+15) והספרות אבדו; יש לעצב את העמודה כטקסט ולהזין את המספר המלא",
        "Excel has shortened this number (as in 4.58E+15) and its digits are lost; format the column as text",
    )
}

/// Whether a cell is a number in Excel's short form, whose digits are gone.
fn is_rounded_number(cell: &str) -> bool {
    let Some((digits, exponent)) = cell.split_once(['E', 'e']) else { return false };
    let power = exponent.strip_prefix('+').unwrap_or_default();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number(power) && digits.contains('.') && digits.split('.').all(is_number)
}

/// A hash over the row's cells, cleaned as those of its key are: rows that differ only by what nobody sees are the
/// same row. It is kept in the journal and compared for ever, so neither the order of what goes in nor the cleaning may
/// change; Unicode promises that normal forms of assigned characters do not.
#[must_use]
pub(super) fn cells_hash(record: &Record) -> [u8; 16] {
    let mut bytes = Vec::new();
    for cell in record.cells() {
        let cell = cleaned(cell);
        bytes.extend_from_slice(&(cell.len() as u64).to_le_bytes());
        bytes.extend_from_slice(cell.as_bytes());
    }
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(digest(&SHA256, &bytes).as_ref()) {
        *to = *from;
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::config::{RowKey, RowRules};
    use crate::drop::decode::EncodingChoice;
    use crate::drop::format::Separator;
    use crate::drop::reader::record_of;

    fn header() -> Header {
        let rules = RowRules {
            row_key: RowKey::Columns(vec!["vendor".into(), "id".into()]),
            amount: Some("amount".into()),
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            not_cards: vec!["member".into()],
        };
        Header::read(&record_of("vendor,id,amount,note,member"), &rules, &[]).unwrap()
    }

    fn check_row(row: &str, want: Result<(&str, &str), &[(&str, &str)]>) {
        let found = check(&header(), &record_of(row));
        let found = found.map(|facts| (facts.key.unwrap().to_string(), facts.amount.unwrap().to_string()));
        let found = found.map_err(|faults| {
            faults
                .into_iter()
                .map(|fault| (fault.column.unwrap().into_string(), fault.code))
                .collect::<Vec<_>>()
        });
        let want = want.map(|(key, amount)| (key.to_owned(), amount.to_owned())).map_err(|faults| {
            faults.iter().map(|(column, code)| ((*column).to_owned(), *code)).collect::<Vec<_>>()
        });
        assert_eq!(found, want, "{row}");
    }

    #[test]
    fn a_row_has_a_key_an_amount_and_no_card() {
        check_row("dana,7,12.5,,", Ok(("dana + 7", "12.50 ILS")));
        check_row("dana, 7\u{200f},\u{200e}12.50,,", Ok(("dana + 7", "12.50 ILS")));
        check_row("dana,,12.50,,", Err(&[("id", "key_missing")]));
        check_row("dana,7,0,,", Err(&[("amount", "amount")]));
        check_row("dana,7,\"1,250\",,", Err(&[("amount", "amount")]));
        check_row("dana,7,1,4111111111111111,", Err(&[("note", "card_number")]));
        check_row("dana,7,4111111111111111,,", Err(&[("amount", "card_number")]));
        check_row("dana,7,1,,4111111111111111", Ok(("dana + 7", "1.00 ILS")));
        check_row("dana,4.58E+15,1,,", Err(&[("id", "key_rounded")]));
        check_row("dana,1E5,1,,", Ok(("dana + 1E5", "1.00 ILS")));
        check_row("dana,\"a\nb\",1,,", Err(&[("id", "key")]));
        check_row(",,x,,", Err(&[("vendor", "key_missing"), ("id", "key_missing"), ("amount", "amount")]));
    }

    #[test]
    fn what_to_do_about_card_numbers_is_said_once_a_row() {
        let row = "4111111111111111,7,4111111111111111,4111111111111111,";
        let faults = check(&header(), &record_of(row)).unwrap_err();
        let advised = |text: fn(&Text) -> &str| {
            faults.iter().map(|fault| text(&fault.text).contains("not_cards")).collect::<Vec<_>>()
        };
        assert_eq!(
            (advised(|text| &text.he), advised(|text| &text.en)),
            (vec![true, false, false], vec![true, false, false])
        );
    }

    #[test]
    fn a_fault_shows_no_card_number() {
        let faults = check(&header(), &record_of("dana,7,1,x 4111 1111 1111 1111,")).unwrap_err();
        assert_eq!(faults[0].value.as_deref(), Some("x [card ****1111]"));
    }

    #[test]
    fn the_hash_of_cells_never_changes_and_knows_where_cells_end() {
        let hash = |row: &str| crate::drop::blocks::hex(&cells_hash(&record_of(row)));
        assert_eq!(hash("dana,7"), hash("\"dana\",7\r\n"));
        assert_ne!(hash("dan,a7"), hash("dana,7"));
        assert_eq!(hash("café,\u{200f}7 "), hash(" cafe\u{301},7"));
        assert_ne!(hash("a b,7"), hash("ab,7"));
        assert_eq!(hash("דנה,7"), "827600e627a41c4e21b172b81de0c01f");
        assert_eq!(hash("dana,7"), "4d3e0f25b02f8b1ae05b7fe69f37eb28");
    }
}

//! The header of a file: which column is which, and whether the file is what its flow expects.

use super::config::{RowKey, RowRules};
use super::fault::{self, Fault};
use super::reader::Record;
use gesher_core::Text;
use gesher_core::key::clean_cell;
use gesher_core::limits::COLUMNS_MAX;
use gesher_core::names::nearest;
use std::collections::HashSet;
use std::sync::Arc;

/// Names of columns that hold what may never be kept: security codes and magnetic tracks. Letters and digits only.
const SECURITY_COLUMNS: &[&str] = &[
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "cvn",
    "csc",
    "cardcvv",
    "creditcardcvv",
    "securitycode",
    "cardsecuritycode",
    "track",
    "track1",
    "track2",
    "cardtrack2",
    "creditcardtrack2",
    "pinblock",
    "קודאבטחה",
    "קודביטחון",
    "cvvכרטיס",
    "3ספרות",
    "3ספרותבגבהכרטיס",
    "ספרותביקורת",
];
/// Names of columns that hold whole card numbers.
const CARD_COLUMNS: &[&str] = &[
    "cardnumber",
    "cardno",
    "cardnum",
    "creditcardnumber",
    "creditcardno",
    "creditcardnum",
    "ccnumber",
    "ccnum",
    "pan",
    "creditcard",
    "מספרכרטיס",
    "מספרכרטיסאשראי",
    "מסכרטיס",
    "מסכרטיסאשראי",
    "כרטיסאשראי",
    "מספראשראי",
];

/// The columns of a file that were found to fit its flow.
#[derive(Clone, Debug)]
pub struct Header {
    /// The names, cleaned.
    pub names: Arc<[String]>,
    /// The columns that name a row; none where the line does.
    pub key: Option<Vec<usize>>,
    /// The amount's column.
    pub amount: Option<usize>,
    /// For each column, whether a card number in it is none.
    pub not_card: Vec<bool>,
}

impl Header {
    /// Reads a file's first record. `script_reads` are the columns that the flow's script reads.
    pub fn read(record: &Record, rules: &RowRules, script_reads: &[String]) -> Result<Self, Vec<Fault>> {
        let names: Arc<[String]> = record.cells().map(clean_cell).collect();
        let mut faults = name_faults(&names, &rules.not_cards);
        faults.extend(record.flaws().iter().map(|(column, _)| fault::flawed_header(*column)));
        let mut missing = HashSet::new();
        let mut find = |wanted: &str, faults: &mut Vec<Fault>| {
            let clean = clean_cell(wanted);
            let found = names.iter().position(|name| *name == clean);
            if found.is_none() && missing.insert(clean) {
                faults.push(missing_column(wanted, &names));
            }
            found.unwrap_or_default()
        };
        let key = match &rules.row_key {
            RowKey::Columns(columns) => Some(columns.iter().map(|name| find(name, &mut faults)).collect()),
            RowKey::Line => None,
        };
        let amount = rules.amount.as_deref().map(|name| find(name, &mut faults));
        for name in script_reads {
            find(name, &mut faults);
        }
        if !faults.is_empty() {
            return Err(faults.into_iter().map(|fault| fault.at_line(record.line)).collect());
        }
        let not_cards: Vec<String> = rules.not_cards.iter().map(|name| clean_cell(name)).collect();
        let not_card = names.iter().map(|name| not_cards.contains(name)).collect();
        Ok(Self { names, key, amount, not_card })
    }
}

/// What is wrong with the names alone.
fn name_faults(names: &[String], not_cards: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen = HashSet::new();
    if names.len() > COLUMNS_MAX {
        faults.push(fault::too_many_columns());
    }
    for (position, name) in names.iter().enumerate() {
        let number = position + 1;
        let squeezed: String =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let is_exempt = not_cards.iter().any(|other| clean_cell(other) == *name);
        if name.is_empty() {
            faults.push(empty_name(number));
        } else if !seen.insert(name.as_str()) {
            faults.push(repeated_name(name));
        } else if SECURITY_COLUMNS.contains(&squeezed.as_str()) {
            faults.push(security_column(name));
        } else if CARD_COLUMNS.contains(&squeezed.as_str()) && !is_exempt {
            faults.push(card_column(name));
        }
    }
    faults
}

fn empty_name(number: usize) -> Fault {
    Fault::new(
        "column_without_name",
        Text::new(
            format!("לעמודה מספר {number} אין כותרת; יש לתת לה שם או למחוק אותה"),
            format!("column number {number} has no name; name it or delete it"),
        ),
    )
    .in_column(number.to_string())
}

fn repeated_name(name: &str) -> Fault {
    let name = fault::shown(name);
    Fault::new(
        "column_twice",
        Text::new(
            format!("הכותרת {name} מופיעה יותר מפעם אחת"),
            format!("the column {name} is there more than once"),
        ),
    )
    .in_column(name)
}

fn security_column(name: &str) -> Fault {
    Fault::new(
        "security_code",
        Text::new(
            "אסור שבקובץ יהיו קודי אבטחה של כרטיסים או פס מגנטי; יש למחוק את העמודה ולהשתמש באסימון (token) של הכרטיס",
            "a file must not hold security codes or magnetic tracks of cards; delete the column and use card tokens",
        ),
    )
    .in_column(fault::shown(name))
}

fn card_column(name: &str) -> Fault {
    Fault::new(
        "card_column",
        Text::new(
            "אסור שבקובץ יהיו מספרי כרטיסי אשראי; יש להחליף אותם באסימונים (token). אם אלה אינם מספרי כרטיס, יש להוסיף את שם העמודה ל־not_cards",
            "a file must not hold card numbers; use card tokens. If these are none, add the column to not_cards",
        ),
    )
    .in_column(fault::shown(name))
}

fn missing_column(wanted: &str, names: &[String]) -> Fault {
    let near = nearest(wanted, names.iter().map(String::as_str)).map(fault::shown);
    let (he, en) = match (near, names) {
        (Some(near), _) => (format!("; אולי הכוונה ל־{near}?"), format!("; is it {near}?")),
        (None, [only]) if only.contains([';', ',', '\t', '|']) => {
            let said = match only.chars().find(|c| matches!(c, ';' | '\t' | '|' | ',')) {
                Some('\t') => "tab".to_owned(),
                found => found.map(String::from).unwrap_or_default(),
            };
            (
                format!(
                    "; נראה שהעמודות מופרדות בתו אחר מזה שסיומת הקובץ מבטיחה (פסיק ב־csv, טאב ב־tsv). אם כן, יש להגדיר לתהליך \
                     separator = \"{said}\""
                ),
                format!(
                    "; the columns seem to be separated by something else than the file's ending says (commas in csv, tabs in \
                     tsv). If so, set separator = \"{said}\" for the flow"
                ),
            )
        }
        _ => Default::default(),
    };
    Fault::new(
        "column_missing",
        Text::new(format!("העמודה {wanted} חסרה בקובץ{he}"), format!("the column {wanted} is missing{en}")),
    )
    .in_column(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::decode::EncodingChoice;
    use crate::drop::format::Separator;
    use crate::drop::reader::record_of;

    fn rules(key: &[&str], not_cards: &[&str]) -> RowRules {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        RowRules {
            row_key: RowKey::Columns(owned(key)),
            amount: Some("amount".into()),
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            not_cards: owned(not_cards),
        }
    }

    fn check(header: &str, want: &[(&str, &str)]) {
        let script_reads = ["vendor".to_owned(), "order_id".to_owned()];
        let read =
            Header::read(&record_of(header), &rules(&["order_id"], &["member_card", "pan"]), &script_reads);
        let found: Vec<_> = read
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|fault| (fault.column.unwrap_or_default(), fault.code))
            .collect();
        let found: Vec<_> = found.iter().map(|(column, code)| (&**column, *code)).collect();
        assert_eq!(found, want, "{header}");
    }

    #[test]
    fn a_header_has_what_the_flow_reads_and_no_card_data() {
        check("order_id,vendor,amount", &[]);
        check("\u{200f}order_id , vendor,amount\u{feff},שם", &[]);
        check("vendor,amount", &[("order_id", "column_missing")]);
        check("orderid,amount", &[("order_id", "column_missing"), ("vendor", "column_missing")]);
        check("order_id,vendor,amount,vendor", &[("vendor", "column_twice")]);
        check("order_id,vendor,amount,", &[("4", "column_without_name")]);
        check("order_id,vendor,amount,CVV", &[("CVV", "security_code")]);
        check("order_id,vendor,amount,Card Number", &[("Card Number", "card_column")]);
        check("order_id,vendor,amount,מספר כרטיס", &[("מספר כרטיס", "card_column")]);
        check("order_id,vendor,amount,pan,company,currency", &[]);
    }

    #[test]
    fn a_missing_column_names_the_nearest_one_and_the_separator() {
        let text = |header: &str| {
            Header::read(&record_of(header), &rules(&["order_id"], &[]), &[]).unwrap_err().remove(0).text
        };
        assert_eq!(text("orderid,amount").he, "העמודה order_id חסרה בקובץ; אולי הכוונה ל־orderid?");
        assert!(text("order_id;amount").en.contains("separated"));
    }
}

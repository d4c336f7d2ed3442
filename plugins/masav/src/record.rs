//! The records of a Masav file, field by field.
//!
//! A record is 128 characters and CR LF. A file is one header (`K`), rows (`1`), one trailer (`5`) and a last record of
//! nines. Numbers stand at the right of their field, filled with zeros; dates are two digits each of year, month and
//! day. Amounts are agorot. The places are those of Masav's description of files for institutions, as libraries that
//! send such files every day have them.

/// Characters of a record, without its end of line.
pub const RECORD: usize = 128;
/// What a row is: a debit by authorisation.
pub const DEBIT: &str = "504";
/// What a row is: a credit.
pub const CREDIT: &str = "006";
/// The currency: shekels.
const SHEKELS: &str = "00";

/// What a file is of. One file has one direction, though its trailer has room for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Takes money from the accounts.
    Debit,
    /// Pays money into the accounts.
    Credit,
}

impl Direction {
    /// The type of its rows.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Debit => DEBIT,
            Self::Credit => CREDIT,
        }
    }

    /// The word of it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }
}

/// What a whole file says of itself. Digits are checked by whoever fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The institution, eight digits.
    pub institution: String,
    /// The sending institution, five digits.
    pub sender: String,
    /// The day of value, `YYMMDD`.
    pub value_date: String,
    /// The day on which the file was made, `YYMMDD`.
    pub created: String,
    /// Which file of that day it is, from 1.
    pub serial: u32,
    /// The institution's name, encoded, 30 characters.
    pub name: String,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The bank, two digits.
    pub bank: String,
    /// The branch, three digits.
    pub branch: String,
    /// The kind of account, four digits.
    pub kind: String,
    /// The account, nine digits.
    pub account: String,
    /// The holder's identity number, nine digits.
    pub identity: String,
    /// The holder's name, encoded, 16 characters.
    pub name: String,
    /// The amount, in agorot.
    pub agorot: u64,
    /// The institution's own reference, 20 digits.
    pub reference: String,
    /// The period that it is for, `YYMM` from and `YYMM` to; eight zeros for none.
    pub period: String,
}

/// Digits at the right of their field. None where there are too many, or one is no digit.
#[must_use]
pub fn digits(text: &str, width: usize) -> Option<String> {
    let text = text.trim();
    let fits = text.len() <= width && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| format!("{text:0>width$}"))
}

/// The first record.
#[must_use]
pub fn header(head: &Head) -> String {
    let Head { institution, sender, value_date, created, serial, name } = head;
    let front = format!("K{institution}{SHEKELS}{value_date}0{serial:03}0{created}{sender}{:06}{name}", 0);
    format!("{front:<125}KOT")
}

/// The record of a row.
#[must_use]
pub fn row(head: &Head, direction: Direction, row: &Row) -> String {
    let Row { bank, branch, kind, account, identity, name, agorot, reference, period } = row;
    format!(
        "1{}{SHEKELS}{:06}{bank}{branch}{kind}{account}0{identity}{name}{agorot:013}{reference}{period}{:03}{}{:018}  ",
        head.institution,
        0,
        0,
        direction.code(),
        0
    )
}

/// The record of the totals.
#[must_use]
pub fn trailer(head: &Head, direction: Direction, agorot: u64, rows: usize) -> String {
    let (credits, debits) = match direction {
        Direction::Credit => ((agorot, rows), (0, 0)),
        Direction::Debit => ((0, 0), (agorot, rows)),
    };
    let Head { institution, value_date, serial, .. } = head;
    let front = format!(
        "5{institution}{SHEKELS}{value_date}0{serial:03}{:015}{:015}{:07}{:07}",
        credits.0, debits.0, credits.1, debits.1
    );
    format!("{front:<RECORD$}")
}

/// The last record.
#[must_use]
pub fn last() -> String {
    "9".repeat(RECORD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            institution: "12345678".into(),
            sender: "54321".into(),
            value_date: "261201".into(),
            created: "261122".into(),
            serial: 1,
            name: " ".repeat(30),
        }
    }

    #[test]
    fn each_record_has_its_length_and_its_fields_their_places() {
        let one = Row {
            bank: "10".into(),
            branch: "800".into(),
            kind: "0000".into(),
            account: "001234567".into(),
            identity: "000000018".into(),
            name: "         IEL &PC".into(),
            agorot: 12_350,
            reference: "00000000000000001007".into(),
            period: "26112611".into(),
        };
        let (head, debit) = (head(), Direction::Debit);
        for (record, fields) in [
            (
                header(&head),
                vec![
                    (0, "K12345678"),
                    (9, "00261201"),
                    (17, "0001"),
                    (21, "0261122"),
                    (28, "54321"),
                    (125, "KOT"),
                ],
            ),
            (
                row(&head, debit, &one),
                vec![
                    (0, "112345678"),
                    (17, "10"),
                    (19, "800"),
                    (22, "0000"),
                    (26, "001234567"),
                    (36, "000000018"),
                    (45, "         IEL &PC"),
                    (61, "0000000012350"),
                    (74, "00000000000000001007"),
                    (94, "26112611"),
                    (105, "504"),
                ],
            ),
            (
                trailer(&head, debit, 12_350, 1),
                vec![
                    (0, "512345678"),
                    (21, "000000000000000"),
                    (36, "000000000012350"),
                    (51, "00000000000001"),
                ],
            ),
            (
                trailer(&head, Direction::Credit, 99, 3),
                vec![(21, "000000000000099"), (36, "000000000000000"), (51, "00000030000000")],
            ),
            (last(), vec![(0, "999"), (125, "999")]),
        ] {
            assert_eq!(record.chars().count(), RECORD, "{record}");
            for (at, want) in fields {
                assert_eq!(record.get(at..at + want.len()), Some(want), "at {at} of {record}");
            }
        }
    }

    #[test]
    fn digits_are_filled_and_never_cut() {
        assert_eq!(digits("18", 9).as_deref(), Some("000000018"));
        assert_eq!((digits("1234567890", 9), digits("1-2", 9)), (None, None));
    }
}

//! What the sender of a file says that it holds: its rows and their total, in a small file of its own. Pure.
//!
//! One statement a line, a name and a value with `=`, `:` or a comma in between; empty lines and lines that begin with `#`
//! are passed over. `rows` is the number of rows without the header, `total` the sum of the amount column over all rows.

use super::fault::{self, Fault};
use gesher_core::money::{parse_amount, two_places};
use gesher_core::{Decimal, Text};

/// Size of such a file.
pub(super) const CONTROL_BYTES_MAX: u64 = 64 << 10;

/// What a file is said to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Control {
    rows: Option<u64>,
    total: Option<Decimal>,
}

/// What a file turned out to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Its rows.
    pub(super) rows: u64,
    /// The sum of every amount in it that can be read; none where the flow has no amount column.
    pub(super) total: Option<Decimal>,
}

impl Control {
    /// Reads it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|_broken| unreadable("", ""))?;
        let mut control = Self::default();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once(['=', ':', ',']).ok_or_else(|| unreadable(line, ""))?;
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
            let is_first = match name.as_str() {
                "rows" => {
                    let rows = value.parse().map_err(|_broken| unreadable(line, ""))?;
                    control.rows.replace(rows).is_none()
                }
                "total" => {
                    let total = match value {
                        "0" | "0.0" | "0.00" => Decimal::ZERO,
                        value => parse_amount(value).map_err(|why| unreadable(line, &why.text().en))?,
                    };
                    control.total.replace(total).is_none()
                }
                _ => false,
            };
            if !is_first {
                return Err(unreadable(line, ""));
            }
        }
        if control == Self::default() { Err(unreadable("", "")) } else { Ok(control) }
    }

    /// Whatever of a file is not as it was said to be.
    pub(super) fn faults(&self, held: Held) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(rows) = self.rows.filter(|rows| *rows != held.rows) {
            let found = held.rows;
            faults.push(Fault::new(
                "control_rows",
                Text::new(
                    format!("לפי קובץ הבקרה יש בקובץ {rows} שורות, ויש בו {found}"),
                    format!("the control file says {rows} rows, and the file has {found}"),
                ),
            ));
        }
        match (self.total, held.total) {
            (Some(_), None) => faults.push(Fault::new(
                "control_total",
                Text::new(
                    "בקובץ הבקרה יש סכום, ולתהליך לא הוגדרה עמודת סכום (amount) להשוות אליו",
                    "the control file says a total, and the flow names no amount column to compare it with",
                ),
            )),
            (Some(said), Some(found)) if said != found => {
                let [said, found] = [said, found].map(two_places);
                faults.push(Fault::new(
                    "control_total",
                    Text::new(
                        format!("לפי קובץ הבקרה הסכום הוא {said}, וסכום השורות בקובץ הוא {found}"),
                        format!("the control file says a total of {said}, and the rows of the file come to {found}"),
                    ),
                ));
            }
            _ => {}
        }
        faults
    }
}

/// A control file that says nothing that can be understood.
fn unreadable(line: &str, why: &str) -> Fault {
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    Fault::new(
        "control",
        Text::new(
            format!("אי אפשר להבין את קובץ הבקרה; יש לכתוב בו שורות כמו rows = 200 ו־total = 12345.00{why}"),
            format!("the control file cannot be understood; it holds lines such as `rows = 200` and `total = 12345.00`{why}"),
        ),
    )
    .found(&fault::shown(line))
}

/// The control file of a file is not there.
pub(super) fn missing(name: &str) -> Fault {
    let name = fault::shown(name);
    Fault::new(
        "control_missing",
        Text::new(
            format!("חסר קובץ הבקרה {name}, ובלעדיו אי אפשר לדעת שהקובץ שלם"),
            format!("its control file {name} is missing, and nothing else says that the file is whole"),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<(Option<u64>, Option<&str>), &str>) {
        let found = Control::read(text.as_bytes()).map(|one| (one.rows, one.total.map(two_places)));
        let found = found.map_err(|fault| fault.code);
        let want = want.map(|(rows, total)| (rows, total.map(str::to_owned)));
        assert_eq!(found, want, "{text}");
    }

    #[test]
    fn a_control_file_says_rows_and_a_total() {
        check("rows = 200\ntotal = 12345.5\n", Ok((Some(200), Some("12345.50"))));
        check("\u{feff}# from the bank\r\n\r\nTOTAL: \"7\"\r\n", Ok((None, Some("7.00"))));
        check("rows,0\ntotal,0", Ok((Some(0), Some("0.00"))));
        for text in [
            "",
            "rows",
            "rows = x",
            "rows = -1",
            "total = 1,5",
            "rows = 1\nrows = 1",
            "lines = 3",
            "total = -1",
        ] {
            check(text, Err("control"));
        }
        assert!(Control::read(b"rows = \xff").is_err());
    }

    #[test]
    fn whatever_differs_is_told_with_both_figures() {
        let control = Control::read(b"rows=2\ntotal=10").unwrap();
        let faults = |rows, total: Option<&str>| {
            let held = Held { rows, total: total.map(|total| total.parse().unwrap()) };
            control.faults(held).into_iter().map(|fault| fault.text.en).collect::<Vec<_>>()
        };
        assert!(faults(2, Some("10.00")).is_empty());
        let both = faults(3, Some("9.5"));
        assert_eq!(both[0], "the control file says 2 rows, and the file has 3");
        assert_eq!(both[1], "the control file says a total of 10.00, and the rows of the file come to 9.50");
        assert_eq!(faults(2, None).len(), 1);
    }
}

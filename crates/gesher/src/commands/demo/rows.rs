//! The file that the demo drops: ordinary orders, and among them, evenly, one of each trouble that a real file has.

use super::vendors::HANDLES;
use gesher_core::Decimal;

/// The header of the file.
const HEADER: &str = "order_id,vendor,customer,email,token,exp_month,exp_year,item,amount";
/// The agorot of the first order; each order costs a little more than the one before, so that no two are equal.
const FIRST_AGOROT: i64 = 4_990;
/// How much more, in agorot.
const MORE_AGOROT: i64 = 137;

/// Beginning of a token whose charge happens, and whose answer is lost.
pub(super) const LOST_ANSWER: &str = "test-card-lost-answer";
/// Beginning of a token whose call is lost before the charge.
pub(super) const LOST_CALL: &str = "test-card-lost-call";

const CUSTOMERS: &[&str] = &[
    "נועה לוי",
    "יוסי כהן",
    "Maya Azulay",
    "אבי מזרחי",
    "רותם ביטון",
    "Daniel Peretz",
    "שירה פרידמן",
    "עומר דהן",
];
const ITEMS: &[&str] = &["קערה כחולה", "סט ספלים", "Workshop", "אגרטל", "צלחת הגשה", "Gift card", "קומקום"];

/// What is the matter with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// The amount is no amount.
    BadAmount,
    /// The whole number of a card stands in the row.
    CardNumber,
    /// The card is refused.
    Declined,
    /// The vendor has no account.
    NoVendor,
    /// The same row as an earlier one.
    Duplicate,
    /// An order that stood before, with another amount.
    Conflict,
    /// The charge happens, and its answer is lost.
    LostAnswer,
    /// The connection breaks before the charge, and nobody can tell.
    LostCall,
}

/// Share of rows that have a trouble, at most; a very small file has room for a few only.
const TROUBLED_PERCENT_MAX: u32 = 40;

/// One trouble in a hundred rows, or so many of it.
const TROUBLES_PER_HUNDRED: &[(Trouble, u32)] = &[
    (Trouble::BadAmount, 2),
    (Trouble::CardNumber, 1),
    (Trouble::Declined, 3),
    (Trouble::NoVendor, 1),
    (Trouble::Duplicate, 2),
    (Trouble::Conflict, 1),
    (Trouble::LostAnswer, 2),
    (Trouble::LostCall, 1),
];

/// A row of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DemoRow {
    /// What is the matter with it.
    pub(super) trouble: Trouble,
    /// The order.
    pub(super) order: String,
    vendor: &'static str,
    customer: &'static str,
    token: String,
    item: String,
    amount: String,
}

/// The rows of a file of `count` rows.
pub(super) fn rows(count: u32) -> Vec<DemoRow> {
    let troubles = troubles(count);
    let mut rows: Vec<DemoRow> = Vec::new();
    for (at, trouble) in (0..count).zip(troubles) {
        let earlier = rows.iter().rev().find(|row| row.trouble == Trouble::None).cloned();
        rows.push(match (trouble, earlier) {
            (Trouble::Duplicate, Some(row)) => DemoRow { trouble, ..row },
            (Trouble::Conflict, Some(row)) => DemoRow { trouble, amount: "1.00".to_owned(), ..row },
            (trouble, _) => row(at, trouble),
        });
    }
    rows
}

/// The same rows with the wrong amounts mended, and everything else as it was.
pub(super) fn mended(rows: &[DemoRow]) -> Vec<DemoRow> {
    let mend = |row: &DemoRow| match row.trouble {
        Trouble::BadAmount => {
            DemoRow { amount: row.amount.trim_end_matches(" ₪").to_owned(), ..row.clone() }
        }
        _ => row.clone(),
    };
    rows.iter().map(mend).collect()
}

/// Which row has which trouble: the troubled ones spread evenly, and none at the very beginning.
fn troubles(count: u32) -> Vec<Trouble> {
    let mut all: Vec<Trouble> = TROUBLES_PER_HUNDRED
        .iter()
        .flat_map(|(trouble, share)| (0..(share * count / 100).max(1)).map(|_| *trouble))
        .collect();
    all.truncate(usize::try_from(count * TROUBLED_PERCENT_MAX / 100).unwrap_or(0));
    let mut rows: Vec<Trouble> = vec![Trouble::None; usize::try_from(count).unwrap_or(0)];
    let (step, len) = (rows.len(), all.len() + 1);
    for (at, trouble) in all.into_iter().enumerate() {
        if let Some(row) = rows.get_mut((at + 1) * step / len) {
            *row = trouble;
        }
    }
    rows
}

fn row(at: u32, trouble: Trouble) -> DemoRow {
    let pick = |from: &[&'static str]| from[usize::try_from(at).unwrap_or(0) % from.len()];
    let amount = Decimal::new(FIRST_AGOROT + MORE_AGOROT * i64::from(at), 2);
    DemoRow {
        trouble,
        order: format!("{}", 1000 + at),
        vendor: if trouble == Trouble::NoVendor { "nobody" } else { pick(&HANDLES) },
        customer: pick(CUSTOMERS),
        token: match trouble {
            Trouble::Declined => format!("test-card-{at}-004"),
            Trouble::CardNumber => "4111111111111111".to_owned(),
            Trouble::LostAnswer => format!("{LOST_ANSWER}-{at}"),
            Trouble::LostCall => format!("{LOST_CALL}-{at}"),
            _ => format!("aaaaaaaa-bbbb-4ccc-8ddd-{at:012}"),
        },
        item: pick(ITEMS).to_owned(),
        amount: if trouble == Trouble::BadAmount { format!("{amount} ₪") } else { amount.to_string() },
    }
}

impl DemoRow {
    fn line(&self) -> String {
        let Self { order, vendor, customer, token, item, amount, .. } = self;
        format!("{order},{vendor},{customer},order-{order}@example.test,{token},12,2030,{item},{amount}\n")
    }
}

/// The rows as a CSV file.
pub(super) fn csv(rows: &[DemoRow]) -> String {
    std::iter::once(format!("{HEADER}\n")).chain(rows.iter().map(DemoRow::line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_size_has_each_trouble_and_ordinary_rows_in_the_majority() {
        for count in [20, 21, 50, 200, 1_000, 3_333] {
            let rows = rows(count);
            assert_eq!(rows.len(), usize::try_from(count).unwrap());
            for (trouble, _) in TROUBLES_PER_HUNDRED {
                assert!(rows.iter().any(|row| row.trouble == *trouble), "{trouble:?} of {count}");
            }
            let ordinary = rows.iter().filter(|row| row.trouble == Trouble::None).count();
            assert!(ordinary * 2 > rows.len(), "{ordinary} of {count}");
        }
    }

    #[test]
    fn duplicates_repeat_an_ordinary_row_and_conflicts_change_it() {
        let rows = rows(200);
        for (at, row) in rows.iter().enumerate() {
            let same = rows[..at].iter().find(|earlier| earlier.order == row.order);
            match row.trouble {
                Trouble::Duplicate => assert_eq!(same.unwrap().line(), row.line()),
                Trouble::Conflict => assert_ne!(same.unwrap().line(), row.line()),
                _ => assert_eq!(same, None),
            }
        }
    }

    #[test]
    fn every_vendor_has_orders_of_its_own() {
        let rows = rows(20);
        for handle in HANDLES {
            assert!(rows.iter().any(|row| row.vendor == handle && row.trouble == Trouble::None), "{handle}");
        }
    }

    #[test]
    fn no_two_orders_cost_the_same() {
        let rows = rows(1_000);
        let kept: Vec<_> = rows.iter().filter(|row| row.trouble != Trouble::Duplicate).collect();
        let amounts: HashSet<&str> = kept.iter().map(|row| row.amount.as_str()).collect();
        let conflicts = kept.iter().filter(|row| row.trouble == Trouble::Conflict).count();
        assert_eq!(amounts.len(), kept.len() - conflicts + 1);
    }
}

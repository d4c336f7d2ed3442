//! The columns of a result: the file's own, and what stands in them for a row that can no longer be read back. Which
//! file they are written to, and which columns of ours follow them, is the report's business.

use super::cells::{neutral, safe};
use super::config::{RowKey, RowRules};
use super::header::Header;
use super::reader::Record;
use gesher_core::Key;
use gesher_core::key::clean_cell;
use gesher_core::money::two_places;
use gesher_engine::journal::ItemRecord;
use std::borrow::Cow;

/// The columns of one run's result.
pub(super) struct Columns(Vec<Column>);

struct Column {
    name: String,
    /// Which cell of a row it is.
    position: usize,
    /// Whether a card number in it is none.
    is_exempt: bool,
    kept: Kept,
}

/// What the journal keeps of a column.
#[derive(Clone, Copy)]
enum Kept {
    /// A cell of the row's key.
    KeyCell(usize),
    /// The row's amount.
    Amount,
    Nothing,
}

impl Columns {
    /// The file's columns, or where not even its header can be read, those that the journal keeps something of. Columns
    /// named in `leave_out` are ours, from a result that was mended and dropped again; they are not repeated.
    pub(super) fn of(header: Option<&Header>, rules: &RowRules, leave_out: &[&str]) -> Self {
        let key: Vec<String> = match &rules.row_key {
            RowKey::Columns(columns) => columns.iter().map(|name| clean_cell(name)).collect(),
            RowKey::Line => Vec::new(),
        };
        let amount = rules.amount.as_deref().map(clean_cell);
        let names = header.map_or_else(
            || {
                let only_amount = amount.iter().filter(|name| !key.contains(name));
                key.iter().chain(only_amount).cloned().collect()
            },
            |header| header.names.to_vec(),
        );
        let exempt: Vec<String> = rules.not_cards.iter().map(|name| clean_cell(name)).collect();
        let column = |(position, name): (usize, String)| {
            let kept = match key.iter().position(|cell| *cell == name) {
                Some(cell) => Kept::KeyCell(cell),
                None if amount.as_ref() == Some(&name) => Kept::Amount,
                None => Kept::Nothing,
            };
            Column { position, is_exempt: exempt.contains(&name), kept, name }
        };
        let others = names.into_iter().enumerate().filter(|(_, name)| !leave_out.contains(&name.as_str()));
        Self(others.map(column).collect())
    }

    /// Their names, as they may be shown.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|column| safe(&column.name).into_owned())
    }

    /// The cells of an item's row, as they may be shown. Without its record, what the journal keeps: a person can still
    /// tell which order it was.
    pub(super) fn cells<'a>(
        &'a self,
        item: &'a ItemRecord,
        record: Option<&'a Record>,
    ) -> impl Iterator<Item = String> + 'a {
        self.0.iter().map(move |column| {
            let cell = record
                .map_or_else(|| column.kept.cell(item), |record| Cow::Borrowed(record.cell(column.position)));
            if column.is_exempt { neutral(&cell) } else { safe(&cell) }.into_owned()
        })
    }
}

impl Kept {
    fn cell(self, item: &ItemRecord) -> Cow<'_, str> {
        match self {
            Self::KeyCell(cell) => {
                item.key.as_ref().and_then(|key| nth(key, cell)).unwrap_or_default().into()
            }
            Self::Amount => {
                let money = item.end.as_ref().and_then(|end| end.amount);
                money.map(|money| two_places(money.amount)).unwrap_or_default().into()
            }
            Self::Nothing => Cow::Borrowed(""),
        }
    }
}

fn nth(key: &Key, cell: usize) -> Option<&str> {
    key.cells().nth(cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drop::decode::EncodingChoice;
    use crate::drop::format::Separator;
    use crate::drop::reader::record_of;
    use gesher_core::{Currency, ItemEnd, ItemId, ItemStatus, Money, RunId};

    fn check(key: RowKey, row_key: Option<Key>, header: Option<&str>, want: &[(&str, &str)]) {
        let rules = RowRules {
            row_key: key,
            amount: Some("amount".into()),
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            not_cards: vec!["member".into()],
        };
        let header = header.map(|header| Header::read(&record_of(header), &rules, &[]).unwrap());
        let run: RunId = "k7mq2xd".parse().unwrap();
        let mut end = ItemEnd::new(ItemStatus::Succeeded, "0", String::new());
        end.amount = Some(Money { amount: "5".parse().unwrap(), currency: Currency::ILS });
        let at = jiff::Timestamp::UNIX_EPOCH;
        let id = ItemId { run, ordinal: 1 };
        let item =
            ItemRecord { id, line: 2, key: row_key, attempt: Some(1), end: Some(end), at, first_at: at };
        let columns = Columns::of(header.as_ref(), &rules, &["gesher_line"]);
        let found: Vec<_> = columns.names().zip(columns.cells(&item, None)).collect();
        let found: Vec<_> = found.iter().map(|(name, cell)| (name.as_str(), cell.as_str())).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn a_row_that_cannot_be_read_back_has_the_key_and_the_amount_that_the_journal_keeps() {
        let columns = || RowKey::Columns(vec!["vendor".into(), "\u{200f}member ".into()]);
        let key = || Some(Key::of_cells(["=dana", "4111111111111111"]).unwrap());
        let (dana, member) = (("vendor", "'=dana"), ("member", "4111111111111111"));
        check(columns(), key(), None, &[dana, member, ("amount", "5.00")]);
        let header = Some("note,gesher_line,member,amount,vendor");
        check(columns(), key(), header, &[("note", ""), member, ("amount", "5.00"), dana]);
        check(columns(), None, None, &[("vendor", ""), ("member", ""), ("amount", "5.00")]);
        check(RowKey::Line, Some(Key::derived("ab:2".into())), None, &[("amount", "5.00")]);
    }
}

//! A table for a terminal: columns as wide as their widest cell, numbers to the right.

/// Rows of cells below a head.
#[derive(Debug, Default)]
pub struct TextTable {
    head: Vec<&'static str>,
    /// Columns whose cells stand to the right.
    right: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table with that head.
    pub fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), ..Self::default() }
    }

    /// These columns stand to the right.
    #[must_use]
    pub fn right(mut self, columns: &[usize]) -> Self {
        self.right = columns.to_vec();
        self
    }

    /// One more row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| cell.replace(['\n', '\r', '\t'], " ")).collect());
    }

    /// The table, each line indented by two spaces.
    pub fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell));
                cells.chain([width(self.head[column])]).max().unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        let head: Vec<String> = self.head.iter().map(ToString::to_string).collect();
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::from(" ");
            for (column, cell) in row.iter().enumerate() {
                let gap = " ".repeat(widths.get(column).map_or(0, |wide| wide.saturating_sub(width(cell))));
                let cell = if self.right.contains(&column) {
                    format!("{gap}{cell}")
                } else {
                    format!("{cell}{gap}")
                };
                line.push(' ');
                line.push_str(&cell);
                line.push(' ');
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Characters; Hebrew letters are as wide as Latin ones, and points above and below take no place.
fn width(text: &str) -> usize {
    text.chars().filter(|c| !matches!(c, '\u{591}'..='\u{5c7}' | '\u{200e}' | '\u{200f}')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = TextTable::new(&["status", "rows"]).right(&[1]);
        table.row(["succeeded".to_owned(), "7".to_owned()]);
        table.row(["שלום".to_owned(), "1234".to_owned()]);
        assert_eq!(table.render(), "  status     rows\n  succeeded     7\n  שלום       1234\n");
    }
}

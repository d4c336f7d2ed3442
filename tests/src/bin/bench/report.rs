//! The table: figures, what they had to reach, and whether they did. On the terminal and as Markdown the same.

use std::fmt::Write as _;

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    what: String,
    value: String,
    bar: Option<(String, bool)>,
}

impl Figure {
    /// A figure that stands beside others and has to reach nothing itself.
    pub(crate) fn of(what: impl Into<String>, value: impl Into<String>) -> Self {
        Self { what: what.into(), value: value.into(), bar: None }
    }

    /// What it has to reach, and whether it does.
    pub(crate) fn bar(mut self, bar: impl Into<String>, met: bool) -> Self {
        self.bar = Some((bar.into(), met));
        self
    }

    fn cells(&self) -> [String; 4] {
        let (bar, verdict) = match &self.bar {
            None => (String::new(), ""),
            Some((bar, true)) => (bar.clone(), "met"),
            Some((bar, false)) => (bar.clone(), "**missed**"),
        };
        [self.what.clone(), self.value.clone(), bar, verdict.to_owned()]
    }

    /// One line for a terminal, as soon as it is known.
    pub(crate) fn line(&self) -> String {
        let [what, value, bar, verdict] = self.cells();
        format!("  {what}: {value}  {bar} {}", verdict.replace('*', "")).trim_end().to_owned()
    }
}

/// A part of the report.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    /// Its heading.
    pub(crate) title: String,
    /// How the figures came about.
    pub(crate) about: String,
    /// The figures.
    pub(crate) figures: Vec<Figure>,
}

/// The whole report in Markdown, its columns aligned so that it reads well as plain text too.
pub(crate) fn markdown(facts: &[(String, String)], how: &str, sections: &[Section]) -> String {
    let mut text = String::from("# Benchmarks\n\n");
    text.push_str("<!-- Written by `cargo xtask bench --write docs/benchmarks.md`. -->\n\n");
    text.push_str(how.trim());
    text.push_str("\n\n");
    let facts: Vec<Vec<String>> =
        facts.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
    text.push_str(&table(&["machine", ""], &facts));
    for section in sections {
        // Writing to a string cannot fail.
        let _always = write!(text, "\n## {}\n\n{}\n\n", section.title, section.about.trim());
        let rows: Vec<Vec<String>> = section.figures.iter().map(|figure| figure.cells().to_vec()).collect();
        text.push_str(&table(&["figure", "measured", "bar", ""], &rows));
    }
    text
}

fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&header]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |row: &[String]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{}{body}", line(&header), line(&rule))
}

/// The smallest, the middle and the largest of some measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) middle: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of an even number the lower of the two in the middle, which flatters nobody.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let last = values.len().saturating_sub(1);
        Self { least: at(0), middle: at(last / 2), most: at(last) }
    }

    /// As rows a second.
    pub(crate) fn rate(&self) -> String {
        format!("{} ({} to {})", grouped(self.middle), grouped(self.least), grouped(self.most))
    }
}

/// A whole number with a comma between thousands.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_is_the_lower_one() {
        for (values, want) in [
            (vec![3.0, 1.0, 2.0], (1.0, 2.0, 3.0)),
            (vec![4.0, 1.0, 2.0, 3.0], (1.0, 2.0, 4.0)),
            (vec![5.0], (5.0, 5.0, 5.0)),
            (vec![], (0.0, 0.0, 0.0)),
        ] {
            let spread = Spread::of(values.clone());
            assert_eq!((spread.least, spread.middle, spread.most), want, "{values:?}");
        }
    }

    #[test]
    fn thousands_are_grouped() {
        for (value, want) in
            [(0.0, "0"), (999.4, "999"), (1000.0, "1,000"), (1234567.0, "1,234,567"), (-1000.0, "-1,000")]
        {
            assert_eq!(grouped(value), want);
        }
    }

    #[test]
    fn a_table_is_aligned_and_says_what_was_missed() {
        let section = Section {
            title: "Speed".into(),
            about: "As it is.".into(),
            figures: vec![
                Figure::of("rows", "10").bar("12", false),
                Figure::of("a longer name", "9").bar("9", true),
                Figure::of("beside", "1"),
            ],
        };
        let text = markdown(&[("cores".into(), "2".into())], "How.", &[section]);
        let tail = text.split("As it is.\n\n").nth(1).unwrap();
        let want = "\
| figure        | measured | bar |            |
| ------------- | -------- | --- | ---------- |
| rows          | 10       | 12  | **missed** |
| a longer name | 9        | 9   | met        |
| beside        | 1        |     |            |
";
        assert_eq!(tail, want);
    }
}

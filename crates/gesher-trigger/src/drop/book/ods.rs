//! The content of an ods file: its first visible sheet.

use super::super::fault::{self, Fault};
use super::values;
use super::xlsx::put;
use super::xml::{Xml, attribute, text};
use super::{Archive, BookRow, Flaw, Halt, Sink};
use gesher_core::limits::{COLUMNS_MAX, RECORD_BYTES_MAX, ROWS_PER_FILE_MAX};
use quick_xml::events::{BytesStart, Event};
use std::collections::HashSet;

/// What is shown in a cell that could not be worked out, beside `Err:` and a number.
const ERRORS: [&str; 7] = ["#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#N/A", "#NUM!", "#NULL!"];

/// Gives the rows of the first visible sheet to the sink. Answers the names of other sheets that hold something.
pub(super) fn read(archive: &mut Archive, sink: &mut Sink) -> Result<Vec<String>, Halt> {
    let mut part = Xml::open(archive, "content.xml")?.ok_or_else(fault::book_damaged)?;
    let mut reading = Reading::default();
    loop {
        let event = part.next()?;
        match &event {
            Event::Start(tag) => reading.start(tag)?,
            Event::End(tag) => reading.end(tag.local_name().as_ref(), sink)?,
            Event::Eof if reading.sheet == Sheet::None => return Err(fault::no_sheet().into()),
            Event::Eof => return Ok(reading.others),
            other if reading.paragraph_depth > 0 && reading.skipped == 0 => {
                if let Some(text) = text(other)? {
                    reading.push(&text)?;
                }
            }
            _ => {}
        }
    }
}

/// Which sheet is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sheet {
    /// None yet.
    #[default]
    None,
    /// The first visible one.
    First,
    /// A hidden one before it.
    Hidden,
    /// One after it, by whether something was found in it.
    Other(bool),
    /// Between two sheets, after the first.
    Between,
}

/// A cell while it is read.
#[derive(Default)]
struct Open {
    kind: Option<String>,
    value: Option<String>,
    repeated: usize,
    text: String,
    paragraphs: usize,
}

#[derive(Default)]
struct Reading {
    /// Styles of sheets that are not shown.
    hidden: HashSet<String>,
    style: String,
    sheet: Sheet,
    name: String,
    others: Vec<String>,
    row: BookRow,
    row_repeated: u64,
    /// The last row's number.
    line: u64,
    column: usize,
    cell: Open,
    in_cell: bool,
    paragraph_depth: usize,
    /// Depth inside what is shown beside a cell and not in it.
    skipped: usize,
}

impl Reading {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        if self.skipped > 0 {
            self.skipped += 1;
            return Ok(());
        }
        match tag.local_name().as_ref() {
            "style" => self.style = attribute(tag, "name")?.unwrap_or_default(),
            "table-properties" if attribute(tag, "display")?.is_some_and(|shown| shown == "false") => {
                self.hidden.insert(self.style.clone());
            }
            "table" if !self.in_cell => self.begin_sheet(tag)?,
            "table-row" => {
                self.row = BookRow { line: self.line + 1, ..BookRow::default() };
                self.row_repeated = repeated(tag, "number-rows-repeated")?;
                self.column = 0;
            }
            "table-cell" | "covered-table-cell" => self.begin_cell(tag)?,
            "annotation" | "shape" | "frame" if self.in_cell => self.skipped = 1,
            "p" | "h" if self.in_cell => {
                self.paragraph_depth += 1;
                self.cell.paragraphs += 1;
                if self.cell.paragraphs > 1 {
                    self.push("\n")?;
                }
            }
            "s" if self.paragraph_depth > 0 => {
                let spaces = repeated(tag, "c")?.min(RECORD_BYTES_MAX as u64);
                self.push(&" ".repeat(usize::try_from(spaces).unwrap_or(1)))?;
            }
            "tab" if self.paragraph_depth > 0 => self.push("\t")?,
            "line-break" if self.paragraph_depth > 0 => self.push("\n")?,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str, sink: &mut Sink) -> Result<(), Halt> {
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(());
        }
        match name {
            "table" if !self.in_cell => self.end_sheet(),
            "table-row" => self.end_row(sink)?,
            "table-cell" | "covered-table-cell" => self.end_cell()?,
            "p" | "h" if self.in_cell => self.paragraph_depth -= 1,
            _ => {}
        }
        Ok(())
    }

    fn begin_sheet(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        self.name = attribute(tag, "name")?.unwrap_or_default();
        let is_hidden = attribute(tag, "style-name")?.is_some_and(|style| self.hidden.contains(&style));
        self.sheet = match self.sheet {
            Sheet::None if is_hidden => Sheet::Hidden,
            Sheet::None => Sheet::First,
            _ if is_hidden => Sheet::Between,
            _ => Sheet::Other(false),
        };
        self.line = 0;
        Ok(())
    }

    fn end_sheet(&mut self) {
        if self.sheet == Sheet::Other(true) {
            self.others.push(std::mem::take(&mut self.name));
        }
        self.sheet = if self.sheet == Sheet::Hidden { Sheet::None } else { Sheet::Between };
    }

    fn begin_cell(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        let kind = attribute(tag, "value-type")?;
        let value = match kind.as_deref() {
            Some("date") => attribute(tag, "date-value")?,
            Some("time") => attribute(tag, "time-value")?,
            Some("boolean") => attribute(tag, "boolean-value")?,
            Some("string") => attribute(tag, "string-value")?,
            _ => attribute(tag, "value")?,
        };
        let times = usize::try_from(repeated(tag, "number-columns-repeated")?).unwrap_or(usize::MAX);
        self.cell = Open { kind, value, repeated: times, ..Open::default() };
        (self.in_cell, self.paragraph_depth) = (true, 0);
        Ok(())
    }

    fn end_cell(&mut self) -> Result<(), Fault> {
        self.in_cell = false;
        let cell = std::mem::take(&mut self.cell);
        let times = cell.repeated;
        let (text, flaw) = value(cell)?;
        if text.trim().is_empty() {
            self.column = self.column.saturating_add(times);
            return Ok(());
        }
        match &mut self.sheet {
            Sheet::First => {
                if self.column.saturating_add(times) > COLUMNS_MAX {
                    return Err(fault::too_many_columns().at_line(self.row.line));
                }
                for _ in 0..times {
                    put(&mut self.row, self.column, text.clone(), flaw)?;
                    self.column += 1;
                }
            }
            Sheet::Other(found) => *found = true,
            Sheet::None | Sheet::Hidden | Sheet::Between => {}
        }
        Ok(())
    }

    fn end_row(&mut self, sink: &mut Sink) -> Result<(), Halt> {
        let row = std::mem::take(&mut self.row);
        if self.sheet == Sheet::First && row.width() > 0 {
            // Whoever reads stops at its own bound; this one keeps a few bytes from being endless rows.
            for time in 0..self.row_repeated.min(ROWS_PER_FILE_MAX + 1) {
                sink.take(BookRow { line: row.line + time, ..row.clone() })?;
            }
        }
        self.line = self.line.saturating_add(self.row_repeated);
        Ok(())
    }

    fn push(&mut self, text: &str) -> Result<(), Fault> {
        self.cell.text.push_str(text);
        if self.cell.text.len() > RECORD_BYTES_MAX {
            return Err(fault::record_too_long().at_line(self.row.line));
        }
        Ok(())
    }
}

/// A cell's text, and what is wrong with it.
fn value(cell: Open) -> Result<(String, Option<Flaw>), Fault> {
    let Open { kind, value, text, .. } = cell;
    // A formula that failed is a text or a number with the error as what is shown.
    if ERRORS.contains(&text.trim()) || text.starts_with("Err:") {
        return Ok((text, Some(Flaw::Error)));
    }
    match kind.as_deref() {
        Some("float" | "percentage" | "currency") => {
            values::number(&value.unwrap_or_default()).ok_or_else(fault::book_damaged)
        }
        Some("date") => Ok((value.unwrap_or_default().trim_end_matches("T00:00:00").to_owned(), None)),
        Some("time") => Ok((time(&value.unwrap_or_default()), None)),
        Some("boolean") => Ok((value.unwrap_or_default().to_uppercase(), None)),
        Some("string") => Ok((if text.is_empty() { value.unwrap_or_default() } else { text }, None)),
        None => Ok((text, None)),
        Some(_) => Err(fault::book_damaged()),
    }
}

/// `PT14H30M00S` as `14:30:00`; what is written otherwise stays as it is.
fn time(value: &str) -> String {
    let parts = value.strip_prefix("PT").and_then(|rest| {
        let (hours, rest) = rest.split_once('H')?;
        let (minutes, rest) = rest.split_once('M')?;
        let seconds = rest.strip_suffix('S')?.split(['.', ',']).next()?;
        Some([hours, minutes, seconds].map(str::to_owned))
    });
    parts.map_or_else(|| value.to_owned(), |parts| parts.map(|part| format!("{part:0>2}")).join(":"))
}

fn repeated(tag: &BytesStart<'_>, name: &str) -> Result<u64, Fault> {
    let Some(text) = attribute(tag, name)? else { return Ok(1) };
    text.trim().parse().map_err(|_broken| fault::book_damaged())
}

//! The parts of an xlsx file, and its first visible sheet.

use super::super::fault::{self, Fault};
use super::values::{self, Meaning};
use super::xml::{Xml, attribute, text};
use super::{Archive, BookRow, Flaw, Halt, Sink, Strings};
use gesher_core::limits::{COLUMNS_MAX, RECORD_BYTES_MAX};
use quick_xml::events::Event;
use std::collections::HashMap;

/// Size of the table of shared texts. It is in memory while the sheet is read.
const STRINGS_BYTES_MAX: usize = 64 << 20;
/// How the kinds of parts end that matter here.
const WORKBOOK: &str = "/officeDocument";
const SHARED_STRINGS: &str = "/sharedStrings";
const STYLES: &str = "/styles";

/// Gives the rows of the first visible sheet to the sink. Answers the names of other sheets that hold something.
pub(super) fn read(archive: &mut Archive, sink: &mut Sink) -> Result<Vec<String>, Halt> {
    let top = relations(archive, "_rels/.rels")?;
    let workbook = top.target_of_kind(WORKBOOK).unwrap_or_else(|| "xl/workbook.xml".to_owned());
    let (folder, file) = workbook.rsplit_once('/').unwrap_or(("", &workbook));
    let relations = relations(archive, &format!("{folder}/_rels/{file}.rels"))?.inside(folder);
    let book = Workbook::read(archive, &workbook)?;
    let paths = book.sheets.iter().filter(|sheet| sheet.is_visible);
    let mut paths =
        paths.filter_map(|sheet| Some((sheet.name.clone(), relations.0.get(&sheet.id)?.1.clone())));
    let (_, first) = paths.next().ok_or_else(fault::no_sheet)?;
    let others: Vec<_> = paths.collect();
    let meanings = match relations.target_of_kind(STYLES) {
        Some(path) => meanings(archive, &path)?,
        None => Vec::new(),
    };
    let strings = match relations.target_of_kind(SHARED_STRINGS) {
        Some(path) => strings(archive, &path, STRINGS_BYTES_MAX)?,
        None => Strings::default(),
    };
    let reading = Reading { strings, meanings, from_1904: book.from_1904 };
    sheet(archive, &first, &reading, &mut |row| sink.take(row))?;
    let mut with_data = Vec::new();
    for (name, path) in others {
        if holds_something(archive, &path)? {
            with_data.push(name);
        }
    }
    Ok(with_data)
}

/// Where the parts lie that one refers to: kind and path, by id.
struct Relations(HashMap<String, (String, String)>);

impl Relations {
    fn target_of_kind(&self, kind: &str) -> Option<String> {
        self.0.values().find(|(found, _)| found.ends_with(kind)).map(|(_, path)| path.clone())
    }

    /// The same with paths from the archive's top.
    fn inside(self, folder: &str) -> Self {
        let whole = |path: String| match path.strip_prefix('/') {
            Some(path) => path.to_owned(),
            None => format!("{folder}/{path}"),
        };
        Self(self.0.into_iter().map(|(id, (kind, path))| (id, (kind, whole(path)))).collect())
    }
}

fn relations(archive: &mut Archive, path: &str) -> Result<Relations, Fault> {
    let mut found = HashMap::new();
    let Some(mut part) = Xml::open(archive, path)? else { return Ok(Relations(found)) };
    loop {
        match part.next()? {
            Event::Start(tag) if tag.local_name().as_ref() == "Relationship" => {
                let part = (attribute(&tag, "Id")?, attribute(&tag, "Type")?, attribute(&tag, "Target")?);
                if let (Some(id), Some(kind), Some(target)) = part {
                    found.insert(id, (kind, target));
                }
            }
            Event::Eof => return Ok(Relations(found)),
            _ => {}
        }
    }
}

struct SheetEntry {
    name: String,
    id: String,
    is_visible: bool,
}

struct Workbook {
    sheets: Vec<SheetEntry>,
    from_1904: bool,
}

impl Workbook {
    fn read(archive: &mut Archive, path: &str) -> Result<Self, Fault> {
        let mut book = Self { sheets: Vec::new(), from_1904: false };
        let mut part = Xml::open(archive, path)?.ok_or_else(fault::book_damaged)?;
        loop {
            match part.next()? {
                Event::Start(tag) if tag.local_name().as_ref() == "sheet" => {
                    let state = attribute(&tag, "state")?;
                    book.sheets.push(SheetEntry {
                        name: attribute(&tag, "name")?.unwrap_or_default(),
                        id: attribute(&tag, "id")?.unwrap_or_default(),
                        is_visible: state.is_none_or(|state| state == "visible"),
                    });
                }
                Event::Start(tag) if tag.local_name().as_ref() == "workbookPr" => {
                    book.from_1904 = attribute(&tag, "date1904")?.is_some_and(|on| on == "1" || on == "true");
                }
                Event::Eof => return Ok(book),
                _ => {}
            }
        }
    }
}

/// What the numbers of each cell style stand for.
fn meanings(archive: &mut Archive, path: &str) -> Result<Vec<Meaning>, Fault> {
    let (mut own, mut styles, mut inside) = (HashMap::new(), Vec::new(), false);
    let Some(mut part) = Xml::open(archive, path)? else { return Ok(styles) };
    let id = |text: Option<String>| text.and_then(|text| text.parse::<u32>().ok()).unwrap_or_default();
    loop {
        match part.next()? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "numFmt" => {
                    let code = attribute(&tag, "formatCode")?.unwrap_or_default();
                    own.insert(id(attribute(&tag, "numFmtId")?), values::of_code(&code));
                }
                "cellXfs" => inside = true,
                "xf" if inside => {
                    let format = id(attribute(&tag, "numFmtId")?);
                    styles.push(own.get(&format).copied().unwrap_or_else(|| values::built_in(format)));
                }
                _ => {}
            },
            Event::End(tag) if tag.local_name().as_ref() == "cellXfs" => inside = false,
            Event::Eof => return Ok(styles),
            _ => {}
        }
    }
}

/// The table of shared texts, unless it is larger than `most` bytes.
pub(super) fn strings(archive: &mut Archive, path: &str, most: usize) -> Result<Strings, Fault> {
    let mut strings = Strings::default();
    let Some(mut part) = Xml::open(archive, path)? else { return Ok(strings) };
    // Text of a reading aid above the letters is no part of the cell.
    let (mut in_text, mut in_aid) = (false, false);
    loop {
        let event = part.next()?;
        match &event {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "t" => in_text = true,
                "rPh" => in_aid = true,
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => in_text = false,
                "rPh" => in_aid = false,
                "si" => strings.ends.push(strings.text.len()),
                _ => {}
            },
            Event::Eof => return Ok(strings),
            other if in_text && !in_aid => {
                if let Some(text) = text(other)? {
                    strings.text.push_str(&text);
                }
            }
            _ => {}
        }
        if strings.text.len() + strings.ends.len() * size_of::<usize>() > most {
            return Err(fault::book_too_large());
        }
    }
}

/// What the cells of a sheet refer to.
struct Reading {
    strings: Strings,
    meanings: Vec<Meaning>,
    from_1904: bool,
}

/// A cell while it is read.
#[derive(Default)]
struct Open {
    column: usize,
    kind: Option<String>,
    style: usize,
    text: String,
}

impl Reading {
    /// A cell's text, and what is wrong with it.
    fn value(&self, cell: Open) -> Result<(String, Option<Flaw>), Fault> {
        let Open { kind, style, text, .. } = cell;
        match kind.as_deref() {
            Some("s") => {
                let index: Option<usize> = text.trim().parse().ok();
                let found = index.and_then(|index| self.strings.get(index));
                found.map(|text| (unescaped(text), None)).ok_or_else(fault::book_damaged)
            }
            Some("inlineStr" | "str") => Ok((unescaped(&text), None)),
            Some("e") => Ok((text, Some(Flaw::Error))),
            Some("b") => Ok((if text.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned(), None)),
            Some("d") => Ok((text, None)),
            None | Some("n") if text.trim().is_empty() => Ok((String::new(), None)),
            None | Some("n") => match self.meanings.get(style).copied().unwrap_or_default() {
                Meaning::Number => values::number(&text).ok_or_else(fault::book_damaged),
                meaning => Ok(match values::moment(&text, meaning, self.from_1904) {
                    Some(moment) => (moment, None),
                    // Programs show such a date as ########.
                    None => (text, Some(Flaw::Error)),
                }),
            },
            Some(_) => Err(fault::book_damaged()),
        }
    }
}

/// Reads the rows of a sheet.
fn sheet(
    archive: &mut Archive,
    path: &str,
    reading: &Reading,
    take: &mut dyn FnMut(BookRow) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let mut part = Xml::open(archive, path)?.ok_or_else(fault::book_damaged)?;
    let (mut row, mut cell, mut next_column) = (BookRow::default(), Open::default(), 0);
    let (mut in_text, mut in_aid) = (false, false);
    loop {
        let event = part.next()?;
        match &event {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "row" => {
                    let line = attribute(tag, "r")?.and_then(|line| line.parse().ok());
                    let line = line.unwrap_or(row.line + 1);
                    if line <= row.line {
                        return Err(fault::book_damaged().into());
                    }
                    row = BookRow { line, ..BookRow::default() };
                    next_column = 0;
                }
                "c" => {
                    let column =
                        attribute(tag, "r")?.map(|place| column_of(&place).ok_or_else(fault::book_damaged));
                    let column = column.transpose()?.unwrap_or(next_column);
                    if column < next_column {
                        return Err(fault::book_damaged().into());
                    }
                    let style = attribute(tag, "s")?.and_then(|style| style.parse().ok()).unwrap_or_default();
                    cell = Open { column, kind: attribute(tag, "t")?, style, text: String::new() };
                    next_column = column + 1;
                }
                "v" | "t" => in_text = true,
                "rPh" => in_aid = true,
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "v" | "t" => in_text = false,
                "rPh" => in_aid = false,
                "c" => {
                    let cell = std::mem::take(&mut cell);
                    let column = cell.column;
                    let (text, flaw) = reading.value(cell)?;
                    put(&mut row, column, text, flaw)?;
                }
                "row" => {
                    let line = row.line;
                    take(std::mem::take(&mut row))?;
                    row.line = line;
                }
                "sheetData" => return Ok(()),
                _ => {}
            },
            Event::Eof => return Err(fault::book_damaged().into()),
            other if in_text && !in_aid => {
                if let Some(text) = text(other)? {
                    cell.text.push_str(&text);
                }
                if cell.text.len() > RECORD_BYTES_MAX {
                    return Err(fault::record_too_long().at_line(row.line).into());
                }
            }
            _ => {}
        }
    }
}

/// Puts a cell into its row, unless it lies beyond all columns that a file may have.
pub(super) fn put(row: &mut BookRow, column: usize, text: String, flaw: Option<Flaw>) -> Result<(), Fault> {
    if column >= COLUMNS_MAX && !text.trim().is_empty() {
        return Err(fault::too_many_columns().at_line(row.line));
    }
    if column < COLUMNS_MAX {
        row.put(column, text, flaw);
    }
    Ok(())
}

/// Whether any cell of a sheet has a value.
fn holds_something(archive: &mut Archive, path: &str) -> Result<bool, Fault> {
    let Some(mut part) = Xml::open(archive, path)? else { return Ok(false) };
    loop {
        match part.next()? {
            Event::Start(tag) if matches!(tag.local_name().as_ref(), "v" | "is") => return Ok(true),
            Event::End(tag) if tag.local_name().as_ref() == "sheetData" => return Ok(false),
            Event::Eof => return Ok(false),
            _ => {}
        }
    }
}

/// The column of a place such as `BC17`, from 0.
fn column_of(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let mut column = 0_usize;
    for letter in letters {
        let digit = usize::from(letter.to_ascii_uppercase() - b'A') + 1;
        column = column.checked_mul(26)?.checked_add(digit)?;
    }
    column.checked_sub(1)
}

/// Characters that XML cannot hold are written `_x000D_` in this format.
fn unescaped(text: &str) -> String {
    let mut rest = text;
    let mut clean = String::with_capacity(text.len());
    while let Some(at) = rest.find("_x") {
        let (before, after) = rest.split_at(at);
        clean.push_str(before);
        let code = after.get(2..6).filter(|_| after.get(6..7) == Some("_"));
        let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let found = code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32);
        let (kept, read) = match found {
            Some(c) => (c, 7),
            None => ('_', 1),
        };
        clean.push(kept);
        rest = after.get(read..).unwrap_or_default();
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_column() {
        for (place, want) in
            [("A1", Some(0)), ("Z9", Some(25)), ("AA1", Some(26)), ("XFD1", Some(16_383)), ("1", None)]
        {
            assert_eq!(column_of(place), want, "{place}");
        }
    }

    #[test]
    fn escaped_characters_come_back() {
        for (text, want) in [
            ("a_x000D_b", "a\rb"),
            ("_x", "_x"),
            ("_x00zz_", "_x00zz_"),
            ("_x005F_x000D_", "_x000D_"),
            ("שם", "שם"),
        ] {
            assert_eq!(unescaped(text), want, "{text}");
        }
    }
}

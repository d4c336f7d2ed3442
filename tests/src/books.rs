//! Workbooks as a spreadsheet program writes them, as far as a test needs them.

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// A cell of a sheet.
#[derive(Clone, Copy, Debug)]
pub enum BookCell<'a> {
    /// A text.
    Text(&'a str),
    /// A number, as it is stored.
    Number(&'a str),
    /// A day since the last one of 1899, shown as a date.
    Date(u32),
    /// An error.
    Error(&'a str),
}

fn archive(parts: &[(&str, String)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// An xlsx file with one sheet.
pub fn xlsx(rows: &[&[BookCell<'_>]]) -> Vec<u8> {
    let cell = |cell: &BookCell<'_>| match cell {
        BookCell::Text(text) => format!("<c t=\"inlineStr\"><is><t>{}</t></is></c>", escaped(text)),
        BookCell::Number(number) => format!("<c><v>{number}</v></c>"),
        BookCell::Date(day) => format!("<c s=\"1\"><v>{day}</v></c>"),
        BookCell::Error(error) => format!("<c t=\"e\"><v>{error}</v></c>"),
    };
    let row = |row: &&[BookCell<'_>]| format!("<row>{}</row>", row.iter().map(cell).collect::<String>());
    let sheet: String = rows.iter().map(row).collect();
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"http://x/{kind}\" Target=\"{target}\"/>")
    };
    let relations = |all: &[String]| format!("<Relationships>{}</Relationships>", all.concat());
    archive(&[
        ("_rels/.rels", relations(&[relation("a", "officeDocument", "xl/workbook.xml")])),
        (
            "xl/workbook.xml",
            "<workbook><sheets><sheet name=\"a\" sheetId=\"1\" r:id=\"b\"/></sheets></workbook>".to_owned(),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            relations(&[
                relation("b", "worksheet", "worksheets/sheet1.xml"),
                relation("c", "styles", "styles.xml"),
            ]),
        ),
        (
            "xl/styles.xml",
            "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
                .to_owned(),
        ),
        ("xl/worksheets/sheet1.xml", format!("<worksheet><sheetData>{sheet}</sheetData></worksheet>")),
    ])
}

/// An ods file with one sheet.
pub fn ods(rows: &[&[BookCell<'_>]]) -> Vec<u8> {
    let cell = |cell: &BookCell<'_>| match cell {
        BookCell::Text(text) => format!(
            "<table:table-cell office:value-type=\"string\"><text:p>{}</text:p></table:table-cell>",
            escaped(text)
        ),
        BookCell::Number(number) => {
            format!("<table:table-cell office:value-type=\"float\" office:value=\"{number}\"/>")
        }
        BookCell::Date(day) => {
            format!("<table:table-cell office:value-type=\"float\" office:value=\"{day}\"/>")
        }
        BookCell::Error(error) => {
            format!(
                "<table:table-cell office:value-type=\"string\"><text:p>{error}</text:p></table:table-cell>"
            )
        }
    };
    let row = |row: &&[BookCell<'_>]| {
        format!("<table:table-row>{}</table:table-row>", row.iter().map(cell).collect::<String>())
    };
    let sheet: String = rows.iter().map(row).collect();
    let content = format!(
        "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"a\">{sheet}</table:table>\
         </office:spreadsheet></office:body></office:document-content>"
    );
    archive(&[("content.xml", content)])
}

//! Workbooks made by hand, part by part: what a cell comes to, and that nothing in an archive can fill the memory, hang or
//! panic.

use crate::drop::config::RowRules;
use crate::drop::format::{Format, RecordReader, records_of};
use crate::drop::reader::Record;
use proptest::prelude::*;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

/// An archive of these parts.
fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const RELATIONS: &str = r#"<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/>
    <Relationship Id="r2" Type="http://x/worksheet" Target="/xl/worksheets/sheet2.xml"/>
    <Relationship Id="r3" Type="http://x/sharedStrings" Target="sharedStrings.xml"/>
    <Relationship Id="r4" Type="http://x/styles" Target="styles.xml"/></Relationships>"#;
const STYLES: &str = r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/></numFmts>
    <cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="49"/></cellXfs></styleSheet>"#;
const STRINGS: &str = r#"<sst><si><t>order</t></si><si><t>amount</t></si>
    <si><r><t>00</t></r><r><t xml:space="preserve">7 &amp; &#x5e9;</t></r><rPh><t>no</t></rPh></si></sst>"#;

/// An xlsx file with these rows in its first sheet, and these in its second.
fn xlsx(first: &str, second: &str, state: &str) -> Vec<u8> {
    let workbook = format!(
        r#"<workbook><workbookPr/><sheets><sheet name="Sheet1" sheetId="1" {state} r:id="r1"/>
           <sheet name="שני" sheetId="2" r:id="r2"/></sheets></workbook>"#
    );
    let sheet = |rows: &str| format!("<worksheet><sheetData>{rows}</sheetData><legacy/></worksheet>");
    archive(&[
        (
            "_rels/.rels",
            r#"<Relationships><Relationship Id="a" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
        ),
        ("xl/workbook.xml", &workbook),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        ("xl/sharedStrings.xml", STRINGS),
        ("xl/styles.xml", STYLES),
        ("xl/worksheets/sheet1.xml", &sheet(first)),
        ("xl/worksheets/sheet2.xml", &sheet(second)),
    ])
}

fn ods(tables: &str) -> Vec<u8> {
    let content = format!(
        r#"<office:document-content><office:automatic-styles><style:style style:name="ta2"><style:table-properties
           table:display="false"/></style:style></office:automatic-styles><office:body><office:spreadsheet>{tables}
           </office:spreadsheet></office:body></office:document-content>"#
    );
    archive(&[("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", &content)])
}

#[track_caller]
fn check(bytes: &[u8], name: &str, want: &[&[&str]]) {
    let (rows, end) = records_of(bytes, name, &RowRules::default());
    assert_eq!(
        (rows, end),
        (want.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect(), None)
    );
}

#[track_caller]
fn check_refused(bytes: &[u8], name: &str, want: &str) {
    let (_, end) = records_of(bytes, name, &RowRules::default());
    assert_eq!(end, Some(want));
}

const HEADER: &str = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="inlineStr"><is><t>note</t></is></c></row>"#;

#[test]
fn cells_of_an_xlsx_come_as_people_see_them() {
    let rows = format!(
        r#"{HEADER}
        <row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><v>1.1000000000000001</v></c></row>
        <row r="3"/>
        <row r="4"><c r="A4" t="str"><f>A2&amp;"x"</f><v>0012</v></c><c r="C4" s="1"><v>46082</v></c></row>
        <row r="5"><c t="inlineStr"><is><t>a_x000D_b</t></is></c><c t="b"><v>1</v></c><c r="Z5" s="1"/></row>"#
    );
    let bytes = xlsx(&rows, "", "");
    check(
        &bytes,
        "x.xlsx",
        &[
            &["order", "amount", "note"],
            &["007 & ש", "1.1", ""],
            &["0012", "", "2026-03-01"],
            &["a\rb", "TRUE", ""],
        ],
    );
    let mut reader =
        RecordReader::hashing(Cursor::new(bytes), Format::of_name("x.XLSX", &RowRules::default())).unwrap();
    let (mut record, mut seen) = (Record::default(), Vec::new());
    while reader.read(&mut record).unwrap() {
        seen.push((record.line, record.raw().to_owned()));
    }
    assert_eq!(seen[1], (2, "007 & ש,1.1,\r\n".to_owned()));
    assert_eq!(seen[3], (5, "\"a\rb\",TRUE,\r\n".to_owned()));
    assert!(reader.other_sheets().is_empty());
}

#[test]
fn only_the_first_visible_sheet_is_read_and_others_with_data_are_told() {
    let other = r#"<row r="1"><c r="A1"><v>7</v></c></row>"#;
    let told = |bytes: Vec<u8>, name: &str| {
        let mut reader =
            RecordReader::hashing(Cursor::new(bytes), Format::of_name(name, &RowRules::default())).unwrap();
        let (mut record, mut first) = (Record::default(), String::new());
        while reader.read(&mut record).unwrap() {
            first.push_str(record.raw());
        }
        (first, reader.other_sheets().to_vec())
    };
    assert_eq!(told(xlsx(HEADER, other, ""), "x.xlsx"), ("order,amount,note\r\n".into(), vec!["שני".into()]));
    assert_eq!(told(xlsx(HEADER, other, r#"state="hidden""#), "x.xlsx"), ("7\r\n".into(), vec![]));
    let table = |name: &str, style: &str, cell: &str| {
        format!(
            r#"<table:table table:name="{name}" table:style-name="{style}"><table:table-row><table:table-cell
               office:value-type="string"><text:p>{cell}</text:p></table:table-cell></table:table-row></table:table>"#
        )
    };
    let tables = [
        table("a", "ta2", "hidden"),
        table("b", "ta1", "order"),
        table("c", "ta1", "x"),
        table("d", "ta1", ""),
    ];
    assert_eq!(told(ods(&tables.concat()), "x.ods"), ("order\r\n".into(), vec!["c".into()]));
}

#[test]
fn cells_of_an_ods_come_as_people_see_them() {
    let cell = |kind: &str, rest: &str| {
        format!(r#"<table:table-cell office:value-type="{kind}" {rest}</table:table-cell>"#)
    };
    let rows = [
        cell("string", "><text:p>order</text:p>")
            + &cell("string", "><text:p>amount</text:p>")
            + &cell("string", "><text:p>note</text:p>"),
        cell(
            "string",
            "><office:annotation><text:p>a remark</text:p></office:annotation><text:p>00<text:s text:c=\"2\"/>7</text:p><text:p>ש&amp;</text:p>",
        ) + &cell("float", "office:value=\"12.5\"><text:p>12.50 ₪</text:p>")
            + &cell("date", "office:date-value=\"2026-03-01\"><text:p>1 במרץ</text:p>"),
        cell("string", "><text:p>2</text:p>") + "<table:table-cell table:number-columns-repeated=\"1000\"/>",
        cell("time", "office:time-value=\"PT09H05M00S\"><text:p>9:05</text:p>")
            + "<table:covered-table-cell/>"
            + &cell("boolean", "office:boolean-value=\"true\">"),
    ];
    let rows: String = rows.iter().map(|row| format!("<table:table-row>{row}</table:table-row>")).collect();
    let tail = r#"<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>"#;
    check(
        &ods(&format!("<table:table table:name=\"a\">{rows}{tail}</table:table>")),
        "x.ods",
        &[
            &["order", "amount", "note"],
            &["00  7\nש&", "12.5", "2026-03-01"],
            &["2", "", ""],
            &["09:05:00", "", "TRUE"],
        ],
    );
}

#[test]
fn what_is_no_workbook_is_refused() {
    let good = xlsx(HEADER, "", "");
    check_refused(b"", "x.xlsx", "empty");
    check_refused(b"order,amount\n1,5\n", "x.xlsx", "workbook_damaged");
    check_refused(b"\xd0\xcf\x11\xe0 old or with a password", "x.xlsx", "workbook_protected");
    check_refused(&good[..good.len() / 2], "x.xlsx", "workbook_damaged");
    check_refused(&good, "x.ods", "workbook_damaged");
    check_refused(&ods(""), "x.ods", "no_sheet");
    check_refused(&good, "x.csv", "workbook");
    for rows in [
        r#"<row r="2"/><row r="1"/>"#,
        r#"<row r="1"><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>"#,
        r#"<row r="1"><c r="A1" t="s"><v>99</v></c></row>"#,
        r#"<row r="1"><c r="A1"><v>five</v></c></row>"#,
        r#"<row r="1"><c r="A1" t="x"><v>5</v></c></row>"#,
        "<row r=\"1\"><c r=\"A1\"><v>&swell;</v></c></row>",
        "<row",
    ] {
        check_refused(&xlsx(rows, "", ""), "x.xlsx", "workbook_damaged");
    }
    check_refused(
        &xlsx(&format!(r#"{HEADER}<row r="2"><c r="D2"><v>1</v></c></row>"#), "", ""),
        "x.xlsx",
        "wrong_width",
    );
    check_refused(
        &xlsx(r#"<row r="1"><c r="XFD1"><v>1</v></c></row>"#, "", ""),
        "x.xlsx",
        "too_many_columns",
    );
}

#[test]
fn an_archive_made_to_swell_is_refused_before_it_fills_the_memory() {
    let long = "x".repeat(5 << 20);
    let text =
        xlsx(&format!(r#"<row r="1"><c r="A1" t="inlineStr"><is><t>{long}</t></is></c></row>"#), "", "");
    assert!(text.len() < 1 << 20, "{}", text.len());
    check_refused(&text, "x.xlsx", "workbook_too_large");
    let many = "<si><t>xxxxxxxx</t></si>".repeat(1_000);
    let strings = |most: usize| {
        let bytes = archive(&[("s.xml", &format!("<sst>{many}</sst>"))]);
        let mut archive = super::open(bytes).unwrap();
        super::xlsx::strings(&mut archive, "s.xml", most).map(drop).map_err(|fault| fault.code)
    };
    assert_eq!((strings(16_000), strings(15_999)), (Ok(()), Err("workbook_too_large")));
    let rows = r#"<table:table-row table:number-rows-repeated="99999999999"><table:table-cell office:value-type="string"
        table:number-columns-repeated="99999999999"><text:p>x</text:p></table:table-cell></table:table-row>"#;
    check_refused(
        &ods(&format!("<table:table table:name=\"a\">{rows}</table:table>")),
        "x.ods",
        "too_many_columns",
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        which in 0..2_usize,
        at in any::<prop::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let (mut bytes, name) = match which {
            0 => (xlsx(HEADER, "", ""), "x.xlsx"),
            _ => (ods("<table:table table:name=\"a\"/>"), "x.ods"),
        };
        let at = at.index(bytes.len());
        let until = (at + with.len()).min(bytes.len());
        bytes.splice(at..until, with);
        let _read = records_of(&bytes, name, &RowRules::default());
    }

    #[test]
    fn a_sheet_reads_as_the_same_rows_whatever_their_text(
        rows in prop::collection::vec(prop::collection::vec("[a-zא-ת0-9<>&\"' ]{0,6}[a-z0-9]", 3), 1..6),
    ) {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
        let cells = |row: &[String]| -> String {
            row.iter().map(|cell| format!("<c t=\"inlineStr\"><is><t>{}</t></is></c>", escaped(cell))).collect()
        };
        let sheet: String = rows.iter().map(|row| format!("<row>{}</row>", cells(row))).collect();
        prop_assert_eq!(records_of(&xlsx(&sheet, "", ""), "x.xlsx", &RowRules::default()), (rows.clone(), None));
        let cells = |row: &[String]| -> String {
            row.iter()
                .map(|cell| format!("<table:table-cell office:value-type=\"string\"><text:p>{}</text:p></table:table-cell>", escaped(cell)))
                .collect()
        };
        let table: String = rows.iter().map(|row| format!("<table:table-row>{}</table:table-row>", cells(row))).collect();
        let bytes = ods(&format!("<table:table table:name=\"a\">{table}</table:table>"));
        prop_assert_eq!(records_of(&bytes, "x.ods", &RowRules::default()), (rows, None));
    }
}

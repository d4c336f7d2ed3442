//! How fast a file is validated: rows a second of the first pass, which reads everything before anything is called.
//! Prints a table and judges nothing.

use gesher_core::{Clock, SystemClock};
use gesher_trigger::drop::{EncodingChoice, Format, RowKey, RowRules, Separator, validate};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Rows of a file that is measured, unless the first argument says otherwise.
const ROWS: u64 = 1_000_000;

fn write_rows(path: &Path, rows: u64, utf16: bool) -> std::io::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    let mut put = |text: &str| {
        if utf16 {
            text.encode_utf16().try_for_each(|unit| file.write_all(&unit.to_le_bytes()))
        } else {
            file.write_all(text.as_bytes())
        }
    };
    put(if utf16 { "\u{feff}" } else { "" })?;
    put("order_id,vendor,amount,token,customer\r\n")?;
    for row in 0..rows {
        put(&format!("order-{row:08},dana,{}.50,tok-{row:016x},לקוח {row}\r\n", row % 900 + 1))?;
    }
    file.flush()
}

fn peak_memory_kib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "-".to_owned(), |line| line.trim().to_owned())
}

#[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
fn main() -> std::io::Result<()> {
    let rows = std::env::args().filter_map(|text| text.parse().ok()).next().unwrap_or(ROWS);
    let clock = SystemClock::new();
    let folder = tempfile::tempdir()?;
    let rules = RowRules {
        row_key: RowKey::Columns(vec!["order_id".into()]),
        amount: Some("amount".into()),
        encoding: EncodingChoice::Auto,
        separator: Separator::Auto,
        not_cards: Vec::new(),
    };
    println!("| encoding | rows | bytes a row | rows/s | peak memory |");
    println!("|---|---|---|---|---|");
    for (name, utf16) in [("UTF-8", false), ("UTF-16", true)] {
        let path = folder.path().join("rows.csv");
        write_rows(&path, rows, utf16)?;
        let bytes = std::fs::metadata(&path)?.len();
        let format = Format::of_name("rows.csv", &rules);
        let start = clock.monotonic();
        let found = validate(&path, format, &rules, &["token".to_owned()]);
        let took = clock.monotonic().saturating_sub(start);
        let valid = found.map_err(|fault| std::io::Error::other(format!("{fault:?}")))?;
        assert_eq!((valid.rows, valid.invalid), (rows, 0), "every row that was written is valid");
        let rate = u128::from(rows) * 1_000_000 / took.as_micros().max(1);
        println!("| {name} | {rows} | {} | {rate} | {} |", bytes / rows.max(1), peak_memory_kib());
    }
    Ok(())
}

//! `masav.read_file`: the text of a file becomes its rows, when its totals agree with them.

use crate::letters::decode;
use crate::record::{CREDIT, DEBIT, Direction, RECORD, last};
use gesher_plugin::{
    Amount, Descriptor, Effect, Example, Facts, Host, KeyRule, Operation, Outcome, OutcomeStatus, Performed,
    PluginOperation, Rejection, Text, descriptor, json,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file to read.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Its text.
    #[schemars(length(min = 1))]
    pub text: String,
}

/// What stands in it.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct Answer {
    /// `debit` or `credit`.
    pub direction: String,
    /// The institution's number.
    pub institution: String,
    /// The day of value, `YYMMDD`.
    pub value_date: String,
    /// The sum of the rows in shekels, which the trailer says too.
    pub total: Amount,
    /// The rows.
    pub rows: Vec<ReadRow>,
}

/// One row.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct ReadRow {
    /// The bank.
    pub bank: String,
    /// The branch.
    pub branch: String,
    /// The account.
    pub account: String,
    /// The holder's identity number.
    pub identity: String,
    /// The holder's name.
    pub name: String,
    /// The amount in shekels.
    pub amount: Amount,
    /// The institution's own reference.
    pub reference: String,
}

/// Reads a file.
pub struct ReadFile;

/// A header, one credit of 10 agorot, its trailer and the end.
const SAMPLE: &str = concat!(
    r#"{"text": "K12345678002612010001026112254321000000                          DXAG                     "#,
    r#"                                   KOT\n"#,
    r#"112345678000000001000100000000000070000000018             DPC00000000000100000000000000000"#,
    r#"000100000000000006000000000000000000  \n"#,
    r#"51234567800261201000100000000000001000000000000000000000010000000                         "#,
    r#"                                      \n"#,
    r#"999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999"#,
    r#"99999999999999999999999999999999999999"}"#,
);

impl Operation for ReadFile {
    const DESCRIPTOR: Descriptor = descriptor(
        "masav",
        "read_file",
        "Read the text of a Masav file and check its totals.",
        Effect::Read,
        KeyRule::None,
    );
    const EXAMPLES: &'static [Example] = &[Example {
        title: "One credit",
        who: "marketplace",
        key: None,
        request: SAMPLE,
        answer: r#"{"direction": "credit", "institution": "12345678", "total": 0.10}"#,
    }];
    type Request = Request;
    type Answer = Answer;

    fn rules(_: &Request) -> Result<(), Rejection> {
        Ok(())
    }

    fn facts(_: &Request) -> Facts {
        Facts::default()
    }
}

impl PluginOperation for ReadFile {
    fn perform(_: &Host<'_>, _: Option<&str>, request: Request) -> Performed {
        match read(&request.text) {
            Ok(answer) => {
                let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", Text::default());
                outcome.data = json!(answer).into();
                outcome.into()
            }
            Err(rejection) => Outcome::from(rejection).into(),
        }
    }
}

/// Agorot as shekels.
#[must_use]
pub fn shekels(agorot: u64) -> Amount {
    let agorot = i64::try_from(agorot).unwrap_or(i64::MAX);
    Amount(gesher_plugin::Decimal::new(agorot, 2))
}

fn wrong(line: usize, he: &str, en: &str) -> Rejection {
    Rejection::new("masav", Text::new(format!("שורה {line}: {he}"), format!("line {line}: {en}")))
}

/// A field of a record that is plain ASCII.
fn field(record: &str, at: usize, width: usize) -> &str {
    record.get(at..at + width).unwrap_or_default()
}

fn number(line: usize, record: &str, at: usize, width: usize) -> Result<u64, Rejection> {
    let text = field(record, at, width);
    text.parse().map_err(|_| wrong(line, "נדרש מספר", &format!("`{text}` is no number")))
}

fn read(text: &str) -> Result<Answer, Rejection> {
    let records: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
    for (at, record) in records.iter().enumerate() {
        if record.len() != RECORD || !record.is_ascii() {
            let en =
                format!("a record has {RECORD} plain characters, and this one {}", record.chars().count());
            return Err(wrong(at + 1, "רשומה באורך שגוי", &en));
        }
    }
    let [header, rows @ .., trailer, end] = records.as_slice() else {
        return Err(wrong(records.len(), "הקובץ קצר מדי", "the file is too short"));
    };
    let end_line = records.len();
    if !header.starts_with('K') || !trailer.starts_with('5') || **end != last() {
        return Err(wrong(
            1,
            "אין זה קובץ מס״ב שלם",
            "this is no whole Masav file: header, trailer or end is missing",
        ));
    }
    let institution = field(header, 1, 8);
    let mut direction = None;
    let (mut read, mut total) = (Vec::new(), 0_u64);
    for (line, record) in rows.iter().enumerate().map(|(at, record)| (at + 2, record)) {
        let of_row = match field(record, 105, 3) {
            DEBIT => Direction::Debit,
            CREDIT => Direction::Credit,
            _ => return Err(wrong(line, "סוג תנועה לא מוכר", "the kind of the row is not known")),
        };
        if !record.starts_with('1') || field(record, 1, 8) != institution {
            return Err(wrong(line, "השורה אינה של המוסד הזה", "the row is not of this institution"));
        }
        if *direction.get_or_insert(of_row) != of_row {
            return Err(wrong(line, "חיובים וזיכויים בקובץ אחד", "debits and credits stand in one file"));
        }
        let agorot = number(line, record, 61, 13)?;
        total = total.saturating_add(agorot);
        read.push(ReadRow {
            bank: field(record, 17, 2).to_owned(),
            branch: field(record, 19, 3).to_owned(),
            account: field(record, 26, 9).to_owned(),
            identity: field(record, 36, 9).to_owned(),
            name: decode(field(record, 45, 16)),
            amount: shekels(agorot),
            reference: field(record, 74, 20).to_owned(),
        });
    }
    let direction = direction.ok_or_else(|| wrong(end_line, "אין שורות בקובץ", "the file has no rows"))?;
    let places = if direction == Direction::Credit { (21, 51) } else { (36, 58) };
    let said = (number(end_line - 1, trailer, places.0, 15)?, number(end_line - 1, trailer, places.1, 7)?);
    if said != (total, read.len() as u64) {
        let en = format!(
            "the trailer says {} rows of {} agorot, and there are {} of {total}",
            said.1,
            said.0,
            read.len()
        );
        return Err(wrong(end_line - 1, "סיכומי הקובץ אינם תואמים לשורות", &en));
    }
    Ok(Answer {
        direction: direction.word().to_owned(),
        institution: institution.to_owned(),
        value_date: field(header, 11, 6).to_owned(),
        total: shekels(total),
        rows: read,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        let request: gesher_plugin::Value = gesher_plugin::serde_json::from_str(SAMPLE).unwrap_or_default();
        request["text"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_file_whose_totals_disagree_or_that_is_cut_off_is_refused() {
        let sample = sample();
        assert!(read(&sample).is_ok(), "{:?}", read(&sample));
        for (from, to, want) in [
            ("0000000000010000000000", "0000000000011000000000", "the trailer says 1 rows of 10 agorot"),
            ("0006000000", "0007000000", "the kind of the row"),
            ("\n5", "\n4", "no whole Masav file"),
            ("KOT", "KO", "a record has 128"),
            ("112345678", "112345679", "not of this institution"),
        ] {
            let changed = sample.replacen(from, to, 1);
            assert_ne!(changed, sample, "{from}");
            let refused = read(&changed).map_err(|rejection| rejection.message.en);
            assert!(refused.as_ref().is_err_and(|words| words.contains(want)), "{want}: {refused:?}");
        }
        assert!(read("").is_err() && read("9").is_err());
    }
}

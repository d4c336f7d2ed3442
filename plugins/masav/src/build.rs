//! `masav.build_file`: rows of debits or credits become the text of a file, with its totals.

use crate::letters::encode;
use crate::record::{Direction, Head, Row, digits, header, last, row, trailer};
use gesher_plugin::{
    Amount, Descriptor, Effect, Example, Facts, Host, KeyRule, Operation, Outcome, OutcomeStatus, Performed,
    PluginOperation, Rejection, Text, descriptor, json,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows of one file. The trailer counts them in seven digits; a bank takes far fewer at once.
const ROWS_MAX: usize = 50_000;
/// Characters of the institution's name.
const NAME: usize = 30;
/// Characters of a holder's name.
const HOLDER: usize = 16;

/// A file to build.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `debit` takes money from the accounts, `credit` pays into them.
    pub direction: String,
    /// The institution's number at Masav, eight digits.
    pub institution: String,
    /// The sending institution's number, five digits.
    pub sender: String,
    /// The institution's name, in Hebrew.
    pub name: String,
    /// The day of value, as 2026-12-01. Whether banks work on it is for the caller to know.
    pub value_date: String,
    /// The day on which the file is made, as 2026-11-22.
    pub created: String,
    /// Which file of that day it is, from 1 to 999.
    pub serial: i32,
    /// The rows.
    #[schemars(length(min = 1))]
    pub rows: Vec<RequestRow>,
}

/// One account that is debited or credited.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestRow {
    /// The bank, two digits. Numbers of three digits have no place in this form of file.
    pub bank: String,
    /// The branch, up to three digits.
    pub branch: String,
    /// The account, up to nine digits.
    pub account: String,
    /// The holder's identity or company number, up to nine digits.
    pub identity: String,
    /// The holder's name, in Hebrew; cut after 16 letters.
    pub name: String,
    /// The amount in shekels, above zero.
    pub amount: Amount,
    /// The institution's own reference, up to 20 digits. Each stands once in a file.
    pub reference: String,
    /// The months that it is for, as 2611-2612; left out for none.
    #[serde(default)]
    pub period: Option<String>,
}

/// The file.
#[derive(Serialize, JsonSchema)]
pub struct Answer {
    /// Its text: plain ASCII, records with CR LF.
    pub text: String,
    /// How many rows it has.
    pub rows: i64,
    /// Their sum in shekels.
    pub total: Amount,
}

/// Builds a file.
pub struct BuildFile;

impl Operation for BuildFile {
    const DESCRIPTOR: Descriptor = descriptor(
        "masav",
        "build_file",
        "Build the text of a Masav file of debits or credits.",
        Effect::Read,
        KeyRule::None,
    );
    const EXAMPLES: &'static [Example] = &[Example {
        title: "One debit",
        who: "marketplace",
        key: None,
        request: r#"{"direction": "debit", "institution": "12345678", "sender": "54321", "name": "חברה לדוגמה",
            "value_date": "2026-12-01", "created": "2026-11-22", "serial": 1, "rows": [{"bank": "10", "branch": "800",
            "account": "1234567", "identity": "18", "name": "דנה לוי", "amount": 123.50, "reference": "1007",
            "period": "2611-2611"}]}"#,
        answer: r#"{"text": "*", "rows": 1, "total": 123.50}"#,
    }];
    type Request = Request;
    type Answer = Answer;

    fn rules(request: &Request) -> Result<(), Rejection> {
        built(request).map(drop)
    }

    fn facts(_: &Request) -> Facts {
        Facts::default()
    }
}

impl PluginOperation for BuildFile {
    fn perform(_: &Host<'_>, _: Option<&str>, request: Request) -> Performed {
        match built(&request) {
            Ok(answer) => {
                let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", Text::default());
                outcome.data = json!(answer).into();
                outcome.into()
            }
            Err(rejection) => Outcome::from(rejection).into(),
        }
    }
}

fn wrong(at: &str, he: &str, en: &str) -> Rejection {
    Rejection::new("masav", Text::new(format!("{at}: {he}"), format!("{at}: {en}")))
}

fn number(at: &str, text: &str, width: usize) -> Result<String, Rejection> {
    let en = format!("up to {width} digits are needed");
    let he = format!("נדרשות עד {width} ספרות");
    digits(text, width).filter(|_| !text.trim().is_empty()).ok_or_else(|| wrong(at, &he, &en))
}

fn exactly(at: &str, text: &str, width: usize) -> Result<String, Rejection> {
    let en = format!("exactly {width} digits are needed");
    let he = format!("נדרשות בדיוק {width} ספרות");
    digits(text, width).filter(|_| text.trim().len() == width).ok_or_else(|| wrong(at, &he, &en))
}

fn letters(at: &str, text: &str, width: usize) -> Result<String, Rejection> {
    encode(text, width).filter(|_| !text.trim().is_empty()).ok_or_else(|| {
        wrong(
            at,
            "מותרות אותיות עבריות, ספרות וסימנים פשוטים בלבד",
            "only Hebrew letters, digits and plain signs have a place in the file",
        )
    })
}

/// `2026-12-01` as `261201`.
fn day(at: &str, text: &str) -> Result<String, Rejection> {
    let date = text.parse::<gesher_plugin::jiff::civil::Date>();
    let date =
        date.map_err(|_| wrong(at, "נדרש תאריך כמו 2026-12-01", "a date such as 2026-12-01 is needed"))?;
    Ok(date.strftime("%y%m%d").to_string())
}

/// `2611-2612` as `26112612`.
fn period(at: &str, text: Option<&str>) -> Result<String, Rejection> {
    let Some(text) = text else { return Ok("0".repeat(8)) };
    let is_month = |part: &str| {
        let month = part.get(2..).and_then(|month| month.parse::<u8>().ok());
        part.len() == 4 && digits(part, 4).is_some() && month.is_some_and(|month| (1..=12).contains(&month))
    };
    match text.split_once('-') {
        Some((from, to)) if is_month(from) && is_month(to) && from <= to => Ok(format!("{from}{to}")),
        _ => Err(wrong(at, "נדרשת תקופה כמו 2611-2612", "a period such as 2611-2612 is needed")),
    }
}

fn agorot(at: &str, amount: Amount) -> Result<u64, Rejection> {
    let agorot = amount.0.checked_mul(100.into()).filter(|agorot| agorot.fract().is_zero());
    let agorot = agorot.and_then(|agorot| u64::try_from(agorot).ok());
    agorot.filter(|agorot| (1..=9_999_999_999_999).contains(agorot)).ok_or_else(|| {
        wrong(
            at,
            "נדרש סכום חיובי עם שתי ספרות אחרי הנקודה לכל היותר",
            "an amount above zero with two places at most is needed",
        )
    })
}

fn row_of(at: usize, row: &RequestRow) -> Result<Row, Rejection> {
    let at = |field: &str| format!("rows[{at}].{field}");
    Ok(Row {
        bank: number(&at("bank"), &row.bank, 2)?,
        branch: number(&at("branch"), &row.branch, 3)?,
        kind: "0000".to_owned(),
        account: number(&at("account"), &row.account, 9)?,
        identity: number(&at("identity"), &row.identity, 9)?,
        name: letters(&at("name"), &row.name, HOLDER)?,
        agorot: agorot(&at("amount"), row.amount)?,
        reference: number(&at("reference"), &row.reference, 20)?,
        period: period(&at("period"), row.period.as_deref())?,
    })
}

fn built(request: &Request) -> Result<Answer, Rejection> {
    let direction = match request.direction.as_str() {
        "debit" => Direction::Debit,
        "credit" => Direction::Credit,
        _ => return Err(wrong("direction", "אפשר debit או credit", "write `debit` or `credit`")),
    };
    let serial = u32::try_from(request.serial).ok().filter(|serial| (1..=999).contains(serial));
    let head = Head {
        institution: exactly("institution", &request.institution, 8)?,
        sender: exactly("sender", &request.sender, 5)?,
        value_date: day("value_date", &request.value_date)?,
        created: day("created", &request.created)?,
        serial: serial
            .ok_or_else(|| wrong("serial", "נדרש מספר מ־1 עד 999", "a number from 1 to 999 is needed"))?,
        name: letters("name", &request.name, NAME)?,
    };
    if request.rows.is_empty() || request.rows.len() > ROWS_MAX {
        let (he, en) = (format!("נדרשות 1 עד {ROWS_MAX} שורות"), format!("1 to {ROWS_MAX} rows are needed"));
        return Err(wrong("rows", &he, &en));
    }
    let mut references = std::collections::BTreeSet::new();
    let (mut text, mut total) = (line(&header(&head)), 0_u64);
    for (at, given) in request.rows.iter().enumerate() {
        let one = row_of(at, given)?;
        if !references.insert(one.reference.clone()) {
            let place = format!("rows[{at}].reference");
            return Err(wrong(
                &place,
                "האסמכתה כבר מופיעה בקובץ",
                "this reference stands in the file already",
            ));
        }
        total = total.saturating_add(one.agorot);
        text.push_str(&line(&row(&head, direction, &one)));
    }
    if total > 999_999_999_999_999 {
        return Err(wrong("rows", "הסכום הכולל גדול מדי", "the total is too large"));
    }
    text.push_str(&line(&trailer(&head, direction, total, request.rows.len())));
    text.push_str(&line(&last()));
    let rows = i64::try_from(request.rows.len()).unwrap_or(i64::MAX);
    Ok(Answer { text, rows, total: crate::read::shekels(total) })
}

fn line(record: &str) -> String {
    format!("{record}\r\n")
}

#[cfg(test)]
mod tests {
    use crate::PLUGIN;
    use gesher_plugin::testing::{self, Hub};
    use gesher_plugin::{Value, json};

    fn request(change: impl Fn(&mut Value)) -> Result<Value, String> {
        let mut request = json!({
            "direction": "credit", "institution": "12345678", "sender": "54321", "name": "חברה", "serial": 2,
            "value_date": "2026-12-01", "created": "2026-11-22", "rows": [
                { "bank": "10", "branch": "1", "account": "7", "identity": "18", "name": "דנה", "amount": 10,
                  "reference": "1" },
                { "bank": "4", "branch": "22", "account": "8", "identity": "26", "name": "רון", "amount": 0,
                  "reference": "2" },
            ],
        });
        request["rows"][1]["amount"] = serde_number("0.05");
        change(&mut request);
        testing::call(&PLUGIN, &Hub::new(), "build_file", &request)
    }

    fn serde_number(text: &str) -> Value {
        gesher_plugin::serde_json::from_str(text).unwrap_or_default()
    }

    #[test]
    fn the_examples_are_right() {
        assert_eq!(testing::check(&PLUGIN, &Hub::new()), Ok(()));
    }

    #[test]
    fn a_file_has_its_records_and_reads_back() {
        let built = request(|_| {}).unwrap_or_default();
        let text = built["data"]["text"].as_str().unwrap_or_default();
        let records: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(records.len(), 5);
        assert!(records.iter().all(|record| record.len() == 128), "{records:#?}");
        assert_eq!(built["data"]["total"].to_string(), "10.05");
        let read =
            testing::call(&PLUGIN, &Hub::new(), "read_file", &json!({ "text": text })).unwrap_or_default();
        assert_eq!(read["data"]["direction"], "credit");
        assert_eq!(read["data"]["rows"][0]["name"], "דנה");
        assert_eq!(read["data"]["rows"][1]["amount"].to_string(), "0.05");
    }

    #[test]
    fn what_has_no_place_in_the_file_is_refused_and_never_cut_or_rounded() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 9] = [
            (|r| r["direction"] = json!("both"), "direction"),
            (|r| r["institution"] = json!("123"), "exactly 8 digits"),
            (|r| r["name"] = json!("Acme"), "only Hebrew letters"),
            (|r| r["value_date"] = json!("2026-02-30"), "value_date"),
            (|r| r["rows"][0]["bank"] = json!("110"), "rows[0].bank: up to 2 digits"),
            (|r| r["rows"][1]["reference"] = json!("01"), "stands in the file already"),
            (|r| r["rows"][0]["amount"] = serde_number("1.005"), "rows[0].amount"),
            (|r| r["rows"][0]["amount"] = serde_number("-1"), "above zero"),
            (|r| r["rows"][0]["period"] = json!("2612-2611"), "period"),
        ];
        for (change, want) in cases {
            let refused = request(change);
            assert!(refused.as_ref().is_err_and(|words| words.contains(want)), "{want}: {refused:?}");
        }
    }
}

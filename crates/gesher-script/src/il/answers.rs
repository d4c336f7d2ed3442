//! The answers of `il::` functions, as maps with messages in the hub's language.

use super::arguments::Arguments;
use gesher_core::{Decimal, Language, Text};
use gesher_il::allocation::Allocation;
use gesher_il::bank::{bank as bank_of, check_iban, parse_iban};
use gesher_il::identity::CompanyKind;
use gesher_il::phone::check_phone;
use gesher_il::vat::VatParts;
use gesher_il::{HebrewDate, Status, Verdict, business, dates, holiday};
use jiff::civil::Date;
use rhai::{Dynamic, INT, Map};

/// The days of the week, from Monday, as the calendar's library counts them.
const WEEKDAYS: [(&str, &str); 7] = [
    ("יום שני", "Monday"),
    ("יום שלישי", "Tuesday"),
    ("יום רביעי", "Wednesday"),
    ("יום חמישי", "Thursday"),
    ("יום שישי", "Friday"),
    ("שבת", "Saturday"),
    ("יום ראשון", "Sunday"),
];

fn map<const N: usize>(fields: [(&str, Dynamic); N]) -> Map {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// A value, or `()`.
pub(super) fn optional<T: Into<Dynamic>>(value: Option<T>) -> Dynamic {
    value.map_or(Dynamic::UNIT, Into::into)
}

fn said(call: &Arguments, text: &Text) -> Dynamic {
    text.get(call.item.language()).into()
}

fn verdict_map(call: &Arguments, verdict: &Verdict) -> Map {
    map([
        ("status", verdict.status.as_str().into()),
        ("value", verdict.value.as_str().into()),
        ("message", said(call, &verdict.message)),
    ])
}

pub(super) fn verdict(call: &Arguments, verdict: &Verdict) -> Dynamic {
    verdict_map(call, verdict).into()
}

pub(super) fn company(call: &Arguments, verdict: &Verdict) -> Dynamic {
    let mut answer = verdict_map(call, verdict);
    let kind = (verdict.status == Status::Valid).then(|| CompanyKind::of(&verdict.value).as_str());
    answer.insert("kind".into(), optional(kind));
    answer.into()
}

pub(super) fn iban(call: &Arguments, raw: &str) -> Dynamic {
    let mut answer = verdict_map(call, &check_iban(raw));
    let account = parse_iban(raw).map(|iban| iban.account);
    let number = |part: Option<u16>| optional(part.map(INT::from));
    answer.insert("bank".into(), number(account.as_ref().map(|account| account.bank)));
    answer.insert("branch".into(), number(account.as_ref().map(|account| account.branch)));
    answer.insert("account".into(), optional(account.map(|account| account.number)));
    answer.into()
}

pub(super) fn phone(call: &Arguments, raw: &str) -> Dynamic {
    let phone = check_phone(raw);
    let mut answer = verdict_map(call, &phone.verdict);
    answer.insert("kind".into(), phone.kind.as_str().into());
    answer.insert("international".into(), optional(phone.international()));
    answer.into()
}

pub(super) fn bank(call: &Arguments, code: &str) -> Dynamic {
    let found = code.trim().parse().ok().and_then(bank_of);
    let named = found.map(|bank| {
        let name = Text::new(bank.he, bank.en);
        map([
            ("code", INT::from(bank.code).into()),
            ("name", said(call, &name)),
            ("merged_into", optional(bank.merged_into.map(INT::from))),
        ])
    });
    optional(named)
}

pub(super) fn vat(parts: VatParts) -> Dynamic {
    let amount = |mut amount: Decimal| {
        amount.rescale(2);
        Dynamic::from(amount)
    };
    map([
        ("rate", Dynamic::from(parts.rate)),
        ("net", amount(parts.net.amount)),
        ("vat", amount(parts.vat.amount)),
        ("total", amount(parts.total.amount)),
    ])
    .into()
}

pub(super) fn allocation(call: &Arguments, found: Allocation) -> Dynamic {
    map([
        ("needed", found.needed.as_str().into()),
        ("threshold", optional(found.threshold.map(Dynamic::from))),
        ("message", said(call, &found.message)),
    ])
    .into()
}

pub(super) fn hebrew(call: &Arguments, date: Date) -> Dynamic {
    let hebrew = HebrewDate::of(date);
    let month = hebrew.month();
    map([
        ("year", INT::from(hebrew.year()).into()),
        ("month", said(call, &Text::new(month.he(), month.en()))),
        ("day", INT::from(hebrew.day()).into()),
        ("leap", gesher_il::hebrew::is_leap(hebrew.year()).into()),
        ("text", said(call, &Text::new(hebrew.he(), hebrew.en()))),
    ])
    .into()
}

pub(super) fn day(call: &Arguments, date: Date) -> Dynamic {
    let named = holiday::holiday_on(date);
    let at = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
    let (he, en) = WEEKDAYS.get(at).copied().unwrap_or_default();
    let ends = business::day_ends(date, &[]).map(|time| format!("{:02}:{:02}", time.hour(), time.minute()));
    map([
        ("date", dates::iso(date).into()),
        ("weekday", (if call.item.language() == Language::He { he } else { en }).into()),
        ("shabbat", holiday::is_shabbat(date).into()),
        ("yom_tov", holiday::is_yom_tov(date).into()),
        ("erev_shabbat", holiday::is_erev_shabbat(date).into()),
        ("erev_yom_tov", holiday::is_erev_yom_tov(date).into()),
        ("hol_hamoed", named.is_some_and(holiday::Holiday::is_hol_hamoed).into()),
        ("holiday", optional(named.map(|named| said(call, &Text::new(named.he(), named.en()))))),
        ("bank_business_day", business::is_business_day(date, &[]).into()),
        ("bank_day_ends", optional(ends)),
    ])
    .into()
}

//! The arguments of `il::` functions: cells, dates, amounts and counts, and what is said of one that is none.

use crate::item::{Item, Native};
use gesher_core::money::parse_signed_amount;
use gesher_core::{Currency, Decimal, Money, Text};
use gesher_il::{HebrewDate, HebrewMonth, parse_date};
use jiff::Timestamp;
use jiff::civil::Date;
use rhai::{Array, Dynamic, EvalAltResult, ImmutableString};
use std::sync::Arc;

/// Days that one call may name as closed. More are refused: each of them is looked at for each day.
const CLOSED_DAYS_MAX: usize = 200;

/// Days on which banks are closed.
pub(super) type Days = [Date];

/// One call of a function.
pub(super) struct Arguments {
    pub(super) item: Arc<Item>,
    pub(super) function: &'static str,
}

impl Arguments {
    /// A text, or a number taken as its digits.
    pub(super) fn cell(&self, value: &Dynamic) -> Native<String> {
        if let Some(text) = value.read_lock::<ImmutableString>() {
            return Ok(text.to_string());
        }
        match value.as_int() {
            Ok(number) => Ok(number.to_string()),
            Err(given) => Err(self.wrong("טקסט או מספר שלם", "a text or an integer", given)),
        }
    }

    pub(super) fn date(&self, value: &Dynamic) -> Native<Date> {
        let Some(text) = value.read_lock::<ImmutableString>().map(|text| text.clone()) else {
            return Err(self.wrong("תאריך כטקסט", "a date as a text", value.type_name()));
        };
        parse_date(&text).map_err(|error| self.item.coded_fault("bad_date", &error.text()))
    }

    /// An instant as `time::now()` writes it, with its offset.
    pub(super) fn instant(&self, value: &Dynamic) -> Native<Timestamp> {
        let Some(text) = value.read_lock::<ImmutableString>().map(|text| text.clone()) else {
            return Err(self.wrong("זמן כטקסט", "an instant as a text", value.type_name()));
        };
        text.parse().map_err(|_| {
            let said = Text::new(
                format!("„{text}” אינו זמן; יש לכתוב 2026-03-27T09:30:00+03:00, כמו time::now()"),
                format!("`{text}` is no instant; write 2026-03-27T09:30:00+03:00, as time::now() does"),
            );
            self.item.coded_fault("bad_date", &said)
        })
    }

    /// An amount in shekels: a decimal, an integer, or a text of the form that `decimal()` takes.
    pub(super) fn shekels(&self, value: &Dynamic) -> Native<Money> {
        let amount = if let Some(text) = value.read_lock::<ImmutableString>() {
            parse_signed_amount(&text).map_err(|fault| self.item.coded_fault("bad_amount", &fault.text()))?
        } else if let Some(amount) = value.read_lock::<Decimal>() {
            *amount
        } else {
            let number = value.as_int().map_err(|given| self.wrong("סכום", "an amount", given))?;
            Decimal::from(number)
        };
        Ok(Money { amount, currency: Currency::ILS })
    }

    /// The rate of a day; before the table begins there is none to reckon with.
    pub(super) fn vat_rate(&self, date: &Dynamic) -> Native<Decimal> {
        let date = self.date(date)?;
        gesher_il::vat::rate_on(date).ok_or_else(|| {
            let said = Text::new(
                format!("שיעור המע\"מ ביום {date} אינו ידוע"),
                format!("the VAT rate on {date} is not known"),
            );
            self.item.coded_fault("bad_date", &said)
        })
    }

    pub(super) fn count(&self, value: &Dynamic) -> Native<i32> {
        let number = value.as_int().map_err(|given| self.wrong("מספר שלם", "an integer", given))?;
        i32::try_from(number).map_err(|_| self.out_of_reach())
    }

    pub(super) fn closed(&self, value: Dynamic) -> Native<Vec<Date>> {
        let given = value.type_name();
        let days = value.try_cast::<Array>();
        let days = days.ok_or_else(|| self.wrong("מערך של תאריכים", "an array of dates", given))?;
        if days.len() > CLOSED_DAYS_MAX {
            let said = Text::new(
                format!("יותר מ־{CLOSED_DAYS_MAX} ימים סגורים בקריאה אחת"),
                format!("more than {CLOSED_DAYS_MAX} closed days in one call"),
            );
            return Err(self.item.fault(&said));
        }
        days.iter().map(|day| self.date(day)).collect()
    }

    /// The day of a Hebrew date whose month is named, in either language.
    pub(super) fn hebrew(&self, year: &Dynamic, month: &Dynamic, day: &Dynamic) -> Native<Date> {
        let (year, name, day) = (self.count(year)?, self.cell(month)?, self.count(day)?);
        let month = HebrewMonth::named(&name);
        let date =
            month.zip(u8::try_from(day).ok()).and_then(|(month, day)| HebrewDate::new(year, month, day));
        date.and_then(HebrewDate::to_date).ok_or_else(|| {
            let said = Text::new(
                format!("אין תאריך עברי {day} {name} {year}; חודש נכתב למשל „אדר ב׳” או \"Adar II\""),
                format!("there is no Hebrew date {day} {name} {year}; a month is written such as \"Adar II\" or \"אדר ב׳\""),
            );
            self.item.coded_fault("bad_date", &said)
        })
    }

    /// A day that was looked for, as text.
    pub(super) fn found(&self, day: Option<Date>) -> Native<Dynamic> {
        day.map(|day| gesher_il::dates::iso(day).into()).ok_or_else(|| self.out_of_reach())
    }

    pub(super) fn too_large(&self) -> Box<EvalAltResult> {
        self.item.coded_fault("bad_amount", &Text::new("הסכום גדול מדי", "the amount is too large"))
    }

    fn out_of_reach(&self) -> Box<EvalAltResult> {
        let said = Text::new("אין יום עסקים בטווח שנבדק", "there is no business day within reach");
        self.item.coded_fault("bad_date", &said)
    }

    fn wrong(&self, he: &str, en: &str, given: &str) -> Box<EvalAltResult> {
        let function = self.function;
        self.item.fault(&Text::new(
            format!("הפונקציה il::{function} מקבלת {he}, אבל התקבל {given}"),
            format!("il::{function} takes {en}, but got {given}"),
        ))
    }
}

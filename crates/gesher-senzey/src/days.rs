//! Days against today: what lies in the past is refused before anything is sent.
//!
//! It is asked when a request is sent and not when it is checked, since the same request is checked again after an
//! interruption, perhaps tomorrow, and must then be what it was. The answer is an outcome like any other, and recorded.

use crate::endpoints::shared::Day;
use crate::rules::refuse;
use gesher_core::{Clock, Rejection};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

/// The provider's own time zone.
const ZONE: &str = "Asia/Jerusalem";
/// The zone's usual offset, in hours, for machines without time zones.
const ZONE_HOURS: i8 = 2;

/// Which way a day must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Must {
    BeTodayOrLater,
    BeBeforeToday,
}

/// Fields that are days, and which way they lie. The day of a contact's joining may well be in the past.
const RULES: &[(&str, Must)] = &[
    ("start_date", Must::BeTodayOrLater),
    ("client_birthday", Must::BeBeforeToday),
    ("x_birthday", Must::BeBeforeToday),
];

/// Today where the provider is.
pub(crate) fn today(clock: &dyn Clock) -> Date {
    let zone = TimeZone::get(ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(ZONE_HOURS)));
    clock.now().to_zoned(zone).date()
}

/// What is wrong with the days of a prepared request.
pub(crate) fn refusal(body: &str, today: Date) -> Option<Rejection> {
    let request: Value = serde_json::from_str(body).ok()?;
    RULES.iter().find_map(|(name, must)| {
        let day = Day::read(request.get(*name)?.as_str()?).date()?;
        match must {
            Must::BeTodayOrLater if day < today => Some(refuse(
                "date_in_the_past",
                format!("{name}: {} כבר עבר (היום {})", Day::written(day), Day::written(today)),
                format!("{name}: {} has passed (today is {})", Day::written(day), Day::written(today)),
            )),
            Must::BeBeforeToday if day >= today => Some(refuse(
                "date_in_the_future",
                format!("{name}: {} עוד לא היה (היום {})", Day::written(day), Day::written(today)),
                format!("{name}: {} has not been yet (today is {})", Day::written(day), Day::written(today)),
            )),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gesher_core::time::ManualClock;

    #[track_caller]
    fn check(body: &str, want: Option<&str>) {
        let today = Date::constant(2026, 12, 1);
        assert_eq!(refusal(body, today).map(|refusal| refusal.code).as_deref(), want, "{body}");
    }

    #[test]
    fn an_order_begins_today_or_later() {
        check(r#"{"start_date":"30/11/2026"}"#, Some("date_in_the_past"));
        check(r#"{"start_date":"01/12/2026"}"#, None);
        check(r#"{"start_date":"02/12/2026"}"#, None);
        check(r#"{"start_date":"01/01/2027"}"#, None);
        check(r#"{"connect_to_project":{"start_date":"01/01/2020"}}"#, None);
    }

    #[test]
    fn a_birthday_is_before_today() {
        check(r#"{"client_birthday":"01/12/2026"}"#, Some("date_in_the_future"));
        check(r#"{"x_birthday":"02/12/2026"}"#, Some("date_in_the_future"));
        check(r#"{"x_birthday":"30/11/2026"}"#, None);
    }

    #[test]
    fn today_is_the_provider_s_day() {
        let clock = ManualClock::new("2026-11-30T22:30:00Z".parse().unwrap());
        assert_eq!(today(&clock), Date::constant(2026, 12, 1));
    }
}

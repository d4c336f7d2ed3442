//! The bounds of a flow on one call: what the journal is to check with the intent, and the words for a call that goes
//! beyond.
//!
//! All are checked after the key: what was done already is answered as it was, whatever may be sent now. The limits on a
//! run and a day are reservations: the journal takes them in the commit of the intent, and gives them back only when it
//! is certain that no money moved.

use crate::flow::FlowLimits;
use gesher_core::{Money, Outcome, OutcomeStatus, Text};
use gesher_journal::{DayLimit, LimitReached, LimitScope, Limits};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// The code of a call that a limit stopped.
pub const LIMIT: &str = "limit";

/// A limit that a call would go beyond.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reached {
    bound: Bound,
    limit: Money,
    /// What is used of it, or may be.
    held: Option<Money>,
    asked: Option<Money>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Call,
    Run,
    Approved,
    Day,
}

impl From<LimitReached> for Reached {
    fn from(reached: LimitReached) -> Self {
        let bound = match reached.scope {
            LimitScope::Call => Bound::Call,
            LimitScope::Run => Bound::Run,
            LimitScope::Approved => Bound::Approved,
            LimitScope::Day => Bound::Day,
        };
        let held = (bound != Bound::Call).then_some(reached.held);
        Self { bound, limit: reached.limit, held, asked: reached.asked }
    }
}

/// What the journal checks with an intent of this moment.
pub(crate) fn of_intent(limits: &FlowLimits, at: Timestamp, zone: &TimeZone) -> Limits {
    let day = |limit| {
        // Where the calendar ends, all of time is one day: a limit may hold back too much, and never too little.
        let (from, until) = day_of(at, zone).unwrap_or((Timestamp::MIN, Timestamp::MAX));
        DayLimit { limit, from, until }
    };
    Limits {
        per_call: limits.per_call,
        per_run: limits.per_run,
        approved: limits.approved,
        per_day: limits.per_day.map(day),
    }
}

/// The day of an instant, from its first instant to the next day's first.
fn day_of(at: Timestamp, zone: &TimeZone) -> Result<(Timestamp, Timestamp), jiff::Error> {
    let start: Zoned = at.to_zoned(zone.clone()).start_of_day()?;
    let end = start.tomorrow()?.start_of_day()?;
    Ok((start.timestamp(), end.timestamp()))
}

/// What a call that a limit stopped comes to.
pub(crate) fn outcome(reached: &Reached) -> Outcome {
    Outcome::new(OutcomeStatus::NotSent, LIMIT, words(reached))
}

fn words(reached: &Reached) -> Text {
    let limit = reached.limit;
    let (he_bound, en_bound) = match reached.bound {
        Bound::Call => ("לקריאה (per_call)", "for one call (per_call)"),
        Bound::Run => ("להרצה (per_run)", "for one run (per_run)"),
        Bound::Approved => ("שאושרה להרצה הזאת", "that was approved for this run"),
        Bound::Day => ("ליום (per_day)", "for one day (per_day)"),
    };
    let (he_used, en_used) = match reached.held {
        None => (String::new(), String::new()),
        Some(held) => (format!(", מתוכה נוצלו {held}"), format!(", {held} of it is used")),
    };
    let (he_asked, en_asked) = match reached.asked {
        None => (
            "לקריאה אין סכום, ולכן אי אפשר לבדוק אותה".to_owned(),
            "the call names no amount, so it cannot be checked".to_owned(),
        ),
        Some(asked) if asked.currency != limit.currency => (
            format!("הקריאה היא על {asked}, מטבע אחר, ולכן אי אפשר לבדוק אותה"),
            format!("the call is of {asked}, another currency, so it cannot be checked"),
        ),
        Some(asked) => (format!("הקריאה היא על {asked}"), format!("the call is of {asked}")),
    };
    Text::new(
        format!("לא נשלח: המגבלה {he_bound} היא {limit}{he_used}; {he_asked}"),
        format!("not sent: the limit {en_bound} is {limit}{en_used}; {en_asked}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_the_hubs_own_from_midnight_to_midnight() {
        let zone = TimeZone::get("Asia/Jerusalem").unwrap();
        let limits = FlowLimits { per_day: Some(money("9.00 ILS")), ..FlowLimits::default() };
        for (at, from, until) in [
            ("2026-07-01T20:59:59Z", "2026-06-30T21:00:00Z", "2026-07-01T21:00:00Z"),
            ("2026-07-01T21:00:00Z", "2026-07-01T21:00:00Z", "2026-07-02T21:00:00Z"),
            // The days on which the clock is changed have 23 and 25 hours.
            ("2026-03-27T12:00:00Z", "2026-03-26T22:00:00Z", "2026-03-27T21:00:00Z"),
            ("2026-10-25T12:00:00Z", "2026-10-24T21:00:00Z", "2026-10-25T22:00:00Z"),
        ] {
            let day = of_intent(&limits, at.parse().unwrap(), &zone).per_day.unwrap();
            assert_eq!((day.from, day.until), (from.parse().unwrap(), until.parse().unwrap()), "{at}");
        }
        assert!(of_intent(&FlowLimits::default(), Timestamp::UNIX_EPOCH, &zone).per_day.is_none());
    }

    #[test]
    fn the_message_says_which_limit_how_much_of_it_is_used_and_what_was_asked() {
        let reached = Reached {
            bound: Bound::Run,
            limit: money("200.00 ILS"),
            held: Some(money("195.50 ILS")),
            asked: Some(money("10.00 ILS")),
        };
        let text = words(&reached);
        for part in ["per_run", "200.00 ILS", "195.50 ILS", "10.00 ILS"] {
            assert!(text.he.contains(part) && text.en.contains(part), "{part}: {text:?}");
        }
        let call = Reached { bound: Bound::Call, held: None, asked: None, ..reached };
        assert_eq!(
            words(&call).en,
            "not sent: the limit for one call (per_call) is 200.00 ILS; the call names no amount, so it cannot be checked"
        );
    }
}

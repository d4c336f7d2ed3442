//! A line of a schedule. The first byte chooses its zone and its days of rest, the next eight the instant that it is asked
//! from; the rest is the line.

use super::choice;
use gesher_trigger::schedule::{Calendar, Cron, Kind, Rest, Schedule, Tick, WhenSkipped};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Zones with clocks that change by an hour, by half of one, and not at all.
const ZONES: [&str; 4] = ["Asia/Jerusalem", "America/New_York", "Australia/Lord_Howe", "UTC"];
/// Where a tick goes from a day of rest.
const SKIPS: [WhenSkipped; 3] = [WhenSkipped::Next, WhenSkipped::Previous, WhenSkipped::Drop];
/// A tick is looked for over 41 years, and clocks change by less than a day beyond.
const HORIZON: SignedDuration = SignedDuration::from_hours(24 * (41 * 366 + 2));
/// The years in which every fixed time has to come.
const YEARS: std::ops::Range<i16> = 1970..2200;
/// Ticks that are followed.
const TICKS: usize = 3;

/// Reads a line, and asks it for its ticks from any instant on: each is later than the one before, not further away than
/// a line may be silent, and the same whichever way it is looked for.
pub fn cron(data: &[u8]) {
    let Some((chosen, data)) = choice(data) else { return };
    let Some((at, line)) = data.split_first_chunk::<8>() else { return };
    let Ok(line) = std::str::from_utf8(line) else { return };
    let clamp = chosen % 2 == 1;
    let cron = match Cron::parse(line, clamp) {
        Ok(cron) => cron,
        Err(fault) => {
            assert!(fault.at <= line.len() && !fault.what.is_empty() && !fault.mend.is_empty(), "{fault:?}");
            return;
        }
    };
    let again = Cron::parse(cron.text(), clamp).unwrap();
    assert_eq!((again.text(), again.kind(), again.clamps()), (cron.text(), cron.kind(), clamp));
    let rests = chosen / (2 * ZONES.len() * SKIPS.len());
    let kinds = Rest::ALL.into_iter().enumerate().filter(|(bit, _)| (rests >> bit) & 1 == 1);
    let schedule = Schedule {
        cron,
        zone: TimeZone::get(ZONES[chosen / 2 % ZONES.len()]).unwrap(),
        calendar: Calendar::new(kinds.map(|(_, kind)| kind), []),
        when_skipped: SKIPS[chosen / (2 * ZONES.len()) % SKIPS.len()],
    };
    asked(&schedule, instant(u64::from_le_bytes(*at)));
}

/// Any instant that there is.
fn instant(number: u64) -> Timestamp {
    let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    let within = i64::try_from(number % first.abs_diff(last)).unwrap();
    Timestamp::from_second(first + within).unwrap()
}

fn asked(schedule: &Schedule, at: Timestamp) {
    let ticks: Vec<Tick> = schedule.ticks_after(at).take(TICKS).collect();
    let is_ordinary = YEARS.contains(&schedule.zone.to_datetime(at).year());
    if is_ordinary && schedule.cron.kind() == Kind::Fixed && schedule.calendar.is_empty() {
        assert_eq!(ticks.len(), TICKS, "{schedule:?} after {at}");
    }
    let mut before = at;
    for tick in &ticks {
        let away = tick.at.duration_since(before);
        assert!(away > SignedDuration::ZERO && away <= HORIZON, "{tick:?} after {before}");
        assert_eq!(schedule.zone.to_datetime(tick.at), tick.local);
        assert_eq!(schedule.next_from(tick.at).as_ref(), Some(tick));
        before = tick.at;
    }
    for pair in ticks.windows(2) {
        assert_ne!(pair[0].id(), pair[1].id());
        // None only where the calendar begins too close before.
        if let Some(last) = schedule.last_before(pair[1].at) {
            assert_eq!(last, pair[0]);
        }
    }
    if let Some(last) = schedule.last_before(at) {
        assert!(last.at < at, "{last:?} before {at}");
        assert!(schedule.next_after(last.at).is_none_or(|next| next.at >= at), "{last:?} before {at}");
    }
}

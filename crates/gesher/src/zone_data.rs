//! Whether the machine's time-zone data can be relied on. The hub carries none of its own, so a machine that is not kept up
//! to date changes its clocks on days that the law has moved since, and schedules with them.
//!
//! Two things can be known: how old the data says that it is, and whether it lets a zone that changed its clocks each year
//! stop doing so. That a rule in it is wrong, nobody here can know.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// How old the data may be, in whole years by its name. Data of 2025 is too old in 2028.
const AGE_YEARS_MAX: i16 = 2;
/// Years in each of which clocks have to have changed before their standing still is told.
const YEARS_LOOKED_AT: i64 = 3;
/// The time in which clocks change at least once where they do so each year.
const YEAR: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Where the data lies, unless `TZDIR` says otherwise.
const FOLDER: &str = "/usr/share/zoneinfo";
/// The files whose first line may name the version: the first on Linux, the second on macOS.
const VERSION_FILES: [&str; 2] = ["tzdata.zi", "+VERSION"];
/// The part of such a file that is read, in bytes.
const VERSION_BYTES_MAX: u64 = 64;

/// Something that a person should know of the data: what, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What.
    pub what: String,
    /// How to mend it.
    pub mend: &'static str,
}

const MEND: &str = "install the system's current `tzdata` package, and start the hub again";

/// The version that the machine's data names, such as `2025b`. None where it names none.
#[must_use]
pub fn version() -> Option<String> {
    let folder = std::env::var_os("TZDIR").map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
    VERSION_FILES.iter().find_map(|name| version_in(&folder.join(name)))
}

fn version_in(path: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(File::open(path).ok()?.take(VERSION_BYTES_MAX)).read_line(&mut line).ok()?;
    let words = line.trim().trim_start_matches('#').trim_start();
    let version = words.strip_prefix("version ").unwrap_or(words).trim();
    (year_of(version).is_some()).then(|| version.to_owned())
}

/// `2025b` is the second of 2025.
fn year_of(version: &str) -> Option<i16> {
    let (year, letter) = version.split_at_checked(4)?;
    let is_version = letter.bytes().all(|byte| byte.is_ascii_lowercase()) && letter.len() <= 2;
    year.parse().ok().filter(|year| is_version && (1990..=9999).contains(year))
}

/// What is doubtful about the data of a zone now. Pure.
#[must_use]
pub fn doubts(version: Option<&str>, name: &str, zone: &TimeZone, now: Timestamp) -> Vec<Doubt> {
    let of_age = version.and_then(|version| {
        let is_old = now.to_zoned(zone.clone()).year().saturating_sub(year_of(version)?) > AGE_YEARS_MAX;
        let what = format!(
            "this machine's time-zone data is of {version}; a change of the law since then would move schedules by an hour"
        );
        is_old.then_some(Doubt { what, mend: MEND })
    });
    let of_rules = stands_still(zone, now).then(|| Doubt {
        what: format!(
            "in {name} the clocks have changed each year, and by this machine's time-zone data they will not in the coming \
             one: it may end too early"
        ),
        mend: MEND,
    });
    of_age.into_iter().chain(of_rules).collect()
}

/// Whether the zone's clocks changed in each of the last years and will not in the coming one.
fn stands_still(zone: &TimeZone, now: Timestamp) -> bool {
    let changes_within = |from: Timestamp| {
        let until = from.saturating_add(YEAR);
        let next = zone.following(from).next().map(|change| change.timestamp());
        next.is_some_and(|next| until.is_ok_and(|until| next <= until))
    };
    let earlier = |years: i64| {
        let hours = YEAR.as_hours().saturating_mul(years);
        now.saturating_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN)
    };
    !changes_within(now) && (1..=YEARS_LOOKED_AT).all(|years| changes_within(earlier(years)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Israel's clocks, of data that ends after 2025: without a rule for the years after.
    fn ends_early() -> TimeZone {
        let transitions: [(&str, i64); 7] = [
            ("2022-10-29T23:00:00Z", 0),
            ("2023-03-24T00:00:00Z", 1),
            ("2023-10-28T23:00:00Z", 0),
            ("2024-03-29T00:00:00Z", 1),
            ("2024-10-26T23:00:00Z", 0),
            ("2025-03-28T00:00:00Z", 1),
            ("2025-10-25T23:00:00Z", 0),
        ];
        let mut body: Vec<u8> = Vec::new();
        body.extend(transitions.iter().flat_map(|(time, _)| at(time).as_second().to_be_bytes()));
        body.extend(transitions.iter().map(|(_, kind)| u8::try_from(*kind).unwrap()));
        for (offset, is_summer, name) in [(7_200_i32, 0_u8, 0_u8), (10_800, 1, 4)] {
            body.extend(offset.to_be_bytes());
            body.extend([is_summer, name]);
        }
        body.extend(b"IST\0IDT\0");
        let header = |times: u32, kinds: u32, letters: u32| {
            let mut header = b"TZif2".to_vec();
            header.extend([0; 15]);
            header.extend([0, 0, 0, times, kinds, letters].into_iter().flat_map(u32::to_be_bytes));
            header
        };
        // The first part, for old readers, has to be there and may be empty.
        let mut file = header(0, 1, 4);
        file.extend([0, 0, 0, 0, 0, 0]);
        file.extend(b"UTC\0");
        file.extend(header(7, 2, 8));
        file.extend(body);
        file.extend(b"\n\n");
        TimeZone::tzif("Asia/Jerusalem", &file).unwrap()
    }

    #[test]
    fn data_that_ends_too_early_and_data_that_is_too_old_are_told() {
        let israel = TimeZone::posix("IST-2IDT,M3.4.4/26,M10.5.0").unwrap();
        let still = TimeZone::fixed(jiff::tz::offset(2));
        for (version, zone, now, want) in [
            (Some("2025b"), &israel, "2026-11-22T12:00:00Z", &[][..]),
            (Some("2025b"), &israel, "2027-12-31T12:00:00Z", &[]),
            (Some("2025b"), &israel, "2028-01-01T12:00:00Z", &["is of 2025b"]),
            (Some("2030a"), &israel, "2026-11-22T12:00:00Z", &[]),
            (None, &israel, "2040-11-22T12:00:00Z", &[]),
            // A zone without summer time changes nothing, and never did.
            (None, &still, "2026-11-22T12:00:00Z", &[]),
            (None, &ends_early(), "2025-06-01T12:00:00Z", &[]),
            (None, &ends_early(), "2025-11-22T12:00:00Z", &["it may end too early"]),
            (Some("2022a"), &ends_early(), "2025-11-22T12:00:00Z", &["is of 2022a", "it may end too early"]),
        ] {
            let found = doubts(version, "Asia/Jerusalem", zone, at(now));
            let fits = found.len() == want.len()
                && found.iter().zip(want).all(|(doubt, words)| doubt.what.contains(words));
            assert!(fits, "{version:?} {now}: {found:#?}");
        }
    }

    #[test]
    fn a_version_is_read_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tzdata.zi");
        for (text, want) in [
            ("# version 2025b\n# redistributed\n", Some("2025b")),
            ("2024a\n", Some("2024a")),
            ("# version unknown\n", None),
            ("R d 1916 o - Jun 14 23s 1 S\n", None),
            ("", None),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(version_in(&path).as_deref(), want, "{text:?}");
        }
        assert_eq!(version_in(&folder.path().join("gone")), None);
    }
}

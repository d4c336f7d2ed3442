//! Asks a person to look where a part of the hub is in trouble: the journal or its intent log cannot be written, a disk is
//! full, a folder cannot be worked with. One alert a trouble. What counts as trouble is said by whoever meets it (`Health`);
//! here it becomes a row of the journal, and if that is what is broken, as soon as it can be written again.

use gesher_core::Text;
use gesher_engine::{Engine, Part, Stop};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long after an alert the same part is alerted about again: a disk at its edge would send one a second.
const AGAIN_AFTER: Duration = Duration::from_hours(1);
/// The pause after an alert that could not be written down.
const RETRY: Duration = Duration::from_secs(5);

/// A trouble that somebody has to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owed {
    since: Timestamp,
    why: String,
}

/// Which troubles there are, and of which somebody was told. Pure.
#[derive(Default)]
struct Book {
    open: BTreeSet<Part>,
    owed: BTreeMap<Part, Owed>,
    told_at: BTreeMap<Part, Duration>,
}

impl Book {
    /// Takes note of what is in trouble now. `now` only goes forwards, and `at` is what people read.
    fn note(&mut self, troubles: &BTreeMap<Part, String>, now: Duration, at: Timestamp) {
        self.open.retain(|part| troubles.contains_key(part));
        for (part, why) in troubles {
            let is_new = self.open.insert(part.clone());
            let is_due = self.told_at.get(part).is_none_or(|told| now.saturating_sub(*told) >= AGAIN_AFTER);
            if is_new && is_due {
                self.owed.entry(part.clone()).or_insert_with(|| Owed { since: at, why: why.clone() });
            }
        }
    }

    fn told(&mut self, part: &Part, now: Duration) {
        self.owed.remove(part);
        self.told_at.insert(part.clone(), now);
    }
}

/// The kind of the alert about a part.
fn kind(part: &Part) -> &'static str {
    match part {
        Part::Journal => "journal_failed",
        Part::Data => "disk_full",
        Part::Room(_) => "no_room",
        Part::Folder(_) => "folder_failed",
    }
}

fn words(part: &Part, owed: &Owed, is_over: bool) -> Text {
    let Owed { since, why } = owed;
    let (he_part, en_part) = (named(part), part.to_string());
    match is_over {
        false => Text::new(format!("{he_part}: {why}"), format!("{en_part}: {why}")),
        true => Text::new(
            format!("{he_part}: מ־{since} הייתה תקלה, והיא חלפה: {why}"),
            format!("{en_part}: there was trouble from {since} on, and it is over: {why}"),
        ),
    }
}

fn named(part: &Part) -> String {
    match part {
        Part::Journal => "היומן".to_owned(),
        Part::Data => "הדיסק של נתוני המערכת".to_owned(),
        Part::Room(flow) => format!("מקום לקבצים של {flow}"),
        Part::Folder(flow) => format!("תיקיית הקבצים של {flow}"),
    }
}

/// Until the stop.
pub async fn watch(engine: Engine, stop: Stop) {
    let mut seen = engine.health().watch();
    let mut book = Book::default();
    while !stop.is_requested() {
        let troubles = seen.borrow_and_update().clone();
        book.note(&troubles, engine.clock().monotonic(), engine.clock().now());
        for (part, owed) in book.owed.clone() {
            let text = words(&part, &owed, !book.open.contains(&part));
            match engine.raise_alarm(kind(&part), &part.to_string(), &text).await {
                Ok(()) => book.told(&part, engine.clock().monotonic()),
                Err(error) => tracing::debug!(%error, "an alert cannot be written down yet"),
            }
        }
        let pause = async {
            match book.owed.is_empty() {
                true => std::future::pending().await,
                false => tokio::time::sleep(RETRY).await,
            }
        };
        tokio::select! {
            // The engine holds the other end, and lives as long as this.
            _changed = seen.changed() => {}
            () = pause => {}
            () = stop.requested() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn troubles(parts: &[Part]) -> BTreeMap<Part, String> {
        parts.iter().map(|part| (part.clone(), "it is broken".to_owned())).collect()
    }

    #[test]
    fn a_trouble_is_owed_once_until_it_was_told_and_again_after_an_hour() {
        let (mut book, minute) = (Book::default(), Duration::from_secs(60));
        let at = |minutes: i64| Timestamp::from_second(minutes * 60).unwrap();
        let folder = Part::Folder("charges".to_owned());
        let owed = |book: &Book| book.owed.keys().cloned().collect::<Vec<_>>();
        book.note(&troubles(&[Part::Journal]), Duration::ZERO, at(0));
        book.note(&troubles(&[Part::Journal, folder.clone()]), minute, at(1));
        assert_eq!(owed(&book), [Part::Journal, folder.clone()]);
        assert_eq!(book.owed[&Part::Journal].since, at(0), "since it began");
        book.told(&folder, minute);
        // It could not be written down, and the trouble is over: it is owed still.
        book.note(&troubles(&[]), minute * 2, at(2));
        assert_eq!(owed(&book), [Part::Journal]);
        assert!(book.open.is_empty());
        book.told(&Part::Journal, minute * 2);
        // A part that is in and out of trouble is told of once an hour.
        for minutes in 3..60 {
            book.note(&troubles(&[folder.clone()]), minute * minutes, at(3));
            book.note(&troubles(&[]), minute * minutes, at(3));
        }
        assert!(owed(&book).is_empty());
        book.note(&troubles(&[folder.clone()]), minute * 61, at(61));
        assert_eq!(owed(&book), [folder]);
    }

    #[test]
    fn the_words_name_the_part_and_say_whether_it_is_over() {
        let owed = Owed { since: Timestamp::from_second(0).unwrap(), why: "no space left".to_owned() };
        for (part, is_over, want) in [
            (Part::Journal, false, "the journal: no space left"),
            (
                Part::Folder("charges".to_owned()),
                true,
                "the drop folder of charges: there was trouble from 1970-01-01T00:00:00Z on, and it is over: no space left",
            ),
        ] {
            let text = words(&part, &owed, is_over);
            assert_eq!(text.en, want);
            assert!(text.he.contains("no space left") && text.he != text.en);
        }
    }
}

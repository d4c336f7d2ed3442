//! The file by itself: torn ends, damage, other hubs, other files.

use super::*;
use gesher_core::StepId;
use std::borrow::Cow;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// Says of each append whether it fails.
pub(super) struct Fails(pub(super) Box<dyn Fn() -> bool + Send>);

impl Default for Fails {
    fn default() -> Self {
        Self(Box::new(|| false))
    }
}

impl std::fmt::Debug for Fails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fails")
    }
}

impl Fails {
    pub(super) fn next(&self) -> bool {
        (self.0)()
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("intents.log")
    }

    fn open(&self) -> Result<IntentLog, JournalError> {
        IntentLog::open(&self.path(), &hub())
    }

    /// A log with so many intents, each appended by itself.
    fn with(intents: u32) -> Self {
        let folder = Self::new();
        let mut log = folder.open().unwrap();
        for number in 1..=intents {
            log.append(&line(number)).unwrap();
        }
        folder
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }
}

fn hub() -> HubId {
    HubId::stored("abcdefghijklmnop")
}

fn logged(number: u32) -> LoggedIntent<'static> {
    let step: StepId = format!("k7mq2xd.{number}.1").parse().unwrap();
    LoggedIntent {
        seq: i64::from(number),
        step: Cow::Owned(step),
        flow: "charges".into(),
        row: number.is_multiple_of(3).then(|| "row".into()),
        operation: "officeguy.charge".into(),
        who: "דנה".into(),
        account: "officeguy:1".into(),
        key: format!("order-{number}").into(),
        attempt: 1,
        hash: "5c".repeat(32).into(),
        subject: number.is_multiple_of(2).then(|| "line\nbreak".into()),
        amount: "12.30 ILS".parse().ok(),
        money: true,
        at: "2026-03-01T07:00:00.000001Z".parse().unwrap(),
        stamp: None,
        original: None,
        look_up: Cow::Owned(serde_json::json!({ "customer": number })),
        opens: None,
    }
}

fn line(number: u32) -> Vec<u8> {
    let mut line = Vec::new();
    logged(number).write(&mut line).unwrap();
    line
}

fn all(log: &IntentLog) -> Result<Vec<LoggedIntent<'static>>, JournalError> {
    let mut lines = log.newest_first();
    let mut found = Vec::new();
    while let Some(intent) = lines.intent()? {
        found.push(intent);
    }
    found.reverse();
    Ok(found)
}

#[test]
fn intents_are_read_from_the_end_as_they_were_written() {
    let folder = Folder::with(0);
    assert_eq!(all(&folder.open().unwrap()).unwrap(), []);
    // More than one block.
    let mut log = folder.open().unwrap();
    for number in 1..=1_000 {
        log.append(&line(number)).unwrap();
    }
    assert!(folder.bytes().len() > 3 * BLOCK_BYTES);
    let want: Vec<_> = (1..=1_000).map(logged).collect();
    assert_eq!(all(&log).unwrap(), want);
    assert_eq!(all(&folder.open().unwrap()).unwrap(), want);
    let mode = std::fs::metadata(folder.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn whatever_a_crash_leaves_of_the_last_line_is_cut_off() {
    let whole = Folder::with(3).bytes();
    let last = whole.len() - line(3).len();
    for cut in last + 1..whole.len() {
        let folder = Folder::new();
        std::fs::write(folder.path(), &whole[..cut]).unwrap();
        let mut log = folder.open().unwrap();
        assert_eq!(folder.bytes().len(), last, "{cut}");
        assert_eq!(all(&log).unwrap().len(), 2, "{cut}");
        log.append(&line(3)).unwrap();
        assert_eq!(folder.bytes(), whole, "{cut}");
    }
    // Its length reached the disk, and its bytes did not.
    let folder = Folder::new();
    let mut zeroed = whole.clone();
    zeroed[last + 20..].fill(0);
    std::fs::write(folder.path(), zeroed).unwrap();
    assert_eq!(all(&folder.open().unwrap()).unwrap().len(), 2);
}

#[test]
fn a_log_that_was_never_begun_to_its_end_begins_anew() {
    let whole = Folder::with(0).bytes();
    for cut in 0..whole.len() {
        let folder = Folder::new();
        std::fs::write(folder.path(), &whole[..cut]).unwrap();
        folder.open().unwrap();
        assert_eq!(folder.bytes(), whole, "{cut}");
    }
}

#[test]
fn a_damaged_line_before_the_last_is_an_error_that_says_where() {
    let folder = Folder::with(3);
    let whole = folder.bytes();
    let second = whole.len() - line(3).len() - line(2).len();
    for at in second..second + line(2).len() - 1 {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(folder.path(), &damaged).unwrap();
        let found = folder.open().and_then(|log| all(&log));
        assert!(
            matches!(&found, Err(JournalError::IntentLog { why, .. }) if why.contains("byte")),
            "{at}: {found:?}"
        );
        assert_eq!(folder.bytes(), damaged, "a damaged log was changed");
    }
}

#[test]
fn the_log_of_another_hub_and_a_file_of_another_kind_are_refused_and_left_as_they_are() {
    let folder = Folder::with(1);
    let other = HubId::stored("ponmlkjihgfedcba");
    let error = IntentLog::open(&folder.path(), &other).unwrap_err().to_string();
    assert!(error.contains("abcdefghijklmnop") && error.contains("ponmlkjihgfedcba"), "{error}");
    assert_eq!(all(&folder.open().unwrap()).unwrap().len(), 1);
    for text in ["order_id,amount\n1,5.00\n", "order_id", "00000000 {}\n", "\n"] {
        std::fs::write(folder.path(), text).unwrap();
        assert!(folder.open().is_err(), "{text:?}");
        assert_eq!(folder.bytes(), text.as_bytes());
    }
}

#[test]
fn an_append_that_failed_leaves_nothing_for_the_next_to_build_on() {
    let folder = Folder::with(1);
    let mut log = folder.open().unwrap();
    let sound = std::mem::replace(&mut log.file, File::open(folder.path()).unwrap());
    log.append(&line(2)).unwrap_err();
    log.append(&line(2)).unwrap_err();
    // A part of it had reached the file.
    log.file = sound;
    log.file.write_all_at(&line(2)[..30], log.length).unwrap();
    log.append(&line(3)).unwrap();
    assert_eq!(all(&log).unwrap(), [logged(1), logged(3)]);
    assert_eq!(all(&folder.open().unwrap()).unwrap(), [logged(1), logged(3)]);
}

#[test]
fn a_damaged_line_anywhere_is_found_and_named() {
    let folder = Folder::with(9);
    let whole = folder.bytes();
    let starts: Vec<usize> = std::iter::once(0)
        .chain(whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1))
        .collect();
    let check = || IntentLog::open_to_read(&folder.path(), &hub()).unwrap().check_all();
    assert_eq!(check().unwrap(), 9);
    // The lines from the second on, but the last: an end that is not whole is passed over.
    for number in 2..=9 {
        let at = starts[number - 1];
        let mut bytes = whole.clone();
        bytes[at + 20] ^= 1;
        std::fs::write(folder.path(), &bytes).unwrap();
        let said = check().unwrap_err().to_string();
        assert!(said.contains(&format!("line {number} (from byte {at}) is damaged")), "{said}");
    }
    let mut bytes = whole.clone();
    for number in [3, 5, 6] {
        bytes[starts[number - 1] + 20] ^= 1;
    }
    std::fs::write(folder.path(), &bytes).unwrap();
    let said = check().unwrap_err().to_string();
    assert!(said.contains("line 3") && said.contains("and 2 more are damaged"), "{said}");
    std::fs::write(folder.path(), &whole[..whole.len() - 5]).unwrap();
    assert_eq!(check().unwrap(), 8, "an unfinished end is no damage");
}

#[test]
fn a_line_that_is_too_long_is_damage_and_no_reason_to_hold_it() {
    let folder = Folder::with(2);
    let whole = folder.bytes();
    let second = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut bytes = whole[..second].to_vec();
    bytes.extend(std::iter::repeat_n(b'x', 3 * LINE_BYTES_MAX));
    bytes.push(b'\n');
    bytes.extend(&whole[second..]);
    std::fs::write(folder.path(), &bytes).unwrap();
    let said = IntentLog::open_to_read(&folder.path(), &hub()).unwrap().check_all().unwrap_err().to_string();
    assert!(said.contains(&format!("line 2 (from byte {second}) is damaged")), "{said}");
}

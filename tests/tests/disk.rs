//! Disks that are full, read-only or broken: nothing is sent that could not be written down first, what is known is
//! kept until it can be written, the hub says what is wrong, and it goes on by itself.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::fake::CHARGE;
use gesher_tests::{Done, FakeProvider, Hub, Reply, Serving, SmallDisk, charges_csv, nap, skip, until};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Rows of a file.
const ROWS: u32 = 60;
/// How many rows the flow has in flight, at most.
const IN_FLIGHT: usize = 8;
/// Size of the disk. The journal of the tests needs a fraction of it.
const DISK_MIB: u32 = 24;
/// How long something may take to be noticed.
const NOTICE_SECONDS: u64 = 20;

/// What a test does to its disk from inside the provider, once, at the call that it chose.
struct Trap {
    at: usize,
    calls: AtomicUsize,
    is_sprung: AtomicBool,
}

impl Trap {
    fn at(call: usize) -> Arc<Self> {
        Arc::new(Self { at: call, calls: AtomicUsize::new(0), is_sprung: AtomicBool::new(false) })
    }

    /// Filling a disk takes a moment: the calls behind it wait for that, or the file would be done before.
    fn spring(&self, what: impl Fn()) {
        match self.calls.fetch_add(1, Ordering::SeqCst).cmp(&self.at) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                what();
                self.is_sprung.store(true, Ordering::SeqCst);
            }
            std::cmp::Ordering::Greater => self.wait(),
        }
    }

    fn wait(&self) {
        until("the trap", 60, || self.is_sprung.load(Ordering::SeqCst).then_some(()));
    }
}

/// A provider that charges after a moment and answers reads at once; `on_charge` and `on_read` come first.
fn provider(
    on_charge: impl Fn() + Send + Sync + 'static,
    on_read: impl Fn() + Send + Sync + 'static,
) -> FakeProvider {
    FakeProvider::start(move |received, _| {
        if received.path() == CHARGE {
            on_charge();
            return Reply::After(Duration::from_millis(20), Box::new(Reply::Approve));
        }
        on_read();
        Reply::Json(
            r#"{"Data":{"Rate":18.0},"Status":0,"UserErrorMessage":null,"TechnicalErrorDetails":null}"#
                .into(),
        )
    })
}

/// A small disk for a hub's data, or the end of the test where there can be none.
fn disk_of(test: &str) -> Option<(tempfile::TempDir, Arc<SmallDisk>)> {
    let scratch = tempfile::tempdir().unwrap();
    match SmallDisk::mount(&scratch.path().join("disk"), DISK_MIB) {
        Ok(disk) => Some((scratch, Arc::new(disk))),
        Err(why) => {
            skip(test, &why);
            None
        }
    }
}

/// A hub whose data lies on the disk, and whose drop folder does not.
fn hub_on(disk: &Arc<SmallDisk>, scratch: &tempfile::TempDir, base_url: &str) -> Hub {
    let mut hub = Hub::bulk("en", base_url);
    let data = scratch.path().join("disk/data");
    hub.set("hub", "data", &format!("\"{}\"", data.display()));
    hub.use_disk(disk);
    hub
}

#[track_caller]
fn wait_unready(serving: &Serving, word: &str) -> String {
    until(word, NOTICE_SECONDS, || {
        let (status, text) = serving.get("/readyz")?;
        (status == 503 && text.contains(word)).then_some(text)
    })
}

#[track_caller]
fn wait_ready(serving: &Serving) {
    until("/readyz to be 200 again", NOTICE_SECONDS, || {
        serving.get("/readyz").filter(|(status, _)| *status == 200)
    });
}

/// Every row was charged, and every row once.
#[track_caller]
fn all_charged_once(done: &Done, provider: &FakeProvider) {
    done.adds_up();
    let rows = usize::try_from(ROWS).unwrap();
    let others: Vec<_> = done.rows.iter().filter(|row| row.status() != "succeeded").collect();
    assert!(others.is_empty() && done.rows.len() == rows, "{others:#?}");
    let charged = provider.charged();
    assert_eq!(charged.len(), rows);
    assert!(charged.values().all(|taken| taken.len() == 1), "{charged:?}");
}

/// Nothing is said twice: a line for the trouble and one for its end.
#[track_caller]
fn said_once(serving: &Serving, words: &str) {
    let log = serving.process.words();
    let times = log.lines().filter(|line| line.contains(words)).count();
    assert_eq!(times, 1, "`{words}` in:\n{log}");
}

/// Waits until a person was asked to look at the journal: while it is in trouble, or once that is over.
#[track_caller]
fn alerted(hub: &Hub) {
    let words = ["the journal: it cannot be written", "the journal: there was trouble from"];
    until("an alert about the journal", NOTICE_SECONDS, || {
        let said = hub.cmd(&["doctor"]).words();
        words.iter().any(|words| said.contains(words)).then_some(())
    });
}

#[test]
fn people_are_told_of_an_intent_log_that_cannot_be_written_while_nothing_is_sent() {
    let Some((scratch, disk)) = disk_of("disk::full_intent_log") else { return };
    let trap = Trap::at(5);
    let (full, sprung) = (Arc::clone(&disk), Arc::clone(&trap));
    let provider = provider(move || sprung.spring(|| full.fill()), || {});
    let mut hub = Hub::bulk("en", provider.base_url());
    hub.set("hub", "intent_log", &format!("\"{}\"", scratch.path().join("disk/intents.log").display()));
    hub.use_disk(&disk);
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    trap.wait();
    wait_unready(&serving, "not ready: ");
    // The database can take it, so nobody waits for the end of the trouble.
    alerted(&hub);
    disk.free();
    wait_ready(&serving);
    all_charged_once(&hub.wait_done("march.csv"), &provider);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn nothing_is_sent_when_the_disk_is_full_at_the_intent_and_all_goes_on_when_it_is_not() {
    let Some((scratch, disk)) = disk_of("disk::full_at_the_intent") else { return };
    let trap = Trap::at(0);
    let (full, sprung) = (Arc::clone(&disk), Arc::clone(&trap));
    let provider = provider(|| {}, move || sprung.spring(|| full.fill()));
    let hub = hub_on(&disk, &scratch, provider.base_url());
    // It reads something first, so that the disk can become full just before the intent of the charge.
    let read_first = "fn on_row(row) {\n    officeguy::get_vat_rate(\"marketplace\", #{});";
    hub.edit("scripts/charge.rhai", "fn on_row(row) {", read_first);
    hub.set("flow.bulk-charge", "allow", r#"["officeguy.charge", "officeguy.get_vat_rate"]"#);
    // With others at work, one of them might have its intent just before.
    hub.set("flow.bulk-charge", "concurrency", "1");
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    trap.wait();
    wait_unready(&serving, "not ready: the journal: it cannot be written");
    // What comes now stays where it is.
    hub.drop_file("april.csv", charges_csv(1001, 1));
    nap(1500);
    assert_eq!(provider.charges(), 0, "without an intent nothing is sent");
    assert!(hub.inbox("april.csv").exists());
    assert_eq!(serving.get("/healthz").unwrap().0, 200);
    disk.free();
    wait_ready(&serving);
    let done = hub.wait_done("march.csv");
    assert_eq!(hub.wait_done("april.csv").count("succeeded"), 1);
    assert_eq!(provider.charged().get("1001").map(Vec::len), Some(1));
    assert_eq!(provider.charges(), usize::try_from(ROWS).unwrap() + 1);
    assert_eq!(done.count("succeeded"), usize::try_from(ROWS).unwrap(), "{}", done.report);
    said_once(&serving, "the journal: it cannot be written");
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn an_outcome_is_kept_while_the_disk_is_full_and_written_when_it_is_not() {
    let Some((scratch, disk)) = disk_of("disk::full_at_the_outcome") else { return };
    let trap = Trap::at(10);
    let (full, sprung) = (Arc::clone(&disk), Arc::clone(&trap));
    let provider = provider(move || sprung.spring(|| full.fill()), || {});
    let hub = hub_on(&disk, &scratch, provider.base_url());
    let serving = hub.serve();
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    trap.wait();
    let sent = provider.count();
    wait_unready(&serving, "not ready: the journal: it cannot be written");
    nap(1000);
    let taken = provider.charges();
    assert!(taken <= sent + IN_FLIGHT, "{taken} charges, {sent} of them before the disk was full");
    nap(1000);
    assert_eq!(provider.charges(), taken, "nothing new begins");
    disk.free();
    wait_ready(&serving);
    all_charged_once(&hub.wait_done("march.csv"), &provider);
    said_once(&serving, "the journal: it cannot be written");
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_stop_while_the_disk_is_full_waits_for_the_outcomes_and_a_kill_leaves_them_unknown() {
    for (is_killed, name) in [(false, "stop"), (true, "kill")] {
        let Some((scratch, disk)) = disk_of("disk::stopped_while_full") else { return };
        let trap = Trap::at(10);
        let (full, sprung) = (Arc::clone(&disk), Arc::clone(&trap));
        let provider = provider(move || sprung.spring(|| full.fill()), || {});
        let hub = hub_on(&disk, &scratch, provider.base_url());
        let mut serving = hub.serve();
        hub.drop_file("march.csv", charges_csv(1, ROWS));
        trap.wait();
        wait_unready(&serving, "the journal");
        if is_killed {
            serving.process.kill9();
            disk.free();
        } else {
            serving.process.sigterm();
            nap(1000);
            assert!(serving.process.runs(), "{name}: outcomes are not written: {}", serving.process.words());
            disk.free();
            let ended = serving.process.wait_exit();
            assert_eq!(ended.code, 0, "{ended:#?}");
        }
        let sent = provider.charged();
        let serving = hub.serve();
        let done = hub.wait_done("march.csv");
        done.adds_up();
        let unknown = done.count("unknown");
        assert!(if is_killed { (1..=IN_FLIGHT).contains(&unknown) } else { unknown == 0 }, "{}", done.report);
        assert_eq!(done.count("succeeded") + unknown, done.rows.len(), "{}", done.report);
        for row in &done.rows {
            let taken = provider.charged().get(row.get("order_id")).map_or(0, Vec::len);
            assert!(
                taken == 1 || (taken == 0 && row.status() == "unknown"),
                "{name}: {taken} times: {row:?}"
            );
        }
        assert!(sent.len() < done.rows.len(), "the disk was full in the middle of the file");
        assert_eq!(serving.stop().code, 0);
    }
}

#[test]
fn a_file_is_not_taken_while_the_disk_of_the_data_is_below_its_floor() {
    let Some((scratch, disk)) = disk_of("disk::floor_of_the_data") else { return };
    let provider = provider(|| {}, || {});
    let hub = hub_on(&disk, &scratch, provider.base_url());
    let serving = hub.serve();
    disk.fill();
    let why = wait_unready(&serving, "must be free on the disk of");
    assert!(why.starts_with("not ready: the disk of the hub's data: "), "{why}");
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    nap(2500);
    assert!(hub.inbox("march.csv").exists() && provider.count() == 0);
    said_once(&serving, "must be free on the disk of");
    disk.free();
    wait_ready(&serving);
    all_charged_once(&hub.wait_done("march.csv"), &provider);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_file_is_not_taken_while_the_disk_of_its_folder_is_full_or_read_only() {
    let Some((scratch, disk)) = disk_of("disk::folder") else { return };
    let provider = provider(|| {}, || {});
    let mut hub = Hub::bulk("en", provider.base_url());
    let folder = scratch.path().join("disk/charges");
    hub.set("flow.bulk-charge.drop", "folder", &format!("\"{}\"", folder.display()));
    // Time to make the disk read-only behind a file that cannot be put there later.
    hub.set("flow.bulk-charge.drop", "settle", "\"4s\"");
    hub.use_disk(&disk);
    let serving = hub.serve();
    let done = |name: &str| until(name, 60, || Done::find(&disk.path("charges/done"), name, &[]));
    let drop_file = |name: &str, first: u32| {
        std::fs::write(disk.path("charges").join(name), charges_csv(first, 2)).unwrap();
    };

    drop_file("march.csv.tmp", 1);
    disk.fill();
    std::fs::rename(disk.path("charges/march.csv.tmp"), disk.path("charges/march.csv")).unwrap();
    let why = wait_unready(&serving, "room for the files of bulk-charge: march.csv is not taken");
    assert!(why.contains("must be free on the disk of"), "{why}");
    nap(1500);
    assert!(disk.path("charges/march.csv").exists() && provider.count() == 0);
    said_once(&serving, "march.csv is not taken");
    disk.free();
    assert_eq!(done("march.csv").count("succeeded"), 2);
    wait_ready(&serving);

    drop_file("april.csv", 11);
    disk.remount("ro");
    wait_unready(&serving, "the drop folder of bulk-charge: files cannot be taken from it");
    nap(1500);
    assert_eq!(provider.count(), 2);
    disk.remount("rw");
    assert_eq!(done("april.csv").count("succeeded"), 2);
    wait_ready(&serving);
    assert_eq!(provider.charges(), 4);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn reports_that_do_not_fit_are_written_when_they_do() {
    let Some((scratch, disk)) = disk_of("disk::reports") else { return };
    let trap = Trap::at(10);
    let (full, sprung) = (Arc::clone(&disk), Arc::clone(&trap));
    let provider = provider(move || sprung.spring(|| full.fill()), || {});
    let mut hub = Hub::bulk("en", provider.base_url());
    let folder = scratch.path().join("disk/charges");
    hub.set("flow.bulk-charge.drop", "folder", &format!("\"{}\"", folder.display()));
    hub.use_disk(&disk);
    let serving = hub.serve();
    std::fs::write(disk.path("charges/march.csv"), charges_csv(1, ROWS)).unwrap();
    wait_unready(&serving, "the drop folder of bulk-charge: ");
    assert_eq!(provider.charges(), usize::try_from(ROWS).unwrap(), "the journal has room, so the rows go on");
    nap(6000);
    said_once(&serving, "the drop folder of bulk-charge: ");
    disk.free();
    let done = until("march.csv", 60, || Done::find(&disk.path("charges/done"), "march.csv", &[]));
    all_charged_once(&done, &provider);
    wait_ready(&serving);
    assert_eq!(serving.stop().code, 0);
}

#[test]
fn a_hub_whose_data_is_read_only_does_not_start_and_says_why() {
    let Some((scratch, disk)) = disk_of("disk::read_only_data") else { return };
    let provider = provider(|| {}, || {});
    let hub = hub_on(&disk, &scratch, provider.base_url());
    let serving = hub.serve();
    assert_eq!(serving.stop().code, 0);
    disk.remount("ro");
    let refused = hub.cmd(&["serve"]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert!(refused.stderr.to_lowercase().contains("read-only"), "{refused:#?}");
    disk.remount("rw");
    assert_eq!(hub.serve().stop().code, 0);
}

#[test]
fn writes_that_fail_in_other_ways_are_waited_out_as_a_full_disk_is() {
    // No file may grow any more: the write fails with another error than that of a full disk. Needs no privilege.
    let trap = Trap::at(10);
    let process = Arc::new(AtomicUsize::new(0));
    let (sprung, of) = (Arc::clone(&trap), Arc::clone(&process));
    let limit = move |bytes: Option<u64>, of: &AtomicUsize| {
        let process = Pid::from_raw(i32::try_from(of.load(Ordering::SeqCst)).unwrap());
        prlimit(process, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    };
    let provider = provider(move || sprung.spring(|| limit(Some(1), &of)), || {});
    let hub = Hub::bulk("en", provider.base_url());
    let serving = hub.serve();
    process.store(usize::try_from(serving.process.id()).unwrap(), Ordering::SeqCst);
    hub.drop_file("march.csv", charges_csv(1, ROWS));
    trap.wait();
    let sent = provider.count();
    wait_unready(&serving, "not ready: the journal: it cannot be written");
    nap(1000);
    assert!(provider.charges() <= sent + IN_FLIGHT);
    limit(None, &process);
    wait_ready(&serving);
    all_charged_once(&hub.wait_done("march.csv"), &provider);
    // The alert was written at the first try that could be, which may be before the hub found the trouble to be over.
    alerted(&hub);
    assert_eq!(serving.stop().code, 0);
}

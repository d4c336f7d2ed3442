//! What the figures were measured on.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use gesher_core::Clock;
use gesher_core::time::SystemClock;

use crate::failure::{Failure, While};

/// Writes of which the time is taken.
const SYNCS: usize = 400;
/// The size of one, which is a page of SQLite.
const PAGE_BYTES: usize = 4096;

/// Facts about this machine, a name and a value each.
pub(crate) fn facts(work: &Path) -> Result<Vec<(String, String)>, Failure> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or_else(
            || "unknown".to_owned(),
            |value| value.trim_start_matches([':', '\t', ' ']).to_owned(),
        )
    };
    let cores = std::thread::available_parallelism().or_fail("count the processor's cores")?;
    let memory: f64 =
        after(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let (middle, worst) = sync_micros(work)?;
    let load = read("/proc/loadavg");
    let now = SystemClock::new().now();
    Ok([
        ("date", now.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ("processor", format!("{cores} cores of {}", after(&read("/proc/cpuinfo"), "model name"))),
        ("memory", format!("{:.0} GiB", memory / 1024.0 / 1024.0)),
        ("kernel", format!("Linux {}", read("/proc/sys/kernel/osrelease").trim())),
        ("write and fdatasync of 4 KiB", format!("{middle:.0} µs (median), {worst:.0} µs (99 of 100)")),
        ("load before", load.split(' ').next().unwrap_or("unknown").to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec())
}

/// Processor time of this machine so far: what its host gave to others while it was wanted here, and all of it.
pub(crate) fn ticks() -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let first = stat.lines().next()?.strip_prefix("cpu")?;
    // User, nice, system, idle, waiting, two kinds of interrupts, and what was withheld. What follows is in the first.
    let fields: Vec<f64> = first.split_whitespace().take(8).filter_map(|field| field.parse().ok()).collect();
    Some((*fields.get(7)?, fields.iter().sum()))
}

/// What part of the processor the host withheld since then.
pub(crate) fn withheld(before: Option<(f64, f64)>) -> (String, String) {
    let part =
        before.zip(ticks()).map(|(before, now)| 100.0 * (now.0 - before.0) / (now.1 - before.1).max(1.0));
    let part = part.map_or_else(|| "unknown".to_owned(), |part| format!("{part:.0} % of the time"));
    ("processor withheld by the host".to_owned(), part)
}

/// How long one page takes to be on the disk: the median, and what 99 of 100 stay below.
fn sync_micros(work: &Path) -> Result<(f64, f64), Failure> {
    let path = work.join("sync.probe");
    let measure = || -> std::io::Result<Vec<f64>> {
        File::create(&path)?.write_all(&vec![0; PAGE_BYTES * SYNCS])?;
        let file = OpenOptions::new().write(true).open(&path)?;
        file.sync_all()?;
        let mut micros = Vec::with_capacity(SYNCS);
        for page in 0..SYNCS {
            let clock = SystemClock::new();
            file.write_all_at(&[1; PAGE_BYTES], (page * PAGE_BYTES) as u64)?;
            file.sync_data()?;
            micros.push(clock.monotonic().as_secs_f64() * 1e6);
        }
        std::fs::remove_file(&path)?;
        Ok(micros)
    };
    let mut micros = measure().or_fail("measure the disk")?;
    micros.sort_by(f64::total_cmp);
    let at = |part: f64| micros.get((SYNCS as f64 * part) as usize).copied().unwrap_or_default();
    Ok((at(0.5), at(0.99)))
}

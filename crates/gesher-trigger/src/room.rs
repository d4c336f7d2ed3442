//! Room on the disks: whether there is enough of it before something is begun that will need it.
//!
//! A full disk in the middle of a run costs nobody money, but it makes everybody wait. So a file is taken only when
//! its reports and what the journal will keep of it fit, and something is left over.

use rustix::fs::{StatVfsMountFlags, statvfs};
use std::io;
use std::path::{Path, PathBuf};

/// Bytes that stay free on a disk, whatever is taken: outcomes and reports of what is at work still have to fit.
pub const FREE_BYTES_MIN: u64 = 64 << 20;
/// Of a small disk, one part in so many stays free instead.
pub const FREE_PART_OF_DISK: u64 = 20;
/// Bytes of reports for a byte of a file: a result row repeats the row and adds some two hundred bytes of its own, and
/// the row may come back in the retry file.
pub const REPORT_BYTES_A_BYTE: u64 = 5;
/// Bytes of the journal, its log and the intent log for a byte of a file. A row of sixty bytes becomes an item, a
/// step, an intent and their index entries.
pub const JOURNAL_BYTES_A_BYTE: u64 = 40;

/// A disk as the operating system describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that this user may still write.
    pub free: u64,
    /// Bytes that it holds in all.
    pub size: u64,
    /// Whether it can only be read: mounted so, or made so by the system after a fault.
    pub is_read_only: bool,
}

impl Disk {
    /// The disk on which a folder lies, or would lie if it were made.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let found = statvfs(nearest(folder))?;
        Ok(Self {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            size: found.f_blocks.saturating_mul(found.f_frsize),
            is_read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }

    /// Bytes that stay free on this disk.
    #[must_use]
    pub const fn floor(self) -> u64 {
        let part = self.size / FREE_PART_OF_DISK;
        if part < FREE_BYTES_MIN { part } else { FREE_BYTES_MIN }
    }

    /// Bytes that would have to be free for `needed` more, where they are not.
    #[must_use]
    pub const fn shortage(self, needed: u64) -> Option<u64> {
        let wanted = self.floor().saturating_add(needed);
        if self.free < wanted { Some(wanted) } else { None }
    }
}

fn nearest(folder: &Path) -> PathBuf {
    let there = folder.ancestors().find(|path| path.is_dir());
    there.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Why a file of `bytes` is not to be taken now: its folder's disk, or the one of the hub's data, has no room for what
/// becomes of it. A disk that cannot be asked is no reason; what is wrong with it shows when it is used.
#[must_use]
pub fn reason_against(bytes: u64, folder: &Path, data: &Path) -> Option<String> {
    let needs = [
        (folder, bytes.saturating_mul(REPORT_BYTES_A_BYTE)),
        (data, bytes.saturating_mul(JOURNAL_BYTES_A_BYTE)),
    ];
    needs.into_iter().find_map(|(path, needed)| {
        let wanted = Disk::of(path).ok()?.shortage(needed)?;
        Some(format!("{} must be free on the disk of {}", shown(wanted), path.display()))
    })
}

/// Bytes as people read them, rounded up.
#[must_use]
pub fn shown(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    if bytes >= 10 * GIB {
        format!("{} GiB", bytes.div_ceil(GIB))
    } else {
        format!("{} MiB", bytes.div_ceil(MIB))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[track_caller]
    fn check(free: u64, size: u64, needed: u64, want: Option<u64>) {
        assert_eq!(
            Disk { free, size, is_read_only: false }.shortage(needed),
            want,
            "{free} of {size} for {needed}"
        );
    }

    #[test]
    fn a_floor_stays_free_below_what_is_needed() {
        let large = 500_000 * MIB;
        check(64 * MIB, large, 0, None);
        check(64 * MIB - 1, large, 0, Some(64 * MIB));
        check(100 * MIB, large, 36 * MIB, None);
        check(100 * MIB, large, 37 * MIB, Some(101 * MIB));
        check(u64::MAX, u64::MAX, u64::MAX, None);
    }

    #[test]
    fn the_floor_of_a_small_disk_is_a_part_of_it() {
        check(MIB, 20 * MIB, 0, None);
        check(MIB - 1, 20 * MIB, 0, Some(MIB));
        check(0, 0, 0, None);
    }

    #[test]
    fn a_folder_that_is_not_there_yet_has_the_disk_it_would_get() {
        let scratch = tempfile::tempdir().unwrap();
        let (there, missing) = (Disk::of(scratch.path()).unwrap(), scratch.path().join("a/b"));
        assert_eq!(Disk::of(&missing).unwrap().size, there.size);
        assert!(there.size > 0);
    }

    #[test]
    fn a_file_that_no_disk_could_hold_is_not_taken() {
        let scratch = tempfile::tempdir().unwrap();
        assert_eq!(reason_against(0, scratch.path(), scratch.path()), None);
        let why = reason_against(u64::MAX, scratch.path(), scratch.path()).unwrap();
        assert!(why.contains("GiB must be free on the disk of "), "{why}");
    }

    #[test]
    fn sizes_are_rounded_up() {
        for (bytes, want) in [(0, "0 MiB"), (1, "1 MiB"), (64 << 20, "64 MiB"), (10 << 30, "10 GiB")] {
            assert_eq!(shown(bytes), want);
        }
    }
}

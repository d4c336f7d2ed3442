//! Which files of a folder are ready to be taken: regular files with the right name that have been quiet for long
//! enough. Looking is one function, deciding another, so that the deciding can be tested without waiting.

use super::pattern;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Endings of names that belong to uploads and downloads that are not over.
const TEMPORARY_ENDINGS: [&str; 7] =
    [".tmp", ".part", ".partial", ".filepart", ".crdownload", ".writing", ".download"];

/// Whether a name says that the file is not finished, or nobody's business.
#[must_use]
pub fn is_temporary_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.starts_with('.')
        || name.starts_with("~$")
        || TEMPORARY_ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

/// What a file's bytes are told apart by without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Stamp {
    size: u64,
    modified_seconds: i64,
    modified_nanoseconds: i64,
    inode: u64,
}

impl Stamp {
    /// Bytes of the file.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The stamp of a regular file; none for links, folders and the like.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let metadata = path.symlink_metadata()?;
        Ok(metadata.file_type().is_file().then(|| Self {
            size: metadata.len(),
            modified_seconds: metadata.mtime(),
            modified_nanoseconds: metadata.mtime_nsec(),
            inode: metadata.ino(),
        }))
    }
}

/// A file that may be taken once it is quiet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where.
    pub path: PathBuf,
    /// Its name; a name that is no Unicode is shown with replacement characters.
    pub name: String,
    /// Its bytes, told apart.
    pub stamp: Stamp,
}

/// The files of a folder that fit `pattern`.
pub(super) fn look(folder: &Path, pattern: &str) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_temporary_name(&name) || !pattern::matches(pattern, &name) {
            continue;
        }
        match Stamp::of(&path) {
            Ok(Some(stamp)) => found.push(Found { path, name, stamp }),
            // It was moved away between the listing and the question.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(None) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// What was seen at earlier looks.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    seen: HashMap<PathBuf, (Stamp, Duration)>,
}

impl Quiet {
    /// Takes in one look at `now` and answers the files that did not change since an earlier look at least `settle`
    /// ago, in the order in which they arrived; and how long until the next of the others may be ready.
    pub(super) fn ready(
        &mut self,
        now: Duration,
        settle: Duration,
        found: Vec<Found>,
    ) -> (Vec<Found>, Option<Duration>) {
        let mut seen = HashMap::with_capacity(found.len());
        let (mut ready, mut next) = (Vec::new(), None::<Duration>);
        for file in found {
            let earlier = self.seen.get(&file.path).filter(|(stamp, _)| *stamp == file.stamp);
            let since = earlier.map_or(now, |(_, since)| *since);
            seen.insert(file.path.clone(), (file.stamp, since));
            let quiet = now.saturating_sub(since);
            if earlier.is_some() && quiet >= settle {
                ready.push(file);
            } else {
                let left = settle.saturating_sub(quiet);
                next = Some(next.map_or(left, |next| next.min(left)));
            }
        }
        self.seen = seen;
        ready.sort_by(|a, b| {
            let at = |file: &Found| (file.stamp.modified_seconds, file.stamp.modified_nanoseconds);
            at(a).cmp(&at(b)).then_with(|| a.name.cmp(&b.name))
        });
        (ready, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_unfinished_files_are_left_alone() {
        for name in
            [".x.csv", "~$march.csv", "a.csv.tmp", "a.PART", "a.csv.filepart", "a.crdownload", "a.partial"]
        {
            assert!(is_temporary_name(name), "{name}");
        }
        for name in ["march.csv", "tmp.csv", "part.csv", "a.tmp.csv"] {
            assert!(!is_temporary_name(name), "{name}");
        }
    }

    #[test]
    fn only_regular_files_with_the_right_name_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["a.csv", "b.CSV", "c.txt", "d.csv.tmp", ".e.csv"] {
            fs::write(root.join(name), "x").unwrap();
        }
        fs::create_dir(root.join("folder.csv")).unwrap();
        std::os::unix::fs::symlink(root.join("c.txt"), root.join("link.csv")).unwrap();
        let mut names: Vec<_> = look(root, "*.csv").unwrap().into_iter().map(|file| file.name).collect();
        names.sort();
        assert_eq!(names, ["a.csv", "b.CSV"]);
    }

    fn file(name: &str, size: u64, modified: i64) -> Found {
        let stamp = Stamp { size, modified_seconds: modified, modified_nanoseconds: 0, inode: 7 };
        Found { path: name.into(), name: name.into(), stamp }
    }

    #[test]
    fn a_file_is_ready_after_two_equal_looks_a_quiet_time_apart() {
        let settle = Duration::from_secs(2);
        let mut quiet = Quiet::default();
        let mut look = |at: u64, size: u64| {
            let (ready, next) = quiet.ready(Duration::from_millis(at), settle, vec![file("a", size, 1)]);
            (ready.len(), next.map(|next| next.as_millis()))
        };
        assert_eq!(look(0, 1), (0, Some(2_000)));
        assert_eq!(look(500, 1), (0, Some(1_500)));
        assert_eq!(look(1_900, 2), (0, Some(2_000)), "it grew");
        assert_eq!(look(3_800, 2), (0, Some(100)));
        assert_eq!(look(3_900, 2), (1, None));
    }

    #[test]
    fn files_are_taken_in_the_order_they_arrived_and_one_that_was_away_starts_anew() {
        let mut quiet = Quiet::default();
        let at = Duration::from_secs;
        let files = || vec![file("b", 1, 5), file("a", 1, 9), file("c", 1, 5)];
        quiet.ready(at(0), at(1), files());
        let names: Vec<_> = quiet.ready(at(1), at(1), files()).0.into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["b", "c", "a"]);
        quiet.ready(at(2), at(1), Vec::new());
        assert_eq!(quiet.ready(at(9), at(1), files()).0, []);
    }

    proptest! {
        #[test]
        fn a_temporary_name_is_never_found(stem in "[a-z.~$]{1,6}", ending in 0..TEMPORARY_ENDINGS.len()) {
            let folder = tempfile::tempdir().unwrap();
            let name = format!("{stem}{}", TEMPORARY_ENDINGS[ending]);
            fs::write(folder.path().join(&name), "x").unwrap();
            prop_assert_eq!(look(folder.path(), "*").unwrap(), []);
        }
    }
}

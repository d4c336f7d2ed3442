//! Which files of a folder are ready to be taken: regular files with the right name that have been quiet for long
//! enough. Looking is one function, deciding another, so that the deciding can be tested without waiting.

use super::companions::{self, Companion, Role};
use super::config::DropConfig;
use super::folder::{OWNER_FILE, RESERVED_FOLDERS};
use super::pattern;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files that one look gives on. Many more may lie there: they are found once these are gone.
const FOUND_MAX: usize = 4_096;
/// How deep below the folder files are looked for, where they are.
const DEPTH_MAX: usize = 8;

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
    /// The files that came with it, all that the flow wants.
    pub companions: Vec<Companion>,
}

impl Found {
    /// Whether somebody says that it is whole, so that nothing need be waited for.
    fn is_said_whole(&self) -> bool {
        self.companions.iter().any(|one| one.role == Role::Done)
    }

    fn is_as(&self, other: &Found) -> bool {
        self.stamp == other.stamp && self.companions == other.companions
    }
}

/// What one look into a folder found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Files that may be taken.
    pub found: Vec<Found>,
    /// Files that wait for one that has to come with them: each with that one's name.
    pub waiting: Vec<(PathBuf, String)>,
    /// How many names were looked at.
    pub names: usize,
}

impl Look {
    /// Whether no more is looked at this time.
    fn is_full(&self) -> bool {
        self.found.len() >= FOUND_MAX
    }
}

/// The files of a folder that fit the flow's pattern, no more than [`FOUND_MAX`] of them: the others are found once these
/// are gone. So a look is bounded, whatever lies there.
pub(super) fn look(config: &DropConfig) -> io::Result<Look> {
    let mut looked = Look::default();
    let mut folders = vec![(config.folder.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            // A folder inside that went away, or that is not ours to read, hides only its own files.
            Err(_) if depth > 0 => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            looked.names += 1;
            if looked.is_full() {
                return Ok(looked);
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = config.subfolders && entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < DEPTH_MAX && may_look_into(&entry.path(), &name, depth) {
                folders.push((entry.path(), depth + 1));
            }
            if !is_folder && !is_temporary_name(&name) && pattern::matches(&config.pattern, &name) {
                looked.add(config, entry.path(), name)?;
            }
        }
    }
    Ok(looked)
}

/// Whether a folder inside is looked into: not where the hub puts its own files, and not another drop folder.
fn may_look_into(path: &Path, name: &str, depth: usize) -> bool {
    let is_reserved = depth == 0 && RESERVED_FOLDERS.contains(&name);
    !is_reserved && !name.starts_with('.') && !path.join(OWNER_FILE).exists()
}

impl Look {
    fn add(&mut self, config: &DropConfig, path: PathBuf, name: String) -> io::Result<()> {
        let Some(stamp) = stamp_of(&path)? else { return Ok(()) };
        let mut companions = Vec::new();
        for (role, wanted) in companions::wanted(config, &name) {
            match stamp_of(&path.with_file_name(&wanted))? {
                Some(stamp) => companions.push(Companion { role, name: wanted, stamp: Some(stamp) }),
                None => {
                    // They are only told about, so those beyond the bound are not even that.
                    if self.waiting.len() < FOUND_MAX {
                        self.waiting.push((path, wanted));
                    }
                    return Ok(());
                }
            }
        }
        self.found.push(Found { path, name, stamp, companions });
        Ok(())
    }
}

/// The stamp of a regular file; none for one that was moved away between the listing and the question.
fn stamp_of(path: &Path) -> io::Result<Option<Stamp>> {
    match Stamp::of(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename) => {
            Ok(None)
        }
        other => other,
    }
}

/// What was seen at earlier looks.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    seen: HashMap<PathBuf, (Found, Duration)>,
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
            let earlier = self.seen.get(&file.path).filter(|(earlier, _)| earlier.is_as(&file));
            let since = earlier.map_or(now, |(_, since)| *since);
            seen.insert(file.path.clone(), (file.clone(), since));
            let quiet = now.saturating_sub(since);
            if file.is_said_whole() || earlier.is_some() && quiet >= settle {
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
    use crate::drop::config::RowKey;
    use crate::drop::decode::EncodingChoice;
    use crate::drop::format::Separator;
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

    fn config(root: &Path, change: impl FnOnce(&mut DropConfig)) -> DropConfig {
        let mut config = DropConfig {
            folder: root.to_owned(),
            pattern: "*.csv".to_owned(),
            row_key: RowKey::Line,
            amount: None,
            encoding: EncodingChoice::Auto,
            separator: Separator::Auto,
            settle: Duration::ZERO,
            done_file: None,
            control: None,
            subfolders: false,
            not_cards: Vec::new(),
        };
        change(&mut config);
        config
    }

    fn make(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
    }

    fn found(looked: &Look, root: &Path) -> Vec<String> {
        let mut names: Vec<_> = looked
            .found
            .iter()
            .map(|file| file.path.strip_prefix(root).unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_waits_for_those_that_have_to_come_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let config = config(root, |config| {
            (config.done_file, config.control) = (Some("{name}.done".into()), Some("{stem}.ctl".into()));
        });
        make(root, &["a.csv", "a.csv.done", "a.ctl", "b.csv", "b.ctl", "c.csv", "c.csv.done", "d.ctl"]);
        let looked = look(&config).unwrap();
        assert_eq!(found(&looked, root), ["a.csv"]);
        let mut missing: Vec<_> = looked.waiting.into_iter().map(|(_, name)| name).collect();
        missing.sort();
        assert_eq!(missing, ["b.csv.done", "c.ctl"]);
        // Nothing has to be quiet once somebody says that it is whole.
        assert_eq!(Quiet::default().ready(Duration::ZERO, Duration::MAX, looked.found).0.len(), 1);
    }

    #[test]
    fn folders_inside_are_looked_into_only_when_asked_and_never_where_the_hub_or_another_one_works() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        make(
            root,
            &[
                "a.csv",
                "north/b.csv",
                "north/done/c.csv",
                "done/x.csv",
                ".work/x.csv",
                ".hidden/x.csv",
                "other/.gesher-owner",
                "other/x.csv",
            ],
        );
        std::os::unix::fs::symlink(root.join("north"), root.join("link")).unwrap();
        assert_eq!(found(&look(&config(root, |_| {})).unwrap(), root), ["a.csv"]);
        let looked = look(&config(root, |config| config.subfolders = true)).unwrap();
        assert_eq!(found(&looked, root), ["a.csv", "north/b.csv", "north/done/c.csv"]);
    }

    #[test]
    fn a_look_gives_on_so_many_files_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..FOUND_MAX + 10 {
            fs::write(folder.path().join(format!("{number}.csv")), "").unwrap();
        }
        assert_eq!(look(&config(folder.path(), |_| {})).unwrap().found.len(), FOUND_MAX);
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
        let mut names: Vec<_> =
            look(&config(root, |_| {})).unwrap().found.into_iter().map(|file| file.name).collect();
        names.sort();
        assert_eq!(names, ["a.csv", "b.CSV"]);
    }

    fn file(name: &str, size: u64, modified: i64) -> Found {
        let stamp = Stamp { size, modified_seconds: modified, modified_nanoseconds: 0, inode: 7 };
        Found { path: name.into(), name: name.into(), stamp, companions: Vec::new() }
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
            let looked = look(&config(folder.path(), |config| config.pattern = "*".to_owned())).unwrap();
            prop_assert_eq!(looked.found, []);
        }
    }
}

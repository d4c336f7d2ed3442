//! The folder that people see, the folders inside it, and whose it is. Moves inside it are renames on one mount: a
//! file is in exactly one place, whatever crashes, and nothing is ever overwritten.

use gesher_core::HubId;
use rustix::fs::{Access, CWD, RenameFlags, access, renameat_with};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders inside a drop folder that the hub puts files into.
pub const RESERVED_FOLDERS: [&str; 5] = ["done", "failed", "duplicate", "held", ".work"];
/// Says which hub a folder belongs to.
pub(super) const OWNER_FILE: &str = ".gesher-owner";
/// How the name of a file that is not whole yet ends.
pub(super) const TEMPORARY_ENDING: &str = ".tmp";
/// Bytes of a file name that Linux allows.
const NAME_BYTES_MAX: usize = 255;
/// Bytes of a name that run id and ending may need: `.k7mq2xd` and `.result.csv`.
const NAME_BYTES_KEPT: usize = 40;

/// Where a file lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Finished files and their reports.
    Done,
    /// Files refused whole.
    Failed,
    /// The same content again.
    Duplicate,
    /// Waiting for a person.
    Held,
    /// Being worked on.
    Work,
}

impl Place {
    const ALL: [Self; 5] = [Self::Done, Self::Failed, Self::Duplicate, Self::Held, Self::Work];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Duplicate => "duplicate",
            Self::Held => "held",
            Self::Work => ".work",
        }
    }
}

/// A folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another hub takes its files.
    #[error(
        "the folder {folder} belongs to another hub, {hub}, whose data is in {data}; two hubs that take files from one \
         folder could charge a row twice. Give this flow a folder of its own, or, when that hub is gone for good, \
         delete {folder}/{OWNER_FILE}"
    )]
    Owned {
        /// The folder.
        folder: PathBuf,
        /// The other hub.
        hub: String,
        /// Where its data is.
        data: String,
    },
    /// A copy of this hub's data takes its files.
    #[error(
        "the folder {folder} belongs to this hub's data in {data}, which is still there; the data in {here} is a copy, \
         and two copies could charge a row twice. Give the copy folders of its own, or, when the other is gone for \
         good, delete {folder}/{OWNER_FILE}"
    )]
    Copied {
        /// The folder.
        folder: PathBuf,
        /// The data it belongs to.
        data: String,
        /// The data of this hub.
        here: String,
    },
    /// The owner file cannot be understood.
    #[error("{path} is damaged; when no other hub uses this folder, delete it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The operating system refused.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FolderError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

#[derive(Serialize, Deserialize)]
struct Owner {
    hub: String,
    data: String,
}

/// Whose a folder is.
enum Ownership {
    Free,
    Ours,
    /// This hub's, from before its data was moved.
    Moved,
}

/// A drop folder that belongs to this hub.
#[derive(Clone, Debug)]
pub struct DropFolder {
    root: PathBuf,
}

impl DropFolder {
    /// Makes the folder and those inside it where they are missing, and makes it this hub's.
    pub fn open(root: &Path, hub: &HubId, data_dir: &Path) -> Result<Self, FolderError> {
        let folder = Self { root: root.to_owned() };
        for place in Place::ALL {
            let path = folder.path(place);
            fs::create_dir_all(&path).map_err(FolderError::io("create the folder", &path))?;
        }
        folder.own(&hub.to_string(), &canonical(data_dir))?;
        Ok(folder)
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A folder inside it.
    #[must_use]
    pub fn path(&self, place: Place) -> PathBuf {
        self.root.join(place.name())
    }

    /// Whether the folder may become or stay this hub's. Makes and changes nothing.
    pub fn check_owner(root: &Path, hub: &HubId, data_dir: &Path) -> Result<(), FolderError> {
        let folder = Self { root: root.to_owned() };
        folder.ownership(&hub.to_string(), &canonical(data_dir)).map(drop)
    }

    /// Whether the folder may become this hub's and files can be moved within it; false where it is still to be made.
    /// Makes and changes nothing.
    pub fn check(root: &Path, hub: &HubId, data_dir: &Path) -> Result<bool, FolderError> {
        Self::check_owner(root, hub, data_dir)?;
        let folder = Self { root: root.to_owned() };
        if !folder.path(Place::Work).is_dir() {
            return Ok(false);
        }
        folder.can_take().map_err(FolderError::io("move files within", root))?;
        Ok(true)
    }

    fn own(&self, hub: &str, data: &str) -> Result<(), FolderError> {
        let owner = Owner { hub: hub.to_owned(), data: data.to_owned() };
        match self.ownership(hub, data)? {
            Ownership::Ours => Ok(()),
            Ownership::Free => self.write_owner(&owner, false),
            Ownership::Moved => self.write_owner(&owner, true),
        }
    }

    fn ownership(&self, hub: &str, data: &str) -> Result<Ownership, FolderError> {
        let path = self.root.join(OWNER_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ownership::Free),
            Err(error) => return Err(FolderError::io("read", &path)(error)),
        };
        let found: Owner = serde_json::from_slice(&text)
            .map_err(|source| FolderError::Damaged { path: path.clone(), source })?;
        let folder = self.root.clone();
        if found.hub != hub {
            return Err(FolderError::Owned { folder, hub: found.hub, data: found.data });
        }
        if found.data == data {
            return Ok(Ownership::Ours);
        }
        // The hub was moved, unless the data it was moved from is still there: then one of the two is a copy.
        if Path::new(&found.data).exists() {
            return Err(FolderError::Copied { folder, data: found.data, here: data.to_owned() });
        }
        Ok(Ownership::Moved)
    }

    fn write_owner(&self, owner: &Owner, replace: bool) -> Result<(), FolderError> {
        let path = self.root.join(OWNER_FILE);
        let text = serde_json::to_vec(owner)
            .map_err(|source| FolderError::Damaged { path: path.clone(), source })?;
        let temporary =
            self.path(Place::Work).join(format!("owner.{}{TEMPORARY_ENDING}", std::process::id()));
        write_durably(&temporary, &text).map_err(FolderError::io("write", &temporary))?;
        if replace {
            return fs::rename(&temporary, &path)
                .and_then(|()| sync_folder(&self.root))
                .map_err(FolderError::io("write", &path));
        }
        match rename_new(&temporary, &path) {
            Ok(()) => sync_folder(&self.root).map_err(FolderError::io("write", &path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&temporary).map_err(FolderError::io("remove", &temporary))?;
                // Another hub was faster; ask again whose it is.
                self.own(&owner.hub, &owner.data)
            }
            Err(error) => Err(FolderError::io("write", &path)(error)),
        }
    }

    /// Moves a file to another name on the same mount, durably. Refuses to overwrite.
    pub fn move_file(&self, from: &Path, to: &Path) -> Result<(), FolderError> {
        move_synced(from, to, sync_folder)
    }

    /// Moves a file into the work folder. One that was moved although the move failed, because its folder could not be
    /// written to the disk, say, is taken: it lies where only this run looks.
    pub(super) fn take_file(&self, from: &Path, to: &Path) -> Result<(), FolderError> {
        take_synced(from, to, sync_folder)
    }

    /// Whether files can be moved into the work folder, as far as that can be known without moving one.
    pub(super) fn can_take(&self) -> io::Result<()> {
        let work = self.path(Place::Work);
        for folder in [&self.root, &work] {
            access(folder, Access::WRITE_OK | Access::EXEC_OK)?;
        }
        // A rename never leaves its mount.
        if self.root.metadata()?.dev() == work.metadata()?.dev() {
            Ok(())
        } else {
            Err(io::ErrorKind::CrossesDevices.into())
        }
    }

    /// Starts a file that will appear under `path`, whole, or not at all.
    pub(super) fn begin_file(&self, path: &Path) -> Result<PendingFile, FolderError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let temporary = self.path(Place::Work).join(format!("{name}{TEMPORARY_ENDING}"));
        let file = File::create(&temporary).map_err(FolderError::io("write", &temporary))?;
        Ok(PendingFile {
            file: io::BufWriter::with_capacity(1 << 16, file),
            temporary,
            path: path.to_owned(),
        })
    }
}

/// A file that is being written under another name.
pub(super) struct PendingFile {
    file: io::BufWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl PendingFile {
    /// Makes it appear. One that was there under the same name is replaced: it is this one from before a crash.
    pub(super) fn publish(self) -> Result<PathBuf, FolderError> {
        let Self { file, temporary, path } = self;
        let synced =
            file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        gesher_core::failpoint!("report.written");
        let renamed = synced.and_then(|()| fs::rename(&temporary, &path));
        gesher_core::failpoint!("report.renamed");
        let written = renamed.and_then(|()| path.parent().map_or(Ok(()), sync_folder));
        written.map_err(FolderError::io("write", &path))?;
        Ok(path)
    }

    /// Gives it up, and removes one from before a crash.
    pub(super) fn discard(self) -> Result<(), FolderError> {
        drop(self.file);
        for path in [&self.temporary, &self.path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(FolderError::io("remove", path)(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

fn canonical(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn move_synced(from: &Path, to: &Path, sync: impl Fn(&Path) -> io::Result<()>) -> Result<(), FolderError> {
    rename_new(from, to).map_err(FolderError::io("move a file to", to))?;
    gesher_core::failpoint!("rename.unsynced");
    for folder in [to.parent(), from.parent()].into_iter().flatten() {
        sync(folder).map_err(FolderError::io("write the folder", folder))?;
    }
    Ok(())
}

fn take_synced(from: &Path, to: &Path, sync: impl Fn(&Path) -> io::Result<()>) -> Result<(), FolderError> {
    let moved = move_synced(from, to, sync);
    let is_there = |path: &Path| path.symlink_metadata().map(drop);
    let is_gone = || is_there(from).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    match moved {
        Err(error) if is_there(to).is_ok() && is_gone() => {
            tracing::warn!(file = %to.display(), "the file was taken although its move failed: {error}");
            Ok(())
        }
        other => other,
    }
}

/// A rename survives a crash of the machine only when its folder was synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    done_where_unknown(File::open(folder)?.sync_all())
}

/// File systems that know no syncing of folders, as some network shares, leave nothing more to do.
fn done_where_unknown(synced: io::Result<()>) -> io::Result<()> {
    use rustix::io::Errno;
    match &synced {
        Err(error) if matches!(Errno::from_io_error(error), Some(Errno::INVAL | Errno::NOTSUP)) => Ok(()),
        _ => synced,
    }
}

/// Renames, unless something is there. File systems that cannot promise that are asked first, which leaves a moment
/// in which somebody else could put a file there; names with a run id are nobody else's.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            if to.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        other => other.map_err(io::Error::from),
    }
}

/// `march.csv` of run `k7mq2xd` as `march.k7mq2xd.result.csv`: the stem, the run, the ending.
#[must_use]
pub(super) fn name_with_run(name: &str, run: &str, ending: &str) -> String {
    let (stem, _) = split_name(name);
    format!("{}.{run}{ending}", shortened(stem))
}

/// The name's own extension with its point; empty where it has none.
#[must_use]
pub(super) fn extension(name: &str) -> &str {
    split_name(name).1
}

/// The name of a file while it is worked on.
#[must_use]
pub(super) fn work_name(name: &str, run: &str) -> String {
    format!("{run}.{}{}", shortened(split_name(name).0), extension(name))
}

/// A file's name for people.
#[must_use]
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn split_name(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        // An extension of any length would leave no room for the rest of the name.
        Some(dot) if dot > 0 && name.len() - dot <= 12 => name.split_at(dot),
        _ => (name, ""),
    }
}

fn shortened(stem: &str) -> &str {
    let mut end = stem.len().min(NAME_BYTES_MAX - NAME_BYTES_KEPT);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    stem.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(root: &Path, hub: &str, data: &Path) -> Result<DropFolder, FolderError> {
        DropFolder::open(root, &HubId::stored(hub), data)
    }

    #[test]
    fn a_folder_has_one_hub() {
        let base = tempfile::tempdir().unwrap();
        let (root, data, other) =
            (base.path().join("in"), base.path().join("data"), base.path().join("copy"));
        fs::create_dir_all(&data).unwrap();
        fs::create_dir_all(&other).unwrap();
        let check = |hub: &str| DropFolder::check_owner(&root, &HubId::stored(hub), &data);
        check("two").unwrap();
        assert!(!root.exists(), "a check makes nothing");
        open(&root, "one", &data).unwrap();
        open(&root, "one", &data).unwrap();
        check("one").unwrap();
        assert!(matches!(check("two"), Err(FolderError::Owned { .. })));
        let error = open(&root, "two", &other).unwrap_err();
        assert!(matches!(&error, FolderError::Owned { hub, .. } if hub == "one"), "{error}");
        assert!(error.to_string().contains(".gesher-owner"));
        assert!(matches!(open(&root, "one", &other), Err(FolderError::Copied { .. })));
        fs::remove_dir(&data).unwrap();
        open(&root, "one", &other).unwrap();
        fs::write(root.join(OWNER_FILE), "x").unwrap();
        assert!(matches!(open(&root, "one", &other), Err(FolderError::Damaged { .. })));
        for name in RESERVED_FOLDERS {
            assert!(root.join(name).is_dir(), "{name}");
        }
    }

    #[test]
    fn a_move_overwrites_nothing() {
        let base = tempfile::tempdir().unwrap();
        let folder = open(&base.path().join("in"), "one", base.path()).unwrap();
        let (from, to) = (folder.root().join("a.csv"), folder.path(Place::Done).join("a.csv"));
        fs::write(&from, "a").unwrap();
        fs::write(&to, "b").unwrap();
        assert!(folder.move_file(&from, &to).is_err());
        assert_eq!(fs::read_to_string(&to).unwrap(), "b");
        fs::remove_file(&to).unwrap();
        folder.move_file(&from, &to).unwrap();
        assert_eq!((fs::read_to_string(&to).unwrap().as_str(), from.exists()), ("a", false));
    }

    #[test]
    fn a_written_file_appears_whole() {
        let base = tempfile::tempdir().unwrap();
        let folder = open(&base.path().join("in"), "one", base.path()).unwrap();
        let path = folder.path(Place::Done).join("r.csv");
        let mut pending = folder.begin_file(&path).unwrap();
        pending.write_all(b"half").unwrap();
        assert!(!path.exists());
        pending.publish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "half");
        folder.begin_file(&path).unwrap().discard().unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read_dir(folder.path(Place::Work)).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_was_moved_is_taken_even_when_its_folder_could_not_be_synced() {
        let base = tempfile::tempdir().unwrap();
        let (from, to) = (base.path().join("a.csv"), base.path().join("b.csv"));
        let broken = |_: &Path| Err(io::Error::other("the disk went away"));
        fs::write(&from, "a").unwrap();
        assert!(move_synced(&from, &to, broken).is_err());
        fs::rename(&to, &from).unwrap();
        take_synced(&from, &to, broken).unwrap();
        assert_eq!((fs::read_to_string(&to).unwrap().as_str(), from.exists()), ("a", false));
        // Nothing was moved: the file is gone, or another one is in the way.
        assert!(take_synced(&from, &base.path().join("c.csv"), sync_folder).is_err());
        fs::write(&from, "c").unwrap();
        assert!(take_synced(&from, &to, sync_folder).is_err());
        assert_eq!(
            (fs::read_to_string(&from).unwrap(), fs::read_to_string(&to).unwrap()),
            ("c".into(), "a".into())
        );
    }

    #[test]
    fn a_file_system_without_syncing_of_folders_is_no_failure() {
        use rustix::io::Errno;
        let check = |errno: Errno| done_where_unknown(Err(errno.into())).is_ok();
        assert_eq!(
            [Errno::INVAL, Errno::NOTSUP, Errno::IO, Errno::NOSPC].map(check),
            [true, true, false, false]
        );
    }

    fn check(name: &str, want: [&str; 2]) {
        let found = [name_with_run(name, "k7mq2xd", ".result.csv"), work_name(name, "k7mq2xd")];
        assert_eq!(found, want, "{name}");
    }

    #[test]
    fn names_carry_the_run_and_stay_short_enough() {
        check("march.csv", ["march.k7mq2xd.result.csv", "k7mq2xd.march.csv"]);
        check("מרץ 2026.v2.CSV", ["מרץ 2026.v2.k7mq2xd.result.csv", "k7mq2xd.מרץ 2026.v2.CSV"]);
        check("march", ["march.k7mq2xd.result.csv", "k7mq2xd.march"]);
        let long = format!("{}.csv", "ש".repeat(125));
        assert!(name_with_run(&long, "k7mq2xd", ".report.json").len() <= NAME_BYTES_MAX - 11);
        assert!(work_name(&long, "k7mq2xd").len() + ".tmp".len() <= NAME_BYTES_MAX);
    }
}

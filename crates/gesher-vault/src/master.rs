//! The master key: where it comes from, how its file is made at first use, and the keys beside it while it is changed
//! and afterwards.
//!
//! Each of the three places may hold a second key, the next one, which everything is sealed with as soon as it is there.
//! Beside the hub's own file lies, once the key was changed, the one before: backups that are older open only with it.

use crate::error::VaultError;
use crate::key_text::{self, KEY_BYTES, KeyBytes};
use gesher_core::Secret;
use gesher_core::time::random_bytes;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The credential's name in systemd's folder.
pub const CREDENTIAL: &str = "gesher.master_key";
/// Most of a key file that is read, in bytes: a key has 64 digits, and an editor adds a line end.
const KEY_FILE_BYTES_MAX: u64 = 256;
/// Permissions by which others get at a file.
const OTHERS: u32 = 0o077;

/// What the next credential's name, and the next key file's, ends in.
const NEXT: &str = "next";
/// What the name of the file with the key before ends in.
const PREVIOUS: &str = "previous";

/// Where the master key may be, the first that there is being taken. Who reads the environment is the binary.
#[derive(Clone, Debug, Default)]
pub struct MasterKeySource {
    /// What `GESHER_MASTER_KEY` says: 32 bytes as hexadecimal digits or base64.
    pub env: Option<Secret>,
    /// What `GESHER_MASTER_KEY_NEXT` says, in the same form. Only looked at beside the other.
    pub env_next: Option<Secret>,
    /// What `CREDENTIALS_DIRECTORY` says: systemd's folder, where a file `gesher.master_key` may be.
    pub credentials_dir: Option<PathBuf>,
    /// The hub's own file, made at first use.
    pub file: PathBuf,
}

impl MasterKeySource {
    /// Where the key is taken from.
    pub fn place(&self) -> Result<KeyPlace, VaultError> {
        if self.env.is_some() {
            return Ok(KeyPlace::Environment);
        }
        let credential = self.credential();
        match &credential {
            Some(path) if open_if_there(path)?.is_some() => Ok(KeyPlace::Credential),
            _ => Ok(KeyPlace::File),
        }
    }

    fn credential(&self) -> Option<PathBuf> {
        self.credentials_dir.as_ref().map(|folder| folder.join(CREDENTIAL))
    }

    pub(crate) fn next_file(&self) -> PathBuf {
        beside(&self.file, NEXT)
    }

    /// Where the key before the last change lies.
    #[must_use]
    pub fn previous_file(&self) -> PathBuf {
        beside(&self.file, PREVIOUS)
    }
}

/// `master.key` and a word become `master.key.word`.
fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(word);
    PathBuf::from(name)
}

/// Where a master key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// The environment.
    Environment,
    /// A credential of systemd.
    Credential,
    /// The hub's own file.
    File,
}

/// The key that wraps the data keys.
pub(crate) struct MasterKey(KeyBytes);

impl MasterKey {
    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// The keys that there are.
pub(crate) struct Keys {
    /// The key.
    pub(crate) current: MasterKey,
    /// The one that takes its place, while it is being changed.
    pub(crate) next: Option<MasterKey>,
    /// The one whose place it took.
    previous: Option<MasterKey>,
}

impl Keys {
    /// Finds them. A file that is not there is made only where `may_make` allows it, and no other key is there.
    pub(crate) fn find(source: &MasterKeySource, may_make: bool) -> Result<Self, VaultError> {
        let parse =
            |text: &Secret| key_text::parse(text.expose()).map(MasterKey).ok_or(VaultError::EnvironmentKey);
        if let Some(text) = &source.env {
            let next = source.env_next.as_ref().map(parse).transpose()?;
            return Ok(Self { current: parse(text)?, next, previous: None });
        }
        if let Some(path) = source.credential() {
            // Who may read a credential is systemd's to say, and it shows the file with rights of its own.
            let read_credential = |path: &Path| match open_if_there(path)? {
                Some(file) => read(path, file).map(MasterKey).map(Some),
                None => Ok(None),
            };
            if let Some(current) = read_credential(&path)? {
                return Ok(Self { current, next: read_credential(&beside(&path, NEXT))?, previous: None });
            }
        }
        let path = &source.file;
        let current = read_if_there(path)?;
        // In this order: a next key that became the key meanwhile left the one before behind.
        let next = read_if_there(&source.next_file())?;
        let previous = read_if_there(&source.previous_file())?;
        let current = match current {
            Some(key) => key,
            None if !may_make || next.is_some() || previous.is_some() => {
                return Err(VaultError::Missing { path: path.clone() });
            }
            None => MasterKey(make(path)?),
        };
        Ok(Self { current, next, previous })
    }

    /// The key that everything new is sealed with.
    pub(crate) fn sealing(&self) -> &MasterKey {
        self.next.as_ref().unwrap_or(&self.current)
    }

    /// Every key that may open something, the likeliest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &MasterKey> {
        self.next.iter().chain([&self.current]).chain(&self.previous)
    }
}

/// Makes the key that will take the place of the one in the file, unless one is there from a change that was cut off.
pub(crate) fn make_next(source: &MasterKeySource) -> Result<(), VaultError> {
    let path = source.next_file();
    match read_if_there(&path)? {
        Some(_) => Ok(()),
        None => make(&path).map(drop),
    }
}

/// Puts the next key into the place of the key, which is kept beside it. At no moment is there none.
pub(crate) fn put_next_in_place(source: &MasterKeySource) -> Result<(), VaultError> {
    let (path, previous) = (&source.file, source.previous_file());
    let draft = beside(&previous, "new");
    let remove_draft = || match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    remove_draft().map_err(failed(&draft, "removed"))?;
    let kept = std::fs::hard_link(path, &draft).and_then(|()| std::fs::rename(&draft, &previous));
    // Where both names were of one file already, a renaming changes nothing and leaves both.
    kept.and_then(|()| remove_draft())
        .and_then(|()| sync_folder(path))
        .map_err(failed(&previous, "written"))?;
    gesher_core::failpoint!("rotate.kept");
    let placed = std::fs::rename(source.next_file(), path);
    gesher_core::failpoint!("rotate.unsynced");
    placed.and_then(|()| sync_folder(path)).map_err(failed(path, "replaced"))
}

/// The right to change the key, of one process at a time.
pub(crate) fn lock_changes(source: &MasterKeySource) -> Result<File, VaultError> {
    let folder = source.file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let handle = File::open(folder).map_err(failed(folder, "opened"))?;
    match handle.try_lock() {
        Ok(()) => Ok(handle),
        Err(TryLockError::WouldBlock) => Err(VaultError::Changing),
        Err(TryLockError::Error(error)) => Err(failed(folder, "locked")(error)),
    }
}

fn read_if_there(path: &Path) -> Result<Option<MasterKey>, VaultError> {
    match open_if_there(path)? {
        Some(file) => read_guarded(path, file).map(MasterKey).map(Some),
        None => Ok(None),
    }
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> VaultError {
    let path = path.to_owned();
    move |source| VaultError::File { path, doing, source }
}

fn open_if_there(path: &Path) -> Result<Option<File>, VaultError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, "opened")(error)),
    }
}

fn read(path: &Path, file: File) -> Result<KeyBytes, VaultError> {
    // Room for all of it at once, so that no half of a key stays behind in memory that was given back.
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_FILE_BYTES_MAX as usize + 1));
    file.take(KEY_FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed(path, "read"))?;
    let text = std::str::from_utf8(&bytes).ok();
    text.and_then(key_text::parse).ok_or_else(|| VaultError::FileKey { path: path.to_owned() })
}

/// Reads the hub's own file, which nobody else may be able to read.
fn read_guarded(path: &Path, file: File) -> Result<KeyBytes, VaultError> {
    let mode = file.metadata().map_err(failed(path, "read"))?.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(VaultError::Exposed { path: path.to_owned(), mode });
    }
    read(path, file)
}

/// Makes a key and its file. The file appears whole or not at all, and never in place of another: where two processes
/// start at once, the second finds the first one's key.
fn make(path: &Path) -> Result<KeyBytes, VaultError> {
    let random = |buffer: &mut [u8]| {
        random_bytes(buffer)
            .map_err(|source| VaultError::Randomness { name: "master key".to_owned(), source })
    };
    let mut key: KeyBytes = Box::default();
    random(key.as_mut_slice())?;
    let mut mark = [0_u8; 4];
    random(&mut mark)?;
    let draft = path.with_extension(format!("{:08x}.new", u32::from_ne_bytes(mark)));
    let linked = write_draft(&draft, &key).and_then(|()| std::fs::hard_link(&draft, path));
    let removed = std::fs::remove_file(&draft);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = File::open(path).map_err(failed(path, "opened"))?;
            return read_guarded(path, file);
        }
        Err(error) => return Err(failed(path, "made")(error)),
    }
    removed.and_then(|()| sync_folder(path)).map_err(failed(path, "made"))?;
    Ok(key)
}

fn write_draft(draft: &Path, key: &[u8; KEY_BYTES]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    let mut text = key_text::to_hexadecimal(key);
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

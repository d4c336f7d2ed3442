//! The master key: where it comes from, and how its file is made at first use.

use crate::error::VaultError;
use crate::key_text::{self, KEY_BYTES, KeyBytes};
use gesher_core::Secret;
use gesher_core::time::random_bytes;
use std::fs::{File, OpenOptions};
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

/// Where the master key may be, the first that there is being taken. Who reads the environment is the binary.
#[derive(Clone, Debug)]
pub struct MasterKeySource {
    /// What `GESHER_MASTER_KEY` says: 32 bytes as hexadecimal digits or base64.
    pub env: Option<Secret>,
    /// What `CREDENTIALS_DIRECTORY` says: systemd's folder, where a file `gesher.master_key` may be.
    pub credentials_dir: Option<PathBuf>,
    /// The hub's own file, made at first use.
    pub file: PathBuf,
}

/// The key that wraps the data keys.
pub(crate) struct MasterKey(KeyBytes);

impl MasterKey {
    pub(crate) fn find(source: &MasterKeySource) -> Result<Self, VaultError> {
        if let Some(text) = &source.env {
            return key_text::parse(text.expose()).map(Self).ok_or(VaultError::EnvironmentKey);
        }
        if let Some(folder) = &source.credentials_dir {
            let path = folder.join(CREDENTIAL);
            // Who may read a credential is systemd's to say, and it shows the file with rights of its own.
            if let Some(file) = open_if_there(&path)? {
                return read(&path, file).map(Self);
            }
        }
        let path = &source.file;
        match open_if_there(path)? {
            Some(file) => read_guarded(path, file).map(Self),
            None => make(path).map(Self),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
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

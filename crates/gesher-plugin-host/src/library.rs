//! A library in this process: its bytes made executable, its description read, its `invoke` called.
//!
//! The bytes are those that were verified: they go into a sealed file in memory, and that is what the loader opens. A
//! library is never unloaded; its threads may be anywhere, and what it registered cannot be taken back.

use gesher_plugin_abi::{
    GESHER_ABI, GESHER_BROKEN, GESHER_OVER, GESHER_SYMBOL, GesherBuffer, GesherBytes, GesherEntry,
    GesherHostV1, GesherPluginV1,
};
use libloading::os::unix::{Library as Loaded, RTLD_LOCAL, RTLD_NOW};
use std::collections::HashMap;
use std::mem::{ManuallyDrop, offset_of};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::manifest::MANIFEST_BYTES_MAX;

/// Size of what a plugin is given or answers at once. More is refused.
pub(crate) const ANSWER_BYTES_MAX: usize = 8 << 20;

/// What was answered: a status of the interface, and bytes.
pub type Asked = (i32, Vec<u8>);

/// What answers a plugin's questions where its caller waits.
pub(crate) type Questions<'a> = &'a mut (dyn FnMut(&str, &[u8]) -> Asked + Send);

/// What answers a plugin while a call lasts. From any thread of the plugin's.
pub(crate) trait Ask: Send + Sync {
    /// Answers one request.
    fn ask(&self, name: &str, input: &[u8]) -> Asked;
}

/// Why a library could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadFault {
    /// Its bytes could not be put where they can be loaded.
    #[error("its bytes cannot be put into memory")]
    Memory(#[source] std::io::Error),
    /// The system's loader refuses it.
    #[error("the system cannot load it: {0}")]
    Loader(String),
    /// It is no plugin.
    #[error("it has no symbol `{GESHER_SYMBOL}`, so it is no plugin")]
    NoSymbol,
    /// It describes itself as something that cannot be.
    #[error("it describes itself wrongly: {0}")]
    Description(&'static str),
    /// It is of another version.
    #[error("it is of version {0} of the interface, and this hub speaks {GESHER_ABI}")]
    Version(u32),
}

/// A library that is loaded.
pub(crate) struct Library {
    plugin: GesherPluginV1,
    manifest: Vec<u8>,
    _loaded: ManuallyDrop<Loaded>,
}

/// What answers the calls that are on their way, by their numbers.
static CALLS: LazyLock<Mutex<HashMap<u64, Arc<dyn Ask>>>> = LazyLock::new(Mutex::default);
static NEXT_CALL: AtomicU64 = AtomicU64::new(1);

static HOST: GesherHostV1 = GesherHostV1 {
    size: size_of::<GesherHostV1>() as u32,
    abi: GESHER_ABI,
    ask: Some(host_ask),
    free: Some(host_free),
};

unsafe extern "C" fn host_ask(
    call: u64,
    name: GesherBytes,
    input: GesherBytes,
    output: *mut GesherBuffer,
) -> i32 {
    let asked = CALLS.lock().unwrap_or_else(PoisonError::into_inner).get(&call).cloned();
    // SAFETY: the plugin lends both until this returns.
    let (name, input) = unsafe { (name.read(), input.read()) };
    let (status, bytes) = match (asked, name.and_then(|name| std::str::from_utf8(name).ok()), input) {
        (None, ..) => (GESHER_OVER, Vec::new()),
        (Some(asked), Some(name), Some(input)) if input.len() <= ANSWER_BYTES_MAX => asked.ask(name, input),
        _ => (GESHER_BROKEN, b"what was asked cannot be read".to_vec()),
    };
    if !output.is_null() {
        // SAFETY: the plugin lets this be written.
        unsafe { output.write(GesherBuffer::of(bytes)) };
    }
    status
}

unsafe extern "C" fn host_free(buffer: GesherBuffer) {
    // SAFETY: the plugin gives back what `host_ask` handed over, once.
    drop(unsafe { buffer.take() });
}

/// The call's number is forgotten, however it ends.
struct Call(u64);

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

impl Library {
    /// Loads verified bytes into this process. The plugin's code runs from here on.
    pub(crate) fn load(bytes: &[u8]) -> Result<Self, LoadFault> {
        let path = in_memory(bytes).map_err(LoadFault::Memory)?;
        // SAFETY: the code of the library is trusted as far as this process is: whoever calls this chose it.
        let loaded = unsafe { Loaded::open(Some(&path), RTLD_NOW | RTLD_LOCAL) };
        let loaded = ManuallyDrop::new(loaded.map_err(|error| LoadFault::Loader(words(&error, &path)))?);
        // SAFETY: the interface says of which type the symbol is.
        let entry = unsafe { loaded.get::<GesherEntry>(GESHER_SYMBOL) }.map_err(|_| LoadFault::NoSymbol)?;
        // SAFETY: it takes nothing, and may be called at any time.
        let plugin = unsafe { described(entry()) }?;
        // SAFETY: the manifest is static.
        let manifest = unsafe { plugin.manifest.read() };
        let manifest = manifest.ok_or(LoadFault::Description("its manifest is nowhere"))?;
        if manifest.len() > MANIFEST_BYTES_MAX {
            return Err(LoadFault::Description("its manifest is too large"));
        }
        Ok(Self { plugin, manifest: manifest.to_vec(), _loaded: loaded })
    }

    /// What it says that it is.
    #[must_use]
    pub(crate) fn manifest(&self) -> &[u8] {
        &self.manifest
    }

    /// Calls the plugin on this thread, for as long as it takes.
    pub(crate) fn invoke(&self, name: &str, input: &[u8], ask: Arc<dyn Ask>) -> Asked {
        let (Some(invoke), Some(free)) = (self.plugin.invoke, self.plugin.free) else {
            return (GESHER_BROKEN, b"it cannot be invoked".to_vec());
        };
        let call = Call(NEXT_CALL.fetch_add(1, Ordering::Relaxed));
        CALLS.lock().unwrap_or_else(PoisonError::into_inner).insert(call.0, ask);
        let mut output = GesherBuffer::EMPTY;
        let (name, input) = (GesherBytes::of(name.as_bytes()), GesherBytes::of(input));
        // SAFETY: all of these outlive the call; the plugin keeps to the interface, or this process is lost anyhow.
        let status = unsafe { invoke(&raw const HOST, call.0, name, input, &raw mut output) };
        drop(call);
        if output.len > ANSWER_BYTES_MAX {
            let words = format!("its answer has {} bytes, and {ANSWER_BYTES_MAX} are allowed", output.len);
            // SAFETY: given back once, as it came.
            unsafe { free(output) };
            return (GESHER_BROKEN, words.into_bytes());
        }
        // SAFETY: the plugin owns these bytes until they are given back, below.
        let Some(bytes) = (unsafe { output.bytes().read() }).map(<[u8]>::to_vec) else {
            return (GESHER_BROKEN, b"its answer is nowhere".to_vec());
        };
        // SAFETY: given back once, as it came.
        unsafe { free(output) };
        (status, bytes)
    }
}

/// What the plugin says that it is, as far as both sides know the struct.
///
/// # Safety
///
/// What stands at `plugin` begins with its own size, and is as large as that says.
unsafe fn described(plugin: *const GesherPluginV1) -> Result<GesherPluginV1, LoadFault> {
    if plugin.is_null() || !plugin.is_aligned() {
        return Err(LoadFault::Description("its description is nowhere"));
    }
    // SAFETY: the first two fields are there in every version.
    let (size, abi) = unsafe { ((&raw const (*plugin).size).read(), (&raw const (*plugin).abi).read()) };
    if abi != GESHER_ABI {
        return Err(LoadFault::Version(abi));
    }
    // What this version began with. A later one may be larger; only what is known here is read.
    let least = offset_of!(GesherPluginV1, free) + size_of::<usize>();
    if (size as usize) < least {
        return Err(LoadFault::Description("its description is too short"));
    }
    // SAFETY: the struct of this version is as large as `least`, and there is at least that much.
    let plugin = unsafe { plugin.read() };
    if plugin.invoke.is_none() || plugin.free.is_none() {
        return Err(LoadFault::Description("it has no `invoke` or no `free`"));
    }
    Ok(plugin)
}

/// A path at which the loader finds exactly these bytes. The file behind it stays open for ever: the loader tells
/// libraries apart by their paths, and a number that is used again would be the library before.
#[cfg(target_os = "linux")]
fn in_memory(bytes: &[u8]) -> std::io::Result<std::path::PathBuf> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use std::io::Write;
    use std::os::fd::{AsRawFd, IntoRawFd};
    let mut file =
        std::fs::File::from(memfd_create("plugin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all(bytes)?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let _open_for_ever = file.into_raw_fd();
    Ok(path.into())
}

/// A path at which the loader finds exactly these bytes: a copy in a folder that only this user may enter, and that
/// stays.
#[cfg(not(target_os = "linux"))]
fn in_memory(bytes: &[u8]) -> std::io::Result<std::path::PathBuf> {
    let path = tempfile::tempdir()?.keep().join("plugin");
    std::fs::write(&path, bytes)?;
    Ok(path)
}

/// The loader's words, without the path that nobody knows.
fn words(error: &libloading::Error, path: &std::path::Path) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    let words = source.unwrap_or_else(|| error.to_string());
    words.replace(&*path.to_string_lossy(), "the library")
}

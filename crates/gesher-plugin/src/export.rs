//! From a [`Plugin`] to the symbol that a hub looks for. Everything that the interface promises is kept here: nothing
//! unwinds across it, and each buffer is taken back by whoever made it.

use crate::entry::{Plugin, PluginEntry};
use crate::host::{Asked, Host};
use gesher_core::{Money, Outcome, Rejection};
use gesher_plugin_abi::{
    GESHER_ABI, GESHER_BROKEN, GESHER_NO_SUCH_NAME, GESHER_OK, GESHER_OVER, GESHER_REFUSED,
};
pub use gesher_plugin_abi::{GesherBuffer, GesherBytes, GesherHostV1, GesherPluginV1};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Exports a plugin: `export_plugin!(PLUGIN)` with a `static PLUGIN: Plugin`, once in a library.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:path) => {
        /// What the hub looks for.
        #[allow(unsafe_code, reason = "a symbol that another language can find")]
        #[unsafe(no_mangle)]
        pub extern "C" fn gesher_plugin_v1() -> *const $crate::export::GesherPluginV1 {
            static EXPORTED: ::std::sync::OnceLock<$crate::export::GesherPluginV1> =
                ::std::sync::OnceLock::new();
            EXPORTED.get_or_init(|| $crate::export::describe(&$plugin, invoke))
        }

        #[allow(unsafe_code, reason = "the hub lends memory by its address")]
        unsafe extern "C" fn invoke(
            host: *const $crate::export::GesherHostV1,
            call: u64,
            name: $crate::export::GesherBytes,
            input: $crate::export::GesherBytes,
            output: *mut $crate::export::GesherBuffer,
        ) -> i32 {
            // SAFETY: what the hub promises of these is what `invoke` asks for.
            unsafe { $crate::export::invoke(&$plugin, host, call, name, input, output) }
        }
    };
}

/// The type of a plugin's `invoke`.
pub type Invoke =
    unsafe extern "C" fn(*const GesherHostV1, u64, GesherBytes, GesherBytes, *mut GesherBuffer) -> i32;

/// The plugin's description. Its manifest is made once and lives as long as the library.
#[must_use]
pub fn describe(plugin: &Plugin, invoke: Invoke) -> GesherPluginV1 {
    let manifest: &'static str = Box::leak(plugin.manifest().to_string().into_boxed_str());
    GesherPluginV1 {
        size: u32::try_from(size_of::<GesherPluginV1>()).unwrap_or(u32::MAX),
        abi: GESHER_ABI,
        manifest: GesherBytes::of(manifest.as_bytes()),
        invoke: Some(invoke),
        free: Some(free),
    }
}

unsafe extern "C" fn free(buffer: GesherBuffer) {
    // SAFETY: the hub gives back what `invoke` of this library handed over, once.
    drop(unsafe { buffer.take() });
}

/// What the hub lent, for as long as one call lasts.
#[derive(Clone, Copy)]
struct Lent {
    host: *const GesherHostV1,
    call: u64,
}

// SAFETY: the host's struct lives as long as the process, and its functions may be used from any thread.
unsafe impl Sync for Lent {}

impl Lent {
    fn ask(&self, name: &str, input: &[u8]) -> Asked {
        // SAFETY: the hub promises that its struct is there; a null one is looked for.
        let Some(host) = (unsafe { self.host.as_ref() }) else { return (GESHER_OVER, Vec::new()) };
        let (Some(ask), Some(free)) = (host.ask, host.free) else { return (GESHER_OVER, Vec::new()) };
        let mut output = GesherBuffer::EMPTY;
        // SAFETY: name, input and output are ours and outlive the call.
        let status = unsafe {
            ask(self.call, GesherBytes::of(name.as_bytes()), GesherBytes::of(input), &raw mut output)
        };
        // SAFETY: the hub owns these bytes until they are given back, below.
        let bytes = unsafe { output.bytes().read() }.unwrap_or_default().to_vec();
        // SAFETY: given back once, as it came.
        unsafe { free(output) };
        (status, bytes)
    }
}

/// A plugin's `invoke`.
///
/// # Safety
///
/// As the interface says: `host` lives for ever, `name` and `input` can be read until this returns, and `output` can
/// be written.
pub unsafe fn invoke(
    plugin: &'static Plugin,
    host: *const GesherHostV1,
    call: u64,
    name: GesherBytes,
    input: GesherBytes,
    output: *mut GesherBuffer,
) -> i32 {
    // SAFETY: the caller promises that both can be read until this returns.
    let (name, input) = unsafe { (name.read(), input.read()) };
    let lent = Lent { host, call };
    let ask = move |name: &str, input: &[u8]| lent.ask(name, input);
    let answered = catch_unwind(AssertUnwindSafe(|| {
        let name = std::str::from_utf8(name.unwrap_or_default()).unwrap_or_default();
        answer(plugin, &Host::new(&ask), name, input.unwrap_or_default())
    }));
    let (status, bytes) = answered.unwrap_or_else(|panic| (GESHER_BROKEN, words_of(&*panic).into_bytes()));
    if !output.is_null() {
        // SAFETY: the caller promises that it can be written.
        unsafe { output.write(GesherBuffer::of(bytes)) };
    }
    status
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", words.unwrap_or("without words"))
}

fn answer(plugin: &'static Plugin, host: &Host<'_>, name: &str, input: &[u8]) -> Asked {
    let unread = |error: serde_json::Error| {
        (GESHER_BROKEN, format!("the hub's request is not understood: {error}").into_bytes())
    };
    match name.split_once('/') {
        Some(("call", name)) => match plugin.operation(name) {
            Some(entry) => call(entry, host, input).unwrap_or_else(unread),
            None => (GESHER_NO_SUCH_NAME, Vec::new()),
        },
        Some(("prepare", name)) => match plugin.operation(name) {
            Some(entry) => prepare(entry, input).unwrap_or_else(unread),
            None => (GESHER_NO_SUCH_NAME, Vec::new()),
        },
        Some(("poll", name)) => match plugin.sources.iter().find(|source| source.name == name) {
            Some(source) => poll(source, host, input).unwrap_or_else(unread),
            None => (GESHER_NO_SUCH_NAME, Vec::new()),
        },
        _ => (GESHER_NO_SUCH_NAME, Vec::new()),
    }
}

fn refused(rejection: &Rejection) -> Asked {
    let (he, en) = (&rejection.message.he, &rejection.message.en);
    let words = json!({ "code": rejection.code, "message": { "he": he, "en": en } });
    (GESHER_REFUSED, words.to_string().into_bytes())
}

fn call(entry: &PluginEntry, host: &Host<'_>, input: &[u8]) -> serde_json::Result<Asked> {
    Ok(match (entry.perform)(host, input)? {
        Ok(outcome) => (GESHER_OK, shown(&outcome)?),
        Err(rejection) => refused(&rejection),
    })
}

/// An outcome as the hub reads it: what is not said is not there.
#[derive(Serialize)]
struct Shown<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Words<'a>>,
    data: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<&'a Money>,
}

#[derive(Serialize)]
struct Words<'a> {
    he: &'a str,
    en: &'a str,
}

fn shown(outcome: &Outcome) -> serde_json::Result<Vec<u8>> {
    let words = Words { he: &outcome.message.he, en: &outcome.message.en };
    serde_json::to_vec(&Shown {
        status: outcome.status.as_str(),
        reference: outcome.reference.as_deref(),
        document: outcome.document.as_deref(),
        code: outcome.code.as_deref(),
        message: (!words.he.is_empty() || !words.en.is_empty()).then_some(words),
        data: outcome.data.tree(),
        amount: outcome.amount.as_ref(),
    })
}

fn prepare(entry: &PluginEntry, input: &[u8]) -> serde_json::Result<Asked> {
    Ok(match (entry.prepare)(input)? {
        Ok(facts) => {
            let facts = json!({ "subject": facts.subject, "amount": facts.amount });
            (GESHER_OK, facts.to_string().into_bytes())
        }
        Err(rejection) => refused(&rejection),
    })
}

fn poll(source: &crate::SourceEntry, host: &Host<'_>, input: &[u8]) -> serde_json::Result<Asked> {
    #[derive(Deserialize)]
    struct Input {
        #[serde(default)]
        cursor: Value,
        wait_ms: u64,
    }
    let Input { cursor, wait_ms } = serde_json::from_slice(input)?;
    Ok(match (source.poll)(host, cursor, Duration::from_millis(wait_ms)) {
        Ok(polled) => (GESHER_OK, serde_json::to_vec(&polled)?),
        Err(words) => (GESHER_BROKEN, words.into_bytes()),
    })
}

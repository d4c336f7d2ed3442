//! The C interface between the hub and a plugin: four structs, one symbol, no Rust type across.
//!
//! A plugin is a shared library that exports `gesher_plugin_v1`. Everything that is done with it is one shape,
//! (name, bytes) to bytes, in both directions: the host invokes the plugin, and while it does, the plugin asks the
//! host. Bytes are JSON where nothing else is said.
//!
//! Four rules make this safe to extend and safe to get wrong:
//!
//! * **Whoever allocated a buffer frees it.** Each side has a `free`, and a buffer is given back to the side that it
//!   came from, once.
//! * **Every struct that may grow begins with its size.** A reader takes what both sides know and treats the rest as
//!   zero; so fields are only ever added at the end.
//! * **A call is a number, not a pointer.** A plugin's thread that uses it after the call is over gets
//!   [`GESHER_OVER`], and no memory that is gone.
//! * **No unwinding crosses.** A panic or an exception that leaves a function of this interface ends the process.
//!
//! What the host invokes, with the JSON that goes in and the JSON that comes out:
//!
//! * `call/OPERATION`: `{"reference": text or null, "request": {...}}`, to `{"status", "reference", "document", "code",
//!   "message", "data", "amount"}`, of which only `status` must be there.
//! * `prepare/OPERATION`: the request, to `{"subject": text or null, "amount": "12.50 ILS" or null}`.
//! * `poll/SOURCE`: `{"cursor": anything, "wait_ms": 25000}`, to `{"events": [{"id": text, "data": anything}], "cursor":
//!   anything}`. The cursor is null the first time. It comes back as it was answered, once each of these events has begun
//!   its run; until then, as after a crash, the same one comes again, and the same events belong to it.
//!
//! What a plugin asks the host for while a call lasts, with the JSON that goes in and the JSON that comes back:
//!
//! * `call`: `{"operation", "who", "key", "request"}`, to the answer as scripts get it.
//! * `http`: `{"method": "POST", "url": "https://api.example.com/orders", "headers": {"Content-Type": "application/json"},
//!   "body": "{}", "timeout": 30}`, of which only `url` must be there; to `{"status": 201, "headers": {"location": "..."},
//!   "body": "..."}`, whatever the status. A body that is no text is `"body": null, "body_base64": "..."`. The host must be
//!   listed in `allow`, as `http:api.example.com`. Redirects are not followed, and nothing is sent twice. `GESHER_REFUSED`
//!   says that nothing left (`{"code", "message", "not_sent": true}` where nobody was reached), and `GESHER_BROKEN` that
//!   the request may have left: an operation with an effect that cannot find out answers the status `unknown`. After such a
//!   one nothing more that changes something is sent in the same call, and of what has left nothing is believed to be
//!   `not_sent`. What has no effect, and an event source, may only `GET` and `HEAD`; `prepare`, and an operation that calls
//!   others, nothing. The requests of one call are at most 256, and take at most 300 seconds together.
//! * `secret`: the name as it is, to the value as it is.
//! * `log`: `{"level": "debug", "info", "warn" or "error", "message": text}`, to nothing.
//! * `now`: nothing, to the instant as a JSON text.
//! * `cancelled`: nothing, to `true` when the plugin should give up.
//!
//! `include/gesher_plugin.h` says the same in C. It is made from this file by `cargo xtask generate`.

/// The version of this interface. A plugin that says another is not loaded.
pub const GESHER_ABI: u32 = 1;

/// A status: it worked, and the output is the answer.
pub const GESHER_OK: i32 = 0;
/// A status: it was refused before anything was done. The output is `{"code": "...", "message": "..."}`.
pub const GESHER_REFUSED: i32 = 1;
/// A status: it broke off in the middle, as after a panic, so nobody can say what was done. The output is a text.
pub const GESHER_BROKEN: i32 = 2;
/// A status: there is nothing of that name. There is no output.
pub const GESHER_NO_SUCH_NAME: i32 = 3;
/// A status: the call is over, its item has ended, or its time is up; the plugin should return soon. No output.
pub const GESHER_OVER: i32 = 4;

/// Bytes that somebody else owns. They may be read until the function that they were passed to returns, and never
/// written or freed by it. A length of zero goes with any pointer, null too.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GesherBytes {
    /// The first byte.
    pub ptr: *const u8,
    /// How many there are.
    pub len: usize,
}

/// Bytes that go over to the receiver, who gives them back to the `free` of the side that made them, exactly once
/// and with all three fields as they were. An empty one with a null pointer needs no freeing, and may be freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GesherBuffer {
    /// The first byte.
    pub ptr: *mut u8,
    /// How many there are.
    pub len: usize,
    /// The maker's own: how many were allocated, or anything else that its `free` needs.
    pub cap: usize,
}

/// What the host lends to a plugin. It lives as long as the process, and is the same for every call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GesherHostV1 {
    /// The size of this struct as the host knows it, in bytes.
    pub size: u32,
    /// The host's version of the interface: `GESHER_ABI`.
    pub abi: u32,
    /// Asks the host for something, on behalf of a call: `call`, `log`, `http`, `secret`, `now` or `cancelled`. May be
    /// used from any thread, from the moment that `invoke` begins until it returns; later it answers `GESHER_OVER`.
    /// Blocks until the host has answered. On any status, `output` is written: the host owns what is in it, and the
    /// plugin gives it back to this struct's `free`.
    pub ask: Option<
        unsafe extern "C" fn(
            call: u64,
            name: GesherBytes,
            input: GesherBytes,
            output: *mut GesherBuffer,
        ) -> i32,
    >,
    /// Takes back a buffer that `ask` filled. From any thread, at any time, once for each buffer.
    pub free: Option<unsafe extern "C" fn(buffer: GesherBuffer)>,
}

/// What a plugin is. It is static: it lives as long as the library, which is never unloaded.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GesherPluginV1 {
    /// The size of this struct as the plugin knows it, in bytes.
    pub size: u32,
    /// The plugin's version of the interface: `GESHER_ABI`.
    pub abi: u32,
    /// Its manifest, a JSON object in UTF-8: what the plugin is and does, as data. Static, like this struct; the host
    /// reads it once.
    pub manifest: GesherBytes,
    /// Does something: `call/OPERATION`, `prepare/OPERATION` or `poll/SOURCE`. The host may be in it on several
    /// threads at once. `host` is valid for ever, `call` until this returns, `name` and `input` until this returns. On
    /// any status, `output` is written: the plugin owns what is in it, and the host gives it back to this struct's
    /// `free`. It is empty, with a null pointer, when this begins.
    pub invoke: Option<
        unsafe extern "C" fn(
            host: *const GesherHostV1,
            call: u64,
            name: GesherBytes,
            input: GesherBytes,
            output: *mut GesherBuffer,
        ) -> i32,
    >,
    /// Takes back a buffer that `invoke` filled. From any thread, at any time, once for each buffer.
    pub free: Option<unsafe extern "C" fn(buffer: GesherBuffer)>,
}

/// The one symbol that a plugin exports: answers what it is. Called once, before anything else, and may be called
/// again. Must not start threads or do anything that can fail.
pub type GesherEntry = unsafe extern "C" fn() -> *const GesherPluginV1;

/// The symbol's name.
pub const GESHER_SYMBOL: &str = "gesher_plugin_v1";

impl GesherBytes {
    /// Lends `bytes`.
    #[must_use]
    pub const fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// The bytes, for as long as the caller says. None where there are bytes at no address.
    ///
    /// # Safety
    ///
    /// Whoever lent them must still own them, unchanged, for all of `'a`.
    #[must_use]
    pub const unsafe fn read<'a>(self) -> Option<&'a [u8]> {
        if self.len == 0 {
            return Some(&[]);
        }
        if self.ptr.is_null() || self.len > isize::MAX as usize {
            return None;
        }
        // SAFETY: the caller promises that the bytes are there and stay so; null and absurd lengths are gone.
        Some(unsafe { std::slice::from_raw_parts(self.ptr, self.len) })
    }
}

impl GesherBuffer {
    /// Nothing.
    pub const EMPTY: Self = Self { ptr: std::ptr::null_mut(), len: 0, cap: 0 };

    /// Hands `bytes` over. This library has to take them back, with [`GesherBuffer::take`].
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        Self { ptr: bytes.as_mut_ptr(), len: bytes.len(), cap: bytes.capacity() }
    }

    /// Takes back what [`GesherBuffer::of`] of this very library handed over.
    ///
    /// # Safety
    ///
    /// It came from `of` of this library, unchanged, and was not taken before.
    #[must_use]
    pub unsafe fn take(self) -> Vec<u8> {
        if self.ptr.is_null() {
            return Vec::new();
        }
        // SAFETY: the caller promises that these are the parts of a vector of this library.
        unsafe { Vec::from_raw_parts(self.ptr, self.len, self.cap) }
    }

    /// The same bytes, still the maker's.
    #[must_use]
    pub const fn bytes(self) -> GesherBytes {
        GesherBytes { ptr: self.ptr, len: self.len }
    }
}

// SAFETY: a plugin's description is static and never written; its functions say from which threads they may be called.
unsafe impl Sync for GesherPluginV1 {}
// SAFETY: as above.
unsafe impl Send for GesherPluginV1 {}

//! A plugin in Rust that knows no crate: it writes the interface down itself, is compiled alone, and aborts on a panic.
//! What it shares with the hub is the interface and nothing else.

#![crate_type = "cdylib"]

use std::ptr;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    ptr: *const u8,
    len: usize,
}

#[repr(C)]
pub struct Buffer {
    ptr: *mut u8,
    len: usize,
    cap: usize,
}

#[repr(C)]
pub struct Host {
    size: u32,
    abi: u32,
    ask: unsafe extern "C" fn(u64, Bytes, Bytes, *mut Buffer) -> i32,
    free: unsafe extern "C" fn(Buffer),
}

#[repr(C)]
pub struct Plugin {
    size: u32,
    abi: u32,
    manifest: Bytes,
    invoke: unsafe extern "C" fn(*const Host, u64, Bytes, Bytes, *mut Buffer) -> i32,
    free: unsafe extern "C" fn(Buffer),
    /// A field of a version that the hub does not know.
    later: u64,
}

unsafe impl Sync for Plugin {}

const MANIFEST: &str = r#"{"abi":1,"name":"bare","version":"2","summary":"Bare.","a_later_field":true,"operations":[
    {"name":"length","summary":"Say how long the request is.","effect":"read","request_schema":{"type":"object"},
     "answer_schema":{"type":"object","required":["length"],"properties":{"length":{"type":"integer"}}}},
    {"name":"panic","summary":"Panic.","effect":"write","key":"required","request_schema":{},"answer_schema":{}}]}"#;

unsafe extern "C" fn invoke(_: *const Host, _: u64, name: Bytes, input: Bytes, output: *mut Buffer) -> i32 {
    let name = unsafe { std::slice::from_raw_parts(name.ptr, name.len) };
    match name {
        b"call/length" => {
            let text = format!(r#"{{"status":"succeeded","data":{{"length":{}}}}}"#, input.len);
            let mut bytes = std::mem::ManuallyDrop::new(text.into_bytes());
            let (ptr, len, cap) = (bytes.as_mut_ptr(), bytes.len(), bytes.capacity());
            unsafe { ptr::write(output, Buffer { ptr, len, cap }) };
            0
        }
        b"call/panic" => panic!("nobody catches this"),
        _ => 3,
    }
}

unsafe extern "C" fn free(buffer: Buffer) {
    if !buffer.ptr.is_null() {
        drop(unsafe { Vec::from_raw_parts(buffer.ptr, buffer.len, buffer.cap) });
    }
}

static PLUGIN: Plugin = Plugin {
    size: size_of::<Plugin>() as u32,
    abi: 1,
    manifest: Bytes { ptr: MANIFEST.as_ptr(), len: MANIFEST.len() },
    invoke,
    free,
    later: 7,
};

#[unsafe(no_mangle)]
pub extern "C" fn gesher_plugin_v1() -> *const Plugin {
    let _known = PLUGIN.later;
    &PLUGIN
}

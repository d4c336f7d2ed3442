//! See `src/targets/webhook.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gesher_fuzz::targets::webhook(data));

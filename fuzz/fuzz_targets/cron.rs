//! See `src/targets/cron.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gesher_fuzz::targets::cron(data));

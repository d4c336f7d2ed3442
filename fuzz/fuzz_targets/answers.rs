//! See `src/targets/answers.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gesher_fuzz::targets::answers(data));

//! The fuzz target `lock`: bytes from the fuzzer into [`apex_fuzz::lock`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::lock(data));

//! The fuzz target `cache`: bytes from the fuzzer into [`apex_fuzz::cache`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::cache(data));

//! The fuzz target `signature`: bytes from the fuzzer into [`apex_fuzz::signature`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::signature(data));

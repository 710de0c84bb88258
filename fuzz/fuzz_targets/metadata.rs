//! The fuzz target `metadata`: bytes from the fuzzer into [`apex_fuzz::metadata`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::metadata(data));

//! The fuzz target `archive`: bytes from the fuzzer into [`apex_fuzz::archive`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::archive(data));

//! The fuzz target `specifier`: bytes from the fuzzer into [`apex_fuzz::specifier`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::specifier(data));

//! The fuzz target `index`: bytes from the fuzzer into [`apex_fuzz::index`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::index(data));

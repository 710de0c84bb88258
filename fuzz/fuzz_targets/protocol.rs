//! The fuzz target `protocol`: bytes from the fuzzer into [`apex_fuzz::protocol`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::protocol(data));

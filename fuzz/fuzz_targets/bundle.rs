//! The fuzz target `bundle`: bytes from the fuzzer into [`apex_fuzz::bundle`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::bundle(data));

//! The fuzz target `trust_store`: bytes from the fuzzer into [`apex_fuzz::trust_store`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::trust_store(data));

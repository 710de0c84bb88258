//! The fuzz target `state_export`: bytes from the fuzzer into [`apex_fuzz::state_export`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::state_export(data));

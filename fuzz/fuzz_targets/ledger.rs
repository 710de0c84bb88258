//! The fuzz target `ledger`: bytes from the fuzzer into [`apex_fuzz::ledger`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::ledger(data));

//! The fuzz target `private_key`: bytes from the fuzzer into [`apex_fuzz::private_key`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::private_key(data));

//! The fuzz target `elf`: bytes from the fuzzer into [`apex_fuzz::elf`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| apex_fuzz::elf(data));

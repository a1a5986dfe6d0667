#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vinculo_fuzz::check(bytes));

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flink_img::fuzzing::jar_contents(bytes));

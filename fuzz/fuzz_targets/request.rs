//! Requests for programs: whatever a client sends, in whatever pieces, is a request or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| service_framework::program::fuzzing::run(bytes));

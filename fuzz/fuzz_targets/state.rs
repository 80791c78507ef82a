//! States: whatever is sent of them is stood by owner and replica, and the replica ends equal to its owner.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| service_framework::state::fuzzing::run(bytes));

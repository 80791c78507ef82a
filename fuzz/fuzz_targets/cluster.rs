//! Frames of clusters: any bytes are a frame or are refused, and a node that gets them goes on.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| service_framework::cluster::fuzzing::run(bytes));

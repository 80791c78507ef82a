//! Tests with real processes and real sockets, one file per subject.

mod interop;
mod support;
mod system_up;

//! The binary `service_framework`: the launcher without services of its own.

use std::process::ExitCode;

use service_framework::{Services, run};

fn main() -> ExitCode {
    run(Services::none())
}

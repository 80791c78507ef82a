//! The program: without a command it serves; `--help` says what else it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_framework::run(order::programs())
}

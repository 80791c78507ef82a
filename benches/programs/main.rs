//! Programs beside the Python original, ryuso 0.0.8, in one run, and their recovery after a crash.
//!
//! `cargo bench --workspace --all-features --bench programs [-- SECONDS]` asks both servers for the same programs (`spec.json`: three
//! hooks, one of them with a dependency; two rectifiers if the last one fails), over TCP, one connection for each request as the
//! original has it. The original is its own server, put together as its generated program does it (`original.py`), in the Python that
//! SERVICE_FRAMEWORK_INTEROP_PYTHON names; without that it is left out. It runs one request at a time and keeps nothing. This side is
//! the whole `program serve` of a crate with its own hooks (`programs.rs`): in memory with the lock that makes runs wait for each
//! other, as in the original, and keeping the last 1,000 runs, as it does unless told; in SQLite with fsync and without locks. Hooks do
//! as little on both sides, both log warnings, of failures, to nowhere, and before anything is measured their answers are compared.
//! Every server is a process pinned to the first core, its clients are threads of a process pinned to the second; all servers are
//! measured in turn in each round. Where other work keeps the cores busy, a server of many threads gets more of them than one of a
//! single thread: what a request costs the server's processor, beside it, says what rates come to on a machine at rest. Bare sockets
//! are a loop that takes a connection, reads, answers and closes: what the system alone takes.
//!
//! `-- recovery [RUNS]` (100,000) fills an SQLite store with runs that did not end: servers begin a run each and are cut off in one of
//! its hooks, and what they leave is copied under new ids. Then one engine takes the store up, in a process that may use all cores,
//! until every run is done or undone; besides, as many fresh runs of the same programs, 64 at a time, on a store of their own.

#![expect(clippy::expect_used, reason = "a bench that cannot go on stops")]

mod clients;
mod compare;
mod programs;
mod recovery;
mod servers;
#[path = "../statistics.rs"]
mod statistics;

use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", ..] => return service_framework::run(programs::programs()),
        ["bare", port] => servers::bare(number(port)),
        ["ask", address, clients, seconds, request] => {
            let time = Duration::from_secs_f64(number(seconds));
            clients::measure(number(address), number(clients), time, request);
        }
        ["leave", store, program, hook] => recovery::leave(store, program, hook),
        ["recover", store] => recovery::recover(store),
        ["fresh", store, runs] => recovery::fresh(store, number(runs)),
        ["recovery"] => recovery::compare(100_000),
        ["recovery", runs] => recovery::compare(number(runs)),
        [] => compare::compare(1.0),
        [seconds] => compare::compare(number(seconds)),
        _ => {
            eprintln!("run it as `cargo bench --bench programs [-- SECONDS | recovery [RUNS]]`");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a number, or an address")
}

//! The hidden process in which scripts run: it takes turns on stdin and says on stdout what came of them.

use std::fs;
use std::io::{stdin, stdout};
use std::os::unix::process::parent_id;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::flow::engine::Monty;
use crate::flow::worker::serve;
use crate::launcher::exit;
use crate::launcher::say::say;

/// The first word of its command line, which no help shows.
pub(super) const WORD: &str = "flow-interpreter";
/// Deep scripts need a deep stack.
const STACK: usize = 64 << 20;
/// How much more than its limit a process may map: a script is ended for what it uses, not for what is set aside for it.
const SPARE: u64 = 256 << 20;

/// Serves if the command line asks for it: `flow-interpreter MEMORY PARENT`.
pub(in crate::launcher) fn interpret(words: &[String]) -> Option<ExitCode> {
    let [word, memory, parent] = words else { return None };
    let (memory, parent) = (memory.parse().ok()?, parent.parse().ok()?);
    (word == WORD).then(|| run(memory, parent))
}

fn run(memory: u64, parent: u32) -> ExitCode {
    if !dies_with(parent) {
        return ExitCode::from(exit::FAILED);
    }
    outlive_signals();
    limit(memory);
    let serving = thread::Builder::new()
        .name("interpreter".to_owned())
        .stack_size(STACK)
        .spawn(|| serve(&Monty, &mut stdin().lock(), &mut stdout().lock()));
    let served = serving
        .and_then(|thread| thread.join().unwrap_or_else(|_| Err(std::io::Error::other("it panicked"))));
    match served {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error) => {
            say!("{error}");
            ExitCode::from(exit::FAILED)
        }
    }
}

/// Has the system end this process when the one that started it is gone; false if it is already.
fn dies_with(parent: u32) -> bool {
    set_parent_process_death_signal(Some(Signal::KILL)).is_ok() && parent_id() == parent
}

/// What ends a group of processes ends the one that started this, which decides what becomes of the turn.
fn outlive_signals() {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // One that cannot be kept off ends it as if it had crashed, which harms nothing.
        let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
    }
}

/// A single allocation that is far too large fails at once, and leaves no core.
fn limit(memory: u64) {
    let most = mapped().saturating_add(STACK as u64).saturating_add(SPARE).saturating_add(memory);
    let limit = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    let limits = [(Resource::As, limit(most)), (Resource::Core, limit(0))];
    for (resource, limit) in limits {
        // Whoever watches over it ends it then.
        let _ = setrlimit(resource, limit);
    }
}

/// How much this process has mapped, in bytes.
fn mapped() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    super::process::kibibytes(&status, "VmSize:").unwrap_or_default() << 10
}

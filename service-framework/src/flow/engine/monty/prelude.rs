//! What scripts can import, in Python, and a session in which it is loaded.

use std::sync::OnceLock;

use monty::{Dump, MontyRepl, Session, SessionRef, dump};
use monty_types::{
    CompileOptions, MontyException, MontyObject, PrintWriter, ResourceLimits, ResourceTracker,
};

use crate::flow::engine::Limits;

/// The host's function, by which the prelude asks for everything: `(name, arguments)`.
pub(super) const HOST: &str = "__flow_host";

/// What names begin with that scripts may not use.
pub(super) const RESERVED: &str = "__flow";

/// Names that a script has without importing them, beside the builtins.
pub(super) const BOUND: [&str; 2] = ["Timeout", "__name__"];

/// The engine's own builtins, kept before others take their names.
const KEPT: &str = "__flow_sorted = sorted\n__flow_min = min\n__flow_max = max\n";

const PARTS: [&str; 10] = [
    KEPT,
    include_str!("prelude/builtins.py"),
    include_str!("prelude/core.py"),
    include_str!("prelude/time.py"),
    include_str!("prelude/random.py"),
    include_str!("prelude/http.py"),
    include_str!("prelude/tasks.py"),
    include_str!("prelude/events.py"),
    include_str!("prelude/outside.py"),
    include_str!("prelude/flow.py"),
];

/// Changes with the prelude.
pub(super) fn fingerprint() -> u32 {
    static FINGERPRINT: OnceLock<u32> = OnceLock::new();
    *FINGERPRINT.get_or_init(|| {
        let mut hash = crc32fast::Hasher::new();
        PARTS.iter().for_each(|part| hash.update(part.as_bytes()));
        hash.finalize()
    })
}

/// The name under which tracebacks have what a script's author wrote.
pub(super) fn script_name() -> String {
    format!("<python-input-{}>", PARTS.len())
}

/// A session in which the prelude is loaded and nothing else.
pub(super) fn session(limits: &Limits) -> Result<MontyRepl, String> {
    static LOADED: OnceLock<Result<Vec<u8>, String>> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| write_down().map_err(|error| error.to_string())).as_ref();
    let template = Dump::load(loaded.map_err(Clone::clone)?).map_err(|error| error.to_string())?;
    let Session::Idle(mut session) = template.state else {
        return Err("the prelude's session is not idle".to_owned());
    };
    *session.tracker_mut() = ResourceTracker::new(resources(limits));
    Ok(*session)
}

/// Time is not limited here: the engine counts it over a flow's whole life, and its owner can end the process.
fn resources(limits: &Limits) -> ResourceLimits {
    ResourceLimits::default().max_recursion_depth(limits.recursion).max_suspensions(usize::MAX)
}

fn write_down() -> Result<Vec<u8>, MontyException> {
    let mut session = MontyRepl::new("flow", ResourceTracker::default(), CompileOptions::default());
    let host = MontyObject::Function { name: HOST.to_owned(), docstring: None };
    let mut inputs = vec![(HOST.to_owned(), host)];
    for part in PARTS {
        session.feed_run(part, std::mem::take(&mut inputs), PrintWriter::Disabled)?;
    }
    dump("flow", None, SessionRef::Idle(&session)).map_err(MontyException::runtime_error)
}

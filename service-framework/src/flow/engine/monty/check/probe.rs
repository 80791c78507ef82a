//! A session in which the check finds out what there is, so that no list of it can be out of date.

use std::collections::HashMap;

use monty::MontyRepl;
use monty_types::PrintWriter;

use crate::flow::engine::Limits;
use crate::flow::engine::monty::prelude;

/// A session with the prelude and nothing else.
pub(super) struct Probe {
    session: Option<MontyRepl>,
    known: HashMap<String, bool>,
}

impl Probe {
    pub(super) fn new() -> Self {
        Self { session: prelude::session(&Limits::default()).ok(), known: HashMap::new() }
    }

    /// Whether a name is bound without being imported.
    pub(super) fn has_name(&mut self, name: &str) -> bool {
        self.runs(name)
    }

    /// Whether a module that monty has itself has this name.
    pub(super) fn has_in_module(&mut self, module: &str, name: &str) -> bool {
        self.runs(&format!("from {module} import {name}"))
    }

    /// Whether something of the prelude, such as `__flow__.http`, has this name.
    pub(super) fn has_in_prelude(&mut self, place: &str, name: &str) -> bool {
        self.runs(&format!("{place}.{name}"))
    }

    /// Only ever names, attributes and imports, which do nothing.
    fn runs(&mut self, code: &str) -> bool {
        if let Some(known) = self.known.get(code) {
            return *known;
        }
        // Without a session nothing could run at all, and a start says so.
        let Some(session) = &mut self.session else { return true };
        let runs = session.feed_run(code, Vec::new(), PrintWriter::Disabled).is_ok();
        self.known.insert(code.to_owned(), runs);
        runs
    }
}

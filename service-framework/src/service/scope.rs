//! What belongs to one run of a handler: its workflow and its deadline, and the id that its log lines carry.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::wire::WorkflowId;

/// One handler's run, or that of `main` or a hook.
pub(crate) struct Scope {
    workflow: Option<Workflow>,
    /// When the one who asked stops waiting.
    pub(crate) deadline: Option<Instant>,
    /// Where the one who asked is, if that was asked for.
    pub(crate) caller: Option<Arc<str>>,
    /// Whether a stop ends its requests: `main`'s, not those of handlers that are to finish.
    pub(crate) ends_at_stop: bool,
}

struct Workflow {
    id: WorkflowId,
    sent: AtomicUsize,
}

impl Scope {
    /// The run of a handler. Without an id a new workflow begins.
    pub(crate) fn of_message(
        workflow_id: Option<&[u8]>,
        deadline: Option<Instant>,
        caller: Option<Arc<str>>,
    ) -> Self {
        let id = workflow_id.and_then(WorkflowId::from_raw).unwrap_or_else(WorkflowId::new);
        let workflow = Some(Workflow { id, sent: AtomicUsize::new(0) });
        Self { workflow, deadline, caller, ends_at_stop: false }
    }

    /// The run of a handler for a message from the same thread.
    pub(crate) fn of_workflow(id: WorkflowId, deadline: Option<Instant>) -> Self {
        let workflow = Some(Workflow { id, sent: AtomicUsize::new(0) });
        Self { workflow, deadline, caller: None, ends_at_stop: false }
    }

    /// The run of `main` or a hook, in which every message starts a workflow of its own.
    pub(crate) fn of_hook(ends_at_stop: bool) -> Self {
        Self { workflow: None, deadline: None, caller: None, ends_at_stop }
    }

    /// The id for the next message out: the handler's own, then numbered.
    pub(crate) fn next_id(&self) -> WorkflowId {
        match &self.workflow {
            Some(workflow) => workflow.id.nth(workflow.sent.fetch_add(1, Ordering::Relaxed)),
            None => WorkflowId::new(),
        }
    }

    /// The handler's own id.
    pub(crate) fn id(&self) -> Option<&WorkflowId> {
        self.workflow.as_ref().map(|workflow| &workflow.id)
    }
}

thread_local! {
    /// The raw workflow id of what this thread runs; empty for none. Copied, so that a message costs no allocation.
    static CURRENT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes log lines of this thread carry a workflow id until the guard goes, then again the one before.
pub(crate) fn enter(workflow_id: Option<&[u8]>) -> Entered {
    CURRENT.with_borrow_mut(|current| {
        let outer = (!current.is_empty()).then(|| std::mem::take(current));
        current.extend_from_slice(workflow_id.unwrap_or_default());
        Entered(outer)
    })
}

/// The time in which log lines carry an id; with the id before, if there was one.
pub(crate) struct Entered(Option<Vec<u8>>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| match self.0.take() {
            Some(outer) => *current = outer,
            None => current.clear(),
        });
    }
}

/// Writes the workflow id of what this thread runs; false if it has none.
///
/// # Errors
/// What the writer says.
pub fn write_current_workflow(out: &mut dyn fmt::Write) -> Result<bool, fmt::Error> {
    CURRENT.with(|current| match current.try_borrow() {
        Ok(raw) if !raw.is_empty() => match WorkflowId::from_raw(&raw) {
            Some(id) => write!(out, "{id}").map(|()| true),
            None => Ok(false),
        },
        _ => Ok(false),
    })
}

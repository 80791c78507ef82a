//! What a handler, a hook or `main` can ask for besides the message: each is a parameter of its function.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use super::scope::Scope;
use super::shared::Shared;
use super::to_send::{BlockingToSend, ToSend, Wait};
use crate::wire::WorkflowId;

/// One run of a function of the service: where its parameters come from.
pub struct Run<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) scope: &'a dyn Fn() -> Arc<Scope>,
    pub(super) wait: Option<&'a Wait>,
}

/// A place where functions of a service run.
pub trait Place: 'static {}

/// On the thread that owns the sockets, where nothing may block: plain and async handlers, async hooks.
#[derive(Debug)]
pub struct OnOwner;
impl Place for OnOwner {}

/// On a thread that may block: workers, plain hooks, plain `main`.
#[derive(Debug)]
pub struct MayBlock;
impl Place for MayBlock {}

/// A type that a function running at `P` can have as a parameter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a function of a service can ask for here",
    note = "besides the message it may ask for `ToSend`, `Config`, `WorkflowId` and `Deadline`; \
            `BlockingToSend` only in workers, in plain hooks and in a plain `main`"
)]
pub trait Extract<P: Place>: Sized {
    /// Takes it from a run.
    fn extract(run: &Run<'_>) -> Self;
}

impl<P: Place> Extract<P> for ToSend {
    fn extract(run: &Run<'_>) -> Self {
        Self { shared: run.shared.clone(), scope: (run.scope)() }
    }
}

impl Extract<MayBlock> for BlockingToSend {
    fn extract(run: &Run<'_>) -> Self {
        let wait = run.wait.cloned().unwrap_or(Wait::Sleep);
        Self { inner: <ToSend as Extract<MayBlock>>::extract(run), wait, stays: PhantomData }
    }
}

/// The service's configuration, checked. Derefs to [`crate::model::Config`].
#[derive(Clone)]
pub struct Config(Arc<Shared>);

impl Deref for Config {
    type Target = crate::model::Config;

    fn deref(&self) -> &Self::Target {
        &self.0.config
    }
}

impl<P: Place> Extract<P> for Config {
    fn extract(run: &Run<'_>) -> Self {
        Self(run.shared.clone())
    }
}

impl<P: Place> Extract<P> for WorkflowId {
    /// The message's id; in hooks and `main` a new one.
    fn extract(run: &Run<'_>) -> Self {
        (run.scope)().id().cloned().unwrap_or_else(Self::new)
    }
}

/// When the one who asked stops waiting; `None` if it did not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(pub Option<Instant>);

impl<P: Place> Extract<P> for Deadline {
    fn extract(run: &Run<'_>) -> Self {
        Self((run.scope)().deadline)
    }
}

//! Functions as handlers: of which shape they may be, and how the loop calls them.
//!
//! A handler is any function of the message and of up to eight things it asks for ([`Extract`]): a plain `fn`, which
//! runs in order on the owner thread; an `async fn`, which is polled there and may wait; or either a plain function
//! in [`workers`], which may block.

use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{HandlerError, Result};
use super::extract::{Extract, MayBlock, OnOwner, Run};
use crate::value;
use crate::wire::ErrorReply;

/// Why a handler gave no return arguments.
pub(crate) enum Fault {
    /// The arguments are as the model says, but not as the handler's own type.
    Arguments(String),
    /// The handler's error.
    Handler(HandlerError),
    /// What it returned cannot be written as MessagePack.
    Return(String),
    /// It panicked; what with.
    Panic(String),
    /// It was never called, for this reason.
    Ready(ErrorReply),
}

/// The rest of an async handler: its return arguments as MessagePack.
pub(crate) type Rest = Pin<Box<dyn Future<Output = std::result::Result<Vec<u8>, Fault>>>>;

/// What calling a handler led to.
pub(crate) enum Step {
    /// It is through; the return arguments are in the caller's buffer.
    Done(std::result::Result<(), Fault>),
    /// It waits.
    Later(Rest),
}

/// Calls a handler on the owner thread: the run, the arguments as MessagePack, the buffer for what it returns.
pub(crate) type Inline = Box<InlineCall>;
pub(crate) type InlineCall = dyn Fn(&Run<'_>, &[u8], &mut Vec<u8>) -> Step + Send;
/// Calls a handler on a worker.
pub(crate) type Blocking =
    Arc<dyn Fn(&Run<'_>, &[u8], &mut Vec<u8>) -> std::result::Result<(), Fault> + Send + Sync>;

/// A handler whose types are forgotten.
pub struct Erased(pub(crate) Kind);

pub(crate) enum Kind {
    Inline(Inline),
    /// Handlers of one group share one pool, and so one order.
    Workers {
        call: Blocking,
        count: usize,
        group: Option<u64>,
    },
}

/// A function that can be a handler. `M` only tells the shapes of functions apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler",
    label = "not a handler",
    note = "a handler is a `fn` or `async fn` of the message's arguments (a type that implements \
            `serde::Deserialize` and borrows nothing) and of up to eight of `ToSend`, `Config`, `WorkflowId`, \
            `Deadline`",
    note = "it returns `service_framework::Result<R>`, where `R` implements `serde::Serialize`",
    note = "a function that blocks, or asks for `BlockingToSend`, goes in as `workers(4, function)`"
)]
pub trait Handler<M> {
    /// Forgets the types.
    fn erase(self) -> Erased;
}

/// Runs a handler on `count` threads of its own, so that it may block; at most 1,000 calls wait for them.
///
/// With `workers(1, …)` calls stay in order.
pub fn workers<F>(count: usize, function: F) -> Workers<F> {
    Workers { count, group: None, function }
}

/// A handler with threads of its own; see [`workers`].
#[derive(Debug)]
pub struct Workers<F> {
    count: usize,
    group: Option<u64>,
    function: F,
}

impl<F> Workers<F> {
    /// Shares its threads, and their order, with the other handlers of this group.
    pub(crate) fn in_group(mut self, group: u64) -> Self {
        self.group = Some(group);
        self
    }
}

/// Marks a plain function.
#[derive(Debug)]
pub struct Plain;
/// Marks an async function.
#[derive(Debug)]
pub struct Async;
/// Marks a function on workers.
#[derive(Debug)]
pub struct OnWorkers;

fn arguments<A: DeserializeOwned>(args: &[u8]) -> std::result::Result<A, Fault> {
    // The model has looked at every byte of them.
    value::decode_checked(args).map_err(|error| Fault::Arguments(error.to_string()))
}

fn returned<R: Serialize>(result: Result<R>, out: &mut Vec<u8>) -> std::result::Result<(), Fault> {
    let value = result.map_err(Fault::Handler)?;
    value::encode_into(&value, out).map_err(|error| Fault::Return(error.to_string()))
}

macro_rules! handlers {
    ($($E:ident),*) => {
        impl<F, A, R, $($E,)*> Handler<(Plain, A, R, $($E,)*)> for F
        where
            F: Fn(A, $($E,)*) -> Result<R> + Send + 'static,
            A: DeserializeOwned,
            R: Serialize,
            $($E: Extract<OnOwner>,)*
        {
            fn erase(self) -> Erased {
                let call: Inline = Box::new(move |_run, args, out| {
                    Step::Done(arguments(args).and_then(|args| returned(self(args, $($E::extract(_run),)*), out)))
                });
                Erased(Kind::Inline(call))
            }
        }

        impl<F, A, R, W, $($E,)*> Handler<(Async, A, R, W, $($E,)*)> for F
        where
            F: Fn(A, $($E,)*) -> W + Send + 'static,
            A: DeserializeOwned,
            W: Future<Output = Result<R>> + 'static,
            R: Serialize,
            $($E: Extract<OnOwner>,)*
        {
            fn erase(self) -> Erased {
                let call: Inline = Box::new(move |_run, args, _out| {
                    let waiting = match arguments(args) {
                        Ok(args) => self(args, $($E::extract(_run),)*),
                        Err(fault) => return Step::Done(Err(fault)),
                    };
                    Step::Later(Box::pin(async move {
                        let (result, mut out) = (waiting.await, Vec::new());
                        returned(result, &mut out).map(|()| out)
                    }))
                });
                Erased(Kind::Inline(call))
            }
        }

        impl<F, A, R, $($E,)*> Handler<(OnWorkers, A, R, $($E,)*)> for Workers<F>
        where
            F: Fn(A, $($E,)*) -> Result<R> + Send + Sync + 'static,
            A: DeserializeOwned,
            R: Serialize,
            $($E: Extract<MayBlock>,)*
        {
            fn erase(self) -> Erased {
                let Self { count, group, function } = self;
                let call: Blocking = Arc::new(move |_run, args, out| {
                    arguments(args).and_then(|args| returned(function(args, $($E::extract(_run),)*), out))
                });
                Erased(Kind::Workers { call, count, group })
            }
        }

        impl<F, R, $($E,)*> Hook<(Plain, R, $($E,)*)> for F
        where
            F: FnOnce($($E,)*) -> Result<R> + Send + 'static,
            $($E: Extract<MayBlock>,)*
        {
            fn erase(self) -> ErasedHook {
                ErasedHook::Blocking(Box::new(move |_run| self($($E::extract(_run),)*).map(drop)))
            }
        }

        impl<F, W, R, $($E,)*> Hook<(Async, W, R, $($E,)*)> for F
        where
            F: FnOnce($($E,)*) -> W + Send + 'static,
            W: Future<Output = Result<R>> + 'static,
            $($E: Extract<OnOwner>,)*
        {
            fn erase(self) -> ErasedHook {
                ErasedHook::Async(Box::new(move |_run| {
                    let waiting = self($($E::extract(_run),)*);
                    Box::pin(async move { waiting.await.map(drop) })
                }))
            }
        }
    };
}

handlers!();
handlers!(E1);
handlers!(E1, E2);
handlers!(E1, E2, E3);
handlers!(E1, E2, E3, E4);
handlers!(E1, E2, E3, E4, E5);
handlers!(E1, E2, E3, E4, E5, E6);
handlers!(E1, E2, E3, E4, E5, E6, E7);
handlers!(E1, E2, E3, E4, E5, E6, E7, E8);

/// A function that can be `main`, `init_function` or a signal handler: plain, where it may block, or async.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be `main` or a hook",
    label = "not a hook",
    note = "it is a `fn` of `BlockingToSend`, `Config`, …, or an `async fn` of `ToSend`, `Config`, …",
    note = "it returns `service_framework::Result`"
)]
pub trait Hook<M> {
    /// Forgets the types.
    fn erase(self) -> ErasedHook;
}

/// The rest of an async hook.
pub type HookRest = Pin<Box<dyn Future<Output = Result>>>;

/// A hook whose types are forgotten.
pub enum ErasedHook {
    /// A plain function.
    Blocking(Box<dyn FnOnce(&Run<'_>) -> Result + Send>),
    /// An async function.
    Async(Box<dyn FnOnce(&Run<'_>) -> HookRest + Send>),
}

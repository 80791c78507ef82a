//! Functions as handlers: of which shape they may be, and how the loop calls them.
//!
//! A handler is any function of the message and of up to eight things it asks for ([`Extract`]): a plain `fn`, which
//! runs in order on the owner thread and may borrow from the message; an `async fn`, which is polled there and may wait;
//! or a plain function in [`workers`], which may block.
//!
//! Two traits tell what may be one: [`Signature`] finds the shape of a function from how it can be called, and
//! [`Handler`] asks of that very shape that its parts are what they have to be, so that the compiler names the part that
//! is not.

use std::any::type_name;
use std::pin::Pin;
use std::sync::Arc;

use super::builder::TakesFirst;
use super::codec::{Incoming, Outgoing, OwnedIncoming};
use super::declare::Declarations;
use super::error::{HandlerError, Result};
use super::extract::{Extract, InAsync, OnOwner, OnWorker, Run};
use super::hook::{ErasedHook, Hook};
use crate::model::{Arguments, Misfit};
use crate::wire::ErrorReply;

/// Why a handler gave no return arguments.
#[doc(hidden)]
pub enum Fault {
    /// The arguments are not of the handler's own type, which is its model.
    Misfit(Misfit),
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

/// A handler whose types are forgotten, but for what they say of the service.
pub struct Erased {
    pub(crate) kind: Kind,
    /// What it takes, if its type says so.
    pub(crate) arguments: Option<Arguments>,
    /// What it returns, if its type says so.
    pub(crate) returns: Option<Arguments>,
    /// Whether its type reads exactly what it says it takes.
    pub(crate) reads_exactly: bool,
    /// The function's own name, by which two are told apart.
    pub(crate) function: &'static str,
    pub(crate) asks: Declarations,
}

pub(crate) enum Kind {
    Inline(Inline),
    /// Handlers of one group share one pool, and so one order.
    Workers {
        call: Blocking,
        count: usize,
        group: Option<u64>,
    },
}

/// A function of the shape of a handler. `M` only tells the shapes apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not have the shape of a handler",
    label = "takes or returns something else than a handler",
    note = "a handler takes a message and returns the `Result` of `service_framework::prelude`: \
            `fn place(order: Order) -> Result<Placed>`, or `-> Result` for nothing",
    note = "it is a `fn`, an `async fn` or a closure, and may ask for at most eight things besides the message",
    note = "the types of a closure's parameters have to be written: `|order: Order, market: Market| …`",
    note = "a function that blocks goes in as `workers(4, function)`, and is no `async fn`"
)]
pub trait Signature<M> {}

/// A function that can be a handler, whose message and reply are read and written as `C` says. `M` is its shape.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a handler",
    label = "not a handler",
    note = "a handler is `Send + 'static`: what a closure takes along must be so too"
)]
pub trait Handler<C, M> {
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

/// Shapes that no function has.
///
/// As long as the shape of a function is not known, these two may be it as far as [`Handler`] can tell. So the compiler
/// waits for [`Signature`] to settle it, and then tells of the part that is wrong, not of the function.
#[derive(Debug)]
pub struct NoShape<X>(X);
/// The second of them.
#[derive(Debug)]
pub struct NoShapeEither<X>(X);

/// What nothing is.
#[doc(hidden)]
pub trait Nothing {
    /// Anything follows.
    fn handler() -> Erased;
    /// And this too.
    fn hook() -> ErasedHook;
}

macro_rules! no_shapes {
    ($($name:ident),+) => {$(
        impl<C, F, X: Nothing> Handler<C, $name<X>> for F {
            fn erase(self) -> Erased {
                X::handler()
            }
        }

        impl<F, X: Nothing> Hook<$name<X>> for F {
            fn erase(self) -> ErasedHook {
                X::hook()
            }
        }
    )+};
}

no_shapes!(NoShape, NoShapeEither);

fn returned<C, R: Outgoing<C>>(result: Result<R>, out: &mut Vec<u8>) -> std::result::Result<(), Fault> {
    result.map_err(Fault::Handler)?.write(out)
}

/// Takes everything that a function asks for, one within the other, and calls it with all of it.
macro_rules! taken {
    ($run:ident, $call:expr;) => { $call };
    ($run:ident, $call:expr; $P:ty: $E:ident $e:ident $(, $Q:ty: $F:ident $f:ident)*) => {
        <$E as Extract<$P>>::with($run, |$e| taken!($run, $call; $($Q: $F $f),*))
    };
}

pub(super) use taken;

macro_rules! handlers {
    ($($E:ident $e:ident),*) => {
        impl<A, R, $($E,)*> TakesFirst<A> for (Plain, A, R, $($E,)*) {}
        impl<A, R, W, $($E,)*> TakesFirst<A> for (Async, A, R, W, $($E,)*) {}
        impl<A, R, $($E,)*> TakesFirst<A> for (OnWorkers, A, R, $($E,)*) {}

        impl<F, A, R, $($E,)*> Signature<(Plain, A, R, $($E,)*)> for F where F: Fn(A, $($E,)*) -> Result<R> {}

        impl<F, C, A, R, $($E,)*> Handler<C, (Plain, A, R, $($E,)*)> for F
        where
            A: Incoming<C>,
            R: Outgoing<C>,
            $($E: Extract<OnOwner>,)*
            F: Fn(A::Of<'_>, $($E::Of<'_>,)*) -> Result<R> + Send + 'static,
        {
            fn erase(self) -> Erased {
                let call: Inline = Box::new(move |_run, args, out| {
                    let args = match A::read(args) {
                        Ok(args) => args,
                        Err(fault) => return Step::Done(Err(fault)),
                    };
                    Step::Done(taken!(_run, returned(self(args, $($e,)*), out); $(OnOwner: $E $e),*))
                });
                let mut _asks = Declarations::default();
                $($E::declare(&mut _asks);)*
                Erased {
                    kind: Kind::Inline(call),
                    arguments: A::arguments(),
                    returns: R::arguments(),
                    reads_exactly: A::reads_exactly(),
                    function: type_name::<F>(),
                    asks: _asks,
                }
            }
        }

        impl<F, A, R, W, $($E,)*> Signature<(Async, A, R, W, $($E,)*)> for F
        where
            F: Fn(A, $($E,)*) -> W,
            W: Future<Output = Result<R>>,
        {}

        impl<F, C, A, R, W, $($E,)*> Handler<C, (Async, A, R, W, $($E,)*)> for F
        where
            A: OwnedIncoming<C>,
            R: Outgoing<C>,
            $($E: for<'a> Extract<InAsync, Of<'a> = $E>,)*
            F: Fn(A, $($E,)*) -> W + Send + 'static,
            W: Future<Output = Result<R>> + 'static,
        {
            fn erase(self) -> Erased {
                let call: Inline = Box::new(move |_run, args, _out| {
                    let args = match A::read_owned(args) {
                        Ok(args) => args,
                        Err(fault) => return Step::Done(Err(fault)),
                    };
                    let waiting: W = taken!(_run, self(args, $($e,)*); $(InAsync: $E $e),*);
                    Step::Later(Box::pin(async move {
                        let (result, mut out) = (waiting.await, Vec::new());
                        returned(result, &mut out).map(|()| out)
                    }))
                });
                let mut _asks = Declarations::default();
                $($E::declare(&mut _asks);)*
                Erased {
                    kind: Kind::Inline(call),
                    arguments: A::arguments(),
                    returns: R::arguments(),
                    reads_exactly: A::reads_exactly(),
                    function: type_name::<F>(),
                    asks: _asks,
                }
            }
        }

        #[diagnostic::do_not_recommend]
        impl<F, A, R, $($E,)*> Signature<(OnWorkers, A, R, $($E,)*)> for Workers<F>
        where
            F: Fn(A, $($E,)*) -> Result<R>,
        {}

        impl<F, C, A, R, $($E,)*> Handler<C, (OnWorkers, A, R, $($E,)*)> for Workers<F>
        where
            A: Incoming<C>,
            R: Outgoing<C>,
            $($E: Extract<OnWorker>,)*
            F: Fn(A::Of<'_>, $($E::Of<'_>,)*) -> Result<R> + Send + Sync + 'static,
        {
            fn erase(self) -> Erased {
                let Self { count, group, function } = self;
                let call: Blocking = Arc::new(move |_run, args, out| {
                    let args = A::read(args)?;
                    taken!(_run, returned(function(args, $($e,)*), out); $(OnWorker: $E $e),*)
                });
                let kind = Kind::Workers { call, count, group };
                let mut _asks = Declarations::default();
                $($E::declare(&mut _asks);)*
                Erased {
                    kind,
                    arguments: A::arguments(),
                    returns: R::arguments(),
                    reads_exactly: A::reads_exactly(),
                    function: type_name::<F>(),
                    asks: _asks,
                }
            }
        }
    };
}

handlers!();
handlers!(E1 e1);
handlers!(E1 e1, E2 e2);
handlers!(E1 e1, E2 e2, E3 e3);
handlers!(E1 e1, E2 e2, E3 e3, E4 e4);
handlers!(E1 e1, E2 e2, E3 e3, E4 e4, E5 e5);
handlers!(E1 e1, E2 e2, E3 e3, E4 e4, E5 e5, E6 e6);
handlers!(E1 e1, E2 e2, E3 e3, E4 e4, E5 e5, E6 e6, E7 e7);
handlers!(E1 e1, E2 e2, E3 e3, E4 e4, E5 e5, E6 e6, E7 e7, E8 e8);
